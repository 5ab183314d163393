//! Tokens: words with their places, in the form that every reader works on.

use crate::english::{BELOW_TWENTY, ORDINALS, TENS};

/// One word, number or address of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// As it was written, without the punctuation around it.
    pub written: &'a str,
    /// In lowercase, apostrophes removed.
    pub lower: String,
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Whether a comma, full stop or the like follows.
    pub closed: bool,
    /// Whether a hyphen joins it to the token before.
    pub hyphened: bool,
}

storage::debug_shows!(
    struct Token<'a> {}
);

/// At most this many tokens of a text are read.
pub const TOKENS_MAX: usize = 400;

/// Tokens of a text: parted by white space, and by hyphens between letters ("half-past").
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = None;
    let boundaries = text.char_indices().chain([(text.len(), ' ')]);
    let mut before = ' ';
    for (at, c) in boundaries {
        let after = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let hyphen = matches!(c, '-' | '–' | '—') && before.is_alphabetic() && after.is_alphabetic();
        // "9am-5pm" and "Hello,I am" part here too; "3,5" and "9:30" do not.
        let comma = matches!(c, ',' | ';' | '!' | '?') && !after.is_ascii_digit();
        if c.is_whitespace() || hyphen || comma {
            if let Some(start) = start.take() {
                push(text, start, at, comma, &mut tokens);
            } else if comma && let Some(last) = tokens.last_mut() {
                let last: &mut Token = last;
                last.closed = true;
            }
        } else if start.is_none() {
            start = Some(at);
        }
        before = c;
    }
    tokens.truncate(TOKENS_MAX);
    tokens
}

fn push<'a>(text: &'a str, start: usize, end: usize, comma: bool, tokens: &mut Vec<Token<'a>>) {
    let raw = &text[start..end];
    let written = raw.trim_matches(|c: char| !c.is_alphanumeric() && c != '+');
    if written.is_empty() {
        return;
    }
    let offset = raw.find(written).unwrap_or(0);
    let lower = written.to_lowercase().replace(['\'', '’', '`'], "");
    let closed = comma || raw[offset + written.len()..].contains(['.', ',', ';', '!', '?', ':']);
    let hyphened = start > 0 && text[..start].ends_with(['-', '–', '—']);
    let (start, end) = (start + offset, start + offset + written.len());
    tokens.push(Token { written, lower, start, end, closed, hyphened });
}

/// A small number in digits or words: `7`, `seven`, `seventh`, `7th`.
pub fn number(lower: &str) -> Option<u32> {
    if let Some(index) = BELOW_TWENTY.iter().position(|word| *word == lower) {
        return u32::try_from(index).ok();
    }
    if let Some(index) = TENS.iter().position(|word| *word == lower) {
        return u32::try_from((index + 2) * 10).ok();
    }
    if let Some(index) = ORDINALS.iter().position(|word| *word == lower) {
        return u32::try_from(index + 1).ok();
    }
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &lower[digits.len()..];
    let fits = matches!(suffix, "" | "st" | "nd" | "rd" | "th") && (1..=4).contains(&digits.len());
    fits.then(|| digits.parse().ok())?
}

/// A number of up to two words from `at` on ("twenty five"), and how many words it takes.
pub fn number_at(tokens: &[Token], at: usize) -> Option<(u32, usize)> {
    let first = number(&tokens.get(at)?.lower)?;
    let tens = matches!(first, 20 | 30 | 40 | 50) && tokens[at].lower.chars().all(char::is_alphabetic);
    if tens
        && let Some(second) = tokens.get(at + 1).and_then(|token| number(&token.lower)).filter(|n| (1..10).contains(n))
    {
        return Some((first + second, 2));
    }
    Some((first, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_places() {
        let text = "Hello,I'm Ada-Maria; half-past 9:30!";
        let tokens = tokens(text);
        let lower: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
        assert_eq!(lower, ["hello", "im", "ada", "maria", "half", "past", "9:30"]);
        assert!(tokens.iter().all(|token| &text[token.start..token.end] == token.written));
        assert!(tokens[0].closed && !tokens[1].closed && tokens[3].closed);
    }

    #[test]
    fn small_numbers_in_every_form() {
        for (words, value) in [("7", 7), ("seven", 7), ("7th", 7), ("seventh", 7), ("twelfth", 12), ("31st", 31)] {
            assert_eq!(number(words), Some(value), "{words}");
        }
        assert_eq!(number("7pm"), None);
        assert_eq!(number_at(&tokens("twenty five"), 0), Some((25, 2)));
        assert_eq!(number_at(&tokens("twenty people"), 0), Some((20, 1)));
    }
}
