//! What must not stand in a log is planted in lines of every form, as message and as field, whole and in pieces; ordinary text
//! survives; hostile lines cost no more than others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

/// One secret of ours as text (made up).
const TOKEN: &str = "0k2m4n6p8q0r2s4t6v8w0x2y4z6a8b0c2d4e6f8g0h2j4k6m8n0p";

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("still UTF-8")
    }
}

fn masked(line: &str) -> String {
    String::from_utf8(mask(line.as_bytes()).into_owned()).expect("still UTF-8")
}

/// What must never be read in a log, and a piece of it that would tell.
fn canaries() -> Vec<(String, &'static str)> {
    vec![
        (["rf_", "live_"].concat() + "0123456789abcdefghjkmnpqrs_" + TOKEN + "0abcdef", "0k2m4n"),
        (["rf_", "test_"].concat() + "0123456789abcdefghjkmnpqrs_" + TOKEN + "0abcdef", "0k2m4n"),
        (["rf_", "operator_"].concat() + TOKEN, "0k2m4n"),
        (["rf_", "support_"].concat() + TOKEN, "0k2m4n"),
        (format!("__Host-ringfence_session={TOKEN}"), "0k2m4n"),
        (format!("https://desk.example/first-owner#token={TOKEN}"), "0k2m4n"),
        (format!("Bearer {}", "c2VjcmV0LXRva2Vu9"), "c2Vj"),
        ("Authorization: basic bWFyeTpzZWNyZXQ1".to_owned(), "bWFy"),
        ("Tm90QVJlYWxLZXk0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc".to_owned(), "VJlYW"),
        ("postgres://ringfence:tide-table@localhost/x".to_owned(), "tide-table"),
        ("mary.jones@harbour.example".to_owned(), "mary"),
        ("Mary.Jones+desk@mail.harbour.co.uk.".to_owned(), "Jones"),
        ("zoë@käse.example".to_owned(), "zo"),
        ("sip:mary@localhost".to_owned(), "mary"),
        ("<sip:mary@192.0.2.7:5060>".to_owned(), "mary"),
        ("+442079460018".to_owned(), "7946"),
        ("+44 20 7946 0018".to_owned(), "7946"),
        ("+44 (0)20 7946-0018".to_owned(), "7946"),
        ("+1 (212) 555-0123".to_owned(), "555"),
        ("tel:+1-212-555-0123".to_owned(), "555"),
        ("00442079460018".to_owned(), "7946"),
        ("sip:02079460018@localhost:5060".to_owned(), "7946"),
        ("sip:+442079460018@trunk.example;user=phone".to_owned(), "7946"),
    ]
}

#[test]
fn what_must_not_be_read_is_masked_as_message_as_field_and_in_what_libraries_print() {
    for json in [false, true] {
        for ansi in [false, true] {
            for (canary, telling) in canaries() {
                let log = Log::default();
                let (writer, quoted) = (log.clone(), format!("line one\n{canary}\tand \"{canary}\""));
                let lines =
                    tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(Masked(move || writer.clone()));
                let lines: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> =
                    if json { Box::new(lines.json()) } else { Box::new(lines) };
                tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
                    let _within = tracing::error_span!("call", from = %canary).entered();
                    tracing::info!("answered {canary} and went on");
                    tracing::info!(caller = %canary, other = ?canary, "as fields");
                    tracing::warn!(target: "a_library::parser", text = ?Some(&quoted), "{quoted}");
                });
                let text = log.text();
                assert!(!text.contains(telling), "{canary} (json {json}, colours {ansi}): {text}");
                for kept in ["and went on", "as fields", "line one", "a_library::parser"] {
                    assert!(text.contains(kept), "{kept} is gone with {canary}: {text}");
                }
                if json {
                    for line in text.lines() {
                        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|why| panic!("{why}: {line}"));
                    }
                }
            }
        }
    }
}

#[test]
fn a_mask_says_what_stood_there_and_leaves_the_rest() {
    let key = ["rf_", "live_"].concat();
    for (line, left) in [
        (format!("key {key}abc ended"), format!("key {key}[secret] ended")),
        ("from mary@harbour.example, twice".to_owned(), "from [email], twice".to_owned()),
        ("email=mary@harbour.example count=3".to_owned(), "email=[email] count=3".to_owned()),
        ("dialled +442079460018.".to_owned(), "dialled [phone].".to_owned()),
        ("a@b.example+442079460018".to_owned(), "[email][phone]".to_owned()),
        ("db postgres://app:pw@db.example:5432/x".to_owned(), "db postgres://[secret]@db.example:5432/x".to_owned()),
        ("\\nmary@harbour.example".to_owned(), "\\n[email]".to_owned()),
        ("\\\\nmary@harbour.example".to_owned(), "\\\\n[email]".to_owned()),
        ("\\u00e9mary@harbour.example".to_owned(), "\\u00e9[email]".to_owned()),
    ] {
        assert_eq!(masked(&line), left, "{line}");
    }
}

