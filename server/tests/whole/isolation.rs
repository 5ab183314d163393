//! What one organization has does not exist for another, nor for strangers; and a role does what it may and no more.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::caller::{agreeing, call, options, phone};
use crate::description::{Description, Operation};
use crate::organizations::{Other, key};
use crate::product::{OPEN, Product};
use crate::visitor::{Person, Visitor};
use telephony::softphone::Step;

/// An identifier that nothing has.
const NOBODY: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
/// What the business has nothing of, so that the walk has no address to ask for; the list only shrinks. Sessions are those of a
/// person, and keys have none; support looks at nothing here; no directory is connected.
const NOTHING_TO_ASK_FOR: [&str; 3] =
    ["DELETE /v1/sessions/{id}", "DELETE /v1/support-sessions/{id}", "POST /v1/provisioning/people/{id}/invitation"];
/// Names are each organization's own: under the same name the stranger makes, or takes away, a secret of its own, and whoever has
/// one already finds it as it was.
const BY_NAME: [&str; 2] = ["DELETE /v1/secrets/{name}", "PUT /v1/secrets/{name}"];

/// An answer as somebody sees it who wants to tell two answers apart.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: StatusCode,
    headers: BTreeSet<String>,
    body: String,
}

struct Asker<'a> {
    product: &'a Product,
    description: &'a Description,
    key: &'a str,
}

impl Asker<'_> {
    /// Asks with a body of the right shape whose identifiers are all `id`.
    async fn ask(&self, operation: &Operation, path: &str, id: Uuid) -> Seen {
        let address = format!("{}{path}{}", self.product.facts.base_url, operation.query);
        let mut request = self.product.http.request(operation.method.clone(), address);
        if !self.key.is_empty() {
            request = request.bearer_auth(self.key);
        }
        if let Some(schema) = &operation.body {
            request = request.json(&state_of(operation).unwrap_or_else(|| self.description.sample(schema, id)));
        }
        if operation.multipart {
            request = request
                .header("content-type", "multipart/form-data; boundary=prover")
                .body("--prover\r\ncontent-disposition: form-data; name=\"attested\"\r\n\r\ntrue\r\n--prover\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nSome words.\r\n--prover--\r\n");
        }
        let answer = request.send().await.expect("the product answers");
        let status = answer.status();
        let headers = answer.headers().keys().map(|name| name.as_str().to_owned()).collect();
        Seen { status, headers, body: answer.text().await.expect("a body") }
    }
}

/// A change that makes sense where the shape alone does not say so: every field may be missing, but not all of them.
fn state_of(operation: &Operation) -> Option<Value> {
    let states = [("/v1/bookings/", "cancelled"), ("/v1/leads/", "contacted"), ("/v1/tickets/", "closed")];
    let changes = operation.method == Method::PATCH;
    let found = states.iter().find(|(start, _)| changes && operation.path.starts_with(start))?;
    Some(json!({"state": found.1}))
}

/// Every list of the organization, as its owner sees it.
async fn everything(product: &Product, description: &Description) -> BTreeMap<String, String> {
    let mut lists = BTreeMap::new();
    for operation in description.operations() {
        // The audit log grows by being looked at, and keys remember when they were used.
        let moves = ["/v1/audit", "/v1/keys", "/v1/sessions"].iter().any(|start| operation.path.starts_with(start));
        if operation.method == Method::GET && !operation.path.contains('{') && operation.query.is_empty() && !moves {
            let answer = product.api(Method::GET, &operation.path).send().await.expect("the product answers");
            let (status, text) = (answer.status(), answer.text().await.expect("a body"));
            // Settings that nobody has made yet are not there.
            let nothing = status == StatusCode::NOT_FOUND && operation.path == "/v1/single-sign-on";
            let sound = status.is_success() || status == StatusCode::UNPROCESSABLE_ENTITY || nothing;
            assert!(sound, "{}: {text}", operation.path);
            lists.insert(operation.path.clone(), text);
        }
    }
    lists
}

fn unknown(path: &str) -> String {
    let replaced =
        path.split('/').map(|piece| if piece.starts_with('{') { NOBODY.to_string() } else { piece.to_owned() });
    replaced.collect::<Vec<_>>().join("/")
}

/// Something of every kind: a booking, a lead, a ticket, a recorded call, and what comes with them.
async fn a_business_with_customers(product: &Product) {
    let person =
        Person { name: "Ada Byron", phone: "+441174960001", email: "ada@byron.example", wish: "a crown for my parrot" };
    let phone = phone().await;
    let steps = [agreeing(), vec![Step::Wait(1_500), Step::HangUp]].concat();
    let options = options("Ada Byron", person.phone, steps);
    let chats = async {
        Visitor::open(product, 2).await.leave_wish(&person).await;
        Visitor::open(product, 3).await.report_problem(&person).await;
        Visitor::open(product, 4).await.book(&person).await;
    };
    tokio::join!(call(&phone, &product.facts.sip_uri, &options), chats);
    phone.close().await;
}

