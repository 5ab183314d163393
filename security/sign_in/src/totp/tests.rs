//! The vectors of RFC 6238, the drift of one step, and what people type.

use storage::{SeededEntropy, Timestamp};

use super::*;

fn of_the_rfc() -> SharedSecret {
    SharedSecret::from_bytes(b"12345678901234567890").expect("twenty bytes")
}

#[test]
fn codes_are_those_of_the_rfc() {
    // RFC 6238 appendix B, SHA-1, the last six of its eight digits.
    for (seconds, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        let now = Timestamp::from_seconds(seconds);
        assert_eq!(of_the_rfc().code_at(now), code);
        assert_eq!(of_the_rfc().check(code, now), Some(seconds / 30), "at {seconds}");
    }
}

#[test]
fn a_code_is_taken_one_step_early_or_late_and_not_further() {
    let secret = of_the_rfc();
    let shown = Timestamp::from_seconds(1_000_000_020);
    let code = secret.code_at(shown);
    let step = Some(1_000_000_020 / 30);
    for (seconds, expected) in [(-31, None), (-30, step), (0, step), (29, step), (30, step), (59, step), (60, None)] {
        assert_eq!(secret.check(&code, shown.plus_seconds(seconds)), expected, "{seconds} s later");
    }
}

#[test]
fn nonsense_is_no_code_and_no_panic() {
    let now = Timestamp::from_seconds(59);
    for text in ["", "28708", "2870822", "+87082", "28708x", "٢٨٧٠٨٢", "287 082"] {
        assert_eq!(of_the_rfc().check(text, now), None, "{text}");
    }
    assert_eq!(of_the_rfc().check("287082", Timestamp::from_seconds(-1)), None);
    assert_eq!(typed(" 287 082\n"), Some("287082".to_owned()));
    for text in ["", "28708", "2870822", "٢٨٧٠٨٢", "abcdef"] {
        assert_eq!(typed(text), None, "{text}");
    }
}

#[test]
fn the_text_is_base_32_and_debug_shows_nothing() {
    assert_eq!(of_the_rfc().text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(of_the_rfc().grouped_text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    assert_eq!(SharedSecret::parse(&of_the_rfc().grouped_text().to_lowercase()), Some(of_the_rfc()));
    assert_eq!(SharedSecret::parse("GEZD GNBV"), None);
    assert_eq!(SharedSecret::from_bytes(&[0; 19]), None);
    let secret = SharedSecret::generate(&SeededEntropy::new(5));
    assert_eq!(format!("{secret:?}"), "SharedSecret(hidden)");
    assert_ne!(secret.text(), SharedSecret::generate(&SeededEntropy::new(6)).text());
}
