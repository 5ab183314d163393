//! schemathesis on the API as `/openapi.json` describes it: all of its checks, sequences of requests that follow the links among
//! them, as each role by key and by session, as a visitor and as nobody, with the firewall off and with it on.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;

use super::people::{Credential, Firewall, ROLES, Target};
use super::program::{Program, report, short_or_long};
use super::requests::ENDING;
use super::weak;

const VARIABLE: &str = "RINGFENCE_SCHEMATHESIS";
/// The same cases on every run.
const SEED: &str = "20261122";
const LIMIT: Duration = Duration::from_mins(30);

/// What a description cannot say, and so a request that fits it may still meet: words of the refusal, and why. A refusal counts as
/// right only with these words; every other refusal of a request that fits the description is a finding.
const BEYOND_SHAPE: &[(&str, &str)] = &[
    (
        "This key was used for another request",
        "a key of idempotency stands for one request: what came before is not in a shape",
    ),
    ("Give either a state, or a day and a time", "which fields go together is said in words"),
    ("Give a state, an assignee, or both", "which fields go together is said in words"),
    ("There is no such agent", "what is there is not in a shape"),
    ("This is not a web address", "addresses are read by the URL standard"),
    ("An address with a user name or password in it", "addresses are read by the URL standard"),
    ("emergency numbers are never dialled", "a number is read by the lists of its country"),
    ("premium or otherwise costly range", "a number is read by the lists of its country"),
    ("The document holds no text", "what a file holds is told by reading it"),
    ("is no active member", "who works there is not in a shape"),
    ("is not the name of a time zone", "the names of time zones are those of the machine's list"),
    ("is used twice", "keys of one profile differ from each other"),
    ("must end after it begins", "two times of one period are compared"),
    ("periods must be in order", "periods of one day are compared"),
    ("needs a question", "what a flow needs depends on the tool that it ends in"),
    ("questions belong to the tool", "what a flow needs depends on the tool that it ends in"),
    ("booking needs", "what a flow needs depends on the tool that it ends in"),
    ("needs a slot of kind", "what a flow needs depends on the tool that it ends in"),
    ("a lead needs", "what a flow needs depends on the tool that it ends in"),
    ("this tool needs no slots", "what a flow needs depends on the tool that it ends in"),
    ("free times exist only in a booking", "what a flow needs depends on the tool that it ends in"),
    ("service and day must come before", "the order of slots depends on the tool"),
    ("This kind of file is not read", "kinds of files are told by their content"),
    ("does not lead to the public internet", "addresses within the network are told by what a name leads to"),
    ("SIP targets are allowed on this machine only", "who may be called is for the settings to say"),
    ("neither an international number", "a number is read by the lists of its country"),
    ("the country of the number", "who may be called is for the settings to say"),
    ("The end must lie ahead", "an instant is judged by the clock"),
    ("Give a time after now", "an instant is judged by the clock"),
    (
        "invalid type: floating point",
        "JSON Schema takes `1.0` for an integer; this API writes and reads integers without a point",
    ),
];

/// Which part of the API, how thoroughly.
struct Run<'a> {
    name: &'a str,
    phases: &'a str,
    examples: u32,
    /// Only what ends the attacker's own access, or all but that.
    endings: bool,
}

/// A failed check with the request and the refusal.
struct Finding {
    check: String,
    operation: String,
    /// The problem in its own words; empty when the answer was none.
    words: String,
    /// The answer's status.
    status: u64,
    /// The answer's body.
    body: String,
    text: String,
}

impl Finding {
    fn is_beyond_shape(&self) -> bool {
        let fits = |(words, _): &(&str, &str)| self.words.contains(words);
        self.check == "positive_data_acceptance" && BEYOND_SHAPE.iter().any(fits)
            || self.is_erased_person()
            || self.is_refused_unread()
    }

    /// A request too long to be read is refused as well as any; schemathesis does not count 413 (RFC 9110 section 15.5.14) as a refusal.
    fn is_refused_unread(&self) -> bool {
        self.check == "negative_data_rejection" && self.status == 413
    }

    /// The description names the bearer key alone; who is known by a session's cookie needs none, so its absence is no fault.
    fn is_about_the_key(&self) -> bool {
        let missing = ["Missing `Authorization`", "`Authorization` in header", "header: violates `required`"];
        ["missing_required_header", "ignored_auth"].contains(&self.check.as_str())
            || self.check == "negative_data_rejection" && missing.iter().any(|words| self.text.contains(words))
    }

    /// A person is erased, not taken away: their conversations and bookings go on to name a contact, of whom nothing is known.
    fn is_erased_person(&self) -> bool {
        let contact: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let unknown = ["name", "phone", "email"].iter().all(|field| contact[field].is_null());
        let is_erasure = self.check == "use_after_free" && self.operation == "DELETE /v1/contacts/{id}";
        is_erasure && contact["erased"] == true && unknown
    }
}

