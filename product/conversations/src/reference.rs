//! References: short codes that a person can hear on the phone, write down and say again.
//!
//! Letters and digits that look or sound like another are left out (`0 O`, `1 I L`, `2 Z`, `5 S`, `8 B`), and vowels, so that no
//! words come out. A reference names a row within its organization; it proves nothing and opens nothing.

use storage::Entropy;

/// Characters of a reference.
pub const LENGTH: usize = 6;
/// What they are drawn from.
pub const ALPHABET: &[u8; 22] = b"CDFGHJKMNPQRTVWXY34679";
/// How often another one is drawn when one is taken already, of 113 million.
pub(crate) const DRAWS_MAX: usize = 8;

/// Bytes from here on are drawn again, so that every character is equally likely.
const FAIR_BELOW: u8 = 242;

/// A reference by chance.
pub fn draw(entropy: &dyn Entropy) -> String {
    let mut reference = String::with_capacity(LENGTH);
    let mut bytes = [0; 2 * LENGTH];
    while reference.len() < LENGTH {
        entropy.fill(&mut bytes);
        let fair = bytes.iter().filter(|byte| **byte < FAIR_BELOW);
        let characters = fair.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        reference.extend(characters.take(LENGTH - reference.len()));
    }
    reference
}

/// A reference as somebody wrote it, in the form in which it is stored; none when it cannot be one.
pub fn read(written: &str) -> Option<String> {
    let plain: String = written.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let form = plain.to_ascii_uppercase();
    let fits = form.len() == LENGTH && form.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then_some(form)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use storage::SeededEntropy;

    use super::*;

    #[test]
    fn references_are_drawn_from_every_character_and_differ() {
        let entropy = SeededEntropy::new(7);
        let drawn: BTreeSet<String> = (0..500).map(|_| draw(&entropy)).collect();
        assert_eq!(drawn.len(), 500);
        let used: BTreeSet<u8> = drawn.iter().flat_map(|reference| reference.bytes()).collect();
        assert_eq!(used, ALPHABET.iter().copied().collect());
        assert!(drawn.iter().all(|reference| read(reference).as_deref() == Some(reference)));
        assert_eq!(usize::from(FAIR_BELOW) % ALPHABET.len(), 0);
    }

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(read(" cdf-g34 ").as_deref(), Some("CDFG34"));
        for wrong in ["CDFG3", "CDFG345", "CDFG30", "CDFGÄ3", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
