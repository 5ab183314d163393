//! The maps name only what is there: every path in backticks in ARCHITECTURE.md, CONTRIBUTING.md, SECURITY.md, README.md and the notes
//! of decisions exists. The notes are numbered from one, each number once.

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule = Rule { name: "map", promise: "the maps name only files and folders that exist", check };

const MAPS: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "README.md"];
const DECISIONS: &str = "docs/decisions/";
/// Endings that make a word without a slash a file.
const FILE_ENDINGS: &[&str] = &[".md", ".toml", ".rs", ".html", ".css", ".js"];
/// A reader who begins anywhere needs these maps.
const REQUIRED: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "docs/decisions/README.md"];

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_map = |path: &str| MAPS.contains(&path) || path.starts_with(DECISIONS);
    for map in tree.files.iter().filter(|file| is_map(&file.path)) {
        for (number, line) in map.lines() {
            for word in line.split('`').skip(1).step_by(2).filter(|word| is_path(word)) {
                let word = word.trim_end_matches('/');
                let beside = map.path.rsplit_once('/').map(|(folder, _)| format!("{folder}/{word}"));
                if !(tree.has(word) || names_a_file(tree, word) || beside.is_some_and(|path| tree.has(&path))) {
                    faults.push(Fault::at(&map.path, number, format!("names `{word}`, which does not exist")));
                }
            }
        }
    }
    if tree.has("Cargo.toml") {
        let missing = REQUIRED.iter().filter(|path| !tree.has(path));
        faults.extend(missing.map(|path| Fault::at(path, 0, "is missing")));
    }
    faults.extend(misnumbered(tree));
    faults
}

/// The notes of decisions as `07-title.md`, without a gap; whoever reads "see 7" finds one.
fn misnumbered(tree: &Tree) -> Vec<Fault> {
    let notes = tree.paths.iter().filter_map(|path| path.strip_prefix(DECISIONS));
    let notes = notes.filter(|name| *name != "README.md");
    let wrong = notes.enumerate().filter(|(before, name)| !name.starts_with(&format!("{:02}-", before + 1)));
    wrong
        .map(|(before, name)| {
            Fault::at(&format!("{DECISIONS}{name}"), 0, format!("is number {} of the notes", before + 1))
        })
        .collect()
}

/// A bare file name (`store.rs`) stands for the kind: it must exist somewhere.
fn names_a_file(tree: &Tree, word: &str) -> bool {
    !word.contains('/') && tree.paths.iter().any(|path| path.rsplit('/').next() == Some(word))
}

/// True for words that can only be a path in this tree: no spaces, no address, no pattern, no route.
fn is_path(word: &str) -> bool {
    let ordinary = word.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
    let looks = word.contains('/') || FILE_ENDINGS.iter().any(|ending| word.ends_with(ending));
    let elsewhere = word.starts_with('/')
        || word.starts_with('.') && !word.starts_with(".ci")
        || word.starts_with("target/")
        || word.contains("//");
    ordinary && looks && !elsewhere
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    fn faults(text: &str) -> usize {
        check(&Tree::planted(&[("ARCHITECTURE.md", text), ("storage/src/table.rs", "")])).len()
    }

    #[test]
    fn a_name_without_a_file_is_found() {
        assert_eq!(faults("see `storage/src/gone.rs` and `gone.rs`"), 2);
    }

    #[test]
    fn notes_of_decisions_are_numbered_once_and_name_what_is_there() {
        let notes = |second: &str, text: &str| {
            let second = format!("docs/decisions/{second}");
            check(&Tree::planted(&[("docs/decisions/01-a.md", "# 1. A"), (&second, text)])).len()
        };
        assert_eq!(notes("02-b.md", "# 2. B"), 0);
        assert_eq!((notes("01-b.md", "# 1. B"), notes("03-b.md", "# 3. B")), (1, 1));
        assert_eq!(notes("02-b.md", "`gone/away.rs`"), 1);
    }

    #[test]
    fn what_exists_passes_and_routes_are_not_paths() {
        assert_eq!(
            faults(
                "`storage/src/table.rs`, `storage/`, `table.rs`, `/trust.json`, `cargo xtask test`, `a::b`, `GET /v1`"
            ),
            0
        );
    }
}
