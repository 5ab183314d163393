//! A visitor's message as it arrives: bounded, with an id of the sender's own, so that a second try says nothing twice.

use serde::Deserialize;
use uuid::Uuid;
use web::{FieldError, Problem};

/// Longest message, in characters.
pub const MESSAGE_LENGTH_MAX: usize = 2_000;
/// Choices are numbered up to this.
pub const CHOICE_MAX: u8 = 9;

/// One message of a visitor: words, or a choice that was pressed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The sender's own id for it.
    pub client_id: Uuid,
    /// What was written; with a choice, its label.
    pub text: String,
    /// The number of the choice, 1 to [`CHOICE_MAX`].
    #[serde(default)]
    pub choice: Option<u8>,
}

storage::debug_shows!(struct Message { client_id, choice });

impl Message {
    /// The message without white space around it, or what is wrong with it.
    pub fn checked(mut self) -> Result<Self, Problem> {
        // Control characters but line breaks and tabs have no business in words, and NUL none in a database.
        self.text.retain(|character| !character.is_control() || matches!(character, '\n' | '\t'));
        let text = self.text.trim();
        let mut errors = Vec::new();
        if text.is_empty() || text.chars().count() > MESSAGE_LENGTH_MAX {
            errors.push(FieldError::new("text", format!("1 to {MESSAGE_LENGTH_MAX} characters.")));
        }
        if self.choice.is_some_and(|number| !(1..=CHOICE_MAX).contains(&number)) {
            errors.push(FieldError::new("choice", format!("1 to {CHOICE_MAX}.")));
        }
        if errors.is_empty() {
            Ok(Self { text: text.to_owned(), ..self })
        } else {
            Err(Problem::unprocessable("The message cannot be accepted.", errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, choice: Option<u8>) -> Result<String, Vec<String>> {
        let message = Message { client_id: Uuid::from_u128(1), text: text.to_owned(), choice };
        let fields = |problem: Problem| problem.errors().iter().map(|error| error.field.clone()).collect();
        message.checked().map(|message| message.text).map_err(fields)
    }

    #[test]
    fn a_message_is_taken_up_to_its_limits() {
        let longest = "é".repeat(MESSAGE_LENGTH_MAX);
        assert_eq!(checked(&longest, Some(CHOICE_MAX)), Ok(longest.clone()));
        assert_eq!(checked(&format!("{longest}x"), None), Err(vec!["text".to_owned()]));
        assert_eq!(checked(" \n", Some(0)), Err(vec!["text".to_owned(), "choice".to_owned()]));
        assert_eq!(checked("one", Some(CHOICE_MAX + 1)), Err(vec!["choice".to_owned()]));
    }

    #[test]
    fn control_characters_are_dropped_and_lines_kept() {
        assert_eq!(checked(" one\u{0}\r\ntwo\u{1b}[31m\u{7} ", None), Ok("one\ntwo[31m".to_owned()));
    }
}
