//! People: asking for one, waiting, the time while one talks, and what follows.

use agents::command::{Command, Provenance};
use agents::profile::ToolKind;
use agents::reply::Part;
use agents::turn::Awaited;

use super::turn::Turn;
use super::{Asked, Effect, EndReason, HandoffOutcome, HandoffReason, Phase, TransferTarget, Wake, flow};

/// Asks for a person: a transfer on the phone, a colleague at the dashboard in a chat, a message when there is none.
pub(super) fn call(turn: &mut Turn, reason: HandoffReason) {
    turn.state.keyed.clear();
    if turn.phone() {
        let target = turn.profile.handoff.transfer_to.as_deref();
        match target.and_then(|target| TransferTarget::new(target, Provenance::Owner)) {
            Some(target) => {
                wait(turn);
                turn.effect(Effect::Transfer { target });
            }
            None => nobody(turn),
        }
        return;
    }
    if turn.profile.handoff.wait_seconds == 0 {
        return nobody(turn);
    }
    wait(turn);
    turn.effect(Effect::CallPerson { reason });
    turn.effect(Effect::WakeIn { seconds: turn.profile.handoff.wait_seconds, wake: Wake::WaitOver });
}

fn wait(turn: &mut Turn) {
    turn.say(Part::CallingPerson);
    turn.state.phase = Phase::Waiting;
    turn.state.asked = Asked::Nothing;
    turn.state.awaited = Awaited::Person;
}

/// No person can be reached: a message is offered where a flow takes one.
fn nobody(turn: &mut Turn) {
    turn.state.phase = Phase::Agent;
    turn.say(Part::NoPersonNow);
    if turn.profile.flow_with(ToolKind::TakeMessage).is_some() {
        // A flow that was running is given up: the message takes its place.
        turn.state.running = None;
        turn.say(Part::OfferMessage);
        turn.ask_yes_no(Asked::OfferMessage);
    } else if turn.state.running.is_some() {
        turn.await_anything();
        flow::advance(turn);
    } else {
        turn.menu();
    }
}

/// The time to wait is over. A timer of an earlier wait changes nothing once a person has joined.
pub(super) fn wait_over(turn: &mut Turn) {
    if turn.state.phase == Phase::Waiting {
        turn.effect(Effect::CloseHandoff { outcome: HandoffOutcome::Missed });
        nobody(turn);
    }
}

pub(super) fn said_while_waiting(turn: &mut Turn, commands: &[Command]) {
    if commands.contains(&Command::Emergency) {
        turn.say(Part::Emergency);
        turn.effect(Effect::TellPerson);
    } else if commands.contains(&Command::Goodbye) {
        turn.goodbye(EndReason::Goodbye);
    } else if commands.contains(&Command::Cancel) {
        turn.effect(Effect::CloseHandoff { outcome: HandoffOutcome::Withdrawn });
        turn.state.phase = Phase::Agent;
        turn.say(Part::Cancelled);
        turn.menu();
    } else {
        turn.effect(Effect::TellPerson);
    }
}

pub(super) fn joined(turn: &mut Turn, display_name: &str) {
    if turn.phone() || !matches!(turn.state.phase, Phase::Agent | Phase::Waiting) {
        return;
    }
    turn.state.phase = Phase::Person;
    turn.state.running = None;
    turn.state.question = None;
    turn.state.asked = Asked::Nothing;
    turn.state.awaited = Awaited::Person;
    turn.say(Part::PersonJoined { display_name: display_name.to_owned() });
}

pub(super) fn said(turn: &mut Turn) {
    if turn.state.phase == Phase::Person {
        turn.effect(Effect::TellVisitor);
    }
}

pub(super) fn left(turn: &mut Turn, end: bool) {
    if turn.state.phase != Phase::Person {
        return;
    }
    if end {
        return turn.goodbye(EndReason::Person);
    }
    turn.effect(Effect::CloseHandoff { outcome: HandoffOutcome::Finished });
    turn.state.phase = Phase::Agent;
    turn.say(Part::PersonLeft);
    turn.offer_flows();
    turn.await_anything();
}

/// The transfer of a call came to its end.
pub(super) fn transferred(turn: &mut Turn, connected: bool) {
    if !turn.phone() || turn.state.phase != Phase::Waiting {
        return;
    }
    if connected {
        turn.end(EndReason::Transferred);
    } else {
        nobody(turn);
    }
}
