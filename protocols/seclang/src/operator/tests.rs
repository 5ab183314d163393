//! Every operator says yes and no where the rule language says so.

use super::{Operator, number, pattern_text};
use crate::error::Fault;

fn holds(operator: &str, value: &[u8]) -> bool {
    let data = |name: &str| (name == "words.data").then_some("# a comment\nWord\n\n two words \n");
    let (operator, negated, _) = Operator::parse(operator, data).expect("an operator");
    operator.holds(value, None, |_| Vec::new()) != negated
}

#[test]
fn each_says_yes_and_no() {
    let cases: &[(&str, &[u8], &[u8])] = &[
        ("@rx ^a.c$", b"a\nc", b"abcd"),
        ("a+b", b"xaab", b"a+x"),
        ("!@rx ^a", b"b", b"a"),
        ("@rx \\x{ff}", b"\xff", "\u{ff}".as_bytes().split_at(1).0),
        ("@pm one |4142|c", b"xx ABC", b"on"),
        ("@pmFromFile words.data", b"some WORD", b"a comment"),
        ("@pmf words.data", b"two words", b"two wor"),
        ("@eq 5", b"5", b"6"),
        ("@ge 5", b"5", b"4"),
        ("@gt 5", b"6x", b"5"),
        ("@le 5", b"-7", b"6"),
        ("@lt 5", b"", b"5"),
        ("@streq abc", b"abc", b"ABC"),
        ("@contains b c", b"ab cd", b"abcd"),
        ("@containsWord on", b"go on!", b"one"),
        ("@beginsWith ab", b"abc", b"cab"),
        ("@endsWith bc", b"abc", b"abcd"),
        ("@within GET POST", b"GET", b"PUT"),
        ("@ipMatch 192.0.2.0/24,::1", b"192.0.2.9", b"192.0.3.9"),
        ("@ipMatch ::1", b"::1", b"not an address"),
        ("@validateByteRange 10, 32-126", b"\xff", b"plain\n"),
        ("@validateUtf8Encoding", b"\xc0\x80", "\u{e4}".as_bytes()),
        ("@validateUrlEncoding", b"100%", b"%41"),
        ("@detectSQLi", b"1' OR '1'='1", b"it's fine"),
        ("@detectXSS", b"<script>alert(1)</script>", b"a < b"),
        ("@unconditionalMatch", b"", b""),
        ("!@noMatch", b"x", b""),
    ];
    for (operator, yes, no) in cases {
        assert!(holds(operator, yes), "{operator} on {yes:?}");
        if yes != no && !operator.contains("noMatch") {
            assert!(!holds(operator, no), "{operator} on {no:?}");
        }
    }
}

#[test]
fn faults_say_what_is_wrong() {
    let fault = |text: &str| Operator::parse(text, |_| None).map(drop).expect_err("a fault");
    assert_eq!(fault("@nonsense x"), Fault::UnknownOperator("nonsense".to_owned()));
    assert_eq!(fault("@pmFromFile gone.data"), Fault::NoData("gone.data".to_owned()));
    for text in ["@rx (", "@rx a%{TX.0}", "@rx (?=a)", "@pm", "@ipMatch x", "@validateByteRange 1-256"] {
        assert!(matches!(fault(text), Fault::Argument { .. }), "{text}");
    }
}

#[test]
fn numbers_are_read_as_c_reads_them() {
    for (text, value) in [("12abc", 12), ("-3", -3), ("+4", 4), ("abc", 0), ("", 0), ("99999999999999999999", i64::MAX)]
    {
        assert_eq!(number(text.as_bytes()), value, "{text}");
    }
}

#[test]
fn bytes_in_braces_become_bytes() {
    assert_eq!(pattern_text("a\\x{bc}[^\\x{be}]"), "a\\xbc[^\\xbe]");
    assert_eq!(pattern_text("\\\\x{bc}\\x{100}"), "\\\\x{bc}\\x{100}");
}
