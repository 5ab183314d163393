//! Every state with every event, and long random lives.

use std::collections::HashSet;

use super::*;

const TIMES: Times = Times { ring_seconds: 60, call_seconds: 3_600 };

fn every_event() -> Vec<Event> {
    vec![
        Event::Rings,
        Event::Answered,
        Event::Refused(Status::BUSY_HERE),
        Event::Cancelled,
        Event::PeerHungUp,
        Event::HangUp,
        Event::Directions { we_send: false, we_receive: true },
        Event::Directions { we_send: true, we_receive: true },
        Event::MediaSilent,
        Event::SignallingLost,
        Event::TimeOver(Timer::Ring),
        Event::TimeOver(Timer::Length),
        Event::Shutdown,
    ]
}

/// Lives a call through events and checks what must hold for every life; gives its effects.
fn live(direction: Direction, events: &[Event]) -> (Call, Vec<Effect>) {
    let (mut call, mut effects) = Call::begin(direction, TIMES);
    for event in events {
        let ended_before = matches!(call.state(), State::Ended(_));
        let step = call.step(*event);
        assert!(!ended_before || step.is_empty(), "{event:?} after the end gave {step:?}");
        effects.extend(step);
    }
    let count = |wanted: &dyn Fn(&Effect) -> bool| effects.iter().filter(|effect| wanted(effect)).count();
    let ended = matches!(call.state(), State::Ended(_));
    assert_eq!(count(&|effect| matches!(effect, Effect::End(_))), usize::from(ended), "{events:?}");
    let started = count(&|effect| *effect == Effect::StartMedia);
    assert!(started <= 1);
    assert_eq!(count(&|effect| *effect == Effect::StopMedia), if ended { started } else { 0 }, "{events:?}");
    if ended {
        assert!(matches!(effects.last(), Some(Effect::End(_))));
        let mut running = HashSet::new();
        for effect in &effects {
            match effect {
                Effect::StartTimer(timer, _) => drop(running.insert(*timer)),
                Effect::StopTimer(timer) => drop(running.remove(timer)),
                _ => {}
            }
        }
        assert!(running.is_empty(), "{running:?} still runs after {events:?}");
        let told = count(&|effect| matches!(effect, Effect::SendHangUp | Effect::SendCancel | Effect::SendRefusal(_)));
        let State::Ended(end) = call.state() else { return (call, effects) };
        // Whoever did not end the call is told, once; whoever ended it is not.
        match (end.by, end.reason) {
            (EndedBy::Caller, _) | (_, EndReason::SignallingLost) => assert_eq!(told, 0, "{events:?}"),
            _ => assert_eq!(told, 1, "{events:?}"),
        }
    }
    (call, effects)
}

#[test]
fn every_life_of_up_to_four_events_keeps_the_promises() {
    let events = every_event();
    for direction in [Direction::Inbound, Direction::Outbound] {
        for first in &events {
            for second in &events {
                for third in &events {
                    for fourth in &events {
                        live(direction, &[*first, *second, *third, *fourth]);
                    }
                }
            }
        }
    }
}

#[test]
fn an_answered_call_that_the_caller_hangs_up() {
    let (call, effects) = live(Direction::Inbound, &[Event::Rings, Event::Answered, Event::PeerHungUp]);
    let end = CallEnd { by: EndedBy::Caller, status: Status::OK, reason: EndReason::HungUp, detail: String::new() };
    assert_eq!(call.state(), &State::Ended(end.clone()));
    assert_eq!(
        effects,
        vec![
            Effect::StartTimer(Timer::Ring, 60),
            Effect::SendRinging,
            Effect::StopTimer(Timer::Ring),
            Effect::SendAnswer,
            Effect::StartTimer(Timer::Length, 3_600),
            Effect::StartMedia,
            Effect::StopMedia,
            Effect::StopTimer(Timer::Length),
            Effect::End(end),
        ]
    );
}

#[test]
fn silence_is_suspicious_except_on_hold() {
    let held = Event::Directions { we_send: false, we_receive: false };
    let (call, effects) = live(Direction::Inbound, &[Event::Answered, held, Event::MediaSilent]);
    assert_eq!(call.state(), &State::Held);
    assert!(effects.contains(&Effect::ReportHeld));
    assert_eq!(effects.last(), Some(&Effect::AskPeer), "is it still there?");
    let (call, _) = live(Direction::Inbound, &[Event::Answered, held, Event::MediaSilent, Event::SignallingLost]);
    assert!(matches!(call.state(), State::Ended(end) if end.reason == EndReason::SignallingLost), "it is not");
    let resumed = Event::Directions { we_send: true, we_receive: true };
    let (call, effects) = live(Direction::Inbound, &[Event::Answered, held, resumed, Event::MediaSilent]);
    assert!(effects.contains(&Effect::ReportResumed));
    assert!(matches!(call.state(), State::Ended(end) if end.reason == EndReason::MediaSilent));
}

#[test]
fn early_failures_keep_their_status() {
    for (status, reason) in [
        (Status::BUSY_HERE, EndReason::Busy),
        (Status::NOT_FOUND, EndReason::Rejected),
        (Status::TEMPORARILY_UNAVAILABLE, EndReason::NoAnswer),
        (Status::NOT_ACCEPTABLE_HERE, EndReason::Refused),
        (Status::SERVICE_UNAVAILABLE, EndReason::Rejected),
    ] {
        let (call, _) = live(Direction::Outbound, &[Event::Rings, Event::Refused(status)]);
        assert_eq!(call.state(), &State::Ended(CallEnd { by: EndedBy::Caller, status, reason, detail: String::new() }));
    }
}

#[test]
fn a_call_that_nobody_takes_is_given_up() {
    let (_, effects) = live(Direction::Inbound, &[Event::TimeOver(Timer::Ring)]);
    assert!(effects.contains(&Effect::SendRefusal(Status::TEMPORARILY_UNAVAILABLE)));
    let (_, effects) = live(Direction::Outbound, &[Event::TimeOver(Timer::Ring)]);
    assert!(effects.contains(&Effect::SendCancel));
}
