//! SRTP and SRTCP (RFC 3711) with AES counter mode and HMAC-SHA1, and with AES-GCM (RFC 7714): sound and reports that only
//! the two sides of a call can read or make.
//!
//! Promises: keys come in as arguments, nothing random is drawn here; a packet that was altered, replayed or made by a
//! stranger is refused and changes nothing; no two packets are ever sealed under one index; any bytes open or give an
//! error. The ciphers are those of the one crypto provider (`docs/decisions/07-srtp-is-ours-on-the-one-provider.md`).

mod cipher;
mod keys;
mod replay;

use std::collections::HashMap;

use thiserror::Error;

use crate::rtp;
use cipher::Cipher;
use replay::{Index, Window};

/// Sources of one call whose packets are opened; an authenticated stranger beyond them is refused.
pub const SOURCES_LIMIT: usize = 8;
/// The last index of SRTCP: 31 bits (RFC 3711, section 3.4).
const REPORT_INDEX_LIMIT: u32 = (1 << 31) - 1;
/// The bit beside the index that says that a report is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// Bytes of a report that stay readable: its first header and who sends it.
const REPORT_HEADER_BYTES: usize = 8;
/// Bytes of the index behind a report.
const REPORT_INDEX_BYTES: usize = 4;

/// Why a packet cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// The key is not as long as its suite wants.
    #[error("the key has {found} bytes, the suite wants {wanted}")]
    KeyLength {
        /// Bytes that were given.
        found: usize,
        /// Bytes of master key and salt together.
        wanted: usize,
    },
    /// Fewer bytes than header and tag need, or no RTP at all.
    #[error("this is no protected packet")]
    Malformed,
    /// The tag does not fit: altered on the way, or made by somebody without the key.
    #[error("the packet is not authentic")]
    NotAuthentic,
    /// Seen before, or too old to tell.
    #[error("the packet was seen before or is too old")]
    Replayed,
    /// The index was used already, or all of them are: nothing may be sealed under it.
    #[error("no packet may be sealed under this index any more")]
    Exhausted,
    /// More sources than [`SOURCES_LIMIT`].
    #[error("the call has more sources than are kept")]
    TooManySources,
    /// The provider refused.
    #[error("the cipher could not be set up")]
    Cipher,
}

/// How packets are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA1 cut to 80 bits: what every phone speaks (RFC 3711).
    AesCm128HmacSha1Tag80,
    /// AES-128-GCM with the whole tag (RFC 7714).
    AeadAes128Gcm,
    /// AES-256-GCM with the whole tag (RFC 7714).
    AeadAes256Gcm,
}

impl Suite {
    /// Bytes of the master key.
    pub const fn key_bytes(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1Tag80 | Suite::AeadAes128Gcm => 16,
            Suite::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub const fn salt_bytes(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1Tag80 => 14,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 12,
        }
    }

    /// Bytes of key and salt together, as a session description carries them.
    pub const fn master_bytes(self) -> usize {
        self.key_bytes() + self.salt_bytes()
    }

    /// Bytes that a packet grows by.
    pub const fn tag_bytes(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1Tag80 => 10,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 16,
        }
    }
}

/// Protects what one side sends.
#[derive(Debug)]
pub struct Sealer {
    sound: Cipher,
    reports: Cipher,
    /// The last index of each source that was sealed.
    sent: HashMap<u32, u64>,
    reports_sent: u32,
}

impl Sealer {
    /// A sealer of the side whose master key and salt these are.
    pub fn new(suite: Suite, master: &[u8]) -> Result<Self, Error> {
        let (sound, reports) = keys::ciphers(suite, master)?;
        Ok(Sealer { sound, reports, sent: HashMap::new(), reports_sent: 0 })
    }

    /// Turns an RTP packet into its protected form, in place. Sequence numbers of a source must grow.
    pub fn seal(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let (header, sequence, source) = header_of(packet)?;
        let index = match self.sent.get(&source) {
            None if self.sent.len() == SOURCES_LIMIT => return Err(Error::TooManySources),
            None => u64::from(sequence),
            Some(&last) => replay::after(last, sequence).ok_or(Error::Exhausted)?,
        };
        self.sound.seal_sound(packet, header, Index { source, index })?;
        self.sent.insert(source, index);
        Ok(())
    }

