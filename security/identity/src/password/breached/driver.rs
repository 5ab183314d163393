//! The file of breached passwords: made in one pass beside the old one, put in its place at once, read by position.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use storage::Timestamp;
use zeroize::Zeroizing;

use super::{BreachedError, HEADER_BYTES, Header, LONGEST_LINE, RECORD_BYTES, Reader, Record, record_of, search};

/// The name of the file in the data folder.
const NAME: &str = "breached-passwords.bin";

/// What an import made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Lines that were read.
    pub lines: u64,
    /// Passwords that are refused from now on.
    pub records: u64,
}

/// The set of breached passwords of a data folder; empty until one is imported. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Breached {
    path: Option<PathBuf>,
}

impl Breached {
    /// The set in this data folder. The file is opened at each look-up, so that an import counts at once, in every process.
    pub fn in_folder(folder: &Path) -> Self {
        Self { path: Some(folder.join(NAME)) }
    }

    /// What there is; `None` when nothing was imported.
    ///
    /// # Errors
    /// When there is a file that cannot be read, or that is not whole.
    pub fn header(&self) -> Result<Option<Header>, BreachedError> {
        Ok(self.open()?.map(|(_, header)| header))
    }

    /// Is this password in the set? Reads some thirty records where blocking is allowed.
    ///
    /// # Errors
    /// When there is a file that cannot be read, or that is not whole: then no password is taken for a good one.
    pub async fn holds(&self, password: &str) -> Result<bool, BreachedError> {
        let (set, password) = (self.clone(), Zeroizing::new(password.to_owned()));
        let looking = tokio::task::spawn_blocking(move || set.look(&password));
        looking.await.map_err(|_stopped| BreachedError::Damaged)?
    }

    pub(super) fn look(&self, password: &str) -> Result<bool, BreachedError> {
        let Some((file, header)) = self.open()? else { return Ok(false) };
        let read = |place: u64| {
            let mut record: Record = [0; RECORD_BYTES];
            file.read_exact_at(&mut record, HEADER_BYTES as u64 + place * RECORD_BYTES as u64)?;
            Ok(record)
        };
        Ok(search(header.records, record_of(password), read)?)
    }

    fn open(&self) -> Result<Option<(File, Header)>, BreachedError> {
        let Some(path) = &self.path else { return Ok(None) };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bytes = file.metadata()?.len();
        if bytes < HEADER_BYTES as u64 {
            return Err(BreachedError::Damaged);
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0)?;
        let header = Header::parse(&header, bytes).ok_or(BreachedError::Damaged)?;
        Ok(Some((file, header)))
    }

    /// Makes the set from the text in `source`, leaving out what was seen less often than `least`. The set from before is used until
    /// the new one is whole; when something is wrong with the text it stays.
    ///
    /// # Errors
    /// Says which line is wrong, or what the operating system says.
    pub fn import(&self, source: &Path, least: u64, now: Timestamp) -> Result<Imported, BreachedError> {
        let Some(path) = &self.path else { return Err(BreachedError::Empty) };
        let partial = path.with_extension("partial");
        let made = write(source, &partial, least, now);
        if made.is_ok() {
            std::fs::rename(&partial, path)?;
        } else {
            // What is half made is no use; that it may be gone already is no matter.
            let _gone = std::fs::remove_file(&partial);
        }
        made
    }
}

fn write(source: &Path, partial: &Path, least: u64, now: Timestamp) -> Result<Imported, BreachedError> {
    let mut text = BufReader::with_capacity(1 << 20, File::open(source)?);
    let _old = std::fs::remove_file(partial);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    out.write_all(&[0; HEADER_BYTES])?;
    let mut reader = Reader { least, ..Reader::default() };
    let mut line = Vec::with_capacity(LONGEST_LINE);
    loop {
        line.clear();
        // Whatever the file is, no more of it is held than one line of a hash.
        (&mut text).take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        if let Some(record) = reader.take(line.strip_suffix(b"\n").unwrap_or(&line))? {
            out.write_all(&record)?;
        }
    }
    if reader.records == 0 {
        return Err(BreachedError::Empty);
    }
    let header = Header { records: reader.records, made_at: now.0 };
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&header.to_bytes())?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(Imported { lines: reader.lines, records: reader.records })
}
