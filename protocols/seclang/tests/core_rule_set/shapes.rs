//! A text as one field of an ordinary request, in the ways in which browsers and programs send it.

use crate::cases::Sent;

const PROTOCOL: &[u8] = b"HTTP/1.1";

/// How the field `text` travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A member of a JSON object.
    Json,
    /// A field of a form (`application/x-www-form-urlencoded`).
    Form,
    /// A parameter of the query.
    Query,
}

impl Shape {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Json, Self::Form, Self::Query];

    /// The request.
    pub fn sent(self, text: &str) -> Sent {
        match self {
            Self::Json => posted(serde_json::json!({ "text": text }).to_string(), "application/json"),
            Self::Form => posted(format!("text={}", encoded(text)), "application/x-www-form-urlencoded"),
            Self::Query => Sent {
                method: b"GET".to_vec(),
                target: format!("/v1/notes?text={}", encoded(text)).into_bytes(),
                protocol: PROTOCOL.to_vec(),
                headers: headers(&[]),
                body: Vec::new(),
            },
        }
    }
}

fn posted(body: String, content_type: &str) -> Sent {
    Sent {
        method: b"POST".to_vec(),
        target: b"/v1/notes".to_vec(),
        protocol: PROTOCOL.to_vec(),
        headers: headers(&[("Content-Type", content_type), ("Content-Length", &body.len().to_string())]),
        body: body.into_bytes(),
    }
}

fn headers(more: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let always = [
        ("Host", "desk.example"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("Accept", "*/*"),
    ];
    let pair = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    always.iter().chain(more).map(pair).collect()
}

/// As browsers encode what people write into a form (WHATWG URL, `application/x-www-form-urlencoded`).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.extend(format!("%{byte:02X}").chars()),
        }
    }
    encoded
}
