//! Every route that takes JSON, with JSON that is broken in every way.

use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{is_clear_refusal, stands};
use crate::description::{Description, Operation};
use crate::organizations::key;
use crate::product::Product;

/// Requests with one key before the next is used: a key may change things 240 times a minute.
const REQUESTS_PER_KEY: usize = 180;

/// What is too large is taken in up to about here, so that its sender reads the refusal.
const TAKEN_IN: usize = 512 * 1024;

/// A body that must be refused, whatever the route: what is wrong, its media type, its bytes.
type Broken = (&'static str, &'static str, Vec<u8>);

const JSON: &str = "application/json";

/// Bodies that are no JSON, or not of the shape.
fn broken(good: &Value) -> Vec<Broken> {
    let text = good.to_string();
    let first = good.as_object().and_then(|object| object.keys().next().cloned()).unwrap_or_else(|| "a".to_owned());
    let mut repeated = text.trim_end_matches('}').to_owned();
    let more = |repeated: &str| if repeated.len() > 1 { "," } else { "" };
    repeated = format!("{repeated}{}\"{first}\":{value},\"{first}\":{value}}}", more(&repeated), value = good[&first]);
    let unknown = format!("{}{}\"no_such_field\":1}}", text.trim_end_matches('}'), more(text.trim_end_matches('}')));
    let not_utf8 = [b"{\"".as_slice(), first.as_bytes(), b"\":\"\xff\xfe\xc0\x80\"}"].concat();
    vec![
        ("nothing at all", JSON, Vec::new()),
        ("cut in the middle", JSON, text.as_bytes()[..text.len() / 2].to_vec()),
        ("cut before its end", JSON, text.as_bytes()[..text.len() - 1].to_vec()),
        ("more after its end", JSON, format!("{text}{{}}").into_bytes()),
        ("another media type", "text/plain", text.clone().into_bytes()),
        ("a form", "application/x-www-form-urlencoded", b"a=b".to_vec()),
        ("no media type", "", text.clone().into_bytes()),
        ("JSON in UTF-16", JSON, text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a byte order mark", JSON, [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("bytes that are no UTF-8", JSON, not_utf8),
        ("half a surrogate pair", JSON, format!("{{\"{first}\":\"\\ud800\"}}").into_bytes()),
        ("deep arrays", JSON, format!("{{\"{first}\":{}", "[".repeat(20_000)).into_bytes()),
        ("deep objects", JSON, "{\"a\":".repeat(8_000).into_bytes()),
        (
            "deep arrays, closed",
            JSON,
            format!("{{\"{first}\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes(),
        ),
        ("a field twice", JSON, repeated.into_bytes()),
        ("a field nobody knows", JSON, unknown.into_bytes()),
        ("a number beyond all numbers", JSON, format!("{{\"{first}\":1e999}}").into_bytes()),
        ("a number of many digits", JSON, format!("{{\"{first}\":{}}}", "9".repeat(5_000)).into_bytes()),
        ("a list", JSON, b"[]".to_vec()),
        ("null", JSON, b"null".to_vec()),
        ("a word", JSON, b"\"word\"".to_vec()),
        ("not a number", JSON, format!("{{\"{first}\":NaN}}").into_bytes()),
        ("NUL bytes", JSON, vec![0; 512]),
    ]
}

/// The same body with every text ended by a NUL: to be taken or refused, never to break anything.
fn with_nul(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}\u{0}x")),
        Value::Array(list) => list.iter().map(with_nul).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), with_nul(value))).collect(),
        other => other.clone(),
    }
}

struct Keys {
    keys: Vec<String>,
    used: usize,
}

impl Keys {
    async fn make(product: &Product, requests: usize) -> Self {
        let mut keys = Vec::new();
        for _ in 0..=requests / REQUESTS_PER_KEY {
            keys.push(key(product, None, "owner").await);
        }
        Self { keys, used: 0 }
    }

    fn request(&mut self, product: &Product, operation: &Operation, path: &str) -> RequestBuilder {
        let key = &self.keys[self.used / REQUESTS_PER_KEY];
        self.used += 1;
        product.http.request(operation.method.clone(), format!("{}{path}", product.facts.base_url)).bearer_auth(key)
    }
}

fn with_media_type(request: RequestBuilder, media_type: &str) -> RequestBuilder {
    if media_type.is_empty() { request } else { request.header("content-type", media_type) }
}

