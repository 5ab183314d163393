//! Names, telephone numbers and e-mail addresses.

use std::ops::Range;

use super::token::{Token, number};

/// Digits of a number that is read without being asked for.
const UNASKED_DIGITS: usize = 7;
/// Digits of a number that was asked for.
const ASKED_DIGITS: usize = 5;
/// Digits of the longest number (ITU-T E.164).
const DIGITS_MAX: usize = 15;
/// Words of a name.
const NAME_WORDS: usize = 4;

/// The first telephone number, in E.164 where it was given with `+` or `00`, else its digits. `asked` lowers how many digits make
/// one.
pub fn phone_number(tokens: &[Token], asked: bool) -> Option<(String, Range<usize>)> {
    let least = if asked { ASKED_DIGITS } else { UNASKED_DIGITS };
    let mut at = 0;
    while at < tokens.len() {
        let (number, length) = run_of_digits(&tokens[at..]);
        let digits = number.chars().filter(char::is_ascii_digit).count();
        if (least..=DIGITS_MAX).contains(&digits) {
            let number = number.strip_prefix("00").map_or_else(|| number.clone(), |rest| format!("+{rest}"));
            return Some((number, at..at + length));
        }
        at += length.max(1);
    }
    None
}

/// Digits in groups, or spoken one by one ("oh three zero, double four").
fn run_of_digits(tokens: &[Token]) -> (String, usize) {
    let mut digits = String::new();
    let mut repeat = 1;
    let mut length = 0;
    for token in tokens {
        let lower = token.lower.as_str();
        match lower {
            "double" | "triple" => {
                repeat = if lower == "double" { 2 } else { 3 };
                length += 1;
                continue;
            }
            "plus" if digits.is_empty() => digits.push('+'),
            "oh" | "o" if !digits.is_empty() || repeat > 1 || tokens.len() > 3 => digits.push_str(&"0".repeat(repeat)),
            _ if token.written.chars().all(|c| c.is_ascii_digit() || "+-/().".contains(c)) && !dated(token) => {
                let plus = token.written.starts_with('+') && digits.is_empty();
                digits.extend(plus.then_some('+'));
                // "(0)" stands for a trunk zero that is not dialled from abroad; its bracket may be trimmed off.
                let written = token.written.replace("(0)", "");
                let written = written.strip_prefix("0)").unwrap_or(&written);
                digits.extend(written.chars().filter(char::is_ascii_digit));
            }
            _ => match number(lower).filter(|value| *value < 10 && lower.chars().all(char::is_alphabetic)) {
                Some(value) => digits.push_str(&value.to_string().repeat(repeat)),
                None => break,
            },
        }
        repeat = 1;
        length += 1;
    }
    (digits, length)
}

/// A date in digits is no part of a number.
fn dated(token: &Token) -> bool {
    let separators = token.written.matches(['/', '.', '-']).count();
    separators == 2
        && token.written.len() <= 10
        && token.written.split(['/', '.', '-']).all(|piece| piece.len() <= 4)
        && token.written.split(['/', '.', '-']).filter(|piece| piece.len() <= 2).count() >= 2
}

/// The first e-mail address, in lowercase; also spoken: "ada at example dot org".
pub fn email(tokens: &[Token]) -> Option<(String, Range<usize>)> {
    for (at, token) in tokens.iter().enumerate() {
        if let Some((name, host)) = token.written.split_once('@')
            && !name.is_empty()
            && host.contains('.')
            && !host.contains('@')
        {
            return Some((token.written.to_lowercase(), at..at + 1));
        }
    }
    spoken_email(tokens)
}

fn spoken_email(tokens: &[Token]) -> Option<(String, Range<usize>)> {
    let at = tokens.iter().position(|token| token.lower == "at")?;
    let joint = |index: usize| tokens.get(index).is_some_and(|token| token.lower == "dot");
    // The name: words joined by "dot" before "at".
    let mut start = at.checked_sub(1)?;
    while start >= 2 && joint(start - 1) {
        start -= 2;
    }
    let mut end = at + 2;
    while joint(end) && end + 1 < tokens.len() {
        end += 2;
    }
    let spelled = |range: Range<usize>| -> String {
        tokens
            .get(range)
            .unwrap_or(&[])
            .iter()
            .map(|token| if token.lower == "dot" { "." } else { &token.lower })
            .collect()
    };
    let host = spelled(at + 1..end);
    host.contains('.').then(|| (format!("{}@{host}", spelled(start..at)), start..end))
}

/// Words after which a name comes.
const INTRODUCTIONS: [&[&str]; 10] = [
    &["my", "name", "is"],
    &["my", "names"],
    &["the", "name", "is"],
    &["name", "is"],
    &["under", "the", "name"],
    &["call", "me"],
    &["i", "am"],
    &["im"],
    &["this", "is"],
    &["its"],
];
/// How many of those introduce nothing but a name.
const SURE: usize = 6;

