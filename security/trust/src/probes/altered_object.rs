//! S33, S42: a sealed object that was altered anywhere does not open. Made-up bytes go through the code that seals recordings.

use std::future::Future;

use identity::Platform;
use storage::objects::ObjectFolder;
use uuid::Uuid;
use vault::{ObjectContext, SealedReader, SealedWriter};

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Two full chunks of 16 KiB and a short one.
const LENGTH: usize = 40 * 1024;
/// Where one byte is altered: the header, each chunk, the last byte; in thousandths of the stored length.
const PLACES_PER_MILLE: &[usize] = &[0, 3, 100, 250, 500, 750, 900, 1000];

/// How objects are stored and opened: the vault, or in a test something that does not look.
pub trait Sealing: Send + Sync {
    /// Stores the bytes under the name.
    fn store(
        &self,
        context: &ProbeContext,
        name: &str,
        id: Uuid,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), String>> + Send;
    /// Opens the whole object; an error means that it was refused.
    fn open(
        &self,
        context: &ProbeContext,
        name: &str,
        id: Uuid,
    ) -> impl Future<Output = Result<Vec<u8>, String>> + Send;
}

/// The vault itself.
pub struct Sealed;

impl Sealing for Sealed {
    async fn store(&self, context: &ProbeContext, name: &str, id: Uuid, bytes: &[u8]) -> Result<(), String> {
        store_sealed(&context.platform, name, id, bytes).await.map_err(|error| error.to_string())
    }

    async fn open(&self, context: &ProbeContext, name: &str, id: Uuid) -> Result<Vec<u8>, String> {
        open_sealed(&context.platform, name, id).await.map_err(|error| error.to_string())
    }
}

/// The kind of objects that probes make.
pub(super) const KIND: &str = "trust-probe";

pub(super) async fn store_sealed(platform: &Platform, name: &str, id: Uuid, bytes: &[u8]) -> vault::Result<()> {
    let key = platform.vault.installation_keyring().object_key()?;
    let mut writer = SealedWriter::create(&platform.objects, name, &key, ObjectContext::new(KIND, id)).await?;
    writer.write(bytes).await?;
    writer.finish().await.map(drop)
}

async fn open_sealed(platform: &Platform, name: &str, id: Uuid) -> vault::Result<Vec<u8>> {
    let key = platform.vault.installation_keyring().object_key()?;
    let reader =
        SealedReader::open(&platform.objects, name, &key, ObjectContext::new(KIND, id)).await?.require_finished()?;
    reader.read(0, LENGTH).await
}

/// The probe.
pub struct AlteredObject<S>(pub S);

impl<S: Sealing> Probe for AlteredObject<S> {
    fn name(&self) -> &'static str {
        "altered-object"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let id = context.platform.identifiers.next();
            let (whole, altered) = (format!("trust-{id}"), format!("trust-{id}-altered"));
            let finding = self.alter(context, id, &whole, &altered).await;
            for name in [&whole, &altered] {
                // What is not there needs no deleting; what stays is sealed and small.
                let _ = context.platform.objects.delete(name).await;
            }
            finding.unwrap_or_else(Finding::not_measured)
        })
    }
}

impl<S: Sealing> AlteredObject<S> {
    async fn alter(&self, context: &ProbeContext, id: Uuid, whole: &str, altered: &str) -> Result<Finding, String> {
        let bytes: Vec<u8> = (0..LENGTH).map(|index| (index * 31 % 251) as u8).collect();
        self.0.store(context, whole, id, &bytes).await?;
        if self.0.open(context, whole, id).await.as_ref() != Ok(&bytes) {
            return Ok(Finding::broken("An object that nobody altered does not open as it was stored."));
        }
        let length = context.platform.objects.length(whole).await.map_err(|error| error.to_string())? as usize;
        let stored = context.platform.objects.read_at(whole, 0, length).await.map_err(|error| error.to_string())?;
        let mut faults = Vec::new();
        let tries = tampered(&stored);
        for (what, bytes) in &tries {
            put(&context.platform.objects, altered, bytes).await?;
            if self.0.open(context, altered, id).await.is_ok() {
                faults.push(format!("an object with {what} still opens"));
            }
        }
        let holds = format!("An object was altered in {} ways (bytes, order, end); none of them opened.", tries.len());
        Ok(Finding::from_faults(&faults, holds)
            .with("Alterations tried", tries.len())
            .with("Bytes in the object", length))
    }
}

/// The stored bytes, altered in each way that a thief or a failing disk would.
fn tampered(stored: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tries: Vec<(String, Vec<u8>)> = PLACES_PER_MILLE
        .iter()
        .map(|place| {
            let at = (stored.len() * place / 1000).min(stored.len() - 1);
            let mut bytes = stored.to_vec();
            bytes[at] ^= 1;
            (format!("one bit of byte {at} flipped"), bytes)
        })
        .collect();
    tries.push(("its end cut off".to_owned(), stored[..stored.len() / 2].to_vec()));
    let mut longer = stored.to_vec();
    longer.push(0);
    tries.push(("a byte added".to_owned(), longer));
    let mut swapped = stored.to_vec();
    let third = stored.len() / 3;
    swapped[..third * 2].rotate_left(third);
    tries.push(("its parts exchanged".to_owned(), swapped));
    tries
}

pub(super) async fn put(objects: &ObjectFolder, name: &str, bytes: &[u8]) -> Result<(), String> {
    let words = |error: storage::Error| error.to_string();
    objects.delete(name).await.map_err(words)?;
    let mut appender = objects.create(name).await.map_err(words)?;
    appender.append(bytes).await.map_err(words)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{AlteredObject, Sealed, Sealing, put};
    use crate::finding::State;
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::context;

    /// Stores in clear and believes whatever it reads.
    struct Believing;

    impl Sealing for Believing {
        async fn store(&self, context: &ProbeContext, name: &str, _: Uuid, bytes: &[u8]) -> Result<(), String> {
            put(&context.platform.objects, name, bytes).await
        }

        async fn open(&self, context: &ProbeContext, name: &str, _: Uuid) -> Result<Vec<u8>, String> {
            let length = context.platform.objects.length(name).await.map_err(|error| error.to_string())? as usize;
            context.platform.objects.read_at(name, 0, length).await.map_err(|error| error.to_string())
        }
    }

    #[tokio::test]
    async fn the_vault_holds_and_leaves_nothing_behind() {
        let (context, _kept) = context().await;
        let finding = AlteredObject(Sealed).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_eq!(context.platform.objects.names().await.expect("listed"), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_store_that_does_not_authenticate_turns_it_red() {
        let (context, _kept) = context().await;
        let finding = AlteredObject(Believing).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("still opens"), "{finding:?}");
    }
}
