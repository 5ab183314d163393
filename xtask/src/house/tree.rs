//! The tree as the rules see it: every text file that belongs to the repository, read once.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Folders that are never part of the tree when Git cannot be asked.
const NOT_THE_TREE: &[&str] = &[".git", "target", "node_modules", "__pycache__"];
/// A text file above this size is not ours to read.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// One text file.
pub struct SourceFile {
    /// Relative to the root, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
    parsed: OnceCell<Result<syn::File, (usize, String)>>,
}

impl SourceFile {
    fn new(path: String, text: String) -> Self {
        Self { path, text, parsed: OnceCell::new() }
    }

    /// The ending after the last dot; empty without one.
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The file as Rust; `Err` holds line and reason.
    pub fn rust(&self) -> &Result<syn::File, (usize, String)> {
        self.parsed
            .get_or_init(|| syn::parse_file(&self.text).map_err(|error| (error.span().start().line, error.to_string())))
    }

    /// Lines with their numbers from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// All text files, and the names of all files and folders.
pub struct Tree {
    /// The text files, by path.
    pub files: Vec<SourceFile>,
    /// Every path, of files of any kind and of the folders above them.
    pub paths: BTreeSet<String>,
    /// What `cargo tree` says the binary is built from; `None` in a planted tree that has no manifests.
    pub dependency_listing: Option<String>,
}

impl Tree {
    /// Reads the repository at `root`: what Git tracks or would track, or without Git whatever lies there.
    pub fn read(root: &Path) -> Result<Self> {
        let paths = listed_by_git(root).map_or_else(|| walk(root), Ok)?;
        let mut files = Vec::new();
        for path in &paths {
            let full = root.join(path);
            let Ok(about) = std::fs::metadata(&full) else { continue };
            if about.is_file()
                && about.len() <= MOST_BYTES
                && let Ok(text) = String::from_utf8(std::fs::read(&full)?)
            {
                files.push(SourceFile::new(path.clone(), text));
            }
        }
        let mut tree = Self::of(files, paths);
        tree.dependency_listing = Some(dependency_listing(root)?);
        Ok(tree)
    }

    /// A tree made up by a test.
    #[cfg(test)]
    pub fn planted(files: &[(&str, &str)]) -> Self {
        let paths = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        Self::of(
            files.iter().map(|(path, text)| SourceFile::new((*path).to_owned(), (*text).to_owned())).collect(),
            paths,
        )
    }

    fn of(mut files: Vec<SourceFile>, listed: Vec<String>) -> Self {
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let mut paths = BTreeSet::new();
        for path in listed {
            for (end, _) in path.match_indices('/') {
                paths.insert(path[..end].to_owned());
            }
            paths.insert(path);
        }
        Self { files, paths, dependency_listing: None }
    }

    /// The file at this path.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Files with this ending.
    pub fn with_extension<'tree>(&'tree self, extension: &'tree str) -> impl Iterator<Item = &'tree SourceFile> {
        self.files.iter().filter(move |file| file.extension() == extension)
    }

    /// True when a file or folder of this name is in the tree; a slash at the end does not matter.
    pub fn has(&self, path: &str) -> bool {
        self.paths.contains(path.trim_end_matches('/'))
    }
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["-c", "core.quotepath=off", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(root)
        .output()
        .ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = listed.lines().filter(|path| root.join(path).exists()).map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            if NOT_THE_TREE.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) {
                paths.push(path.to_owned());
            }
        }
    }
    Ok(paths)
}

/// Names and versions of every package that goes into the binary or into building it.
fn dependency_listing(root: &Path) -> Result<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--package", "server", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root)
        .output()
        .context("cargo tree could not be started")?;
    if !output.status.success() {
        anyhow::bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
