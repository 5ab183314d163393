//! The product behind the OWASP Core Rule Set as its operator starts it: people and programs go about their work, an attack is
//! refused by one of its rules.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::product::{cookie_of, run};
use crate::secured::{OWNER_EMAIL, OWNER_PASSWORD, Secured};

const HERE: [u8; 4] = [127, 0, 0, 1];

/// The rule set; none where it is not there, which is said.
fn rule_set() -> Option<PathBuf> {
    let shared = std::env::var_os("RINGFENCE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let folder = shared.join("crs");
    if !folder.join("rules").is_dir() {
        println!("not measured: work behind the Core Rule Set: the rule set is not there");
        return None;
    }
    Some(folder)
}

/// The numbers of the rules that the log names for refused requests.
fn rules_that_refused(log: &str) -> Vec<u32> {
    let lines = log.lines().filter(|line| line.contains("the firewall took a request for an attack"));
    let numbers = lines.flat_map(|line| {
        let rules = line.split_once("\"rules\":").map_or("", |(_, rest)| rest.split(']').next().unwrap_or_default());
        rules
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect::<Vec<_>>()
    });
    numbers.collect()
}

/// A page, and how it was answered.
async fn page(node: &Secured, http: &reqwest::Client, cookie: &str, path: &str) -> (u16, String) {
    let asked = http.get(node.url(path)).header("cookie", format!("__Host-ringfence_session={cookie}"));
    let answer = asked.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a page"))
}

/// Sets an authenticator app up, as every owner must; gives the cookie of the session that goes on.
async fn with_an_app(node: &Secured, http: &reqwest::Client, cookie: &str) -> String {
    let begun = node.post_form(http, "/second-factors/app", Some(cookie), String::new()).await;
    assert_eq!(begun.status(), 303, "{}", node.log());
    let (_, shown) = page(node, http, cookie, "/second-factors/app").await;
    let key = shown.split("id=\"app-key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
    let secret = sign_in::totp::SharedSecret::parse(key).expect("a secret as people type it");
    let code = secret.code_at(storage::Clock::now(&storage::SystemClock));
    let added = node.post_form(http, "/second-factors/app/confirmation", Some(cookie), format!("code={code}")).await;
    assert_eq!(added.status(), 200, "the app counts: {}", node.log());
    cookie_of(&added)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_programs_work_behind_the_core_rule_set_and_an_attack_is_refused_by_it() {
    let Some(folder) = rule_set() else { return };
    let node = Secured::start_as(&["--crs-dir", folder.to_str().expect("a plain path")], "").await;
    let http = node.client(HERE);
    assert_eq!(node.found(&http).await.status(), 303, "{}", node.log());
    let form = format!("email={OWNER_EMAIL}&password={OWNER_PASSWORD}");
    let signed_in = node.post_form(&http, "/sign-in", None, form).await;
    assert_eq!(signed_in.status(), 303, "{}", node.log());
    let cookie = with_an_app(&node, &http, &cookie_of(&signed_in)).await;
    for path in ["/contacts", "/settings/members", "/settings/keys"] {
        assert_eq!(page(&node, &http, &cookie, path).await.0, 200, "{path}: {}", node.log());
    }
    let settings = node.folder().join("settings.toml").display().to_string();
    let (code, key) = run(&["key", "create", "--name", "desk", "--settings", &settings]).await;
    let key =
        key.lines().find(|line| line.starts_with("rf_live_")).unwrap_or_else(|| panic!("{code:?}: {key}")).to_owned();
    let ask = async |path: &str| {
        let answer = http.get(node.url(path)).bearer_auth(&key).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let contact =
        json!({ "name": "Zoë O'Brien & Sons", "phone": "+44 20 7946 0018", "email": "zoe.obrien@harbour.example" });
    let made = http.post(node.url("/v1/contacts")).bearer_auth(&key).json(&contact).send().await.expect("an answer");
    assert_eq!(made.status(), 201, "{}", node.log());
    let (status, listed) = ask("/v1/contacts?limit=10").await;
    assert_eq!((status, &listed["data"][0]["name"]), (200, &contact["name"]), "{listed}");
    assert_eq!(rules_that_refused(&node.log()), [] as [u32; 0], "nothing of this was taken for an attack");

    let (status, problem) = ask("/v1/contacts?after=../../../../etc/passwd").await;
    assert_eq!(status, 403, "{problem}");
    let rules = rules_that_refused(&node.log());
    assert!(
        rules.iter().any(|rule| (930_000..931_000).contains(rule)),
        "a rule of the set on paths: {rules:?}\n{}",
        node.log()
    );
}
