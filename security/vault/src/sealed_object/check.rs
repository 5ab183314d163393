//! Reads a sealed object from its first byte to its last, to see that all of it still opens, at a bounded rate.

use std::{future::Future, pin::Pin, time::Duration};

use storage::{OrganizationDb, objects::ObjectFolder};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{ObjectContext, SealedReader};
use crate::{
    error::Result,
    keyring::{ObjectKey, RecordingKey},
};

/// Bytes that are opened at a time.
const PIECE_LENGTH: usize = 1 << 20;
/// The pause after each piece: at most 20 MiB a second are read, so that calls do not wait for the disk.
const PAUSE: Duration = Duration::from_millis(50);

/// Where an object is and what it is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder.
    pub folder: ObjectFolder,
    /// Its name there.
    pub name: String,
    /// What it is bound to.
    pub context: ObjectContext,
}

/// Knows which objects there should be.
pub trait ObjectCatalogue: Send + Sync {
    /// The finished object that is sealed with the key of this recording; none while it is being written, or when it was
    /// deleted on purpose.
    fn find<'a>(
        &'a self,
        door: &'a OrganizationDb,
        recording: Uuid,
    ) -> Pin<Box<dyn Future<Output = storage::Result<Option<Place>>> + Send + 'a>>;
}

/// Opens all of the object of a recording, where there should be one.
pub(crate) async fn check(
    catalogue: &dyn ObjectCatalogue,
    door: &OrganizationDb,
    recording: Uuid,
    key: &RecordingKey,
) -> Result<()> {
    match catalogue.find(door, recording).await? {
        Some(place) => check_object(&place, key).await,
        None => Ok(()),
    }
}

/// Opens all of an object that was finished; an error says what is wrong with it. Nothing of it is kept.
pub async fn check_object(place: &Place, key: &impl AsRef<ObjectKey>) -> Result<()> {
    let reader = SealedReader::open(&place.folder, &place.name, key, place.context).await?.require_finished()?;
    for offset in (0..reader.length()).step_by(PIECE_LENGTH) {
        drop(Zeroizing::new(reader.read(offset, PIECE_LENGTH).await?));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
