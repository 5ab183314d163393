//! Requests through phases: variables, chains, scores, jumps and refusals.

use crate::{Limits, Mode, Request, Response, RuleSet, Source, Transaction, Verdict};

fn rules(text: &str) -> RuleSet {
    RuleSet::compile(&[Source { name: "test.conf", text }], &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// A request under way.
struct Sent<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    free_text: &'a [&'a str],
    body: &'a str,
    limits: Limits,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Self { method: "GET", target: "/", headers: &[], free_text: &[], body: "", limits: Limits::default() }
    }
}

impl Sent<'_> {
    fn through<'r>(&self, rules: &'r RuleSet) -> (Verdict, Transaction<'r>) {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let mut transaction = Transaction::new(rules, Mode::Block, self.limits);
        transaction.request_headers(&Request {
            method: self.method.as_bytes(),
            target: self.target.as_bytes(),
            protocol: b"HTTP/1.1",
            headers: &headers,
            remote_address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            unique_id: "1",
            free_text: self.free_text,
        });
        let verdict = transaction.request_body(self.body.as_bytes());
        (verdict, transaction)
    }

    fn reported(&self, rules: &RuleSet) -> Vec<u64> {
        self.through(rules).1.matches().iter().map(|found| found.rule).collect()
    }
}

const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];
const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

#[test]
fn variables_hold_what_was_sent() {
    let rules = rules(
        r#"
        SecRule REQUEST_METHOD "@streq POST" "id:1,phase:2"
        SecRule REQUEST_URI_RAW "@streq http://host/a/b%20c.txt?x=1&y=%3C" "id:2,phase:2"
        SecRule REQUEST_URI "@streq /a/b%20c.txt?x=1&y=%3C" "id:3,phase:2"
        SecRule REQUEST_FILENAME "@streq /a/b c.txt" "id:4,phase:2"
        SecRule REQUEST_BASENAME "@streq b c.txt" "id:5,phase:2"
        SecRule QUERY_STRING "@streq x=1&y=%3C" "id:6,phase:2"
        SecRule ARGS_GET:y "@streq <" "id:7,phase:2"
        SecRule ARGS_POST:Z "@streq 3" "id:8,phase:2"
        SecRule &ARGS "@eq 3" "id:9,phase:2"
        SecRule REQUEST_COOKIES:b "@streq 2=3" "id:10,phase:2"
        SecRule REQUEST_HEADERS:cookie|!REQUEST_HEADERS:Cookie "@rx ." "id:11,phase:2"
        SecRule REQUEST_HEADERS_NAMES "@streq Cookie" "id:12,phase:2"
        SecRule ARGS_COMBINED_SIZE "@eq 6" "id:13,phase:2"
        SecRule REQUEST_BODY "@streq z=3" "id:14,phase:2"
        SecRule REQUEST_LINE "@beginsWith POST http://host/a" "id:15,phase:2"
        SecRule REMOTE_ADDR "@ipMatch 127.0.0.0/8" "id:16,phase:2"
        SecRule REQBODY_PROCESSOR "@streq URLENCODED" "id:17,phase:2"
        SecRule ARGS:/^[xy]$/ "@rx ." "id:18,phase:2"
        SecRule ARGS_NAMES "@within x y z" "id:19,phase:2"
        "#,
    );
    let headers = [FORM[0], ("Cookie", "a=1; b=2=3;")];
    let target = "http://host/a/b%20c.txt?x=1&y=%3C";
    let sent = Sent { method: "POST", target, headers: &headers, body: "z=3", ..Sent::default() };
    let expected: Vec<u64> = (1..=19).filter(|rule| *rule != 11).collect();
    assert_eq!(sent.reported(&rules), expected);
}

