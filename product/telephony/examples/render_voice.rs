//! Renders the recorded units of the embedded voice: run it after a text has changed, and commit what it writes.
//!
//! ```text
//! cargo run -p telephony --example render_voice
//! ```
//!
//! It speaks every text with the synthesizer `flite` (voice `slt`; Debian package `flite`), brings it to 8 kHz with `sox` (Debian
//! package `sox`), silence trimmed at both ends, then to one active speech level ([`LEVEL_DBOV`]) and to G.711 µ-law. The
//! same texts give the same bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use agents::prompt::PromptId;
use media::g711::Law;
use media::measure::active_speech_level_dbov;
use telephony::voice::LEVEL_DBOV;

/// No sample comes nearer to full scale than this: µ-law grows coarse there, and some lines clip.
const PEAK: f64 = 29_000.0;

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
    let (spoken, trimmed): (PathBuf, PathBuf) = (scratch.join("spoken.wav"), scratch.join("trimmed.raw"));
    run(Command::new("flite")
        .args(["-voice", "slt", "--setf", "duration_stretch=0.95", "-t", &pronounceable(text), "-o"])
        .arg(&spoken))?;
    let trim = ["silence", "1", "0.02", "0.4%", "reverse"];
    run(Command::new("sox")
        .arg(&spoken)
        .args(["-D", "-r", "8000", "-c", "1", "-e", "signed-integer", "-b", "16", "-t", "raw"])
        .arg(&trimmed)
        .args(["highpass", "120"])
        .args(trim)
        .args(trim)
        .args(["pad", "0.02", "0.04"]))?;
    let bytes = std::fs::read(&trimmed)?;
    let samples: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut coded = Vec::with_capacity(samples.len());
    Law::Mu.encode(&levelled(&samples), &mut coded);
    Ok(coded)
}

/// The same at [`LEVEL_DBOV`], or as near as the peaks let it.
fn levelled(samples: &[i16]) -> Vec<i16> {
    let wanted = 10f64.powf((LEVEL_DBOV - active_speech_level_dbov(samples)) / 20.0);
    let peak = samples.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(1.0, f64::max);
    let gain = wanted.min(PEAK / peak);
    samples.iter().map(|sample| (f64::from(*sample) * gain).round() as i16).collect()
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
