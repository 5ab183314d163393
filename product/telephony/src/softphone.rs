//! A small softphone: places a call, speaks and presses keys by a script, listens, and says what it heard.
//!
//! `ringfence call sip:…` is this; tests use it too. It stands on the same signalling and media as the answering side.
//! Promises: a call always comes to an end ([`Options::longest_seconds`]); what was heard is kept up to
//! [`HEARD_LIMIT_SECONDS`].

mod script;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use storage::Entropy;
use tokio::time::Instant;

use crate::call::{CallEnd, EndReason};
use crate::line::{Dial, Line, LineConfig, LineEvent, LiveCall};
use crate::media_session::MediaStatistics;
use crate::signalling::{Credentials, Target, TlsRules};

use script::Script;
pub use script::{Deed, ScriptError, Step, parse};

/// Seconds of what was heard that are kept.
pub const HEARD_LIMIT_SECONDS: usize = 3_600;
/// Frames after hanging up that are still listened to, so that the end of a sentence is not lost.
const GRACE: Duration = Duration::from_secs(5);

/// How to call.
#[derive(Clone)]
pub struct Options {
    /// Over TCP instead of UDP.
    pub tcp: bool,
    /// Plain sound even where the messages travel over TLS.
    pub plain_sound: bool,
    /// Whom to believe when the address wants TLS (`sips:` or `transport=tls`).
    pub tls: TlsRules,
    /// The number or name that the other side sees.
    pub from_user: String,
    /// The display name that the other side sees.
    pub from_name: Option<String>,
    /// Who we are, when asked.
    pub credentials: Option<Credentials>,
    /// How long it may ring.
    pub ring_seconds: u32,
    /// How long the call may take; then we hang up.
    pub longest_seconds: u32,
    /// What to do, in order; after it we listen until the other side hangs up.
    pub steps: Vec<Step>,
}

storage::debug_shows!(struct Options { tcp, plain_sound, ring_seconds, longest_seconds });

