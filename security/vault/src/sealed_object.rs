//! Sealed objects in the folder of objects: written as a stream while they come into being, read in any range.
//!
//! The format is that of `chunked`. Each full chunk is appended as soon as it is filled, so a process that is killed
//! leaves an object that opens up to its last full chunk: at most 0.52 seconds of two-channel 16-bit audio at 8 kHz are
//! lost. Such an object is *unfinished*, and says so.

mod check;
mod recovery;
#[cfg(test)]
mod tests;

pub(crate) use check::check;
pub use check::{ObjectCatalogue, Place as ObjectPlace, check_object};
pub use recovery::finish_interrupted;

use std::fmt;

use storage::{
    OrganizationId,
    objects::{Appender, ObjectFolder},
};
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    chunked::{
        CHUNK_LENGTH, Extent, HEADER_LENGTH, MAXIMUM_LENGTH, ObjectCipher, SALT_LENGTH, SEALED_CHUNK_LENGTH,
        chunk_offset,
    },
    error::{Error, Result},
    keyring::{ObjectKey, Owner},
};

/// One read gives at most this many bytes (8 MiB); more is refused.
pub const MAXIMUM_READ_LENGTH: usize = 8 << 20;

/// What an object is: bound into its key, so that one object cannot be passed off as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectContext {
    kind: &'static str,
    id: Uuid,
}

impl ObjectContext {
    /// The object of this kind ("recording", "document") with this id.
    pub const fn new(kind: &'static str, id: Uuid) -> Self {
        Self { kind, id }
    }

    /// The context of the specification, as text: `ringfence/v1/<organization>/<kind>/<id>`, where the organization is
    /// "installation" for objects that none owns.
    pub fn text(&self, organization: Option<OrganizationId>) -> String {
        let owner = organization.map_or_else(|| "installation".to_owned(), |organization| organization.0.to_string());
        format!("ringfence/v1/{owner}/{}/{}", self.kind, self.id)
    }

    fn not_authentic(&self) -> Error {
        Error::NotAuthentic { place: self.kind.to_owned() }
    }
}

/// Seals a stream of bytes into a new object.
pub struct SealedWriter {
    appender: Appender,
    cipher: ObjectCipher,
    chunk: Vec<u8>,
    index: u64,
    /// True while a chunk is on its way to the disk; stays true when that failed or was cancelled.
    broken: bool,
}

impl SealedWriter {
    /// Makes the object; refused when there is one of this name already.
    pub async fn create(
        folder: &ObjectFolder,
        name: &str,
        key: &impl AsRef<ObjectKey>,
        context: ObjectContext,
    ) -> Result<Self> {
        let key = key.as_ref();
        key.owner.material()?;
        let mut salt = [0; SALT_LENGTH];
        key.entropy.fill(&mut salt);
        let context = context.text(key.owner.organization);
        let cipher = ObjectCipher::create(&key.secret, &salt, context.as_bytes());
        let mut appender = folder.create(name).await?;
        appender.append(cipher.header()).await?;
        let chunk = Vec::with_capacity(SEALED_CHUNK_LENGTH);
        Ok(Self { appender, cipher, chunk, index: 0, broken: false })
    }

    /// Takes bytes in; every chunk that they fill is sealed and appended at once.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        if self.length().saturating_add(bytes.len() as u64) > MAXIMUM_LENGTH {
            return Err(Error::TooLong);
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_LENGTH - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == CHUNK_LENGTH {
                self.append_chunk().await?;
            }
        }
        Ok(())
    }

    /// Waits until every full chunk so far is safe from a loss of power.
    pub async fn sync(&mut self) -> Result<()> {
        Ok(self.appender.sync().await?)
    }

    /// Bytes taken in so far.
    pub fn length(&self) -> u64 {
        self.index * CHUNK_LENGTH as u64 + self.chunk.len() as u64
    }

    /// Seals the short last chunk, waits for the disk, and gives the length of what is inside, in bytes.
    pub async fn finish(mut self) -> Result<u64> {
        let length = self.length();
        self.append_chunk().await?;
        self.appender.sync().await?;
        Ok(length)
    }

    async fn append_chunk(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(Error::Broken);
        }
        self.cipher.seal_chunk(self.index, &mut self.chunk);
        self.appender.append(&self.chunk).await?;
        self.chunk.clear();
        self.index += 1;
        self.broken = false;
        Ok(())
    }
}

impl Drop for SealedWriter {
    fn drop(&mut self) {
        self.chunk.zeroize();
    }
}

