//! S32: what the product stores is sealed before it reaches the disk. Made-up words are stored as a row, as an object and as the draft of an
//! agent, and then searched in every byte that the server has written since.

use std::future::Future;

use agents::profile::Profile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use storage::{Column, Erasure, Owner, Retention, SealedWith, Table};
use uuid::Uuid;
use vault::Field;

use super::altered_object::store_sealed;
use super::data_folder::{beyond, driver, needles, stands_in};
use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Where the made-up words stand while the probe looks.
pub static TRUST_CANARY: Table = Table {
    name: "trust_canary",
    owner: Owner::Installation,
    columns: &[Column::sealed("words", SealedWith::Installation)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("words made up by a probe; the row lives for a second"),
};

/// Random letters in the made-up words: enough that nobody else wrote them.
const CANARY_BYTES: usize = 24;

/// How words are stored: through the vault, or in a test in clear.
pub trait Storing: Send + Sync {
    /// Stores the words as a row and as an object, both under this id.
    fn store(&self, context: &ProbeContext, id: Uuid, words: &str) -> impl Future<Output = Result<(), String>> + Send;
}

/// The product's way.
pub struct Vaulted;

impl Storing for Vaulted {
    async fn store(&self, context: &ProbeContext, id: Uuid, words: &str) -> Result<(), String> {
        let sealed =
            context.platform.vault.installation_keyring().seal_text(Field::new(&TRUST_CANARY, "words", id), words);
        store_row(context, id, sealed.map_err(|error| error.to_string())?).await?;
        save_draft(context, words).await?;
        let object = words.repeat(1024);
        store_sealed(&context.platform, &object_name(id), id, object.as_bytes())
            .await
            .map_err(|error| error.to_string())
    }
}

/// Saves the words as the business name in the draft of a canary's agent, as the dashboard does.
async fn save_draft(context: &ProbeContext, words: &str) -> Result<(), String> {
    let platform = &context.platform;
    let [canary, _] = canary::pair(platform).await.map_err(|finding| finding.evidence)?;
    let agent = canary.agent(platform).await.map_err(|finding| finding.evidence)?;
    let profile = Profile { business_name: words.to_owned(), ..agents::profile::sample() };
    let saved = agents::store::save_draft(platform, &canary.caller(), agent, &profile, None).await;
    saved.map_err(|error| error.to_string())
}

async fn store_row(context: &ProbeContext, id: Uuid, words: Vec<u8>) -> Result<(), String> {
    let stored = async {
        let mut transaction = context.platform.database.installation().begin().await?;
        transaction.insert(&TRUST_CANARY, &[("id", id.into()), ("words", words.into())]).await?;
        transaction.commit().await
    };
    stored.await.map_err(|error: storage::Error| error.to_string())
}

fn object_name(id: Uuid) -> String {
    format!("trust-{id}")
}

/// The probe.
pub struct SealedAtRest<S>(pub S);

impl<S: Storing> Probe for SealedAtRest<S> {
    fn name(&self) -> &'static str {
        "sealed-at-rest"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let id = context.platform.identifiers.next();
            let finding = self.search(context, id).await;
            let cleaned = clean(context, id).await;
            match (finding, cleaned) {
                (Ok(finding), Ok(())) => finding,
                (Err(why), _) | (_, Err(why)) => Finding::not_measured(why),
            }
        })
    }
}

impl<S: Storing> SealedAtRest<S> {
    async fn search(&self, context: &ProbeContext, id: Uuid) -> Result<Finding, String> {
        let Some(folder) = &context.data_folder else {
            return Err("This process was given no data folder to search.".to_owned());
        };
        let mark = driver::mark(folder).await?;
        let mut random = [0; CANARY_BYTES];
        context.platform.entropy.fill(&mut random);
        let words = format!("Canary {}", STANDARD_NO_PAD.encode(random));
        self.0.store(context, id, &words).await?;
        let mut faults = Vec::new();
        let row =
            context.platform.database.installation().get(&TRUST_CANARY, id).await.map_err(|error| error.to_string())?;
        let stored =
            row.ok_or("the row with the made-up words is gone")?.bytes("words").map_err(|error| error.to_string())?;
        let needles = needles(&words);
        if stands_in(&stored, &needles) {
            faults.push("the made-up words stand in clear in their row".to_owned());
        }
        let searched = driver::search(folder.clone(), mark, needles).await?;
        faults.extend(searched.found_in.iter().map(|file| format!("the made-up words stand in clear in {file}")));
        let holds = format!(
            "Made-up words were stored as a row, as an object and in an agent's draft, and not found in any of the {} files written since.{}",
            searched.files,
            beyond(&context.platform.database)
        );
        Ok(Finding::from_faults(&faults, holds)
            .with("Files searched", searched.files)
            .with("Bytes searched", searched.bytes))
    }
}

async fn clean(context: &ProbeContext, id: Uuid) -> Result<(), String> {
    let cleaned = async {
        let mut transaction = context.platform.database.installation().begin().await?;
        transaction.delete(&TRUST_CANARY, id).await?;
        transaction.commit().await?;
        context.platform.objects.delete(&object_name(id)).await.map(drop)
    };
    cleaned.await.map_err(|error: storage::Error| format!("The made-up words could not be removed: {error}."))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use uuid::Uuid;

    use super::{SealedAtRest, Storing, Vaulted, store_row};
    use crate::finding::State;
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::context;

    /// A product that forgot to seal.
    enum InClear {
        Row,
        Log,
        Base64Log,
    }

    impl Storing for InClear {
        async fn store(&self, context: &ProbeContext, id: Uuid, words: &str) -> Result<(), String> {
            let folder = context.data_folder.clone().expect("tests have one");
            match self {
                Self::Row => return store_row(context, id, words.as_bytes().to_vec()).await,
                Self::Log => std::fs::write(folder.join("server.log"), format!("{}said: {words}", "-".repeat(70_000))),
                Self::Base64Log => {
                    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("said: {words}"));
                    std::fs::create_dir_all(folder.join("deep/er"))
                        .and_then(|()| std::fs::write(folder.join("deep/er/x"), encoded))
                }
            }
            .expect("written");
            Vaulted.store(context, id, words).await
        }
    }

    #[tokio::test]
    async fn the_vault_holds_and_leaves_nothing_behind() {
        let (context, _kept) = context().await;
        let finding = SealedAtRest(Vaulted).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_ne!(finding.figures[0].value, "0", "it searched something: {finding:?}");
        assert_eq!(context.platform.objects.names().await.expect("listed"), Vec::<String>::new());
    }

    #[tokio::test]
    async fn words_in_clear_turn_it_red_wherever_they_stand() {
        for storing in [InClear::Row, InClear::Log, InClear::Base64Log] {
            let (context, _kept) = context().await;
            let finding = SealedAtRest(storing).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(!finding.evidence.contains("Canary"), "evidence does not repeat the words: {finding:?}");
        }
    }
}
