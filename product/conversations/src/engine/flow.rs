//! Flows: from the first slot to the tool, and what the tool answers.

use agents::command::{Provenance, SlotValue};
use agents::profile::{Flow, SlotKind, SlotRule, ToolKind};
use agents::reply::Part;
use agents::turn::Awaited;
use uuid::Uuid;

use super::turn::Turn;
use super::{
    Argument, Asked, ConsentMeans, Effect, Event, Filled, Found, MESSAGE_SECONDS_MAX, Phase, Running, TRIES_MAX, offer,
    slot,
};

/// Starts a flow; false when the profile has none of this key. The running flow goes on when it is the same.
pub(super) fn start(turn: &mut Turn, key: &str) -> bool {
    if turn.profile.flow(key).is_none() {
        return false;
    }
    if turn.state.running.as_ref().is_none_or(|running| running.flow != key) {
        turn.state.running = Some(Running::new(key.to_owned()));
        turn.await_anything();
    }
    true
}

pub(super) fn cancel(turn: &mut Turn) {
    turn.state.keyed.clear();
    turn.state.running = None;
    turn.say(Part::Cancelled);
    turn.menu();
}

/// What a slot leads to.
enum Next {
    /// It needs nothing more.
    Go,
    /// Something was asked or looked up: the step ends here.
    Stop,
}

/// Goes on with the running flow: asks for the next value, has the values confirmed, or runs the tool.
pub(super) fn advance(turn: &mut Turn) {
    if turn.asks_for_person() {
        return;
    }
    let Some(running) = &turn.state.running else {
        return;
    };
    if running.acting {
        return;
    }
    let Some(flow) = turn.profile.flow(&running.flow).cloned() else {
        turn.state.running = None;
        return turn.menu();
    };
    for rule in &flow.slots {
        if !turn.state.running.as_ref().is_some_and(|running| slot::open(running, rule)) {
            continue;
        }
        if matches!(need(turn, &flow, rule), Next::Stop) {
            return;
        }
    }
    if flow.confirm { confirm(turn, &flow) } else { act(turn) }
}

fn ask(turn: &mut Turn, flow: &Flow, rule: &SlotRule) {
    if let Some(running) = &mut turn.state.running {
        running.asking = Some(rule.key.clone());
    }
    turn.state.asked = Asked::Nothing;
    turn.state.awaited = Awaited::Slot { flow: flow.key.clone(), slot: rule.key.clone(), kind: rule.kind };
    turn.state.keyed.clear();
}

fn need(turn: &mut Turn, flow: &Flow, rule: &SlotRule) -> Next {
    match rule.kind {
        SlotKind::Service if turn.profile.services.len() == 1 => {
            let key = turn.profile.services[0].key.clone();
            slot::set(turn, &rule.key, &SlotValue::Service(key), Provenance::Owner);
            return Next::Go;
        }
        SlotKind::PersonName | SlotKind::Email if turn.phone() => return skipped(turn, rule),
        SlotKind::Text if turn.phone() && rule.optional => return skipped(turn, rule),
        _ => {}
    }
    ask(turn, flow, rule);
    match rule.kind {
        SlotKind::Service => offer::services(turn, flow, rule),
        SlotKind::Day => offer::look_for_days(turn),
        SlotKind::FreeTime => offer::look_for_times(turn),
        SlotKind::PhoneNumber if turn.phone() => ask_number(turn, flow, rule),
        SlotKind::Text if turn.phone() => {
            turn.say(Part::MessageNotice);
            turn.state.notices = 0;
            turn.ask_yes_no(Asked::Message);
        }
        _ => say_question(turn, flow, rule),
    }
    Next::Stop
}

/// What the embedded phone cannot ask for is left out.
fn skipped(turn: &mut Turn, rule: &SlotRule) -> Next {
    if let Some(running) = &mut turn.state.running {
        running.skipped.insert(rule.key.clone());
    }
    Next::Go
}

pub(super) fn say_question(turn: &mut Turn, flow: &Flow, rule: &SlotRule) {
    turn.say(Part::AskSlot { flow: flow.key.clone(), slot: rule.key.clone() });
}

