//! What PATCH does, with the requests that directories are known to send, and what it refuses.

use serde_json::json;

use super::*;
use crate::provisioning::attribute::{GROUP, USER};

fn maria() -> Object {
    object(json!({
        "userName": "maria@harbour.example", "active": true, "displayName": "Maria",
        "name": {"givenName": "Maria", "familyName": "López"}
    }))
}

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("an object, not {value}") };
    object
}

fn request(operations: &Value) -> Value {
    json!({"schemas": [PATCH_SCHEMA], "Operations": operations})
}

fn patched(operations: &Value) -> Result<Object> {
    let mut resource = maria();
    Patch::parse(&request(operations), &USER)?.apply(&mut resource)?;
    Ok(resource)
}

fn group(operations: &Value) -> Result<Vec<String>> {
    let mut resource = object(json!({"displayName": "Manager", "members": [{"value": "1"}, {"value": "2"}]}));
    Patch::parse(&request(operations), &GROUP)?.apply(&mut resource)?;
    let members = resource.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(members.iter().map(|member| member["value"].as_str().expect("an id").to_owned()).collect())
}

#[test]
fn a_directory_stops_somebody_in_each_of_the_known_ways() {
    for operations in [
        json!([{"op": "replace", "path": "active", "value": false}]),
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!([{"op": "replace", "value": {"active": false}}]),
        json!([{"op": "Add", "path": "Active", "value": "false"}]),
        json!([{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": false}]),
    ] {
        assert_eq!(patched(&operations).expect("applied")["active"], false, "{operations}");
    }
}

#[test]
fn values_are_added_replaced_and_removed() {
    let after = patched(&json!([
        {"op": "add", "path": "externalId", "value": "E-7"},
        {"op": "replace", "path": "name.givenName", "value": "Mary"},
        {"op": "replace", "value": {"name.familyName": "Lopez", "displayName": "Mary Lopez"}},
        {"op": "add", "path": "name", "value": {"formatted": "Mary Lopez"}},
    ]));
    let expected = json!({
        "userName": "maria@harbour.example", "active": true, "displayName": "Mary Lopez", "externalId": "E-7",
        "name": {"givenName": "Mary", "familyName": "Lopez", "formatted": "Mary Lopez"}
    });
    assert_eq!(Value::Object(after.expect("applied")), expected);
    let without = patched(&json!([
        {"op": "remove", "path": "displayName"},
        {"op": "Remove", "path": "name.givenName"},
        {"op": "replace", "path": "name.familyName", "value": null},
    ]));
    let without = without.expect("applied");
    assert!(!without.contains_key("displayName") && !without.contains_key("name"), "{without:?}");
}

#[test]
fn what_is_not_held_is_taken_and_not_kept() {
    let after = patched(&json!([
        {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "else@harbour.example"},
        {"op": "Add", "path": "title", "value": "Boss"},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales"},
        {"op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555 0100"},
        {"op": "replace", "value": {"id": "7", "nickName": "Mia", "meta": {"version": "x"}, "groups": [{"value": "admin"}]}},
    ]));
    assert_eq!(after.expect("applied"), maria());
}

#[test]
fn members_are_added_once_and_removed_in_each_of_the_known_ways() {
    let add = json!([{"op": "Add", "path": "members", "value": [{"value": "2"}, {"value": "3", "display": "x"}]}]);
    assert_eq!(group(&add).expect("applied"), ["1", "2", "3"]);
    for operations in [
        json!([{"op": "remove", "path": "members[value eq \"1\"]"}]),
        json!([{"op": "Remove", "path": "members", "value": [{"value": "1"}]}]),
        json!([{"op": "replace", "path": "members", "value": [{"value": "2"}]}]),
        json!([{"op": "replace", "value": {"members": [{"value": "2"}]}}]),
        json!([{"op": "add", "value": {"members": []}}, {"op": "remove", "path": "members[value eq \"1\" or value eq \"9\"]"}]),
    ] {
        assert_eq!(group(&operations).expect("applied"), ["2"], "{operations}");
    }
    assert_eq!(group(&json!([{"op": "remove", "path": "members"}])).expect("applied"), [""; 0]);
    assert_eq!(group(&json!([{"op": "remove", "path": "members[value eq \"9\"]"}])).expect("applied"), ["1", "2"]);
}

#[test]
fn refusals_say_which_kind() {
    let kind = |operations: Value| match patched(&operations).expect_err("refused") {
        Refusal::InvalidPath(_) => "path",
        Refusal::NoTarget(_) => "target",
        Refusal::InvalidValue(_) => "value",
        Refusal::InvalidSyntax(_) => "syntax",
        Refusal::Mutability(_) => "mutability",
        Refusal::InvalidFilter(_) => "filter",
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(json!([{"op": "replace", "path": "shoeSize", "value": 44}])), "path");
    assert_eq!(kind(json!([{"op": "replace", "path": "name..x", "value": 44}])), "path");
    assert_eq!(kind(json!([{"op": "replace", "path": "userName[value eq \"x\"]", "value": "x"}])), "path");
    assert_eq!(kind(json!([{"op": "replace", "path": 7, "value": "x"}])), "path");
    assert_eq!(kind(json!([{"op": "remove"}])), "target");
    assert_eq!(kind(json!([{"op": "replace", "path": "active", "value": "perhaps"}])), "value");
    assert_eq!(kind(json!([{"op": "replace", "path": "displayName", "value": {"a": 1}}])), "value");
    assert_eq!(kind(json!([{"op": "replace", "path": "displayName", "value": "a\nb"}])), "value");
    assert_eq!(kind(json!([{"op": "add", "value": "x"}])), "value");
    assert_eq!(kind(json!([])), "value");
    assert_eq!(kind(json!([{"op": "move", "path": "active"}])), "syntax");
    assert_eq!(kind(json!(["add"])), "syntax");
    assert_eq!(kind(json!([{"op": "replace", "path": "id", "value": "7"}])), "mutability");
    assert_eq!(kind(json!([{"op": "add", "path": "groups", "value": [{"value": "admin"}]}])), "mutability");
    let target = group(&json!([{"op": "replace", "path": "members[value eq \"9\"].value", "value": "1"}]));
    assert!(matches!(target, Err(Refusal::Mutability(_))));
    assert!(matches!(group(&json!([{"op": "remove", "path": "members[x eq 1]"}])), Err(Refusal::InvalidFilter(_))));
}

#[test]
fn the_message_must_say_what_it_is_and_be_short() {
    let operation = json!({"op": "replace", "path": "active", "value": false});
    for body in [
        json!({"Operations": [operation]}),
        json!({"schemas": ["urn:other"], "Operations": [operation]}),
        json!({"schemas": [PATCH_SCHEMA]}),
        json!([operation]),
        json!(null),
    ] {
        assert!(matches!(Patch::parse(&body, &USER), Err(Refusal::InvalidSyntax(_))), "{body}");
    }
    let many = |count: usize| Patch::parse(&request(&Value::Array(vec![operation.clone(); count])), &USER);
    assert!(many(MAXIMUM_OPERATIONS).is_ok());
    assert!(many(MAXIMUM_OPERATIONS + 1).is_err());
    let members = |count: usize| {
        let ids: Vec<Value> = (0..count).map(|id| json!({"value": id.to_string()})).collect();
        group(&json!([{"op": "add", "path": "members", "value": ids}]))
    };
    assert!(members(crate::provisioning::MAXIMUM_VALUES).is_ok());
    assert!(matches!(members(crate::provisioning::MAXIMUM_VALUES + 1), Err(Refusal::TooMany(_))));
}

#[test]
fn what_has_always_a_value_is_not_removed() {
    for operations in [
        json!([{"op": "remove", "path": "userName"}]),
        json!([{"op": "remove", "path": "active"}]),
        json!([{"op": "replace", "path": "active", "value": null}]),
        json!([{"op": "replace", "value": {"userName": null}}]),
    ] {
        assert!(matches!(patched(&operations), Err(Refusal::Mutability(_))), "{operations}");
    }
    assert!(matches!(group(&json!([{"op": "remove", "path": "displayName"}])), Err(Refusal::Mutability(_))));
}

/// A group of so many members, patched by so many operations of this path.
fn chosen(members: usize, operations: usize, path: &str) -> Result<()> {
    let members: Vec<Value> = (0..members).map(|id| json!({"value": format!("m{id}")})).collect();
    let mut resource = object(json!({"displayName": "Manager", "members": members}));
    let operations = vec![json!({"op": "remove", "path": path}); operations];
    Patch::parse(&request(&Value::Array(operations)), &GROUP)?.apply(&mut resource)
}

#[test]
fn what_a_patch_looks_at_has_a_limit() {
    let all = usize::try_from(identity::member::joining::MAXIMUM_MEMBERS).expect("a size");
    let nobody = |comparisons: usize| format!("members[{}]", vec!["value eq \"nobody\""; comparisons].join(" or "));
    assert_eq!(MAXIMUM_COMPARED, 2 * MAXIMUM_OPERATIONS * all);
    chosen(all, MAXIMUM_OPERATIONS, &nobody(2)).expect("at its edge");
    let beyond = chosen(all + 1, MAXIMUM_OPERATIONS, &nobody(2));
    assert!(matches!(beyond, Err(Refusal::TooMany(_))), "{beyond:?}");
    let largest = chosen(all, MAXIMUM_OPERATIONS, &nobody(40));
    assert!(matches!(largest, Err(Refusal::TooMany(_))), "{largest:?}");

    // Many values at once, of which most are there already, cost one look at each.
    let add = |_| {
        json!({"op": "add", "path": "members", "value":
        (0..100).map(|id| json!({"value": format!("m{id}")})).collect::<Vec<_>>()})
    };
    let operations: Vec<Value> = (0..MAXIMUM_OPERATIONS).map(add).collect();
    assert_eq!(group(&Value::Array(operations)).expect("taken").len(), 102);
}
