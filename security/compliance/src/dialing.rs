//! May this number be dialled? The one door to an outbound call.
//!
//! Order of the checks: emergency numbers first, always; then the form of the target; then what the organization allows
//! (own country only by default, premium and other costly ranges never, SIP targets on loopback only where a setting says so).
//! What is not clearly allowed is refused: a number of a country without a table of costly ranges is refused too, and
//! settings that allow such a country are refused at the start ([`DialingPolicy::unclassified`]).

use std::net::IpAddr;

use crate::emergency::is_emergency;

/// Longest target, in bytes.
pub const TARGET_LENGTH_MAX: usize = 200;
/// Digits of an international number without `+` (ITU-T E.164: at most 15).
pub const DIGITS_MAX: usize = 15;
/// Fewest digits of an international number.
pub const DIGITS_MIN: usize = 7;

/// What an organization allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialingPolicy {
    /// Country code of the business without `+`, for example `49`; none refuses every telephone number.
    pub home_country_code: Option<String>,
    /// Further country codes that may be dialled.
    pub allowed_country_codes: Vec<String>,
    /// May `sip:` targets on this machine be dialled (demonstration and tests)?
    pub loopback_sip: bool,
}

impl Default for DialingPolicy {
    /// Nothing may be dialled until the business says from where it calls.
    fn default() -> Self {
        DialingPolicy { home_country_code: None, allowed_country_codes: Vec::new(), loopback_sip: false }
    }
}

impl DialingPolicy {
    /// The codes that may be dialled.
    fn codes(&self) -> impl Iterator<Item = &str> {
        self.home_country_code.iter().chain(&self.allowed_country_codes).map(String::as_str)
    }

    /// The first code that is allowed although nothing is known of its costly ranges, or that is no country's.
    pub fn unclassified(&self) -> Option<&str> {
        self.codes().find(|code| !classified().any(|known| known == *code))
    }
}

/// The country codes whose costly ranges are known: those that settings may allow.
pub fn classified() -> impl Iterator<Item = &'static str> {
    COSTLY_RANGES.iter().map(|(code, _)| *code)
}

/// A target in its checked form.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// `+` and 7 to 15 digits.
    Number(String),
    /// A SIP address on this machine.
    LoopbackSip(String),
}

storage::debug_shows!(
    enum Target {
        Number {},
        LoopbackSip {},
    }
);

/// The right to place one call to one target. Not `Clone`, no public constructor; made by [`may_dial`] only.
#[derive(Debug, PartialEq, Eq)]
pub struct DialPermit {
    target: Target,
}

impl DialPermit {
    /// Whom to call.
    pub fn target(&self) -> &Target {
        &self.target
    }
}

/// Why a call is not placed. No number stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An emergency number.
    #[error("emergency numbers are never dialled by an agent")]
    Emergency,
    /// It cannot be read as a number or a SIP address.
    #[error("the target is neither an international number (+49 …) nor a SIP address")]
    Unreadable,
    /// Another country than those allowed, or one without a table of costly ranges.
    #[error("the country of the number is not among those that may be dialled")]
    Country,
    /// A costly range: premium, shared cost, satellite, audiotext.
    #[error("the number lies in a premium or otherwise costly range")]
    Premium,
    /// A SIP target that is not on this machine, or none are allowed.
    #[error("SIP targets are allowed on this machine only, and only where the setting says so")]
    SipTarget,
}

/// Country codes whose numbers are never ordinary: satellite, premium, shared cost, universal, networks.
const COSTLY_CODES: &[&str] = &["800", "808", "870", "878", "881", "882", "883", "888", "979", "991"];

/// Countries whose national numbers begin with a zero that is part of them: +39 089 is Salerno, +39 89 is costly.
const ZERO_BELONGS: &[&str] = &["39"];

