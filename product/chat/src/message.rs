//! A visitor's message as it arrives: bounded, with an id of the sender's own, so that a second try says nothing twice.

use serde::Deserialize;
use web::{FieldError, Problem};

/// Longest message, in characters.
pub const MESSAGE_LENGTH_MAX: usize = 2_000;
/// Longest id of a message, in characters: a UUID as text has 36.
pub const CLIENT_ID_LENGTH_MAX: usize = 64;

/// One message of a visitor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The sender's own id for it: letters, digits and hyphens.
    pub client_id: String,
    /// What was written.
    pub text: String,
}

impl Message {
    /// The message without white space around it, or what is wrong with it.
    pub fn checked(mut self) -> Result<Self, Problem> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let mut errors = Vec::new();
        if !(1..=CLIENT_ID_LENGTH_MAX).contains(&self.client_id.len()) || !self.client_id.bytes().all(is_id) {
            errors.push(FieldError::new(
                "client_id",
                format!("1 to {CLIENT_ID_LENGTH_MAX} letters, digits and hyphens."),
            ));
        }
        // Control characters but line breaks and tabs have no business in words, and NUL none in a database.
        self.text.retain(|character| !character.is_control() || matches!(character, '\n' | '\t'));
        let text = self.text.trim();
        if text.is_empty() || text.chars().count() > MESSAGE_LENGTH_MAX {
            errors.push(FieldError::new("text", format!("1 to {MESSAGE_LENGTH_MAX} characters.")));
        }
        if errors.is_empty() {
            Ok(Self { text: text.to_owned(), client_id: self.client_id })
        } else {
            Err(Problem::unprocessable("The message cannot be accepted.", errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(client_id: &str, text: &str) -> Result<Message, Vec<String>> {
        let message = Message { client_id: client_id.to_owned(), text: text.to_owned() };
        message.checked().map_err(|problem| problem.errors().iter().map(|error| error.field.clone()).collect())
    }

    #[test]
    fn a_message_is_taken_up_to_its_limits() {
        let longest = "é".repeat(MESSAGE_LENGTH_MAX);
        assert_eq!(checked("a-1", &longest).map(|message| message.text), Ok(longest.clone()));
        assert_eq!(checked("a-1", &format!("{longest}x")), Err(vec!["text".to_owned()]));
        assert!(checked(&"a".repeat(CLIENT_ID_LENGTH_MAX), "hello").is_ok());
        assert_eq!(checked(&"a".repeat(CLIENT_ID_LENGTH_MAX + 1), "hello"), Err(vec!["client_id".to_owned()]));
        for id in ["", "a b", "a'b", "é"] {
            assert_eq!(checked(id, " "), Err(vec!["client_id".to_owned(), "text".to_owned()]), "{id}");
        }
    }

    #[test]
    fn control_characters_are_dropped_and_lines_kept() {
        let message = checked("1", " one\u{0}\r\ntwo\u{1b}[31m\u{7} ").expect("taken");
        assert_eq!(message.text, "one\ntwo[31m");
    }
}