/// What it said.
struct Verdict {
    findings: Vec<Finding>,
    /// Its own summary.
    summary: Value,
    printed: String,
}

async fn judge(program: &Program, base_url: &str, credential: &Credential, run: &Run<'_>) -> Verdict {
    let (summary, events) =
        (program.file(&format!("{}.json", run.name)), program.file(&format!("{}.ndjson", run.name)));
    let mut arguments: Vec<String> = ["run", "--continue-on-failure", "--no-color"].map(str::to_owned).to_vec();
    // One worker: with two, the generator now and then dies of a fault of CPython 3.11 (gh-106905, compiling in two threads at once).
    arguments.extend(
        ["--generation-deterministic", "--seed", SEED, "--workers", "1", "--request-timeout", "20"].map(str::to_owned),
    );
    arguments.extend(["--report", "json,ndjson", "--checks", "all", "--output-truncate", "false"].map(str::to_owned));
    arguments.push(format!("--report-json-path={}", summary.display()));
    arguments.push(format!("--report-ndjson-path={}", events.display()));
    arguments.push(format!("--phases={}", run.phases));
    arguments.push(format!("--max-examples={}", run.examples));
    let side = if run.endings { "include" } else { "exclude" };
    arguments.push(format!("--{side}-path-regex=^({})$", endings()));
    for (name, value) in credential.headers(base_url) {
        arguments.extend(["-H".to_owned(), format!("{name}: {value}")]);
    }
    arguments.push(format!("{base_url}/openapi.json"));
    let printed = program.run(&arguments, LIMIT).await;
    let summary = report(&summary, &printed);
    Verdict { findings: findings(&std::fs::read_to_string(&events).unwrap_or_default()), summary, printed }
}

fn endings() -> String {
    let own = ENDING.iter().filter(|path| path.starts_with("/v1/"));
    own.map(|path| path.replace('{', "\\{").replace('}', "\\}")).collect::<Vec<_>>().join("|")
}

/// The failed checks out of the events of a run.
fn findings(events: &str) -> Vec<Finding> {
    let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut findings = Vec::new();
    for event in events {
        let recorder = &event["ScenarioFinished"]["recorder"];
        for (case, checks) in recorder["checks"].as_object().into_iter().flatten() {
            let failed = checks.as_array().into_iter().flatten().filter(|check| check["status"] == "failure");
            let (request, answer) =
                (&recorder["interactions"][case]["request"], &recorder["interactions"][case]["response"]);
            for check in failed {
                let failure = &check["failure_info"]["failure"];
                let (words, body) = words_of(answer);
                let mut text = format!("{}: {} {}", failure["title"], failure["operation"], failure["message"]);
                let _ = write!(text, "\n  {} {}", request["method"], request["uri"]);
                let _ =
                    write!(text, "\n  sent {}\n  answered {} {body}", decoded(&request["body"]), answer["status_code"]);
                let operation = failure["operation"].as_str().unwrap_or_default().to_owned();
                findings.push(Finding {
                    check: check["name"].as_str().unwrap_or_default().to_owned(),
                    operation,
                    words,
                    status: answer["status_code"].as_u64().unwrap_or_default(),
                    body,
                    text,
                });
            }
        }
    }
    findings
}

/// The sentences of a problem, and the whole body.
fn words_of(answer: &Value) -> (String, String) {
    let body = decoded(&answer["content"]);
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    let errors = problem["errors"].as_array().into_iter().flatten().map(|error| &error["detail"]);
    let words = errors.chain([&problem["detail"]]).filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    (words, body)
}

