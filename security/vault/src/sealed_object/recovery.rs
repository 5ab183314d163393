//! Recovery of sealed objects that a killed process left unfinished.

use storage::objects::ObjectFolder;
use zeroize::Zeroizing;

use super::{ObjectContext, SealedReader, SealedWriter};
use crate::{
    chunked::CHUNK_LENGTH,
    error::{Error, Result},
    keyring::ObjectKey,
};

/// Bytes that recovery holds in memory at a time (1 MiB).
const STEP_LENGTH: usize = 64 * CHUNK_LENGTH;
/// What recovery appends to the name of the object that it is making.
const RECOVERY_SUFFIX: &str = "-recovering";

/// Makes a finished object of one that a killed process left behind, with everything up to its last full chunk, and
/// gives its length in bytes. A finished object stays as it is. May be repeated.
///
/// Only for objects that are known never to have been finished, and that nobody is writing any more: where a finished object
/// was changed in its last chunk, this would make the change look like a crash.
///
/// The contents are sealed anew under another salt and then take the old object's place: sealing only a new tail would use
/// the nonce of the lost chunk a second time.
pub async fn finish_interrupted(
    folder: &ObjectFolder,
    name: &str,
    key: &impl AsRef<ObjectKey>,
    context: ObjectContext,
) -> Result<u64> {
    let reader = match SealedReader::open(folder, name, key, context).await {
        Ok(reader) if reader.is_finished() => return Ok(reader.length()),
        Ok(reader) => Some(reader),
        // Not even the header was complete, so nothing had been taken in.
        Err(Error::EmptyObject) => None,
        Err(error) => return Err(error),
    };
    let recovery = format!("{name}{RECOVERY_SUFFIX}");
    // Left behind when an earlier recovery was interrupted itself.
    folder.delete(&recovery).await?;
    let mut writer = SealedWriter::create(folder, &recovery, key, context).await?;
    if let Some(reader) = reader {
        for offset in (0..reader.length()).step_by(STEP_LENGTH) {
            let bytes = Zeroizing::new(reader.read(offset, STEP_LENGTH).await?);
            writer.write(&bytes).await?;
        }
    }
    let length = writer.finish().await?;
    folder.rename(&recovery, name).await?;
    Ok(length)
}
