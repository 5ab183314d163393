//! What answers look like: addresses, versions, lists, the attributes that were asked for, and what the server can do.

use identity::token;
use serde_json::{Value, json};

use super::attribute::{Attribute, COMMON, GROUP, Kind, Mutability, Object, Schema, USER, names_schema};
use super::path::AttributePath;
use super::refusal::{Refusal, Result};
use super::{MAXIMUM_PAGE, PREFIX};

/// The schema of a list.
const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Names that a client may ask for or leave out in one request.
const MAXIMUM_NAMES: usize = 50;
/// Bytes of a version: enough that no two states of a resource share one.
const VERSION_BYTES: usize = 16;

/// Where a resource is.
pub fn location(base: &str, schema: &Schema, id: &str) -> String {
    format!("{base}{PREFIX}{}/{id}", schema.endpoint)
}

/// Adds what the server knows, and the version: a hash of all that is answered, so that any change by whomever makes another.
/// `lastModified` does not count: the same state is the same version.
pub fn with_version(mut resource: Object, meta: Value) -> Object {
    let hash = token::hash(&Value::Object(resource.clone()).to_string());
    let digits = hash.iter().take(VERSION_BYTES).fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    let mut meta = meta;
    meta["version"] = format!("W/\"{digits}\"").into();
    resource.insert("meta".to_owned(), meta);
    resource
}

/// The version of a resource.
pub fn version(resource: &Object) -> &str {
    resource.get("meta").and_then(|meta| meta.get("version")).and_then(Value::as_str).unwrap_or_default()
}

/// Does one of the versions of an `If-Match` or `If-None-Match` name this one? Weak and strong count the same.
pub fn names_version(header: &str, version: &str) -> bool {
    let bare = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    header.split(',').any(|one| one.trim() == "*" || bare(one) == bare(version))
}

/// What a client wants to see of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The filter, as it was written.
    pub filter: Option<String>,
    /// The first result wanted, from 1.
    pub start_index: usize,
    /// How many, at most [`MAXIMUM_PAGE`].
    pub count: usize,
    /// The attributes.
    pub shown: Shown,
}

/// Which attributes a client wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    only: Vec<AttributePath>,
    without: Vec<AttributePath>,
}

impl Query {
    /// Reads the query of an address. What is not known is passed over: clients may send what this server does not do.
    pub fn parse(query: &str) -> Result<Self> {
        let mut read = Self { filter: None, start_index: 1, count: MAXIMUM_PAGE, shown: Shown::default() };
        let number = |name: &str, value: &str| {
            value.trim().parse::<i64>().map_err(|_| Refusal::InvalidValue(format!("{name} is a number.")))
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.to_ascii_lowercase().as_str() {
                "filter" if !value.trim().is_empty() => read.filter = Some(value.into_owned()),
                "startindex" => read.start_index = usize::try_from(number("startIndex", &value)?.max(1)).unwrap_or(1),
                "count" => {
                    read.count = usize::try_from(number("count", &value)?.max(0)).unwrap_or(0).min(MAXIMUM_PAGE);
                }
                "attributes" => read.shown.only = names(&value)?,
                "excludedattributes" => read.shown.without = names(&value)?,
                _ => {}
            }
        }
        if !read.shown.only.is_empty() && !read.shown.without.is_empty() {
            let words = "Send attributes or excludedAttributes, not both.";
            return Err(Refusal::InvalidValue(words.to_owned()));
        }
        Ok(read)
    }
}

/// The schema of a search.
const SEARCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

impl Query {
    /// Reads a search that is sent as a body, so that no address of a person stands in an address of ours (RFC 7644
    /// section 3.4.3).
    pub fn of_body(body: &Value) -> Result<Self> {
        let Value::Object(object) = body else {
            return Err(Refusal::InvalidSyntax("The body must be a JSON object.".to_owned()));
        };
        names_schema(object, SEARCH_SCHEMA)?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in object {
            let list: Option<Vec<&str>> = value.as_array().map(|list| list.iter().filter_map(Value::as_str).collect());
            match (value, list) {
                _ if name.eq_ignore_ascii_case("schemas") || value.is_null() => {}
                (Value::String(text), _) => drop(query.append_pair(name, text)),
                (Value::Number(number), _) => drop(query.append_pair(name, &number.to_string())),
                (_, Some(list)) => drop(query.append_pair(name, &list.join(","))),
                _ => return Err(Refusal::InvalidValue("A search has texts, numbers and lists of names.".to_owned())),
            }
        }
        Self::parse(&query.finish())
    }
}

fn names(value: &str) -> Result<Vec<AttributePath>> {
    let names: Vec<&str> = value.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > MAXIMUM_NAMES {
        return Err(Refusal::InvalidValue(format!("Name at most {MAXIMUM_NAMES} attributes.")));
    }
    // A name that is no name selects nothing.
    Ok(names.into_iter().filter_map(AttributePath::parse).collect())
}