fn ask_number(turn: &mut Turn, flow: &Flow, rule: &SlotRule) {
    let other = turn.state.running.as_ref().is_some_and(|running| running.other_number);
    match turn.state.caller_number.clone().filter(|_| !other) {
        Some(number) => {
            turn.say(Part::AskThisNumber { number });
            turn.ask_yes_no(Asked::ThisNumber);
        }
        None => say_question(turn, flow, rule),
    }
}

fn confirm(turn: &mut Turn, flow: &Flow) {
    let Some(running) = &mut turn.state.running else { return };
    running.asking = None;
    let value = |rule: &SlotRule| Some((rule.key.clone(), running.values.get(&rule.key)?.value.clone()));
    let values = flow.slots.iter().filter_map(value).collect();
    turn.say(Part::ConfirmFlow { flow: flow.key.clone(), values });
    turn.ask_yes_no(Asked::Confirm);
}

/// Runs the flow's tool.
pub(super) fn act(turn: &mut Turn) {
    let Some(flow) = turn.state.running.as_ref().and_then(|running| turn.profile.flow(&running.flow)).cloned() else {
        return;
    };
    if flow.tool == ToolKind::TellHours {
        turn.state.running = None;
        turn.say(Part::Hours { open_now: turn.profile.is_open(turn.local) });
        return turn.finished_something();
    }
    if flow.tool == ToolKind::AnswerQuestions {
        turn.state.running = None;
        return offer::questions(turn, &flow);
    }
    let Some(running) = &mut turn.state.running else { return };
    running.acting = true;
    let arguments = flow.slots.iter().filter_map(|rule| argument(running, rule)).collect();
    turn.state.asked = Asked::Nothing;
    turn.effect(Effect::Act { tool: flow.tool, flow: flow.key, arguments });
}

fn argument(running: &Running, rule: &SlotRule) -> Option<Argument> {
    let Filled { value, provenance } = running.values.get(&rule.key)?.clone();
    Some(Argument { slot: rule.key.clone(), kind: rule.kind, value, provenance })
}

/// The tool has done it.
pub(super) fn done(turn: &mut Turn, reference: &str) {
    let Some(running) = turn.state.running.take_if(|running| running.acting) else { return };
    let Some(flow) = turn.profile.flow(&running.flow).cloned() else { return };
    match flow.tool {
        ToolKind::Book => turn.say(booked(&flow, &running, reference)),
        ToolKind::TakeLead => turn.say(Part::LeadTaken),
        ToolKind::OpenTicket => turn.say(Part::TicketOpened { reference: reference.to_owned() }),
        ToolKind::TakeMessage => turn.say(Part::MessageTaken),
        ToolKind::TellHours | ToolKind::AnswerQuestions => {}
    }
    turn.finished_something();
}

fn booked(flow: &Flow, running: &Running, reference: &str) -> Part {
    let value = |kind: SlotKind| {
        let rule = flow.slots.iter().find(|rule| rule.kind == kind)?;
        running.values.get(&rule.key).map(|filled| &filled.value)
    };
    match (value(SlotKind::Service), value(SlotKind::Day), value(SlotKind::FreeTime)) {
        (Some(SlotValue::Service(service)), Some(SlotValue::Day(day)), Some(SlotValue::Time(time))) => {
            Part::Booked { service: service.clone(), day: *day, time: *time, reference: reference.to_owned() }
        }
        _ => Part::Trouble,
    }
}

/// The time was taken by somebody else in the meantime: the free ones are offered again.
pub(super) fn time_taken(turn: &mut Turn) {
    let time = turn
        .state
        .running
        .as_ref()
        .filter(|running| running.acting)
        .and_then(|running| turn.profile.flow(&running.flow))
        .and_then(|flow| flow.slots.iter().find(|rule| rule.kind == SlotKind::FreeTime))
        .map(|rule| rule.key.clone());
    let (Some(running), Some(time)) = (&mut turn.state.running, time) else { return };
    running.acting = false;
    running.values.remove(&time);
    running.found = Found::Nothing;
    running.wanted_time = None;
    running.offset = 0;
    running.conflicts = running.conflicts.saturating_add(1);
    let conflicts = running.conflicts;
    turn.say(Part::TimeTaken);
    if conflicts >= TRIES_MAX {
        turn.state.running = None;
        turn.offer_person();
    } else {
        advance(turn);
    }
}

