//! Only an explicit yes makes a grant.

use super::*;

fn consent(decision: Decision, means: Means) -> Consent {
    Consent { conversation: Uuid::from_u128(9), purpose: Purpose::Record, decision, means, at: Timestamp(5) }
}

#[test]
fn only_an_explicit_yes_grants() {
    let organization = OrganizationId(Uuid::from_u128(1));
    for key in "0123456789*#ABCD".chars() {
        let grant = consent(Decision::Given, Means::Key(key)).grant(organization);
        assert_eq!(grant.is_some(), key == '1', "{key}");
    }
    for decision in [Decision::Refused, Decision::Withdrawn] {
        for means in [Means::Key('1'), Means::Words, Means::Button] {
            assert_eq!(consent(decision, means).grant(organization), None);
        }
    }
}

#[test]
fn a_grant_says_what_it_is_for() {
    let organization = OrganizationId(Uuid::from_u128(1));
    let grant = consent(Decision::Given, Means::Words).grant(organization).expect("a yes");
    assert_eq!(grant.organization(), organization);
    assert_eq!(grant.conversation(), Uuid::from_u128(9));
    assert_eq!(grant.purpose(), Purpose::Record);
    assert_eq!(grant.notice_version(), "record-2026-11");
    assert_eq!(grant.given_at(), Timestamp(5));
}

#[test]
fn every_purpose_has_a_name_and_a_notice_of_its_own() {
    let names: std::collections::BTreeSet<_> = Purpose::ALL.iter().map(|purpose| purpose.name()).collect();
    assert_eq!(names.len(), Purpose::ALL.len());
    for purpose in Purpose::ALL {
        let notice = purpose.notice();
        assert!(notice.version.starts_with(purpose.name()));
        assert!(!notice.text.is_empty());
    }
}
