//! People who sign in: how their address and name are taken, normalised and sealed.

use std::sync::Arc;
use std::time::Duration;

use storage::{Entropy, Transaction};
use tokio::sync::Semaphore;
use uuid::Uuid;
use vault::{Field, Keyring};
use zeroize::Zeroizing;

use crate::store::USER_ACCOUNT;
use crate::{Error, Platform, Result};

/// Longest e-mail address (RFC 5321 section 4.5.3.1.3, without the brackets).
pub const MAXIMUM_EMAIL_LENGTH: usize = 254;
/// Longest name of a person or organization, in characters.
pub const MAXIMUM_NAME_LENGTH: usize = 120;

/// An e-mail address as it is compared: trimmed and in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("EmailAddress(hidden)")
    }
}

impl EmailAddress {
    /// Reads what somebody typed. Only the shape is judged; whether it exists, a message would have to show.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim().to_lowercase();
        let shaped = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.contains('@') && domain.split('.').all(|label| !label.is_empty())
        });
        let plain = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
        if !shaped || !plain || text.len() > MAXIMUM_EMAIL_LENGTH {
            return Err(Error::invalid("email", "Give an e-mail address such as name@example.org."));
        }
        Ok(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name of a person or organization: trimmed, not empty, one line.
pub fn name(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > MAXIMUM_NAME_LENGTH || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("Give a name of 1 to {MAXIMUM_NAME_LENGTH} characters.")));
    }
    Ok(text.to_owned())
}

/// What of an account is stored sealed.
pub(crate) struct SealedUser {
    pub email: Vec<u8>,
    pub email_index: Vec<u8>,
    pub name: Vec<u8>,
    pub password: Vec<u8>,
}

/// A new account's texts, sealed for the row `id`. The password arrives as its stored hash.
pub(crate) fn seal(
    keyring: &Keyring,
    id: Uuid,
    email: &EmailAddress,
    name: &str,
    password: &str,
) -> Result<SealedUser> {
    Ok(SealedUser {
        email: keyring.seal_text(Field::new(&USER_ACCOUNT, "email", id), email.as_str())?,
        email_index: email_index(keyring, email)?,
        name: keyring.seal_text(Field::new(&USER_ACCOUNT, "name", id), name)?,
        password: keyring.seal_text(Field::new(&USER_ACCOUNT, "password", id), password)?,
    })
}

/// Adds an account with the hash of its password.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    platform: &Platform,
    id: Uuid,
    (email, name): (&EmailAddress, &str),
    password_hash: &str,
) -> Result<()> {
    let sealed = seal(&platform.vault.installation_keyring(), id, email, name, password_hash)?;
    let fields = [
        ("id", id.into()),
        ("email", sealed.email.into()),
        ("email_index", sealed.email_index.into()),
        ("name", sealed.name.into()),
        ("password", sealed.password.into()),
        ("created_at", platform.now().into()),
    ];
    transaction.insert(&USER_ACCOUNT, &fields).await.map_err(|error| match error {
        storage::Error::Conflict { .. } => Error::EmailTaken,
        other => other.into(),
    })
}

/// Where an account with this address would be found.
pub(crate) fn email_index(keyring: &Keyring, email: &EmailAddress) -> Result<Vec<u8>> {
    Ok(keyring.blind_index(&USER_ACCOUNT, "email", email.as_str())?)
}

/// Passwords that are hashed at the same time; each takes 19 MiB, so a flood of them must wait, not fill the memory.
const HASHED_AT_ONCE: usize = 4;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
static HASHING: Semaphore = Semaphore::const_new(HASHED_AT_ONCE);

/// Hashes a password where blocking is allowed.
pub async fn hash_password(password: &str, entropy: Arc<dyn Entropy>) -> Result<String> {
    let password = Zeroizing::new(password.to_owned());
    in_turn(move || crate::password::hash(&password, entropy.as_ref())).await
}

/// Checks a password where blocking is allowed; without a stored hash the same work is done in vain.
pub async fn check_password(password: &str, stored: Option<String>) -> Result<bool> {
    let password = Zeroizing::new(password.to_owned());
    in_turn(move || crate::password::verify(&password, stored.as_deref())).await
}

/// Hashes a code that is too short for a fast hash (a backup code) under the salt of its set, where blocking is allowed.
pub async fn lookup_hash(code: &str, salt: Vec<u8>) -> Result<Vec<u8>> {
    let code = Zeroizing::new(code.to_owned());
    in_turn(move || crate::password::derive_for_lookup(&code, &salt)).await
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let seat = tokio::time::timeout(PATIENCE, HASHING.acquire()).await;
    let Ok(Ok(_seat)) = seat else { return Err(Error::Busy) };
    tokio::task::spawn_blocking(work).await.map_err(|_stopped| Error::Busy)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_space() {
        let typed = EmailAddress::parse("  Maria.Lopez@Harbour.example\n").expect("an address");
        assert_eq!(typed.as_str(), "maria.lopez@harbour.example");
        assert!(!format!("{typed:?}").contains("maria"));
    }

    #[test]
    fn what_is_no_address_is_said_so() {
        let long = format!("{}@example.org", "a".repeat(MAXIMUM_EMAIL_LENGTH - 12));
        assert_eq!(long.len(), MAXIMUM_EMAIL_LENGTH);
        assert!(EmailAddress::parse(&long).is_ok());
        for text in [
            "",
            "maria",
            "@example.org",
            "maria@",
            "a@b@c",
            "a b@c.d",
            "a@b..c",
            "a@.b",
            &format!("a{long}"),
            "a\u{0}@b.c",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_one_line_of_bounded_length() {
        assert_eq!(name("name", " Ana ").expect("a name"), "Ana");
        assert!(name("name", &"é".repeat(MAXIMUM_NAME_LENGTH)).is_ok());
        assert!(name("name", &"é".repeat(MAXIMUM_NAME_LENGTH + 1)).is_err());
        assert!(name("name", "  ").is_err() && name("name", "a\nb").is_err());
    }
}
