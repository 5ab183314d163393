//! S3: an API key is shown once; what stays of it cannot be turned back into it. A key of a canary is made, used, and searched on the disk.

use std::future::Future;

use identity::token::SECRET_TEXT_LENGTH;
use identity::{API_KEY, Role};
use storage::Value;
use uuid::Uuid;

use super::data_folder::{beyond, driver, needles, stands_in};
use crate::canary::{self, Canary};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How keys are made: by identity, or in a test by something that keeps them.
pub trait KeyMaking: Send + Sync {
    /// Makes a key of the canary; gives its row and its text.
    fn make(
        &self,
        context: &ProbeContext,
        canary: &Canary,
    ) -> impl Future<Output = Result<(Uuid, String), Finding>> + Send;
}

/// Identity itself.
pub struct Hashed;

impl KeyMaking for Hashed {
    async fn make(&self, context: &ProbeContext, canary: &Canary) -> Result<(Uuid, String), Finding> {
        let (key, text) = canary.key(&context.platform, Role::Viewer).await?;
        canary.revoke(&context.platform, &key).await?;
        Ok((key.id, text.reveal().to_owned()))
    }
}

/// The probe.
pub struct KeyBytes<K>(pub K);

impl<K: KeyMaking> Probe for KeyBytes<K> {
    fn name(&self) -> &'static str {
        "key-bytes"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.search(context).await.unwrap_or_else(|finding| finding) })
    }
}

impl<K: KeyMaking> KeyBytes<K> {
    async fn search(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let Some(folder) = &context.data_folder else {
            return Err(Finding::not_measured("This process was given no data folder to search."));
        };
        let [canary, _] = canary::pair(&context.platform).await?;
        let mark = driver::mark(folder).await.map_err(Finding::not_measured)?;
        let (id, text) = self.0.make(context, &canary).await?;
        // After the last underscore stand the secret and a checksum; what stands before may be stored, to find the key by.
        let secret: String = text.rsplit('_').next().unwrap_or(&text).chars().take(SECRET_TEXT_LENGTH).collect();
        let needles = needles(&secret);
        let mut faults = Vec::new();
        if row_holds(context, id, &needles).await? {
            faults.push("a fresh key stands in clear in its row".to_owned());
        }
        let searched = driver::search(folder.clone(), mark, needles).await.map_err(Finding::not_measured)?;
        faults.extend(searched.found_in.iter().map(|file| format!("a fresh key stands in clear in {file}")));
        let holds = format!(
            "A key was made; its row holds no part of its secret, and neither does any of the {} files written since.{}",
            searched.files,
            beyond(&context.platform.database)
        );
        Ok(Finding::from_faults(&faults, holds)
            .with("Files searched", searched.files)
            .with("Bytes searched", searched.bytes))
    }
}

async fn row_holds(context: &ProbeContext, id: Uuid, needles: &[Vec<u8>]) -> Result<bool, Finding> {
    let failed = |error: storage::Error| Finding::not_measured(format!("The row of the key cannot be read: {error}"));
    let row = context.platform.database.installation().get(&API_KEY, id).await.map_err(failed)?;
    let row = row.ok_or_else(|| Finding::not_measured("The row of the key is gone."))?;
    let holds = |value: &Value| match value {
        Value::Text(text) => stands_in(text.as_bytes(), needles),
        Value::Bytes(bytes) => stands_in(bytes, needles),
        _ => false,
    };
    Ok(row.columns().any(|column| row.value(column).is_ok_and(holds)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Hashed, KeyBytes, KeyMaking};
    use crate::canary::Canary;
    use crate::finding::{Finding, State};
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::context;

    /// Writes each key into a log before it hashes it.
    struct Logged;

    impl KeyMaking for Logged {
        async fn make(&self, context: &ProbeContext, canary: &Canary) -> Result<(Uuid, String), Finding> {
            let (id, text) = Hashed.make(context, canary).await?;
            let folder = context.data_folder.clone().expect("tests have one");
            std::fs::write(folder.join("debug.log"), format!("made {text}")).expect("written");
            Ok((id, text))
        }
    }

    #[tokio::test]
    async fn identity_holds() {
        let (context, _kept) = context().await;
        let finding = KeyBytes(Hashed).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_ne!(finding.figures[0].value, "0", "it searched something: {finding:?}");
    }

    #[tokio::test]
    async fn a_key_in_a_log_turns_it_red() {
        let (context, _kept) = context().await;
        let finding = KeyBytes(Logged).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("debug.log") && !finding.evidence.contains("rf_live"), "{finding:?}");
    }
}
