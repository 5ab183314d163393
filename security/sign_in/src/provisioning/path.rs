//! The path of an attribute (RFC 7644 section 3.10): a name, a part of it after a dot, and before it the schema if need be.

use std::fmt;

/// Longest path that is read, in bytes.
const MAXIMUM_LENGTH: usize = 200;

/// A path as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// The schema before the name, without the colon between.
    pub urn: Option<String>,
    /// The attribute.
    pub name: String,
    /// The part of it.
    pub part: Option<String>,
}

impl AttributePath {
    /// Reads a path; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAXIMUM_LENGTH {
            return None;
        }
        // The version in a schema's name has a dot, so the schema ends at the last colon.
        let (urn, rest) = match text.rsplit_once(':') {
            Some((urn, rest)) => (Some(urn), rest),
            None => (None, text),
        };
        if urn.is_some_and(|urn| !is_urn(urn)) {
            return None;
        }
        let (name, part) = match rest.split_once('.') {
            Some((name, part)) => (name, Some(part)),
            None => (rest, None),
        };
        if !is_name(name) || part.is_some_and(|part| !is_name(part)) {
            return None;
        }
        Some(Self { urn: urn.map(str::to_owned), name: name.to_owned(), part: part.map(str::to_owned) })
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(formatter, "{urn}:")?;
        }
        formatter.write_str(&self.name)?;
        match &self.part {
            Some(part) => write!(formatter, ".{part}"),
            None => Ok(()),
        }
    }
}

fn is_urn(text: &str) -> bool {
    let sign = |letter: u8| letter.is_ascii_alphanumeric() || b":.-_".contains(&letter);
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) && text.bytes().all(sign)
}

/// A letter, then letters, digits, `-` and `_`; or `$ref`.
fn is_name(text: &str) -> bool {
    let body = text.strip_prefix('$').unwrap_or(text);
    body.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
        && body.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_as_they_were_written() {
        for text in [
            "userName",
            "name.givenName",
            "members.$ref",
            "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        ] {
            assert_eq!(AttributePath::parse(text).expect(text).to_string(), text);
        }
        let path = AttributePath::parse("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName").expect("a path");
        assert_eq!(path.urn.as_deref(), Some("urn:ietf:params:scim:schemas:core:2.0:User"));
        assert_eq!((path.name.as_str(), path.part.as_deref()), ("name", Some("givenName")));
    }

    #[test]
    fn anything_else_is_no_path() {
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a.b.c",
            "1a",
            "a b",
            "a[b]",
            "x:a",
            "ürn:a:b",
            "urn:a b:c",
            "$",
            "é",
            &"a".repeat(201),
        ] {
            assert_eq!(AttributePath::parse(text), None, "{text:?}");
        }
    }
}
