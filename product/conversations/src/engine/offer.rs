//! Offers: services, free days and free times as numbered choices, page by page.

use agents::command::SlotValue;
use agents::profile::{Flow, SlotKind, SlotRule};
use agents::reply::{Choice, ChoiceLabel, Part, SlotProblem};
use agents::turn::Awaited;
use jiff::civil::{Date, Time};

use super::turn::Turn;
use super::{Asked, Effect, Found, flow};

/// On a phone at most this many things are offered at once: more cannot be kept in mind.
const PHONE_OFFERED_MAX: usize = 6;
/// In a chat at most this many, so that "other choices" still has a number.
const CHAT_OFFERED_MAX: usize = 8;
/// The key for other choices on a phone.
const OTHER_KEY: u8 = 9;

fn page_length(turn: &Turn) -> usize {
    let most = if turn.phone() { PHONE_OFFERED_MAX } else { CHAT_OFFERED_MAX };
    usize::from(turn.profile.booking.offered).clamp(1, most)
}

fn service_page_length(turn: &Turn) -> usize {
    if turn.phone() { PHONE_OFFERED_MAX } else { CHAT_OFFERED_MAX }
}

/// Numbers labels from 1, and offers others when there are more.
fn numbered(turn: &Turn, labels: Vec<ChoiceLabel>, more: bool) -> Vec<Choice> {
    let mut choices: Vec<Choice> = (1_u8..).zip(labels).map(|(number, label)| Choice { number, label }).collect();
    if more {
        let next = u8::try_from(choices.len() + 1).unwrap_or(OTHER_KEY);
        let number = if turn.phone() { OTHER_KEY } else { next };
        choices.push(Choice { number, label: ChoiceLabel::Other });
    }
    choices
}

/// One page of a list: from `offset` on, or from its beginning when `offset` lies behind its end.
fn page<T: Copy>(turn: &Turn, all: &[T], length: usize) -> (Vec<T>, bool) {
    let offset = turn.state.running.as_ref().map_or(0, |running| usize::from(running.offset));
    let offset = if offset < all.len() { offset } else { 0 };
    let shown: Vec<T> = all.iter().skip(offset).take(length).copied().collect();
    (shown, all.len() > length)
}

pub(super) fn services(turn: &mut Turn, flow: &Flow, rule: &SlotRule) {
    let length = service_page_length(turn);
    let indexes: Vec<usize> = (0..turn.profile.services.len()).collect();
    let (shown, more) = page(turn, &indexes, length);
    let labels = shown.iter().map(|index| ChoiceLabel::Service(turn.profile.services[*index].key.clone())).collect();
    flow::say_question(turn, flow, rule);
    turn.offer(numbered(turn, labels, more));
}

/// The questions of a flow, or, on a phone without a voice for documents, where they can be asked.
pub(super) fn questions(turn: &mut Turn, flow: &Flow) {
    if !turn.state.reads_aloud {
        turn.say(Part::AnswersElsewhere);
        return turn.offer_person();
    }
    turn.await_anything();
    turn.say(Part::WhichQuestion);
    turn.state.misses = 0;
    let labels = flow.questions.iter().cloned().map(ChoiceLabel::Question).collect();
    let choices = numbered(turn, labels, false);
    if turn.phone() {
        turn.state.awaited = Awaited::Choice;
    }
    turn.offer(choices);
}

fn service_of(turn: &Turn) -> Option<String> {
    let running = turn.state.running.as_ref()?;
    let flow = turn.profile.flow(&running.flow)?;
    let rule = flow.slots.iter().find(|rule| rule.kind == SlotKind::Service);
    match rule.and_then(|rule| running.values.get(&rule.key)).map(|filled| &filled.value) {
        Some(SlotValue::Service(key)) => Some(key.clone()),
        // The day may be asked before the service: any service shows which days are free.
        _ => turn.profile.services.first().map(|service| service.key.clone()),
    }
}

