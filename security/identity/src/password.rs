//! Passwords: which are taken, how they are stored, how they are checked.
//!
//! Length decides (15 characters while the password is the only factor, 8 once a second one stands beside it); there
//! are no composition rules, because they make passwords weaker (NIST SP 800-63B-4, OWASP ASVS 6.2.5). Stored as
//! Argon2id (RFC 9106) in the usual PHC text. Checking takes the same work whether or not the account exists.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use storage::Entropy;
use subtle::ConstantTimeEq as _;

/// Fewest characters while the password is the only factor.
pub const MINIMUM_LENGTH_ALONE: usize = 15;
/// Fewest characters when a second factor is asked as well.
pub const MINIMUM_LENGTH_WITH_SECOND_FACTOR: usize = 8;
/// Most bytes that are hashed; longer ones are refused, so that nobody keeps the server busy with a novel.
pub const MAXIMUM_BYTES: usize = 1024;
/// Memory of one hash in KiB (OWASP's first choice for Argon2id: 19 MiB, two passes, one lane).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Distinct characters below which a password is a pattern rather than a secret.
const FEWEST_DISTINCT: usize = 5;
/// A related word (name, e-mail, organization) counts when it has at least this many letters.
const RELATED_WORD_LENGTH: usize = 4;
/// A password may not be mostly one related word: this many characters must stand beside it.
const CHARACTERS_BESIDE_A_RELATED_WORD: usize = 8;

/// What is in so many leaked lists that length does not help: the sequences and phrases people reach for when asked
/// for fifteen characters. Compared without case, spaces and punctuation.
const COMMON: &[&str] = &[
    "passwordpassword",
    "password12345678",
    "password123456789",
    "password1234567890",
    "passwordpassword1",
    "123456789012345",
    "1234567890123456",
    "12345678901234567890",
    "123123123123123",
    "qwertyuiopasdfg",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",
    "1qaz2wsx3edc4rfv5tgb",
    "1q2w3e4r5t6y7u8i",
    "1q2w3e4r5t6y7u8i9o0p",
    "qwertyqwertyqwerty",
    "qwerty1234567890",
    "letmeinletmein1",
    "letmeinletmeinletmein",
    "iloveyouiloveyou",
    "correcthorsebatterystaple",
    "abcdefghijklmno",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "administrator123",
    "administratoradministrator",
    "adminadminadmin",
    "welcomewelcome1",
    "welcome123456789",
    "changemechangeme",
    "trustno1trustno1",
    "thisismypassword",
    "thisisapassword",
    "mypasswordismypassword",
    "pleaseletmeinnow",
    "nopasswordneeded",
    "secretsecretsecret",
    "testtesttesttest",
    "thequickbrownfox",
    "thequickbrownfoxjumpsoverthelazydog",
    "tobeornottobethatisthequestion",
    "supercalifragilisticexpialidocious",
];

/// Why a new password is not taken. The words are for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer characters than asked for.
    #[error("Use at least {0} characters. A few unrelated words make a good password.")]
    TooShort(usize),
    /// More than [`MAXIMUM_BYTES`].
    #[error("Use at most 1024 bytes.")]
    TooLong,
    /// A run, a repetition or a keyboard row.
    #[error("This repeats one pattern. Use characters or words that do not follow from each other.")]
    Pattern,
    /// In every list of leaked passwords.
    #[error("This one is in the lists that attackers try first. Choose another.")]
    Common,
    /// The person's name, e-mail address or organization and little else.
    #[error("This is mostly your name, your e-mail address or your organization. Choose something unrelated.")]
    Related,
}

