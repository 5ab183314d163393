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

/// For each country that settings accept: numbers that cost, and one that does not.
const EXAMPLES: &[(&str, &[&str], &str)] = &[
    (
        "1",
        &["9005551234", "6585551234", "8765551234", "2425551234", "4415551234", "7215551234", "5005551234"],
        "2125551234",
    ),
    ("44", &["9098790123", "8712345678", "8443456789", "7012345678"], "1174960123"),
    ("49", &["9001234567", "1805123456", "137123456", "700123456"], "301234567"),
    ("33", &["899123456", "820123456"], "123456789"),
    ("39", &["899123456", "1991234567", "848123456"], "089123456"),
    ("34", &["803123456", "806123456", "905123456", "907123456"], "911234567"),
    ("41", &["900123456", "906123456", "842123456"], "441234567"),
    ("43", &["900123456", "930123456", "820123456"], "15123456"),
    ("31", &["9001234567", "875123456"], "201234567"),
    ("32", &["90212345", "70123456"], "21234567"),
    ("61", &["1900123456", "190212345"], "291234567"),
    ("64", &["900123456"], "91234567"),
    ("353", &["1520123456", "1590123456"], "12345678"),
    ("48", &["701234567", "801234567"], "221234567"),
];

#[test]
fn every_country_that_settings_accept_has_its_costly_numbers_refused() {
    let listed: Vec<&str> = EXAMPLES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(classified().collect::<Vec<_>>(), listed, "a table without examples, or the other way round");
    for (code, costly, ordinary) in EXAMPLES {
        let policy = DialingPolicy { home_country_code: Some((*code).to_owned()), ..DialingPolicy::default() };
        assert_eq!(policy.unclassified(), None);
        for number in *costly {
            assert_eq!(may_dial(&format!("+{code} {number}"), &policy), Err(Refusal::Premium), "+{code} {number}");
        }
        assert!(may_dial(&format!("+{code} {ordinary}"), &policy).is_ok(), "+{code} {ordinary}");
    }
}

#[test]
fn a_country_without_a_table_is_refused_in_settings_and_at_the_door() {
    let policy = |code: &str| DialingPolicy { allowed_country_codes: vec![code.to_owned()], ..german() };
    for code in ["46", "4", "", "+44", "044"] {
        assert_eq!(policy(code).unclassified(), Some(code));
    }
    assert_eq!(may_dial("+46 8 123 456 78", &policy("46")), Err(Refusal::Country));
    assert_eq!(may_dial("+46 8 123 456 78", &policy("4")), Err(Refusal::Country), "a part of a code allows no more");
    assert_eq!(DialingPolicy::default().unclassified(), None);
}

#[test]
fn the_zero_of_an_italian_number_stays() {
    let italian = DialingPolicy { home_country_code: Some("39".to_owned()), ..DialingPolicy::default() };
    let salerno = Target::Number("+39089123456".to_owned());
    for target in ["+39 089 123456", "+39 (0)89 123456", "0039 089123456"] {
        assert_eq!(may_dial(target, &italian).map(|permit| permit.target), Ok(salerno.clone()), "{target}");
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
