//! Every open text of the API is either declared as free text or listed here as a field that holds no one's words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// Fields that are texts by their type only: the handler knows all of their values, or their shape.
const CLOSED: &[&str] = &[
    "hash",
    "state",
    "reference",
    "from",
    "until",
    "time",
    "to",
    "client_id",
    "service",
    "kind",
    "api.*",
    "dashboard.*",
    "permissions.*",
];

/// Texts without format, pattern or list of values, by their path.
fn open_texts(document: &Value, schema: &Value, path: &str, depth: usize, found: &mut BTreeSet<String>) {
    if depth > 24 {
        return;
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return open_texts(document, &document["components"]["schemas"][name], path, depth + 1, found);
    }
    for branch in ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
        open_texts(document, branch, path, depth + 1, found);
    }
    let kind = &schema["type"];
    let is_text = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&Value::from("string")));
    let is_closed = ["format", "enum", "pattern", "const"].iter().any(|key| schema.get(*key).is_some());
    if is_text && !is_closed {
        found.insert(path.to_owned());
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        open_texts(document, property, &below(name), depth + 1, found);
    }
    if let Some(items) = schema.get("items") {
        open_texts(document, items, &below("*"), depth + 1, found);
    }
}

fn is_declared(field: &str, declared: &[&str]) -> bool {
    declared.iter().any(|each| *each == field || each.strip_suffix("**").is_some_and(|start| field.starts_with(start)))
}

#[test]
fn every_open_text_of_the_api_is_declared() {
    let document = serde_json::to_value(description()).expect("a document");
    let mut faults = Vec::new();
    for rule in described_routes().iter().filter(|rule| rule.path.starts_with("/v1/")) {
        let operation = &document["paths"][rule.path][rule.method.as_str().to_lowercase()];
        let mut texts = BTreeSet::new();
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        open_texts(&document, body, "", 0, &mut texts);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().unwrap_or_default();
                open_texts(&document, &parameter["schema"], name, 0, &mut texts);
            }
        }
        for text in &texts {
            if !is_declared(text, rule.free_text) && !CLOSED.contains(&text.as_str()) {
                faults.push(format!("{} {}: {text} is open, and neither free text nor closed", rule.method, rule.path));
            }
        }
        for field in rule.free_text.iter().filter(|field| !field.ends_with("**")) {
            if !texts.contains(*field) {
                faults.push(format!("{} {}: {field} is declared, and no open text", rule.method, rule.path));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