/// Would this password do? `related` holds what an attacker knows: e-mail address, name, organization.
pub fn check_new(password: &str, minimum: usize, related: &[&str]) -> Result<(), Weakness> {
    let characters = password.chars().count();
    if characters < minimum {
        return Err(Weakness::TooShort(minimum));
    }
    if password.len() > MAXIMUM_BYTES {
        return Err(Weakness::TooLong);
    }
    let plain = letters_and_digits(password);
    if is_pattern(&plain) {
        return Err(Weakness::Pattern);
    }
    if COMMON.contains(&plain.as_str()) {
        return Err(Weakness::Common);
    }
    if is_mostly_related(&plain, related) {
        return Err(Weakness::Related);
    }
    Ok(())
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Few distinct characters, one short piece repeated, or every step the same (abcdef, 987654).
fn is_pattern(plain: &str) -> bool {
    let letters: Vec<char> = plain.chars().collect();
    if letters.is_empty() {
        return false; // punctuation only; its length and distinctness are judged by the caller's minimum
    }
    let mut distinct = letters.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let repeats = (1..=letters.len() / 2).any(|period| {
        period <= 6 && letters.iter().zip(letters.iter().skip(period)).all(|(left, right)| left == right)
    });
    // Digits count on from 9 to 0 and back.
    let wrap = if letters.iter().all(char::is_ascii_digit) { 10 } else { i64::from(u32::MAX) };
    let step = |pair: &[char]| (i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]))).rem_euclid(wrap);
    let steps_equal = letters.len() > 2 && letters.windows(3).all(|three| step(&three[..2]) == step(&three[1..]));
    distinct.len() < FEWEST_DISTINCT || repeats || steps_equal
}

fn is_mostly_related(plain: &str, related: &[&str]) -> bool {
    let words = related.iter().flat_map(|text| {
        let whole = letters_and_digits(text);
        let parts = text.split(|letter: char| !letter.is_alphanumeric()).map(letters_and_digits).collect::<Vec<_>>();
        std::iter::once(whole).chain(parts)
    });
    let mut rest = plain.to_owned();
    let mut words: Vec<String> = words.filter(|word| word.chars().count() >= RELATED_WORD_LENGTH).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let mut found = false;
    for word in words {
        if rest.contains(&word) {
            rest = rest.replace(&word, "");
            found = true;
        }
    }
    found && rest.chars().count() < CHARACTERS_BESIDE_A_RELATED_WORD
}

/// The PHC text to store. Takes some 20 ms of processor: call it where blocking is allowed.
pub fn hash(password: &str, entropy: &dyn Entropy) -> String {
    hash_with(password, entropy, MEMORY_KIB)
}

/// The same with this much memory; tests that make many people use little.
pub(crate) fn hash_with(password: &str, entropy: &dyn Entropy, memory_kib: u32) -> String {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    let hash = derive(password, &salt, memory_kib, PASSES, LANES).unwrap_or_default();
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory_kib},t={PASSES},p={LANES}${salt}${hash}")
}

/// Does the password belong to the stored text? Without a stored text (no such account) the same work is done and
/// the answer is no.
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let usable = password.len() <= MAXIMUM_BYTES;
    let presented = if usable { password } else { "" };
    let Some((salt, expected, memory, passes, lanes)) = stored.and_then(parse) else {
        let _same_work = derive(presented, &[0; SALT_BYTES], MEMORY_KIB, PASSES, LANES);
        return false;
    };
    let Some(hash) = derive(presented, &salt, memory, passes, lanes) else { return false };
    usable && bool::from(hash.as_slice().ct_eq(&expected))
}

/// The bare Argon2id hash under a given salt, for codes that are compared with several stored ones at once.
pub(crate) fn derive_for_lookup(code: &str, salt: &[u8]) -> Vec<u8> {
    derive(code, salt, MEMORY_KIB, PASSES, LANES).unwrap_or_default()
}

fn derive(password: &str, salt: &[u8], memory: u32, passes: u32, lanes: u32) -> Option<Vec<u8>> {
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok()?;
    let mut output = vec![0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut output)
        .ok()?;
    Some(output)
}

type Parsed = (Vec<u8>, Vec<u8>, u32, u32, u32);

