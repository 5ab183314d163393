//! Reads the root key from its place: a file, a variable, a credential, a command. Makes the file at the first start.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    process::Stdio,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use storage::Entropy;
use tokio::{io::AsyncReadExt, process::Command, time::timeout};
use zeroize::Zeroizing;

use super::{KeySource, MAXIMUM_TEXT_LENGTH};
use crate::{error::Result, secret::Secret};

/// How long a command may take to print the key, in seconds.
const COMMAND_TIMEOUT_SECONDS: u64 = 10;
/// Mode bits that a key file must not have: anything for the group or for others.
const FOREIGN_MODE: u32 = 0o077;

/// The root key from its place; none when the place is a file that does not exist.
pub(crate) async fn read(source: &KeySource) -> Result<Option<Secret>> {
    let content = match source {
        KeySource::File(path) => match read_file(source, path, true)? {
            Some(content) => content,
            None => return Ok(None),
        },
        KeySource::Environment(name) => {
            let value = env::var(name).map_err(|_| source.refuse("the variable is not set, or is not text"))?;
            Zeroizing::new(value.into_bytes())
        }
        KeySource::Credential(name) => read_credential(source, name)?,
        KeySource::Command(words) => run(source, words).await?,
    };
    source.parse(&content).map(Some)
}

/// Writes a fresh key to a file that does not exist yet, readable by its owner alone, and waits for the disk.
/// An existing file is never replaced: the content is complete before the name appears.
pub(crate) fn create_file(source: &KeySource, path: &Path, entropy: &dyn Entropy) -> Result<Secret> {
    let key = Secret::random(entropy);
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.expose())));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&unfinished, path) {
            Ok(()) => fs::remove_file(&unfinished)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                fs::remove_file(&unfinished)?;
                return Err(error);
            }
            // Some file systems have no hard links; there the name was free a moment ago.
            Err(_) => fs::rename(&unfinished, path)?,
        }
        File::open(folder)?.sync_all()
    };
    write().map_err(|error: std::io::Error| source.refuse(format!("the new key cannot be written: {error}")))?;
    Ok(key)
}

/// At most [`MAXIMUM_TEXT_LENGTH`] bytes of a file; none when there is no such file.
fn read_file(source: &KeySource, path: &Path, owner_only: bool) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let cannot = |error: std::io::Error| source.refuse(format!("it cannot be read: {error}"));
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(cannot)?,
    };
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err(source.refuse("it is not a regular file"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if owner_only && mode & FOREIGN_MODE != 0 {
        return Err(
            source.refuse(format!("its mode {mode:04o} lets other users at it; run: chmod 600 {}", path.display()))
        );
    }
    // The buffer never grows, so no copy of the key is left behind in memory that was given back.
    let mut content = Zeroizing::new(Vec::with_capacity(MAXIMUM_TEXT_LENGTH + 1));
    file.take(MAXIMUM_TEXT_LENGTH as u64 + 1).read_to_end(&mut content).map_err(cannot)?;
    limited(source, content).map(Some)
}

fn read_credential(source: &KeySource, name: &str) -> Result<Zeroizing<Vec<u8>>> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(source.refuse("a credential's name is a plain file name"));
    }
    let folder = env::var_os("CREDENTIALS_DIRECTORY")
        .ok_or_else(|| source.refuse("CREDENTIALS_DIRECTORY is not set: systemd passed no credentials"))?;
    // systemd guards the folder itself, by mode or by access control lists that look like a group's rights.
    read_file(source, &Path::new(&folder).join(name), false)?
        .ok_or_else(|| source.refuse("there is no such credential"))
}

async fn run(source: &KeySource, words: &[String]) -> Result<Zeroizing<Vec<u8>>> {
    let (program, arguments) = words.split_first().ok_or_else(|| source.refuse("the command is empty"))?;
    let cannot = |error: std::io::Error| source.refuse(format!("it cannot be run: {error}"));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot)?;
    let output = child.stdout.take().ok_or_else(|| source.refuse("its output cannot be read"))?;
    let finished = timeout(Duration::from_secs(COMMAND_TIMEOUT_SECONDS), async {
        let mut content = Zeroizing::new(Vec::with_capacity(MAXIMUM_TEXT_LENGTH + 1));
        let mut output = output.take(MAXIMUM_TEXT_LENGTH as u64 + 1);
        output.read_to_end(&mut content).await?;
        drop(output);
        Ok((content, child.wait().await?))
    });
    let (content, status) = finished
        .await
        .map_err(|_| source.refuse(format!("it did not end within {COMMAND_TIMEOUT_SECONDS} seconds")))?
        .map_err(cannot)?;
    if !status.success() && content.len() <= MAXIMUM_TEXT_LENGTH {
        return Err(source.refuse(format!("it failed: {status}")));
    }
    limited(source, content)
}

fn limited(source: &KeySource, content: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
    if content.len() > MAXIMUM_TEXT_LENGTH {
        return Err(source.refuse(format!("it holds more than {MAXIMUM_TEXT_LENGTH} bytes")));
    }
    Ok(content)
}
