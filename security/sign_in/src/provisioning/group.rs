//! The roles as groups: Admin, Manager and Viewer, whose members a directory sets.
//!
//! Everybody who works here has exactly one role, so a group that somebody is added to is the one they leave the other for,
//! and whoever is removed from Admin or Manager is a Viewer from then on. Removing somebody from Viewer changes nothing: to
//! take access away, the directory sets `active` to false or deletes the user. In whatever order a directory moves somebody
//! between groups, they end in the one they were added to. The Owner's role is in no group; people give it.

use std::collections::BTreeSet;

use identity::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer;
use super::attribute::{GROUP, Object, Schema, USER};
use super::refusal::{Refusal, Result};
use super::user::User;

/// People whose role one request may change.
pub const MAXIMUM_MOVES: usize = 400;
/// The schema under whose address groups are listed.
pub(super) static LISTED: &Schema = &GROUP;

/// The roles that are groups.
pub const ROLES: [Role; 3] = [Role::Admin, Role::Manager, Role::Viewer];

/// The id of a role's group.
pub const fn id_of(role: Role) -> Option<&'static str> {
    match role {
        Role::Owner => None,
        Role::Admin | Role::Manager | Role::Viewer => Some(role.as_str()),
    }
}

/// Its name.
pub const fn name_of(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Manager => "Manager",
        Role::Viewer => "Viewer",
    }
}

/// The role of a group's id.
pub fn role_of(id: &str) -> Result<Role> {
    ROLES.into_iter().find(|role| id_of(*role) == Some(id)).ok_or(Refusal::NotFound)
}

/// What of a group a client may set, as it stands: its members, by id.
pub fn settable(role: Role, members: &[User]) -> Object {
    let members: Vec<Value> = members.iter().map(|user| json!({"value": user.id.to_string()})).collect();
    let mut object = Object::from_iter([("displayName".to_owned(), name_of(role).into())]);
    if !members.is_empty() {
        object.insert("members".to_owned(), Value::Array(members));
    }
    object
}

/// A group as it is answered.
pub fn resource(role: Role, members: &[User], base: &str) -> Object {
    let id = id_of(role).unwrap_or_default();
    let member = |user: &User| {
        let value = user.id.to_string();
        let address = answer::location(base, &USER, &value);
        json!({"value": value, "$ref": address, "display": user.name, "type": USER.name})
    };
    let mut object = settable(role, &[]);
    object.insert("schemas".to_owned(), json!([GROUP.urn]));
    object.insert("id".to_owned(), id.into());
    if !members.is_empty() {
        object.insert("members".to_owned(), members.iter().map(member).collect());
    }
    let meta = json!({"resourceType": GROUP.name, "location": answer::location(base, &GROUP, id)});
    answer::with_version(object, meta)
}

/// Who gets another role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// Into the group.
    pub joining: Vec<Uuid>,
    /// Out of it, to be a Viewer.
    pub leaving: Vec<Uuid>,
}

/// What a client wants of a group, held against who is in it now. The name stays as it is.
pub fn moves(role: Role, wanted: &Object, members: &[User]) -> Result<Moves> {
    match wanted.get("displayName").and_then(Value::as_str) {
        Some(name) if name.trim().eq_ignore_ascii_case(name_of(role)) => {}
        _ => {
            let words = format!("The group is the role {} and keeps this name.", name_of(role));
            return Err(Refusal::Mutability(words));
        }
    }
    let listed = wanted.get("members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut after = BTreeSet::new();
    for member in listed {
        let id = member.get("value").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        after.insert(id.ok_or_else(|| Refusal::InvalidValue("A member's value is the id of a user.".to_owned()))?);
    }
    let before: BTreeSet<Uuid> = members.iter().map(|user| user.id).collect();
    let leaving = if role == Role::Viewer { Vec::new() } else { before.difference(&after).copied().collect() };
    let moves = Moves { joining: after.difference(&before).copied().collect(), leaving };
    if moves.joining.len() + moves.leaving.len() > MAXIMUM_MOVES {
        return Err(Refusal::TooMany(format!("Change the role of at most {MAXIMUM_MOVES} people in one request.")));
    }
    Ok(moves)
}

#[cfg(test)]
mod tests;
