//! Filters (RFC 7644 section 3.4.2.2): `userName eq "maria@harbour.example" and active eq true`. Read by [`Filter::parse`]
//! against a schema, so that a filter about what is not held is an error and not an empty list; judged by
//! [`Filter::matches`]. Length, depth and number of comparisons are capped before anything is judged.

mod parse;

use std::fmt;

use serde_json::Value;
use storage::Timestamp;
use web::instant::from_rfc3339;

use super::attribute::{Attribute, Kind, Object, Schema};
use super::refusal::Result;

/// Longest filter, in bytes.
pub const MAXIMUM_LENGTH: usize = 2_048;
/// Parentheses, brackets and `not` within each other.
pub const MAXIMUM_DEPTH: usize = 8;
/// Comparisons of one filter.
pub const MAXIMUM_COMPARISONS: usize = 40;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`: the same.
    Equal,
    /// `ne`: not the same.
    NotEqual,
    /// `co`: contains.
    Contains,
    /// `sw`: starts with.
    StartsWith,
    /// `ew`: ends with.
    EndsWith,
    /// `gt`: comes after.
    Greater,
    /// `ge`: comes after, or is the same.
    GreaterOrEqual,
    /// `lt`: comes before.
    Less,
    /// `le`: comes before, or is the same.
    LessOrEqual,
}

impl Operator {
    const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, operator)| operator)
    }

    fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }
}

/// What is compared: an attribute that is held, and the part of it.
#[derive(Debug, Clone, Copy)]
pub struct Operand {
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
}

impl Operand {
    /// Of several values with parts, the one called `value` is meant (section 3.4.2.2).
    fn leaf(&self) -> &'static Attribute {
        self.part.or_else(|| self.attribute.part("value")).unwrap_or(self.attribute)
    }

    /// Every value that a resource has here.
    fn values<'a>(&self, resource: &'a Object) -> Vec<&'a Value> {
        let Some(value) = resource.get(self.attribute.name) else { return Vec::new() };
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        let within = |value: &'a Value| match value {
            Value::Object(object) => object.get(self.leaf().name),
            other => Some(other),
        };
        values.into_iter().filter_map(within).filter(|value| !value.is_null()).collect()
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.attribute.name)?;
        self.part.map_or(Ok(()), |part| write!(formatter, ".{}", part.name))
    }
}

/// A value that is compared with. Instants are read once.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`: no value.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A string.
    Text(String),
    /// An instant, and how it was written.
    Time(Timestamp, String),
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Boolean(value) => write!(formatter, "{value}"),
            Self::Text(text) | Self::Time(_, text) => write!(formatter, "{}", Value::from(text.as_str())),
        }
    }
}

/// A filter that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// One comparison.
    Compare(Operand, Operator, Literal),
    /// `pr`: there is a value.
    Present(Operand),
    /// `emails[type eq "work"]`: one of several values for which all of it holds.
    Within(&'static str, Box<Filter>),
    /// All of them.
    And(Vec<Filter>),
    /// One of them at least.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
}

impl Filter {
    /// Reads a filter about resources of this schema.
    pub fn parse(text: &str, schema: &'static Schema) -> Result<Self> {
        parse::whole(text, parse::Names::Schema(schema))
    }

    /// Reads what stands in the brackets of a path: a filter about the parts of an attribute.
    pub fn parse_within(text: &str, attribute: &'static Attribute) -> Result<Self> {
        parse::whole(text, parse::Names::Parts(attribute))
    }

    /// Does it hold for this resource, or for this one of several values?
    pub fn matches(&self, resource: &Object) -> bool {
        match self {
            Self::Compare(operand, operator, literal) => compare(operand, *operator, literal, resource),
            Self::Present(operand) => !operand.values(resource).is_empty(),
            Self::Within(name, filter) => match resource.get(*name) {
                Some(Value::Array(values)) => {
                    values.iter().filter_map(Value::as_object).any(|value| filter.matches(value))
                }
                Some(Value::Object(value)) => filter.matches(value),
                _ => false,
            },
            Self::And(all) => all.iter().all(|filter| filter.matches(resource)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(resource)),
            Self::Not(filter) => !filter.matches(resource),
        }
    }

