//! Where the root key comes from, and how its text is read. Reading it from the outside is in `driver`.
//!
//! The root key is 32 random bytes, written as base64 (with or without padding) or as 64 hexadecimal digits; places
//! that can hold any bytes may also hold the 32 bytes as they are.

mod driver;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    key_service::KeyService,
    secret::{KEY_LENGTH, Secret},
    stamp::Stamp,
};

pub(crate) use driver::{create, next_to, promote, read, rewrap, stage};

/// A root key's text is never longer than this, in bytes; what is longer is something else.
pub const MAXIMUM_TEXT_LENGTH: usize = 4_096;

/// The place of the root key.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A file of this process's user alone (mode 0600 or stricter). Made at the first start when it is missing.
    File(PathBuf),
    /// The name of an environment variable.
    Environment(String),
    /// The name of a systemd credential, found in the folder that `CREDENTIALS_DIRECTORY` names.
    Credential(String),
    /// A program and its arguments; what it prints is the key. It has ten seconds.
    Command(Vec<String>),
    /// A file that holds the key wrapped by a service, which is asked at each start. Made at the first start when it is
    /// missing.
    Service {
        /// The file, of this process's user alone.
        file: PathBuf,
        /// Who wraps it.
        service: Arc<dyn KeyService>,
    },
}

/// A root key as its place holds it.
pub(crate) struct Root {
    pub(crate) secret: Secret,
    /// For which data it was made, when it says so.
    pub(crate) stamp: Option<Stamp>,
}

impl fmt::Display for KeySource {
    /// The place in words. A command is named without its arguments, which may say more than a log should hold.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::Credential(name) => write!(formatter, "credential {name}"),
            Self::Command(words) => {
                write!(formatter, "command {}", words.first().map_or("(empty)", String::as_str))
            }
            Self::Service { file, service } => write!(formatter, "file {} by {}", file.display(), service.place()),
        }
    }
}

impl KeySource {
    /// The file, where the place is one that this program can make and replace.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) | Self::Service { file, .. } => Some(file),
            Self::Environment(_) | Self::Credential(_) | Self::Command(_) => None,
        }
    }

    /// The same kind of place with another file.
    pub(crate) fn beside(&self, file: PathBuf) -> Self {
        match self {
            Self::Service { service, .. } => Self::Service { file, service: Arc::clone(service) },
            _ => Self::File(file),
        }
    }

    /// An error that names this place.
    pub(crate) fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::KeySource { place: self.to_string(), reason: reason.into() }
    }

    /// The key inside what this place holds.
    fn parse(&self, content: &[u8]) -> Result<Secret> {
        if let Some(key) = Secret::from_slice(content) {
            // Thirty-two random bytes are all printable once in 10^14; a pass phrase always is.
            if content.iter().all(u8::is_ascii_graphic) {
                return Err(self.refuse("32 printable characters look like a pass phrase; a root key is 32 random bytes, as base64 or hexadecimal digits"));
            }
            return Ok(key);
        }
        let text = content.trim_ascii();
        if text.is_empty() {
            return Err(self.refuse("it is empty"));
        }
        let mut decoded = Zeroizing::new([0; KEY_LENGTH]);
        if text.len() == 2 * KEY_LENGTH && hex::decode_to_slice(text, decoded.as_mut()).is_ok() {
            return Ok(Secret::from_slice(decoded.as_ref()).expect("the array has 32 bytes"));
        }
        let wrong = "it holds no key of 32 bytes, as base64 or as 64 hexadecimal digits";
        let engine = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let decoded = Zeroizing::new(engine.decode(text).map_err(|_| self.refuse(wrong))?);
        Secret::from_slice(&decoded).ok_or_else(|| self.refuse(wrong))
    }
}
