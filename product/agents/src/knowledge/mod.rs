//! Knowledge: the documents of a business, cut into sections, searched in memory and quoted word for word.
//!
//! Promises of this folder: nothing of a document is stored in clear; no organization's search can reach another's
//! sections, because every index is built from one organization's rows; a quote is always a verbatim piece of a
//! document; what the documents do not support is "not known"; no document, however malformed, panics or outgrows its
//! limits; the crawler reaches public addresses only.

pub mod answer;
pub mod api;
pub mod asked;
pub mod chunk;
pub mod client;
pub mod crawl;
pub mod document;
pub mod docx;
mod error;
pub mod html;
pub mod index;
mod intake;
pub mod markdown;
pub mod pdf;
pub mod plain;
pub mod robots;
mod search;
pub mod sentence;
pub mod source;
pub mod store;
pub mod synonyms;
pub mod words;
pub mod worker;

pub use answer::SUPPORT_NEEDED_THOUSANDTHS;
pub use api::{Description, routes};
pub use chunk::{Outline, Section};
pub use edge::outgoing::Reach;
/// Which addresses the crawler may reach: the same guard that stands before every request on somebody's behalf.
pub use edge::outgoing::reach as address;
pub use error::{Error, Result};
pub use index::Index;
pub use search::{Knowledge, Settings};
pub use source::{Attestation, Document, SourceKind, State};

use crate::reply::Passage;

/// A longer question is looked at up to here, in characters.
pub const QUESTION_CHARACTERS_MAX: usize = 2_000;

/// A passage that answers, with the piece of it to quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The passage.
    pub passage: Passage,
    /// The sentence or sentences of `passage.text` that answer best, verbatim.
    pub quote: String,
    /// How well the passage supports the question, in thousandths of what a perfect one would
    /// ([`SUPPORT_NEEDED_THOUSANDTHS`] to 1000).
    pub support_thousandths: i64,
}

/// The passages that answer `question`, best first, at most `limit`; empty means "not known": the documents do not
/// support the question well enough. Pure: the same index and question give the same bytes on every machine.
pub fn find(index: &Index, question: &str, limit: usize) -> Vec<Found> {
    answer::answers(index, cut(question), limit)
        .into_iter()
        .map(|found| Found {
            quote: found.quote_text().to_owned(),
            support_thousandths: found.support_thousandths,
            passage: Passage {
                document_id: found.section.document_id,
                title: found.section.title.clone(),
                section: found.section.path.clone(),
                text: found.section.text.clone(),
                url: found.section.url.clone(),
                score_thousandths: found.score_thousandths,
            },
        })
        .collect()
}

/// As much of a question as is looked at.
fn cut(question: &str) -> &str {
    question.char_indices().nth(QUESTION_CHARACTERS_MAX).map_or(question, |(cut, _)| &question[..cut])
}

#[cfg(test)]
mod tests;
