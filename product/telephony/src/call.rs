//! One call as a pure machine: what happened goes in, what must be done comes out.
//!
//! It knows neither SIP messages nor sockets nor clocks, so every order of events can be tried. Promises, in every state
//! and for every order: a call ends exactly once and says who ended it and why; what was begun is undone (media stopped,
//! timers stopped, the other side told unless it told us); after the end nothing more comes out.

use serde::{Deserialize, Serialize};
use sip::Status;

/// Who began the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Somebody called us.
    Inbound,
    /// We called somebody.
    Outbound,
}

/// Who ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedBy {
    /// The other side: the caller, or whom we called.
    Caller,
    /// This side.
    Us,
    /// Something between them broke.
    Network,
    /// Neither: a time was over.
    Nobody,
}

/// Why the call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// An answered call was hung up.
    HungUp,
    /// The one who called gave up before the answer.
    Cancelled,
    /// The called side refused.
    Rejected,
    /// The called side is busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// The call could not be taken: no common codec, no free port, or something broke.
    Refused,
    /// No sound came for so long that the other side must be gone.
    MediaSilent,
    /// The other side stopped answering our messages.
    SignallingLost,
    /// The longest time that a call may take is over.
    TooLong,
    /// This program is stopping.
    Shutdown,
}

impl EndReason {
    /// A word for records and pages.
    pub const fn name(self) -> &'static str {
        match self {
            EndReason::HungUp => "hung_up",
            EndReason::Cancelled => "cancelled",
            EndReason::Rejected => "rejected",
            EndReason::Busy => "busy",
            EndReason::NoAnswer => "no_answer",
            EndReason::Refused => "refused",
            EndReason::MediaSilent => "media_silent",
            EndReason::SignallingLost => "signalling_lost",
            EndReason::TooLong => "too_long",
            EndReason::Shutdown => "shutdown",
        }
    }
}

/// How a call ended: what its record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnd {
    /// Who ended it.
    pub by: EndedBy,
    /// The status that tells it best: 200 after a conversation, 487 cancelled, 486 busy, …
    pub status: Status,
    /// Why.
    pub reason: EndReason,
    /// More words for the record, without anything personal; mostly empty.
    pub detail: String,
}

impl CallEnd {
    const fn new(by: EndedBy, status: Status, reason: EndReason) -> Self {
        CallEnd { by, status, reason, detail: String::new() }
    }

    /// The end of a call that was refused with this status.
    pub const fn refused(by: EndedBy, status: Status) -> Self {
        let reason = match status.code() {
            486 | 600 => EndReason::Busy,
            408 | 480 => EndReason::NoAnswer,
            487 => EndReason::Cancelled,
            415 | 488 | 606 => EndReason::Refused,
            _ => EndReason::Rejected,
        };
        CallEnd::new(by, status, reason)
    }
}

/// Something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Inbound: this side wants the caller to hear ringing. Outbound: the called side rings.
    Rings,
    /// Inbound: this side takes the call. Outbound: the called side took it.
    Answered,
    /// This side refuses an inbound call; or the called side refused an outbound one.
    Refused(Status),
    /// The caller gave up (inbound).
    Cancelled,
    /// The other side hung up.
    PeerHungUp,
    /// This side hangs up, or gives up an outbound call.
    HangUp,
    /// The other side changed the media's directions: whether we may send, whether we will hear.
    Directions {
        /// We may send.
        we_send: bool,
        /// The other side will send.
        we_receive: bool,
    },
    /// Nothing was heard for the time of the watchdog.
    MediaSilent,
    /// A message of ours was never answered.
    SignallingLost,
    /// The time set by [`Effect::StartTimer`] is over.
    TimeOver(Timer),
    /// The program stops.
    Shutdown,
}

/// The clocks of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// How long it may ring.
    Ring,
    /// How long an answered call may take.
    Length,
}

