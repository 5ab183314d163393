//! The folder of account and certificate: for its owner alone, each file replaced in one step.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{AcmeError, AcmeSettings};
use crate::tls::{Certificate, MAXIMUM_PEM_BYTES};

/// Chain and key of the certificate in one file, so that no crash parts them.
const CERTIFICATE_FILE: &str = "certificate.pem";

/// The file that holds the certificate and its key.
pub fn certificate_path(settings: &AcmeSettings) -> PathBuf {
    settings.folder.join(CERTIFICATE_FILE)
}

/// The account's file: one for each directory, because an account means nothing elsewhere.
pub(super) fn account_path(settings: &AcmeSettings) -> PathBuf {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let name: String = settings.directory.trim_start_matches("https://").chars().map(plain).collect();
    settings.folder.join(format!("account-{name}.json"))
}

/// The stored certificate; none when there is none yet.
///
/// # Errors
/// When the file is there and cannot be read or used.
pub fn certificate(settings: &AcmeSettings) -> Result<Option<Certificate>, AcmeError> {
    let Some(bytes) = read(&certificate_path(settings))? else { return Ok(None) };
    Certificate::from_pem(&bytes, &bytes).map(Some).map_err(|error| AcmeError::Unusable(error.to_string()))
}

/// A file's content; none when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, AcmeError> {
    let failed = |source| AcmeError::Folder { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(MAXIMUM_PEM_BYTES).read_to_end(&mut bytes).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    Ok(Some(bytes))
}

/// Writes a file of mode 0600 in one step: a reader, and a crash, see the old content or the new.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), AcmeError> {
    let failed = |source| AcmeError::Folder { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let fresh = path.with_extension("new");
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
    let mut file = file.map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)
}
