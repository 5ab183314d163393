//! How members of a group become changes of roles.

use super::*;
use crate::provisioning::user::tests::maria;

fn people(ids: &[u128]) -> Vec<User> {
    ids.iter().map(|id| User { id: Uuid::from_u128(*id), ..maria(Role::Manager) }).collect()
}

fn wanted(name: &str, ids: &[u128]) -> Object {
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": Uuid::from_u128(*id).to_string()})).collect();
    json!({"displayName": name, "members": members}).as_object().expect("an object").clone()
}

#[test]
fn who_is_added_joins_and_who_is_missing_becomes_a_viewer() {
    let moves = |role, ids: &[u128]| moves(role, &wanted(name_of(role), ids), &people(&[1, 2])).expect("moves");
    let ids = |ids: &[u128]| ids.iter().map(|id| Uuid::from_u128(*id)).collect::<Vec<_>>();
    assert_eq!(moves(Role::Manager, &[2, 3, 3]), Moves { joining: ids(&[3]), leaving: ids(&[1]) });
    assert_eq!(moves(Role::Manager, &[1, 2]), Moves::default());
    assert_eq!(moves(Role::Viewer, &[3]), Moves { joining: ids(&[3]), leaving: Vec::new() });
}

#[test]
fn a_group_keeps_its_name_and_takes_users_only() {
    let refused = |wanted: &Object| moves(Role::Admin, wanted, &[]).expect_err("refused");
    assert!(matches!(refused(&wanted("Bosses", &[])), Refusal::Mutability(_)));
    assert!(matches!(refused(&Object::new()), Refusal::Mutability(_)));
    let odd = json!({"displayName": "admin", "members": [{"value": "everybody"}]});
    assert!(matches!(refused(odd.as_object().expect("an object")), Refusal::InvalidValue(_)));
    assert!(role_of("owner").is_err() && role_of("Admin").is_err() && role_of("admin").is_ok());
}

#[test]
fn one_request_moves_a_bounded_number() {
    let ids: Vec<u128> = (1..=MAXIMUM_MOVES as u128 + 1).collect();
    let asked = |count: usize| moves(Role::Admin, &wanted("Admin", &ids[..count]), &[]);
    assert_eq!(asked(MAXIMUM_MOVES).expect("moves").joining.len(), MAXIMUM_MOVES);
    assert!(matches!(asked(MAXIMUM_MOVES + 1), Err(Refusal::TooMany(_))));
}
