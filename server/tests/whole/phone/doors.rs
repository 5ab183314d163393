//! Calls that are not taken, and what the log tells of them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::{address, calls, host, text};
use crate::product::{Product, run};

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_nobody_can_take_are_refused_with_a_reason() {
    let product = Product::start_with(&["--no-caller"]).await;
    wrong_numbers_leave_no_row(&product).await;
    an_agent_that_was_never_published_does_not_answer(&product).await;
    numbers_are_connected_to_own_agents_only(&product).await;
    a_flood_is_told_to_come_back(&product).await;
}

/// Calls `user` and gives what the phone tells of a call that was not answered.
async fn refused(product: &Product, user: &str) -> Value {
    let (code, told) = run(&["call", &address(product, user), "--json"]).await;
    assert_eq!(code, Some(1), "{told}");
    let told: Value =
        serde_json::from_str(told.lines().find(|line| line.starts_with('{')).expect("JSON")).expect("JSON");
    assert_eq!(told["answered"], false);
    told
}

async fn wrong_numbers_leave_no_row(product: &Product) {
    for user in ["nobody", "+441174960000"] {
        let told = refused(product, user).await;
        assert_eq!(told["status"], 404, "{user}: {told}");
    }
    assert!(calls(product).await.is_empty());
}

async fn an_agent_that_was_never_published_does_not_answer(product: &Product) {
    let sample = product.get(&format!("/v1/agents/{}", product.facts.agent_id)).await;
    let agent = post(product, "/v1/agents", &json!({ "profile": sample["draft"] })).await;
    assert_eq!(agent.0, 201, "{}", agent.1);
    let connected = json!({ "called": "unfinished", "agent_id": agent.1["id"] });
    assert_eq!(post(product, "/v1/numbers", &connected).await.0, 409);
    assert_eq!(refused(product, "unfinished").await["status"], 404);
    assert!(calls(product).await.is_empty());
}

async fn numbers_are_connected_to_own_agents_only(product: &Product) {
    let unknown = json!({ "called": "unknown", "agent_id": "01a202a2-409b-7c35-b259-4e80b900d470" });
    assert_eq!(post(product, "/v1/numbers", &unknown).await.0, 404);
    let taken = json!({ "called": "practice", "agent_id": product.facts.agent_id });
    assert_eq!(post(product, "/v1/numbers", &taken).await.0, 409);
    let wrong = json!({ "called": "no such thing", "agent_id": product.facts.agent_id });
    assert_eq!(post(product, "/v1/numbers", &wrong).await.0, 422);
}

/// More new calls from one address than it is allowed: 503 with a time to come back, and no rows.
async fn a_flood_is_told_to_come_back(product: &Product) {
    let rows = calls(product).await.len();
    let socket = UdpSocket::bind("127.0.0.9:0").await.expect("a port");
    let here = socket.local_addr().expect("bound").to_string();
    for number in 0..140 {
        let message = invite(&address(product, "nobody"), &here, &format!("flood-{number}"), "UDP", "");
        socket.send_to(message.as_bytes(), host(product)).await.expect("sent");
    }
    let (mut shed, mut unknown, mut buffer) = (0, 0, vec![0_u8; 65_536]);
    let patience = Duration::from_secs(3);
    while let Ok(received) = tokio::time::timeout(patience, socket.recv_from(&mut buffer)).await {
        let answer = String::from_utf8_lossy(&buffer[..received.expect("received").0]).into_owned();
        shed += usize::from(answer.starts_with("SIP/2.0 503") && answer.contains("Retry-After: "));
        unknown += usize::from(answer.starts_with("SIP/2.0 404"));
        if shed >= 20 && unknown >= 90 {
            break;
        }
    }
    assert!(shed >= 20 && unknown >= 90, "{shed} were told to come back, {unknown} that nobody is there");
    assert_eq!(calls(product).await.len(), rows);
}

fn invite(uri: &str, here: &str, id: &str, transport: &str, more: &str) -> String {
    format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {here};branch=z9hG4bK{id}\r\nMax-Forwards: 70\r\n\
         From: \"Canary Name\" <sip:+4915550001234@127.0.0.1>;tag={id}\r\nTo: <{uri}>\r\nCall-ID: {id}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:canary@{here}>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

async fn post(product: &Product, path: &str, body: &Value) -> (u16, Value) {
    let answer = product.api(reqwest::Method::POST, path).json(body).send().await.expect("an answer");
    let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loudest_log_holds_no_number_no_name_and_no_credentials() {
    let product = Product::start_logging("trace").await;
    let secret = "Authorization: Digest username=\"canary-user\", realm=\"x\", nonce=\"canary-nonce\", uri=\"sip:x\", \
                  response=\"0123canary4567\"\r\nProxy-Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==\r\n";
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let here = socket.local_addr().expect("bound").to_string();
    let mut answer = vec![0_u8; 65_536];
    for user in ["nobody", "practice"] {
        let message = invite(&address(&product, user), &here, &format!("log-{user}"), "UDP", secret);
        socket.send_to(message.as_bytes(), host(&product)).await.expect("sent");
        let length = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut answer)).await.expect("an answer");
        assert!(answer.starts_with(b"SIP/2.0 "), "{length:?}");
        let mut stream = TcpStream::connect(host(&product)).await.expect("connected");
        let message = invite(&address(&product, user), &here, &format!("log-tcp-{user}"), "TCP", secret);
        stream.write_all(message.as_bytes()).await.expect("written");
        let _ = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut answer)).await;
    }
    let (code, told) =
        run(&["call", &product.facts.sip_uri, "--from", "+4915550005678", "--seconds", "2", "--json"]).await;
    assert_eq!(code, Some(0), "{told}");
    let numbers = product.get("/v1/calls").await;
    assert!(text(&numbers["data"][0]["to"]) == "practice", "{numbers}");
    let log = product.log();
    assert!(log.len() > 10_000, "it is loud: {} bytes", log.len());
    let key = product.facts.api_key.as_str();
    for private in
        ["canary", "Canary", "Y2FuYXJ5", "4915550001234", "4915550005678", key, &product.facts.owner_password]
    {
        let found = log.lines().find(|line| line.contains(private));
        assert!(found.is_none(), "the log holds {private}: {}", found.unwrap_or_default());
    }
}
