//! How an organization signs its members in with its own provider: what can be set, and what can be taken.

pub mod api;
pub mod pages;

use edge::outgoing::Reach;
use identity::{Error, Result, Role};
use url::Url;
use zeroize::Zeroizing;

/// Characters of a short name: few to type, and no word that is a number or an address.
pub const SHORT_NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=40;
/// Longest address of a provider, in bytes.
pub const MAXIMUM_ISSUER_BYTES: usize = 500;
/// Longest client id and longest client secret, in bytes.
pub const MAXIMUM_CREDENTIAL_BYTES: usize = 500;
/// Domains of e-mail addresses that one provider may vouch for.
pub const MAXIMUM_DOMAINS: usize = 20;
/// Words of `acr` and `amr` that can mean two factors.
pub const MAXIMUM_TWO_FACTOR_WORDS: usize = 10;
/// Longest of these words, in bytes.
pub const MAXIMUM_WORD_BYTES: usize = 200;

/// What an Owner sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What members type to be led to their provider: small letters, digits and hyphens. One organization has it.
    pub short_name: String,
    /// The provider's address, exactly as it writes it itself (OpenID Connect Discovery 1.0 section 4.3).
    pub issuer: String,
    /// What the provider calls this server.
    pub client_id: String,
    /// Domains of e-mail addresses that the provider may vouch for, in lower case.
    pub domains: Vec<String>,
    /// The role of those whom the provider brings and nobody invited; none when they are not let in. Never an owner.
    pub new_member_role: Option<Role>,
    /// Whether it is the only way in for all but the owners.
    pub is_required: bool,
    /// Words of `acr` and `amr` in the provider's answers that mean two factors; empty means that none does.
    pub two_factor_words: Vec<String>,
    /// Whether it is switched on.
    pub is_on: bool,
}

/// What came in by a form or as JSON, not judged yet.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// See [`Settings::short_name`].
    pub short_name: String,
    /// See [`Settings::issuer`].
    pub issuer: String,
    /// See [`Settings::client_id`].
    pub client_id: String,
    /// With spaces, commas or lines between.
    pub domains: String,
    /// A role's word, or nothing.
    pub new_member_role: String,
    /// See [`Settings::is_required`].
    pub is_required: bool,
    /// With spaces, commas or lines between.
    pub two_factor_words: String,
    /// See [`Settings::is_on`].
    pub is_on: bool,
}

/// The client secret that came in: nothing keeps the one that is there.
pub type Secret = Option<Zeroizing<String>>;

fn refused<T>(field: &'static str, reason: impl Into<String>) -> Result<T> {
    Err(Error::Invalid { field, reason: reason.into() })
}

impl Settings {
    /// Judges what came in. `reach` says where providers may stand.
    pub fn of(wish: &Wish, reach: Reach) -> Result<Self> {
        let settings = Self {
            short_name: short_name(&wish.short_name)?,
            issuer: issuer(&wish.issuer, reach)?,
            client_id: credential("client_id", &wish.client_id)?,
            domains: domains(&wish.domains)?,
            new_member_role: new_member_role(&wish.new_member_role)?,
            is_required: wish.is_required,
            two_factor_words: two_factor_words(&wish.two_factor_words)?,
            is_on: wish.is_on,
        };
        if settings.new_member_role.is_some() && settings.domains.is_empty() {
            return refused("domains", "Name the domains of your addresses, or let nobody in who was not invited.");
        }
        if settings.is_required && !settings.is_on {
            return refused("required", "It can only be required while it is switched on.");
        }
        Ok(settings)
    }

    /// May the provider vouch for this address?
    pub fn covers(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        domain.is_some_and(|domain| self.domains.contains(&domain))
    }
}

/// A short name as it is compared: trimmed and in lower case.
pub fn short_name(text: &str) -> Result<String> {
    let text = text.trim().to_ascii_lowercase();
    let plain = text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    let shaped = text.starts_with(|letter: char| letter.is_ascii_lowercase()) && !text.ends_with('-');
    if !plain || !shaped || !SHORT_NAME_LENGTH.contains(&text.len()) {
        let words = "Give 3 to 40 small letters, digits and hyphens that begin with a letter, such as harbour-dental.";
        return refused("short_name", words);
    }
    Ok(text)
}

/// A provider's address: https, without query and fragment, within reach. It is kept to the letter, because providers are
/// compared to the letter.
fn issuer(text: &str, reach: Reach) -> Result<String> {
    let text = text.trim();
    if text.len() > MAXIMUM_ISSUER_BYTES {
        return refused("issuer", format!("Give an address of at most {MAXIMUM_ISSUER_BYTES} bytes."));
    }
    let Ok(url) = Url::parse(text) else {
        return refused("issuer", "Give the provider's address, such as https://login.example.org.");
    };
    if url.query().is_some() || url.fragment().is_some() {
        return refused("issuer", "The provider's address has no question mark and no # in it.");
    }
    match endpoint(&url, reach) {
        Ok(()) => Ok(text.to_owned()),
        Err(reason) => refused("issuer", reason),
    }
}

/// May this address of a provider be asked? https, and in clear only on this machine where the operator allows that.
pub(crate) fn endpoint(url: &Url, reach: Reach) -> std::result::Result<(), String> {
    let on_this_machine = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !(reach != Reach::PublicOnly && on_this_machine) {
        return Err("Providers are asked over https only.".to_owned());
    }
    reach.check_url(url).map_err(|error| match reach {
        Reach::PublicOnly => format!(
            "{error} Providers stand at public addresses on port 443, unless whoever runs this server allows others \
             (`single_sign_on.private_providers`)."
        ),
        Reach::LoopbackToo | Reach::PrivateToo => error.to_string(),
    })
}

/// An id or secret as providers give them: visible ASCII (RFC 6749 appendix A).
pub(crate) fn credential(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.is_empty() || text.len() > MAXIMUM_CREDENTIAL_BYTES || !plain {
        return refused(field, "Copy it from the provider's page about this application.");
    }
    Ok(text.to_owned())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty())
}

fn domains(text: &str) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for word in words(text) {
        let word = word.trim_start_matches('@').to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if word.len() > 253 || !word.contains('.') || !word.split('.').all(label) {
            return refused("domains", "Give domains such as harbour.example, with spaces between.");
        }
        if !found.contains(&word) {
            found.push(word);
        }
    }
    if found.len() > MAXIMUM_DOMAINS {
        return refused("domains", format!("Give at most {MAXIMUM_DOMAINS} domains."));
    }
    Ok(found)
}

fn two_factor_words(text: &str) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for word in words(text) {
        if word.len() > MAXIMUM_WORD_BYTES || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refused("two_factor_words", "Give words such as mfa, as the provider writes them in acr or amr.");
        }
        if !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    if found.len() > MAXIMUM_TWO_FACTOR_WORDS {
        return refused("two_factor_words", format!("Give at most {MAXIMUM_TWO_FACTOR_WORDS} words."));
    }
    Ok(found)
}

fn new_member_role(word: &str) -> Result<Option<Role>> {
    if word.trim().is_empty() {
        return Ok(None);
    }
    match Role::parse(word.trim()) {
        Some(Role::Owner) => refused("new_member_role", "A provider makes nobody an owner."),
        Some(role) => Ok(Some(role)),
        None => refused("new_member_role", "Give viewer, manager or admin, or nothing."),
    }
}

#[cfg(test)]
mod tests;
