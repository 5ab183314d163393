//! One-time passwords by time (RFC 6238): six digits every thirty seconds, from a secret that an authenticator app reads
//! from a picture. A code counts once; the step before and the one after are taken, for clocks that are a little off.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};
use storage::{Entropy, Timestamp};
use totp_rs::{Algorithm, Builder, Secret};

/// Bytes of the secret (RFC 4226 recommends 20).
pub const SECRET_BYTES: usize = 20;
const DIGITS: u8 = 6;
const STEP_SECONDS: u64 = 30;
const STEPS_OFF: u16 = 1;
const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Modules of quiet ground around the picture (ISO/IEC 18004 asks for 4).
const QUIET: usize = 4;

/// A fresh secret.
pub fn fresh(entropy: &dyn Entropy) -> [u8; SECRET_BYTES] {
    let mut secret = [0; SECRET_BYTES];
    entropy.fill(&mut secret);
    secret
}

/// The step at which this code is right now, or nothing. The one who stores steps sees to it that each counts once.
pub fn step_of(secret: &[u8; SECRET_BYTES], code: &str, now: Timestamp) -> Option<i64> {
    let code = code.trim();
    if code.len() != usize::from(DIGITS) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.seconds()).ok()?;
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_secret(Secret::new_stack(*secret))
        .with_skew(STEPS_OFF)
        .with_step_duration(STEP_SECONDS)
        .build_noncompliant();
    totp.check(code, seconds).and_then(|step| i64::try_from(step).ok())
}

/// The secret as people type it when they cannot take the picture: base 32 (RFC 4648), in groups of four.
pub fn spelled(secret: &[u8; SECRET_BYTES]) -> String {
    let letters = base_32(secret);
    let groups: Vec<&str> = (0..letters.len()).step_by(4).map(|start| &letters[start..start + 4]).collect();
    groups.join(" ")
}

/// The address that the picture holds, as authenticator apps read it.
pub fn address(secret: &[u8; SECRET_BYTES]) -> String {
    format!("otpauth://totp/Ringfence:operator?secret={}&issuer=Ringfence&digits=6&period=30", base_32(secret))
}

/// That address as a picture: the side of its square in modules, and the path of the dark ones for an SVG.
pub struct Picture {
    /// Modules across, the quiet ground included.
    pub side: usize,
    /// The path of the dark modules.
    pub path: String,
}

/// Draws the address of this secret.
pub fn picture(secret: &[u8; SECRET_BYTES]) -> Option<Picture> {
    let code = QrCode::with_error_correction_level(address(secret), EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (across, down) = (index % width + QUIET, index / width + QUIET);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{across} {down}h1v1h-1z");
        }
    }
    Some(Picture { side: width + 2 * QUIET, path })
}

fn base_32(bytes: &[u8; SECRET_BYTES]) -> String {
    // 20 bytes are 32 letters exactly, so there is no padding.
    let letter = |index: usize| {
        let bit = index * 5;
        let pair = u16::from(bytes[bit / 8]) << 8 | u16::from(bytes.get(bit / 8 + 1).copied().unwrap_or(0));
        char::from(BASE_32[usize::from(pair >> (11 - bit % 8) & 31)])
    };
    (0..SECRET_BYTES * 8 / 5).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 appendix B, whose codes of eight digits end in those of six.
    const SECRET: [u8; SECRET_BYTES] = *b"12345678901234567890";

    #[test]
    fn the_codes_of_the_standard_are_taken() {
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(step_of(&SECRET, code, Timestamp::from_seconds(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_neighbouring_step_is_taken_and_no_further_one() {
        let taken = |seconds| step_of(&SECRET, "081804", Timestamp::from_seconds(seconds)).is_some();
        let step = 1_111_111_109 / 30 * 30;
        assert!(taken(step - 30) && taken(step + 59));
        assert!(!taken(step - 31) && !taken(step + 60));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for code in ["", "08180", "0818044", "08180a", "０８１８０４", "081 804"] {
            assert_eq!(step_of(&SECRET, code, Timestamp::from_seconds(1_111_111_109)), None, "{code:?}");
        }
    }

    #[test]
    fn the_secret_is_spelled_as_apps_read_it() {
        assert_eq!(spelled(&SECRET), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let picture = picture(&SECRET).expect("drawn");
        assert!(picture.side > 2 * QUIET && picture.path.starts_with("M4 4h1v1h-1z"), "the finder's corner");
    }
}
