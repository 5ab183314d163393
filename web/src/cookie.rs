//! The session cookie: how it is written and how it is found again.

use http::{HeaderMap, HeaderValue, header};
use identity::session::ABSOLUTE_SECONDS;
use identity::token::Secret;

/// How browsers reach this server, which decides the cookie's name and marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCookie {
    /// By TLS: `__Host-` binds the cookie to this very host, path `/` and `Secure`.
    OverTls,
    /// By plain HTTP on the machine itself.
    OnLoopback,
}

impl SessionCookie {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OverTls => "__Host-ringfence_session",
            Self::OnLoopback => "ringfence_session",
        }
    }

    const fn marks(self) -> &'static str {
        match self {
            Self::OverTls => "; Path=/; Secure; HttpOnly; SameSite=Lax",
            Self::OnLoopback => "; Path=/; HttpOnly; SameSite=Lax",
        }
    }

    /// The header that signs a browser in.
    pub fn set(self, token: &Secret) -> HeaderValue {
        self.set_text(token.reveal(), ABSOLUTE_SECONDS)
    }

    /// The same for a token that is presented in the place of a session's, for so many seconds.
    pub fn set_text(self, token: &str, seconds: i64) -> HeaderValue {
        let text = format!("{}={token}; Max-Age={seconds}{}", self.name(), self.marks());
        let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// The header that signs it out.
    pub fn clear(self) -> HeaderValue {
        let text = format!("{}=; Max-Age=0{}", self.name(), self.marks());
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The token that the browser sent. Two cookies of the name mean that somebody planted one: then none counts.
    pub fn find(self, headers: &HeaderMap) -> Option<&str> {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| value);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::SeededEntropy;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::COOKIE, value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn the_cookie_is_marked() {
        let token = Secret::generate(&SeededEntropy::new(1));
        let text = |cookie: SessionCookie| cookie.set(&token).to_str().expect("text").to_owned();
        let tls = text(SessionCookie::OverTls);
        assert!(tls.starts_with(&format!("__Host-ringfence_session={}; ", token.reveal())));
        assert!(tls.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax") && !tls.contains("Domain"));
        let plain = text(SessionCookie::OnLoopback);
        assert!(plain.contains("HttpOnly; SameSite=Lax") && !plain.contains("Secure"));
        assert!(SessionCookie::OverTls.clear().to_str().expect("text").contains("=; Max-Age=0; Path=/; Secure"));
    }

    #[test]
    fn one_cookie_is_found_and_two_are_nobody() {
        let cookie = SessionCookie::OnLoopback;
        assert_eq!(cookie.find(&headers(&["a=1; ringfence_session=abc; b=2"])), Some("abc"));
        assert_eq!(cookie.find(&headers(&["a=1", "ringfence_session=abc"])), Some("abc"));
        assert_eq!(cookie.find(&headers(&["ringfence_session=abc; ringfence_session=def"])), None);
        assert_eq!(cookie.find(&headers(&["x_ringfence_session=abc; __Host-ringfence_session=def"])), None);
        assert_eq!(cookie.find(&headers(&["ringfence_session"])), None);
    }
}
