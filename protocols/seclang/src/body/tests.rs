//! Bodies as forms, parts, JSON and XML become the variables that rules read.

use super::intake::Intake;
use super::{Body, Processor, form, read};
use crate::settings::Limits;

fn parsed(content_type: &str, body: &[u8]) -> Body {
    taken_in(content_type, body, &[]).0
}

fn taken_in(content_type: &str, body: &[u8], free_text: &[&str]) -> (Body, Intake) {
    let mut intake = Intake::new(Limits::default());
    intake.declare(free_text);
    (read(Processor::of(content_type.as_bytes()), body, &mut intake), intake)
}

fn pairs(body: &Body) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    body.arguments.taken.iter().map(|each| (text(&each.name), text(&each.value))).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Bytes of everything that was made of a body.
fn held_bytes(body: &Body) -> usize {
    let arguments: usize = body.arguments.taken.iter().map(|each| each.name.len() + each.value.len()).sum();
    let files: usize = body.files.iter().map(|file| file.field.len() + file.name.len()).sum();
    let headers: usize = body
        .part_headers
        .iter()
        .map(|headers| headers.part.len() + headers.lines.iter().map(Vec::len).sum::<usize>())
        .sum();
    let attributes: usize = body.xml_attributes.iter().map(Vec::len).sum();
    arguments + files + headers + attributes + body.xml_text.as_ref().map_or(0, Vec::len)
}

#[test]
fn forms() {
    let arguments = form(b"a=1&b%20c=%3Cx%3E&d&&=e&a=+2", &mut Intake::new(Limits::default()));
    let expected = [pair("a", "1"), pair("b c", "<x>"), pair("d", ""), pair("", "e"), pair("a", " 2")];
    assert_eq!(pairs(&Body { arguments, ..Body::default() }), expected);
}