fn parse(stored: &str) -> Option<Parsed> {
    let mut parts = stored.strip_prefix("$argon2id$v=19$")?.split('$');
    let (settings, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut settings = settings.split(',');
    let mut number = |name: &str| settings.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (number("m=")?, number("t=")?, number("p=")?);
    let hash = STANDARD_NO_PAD.decode(hash).ok()?;
    (hash.len() == HASH_BYTES).then_some((STANDARD_NO_PAD.decode(salt).ok()?, hash, memory, passes, lanes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::SeededEntropy;

    const RELATED: &[&str] = &["maria.lopez@harbour-dental.example", "Maria Lopez", "Harbour Dental"];

    fn check(password: &str) -> Result<(), Weakness> {
        check_new(password, MINIMUM_LENGTH_ALONE, RELATED)
    }

    #[test]
    fn length_is_judged_at_its_edge_in_characters() {
        assert_eq!(check("kettle moss 4 u"), Ok(()));
        assert_eq!(check("kettle moss 4u"), Err(Weakness::TooShort(15)));
        assert_eq!(check("čaj s medem žlu"), Ok(()), "characters, not bytes");
        let longest = "kettle moss 4 u ".repeat(64);
        assert_eq!(longest.len(), MAXIMUM_BYTES);
        assert_ne!(check(&longest), Err(Weakness::TooLong));
        assert_eq!(check(&format!("{longest}x")), Err(Weakness::TooLong));
        assert_eq!(check_new("moss kett", MINIMUM_LENGTH_WITH_SECOND_FACTOR, RELATED), Ok(()));
    }

    #[test]
    fn patterns_common_ones_and_the_known_are_refused() {
        for pattern in [
            "aaaaaaaaaaaaaaa",
            "abababababababab",
            "abcabcabcabcabcabc",
            "abcdefghijklmnopq",
            "987654321098765432",
            "aaaabbbbccccdddd",
        ] {
            assert!(matches!(check(pattern), Err(Weakness::Pattern | Weakness::Common)), "{pattern}");
        }
        for common in ["Password Password", "1qaz2wsx3edc4rfv", "The-Quick-Brown-Fox", "correct horse battery staple"] {
            assert_eq!(check(common), Err(Weakness::Common), "{common}");
        }
        for related in
            ["maria.lopez@harbour-dental.example", "Harbour Dental 2026", "marialopez-2026", "HarbourDentalMaria!"]
        {
            assert_eq!(check(related), Err(Weakness::Related), "{related}");
        }
        assert_eq!(check("maria keeps nine blue herons"), Ok(()));
    }

    #[test]
    fn no_kind_of_character_is_demanded() {
        assert_eq!(check("meadow lantern fjord"), Ok(()));
        assert_eq!(check("83 41 07 96 22 58 19 04"), Ok(()));
    }

    #[test]
    fn a_hash_checks_its_own_password_only() {
        let stored = hash("kettle moss 4 u", &SeededEntropy::new(3));
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("kettle moss 4 u", Some(&stored)));
        assert!(!verify("kettle moss 4 U", Some(&stored)));
        assert!(!verify("", Some(&stored)));
        assert!(!verify("kettle moss 4 u", None));
        assert!(!verify("", None));
        assert!(!verify("kettle moss 4 u", Some("$argon2id$v=19$m=1,t=0$x")));
        assert_ne!(stored, hash("kettle moss 4 u", &SeededEntropy::new(4)), "the salt is random");
    }

    #[test]
    fn the_hash_is_the_one_other_software_makes() {
        // Made with Python's `cryptography`: Argon2id, m=19456, t=2, p=1, 32 bytes.
        let derived = derive("password", b"somesaltsomesalt", 19456, 2, 1).expect("valid parameters");
        assert_eq!(hex::encode(derived), "2b5dc4054886ec957ef59c73b661c54dd6fb274590b278f657c6d96aac8fa6d1");
    }
}