fn decoded(content: &Value) -> String {
    let bytes = content["$base64"].as_str().and_then(|text| base64::prelude::BASE64_STANDARD.decode(text).ok());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

/// Attacks as this one; nothing was left out, nothing was found, and the credential was good from the first to the last request.
async fn is_clean(
    program: &Program,
    target: &Target,
    credential: &Credential,
    run: &Run<'_>,
    faults: &mut Vec<String>,
) {
    let name = run.name;
    assert!(run.endings || target.knows(credential).await, "{name} is not let in");
    let verdict = judge(program, target.base_url(), credential, run).await;
    if !run.endings && !target.knows(credential).await {
        faults.push(format!("{name}: the credential ended during the attack"));
    }
    let by_session = matches!(credential, Credential::Session(_));
    let counts = |finding: &&Finding| !(finding.is_beyond_shape() || by_session && finding.is_about_the_key());
    let (summary, findings) = (&verdict.summary, verdict.findings.iter().filter(counts));
    println!(
        "{name}: {} cases, {} refused beyond their shape",
        summary["test_cases"]["generated"],
        verdict.findings.len()
    );
    faults.extend(findings.map(|finding| format!("{name}, {}: {}", finding.check, finding.text)));
    let (tested, selected) = (&summary["operations"]["tested"], &summary["operations"]["selected"]);
    let broken = summary["errors"].as_array().is_none_or(|errors| !errors.is_empty());
    if broken || tested != selected || summary["complete"] != true {
        faults.push(format!("{name}: it did not finish: {tested} of {selected} operations\n{}", verdict.printed));
    }
    for warning in ["unresolvable_reference", "missing_deserializer", "unsupported_regex"] {
        if summary["warnings"][warning].as_array().is_some_and(|list| !list.is_empty()) {
            faults.push(format!("{name}: {warning}: {}", summary["warnings"][warning]));
        }
    }
}

fn conclude(faults: &[String], target: &Target) {
    assert!(faults.is_empty(), "{} findings:\n{}", faults.len(), faults.join("\n\n"));
    assert!(!target.product.log().contains("panicked"), "{}", target.product.log());
}

/// The whole API as its owner, then as everybody else; what ends an access comes last.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_without_the_firewall() {
    let Some(program) = Program::find(VARIABLE, "schemathesis without the firewall") else { return };
    let target = Target::start(Firewall::IsOff).await;
    let mut faults = Vec::new();
    let whole = short_or_long(("examples,coverage,fuzzing,stateful", 6), ("examples,coverage,fuzzing,stateful", 200));
    let brief = short_or_long(("fuzzing,stateful", 1), whole);
    let mut people = vec![("nobody".to_owned(), Credential::Nothing, ("fuzzing", 1))];
    people.push(("visitor".to_owned(), target.visitor().await, ("fuzzing", 1)));
    // The lesser roles first: the mightier ones take the others' rights away.
    for role in ROLES.iter().rev() {
        let key = if *role == "owner" { whole } else { brief };
        people.push((format!("{role}-session"), target.session(role).await, brief));
        people.push((format!("{role}-key"), target.key(role).await, key));
    }
    for (name, credential, (phases, examples)) in &people {
        let run = Run { name, phases, examples: *examples, endings: false };
        is_clean(&program, &target, credential, &run, &mut faults).await;
    }
    let run = Run { name: "endings", phases: "coverage,fuzzing", examples: whole.1, endings: true };
    is_clean(&program, &target, &target.key("owner").await, &run, &mut faults).await;
    conclude(&faults, &target);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_behind_the_firewall() {
    let Some(program) = Program::find(VARIABLE, "schemathesis behind the firewall") else { return };
    let target = Target::start(Firewall::Blocks).await;
    let mut faults = Vec::new();
    let (phases, examples) = short_or_long(("fuzzing,stateful", 2), ("coverage,fuzzing,stateful", 100));
    let run = Run { name: "owner-key", phases, examples, endings: false };
    is_clean(&program, &target, &target.key("owner").await, &run, &mut faults).await;
    conclude(&faults, &target);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_the_faults_of_a_weak_server() {
    let Some(program) = Program::find(VARIABLE, "schemathesis on a weak server") else { return };
    let weak = weak::start().await;
    let run = Run { name: "weak", phases: "coverage,fuzzing", examples: 5, endings: false };
    let verdict = judge(&program, &weak, &Credential::Nothing, &run).await;
    let found = |check: &str| {
        verdict.findings.iter().any(|finding| finding.check == check && finding.operation == "GET /items")
    };
    for check in ["not_a_server_error", "status_code_conformance", "negative_data_rejection"] {
        assert!(found(check), "{check}: {}", verdict.printed);
    }
    assert!(verdict.findings.iter().all(|finding| !finding.is_beyond_shape()), "every one of them counts");
}

#[test]
fn only_a_refusal_with_known_words_is_beyond_shape() {
    let finding = |check: &str, words: &str| Finding {
        check: check.to_owned(),
        operation: String::new(),
        words: words.to_owned(),
        status: 422,
        body: String::new(),
        text: String::new(),
    };
    assert!(finding("positive_data_acceptance", "expires_at: The end must lie ahead.").is_beyond_shape());
    assert!(!finding("positive_data_acceptance", "This word is not one of those listed.").is_beyond_shape());
    assert!(!finding("not_a_server_error", "The end must lie ahead.").is_beyond_shape());
    let unread = |check: &str, status: u64| Finding { status, ..finding(check, "") };
    assert!(unread("negative_data_rejection", 413).is_beyond_shape());
    assert!(!unread("negative_data_rejection", 201).is_beyond_shape());
    assert!(!unread("status_code_conformance", 413).is_beyond_shape());
    assert!(BEYOND_SHAPE.iter().all(|(_, reason)| reason.len() > 20));
    let event = r#"{"ScenarioFinished":{"recorder":{"checks":{"a":[{"name":"not_a_server_error","status":"failure","failure_info":{"failure":{"operation":"GET /x"}}}]},"interactions":{"a":{"request":{"method":"GET","uri":"/x"},"response":{"status_code":500,"content":{"$base64":"eyJkZXRhaWwiOiJObyJ9"}}}}}}}"#;
    let found = findings(event);
    assert_eq!((found.len(), found[0].words.as_str(), found[0].operation.as_str()), (1, "No", "GET /x"));
}
