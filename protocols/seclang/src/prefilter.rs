//! What a text must contain before a pattern can match it, asked of all patterns at once.
//!
//! From each pattern we read literals of which one must occur ([`Needs`]). One automaton looks for the literals of all
//! patterns in one pass over a text; only patterns whose needs are all met are run. This changes the cost and never the
//! result: a test compares both on every pattern of a rule set.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::transaction::Presence;

/// Literals that one need may list.
const LITERALS: usize = 192;
/// Texts that are spelled out in full while a pattern is read.
const SPELLED: usize = 96;
/// Needs that are kept of one pattern.
const NEEDS: usize = 3;
/// Bytes of a literal that are looked for.
const LITERAL_BYTES: usize = 12;

/// One of these occurs, in small letters.
type AnyOf = Vec<Vec<u8>>;

/// What a pattern needs: one of each list. Empty where nothing useful is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs(pub Vec<AnyOf>);

/// What is known of a piece of a pattern.
struct Known {
    /// All texts it can match, where they are few.
    exact: Option<AnyOf>,
    /// What it needs.
    needs: Vec<AnyOf>,
}

impl Known {
    fn nothing() -> Self {
        Self { exact: None, needs: Vec::new() }
    }

    fn exactly(texts: AnyOf) -> Self {
        Self { exact: Some(texts), needs: Vec::new() }
    }

    /// The needs, with the exact texts as one of them.
    fn all_needs(self) -> Vec<AnyOf> {
        let mut needs = self.needs;
        needs.extend(self.exact);
        needs
    }
}

/// How seldom a literal occurs in ordinary text; 0 for one that says nothing.
fn weight(literal: &[u8]) -> u32 {
    let byte = |byte: &u8| match byte {
        b'a'..=b'z' => 2,
        b' ' | b'.' | b',' | b'-' => 1,
        b'0'..=b'9' | b'/' | b':' | b'\'' | b'"' | b'?' | b'=' | b'_' => 3,
        _ => 5,
    };
    literal.iter().map(byte).sum()
}

/// What the list is worth: as much as its commonest literal.
fn worth(any_of: &AnyOf) -> u32 {
    any_of.iter().map(|literal| weight(literal)).min().unwrap_or_default()
}

/// A list has to be worth so much: two letters, or one sign.
const LEAST: u32 = 3;

impl Needs {
    /// Reads a pattern in the syntax that [`crate::operator::pattern_text`] makes.
    pub(crate) fn of(pattern: &str) -> Self {
        let mut builder = ParserBuilder::new();
        let parsed = builder.unicode(false).utf8(false).dot_matches_new_line(true).build().parse(pattern);
        parsed.map_or_else(|_| Self::default(), |hir| Self::best(known(&hir).all_needs()))
    }

    fn best(mut needs: Vec<AnyOf>) -> Self {
        needs.retain(|any_of| worth(any_of) >= LEAST && any_of.len() <= LITERALS);
        for any_of in &mut needs {
            for literal in any_of.iter_mut() {
                literal.truncate(LITERAL_BYTES);
            }
            any_of.sort();
            any_of.dedup();
        }
        needs.sort_by_key(|any_of| (std::cmp::Reverse(worth(any_of)), any_of.len()));
        needs.dedup();
        needs.truncate(NEEDS);
        Self(needs)
    }
}

fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::exactly(vec![Vec::new()]),
        HirKind::Literal(literal) => Known::exactly(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => class_bytes(class).map_or_else(Known::nothing, Known::exactly),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Repetition(repetition) => {
            let once = repetition.min == 1 && repetition.max == Some(1);
            match (repetition.min, repetition.max) {
                _ if once => known(&repetition.sub),
                (0, Some(1)) => optional(known(&repetition.sub)),
                (0, _) => Known::nothing(),
                _ => Known { exact: None, needs: known(&repetition.sub).all_needs() },
            }
        }
        HirKind::Concat(parts) => concatenated(parts),
        HirKind::Alternation(branches) => either(branches),
    }
}

fn optional(known: Known) -> Known {
    match known.exact {
        Some(mut texts) if texts.len() < SPELLED => {
            texts.push(Vec::new());
            Known::exactly(texts)
        }
        _ => Known::nothing(),
    }
}

/// The bytes of a class, in small letters, where they are few.
fn class_bytes(class: &Class) -> Option<AnyOf> {
    let Class::Bytes(class) = class else { return None };
    let mut bytes = Vec::new();
    for range in class.ranges() {
        for byte in range.start()..=range.end() {
            bytes.push(vec![byte.to_ascii_lowercase()]);
        }
        if bytes.len() > 2 * SPELLED {
            return None;
        }
    }
    bytes.sort();
    bytes.dedup();
    (bytes.len() <= 16).then_some(bytes)
}

