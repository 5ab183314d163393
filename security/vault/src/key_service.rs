//! The door to a service that wraps the root key and never gives its own key away (OpenBao or Vault transit, a KMS). Who
//! implements it speaks the service's protocol; the vault only knows that a wrapped key comes back as it went.

use std::{fmt, future::Future, pin::Pin};

use zeroize::Zeroizing;

use crate::secret::Secret;

/// The future of one answer; an error is a reason in words, without a secret, that says what to do.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// A service that wraps and unwraps keys.
pub trait KeyService: Send + Sync + fmt::Debug {
    /// Where it is, for messages: no token, no password.
    fn place(&self) -> String;

    /// Wraps a key; the text is stored in a file and means nothing without the service.
    fn wrap<'a>(&'a self, key: &'a Secret) -> Answer<'a, String>;

    /// Wraps anew, with the newest of the service's own keys, what an older one wrapped.
    fn rewrap<'a>(&'a self, wrapped: &'a str) -> Answer<'a, String>;

    /// Opens what [`Self::wrap`] gave.
    fn unwrap<'a>(&'a self, wrapped: &'a str) -> Answer<'a, Zeroizing<Vec<u8>>>;
}
