//! Reads the bytes of the data folder: only files written since a mark, in pieces that overlap, so that nothing hides across two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Read at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// More than this is not read in one look; the finding would come too late.
const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;
const MARK: &str = "trust-mark";

/// Files of the embedded database, by device and inode: never closed again. Closing any handle of a file gives up all locks that this process
/// holds on it (POSIX), those of SQLite, too; another process could then take the database's files away beneath this one.
static KEPT_OPEN: Mutex<BTreeMap<(u64, u64), Arc<File>>> = Mutex::new(BTreeMap::new());

/// What a search saw.
#[derive(Debug, Default)]
pub struct Searched {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files that hold what was searched, relative to the folder.
    pub found_in: Vec<String>,
}

/// The moment now, as the file system tells it: the modification time of a file made for that. Clocks of a file system are coarser than the
/// machine's, so its own word is taken.
pub async fn mark(folder: &Path) -> Result<SystemTime, String> {
    let path = folder.join(MARK);
    let marked = tokio::task::spawn_blocking(move || {
        std::fs::write(&path, b"")?;
        let at = std::fs::metadata(&path)?.modified()?;
        std::fs::remove_file(&path)?;
        Ok::<_, std::io::Error>(at)
    });
    match marked.await {
        Ok(Ok(at)) => Ok(at),
        Ok(Err(error)) => Err(format!("The data folder cannot be written: {error}.")),
        Err(_) => Err("The program is ending.".to_owned()),
    }
}

/// Searches every file below the folder that was written since `since`, also where a symbolic link leads. A file that goes away
/// meanwhile held nothing that lasts; anything else that cannot be looked at is said, for what was not read was not searched.
pub async fn search(folder: PathBuf, since: SystemTime, needles: Vec<Vec<u8>>) -> Result<Searched, String> {
    match tokio::task::spawn_blocking(move || walk(&folder, since, &needles)).await {
        Ok(searched) => searched,
        Err(_) => Err("The program is ending.".to_owned()),
    }
}

fn walk(folder: &Path, since: SystemTime, needles: &[Vec<u8>]) -> Result<Searched, String> {
    let mut searched = Searched::default();
    let about = std::fs::metadata(folder).map_err(unreadable(folder, folder))?;
    let (mut folders, mut known) = (vec![folder.to_owned()], BTreeSet::from([(about.dev(), about.ino())]));
    while let Some(next) = folders.pop() {
        let Some(entries) = there(std::fs::read_dir(&next)).map_err(unreadable(folder, &next))? else { continue };
        for entry in entries {
            let path = entry.map_err(unreadable(folder, &next))?.path();
            let Some(about) = there(std::fs::metadata(&path)).map_err(unreadable(folder, &path))? else { continue };
            if about.is_dir() {
                // A link may lead to a folder above it.
                if known.insert((about.dev(), about.ino())) {
                    folders.push(path);
                }
            } else if about.is_file() && about.modified().map_err(unreadable(folder, &path))? >= since {
                search_file(folder, &path, needles, &mut searched).map_err(unreadable(folder, &path))?;
            }
            if searched.bytes > MOST_BYTES {
                return Err(format!(
                    "More than {} GiB were written meanwhile; the search was given up.",
                    MOST_BYTES >> 30
                ));
            }
        }
    }
    Ok(searched)
}

/// None when it has gone away.
fn there<T>(looked: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match looked {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        looked => looked.map(Some),
    }
}

fn unreadable<'a>(folder: &'a Path, path: &'a Path) -> impl Fn(std::io::Error) -> String + 'a {
    move |error| match path.strip_prefix(folder) {
        Ok(inner) if !inner.as_os_str().is_empty() => {
            format!("{} in the data folder cannot be read: {error}.", inner.display())
        }
        _ => format!("The data folder cannot be read: {error}."),
    }
}

/// Opens a file for reading; those of the embedded database once and for good.
fn open(path: &Path) -> std::io::Result<Arc<File>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if ![".db", ".db-wal", ".db-shm", ".db-journal"].iter().any(|end| name.ends_with(end)) {
        return File::open(path).map(Arc::new);
    }
    let mut kept = KEPT_OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let about = std::fs::metadata(path)?;
    if let Some(file) = kept.get(&(about.dev(), about.ino())) {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(File::open(path)?);
    let about = file.metadata()?;
    if let Some(known) = kept.insert((about.dev(), about.ino()), Arc::clone(&file)) {
        // The name was given to a file known already between the two looks: both handles stay.
        std::mem::forget(known);
    }
    Ok(file)
}

fn search_file(folder: &Path, path: &Path, needles: &[Vec<u8>], searched: &mut Searched) -> std::io::Result<()> {
    let Some(file) = there(open(path))? else { return Ok(()) };
    let mut offset = 0;
    searched.files += 1;
    let overlap = needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut window: Vec<u8> = Vec::with_capacity(PIECE_BYTES + overlap);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = file.read_at(&mut piece, offset)?;
        if length == 0 {
            return Ok(());
        }
        offset += length as u64;
        searched.bytes += length as u64;
        window.drain(..window.len().saturating_sub(overlap));
        window.extend_from_slice(&piece[..length]);
        if needles.iter().any(|needle| holds(&window, needle)) {
            searched.found_in.push(path.strip_prefix(folder).unwrap_or(path).display().to_string());
            return Ok(());
        }
    }
}

/// Looks for the first byte first: most of what is searched is sealed, so it seldom fits.
fn holds(window: &[u8], needle: &[u8]) -> bool {
    let Some((&first, rest)) = needle.split_first() else { return false };
    let mut from = 0;
    while let Some(found) = window[from..].iter().position(|byte| *byte == first) {
        from += found + 1;
        if window[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDLE: &[u8] = b"Canary 0123456789";

    async fn look(folder: &Path) -> Result<Searched, String> {
        search(folder.to_owned(), SystemTime::UNIX_EPOCH, vec![NEEDLE.to_vec()]).await
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said_and_what_has_gone_away_is_not() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = scratch.path().join("data");
        std::fs::create_dir(&folder).expect("made");
        std::os::unix::fs::symlink("nowhere", folder.join("gone")).expect("linked");
        assert_eq!(look(&folder).await.expect("searched").files, 0);
        // Whoever runs the tests may read everything, so the entry cannot be followed at all.
        std::os::unix::fs::symlink("round", folder.join("round")).expect("linked");
        let why = look(&folder).await.expect_err("it was not searched");
        assert!(why.starts_with("round in the data folder cannot be read: "), "{why}");
        let why = look(&scratch.path().join("no such folder")).await.expect_err("nothing to search");
        assert!(why.starts_with("The data folder cannot be read: "), "{why}");
    }

    #[tokio::test]
    async fn files_are_searched_where_links_lead_and_circles_end() {
        let scratch = tempfile::tempdir().expect("a folder");
        let (folder, elsewhere) = (scratch.path().join("data"), scratch.path().join("elsewhere"));
        std::fs::create_dir(&folder).expect("made");
        std::fs::create_dir(&elsewhere).expect("made");
        std::fs::write(elsewhere.join("a.db"), [b"--", NEEDLE].concat()).expect("written");
        std::os::unix::fs::symlink(&elsewhere, folder.join("objects")).expect("linked");
        std::os::unix::fs::symlink(&folder, elsewhere.join("back")).expect("linked");
        assert_eq!(look(&folder).await.expect("searched").found_in.first().map(String::as_str), Some("objects/a.db"));
    }
}
