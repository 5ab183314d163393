//! Against a server on this machine that speaks the engine's documented wire format, faults included.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use storage::{SystemEntropy, testing::TestDatabase};
use vault::{KeyService as _, KeySource, Secret, Vault};

use super::*;

const TOKEN: &str = "hvs.a-token-made-up-for-this-test";

/// What the server does with the next question.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Status(u16, &'static str),
    Slow,
    Garbage,
    Endless,
    OtherKey,
    Redirect,
}

/// A transit engine with one key, `ringfence`, in the namespace `team`.
#[derive(Clone, Default)]
struct Engine {
    faults: Arc<Mutex<VecDeque<Fault>>>,
    asked: Arc<Mutex<Vec<String>>>,
    version: Arc<Mutex<u8>>,
    /// The one token that it takes at the moment.
    token: Arc<Mutex<String>>,
}

impl Engine {
    async fn start() -> (Self, String) {
        let engine = Self::default();
        *engine.version.lock().expect("fresh") = 1;
        TOKEN.clone_into(&mut engine.token.lock().expect("fresh"));
        let router = axum::Router::new()
            .route("/v1/secrets/transit/{verb}/{key}", axum::routing::post(answer))
            .with_state(engine.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        tokio::spawn(async move { axum::serve(listener, router).await });
        (engine, format!("http://{address}"))
    }

    fn next(&self, faults: &[Fault]) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn errors(status: u16, said: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, axum::Json(json!({ "errors": [said] }))).into_response()
}

async fn answer(
    State(engine): State<Engine>,
    Path((verb, key)): Path<(String, String)>,
    headers: HeaderMap,
    axum::Json(question): axum::Json<Value>,
) -> Response {
    engine.asked.lock().expect("no panic").push(verb.clone());
    let token = engine.token.lock().expect("no panic").clone();
    if headers.get("x-vault-token").is_none_or(|shown| shown.as_bytes() != token.as_bytes()) {
        return errors(403, "permission denied");
    }
    if key != "ringfence" || headers.get("x-vault-namespace").is_none_or(|namespace| namespace != "team") {
        return errors(404, "no handler for route");
    }
    let fault = engine.faults.lock().expect("no panic").pop_front();
    match fault {
        Some(Fault::Status(status, said)) => return errors(status, said),
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_secs(30)).await,
        Some(Fault::Garbage) => return "<html>a proxy's page</html>".into_response(),
        Some(Fault::Endless) => return "x".repeat(1 << 20).into_response(),
        Some(Fault::OtherKey) => {
            return axum::Json(json!({ "data": { "plaintext": STANDARD.encode([9; 32]) } })).into_response();
        }
        Some(Fault::Redirect) => {
            return (StatusCode::TEMPORARY_REDIRECT, [("location", "http://127.0.0.1:9/")]).into_response();
        }
        None => {}
    }
    let version = *engine.version.lock().expect("no panic");
    let turned = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let opened = |text: &str| {
        let (_, rest) = text.strip_prefix("vault:v")?.split_once(':')?;
        Some(turned(&STANDARD.decode(rest).ok()?))
    };
    let ciphertext = question["ciphertext"].as_str().unwrap_or_default();
    let data = match verb.as_str() {
        "encrypt" => {
            let plain = STANDARD.decode(question["plaintext"].as_str().unwrap_or_default()).unwrap_or_default();
            json!({ "ciphertext": format!("vault:v{version}:{}", STANDARD.encode(turned(&plain))), "key_version": version })
        }
        "decrypt" => match opened(ciphertext) {
            Some(plain) => json!({ "plaintext": STANDARD.encode(plain) }),
            None => return errors(400, "invalid ciphertext: no prefix"),
        },
        "rewrap" => match opened(ciphertext) {
            Some(plain) => json!({ "ciphertext": format!("vault:v{version}:{}", STANDARD.encode(turned(&plain))) }),
            None => return errors(400, "invalid ciphertext: no prefix"),
        },
        _ => return errors(404, "unsupported path"),
    };
    axum::Json(json!({ "request_id": "ab00ba0f", "lease_id": "", "renewable": false, "data": data })).into_response()
}

