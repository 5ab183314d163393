//! Three small rules about text: every Rust file says first what it promises, nothing is left unfinished, and nothing of the machine it was
//! written on stands in the tree.

use super::tree::Tree;
use super::{Fault, Rule};

/// `//!` first.
pub const PROMISES: Rule =
    Rule { name: "file-promise", promise: "every Rust file starts with what it promises (//!)", check: promises };
/// No words of unfinished work.
pub const UNFINISHED: Rule =
    Rule { name: "unfinished", promise: "nothing is marked as still to do", check: unfinished };
/// No traces of a machine.
pub const MACHINE: Rule =
    Rule { name: "machine", promise: "no path of a machine and no registry host stands in the tree", check: machine };

/// A promise shorter than this says nothing.
const SHORTEST_PROMISE_CHARACTERS: usize = 10;

fn promises(tree: &Tree) -> Vec<Fault> {
    tree.with_extension("rs")
        .filter_map(|file| {
            let mut promise = file.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).peekable();
            if promise.peek().is_none() {
                return Some(Fault::at(&file.path, 1, "does not start with //! and what it promises"));
            }
            let length: usize = promise.map(|words| words.chars().count()).sum();
            (length < SHORTEST_PROMISE_CHARACTERS).then(|| Fault::at(&file.path, 1, "its //! lines say too little"))
        })
        .collect()
}

// Written in pieces, so that this file does not name what it looks for.
const UNFINISHED_WORDS: &[[&str; 2]] =
    &[["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["todo", "!("], ["unimplemented", "!("]];
const MACHINE_WORDS: &[[&str; 2]] = &[
    ["/wo", "rk/"],
    ["/tmp/", "brief"],
    ["/ro", "ot/"],
    ["registry.npm", "js.org"],
    ["static.crates", ".io"],
    ["index.crates", ".io"],
    ["proxy.golang", ".org"],
    ["files.python", "hosted.org"],
    ["pypi", ".org"],
    ["deb.debian", ".org"],
];

fn unfinished(tree: &Tree) -> Vec<Fault> {
    containing(tree, UNFINISHED_WORDS, "is unfinished work: do it or file it")
}

fn machine(tree: &Tree) -> Vec<Fault> {
    containing(tree, MACHINE_WORDS, "belongs to a machine, not to the project")
}

fn containing(tree: &Tree, words: &[[&str; 2]], why: &str) -> Vec<Fault> {
    let words: Vec<String> = words.iter().map(|halves| halves.concat()).collect();
    let mut faults = Vec::new();
    for file in &tree.files {
        for (number, line) in file.lines() {
            for word in words.iter().filter(|word| stands_in(line, word)) {
                faults.push(Fault::at(&file.path, number, format!("`{word}` {why}")));
            }
        }
    }
    faults
}

/// True when the word stands in the line and is not the inside of a longer word (`/network/`, `MASTODON`).
fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let opens = word.starts_with('/') || !before.is_some_and(char::is_alphanumeric);
        let closes = !word.ends_with(char::is_alphanumeric) || !after.is_some_and(char::is_alphanumeric);
        let own_folder = !word.starts_with('/')
            || !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '.' || letter == '}');
        opens && closes && own_folder
    })
}

#[cfg(test)]
mod tests {
    use super::{MACHINE_WORDS, UNFINISHED_WORDS, machine, promises, unfinished};
    use crate::house::tree::Tree;

    #[test]
    fn a_file_without_a_promise_is_named() {
        assert_eq!(promises(&Tree::planted(&[("a.rs", "fn f() {}")])).len(), 1);
        assert_eq!(promises(&Tree::planted(&[("a.rs", "//! x")])).len(), 1);
        assert!(promises(&Tree::planted(&[("a.rs", "//! Says what this file promises.")])).is_empty());
    }

    #[test]
    fn every_planted_word_is_found() {
        for halves in UNFINISHED_WORDS {
            assert_eq!(
                unfinished(&Tree::planted(&[("a.md", &format!("see {} now", halves.concat()))])).len(),
                1,
                "{halves:?}"
            );
        }
        for halves in MACHINE_WORDS {
            assert_eq!(
                machine(&Tree::planted(&[("a.md", &format!("see {} now", halves.concat()))])).len(),
                1,
                "{halves:?}"
            );
        }
    }

    #[test]
    fn longer_words_and_addresses_are_left_alone() {
        let harmless = "https://dental.example/work/hours and MASTODON and a mastodon";
        assert!(machine(&Tree::planted(&[("a.md", harmless)])).is_empty());
        assert!(unfinished(&Tree::planted(&[("a.md", harmless)])).is_empty());
    }
}
