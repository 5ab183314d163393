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

/// The texts of a request, by their path.
#[derive(Default)]
struct Texts {
    /// Without format, pattern or list of values.
    open: BTreeSet<String>,
    /// With one of these: nobody must declare them. They may be all the same where the pattern lets words through.
    closed: BTreeSet<String>,
}

fn collect(document: &Value, schema: &Value, path: &str, depth: usize, found: &mut Texts) {
    if depth > 24 {
        return;
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return collect(document, &document["components"]["schemas"][name], path, depth + 1, found);
    }
    for branch in ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
        collect(document, branch, path, depth + 1, found);
    }
    let kind = &schema["type"];
    let is_text = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&Value::from("string")));
    let is_closed = ["format", "enum", "pattern", "const"].iter().any(|key| schema.get(*key).is_some());
    if is_text {
        let texts = if is_closed { &mut found.closed } else { &mut found.open };
        texts.insert(path.to_owned());
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(document, property, &below(name), depth + 1, found);
    }
    if let Some(items) = schema.get("items") {
        collect(document, items, &below("*"), depth + 1, found);
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
        let mut texts = Texts::default();
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        collect(&document, body, "", 0, &mut texts);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().unwrap_or_default();
                collect(&document, &parameter["schema"], name, 0, &mut texts);
            }
        }
        for text in &texts.open {
            if !is_declared(text, rule.free_text) && !CLOSED.contains(&text.as_str()) {
                faults.push(format!("{} {}: {text} is open, and neither free text nor closed", rule.method, rule.path));
            }
        }
        for field in rule.free_text.iter().filter(|field| !field.ends_with("**")) {
            if !texts.open.contains(*field) && !texts.closed.contains(*field) {
                faults.push(format!("{} {}: {field} is declared, and no text", rule.method, rule.path));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
