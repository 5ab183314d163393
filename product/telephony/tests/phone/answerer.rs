//! A small program that answers calls, for tests: what it does is chosen by the dialled user.
//!
//! `tone`: plays 440 Hz. `echo`: says what it hears. `keys`: sends back what was pressed before `#`. `goodbye`: hangs up
//! after half a second. `busy`: refuses with 486. `ring`: rings and never answers. `gone`: 404.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use storage::SystemEntropy;
use telephony::call::CallEnd;
use telephony::line::{Line, LineConfig, LineEvent, LiveCall, RingingCall, Security};
use telephony::media_session::MediaStatistics;

use crate::identity::Identity;

/// What became of one answered or refused call.
#[derive(Debug, Clone)]
pub struct Ended {
    pub end: CallEnd,
    pub statistics: MediaStatistics,
    pub digits: String,
    pub heard: Vec<i16>,
    pub events: Vec<LineEvent>,
}

#[derive(Clone)]
pub struct Answerer {
    pub line: Line,
    ended: Arc<Mutex<Vec<Ended>>>,
}

impl Answerer {
    pub async fn start() -> Self {
        let mut config = LineConfig::loopback();
        config.sip.limits.source_calls_per_second = 10_000;
        config.sip.limits.all_calls_per_second = 10_000;
        config.sip.limits.datagrams_per_second = 100_000;
        config.sip.limits.source_probes_per_second = 100_000;
        config.sip.limits.source_answers_per_second = 100_000;
        config.sip.limits.source_wrong_per_minute = 1_000_000;
        config.sip.limits.ringing = 10_000;
        config.sip.limits.source_ringing = 10_000;
        config.sip.limits.source_calls = 10_000;
        Self::start_with(config).await
    }

    /// One that listens for TLS, too.
    pub async fn start_over_tls(identity: &Identity, security: Security) -> Self {
        let mut config = LineConfig::loopback();
        config.sip.tls = Some(identity.listen());
        config.security = security;
        Self::start_with(config).await
    }

    pub async fn start_with(config: LineConfig) -> Self {
        let line = Line::open(config, Arc::new(SystemEntropy)).await.expect("a line on loopback");
        let answerer = Answerer { line, ended: Arc::default() };
        let serving = answerer.clone();
        tokio::spawn(async move {
            while let Some(call) = serving.line.next_call().await {
                tokio::spawn(serving.clone().serve(call));
            }
        });
        answerer
    }

    pub fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.line.address())
    }

    /// The address over TLS.
    pub fn secure_uri(&self, user: &str) -> String {
        format!("sips:{user}@{}", self.line.tls_address().expect("it listens for TLS"))
    }

    pub fn ended(&self) -> Vec<Ended> {
        self.ended.lock().expect("no panic").clone()
    }

    /// Waits until so many calls have ended.
    pub async fn wait_for(&self, count: usize) -> Vec<Ended> {
        for _ in 0..1_500 {
            let ended = self.ended();
            if ended.len() >= count {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("only {} of {count} calls ended", self.ended().len());
    }

    /// Waits until nothing of any call is left: no call, no dialog, no port.
    pub async fn assert_nothing_left(&self) {
        for _ in 0..1_500 {
            let counts = self.line.counts();
            if counts.calls == 0 && counts.dialogs == 0 && counts.ports_in_use == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("something is left: {:?}", self.line.counts());
    }

    async fn serve(self, mut call: RingingCall) {
        let user = call.facts().to.user.clone();
        let refused = match user.as_str() {
            "busy" => Some(call.reject(sip::Status::BUSY_HERE).await),
            "gone" => Some(call.reject(sip::Status::NOT_FOUND).await),
            "ring" => {
                let _ = call.ring();
                Some(call.ended().await)
            }
            _ => match call.answer().await {
                Err(end) => Some(end),
                Ok(live) => {
                    let ended = talk(user.clone(), live).await;
                    self.ended.lock().expect("no panic").push(ended);
                    None
                }
            },
        };
        if let Some(end) = refused {
            let (digits, heard, events) = (String::new(), Vec::new(), Vec::new());
            let ended = Ended { end, statistics: MediaStatistics::default(), digits, heard, events };
            self.ended.lock().expect("no panic").push(ended);
        }
    }
}

async fn talk(user: String, mut live: LiveCall) -> Ended {
    let (mut digits, mut heard, mut events) = (String::new(), Vec::new(), Vec::new());
    if user != "echo" && user != "keys" && user != "quiet" {
        let tone: Arc<[i16]> = media::tone::sine(440.0, 12_000, 60_000).into();
        live.audio.player.play(tone).expect("room");
    }
    let mut goodbye = std::pin::pin!(tokio::time::sleep(Duration::from_millis(500)));
    let mut said_goodbye = user != "goodbye";
    let end = loop {
        let (line, audio) = live.parts();
        tokio::select! {
            event = line.next() => match event {
                Some(LineEvent::Ended(end)) => break end,
                Some(event) => events.push(event),
                None => panic!("the events ended without an end"),
            },
            Some(digit) = audio.digits.recv() => {
                digits.push(digit.symbol);
                if user == "keys" && digit.symbol == '#' {
                    audio.player.send_digits(&digits);
                }
            }
            Some(frame) = audio.frames.recv() => {
                heard.extend_from_slice(&frame.frame);
                if user == "echo" {
                    let _ = audio.player.play(frame.frame.to_vec().into());
                }
            }
            () = &mut goodbye, if !said_goodbye => {
                said_goodbye = true;
                live.hang_up();
            }
        }
    };
    Ended { end, statistics: live.statistics(), digits, heard, events }
}
