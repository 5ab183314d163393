//! Large sealed things (recordings, documents) as files in one folder, mode 0700. Objects grow by appending; every append goes to
//! the operating system before it returns, so a killed process loses nothing that was appended (a power cut may: call
//! [`Appender::sync`]). Storage does not know what the bytes are; `vault` seals them first.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// The longest name of an object, in characters.
pub const MAXIMUM_NAME_LENGTH: usize = 80;
/// The largest object.
pub const MAXIMUM_OBJECT_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// The most bytes that one read gives.
pub const MAXIMUM_READ_BYTES: usize = 16 * 1024 * 1024;

/// A folder of objects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ObjectFolder {
    folder: Arc<Path>,
}

/// Refuses every name that is not 1 to 80 of `a-z`, `0-9` and `-`, so no name can leave the folder.
fn checked(name: &str) -> Result<&str> {
    let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > MAXIMUM_NAME_LENGTH || !name.bytes().all(safe) {
        let shown = name.chars().take(MAXIMUM_NAME_LENGTH).collect();
        return Err(Error::ObjectLimit { name: shown, problem: "a name is 1 to 80 of a-z, 0-9 and -" });
    }
    Ok(name)
}

fn failed(what: &str, name: &str, source: std::io::Error) -> Error {
    match source.kind() {
        ErrorKind::NotFound => Error::NoObject { name: name.to_owned() },
        ErrorKind::AlreadyExists => Error::Conflict { constraint: format!("object({name})") },
        _ => Error::File { what: format!("{what} object {name}"), source },
    }
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    joined(tokio::task::spawn_blocking(work)).await
}

async fn joined<T>(running: JoinHandle<Result<T>>) -> Result<T> {
    running.await.map_err(|_| Error::Closed("the program is ending".to_owned()))?
}

impl ObjectFolder {
    /// Opens the folder, creating it (mode 0700) when missing.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder: PathBuf = folder.into();
        blocking(move || {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            let created = builder.create(&folder);
            created.map_err(|source| Error::File { what: "creating the folder of objects".to_owned(), source })?;
            Ok(Self { folder: folder.into() })
        })
        .await
    }

    fn path(&self, name: &str) -> Result<(PathBuf, String)> {
        Ok((self.folder.join(checked(name)?), name.to_owned()))
    }

    /// Begins a new object. [`Error::Conflict`] when there is one of this name.
    pub async fn create(&self, name: &str) -> Result<Appender> {
        let (path, name) = self.path(name)?;
        let folder = self.folder.clone();
        let opened_name = name.clone();
        let file = blocking(move || {
            let mut options = File::options();
            options.create_new(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&path).map_err(|source| failed("creating", &opened_name, source))?;
            // The name itself is made durable with the first sync of the folder.
            let synced = File::open(&folder).and_then(|folder| folder.sync_all());
            synced.map_err(|source| failed("creating", &opened_name, source))?;
            Ok(file)
        });
        Ok(Appender { name, file: Arc::new(file.await?), length: 0, pending: None, damaged: false })
    }

    /// Up to `length` bytes from `offset`; fewer at the end of the object, none behind it.
    pub async fn read_at(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>> {
        let (path, name) = self.path(name)?;
        if length > MAXIMUM_READ_BYTES {
            return Err(Error::ObjectLimit { name, problem: "one read gives at most 16 MiB" });
        }
        blocking(move || {
            let read = || {
                let mut file = File::open(&path)?;
                if offset > MAXIMUM_OBJECT_BYTES {
                    return Ok(Vec::new());
                }
                file.seek(SeekFrom::Start(offset))?;
                let mut bytes = Vec::new();
                file.take(length as u64).read_to_end(&mut bytes)?;
                Ok(bytes)
            };
            read().map_err(|source| failed("reading", &name, source))
        })
        .await
    }

    /// The object's length in bytes, also while it grows.
    pub async fn length(&self, name: &str) -> Result<u64> {
        let (path, name) = self.path(name)?;
        blocking(move || {
            let metadata = std::fs::metadata(&path).map_err(|source| failed("measuring", &name, source))?;
            Ok(metadata.len())
        })
        .await
    }

    /// Puts the object `from` in the place of `to`, at once and whole: a reader of `to` sees the old bytes or the new ones.
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, name) = self.path(from)?;
        let (to, _) = self.path(to)?;
        let folder = self.folder.clone();
        blocking(move || {
            let renamed = std::fs::rename(&from, &to).and_then(|()| File::open(&folder)?.sync_all());
            renamed.map_err(|source| failed("renaming", &name, source))
        })
        .await
    }

    /// Deletes the object; false when there is none. Its bytes are unreadable without their key, which `vault` destroys.
    pub async fn delete(&self, name: &str) -> Result<bool> {
        let (path, name) = self.path(name)?;
        let folder = self.folder.clone();
        blocking(move || match std::fs::remove_file(&path) {
            Ok(()) => {
                let synced = File::open(&folder).and_then(|folder| folder.sync_all());
                synced.map(|()| true).map_err(|source| failed("deleting", &name, source))
            }
            Err(source) if source.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(failed("deleting", &name, source)),
        })
        .await
    }

    /// All names, sorted. Files that are no objects are left out.
    pub async fn names(&self) -> Result<Vec<String>> {
        let folder = self.folder.clone();
        blocking(move || {
            let list = || {
                let mut names = Vec::new();
                for entry in std::fs::read_dir(&folder)? {
                    let name = entry?.file_name().into_string();
                    names.extend(name.ok().filter(|name| checked(name).is_ok()));
                }
                names.sort_unstable();
                Ok(names)
            };
            list().map_err(|source| Error::File { what: "listing objects".to_owned(), source })
        })
        .await
    }
}