fn settings(address: &str, folder: &std::path::Path) -> TransitSettings {
    let token = folder.join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).expect("written");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).expect("ours");
    TransitSettings {
        address: address.to_owned(),
        key: "ringfence".to_owned(),
        mount: "secrets/transit".to_owned(),
        namespace: Some("team/".to_owned()),
        token_file: Some(token),
        token_variable: None,
        ca_file: None,
        file: "root.key.wrapped".into(),
    }
}

async fn database() -> TestDatabase {
    let schema = storage::Schema { tables: vault::TABLES.to_vec(), statements: vault::STATEMENTS.to_vec() };
    storage::testing::sqlite(schema).await
}

fn source(transit: &Transit, test: &TestDatabase) -> KeySource {
    KeySource::Service { file: test.folder().join("root.key.wrapped"), service: Arc::new(transit.clone()) }
}

#[tokio::test]
async fn the_root_key_is_stored_wrapped_and_turned_and_only_the_engine_opens_it() {
    let (engine, address) = Engine::start().await;
    let test = database().await;
    let transit = Transit::new(settings(&address, test.folder())).expect("a client");
    let open = || Vault::open(source(&transit, &test), &test.database, Arc::new(SystemEntropy));
    open().await.expect("made at the first start");
    assert_eq!(engine.asked(), ["encrypt"]);
    let file = test.folder().join("root.key.wrapped");
    let text = std::fs::read_to_string(&file).expect("there");
    assert!(text.starts_with("vault:v1:") && text.len() < 100, "{text}");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    open().await.expect("opened at the second");
    assert_eq!(engine.asked(), ["decrypt"]);
    // The engine's own key turns: the file is wrapped anew and still opens.
    *engine.version.lock().expect("no panic") = 2;
    Vault::rewrap_root_key(&source(&transit, &test)).await.expect("wrapped anew");
    assert!(std::fs::read_to_string(&file).expect("there").starts_with("vault:v2:"));
    open().await.expect("opens");
    // A new root key.
    Vault::rotate_root_key(&test.database, &source(&transit, &test), &SystemEntropy).await.expect("rotated");
    assert_ne!(std::fs::read_to_string(&file).expect("there").trim(), text.trim());
    open().await.expect("opens with the new one");
    engine.next(&[Fault::OtherKey]);
    let wrong = open().await.expect_err("another key").to_string();
    assert!(wrong.contains("fingerprint") && wrong.contains(&address), "{wrong}");
}

#[tokio::test]
async fn every_fault_is_named_with_what_to_do_and_without_the_token() {
    let (engine, address) = Engine::start().await;
    let test = database().await;
    let transit = Transit::new(settings(&address, test.folder())).expect("a client");
    for (faults, part, asks) in [
        (&[Fault::Status(403, "permission denied")][..], "refuses the token", 1),
        (&[Fault::Status(400, "cipher: message authentication failed")], "another key wrapped it", 1),
        (&[Fault::Status(503, "Vault is sealed"); 3], "unseal it", 3),
        (&[Fault::Status(500, "internal error"); 3], "internal error", 3),
        (&[Fault::Garbage], "not understood", 1),
        (&[Fault::Endless], "more than a key could need", 1),
        (&[Fault::Redirect], "status 307", 1),
    ] {
        engine.next(faults);
        let reason = transit.unwrap("vault:v1:AAAA").await.expect_err(part);
        assert!(reason.contains(part) && !reason.contains("hvs."), "{faults:?}: {reason}");
        assert_eq!(engine.asked().len(), asks, "{faults:?}");
    }
    assert!(!format!("{transit:?}").contains("hvs."));
    // A fault that passes is outwaited.
    engine.next(&[Fault::Status(503, "Vault is sealed"), Fault::Status(429, "slow down")]);
    let key = Secret::from_slice(&[7; 32]).expect("32 bytes");
    let wrapped = transit.wrap(&key).await.expect("the third try");
    assert_eq!(*transit.unwrap(&wrapped).await.expect("opened"), [7; 32]);
    assert!(transit.unwrap("nonsense").await.expect_err("no prefix").contains("invalid ciphertext"));
}

