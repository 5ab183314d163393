//! The prefilter never drops a rule that would match.

use std::path::PathBuf;

use super::{Needs, Prefilter};
use crate::operator::{Operator, pattern_text};
use crate::rule_set::{RuleSet, Source};
use crate::transaction::Presence;

fn candidates(filter: &Prefilter, text: &[u8]) -> Vec<u64> {
    let mut output = vec![0; filter.words()];
    filter.candidates(text, &Presence::of(text), &mut Vec::new(), &mut output);
    output
}

fn needs(pattern: &str) -> Vec<Vec<String>> {
    let words = |list: &Vec<Vec<u8>>| list.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    Needs::of(&pattern_text(pattern)).0.iter().map(words).collect()
}

#[test]
fn reads_what_a_pattern_needs() {
    assert_eq!(needs("(?i)union\\s+select"), [["select"], ["union"]]);
    assert_eq!(needs("foo|bar"), [["bar", "foo"]]);
    assert_eq!(needs("a?select"), [["aselect", "select"]]);
    assert_eq!(needs("x*<y"), [["<y"]]);
    assert!(needs("[a-z]+").is_empty());
    assert!(needs("(?:select)?").is_empty());
    assert!(needs("foo|.*").is_empty());
    assert!(needs("").is_empty());
}

#[test]
fn lets_through_what_matches() {
    let patterns = ["(?i)union\\s+select", "foo|bar", "^$", "[<>]", "(?:ab){2,}", "\\x{bc}x"];
    let filter = Prefilter::new(&patterns.map(|pattern| Needs::of(&pattern_text(pattern))));
    let texts: [(&[u8], usize); 6] =
        [(b"UNION  Select", 0), (b"a bar", 1), (b"", 2), (b"x>", 3), (b"ABabab", 4), (b"\xbcx", 5)];
    for (text, pattern) in texts {
        assert!(candidates(&filter, text)[0] >> pattern & 1 == 1, "{text:?}");
    }
    assert_eq!(candidates(&filter, b"plain")[0] & 0b11_1011, 0, "and holds back what cannot");
}

/// Every pattern of the Core Rule Set on lines of its own cases: what matches is never held back.
#[test]
fn never_changes_a_result() {
    let folder = std::env::var_os("RINGFENCE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from)
        .join("crs");
    let Some((rules, lines)) = corpus(&folder) else {
        println!("not measured: never_changes_a_result: the rule set is not there");
        return;
    };
    let links = rules.rules().iter().flat_map(|rule| &rule.links);
    let patterns: Vec<_> = links
        .filter_map(|link| match (&link.operator, link.pattern) {
            (Operator::Pattern(pattern), Some(number)) => Some((number, pattern)),
            _ => None,
        })
        .collect();
    let (mut let_through, mut matched) = (0, 0);
    for line in lines.iter().step_by(29) {
        let candidates = candidates(&rules.prefilter, line.as_bytes());
        for (number, pattern) in &patterns {
            let candidate = candidates[*number as usize / 64] >> (number % 64) & 1 == 1;
            let matches = pattern.is_match(line.as_bytes());
            assert!(candidate || !matches, "{pattern} on {line}");
            let_through += usize::from(candidate);
            matched += usize::from(matches);
        }
    }
    println!("let through {let_through}, of which {matched} matched");
    assert!(matched > 1_000);
}

fn corpus(folder: &std::path::Path) -> Option<(RuleSet, Vec<String>)> {
    let read = |folder: PathBuf, extension: &str| {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            if entry.path().extension().is_some_and(|own| own == extension) {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(entry.path()).ok()?));
            }
        }
        files.sort();
        Some(files)
    };
    let (rules, data) = (read(folder.join("rules"), "conf")?, read(folder.join("rules"), "data")?);
    let compiled = RuleSet::compile(&borrowed(&rules), &borrowed(&data)).expect("the rule set");
    let mut lines = Vec::new();
    for family in std::fs::read_dir(folder.join("regression/tests")).ok()?.flatten() {
        for (_, text) in read(family.path(), "yaml").unwrap_or_default() {
            lines.extend(text.lines().map(|line| line.trim().to_owned()));
        }
    }
    lines.sort();
    lines.dedup();
    Some((compiled, lines))
}

fn borrowed(files: &[(String, String)]) -> Vec<Source<'_>> {
    files.iter().map(|(name, text)| Source { name, text }).collect()
}
