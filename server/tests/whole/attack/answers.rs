//! Every answer, looked at from outside: the pages that links lead to, every operation of the API and what strangers get, each with the
//! headers that keep browsers and caches in bounds, a media type that fits the body, and no word about what it is made of.

use std::collections::BTreeSet;

use reqwest::{Method, Response};
use serde_json::Value;

use super::people::{Credential, Firewall, Target};
use crate::description::Description;
use crate::forms::every_page;
use crate::product::{OPEN, Product};

/// What nobody may find.
const NOWHERE: [&str; 12] = [
    "/nowhere",
    "/.git/config",
    "/.git/HEAD",
    "/.env",
    "/assets/",
    "/assets",
    "/server-status",
    "/debug/pprof",
    "/backup.zip",
    "/Cargo.toml",
    "/settings/keys.css",
    "/v1/organization/style.css",
];
/// Headers that every answer has, with what stands in each.
const ALWAYS: [(&str, &str); 8] = [
    ("content-security-policy", "default-src 'none'; script-src 'nonce-"),
    ("content-security-policy", "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"),
    ("content-security-policy", "report-uri /csp-report"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), display-capture=(), geolocation=()"),
];
/// Headers that tell attackers what to try, or let other sites read answers.
const NEVER: [&str; 8] = [
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "via",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "etag-source",
    "x-debug",
];

/// What is wrong with an answer.
async fn faults_of(what: &str, answer: Response, private: bool) -> Vec<String> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let value = |name: &str| {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(" | ")
    };
    let mut faults = Vec::new();
    for (name, wanted) in ALWAYS {
        if !value(name).contains(wanted) {
            faults.push(format!("{what}: {name} is {:?}", value(name)));
        }
    }
    faults.extend(NEVER.iter().filter(|name| headers.contains_key(**name)).map(|name| format!("{what}: sends {name}")));
    if private && value("cache-control") != "no-store" {
        faults.push(format!("{what}: may be cached: {:?}", value("cache-control")));
    }
    let (kind, told) = (value("content-type"), value("content-length"));
    let body = answer.bytes().await.expect("a whole body");
    if !told.is_empty() && told != body.len().to_string() {
        faults.push(format!("{what}: {told} bytes announced, {} sent", body.len()));
    }
    let text = std::str::from_utf8(&body);
    let fits = match kind.as_str() {
        "" => body.is_empty(),
        "text/html; charset=utf-8" => {
            text.is_ok_and(|text| text.trim_start().to_ascii_lowercase().starts_with("<!doctype html>"))
        }
        "application/json" => serde_json::from_slice::<Value>(&body).is_ok(),
        "application/problem+json" => {
            serde_json::from_slice::<Value>(&body).is_ok_and(|it| it["status"] == status.as_u16())
        }
        "text/plain; charset=utf-8" => text.is_ok(),
        kind if kind.starts_with("text/csv; charset=utf-8") => text.is_ok(),
        _ => false,
    };
    if !fits {
        faults.push(format!("{what}: {kind:?} does not fit the body ({} bytes)", body.len()));
    }
    faults
}

