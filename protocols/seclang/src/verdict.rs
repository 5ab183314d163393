//! What the rules decided, and what they saw.

use crate::action::Severity;

/// What the rules decided about a request or its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stands in the way.
    Pass,
    /// A rule refuses it.
    Refuse {
        /// The HTTP status that the rule asks for.
        status: u16,
        /// Which rule.
        rule: u64,
    },
}

/// A rule that applied and wants to be heard of.
///
/// `message` and `data` are made from the request and can hold personal data: they are for tests and for the operator's own
/// eyes, not for logs that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which rule.
    pub rule: u64,
    /// In which phase, 1 to 5.
    pub phase: u8,
    /// How bad.
    pub severity: Option<Severity>,
    /// What it calls it (`msg`), with macros filled in.
    pub message: String,
    /// What it saw (`logdata`), with macros filled in, cut to [`Match::DATA_BYTES`].
    pub data: String,
    /// Where it was seen: variable and name, `ARGS:q`.
    pub target: String,
    /// It was seen in free text only: none of the rule's actions ran.
    pub free_text: bool,
}

impl Match {
    /// Bytes of message and of data that are kept at most.
    pub const DATA_BYTES: usize = 2_048;
}
