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
    assert_eq!(consent(Decision::Given, Means::Silence).grant(organization), None);
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
    assert_eq!(grant.notice_version(), "record-2026-11-2");
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

#[tokio::test]
async fn the_answer_is_stored_with_the_grant_or_not_at_all() {
    let schema = storage::Schema { tables: crate::TABLES.to_vec(), statements: crate::STATEMENTS.to_vec() };
    for test in storage::testing::databases(schema).await {
        let organization = test.database.organization(OrganizationId(Uuid::from_u128(1)));
        let (yes, no) = (Uuid::from_u128(10), Uuid::from_u128(11));
        let mut transaction = organization.begin().await.expect("begins");
        let grant = consent(Decision::Given, Means::Key('1')).write(&mut transaction, yes).await.expect("written");
        assert_eq!(grant.expect("a yes").purpose(), Purpose::Record);
        let refused = consent(Decision::Refused, Means::Key('2')).write(&mut transaction, no).await.expect("written");
        assert_eq!(refused, None);
        transaction.commit().await.expect("commits");
        let row = organization.get(&crate::store::CONSENT, yes).await.expect("reads").expect("is there");
        assert_eq!(row.text("decision").expect("text"), "given", "{}", test.name);
        assert_eq!(row.text("notice_version").expect("text"), "record-2026-11-2");
        let row = organization.get(&crate::store::CONSENT, no).await.expect("reads").expect("is there");
        assert_eq!(row.text("decision").expect("text"), "refused");
    }
}
