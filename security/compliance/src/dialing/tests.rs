//! The door at its edges.

use proptest::prelude::*;

use super::*;

fn german() -> DialingPolicy {
    DialingPolicy { home_country_code: Some("49".to_owned()), allowed_country_codes: vec![], loopback_sip: false }
}

fn demo() -> DialingPolicy {
    DialingPolicy { loopback_sip: true, ..german() }
}

#[test]
fn emergency_comes_before_everything() {
    let widest = DialingPolicy {
        home_country_code: Some("1".to_owned()),
        allowed_country_codes: vec!["4".to_owned(), "9".to_owned()],
        loopback_sip: true,
    };
    for target in ["911", "112", "+49112", "sip:112@127.0.0.1", "tel:999", "00 1 911", "9 1 1"] {
        assert_eq!(may_dial(target, &widest), Err(Refusal::Emergency), "{target}");
    }
}

#[test]
fn domestic_only_by_default() {
    let permit = may_dial("+49 (0)30 123 45-67", &german()).expect("a number in Berlin");
    assert_eq!(permit.target(), &Target::Number("+49301234567".to_owned()));
    assert_eq!(may_dial("+33 1 23 45 67 89", &german()), Err(Refusal::Country));
    let neighbours = DialingPolicy { allowed_country_codes: vec!["33".to_owned()], ..german() };
    assert!(may_dial("+33 1 23 45 67 89", &neighbours).is_ok());
    assert_eq!(may_dial("+49301234567", &DialingPolicy::default()), Err(Refusal::Country));
    let empty_code = DialingPolicy { home_country_code: Some(String::new()), ..german() };
    assert_eq!(may_dial("+49301234567", &empty_code), Err(Refusal::Country));
}

#[test]
fn the_length_of_a_number_has_edges() {
    assert!(may_dial("+4930123", &german()).is_ok());
    assert_eq!(may_dial("+493012", &german()), Err(Refusal::Unreadable));
    assert!(may_dial("+493012345678901", &german()).is_ok());
    assert_eq!(may_dial("+4930123456789012", &german()), Err(Refusal::Unreadable));
    assert_eq!(may_dial(&format!("+4930{}", " ".repeat(200)), &german()), Err(Refusal::Unreadable));
    assert_eq!(may_dial("", &german()), Err(Refusal::Unreadable));
}

#[test]
fn costly_ranges_are_blocked_in_every_dress() {
    for target in ["+49 900 1234567", "0049 900 1234567", "+490900 1234567", "+49 (0)137 123456", "+49 180 5 123456"] {
        assert_eq!(may_dial(target, &german()), Err(Refusal::Premium), "{target}");
    }
    let wide =
        DialingPolicy { allowed_country_codes: vec!["88".to_owned(), "1".to_owned(), "979".to_owned()], ..german() };
    for target in ["+881 6 1234567", "+979 1 2345678", "+1 900 555 1234", "+1 876 555 1234"] {
        assert_eq!(may_dial(target, &wide), Err(Refusal::Premium), "{target}");
    }
}

#[test]
fn only_international_form_is_read() {
    for target in
        ["030 1234567", "49301234567", "+49 30 12x4567", "anna", "+", "00", "+0301234567", "https://x.example"]
    {
        assert!(matches!(may_dial(target, &german()), Err(Refusal::Unreadable)), "{target}");
    }
}

#[test]
fn sip_targets_stay_on_this_machine_and_need_the_setting() {
    for target in ["sip:desk@127.0.0.1", "sip:desk@127.0.0.1:5070", "sip:desk@[::1]:5060", "SIP:127.0.0.9"] {
        assert!(may_dial(target, &demo()).is_ok(), "{target}");
        assert_eq!(may_dial(target, &german()), Err(Refusal::SipTarget), "{target}");
    }
    for target in [
        "sip:desk@192.0.2.1",
        "sip:desk@localhost.evil.example",
        "sip:desk@localhost",
        "sip:desk@127.0.0.1@192.0.2.1",
        "sip:desk@127.0.0.1;maddr=192.0.2.1",
        "sip:desk@127.0.0.1?Route=x",
        "sip:desk@0.0.0.0",
        "sip:",
    ] {
        assert_eq!(may_dial(target, &demo()), Err(Refusal::SipTarget), "{target}");
    }
}

proptest! {
    #[test]
    fn no_input_panics_and_no_permit_leaves_the_allowed_countries(target in "\\PC{0,40}", digits in "[+0-9() -]{0,24}") {
        for target in [target, digits] {
            if let Ok(permit) = may_dial(&target, &demo()) {
                match permit.target() {
                    Target::Number(number) => prop_assert!(number.starts_with("+49")),
                    Target::LoopbackSip(address) => prop_assert!(address.to_lowercase().starts_with("sip:")),
                }
            }
        }
    }
}