#[test]
fn ordinary_text_survives() {
    for line in [
        "2026-11-22T18:47:53.123456Z  INFO ringfence::running: serving routes=312 http_address=127.0.0.1:8080",
        "2026-11-22T18:47:53+02:00 and 2026-11-22 18:47:53 +0200 1234567 and +00:00",
        "Calls are answered at sip:127.0.0.1:5060 and sips:[::1]:5061; sip:desk.example and sip:1001 are short",
        "call=0199f2c4-7d1e-7b52-8a3c-00123456789a organization=00000000-0000-0000-0000-000000000000",
        "call-0199f2c4-7d1e-7b52-8a3c-5f0d3e2a1b4c ended after 00:03:12.004, 1000000 bytes, +3 rows, +100000 more",
        "hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "versions 1.2.3+20260101, tokio@1.54.1, TLS 1.3, HTTP/2, v0.1.0-rc.1; 10.0.0.1, 2001:db8::1, port 00443",
        "an @ alone, @here, a @ b, name@host, 5 @ 3.20; Bearer realm=\"x\"; Basic authentication is refused",
        "a_very_long_name_of_a_test_that_says_what_it_holds_and_nothing_more_than_that_2",
        "src/product/conversations/src/store/lists.rs:112 Send `Authorization: Bearer rf_live_…`",
        "\u{1b}[2m2026\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m \u{1b}[3mseconds\u{1b}[0m\u{1b}[2m=\u{1b}[0m3600",
        "{\"timestamp\":\"2026-11-22T18:47:53.123456Z\",\"fields\":{\"count\":1234567890123,\"text\":\"a\\nb \\\\ c\"}}",
        "ends with \\",
        "ends with \u{1b}",
        "é\\é+é@é",
        "",
    ] {
        assert_eq!(masked(line), line);
    }
}

#[test]
fn a_line_in_pieces_is_masked_as_a_whole() {
    let log = Log::default();
    let inner = log.clone();
    let maker = Masked(move || inner.clone());
    let mut writer = maker.make_writer();
    for piece in ["to mary@har", "bour.exa", "mple now\nand +4420", "7946"] {
        writer.write_all(piece.as_bytes()).expect("taken");
        writer.flush().expect("taken");
    }
    assert_eq!(log.text(), "to [email] now\n");
    writer.write_all(b"0018").expect("taken");
    drop(writer);
    assert_eq!(log.text(), "to [email] now\nand [phone]");
}

#[test]
fn hostile_lines_cost_no_more_than_others() {
    let key = ["rf_", "live_"].concat();
    let pieces =
        ["a", "@", "a@", "a.", "a@a.", "+1", "-+1234567", "+1 ", "0", "001 ", "\\", "\\u{", "\u{1b}[", "sip:", "://"];
    let began = Instant::now();
    for piece in pieces.into_iter().chain([key.as_str(), "rf_liv", "bearer ", "A1b", "\u{e9}@"]) {
        let line = piece.repeat(262_144 / piece.len());
        assert!(mask(line.as_bytes()).len() <= 4 * line.len());
    }
    // A walk that looked back to the line's beginning would take minutes.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn any_text_stays_text_and_is_masked_once_for_all() {
    let pieces = [
        "@", "+", ":", ".", "-", "/", "\\", "\u{1b}[", "u{", "}", "x0", "00", "112", "n", "rf_live", "_", "sip:", " ",
        "é", "\"", "<b", "=",
    ];
    let mut state = 1_u32;
    for _ in 0..20_000 {
        let line: String = (0..16)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                pieces[(state >> 16) as usize % pieces.len()]
            })
            .collect();
        assert_eq!(std::str::from_utf8(&mask(line.as_bytes())).err(), None, "{line}");
        // Bytes that are no text at all are taken, too.
        mask(&line.bytes().map(|byte| byte ^ 0x80).collect::<Vec<_>>());
    }
}
