//! The rule language: rules as an operator might break them, values as strangers send them, requests through compiled rules.
//! Nothing panics; transformations grow what they read by a fixed factor; whatever is declared as free text refuses nothing; no
//! body makes the reader hold many times of itself.

use std::time::Duration;

use bolero::check;
use fuzz::edited;
use seclang::{Limits, Mode, Request, RuleSet, Source, Transaction, Transformation, Verdict};

/// How long a target runs as a plain test.
const TIME: Duration = Duration::from_secs(2);
/// The most that a transformation makes of one byte: three digits and a sign, for each byte of a character in UTF-8.
const GROWTH: usize = 4;

/// The most by which memory may grow over a request that is no larger than [`REQUEST_BYTES`]: what rules keep of what is inspected,
/// and what other tests of this process take meanwhile. A reader that copied a long name for each value took 1 GiB.
const MEMORY_BYTES: usize = 128 * 1024 * 1024;
const REQUEST_BYTES: usize = 64 * 1024;

const RULES: &str = "SecDefaultAction \"phase:2,log,pass\"\nSecAction \"id:1,phase:1,nolog,pass,setvar:tx.a=1\"\n\
    SecRule ARGS|!ARGS:x|XML:/*|&TX:/^a/ \"@rx (?i)(a+)b\" \\\n  \"id:2,phase:2,capture,t:none,t:urlDecodeUni,t:lowercase,\
    multiMatch,msg:'%{TX.1} \\'x\\'',setvar:'tx.n_%{MATCHED_VAR_NAME}=+%{tx.a}',chain\"\n  SecRule MATCHED_VARS \"!@within %{tx.0}\" \"t:length\"\n\
    SecRule TX:/^n_/|FILES|REQUEST_COOKIES \"@pm one two|41|\" \"id:3,phase:2,skipAfter:END,ctl:ruleRemoveTargetById=2;ARGS:q\"\n\
    SecRule ARGS|REQUEST_BODY \"@detectSQLi\" \"id:4,phase:2,deny\"\nSecRule ARGS \"@detectXSS\" \"id:5,phase:2,deny,t:jsDecode,t:cssDecode\"\n\
    SecMarker END\nSecRule REQUEST_URI_RAW|ARGS_NAMES \"@validateByteRange 32-126\" \"id:6,phase:2\"\nSecRuleRemoveById 90-99\n";

fn compiled(text: &str) -> Result<RuleSet, seclang::Error> {
    RuleSet::compile(&[Source { name: "fuzz.conf", text }], &[])
}

fn ask(rules: &RuleSet, bytes: &[u8], content_type: &[u8], free_text: &[&str]) -> Verdict {
    let (target, rest) = bytes.split_at(bytes.len().min(bytes.len() / 3));
    let (header, body) = rest.split_at(rest.len() / 2);
    let target = [b"/a?".as_slice(), target].concat();
    let headers: [(&[u8], &[u8]); 3] = [(b"Content-Type", content_type), (b"Cookie", header), (header, header)];
    let request = Request {
        method: b"POST",
        target: &target,
        protocol: b"HTTP/1.1",
        headers: &headers,
        remote_address: None,
        unique_id: "1",
        free_text,
    };
    let limits = Limits { arguments: 16, inspected_bytes: 512, ..Limits::default() };
    let mut transaction = Transaction::new(rules, Mode::Block, limits);
    transaction.request_headers(&request);
    let verdict = transaction.request_body(body);
    transaction.response_body(bytes);
    transaction.finish();
    verdict
}

#[test]
fn rules_are_compiled_or_refused() {
    assert!(compiled(RULES).is_ok());
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(RULES.as_bytes(), edits), edits.to_vec()] {
            let text = String::from_utf8_lossy(&bytes);
            match compiled(&text) {
                Ok(rules) => drop(ask(&rules, b"q=aab&x=1' or 1=1", b"application/x-www-form-urlencoded", &[])),
                Err(error) => assert!(error.line <= text.lines().count() + 1, "{error}"),
            }
        }
    });
}

