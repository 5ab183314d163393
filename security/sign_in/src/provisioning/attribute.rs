//! The attributes that are held of users and groups, as RFC 7643 describes attributes. What a filter may ask, what a PATCH
//! may change and what `/Schemas` says are all read from here.
//!
//! Little is held on purpose: who the person is, by which address, and whether they work here. Attributes of RFC 7643 that
//! are not held are taken without an error and not kept, since directories send them unasked; what nobody has defined is an
//! error wherever a client names it by a path.

use serde_json::{Map, Value};

use super::path::AttributePath;
use super::refusal::{Refusal, Result};

/// A resource as JSON: its attributes by their names.
pub type Object = Map<String, Value>;

/// What values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// `true` or `false`. Some directories send it as a string; that is understood.
    Boolean,
    /// An instant, as RFC 3339 writes it.
    Time,
    /// An address.
    Reference,
    /// An object of further attributes.
    Complex,
}

/// Who may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Clients may.
    ReadWrite,
    /// The server alone. What clients send for it is not looked at.
    ReadOnly,
    /// Set once, with the value it belongs to.
    Immutable,
}

/// One attribute.
#[derive(Debug)]
pub struct Attribute {
    /// Its name as it is written; compared without case.
    pub name: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// Can it have several values?
    pub is_multiple: bool,
    /// Has a resource always one? Such a one cannot be removed.
    pub is_required: bool,
    /// Are values compared with case?
    pub is_case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// Is it part of every answer, whatever the client asks for?
    pub is_always_returned: bool,
    /// `none` or `server`.
    pub uniqueness: &'static str,
    /// What it means, in one line.
    pub description: &'static str,
    /// What a complex one is made of.
    pub parts: &'static [Attribute],
    /// What a reference points to: names of resource types.
    pub points_to: &'static [&'static str],
}

impl Attribute {
    const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text,
            is_multiple: false,
            is_required: false,
            is_case_exact: false,
            mutability: Mutability::ReadWrite,
            is_always_returned: false,
            uniqueness: "none",
            description,
            parts: &[],
            points_to: &[],
        }
    }

    const fn complex(name: &'static str, description: &'static str, parts: &'static [Attribute]) -> Self {
        Self { kind: Kind::Complex, parts, ..Self::text(name, description) }
    }

    const fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    const fn exact(self) -> Self {
        Self { is_case_exact: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    const fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    const fn multiple(self) -> Self {
        Self { is_multiple: true, ..self }
    }

    /// The part of this name.
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
    }

    /// A client's value for this attribute, in the house's shape; `None` for one that says "no value". A single value is
    /// understood where several can be, since directories send that.
    pub fn read(&'static self, value: &Value) -> Result<Option<Value>> {
        if value.is_null() {
            return Ok(None);
        }
        if !self.is_multiple {
            return self.read_one(value);
        }
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        if values.len() > super::MAXIMUM_VALUES {
            let maximum = super::MAXIMUM_VALUES;
            return Err(Refusal::TooMany(format!("Send at most {maximum} values of {} at a time.", self.name)));
        }
        let values = values.iter().filter_map(|value| self.read_one(value).transpose()).collect::<Result<Vec<_>>>()?;
        Ok(Some(Value::Array(values)))
    }

    fn read_one(&'static self, value: &Value) -> Result<Option<Value>> {
        let wrong = |expected: &str| Refusal::InvalidValue(format!("{} must be {expected}.", self.name));
        match (self.kind, value) {
            (_, Value::Null) => Ok(None),
            (Kind::Boolean, Value::Bool(_)) => Ok(Some(value.clone())),
            (Kind::Boolean, Value::String(word)) => {
                let known = boolean(word).ok_or_else(|| wrong("true or false"))?;
                Ok(Some(Value::Bool(known)))
            }
            (Kind::Boolean, _) => Err(wrong("true or false")),
            (Kind::Text | Kind::Time | Kind::Reference, Value::String(text)) => {
                if text.chars().count() > super::MAXIMUM_TEXT_LENGTH || text.chars().any(char::is_control) {
                    return Err(wrong(&format!("one line of at most {} characters", super::MAXIMUM_TEXT_LENGTH)));
                }
                Ok(Some(value.clone()))
            }
            (Kind::Text | Kind::Time | Kind::Reference, _) => Err(wrong("a string")),
            (Kind::Complex, Value::Object(object)) => Ok(Some(Value::Object(read_parts(self.parts, object)?))),
            // A bare identifier where an object with a value is meant.
            (Kind::Complex, Value::String(_)) if self.part("value").is_some() => {
                let object = Object::from_iter([("value".to_owned(), value.clone())]);
                Ok(Some(Value::Object(read_parts(self.parts, &object)?)))
            }
            (Kind::Complex, _) => Err(wrong("an object")),
        }
    }
}