/// The growing end of one object.
#[derive(Debug)]
pub struct Appender {
    name: String,
    file: Arc<File>,
    length: u64,
    /// A write whose caller stopped waiting; the next one waits for it first, so bytes never change their order.
    pending: Option<JoinHandle<Result<u64>>>,
    /// A failed write could not be taken back.
    damaged: bool,
}

impl Appender {
    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes appended so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends all the bytes and hands them to the operating system. After an error the object is as long as before; a caller
    /// that is cancelled cannot know whether the bytes were appended.
    pub async fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.settle().await?;
        if self.length.saturating_add(bytes.len() as u64) > MAXIMUM_OBJECT_BYTES {
            return Err(Error::ObjectLimit { name: self.name.clone(), problem: "an object holds at most 8 GiB" });
        }
        let (file, bytes, length, name) = (self.file.clone(), bytes.to_vec(), self.length, self.name.clone());
        self.pending = Some(tokio::task::spawn_blocking(move || match (&*file).write_all(&bytes) {
            Ok(()) => Ok(length + bytes.len() as u64),
            Err(source) => {
                file.set_len(length).map_err(|source| failed("repairing", &name, source))?;
                Err(failed("appending to", &name, source))
            }
        }));
        self.settle().await
    }

    /// Waits until everything appended is on the disk.
    pub async fn sync(&mut self) -> Result<()> {
        self.settle().await?;
        let (file, name) = (self.file.clone(), self.name.clone());
        blocking(move || file.sync_data().map_err(|source| failed("syncing", &name, source))).await
    }

    async fn settle(&mut self) -> Result<()> {
        if self.damaged {
            return Err(Error::ObjectLimit { name: self.name.clone(), problem: "an earlier write failed halfway" });
        }
        let Some(running) = self.pending.as_mut() else { return Ok(()) };
        let written = running.await.map_err(|_| Error::Closed("the program is ending".to_owned())).flatten();
        self.pending = None;
        match written {
            Ok(length) => self.length = length,
            Err(error) => {
                self.damaged = !self.file.metadata().is_ok_and(|metadata| metadata.len() == self.length);
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