/// Something must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell the caller that it rings.
    SendRinging,
    /// Tell the caller that the call is taken.
    SendAnswer,
    /// Tell the caller that the call is refused.
    SendRefusal(Status),
    /// Give up our own call attempt.
    SendCancel,
    /// Hang up.
    SendHangUp,
    /// Ask the other side whether it is still there: nothing was heard of it for long while it is on hold.
    AskPeer,
    /// Sound flows from now on.
    StartMedia,
    /// Sound stops for good.
    StopMedia,
    /// Whether to send, and whether silence is suspicious.
    SetDirections {
        /// We may send.
        we_send: bool,
        /// The other side will send: silence is suspicious.
        we_receive: bool,
    },
    /// Tell the upper half that the call was put on hold.
    ReportHeld,
    /// Tell the upper half that the call goes on.
    ReportResumed,
    /// Ring the bell in so many seconds.
    StartTimer(Timer, u32),
    /// Forget that bell.
    StopTimer(Timer),
    /// The call is over: the last effect of all.
    End(CallEnd),
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not answered; `early` when it rings.
    Ringing {
        /// Ringing was signalled.
        early: bool,
    },
    /// Both talk, or could.
    Answered,
    /// The other side put us on hold.
    Held,
    /// Over.
    Ended(CallEnd),
}

/// Longest times, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Ringing.
    pub ring_seconds: u32,
    /// A whole answered call.
    pub call_seconds: u32,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    direction: Direction,
    times: Times,
    state: State,
    may_send: bool,
}

impl Call {
    /// A call that has just begun, with its first effect.
    pub fn begin(direction: Direction, times: Times) -> (Self, Vec<Effect>) {
        let call = Call { direction, times, state: State::Ringing { early: false }, may_send: true };
        (call, vec![Effect::StartTimer(Timer::Ring, times.ring_seconds)])
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Who began it.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Takes one event; gives what must be done, in order.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        match self.state {
            State::Ringing { early } => self.while_ringing(event, early),
            State::Answered | State::Held => self.while_answered(event),
            State::Ended(_) => Vec::new(),
        }
    }

    fn while_ringing(&mut self, event: Event, early: bool) -> Vec<Effect> {
        let inbound = self.direction == Direction::Inbound;
        match event {
            Event::Rings => {
                self.state = State::Ringing { early: true };
                if inbound && !early { vec![Effect::SendRinging] } else { Vec::new() }
            }
            Event::Answered => self.answer(inbound),
            Event::Refused(status) if inbound => {
                self.end_ringing(vec![Effect::SendRefusal(status)], CallEnd::refused(EndedBy::Us, status))
            }
            Event::Refused(status) => self.end_ringing(Vec::new(), CallEnd::refused(EndedBy::Caller, status)),
            Event::Cancelled | Event::PeerHungUp => {
                let end = CallEnd::new(EndedBy::Caller, Status::REQUEST_TERMINATED, EndReason::Cancelled);
                self.end_ringing(Vec::new(), end)
            }
            Event::HangUp => {
                let refusal = CallEnd::refused(EndedBy::Us, Status::TEMPORARILY_UNAVAILABLE);
                let cancel = CallEnd::new(EndedBy::Us, Status::REQUEST_TERMINATED, EndReason::Cancelled);
                self.give_up(Status::TEMPORARILY_UNAVAILABLE, if inbound { refusal } else { cancel })
            }
            Event::TimeOver(Timer::Ring) => {
                let end = CallEnd::new(EndedBy::Nobody, Status::REQUEST_TIMEOUT, EndReason::NoAnswer);
                self.give_up(Status::TEMPORARILY_UNAVAILABLE, end)
            }
            Event::Shutdown => {
                let end = CallEnd::new(EndedBy::Us, Status::SERVICE_UNAVAILABLE, EndReason::Shutdown);
                self.give_up(Status::SERVICE_UNAVAILABLE, end)
            }
            Event::SignallingLost => {
                let end = CallEnd::new(EndedBy::Network, Status::REQUEST_TIMEOUT, EndReason::SignallingLost);
                self.end_ringing(Vec::new(), end)
            }
            Event::Directions { we_send, .. } => {
                self.may_send = we_send;
                Vec::new()
            }
            Event::MediaSilent | Event::TimeOver(Timer::Length) => Vec::new(),
        }
    }

