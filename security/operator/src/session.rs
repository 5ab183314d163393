//! How long an operator stays signed in, and how an operator's session is written: shorter than an organization's people,
//! under a name of its own, on the loopback listener alone.

use http::{HeaderMap, HeaderValue, header};
use storage::Timestamp;

/// Signed out after so long without a request.
pub const IDLE_SECONDS: i64 = 15 * 60;
/// Signed out after so long in any case.
pub const ABSOLUTE_SECONDS: i64 = 8 * 60 * 60;
/// A session that gave a password only waits so long for the second factor.
pub const UNFINISHED_SECONDS: i64 = 5 * 60;
/// The cookie's name.
pub const COOKIE: &str = "ringfence_operator";

/// Is a session with these times still good? `factor_at` is when the second factor was given, if it was.
pub(crate) fn lives(created_at: Timestamp, seen_at: Timestamp, factor_at: Option<Timestamp>, now: Timestamp) -> bool {
    let finished = factor_at.is_some() || now < created_at.plus_seconds(UNFINISHED_SECONDS);
    finished && now < created_at.plus_seconds(ABSOLUTE_SECONDS) && now < seen_at.plus_seconds(IDLE_SECONDS)
}

/// The header that signs a browser in. Strict: no other site, not even by a link, makes it be sent.
pub(crate) fn set(token: &str) -> HeaderValue {
    let text = format!("{COOKIE}={token}; Max-Age={ABSOLUTE_SECONDS}; Path=/; HttpOnly; SameSite=Strict");
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The header that signs it out.
pub(crate) fn clear() -> HeaderValue {
    HeaderValue::from_static("ringfence_operator=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict")
}

/// The token that the browser sent. Two of the name mean that somebody planted one: then none counts.
pub(crate) fn find(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn sessions_end_at_their_edges() {
        let after = |seconds| START.plus_seconds(seconds);
        assert!(lives(START, START, Some(START), after(IDLE_SECONDS - 1)));
        assert!(!lives(START, START, Some(START), after(IDLE_SECONDS)), "idle");
        let busy = after(ABSOLUTE_SECONDS - 1);
        assert!(lives(START, busy, Some(START), busy));
        assert!(!lives(START, busy, Some(START), after(ABSOLUTE_SECONDS)), "old");
        assert!(lives(START, START, None, after(UNFINISHED_SECONDS - 1)));
        assert!(!lives(START, START, None, after(UNFINISHED_SECONDS)), "half signed in");
    }

    #[test]
    fn the_cookie_is_strict_and_found_once() {
        let text = set("abc").to_str().expect("text").to_owned();
        assert!(text.starts_with("ringfence_operator=abc; ") && text.ends_with("HttpOnly; SameSite=Strict"), "{text}");
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; ringfence_operator=abc"));
        assert_eq!(find(&headers), Some("abc"));
        headers.append(header::COOKIE, HeaderValue::from_static("ringfence_operator=def"));
        assert_eq!(find(&headers), None);
    }
}
