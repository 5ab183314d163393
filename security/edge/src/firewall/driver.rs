//! Reads a Core Rule Set from its folder, within limits.

use std::path::Path;

use seclang::Source;

use super::FirewallError;

/// Bytes that one file may have.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Files that a folder may hold.
const FILES: usize = 500;

/// A file, read.
pub(super) struct File {
    name: String,
    text: String,
}

impl File {
    pub(super) fn source(&self) -> Source<'_> {
        Source { name: &self.name, text: &self.text }
    }
}

/// The rule set's files: rules in the order of their names behind the set-up, and phrases.
pub(super) struct Files {
    pub rules: Vec<File>,
    pub data: Vec<File>,
}

pub(super) fn read(folder: &Path) -> Result<Files, FirewallError> {
    let fault = |reason: String| FirewallError::Folder { folder: folder.display().to_string(), reason };
    let own = folder.join("crs-setup.conf");
    let set_up = if own.is_file() { own } else { folder.join("crs-setup.conf.example") };
    let set_up = file(&set_up).map_err(|error| fault(format!("crs-setup.conf(.example): {error}")))?;
    let entries = std::fs::read_dir(folder.join("rules")).map_err(|error| fault(format!("rules/: {error}")))?;
    let (mut rules, mut data) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(|error| fault(format!("rules/: {error}")))?.path();
        let list = match path.extension().and_then(|extension| extension.to_str()) {
            Some("conf") => &mut rules,
            Some("data") => &mut data,
            _ => continue,
        };
        list.push(file(&path).map_err(|error| fault(format!("{}: {error}", path.display())))?);
    }
    if rules.is_empty() || rules.len() + data.len() > FILES {
        return Err(fault(format!("rules/ holds {} rule files and {} phrase files", rules.len(), data.len())));
    }
    // Their names begin with the numbers that order them.
    rules.sort_by(|one, other| one.name.cmp(&other.name));
    rules.insert(0, set_up);
    Ok(Files { rules, data })
}

fn file(path: &Path) -> Result<File, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES {
        return Err(format!("{length} bytes are more than {FILE_BYTES}"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(File { name, text: std::fs::read_to_string(path).map_err(|error| error.to_string())? })
}
