//! Renders the recorded units of the embedded voice: run it after a text has changed, and commit what it writes.
//!
//! ```text
//! cargo run -p telephony --example render_voice
//! ```
//!
//! It speaks every text with the synthesizer `flite` (voice `slt`; Debian package `flite`) and brings it to G.711 µ-law
//! at 8 kHz with `sox` (Debian package `sox`): silence trimmed at both ends, one level for all.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use agents::prompt::PromptId;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/voice");
    let scratch = std::env::temp_dir().join(format!("render-voice-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let mut texts: BTreeSet<String> = telephony::voice::utterance::words().into_iter().collect();
    texts.extend(PromptId::ALL.iter().map(|prompt| prompt.text().to_owned()));
    let (mut audio, mut index) = (Vec::new(), String::new());
    for text in &texts {
        let unit = render(text, &scratch)?;
        writeln!(index, "{}\t{}\t{text}", audio.len(), unit.len())?;
        audio.extend(unit);
    }
    std::fs::write(folder.join("units.ulaw"), &audio)?;
    std::fs::write(folder.join("units.tsv"), index)?;
    std::fs::remove_dir_all(&scratch)?;
    writeln!(std::io::stdout(), "{} units, {} bytes", texts.len(), audio.len())?;
    Ok(())
}

fn render(text: &str, scratch: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (spoken, coded): (PathBuf, PathBuf) = (scratch.join("spoken.wav"), scratch.join("coded.ul"));
    run(Command::new("flite")
        .args(["-voice", "slt", "--setf", "duration_stretch=1.08", "-t", &pronounceable(text), "-o"])
        .arg(&spoken))?;
    let trim = ["silence", "1", "0.02", "0.4%", "reverse"];
    run(Command::new("sox")
        .arg(&spoken)
        .args(["-r", "8000", "-c", "1", "-e", "mu-law", "-t", "ul"])
        .arg(&coded)
        .args(["highpass", "120", "norm", "-4"])
        .args(trim)
        .args(trim)
        .args(["pad", "0.03", "0.05"]))?;
    Ok(std::fs::read(&coded)?)
}

/// The text as the synthesizer has to see it to say it right.
fn pronounceable(text: &str) -> String {
    match text {
        "a m" => "A M.".to_owned(),
        "p m" => "P M.".to_owned(),
        _ => text.strip_prefix("letter ").map_or_else(|| text.replace("AI ", "A I "), |letter| format!("{letter}.")),
    }
}

fn run(command: &mut Command) -> Result<(), Box<dyn std::error::Error>> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
}
