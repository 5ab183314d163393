//! Reads the root key from its place: a file, a variable, a credential, a command. Makes the file at the first start.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use storage::Entropy;
use tokio::{io::AsyncReadExt, process::Command, time::timeout};
use zeroize::Zeroizing;

use super::{KeySource, MAXIMUM_TEXT_LENGTH, Root};
use crate::{error::Result, secret::Secret, stamp::Stamp};

/// How long a command may take to print the key, in seconds.
const COMMAND_TIMEOUT_SECONDS: u64 = 10;
/// Mode bits that a key file must not have: anything for the group or for others.
const FOREIGN_MODE: u32 = 0o077;

/// The root key from its place; none when the place is a file that does not exist.
pub(crate) async fn read(source: &KeySource) -> Result<Option<Root>> {
    let content = match source {
        KeySource::File(path) | KeySource::Service { file: path, .. } => match read_file(source, path, true)? {
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
    let (stamp, content) = Stamp::split(&content);
    let secret = match source {
        KeySource::Service { service, .. } => {
            let wrapped = std::str::from_utf8(content).map_err(|_| source.refuse("it holds no wrapped key"))?.trim();
            let opened = service.unwrap(wrapped).await.map_err(|reason| source.refuse(reason))?;
            Secret::from_slice(&opened).ok_or_else(|| source.refuse("what it unwrapped is no key of 32 bytes"))?
        }
        _ => source.parse(content)?,
    };
    Ok(Some(Root { secret, stamp }))
}

/// Makes a fresh key for such data and writes it to its file, which does not exist yet.
pub(crate) async fn create(source: &KeySource, path: &Path, entropy: &dyn Entropy, stamp: Stamp) -> Result<Secret> {
    let key = Secret::random(entropy);
    let text = text_of(source, &key, stamp).await?;
    write_new(source, path, &text)?;
    Ok(key)
}

/// Makes a fresh key that is to take the place of the one in the file, and writes it beside: see [`promote`].
pub(crate) async fn stage(source: &KeySource, path: &Path, entropy: &dyn Entropy, stamp: Stamp) -> Result<Secret> {
    let next = next_to(path);
    if let Some(Root { secret, .. }) = read(&source.beside(next.clone())).await? {
        // An earlier change came no further than this.
        return Ok(secret);
    }
    create(source, &next, entropy, stamp).await
}

/// Has the service wrap the key in the file anew; the key itself stays. The file holds the old text or the new one.
pub(crate) async fn rewrap(source: &KeySource) -> Result<()> {
    let KeySource::Service { file, service } = source else {
        return Err(source.refuse("no service wraps it"));
    };
    let content = read_file(source, file, true)?.ok_or_else(|| source.refuse("it is missing"))?;
    let (stamp, wrapped) = Stamp::split(&content);
    let wrapped = std::str::from_utf8(wrapped).map_err(|_| source.refuse("it holds no wrapped key"))?.trim();
    let refuse = |reason: String| source.refuse(reason);
    let rewrapped = service.rewrap(wrapped).await.map_err(refuse)?;
    // Only what opens to the same key takes the old text's place.
    let (old, new) =
        (service.unwrap(wrapped).await.map_err(refuse)?, service.unwrap(&rewrapped).await.map_err(refuse)?);
    if *old != *new {
        return Err(source.refuse("what was wrapped anew is another key"));
    }
    let beside = with_ending(file, "rewrapped");
    let _ = fs::remove_file(&beside);
    write_new(source, &beside, &format!("{}{rewrapped}\n", stamp.map(Stamp::prefix).unwrap_or_default()))?;
    let replaced = fs::rename(&beside, file).and_then(|()| File::open(folder_of(file))?.sync_all());
    replaced.map_err(|error| source.refuse(format!("the new text cannot be put in its place: {error}")))
}

/// Where a key waits to take the place of the one in `path`.
pub(crate) fn next_to(path: &Path) -> PathBuf {
    with_ending(path, "next")
}

/// Puts the staged key in its place, at once, and keeps the one before under its fingerprint: older backups ask for it.
pub(crate) fn promote(source: &KeySource, path: &Path, old_fingerprint: &str) -> Result<()> {
    let kept = with_ending(path, old_fingerprint);
    let write = || {
        match fs::hard_link(path, &kept) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // Some file systems have no hard links.
            Err(_) => fs::copy(path, &kept).map(drop)?,
            Ok(()) => {}
        }
        match fs::rename(next_to(path), path) {
            // Another process, which started meanwhile, was quicker.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        File::open(folder_of(path))?.sync_all()
    };
    write().map_err(|error: std::io::Error| source.refuse(format!("the new key cannot be put in its place: {error}")))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What stands in the file of a key.
async fn text_of(source: &KeySource, key: &Secret, stamp: Stamp) -> Result<Zeroizing<String>> {
    let text = match source {
        KeySource::Service { service, .. } => service.wrap(key).await.map_err(|reason| source.refuse(reason))?,
        _ => STANDARD.encode(key.expose()),
    };
    Ok(Zeroizing::new(format!("{}{text}\n", stamp.prefix())))
}

/// Writes a file that does not exist yet, readable by its owner alone, and waits for the disk. An existing file is never
/// replaced: the content is complete before the name appears.
fn write_new(source: &KeySource, path: &Path, text: &str) -> Result<()> {
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
        File::open(folder_of(path))?.sync_all()
    };
    write().map_err(|error: std::io::Error| source.refuse(format!("the new key cannot be written: {error}")))
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
