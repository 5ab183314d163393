//! Every text of a transaction once, with what transformations made of it.
//!
//! Most transformations leave ordinary text as it is. Such a result is the same text with the same number, so that a
//! request of ten values and forty transformation chains holds a few dozen texts, and each is searched once.

use crate::prefilter::Prefilter;
use crate::transaction::Presence;
use crate::transformation::Transformation;

/// A text of this transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TextId(u32);

const UNKNOWN: u32 = u32::MAX;

#[derive(Debug)]
struct Span {
    start: usize,
    length: usize,
    presence: Presence,
    /// Where its candidates stand, or [`UNKNOWN`].
    candidates: u32,
    /// The text whose candidates are the same: only the case of letters differs.
    alike: u32,
}

/// The texts.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// For each text and each transformation the result, or [`UNKNOWN`].
    derived: Vec<u32>,
    /// Sets of patterns, `words` long each.
    candidates: Vec<u64>,
    words: usize,
    scratch: Vec<u8>,
    met: Vec<u64>,
}

impl Texts {
    pub(crate) fn new(words: usize) -> Self {
        let mut texts = Self {
            bytes: Vec::with_capacity(4_096),
            spans: Vec::with_capacity(64),
            derived: Vec::with_capacity(64 * Transformation::COUNT),
            candidates: Vec::with_capacity(32 * words),
            words,
            scratch: Vec::new(),
            met: Vec::new(),
        };
        texts.add(b"");
        texts
    }

    /// The text without a byte.
    pub(crate) const EMPTY: TextId = TextId(0);

    /// One more text.
    pub(crate) fn add(&mut self, text: &[u8]) -> TextId {
        if text.is_empty() && !self.spans.is_empty() {
            return Self::EMPTY;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.span(start)
    }

    fn span(&mut self, start: usize) -> TextId {
        let text = &self.bytes[start..];
        let number = self.spans.len() as u32;
        let (length, presence) = (text.len(), Presence::of(text));
        self.spans.push(Span { start, length, presence, candidates: UNKNOWN, alike: number });
        self.derived.resize(self.derived.len() + Transformation::COUNT, UNKNOWN);
        TextId(number)
    }

    /// Its bytes.
    pub(crate) fn get(&self, text: TextId) -> &[u8] {
        let span = &self.spans[text.0 as usize];
        &self.bytes[span.start..span.start + span.length]
    }

    /// Which bytes occur in it.
    pub(crate) fn presence(&self, text: TextId) -> &Presence {
        &self.spans[text.0 as usize].presence
    }

    /// What the transformation makes of it.
    pub(crate) fn derive(&mut self, text: TextId, transformation: Transformation) -> TextId {
        let place = text.0 as usize * Transformation::COUNT + transformation as usize;
        if self.derived[place] != UNKNOWN {
            return TextId(self.derived[place]);
        }
        let result =
            if transformation.leaves(self.presence(text)) { text } else { self.transform(text, transformation) };
        self.derived[place] = result.0;
        result
    }

    fn transform(&mut self, text: TextId, transformation: Transformation) -> TextId {
        let mut output = std::mem::take(&mut self.scratch);
        output.clear();
        transformation.apply(self.get(text), &mut output);
        let result = if output == self.get(text) { text } else { self.add(&output) };
        if matches!(transformation, Transformation::Lowercase | Transformation::Uppercase) {
            self.spans[result.0 as usize].alike = self.spans[text.0 as usize].alike;
        }
        self.scratch = output;
        result
    }

    /// What the transformations make of it, one after another.
    pub(crate) fn chain(&mut self, text: TextId, transformations: &[Transformation]) -> TextId {
        transformations.iter().fold(text, |text, transformation| self.derive(text, *transformation))
    }

    /// The patterns that may match it.
    pub(crate) fn candidates(&mut self, text: TextId, prefilter: &Prefilter) -> &[u64] {
        let like = self.spans[text.0 as usize].alike as usize;
        if self.spans[like].candidates == UNKNOWN {
            let start = self.candidates.len();
            self.candidates.resize(start + self.words, 0);
            let span = &self.spans[like];
            let bytes = &self.bytes[span.start..span.start + span.length];
            prefilter.candidates(bytes, &span.presence, &mut self.met, &mut self.candidates[start..]);
            self.spans[like].candidates = start as u32;
        }
        let start = self.spans[like].candidates as usize;
        &self.candidates[start..start + self.words]
    }
}
