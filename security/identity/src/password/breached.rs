//! A set of breached passwords that the operator brings along, offline: the form of the file, how it is made, how it is searched.
//!
//! It is made from the well-known text of SHA-1 hashes with counts (`5BAA61E4…:3861493`, one in each line, sorted by hash) and holds
//! the first [`RECORD_BYTES`] bytes of each hash, sorted: a thousand million passwords take 6 GB. A look-up reads some thirty
//! records from the file and keeps nothing in memory. A password that is not in the set is taken for one with a chance of one in
//! 2^48 for each that is ([`false_positives`]): with a thousand million of them, one in 280,000 good passwords is refused.

mod driver;
#[cfg(test)]
mod tests;

pub use driver::{Breached, Imported};

/// Bytes kept of each hash.
pub const RECORD_BYTES: usize = 6;
/// Bytes of a whole SHA-1 hash.
const HASH_BYTES: usize = 20;
/// Bytes before the first record: the mark, how many there are, and when the file was made.
const HEADER_BYTES: usize = 24;
/// The first bytes of the file; the last one is the version.
const MARK: &[u8; 8] = b"rfbreac\x01";
/// Longest line of the text, in bytes: forty digits, a colon, a count, an end.
const LONGEST_LINE: usize = 64;

/// A record: the first bytes of a hash.
pub(crate) type Record = [u8; RECORD_BYTES];

/// What is wrong with a text or a file. Lines are counted from 1; what stands in them is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum BreachedError {
    /// A line that is no hash with a count.
    #[error(
        "line {0} is not of the form HASH:COUNT with the 40 hexadecimal digits of a SHA-1 hash; nothing was imported"
    )]
    Line(u64),
    /// A hash that is not behind the one before.
    #[error("line {0} is not sorted by hash; sort the file first (LC_ALL=C sort), nothing was imported")]
    NotSorted(u64),
    /// Nothing in it.
    #[error("the file holds no hash; nothing was imported")]
    Empty,
    /// An imported file that is not whole.
    #[error("the imported set of breached passwords is damaged or cut short; import it again")]
    Damaged,
    /// The operating system.
    #[error("the set of breached passwords cannot be read or written: {0}")]
    File(#[from] std::io::Error),
}

/// How many passwords of a set of this size are wrongly found, of one that is not in it: the bound.
pub fn false_positives(records: u64) -> f64 {
    records as f64 / (1_u64 << (8 * RECORD_BYTES)) as f64
}

/// What the file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many records follow.
    pub records: u64,
    /// When the file was made, in microseconds.
    pub made_at: i64,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MARK);
        bytes[8..16].copy_from_slice(&self.records.to_le_bytes());
        bytes[16..].copy_from_slice(&self.made_at.to_le_bytes());
        bytes
    }

    /// Reads it, if the whole file has the length that it says.
    fn parse(bytes: &[u8; HEADER_BYTES], file_bytes: u64) -> Option<Self> {
        let number = |at: usize| bytes[at..at + 8].try_into().ok();
        let header = Self { records: u64::from_le_bytes(number(8)?), made_at: i64::from_le_bytes(number(16)?) };
        let whole = header.records.checked_mul(RECORD_BYTES as u64)?.checked_add(HEADER_BYTES as u64)?;
        (bytes[..8] == MARK[..] && header.records > 0 && whole == file_bytes).then_some(header)
    }
}

/// Takes the lines of the text in order.
#[derive(Debug, Default)]
struct Reader {
    lines: u64,
    last: Option<[u8; HASH_BYTES]>,
    written: Option<Record>,
    records: u64,
    /// Lines with a smaller count are left out.
    least: u64,
}

impl Reader {
    /// One line without its end: the record to write, if there is one. Hashes that share a record are written once.
    fn take(&mut self, line: &[u8]) -> Result<Option<Record>, BreachedError> {
        self.lines += 1;
        let (hash, count) = parse(line).ok_or(BreachedError::Line(self.lines))?;
        if self.last.replace(hash).is_some_and(|last| last >= hash) {
            return Err(BreachedError::NotSorted(self.lines));
        }
        let record = record(&hash);
        if count < self.least || self.written == Some(record) {
            return Ok(None);
        }
        self.written = Some(record);
        self.records += 1;
        Ok(Some(record))
    }
}

/// A hash and its count.
fn parse(line: &[u8]) -> Option<([u8; HASH_BYTES], u64)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_at_checked(2 * HASH_BYTES)?;
    let count = std::str::from_utf8(rest.strip_prefix(b":")?).ok()?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut hash = [0; HASH_BYTES];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |letter: u8| char::from(letter).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some((hash, count.parse().ok()?))
}

fn record(hash: &[u8; HASH_BYTES]) -> Record {
    let mut record = [0; RECORD_BYTES];
    record.copy_from_slice(&hash[..RECORD_BYTES]);
    record
}

/// The record of a password.
fn record_of(password: &str) -> Record {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let mut record = [0; RECORD_BYTES];
    record.copy_from_slice(&digest.as_ref()[..RECORD_BYTES]);
    record
}

/// Is the record among so many sorted ones? `read` gives the one in a place.
fn search(records: u64, wanted: Record, mut read: impl FnMut(u64) -> std::io::Result<Record>) -> std::io::Result<bool> {
    let (mut low, mut high) = (0, records);
    while low < high {
        let middle = low + (high - low) / 2;
        match read(middle)?.cmp(&wanted) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}
