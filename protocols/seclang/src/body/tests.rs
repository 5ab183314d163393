//! Bodies as forms, parts, JSON and XML become the variables that rules read.

use super::{Body, Processor, form, read};
use crate::settings::Limits;

fn parsed(content_type: &str, body: &[u8]) -> Body {
    read(Processor::of(content_type.as_bytes()), body, &Limits::default())
}

fn pairs(body: &Body) -> Vec<(String, String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    body.arguments.iter().map(|each| (text(&each.name), each.field.clone(), text(&each.value))).collect()
}

fn pair(name: &str, field: &str, value: &str) -> (String, String, String) {
    (name.to_owned(), field.to_owned(), value.to_owned())
}

#[test]
fn forms() {
    let body = Body { arguments: form(b"a=1&b%20c=%3Cx%3E&d&&=e&a=+2"), ..Body::default() };
    let expected =
        [pair("a", "a", "1"), pair("b c", "b c", "<x>"), pair("d", "d", ""), pair("", "", "e"), pair("a", "a", " 2")];
    assert_eq!(pairs(&body), expected);
}

#[test]
fn json_keeps_duplicates_and_tells_the_field() {
    let body = parsed("application/json; charset=utf-8", br#"{"a":"attack","a":"ok","rows":[{"n":1.5},true,null]}"#);
    assert!(!body.error);
    let expected = [
        pair("json.a", "a", "attack"),
        pair("json.a", "a", "ok"),
        pair("json.rows", "rows", ""),
        pair("json.rows.array_0.n", "rows.*.n", "1.5"),
        pair("json.rows.array_1", "rows.*", "true"),
        pair("json.rows.array_2", "rows.*", ""),
    ];
    assert_eq!(pairs(&body), expected);
    let broken = parsed("application/problem+json", br#"{"a":"seen","b":"#);
    assert!(broken.error);
    assert_eq!(pairs(&broken), [pair("json.a", "a", "seen")]);
    assert!(parsed("application/json", "[".repeat(100_000).as_bytes()).error, "depth has a limit");
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
    assert_eq!(pairs(&body), [pair("a", "a", "value")]);
    assert_eq!(
        body.files.iter().map(|file| (&*file.field, &*file.name, file.bytes)).collect::<Vec<_>>(),
        [(&b"f"[..], &b"x.\"php"[..], 5)]
    );
    assert_eq!(body.part_headers.len(), 3);
    assert!(!body.error && !body.strict_error);
}

#[test]
fn a_multipart_body_that_takes_liberties_is_still_read() {
    let unclosed = parsed("multipart/form-data; boundary=lie", b"--b\nContent-Disposition: form-data; name=a\n\nvalue");
    assert_eq!(pairs(&unclosed), [pair("a", "a", "value")], "the header's boundary hides nothing");
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
