//! What filters mean, what is no filter, and that no text at all makes the reader fail.

use serde_json::json;

use super::*;
use crate::provisioning::attribute::{GROUP, Named, USER};
use crate::provisioning::path::AttributePath;
use crate::provisioning::refusal::Refusal;

fn maria() -> Object {
    let maria = json!({
        "id": "0190", "userName": "maria@harbour.example", "externalId": "E-1", "active": true,
        "name": {"givenName": "Maria", "familyName": "López"},
        "emails": [{"value": "maria@harbour.example", "type": "work", "primary": true}],
        "groups": [{"value": "manager", "display": "Manager"}],
        "meta": {"created": "2026-11-22T10:00:00Z"}
    });
    maria.as_object().expect("an object").clone()
}

fn holds(text: &str) -> bool {
    Filter::parse(text, &USER).unwrap_or_else(|refusal| panic!("{text}: {refusal}")).matches(&maria())
}

#[test]
fn comparisons_mean_what_the_specification_says() {
    for (text, expected) in [
        (r#"userName eq "Maria@Harbour.example""#, true),
        (r#"USERNAME Eq "maria@harbour.example""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "MARIA""#, true),
        (r#"externalId eq "e-1""#, false),
        (r#"externalId eq "E-1""#, true),
        (r#"name.familyName co "ópez""#, true),
        (r#"name.familyName ew "z""#, true),
        ("name.formatted pr", false),
        ("name.formatted eq null", true),
        (r#"displayName ne "x""#, true),
        ("active eq true", true),
        (r#"active eq "False""#, false),
        ("active ne TRUE", false),
        (r#"emails eq "maria@harbour.example""#, true),
        (r#"emails.type eq "home""#, false),
        (r#"emails[type eq "work" and value co "harbour"]"#, true),
        (r#"emails[type eq "work" and not (primary eq true)]"#, false),
        (r#"groups.display eq "manager""#, true),
        (r#"meta.created ge "2026-11-22T11:00:00+01:00""#, true),
        (r#"meta.created gt "2026-11-22T10:00:00Z""#, false),
        (r#"userName gt "a" and userName lt "n""#, true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn and_binds_more_than_or_and_parentheses_more_than_both() {
    for (text, expected) in [
        ("active eq true or active eq true and active eq false", true),
        ("(active eq true or active eq true) and active eq false", false),
        ("not (active eq false) and userName pr", true),
        ("not(active eq true)or userName pr", true),
        ("  (  (userName pr)  )  ", true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_filter_is_said_so() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq maria",
        "userName is \"a\"",
        "userName eq \"a",
        "(userName pr",
        "userName pr)",
        "userName pr userName pr",
        "not userName pr",
        "userName eq 1",
        "active eq 1",
        "active gt true",
        "active co \"t\"",
        "emails[type eq \"work\"",
        "emails[]",
        "userName[value eq \"a\"]",
        "name eq \"a\"",
        "title eq \"Boss\"",
        "manager.value eq \"1\"",
        "meta.created gt \"yesterday\"",
        "meta.created co \"2026\"",
        "urn:other:userName pr",
        "userName gt null",
        "and",
        "userName pr and",
        "userName pr or or userName pr",
        "\"",
        "\\",
        "userName eq \"\\\"",
        "emails[emails.value pr]",
    ] {
        assert!(matches!(Filter::parse(text, &USER), Err(Refusal::InvalidFilter(_))), "{text:?}");
    }
}

#[test]
fn length_depth_and_comparisons_have_a_limit() {
    let nested = |depth: usize| format!("{}userName pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(MAXIMUM_DEPTH), &USER).is_ok());
    assert!(Filter::parse(&nested(MAXIMUM_DEPTH + 1), &USER).is_err());
    assert!(Filter::parse(&nested(900), &USER).is_err());
    let joined = |count: usize| vec!["userName pr"; count].join(" or ");
    assert!(Filter::parse(&joined(MAXIMUM_COMPARISONS), &USER).is_ok());
    assert!(Filter::parse(&joined(MAXIMUM_COMPARISONS + 1), &USER).is_err());
    let long = |bytes: usize| format!("userName eq \"{}\"", "a".repeat(bytes - 14));
    assert!(Filter::parse(&long(MAXIMUM_LENGTH), &USER).is_ok());
    assert!(Filter::parse(&long(MAXIMUM_LENGTH + 1), &USER).is_err());
}

#[test]
fn a_filter_that_is_one_equality_can_be_looked_up() {
    let sole =
        |text: &str, name: &str| Filter::parse(text, &USER).expect("a filter").sole_equal(name).map(str::to_owned);
    assert_eq!(sole(r#"username eq "a\u0040b""#, "userName").as_deref(), Some("a@b"));
    assert_eq!(sole(r#"userName ne "a""#, "userName"), None);
    assert_eq!(sole(r#"userName eq "a" or active eq true"#, "userName"), None);
    assert_eq!(sole(r#"externalId eq "a""#, "userName"), None);
}

#[test]
fn what_is_written_is_read_again_as_the_same() {
    for text in [
        r#"userName eq "a \"quoted\" \\ one" and (active eq true or not (displayName pr)) and emails[type eq "work"]"#,
        r#"meta.created lt "2026-01-01T00:00:00Z" or displayName eq null or name.givenName ne "ü""#,
    ] {
        let filter = Filter::parse(text, &USER).expect("a filter");
        assert_eq!(Filter::parse(&filter.to_string(), &USER).expect("again"), filter, "{filter}");
    }
}

#[test]
fn brackets_of_a_path_ask_about_one_value() {
    let members = match GROUP.find(&AttributePath::parse("members").expect("a path")) {
        Named::Held(attribute, None) => attribute,
        other => panic!("{other:?}"),
    };
    let filter = Filter::parse_within(r#"value eq "7""#, members).expect("a filter");
    assert!(filter.matches(json!({"value": "7"}).as_object().expect("an object")));
    assert!(!filter.matches(json!({"value": "8"}).as_object().expect("an object")));
    assert!(Filter::parse_within(r#"userName eq "7""#, members).is_err());
}
