//! Links that open one object for a while: the claims in the link itself, under an HMAC that only this server can make.
//!
//! A token is base64url (RFC 4648 section 5, no padding) of: version (1 byte), organization (16), object (16), expiry in
//! microseconds UTC (8, big-endian), session flag (1) and session (16 when the flag is 1), length of the purpose (1), the
//! purpose, and HMAC-SHA-256 over all that (32). It names no person; whoever holds it can read its ids.

#[cfg(test)]
mod tests;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use storage::{OrganizationId, Timestamp};
use uuid::Uuid;

use crate::secret::Secret;

/// Longest purpose, in bytes.
pub const MAXIMUM_PURPOSE_LENGTH: usize = 64;
const VERSION: u8 = 1;
const TAG_LENGTH: usize = 32;
const MAXIMUM_CLAIMS_LENGTH: usize = 1 + 16 + 16 + 8 + 17 + 1 + MAXIMUM_PURPOSE_LENGTH;
/// Longest token, in characters: four for three bytes, rounded up.
const MAXIMUM_TOKEN_LENGTH: usize = ((MAXIMUM_CLAIMS_LENGTH + TAG_LENGTH) * 4).div_ceil(3);

/// What a link allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkClaims {
    /// Whose object it is.
    pub organization: OrganizationId,
    /// What the link is for, as in "recording.listen"; a link for one purpose opens nothing else.
    pub purpose: String,
    /// The object that it opens.
    pub object: Uuid,
    /// From this instant on it opens nothing.
    pub expires_at: Timestamp,
    /// When set, only this session may use it.
    pub session: Option<Uuid>,
}

/// Why a link opens nothing. Show the same page for all of them; the difference is for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not made by this server, or changed since.
    #[error("the link was not made here, or it was changed")]
    Forged,
    /// It was good once.
    #[error("the link has expired")]
    Expired,
    /// It opens something else.
    #[error("the link is for another purpose")]
    OtherPurpose,
    /// It was given to another session.
    #[error("the link belongs to another session")]
    OtherSession,
    /// A purpose is 1 to 64 bytes.
    #[error("the purpose of a link has 1 to {MAXIMUM_PURPOSE_LENGTH} bytes")]
    BadPurpose,
}

/// Makes and checks tokens. One per installation.
#[derive(Clone)]
pub(crate) struct LinkKey(hmac::Key);

impl LinkKey {
    pub(crate) fn new(key: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    pub(crate) fn sign(&self, claims: &LinkClaims) -> Result<String, LinkError> {
        let mut token = encode(claims)?;
        token.extend_from_slice(hmac::sign(&self.0, &token).as_ref());
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// The claims, after the tag, the expiry, the purpose and the session were checked, in this order.
    pub(crate) fn verify(
        &self,
        token: &str,
        purpose: &str,
        session: Option<Uuid>,
        now: Timestamp,
    ) -> Result<LinkClaims, LinkError> {
        if token.len() > MAXIMUM_TOKEN_LENGTH {
            return Err(LinkError::Forged);
        }
        let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Forged)?;
        let (claims, tag) = token.split_last_chunk::<TAG_LENGTH>().ok_or(LinkError::Forged)?;
        hmac::verify(&self.0, claims, tag).map_err(|_| LinkError::Forged)?;
        let claims = decode(claims).ok_or(LinkError::Forged)?;
        if now >= claims.expires_at {
            return Err(LinkError::Expired);
        }
        if claims.purpose != purpose {
            return Err(LinkError::OtherPurpose);
        }
        if claims.session.is_some() && claims.session != session {
            return Err(LinkError::OtherSession);
        }
        Ok(claims)
    }
}

fn encode(claims: &LinkClaims) -> Result<Vec<u8>, LinkError> {
    let purpose = claims.purpose.as_bytes();
    if purpose.is_empty() || purpose.len() > MAXIMUM_PURPOSE_LENGTH {
        return Err(LinkError::BadPurpose);
    }
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(claims.organization.0.as_bytes());
    bytes.extend_from_slice(claims.object.as_bytes());
    bytes.extend_from_slice(&claims.expires_at.0.to_be_bytes());
    bytes.push(u8::from(claims.session.is_some()));
    if let Some(session) = claims.session {
        bytes.extend_from_slice(session.as_bytes());
    }
    bytes.push(purpose.len() as u8);
    bytes.extend_from_slice(purpose);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<LinkClaims> {
    let (&[VERSION], rest) = bytes.split_first_chunk::<1>()? else { return None };
    let (organization, rest) = rest.split_first_chunk::<16>()?;
    let (object, rest) = rest.split_first_chunk::<16>()?;
    let (expires_at, rest) = rest.split_first_chunk::<8>()?;
    let (session, rest) = match rest.split_first()? {
        (0, rest) => (None, rest),
        (1, rest) => {
            let (session, rest) = rest.split_first_chunk::<16>()?;
            (Some(Uuid::from_bytes(*session)), rest)
        }
        _ => return None,
    };
    let (&length, purpose) = rest.split_first()?;
    if usize::from(length) != purpose.len() {
        return None;
    }
    Some(LinkClaims {
        organization: OrganizationId(Uuid::from_bytes(*organization)),
        purpose: std::str::from_utf8(purpose).ok()?.to_owned(),
        object: Uuid::from_bytes(*object),
        expires_at: Timestamp(i64::from_be_bytes(*expires_at)),
        session,
    })
}