impl fmt::Debug for SealedWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SealedWriter({} bytes)", self.length())
    }
}

/// Reads ranges of a sealed object; nothing unauthenticated leaves it.
pub struct SealedReader {
    folder: ObjectFolder,
    name: String,
    owner: std::sync::Arc<Owner>,
    cipher: ObjectCipher,
    context: ObjectContext,
    extent: Extent,
    /// Bytes in the short last chunk; none when the object is unfinished.
    last_length: Option<usize>,
}

impl SealedReader {
    /// Opens an object, finished or not. Its commitment must be to this key and context.
    ///
    /// A last chunk that does not authenticate looks like one that was cut short, so it makes the object unfinished;
    /// where the object is known to have been finished, use [`Self::require_finished`].
    pub async fn open(
        folder: &ObjectFolder,
        name: &str,
        key: &impl AsRef<ObjectKey>,
        context: ObjectContext,
    ) -> Result<Self> {
        let key = key.as_ref();
        key.owner.material()?;
        let extent = Extent::of(folder.length(name).await?).ok_or(Error::EmptyObject)?;
        let header = folder.read_at(name, 0, HEADER_LENGTH).await?;
        let header = header.first_chunk::<HEADER_LENGTH>().ok_or(Error::EmptyObject)?;
        let text = context.text(key.owner.organization);
        let cipher = ObjectCipher::open(&key.secret, header, text.as_bytes()).map_err(|_| context.not_authentic())?;
        let owner = std::sync::Arc::clone(&key.owner);
        let name = name.to_owned();
        let mut reader = Self { folder: folder.clone(), name, owner, cipher, context, extent, last_length: None };
        if extent.may_be_finished() {
            let mut last = reader.stored(extent.full_chunks, extent.tail_length).await?;
            if reader.cipher.open_chunk(extent.full_chunks, &mut last).is_ok() {
                reader.last_length = Some(last.len());
            }
            last.zeroize();
        }
        Ok(reader)
    }

    /// Bytes that can be read.
    pub fn length(&self) -> u64 {
        self.extent.full_length() + self.last_length.unwrap_or_default() as u64
    }

    /// Whether the object was finished; if not, it holds all its full chunks and nothing after them.
    pub fn is_finished(&self) -> bool {
        self.last_length.is_some()
    }

    /// Refuses an object that was never finished, or lost its end since.
    pub fn require_finished(self) -> Result<Self> {
        if self.is_finished() { Ok(self) } else { Err(Error::Unfinished) }
    }

    /// The bytes from `offset` on: `length` of them, or fewer at the end of the object. At most
    /// [`MAXIMUM_READ_LENGTH`] at a time.
    pub async fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        self.owner.material()?;
        if length > MAXIMUM_READ_LENGTH {
            return Err(Error::TooLong);
        }
        let end = offset.saturating_add(length as u64).min(self.length());
        if offset >= end {
            return Ok(Vec::new());
        }
        let chunk = CHUNK_LENGTH as u64;
        let (first, last) = (offset / chunk, (end - 1) / chunk);
        let last_length = if last < self.extent.full_chunks { SEALED_CHUNK_LENGTH } else { self.extent.tail_length };
        let stored_length = (last - first) as usize * SEALED_CHUNK_LENGTH + last_length;
        let stored = self.stored(first, stored_length).await?;
        let mut opened = Vec::with_capacity((last - first + 1) as usize * CHUNK_LENGTH);
        let mut buffer = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_LENGTH));
        for (index, sealed) in (first..=last).zip(stored.chunks(SEALED_CHUNK_LENGTH)) {
            buffer.clear();
            buffer.extend_from_slice(sealed);
            self.cipher.open_chunk(index, &mut buffer).map_err(|_| self.context.not_authentic())?;
            opened.extend_from_slice(&buffer);
        }
        let start = (offset - first * chunk) as usize;
        opened.truncate(start + (end - offset) as usize);
        opened.drain(..start);
        Ok(opened)
    }

    /// Stored bytes from the beginning of a chunk on, exactly so many.
    async fn stored(&self, chunk: u64, length: usize) -> Result<Vec<u8>> {
        let bytes = self.folder.read_at(&self.name, chunk_offset(chunk), length).await?;
        if bytes.len() == length { Ok(bytes) } else { Err(self.context.not_authentic()) }
    }
}

impl fmt::Debug for SealedReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SealedReader({} bytes, finished: {})", self.length(), self.is_finished())
    }
}