    fn answer(&mut self, inbound: bool) -> Vec<Effect> {
        self.state = State::Answered;
        let mut effects = vec![Effect::StopTimer(Timer::Ring)];
        if inbound {
            effects.push(Effect::SendAnswer);
        }
        effects.push(Effect::StartTimer(Timer::Length, self.times.call_seconds));
        effects.push(Effect::StartMedia);
        if !self.may_send {
            self.state = State::Held;
            effects.push(Effect::ReportHeld);
        }
        effects
    }

    fn give_up(&mut self, refusal: Status, end: CallEnd) -> Vec<Effect> {
        let message = match self.direction {
            Direction::Inbound => Effect::SendRefusal(refusal),
            Direction::Outbound => Effect::SendCancel,
        };
        self.end_ringing(vec![message], end)
    }

    fn end_ringing(&mut self, mut effects: Vec<Effect>, end: CallEnd) -> Vec<Effect> {
        effects.push(Effect::StopTimer(Timer::Ring));
        effects.push(Effect::End(end.clone()));
        self.state = State::Ended(end);
        effects
    }

    fn while_answered(&mut self, event: Event) -> Vec<Effect> {
        let end = |by, status, reason| CallEnd::new(by, status, reason);
        match event {
            // A cancel that crossed the answer has no effect (RFC 3261, section 9.2); the caller hangs up instead.
            Event::Rings | Event::Answered | Event::Cancelled | Event::Refused(_) | Event::TimeOver(Timer::Ring) => {
                Vec::new()
            }
            Event::Directions { we_send, we_receive } => self.change_directions(we_send, we_receive),
            Event::PeerHungUp => self.end_answered(false, end(EndedBy::Caller, Status::OK, EndReason::HungUp)),
            Event::HangUp => self.end_answered(true, end(EndedBy::Us, Status::OK, EndReason::HungUp)),
            Event::MediaSilent if self.state == State::Held => vec![Effect::AskPeer],
            Event::MediaSilent => {
                self.end_answered(true, end(EndedBy::Network, Status::REQUEST_TIMEOUT, EndReason::MediaSilent))
            }
            Event::SignallingLost => {
                self.end_answered(false, end(EndedBy::Network, Status::REQUEST_TIMEOUT, EndReason::SignallingLost))
            }
            Event::TimeOver(Timer::Length) => {
                self.end_answered(true, end(EndedBy::Nobody, Status::OK, EndReason::TooLong))
            }
            Event::Shutdown => {
                self.end_answered(true, end(EndedBy::Us, Status::SERVICE_UNAVAILABLE, EndReason::Shutdown))
            }
        }
    }

    fn change_directions(&mut self, we_send: bool, we_receive: bool) -> Vec<Effect> {
        let mut effects = vec![Effect::SetDirections { we_send, we_receive }];
        // On hold is who is neither heard nor talks to us: music on hold (sendonly) counts as held too.
        let held = !we_send || !we_receive;
        match (&self.state, held) {
            (State::Answered, true) => {
                self.state = State::Held;
                effects.push(Effect::ReportHeld);
            }
            (State::Held, false) => {
                self.state = State::Answered;
                effects.push(Effect::ReportResumed);
            }
            _ => {}
        }
        effects
    }

    fn end_answered(&mut self, tell: bool, end: CallEnd) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(4);
        if tell {
            effects.push(Effect::SendHangUp);
        }
        effects.extend([Effect::StopMedia, Effect::StopTimer(Timer::Length), Effect::End(end.clone())]);
        self.state = State::Ended(end);
        effects
    }
}

#[cfg(test)]
mod tests;