#[tokio::test]
async fn a_slow_or_missing_server_is_not_waited_for_for_ever() {
    let (engine, address) = Engine::start().await;
    let test = database().await;
    let transit = Transit::new(settings(&address, test.folder())).expect("a client");
    engine.next(&[Fault::Slow; 3]);
    let slow = tokio::time::timeout(Duration::from_secs(20), transit.unwrap("vault:v1:AAAA")).await;
    assert!(slow.expect("it gives up").expect_err("slow").contains("within 5 seconds"));
    let nobody = Transit::new(settings("http://127.0.0.1:9", test.folder())).expect("a client");
    assert!(nobody.unwrap("vault:v1:AAAA").await.expect_err("nobody").contains("cannot be reached"));
}

/// ASVS 13.2.1: who talks to the key service is known by a token that an agent beside us may change every few minutes.
#[tokio::test]
async fn the_key_service_is_asked_with_the_token_of_the_moment_and_with_no_other() {
    let (engine, address) = Engine::start().await;
    let test = database().await;
    let settings = settings(&address, test.folder());
    let transit = Transit::new(settings.clone()).expect("a client");
    let key = Secret::from_slice(&[7; 32]).expect("32 bytes");
    let wrapped = transit.wrap(&key).await.expect("wrapped");
    "hvs.the-next-token".clone_into(&mut engine.token.lock().expect("no panic"));
    let refused = transit.unwrap(&wrapped).await.expect_err("the old token is over");
    assert!(refused.contains("refuses the token") && !refused.contains("hvs."), "{refused}");
    std::fs::write(settings.token_file.expect("a file"), "hvs.the-next-token\n").expect("renewed");
    assert_eq!(*transit.unwrap(&wrapped).await.expect("opened, without a new start"), [7; 32]);
}

#[tokio::test]
async fn a_token_that_others_can_read_is_not_used() {
    let (engine, address) = Engine::start().await;
    let test = database().await;
    let settings = settings(&address, test.folder());
    let transit = Transit::new(settings.clone()).expect("a client");
    let token = settings.token_file.expect("a file");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o640)).expect("ours");
    assert!(transit.unwrap("vault:v1:AAAA").await.expect_err("open").contains("chmod 600"));
    std::fs::remove_file(&token).expect("removed");
    assert!(transit.unwrap("vault:v1:AAAA").await.expect_err("gone").contains("cannot be read"));
    assert_eq!(engine.asked(), Vec::<String>::new(), "nothing was sent");
}

#[test]
fn settings_that_would_send_the_token_in_clear_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = settings("https://bao.example:8200", folder.path());
    assert_eq!(good.fault(), None);
    for address in ["http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200"] {
        assert_eq!(TransitSettings { address: address.to_owned(), ..good.clone() }.fault(), None, "{address}");
    }
    for address in ["http://bao.example:8200", "bao.example", "", "http://127.0.0.1.example", "ftp://127.0.0.1"] {
        assert!(TransitSettings { address: address.to_owned(), ..good.clone() }.fault().is_some(), "{address}");
    }
    for key in ["", "a/b", "..", "a b", "a?b"] {
        assert!(TransitSettings { key: key.to_owned(), ..good.clone() }.fault().is_some(), "{key}");
    }
    let both = TransitSettings { token_variable: Some("BAO_TOKEN".to_owned()), ..good.clone() };
    let neither = TransitSettings { token_file: None, ..good };
    assert!(both.fault().is_some() && neither.fault().is_some());
}
