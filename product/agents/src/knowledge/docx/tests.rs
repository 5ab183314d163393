//! Real containers written here, bombs, macros, truncation and garbage.

use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn container(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).expect("a new part");
        writer.write_all(content).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").into_inner()
}

fn document(body: &str) -> Vec<u8> {
    let text = format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"urn:w\"><w:body>{body}</w:body></w:document>");
    container(&[("[Content_Types].xml", b"<Types/>"), (TEXT_PART, text.as_bytes())])
}

fn lines(bytes: &[u8]) -> Vec<String> {
    read(bytes)
        .expect("a good document")
        .sections(uuid::Uuid::nil(), "file", None)
        .into_iter()
        .map(|section| {
            format!("{} > {}: {}", section.title, section.path.join(" > "), section.text.replace('\n', " / "))
        })
        .collect()
}

#[test]
fn headings_paragraphs_and_tables() {
    let body = "<w:p><w:pPr><w:pStyle w:val=\"Title\"/></w:pPr><w:r><w:t>Prices</w:t></w:r></w:p>\
        <w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Adults &amp; kids</w:t></w:r></w:p>\
        <w:p><w:r><w:t xml:space=\"preserve\">All prices </w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>SECRET</w:t></w:r>\
        <w:r><w:t>include tax&#33;</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>Treatment</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Price</w:t></w:r></w:p></w:tc></w:tr>\
        <w:tr><w:tc><w:p><w:r><w:t>Cleaning</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>$90</w:t></w:r></w:p></w:tc></w:tr></w:tbl>";
    assert_eq!(
        lines(&document(body)),
        ["Prices > Adults & kids: All prices include tax! / Cleaning \u{2013} Price: $90"]
    );
}

#[test]
fn localised_styles_are_found_by_their_fixed_name() {
    let styles = "<w:styles xmlns:w=\"urn:w\"><w:style w:styleId=\"berschrift2\"><w:name w:val=\"heading 2\"/></w:style></w:styles>";
    let text = "<w:document xmlns:w=\"urn:w\"><w:body><w:p><w:pPr><w:pStyle w:val=\"berschrift2\"/></w:pPr><w:r><w:t>Zeiten\
                </w:t></w:r></w:p><w:p><w:r><w:t>Montag 8 Uhr</w:t></w:r></w:p></w:body></w:document>";
    let bytes = container(&[(TEXT_PART, text.as_bytes()), (STYLES_PART, styles.as_bytes())]);
    assert_eq!(lines(&bytes), ["file > Zeiten: Montag 8 Uhr"]);
}

#[test]
fn a_tag_of_very_many_attributes_is_read_in_one_go() {
    let attribute = |number: u32| format!(" a{number}=''");
    let many: String = (0..100_000).map(attribute).collect();
    let body = format!(
        "<w:p><w:pPr><w:pStyle{many} w:val='Heading1' w:val='Heading2'/></w:pPr><w:r><w:t>Prices</w:t></w:r></w:p>\
         <w:p><w:r><w:t>Cleaning 90</w:t></w:r></w:p>"
    );
    assert_eq!(lines(&document(&body)), ["Prices > : Cleaning 90"]);
}

#[test]
fn bombs_are_refused() {
    let zeros = format!("<w:t>{}</w:t>", " ".repeat(UNPACKED_BYTES_MAX));
    assert!(matches!(read(&document(&zeros)), Err(ReadError::Bomb { .. })));
    let ratio = format!("<w:t>{}</w:t>", " ".repeat(RATIO_FROM_BYTES * 2));
    assert!(matches!(read(&document(&ratio)), Err(ReadError::Bomb { .. })));
    let deep = format!("{}{}", "<w:p>".repeat(DEPTH_MAX + 1), "</w:p>".repeat(DEPTH_MAX + 1));
    assert!(matches!(read(&document(&deep)), Err(ReadError::TooDeep { .. })));
    let entities = b"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><w:document>&a;</w:document>";
    assert!(matches!(read(&container(&[(TEXT_PART, entities)])), Err(ReadError::Damaged { .. })));
    let names: Vec<String> = (0..=ENTRIES_MAX).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert!(matches!(read(&container(&many)), Err(ReadError::TooManyElements { .. })));
}

#[test]
fn macros_and_other_archives_are_refused() {
    let macros = container(&[(TEXT_PART, b"<w:document/>"), ("word/vbaProject.bin", b"x")]);
    assert_eq!(check(&macros), Err(ReadError::Program { what: "Word macros" }));
    assert!(matches!(check(&container(&[("run.exe", b"MZ")])), Err(ReadError::Unsupported { .. })));
}

#[test]
fn truncation_at_every_place_is_an_error_and_never_a_panic() {
    let whole = document("<w:p><w:r><w:t>Some text that is long enough to cut</w:t></w:r></w:p>");
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "cut at {length}");
    }
    for place in 0..whole.len() {
        let mut broken = whole.clone();
        broken[place] ^= 0x55;
        drop(read(&broken));
    }
    let open = b"<w:document><w:p><w:r><w:t>text";
    assert!(matches!(read(&container(&[(TEXT_PART, open)])), Err(ReadError::Damaged { .. })));
}