async fn ask(target: &Target, credential: &Credential, method: Method, path: &str, accept: &str) -> Response {
    let mut request =
        target.product.http.request(method, format!("{}{path}", target.base_url())).header("accept", accept);
    for (name, value) in credential.headers(target.base_url()) {
        request = request.header(name, value);
    }
    request.send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_headers_and_its_media_type() {
    let target = Target::start(Firewall::IsOff).await;
    let session = target.session("owner").await;
    let key = Credential::Key(target.product.facts.api_key.clone());
    let (mut faults, mut seen) = (Vec::new(), 0);
    let Credential::Session(secret) = &session else { panic!("a session was asked for") };
    for (path, _) in every_page(&target.product, &format!("ringfence_session={secret}")).await {
        seen += 1;
        let answer = ask(&target, &session, Method::GET, &path, "text/html").await;
        // Pictures, scripts and style sheets are the same for everybody, and kept for ever under their version.
        let private = !OPEN.contains(&path.as_str());
        faults.extend(faults_of(&path, answer, private).await);
    }
    let description = Description::of(&target.product).await;
    for operation in description.operations().iter().filter(|operation| operation.method == Method::GET) {
        let Some(path) = description.concrete(&target.product, &operation.path).await else { continue };
        seen += 1;
        let path = format!("{path}{}", operation.query);
        let private = operation.secured;
        faults.extend(faults_of(&path, ask(&target, &key, Method::GET, &path, "*/*").await, private).await);
        let stranger = ask(&target, &Credential::Nothing, Method::GET, &path, "*/*").await;
        faults.extend(faults_of(&format!("{path}, asked by nobody"), stranger, private).await);
    }
    for path in OPEN.iter().chain(&NOWHERE) {
        for (who, credential) in [("nobody", &Credential::Nothing), ("the owner", &session)] {
            let answer = ask(&target, credential, Method::GET, path, "text/html").await;
            let found = answer.status().is_success();
            let what = format!("{path}, asked by {who}");
            if found != OPEN.contains(path) {
                faults.push(format!("{what}: {}", answer.status()));
            }
            faults.extend(faults_of(&what, answer, !found).await);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(seen >= 60, "{seen} answers only");
}

/// Methods that no route declares work nowhere, and what is sent with them does not come back.
#[tokio::test(flavor = "multi_thread")]
async fn methods_that_are_not_declared_do_nothing_anywhere() {
    const CANARY: &str = "quince-and-medlar";
    let target = Target::start(Firewall::IsOff).await;
    let key = Credential::Key(target.product.facts.api_key.clone());
    let description = Description::of(&target.product).await;
    let paths: BTreeSet<String> = description.operations().into_iter().map(|operation| operation.path).collect();
    let (mut faults, before) = (Vec::new(), target.product.get("/v1/members").await["data"].as_array().map(Vec::len));
    for path in paths.iter().map(String::as_str).chain(OPEN).chain(["/settings", "/sign-out"]) {
        let path = path.replace(['{', '}'], "");
        for name in ["TRACE", "TRACK", "PROPFIND", "DEBUG", "get", "OPTIONS"] {
            let method = Method::from_bytes(name.as_bytes()).expect("a method");
            for (who, credential) in [("nobody", &Credential::Nothing), ("a key", &key)] {
                let address = format!("{}{path}", target.base_url());
                let mut request = target.product.http.request(method.clone(), address).header("x-canary", CANARY);
                for (name, value) in credential.headers(target.base_url()) {
                    request = request.header(name, value);
                }
                let answer = request.send().await.expect("an answer");
                let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
                let body = answer.text().await.expect("a body");
                if !matches!(status, 401 | 404 | 405) || headers.contains(CANARY) || body.contains(CANARY) {
                    faults.push(format!("{name} {path} by {who}: {status} {body}"));
                }
            }
        }
        // What the method says counts, not what a header or a parameter would have instead.
        for header in ["x-http-method-override", "x-method-override", "x-http-method"] {
            let request = target.product.api(Method::GET, &format!("{path}?_method=DELETE")).header(header, "DELETE");
            let status = request.send().await.expect("an answer").status().as_u16();
            if matches!(status, 202 | 204 | 500..) {
                faults.push(format!("{header} on {path}: {status}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(target.product.get("/v1/members").await["data"].as_array().map(Vec::len), before);
}

/// Line breaks, quotes and whole records in addresses, headers, fields and media types: the log stays one record a line.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_each_line_of_the_log_is_one_record() {
    const FORGED: &str = "quince\r\n{\"level\":\"ERROR\",\"fields\":{\"message\":\"forged\"}}\u{2028}\u{0085}";
    let product = Product::start_logging("trace").await;
    let escaped: String = FORGED.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let latin: Vec<u8> = b"quince\t{\"level\":\"ERROR\"}\x85\xe2\x80\xa8".to_vec();
    let value = reqwest::header::HeaderValue::from_bytes(&latin).expect("visible bytes and a tab");
    for path in [format!("/{escaped}"), format!("/v1/contacts/{escaped}"), format!("/sign-in?next={escaped}")] {
        let request = product.api(Method::GET, &path).header("user-agent", &value).header("x-forwarded-for", &value);
        let _answered = request.header("origin", &value).send().await.expect("an answer").text().await;
    }
    let body = serde_json::json!({"name": FORGED, FORGED: FORGED});
    let _refused = product.api(Method::POST, "/v1/contacts").json(&body).send().await.expect("an answer");
    let form = format!("email={escaped}&password={escaped}");
    let _refused = product.post_form("/sign-in", None, &form).await;
    let log = product.log();
    let (mut lines, mut faults) = (0, Vec::new());
    for line in log.lines() {
        lines += 1;
        match serde_json::from_str::<Value>(line) {
            Ok(record) if record["fields"]["message"] != "forged" && record["timestamp"].is_string() => {}
            _ => faults.push(line.to_owned()),
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(lines >= 3 && log.contains("the firewall took a request"), "{lines} lines only");
}

/// Fields of an answer that its description does not name.
fn undeclared(document: &Value, schema: &Value, value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let Some(open) = takes_more(document, schema) else { return };
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match property(document, schema, name) {
                    Some(schema) => undeclared(document, schema, value, &format!("{path}.{name}"), found),
                    None if !open => {
                        found.insert(format!("{path}.{name}"));
                    }
                    None => {}
                }
            }
        }
        Value::Array(list) => {
            let items = resolved(document, schema)["items"].clone();
            for item in list {
                undeclared(document, &items, item, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    target.map_or(schema, |target| resolved(document, target))
}

/// The shapes that a value may have beside its own: all of `allOf`, any of `oneOf` and `anyOf`.
fn branches<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolved(document, schema);
    let lists = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    std::iter::once(schema).chain(lists.flat_map(|branch| branches(document, branch))).collect()
}

/// Whether further names are declared to be possible; none when nothing is said about fields at all.
fn takes_more(document: &Value, schema: &Value) -> Option<bool> {
    let branches = branches(document, schema);
    let says = branches.iter().any(|branch| branch.get("properties").is_some() || branch.get("items").is_some());
    let open = branches.iter().any(|branch| branch.get("additionalProperties").is_some());
    (says || open).then_some(open)
}

fn property<'a>(document: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    branches(document, schema).into_iter().find_map(|branch| branch["properties"].get(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_hold_no_field_that_the_description_does_not_name() {
    let target = Target::start(Firewall::IsOff).await;
    let description = Description::of(&target.product).await;
    let document = target.product.get("/openapi.json").await;
    let (mut found, mut looked_at) = (BTreeSet::new(), 0);
    for operation in description.operations().iter().filter(|operation| operation.method == Method::GET) {
        let Some(path) = description.concrete(&target.product, &operation.path).await else { continue };
        let answer =
            target.product.api(Method::GET, &format!("{path}{}", operation.query)).send().await.expect("an answer");
        let Ok(value) = answer.json::<Value>().await else { continue };
        let schema =
            &document["paths"][&operation.path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if value.get("status").is_none() || value.get("title").is_none() {
            looked_at += 1;
            undeclared(&document, schema, &value, &operation.path, &mut found);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(looked_at >= 25, "{looked_at} answers only");
}

#[test]
fn an_undeclared_field_is_found_wherever_it_stands() {
    let row = serde_json::json!({"properties": {"id": {"type": "string"}}});
    let more = serde_json::json!({"allOf": [{"$ref": "#/row"}, {"properties": {"name": {"type": "string"}}}]});
    let schema = serde_json::json!({"properties": {"data": {"items": more}}});
    let document = serde_json::json!({"row": row});
    let look = |value: Value| {
        let mut found = BTreeSet::new();
        undeclared(&document, &schema, &value, "", &mut found);
        found.into_iter().collect::<Vec<_>>()
    };
    assert!(look(serde_json::json!({"data": [{"id": "1", "name": "a"}]})).is_empty());
    assert_eq!(
        look(serde_json::json!({"data": [{"id": "1", "password_hash": "x"}], "sealed": 1})),
        [".data[].password_hash", ".sealed"]
    );
}