impl Default for Options {
    fn default() -> Self {
        Options {
            tcp: false,
            plain_sound: false,
            tls: TlsRules::default(),
            from_user: "softphone".to_owned(),
            from_name: None,
            credentials: None,
            ring_seconds: 30,
            longest_seconds: 60,
            steps: Vec::new(),
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether somebody answered.
    pub answered: bool,
    /// How it ended.
    pub end: CallEnd,
    /// From dialling to the answer or refusal, in milliseconds.
    pub setup_milliseconds: u64,
    /// From the answer to the end, in milliseconds.
    pub call_milliseconds: u64,
    /// Steps of the script that were begun.
    pub steps_done: usize,
    /// Packets sent, received, lost and so on.
    pub statistics: MediaStatistics,
    /// What was heard: 8 kHz, one channel.
    pub heard: Vec<i16>,
    /// The keys that the other side pressed.
    pub digits: String,
}

impl Outcome {
    /// Strength of what was heard, relative to full scale, in decibels.
    pub fn level_dbov(&self) -> f64 {
        media::measure::level_dbov(&self.heard)
    }

    /// Whether anything but silence was heard.
    pub fn heard_sound(&self) -> bool {
        media::frames(&self.heard).any(|frame| script::is_sound(&frame))
    }
}

/// A phone that can place many calls.
#[derive(Clone)]
pub struct Softphone {
    line: Line,
}

impl Softphone {
    /// A phone on this address, with a free port.
    pub async fn open(address: IpAddr, entropy: Arc<dyn Entropy>) -> Result<Self, crate::line::Error> {
        Self::open_with(address, TlsRules::default(), entropy).await
    }

    /// The same, that believes these authorities over TLS.
    pub async fn open_with(
        address: IpAddr,
        tls: TlsRules,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, crate::line::Error> {
        let mut config = LineConfig { ports: None, ..LineConfig::at(SocketAddr::new(address, 0)) };
        config.sip.tls_rules = tls;
        // A phone for trying things out speaks with whatever registrar is there.
        config.sip.md5_digest = true;
        Ok(Softphone { line: Line::open(config, entropy).await? })
    }

    /// The line it stands on.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Places one call and follows it to its end.
    pub async fn place(&self, address: &str, options: &Options) -> Outcome {
        let started = Instant::now();
        let tcp = if options.tcp && !address.contains("transport=") { ";transport=tcp" } else { "" };
        let target = Target {
            address: format!("{}{tcp}", address.trim()),
            from_user: options.from_user.clone(),
            from_name: options.from_name.clone(),
            credentials: options.credentials.clone(),
        };
        let dial = Dial { target, plain_sound: options.plain_sound, ring_seconds: Some(options.ring_seconds) };
        let answered = self.line.call(dial).await;
        let setup_milliseconds = started.elapsed().as_millis() as u64;
        match answered {
            Err(end) => Outcome {
                answered: false,
                end,
                setup_milliseconds,
                call_milliseconds: 0,
                steps_done: 0,
                statistics: MediaStatistics::default(),
                heard: Vec::new(),
                digits: String::new(),
            },
            Ok(live) => {
                let mut outcome = follow(live, options).await;
                outcome.setup_milliseconds = setup_milliseconds;
                outcome
            }
        }
    }

    /// Puts the phone away.
    pub async fn close(&self) {
        self.line.shutdown().await;
    }
}

/// Places one call from a phone made for it: on loopback when that is where the target is.
pub async fn place(address: &str, options: &Options, entropy: Arc<dyn Entropy>) -> Result<Outcome, crate::line::Error> {
    let here = ["@127.", "@localhost", "sip:127.", "sip:localhost", "sips:127.", "sips:localhost"]
        .iter()
        .any(|mark| address.contains(mark));
    let bound = if here { IpAddr::from([127, 0, 0, 1]) } else { IpAddr::from([0, 0, 0, 0]) };
    let phone = Softphone::open_with(bound, options.tls.clone(), entropy).await?;
    let outcome = phone.place(address, options).await;
    phone.close().await;
    Ok(outcome)
}

/// Lives through an answered call.
async fn follow(mut live: LiveCall, options: &Options) -> Outcome {
    let answered = Instant::now();
    let longest = answered + Duration::from_secs(u64::from(options.longest_seconds));
    let mut script = Script::new(options.steps.clone());
    let (mut heard, mut digits) = (Vec::new(), String::new());
    let mut patience = longest;
    let end = loop {
        let (events, audio) = live.parts();
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(LineEvent::Ended(end)) => break end,
                Some(LineEvent::Held | LineEvent::Resumed) => {}
                None => break vanished(),
            },
            Some(digit) = audio.digits.recv() => digits.push(digit.symbol),
            Some(frame) = audio.frames.recv() => {
                if heard.len() < HEARD_LIMIT_SECONDS * media::SAMPLE_RATE as usize {
                    heard.extend_from_slice(&frame.frame);
                }
                let idle = audio.player.position().clip.is_none();
                match script.hear(&frame.frame, idle) {
                    Some(Deed::Say(sound)) => drop(audio.player.play(sound)),
                    Some(Deed::Press(keys)) => audio.player.send_digits(&keys),
                    Some(Deed::HangUp) => live.hang_up(),
                    None => {}
                }
            }
            () = tokio::time::sleep_until(patience) => {
                if patience > longest {
                    break vanished();
                }
                live.hang_up();
                patience = longest + GRACE;
            }
        }
    };
    Outcome {
        answered: true,
        end,
        setup_milliseconds: 0,
        call_milliseconds: answered.elapsed().as_millis() as u64,
        steps_done: script.steps_begun(),
        statistics: live.statistics(),
        heard,
        digits,
    }
}

fn vanished() -> CallEnd {
    let mut end = CallEnd::refused(crate::call::EndedBy::Network, sip::Status::SERVER_INTERNAL_ERROR);
    end.reason = EndReason::SignallingLost;
    end
}
