//! The two ends of the pipe: the server's side, which starts and limits the child, and the child's side.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::{CHILD_ARGUMENT, MEMORY_KIBIBYTES, OUTPUT_BYTES_MAX, PAGES_MAX, PROCESSOR_SECONDS, Pages, WALL_SECONDS};
use crate::knowledge::document::{ReadError, UPLOAD_BYTES_MAX};

/// The shell that sets the child's limits before it becomes the child; POSIX has it on every machine.
const SHELL: &str = "/bin/sh";
/// Exit codes of the child.
const EXIT_DAMAGED: u8 = 10;
const EXIT_ENCRYPTED: u8 = 11;

/// Reads a PDF in a child process of `program` (the running program's own path). Garbage, encryption, a crash of the reader
/// and every limit end in a [`ReadError`].
pub async fn extract(program: &Path, bytes: &[u8]) -> Result<Pages, ReadError> {
    extract_within(program, bytes, Duration::from_secs(WALL_SECONDS)).await
}

/// [`extract`] with another limit of wall time.
pub async fn extract_within(program: &Path, bytes: &[u8], wall: Duration) -> Result<Pages, ReadError> {
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(ReadError::TooLarge { limit: UPLOAD_BYTES_MAX });
    }
    let child = start(program)?;
    // Dropping the future kills the child (`kill_on_drop`), so a timeout leaves nothing behind.
    let (code, output) = tokio::time::timeout(wall, talk(child, bytes))
        .await
        .map_err(|_| ReadError::TooExpensive { what: "time" })??;
    match code {
        Some(0) => {}
        Some(code) if code == i32::from(EXIT_ENCRYPTED) => return Err(ReadError::Encrypted),
        Some(_) => return Err(ReadError::Damaged { kind: "PDF", why: "its pages cannot be read" }),
        None => return Err(ReadError::TooExpensive { what: "processor time or memory" }),
    }
    let text =
        String::from_utf8(output).map_err(|_| ReadError::Damaged { kind: "PDF", why: "its text is not UTF-8" })?;
    let pages = Pages::from_output(&text);
    if pages.0.iter().all(|page| page.trim().is_empty()) {
        return Err(ReadError::Empty);
    }
    Ok(pages)
}

fn start(program: &Path) -> Result<Child, ReadError> {
    let script = format!(
        "ulimit -v {MEMORY_KIBIBYTES} && ulimit -t {PROCESSOR_SECONDS} && ulimit -c 0 && exec \"$0\" {CHILD_ARGUMENT}"
    );
    Command::new(SHELL)
        .arg("-c")
        .arg(script)
        .arg(program)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|_| ReadError::NoReader { why: "the reading process cannot be started" })
}

/// Feeds the child and collects what it says, both at once, so that neither pipe can block the other.
async fn talk(mut child: Child, bytes: &[u8]) -> Result<(Option<i32>, Vec<u8>), ReadError> {
    let no_pipe = ReadError::NoReader { why: "the reading process has no pipe" };
    let mut input = child.stdin.take().ok_or(no_pipe.clone())?;
    let mut output = child.stdout.take().ok_or(no_pipe)?;
    let feed = async move {
        // A child that ends early closes its input: its exit code tells the story, not the broken pipe.
        let _ = input.write_all(bytes).await;
        let _ = input.shutdown().await;
        drop(input);
    };
    let collect = async move {
        let mut text = Vec::new();
        let mut limited = (&mut output).take(OUTPUT_BYTES_MAX as u64 + 1);
        limited
            .read_to_end(&mut text)
            .await
            .map_err(|_| ReadError::NoReader { why: "the reading process cannot be heard" })?;
        Ok::<_, ReadError>(text)
    };
    let ((), text) = tokio::join!(feed, collect);
    let text = text?;
    if text.len() > OUTPUT_BYTES_MAX {
        return Err(ReadError::TooLarge { limit: OUTPUT_BYTES_MAX });
    }
    let status =
        child.wait().await.map_err(|_| ReadError::NoReader { why: "the reading process cannot be waited for" })?;
    Ok((status.code(), text))
}

/// The child: reads one PDF from standard input and writes its pages to standard output, separated by form feeds.
/// The program's `main` calls this when its first argument is [`CHILD_ARGUMENT`], before anything else is set up.
pub fn child_main() -> ExitCode {
    let mut bytes = Vec::new();
    if std::io::stdin().take(UPLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).is_err() {
        return ExitCode::from(EXIT_DAMAGED);
    }
    // The reader may panic on damaged files: in this process that only means exit code 101, without words.
    std::panic::set_hook(Box::new(|_| {}));
    let encrypted = bytes.windows(8).any(|window| window == b"/Encrypt");
    let unread = ExitCode::from(if encrypted { EXIT_ENCRYPTED } else { EXIT_DAMAGED });
    let Some(pages) = read(&bytes) else { return unread };
    if encrypted && pages.iter().all(|page| page.trim().is_empty()) {
        return unread;
    }
    let text = pages.join("\u{c}");
    let cut = text.char_indices().map(|(at, _)| at).find(|at| *at >= OUTPUT_BYTES_MAX - 4).unwrap_or(text.len());
    let mut output = std::io::stdout().lock();
    match output.write_all(&text.as_bytes()[..cut]).and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_DAMAGED),
    }
}

fn read(bytes: &[u8]) -> Option<Vec<String>> {
    let mut pages = pdf_extract::extract_text_from_mem_by_pages(bytes).ok()?;
    pages.truncate(PAGES_MAX);
    Some(pages.into_iter().map(|page| page.replace('\u{c}', "\n")).collect())
}
