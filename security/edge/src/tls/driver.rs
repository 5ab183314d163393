//! Certificate files: read at the start, read again while connections run. A bad new file keeps the old certificate.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use storage::Clock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Certificate, Certificates, MAXIMUM_PEM_BYTES, Unusable};

/// How often the files are looked at without being asked.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The files of a certificate that the operator brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain in PEM form, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key in PEM form, not encrypted.
    pub key: PathBuf,
}

/// Why files could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no certificate file.
    #[error("{0} is larger than {MAXIMUM_PEM_BYTES} bytes: that is no certificate")]
    TooLarge(PathBuf),
    /// Other users can read the key.
    #[error("other users can read the private key {0}: chmod 600 {0}")]
    Open(PathBuf),
    /// They do not make a certificate.
    #[error("{path}: {source}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Unusable,
    },
}

impl Files {
    /// Reads both files. A key that everybody can read is refused, as a private key that is not private.
    pub fn read(&self) -> Result<Certificate, FileError> {
        let (chain, key) = self.bytes()?;
        self.certificate_of(&chain, &key)
    }

    fn bytes(&self) -> Result<(Vec<u8>, Vec<u8>), FileError> {
        let mode = std::fs::metadata(&self.key).map_err(|source| read_error(&self.key, source))?.permissions().mode();
        // A group may read it (ssl-cert and the like), everybody may not.
        if mode & 0o007 != 0 {
            return Err(FileError::Open(self.key.clone()));
        }
        Ok((bounded(&self.certificate)?, bounded(&self.key)?))
    }

    fn certificate_of(&self, chain: &[u8], key: &[u8]) -> Result<Certificate, FileError> {
        Certificate::from_pem(chain, key).map_err(|source| {
            let path = match source {
                Unusable::NoKey | Unusable::KindOfKey | Unusable::Mismatch => &self.key,
                Unusable::NoCertificate | Unusable::Unreadable => &self.certificate,
            };
            FileError::Unusable { path: path.clone(), source }
        })
    }
}

fn read_error(path: &Path, source: std::io::Error) -> FileError {
    FileError::Read { path: path.to_owned(), source }
}

fn bounded(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |source| read_error(path, source);
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MAXIMUM_PEM_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAXIMUM_PEM_BYTES {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Keeps `certificates` as the files are: looks every few seconds and whenever `asked` (SIGHUP). By content, not by time, so
/// that swapped links and copied files with old times are seen. Ends with `shutdown`.
pub async fn keep_fresh(
    files: Files,
    certificates: Certificates,
    clock: Arc<dyn Clock>,
    asked: Arc<Notify>,
    shutdown: CancellationToken,
) {
    let mut seen = None;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        let is_asked = tokio::select! {
            _ = ticks.tick() => false,
            () = asked.notified() => true,
            () = shutdown.cancelled() => return,
        };
        let (files, certificates, clock) = (files.clone(), certificates.clone(), Arc::clone(&clock));
        let before = seen.take();
        let looking =
            tokio::task::spawn_blocking(move || look(&files, &certificates, clock.as_ref(), before.as_ref(), is_asked));
        seen = looking.await.ok();
    }
}

/// What was seen at a look: the files' content, or why it could not be read. Nothing new is said about what was seen before.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Content(Vec<u8>, Vec<u8>),
    Fault(String),
}

/// One look. Keeps the certificate that is presented unless the files hold another one that can be used.
pub(super) fn look(
    files: &Files,
    certificates: &Certificates,
    clock: &dyn Clock,
    before: Option<&Seen>,
    is_asked: bool,
) -> Seen {
    let read = files.bytes();
    let seen = match &read {
        Ok((chain, key)) => Seen::Content(chain.clone(), key.clone()),
        Err(error) => Seen::Fault(error.to_string()),
    };
    if before == Some(&seen) && !is_asked {
        return seen;
    }
    let certificate = read.and_then(|(chain, key)| files.certificate_of(&chain, &key));
    match certificate {
        Ok(new) if certificates.current().is_some_and(|current| current.der() == new.der()) => {}
        Ok(new) if !new.facts().is_valid_at(clock.now()) && certificates.current().is_some() => {
            tracing::error!("the new certificate is not valid at this time; the one before it is kept");
        }
        Ok(new) => {
            tracing::info!(names = ?new.facts().names, "presenting another certificate");
            certificates.replace(new);
        }
        Err(error) => {
            tracing::error!(%error, "the certificate files cannot be used; the certificate before them is kept");
        }
    }
    seen
}
