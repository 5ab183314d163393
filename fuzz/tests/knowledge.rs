//! Everything that reads strangers' documents: no input makes it panic, hang or outgrow its limits, and a quote is always
//! a piece of its section. Each target runs for a bounded time as a plain test and longer under a fuzzing engine.

use std::io::{Cursor, Write};
use std::time::Duration;

use agents::knowledge::address::{Reach, is_public};
use agents::knowledge::chunk::{DOCUMENT_TEXT_BYTES_MAX, SECTION_CHARACTERS_MAX, SECTIONS_MAX};
use agents::knowledge::crawl::{Frontier, PAGES_MAX};
use agents::knowledge::document::{Kind, decode, read, sniff};
use agents::knowledge::robots::Rules;
use agents::knowledge::{Index, Outline, docx, find, html, markdown, plain};
use bolero::check;
use fuzz::edited;
use url::{Host, Url};
use uuid::Uuid;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How long a target runs as a plain test.
const TIME: Duration = Duration::from_secs(2);

const PAGE: &str = "<!doctype html><title>T</title><nav>n</nav><h1>Prices</h1><p hidden>x<p style='display:none'>y<table>\
    <tr><th>A<th>B<tr><td rowspan=2>1<td>2</table><dl><dt>a<dd>b</dl><ul><li>x<ul><li>y</ul></ul><pre>z</pre><h3>More</h3>\
    <p>Text&nbsp;with &amp; signs. Second sentence? <b>Third</b></p><a href='/a?b#c'>l</a><footer>f</footer>";
const TEXT: &str = "---\nmeta: x\n---\n# Title\n\nText *with* [link](https://a.example).\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n\n\
    ## Part\n\n1. one\n2. two\n   - three\n\n<div hidden>\n\nx\n\n</div>\n\n> quote\n\n```\ncode\n```\n";
const WORD: &str = "<w:document xmlns:w=\"w\"><w:body><w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>H</w:t></w:r></w:p>\
    <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a &amp; b</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>x\
    </w:t></w:r></w:p></w:body></w:document>";
const ROBOTS: &str =
    "User-agent: *\nDisallow: /private*\nAllow: /private/ok$\nCrawl-delay: 1.5\nSitemap: https://a.example/s.xml\n";

/// Holds what an outline promises.
fn hold(outline: Outline) {
    let sections = outline.sections(Uuid::nil(), "file", None);
    assert!(sections.len() <= SECTIONS_MAX);
    assert!(sections.iter().map(|section| section.text.len()).sum::<usize>() <= DOCUMENT_TEXT_BYTES_MAX * 2);
    for section in &sections {
        assert!(!section.text.trim().is_empty());
        assert!(section.text.chars().count() <= SECTION_CHARACTERS_MAX);
        assert!(section.path.iter().all(|heading| !heading.is_empty() && !heading.contains('\n')));
    }
}

#[test]
fn html_pages() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(PAGE.as_bytes(), edits), edits.to_vec()] {
            let source = String::from_utf8_lossy(&bytes);
            assert!(html::for_crawlers(&source, 50).links.len() <= 50);
            if let Ok(outline) = html::read_page(&source) {
                hold(outline);
            }
            if let Ok(outline) = html::read_all(&source) {
                hold(outline);
            }
        }
    });
}

#[test]
fn markdown_texts() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(TEXT.as_bytes(), edits), edits.to_vec()] {
            if let Ok(outline) = markdown::read(&String::from_utf8_lossy(&bytes)) {
                hold(outline);
            }
        }
    });
}

#[test]
fn plain_texts_and_encodings() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        hold(plain::read(&String::from_utf8_lossy(edits)));
        if let Ok(text) = decode(edits) {
            hold(plain::read(&text));
        }
    });
}

#[test]
fn word_documents() {
    let container = |text: &[u8]| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("word/document.xml", SimpleFileOptions::default()).expect("a new part");
        writer.write_all(text).expect("memory takes it");
        writer.finish().expect("memory takes it").into_inner()
    };
    let whole = container(WORD.as_bytes());
    assert!(docx::read(&whole).is_ok());
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [container(&edited(WORD.as_bytes(), edits)), edited(&whole, edits), edits.to_vec()] {
            if let Ok(outline) = docx::read(&bytes) {
                hold(outline);
            }
        }
    });
}

#[test]
fn kinds_of_files() {
    let seeds: [&[u8]; 5] = [b"%PDF-1.7\n1 0 obj", b"PK\x03\x04", b"MZ\x90", b"\xff\xfea\0", b"<html>"];
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for seed in seeds {
            let bytes = edited(seed, edits);
            for name in ["a.pdf", "a.docx", "a.md", "a.html", "a.txt", "a"] {
                let Ok(kind) = sniff(name, &bytes) else { continue };
                assert!(!bytes.starts_with(b"MZ") && !bytes.starts_with(b"\x7fELF") && !bytes.starts_with(b"#!"));
                assert_eq!(kind == Kind::Pdf, bytes.starts_with(b"%PDF-"));
                if let Ok(outline) = read(kind, &bytes) {
                    hold(outline);
                }
            }
        }
    });
}

#[test]
fn addresses() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for seed in ["http://127.0.0.1/", "https://a.example:443/x?y#z", "http://[::ffff:10.0.0.1]/", ""] {
            let bytes = edited(seed.as_bytes(), edits);
            let text = String::from_utf8_lossy(&bytes);
            let Ok(url) = Reach::PublicOnly.check(&text) else { continue };
            assert!(matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.fragment().is_none());
            match url.host().expect("a checked address has a host") {
                Host::Ipv4(address) => assert!(is_public(address.into()), "{url}"),
                Host::Ipv6(address) => assert!(is_public(address.into()), "{url}"),
                Host::Domain(name) => assert!(!name.is_empty()),
            }
        }
    });
}

#[test]
fn links_never_leave_the_site() {
    let start = Url::parse("https://a.example/").expect("an address");
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let mut frontier = Frontier::new(Reach::PublicOnly, start.clone(), PAGES_MAX);
        let first = frontier.next_target().expect("the start");
        let text = String::from_utf8_lossy(edits);
        frontier.found(&first, &start, text.split(' ').chain(["//b.example/", "\\\\b.example"]));
        while let Some(target) = frontier.next_target() {
            assert_eq!(target.url.host_str(), Some("a.example"), "{}", target.url);
        }
    });
}

#[test]
fn robots_files() {
    let page = Url::parse("https://a.example/private/ok?x=1").expect("an address");
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(ROBOTS.as_bytes(), edits), edits.to_vec()] {
            if let Some(rules) = Rules::read("RingfenceKnowledge", &bytes) {
                let _ = rules.allow(&page);
                assert!(rules.pause() <= Duration::from_secs(10));
            }
        }
    });
}

#[test]
fn questions_and_quotes() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let bytes = edited(TEXT.as_bytes(), edits);
        let text = String::from_utf8_lossy(&bytes);
        let Ok(outline) = markdown::read(&text) else { return };
        let index = Index::build(outline.sections(Uuid::nil(), "file", None));
        let raw = String::from_utf8_lossy(edits);
        for question in [raw.as_ref(), "Title text with link", &text] {
            for found in find(&index, question, 3) {
                assert!(found.passage.text.contains(&found.quote) && !found.quote.is_empty());
                assert!((0..=1_000).contains(&found.support_thousandths));
            }
        }
    });
}