/// `true` and `false` as words, in any case.
pub fn boolean(word: &str) -> Option<bool> {
    match word {
        _ if word.eq_ignore_ascii_case("true") => Some(true),
        _ if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// What of an object is held and may be set, under the names of the house.
fn read_parts(attributes: &'static [Attribute], object: &Object) -> Result<Object> {
    let mut read = Object::new();
    for (name, value) in object {
        let known = attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name));
        let Some(attribute) = known.filter(|attribute| attribute.mutability != Mutability::ReadOnly) else { continue };
        match attribute.read(value)? {
            Some(value) => drop(read.insert(attribute.name.to_owned(), value)),
            None => drop(read.remove(attribute.name)),
        }
    }
    Ok(read)
}

/// A kind of resource.
#[derive(Debug)]
pub struct Schema {
    /// `urn:ietf:params:scim:schemas:core:2.0:User`.
    pub urn: &'static str,
    /// `User`.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Where it is served, below `/scim/v2`.
    pub endpoint: &'static str,
    /// Its own attributes.
    pub attributes: &'static [Attribute],
    /// Attributes that RFC 7643 defines for it and that are not held.
    pub not_held: &'static [&'static str],
}

/// What a path names.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// An attribute that is held, and the part of it that is meant.
    Held(&'static Attribute, Option<&'static Attribute>),
    /// One that is defined and not held.
    NotHeld,
    /// Nothing that anybody has defined.
    Unknown,
}

impl Schema {
    /// What a path names here.
    pub fn find(&self, path: &AttributePath) -> Named {
        match &path.urn {
            Some(urn) if urn.eq_ignore_ascii_case(ENTERPRISE_USER) => return Named::NotHeld,
            Some(urn) if !urn.eq_ignore_ascii_case(self.urn) => return Named::Unknown,
            _ => {}
        }
        let all = self.attributes.iter().chain(COMMON);
        let Some(attribute) = all.into_iter().find(|attribute| attribute.name.eq_ignore_ascii_case(&path.name)) else {
            let defined = self.not_held.iter().any(|name| name.eq_ignore_ascii_case(&path.name));
            return if defined { Named::NotHeld } else { Named::Unknown };
        };
        match &path.part {
            None => Named::Held(attribute, None),
            Some(name) => match attribute.part(name) {
                Some(part) => Named::Held(attribute, Some(part)),
                // Parts of names that RFC 7643 defines beside those that are held.
                None if NAME_PARTS_NOT_HELD.iter().any(|known| known.eq_ignore_ascii_case(name)) => Named::NotHeld,
                None => Named::Unknown,
            },
        }
    }

    /// What a body says of the attributes that a client may set. The body must name this schema.
    pub fn read(&self, body: &Value) -> Result<Object> {
        let Value::Object(object) = body else {
            return Err(Refusal::InvalidSyntax("The body must be a JSON object.".to_owned()));
        };
        names_schema(object, self.urn)?;
        let mut read = read_parts(self.attributes, object)?;
        read.extend(read_parts(COMMON, object)?);
        Ok(read)
    }
}

