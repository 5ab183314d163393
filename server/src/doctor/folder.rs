//! The data folder: there, ours, for us alone, and writable.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::Finding;

const NAME: &str = "data folder";
/// Written and removed again, to see that it can be.
const TRIAL_FILE: &str = ".doctor";

/// Looks at the folder from outside.
pub fn look(folder: &Path) -> Finding {
    let shown = folder.display();
    let metadata = match std::fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = "name the right one with --data-dir, or let the first `ringfence serve` make it";
            return Finding::fault(NAME, format!("there is no {shown}: {what}"));
        }
        Err(error) => return Finding::fault(NAME, format!("{shown} cannot be looked at ({error})")),
    };
    if !metadata.is_dir() {
        return Finding::fault(NAME, format!("{shown} is not a folder: name one with --data-dir"));
    }
    if let Some(user) = own_user().filter(|user| *user != metadata.uid()) {
        let owner = metadata.uid();
        let what = format!("run this as the user that serves, or hand it over with: chown -R {user} {shown}");
        return Finding::fault(NAME, format!("{shown} belongs to user {owner}, this is user {user}: {what}"));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o700 != 0o700 {
        return Finding::fault(NAME, format!("{shown} cannot be written to (mode {mode:03o}): chmod 700 {shown}"));
    }
    if mode & 0o077 != 0 {
        return Finding::fault(NAME, format!("other users can get at {shown} (mode {mode:03o}): chmod 700 {shown}"));
    }
    match trial(folder) {
        Ok(()) => Finding::good(NAME, format!("{shown}, for its owner alone")),
        Err(error) => {
            let what = "give the serving user a place that can be written to";
            Finding::fault(NAME, format!("{shown} cannot be written to ({error}): {what}"))
        }
    }
}

/// The user that this process runs as, where the system tells.
fn own_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

fn trial(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(TRIAL_FILE);
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
    std::fs::remove_file(file)
}
