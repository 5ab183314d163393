//! Signatures of requests (RFC 7515, ES256 only): read, and verified with the key that made the account.

use aws_lc_rs::{digest, signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A request as it was signed.
#[derive(Debug, Clone)]
pub struct Signed {
    pub url: String,
    pub nonce: String,
    pub account: Option<String>,
    pub key: Option<Signer>,
    payload: Value,
    input: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    /// Reads the flattened form; none when a part is missing or of another algorithm.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let outer: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| outer[name].as_str();
        let (protected, payload) = (text("protected")?, text("payload")?);
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).ok()?).ok()?;
        if header["alg"] != "ES256" {
            return None;
        }
        let inner = URL_SAFE_NO_PAD.decode(payload).ok()?;
        Some(Self {
            url: header["url"].as_str()?.to_owned(),
            nonce: header["nonce"].as_str()?.to_owned(),
            account: header["kid"].as_str().map(str::to_owned),
            key: Signer::parse(&header["jwk"]),
            // An empty payload asks to read (section 6.3).
            payload: if inner.is_empty() { Value::Null } else { serde_json::from_slice(&inner).ok()? },
            input: format!("{protected}.{payload}").into_bytes(),
            signature: URL_SAFE_NO_PAD.decode(text("signature")?).ok()?,
        })
    }

    pub fn payload(&self) -> &Value {
        &self.payload
    }
}

/// The public key of an account.
#[derive(Debug, Clone)]
pub struct Signer {
    x: String,
    y: String,
}

impl Signer {
    fn parse(key: &Value) -> Option<Self> {
        let is_known = key["kty"] == "EC" && key["crv"] == "P-256";
        is_known.then(|| Some(Self { x: key["x"].as_str()?.to_owned(), y: key["y"].as_str()?.to_owned() }))?
    }

    pub fn verifies(&self, signed: &Signed) -> bool {
        let (Ok(x), Ok(y)) = (URL_SAFE_NO_PAD.decode(&self.x), URL_SAFE_NO_PAD.decode(&self.y)) else { return false };
        let point = [&[4_u8][..], &x, &y].concat();
        let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
        key.verify(&signed.input, &signed.signature).is_ok()
    }

    /// RFC 7638.
    pub fn thumbprint(&self) -> String {
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }
}
