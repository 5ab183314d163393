//! PATCH (RFC 7644 section 3.5.2): a list of operations on what of a resource clients may set. All of them apply or none.
//!
//! Read generously where directories are known to deviate: operations in any case (`Add`), booleans as strings, names with
//! dots in a value without a path, and `remove` with the values to remove instead of a filter. Written strictly: what is the
//! server's own is not changed, and a path that nobody defined is an error.
//!
//! It is applied while everybody else who changes members waits, so what all operations together may look at has a limit.

use std::collections::HashSet;

use serde_json::Value;

use super::attribute::{Attribute, Mutability, Named, Object, Schema, names_schema};
use super::filter::Filter;
use super::path::AttributePath;
use super::refusal::{Refusal, Result};

/// The schema of the message.
pub const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Operations of one request.
pub const MAXIMUM_OPERATIONS: usize = 100;
/// Values that all operations of one request may look at, each as often as its filter has comparisons: every one of
/// [`MAXIMUM_OPERATIONS`] may choose among as many members as an organization can have, and add to them or take from them.
pub const MAXIMUM_COMPARED: usize = 2 * MAXIMUM_OPERATIONS * 10_000;
/// Values that one resource may come to have of one attribute while it is patched.
const MAXIMUM_HELD_VALUES: usize = 20_000;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Where it does it.
#[derive(Debug, Clone)]
struct Target {
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    filter: Option<Filter>,
}

#[derive(Debug, Clone)]
struct Operation {
    verb: Verb,
    target: Target,
    value: Value,
}

/// A PATCH that was read.
#[derive(Debug, Clone)]
pub struct Patch {
    operations: Vec<Operation>,
}

impl Patch {
    /// Reads a request about a resource of this schema.
    pub fn parse(body: &Value, schema: &'static Schema) -> Result<Self> {
        let Value::Object(object) = body else {
            return Err(Refusal::InvalidSyntax("The body must be a JSON object.".to_owned()));
        };
        names_schema(object, PATCH_SCHEMA)?;
        let Some(Value::Array(listed)) = member(object, "Operations") else {
            return Err(Refusal::InvalidSyntax("The body must have a list of Operations.".to_owned()));
        };
        if listed.is_empty() || listed.len() > MAXIMUM_OPERATIONS {
            return Err(Refusal::InvalidValue(format!("Send 1 to {MAXIMUM_OPERATIONS} operations.")));
        }
        let mut operations = Vec::new();
        for operation in listed {
            read(operation, schema, &mut operations)?;
        }
        Ok(Self { operations })
    }

    /// Applies all operations to what clients may set of a resource.
    pub fn apply(&self, resource: &mut Object) -> Result<()> {
        let mut left = MAXIMUM_COMPARED;
        for operation in &self.operations {
            left = left.checked_sub(operation.looks_at(resource)).ok_or_else(|| {
                Refusal::TooMany("This PATCH looks at too many values: send it in several parts.".to_owned())
            })?;
            operation.apply(resource)?;
        }
        Ok(())
    }
}

fn member<'a>(object: &'a Object, wanted: &str) -> Option<&'a Value> {
    object.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}

/// Reads one operation as sent; one without a path becomes one for each attribute of its value.
fn read(operation: &Value, schema: &'static Schema, operations: &mut Vec<Operation>) -> Result<()> {
    let Value::Object(object) = operation else {
        return Err(Refusal::InvalidSyntax("Each operation must be a JSON object.".to_owned()));
    };
    let verb = match member(object, "op").and_then(Value::as_str) {
        Some(word) if word.eq_ignore_ascii_case("add") => Verb::Add,
        Some(word) if word.eq_ignore_ascii_case("replace") => Verb::Replace,
        Some(word) if word.eq_ignore_ascii_case("remove") => Verb::Remove,
        _ => return Err(Refusal::InvalidSyntax("An operation's op is add, replace or remove.".to_owned())),
    };
    let value = member(object, "value").cloned().unwrap_or(Value::Null);
    match (member(object, "path"), verb) {
        (Some(Value::String(path)), _) => {
            let Some(target) = target(path, schema)? else { return Ok(()) };
            match target.attribute.mutability {
                // Directories repeat the address of userName here, and the role as a group; both follow from elsewhere.
                Mutability::ReadOnly if target.attribute.name == "emails" => return Ok(()),
                Mutability::ReadOnly => {
                    let words = format!("{} is the server's own and cannot be changed.", target.attribute.name);
                    return Err(Refusal::Mutability(words));
                }
                Mutability::ReadWrite | Mutability::Immutable => {}
            }
            operations.push(Operation { verb, target, value });
            Ok(())
        }
        (Some(other), _) if !other.is_null() => Err(Refusal::InvalidPath("A path is a string.".to_owned())),
        (_, Verb::Remove) => Err(Refusal::NoTarget("A remove needs a path.".to_owned())),
        _ => {
            let Value::Object(values) = value else {
                let words = "An operation without a path needs an object of attributes as its value.";
                return Err(Refusal::InvalidValue(words.to_owned()));
            };
            read_without_path(verb, values, schema, operations)
        }
    }
}