/// Refuses an object that does not name this schema among its `schemas`.
pub fn names_schema(object: &Object, urn: &str) -> Result<()> {
    let schemas = object.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")).map(|(_, schemas)| schemas);
    let named = schemas
        .and_then(Value::as_array)
        .is_some_and(|schemas| schemas.iter().filter_map(Value::as_str).any(|schema| schema.eq_ignore_ascii_case(urn)));
    if named { Ok(()) } else { Err(Refusal::InvalidSyntax(format!("The body must name {urn} among its schemas."))) }
}

/// The extension whose attributes directories send for employees; none is held.
const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const NAME_PARTS_NOT_HELD: &[&str] = &["middleName", "honorificPrefix", "honorificSuffix"];

/// Attributes that every resource has (RFC 7643 section 3.1).
pub const COMMON: &[Attribute] = &[
    Attribute {
        is_always_returned: true,
        uniqueness: "server",
        ..Attribute::text("id", "The server's identifier of the resource.").exact().read_only()
    },
    Attribute::text("externalId", "The directory's own identifier.").exact(),
    Attribute::complex(
        "meta",
        "What the server knows about the resource.",
        &[
            Attribute::text("resourceType", "The kind of resource.").exact().read_only(),
            Attribute::text("created", "When it was made.").of_kind(Kind::Time).read_only(),
            Attribute::text("lastModified", "When provisioning last changed it.").of_kind(Kind::Time).read_only(),
            Attribute::text("location", "Its address.").of_kind(Kind::Reference).exact().read_only(),
            Attribute::text("version", "Its version, for If-Match.").exact().read_only(),
        ],
    )
    .read_only(),
];

/// People (RFC 7643 section 4.1).
pub static USER: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "Somebody who works in the organization",
    endpoint: "/Users",
    attributes: &[
        Attribute {
            is_required: true,
            uniqueness: "server",
            ..Attribute::text("userName", "The person's e-mail address, with which they sign in.")
        },
        Attribute::complex(
            "name",
            "The person's name in parts.",
            &[
                Attribute::text("formatted", "The whole name."),
                Attribute::text("familyName", "The family name."),
                Attribute::text("givenName", "The given name."),
            ],
        ),
        Attribute::text("displayName", "The name that colleagues see."),
        Attribute {
            is_required: true,
            ..Attribute::text(
                "active",
                "Whether the person is let in. False ends their sessions and stops their keys at once.",
            )
            .of_kind(Kind::Boolean)
        },
        Attribute::complex(
            "emails",
            "The address of userName once more. Set userName to change it.",
            &[
                Attribute::text("value", "The address.").read_only(),
                Attribute::text("type", "Always work.").read_only(),
                Attribute::text("primary", "Always true.").of_kind(Kind::Boolean).read_only(),
            ],
        )
        .multiple()
        .read_only(),
        Attribute::complex(
            "groups",
            "The person's role as a group. Change it by the group's members.",
            &[
                Attribute::text("value", "The group's id.").exact().read_only(),
                Attribute {
                    points_to: &["Group"],
                    ..Attribute::text("$ref", "The group's address.").of_kind(Kind::Reference).exact().read_only()
                },
                Attribute::text("display", "The group's name.").read_only(),
                Attribute::text("type", "Always direct.").read_only(),
            ],
        )
        .multiple()
        .read_only(),
    ],
    not_held: &[
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "password",
        "phoneNumbers",
        "ims",
        "photos",
        "addresses",
        "entitlements",
        "roles",
        "x509Certificates",
    ],
};

/// Roles as groups (RFC 7643 section 4.2).
pub static GROUP: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "A role of the organization: Admin, Manager or Viewer",
    endpoint: "/Groups",
    attributes: &[
        Attribute {
            is_required: true,
            ..Attribute::text("displayName", "The role's name; it stays as it is.").immutable()
        },
        Attribute::complex(
            "members",
            "Who has the role.",
            &[
                Attribute::text("value", "The user's id.").exact().immutable(),
                Attribute {
                    points_to: &["User"],
                    ..Attribute::text("$ref", "The user's address.").of_kind(Kind::Reference).exact().read_only()
                },
                Attribute::text("display", "The user's name.").read_only(),
                Attribute::text("type", "Always User.").read_only(),
            ],
        )
        .multiple(),
    ],
    not_held: &[],
};