#[test]
fn json_keeps_duplicates_and_tells_the_field() {
    let sent = br#"{"a":"attack","a":"ok","rows":[{"n":1.5},true,null],"z":{"":{"y":1}}}"#;
    let body = parsed("application/json; charset=utf-8", sent);
    assert!(!body.error);
    let expected = [
        ("json.a", "a", "attack"),
        ("json.a", "a", "ok"),
        ("json.rows", "rows", ""),
        ("json.rows.array_0.n", "rows.*.n", "1.5"),
        ("json.rows.array_1", "rows.*", "true"),
        ("json.rows.array_2", "rows.*", ""),
        ("json.z", "z", ""),
        ("json.z.", "z.", ""),
        ("json.z..y", "z..y", "1"),
    ];
    assert_eq!(pairs(&body), expected.map(|(name, _, value)| pair(name, value)));
    for (_, field, _) in expected {
        let (body, _) = taken_in("application/json", sent, &[field]);
        let free = expected.map(|(_, other, _)| other == field);
        assert!(body.arguments.taken.iter().map(|each| each.free).eq(free), "{field}");
    }
    let broken = parsed("application/problem+json", br#"{"a":"seen","b":"#);
    assert!(broken.error);
    assert_eq!(pairs(&broken), [pair("json.a", "seen")]);
    assert!(parsed("application/json", "[".repeat(100_000).as_bytes()).error, "depth has a limit");
}

#[test]
fn a_body_holds_no_more_than_is_inspected() {
    let long_name_above_many_values = format!("{{\"{}\":[0{}]}}", "k".repeat(32_000), ",0".repeat(16_000));
    let deep = (0..62).fold("[0,0,0,0,0]".to_owned(), |below, _| format!("{{\"{}\":{below}}}", "k".repeat(1_000)));
    let many = "a=b&".repeat(16_000);
    let attributes = format!("<a{}>{}</a>", " a='b'".repeat(5_000), "text".repeat(20_000));
    for (content_type, sent, arguments) in [
        ("application/json", long_name_above_many_values, 1 + 16_001),
        ("application/json", deep, 62 + 5),
        ("application/x-www-form-urlencoded", many, 16_000),
        ("text/xml", attributes, 0),
    ] {
        let (body, intake) = taken_in(content_type, sent.as_bytes(), &[]);
        assert!(!body.error, "{content_type}");
        let limit = intake.limits.inspected_bytes + sent.len();
        assert!(held_bytes(&body) <= limit, "{content_type}: {} of {limit}", held_bytes(&body));
        assert!(body.arguments.taken.len() <= intake.limits.arguments);
        assert_eq!(body.arguments.taken.len() + body.arguments.left_out, arguments);
        assert!(intake.uninspected(), "{content_type}");
        let (_, free) = taken_in(content_type, sent.as_bytes(), &["**"]);
        assert!(!free.uninspected(), "{content_type}: free text is left out without a word");
    }
}

#[test]
fn xml_gives_text_and_attributes() {
    let body = parsed("text/xml", b"<?xml version='1.0'?><a x=\"1&lt;2\"><b>te</b><![CDATA[x]]>&amp;t<!-- no --></a>");
    assert_eq!((body.xml_text.as_deref(), body.error), (Some(&b"tex&t"[..]), false));
    assert_eq!(body.xml_attributes, [b"1<2"]);
    assert!(parsed("application/xml", b"<a><b").error);
    assert!(parsed("application/xml", "<a>".repeat(100).as_bytes()).error, "depth has a limit");
}

#[test]
fn multipart_gives_fields_and_files() {
    let text = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--b\r\n\
        Content-Disposition: form-data; name=\"f\"; filename=\"x.\\\"php\"\r\nContent-Type: text/plain\r\n\r\n12345\r\n--b--\r\n";
    let body = parsed("multipart/form-data; boundary=b", text);
    assert_eq!(pairs(&body), [pair("a", "value")]);
    assert_eq!(
        body.files.iter().map(|file| (&*file.field, &*file.name, file.bytes)).collect::<Vec<_>>(),
        [(&b"f"[..], &b"x.\"php"[..], 5)]
    );
    assert_eq!(body.part_headers.iter().map(|headers| headers.lines.len()).collect::<Vec<_>>(), [1, 2]);
    assert!(!body.error && !body.strict_error);
}

#[test]
fn a_multipart_body_that_takes_liberties_is_still_read() {
    let unclosed = parsed("multipart/form-data; boundary=lie", b"--b\nContent-Disposition: form-data; name=a\n\nvalue");
    assert_eq!(pairs(&unclosed), [pair("a", "value")], "the header's boundary hides nothing");
    assert!(unclosed.strict_error);
    assert!(parsed("multipart/form-data", b"no boundary").error);
    let mut many = b"--b\r\n".to_vec();
    many.extend(b"\r\n--b\r\n".repeat(300));
    assert!(parsed("multipart/form-data", &many).error, "parts have a limit");
    let named = parsed(
        "multipart/form-data",
        b"--b\r\nContent-Disposition: form-data; name=f; filename*=utf-8''a%2ephp\r\n\r\nx\r\n--b--",
    );
    assert_eq!(named.files[0].name, b"a.php");
}

#[test]
fn a_boundary_has_at_most_the_length_that_boundaries_have() {
    let with = |length: usize| {
        let line = format!("--{}", "b".repeat(length));
        parsed(
            "multipart/form-data",
            format!("{line}\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n{line}--").as_bytes(),
        )
    };
    assert!(!with(70).error);
    assert_eq!(pairs(&with(70)), [pair("a", "x")]);
    assert!(with(71).error, "comparing it at each place took the square of the body");
    // Not at the beginning of a line, and with more behind it, it is content.
    let inside = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx--b\r\n--bb\r\n-\r\n--b--";
    assert_eq!(pairs(&parsed("multipart/form-data", inside)), [pair("a", "x--b\r\n--bb\r\n-")]);
}

#[test]
fn part_headers_hold_no_more_than_is_inspected() {
    let part = |lines: usize, name: usize| {
        let name = "n".repeat(name);
        format!("--b\nContent-Disposition: form-data; name={name}\n{}\n\n", "a\n".repeat(lines - 1))
    };
    let (fine, intake) = taken_in("multipart/form-data", format!("{}--b--", part(32, 1)).as_bytes(), &[]);
    assert!(!fine.error && !intake.uninspected());
    for sent in [part(33, 1), part(3_000, 8_000).repeat(40), part(2, 15_000).repeat(40)] {
        let (body, intake) = taken_in("multipart/form-data", format!("{sent}--b--").as_bytes(), &[]);
        assert!(intake.uninspected());
        assert!(held_bytes(&body) <= intake.limits.inspected_bytes, "{} of {}", held_bytes(&body), sent.len());
        assert!(body.part_headers.iter().all(|headers| headers.lines.len() <= 32));
    }
}

#[test]
fn content_types_choose_the_reader() {
    for (content_type, name) in [
        ("application/x-www-form-urlencoded", "URLENCODED"),
        ("Multipart/Form-Data; boundary=x", "MULTIPART"),
        ("application/json", "JSON"),
        ("application/vnd.api+json", "JSON"),
        ("application/soap+xml", "XML"),
        ("text/plain", ""),
        ("", ""),
    ] {
        assert_eq!(Processor::of(content_type.as_bytes()).name(), name, "{content_type}");
        assert_eq!(Processor::named(name).name(), name);
    }
}
