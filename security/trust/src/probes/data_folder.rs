//! What lies in the data folder: searching it for words that must not be there in clear, in any of the forms in which they could stand.

pub mod driver;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The words as text, as UTF-16 in both orders, in hexadecimal and in base64.
pub fn needles(words: &str) -> Vec<Vec<u8>> {
    let wide = |to_bytes: fn(u16) -> [u8; 2]| words.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    // Base64 depends on the place of the first byte; the inner part of each alignment is the same wherever it stands.
    let aligned = (0..3).map(|skip| {
        let encoded = STANDARD_NO_PAD.encode(&words.as_bytes()[skip..]);
        encoded.as_bytes()[..encoded.len() - 2].to_vec()
    });
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |digit| digit as u8);
    let hexadecimal = words.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    [words.as_bytes().to_vec(), wide(u16::to_le_bytes), wide(u16::to_be_bytes), hexadecimal]
        .into_iter()
        .chain(aligned)
        .collect()
}

/// What a search of the data folder does not reach, to be said beside what it found.
pub fn beyond(database: &storage::Database) -> &'static str {
    if database.is_embedded() {
        ""
    } else {
        " PostgreSQL keeps its own files elsewhere; of those only the row itself was looked at."
    }
}

/// Does one of the needles stand in these bytes?
pub fn stands_in(bytes: &[u8], needles: &[Vec<u8>]) -> bool {
    needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{needles, stands_in};

    #[test]
    fn base64_is_found_at_every_alignment() {
        let words = "Canary 0123456789";
        for before in 0..6 {
            let text = format!("{}{words} and more", "x".repeat(before));
            let encoded = base64::engine::general_purpose::STANDARD.encode(text).into_bytes();
            assert!(stands_in(&encoded, &needles(words)), "{before}");
        }
    }

    #[test]
    fn other_forms_are_found_and_other_words_are_not() {
        let words = "Canary 0123456789";
        let wide: Vec<u8> = words.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(stands_in(&wide, &needles(words)));
        assert!(stands_in(b"-43616e6172792030313233343536373839-", &needles(words)));
        assert!(!stands_in(b"Canary 0123456780", &needles(words)));
    }
}