/// Each attribute of the value is the target of its own. What is not held or is the server's own is passed over, as in a PUT.
fn read_without_path(
    verb: Verb,
    values: Object,
    schema: &'static Schema,
    operations: &mut Vec<Operation>,
) -> Result<()> {
    for (name, value) in values {
        let Some(path) = AttributePath::parse(&name) else { continue };
        let Named::Held(attribute, part) = schema.find(&path) else { continue };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        if operations.len() >= MAXIMUM_OPERATIONS * 2 {
            return Err(Refusal::TooMany("This PATCH changes too much at once.".to_owned()));
        }
        operations.push(Operation { verb, target: Target { attribute, part, filter: None }, value });
    }
    Ok(())
}

/// What a path selects; nothing for an attribute that is not held.
fn target(path: &str, schema: &'static Schema) -> Result<Option<Target>> {
    let unreadable = || Refusal::InvalidPath("The path cannot be read.".to_owned());
    let (path, rest) = match path.split_once('[') {
        Some((path, rest)) => (path, Some(rest)),
        None => (path, None),
    };
    let (filter, after) = match rest {
        Some(rest) => {
            let (filter, after) = rest.rsplit_once(']').ok_or_else(unreadable)?;
            (Some(filter), after)
        }
        None => (None, ""),
    };
    let path = AttributePath::parse(path.trim()).ok_or_else(unreadable)?;
    let (attribute, mut part) = match schema.find(&path) {
        Named::Held(attribute, part) => (attribute, part),
        Named::NotHeld => return Ok(None),
        Named::Unknown => {
            return Err(Refusal::InvalidPath("The path names an attribute that does not exist.".to_owned()));
        }
    };
    let Some(filter) = filter else { return Ok(Some(Target { attribute, part, filter: None })) };
    if part.is_some() || !attribute.is_multiple {
        return Err(Refusal::InvalidPath(format!("{} has not several values to choose from.", attribute.name)));
    }
    if !after.is_empty() {
        let name = after.strip_prefix('.').ok_or_else(unreadable)?;
        part = Some(attribute.part(name).ok_or_else(unreadable)?);
    }
    let filter = Filter::parse_within(filter, attribute)?;
    Ok(Some(Target { attribute, part, filter: Some(filter) }))
}

impl Operation {
    /// How many values it looks at, those that it brings counted.
    fn looks_at(&self, resource: &Object) -> usize {
        let held = resource.get(self.target.attribute.name).and_then(Value::as_array).map_or(1, Vec::len);
        match &self.target.filter {
            Some(filter) => held * filter.comparisons(),
            None => held + self.value.as_array().map_or(1, Vec::len),
        }
    }

    fn apply(&self, resource: &mut Object) -> Result<()> {
        let Target { attribute, part, filter } = &self.target;
        match (attribute.is_multiple, part, filter) {
            (false, None, _) => self.apply_to_one(resource),
            (false, Some(part), _) => self.apply_to_part(resource, part),
            (true, None, None) => self.apply_to_all(resource),
            (true, part, Some(filter)) => self.apply_to_chosen(resource, *part, filter),
            (true, Some(_), None) => {
                Err(Refusal::InvalidPath(format!("Choose values of {} by a filter in brackets.", attribute.name)))
            }
        }
    }

    fn apply_to_one(&self, resource: &mut Object) -> Result<()> {
        let attribute = self.target.attribute;
        let value = if self.verb == Verb::Remove { None } else { attribute.read(&self.value)? };
        if value.is_none() && attribute.is_required {
            return Err(Refusal::Mutability(format!("{} has always a value and cannot be removed.", attribute.name)));
        }
        match (value, resource.get_mut(attribute.name)) {
            // The parts that are sent replace those that are there; the others stay.
            (Some(Value::Object(parts)), Some(Value::Object(held))) => held.extend(parts),
            (Some(value), _) => drop(resource.insert(attribute.name.to_owned(), value)),
            (None, _) => drop(resource.remove(attribute.name)),
        }
        Ok(())
    }