#[test]
fn chains_scores_and_refusals() {
    let rules = rules(
        r#"
        SecAction "id:1,phase:1,nolog,pass,setvar:tx.score=0,setvar:tx.five=5"
        SecRule ARGS "@rx (b)ad" "id:2,phase:2,pass,capture,chain,msg:'saw %{TX.1} in %{MATCHED_VAR_NAME}'"
            SecRule MATCHED_VARS "@contains very" "setvar:'tx.score=+%{tx.five}',setvar:tx.seen_%{MATCHED_VAR_NAME}=1"
        SecRule TX:/^seen_/ "@eq 1" "id:3,phase:2,pass"
        SecRule TX:score "@ge %{tx.five}" "id:4,phase:2,deny,status:406"
        SecRule ARGS "@rx ." "id:5,phase:2,pass"
        "#,
    );
    let bad = Sent { target: "/?q=very%20bad&r=bad", ..Sent::default() };
    let (verdict, transaction) = bad.through(&rules);
    assert_eq!(verdict, Verdict::Refuse { status: 406, rule: 4 });
    let reported: Vec<_> = transaction.matches().iter().map(|found| (found.rule, found.message.as_str())).collect();
    assert_eq!(reported, [(2, "saw b in ARGS:q"), (3, ""), (4, "")], "and nothing after the refusal");
    assert_eq!(transaction.score("SCORE"), 5);
    assert_eq!(Sent { target: "/?q=bad", ..Sent::default() }.through(&rules).0, Verdict::Pass);
}

#[test]
fn jumps_and_controls() {
    let rules = rules(
        r#"
        SecRule ARGS:skip "@eq 1" "id:1,phase:1,nolog,pass,skipAfter:END"
        SecRule ARGS:two "@eq 1" "id:2,phase:1,nolog,pass,skip:1"
        SecAction "id:3,phase:1,pass"
        SecMarker "END"
        SecRule ARGS:off "@eq 1" "id:4,phase:1,nolog,pass,ctl:ruleRemoveById=6-7"
        SecRule ARGS:less "@eq 1" "id:5,phase:1,nolog,pass,ctl:ruleRemoveTargetById=7;ARGS:secret"
        SecAction "id:6,phase:1,pass,tag:'x'"
        SecRule ARGS "@rx attack" "id:7,phase:1,pass,tag:'x'"
        SecRule ARGS:detect "@eq 1" "id:8,phase:1,nolog,pass,ctl:ruleEngine=DetectionOnly"
        SecRule ARGS "@rx attack" "id:9,phase:1,deny"
        SecRule ARGS:let "@eq 1" "id:10,phase:2,nolog,allow"
        SecAction "id:11,phase:2,pass"
        "#,
    );
    let reported = |target| Sent { target, ..Sent::default() }.reported(&rules);
    assert_eq!(reported("/"), [3, 6, 11]);
    assert_eq!(reported("/?skip=1"), [6, 11]);
    assert_eq!(reported("/?two=1"), [6, 11]);
    assert_eq!(reported("/?off=1&secret=attack"), [3, 9]);
    assert_eq!(reported("/?less=1&secret=attack"), [3, 6, 9]);
    assert_eq!(reported("/?secret=attack"), [3, 6, 7, 9]);
    assert_eq!(reported("/?detect=1&secret=attack"), [3, 6, 7, 9, 11], "reported, and nothing refused");
    assert_eq!(reported("/?let=1"), [3, 6]);
}

