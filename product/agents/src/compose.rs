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

pub use self::speech::{speech, spoken};
pub use self::text::label;
pub use self::words::{day_in_words, hours_in_words, time_in_words};
use crate::profile::Profile;
use crate::prompt::PromptId;
use crate::reply::{Part, ReplyPlan};

/// The reply in words for a chat and for transcripts, through the grounding gate.
pub fn text(profile: &Profile, plan: &ReplyPlan) -> Reply {
    gated(profile, plan, text::text)
}

/// Lets `word` word the plan, and says only what the gate lets through: when a fact in the words is held by nothing, the
/// quotes alone are said, and without a quote that something went wrong.
fn gated(profile: &Profile, plan: &ReplyPlan, word: impl Fn(&Profile, &ReplyPlan) -> Reply) -> Reply {
    let worded = word(profile, plan);
    if ground::check(&worded.text, &ground::Facts::of(profile, plan)).is_ok() {
        return worded;
    }
    tracing::error!("a reply held a fact that no source holds; it was withheld");
    let quotes: Vec<Part> = plan.parts.iter().filter(|part| matches!(part, Part::Quote { .. })).cloned().collect();
    let parts = if quotes.is_empty() { vec![Part::Trouble] } else { quotes };
    text::text(profile, &ReplyPlan { parts, choices: plan.choices.clone() })
}

/// A reply as a chat shows it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Plain text; paragraphs are parted by a line feed.
    pub text: String,
    /// Where the quotes in it come from, in order.
    pub sources: Vec<Source>,
    /// What may be chosen, in order.
    pub choices: Vec<ReplyChoice>,
}

storage::debug_shows!(struct Reply { sources });

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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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

storage::debug_shows!(enum Speech {
    Prompt {},
    Digits {},
    Number {},
    Day {},
    Time {},
    Spelled {},
    FreeText { instead },
    Pause {},
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::sample;
    use crate::reply::Passage;

    fn quoting(text: &str) -> ReplyPlan {
        let passage = Passage {
            document_id: Uuid::nil(),
            title: "Prices".to_owned(),
            section: Vec::new(),
            text: text.to_owned(),
            url: None,
            score_thousandths: 900,
        };
        ReplyPlan { parts: vec![Part::Quote { passage, quote: text.to_owned() }], choices: Vec::new() }
    }

    #[test]
    fn words_with_an_invented_price_are_withheld_and_the_quote_is_said() {
        let plan = quoting("A cleaning costs 72 pounds.");
        let invent =
            |_: &Profile, _: &ReplyPlan| Reply { text: "It is only 19 pounds.".to_owned(), ..Reply::default() };
        let said = gated(&sample(), &plan, invent);
        assert!(said.text.contains("72") && !said.text.contains("19"), "{}", said.text);
        let nothing = gated(&sample(), &ReplyPlan::default(), invent);
        assert!(!nothing.text.contains("19") && !nothing.text.is_empty(), "{}", nothing.text);
    }

    #[test]
    fn a_caller_hears_what_the_transcript_of_a_call_says() {
        let plan = ReplyPlan { parts: vec![Part::RecordingNotice, Part::Goodbye], choices: Vec::new() };
        let said = spoken(&sample(), &plan, true);
        for prompt in [PromptId::RecordingNotice, PromptId::RecordingQuestion, PromptId::Goodbye] {
            assert!(said.contains(prompt.text()), "{said}");
        }
        assert_eq!(said.lines().count(), 2, "{said}");
    }

    #[test]
    fn words_that_a_source_holds_pass() {
        let plan = quoting("A cleaning costs 72 pounds.");
        let repeat = |_: &Profile, _: &ReplyPlan| Reply { text: "That is 72 pounds.".to_owned(), ..Reply::default() };
        assert_eq!(gated(&sample(), &plan, repeat).text, "That is 72 pounds.");
    }
}