    fn apply_to_part(&self, resource: &mut Object, part: &'static Attribute) -> Result<()> {
        let name = self.target.attribute.name;
        let value = if self.verb == Verb::Remove { None } else { part.read(&self.value)? };
        match value {
            Some(value) => {
                let held = resource.entry(name).or_insert_with(|| Value::Object(Object::new()));
                if let Value::Object(held) = held {
                    held.insert(part.name.to_owned(), value);
                }
            }
            None => {
                if let Some(Value::Object(held)) = resource.get_mut(name) {
                    held.remove(part.name);
                    if held.is_empty() {
                        resource.remove(name);
                    }
                }
            }
        }
        Ok(())
    }

    fn apply_to_all(&self, resource: &mut Object) -> Result<()> {
        let attribute = self.target.attribute;
        let sent = match attribute.read(&self.value)? {
            Some(Value::Array(values)) => Some(values),
            _ => None,
        };
        let held = held_values(resource, attribute);
        match (self.verb, sent) {
            // No values: all of them go.
            (Verb::Remove | Verb::Replace, None) => held.clear(),
            (Verb::Remove, Some(values)) => {
                let gone: HashSet<String> = values.iter().map(sameness).collect();
                held.retain(|value| !gone.contains(&sameness(value)));
            }
            (Verb::Add, None) => {}
            (Verb::Replace, Some(values)) => {
                held.clear();
                add(held, values)?;
            }
            (Verb::Add, Some(values)) => add(held, values)?,
        }
        if held.is_empty() {
            resource.remove(attribute.name);
        }
        Ok(())
    }

    fn apply_to_chosen(&self, resource: &mut Object, part: Option<&'static Attribute>, filter: &Filter) -> Result<()> {
        let attribute = self.target.attribute;
        let chosen = |value: &Value| value.as_object().is_some_and(|value| filter.matches(value));
        if part.or(Some(attribute)).is_some_and(|target| target.mutability != Mutability::ReadWrite)
            && self.verb != Verb::Remove
        {
            let words = format!("A value of {} is not changed but added or removed as a whole.", attribute.name);
            return Err(Refusal::Mutability(words));
        }
        let held = held_values(resource, attribute);
        match (self.verb, part) {
            (Verb::Remove, None) => held.retain(|value| !chosen(value)),
            (Verb::Remove, Some(part)) if part.mutability == Mutability::ReadWrite => {
                held.iter_mut().filter(|value| chosen(value)).filter_map(Value::as_object_mut).for_each(|value| {
                    value.remove(part.name);
                });
            }
            (Verb::Remove, Some(part)) => {
                return Err(Refusal::Mutability(format!("{} is part of the value; remove the value.", part.name)));
            }
            (Verb::Add | Verb::Replace, part) => {
                if !held.iter().any(chosen) {
                    return Err(Refusal::NoTarget(format!("No value of {} is chosen by the path.", attribute.name)));
                }
                let sent = match part {
                    Some(part) => {
                        part.read(&self.value)?.map(|value| Object::from_iter([(part.name.to_owned(), value)]))
                    }
                    None => match attribute.read(&self.value)? {
                        Some(Value::Array(values)) => values.first().and_then(Value::as_object).cloned(),
                        _ => None,
                    },
                };
                let sent = sent.ok_or_else(|| Refusal::InvalidValue(format!("{} needs a value.", attribute.name)))?;
                held.iter_mut().filter(|value| chosen(value)).filter_map(Value::as_object_mut).for_each(|value| {
                    value.extend(sent.clone());
                });
            }
        }
        if held.is_empty() {
            resource.remove(attribute.name);
        }
        Ok(())
    }
}

fn held_values<'a>(resource: &'a mut Object, attribute: &Attribute) -> &'a mut Vec<Value> {
    let held = resource.entry(attribute.name).or_insert(Value::Null);
    if !held.is_array() {
        *held = Value::Array(Vec::new());
    }
    held.as_array_mut().expect("it is a list, or has just been made one")
}

/// Two values are the same when their `value` is, or all of them where they have none.
fn sameness(value: &Value) -> String {
    value.get("value").unwrap_or(value).to_string()
}

/// Adds values that are not there yet.
fn add(held: &mut Vec<Value>, values: Vec<Value>) -> Result<()> {
    let mut known: HashSet<String> = held.iter().map(sameness).collect();
    for value in values {
        if !known.insert(sameness(&value)) {
            continue;
        }
        if held.len() >= MAXIMUM_HELD_VALUES {
            return Err(Refusal::TooMany("There are too many values.".to_owned()));
        }
        held.push(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
