//! Documents that are broken or hostile: each is refused, fails with words, or is read for what it is; the others stay.

use std::io::Write as _;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::stands;
use crate::product::Product;

/// How long all of them may take to be looked at.
const READ_LIMIT: Duration = Duration::from_secs(90);
const GOOD: &[u8] = include_bytes!("../../../src/demo/practice/after-your-treatment.pdf");

/// A DOCX whose text is the given XML.
pub fn docx(text: &[u8], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    archive.start_file("word/document.xml", options).expect("a file in the archive");
    archive.write_all(text).expect("written");
    archive.finish().expect("an archive").into_inner()
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A PDF with these objects and no table of where they are.
fn pdf(objects: &str) -> Vec<u8> {
    format!("%PDF-1.7\n{objects}\ntrailer << /Root 1 0 R >>\n%%EOF\n").into_bytes()
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let deflated = zip::CompressionMethod::Deflated;
    let mut spoilt = GOOD.to_vec();
    for place in (200..spoilt.len()).step_by(97) {
        spoilt[place] ^= 0x55;
    }
    let entities = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><a>&b;</a>";
    vec![
        ("empty.pdf", Vec::new()),
        ("noise.pdf", noise(50_000)),
        ("cut.pdf", GOOD[..GOOD.len() / 2].to_vec()),
        ("spoilt.pdf", spoilt),
        (
            "round.pdf",
            pdf(
                "1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj 2 0 obj << /Type /Pages /Kids [2 0 R] /Count 1 >> endobj",
            ),
        ),
        ("deep.pdf", pdf(&format!("1 0 obj {} endobj", "[".repeat(100_000)))),
        ("long.pdf", pdf("1 0 obj << /Length 99999999999999999999 >> stream\nabc\nendstream endobj")),
        ("page.pdf", b"<html><body>not a PDF at all</body></html>".to_vec()),
        ("noise.docx", noise(50_000)),
        ("cut.docx", docx(b"<w:document/>", deflated)[..40].to_vec()),
        ("bomb.docx", docx(&vec![b' '; 300 << 20], deflated)),
        ("entities.docx", docx(entities.as_bytes(), deflated)),
        ("deep.docx", docx("<a>".repeat(200_000).as_bytes(), deflated)),
        ("no-xml.docx", docx(&noise(5_000), deflated)),
        ("deep.html", "<div>".repeat(200_000).into_bytes()),
        ("noise.html", noise(200_000)),
        ("open.html", b"<script>while(1){}<!-- <title><b".to_vec()),
        ("nul.md", vec![0; 100_000]),
        ("deep.md", "> ".repeat(100_000).into_bytes()),
        ("brackets.md", "[".repeat(200_000).into_bytes()),
        ("program.exe", b"MZ\x90\x00 this is a program".to_vec()),
        ("../../../root.key", b"# A path\n\nthat leads out of the folder.".to_vec()),
    ]
}

async fn upload(product: &Product, name: &str, bytes: &[u8]) -> (u16, Value) {
    let head = format!(
        "--prover\r\ncontent-disposition: form-data; name=\"attested\"\r\n\r\ntrue\r\n--prover\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--prover--\r\n"].concat();
    let path = format!("/v1/agents/{}/knowledge/uploads", product.facts.agent_id);
    let request = product.api(Method::POST, &path).header("content-type", "multipart/form-data; boundary=prover");
    let answer = request.body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn document(product: &Product, id: &str) -> Value {
    product.get(&format!("/v1/agents/{}/knowledge/{id}", product.facts.agent_id)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_documents_fail_with_words_and_the_others_stay() {
    let product = Product::start_with(&["--no-caller"]).await;
    let process = product.process();
    let list = format!("/v1/agents/{}/knowledge?limit=100", product.facts.agent_id);
    let before = product.get(&list).await["data"].as_array().expect("documents").clone();
    assert!(before.len() >= 4, "the practice has documents");
    let (mut waiting, mut faults) = (Vec::new(), Vec::new());
    for (name, bytes) in hostile() {
        let (status, answer) = upload(&product, name, &bytes).await;
        match status {
            202 => waiting.push((name, answer["id"].as_str().expect("an id").to_owned())),
            400..500 if answer["detail"].is_string() || answer["errors"].is_array() => {}
            _ => faults.push(format!("{name}: {status} {answer}")),
        }
    }
    let deadline = Instant::now() + READ_LIMIT;
    for (name, id) in waiting {
        loop {
            let read = document(&product, &id).await;
            let in_words = read["failure"].as_str().is_some_and(|words| words.len() > 10);
            match read["state"].as_str() {
                Some("failed") if in_words => break,
                // What is hardly a page may still be one; a PDF or DOCX that cannot be opened is none.
                Some("ready") if name.ends_with(".html") || name.ends_with(".md") || name.ends_with("key") => break,
                Some("ready") if name == "spoilt.pdf" || name == "entities.docx" => break,
                Some("queued" | "reading") if Instant::now() < deadline => {}
                _ => {
                    faults.push(format!("{name}: {read}"));
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let after = product.get(&list).await["data"].as_array().expect("documents").clone();
    for was in &before {
        let now = after.iter().find(|now| now["id"] == was["id"]).expect("it is still there");
        assert_eq!((&now["state"], &now["sections"]), (&was["state"], &was["sections"]), "{was}");
    }
    a_good_one_is_read(&product).await;
    assert!(!product.folder().join("../../../root.key").canonicalize().is_ok_and(|path| path.starts_with("/root.key")));
    stands(&product, process).await;
}

/// The reader still reads.
async fn a_good_one_is_read(product: &Product) {
    let text =
        json!({"title": "Parking", "text": "Visitors park behind the lighthouse free of charge.", "attested": true});
    let path = format!("/v1/agents/{}/knowledge/texts", product.facts.agent_id);
    let added: Value =
        product.api(Method::POST, &path).json(&text).send().await.expect("an answer").json().await.expect("JSON");
    let deadline = Instant::now() + Duration::from_secs(20);
    while document(product, added["id"].as_str().expect("an id")).await["state"] != "ready" {
        assert!(Instant::now() < deadline, "nothing is read any more: {added}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let asked =
        format!("/v1/agents/{}/knowledge/answers?question=Where%20can%20visitors%20park", product.facts.agent_id);
    let answers = product.get(&asked).await;
    assert!(answers.to_string().contains("lighthouse"), "{answers}");
}
