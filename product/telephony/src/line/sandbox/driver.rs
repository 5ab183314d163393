//! Lives through a simulated call: ring, answer, a clock of 20 ms that plays what is said to nobody, and an end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use media::{Frame, SILENCE};
use sip::Status;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::super::driver::Command;
use super::super::{Inner, LineEvent, LiveCall, Strings};
use super::{Course, LONGEST_SECONDS, Manner};
use crate::call::{CallEnd, EndReason, EndedBy};
use crate::media_session::{AudioPort, Simulated};
use crate::signalling::{CallFacts, Party, Transport};

/// What an answering machine says, before its tone.
const GREETING_TICKS: u64 = 150;
/// How long its tone lasts.
const TONE_TICKS: u64 = 20;
/// How long whoever hangs up stays.
const STAYS_TICKS: u64 = 100;
/// How long whoever presses keys waits between two.
const PRESSES_EVERY_TICKS: u64 = 200;

/// Calls a number of the sandbox; as long as a real call would ring, at most.
pub async fn call(inner: &Arc<Inner>, number: &str, from: &str, ring_seconds: u32) -> Result<LiveCall, CallEnd> {
    let course = Course::of(number);
    let ringing = Duration::from_secs(u64::from(course.ring_seconds(ring_seconds)));
    tokio::select! {
        () = tokio::time::sleep(ringing) => {}
        () = inner.stop.cancelled() => return Err(end(EndedBy::Us, Status::TEMPORARILY_UNAVAILABLE, EndReason::Shutdown)),
    }
    match course {
        Course::Refuses(status) => Err(CallEnd::refused(EndedBy::Caller, status)),
        Course::RingsOn => Err(end(EndedBy::Nobody, Status::REQUEST_TIMEOUT, EndReason::NoAnswer)),
        Course::Answers(manner) => Ok(answered(inner, number, from, manner)),
    }
}

fn end(by: EndedBy, status: Status, reason: EndReason) -> CallEnd {
    CallEnd { by, status, reason, detail: String::new() }
}

fn answered(inner: &Arc<Inner>, number: &str, from: &str, manner: Manner) -> LiveCall {
    let (audio, simulated) = AudioPort::simulated();
    let (commands, receiver) = mpsc::unbounded_channel();
    let (events, event_receiver) = mpsc::unbounded_channel();
    let (end, end_receiver) = watch::channel(None);
    let mut name = [0u8; 8];
    inner.entropy.fill(&mut name);
    let party = |user: &str| Party { display_name: None, user: user.to_owned(), host: "sandbox.invalid".to_owned() };
    let facts = CallFacts {
        call_id: format!("sandbox-{:016x}", u64::from_be_bytes(name)),
        from: party(from),
        to: party(number),
        source: SocketAddr::from(([127, 0, 0, 1], 0)),
        transport: Transport::Udp,
        user_agent: Some("sandbox".to_owned()),
    };
    let other = Other { manner, simulated, commands: receiver, events, end, stop: inner.stop.clone() };
    tokio::spawn(other.live());
    LiveCall::new(Strings { facts, simulated: true, commands, end: end_receiver, events: event_receiver }, audio)
}

/// The other side.
struct Other {
    manner: Manner,
    simulated: Simulated,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::UnboundedSender<LineEvent>,
    end: watch::Sender<Option<CallEnd>>,
    stop: tokio_util::sync::CancellationToken,
}

impl Other {
    async fn live(mut self) {
        let mut clock = tokio::time::interval(Duration::from_millis(u64::from(media::FRAME_MILLISECONDS)));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let longest = Instant::now() + Duration::from_secs(u64::from(LONGEST_SECONDS));
        let mut tick = 0;
        let ended = loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break end(EndedBy::Us, Status::OK, EndReason::Shutdown),
                // Whoever lets go of the call hangs up, and nothing else can be wanted of an answered one.
                _ = self.commands.recv() => break end(EndedBy::Us, Status::OK, EndReason::HungUp),
                () = tokio::time::sleep_until(longest) => break end(EndedBy::Nobody, Status::OK, EndReason::TooLong),
                _ = clock.tick() => {}
            }
            if self.manner == Manner::HangsUp && tick == STAYS_TICKS {
                break end(EndedBy::Caller, Status::OK, EndReason::HungUp);
            }
            if self.manner == Manner::PressesOne && tick % PRESSES_EVERY_TICKS == PRESSES_EVERY_TICKS - 1 {
                self.simulated.press('1', tick);
            }
            self.simulated.pass(&self.says(tick), tick);
            tick += 1;
        };
        self.simulated.close();
        self.end.send_replace(Some(ended.clone()));
        let _ = self.events.send(LineEvent::Ended(ended));
    }

    fn says(&self, tick: u64) -> Frame {
        let frequency = match (self.manner, tick) {
            (Manner::Machine, ..GREETING_TICKS) => 300.0,
            (Manner::Machine, tick) if tick < GREETING_TICKS + TONE_TICKS => 1_000.0,
            _ => return SILENCE,
        };
        let sound = media::tone::sine(frequency, 8_000, media::FRAME_MILLISECONDS);
        media::frames(&sound).next().unwrap_or(SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Line, LineConfig};
    use crate::media_session::Finish;
    use storage::SystemEntropy;

    async fn line() -> Line {
        Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a line")
    }

    async fn ended(live: &mut LiveCall) -> CallEnd {
        loop {
            match live.next_event().await {
                Some(LineEvent::Ended(end)) => return end,
                Some(_) => {}
                None => panic!("the events ended without an end"),
            }
        }
    }

    #[tokio::test]
    async fn numbers_play_their_courses() {
        let line = line().await;
        for (number, status, reason) in [
            ("+441174960001", 486, EndReason::Busy),
            ("+441174960003", 603, EndReason::Rejected),
            ("+441174960002", 408, EndReason::NoAnswer),
        ] {
            let end = line.call_sandbox(number, "practice", 2).await.expect_err("not answered");
            assert_eq!((end.status.code(), end.reason), (status, reason), "{number}");
        }
        let mut live = line.call_sandbox("+441174960006", "practice", 2).await.expect("answered");
        let end = ended(&mut live).await;
        assert_eq!((end.by, end.reason), (EndedBy::Caller, EndReason::HungUp));
        assert!(live.travelled().is_none() && live.statistics().packets_sent == 0);
        assert_eq!(line.counts().ports_in_use, 0, "no port was ever taken");
    }

    #[tokio::test]
    async fn what_is_said_is_played_to_its_end_and_keys_come() {
        let line = line().await;
        let mut live = line.call_sandbox("+441174960008", "practice", 2).await.expect("answered");
        let clip = live.audio.player.play(vec![900; 1_600].into()).expect("room");
        assert_eq!(live.audio.player.finished(clip).await, Finish::Played);
        assert_eq!(live.audio.digits.recv().await.map(|digit| digit.symbol), Some('1'));
        live.hang_up();
        assert_eq!(ended(&mut live).await.by, EndedBy::Us);
        let mut machine = line.call_sandbox("+441174960007", "practice", 2).await.expect("answered");
        let heard = machine.audio.frames.recv().await.expect("a frame");
        assert!(heard.frame.iter().any(|sample| sample.abs() > 1_000), "the machine speaks");
        let waiting = tokio::spawn(async move { ended(&mut machine).await });
        line.shutdown().await;
        assert_eq!(waiting.await.expect("no panic").reason, EndReason::Shutdown);
    }
}