/// A tool or a search failed. It is said plainly, and a person is offered.
pub(super) fn failed(turn: &mut Turn) {
    turn.state.question = None;
    turn.state.running = None;
    if turn.state.phase == Phase::Agent {
        turn.say(Part::Trouble);
        turn.offer_person();
    }
}

/// "Leave a message" was offered and wanted.
pub(super) fn offered_message(turn: &mut Turn) {
    match turn.profile.flow_with(ToolKind::TakeMessage).map(|flow| flow.key.clone()) {
        Some(key) => {
            start(turn, &key);
            advance(turn);
        }
        None => turn.menu(),
    }
}

/// Recording a message was agreed to.
pub(super) fn take_message(turn: &mut Turn, means: ConsentMeans) {
    if turn.state.running.is_none() {
        return turn.menu();
    }
    // As with the recording of a call: a yes counts only when the notice was heard.
    if !turn.state.notice_heard {
        if turn.state.notices >= TRIES_MAX {
            return cancel(turn);
        }
        turn.say(Part::MessageNotice);
        return turn.ask_yes_no(Asked::Message);
    }
    turn.say(Part::LeaveMessage);
    turn.state.awaited = Awaited::Message;
    turn.effect(Effect::TakeVoicemail { means, max_seconds: MESSAGE_SECONDS_MAX });
}

pub(super) fn message_recorded(turn: &mut Turn, recording: Uuid) {
    if take_recording(turn, recording) {
        turn.await_anything();
        advance(turn);
    }
}

fn take_recording(turn: &mut Turn, recording: Uuid) -> bool {
    if turn.state.awaited != Awaited::Message {
        return false;
    }
    let asking = turn.state.running.as_ref().and_then(|running| running.asking.clone());
    asking.is_some_and(|key| slot::set(turn, &key, &SlotValue::Recording(recording), Provenance::Caller))
}

pub(super) fn message_failed(turn: &mut Turn) {
    if turn.state.awaited != Awaited::Message {
        return;
    }
    turn.state.running = None;
    turn.say(Part::MessageFailed);
    turn.menu();
}

/// The caller or visitor has left. A message that was already recorded or written is not lost: its tool runs with
/// what is known.
pub(super) fn left(turn: &mut Turn) {
    let Some(running) = &turn.state.running else { return };
    let Some(flow) = turn.profile.flow(&running.flow).cloned() else { return };
    let takes = matches!(flow.tool, ToolKind::TakeMessage | ToolKind::OpenTicket);
    let told = flow.slots.iter().any(|rule| rule.kind == SlotKind::Text && running.values.contains_key(&rule.key));
    if running.acting {
        return;
    }
    if takes && told {
        add_caller_number(turn, &flow);
        act(turn);
    } else if turn.state.awaited != Awaited::Message {
        turn.state.running = None;
    }
}

fn add_caller_number(turn: &mut Turn, flow: &Flow) {
    let rule = flow.slots.iter().find(|rule| rule.kind == SlotKind::PhoneNumber);
    let (Some(rule), Some(number)) = (rule, turn.state.caller_number.clone()) else { return };
    if let Some(running) = turn.state.running.as_mut().filter(|running| slot::open(running, rule)) {
        let filled = Filled { value: SlotValue::PhoneNumber(number), provenance: Provenance::Caller };
        running.values.insert(rule.key.clone(), filled);
    }
}

/// Events after the end. Only a message whose recording ended with the call still counts, and a tool's answer.
pub(super) fn after_the_end(turn: &mut Turn, event: &Event) {
    match event {
        Event::MessageRecorded { recording, .. } => {
            let Some(running) = &turn.state.running else { return };
            let asking = running.asking.clone();
            let Some(flow) = turn.profile.flow(&running.flow).cloned() else { return };
            let text = asking.as_deref().and_then(|key| flow.slot(key)).filter(|rule| rule.kind == SlotKind::Text);
            let (Some(rule), Some(running)) = (text, &mut turn.state.running) else { return };
            if running.acting || !slot::open(running, rule) {
                return;
            }
            let filled = Filled { value: SlotValue::Recording(*recording), provenance: Provenance::Caller };
            running.values.insert(rule.key.clone(), filled);
            add_caller_number(turn, &flow);
            act(turn);
        }
        Event::Done { .. } | Event::TimeTaken | Event::ToolFailed | Event::MessageFailed => turn.state.running = None,
        _ => {}
    }
}