#[test]
fn free_text_is_reported_and_does_nothing() {
    let rules = rules(
        r#"
        SecRule ARGS|REQUEST_BODY|QUERY_STRING|REQUEST_URI "@rx attack" "id:1,phase:2,pass,setvar:tx.score=+5"
        SecRule TX:score "@ge 5" "id:2,phase:2,deny"
        "#,
    );
    let json = |body, free_text| Sent { method: "POST", headers: JSON, body, free_text, ..Sent::default() };
    for sent in [
        json(r#"{"text":"attack"}"#, &["text"]),
        json(r#"{"rows":[{"a":"attack"},{"a":"attack"}]}"#, &["rows.*.a"]),
        json(r#"{"fields":{"attack":{"x":"attack"}}}"#, &["fields.**"]),
        Sent { method: "POST", headers: FORM, body: "text=attack&x=1", free_text: &["text"], ..Sent::default() },
        Sent { target: "/?text=attack&x=1", free_text: &["text"], ..Sent::default() },
    ] {
        let (verdict, transaction) = sent.through(&rules);
        assert_eq!(verdict, Verdict::Pass, "{}{}", sent.target, sent.body);
        assert!(transaction.matches().iter().all(|found| found.rule == 1 && found.free_text));
        assert!(!transaction.matches().is_empty(), "{}{}", sent.target, sent.body);
        assert_eq!(transaction.score("score"), 0, "what the rule did is undone");
    }
    for sent in [
        json(r#"{"text":"x","other":"attack"}"#, &["text"]),
        json(r#"{"text":{"deep":"attack"}}"#, &["text"]),
        json(r#"{"rows":{"a":"attack"}}"#, &["rows.*.a"]),
        Sent { method: "POST", headers: FORM, body: "text=x&x=attack", free_text: &["text"], ..Sent::default() },
        Sent { target: "/?text=x&x=attack", free_text: &["text"], ..Sent::default() },
    ] {
        assert_eq!(sent.through(&rules).0, Verdict::Refuse { status: 403, rule: 2 }, "{}{}", sent.target, sent.body);
    }
}

#[test]
fn limits_are_reported_at_their_edge() {
    let rules = rules(r#"SecRule ARGS "@rx attack" "id:1,phase:2,pass""#);
    let limits = Limits { arguments: 2, inspected_bytes: 8, ..Limits::default() };
    let sent = |target, free_text| Sent { target, free_text, limits, ..Sent::default() };
    assert!(!sent("/?a=1&b=2", &[]).through(&rules).1.uninspected());
    assert!(sent("/?a=1&b=2&c=attack", &[]).through(&rules).1.uninspected());
    assert!(!sent("/?a=1&b=2&c=attack", &["c"]).through(&rules).1.uninspected());
    assert!(!sent("/?a=1234567", &[]).through(&rules).1.uninspected());
    assert!(sent("/?a=12345678", &[]).through(&rules).1.uninspected());
    let cookies = |value| Sent { headers: value, limits, ..Sent::default() };
    assert!(!cookies(&[("Cookie", "a=1; b=2")]).through(&rules).1.uninspected());
    assert!(cookies(&[("Cookie", "a=1; b=2; c=3")]).through(&rules).1.uninspected());
}

#[test]
fn answers_are_judged_too() {
    let rules = rules(
        r#"
        SecRule RESPONSE_STATUS "@rx ^5" "id:1,phase:3,pass"
        SecRule RESPONSE_HEADERS:X-Powered-By "@rx ." "id:2,phase:3,pass"
        SecRule RESPONSE_BODY "@rx stack trace" "id:3,phase:4,deny"
        SecAction "id:4,phase:5,pass"
        "#,
    );
    let (_, mut transaction) = Sent::default().through(&rules);
    let headers: [(&[u8], &[u8]); 1] = [(b"X-Powered-By", b"y")];
    transaction.response_headers(&Response { status: 500, protocol: b"HTTP/1.1", headers: &headers });
    assert_eq!(transaction.response_body(b"a stack trace"), Verdict::Refuse { status: 403, rule: 3 });
    transaction.finish();
    assert_eq!(transaction.matches().iter().map(|found| found.rule).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn transformations_multi_match_and_the_prefilter_agree() {
    let rules = rules(
        r#"
        SecRule ARGS "@rx ^select$" "id:1,phase:2,pass,t:none,t:urlDecodeUni,t:removeNulls,t:lowercase"
        SecRule ARGS "@rx %53" "id:2,phase:2,pass,t:urlDecodeUni,multiMatch"
        SecRule ARGS "@rx %53" "id:3,phase:2,pass,t:urlDecodeUni"
        SecRule ARGS "@detectSQLi" "id:4,phase:2,pass"
        SecRule ARGS "!@rx ^[a-z%0-9A-Z]*$" "id:5,phase:2,pass"
        "#,
    );
    assert_eq!(Sent { target: "/?a=%2553EL%2500ECT", ..Sent::default() }.reported(&rules), [1, 2]);
    assert_eq!(Sent { target: "/?a=1'%20or%20'1'='1", ..Sent::default() }.reported(&rules), [4, 5]);
}
