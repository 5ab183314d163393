//! How to recognise our keys wherever they turn up: the pattern that scanners of leaked secrets use, and the reader that
//! finds keys in a reported text. Both are published (`GET /v1/keys/pattern`), so that anybody can look for them.

use super::{CHECKSUM_LENGTH, IDENTIFIER_LENGTH, KeyText, SECRET_TEXT_LENGTH};

/// A regular expression (the common subset of RE2, PCRE and ECMAScript) that every key matches as a whole.
pub const REGEX: &str = r"\brf_(?:live|test)_[0-9a-hjkmnp-tv-z]{26}_[0-9a-hjkmnp-tv-z]{59}\b";
/// Characters of a whole key.
pub const LENGTH: usize = 8 + IDENTIFIER_LENGTH + 1 + SECRET_TEXT_LENGTH + CHECKSUM_LENGTH;
/// How a candidate is told from a look-alike without asking this server.
pub const CHECKSUM: &str = "The last 7 characters are the CRC-32 (ISO-HDLC, as in zip) of all characters before them, \
     as four bytes with the most significant first, in base 32 (bits from the most significant, padded with zeros).";
/// The 32 digits of [`REGEX`] and [`CHECKSUM`], in the order of their values.
pub const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// The keys in a text, each once, at most `most`. Only those whose checksum is right; whether they are good, only the
/// database knows.
pub fn find(text: &str, most: usize) -> Vec<KeyText> {
    let mut found: Vec<KeyText> = Vec::new();
    for (start, _) in text.match_indices("rf_") {
        if found.len() == most {
            break;
        }
        let inside_a_word = text[..start].chars().next_back().is_some_and(is_word);
        let Some(candidate) = text.get(start..start + LENGTH).filter(|_| !inside_a_word) else { continue };
        let goes_on = text[start + LENGTH..].chars().next().is_some_and(is_word);
        if let Some(key) = KeyText::parse(candidate).filter(|_| !goes_on)
            && !found.contains(&key)
        {
            found.push(key);
        }
    }
    found
}

/// What `\b` of the pattern takes for part of a word.
fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use storage::{Entropy as _, SeededEntropy};
    use uuid::Uuid;

    use super::{ALPHABET, LENGTH, REGEX, find};
    use crate::Environment;
    use crate::token::{self, KeyText};

    fn key(entropy: &SeededEntropy) -> KeyText {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        let environment = if id[0].is_multiple_of(2) { Environment::Live } else { Environment::Test };
        KeyText::generate(environment, Uuid::from_bytes(id), entropy)
    }

    #[test]
    fn the_pattern_finds_every_key_and_the_reader_finds_what_the_pattern_finds() {
        let (pattern, entropy) = (Regex::new(REGEX).expect("a pattern"), SeededEntropy::new(11));
        assert_eq!(ALPHABET.as_bytes(), token::ALPHABET);
        for _ in 0..2000 {
            let key = key(&entropy);
            assert_eq!(key.reveal().len(), LENGTH);
            for text in [
                key.reveal().to_owned(),
                format!("KEY=\"{}\"\n", key.reveal()),
                format!("é{{{}}}é", key.reveal()),
                format!("https://example.org/?key={}&page=2", key.reveal()),
            ] {
                let found = pattern.find(&text).map(|found| found.as_str());
                assert_eq!(found, Some(key.reveal()), "{text}");
                assert_eq!(find(&text, 10), std::slice::from_ref(&key), "{text}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_key_is_left_out() {
        let entropy = SeededEntropy::new(12);
        let (first, second) = (key(&entropy), key(&entropy));
        let (text, other) = (first.reveal(), second.reveal());
        let mut altered = text.to_owned();
        let last = altered.pop().expect("a key");
        altered.push(if last == '0' { '1' } else { '0' });
        for nothing in [
            "",
            "rf_",
            "rf_live_é",
            &altered,
            &format!("x{text}"),
            &format!("é{text}"),
            &format!("{text}0"),
            &format!("{text}é"),
            &text.to_uppercase(),
            &text[..LENGTH - 1],
        ] {
            assert!(find(nothing, 10).is_empty(), "{nothing}");
        }
        assert_eq!(find(&format!("{text} {text},{other};rf_{altered}"), 10), [first.clone(), second.clone()]);
        assert_eq!(find(&format!("{text} {other}"), 1), [first], "no more than asked for");
    }
}
