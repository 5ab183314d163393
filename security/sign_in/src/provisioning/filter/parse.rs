//! Reading filters. `and` binds more than `or`, `not` wants parentheses; operators and `true` are read in any case.

use serde_json::Value;
use web::instant::from_rfc3339;

use super::{Filter, Literal, MAXIMUM_COMPARISONS, MAXIMUM_DEPTH, MAXIMUM_LENGTH, Operand, Operator, takes};
use crate::provisioning::attribute::{Attribute, Kind, Named, Schema, boolean};
use crate::provisioning::path::AttributePath;
use crate::provisioning::refusal::{Refusal, Result};

/// What the names in a filter are looked up in.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// A resource.
    Schema(&'static Schema),
    /// One of several values of this attribute.
    Parts(&'static Attribute),
}

impl Names {
    fn find(self, name: &str) -> Result<Operand> {
        let path = AttributePath::parse(name).ok_or_else(|| wrong(format!("{} is no attribute.", shown(name))))?;
        let held = match self {
            Self::Schema(schema) => match schema.find(&path) {
                Named::Held(attribute, part) => Some(Operand { attribute, part }),
                Named::NotHeld | Named::Unknown => None,
            },
            Self::Parts(attribute) if path.urn.is_none() && path.part.is_none() => {
                attribute.part(&path.name).map(|attribute| Operand { attribute, part: None })
            }
            Self::Parts(_) => None,
        };
        held.ok_or_else(|| wrong(format!("{} is not held here: GET /scim/v2/Schemas says what is.", shown(name))))
    }
}

/// Reads all of a text.
pub(super) fn whole(text: &str, names: Names) -> Result<Filter> {
    if text.len() > MAXIMUM_LENGTH {
        return Err(wrong(format!("A filter has at most {MAXIMUM_LENGTH} bytes.")));
    }
    let mut reader = Reader { rest: text, comparisons: 0 };
    let filter = reader.any_of(names, 0)?;
    reader.space();
    if reader.rest.is_empty() { Ok(filter) } else { Err(wrong("Something stands after the end of the filter.")) }
}

fn wrong(words: impl Into<String>) -> Refusal {
    Refusal::InvalidFilter(words.into())
}

/// The beginning of what the client wrote, for an answer.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(60).collect()
}

struct Reader<'a> {
    rest: &'a str,
    comparisons: usize,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn takes(&mut self, sign: char) -> bool {
        self.space();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The next word, without taking it: up to a space, a parenthesis or a bracket.
    fn word(&mut self) -> &'a str {
        self.space();
        let end = self.rest.find([' ', '(', ')', '[', ']', '"']).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let word = self.word();
        let is_it = word.eq_ignore_ascii_case(wanted);
        if is_it {
            self.rest = &self.rest[word.len()..];
        }
        is_it
    }

    fn any_of(&mut self, names: Names, depth: usize) -> Result<Filter> {
        let mut any = vec![self.all_of(names, depth)?];
        while self.takes_word("or") {
            any.push(self.all_of(names, depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn all_of(&mut self, names: Names, depth: usize) -> Result<Filter> {
        let mut all = vec![self.one(names, depth)?];
        while self.takes_word("and") {
            all.push(self.one(names, depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self, names: Names, depth: usize) -> Result<Filter> {
        if depth > MAXIMUM_DEPTH {
            return Err(wrong(format!("A filter nests at most {MAXIMUM_DEPTH} deep.")));
        }
        if self.takes('(') {
            return self.closed(')', names, depth);
        }
        let before = self.rest;
        if self.takes_word("not") {
            if self.takes('(') {
                return Ok(Filter::Not(Box::new(self.closed(')', names, depth)?)));
            }
            self.rest = before;
        }
        self.comparison(names, depth)
    }

    fn closed(&mut self, end: char, names: Names, depth: usize) -> Result<Filter> {
        let filter = self.any_of(names, depth + 1)?;
        if self.takes(end) { Ok(filter) } else { Err(wrong(format!("A {end} is missing."))) }
    }

    fn comparison(&mut self, names: Names, depth: usize) -> Result<Filter> {
        self.comparisons += 1;
        if self.comparisons > MAXIMUM_COMPARISONS {
            return Err(wrong(format!("A filter compares at most {MAXIMUM_COMPARISONS} times.")));
        }
        let name = self.word();
        if name.is_empty() {
            return Err(wrong("An attribute is missing, as in: userName eq \"name@example.org\""));
        }
        let operand = names.find(name)?;
        self.rest = &self.rest[name.len()..];
        if self.rest.starts_with('[') {
            self.rest = &self.rest[1..];
            if operand.part.is_some() || operand.attribute.parts.is_empty() {
                return Err(wrong(format!("{operand} has no parts to be asked about in brackets.")));
            }
            let within = self.closed(']', Names::Parts(operand.attribute), depth)?;
            return Ok(Filter::Within(operand.attribute.name, Box::new(within)));
        }
        let word = self.word();
        self.rest = &self.rest[word.len()..];
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(operand));
        }
        let Some(operator) = Operator::parse(word) else {
            return Err(wrong(format!("{} is no operator: eq, ne, co, sw, ew, gt, ge, lt, le or pr.", shown(word))));
        };
        let kind = operand.leaf().kind;
        if !takes(kind, operator) {
            return Err(wrong(format!("{operand} cannot be compared by {}.", operator.word())));
        }
        Ok(Filter::Compare(operand, operator, self.literal(&operand, operator)?))
    }

    fn literal(&mut self, operand: &Operand, operator: Operator) -> Result<Literal> {
        let value = self.json()?;
        let only_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        match (operand.leaf().kind, value) {
            (_, Value::Null) if only_equality => Ok(Literal::Null),
            (Kind::Boolean, Value::Bool(value)) => Ok(Literal::Boolean(value)),
            (Kind::Boolean, Value::String(word)) => {
                boolean(&word).map(Literal::Boolean).ok_or_else(|| wrong(format!("{operand} is true or false.")))
            }
            (Kind::Text | Kind::Reference, Value::String(text)) => Ok(Literal::Text(text)),
            (Kind::Time, Value::String(text)) => match from_rfc3339(&text) {
                Some(time) => Ok(Literal::Time(time, text)),
                None => Err(wrong(format!("{operand} is compared with a time as in 2026-12-24T18:00:00Z."))),
            },
            (Kind::Boolean, _) => Err(wrong(format!("{operand} is true or false."))),
            _ => Err(wrong(format!("{operand} is compared with a string in double quotes."))),
        }
    }

    /// A JSON string, `true`, `false` or `null`.
    fn json(&mut self) -> Result<Value> {
        self.space();
        let end = if self.rest.starts_with('"') {
            let mut escaped = false;
            let end = self.rest.char_indices().skip(1).find(|(_, letter)| {
                let ends = *letter == '"' && !escaped;
                escaped = *letter == '\\' && !escaped;
                ends
            });
            end.map(|(index, _)| index + 1).ok_or_else(|| wrong("A string has no end."))?
        } else {
            self.word().len()
        };
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let lower = text.to_ascii_lowercase();
        let text = if matches!(lower.as_str(), "true" | "false" | "null") { lower.as_str() } else { text };
        serde_json::from_str(text)
            .map_err(|_| wrong(format!("{} is no value: strings stand in double quotes.", shown(text))))
    }
}
