//! Keys for SRTP in session descriptions (RFC 4568, RFC 7714 section 14.1): the `a=crypto` line.
//!
//! Promises: a line is taken whole or not at all: another suite, more than one key, a key identifier, or a parameter that
//! would weaken the protection make it a line that is not spoken here; keys are never shown and are wiped when dropped.
//! Whoever reads the signalling reads the key: such lines belong into encrypted signalling only.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Crypto lines of one media line that are kept at most.
pub const CRYPTO_LIMIT: usize = 16;
/// Digits of a tag (RFC 4568, section 9.1).
const TAG_DIGITS: usize = 9;
/// Some phones leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How sound is encrypted and authenticated. The order is ours: the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// AES-256-GCM (RFC 7714).
    AeadAes256Gcm,
    /// AES-128-GCM (RFC 7714).
    AeadAes128Gcm,
    /// AES-128 in counter mode with an 80-bit tag of HMAC-SHA1 (RFC 3711): every phone that encrypts speaks it.
    AesCm128HmacSha1Tag80,
}

impl Suite {
    /// All of them, in the order of preference.
    pub const ALL: [Suite; 3] = [Suite::AeadAes256Gcm, Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1Tag80];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AesCm128HmacSha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
        }
    }

    /// Bytes of master key and master salt together.
    pub const fn master_bytes(self) -> usize {
        match self {
            Suite::AeadAes256Gcm => 44,
            Suite::AeadAes128Gcm => 28,
            Suite::AesCm128HmacSha1Tag80 => 30,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }
}

/// Master key and salt of one direction of one call.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(Zeroizing<Vec<u8>>);

impl MasterKey {
    /// A key from its bytes, master salt included.
    pub fn new(bytes: &[u8]) -> Self {
        MasterKey(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes, master salt included.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(hidden)")
    }
}

/// One crypto line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Its number in the offer; the answer repeats it.
    pub tag: u32,
    /// How.
    pub suite: Suite,
    /// The key of whoever wrote the line: what it sends is protected with it.
    pub key: MasterKey,
}

impl Crypto {
    /// Reads what follows `a=crypto:`; none when the line cannot be used here.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag =
            words.next().filter(|tag| tag.len() <= TAG_DIGITS && tag.bytes().all(|byte| byte.is_ascii_digit()))?;
        let suite = Suite::from_name(words.next()?)?;
        let key = read_key(words.next()?, suite)?;
        words.all(is_harmless).then_some(Crypto { tag: tag.parse().ok()?, suite, key })
    }

    /// What follows `a=crypto:`. Holds the key.
    pub fn to_text(&self) -> String {
        format!("{} {} inline:{}", self.tag, self.suite.name(), BASE64.encode(self.key.bytes()))
    }
}

/// One key, inline, for the whole call: `inline:` base64, then perhaps a lifetime. A key identifier would be in every
/// packet, and several keys need one.
fn read_key(text: &str, suite: Suite) -> Option<MasterKey> {
    let (method, key) = text.split_once(':')?;
    if !method.eq_ignore_ascii_case("inline") || key.contains([';', ':']) {
        return None;
    }
    let (key, lifetime) = key.split_once('|').map_or((key, None), |(key, lifetime)| (key, Some(lifetime)));
    if !lifetime.is_none_or(is_lifetime) {
        return None;
    }
    let bytes = Zeroizing::new(BASE64.decode(key).ok()?);
    (bytes.len() == suite.master_bytes()).then(|| MasterKey::new(&bytes))
}

fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    !digits.is_empty() && digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Session parameters that change nothing for us: a hint for the replay window, and what the writer allows to ignore.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with('-') || parameter.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("WSH="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn the_line_of_the_standard_is_read() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20");
        let crypto = Crypto::parse(&line).expect("RFC 4568, section 4.1, without its key identifier");
        assert_eq!((crypto.tag, crypto.suite, crypto.key.bytes().len()), (1, Suite::AesCm128HmacSha1Tag80, 30));
        assert_eq!(crypto.to_text(), format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"));
        assert!(Crypto::parse(&format!("2 aes_cm_128_hmac_sha1_80 inline:{KEY} WSH=128 -x=y")).is_some());
        assert_eq!(format!("{:?}", crypto.key), "MasterKey(hidden)");
    }

    #[test]
    fn lines_that_mean_something_else_are_not_spoken() {
        let good = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
        assert!(Crypto::parse(&good).is_some());
        for (from, to) in [
            ("_80", "_32"),
            ("AES_CM", "F8"),
            ("1 AES", "x AES"),
            ("1 AES", "1234567890 AES"),
            ("inline:", "outline:"),
            ("inline:d0R", "inline:"),
            ("inline:", ""),
        ] {
            assert_eq!(Crypto::parse(&good.replacen(from, to, 1)), None, "{from} -> {to}");
        }
        for more in [
            "|2^20|1:4",
            "|1:4",
            ";inline:AAAA",
            "|",
            " UNENCRYPTED_SRTP",
            " UNENCRYPTED_SRTCP",
            " UNAUTHENTICATED_SRTP",
            " KDR=1",
            " FEC_KEY=inline:x",
            " whatever",
        ] {
            assert_eq!(Crypto::parse(&format!("{good}{more}")), None, "{more}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "\\PC{0,120}") {
            let _ = Crypto::parse(&text);
        }

        #[test]
        fn what_is_written_is_read(tag in 0u32..1_000_000_000, which in 0usize..3, seed: [u8; 44]) {
            let suite = Suite::ALL[which];
            let crypto = Crypto { tag, suite, key: MasterKey::new(&seed[..suite.master_bytes()]) };
            prop_assert_eq!(Crypto::parse(&crypto.to_text()), Some(crypto));
        }
    }
}
