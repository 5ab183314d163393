//! The API as its own description says it is: every operation of `/openapi.json`, with addresses of things that exist and
//! bodies that fit, so that tests reach routes which nobody listed by hand.

use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::product::Product;

/// References that are followed into each other at most.
const DEPTH_MAX: usize = 12;

/// The description of the running product.
pub struct Description {
    document: Value,
    /// A draft that the product accepts; a profile is too rich to be made up from its shape.
    profile: Value,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: Method,
    /// The path with its `{variables}`.
    pub path: String,
    /// Needs a key, by its description.
    pub secured: bool,
    /// The shape of its JSON body.
    pub body: Option<Value>,
    /// Takes a form with a file.
    pub multipart: bool,
    /// Query parameters that must be there, filled in.
    pub query: String,
    /// Comes in pages.
    pub paged: bool,
    /// Its parameters as they are described.
    parameters: Vec<Value>,
}

impl Operation {
    /// How failures name it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Description {
    /// Asks the product.
    pub async fn of(product: &Product) -> Self {
        let document = product.get("/openapi.json").await;
        let agent = product.get("/v1/agents").await["data"][0]["id"].clone();
        let profile = match agent.as_str() {
            Some(id) => product.get(&format!("/v1/agents/{id}")).await["draft"].clone(),
            None => Value::Null,
        };
        Self { document, profile }
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in self.document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("a path item") {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
                let content = &operation["requestBody"]["content"];
                operations.push(Operation {
                    method,
                    path: path.clone(),
                    secured: operation["security"].as_array().is_some_and(|list| !list.is_empty()),
                    body: content.get("application/json").map(|content| content["schema"].clone()),
                    multipart: content.get("multipart/form-data").is_some(),
                    query: self.query(operation),
                    paged: operation["parameters"]
                        .as_array()
                        .is_some_and(|list| list.iter().any(|one| one["name"] == "limit")),
                    parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
                });
            }
        }
        assert!(operations.len() > 15, "the description names {} operations only", operations.len());
        operations
    }

    fn query(&self, operation: &Value) -> String {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        self.query_of(parameters.iter().filter(|one| one["in"] == "query" && one["required"] == true))
    }

    /// All query parameters, filled in, those that may be missing too.
    pub fn whole_query(&self, operation: &Operation) -> String {
        self.query_of(operation.parameters.iter().filter(|one| one["in"] == "query"))
    }

    fn query_of<'a>(&self, wanted: impl Iterator<Item = &'a Value>) -> String {
        let pairs: Vec<String> = wanted
            .map(|one| {
                let value = self.sample(&one["schema"], Uuid::max());
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{}={text}", one["name"].as_str().expect("a name"))
            })
            .collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The path with things that the product's organization really has: each variable is taken out of the list that stands
    /// before it, from the field of its name or, when there is none, from `id`. `None` when such a list is empty or does not
    /// exist.
    pub async fn concrete(&self, product: &Product, path: &str) -> Option<String> {
        let mut concrete = String::new();
        for piece in path.split('/').skip(1) {
            if piece.starts_with('{') {
                let answer = product.api(Method::GET, &concrete).send().await.expect("the product answers");
                let list: Value = answer.json().await.ok()?;
                let name = piece.trim_matches(['{', '}']);
                let named =
                    list["data"].as_array()?.iter().find_map(|row| text_of(&row[name]).or(text_of(&row["id"])))?;
                concrete = format!("{concrete}/{named}");
            } else {
                concrete = format!("{concrete}/{piece}");
            }
        }
        Some(concrete)
    }

    /// A value of this shape, as small as it may be; every identifier in it is `id`.
    pub fn sample(&self, schema: &Value, id: Uuid) -> Value {
        self.sample_within(schema, id, 0)
    }

    fn sample_within(&self, schema: &Value, id: Uuid, depth: usize) -> Value {
        assert!(depth < DEPTH_MAX, "the description goes round in circles: {schema}");
        if let Some(name) = schema["$ref"].as_str() {
            if name.ends_with("/Profile") && !self.profile.is_null() {
                return self.profile.clone();
            }
            let target = self.document.pointer(name.trim_start_matches('#')).expect("a reference into the document");
            return self.sample_within(target, id, depth + 1);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let objects = parts.iter().map(|part| self.sample_within(part, id, depth + 1));
            return Value::Object(objects.filter_map(|value| value.as_object().cloned()).flatten().collect());
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(parts) = schema[choice].as_array() {
                let real = parts.iter().find(|part| part["type"] != "null").expect("a choice");
                return self.sample_within(real, id, depth + 1);
            }
        }
        if let Some(one) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return one.clone();
        }
        match kind(schema) {
            "object" => self.object(schema, id, depth),
            "array" => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                (0..least).map(|_| self.sample_within(&schema["items"], id, depth + 1)).collect()
            }
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(true),
            _ => json!(text(schema, id)),
        }
    }

    fn object(&self, schema: &Value, id: Uuid, depth: usize) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for name in required.iter().filter_map(Value::as_str) {
            let value = match name {
                "url" => json!("https://example.com/"),
                "email" => json!("prover@example.com"),
                "phone" => json!("+441174960000"),
                _ => self.sample_within(&schema["properties"][name], id, depth + 1),
            };
            object.insert(name.to_owned(), value);
        }
        // Rights to a text must be stated for it to be taken, though the field may be missing.
        if schema["properties"].get("attested").is_some() {
            object.insert("attested".to_owned(), json!(true));
        }
        Value::Object(object)
    }

    /// Names of the fields of a body that hold identifiers of other things.
    pub fn identifier_fields(&self, schema: &Value) -> Vec<String> {
        let target = match schema["$ref"].as_str() {
            Some(name) => self.document.pointer(name.trim_start_matches('#')).expect("a reference into the document"),
            None => schema,
        };
        let properties = target["properties"].as_object().cloned().unwrap_or_default();
        let identifiers = properties
            .iter()
            .filter(|(name, shape)| name.ends_with("_id") && *name != "client_id" && shape["format"] == "uuid");
        identifiers.map(|(name, _)| name.clone()).collect()
    }
}

/// A name or a number as it stands in a path.
fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    }
}

fn text(schema: &Value, id: Uuid) -> String {
    let least = schema["minLength"].as_u64().unwrap_or(1) as usize;
    match schema["format"].as_str() {
        Some("uuid") => id.to_string(),
        Some("date-time") => "2030-01-02T03:04:05Z".to_owned(),
        Some("date") => "2030-01-02".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        _ => "prove".repeat(least.div_ceil(5).max(1)).chars().take(least.max(5)).collect(),
    }
}
