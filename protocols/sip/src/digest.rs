//! Digest authentication (RFC 7616, for SIP RFC 8760) from stored HA1 values only: the password is not needed to check.
//!
//! Promises: a check compares in constant time; the algorithm is the server's choice, never the client's; headers are
//! read with limits; nothing of a secret appears in errors or debug output.

use std::fmt::{self, Write as _};

use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512_256};
use thiserror::Error;

/// Bytes of a digest header at most.
pub const HEADER_LIMIT: usize = 4 * 1_024;
/// Parameters of a digest header at most.
pub const PARAMETERS_LIMIT: usize = 24;

/// Why a digest header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// Not the Digest scheme, or longer than the limits, or malformed.
    #[error("the header is no readable digest header")]
    Malformed,
    /// A needed parameter is missing.
    #[error("the digest header has no {0}")]
    Missing(&'static str),
    /// An algorithm or quality of protection that is not spoken here.
    #[error("the digest's algorithm or quality of protection is not supported")]
    Unsupported,
}

/// How hashes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5: weak, but still what most trunks speak.
    Md5,
    /// SHA-512 cut to 256 bits.
    Sha512Half,
    /// SHA-256: preferred.
    Sha256,
}

impl Algorithm {
    /// The name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha512Half => "SHA-512-256",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    fn from_name(name: Option<&str>) -> Result<Self, Error> {
        let Some(name) = name else { return Ok(Algorithm::Md5) };
        [Algorithm::Md5, Algorithm::Sha512Half, Algorithm::Sha256]
            .into_iter()
            .find(|algorithm| name.eq_ignore_ascii_case(algorithm.name()))
            .ok_or(Error::Unsupported)
    }

    fn hash(self, parts: &[&str]) -> String {
        let joined = parts.join(":");
        match self {
            Algorithm::Md5 => hex::encode(Md5::digest(joined.as_bytes())),
            Algorithm::Sha512Half => hex::encode(Sha512_256::digest(joined.as_bytes())),
            Algorithm::Sha256 => hex::encode(Sha256::digest(joined.as_bytes())),
        }
    }
}

/// Hash of user name, realm and password: as good as the password within its realm, so keep it sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    hex: String,
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ha1({}, hidden)", self.algorithm.name())
    }
}

impl Ha1 {
    /// Makes the value from a password.
    pub fn of(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Self {
        Ha1 { algorithm, hex: algorithm.hash(&[user, realm, password]) }
    }

    /// Restores a stored value: lower-case hex of the algorithm's length.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        let length = if algorithm == Algorithm::Md5 { 32 } else { 64 };
        let fits = hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Ha1 { algorithm, hex: hex.to_owned() })
    }

    /// The value to store (sealed).
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

/// What a server asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Whose users are meant.
    pub realm: String,
    /// Used once; made by the server.
    pub nonce: String,
    /// To be given back as it is.
    pub opaque: Option<String>,
    /// How to hash.
    pub algorithm: Algorithm,
    /// Whether `qop=auth` is offered; without it the old form of RFC 2069 is meant.
    pub protects: bool,
    /// The last answer was right but its nonce too old.
    pub stale: bool,
}

