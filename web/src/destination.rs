//! Where a person is sent after signing in or confirming: always a page of this server, never another site.

use http::{HeaderMap, HeaderValue, Uri, header};

/// Where a session shows its second factor.
pub const SECOND_FACTOR_PAGE: &str = "/sign-in/second-factor";
/// Where an account gets one.
pub const ENROLMENT_PAGE: &str = "/second-factors/required";
/// Where somebody who is signed in shows again who is there.
pub const CONFIRM_PAGE: &str = "/sign-in/confirm";
/// Where somebody who came by a reset link chooses a new password.
pub const NEW_PASSWORD_PAGE: &str = "/sign-in/new-password";
/// Longest path that is remembered.
const MAXIMUM_LENGTH: usize = 500;
/// Pages that nobody wants to come back to.
const OWN: [&str; 4] = ["/sign-in", "/sign-out", "/first-owner", "/second-factors/required"];

/// The path, if it is one of ours to go to: from the root, without another site's name in disguise; else the overview.
pub fn checked(path: &str) -> String {
    let shaped = path.starts_with('/') && !path.starts_with("//") && path.len() <= MAXIMUM_LENGTH;
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_own = OWN.iter().any(|page| path.starts_with(page));
    if shaped && plain && !is_own { path.to_owned() } else { "/".to_owned() }
}

/// The page that a request was sent from, if it is one of ours: the path of the Referer, if that is of this origin.
pub fn of_referer(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let wanted = text(header::REFERER).zip(text(header::HOST)).and_then(|(referer, host)| {
        let rest = referer.strip_prefix("https://").or_else(|| referer.strip_prefix("http://"))?;
        rest.strip_prefix(host)
    });
    wanted.map_or_else(|| "/".to_owned(), checked)
}

/// The address of `page` that leads on to `next` afterwards.
pub fn with_next(page: &str, next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(checked(next).as_bytes()).collect();
    format!("{page}?next={next}")
}

/// The path and query that were asked for.
pub(crate) fn of_request(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), |wanted| checked(wanted.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_page_is_one_of_ours() {
        let page = |referer: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("desk.example:8080"));
            headers.insert(header::REFERER, referer.parse().expect("a header value"));
            of_referer(&headers)
        };
        assert_eq!(page("http://desk.example:8080/calls?after=1"), "/calls?after=1");
        for other in [
            "https://evil.example/calls",
            "http://desk.example:8080.evil.example/",
            "http://desk.example:8080//evil.example",
            "http://desk.example:8080/\\evil.example",
            "http://desk.example:8080/sign-in",
            "http://desk.example:8080",
            "/calls",
        ] {
            assert_eq!(page(other), "/", "{other}");
        }
        assert_eq!(of_referer(&HeaderMap::new()), "/");
        assert_eq!(checked(&format!("/{}", "a".repeat(MAXIMUM_LENGTH))), "/");
        assert_eq!(checked("/a b"), "/");
    }

    #[test]
    fn the_next_page_travels_whole() {
        assert_eq!(with_next(CONFIRM_PAGE, "/calls?a=1&b=2"), "/sign-in/confirm?next=%2Fcalls%3Fa%3D1%26b%3D2");
        assert_eq!(with_next(CONFIRM_PAGE, "https://evil.example"), "/sign-in/confirm?next=%2F");
    }
}
