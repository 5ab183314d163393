//! What rules remember while a request lasts: `TX`, and what matched.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::variable::{Selector, Target};

/// Values of `TX` that a request may make by names with macros.
const MADE_NAMES: usize = 1_024;
/// Bytes of one value.
const VALUE_BYTES: usize = 16 * 1024;

/// A value of `TX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TxValue {
    Number(i64),
    Text(Vec<u8>),
}

impl TxValue {
    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => crate::operator::number(text),
        }
    }

    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Number(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }

    /// A number where the text is one as it would be written, so that it compares without being read again.
    pub(crate) fn of(mut text: Vec<u8>) -> Self {
        text.truncate(VALUE_BYTES);
        let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<i64>().ok());
        match number {
            Some(number) if number.to_string().as_bytes() == text => Self::Number(number),
            _ => Self::Text(text),
        }
    }
}

/// Something that matched.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// `ARGS:q`
    pub name: Vec<u8>,
    /// After transformations.
    pub value: Vec<u8>,
    /// What the pattern found, where that is wanted.
    pub captures: Option<Vec<Option<Vec<u8>>>>,
}

/// Values of `TX`, which can be put back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// Values with names that rules spell out.
    fixed: Vec<Option<TxValue>>,
    /// Values with names that rules make.
    made: BTreeMap<Vec<u8>, TxValue>,
}

/// What rules remember.
#[derive(Debug)]
pub(crate) struct Memory {
    kept: Kept,
    names: BTreeMap<Vec<u8>, usize>,
    /// What matched last.
    pub last: Option<Hit>,
    /// What matched in the rule before, in a chain.
    pub matched: Vec<Hit>,
}

impl Memory {
    pub(crate) fn new(names: &BTreeMap<Vec<u8>, usize>) -> Self {
        let kept = Kept { fixed: vec![None; names.len()], made: BTreeMap::new() };
        Self { kept, names: names.clone(), last: None, matched: Vec::new() }
    }

    pub(crate) fn keep(&self) -> Kept {
        self.kept.clone()
    }

    pub(crate) fn put_back(&mut self, kept: Kept) {
        self.kept = kept;
    }

    pub(crate) fn at(&self, slot: usize) -> Option<&TxValue> {
        self.kept.fixed.get(slot).and_then(Option::as_ref)
    }

    pub(crate) fn by_name(&self, name: &[u8]) -> Option<&TxValue> {
        let name = name.to_ascii_lowercase();
        match self.names.get(&name) {
            Some(slot) => self.at(*slot),
            None => self.kept.made.get(&name),
        }
    }

    pub(crate) fn set(&mut self, slot: usize, value: Option<TxValue>) {
        if let Some(place) = self.kept.fixed.get_mut(slot) {
            *place = value;
        }
    }

    pub(crate) fn set_by_name(&mut self, name: &[u8], value: Option<TxValue>) {
        let name = name.to_ascii_lowercase();
        match (self.names.get(&name), value) {
            (Some(slot), value) => {
                let slot = *slot;
                self.set(slot, value);
            }
            (None, None) => drop(self.kept.made.remove(&name)),
            (None, Some(value)) if self.kept.made.len() < MADE_NAMES => drop(self.kept.made.insert(name, value)),
            (None, Some(_)) => {}
        }
    }

    /// Gives the values that the target selects, with their names.
    pub(crate) fn each(&self, target: &Target, mut give: impl FnMut(&[u8], &TxValue)) {
        match (&target.selector, target.slot) {
            (Selector::Name(name), Some(slot)) => {
                if let Some(value) = self.at(slot) {
                    give(name, value);
                }
            }
            (Selector::Name(name), None) => {
                if let Some(value) = self.by_name(name) {
                    give(name, value);
                }
            }
            (selector, _) => {
                let fixed = self.names.iter().filter_map(|(name, slot)| Some((name, self.at(*slot)?)));
                fixed.chain(&self.kept.made).filter(|(name, _)| selector.takes(name)).for_each(|(n, v)| give(n, v));
            }
        }
    }
}
