//! What makes a description lie without anybody noticing: names that lead nowhere, one name for two things, two operations of one
//! name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::openapi::OpenApi;

/// References to schemas that are not there, and names of operations that are used twice. Must be empty.
pub fn faults(document: &OpenApi) -> Vec<String> {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    let missing = referred.iter().filter(|reference| document.pointer(reference.trim_start_matches('#')).is_none());
    let missing = missing.map(|reference| format!("nothing stands at {reference}"));
    let mut operations: BTreeMap<&str, usize> = BTreeMap::new();
    let items = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    for operation in items.filter_map(Value::as_object).flat_map(|item| item.values()) {
        *operations.entry(operation["operationId"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let twice = operations.iter().filter(|(_, count)| **count > 1);
    missing.chain(twice.map(|(name, count)| format!("{count} operations are called `{name}`"))).collect()
}

/// Names that two parts give to different shapes: the document could show only one of them. Must be empty.
pub fn collisions(parts: &[OpenApi]) -> Vec<String> {
    let (mut shapes, mut faults) = (BTreeMap::new(), BTreeSet::new());
    for part in parts {
        let schemas = part.components.iter().flat_map(|components| &components.schemas);
        for (name, schema) in schemas {
            let shape = serde_json::to_value(schema).unwrap_or_default();
            if shapes.entry(name).or_insert_with(|| shape.clone()) != &shape {
                faults.insert(format!("`{name}` means different things in different parts"));
            }
        }
    }
    faults.into_iter().collect()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(schemas: &Value, reference: &str, second: &str) -> OpenApi {
        let operation = |name: &str| {
            let schema = json!({"$ref": format!("#/components/schemas/{reference}")});
            let content = json!({"application/json": {"schema": schema}});
            json!({"operationId": name, "responses": {"200": {"description": "it", "content": content}}})
        };
        let paths = json!({"/v1/a": {"get": operation("list"), "post": operation(second)}});
        let document = json!({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, "components": {"schemas": schemas}
        });
        serde_json::from_value(document).expect("a description")
    }

    #[test]
    fn names_that_lead_nowhere_and_names_used_twice_are_found() {
        let schemas = json!({"Row": {"type": "object"}});
        assert_eq!(faults(&document(&schemas, "Row", "make")), Vec::<String>::new());
        assert_eq!(faults(&document(&schemas, "Limit", "make")), ["nothing stands at #/components/schemas/Limit"]);
        assert_eq!(faults(&document(&schemas, "Row", "list")), ["2 operations are called `list`"]);
    }

    #[test]
    fn one_name_for_two_shapes_is_found() {
        let one = document(&json!({"Row": {"type": "object"}}), "Row", "make");
        let other = document(&json!({"Row": {"type": "string"}}), "Row", "make");
        assert_eq!(collisions(&[one.clone(), one.clone()]), Vec::<String>::new());
        assert_eq!(collisions(&[one, other]), ["`Row` means different things in different parts"]);
    }
}