/// And what its people set up: an invitation, a secret, access for support, a review, a key that leaked and its alert.
async fn a_business_with_people(product: &Product) {
    let leaked = key(product, None, "manager").await;
    let ends = json!({"permissions": ["recording.listen"], "hours": 1, "reason": "a recording that crackles"});
    for (method, path, body) in [
        (Method::POST, "/v1/invitations", json!({"note": "the new colleague"})),
        (Method::PUT, "/v1/secrets/carrier", json!({"value": "gravel lantern oboe"})),
        (Method::POST, "/v1/support-grants", ends),
        (Method::POST, "/v1/access-reviews", Value::Null),
        (Method::POST, "/v1/leaks", json!({"texts": [leaked], "source": "a public repository"})),
    ] {
        let request = product.api(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_organization_has_looks_like_what_nobody_has() {
    let product = Product::start_unhurried().await;
    a_business_with_customers(&product).await;
    let other = Other::found(&product).await;
    a_business_with_people(&product).await;
    let description = Description::of(&product).await;
    let before = everything(&product, &description).await;
    let stranger = Asker { product: &product, description: &description, key: &other.api_key };
    let owner = Asker { product: &product, description: &description, key: &product.facts.api_key };
    let (mut walked, mut faults, mut without) = (0, Vec::new(), Vec::new());
    for operation in description.operations().iter().filter(|operation| operation.path.contains('{')) {
        let Some(path) = description.concrete(&product, &operation.path).await else {
            without.push(operation.name());
            continue;
        };
        walked += 1;
        let theirs = stranger.ask(operation, &path, NOBODY).await;
        let nobodys = stranger.ask(operation, &unknown(&operation.path), NOBODY).await;
        // What no program may do is refused before anything is looked for.
        let is_shut = theirs.status == StatusCode::FORBIDDEN && theirs.body.contains("problem:people-only");
        let is_own = theirs.status.is_success() && BY_NAME.contains(&operation.name().as_str());
        let is_nothing = (is_shut || theirs.status == StatusCode::NOT_FOUND) && theirs == nobodys;
        if !is_own && !is_nothing {
            faults.push(format!("{}: {theirs:?}, but of nobody {nobodys:?}", operation.name()));
        }
        // The walk would prove nothing with addresses that lead nowhere for their owner, too.
        if operation.method == Method::GET {
            let own = owner.ask(operation, &path, NOBODY).await;
            if own.status != StatusCode::OK {
                faults.push(format!("{}: its owner gets {own:?}", operation.name()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(everything(&product, &description).await, before, "the walk changed something");
    println!("{walked} routes with the identifiers of another organization");
    without.sort();
    assert_eq!(without, NOTHING_TO_ASK_FOR, "routes that this walk does not reach");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_nothing_of_another_organization_and_bodies_cannot_name_it() {
    let product = Product::start_unhurried().await;
    let other = Other::found(&product).await;
    let description = Description::of(&product).await;
    let mut theirs = BTreeSet::new();
    for list in everything(&product, &description).await.values() {
        let list: Value = serde_json::from_str(list).unwrap_or_default();
        let rows = list["data"].as_array().cloned().unwrap_or_default();
        theirs.extend(rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)));
    }
    assert!(theirs.contains(&product.facts.agent_id), "{theirs:?}");
    let stranger = Asker { product: &product, description: &description, key: &other.api_key };
    let agent: Uuid = product.facts.agent_id.parse().expect("an id");
    let mut faults = Vec::new();
    for operation in description.operations().iter().filter(|operation| !operation.path.contains('{')) {
        if operation.method == Method::GET {
            let seen = stranger.ask(operation, &operation.path, NOBODY).await;
            let leaked: Vec<&String> = theirs.iter().filter(|id| seen.body.contains(id.as_str())).collect();
            if !leaked.is_empty() {
                faults.push(format!("{}: {leaked:?}", operation.name()));
            }
        }
        let names_others =
            operation.body.as_ref().is_some_and(|schema| !description.identifier_fields(schema).is_empty());
        if names_others {
            let (named, nobody) = (
                stranger.ask(operation, &operation.path, agent).await,
                stranger.ask(operation, &operation.path, NOBODY).await,
            );
            if named.status.is_success() || named != nobody {
                faults.push(format!("{}: names another's agent: {named:?}, nobody's: {nobody:?}", operation.name()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_401_everywhere_but_where_the_description_says_so() {
    let product = Product::start_unhurried().await;
    let description = Description::of(&product).await;
    let operations = description.operations();
    let open: Vec<String> = operations.iter().filter(|one| !one.secured).map(Operation::name).collect();
    // Adding to this list is a decision: each of these answers people nobody knows.
    assert_eq!(open, ["GET /v1/keys/pattern", "POST /v1/leaks"]);
    let revoked = {
        let key = key(&product, None, "owner").await;
        let keys = product.get("/v1/keys").await;
        let made =
            keys["data"].as_array().expect("keys").iter().find(|one| one["name"] == "prover").expect("the new key");
        let path = format!("/v1/keys/{}", made["id"].as_str().expect("an id"));
        let gone = product.api(Method::DELETE, &path).send().await.expect("the product answers");
        assert!(gone.status().is_success(), "{}", gone.status());
        key
    };
    let altered = {
        let mut text = product.facts.api_key.clone();
        let last = text.pop().expect("a key");
        text.push(if last == 'a' { 'b' } else { 'a' });
        text
    };
    let presented = ["", "rf_live_", &revoked, &altered, &product.facts.embed_token];
    let mut faults = Vec::new();
    for operation in operations.iter().filter(|one| one.secured) {
        let path = unknown(&operation.path);
        for key in presented {
            let asker = Asker { product: &product, description: &description, key };
            let seen = asker.ask(operation, &path, NOBODY).await;
            let problem: Value = serde_json::from_str(&seen.body).unwrap_or_default();
            if seen.status != StatusCode::UNAUTHORIZED || problem["status"] != 401 {
                faults.push(format!("{} with {} characters: {seen:?}", operation.name(), key.len()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_outside_the_api_are_closed_too() {
    let product = Product::start_unhurried().await;
    for path in OPEN {
        let answer = product.http.get(format!("{}{path}", product.facts.base_url)).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
    let closed = [
        "/",
        "/agents",
        "/conversations",
        "/calls",
        "/contacts",
        "/audit",
        "/settings",
        "/settings/keys",
        "/settings/members",
        "/settings/sessions",
        "/live",
        "/inbox",
        "/numbers",
        "/widgets",
        "/metrics",
        "/admin",
        "/demo.json",
        "/root.key",
        "/ringfence.db",
        "/assets/..%2f..%2froot.key",
        "/../root.key",
        "/.git/config",
        "/no-such-page",
        "/v1",
        "/v2/agents",
        "//v1/agents",
        "/v1/agents/",
        "/V1/AGENTS",
    ];
    for path in closed {
        let answer = product.http.get(format!("{}{path}", product.facts.base_url)).send().await.expect("an answer");
        let status = answer.status();
        // 403 is the firewall's: a way out of a folder, on a route that strangers may use.
        assert!(matches!(status.as_u16(), 401 | 403 | 404), "{path}: {status}");
        let known = product.facts.api_key.clone();
        let answer = product.http.get(format!("{}{path}", product.facts.base_url)).bearer_auth(known).send().await;
        assert!(!answer.expect("an answer").status().is_server_error(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_figures_only_and_a_manager_gives_out_no_keys() {
    let product = Product::start_unhurried().await;
    let description = Description::of(&product).await;
    let (viewer, manager) = (key(&product, None, "viewer").await, key(&product, None, "manager").await);
    let viewer = Asker { product: &product, description: &description, key: &viewer };
    let manager = Asker { product: &product, description: &description, key: &manager };
    let mut allowed = BTreeSet::new();
    for operation in description.operations().iter().filter(|one| one.secured) {
        let path = unknown(&operation.path);
        let seen = viewer.ask(operation, &path, NOBODY).await;
        if seen.status != StatusCode::FORBIDDEN {
            allowed.insert(operation.name());
        }
        let for_owners = ["/v1/keys", "/v1/members", "/v1/invitations", "/v1/access-", "/v1/widgets", "/v1/audit"];
        // Leaving is for everybody who works there.
        let is_own = operation.path.starts_with("/v1/membership");
        if !is_own && for_owners.iter().any(|start| operation.path.starts_with(start)) {
            let seen = manager.ask(operation, &path, NOBODY).await;
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "{} as a manager: {seen:?}", operation.name());
        }
    }
    // What is one's own, and the organization's name; nothing that anybody said, nothing that changes the business.
    let own = [
        "GET /v1/account-notices",
        "POST /v1/account-notices/acknowledgement",
        "GET /v1/organization",
        "GET /v1/permissions",
        "GET /v1/sessions",
        "DELETE /v1/sessions/{id}",
        "GET /v1/alerts",
        "GET /v1/alerts/{id}",
        "POST /v1/alerts/{id}/own",
        "POST /v1/alerts/{id}/lock",
        "POST /v1/membership/leave",
    ];
    assert_eq!(allowed, own.into_iter().map(str::to_owned).collect());
}
