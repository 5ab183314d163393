//! Bodies taken apart into arguments: forms, multipart, JSON, XML.

pub(crate) mod intake;
mod json;
mod multipart;
mod xml;

use crate::transformation::Transformation;
use intake::{Arguments, Intake};

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Processor {
    #[default]
    None,
    Form,
    Multipart,
    Json,
    Xml,
}

impl Processor {
    /// What the content type asks for.
    pub(crate) fn of(content_type: &[u8]) -> Self {
        let end = content_type.iter().position(|byte| matches!(byte, b';' | b',' | b' ' | b'\t'));
        let essence = content_type[..end.unwrap_or(content_type.len())].to_ascii_lowercase();
        match essence.as_slice() {
            b"application/x-www-form-urlencoded" => Self::Form,
            b"multipart/form-data" => Self::Multipart,
            b"application/xml" | b"text/xml" | b"application/soap+xml" => Self::Xml,
            other if other.starts_with(b"application/json") => Self::Json,
            other if other.starts_with(b"application/") && other.ends_with(b"+json") => Self::Json,
            _ => Self::None,
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        [Self::Form, Self::Multipart, Self::Json, Self::Xml]
            .into_iter()
            .find(|processor| processor.name() == name)
            .unwrap_or_default()
    }

    /// `REQBODY_PROCESSOR`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Form => "URLENCODED",
            Self::Multipart => "MULTIPART",
            Self::Json => "JSON",
            Self::Xml => "XML",
        }
    }
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub field: Vec<u8>,
    pub name: Vec<u8>,
    pub bytes: usize,
}

/// The header lines of a part, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartHeaders {
    pub part: Vec<u8>,
    pub lines: Vec<Vec<u8>>,
}

/// A body, read.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub arguments: Arguments,
    pub files: Vec<File>,
    pub part_headers: Vec<PartHeaders>,
    pub xml_text: Option<Vec<u8>>,
    pub xml_attributes: Vec<Vec<u8>>,
    /// It is not what it claims to be.
    pub error: bool,
    /// It is, with liberties.
    pub strict_error: bool,
}

/// Reads a body. Whatever could be read before a fault is kept.
pub(crate) fn read(processor: Processor, bytes: &[u8], intake: &mut Intake) -> Body {
    if bytes.is_empty() {
        return Body::default();
    }
    match processor {
        Processor::None => Body::default(),
        Processor::Form => Body { arguments: form(bytes, intake), ..Body::default() },
        Processor::Multipart => multipart::read(bytes, intake),
        Processor::Json => json::read(bytes, intake),
        Processor::Xml => xml::read(bytes, intake),
    }
}

/// The pairs of a query or a form.
pub(crate) fn form(bytes: &[u8], intake: &mut Intake) -> Arguments {
    let decoded = |text: &[u8]| {
        let mut output = Vec::with_capacity(text.len());
        Transformation::UrlDecode.apply(text, &mut output);
        output
    };
    let mut arguments = Arguments::default();
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let name = decoded(&pair[..end]);
        let value = decoded(pair.get(end + 1..).unwrap_or_default());
        intake.argument(&mut arguments, &name, &String::from_utf8_lossy(&name), &value);
    }
    arguments
}

#[cfg(test)]
mod tests;