/// Words that are no name, wherever they stand.
const NO_NAMES: &[&str] = &[
    "a",
    "about",
    "afraid",
    "afternoon",
    "again",
    "all",
    "am",
    "an",
    "and",
    "any",
    "appointment",
    "are",
    "as",
    "at",
    "available",
    "back",
    "book",
    "but",
    "calling",
    "can",
    "cancel",
    "cannot",
    "could",
    "did",
    "do",
    "email",
    "for",
    "free",
    "from",
    "good",
    "have",
    "hello",
    "help",
    "here",
    "hi",
    "how",
    "i",
    "if",
    "im",
    "in",
    "interested",
    "is",
    "it",
    "its",
    "just",
    "like",
    "looking",
    "me",
    "morning",
    "my",
    "name",
    "need",
    "no",
    "not",
    "number",
    "of",
    "ok",
    "okay",
    "on",
    "or",
    "person",
    "phone",
    "please",
    "ready",
    "really",
    "repeat",
    "sorry",
    "stop",
    "sure",
    "thank",
    "thanks",
    "that",
    "the",
    "there",
    "they",
    "this",
    "to",
    "today",
    "tomorrow",
    "trying",
    "want",
    "was",
    "we",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "yes",
    "you",
    "your",
    "agent",
    "human",
    "someone",
    "somebody",
];

/// A name that the words introduce ("my name is …"), or the whole of them when a name was asked for.
pub fn person_name(tokens: &[Token], asked: bool) -> Option<(String, Range<usize>)> {
    for at in 0..tokens.len() {
        for (index, words) in INTRODUCTIONS.iter().enumerate() {
            let introduced =
                tokens[at..].iter().map(|token| token.lower.as_str()).take(words.len()).eq(words.iter().copied());
            if introduced && let Some(found) = name_from(tokens, at + words.len(), index < SURE || asked) {
                return Some(found);
            }
        }
    }
    let whole = asked && !tokens.is_empty() && tokens.len() <= NAME_WORDS;
    whole.then(|| name_from(tokens, 0, true).filter(|(_, range)| range.end == tokens.len()))?
}

/// The name that begins at a token. When the words before it are not sure, its words must be capitalised.
fn name_from(tokens: &[Token], start: usize, sure: bool) -> Option<(String, Range<usize>)> {
    let mut end = start;
    while let Some(token) = tokens.get(end).filter(|_| end - start < NAME_WORDS) {
        let letters = token.written.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '.'));
        let capital = token.written.starts_with(char::is_uppercase);
        if !letters || NO_NAMES.contains(&token.lower.as_str()) || !(sure || capital) {
            break;
        }
        end += 1;
        if token.closed && token.written.chars().count() > 2 {
            break;
        }
    }
    if end == start {
        return None;
    }
    let mut name = String::new();
    for (index, token) in tokens[start..end].iter().enumerate() {
        if index > 0 {
            name.push(if token.hyphened { '-' } else { ' ' });
        }
        name.push_str(&capitalised(token.written));
    }
    Some((name, start..end))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) if word.chars().all(char::is_lowercase) => first.to_uppercase().chain(letters).collect(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    #[test]
    fn numbers_written_and_spoken() {
        for (words, number) in [
            ("my number is +49 30 1234567", "+49301234567"),
            ("0049 (0)30 123-4567", "+49301234567"),
            ("030/1234567", "0301234567"),
            ("call 555 123 4567 please", "5551234567"),
            ("oh three zero one two three four five", "03012345"),
            ("plus four nine double three one two three four", "+49331234"),
        ] {
            assert_eq!(phone_number(&tokens(words), false).map(|read| read.0).as_deref(), Some(number), "{words}");
        }
        for words in ["on 24.12.2026 please", "12345", "for two or three people", ""] {
            assert_eq!(phone_number(&tokens(words), false), None, "{words}");
        }
        assert_eq!(phone_number(&tokens("12345"), true).map(|read| read.0).as_deref(), Some("12345"));
        assert_eq!(phone_number(&tokens("1234"), true), None);
        assert_eq!(phone_number(&tokens("1234567890123456"), true), None, "longer than any number");
    }

    #[test]
    fn addresses_written_and_spoken() {
        assert_eq!(
            email(&tokens("write to Ada.B@Example.org.")).map(|read| read.0).as_deref(),
            Some("ada.b@example.org")
        );
        assert_eq!(
            email(&tokens("ada dot byron at example dot org")).map(|read| read.0).as_deref(),
            Some("ada.byron@example.org")
        );
        assert_eq!(email(&tokens("meet me at the corner")), None);
        assert_eq!(email(&tokens("@example.org")), None);
    }

    #[test]
    fn names_introduced_and_asked_for() {
        let unasked = |words: &str| person_name(&tokens(words), false).map(|read| read.0);
        assert_eq!(unasked("Hi, my name is ada byron, and I need help").as_deref(), Some("Ada Byron"));
        assert_eq!(unasked("I am Grace Hopper").as_deref(), Some("Grace Hopper"));
        assert_eq!(unasked("This is Jean-Luc.").as_deref(), Some("Jean-Luc"));
        for words in ["I am looking for help", "I'm sorry", "this is terrible", "Can I book?"] {
            assert_eq!(unasked(words), None, "{words}");
        }
        let asked = |words: &str| person_name(&tokens(words), true).map(|read| read.0);
        assert_eq!(asked("ada").as_deref(), Some("Ada"));
        assert_eq!(asked("What do you need it for"), None);
    }
}