fn concatenated(parts: &[Hir]) -> Known {
    let mut needs = Vec::new();
    let mut run: AnyOf = vec![Vec::new()];
    let mut whole = true;
    for part in parts {
        let piece = known(part);
        needs.extend(piece.needs);
        match piece.exact {
            Some(texts) if run.len() * texts.len() <= SPELLED => {
                run = run.iter().flat_map(|head| texts.iter().map(move |tail| [&head[..], tail].concat())).collect();
            }
            exact => {
                whole = false;
                needs.push(std::mem::replace(&mut run, exact.unwrap_or_else(|| vec![Vec::new()])));
            }
        }
    }
    if whole {
        return Known { exact: Some(run), needs };
    }
    needs.push(run);
    Known { exact: None, needs }
}

fn either(branches: &[Hir]) -> Known {
    let pieces: Vec<Known> = branches.iter().map(known).collect();
    let few = pieces.iter().map(|piece| piece.exact.as_ref().map_or(SPELLED + 1, Vec::len)).sum::<usize>() <= SPELLED;
    if few {
        return Known::exactly(pieces.into_iter().filter_map(|piece| piece.exact).flatten().collect());
    }
    // The best list of each branch; nothing where a branch needs nothing.
    let mut any_of = AnyOf::new();
    for piece in pieces {
        let best = piece.all_needs().into_iter().max_by_key(|list| (worth(list), std::cmp::Reverse(list.len())));
        match best {
            Some(list) if worth(&list) >= LEAST => any_of.extend(list),
            _ => return Known::nothing(),
        }
        if any_of.len() > LITERALS {
            return Known::nothing();
        }
    }
    Known { exact: None, needs: vec![any_of] }
}

/// Patterns by number, and what lets them run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefilter {
    automaton: Option<AhoCorasick>,
    /// Which needs a literal of the automaton meets.
    meets: Vec<Box<[u32]>>,
    /// Needs that single bytes meet.
    bytes: Vec<(u32, Presence)>,
    /// The needs of each pattern.
    of_pattern: Vec<Box<[u32]>>,
    needs: usize,
}

impl Prefilter {
    /// An automaton for the needs of these patterns, numbered as they come.
    pub(crate) fn new(patterns: &[Needs]) -> Self {
        let mut literals = std::collections::BTreeMap::<&[u8], Vec<u32>>::new();
        let mut filter = Self::default();
        for pattern in patterns {
            let mut own = Vec::new();
            for any_of in &pattern.0 {
                let need = filter.needs as u32;
                filter.needs += 1;
                own.push(need);
                let mut bytes = Presence::default();
                for literal in any_of {
                    match literal.as_slice() {
                        [byte] => {
                            bytes.add(*byte);
                            bytes.add(byte.to_ascii_uppercase());
                        }
                        literal => literals.entry(literal).or_default().push(need),
                    }
                }
                if bytes != Presence::default() {
                    filter.bytes.push((need, bytes));
                }
            }
            filter.of_pattern.push(own.into());
        }
        let kind = if literals.len() < 6_000 { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let mut builder = AhoCorasickBuilder::new();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard).kind(Some(kind));
        // Without an automaton every pattern runs: slower, and as right.
        filter.automaton = builder.build(literals.keys()).ok();
        filter.meets = literals.into_values().map(Into::into).collect();
        filter
    }

    /// Words of a set of patterns.
    pub(crate) fn words(&self) -> usize {
        self.of_pattern.len().div_ceil(64)
    }

    /// Marks in `output` the patterns that may match the text. `met` is scratch space.
    pub(crate) fn candidates(&self, text: &[u8], presence: &Presence, met: &mut Vec<u64>, output: &mut [u64]) {
        let Some(automaton) = &self.automaton else { return output.fill(u64::MAX) };
        met.clear();
        met.resize(self.needs.div_ceil(64), 0);
        for (need, bytes) in &self.bytes {
            if bytes.meets(presence) {
                met[*need as usize / 64] |= 1 << (need % 64);
            }
        }
        for found in automaton.find_overlapping_iter(text) {
            for need in &self.meets[found.pattern().as_usize()] {
                met[*need as usize / 64] |= 1 << (need % 64);
            }
        }
        for (pattern, needs) in self.of_pattern.iter().enumerate() {
            if needs.iter().all(|need| met[*need as usize / 64] >> (need % 64) & 1 == 1) {
                output[pattern / 64] |= 1 << (pattern % 64);
            }
        }
    }
}

#[cfg(test)]
mod tests;
