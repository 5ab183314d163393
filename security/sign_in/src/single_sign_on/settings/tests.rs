//! What an Owner may set, at its edges.

use super::*;

fn wish() -> Wish {
    Wish {
        short_name: "harbour".into(),
        issuer: "https://login.harbour.example".into(),
        client_id: "ringfence".into(),
        domains: "harbour.example".into(),
        ..Wish::default()
    }
}

fn field(change: impl FnOnce(&mut Wish)) -> Option<&'static str> {
    let mut wish = wish();
    change(&mut wish);
    match Settings::of(&wish, Reach::PublicOnly) {
        Err(Error::Invalid { field, .. }) => Some(field),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

#[test]
fn what_is_right_is_taken_and_written_one_way() {
    let wish = Wish {
        short_name: " Harbour-2 ".into(),
        domains: "@Harbour.example, mail.harbour.example\nharbour.example".into(),
        two_factor_words: "mfa http://schemas.openid.net/pape/policies/2007/06/multi-factor mfa".into(),
        new_member_role: "viewer".into(),
        is_on: true,
        is_required: true,
        ..wish()
    };
    let settings = Settings::of(&wish, Reach::PublicOnly).expect("taken");
    assert_eq!(settings.short_name, "harbour-2");
    assert_eq!(settings.domains, ["harbour.example", "mail.harbour.example"]);
    assert_eq!(settings.two_factor_words.len(), 2);
    assert_eq!(settings.new_member_role, Some(Role::Viewer));
    assert!(settings.covers("ana@HARBOUR.example") && settings.covers("x@y@mail.harbour.example"));
    assert!(!settings.covers("ana@evil-harbour.example") && !settings.covers("ana@sub.harbour.example"));
    assert!(!settings.covers("harbour.example") && !settings.covers("ana@harbour.example."));
}

#[test]
fn what_is_wrong_is_said_by_field() {
    for text in ["", "ab", "1harbour", "harbour-", "har bour", "härbor", &"h".repeat(41)] {
        assert_eq!(field(|wish| wish.short_name = text.into()), Some("short_name"), "{text}");
    }
    assert_eq!(field(|wish| wish.short_name = "h".repeat(40)), None);
    for text in [
        "",
        "login.harbour.example",
        "http://login.harbour.example",
        "https://10.0.0.1",
        "https://127.0.0.1",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://login.harbour.example:8443",
        "https://user@login.harbour.example",
        "https://login.harbour.example/?a=b",
        "https://login.harbour.example/#a",
        "file:///etc/passwd",
        &format!("https://login.example/{}", "a".repeat(MAXIMUM_ISSUER_BYTES)),
    ] {
        assert_eq!(field(|wish| wish.issuer = text.into()), Some("issuer"), "{text}");
    }
    for text in ["", " ", "a\nb", "é", &"a".repeat(MAXIMUM_CREDENTIAL_BYTES + 1)] {
        assert_eq!(field(|wish| wish.client_id = text.into()), Some("client_id"), "{text}");
    }
    assert_eq!(field(|wish| wish.client_id = "a".repeat(MAXIMUM_CREDENTIAL_BYTES)), None);
    for text in ["example", "*.example.org", "a..b", "-a.org", "a_b.org", &format!("{}.org", "a".repeat(64))] {
        assert_eq!(field(|wish| wish.domains = text.into()), Some("domains"), "{text}");
    }
    let many = |count: usize| (0..count).map(|number| format!("d{number}.example")).collect::<Vec<_>>().join(" ");
    assert_eq!(field(|wish| wish.domains = many(MAXIMUM_DOMAINS)), None);
    assert_eq!(field(|wish| wish.domains = many(MAXIMUM_DOMAINS + 1)), Some("domains"));
    let words = |count: usize| (0..count).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    assert_eq!(field(|wish| wish.two_factor_words = words(MAXIMUM_TWO_FACTOR_WORDS)), None);
    assert_eq!(field(|wish| wish.two_factor_words = words(MAXIMUM_TWO_FACTOR_WORDS + 1)), Some("two_factor_words"));
    assert_eq!(field(|wish| wish.new_member_role = "owner".into()), Some("new_member_role"));
    assert_eq!(field(|wish| wish.new_member_role = "king".into()), Some("new_member_role"));
    assert_eq!(field(|wish| wish.is_required = true), Some("required"), "not while it is switched off");
    let open = |wish: &mut Wish| (wish.new_member_role, wish.domains) = ("viewer".into(), String::new());
    assert_eq!(field(open), Some("domains"), "nobody comes in unasked from just any address");
}

#[test]
fn private_providers_are_the_operators_to_allow_and_clear_text_is_for_this_machine() {
    let judge = |text: &str, reach| Settings::of(&Wish { issuer: text.into(), ..wish() }, reach).is_ok();
    for text in ["https://10.0.0.1:8443", "https://login.harbour.example:8443", "http://127.0.0.1:9000"] {
        assert!(judge(text, Reach::PrivateToo) && !judge(text, Reach::PublicOnly), "{text}");
    }
    assert!(!judge("http://10.0.0.1", Reach::PrivateToo) && !judge("https://169.254.169.254", Reach::PrivateToo));
}
