//! What counts as an origin, and whom a list lets in.

use super::*;

#[test]
fn an_origin_is_kept_as_browsers_write_it() {
    for (typed, kept) in [
        ("https://shop.example", "https://shop.example"),
        (" https://Shop.Example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ] {
        assert_eq!(Origin::parse(typed).map(|origin| origin.0), Ok(kept.to_owned()), "{typed}");
    }
}

#[test]
fn what_is_not_exactly_one_origin_is_refused() {
    use OriginProblem::{Host, Port, Scheme, TooLong};
    for (typed, problem) in [
        ("", Scheme),
        ("null", Scheme),
        ("shop.example", Scheme),
        ("ftp://shop.example", Scheme),
        ("http://shop.example", Scheme),
        ("http://127.0.0.1.evil.example", Scheme),
        ("http://localhost.evil.example", Scheme),
        ("https://*.shop.example", Host),
        ("https://", Host),
        ("https://shop.example/path", Host),
        ("https://shop.example//", Host),
        ("https://user@shop.example", Host),
        ("https://shop.example https://evil.example", Port),
        ("https://shop.example; script-src *", Host),
        ("https://-shop.example", Host),
        ("https://shop..example", Host),
        ("https://[1]", Host),
        ("https://shop.example:0", Port),
        ("https://shop.example:65536", Port),
        ("https://shop.example:", Port),
        ("https://shop.example:+80", Port),
    ] {
        assert_eq!(Origin::parse(typed), Err(problem), "{typed}");
    }
    let label = format!("https://{}.example", "a".repeat(63));
    assert!(Origin::parse(&label).is_ok());
    assert_eq!(Origin::parse(&format!("https://{}.example", "a".repeat(64))), Err(Host));
    assert_eq!(Origin::parse(&"h".repeat(ORIGIN_LENGTH_MAX + 1)), Err(TooLong));
    assert_eq!(Origin::parse("https://é]:€"), Err(Port));
}

#[test]
fn an_empty_list_permits_nobody() {
    let nobody = Origins::default();
    for presented in ["", "null", "https://shop.example"] {
        assert!(!nobody.permit(presented), "{presented}");
    }
}

#[test]
fn a_list_permits_exactly_its_origins() {
    let origins =
        Origins::parse(["https://shop.example", "https://shop.example", "http://localhost:8080"]).expect("a list");
    assert_eq!(origins.len(), 2);
    assert!(origins.permit("https://shop.example"));
    for near in [
        "https://shop.example/",
        "https://SHOP.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://a.shop.example",
        "https://shop.example:8443",
        "null",
    ] {
        assert!(!origins.permit(near), "{near}");
    }
    assert_eq!(Origins::parse(origins.stored().split(' ')), Ok(origins));
}

#[test]
fn the_first_wrong_text_of_a_list_is_named() {
    assert_eq!(Origins::parse(["https://shop.example", "*"]), Err((1, OriginProblem::Scheme)));
}
