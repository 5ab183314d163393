//! PDF files read by a real child process. This test is its own program (no harness), because the child is the program
//! itself, started again with [`agents::knowledge::pdf::CHILD_ARGUMENT`], exactly as the server does it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use agents::knowledge::document::ReadError;
use agents::knowledge::pdf::{self, CHILD_ARGUMENT, driver::extract_within};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(argument) if argument == CHILD_ARGUMENT => return pdf::child_main(),
        // What the test command passes to list tests.
        Some("--list") => return ExitCode::SUCCESS,
        _ => {}
    }
    let program = std::env::current_exe().expect("a program knows its path");
    tokio::runtime::Runtime::new().expect("a runtime starts").block_on(check(&program));
    ExitCode::SUCCESS
}

async fn check(program: &Path) {
    let good = file(&["Prices", "Professional cleaning costs 90 dollars.", "Filling from 150 dollars."], "");
    let pages = pdf::extract(program, &good).await.expect("a good file");
    assert_eq!(pages.0.len(), 1);
    assert!(pages.0[0].contains("Professional cleaning costs 90 dollars."), "{pages:?}");
    let sections = pages.outline().sections(uuid::Uuid::nil(), "prices.pdf", None);
    let text: Vec<String> = sections.iter().map(|section| format!("{:?} {}", section.path, section.text)).collect();
    assert!(text.join("\n").contains("Filling from 150 dollars."), "{text:?}");

    // Cut anywhere, or with a byte broken: an error or text, never a hang, and this process lives on.
    for length in (0..good.len()).step_by(97) {
        drop(pdf::extract(program, &good[..length]).await);
    }
    assert!(matches!(pdf::extract(program, b"%PDF-1.7 garbage").await, Err(ReadError::Damaged { .. })));
    assert!(matches!(pdf::extract(program, b"").await, Err(ReadError::Damaged { .. })));
    assert_eq!(pdf::extract(program, &file(&[], "")).await, Err(ReadError::Empty));
    let locked = file(&["x"], "/Encrypt << /Filter /Standard /V 9 /R 9 /O (x) /U (y) /P 0 >>");
    assert_eq!(pdf::extract(program, &locked).await, Err(ReadError::Encrypted));

    let slow = PathBuf::from("/bin/sh");
    assert!(matches!(pdf::extract(&slow, &good).await, Err(ReadError::Damaged { .. })), "not our reader");
    assert!(matches!(
        pdf::extract(Path::new("/nonexistent/reader"), &good).await,
        Err(ReadError::Damaged { .. } | ReadError::NoReader { .. })
    ));
    assert_eq!(
        extract_within(program, &good, Duration::from_nanos(1)).await,
        Err(ReadError::TooExpensive { what: "time" })
    );
    let huge = vec![b' '; agents::knowledge::document::UPLOAD_BYTES_MAX + 1];
    assert!(matches!(pdf::extract(program, &huge).await, Err(ReadError::TooLarge { .. })));
}

/// A PDF of one page with these lines, written by hand.
fn file(lines: &[&str], trailer: &str) -> Vec<u8> {
    let mut content = String::from("BT /F1 12 Tf 14 TL 72 720 Td\n");
    for line in lines {
        content.extend(["(", line, ") Tj T*\n"]);
    }
    content.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>"
            .to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).into_bytes());
    }
    let table = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).into_bytes());
    for place in &places {
        bytes.extend(format!("{place:010} 00000 n \n").into_bytes());
    }
    let size = places.len() + 1;
    bytes
        .extend(format!("trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{table}\n%%EOF\n").into_bytes());
    bytes
}
