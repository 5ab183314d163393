//! `ringfence call`: a small phone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use storage::SystemEntropy;
use telephony::signalling::TlsRules;
use telephony::softphone::{self, Options, Outcome, Step};

use super::{Answer, say};
use crate::{phone, scenario};

/// Longest call, in seconds.
const SECONDS_MAX: u64 = 600;
/// Silence after which the other side has finished speaking, in milliseconds.
const FINISHED_MILLISECONDS: u32 = 1_500;
/// Largest WAV file that is played, in bytes.
const WAV_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Args)]
pub(super) struct Arguments {
    /// The address, for example sip:practice@127.0.0.1:5060
    uri: String,
    /// Keys to press, one group each time the other side has finished speaking, groups parted by commas: 1,2,0117#
    #[arg(long, value_delimiter = ',')]
    digits: Vec<String>,
    /// A WAV file to play into the call after the keys
    #[arg(long)]
    wav: Option<PathBuf>,
    /// Save what was heard as a WAV file
    #[arg(long)]
    save: Option<PathBuf>,
    /// Play a whole scenario instead of keys: booking, hours or message
    #[arg(long, conflicts_with_all = ["digits", "wav"], value_parser = scenario::NAMES)]
    scenario: Option<String>,
    /// The number that the other side sees
    #[arg(long, default_value = "+441174960999")]
    from: String,
    /// Use SIP over TCP instead of UDP
    #[arg(long)]
    tcp: bool,
    /// The authorities (PEM) that may vouch for a sips: address; those of the system when none is named
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Do not encrypt the sound of a call to a sips: address
    #[arg(long)]
    plain_sound: bool,
    /// Hang up after this many seconds at the latest
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    super::serve::start_logging_at("warn");
    let options = Options {
        tcp: arguments.tcp,
        plain_sound: arguments.plain_sound,
        tls: if wants_tls(&arguments) { phone::believing(arguments.ca_file.as_deref())? } else { TlsRules::default() },
        from_user: arguments.from.clone(),
        longest_seconds: arguments.seconds as u32,
        steps: steps(&arguments)?,
        ..Options::default()
    };
    let outcome = softphone::place(&arguments.uri, &options, Arc::new(SystemEntropy)).await?;
    if let Some(path) = &arguments.save {
        let wave = media::wav::write_pcm16(&[&outcome.heard]);
        tokio::fs::write(path, wave).await.with_context(|| path.display().to_string())?;
    }
    report(&outcome, arguments.json);
    Ok(if outcome.answered { Answer::Good } else { Answer::NotSo })
}

fn wants_tls(arguments: &Arguments) -> bool {
    let address = arguments.uri.to_ascii_lowercase();
    address.starts_with("sips:") || address.contains("transport=tls")
}

fn steps(arguments: &Arguments) -> anyhow::Result<Vec<Step>> {
    if let Some(name) = &arguments.scenario {
        return scenario::steps(name);
    }
    let mut steps = Vec::new();
    for group in arguments.digits.iter().filter(|group| !group.is_empty()) {
        anyhow::ensure!(
            group.chars().all(|key| key.is_ascii_digit() || "*#ABCD".contains(key)),
            "`{group}` are no keys; keys are 0 to 9, *, #, A to D"
        );
        steps.extend([Step::Listen(FINISHED_MILLISECONDS), Step::Press(group.clone())]);
    }
    if let Some(path) = &arguments.wav {
        steps.extend([Step::Listen(FINISHED_MILLISECONDS), Step::Say(wav(path)?.into())]);
    }
    Ok(steps)
}

fn wav(path: &Path) -> anyhow::Result<Vec<i16>> {
    let shown = path.display();
    let length = std::fs::metadata(path).with_context(|| shown.to_string())?.len();
    anyhow::ensure!(length <= WAV_BYTES_MAX, "{shown} is larger than {WAV_BYTES_MAX} bytes");
    let sound = media::wav::read(&std::fs::read(path)?).with_context(|| shown.to_string())?;
    Ok(sound.to_telephone())
}

fn report(outcome: &Outcome, as_json: bool) {
    let figures = &outcome.statistics;
    if as_json {
        let told = json!({
            "answered": outcome.answered,
            "status": outcome.end.status.code(),
            "reason": outcome.end.reason.name(),
            "setup_milliseconds": outcome.setup_milliseconds,
            "call_milliseconds": outcome.call_milliseconds,
            "steps_done": outcome.steps_done,
            "heard_sound": outcome.heard_sound(),
            "level_dbov": outcome.level_dbov().max(-127.0),
            "sound_encrypted": figures.protected,
            "detail": outcome.end.detail,
            "packets_sent": figures.packets_sent,
            "packets_received": figures.packets_received,
            "packets_lost": figures.packets_lost,
        });
        return say(&told.to_string());
    }
    let end = format!("{} ({})", outcome.end.reason.name().replace('_', " "), outcome.end.status.code());
    if !outcome.answered {
        let why = if outcome.end.detail.is_empty() { String::new() } else { format!(": {}", outcome.end.detail) };
        return say(&format!("not answered: {end}{why}"));
    }
    say(&format!(
        "answered after {} ms, {:.1} s long",
        outcome.setup_milliseconds,
        outcome.call_milliseconds as f64 / 1_000.0
    ));
    say(&format!(
        "packets: {} sent, {} received, {} lost; heard {}",
        figures.packets_sent,
        figures.packets_received,
        figures.packets_lost,
        if outcome.heard_sound() { format!("sound at {:.0} dBov", outcome.level_dbov()) } else { "nothing".to_owned() }
    ));
    say(if figures.protected { "sound: encrypted (SRTP)" } else { "sound: not encrypted" });
    say(&format!("ended: {end}"));
}
