//! sqlmap on every request with parameters: the API by key and the dashboard's forms by session, on both databases, with the
//! firewall off, so that it is the code that holds and not the guard in front of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::people::{Credential, Firewall, ROLES, Target};
use super::program::{Program, report, short_or_long};
use super::requests::{Attempt, of_the_api, of_the_pages};
use super::weak;

const VARIABLE: &str = "RINGFENCE_SQLMAP";

/// What sqlmap said.
struct Verdict {
    findings: Vec<String>,
    /// Parameters that it tried.
    tried: usize,
    printed: String,
}

/// Runs it over these requests. `database` narrows the payloads to one engine.
async fn judge(program: &Program, name: &str, requests: &str, database: &str) -> Verdict {
    let (list, written) = (program.file(&format!("{name}.txt")), program.file(&format!("{name}.json")));
    std::fs::write(&list, requests).expect("written");
    let (level, risk) = short_or_long(("1", "1"), ("3", "2"));
    let mut arguments: Vec<String> = [
        "--batch",
        "--disable-coloring",
        // The answers to bad requests are 4xx by design; the tests go on behind them.
        "--ignore-code=*",
        "--skip-waf",
        "--drop-set-cookie",
        "--flush-session",
        "--answers=skip further tests involving it=N",
        "--timeout=10",
        "--level",
        level,
        "--risk",
        risk,
        "--dbms",
        database,
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("--output-dir={}", program.file(&format!("{name}-output")).display()));
    arguments.push(format!("--report-json={}", written.display()));
    arguments.extend(["-l".to_owned(), list.display().to_string()]);
    let printed = program.run(&arguments, short_or_long(Duration::from_mins(2), Duration::from_hours(1))).await;
    let tried = printed.matches("testing for SQL injection on").count();
    Verdict { findings: findings(&report(&written, &printed)), tried, printed }
}

/// Each place with the way that was found into it, and the payload.
fn findings(report: &Value) -> Vec<String> {
    let data = report["data"].as_array().unwrap_or_else(|| panic!("not a report: {report}"));
    let techniques = data.iter().filter(|entry| entry["type_name"] == "TECHNIQUES");
    let places = techniques.flat_map(|entry| entry["value"].as_array().into_iter().flatten());
    let told = places.flat_map(|place| {
        let ways = place["data"].as_array().into_iter().flatten();
        ways.map(move |way| {
            format!("{} {}: {} by {}", place["place"], place["parameter"], way["title"], way["payload"])
        })
    });
    told.collect()
}

fn all(attempts: &BTreeSet<Attempt>, target: &Target, credential: &Credential) -> String {
    let host = target.base_url().trim_start_matches("http://");
    let headers = credential.headers(target.base_url());
    attempts.iter().map(|attempt| attempt.as_text(host, &headers)).collect()
}

/// Those that this one is let into: what a route refuses whoever asks, never reaches a statement.
async fn within_reach(attempts: &BTreeSet<Attempt>, target: &Target, credential: &Credential) -> BTreeSet<Attempt> {
    let mut reached = BTreeSet::new();
    for attempt in attempts {
        if attempt.lets_in(target, credential).await {
            reached.insert(attempt.clone());
        }
    }
    reached
}

/// Attacks one product as everybody; gives the parameters that were tried.
async fn attack(program: &Program, target: &Target, database: &str) -> usize {
    let (mut tried, mut faults) = (0, Vec::new());
    let api = of_the_api(target).await;
    let mut people = Vec::new();
    for role in ROLES {
        people.push((role, target.key(role).await, target.session(role).await));
    }
    // The lesser roles first: the mightier ones press the buttons that take the others' rights away.
    for (role, key, session) in people.into_iter().rev() {
        let pages = of_the_pages(target, &session).await;
        for (name, attempts, credential) in [("api", &api, &key), ("pages", &pages, &session)] {
            assert!(target.knows(credential).await, "{role}, {name}: not let in");
            let attempts = within_reach(attempts, target, credential).await;
            // A viewer may fill in no form but those that end their own access.
            if attempts.is_empty() && role == "viewer" && name == "pages" {
                continue;
            }
            let requests = all(&attempts, target, credential);
            let verdict = judge(program, &format!("{role}-{name}"), &requests, database).await;
            println!("{role}, {name}: {} requests, {} parameters tried", attempts.len(), verdict.tried);
            for trouble in ["unable to connect", "connection timed out", "unhandled exception"] {
                assert!(!verdict.printed.contains(trouble), "{}", verdict.printed);
            }
            assert!(verdict.tried > 0, "{role}, {name}: {}", verdict.printed);
            faults.extend(verdict.findings.into_iter().map(|finding| format!("{role}, {name}: {finding}")));
            tried += verdict.tried;
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(!target.product.log().contains("panicked"), "{}", target.product.log());
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlmap_finds_nothing_on_the_embedded_database() {
    let Some(program) = Program::find(VARIABLE, "sqlmap on the embedded database") else { return };
    let target = Target::start(Firewall::IsOff).await;
    let tried = attack(&program, &target, "SQLite").await;
    assert!(tried >= 200, "{tried} parameters only");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlmap_finds_nothing_on_postgresql() {
    let Some(program) = Program::find(VARIABLE, "sqlmap on PostgreSQL") else { return };
    let Some(test) = storage::testing::postgres(storage::Schema::new()).await else { return };
    let storage::DatabaseConfig::Postgres { url, .. } = test.config().clone() else {
        panic!("PostgreSQL was asked for")
    };
    test.database.close().await;
    let target = Target::start_on(Firewall::IsOff, &url).await;
    let tried = attack(&program, &target, "PostgreSQL").await;
    assert!(tried >= 200, "{tried} parameters only");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlmap_finds_the_hole_of_a_weak_server() {
    let Some(program) = Program::find(VARIABLE, "sqlmap on a weak server") else { return };
    let weak = weak::start().await;
    let attempt = Attempt { method: "GET".to_owned(), address: "/items?id=1".to_owned(), body: None };
    let requests = attempt.as_text(weak.trim_start_matches("http://"), &[]);
    let verdict = judge(&program, "weak", &requests, "SQLite").await;
    assert!(verdict.findings.iter().any(|finding| finding.contains("\"id\"")), "{}", verdict.printed);
}