fn day_of(turn: &Turn) -> Option<Date> {
    let running = turn.state.running.as_ref()?;
    let flow = turn.profile.flow(&running.flow)?;
    let rule = flow.slots.iter().find(|rule| rule.kind == SlotKind::Day)?;
    match running.values.get(&rule.key)?.value {
        SlotValue::Day(day) => Some(day),
        _ => None,
    }
}

pub(super) fn look_for_days(turn: &mut Turn) {
    if let Some(Found::Days(days)) = turn.state.running.as_ref().map(|running| running.found.clone()) {
        return offer_days(turn, &days);
    }
    let today = turn.local.date();
    let from = turn.state.running.as_ref().and_then(|running| running.days_from).map_or(today, |day| day.max(today));
    match service_of(turn) {
        Some(service) => turn.effect(Effect::FindDays { service, from }),
        None => flow::failed(turn),
    }
}

pub(super) fn look_for_times(turn: &mut Turn) {
    let found = turn.state.running.as_ref().map(|running| running.found.clone());
    if let (Some(Found::Times(day, times)), Some(chosen)) = (found, day_of(turn))
        && day == chosen
        && !times.is_empty()
    {
        return offer_times(turn, day, &times);
    }
    match (service_of(turn), day_of(turn)) {
        (Some(service), Some(day)) => turn.effect(Effect::FindTimes { service, day }),
        _ => flow::failed(turn),
    }
}

fn asking(turn: &Turn, kind: SlotKind) -> bool {
    matches!(&turn.state.awaited, Awaited::Slot { kind: awaited, .. } if *awaited == kind)
}

fn say_question(turn: &mut Turn) {
    if let Awaited::Slot { flow, slot, .. } = turn.state.awaited.clone() {
        turn.say(Part::AskSlot { flow, slot });
    }
}

/// The calendar gave days.
pub(super) fn free_days(turn: &mut Turn, days: &[Date]) {
    if !asking(turn, SlotKind::Day) {
        return;
    }
    if days.is_empty() {
        turn.state.running = None;
        turn.say(Part::FreeDays { days: Vec::new() });
        return turn.offer_person();
    }
    if let Some(running) = &mut turn.state.running {
        running.found = Found::Days(days.to_vec());
        running.offset = 0;
    }
    offer_days(turn, days);
}

fn offer_days(turn: &mut Turn, days: &[Date]) {
    let (shown, more) = page(turn, days, page_length(turn));
    say_question(turn);
    let labels = shown.iter().copied().map(ChoiceLabel::Day).collect();
    turn.say(Part::FreeDays { days: shown });
    turn.offer(numbered(turn, labels, more));
}

/// The calendar gave times.
pub(super) fn free_times(turn: &mut Turn, day: Date, times: &[Time], next: Option<Date>) {
    if !asking(turn, SlotKind::FreeTime) || day_of(turn) != Some(day) {
        return;
    }
    if times.is_empty() {
        return no_free_time(turn, day, next);
    }
    let wanted = turn.state.running.as_mut().and_then(|running| {
        running.found = Found::Times(day, times.to_vec());
        running.offset = 0;
        running.wanted_time
    });
    match wanted {
        Some(wanted) if times.contains(&wanted) => {
            super::slot::choose_time(turn, wanted);
            flow::advance(turn);
        }
        Some(_) => {
            if let Awaited::Slot { flow, slot, .. } = turn.state.awaited.clone() {
                turn.say(Part::SlotRefused { flow, slot, reason: SlotProblem::NotFree });
            }
            offer_times(turn, day, times);
        }
        None => offer_times(turn, day, times),
    }
}

