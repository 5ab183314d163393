//! The folder outside the database: `checkpoints` (signed notes, one after the other, each followed by an empty line),
//! `leaf-hashes` (32 bytes for each entry, in order) and `verifier-key` (the key to check the notes with).
//!
//! The files only grow, except that the end of a write that was cut short by a crash is cut off before the next one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{
    checkpoint::VerifierKey,
    error::{Error, Result},
    log::HASH_LENGTH,
    verify::Evidence,
};

const CHECKPOINTS: &str = "checkpoints";
const LEAF_HASHES: &str = "leaf-hashes";
const VERIFIER_KEY: &str = "verifier-key";
/// What ends a note in the file.
const NOTE_END: &str = "\n\n";

/// Makes the folder and the file of the verifier key when they are missing; reads what is there.
pub(crate) async fn prepare(folder: PathBuf, key: VerifierKey) -> Result<Evidence> {
    blocking(move || {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| refused(&folder, &error.to_string()))?;
        let evidence = read_folder(&folder)?;
        match &evidence.verifier_key {
            Some(stored) if *stored == key => {}
            Some(_) => return Err(refused(&folder.join(VERIFIER_KEY), "it belongs to another log")),
            None => append(&folder.join(VERIFIER_KEY), 0, format!("{key}\n").as_bytes())?,
        }
        Ok(evidence)
    })
    .await
}

/// Everything in the folder.
pub(crate) async fn read(folder: PathBuf) -> Result<Evidence> {
    blocking(move || read_folder(&folder)).await
}

/// Appends a signed note and waits for the disk.
pub(crate) async fn append_note(folder: PathBuf, note: String) -> Result<()> {
    blocking(move || {
        let path = folder.join(CHECKPOINTS);
        let whole = whole_notes(&contents(&path)?).len() as u64;
        append(&path, whole, format!("{note}\n").as_bytes())
    })
    .await
}

/// How many leaves the folder knows.
pub(crate) async fn leaf_count(folder: PathBuf) -> Result<u64> {
    blocking(move || {
        let path = folder.join(LEAF_HASHES);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.len() / HASH_LENGTH as u64),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(refused(&path, &error.to_string())),
        }
    })
    .await
}

/// Appends the hashes of further leaves and waits for the disk.
pub(crate) async fn append_leaves(folder: PathBuf, hashes: Vec<u8>) -> Result<()> {
    blocking(move || {
        let path = folder.join(LEAF_HASHES);
        let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        append(&path, length - length % HASH_LENGTH as u64, &hashes)
    })
    .await
}

fn read_folder(folder: &Path) -> Result<Evidence> {
    let key = contents(&folder.join(VERIFIER_KEY))?;
    let key = String::from_utf8_lossy(&key);
    let verifier_key = if key.is_empty() {
        None
    } else {
        Some(key.parse().map_err(|_| refused(&folder.join(VERIFIER_KEY), "it is no verifier key"))?)
    };
    let notes = contents(&folder.join(CHECKPOINTS))?;
    let notes = String::from_utf8_lossy(whole_notes(&notes)).into_owned();
    let parts: Vec<&str> = notes.split_terminator(NOTE_END).collect();
    // A note is its text, an empty line, and its signatures.
    let notes = parts.chunks(2).map(|parts| parts.join(NOTE_END) + "\n").collect();
    Ok(Evidence { verifier_key, notes, leaf_hashes: contents(&folder.join(LEAF_HASHES))? })
}

/// The beginning of the file that holds whole notes: two parts each.
fn whole_notes(bytes: &[u8]) -> &[u8] {
    let ends: Vec<usize> =
        bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n").map(|(at, _)| at + 2).collect();
    let whole = ends.len() - ends.len() % 2;
    &bytes[..whole.checked_sub(1).map_or(0, |last| ends[last])]
}

/// The bytes of a file; none when there is no such file.
fn contents(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes.map_err(|error| refused(path, &error.to_string())),
    }
}

/// Appends after the first `whole` bytes; what follows them was never finished.
fn append(path: &Path, whole: u64, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        if file.metadata()?.len() > whole {
            file.set_len(whole)?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error: std::io::Error| refused(path, &error.to_string()))
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::File { path: path.display().to_string(), reason: reason.to_owned() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|_| Error::File { path: "checkpoints".to_owned(), reason: "the program is ending".to_owned() })?
}
