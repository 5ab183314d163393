//! Passwords: which are taken, how they are stored, how they are checked.
//!
//! Length decides (15 characters while the password is the only factor, 8 once a second one stands beside it), and how
//! many guesses it would take (zxcvbn); what stands in the list of common passwords is refused, and what stands in the set of
//! breached ones that the operator imported ([`breached`]). There are no composition
//! rules, because they make passwords weaker (NIST SP 800-63B-4, OWASP ASVS 6.2.5). Stored as
//! Argon2id (RFC 9106) in the usual PHC text. Checking takes the same work whether or not the account exists.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use storage::Entropy;
use subtle::ConstantTimeEq as _;
use zxcvbn::Score;

use crate::error::Error;

pub mod breached;
mod commonest;

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
/// Least score of zxcvbn that is taken where the password stands alone: more than a hundred million guesses.
const LOWEST_SCORE_ALONE: Score = Score::Three;
/// And beside a second factor, where each guess also needs that: more than a million, which eight random characters pass.
const LOWEST_SCORE_WITH_SECOND_FACTOR: Score = Score::Two;
/// Distinct characters below which a password is a pattern rather than a secret.
const FEWEST_DISTINCT: usize = 5;
/// A related word (name, e-mail, organization) counts when it has at least this many letters.
const RELATED_WORD_LENGTH: usize = 4;
/// A password may not be mostly one related word: this many characters must stand beside it.
const CHARACTERS_BESIDE_A_RELATED_WORD: usize = 8;

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
    /// In the set of breached passwords that the operator imported.
    #[error("This one stands in a list of passwords that were leaked somewhere. Choose another.")]
    Breached,
    /// Takes too few guesses for somebody who knows what people choose.
    #[error("This would be guessed quickly. Add a word or two that nobody connects with you.")]
    Guessable,
    /// One of the person's last ones.
    #[error("You had this password before. Choose a new one.")]
    Former,
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
    if commonest::holds(password) {
        return Err(Weakness::Common);
    }
    if is_mostly_related(&plain, related) {
        return Err(Weakness::Related);
    }
    let lowest = if minimum < MINIMUM_LENGTH_ALONE { LOWEST_SCORE_WITH_SECOND_FACTOR } else { LOWEST_SCORE_ALONE };
    if zxcvbn::zxcvbn(password, related).score() < lowest {
        return Err(Weakness::Guessable);
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

/// The PHC text to store. Takes some 20 ms of processor: call it where blocking is allowed. [`Error::Busy`] when there is no
/// memory for it now.
pub fn hash(password: &str, entropy: &dyn Entropy) -> Result<String, Error> {
    hash_with(password, entropy, MEMORY_KIB)
}

/// The same with this much memory; tests that make many people use little.
pub(crate) fn hash_with(password: &str, entropy: &dyn Entropy, memory_kib: u32) -> Result<String, Error> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    let hash = derive(password, &salt, memory_kib, PASSES, LANES).map_err(failed)?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(format!("$argon2id$v=19$m={memory_kib},t={PASSES},p={LANES}${salt}${hash}"))
}

/// Does the password belong to the stored text? Without a stored text (no such account) the same work is done and
/// the answer is no. [`Error::Busy`] when there is no memory for that work now: nobody's password was wrong then.
pub fn verify(password: &str, stored: Option<&str>) -> Result<bool, Error> {
    let usable = password.len() <= MAXIMUM_BYTES;
    let presented = if usable { password } else { "" };
    let Some((salt, expected, memory, passes, lanes)) = stored.and_then(parse) else {
        derive(presented, &[0; SALT_BYTES], MEMORY_KIB, PASSES, LANES).map_err(failed)?;
        return Ok(false);
    };
    let hash = match derive(presented, &salt, memory, passes, lanes) {
        Ok(hash) => hash,
        Err(error @ argon2::Error::OutOfMemory) => return Err(failed(error)),
        // What is stored is no hash that was made here: no password belongs to it.
        Err(_) => return Ok(false),
    };
    Ok(usable && bool::from(hash.as_slice().ct_eq(&expected)))
}

/// The bare Argon2id hash under a given salt, for codes that are compared with several stored ones at once. [`Error::Busy`] when it
/// cannot be made: an empty one would be the same for every code.
pub(crate) fn derive_for_lookup(code: &str, salt: &[u8]) -> Result<Vec<u8>, Error> {
    derive(code, salt, MEMORY_KIB, PASSES, LANES).map_err(failed)
}

fn derive(password: &str, salt: &[u8], memory: u32, passes: u32, lanes: u32) -> argon2::Result<Vec<u8>> {
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES))?;
    let mut output = vec![0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        password.as_bytes(),
        salt,
        &mut output,
    )?;
    Ok(output)
}

/// No hash was made. In practice memory ran short, for everything else is fixed here; it is tried again.
fn failed(_: argon2::Error) -> Error {
    Error::Busy
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
mod tests;