/// A path to something that exists where there is such a thing, so that the body is what decides.
async fn path_of(product: &Product, description: &Description, operation: &Operation) -> String {
    let nobody = Uuid::from_u128(1).to_string();
    let made_up = operation.path.split('/').map(|piece| if piece.starts_with('{') { nobody.as_str() } else { piece });
    let made_up = made_up.collect::<Vec<_>>().join("/");
    description.concrete(product, &operation.path).await.unwrap_or(made_up)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_are_refused_with_what_is_wrong() {
    let product = Product::start_unhurried().await;
    let process = product.process();
    let description = Description::of(&product).await;
    let operations: Vec<Operation> =
        description.operations().into_iter().filter(|operation| operation.body.is_some()).collect();
    let before = product.get("/v1/agents").await;
    let mut keys = Keys::make(&product, operations.len() * 30).await;
    let mut faults = Vec::new();
    for operation in &operations {
        let path = path_of(&product, &description, operation).await;
        let good = description.sample(operation.body.as_ref().expect("filtered"), Uuid::from_u128(1));
        for (what, media_type, bytes) in broken(&good) {
            let request = with_media_type(keys.request(&product, operation, &path), media_type).body(bytes);
            let answer = request.send().await.expect("an answer");
            is_clear_refusal(&format!("{}: {what}", operation.name()), answer, &mut faults).await;
        }
        // A report of a compromise is good with any words in it, and would end every key.
        if operation.path == "/v1/incidents" {
            continue;
        }
        let answer = keys.request(&product, operation, &path).json(&with_nul(&good)).send().await.expect("an answer");
        if answer.status().is_server_error() {
            faults.push(format!("{}: NUL in texts: {}", operation.name(), answer.status()));
        }
    }
    println!("{} routes with JSON bodies, {} requests", operations.len(), keys.used);
    assert!(faults.is_empty(), "{faults:#?}");
    // Nothing of it was taken; what was taken with NUL in its texts has come on top.
    let after = product.get("/v1/agents").await;
    let rows = |list: &Value| list["data"].as_array().expect("a list").clone();
    let kept: Vec<Value> =
        rows(&after).into_iter().filter(|row| rows(&before).iter().any(|was| was["id"] == row["id"])).collect();
    assert_eq!(kept.len(), rows(&before).len(), "nothing was lost");
    stands(&product, process).await;
}

/// The largest body that the route takes, from its own words to somebody who announces an endless one; none for what no
/// program may do, which is refused before its body is looked at.
async fn limit_of(product: &Product, operation: &Operation, path: &str) -> Option<usize> {
    let (method, key) = (&operation.method, &product.facts.api_key);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: {JSON}\r\n\
         Content-Length: 99999999999\r\n\r\n"
    );
    let answer = super::wire::send(product, request.as_bytes()).await;
    if answer.starts_with("HTTP/1.1 403") && answer.contains("problem:people-only") {
        return None;
    }
    assert!(answer.starts_with("HTTP/1.1 413"), "{}: {answer}", operation.name());
    let (_, words) = answer.split_once("at most ").expect("the limit in words");
    Some(words.split(' ').next().and_then(|digits| digits.parse().ok()).expect("a number of bytes"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_taken_up_to_their_limit_and_not_a_byte_further() {
    let product = Product::start_unhurried().await;
    let process = product.process();
    let description = Description::of(&product).await;
    let operations: Vec<Operation> =
        description.operations().into_iter().filter(|operation| operation.body.is_some()).collect();
    let mut keys = Keys::make(&product, operations.len() * 5).await;
    let mut faults = Vec::new();
    for operation in &operations {
        let path = path_of(&product, &description, operation).await;
        let Some(limit) = limit_of(&product, operation, &path).await else { continue };
        // White space around a body that is JSON, but of no shape: the reader must get to its end to say so.
        for (bytes, wanted) in [(limit, false), (limit + 1, true)] {
            let mut body = vec![b' '; bytes];
            body[..2].copy_from_slice(b"[]");
            let chunks = futures_chunks(body.clone());
            let whole = keys.request(&product, operation, &path).header("content-type", JSON).body(body);
            let pieces = keys.request(&product, operation, &path).header("content-type", JSON).body(chunks);
            for (how, request) in [("in one", whole), ("in pieces", pieces)] {
                let what = format!("{} with {bytes} bytes {how}", operation.name());
                let answer = match request.send().await {
                    Ok(answer) => answer,
                    // So much is not taken in only to be thrown away: the connection may end while it is still sent.
                    Err(_) if wanted && bytes > TAKEN_IN => continue,
                    Err(error) => panic!("{what}: {error}"),
                };
                if (answer.status() == 413) != wanted {
                    faults.push(format!("{what}: {}", answer.status()));
                }
                is_clear_refusal(&what, answer, &mut faults).await;
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    stands(&product, process).await;
}

/// The body in pieces of 4 KiB, whose length nobody announces.
fn futures_chunks(body: Vec<u8>) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(4);
    tokio::spawn(async move {
        for piece in body.chunks(4_096) {
            if sender.send(Ok(piece.to_vec())).await.is_err() {
                break;
            }
        }
    });
    Body::wrap_stream(Pieces(receiver))
}

struct Pieces(tokio::sync::mpsc::Receiver<Result<Vec<u8>, std::io::Error>>);

impl futures_util::Stream for Pieces {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_queries_that_make_no_sense_are_refused() {
    let product = Product::start_unhurried().await;
    let process = product.process();
    let description = Description::of(&product).await;
    let mut faults = Vec::new();
    let queries = [
        "?limit=0",
        "?limit=101",
        "?limit=-1",
        "?limit=99999999999999999999",
        "?limit=ten",
        "?limit=",
        "?after=nobody",
        "?after=%00",
        "?after=%ff%fe",
        "?no_such=1",
        "?limit=1&limit=2",
        "?limit=1%20or%201=1",
    ];
    let operations = description.operations();
    let reads = operations.iter().filter(|operation| operation.method == Method::GET);
    for operation in reads.filter(|operation| !operation.path.contains('{')) {
        // One that takes pages refuses all of these; one that does not may ignore them, but never break.
        for query in queries {
            let path = format!("{}{query}", operation.path);
            let answer = product.api(Method::GET, &path).send().await.expect("an answer");
            if operation.paged && query != "?no_such=1" {
                is_clear_refusal(&path, answer, &mut faults).await;
            } else if answer.status().is_server_error() {
                faults.push(format!("{path}: {}", answer.status()));
            }
        }
    }
    let ids = ["nobody", "%00", "%ff", "..%2f..", "1", "'--", "00000000-0000-0000-0000-00000000000", "%20"];
    for operation in operations.iter().filter(|operation| operation.path.ends_with('}')) {
        for id in ids {
            let start = operation.path.rsplit_once('/').expect("a path").0;
            let path = format!("{}/{id}", start.replace(['{', '}'], ""));
            let answer = product.api(Method::GET, &path).send().await.expect("an answer");
            is_clear_refusal(&path, answer, &mut faults).await;
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    stands(&product, process).await;
}
