//! Every request that carries parameters, as attackers vary them: the operations of the API, filled in with what is there, and the
//! forms of the dashboard.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use uuid::Uuid;

use super::people::{Credential, Target};
use crate::description::Description;
use crate::forms::{every_page, shape};

/// What ends the attacker's own access, the organization or somebody's membership: an attack that presses these proves nothing more.
/// They are attacked last, or with identifiers that nothing has.
pub const ENDING: [&str; 17] = [
    "/v1/vault/seal",
    "/v1/membership/leave",
    "/v1/incidents",
    "/v1/alerts/{id}/lock",
    "/v1/settings/allowlist",
    "/v1/sign-in-policy",
    "/sign-out",
    "/settings/leave",
    "/settings/account-lock",
    "/settings/compromise",
    "/settings/networks",
    "/settings/sign-in-rules",
    "/settings/password",
    "/settings/encryption/seal",
    "/settings/sessions/{id}/end",
    "/settings/sessions/end-others",
    "/settings/alerts/{id}/lock",
];

/// An identifier that nothing has.
const NOBODY: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

/// Whether a request to this path, with its variables named or filled in, ends what the attack stands on.
pub fn is_ending(path: &str) -> bool {
    let wanted = shape(path);
    ENDING.iter().any(|ending| shape(ending) == wanted)
}

/// One request. `*` behind a piece of the path marks it as a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    pub method: String,
    pub address: String,
    /// Media type and body.
    pub body: Option<(&'static str, String)>,
}

