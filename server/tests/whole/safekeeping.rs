//! Keys, seals, secrets and damage, from outside: over HTTP and SIP, by the command line beside a serving node, and with a
//! byte flipped on the disk.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use telephony::softphone::Step;

use crate::caller::{self, call, options, phone, pressing};
use crate::organizations::{Other, by_session, command};
use crate::product::{Product, cookie_of, run};
use crate::visitor::Visitor;

const CANARY: &str = "canary-vermilion-47-quartz-heliotrope";
/// A rotation passes over everything once more after a minute.
const ROTATION_LIMIT: Duration = Duration::from_mins(3);
/// A node that refuses its data ends within this time.
const REFUSED_WITHIN: Duration = Duration::from_mins(1);
/// Routes that answer while an organization is sealed: about the caller's own account and session, what is public, and the way
/// out.
const OPEN_WHILE_SEALED: [&str; 7] = [
    "/v1/organization",
    "/v1/account-notices",
    "/v1/sessions",
    "/v1/vault",
    "/v1/alerts",
    "/v1/keys/pattern",
    "/v1/permissions",
];

fn folder(product: &Product) -> String {
    product.folder().to_str().expect("a plain path").to_owned()
}

/// Every address under `/v1` that is read with `GET`, with ids that exist where one is known.
async fn readable(product: &Product) -> Vec<String> {
    let answer = product.http.get(format!("{}/openapi.json", product.facts.base_url)).send().await;
    let document: Value = answer.expect("an answer").json().await.expect("JSON");
    let mut known: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for list in
        ["agents", "calls", "conversations", "recordings", "contacts", "leads", "bookings", "widgets", "numbers"]
    {
        let answer = product.api(Method::GET, &format!("/v1/{list}")).send().await.expect("an answer");
        let Ok(rows) = answer.json::<Value>().await else { continue };
        if let Some(id) = rows["data"][0]["id"].as_str() {
            known.insert(format!("/v1/{list}/{{id}}"), id.to_owned());
        }
    }
    let filled = |path: &str| {
        let id = known.iter().find(|(start, _)| path.starts_with(start.as_str())).map(|(_, id)| id.clone());
        let id = id.unwrap_or_else(|| product.facts.agent_id.clone());
        let piece = |piece: &str| match piece {
            "{name}" => "trunk-password".to_owned(),
            "{agent_id}" => product.facts.agent_id.clone(),
            piece if piece.starts_with('{') => id.clone(),
            piece => piece.to_owned(),
        };
        path.split('/').map(piece).collect::<Vec<_>>().join("/")
    };
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().filter(|(_, item)| item["get"].is_object()).map(|(path, _)| filled(path)).collect()
}

/// A session of the owner by the one-time link that the demo printed.
async fn owner_by_link(product: &Product) -> String {
    let token = product.facts.sign_in_url.split('#').nth(1).expect("a token").trim_start_matches("token=").to_owned();
    let request = product.http.post(format!("{}/sign-in/link", product.facts.base_url)).body(format!("token={token}"));
    let answer = browser(product, request, "").send().await.expect("an answer");
    assert_eq!(answer.status(), 303, "signed in");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text").to_owned();
    cookie.split(';').next().expect("a cookie").to_owned()
}

fn browser(product: &Product, request: reqwest::RequestBuilder, cookie: &str) -> reqwest::RequestBuilder {
    request
        .header("cookie", cookie)
        .header("accept", "text/html")
        .header("origin", &product.facts.base_url)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
}

