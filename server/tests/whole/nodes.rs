//! Two nodes, two processes, one PostgreSQL: each leaves the other's calls alone, limits hold over both, and what a node that was
//! killed left open is closed.

use std::path::Path;
use std::time::Duration;

use telephony::softphone::Step;
use tokio::time::Instant;

use crate::caller::{options, phone};
use crate::product::Product;

/// How long one node may take to hear of another, or of its end by its data folder.
const LIMIT: Duration = Duration::from_secs(15);
/// Attempts at one account within ten minutes, as the settings below have it.
const ATTEMPTS: usize = 6;
const SETTINGS: &str = "[limits]\nread_per_minute = 3000\nsign_in_per_ten_minutes = 6\n";

/// The other node's folder: the same root key and the same facts, nothing else.
fn join(first: &Path, second: &Path) {
    std::fs::create_dir_all(second).expect("tests can write to the temporary folder");
    for name in ["root.key", "demo.json"] {
        std::fs::copy(first.join(name), second.join(name)).expect("copied");
    }
}

/// What a node says about a call.
async fn state(product: &Product, id: &str) -> (String, String) {
    let call = product.get(&format!("/v1/calls/{id}")).await;
    let word = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
    (word("state"), word("end_reason"))
}

async fn becomes(product: &Product, id: &str, wanted: (&str, &str)) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let (state, reason) = state(product, id).await;
        if (state.as_str(), reason.as_str()) == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{wanted:?} was awaited, it is {state} {reason}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// A call at a node that nobody ends; gives its identifier.
async fn hold_a_call(product: &Product, number: &str) -> (String, tokio::task::JoinHandle<()>) {
    let (phone, address) = (phone().await, product.facts.sip_uri.clone());
    let wanted = options("Patient", number, vec![Step::Wait(60_000), Step::HangUp]);
    let calling = tokio::spawn(async move { drop(phone.place(&address, &wanted).await) });
    let deadline = Instant::now() + LIMIT;
    loop {
        let page = product.get("/v1/calls?limit=5").await;
        let live = page["data"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|call| call["state"] == "live" && call["from"].as_str() == Some(number));
        if let Some(call) = live {
            return (call["id"].as_str().expect("an id").to_owned(), calling);
        }
        assert!(Instant::now() < deadline, "no call is held: {page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Tries a wrong password at an account from an address of its own; gives the status.
async fn guess(product: &Product, host: u8, email: &str) -> u16 {
    let from = std::net::Ipv4Addr::new(127, 0, 7, host);
    let client = reqwest::Client::builder().no_proxy().local_address(Some(from.into()));
    let client = client.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let request = client.post(format!("{}/sign-in", product.facts.base_url));
    let request = request.header("origin", &product.facts.base_url).header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(format!("email={email}&password=wrong+horse+{host}")).send().await.expect("an answer");
    answer.status().as_u16()
}

/// The rate of reading that a node grants one key.
async fn granted(product: &Product) -> String {
    let answer = product.api(reqwest::Method::GET, "/v1/agents").send().await.expect("an answer");
    answer.headers()["ratelimit-policy"].to_str().expect("text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_one_database_leave_each_other_s_calls_alone_and_share_what_is_limited() {
    let Some(test) = storage::testing::postgres(storage::Schema::new()).await else { return };
    let storage::DatabaseConfig::Postgres { url, .. } = test.config().clone() else {
        panic!("PostgreSQL was asked for")
    };
    test.database.close().await;
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let settings = scratch.path().join("settings.toml");
    std::fs::write(&settings, SETTINGS).expect("written");
    let settings = settings.display().to_string();
    let arguments = ["--no-caller", "--database-url", &url, "--settings", &settings];
    let (here, there) = (scratch.path().join("one"), scratch.path().join("two"));
    let first = Product::start_in(&here, &arguments).await;
    assert_eq!(granted(&first).await, "\"default\";q=3000;w=60", "alone it grants all");
    let (call, calling) = hold_a_call(&first, "+441174960001").await;
    join(&here, &there);
    let second = Product::start_in(&there, &arguments).await;
    assert_eq!(state(&second, &call).await.0, "live", "a node that starts leaves the others' calls alone");
    let (other, other_calling) = hold_a_call(&second, "+441174960002").await;
    limits_hold_over_both(&first, &second).await;
    assert_eq!(state(&first, &call).await.0, "live");
    // The first node is killed and starts again: it closes its own call at once, and not the one that goes on beside it.
    let (folder, _) = first.cut_power().await;
    assert_eq!(state(&second, &call).await.0, "live", "its lease still holds");
    let first = Product::start_in(&folder, &arguments).await;
    becomes(&second, &call, ("ended", "shutdown")).await;
    assert_eq!(state(&first, &other).await.0, "live");
    calling.abort();
    other_calling.abort();
    becomes(&first, &other, ("ended", "hung_up")).await;
}

async fn limits_hold_over_both(first: &Product, second: &Product) {
    let deadline = Instant::now() + LIMIT;
    while granted(first).await != "\"default\";q=1500;w=60" {
        assert!(Instant::now() < deadline, "the first node has not heard of the second");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(granted(second).await, "\"default\";q=1500;w=60", "each grants its half");
    let nodes = [first, second];
    let mut refused = Vec::new();
    for attempt in 0..ATTEMPTS + 2 {
        let status = guess(nodes[attempt % 2], attempt as u8 + 1, &first.facts.owner_email.replace('@', "%40")).await;
        refused.push(status == 429);
    }
    let wanted: Vec<bool> = (0..ATTEMPTS + 2).map(|attempt| attempt >= ATTEMPTS).collect();
    assert_eq!(refused, wanted, "six attempts at both together, whichever node they are made at");
}