impl Shown {
    /// Does the client not want this attribute at all, so that it need not be read?
    pub fn leaves_out(&self, name: &str) -> bool {
        let meant = |path: &&AttributePath| path.name.eq_ignore_ascii_case(name);
        let excluded = self.without.iter().filter(meant).any(|path| path.part.is_none());
        excluded || (!self.only.is_empty() && !self.only.iter().any(|path| meant(&path)))
    }

    /// Leaves of a resource what was asked for, and what every answer has.
    pub fn cut(&self, mut resource: Object, schema: &Schema) -> Object {
        let attributes = || schema.attributes.iter().chain(COMMON);
        for attribute in attributes().filter(|attribute| !attribute.is_always_returned) {
            if self.leaves_out(attribute.name) {
                resource.remove(attribute.name);
                continue;
            }
            let parts = |paths: &[AttributePath]| -> Vec<String> {
                let meant = paths.iter().filter(|path| path.name.eq_ignore_ascii_case(attribute.name));
                meant.map(|path| path.part.clone().unwrap_or_default().to_ascii_lowercase()).collect()
            };
            let (only, without) = (parts(&self.only), parts(&self.without));
            let keeps = |part: &str| {
                let part = part.to_ascii_lowercase();
                let wanted = only.is_empty() || only.iter().any(|only| only.is_empty() || *only == part);
                wanted && !without.contains(&part)
            };
            match resource.get_mut(attribute.name) {
                Some(Value::Object(object)) => object.retain(|part, _| keeps(part)),
                Some(Value::Array(values)) => values.iter_mut().filter_map(Value::as_object_mut).for_each(|object| {
                    object.retain(|part, _| keeps(part));
                }),
                _ => {}
            }
        }
        resource
    }
}

/// A page of a list.
pub fn list(resources: &[Object], total: usize, start_index: usize) -> Value {
    json!({
        "schemas": [LIST_SCHEMA],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

/// All of something that comes in one page.
fn whole_list(resources: Vec<Value>) -> Value {
    let total = resources.len();
    let resources: Vec<Object> = resources.into_iter().filter_map(|resource| resource.as_object().cloned()).collect();
    list(&resources, total, 1)
}

/// What the server can do (RFC 7643 section 5).
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAXIMUM_PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Key for provisioning",
            "description": "Authorization: Bearer, with a key that an Owner makes under Settings, Provisioning.",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}{PREFIX}/ServiceProviderConfig"),
        },
    })
}

/// The kinds of resources (RFC 7643 section 6).
pub fn resource_types(base: &str) -> Value {
    whole_list([&USER, &GROUP].into_iter().map(|schema| resource_type(base, schema)).collect())
}

/// One of them, by its name.
pub fn resource_type_named(base: &str, name: &str) -> Result<Value> {
    let schema = [&USER, &GROUP].into_iter().find(|schema| schema.name == name).ok_or(Refusal::NotFound)?;
    Ok(resource_type(base, schema))
}

fn resource_type(base: &str, schema: &Schema) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": schema.name,
        "name": schema.name,
        "endpoint": schema.endpoint,
        "description": schema.description,
        "schema": schema.urn,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}{PREFIX}/ResourceTypes/{}", schema.name),
        },
    })
}

/// The attributes that are held (RFC 7643 section 7).
pub fn schemas(base: &str) -> Value {
    whole_list([&USER, &GROUP].into_iter().map(|one| schema(base, one)).collect())
}

/// One schema, by its name.
pub fn schema_named(base: &str, urn: &str) -> Result<Value> {
    let found = [&USER, &GROUP].into_iter().find(|schema| schema.urn.eq_ignore_ascii_case(urn));
    found.map(|one| schema(base, one)).ok_or(Refusal::NotFound)
}

fn schema(base: &str, schema: &Schema) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(described).collect::<Vec<_>>(),
        "meta": {"resourceType": "Schema", "location": format!("{base}{PREFIX}/Schemas/{}", schema.urn)},
    })
}

fn described(attribute: &Attribute) -> Value {
    let mut described = json!({
        "name": attribute.name,
        "type": match attribute.kind {
            Kind::Text => "string",
            Kind::Boolean => "boolean",
            Kind::Time => "dateTime",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        },
        "multiValued": attribute.is_multiple,
        "description": attribute.description,
        "required": attribute.is_required,
        "caseExact": attribute.is_case_exact,
        "mutability": match attribute.mutability {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::Immutable => "immutable",
        },
        "returned": if attribute.is_always_returned { "always" } else { "default" },
        "uniqueness": attribute.uniqueness,
    });
    if !attribute.points_to.is_empty() {
        described["referenceTypes"] = json!(attribute.points_to);
    }
    if !attribute.parts.is_empty() {
        described["subAttributes"] = attribute.parts.iter().map(self::described).collect();
    }
    described
}

#[cfg(test)]
mod tests;
