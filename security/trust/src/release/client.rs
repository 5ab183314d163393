//! Where the list comes from: a file that somebody puts there, or an address that is asked.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use audit::checkpoint::{MAXIMUM_NOTE_LENGTH, VerifierKey};
use aws_lc_rs::digest::{Context, SHA256};
use edge::outgoing::Outgoing;
use identity::Platform;

use super::list::{ReleaseList, accept};
use super::store::{self, Believed};

/// Bytes of a file that are hashed at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Where the list of releases is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine, for networks without a way out.
    File(PathBuf),
    /// An `https:` address.
    Address(String),
}

/// Whose list is believed, and where it is read.
#[derive(Clone)]
pub struct Watch {
    /// Whoever signs releases.
    pub key: VerifierKey,
    /// Where.
    pub source: Source,
    /// How far addresses may reach.
    pub outgoing: Outgoing,
}

impl Watch {
    async fn read(&self) -> Result<String, String> {
        let bytes = match &self.source {
            Source::File(path) => {
                let file = path.display();
                let length = tokio::fs::metadata(path).await.map_err(|error| format!("{file}: {error}"))?.len();
                if length > MAXIMUM_NOTE_LENGTH as u64 {
                    return Err(format!("{file} is larger than a list of releases can be"));
                }
                tokio::fs::read(path).await.map_err(|error| format!("{file}: {error}"))?
            }
            Source::Address(address) => self.ask(address).await?,
        };
        String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())
    }

    /// Reads the list, judges it, and keeps it when it is believed.
    ///
    /// # Errors
    /// Why it is not taken, in a sentence for the operator.
    pub async fn look(&self, platform: &Platform) -> Result<ReleaseList, String> {
        let (key, now) = (self.key.to_string(), platform.now());
        let note = self.read().await?;
        let failed = |error: crate::Error| error.to_string();
        let before = store::newest(&platform.database, &key).await.map_err(failed)?;
        let seen = before.map(|believed| believed.serial);
        let list = accept(&self.key, &note, seen, now).map_err(|refused| refused.to_string())?;
        let believed = Believed { serial: list.serial, note };
        store::keep(&platform.database, &platform.identifiers, &key, &believed).await.map_err(failed)?;
        Ok(list)
    }

    async fn ask(&self, address: &str) -> Result<Vec<u8>, String> {
        let request = axum::http::Request::get(address).body(Vec::new()).map_err(|error| error.to_string())?;
        let answer = self.outgoing.send(request, MAXIMUM_NOTE_LENGTH).await.map_err(|error| error.to_string())?;
        if answer.status() != axum::http::StatusCode::OK {
            return Err(format!("the address answered {}", answer.status().as_u16()));
        }
        Ok(answer.into_body())
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_of(path: &Path) -> std::io::Result<String> {
    let (mut file, mut context) = (std::fs::File::open(path)?, Context::new(&SHA256));
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(context.finish())),
            read => context.update(&piece[..read]),
        }
    }
}