#[test]
fn transformations_stay_within_their_factor() {
    check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        for transformation in Transformation::ALL {
            let mut output = Vec::new();
            transformation.apply(bytes, &mut output);
            assert!(output.len() <= GROWTH * bytes.len() + 64, "{} made {}", transformation.name(), output.len());
        }
    });
}

#[test]
fn requests_never_break_and_free_text_never_refuses() {
    let rules = compiled(RULES).expect("the seed");
    let only_fields =
        compiled("SecRule ARGS|REQUEST_BODY|QUERY_STRING \"@rx .\" \"id:1,phase:2,deny\"").expect("a rule");
    let types: [&[u8]; 5] = [
        b"application/json",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=b",
        b"text/xml",
        b"text/plain",
    ];
    check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        for content_type in types {
            ask(&rules, bytes, content_type, &[]);
            let body = &bytes[bytes.len() / 3 + (bytes.len() - bytes.len() / 3) / 2..];
            if content_type == types[0] && !body.is_empty() {
                let mut transaction = Transaction::new(&only_fields, Mode::Block, Limits::default());
                let headers: [(&[u8], &[u8]); 1] = [(b"Content-Type", content_type)];
                transaction.request_headers(&Request {
                    method: b"POST",
                    target: b"/",
                    protocol: b"HTTP/1.1",
                    headers: &headers,
                    remote_address: None,
                    unique_id: "1",
                    free_text: &["**"],
                });
                assert_eq!(transaction.request_body(body), Verdict::Pass, "{body:?}");
            }
        }
    });
}

/// The most memory that this process has held so far, in bytes (`proc(5)`).
fn peak_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Bodies in which a few bytes stand for many: each once was, or could have been, held as the product of two of its parts.
fn bodies_that_multiply() -> Vec<(&'static [u8], String)> {
    let values = |count: usize| format!("[0{}]", ",0".repeat(count));
    let half = REQUEST_BYTES / 2;
    let named = format!("{{\"{}\":{}}}", "k".repeat(half), values(half / 2 - 8));
    let deep = (0..60).fold(values(half / 2 - 512), |below, _| format!("{{\"{}\":{below}}}", "k".repeat(500)));
    let objects = format!("{{\"{}\":[0{}]}}", "k".repeat(half), ",{\"\":0}".repeat(half / 7 - 8));
    let part = format!("--b\nContent-Disposition: form-data; name={}\n{}\n", "n".repeat(8_000), "a\n".repeat(4_096));
    vec![
        (b"multipart/form-data", part.repeat(REQUEST_BYTES / part.len())),
        (b"application/json", named),
        (b"application/json", deep),
        (b"application/json", objects),
        (b"application/x-www-form-urlencoded", "a&".repeat(half)),
        (b"text/xml", format!("<a{}/>", " a=''".repeat(REQUEST_BYTES / 5 - 1))),
    ]
}

#[test]
fn no_body_makes_the_reader_hold_many_times_of_itself() {
    let Some(before) = peak_bytes() else {
        println!(
            "not measured: no_body_makes_the_reader_hold_many_times_of_itself: this system does not tell its memory"
        );
        return;
    };
    let rules = compiled(RULES).expect("the seed");
    for (content_type, body) in bodies_that_multiply() {
        assert!(body.len() <= REQUEST_BYTES, "{}", body.len());
        let headers: [(&[u8], &[u8]); 2] = [(b"Content-Type", content_type), (b"Cookie", &body.as_bytes()[..8 * 1024])];
        let mut transaction = Transaction::new(&rules, Mode::Block, Limits::default());
        transaction.request_headers(&Request {
            method: b"POST",
            target: b"/",
            protocol: b"HTTP/1.1",
            headers: &headers,
            remote_address: None,
            unique_id: "1",
            free_text: &[],
        });
        transaction.request_body(body.as_bytes());
        assert!(transaction.uninspected(), "{} bytes", body.len());
        let grown = peak_bytes().unwrap_or_default() - before;
        assert!(grown < MEMORY_BYTES, "{} bytes of {}: {grown}", body.len(), String::from_utf8_lossy(content_type));
    }
}
