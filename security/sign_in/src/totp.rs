//! One-time passwords by time (RFC 6238): six digits every 30 seconds from a secret that an app and this server share.
//!
//! SHA-1, six digits and 30 seconds are what every app understands. A code is taken one step early or late (RFC 6238
//! section 5.2), and each step's code at most once.

use storage::{Entropy, Timestamp};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

/// Bytes of a shared secret (RFC 4226 section 4 recommends 160 bits).
pub const SECRET_BYTES: usize = 20;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds of a step.
pub const STEP_SECONDS: u64 = 30;
/// Steps that a clock may be off, either way.
const DRIFT_STEPS: u16 = 1;
const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A secret that an app and this server share. Printing it for debugging shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SharedSecret(hidden)")
    }
}

impl SharedSecret {
    /// A fresh one of 160 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// One that was stored; another length is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Reads [`Self::text`], however it is grouped.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES));
        let (mut bits, mut count) = (0_u32, 0_u32);
        for letter in text.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
            let value = BASE_32.iter().position(|known| *known == letter.to_ascii_uppercase())?;
            bits = (bits << 5) | value as u32;
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
            }
        }
        Self::from_bytes(&bytes)
    }

    /// What is sealed and stored.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Base 32 (RFC 4648) without padding, as apps take it.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 8 / 5 + 1);
        let (mut bits, mut count) = (0_u32, 0_u32);
        for byte in self.0.iter() {
            bits = (bits << 8) | u32::from(*byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(char::from(BASE_32[(bits >> count) as usize & 31]));
            }
        }
        if count > 0 {
            text.push(char::from(BASE_32[(bits << (5 - count)) as usize & 31]));
        }
        text
    }

    /// The same in groups of four, for people who type it.
    pub fn grouped_text(&self) -> String {
        let text = self.text();
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..text.len().min(at + 4)]).collect();
        groups.join(" ")
    }

    /// What the QR code says: `otpauth://totp/Ringfence:person?secret=…`.
    pub fn address(&self, account: &str) -> String {
        let escaped: String = url::form_urlencoded::byte_serialize(account.as_bytes()).collect();
        let account = escaped.replace('+', "%20");
        format!("otpauth://totp/Ringfence:{account}?secret={}&issuer=Ringfence", self.text())
    }

    /// The step of 30 seconds whose code this is, if it is the present one or a neighbour; the caller sees to it that no
    /// step counts twice.
    pub fn check(&self, code: &str, now: Timestamp) -> Option<i64> {
        let seconds = u64::try_from(now.seconds()).ok()?;
        self.totp().check(code, seconds).and_then(|step| i64::try_from(step).ok())
    }

    /// The code of an instant, as an app shows it.
    pub fn code_at(&self, now: Timestamp) -> String {
        self.totp().generate(u64::try_from(now.seconds()).unwrap_or(0)).to_string()
    }

    fn totp(&self) -> Totp {
        Builder::new().with_secret(*self.0).with_skew(DRIFT_STEPS).with_step_duration(STEP_SECONDS).build_noncompliant()
    }
}

/// What somebody typed as a code, without spaces; `None` when it is not six digits.
pub fn typed(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|letter| !letter.is_whitespace()).take(DIGITS + 1).collect();
    (digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests;
