//! S32: what the product stores is sealed before it reaches the disk. Made-up words are stored as rows and as an object, and then searched in
//! every byte that the server has written since.

mod driver;

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use storage::{Column, Erasure, Owner, Retention, SealedWith, Table};
use uuid::Uuid;
use vault::Field;

use super::altered_object::store_sealed;
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
        let sealed = context.vault.installation_keyring().seal_text(Field::new(&TRUST_CANARY, "words", id), words);
        store_row(context, id, sealed.map_err(|error| error.to_string())?).await?;
        let object = words.repeat(1024);
        store_sealed(&context.vault, &context.objects, &object_name(id), id, object.as_bytes())
            .await
            .map_err(|error| error.to_string())
    }
}

async fn store_row(context: &ProbeContext, id: Uuid, words: Vec<u8>) -> Result<(), String> {
    let stored = async {
        let mut transaction = context.database.installation().begin().await?;
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
            let id = context.identifiers.next();
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
        context.entropy.fill(&mut random);
        let words = format!("Canary {}", STANDARD_NO_PAD.encode(random));
        self.0.store(context, id, &words).await?;
        let mut faults = Vec::new();
        let row = context.database.installation().get(&TRUST_CANARY, id).await.map_err(|error| error.to_string())?;
        let stored =
            row.ok_or("the row with the made-up words is gone")?.bytes("words").map_err(|error| error.to_string())?;
        let needles = needles(&words);
        if needles.iter().any(|needle| stored.windows(needle.len()).any(|window| window == needle)) {
            faults.push("the made-up words stand in clear in their row".to_owned());
        }
        let searched = driver::search(folder.clone(), mark, needles).await?;
        faults.extend(searched.found_in.iter().map(|file| format!("the made-up words stand in clear in {file}")));
        let holds = format!(
            "Made-up words were stored as a row and as an object, and not found in any of the {} files written since.",
            searched.files
        );
        Ok(Finding::from_faults(&faults, holds)
            .with("Files searched", searched.files)
            .with("Bytes searched", searched.bytes))
    }
}

/// The words as text, as UTF-16 in both orders, in base64 and in hexadecimal.
fn needles(words: &str) -> Vec<Vec<u8>> {
    let wide = |to_bytes: fn(u16) -> [u8; 2]| words.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    // Base64 depends on the place of the first byte; the inner part of each alignment is the same wherever it stands.
    let aligned = (0..3).map(|skip| {
        let encoded = STANDARD_NO_PAD.encode(&words.as_bytes()[skip..]);
        encoded.as_bytes()[..encoded.len() - 2].to_vec()
    });
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |digit| digit as u8);
    let hexadecimal = words.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    [words.as_bytes().to_vec(), wide(u16::to_le_bytes), wide(u16::to_be_bytes), hexadecimal]
        .into_iter()
        .chain(aligned)
        .collect()
}

async fn clean(context: &ProbeContext, id: Uuid) -> Result<(), String> {
    let cleaned = async {
        let mut transaction = context.database.installation().begin().await?;
        transaction.delete(&TRUST_CANARY, id).await?;
        transaction.commit().await?;
        context.objects.delete(&object_name(id)).await.map(drop)
    };
    cleaned.await.map_err(|error: storage::Error| format!("The made-up words could not be removed: {error}."))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use uuid::Uuid;

    use super::{SealedAtRest, Storing, Vaulted, needles, store_row};
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
        assert_eq!(context.objects.names().await.expect("listed"), Vec::<String>::new());
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

    #[test]
    fn base64_is_found_at_every_alignment() {
        let words = "Canary 0123456789";
        for before in 0..6 {
            let text = format!("{}{words} and more", "x".repeat(before));
            let encoded = base64::engine::general_purpose::STANDARD.encode(text).into_bytes();
            let found =
                needles(words).iter().any(|needle| encoded.windows(needle.len()).any(|window| window == needle));
            assert!(found, "{before}");
        }
    }
}
