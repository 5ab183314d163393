//! The engine: one pure function that owns every conversation, on the phone and in the chat.
//!
//! `step(profile, state, event, now) -> (state, effects)` reads no clock, draws no random number and touches nothing; the
//! same events give the same effects, so that a stored conversation can be replayed and compared. What it promises:
//!
//! - The first thing that a caller or visitor meets is the notice that this is an AI agent.
//! - A call is recorded only after an explicit yes to a notice that was played to its end.
//! - There is no effect that dials; a transfer goes only where the owner said or what was verified.
//! - No sequence of events panics, a step has at most [`EFFECTS_MAX`] effects, and every conversation ends by itself after at
//!   most [`EVENTS_MAX`] events.

mod effect;
mod event;
mod flow;
mod keys;
mod offer;
mod person;
mod slot;
mod state;
mod turn;
mod words;

use agents::profile::Profile;
use agents::reply::Part;
use agents::turn::{Awaited, ChannelKind, TurnView};
use storage::Timestamp;

pub use self::effect::{
    Argument, ConsentMeans, Effect, EndReason, HandoffOutcome, HandoffReason, TransferTarget, Wake,
};
pub use self::event::{Answer, Event};
pub use self::state::{Asked, Filled, Found, Phase, Recording, Running, State};
use self::turn::Turn;

/// At most this many effects come of one event.
pub const EFFECTS_MAX: usize = 6;
/// A conversation ends by itself after this many events.
pub const EVENTS_MAX: u64 = 2_000;
/// A refused value or an unheard notice is asked for again until this many tries were made.
pub const TRIES_MAX: u8 = 3;
/// Silences in a row after which a call ends: "are you still there" is said before each but the last.
pub const SILENCES_MAX: u8 = 3;
/// Longest recorded message, in seconds.
pub const MESSAGE_SECONDS_MAX: u32 = 180;
/// A chat in which nothing happens ends after this many seconds.
pub const IDLE_SECONDS: u32 = 1_800;

/// Takes one event into a conversation.
pub fn step(profile: &Profile, state: State, event: &Event, now: Timestamp) -> (State, Vec<Effect>) {
    let mut turn = Turn::begin(profile, state, now);
    if turn.state.sequence > EVENTS_MAX && !turn.state.ended() {
        turn.goodbye(EndReason::TooLong);
        return turn.finish();
    }
    match (turn.state.phase, event) {
        (Phase::New, Event::Opened { channel, caller_number, reads_aloud }) => {
            turn.state.reads_aloud = *reads_aloud;
            opened(&mut turn, *channel, caller_number.as_deref());
        }
        (Phase::New, _) | (_, Event::Opened { .. }) => {}
        (Phase::Ended, event) => flow::after_the_end(&mut turn, event),
        (_, event) => happened(&mut turn, event),
    }
    turn.finish()
}

fn opened(turn: &mut Turn, channel: ChannelKind, caller_number: Option<&str>) {
    turn.state.channel = channel;
    turn.state.caller_number = caller_number.map(str::to_owned);
    turn.say(Part::AiNotice);
    turn.say(Part::Greeting);
    match channel {
        ChannelKind::Phone => {
            turn.state.phase = Phase::Consent;
            turn.say(Part::RecordingNotice);
            turn.ask_yes_no(Asked::Recording);
        }
        ChannelKind::Chat => {
            turn.state.phase = Phase::Agent;
            turn.offer_flows();
            turn.effect(Effect::WakeIn { seconds: IDLE_SECONDS, wake: Wake::Idle });
        }
    }
}

/// An event while the conversation goes on.
fn happened(turn: &mut Turn, event: &Event) {
    match event {
        Event::Opened { .. } => {}
        Event::Turn { commands, .. } => words::said(turn, commands),
        Event::Choice { number } => words::chosen(turn, *number),
        Event::Digit { key } => keys::pressed(turn, *key),
        Event::Silence => keys::silence(turn),
        Event::Spoken { sequence, whole, .. } => {
            turn.state.notice_heard |= *whole && *sequence == turn.state.last_said;
        }
        Event::MessageRecorded { recording, .. } => flow::message_recorded(turn, *recording),
        Event::MessageFailed => flow::message_failed(turn),
        Event::TransferEnded { connected } => person::transferred(turn, *connected),
        Event::HungUp => {
            flow::left(turn);
            turn.end(EndReason::HungUp);
        }
        Event::Found { question, answer } => words::found(turn, question, answer.as_ref()),
        Event::FreeDays { days } => offer::free_days(turn, days),
        Event::FreeTimes { day, times, next } => offer::free_times(turn, *day, times, *next),
        Event::Done { reference } => flow::done(turn, reference),
        Event::TimeTaken => flow::time_taken(turn),
        Event::ToolFailed => flow::failed(turn),
        Event::PersonJoined { display_name } => person::joined(turn, display_name),
        Event::PersonSaid { .. } => person::said(turn),
        Event::PersonLeft { end } => person::left(turn, *end),
        Event::WaitOver => person::wait_over(turn),
        Event::Idle => {
            if turn.state.channel == ChannelKind::Chat {
                turn.end(EndReason::Idle);
            }
        }
    }
}

impl State {
    /// The conversation as understanding sees it.
    pub fn view(&self, profile: &Profile, now: Timestamp) -> TurnView {
        TurnView {
            channel: self.channel,
            local_now: profile.local(now.0),
            flow: self.running.as_ref().map(|running| running.flow.clone()),
            awaited: self.awaited.clone(),
            choices: self.choices.clone(),
        }
    }

    /// How long to wait for a key or a word after everything was played, in seconds; none when nothing need come.
    pub fn silence_seconds(&self) -> Option<u32> {
        if self.channel == ChannelKind::Chat {
            return None;
        }
        match self.awaited {
            Awaited::Nothing | Awaited::Message | Awaited::Person => None,
            Awaited::Slot { .. } => Some(8),
            Awaited::Anything | Awaited::Consent | Awaited::Choice | Awaited::YesNo => Some(7),
        }
    }
}

#[cfg(test)]
mod tests;
