//! Did one of our own pages send this? Asked of every unsafe request that a browser authenticates by itself.
//!
//! Browsers say so in `Sec-Fetch-Site`; older ones at least in `Origin`. Stricter than the usual scheme: a request
//! with neither header is refused, because no browser of the last years sends a form without both, and a program has
//! API keys (OWASP ASVS 3.5.3).

use http::{HeaderMap, Method, header};

/// Why a request was refused; for the log, not for the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The browser says that another site sent it.
    OtherSite,
    /// The origin is not the host that was asked.
    OtherOrigin,
    /// Neither header is there.
    Unknown,
}

/// Is this method one that may change something (RFC 9110 section 9.2.1)?
pub fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Lets a request through that a page of ours sent. `authority` is the host and port that was asked for
/// (`Host`, or `:authority` in HTTP/2).
pub fn check(headers: &HeaderMap, authority: Option<&str>) -> Result<(), Refusal> {
    // Two of a kind are a sign of smuggling: never choose one.
    if headers.get_all("sec-fetch-site").iter().count() > 1 || headers.get_all(header::ORIGIN).iter().count() > 1 {
        return Err(Refusal::OtherSite);
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        if site.as_bytes() != b"same-origin" {
            return Err(Refusal::OtherSite);
        }
        // The browser vouches; an Origin that contradicts it is still refused below.
        return match headers.get(header::ORIGIN) {
            Some(origin) if !is_same(origin.as_bytes(), authority) => Err(Refusal::OtherOrigin),
            _ => Ok(()),
        };
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if is_same(origin.as_bytes(), authority) => Ok(()),
        Some(_) => Err(Refusal::OtherOrigin),
        None => Err(Refusal::Unknown),
    }
}

fn is_same(origin: &[u8], authority: Option<&str>) -> bool {
    let Some(authority) = authority else { return false };
    let host = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pairs: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        check(&headers, Some("desk.example:8443"))
    }

    type Case<'a> = (&'a [(&'static str, &'a str)], Result<(), Refusal>);

    #[test]
    fn the_whole_matrix() {
        let ours = ("origin", "https://desk.example:8443");
        let theirs = ("origin", "https://evil.example");
        let cases: &[Case<'_>] = &[
            (&[("sec-fetch-site", "same-origin"), ours], Ok(())),
            (&[("sec-fetch-site", "same-origin")], Ok(())),
            (&[ours], Ok(())),
            (&[("origin", "https://DESK.example:8443")], Ok(())),
            (&[("sec-fetch-site", "same-origin"), theirs], Err(Refusal::OtherOrigin)),
            (&[("sec-fetch-site", "same-site"), ours], Err(Refusal::OtherSite)),
            (&[("sec-fetch-site", "cross-site"), ours], Err(Refusal::OtherSite)),
            (&[("sec-fetch-site", "none")], Err(Refusal::OtherSite)),
            (&[("sec-fetch-site", "Same-Origin")], Err(Refusal::OtherSite)),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], Err(Refusal::OtherSite)),
            (&[ours, ours], Err(Refusal::OtherSite)),
            (&[theirs], Err(Refusal::OtherOrigin)),
            (&[("origin", "null")], Err(Refusal::OtherOrigin)),
            (&[("origin", "https://desk.example")], Err(Refusal::OtherOrigin)),
            (&[("origin", "https://desk.example:8443.evil.example")], Err(Refusal::OtherOrigin)),
            (&[("origin", "ftp://desk.example:8443")], Err(Refusal::OtherOrigin)),
            (&[], Err(Refusal::Unknown)),
            (&[("referer", "https://desk.example:8443/page")], Err(Refusal::Unknown)),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(headers), *expected, "{headers:?}");
        }
        assert_eq!(check(&HeaderMap::new(), None), Err(Refusal::Unknown));
    }

    #[test]
    fn reading_is_safe_and_the_rest_is_not() {
        assert!([Method::GET, Method::HEAD, Method::OPTIONS].iter().all(|method| !is_unsafe(method)));
        let own = Method::from_bytes(b"PURGE").expect("a method");
        assert!([Method::POST, Method::PUT, Method::PATCH, Method::DELETE, own].iter().all(is_unsafe));
    }
}