impl Challenge {
    /// Reads a `WWW-Authenticate` or `Proxy-Authenticate` value.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let parameters = parameters(value)?;
        let get = |name: &str| find(&parameters, name);
        let protection = get("qop");
        let protects =
            protection.is_some_and(|list| list.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")));
        if protection.is_some() && !protects {
            return Err(Error::Unsupported);
        }
        Ok(Challenge {
            realm: get("realm").ok_or(Error::Missing("realm"))?.to_owned(),
            nonce: get("nonce").ok_or(Error::Missing("nonce"))?.to_owned(),
            opaque: get("opaque").map(str::to_owned),
            algorithm: Algorithm::from_name(get("algorithm"))?,
            protects,
            stale: get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The header's value.
    pub fn to_header(&self) -> String {
        let opaque =
            self.opaque.as_deref().map(|opaque| format!(", opaque=\"{}\"", escape(opaque))).unwrap_or_default();
        let protection = if self.protects { ", qop=\"auth\"" } else { "" };
        let stale = if self.stale { ", stale=true" } else { "" };
        format!(
            "Digest realm=\"{}\", nonce=\"{}\", algorithm={}{protection}{opaque}{stale}",
            escape(&self.realm),
            escape(&self.nonce),
            self.algorithm.name()
        )
    }

    /// The answer to this challenge. `count` says how often this nonce has been used, from 1; `own_nonce` is random.
    pub fn answer(&self, ha1: &Ha1, user: &str, method: &str, uri: &str, own_nonce: &str, count: u32) -> Authorization {
        let protection = self.protects.then(|| Protection { own_nonce: own_nonce.to_owned(), count });
        let mut authorization = Authorization {
            user: user.to_owned(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri: uri.to_owned(),
            response: String::new(),
            opaque: self.opaque.clone(),
            algorithm: self.algorithm,
            protection,
        };
        authorization.response = authorization.expected(ha1, method);
        authorization
    }
}

/// The client's part in a protected digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The client's own nonce.
    pub own_nonce: String,
    /// How often the server's nonce was used, from 1.
    pub count: u32,
}

/// What a client answers.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who.
    pub user: String,
    /// Whose users are meant.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// What was asked for.
    pub uri: String,
    /// The hash.
    pub response: String,
    /// Given back.
    pub opaque: Option<String>,
    /// How it was hashed, says the client.
    pub algorithm: Algorithm,
    /// Present with `qop=auth`.
    pub protection: Option<Protection>,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Authorization({}, hidden)", self.algorithm.name())
    }
}

impl Authorization {
    /// Reads an `Authorization` or `Proxy-Authorization` value.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let parameters = parameters(value)?;
        let get = |name: &'static str| find(&parameters, name).ok_or(Error::Missing(name));
        let protection = match find(&parameters, "qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let count = get("nc")?;
                let count = u32::from_str_radix(count, 16).ok().filter(|_| count.len() == 8).ok_or(Error::Malformed)?;
                Some(Protection { own_nonce: get("cnonce")?.to_owned(), count })
            }
            Some(_) => return Err(Error::Unsupported),
        };
        Ok(Authorization {
            user: get("username")?.to_owned(),
            realm: get("realm")?.to_owned(),
            nonce: get("nonce")?.to_owned(),
            uri: get("uri")?.to_owned(),
            response: get("response")?.to_owned(),
            opaque: find(&parameters, "opaque").map(str::to_owned),
            algorithm: Algorithm::from_name(find(&parameters, "algorithm"))?,
            protection,
        })
    }

    /// The header's value.
    pub fn to_header(&self) -> String {
        let mut out = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}",
            escape(&self.user),
            escape(&self.realm),
            escape(&self.nonce),
            escape(&self.uri),
            escape(&self.response),
            self.algorithm.name()
        );
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque=\"{}\"", escape(opaque));
        }
        if let Some(protection) = &self.protection {
            let (count, own_nonce) = (protection.count, escape(&protection.own_nonce));
            let _ = write!(out, ", qop=auth, nc={count:08x}, cnonce=\"{own_nonce}\"");
        }
        out
    }

    /// Whether the response is right for this user's value and this method. The algorithm must be that of the stored
    /// value: a client cannot choose a weaker one. Nonce, count and realm are the caller's to check.
    pub fn is_right(&self, ha1: &Ha1, method: &str) -> bool {
        self.algorithm == ha1.algorithm && same(self.expected(ha1, method).as_bytes(), self.response.as_bytes())
    }

    fn expected(&self, ha1: &Ha1, method: &str) -> String {
        let asked = ha1.algorithm.hash(&[method, &self.uri]);
        match &self.protection {
            None => ha1.algorithm.hash(&[&ha1.hex, &self.nonce, &asked]),
            Some(protection) => {
                let count = format!("{:08x}", protection.count);
                ha1.algorithm.hash(&[&ha1.hex, &self.nonce, &count, &protection.own_nonce, "auth", &asked])
            }
        }
    }
}

/// Compares without telling by its time where the difference lies.
fn same(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0u8, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\r', '\n'], "")
}

fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The `name=value` pairs after `Digest`; a name that comes twice makes the header malformed.
fn parameters(value: &str) -> Result<Vec<(String, String)>, Error> {
    let scheme = value.get(..7).ok_or(Error::Malformed)?;
    if value.len() > HEADER_LIMIT || !scheme.eq_ignore_ascii_case("digest ") {
        return Err(Error::Malformed);
    }
    // Neither tokens nor quoted strings may hold them (RFC 7230, section 3.2.6); a line break would begin a new header.
    if value.contains(|character: char| character.is_control() && character != '\t') {
        return Err(Error::Malformed);
    }
    let mut rest = value[7..].trim();
    let mut found: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(Error::Malformed)?;
        let name = name.trim().to_ascii_lowercase();
        let (value, after) = read_value(after.trim_start())?;
        if found.len() == PARAMETERS_LIMIT || found.iter().any(|(known, _)| *known == name) {
            return Err(Error::Malformed);
        }
        found.push((name, value));
        rest = match after.trim_start().strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.trim().is_empty() => "",
            None => return Err(Error::Malformed),
        };
    }
    Ok(found)
}

/// A quoted string or a token, and what follows it.
fn read_value(text: &str) -> Result<(String, &str), Error> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next().ok_or(Error::Malformed)?.1),
            other => value.push(other),
        }
    }
    Err(Error::Malformed)
}

#[cfg(test)]
mod tests;