/// Costly ranges within a country: country code, then the digits that begin the national number. A country that is not here
/// is not dialled.
const COSTLY_RANGES: &[(&str, &[&str])] = &[
    (
        "1",
        &[
            // Information services, carriers' own services, personal numbers.
            "900", "976", "700", "710", "500", "521", "522", "523", "524", "525", "526", "527", "528", "529", "533",
            "544", "566", "577", "588", "600", "622", "633", "644",
            // Countries that share the code with the United States and Canada, but not their prices.
            "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784",
            "809", "829", "849", "868", "869", "876",
        ],
    ),
    ("44", &["9", "87", "84", "70", "118"]),
    ("49", &["900", "190", "180", "137", "138", "118", "12", "700", "19"]),
    ("33", &["89", "81", "82"]),
    ("39", &["89", "199", "84", "178"]),
    ("34", &["80", "905", "907"]),
    ("41", &["90", "84"]),
    ("43", &["90", "93", "82", "81"]),
    ("31", &["90", "87", "84", "66"]),
    ("32", &["90", "70"]),
    ("61", &["190", "19"]),
    ("64", &["900"]),
    ("353", &["15"]),
    ("48", &["70", "80"]),
];

/// Decides whether `target` may be called under `policy`.
///
/// # Errors
/// The first [`Refusal`] in the order of the module's description.
pub fn may_dial(target: &str, policy: &DialingPolicy) -> Result<DialPermit, Refusal> {
    if is_emergency(target) {
        return Err(Refusal::Emergency);
    }
    let trimmed = target.trim();
    if trimmed.len() > TARGET_LENGTH_MAX || trimmed.is_empty() {
        return Err(Refusal::Unreadable);
    }
    if trimmed.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip:")) {
        return loopback_sip(trimmed, policy);
    }
    let number = international(trimmed).ok_or(Refusal::Unreadable)?;
    if costly(&number) {
        return Err(Refusal::Premium);
    }
    let known = classified().any(|code| number.starts_with(code));
    if !known || !policy.codes().any(|code| !code.is_empty() && number.starts_with(code)) {
        return Err(Refusal::Country);
    }
    Ok(DialPermit { target: Target::Number(format!("+{number}")) })
}

/// Digits of an international number; only `+` or `00` begins one, and only spaces and `-./()` may stand between.
fn international(target: &str) -> Option<String> {
    let target = target.strip_prefix("tel:").unwrap_or(target);
    let rest = target.strip_prefix('+').or_else(|| target.strip_prefix("00"))?;
    if !rest.chars().all(|c| c.is_ascii_digit() || " -./()".contains(c)) {
        return None;
    }
    // "+49 (0)30 …" is written so but dialled without the zero, except where it is part of the number.
    let rest = if ZERO_BELONGS.iter().any(|code| rest.starts_with(code)) { rest } else { &rest.replace("(0)", "") };
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    ((DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && !digits.starts_with('0')).then_some(digits)
}

fn costly(number: &str) -> bool {
    COSTLY_CODES.iter().any(|code| number.starts_with(code))
        || COSTLY_RANGES.iter().any(|(code, ranges)| {
            number.strip_prefix(code).is_some_and(|national| {
                // A trunk zero that does not belong there must not hide the range.
                let national = if ZERO_BELONGS.contains(code) { national } else { national.trim_start_matches('0') };
                ranges.iter().any(|range| national.starts_with(range))
            })
        })
}

fn loopback_sip(target: &str, policy: &DialingPolicy) -> Result<DialPermit, Refusal> {
    let rest = &target[4..];
    let plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || "@.:[]-_+*#".contains(c));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if !policy.loopback_sip || !plain || rest.matches('@').count() > 1 {
        return Err(Refusal::SipTarget);
    }
    let address = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    // Only literal addresses: a name such as `localhost.evil.example` could lead anywhere.
    let loopback = address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback { Ok(DialPermit { target: Target::LoopbackSip(target.to_owned()) }) } else { Err(Refusal::SipTarget) }
}

#[cfg(test)]
mod tests;
