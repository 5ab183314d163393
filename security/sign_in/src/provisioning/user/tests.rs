//! What a directory may say of a person, and what is answered.

use super::*;

fn wanted(value: Value) -> Result<Wanted> {
    let mut body = json!({"schemas": [USER.urn]});
    let Value::Object(attributes) = value else { panic!("an object, not {value}") };
    body.as_object_mut().expect("an object").extend(attributes);
    Wanted::read(&USER.read(&body)?)
}

pub(in crate::provisioning) fn maria(role: Role) -> User {
    User {
        id: Uuid::from_u128(7),
        user: Uuid::from_u128(8),
        email: "maria@harbour.example".to_owned(),
        name: "Maria López".to_owned(),
        role,
        state: MembershipState::Active,
        created_at: Timestamp::from_seconds(1_800_000_000),
        profile: None,
        has_password: true,
        is_own_account: false,
        changed_at: None,
    }
}

#[test]
fn the_name_is_the_first_that_was_given() {
    for (value, name) in [
        (json!({"displayName": " Mia ", "name": {"formatted": "Maria L."}}), "Mia"),
        (json!({"displayName": "  ", "name": {"formatted": "Maria L.", "givenName": "x"}}), "Maria L."),
        (json!({"name": {"givenName": "Maria", "familyName": "López"}}), "Maria López"),
        (json!({"name": {"familyName": "López"}}), "López"),
        (json!({}), "maria"),
        (json!({"displayName": "é".repeat(200)}), "é".repeat(120).as_str()),
    ] {
        let mut value = value;
        value["userName"] = "Maria@Harbour.example".into();
        let wanted = wanted(value).expect("taken");
        assert_eq!(
            (wanted.name().expect("a name").as_str(), wanted.user_name.as_str()),
            (name, "maria@harbour.example")
        );
    }
}

#[test]
fn the_user_name_must_be_an_address_and_the_body_of_its_schema() {
    assert!(matches!(wanted(json!({})), Err(Refusal::InvalidValue(_))));
    let named = wanted(json!({"userName": "maria"})).expect("read");
    assert!(matches!(named.email(), Err(Refusal::InvalidValue(_))));
    assert!(matches!(USER.read(&json!({"userName": "a@b.example"})), Err(Refusal::InvalidSyntax(_))));
    assert!(matches!(wanted(json!({"userName": "a@b.example", "active": 1})), Err(Refusal::InvalidValue(_))));
    assert!(matches!(wanted(json!({"userName": ["a@b.example"]})), Err(Refusal::InvalidValue(_))));
}

#[test]
fn what_is_answered_can_be_sent_back_and_changes_nothing() {
    let mut user = maria(Role::Manager);
    let read = |user: &User| {
        let body = Value::Object(user.resource("https://desk.example"));
        Wanted::read(&USER.read(&body).expect("readable")).expect("taken")
    };
    assert_eq!(read(&user).profile, user.own_profile());
    let profile =
        Profile { external_id: Some("E-1".to_owned()), given_name: Some("Maria".to_owned()), ..Profile::default() };
    user.profile = Some(profile.clone());
    assert_eq!(read(&user), Wanted { user_name: user.email.clone(), active: Some(true), profile });
}

#[test]
fn a_resource_says_who_what_and_where() {
    let resource = Value::Object(maria(Role::Manager).resource("https://desk.example"));
    assert_eq!(resource["userName"], "maria@harbour.example");
    assert_eq!(resource["emails"][0]["value"], "maria@harbour.example");
    assert_eq!(resource["groups"][0]["$ref"], "https://desk.example/scim/v2/Groups/manager");
    assert_eq!(resource["meta"]["location"], "https://desk.example/scim/v2/Users/00000000-0000-0000-0000-000000000007");
    assert!(maria(Role::Owner).resource("").get("groups").is_none(), "an Owner is in no group");
}

#[test]
fn every_visible_change_is_another_version_and_nothing_else_is() {
    let version = |user: &User| answer::version(&user.resource("")).to_owned();
    let user = maria(Role::Manager);
    let same = User { changed_at: Some(Timestamp::from_seconds(1_900_000_000)), has_password: false, ..user.clone() };
    assert_eq!(version(&user), version(&same));
    for other in [
        User { role: Role::Admin, ..user.clone() },
        User { state: MembershipState::Suspended, ..user.clone() },
        User { name: "Mia".to_owned(), ..user.clone() },
        User { email: "mia@harbour.example".to_owned(), ..user.clone() },
    ] {
        assert_ne!(version(&user), version(&other));
    }
}