fn no_free_time(turn: &mut Turn, day: Date, next: Option<Date>) {
    turn.say(Part::NoFreeTime { day, next });
    let flow = turn.state.running.as_ref().and_then(|running| turn.profile.flow(&running.flow));
    let rule = flow.and_then(|flow| flow.slots.iter().find(|rule| rule.kind == SlotKind::Day)).cloned();
    let (Some(rule), Some(running)) = (rule, &mut turn.state.running) else { return };
    running.values.remove(&rule.key);
    running.days_from = Some(day);
    running.asking = Some(rule.key.clone());
    let flow = running.flow.clone();
    let Some(next) = next else {
        turn.state.running = None;
        return turn.offer_person();
    };
    running.found = Found::Days(vec![next]);
    running.offset = 0;
    turn.state.awaited = Awaited::Slot { flow, slot: rule.key, kind: SlotKind::Day };
    say_question(turn);
    turn.offer(numbered(turn, vec![ChoiceLabel::Day(next)], false));
}

/// Offers free times: those in the wished part of the day when there are any, beginning with the nearest to the wished time.
fn offer_times(turn: &mut Turn, day: Date, times: &[Time]) {
    let Some(running) = &turn.state.running else { return };
    let inside: Vec<Time> = match running.window {
        Some((from, until)) => times.iter().copied().filter(|time| (from..until).contains(time)).collect(),
        None => Vec::new(),
    };
    let list = if inside.is_empty() { times } else { &inside };
    let length = page_length(turn);
    let near = running.wanted_time.filter(|_| running.offset == 0);
    let (shown, more) = match near {
        Some(wanted) => (nearest(list, wanted, length), times.len() > length),
        None => page(turn, list, length),
    };
    let labels = shown.iter().copied().map(ChoiceLabel::Time).collect();
    turn.say(Part::FreeTimes { day, times: shown });
    say_question(turn);
    turn.offer(numbered(turn, labels, more));
}

fn nearest(times: &[Time], wanted: Time, length: usize) -> Vec<Time> {
    let minutes = |time: &Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    let mut near = times.to_vec();
    near.sort_by_key(|time| ((minutes(time) - minutes(&wanted)).abs(), *time));
    near.truncate(length);
    near.sort();
    near
}

/// Other choices: the next page, which [`flow::advance`] then offers; false when nothing is being offered.
pub(super) fn others(turn: &mut Turn) -> bool {
    let services = asking(turn, SlotKind::Service);
    let length = if services { service_page_length(turn) } else { page_length(turn) };
    let count = turn.profile.services.len();
    let Some(running) = &mut turn.state.running else { return false };
    let all = match &running.found {
        Found::Days(days) => days.len(),
        Found::Times(_, times) => times.len(),
        Found::Nothing if services => count,
        Found::Nothing => return false,
    };
    running.wanted_time = None;
    let next = usize::from(running.offset) + length;
    let last = next >= all;
    running.offset = if last { 0 } else { u16::try_from(next).unwrap_or(0) };
    if let (Found::Days(days), true) = (&running.found, last) {
        // After the last days that were found the calendar is asked for later ones.
        running.days_from = days.last().and_then(|day| day.tomorrow().ok());
        running.found = Found::Nothing;
    }
    true
}

/// A wish for a part of the day.
pub(super) fn prefer(turn: &mut Turn, from: Time, until: Time) {
    if let Some(running) = turn.state.running.as_mut().filter(|_| from < until) {
        running.window = Some((from, until));
        running.offset = 0;
    }
}

/// The values are not right: which one is to be changed?
pub(super) fn changes(turn: &mut Turn) {
    let Some(running) = &turn.state.running else { return };
    let Some(flow) = turn.profile.flow(&running.flow) else { return };
    let filled = flow.slots.iter().filter(|rule| {
        let single = rule.kind == SlotKind::Service && turn.profile.services.len() == 1;
        running.values.contains_key(&rule.key) && !single
    });
    let labels = filled.map(|rule| ChoiceLabel::Slot { flow: flow.key.clone(), slot: rule.key.clone() });
    let labels: Vec<ChoiceLabel> = labels.take(7).chain([ChoiceLabel::Cancel]).collect();
    turn.say(Part::AskChange);
    turn.state.asked = Asked::Nothing;
    turn.state.awaited = Awaited::Choice;
    let choices = numbered(turn, labels, false);
    turn.offer(choices);
}
