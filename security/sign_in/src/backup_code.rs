//! Codes for the day when the second factor is lost: ten, shown once, each works once.
//!
//! A code has 50 random bits, too few for a fast hash, so it is stored as Argon2id like a password (OWASP ASVS 6.5.2).
//! One salt serves the whole set: a presented code is hashed once and compared with all.

use storage::Entropy;
use zeroize::Zeroizing;

/// Codes in a set.
pub const CODES: usize = 10;
/// Letters and digits of a code, without its hyphen.
pub const CODE_LENGTH: usize = 10;
/// Bytes of a set's salt.
pub const SALT_BYTES: usize = 16;
/// Crockford's base 32 in lower case: nothing that looks like something else.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A fresh set, as it is shown: `k7fq2-9xw4m`.
pub fn generate(entropy: &dyn Entropy) -> Vec<String> {
    let mut bytes = Zeroizing::new([0_u8; CODES * CODE_LENGTH]);
    entropy.fill(bytes.as_mut_slice());
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let shown = |code: &[u8]| {
        let letters: String = code.iter().map(letter).collect();
        format!("{}-{}", &letters[..CODE_LENGTH / 2], &letters[CODE_LENGTH / 2..])
    };
    bytes.chunks(CODE_LENGTH).map(shown).collect()
}

/// What somebody typed, as it is hashed: without spaces and hyphens, in lower case, with the letters that the alphabet
/// leaves out read as the digits they look like. `None` when it is no code.
pub fn typed(text: &str) -> Option<String> {
    let read = |letter: char| match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let letters: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .take(CODE_LENGTH + 1)
        .map(read)
        .collect();
    let known = letters.bytes().all(|byte| ALPHABET.contains(&byte));
    (letters.len() == CODE_LENGTH && known).then_some(letters)
}

/// The text file that people keep.
pub fn file(codes: &[String], organization: &str) -> String {
    let codes = codes.join("\n");
    format!(
        "Backup codes for Ringfence, {organization}\n\nEach signs you in once, in place of your app or passkey. Keep them where your password is not.\n\n{codes}\n"
    )
}

#[cfg(test)]
mod tests {
    use storage::SeededEntropy;

    use super::*;

    #[test]
    fn ten_different_codes_are_typed_as_people_type() {
        let codes = generate(&SeededEntropy::new(9));
        assert_eq!(codes.len(), CODES);
        let mut distinct = codes.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), CODES);
        for code in &codes {
            let plain = code.replace('-', "");
            assert_eq!(typed(code), Some(plain.clone()));
            assert_eq!(typed(&format!("  {} ", code.to_uppercase())), Some(plain));
        }
        assert_eq!(typed("oOiIl-00000"), Some("0011100000".to_owned()));
        for wrong in ["", "k7fq2-9xw4", "k7fq2-9xw4mm", "k7fq2-9xw4u", "k7fq2_9xw4m", "é7fq2-9xw4m", "123456"] {
            assert_eq!(typed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_file_holds_them_all() {
        let codes = generate(&SeededEntropy::new(9));
        let file = file(&codes, "Harbour");
        assert!(codes.iter().all(|code| file.contains(code)));
    }
}
