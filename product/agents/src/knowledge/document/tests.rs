//! Programs, disguises and sizes are refused; text comes through whatever its encoding.

use super::*;

#[test]
fn programs_are_refused_whatever_their_name() {
    for (magic, _) in PROGRAMS {
        let mut bytes = magic.to_vec();
        bytes.extend_from_slice(b"rest of it");
        for name in ["prices.pdf", "prices.txt", "prices.md", "prices.docx", "prices"] {
            assert!(matches!(sniff(name, &bytes), Err(ReadError::Program { .. })), "{name} {magic:?}");
        }
    }
    assert!(matches!(sniff("run.exe", b"plain text"), Err(ReadError::Unsupported { .. })));
    assert!(matches!(sniff("run.js", b"alert(1)"), Err(ReadError::Unsupported { .. })));
}

#[test]
fn a_name_that_promises_something_else_is_a_disguise() {
    assert!(matches!(sniff("prices.pdf", b"<html>hello"), Err(ReadError::Disguised { named: "pdf" })));
    assert!(matches!(sniff("prices.docx", b"text"), Err(ReadError::Disguised { named: "docx" })));
    assert!(matches!(sniff("prices.txt", b"%PDF-1.4 ..."), Err(ReadError::Disguised { named: "plain" })));
    assert!(matches!(sniff("prices.txt", b"text\0binary"), Err(ReadError::Unsupported { .. })));
    assert!(matches!(sniff("prices.txt", b"\x89PNG\r\n"), Err(ReadError::Unsupported { .. })));
}

#[test]
fn kinds_are_told_by_content() {
    assert_eq!(sniff("x.pdf", b"%PDF-1.7\n"), Ok(Kind::Pdf));
    assert_eq!(sniff("x", b"%PDF-1.7\n"), Ok(Kind::Pdf));
    assert_eq!(sniff("notes.md", b"# A"), Ok(Kind::Markdown));
    assert_eq!(sniff("page.HTM", b"<p>x"), Ok(Kind::Html));
    assert_eq!(sniff("page.txt", b"  <!DOCTYPE html><p>x"), Ok(Kind::Html));
    assert_eq!(sniff("About Dr. Meyer", b"text"), Ok(Kind::Plain));
    assert_eq!(sniff("x", b""), Err(ReadError::Empty));
}

#[test]
fn sizes_hold_at_their_edges() {
    assert!(sniff("x.txt", &vec![b'a'; TEXT_BYTES_MAX]).is_ok());
    assert_eq!(sniff("x.txt", &vec![b'a'; TEXT_BYTES_MAX + 1]), Err(ReadError::TooLarge { limit: TEXT_BYTES_MAX }));
    let mut pdf = b"%PDF-1.4".to_vec();
    pdf.resize(UPLOAD_BYTES_MAX, b' ');
    assert_eq!(sniff("x.pdf", &pdf), Ok(Kind::Pdf));
    pdf.push(b' ');
    assert_eq!(sniff("x.pdf", &pdf), Err(ReadError::TooLarge { limit: UPLOAD_BYTES_MAX }));
}

#[test]
fn text_is_decoded() {
    assert_eq!(decode("Größe".as_bytes()).expect("UTF-8"), "Größe");
    assert_eq!(decode(b"\xef\xbb\xbfok").expect("with a mark"), "ok");
    assert_eq!(decode(b"\xff\xfeo\0k\0").expect("UTF-16"), "ok");
    assert_eq!(decode(b"Gr\xf6\xdfe \x80 5").expect("Windows-1252"), "Größe € 5");
    assert!(decode(b"a\x01b").is_err());
    assert!(decode(b"\xff\xfe\x00\xd8").is_err());
}

#[test]
fn nothing_to_read_is_said() {
    assert_eq!(read(Kind::Plain, b" \n \n").expect_err("no text"), ReadError::Empty);
    assert_eq!(read(Kind::Html, b"<script>x</script>").expect_err("no text"), ReadError::Empty);
}