impl Attempt {
    /// As it goes over the wire, in front of the next one; the form that sqlmap reads from a file.
    pub fn as_text(&self, host: &str, credential: &[(&'static str, String)]) -> String {
        let mut text = format!("==========\n{} {} HTTP/1.1\nHost: {host}\n", self.method, self.address);
        for (name, value) in credential {
            text.extend([*name, ": ", value, "\n"]);
        }
        if let Some((media_type, body)) = &self.body {
            text.extend(["Content-Type: ", *media_type, "\n\n", body, "\n"]);
        }
        text + "\n==========\n"
    }

    /// Asks it once: whether these people are let in at all. Whom a route refuses, its parameters never reach.
    pub async fn lets_in(&self, target: &Target, credential: &Credential) -> bool {
        let address = format!("{}{}", target.base_url(), self.address.replace('*', ""));
        let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
        let mut request = target.product.http.request(method, address);
        for (name, value) in credential.headers(target.base_url()) {
            request = request.header(name, value);
        }
        if let Some((media_type, body)) = &self.body {
            request = request.header("Content-Type", *media_type).body(body.clone());
        }
        request.send().await.expect("an answer").status() != StatusCode::FORBIDDEN
    }

    /// Something of it can be varied.
    fn has_parameters(&self) -> bool {
        self.body.as_ref().is_some_and(|(_, body)| !body.is_empty()) || self.address.contains(['*', '?'])
    }
}

/// The operations of the API that have parameters. What would take something away is asked with identifiers of nothing.
pub async fn of_the_api(target: &Target) -> BTreeSet<Attempt> {
    let description = Description::of(&target.product).await;
    let mut attempts = BTreeSet::new();
    for operation in description.operations() {
        if is_ending(&operation.path) || operation.multipart {
            continue;
        }
        let takes_away = operation.method == Method::DELETE || operation.method == Method::PUT;
        let real = if takes_away { None } else { description.concrete(&target.product, &operation.path).await };
        let path = real.unwrap_or_else(|| unknown(&operation.path));
        let marked = marked(&operation.path, &path);
        let query = description.whole_query(&operation);
        let body = operation.body.as_ref().map(|schema| description.sample(schema, NOBODY).to_string());
        attempts.insert(Attempt {
            method: operation.method.to_string(),
            address: format!("{marked}{query}"),
            body: body.map(|body| ("application/json", body)),
        });
    }
    attempts.retain(Attempt::has_parameters);
    attempts
}

fn unknown(path: &str) -> String {
    let replaced =
        path.split('/').map(|piece| if piece.starts_with('{') { NOBODY.to_string() } else { piece.to_owned() });
    replaced.collect::<Vec<_>>().join("/")
}

/// The variables of the path, marked.
fn marked(pattern: &str, path: &str) -> String {
    let pieces = pattern.split('/').zip(path.split('/'));
    let pieces = pieces.map(|(name, value)| if name.starts_with('{') { format!("{value}*") } else { value.to_owned() });
    pieces.collect::<Vec<_>>().join("/")
}

/// The forms of every page that this session reaches, filled in as they are shown; fields without a value get one.
pub async fn of_the_pages(target: &Target, session: &Credential) -> BTreeSet<Attempt> {
    let headers = session.headers(target.base_url());
    let cookie = headers.iter().find(|(name, _)| *name == "Cookie").map_or("", |(_, value)| value.as_str());
    let mut attempts = BTreeMap::new();
    for (path, markup) in every_page(&target.product, cookie).await {
        for form in markup.split("<form").skip(1) {
            let Some((tag, rest)) = form.split_once('>') else { continue };
            let action = attribute(tag, "action").unwrap_or_else(|| path.clone());
            let inner = rest.split("</form>").next().unwrap_or_default();
            let is_upload = tag.contains("multipart/form-data");
            if is_upload || is_ending(&action) || !action.starts_with('/') {
                continue;
            }
            let fields = fields(inner);
            let method = if tag.contains("method=\"post\"") { "POST" } else { "GET" };
            let attempt = if method == "POST" {
                let body = Some(("application/x-www-form-urlencoded", fields));
                Attempt { method: method.to_owned(), address: action.clone(), body }
            } else {
                Attempt { method: method.to_owned(), address: format!("{action}?{fields}"), body: None }
            };
            if attempt.has_parameters() {
                attempts.entry((method, shape(&action))).or_insert(attempt);
            }
        }
    }
    attempts.into_values().collect()
}

/// The value of an attribute within a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&amp;", "&").replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\""))
}

/// The fields of a form but its token, as they are sent; a choice sends its first value that says something.
fn fields(markup: &str) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (at, _) in markup.match_indices('<') {
        let tag = markup[at..].split('>').next().unwrap_or_default();
        let is_field = ["<input", "<select", "<textarea"].iter().any(|start| tag.starts_with(start));
        let Some(name) = attribute(tag, "name").filter(|name| is_field && name != web::form_token::FIELD) else {
            continue;
        };
        let chosen =
            || markup[at..].split("</select>").next().into_iter().flat_map(|inner| inner.split("<option").skip(1));
        let value = if tag.starts_with("<select") {
            chosen().filter_map(|option| attribute(option, "value")).find(|value| !value.is_empty())
        } else {
            attribute(tag, "value")
        };
        if !pairs.iter().any(|(there, _)| *there == name) {
            pairs.push((name, value.filter(|value| !value.is_empty()).unwrap_or_else(|| "quince".to_owned())));
        }
    }
    let escaped = |text: &str| text.bytes().map(escape).collect::<String>();
    pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect::<Vec<_>>().join("&")
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[test]
fn forms_are_read_as_browsers_send_them() {
    let form = "<input type=\"hidden\" name=\"form_token\" value=\"ab\"><label>Name <input name=\"name\" value=\"A &amp; B\"></label>\
        <select name=\"role\"><option value=\"\">choose</option><option value=\"viewer\">Viewer</option></select>\
        <textarea name=\"note\"></textarea><button>Go</button>";
    assert_eq!(fields(form), "name=A%20%26%20B&role=viewer&note=quince");
    assert!(is_ending("/settings/sessions/{id}/end") && is_ending("/sign-out") && !is_ending("/settings/keys"));
    let address = format!("/settings/sessions/{NOBODY}/end");
    assert!(is_ending(&address), "{address}");
    assert_eq!(marked("/v1/agents/{id}/versions", "/v1/agents/7/versions"), "/v1/agents/7*/versions");
}