async fn page(product: &Product, cookie: &str, path: &str) -> (u16, String) {
    let request = product.http.get(format!("{}{path}", product.facts.base_url));
    let answer = browser(product, request, cookie).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// A call that is recorded while the caller sings; gives its recording.
async fn recorded_call(product: &Product) -> Value {
    let phone = phone().await;
    let mut steps = pressing(&["1"]);
    steps.extend([Step::Wait(1_000), Step::Say(caller::tone(1_000.0, 6)), Step::HangUp]);
    call(&phone, &product.facts.sip_uri, &options("Singer", "+441174967731", steps)).await;
    phone.close().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let recordings = product.get("/v1/recordings").await;
        let rows = recordings["data"].as_array().expect("a list").clone();
        let ready = rows.into_iter().find(|row| row["state"] == "ready" && row["milliseconds"].as_i64() > Some(3_000));
        if let Some(recording) = ready {
            return recording;
        }
        assert!(tokio::time::Instant::now() < deadline, "no recording: {recordings}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn link(product: &Product, recording: &str) -> String {
    let made = product.api(Method::POST, &format!("/v1/recordings/{recording}/links")).send().await;
    let link: Value = made.expect("an answer").json().await.expect("JSON");
    format!("{}{}", product.facts.base_url, link["path"].as_str().expect("a path"))
}

async fn scrubbed(product: &Product) -> Value {
    let begun = product.api(Method::POST, "/v1/vault/scrubs").send().await.expect("an answer");
    assert!([202, 409].contains(&begun.status().as_u16()), "{}", begun.status());
    for _ in 0..300 {
        let vault = product.get("/v1/vault").await;
        if vault["scrub"]["state"] == "finished" {
            return vault;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the scrub did not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_recording_is_never_played_and_is_named_by_the_scrub() {
    let product = Product::start_with(&["--no-caller"]).await;
    let id = recorded_call(&product).await["id"].as_str().expect("an id").to_owned();
    let whole = product.recording(&id).await;
    let name = format!("recording-{}", id.replace('-', ""));
    let path: PathBuf = product.folder().join("objects").join(&name);
    let stored = std::fs::read(&path).expect("the object");
    let flip = |at: usize| {
        let mut altered = stored.clone();
        altered[at] ^= 1;
        std::fs::write(&path, altered).expect("written");
    };
    assert_eq!(scrubbed(&product).await["damages"], json!([]), "everything opens at first");

    // In the middle: refused as a whole, and not one byte of sound is sent.
    let middle = stored.len() / 2;
    flip(middle);
    let answer = product.http.get(link(&product, &id).await).send().await.expect("an answer");
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let range = async |from: usize| {
        let request =
            product.http.get(link(&product, &id).await).header("range", format!("bytes={from}-{}", from + 999));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec())
    };
    let (status, problem) = range(middle).await;
    let problem: Value = serde_json::from_slice(&problem).expect("a problem");
    assert!(status == 500 && problem["type"] == "urn:ringfence:problem:damaged", "{problem}");
    assert_eq!(range(100).await, (206, whole[100..1_100].to_vec()), "what was not altered still plays");
    // At the ends: refused as a whole, however short the altered piece is.
    for at in [3, 40, stored.len() - 1] {
        flip(at);
        let answer = product.http.get(link(&product, &id).await).send().await.expect("an answer");
        assert_eq!(answer.status(), 500, "byte {at}");
    }

    flip(middle);
    let vault = scrubbed(&product).await;
    let damage = &vault["damages"][0];
    assert!(damage["place"] == "object" && damage["object_id"] == id.as_str(), "{vault}");
    assert!(damage["found_at"].is_string() && vault["scrub"]["damaged"] == 1, "{vault}");
    let metrics = product.http.get(&product.facts.metrics_url).send().await.expect("an answer").text().await;
    assert!(metrics.expect("text").contains("ringfence_damaged 1"));
    let (code, text) = run(&["doctor", "--data-dir", &folder(&product)]).await;
    assert!(code == Some(1) && text.contains("FAULT  integrity"), "{text}");
    let (code, text) = run(&["vault", "status", "--data-dir", &folder(&product)]).await;
    assert!(code == Some(1) && text.contains(&format!("DAMAGED         object {id}")), "{text}");
    // Mended, as from a backup.
    std::fs::write(&path, &stored).expect("written");
    assert_eq!(scrubbed(&product).await["damages"], json!([]));
    assert_eq!(product.recording(&id).await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_organization_gives_out_nothing_until_its_owner_unseals_it() {
    let product = Product::start_with(&["--no-caller"]).await;
    let other = Other::found(&product).await;
    let visitor = Visitor::open(&product, 7).await;
    visitor.say("Are you open on Monday?").await;
    let owner = owner_by_link(&product).await;
    let (status, _) = page(&product, &owner, "/calls").await;
    assert_eq!(status, 200);
    let readable = readable(&product).await;
    let organization = product.get("/v1/organization").await["id"].as_str().expect("an id").to_owned();
    // From the machine, beside the serving node: it holds there at the very next request.
    let seal = ["vault", "seal", "--organization", &organization, "--data-dir", &folder(&product)];
    let (code, text) = run(&seal).await;
    assert_eq!(code, Some(0), "{text}");
    for path in &readable {
        let answer = product.api(Method::GET, path).send().await.expect("an answer");
        let status = answer.status().as_u16();
        if OPEN_WHILE_SEALED.iter().any(|open| path.starts_with(open)) {
            assert!(status < 500, "{path}: {status}");
            continue;
        }
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(status, 423, "{path}: {problem}");
        assert_eq!(problem["type"], "urn:ringfence:problem:organization-sealed", "{path}");
    }
    assert!(readable.len() > 20, "{readable:?}");
    for path in ["/", "/calls", "/inbox", "/contacts", "/agents", "/settings/members", "/audit"] {
        let (status, text) = page(&product, &owner, path).await;
        assert!(status == 423 && text.contains("/settings/encryption"), "{path}: {status}");
    }
    let (status, told) = visitor.refusal("Anybody there?").await;
    assert!(status == 503 && told["type"] == "urn:ringfence:problem:unavailable", "the widget does not answer: {told}");
    assert!(!told.to_string().contains("seal"), "and says nothing of keys or owners: {told}");
    let phone = phone().await;
    let outcome = phone.place(&product.facts.sip_uri, &options("Caller", "+441174960000", vec![Step::HangUp])).await;
    assert!(!outcome.answered && outcome.end.status.code() == 480, "{:?}", outcome.end);
    phone.close().await;
    let theirs = product.http.get(format!("{}/v1/agents", product.facts.base_url)).bearer_auth(&other.api_key);
    assert_eq!(theirs.send().await.expect("an answer").status(), 200, "the other organization goes on");
    let (_, text) = run(&["vault", "status", "--organization", &organization, "--data-dir", &folder(&product)]).await;
    assert!(text.contains("SEALED since"), "{text}");

    // A program may not unseal, whatever its key; the owner may, on the page that is still open.
    let by_key = product.api(Method::POST, "/v1/vault/unseal").send().await.expect("an answer");
    assert_eq!(by_key.status(), 403);
    let (status, text) = page(&product, &owner, "/settings/encryption").await;
    assert!(status == 200 && text.contains("is sealed since"), "{status}");
    let field = "name=\"form_token\" value=\"";
    let token = text.split(field).nth(1).and_then(|rest| rest.split('"').next()).expect("a token").to_owned();
    let request = product.http.post(format!("{}/settings/encryption/unseal", product.facts.base_url));
    let answer = browser(&product, request.body(format!("form_token={token}")), &owner).send().await;
    assert_eq!(answer.expect("an answer").status(), 303);
    assert_eq!(page(&product, &owner, "/calls").await.0, 200);
    assert!(!visitor.say("Are you open on Monday?").await.text.is_empty(), "the conversation goes on");
    let (_, entries) = page(&product, &owner, "/audit").await;
    for action in ["organization.seal", "organization.unseal"] {
        assert!(entries.contains(action), "{action}: {entries}");
    }
    let is_it = |row: &str| row.contains("call.receive") && row.contains("organization_sealed");
    assert!(entries.split("<tr>").any(is_it), "the call that came meanwhile and why it was refused: {entries}");
}

/// How those are answered who come to the organization without an account: the visitor of an open chat, one who begins a chat, a
/// caller, and whoever has a link to a recording.
async fn strangers(product: &Product, visitor: &Visitor, link: &str) -> [(&'static str, u16); 4] {
    let said = visitor.status_of_saying("Are you open on Monday?").await;
    let begun = Visitor::try_to_open(product, 8, &product.facts.embed_token).await;
    let phone = phone().await;
    let call = phone.place(&product.facts.sip_uri, &options("Caller", "+441174960000", vec![Step::HangUp])).await;
    phone.close().await;
    let played = product.http.get(link).send().await.expect("an answer").status().as_u16();
    [
        ("open chat", said),
        ("new chat", begun.map_or_else(|(status, _)| status, |_| 201)),
        ("call", if call.answered { 200 } else { call.end.status.code() }),
        ("link to a recording", played),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_organization_answers_nobody_on_any_channel_until_it_is_opened_again() {
    const ANSWERED: [(&str, u16); 4] =
        [("open chat", 200), ("new chat", 201), ("call", 200), ("link to a recording", 200)];
    const REFUSED: [(&str, u16); 4] =
        [("open chat", 401), ("new chat", 403), ("call", 404), ("link to a recording", 403)];
    let product = Product::start_with(&["--no-caller"]).await;
    let other = Other::found(&product).await;
    let visitor = Visitor::open(&product, 7).await;
    let recording = recorded_call(&product).await["id"].as_str().expect("an id").to_owned();
    let link = link(&product, &recording).await;
    let owner = owner_by_link(&product).await;
    let organization = product.get("/v1/organization").await["id"].as_str().expect("an id").to_owned();
    let asked = async |key: &str| {
        let request = product.http.get(format!("{}/v1/agents", product.facts.base_url)).bearer_auth(key);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(strangers(&product, &visitor, &link).await, ANSWERED, "before");

    let report = json!({"reason": "A laptop with a key on it was stolen."});
    let locked = product.api(Method::POST, "/v1/incidents").json(&report).send().await.expect("an answer");
    assert_eq!(locked.status(), 201);
    assert_eq!(strangers(&product, &visitor, &link).await, REFUSED, "locked");
    assert_eq!(asked(&product.facts.api_key).await, 401, "a key");
    assert_ne!(page(&product, &owner, "/calls").await.0, 200, "a session");
    assert_eq!(asked(&other.api_key).await, 200, "the other organization goes on");

    let folder = folder(&product);
    let unlock =
        command(&["organization", "unlock", "--organization", &organization, "--data-dir", &folder], b"").await;
    let token = unlock.split_once('#').expect("a token in the fragment").1;
    let form = format!("token={token}&password=violet+engine+ten+birch");
    let opened = product.post_form("/sign-in/unlock", None, &form).await;
    assert_eq!(opened.status(), 303);
    assert_eq!(strangers(&product, &visitor, &link).await, ANSWERED, "opened again");
    assert_eq!(asked(&product.facts.api_key).await, 401, "the key stays revoked");
    let incidents = by_session(&product, &cookie_of(&opened), Method::GET, "/v1/incidents").send().await;
    let incidents: Value = incidents.expect("an answer").json().await.expect("JSON");
    let kept = &incidents["data"][0];
    assert!(kept["reason"] == report["reason"] && kept["closed_at"].is_string(), "{incidents}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_in_and_never_comes_out() {
    let product = Product::start_logging("trace").await;
    let put = |name: &str, value: &str| {
        product.api(Method::PUT, &format!("/v1/secrets/{name}")).json(&json!({ "value": value })).send()
    };
    assert_eq!(put("trunk-password", "before").await.expect("an answer").status(), 201);
    assert_eq!(put("trunk-password", CANARY).await.expect("an answer").status(), 204);
    for (name, value) in [("Bad%20Name", CANARY), (".hidden", CANARY), ("empty", ""), ("long", &"x".repeat(8_193))] {
        let answer = put(name, value).await.expect("an answer");
        assert_eq!(answer.status(), 422, "{name}");
        assert!(!answer.text().await.expect("a body").contains(CANARY));
    }
    assert_eq!(put("longest", &"x".repeat(8_192)).await.expect("an answer").status(), 201);
    let listed = product.get("/v1/secrets").await;
    assert!(listed["data"][1]["name"] == "trunk-password" && listed["data"][1]["set_at"].is_string(), "{listed}");
    // Every address that the API reads, and every page.
    let readable = readable(&product).await;
    assert!(readable.iter().any(|path| path == "/v1/secrets/trunk-password"), "{readable:?}");
    for path in &readable {
        let answer = product.api(Method::GET, path).send().await.expect("an answer");
        assert!(!answer.text().await.expect("a body").contains(CANARY), "GET {path}");
    }
    let owner = owner_by_link(&product).await;
    let (mut waiting, mut seen) = (vec!["/".to_owned()], BTreeSet::new());
    while let Some(path) = waiting.pop() {
        if path.starts_with("//") || path.starts_with("/live") || seen.len() > 100 || !seen.insert(path.clone()) {
            continue;
        }
        let (_, text) = page(&product, &owner, &path).await;
        assert!(!text.contains(CANARY), "page {path}");
        waiting.extend(text.split("href=\"/").skip(1).filter_map(|rest| Some(format!("/{}", rest.split('"').next()?))));
    }
    assert!(seen.contains("/settings/encryption"), "{seen:?}");
    let log = product.log();
    assert!(log.contains("\"serving\"") && !log.contains(CANARY), "{} bytes of log", log.len());
    let (found, _) = {
        let mut search = crate::search::Search::default();
        search.text("secret", CANARY);
        search.folder(product.folder(), &[])
    };
    assert!(found.is_empty(), "{found:?}");
    let gone = product.api(Method::DELETE, "/v1/secrets/trunk-password").send().await.expect("an answer");
    let again = product.api(Method::DELETE, "/v1/secrets/trunk-password").send().await.expect("an answer");
    assert!(gone.status() == 204 && again.status() == 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_turn_while_the_product_serves() {
    let product = Product::start_with(&["--no-caller"]).await;
    let visitor = Visitor::open(&product, 9).await;
    visitor.say("How much is a cleaning?").await;
    let id = recorded_call(&product).await["id"].as_str().expect("an id").to_owned();
    let before = product.recording(&id).await;
    let folder = folder(&product);
    let key_before = std::fs::read(product.folder().join("root.key")).expect("the root key");
    let (code, text) = run(&["vault", "rotate", "--level", "root", "--data-dir", &folder]).await;
    assert!(code == Some(0) && text.contains("fingerprint"), "{text}");
    assert_ne!(std::fs::read(product.folder().join("root.key")).expect("the root key"), key_before);
    let levels = ["organization", "person", "installation"].map(|level| {
        let folder = folder.clone();
        async move { run(&["vault", "rotate", "--level", level, "--data-dir", &folder]).await }
    });
    let [organization, person, installation] = levels;
    let rotations = async { tokio::join!(organization, person, installation) };
    // The node serves meanwhile, and writes with the new keys.
    let talking = async {
        for turn in 0..20 {
            let said = visitor.say(&format!("And how much is a filling, number {turn}?")).await;
            assert!(!said.text.is_empty());
            product.get("/v1/contacts").await;
            tokio::time::sleep(Duration::from_millis(2_500)).await;
        }
    };
    let (rotated, ()) = tokio::join!(tokio::time::timeout(ROTATION_LIMIT, rotations), talking);
    let (organization, person, installation) = rotated.expect("they come to their end");
    for (code, text) in [organization, person, installation] {
        assert!(code == Some(0) && text.contains("The older key has ended"), "{text}");
    }
    assert_eq!(product.recording(&id).await, before);
    assert_eq!(scrubbed(&product).await["damages"], json!([]));
    let vault = product.get("/v1/vault").await;
    assert!(vault["rotation"]["old_keys_ended"] == true && vault["person_rotation"]["percent"] == 100, "{vault}");
    // Everything opens in a fresh process, too.
    let (folder, _scratch) = product.end_orderly().await;
    let again = Product::start_in(&folder, &["--no-caller"]).await;
    assert_eq!(again.recording(&id).await, before);
    assert!(again.get("/v1/conversations").await["data"].as_array().is_some_and(|rows| !rows.is_empty()));
    let (code, text) = run(&["audit", "verify", "--data-dir", folder.to_str().expect("a plain path")]).await;
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_demo_and_development_data_are_never_mixed_up() {
    let scratch = tempfile::tempdir().expect("a folder");
    let settings = scratch.path().join("settings.toml");
    std::fs::write(&settings, "admin = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nsip = \"127.0.0.1:0\"\n")
        .expect("written");
    let settings = settings.to_str().expect("a plain path").to_owned();
    let start = async |words: &[&str], folder: &str, limit: Duration| {
        let folder = scratch.path().join(folder).to_str().expect("a plain path").to_owned();
        let words = [words, &["--data-dir", &folder]].concat();
        tokio::time::timeout(limit, run(&words)).await.ok()
    };
    let live: &[&str] = &["serve", "--settings", &settings];
    let dev: &[&str] = &["serve", "--dev", "--settings", &settings];
    let demo: &[&str] = &["demo", "--no-caller", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"];
    let kinds = [(live, "production"), (dev, "development"), (demo, "demo")];
    for (words, kind) in kinds {
        let served = start(words, kind, Duration::from_secs(10)).await;
        assert!(served.is_none(), "it serves until it is stopped: {kind}: {served:?}");
    }
    for (words, wanted) in kinds {
        for (_, stored) in kinds.into_iter().filter(|(_, stored)| *stored != wanted) {
            let (code, text) = start(words, stored, REFUSED_WITHIN).await.expect("it ends by itself");
            assert!(code == Some(2) && text.contains(&format!("this is {stored} data")), "{wanted}: {text}");
        }
    }
    // A developer's root key does not make live data either.
    std::fs::create_dir(scratch.path().join("mixed")).expect("made");
    std::fs::copy(scratch.path().join("development/root.key"), scratch.path().join("mixed/root.key")).expect("copied");
    let (code, text) = start(live, "mixed", REFUSED_WITHIN).await.expect("it ends by itself");
    assert!(code == Some(2) && text.contains("made for development data"), "{text}");
    let (_, text) = run(&["doctor", "--data-dir", scratch.path().join("development").to_str().expect("plain")]).await;
    assert!(text.contains("development data"), "{text}");
}
