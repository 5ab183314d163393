//! A contact, and the forms in which numbers and addresses are compared.

use storage::Timestamp;
use uuid::Uuid;

/// Characters of a name.
pub const NAME_MAX: usize = 120;
/// Characters of an e-mail address (RFC 5321, section 4.5.3.1).
pub const EMAIL_MAX: usize = 254;
/// Digits of a telephone number.
pub const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// Where a contact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactSource {
    /// A phone call.
    Phone,
    /// A chat.
    Chat,
    /// Entered by a member or a program.
    Entered,
}

impl ContactSource {
    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            ContactSource::Phone => "phone",
            ContactSource::Chat => "chat",
            ContactSource::Entered => "entered",
        }
    }

    /// The source of this name.
    pub fn named(name: &str) -> Option<ContactSource> {
        [ContactSource::Phone, ContactSource::Chat, ContactSource::Entered]
            .into_iter()
            .find(|source| source.name() == name)
    }
}

/// What is known of a person. Each value as it was given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Their name.
    pub name: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
}

storage::debug_shows!(
    struct Details {}
);

/// A person who called or wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Also the name of their key.
    pub id: Uuid,
    /// Where they came from.
    pub source: ContactSource,
    /// What is known; empty once erased.
    pub details: Details,
    /// Another contact who gave the same number or address: perhaps the same person, never proven by that.
    pub same_as: Option<Uuid>,
    /// Whether the person was erased.
    pub erased: bool,
    /// When they were first met.
    pub created_at: Timestamp,
    /// When something was last learned.
    pub updated_at: Timestamp,
}

/// What goes wrong with contacts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such contact in this organization.
    #[error("there is no such contact")]
    NotFound,
    /// A value cannot be taken.
    #[error("{0} cannot be read")]
    Invalid(&'static str),
    /// Below.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// Below.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// Below.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

impl Details {
    /// Checks every value and brings it into its form.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the value.
    pub fn checked(&self) -> Result<Details, Error> {
        let name = match self.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) => {
                return Err(Error::Invalid("name"));
            }
            name => name.map(str::to_owned),
        };
        let phone = self.phone.as_deref().filter(|phone| !phone.trim().is_empty());
        let phone = phone.map(|phone| phone_form(phone).ok_or(Error::Invalid("phone"))).transpose()?;
        let email = self.email.as_deref().filter(|email| !email.trim().is_empty());
        let email = email.map(|email| email_form(email).ok_or(Error::Invalid("email"))).transpose()?;
        Ok(Details { name, phone, email })
    }
}

/// A telephone number as it is compared: `+` and digits when it is international, else its digits.
pub fn phone_form(written: &str) -> Option<String> {
    let written = written.trim();
    let plain = written.chars().all(|c| c.is_ascii_digit() || " +-/().".contains(c));
    let digits: String = written.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let (plus, digits) = match digits.strip_prefix("00") {
        Some(rest) if !written.starts_with('+') => (true, rest.to_owned()),
        _ => (written.starts_with('+'), digits),
    };
    let fits = plain && PHONE_DIGITS.contains(&digits.len());
    fits.then(|| if plus { format!("+{digits}") } else { digits })
}

/// An e-mail address as it is compared: in lowercase.
pub fn email_form(written: &str) -> Option<String> {
    let written = written.trim();
    let (name, host) = written.split_once('@')?;
    let sound = !name.is_empty()
        && host.contains('.')
        && !host.contains('@')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && written.chars().count() <= EMAIL_MAX
        && !written.chars().any(|c| c.is_whitespace() || c.is_control());
    sound.then(|| written.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_form() {
        for written in ["+49 30 1234567", "0049 (0)30 1234567", "+49 (0)30/123-45.67"] {
            assert_eq!(phone_form(written).as_deref(), Some("+49301234567"), "{written}");
        }
        assert_eq!(phone_form("030 1234567").as_deref(), Some("0301234567"));
        assert_eq!(phone_form("12345").as_deref(), Some("12345"));
        for wrong in ["1234", "1234567890123456", "call me", "+49 30 12ab567", ""] {
            assert_eq!(phone_form(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn addresses_have_edges() {
        assert_eq!(email_form(" Ada@Example.org ").as_deref(), Some("ada@example.org"));
        let longest = format!("{}@e.org", "a".repeat(EMAIL_MAX - 6));
        assert!(email_form(&longest).is_some());
        assert!(email_form(&format!("a{longest}")).is_none());
        for wrong in
            ["ada", "@example.org", "ada@", "ada@org", "ada@.org", "ada@example.", "a da@example.org", "a@b@c.org"]
        {
            assert_eq!(email_form(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn details_are_checked() {
        let name = |name: String| Details { name: Some(name), ..Details::default() }.checked();
        assert!(name("x".repeat(NAME_MAX)).is_ok());
        assert!(matches!(name("x".repeat(NAME_MAX + 1)), Err(Error::Invalid("name"))));
        assert!(matches!(name("a\u{7}".to_owned()), Err(Error::Invalid("name"))));
        assert_eq!(name("  ".to_owned()).expect("empty").name, None);
    }
}