    /// How many comparisons it is made of; each of them may look at every value once.
    pub fn comparisons(&self) -> usize {
        match self {
            Self::Compare(..) | Self::Present(_) => 1,
            Self::Within(_, filter) | Self::Not(filter) => filter.comparisons(),
            Self::And(all) | Self::Or(all) => all.iter().map(Self::comparisons).sum(),
        }
    }

    /// The value of a filter that is nothing but `name eq "value"`: such a one can be looked up.
    pub fn sole_equal(&self, name: &str) -> Option<&str> {
        match self {
            Self::Compare(operand, Operator::Equal, Literal::Text(text)) if operand.to_string() == name => Some(text),
            _ => None,
        }
    }
}

fn compare(operand: &Operand, operator: Operator, literal: &Literal, resource: &Object) -> bool {
    let values = operand.values(resource);
    let is_equal = |value: &&Value| equal(value, literal, operand.leaf());
    match (operator, literal) {
        (Operator::Equal, Literal::Null) => values.is_empty(),
        (Operator::NotEqual, Literal::Null) => !values.is_empty(),
        (Operator::Equal, _) => values.iter().any(is_equal),
        (Operator::NotEqual, _) => !values.iter().any(is_equal),
        (_, Literal::Text(text)) => {
            let fold = |text: &str| if operand.leaf().is_case_exact { text.to_owned() } else { text.to_lowercase() };
            let text = fold(text);
            values.iter().filter_map(|value| value.as_str()).any(|value| holds(operator, &fold(value), &text))
        }
        (_, Literal::Time(time, _)) => {
            values.iter().filter_map(|value| value.as_str().and_then(from_rfc3339)).any(|value| match operator {
                Operator::Greater => value > *time,
                Operator::GreaterOrEqual => value >= *time,
                Operator::Less => value < *time,
                Operator::LessOrEqual => value <= *time,
                _ => false,
            })
        }
        (_, Literal::Null | Literal::Boolean(_)) => false,
    }
}

fn equal(value: &Value, literal: &Literal, leaf: &Attribute) -> bool {
    match (value, literal) {
        (Value::Bool(value), Literal::Boolean(wanted)) => value == wanted,
        (Value::String(value), Literal::Text(wanted)) if leaf.is_case_exact => value == wanted,
        (Value::String(value), Literal::Text(wanted)) => value.to_lowercase() == wanted.to_lowercase(),
        (Value::String(value), Literal::Time(wanted, _)) => from_rfc3339(value) == Some(*wanted),
        _ => false,
    }
}

fn holds(operator: Operator, value: &str, text: &str) -> bool {
    match operator {
        Operator::Contains => value.contains(text),
        Operator::StartsWith => value.starts_with(text),
        Operator::EndsWith => value.ends_with(text),
        Operator::Greater => value > text,
        Operator::GreaterOrEqual => value >= text,
        Operator::Less => value < text,
        Operator::LessOrEqual => value <= text,
        Operator::Equal | Operator::NotEqual => false,
    }
}

/// Which operators a kind of value takes.
fn takes(kind: Kind, operator: Operator) -> bool {
    match (kind, operator) {
        (_, Operator::Equal | Operator::NotEqual) => kind != Kind::Complex,
        (Kind::Text | Kind::Reference, _) => true,
        (Kind::Time, _) => !matches!(operator, Operator::Contains | Operator::StartsWith | Operator::EndsWith),
        (Kind::Boolean | Kind::Complex, _) => false,
    }
}

impl fmt::Display for Filter {
    /// The filter as a client could have written it, with every parenthesis.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut joined = |all: &[Self], word: &str| {
            for (index, one) in all.iter().enumerate() {
                if index > 0 {
                    write!(formatter, " {word} ")?;
                }
                match one {
                    Self::And(_) | Self::Or(_) => write!(formatter, "({one})")?,
                    _ => write!(formatter, "{one}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::And(all) => joined(all, "and"),
            Self::Or(any) => joined(any, "or"),
            Self::Compare(operand, operator, literal) => write!(formatter, "{operand} {} {literal}", operator.word()),
            Self::Present(operand) => write!(formatter, "{operand} pr"),
            Self::Within(name, filter) => write!(formatter, "{name}[{filter}]"),
            Self::Not(filter) => write!(formatter, "not ({filter})"),
        }
    }
}

#[cfg(test)]
mod tests;