    /// Turns a compound RTCP packet into its protected form, in place.
    pub fn seal_report(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let source = report_source(packet)?;
        let index = self.reports_sent.checked_add(1).filter(|index| *index <= REPORT_INDEX_LIMIT);
        let index = index.ok_or(Error::Exhausted)?;
        self.reports.seal_report(packet, source, index)?;
        self.reports_sent = index;
        Ok(())
    }
}

/// Opens what the other side sends.
#[derive(Debug)]
pub struct Opener {
    sound: Cipher,
    reports: Cipher,
    heard: HashMap<u32, Window>,
    reported: HashMap<u32, Window>,
}

impl Opener {
    /// An opener for the side whose master key and salt these are.
    pub fn new(suite: Suite, master: &[u8]) -> Result<Self, Error> {
        let (sound, reports) = keys::ciphers(suite, master)?;
        Ok(Opener { sound, reports, heard: HashMap::new(), reported: HashMap::new() })
    }

    /// Turns a protected packet back into RTP, in place. What is refused leaves no trace but its garbled bytes.
    pub fn open(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let (header, sequence, source) = header_of(packet)?;
        let index = match self.heard.get(&source) {
            None => u64::from(sequence),
            Some(window) => {
                let index = window.estimate(sequence).ok_or(Error::Replayed)?;
                window.check(index)?;
                index
            }
        };
        self.sound.open_sound(packet, header, Index { source, index })?;
        note(&mut self.heard, source, index)
    }

    /// Turns a protected report back into RTCP, in place. Reports that are only signed, not encrypted, are refused.
    pub fn open_report(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let source = report_source(packet)?;
        let index = self.reports.report_index(packet)?;
        if index & ENCRYPTED == 0 {
            return Err(Error::Malformed);
        }
        let number = u64::from(index & REPORT_INDEX_LIMIT);
        if let Some(window) = self.reported.get(&source) {
            window.check(number)?;
        }
        self.reports.open_report(packet, source, index)?;
        note(&mut self.reported, source, number)
    }
}

/// Remembers an authentic packet.
fn note(windows: &mut HashMap<u32, Window>, source: u32, index: u64) -> Result<(), Error> {
    if let Some(window) = windows.get_mut(&source) {
        window.note(index);
        return Ok(());
    }
    if windows.len() == SOURCES_LIMIT {
        return Err(Error::TooManySources);
    }
    windows.insert(source, Window::starting_at(index));
    Ok(())
}

/// Where the header of an RTP packet ends, its sequence number and its source.
fn header_of(packet: &[u8]) -> Result<(usize, u16, u32), Error> {
    let first: &[u8; rtp::HEADER_BYTES] = packet.first_chunk().ok_or(Error::Malformed)?;
    if first[0] >> 6 != 2 {
        return Err(Error::Malformed);
    }
    let mut end = rtp::HEADER_BYTES + usize::from(first[0] & 0x0F) * 4;
    if first[0] & 0x10 != 0 {
        let extension = packet.get(end..end + 4).ok_or(Error::Malformed)?;
        end += 4 + usize::from(u16::from_be_bytes([extension[2], extension[3]])) * 4;
    }
    if end > packet.len() {
        return Err(Error::Malformed);
    }
    let sequence = u16::from_be_bytes([first[2], first[3]]);
    Ok((end, sequence, u32::from_be_bytes([first[8], first[9], first[10], first[11]])))
}

fn report_source(packet: &[u8]) -> Result<u32, Error> {
    let header: &[u8; REPORT_HEADER_BYTES] = packet.first_chunk().ok_or(Error::Malformed)?;
    if header[0] >> 6 != 2 {
        return Err(Error::Malformed);
    }
    Ok(u32::from_be_bytes([header[4], header[5], header[6], header[7]]))
}

#[cfg(test)]
mod tests;
