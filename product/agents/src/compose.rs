//! Wording: a [`ReplyPlan`](crate::reply::ReplyPlan) becomes text for a chat or speech units for a phone.
//!
//! This is the embedded composer: approved wording and verbatim quotes. Whatever words a reply, [`ground::check`] decides
//! whether it may be sent: a number, date, time, price, telephone number, address or URL that occurs in no quote, slot,
//! tool result or setting of the business stops it.

pub mod ground;
mod speech;
mod text;
mod words;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::speech::speech;
pub use self::text::{label, text};
pub use self::words::{day_in_words, hours_in_words, time_in_words};
use crate::prompt::PromptId;

/// A reply as a chat shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Plain text; paragraphs are parted by a line feed.
    pub text: String,
    /// Where the quotes in it come from, in order.
    pub sources: Vec<Source>,
    /// What may be chosen, in order.
    pub choices: Vec<ReplyChoice>,
}

/// Where a quote comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The document.
    pub document_id: Uuid,
    /// Its title.
    pub title: String,
    /// Path of headings down to the passage, outermost first.
    pub section: Vec<String>,
    /// Its public address, if it has one.
    pub url: Option<String>,
    /// The words quoted, verbatim.
    pub quote: String,
}

/// A choice as a button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyChoice {
    /// Its number, 1 to 9.
    pub number: u8,
    /// What stands on the button.
    pub label: String,
}

/// One unit of speech.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speech {
    /// A sentence or a glue word that was rendered beforehand.
    Prompt(PromptId),
    /// Digits read one by one; only `0-9`.
    Digits(String),
    /// A number read as a number.
    Number(u32),
    /// A day: weekday, day of the month, month.
    Day(Date),
    /// A time of day.
    Time(Time),
    /// Letters and digits read one by one; only `A-Z0-9`.
    Spelled(String),
    /// Words that only a synthesizer can say.
    FreeText {
        /// The words.
        text: String,
        /// What is said when there is no synthesizer; may be empty.
        instead: Vec<Speech>,
    },
    /// Silence, in milliseconds.
    Pause(u32),
}
