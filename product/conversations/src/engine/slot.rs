//! Slots: taking values into the running flow, each checked by its kind.

use agents::command::{Provenance, SlotValue};
use agents::profile::{SlotKind, SlotRule};
use agents::reply::{Part, SlotProblem};
use agents::turn::Awaited;
use jiff::ToSpan;
use jiff::civil::{Date, Time};

use super::turn::Turn;
use super::{Filled, Found, Running, TRIES_MAX, flow};

/// Characters of a person's name.
pub const NAME_MAX: usize = 120;
/// Characters of free text.
pub const TEXT_MAX: usize = 2_000;
/// Characters of an e-mail address (RFC 5321, section 4.5.3.1).
pub const EMAIL_MAX: usize = 254;
/// Digits of a telephone number.
pub const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
/// Characters of a telephone number as it was given.
pub const NUMBER_MAX: usize = 32;

/// Sets a slot of the running flow; false when there is no such slot or the value was refused.
pub(super) fn set(turn: &mut Turn, slot: &str, value: &SlotValue, provenance: Provenance) -> bool {
    let Some(rule) = rule_of(turn, slot) else { return false };
    match check(turn, &rule, value) {
        Ok(Some(value)) => {
            fill(turn, &rule, Filled { value, provenance });
            true
        }
        Ok(None) => true,
        Err(problem) => {
            refuse(turn, &rule, problem);
            false
        }
    }
}

/// The rule of a slot: by its key, or the slot that is being asked for when it has the key.
fn rule_of(turn: &Turn, slot: &str) -> Option<SlotRule> {
    let running = turn.state.running.as_ref()?;
    turn.profile.flow(&running.flow)?.slot(slot).cloned()
}

fn slot_of_kind(turn: &Turn, kind: SlotKind) -> Option<String> {
    let running = turn.state.running.as_ref()?;
    let flow = turn.profile.flow(&running.flow)?;
    // Of several slots of one kind the one that is being asked for is meant, else the first.
    let asking = running.asking.as_deref().and_then(|key| flow.slot(key)).filter(|rule| rule.kind == kind);
    asking.or_else(|| flow.slots.iter().find(|rule| rule.kind == kind)).map(|rule| rule.key.clone())
}

/// The value as it is kept; none when it was noted as a wish instead.
fn check(turn: &mut Turn, rule: &SlotRule, value: &SlotValue) -> Result<Option<SlotValue>, SlotProblem> {
    let kept = match (rule.kind, value) {
        (SlotKind::Service, SlotValue::Service(key)) if turn.profile.service(key).is_some() => value.clone(),
        (SlotKind::Day, SlotValue::Day(day)) => {
            check_day(turn, *day)?;
            value.clone()
        }
        (SlotKind::FreeTime, SlotValue::Time(time)) => return check_time(turn, *time),
        (SlotKind::PersonName, SlotValue::PersonName(name)) => SlotValue::PersonName(words(name, NAME_MAX)?),
        (SlotKind::PhoneNumber, SlotValue::PhoneNumber(number)) => {
            let digits = number.chars().filter(char::is_ascii_digit).count();
            if !NUMBER_DIGITS.contains(&digits) || number.chars().count() > NUMBER_MAX {
                return Err(SlotProblem::NotReadable);
            }
            value.clone()
        }
        (SlotKind::Email, SlotValue::Email(address)) => {
            let shaped = address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
            if !shaped || address.chars().count() > EMAIL_MAX {
                return Err(SlotProblem::NotReadable);
            }
            value.clone()
        }
        (SlotKind::Text, SlotValue::Text(text)) => SlotValue::Text(words(text, TEXT_MAX)?),
        (SlotKind::Text, SlotValue::Recording(_)) => value.clone(),
        _ => return Err(SlotProblem::NotReadable),
    };
    Ok(Some(kept))
}

fn words(text: &str, most: usize) -> Result<String, SlotProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SlotProblem::NotReadable);
    }
    if text.chars().count() > most { Err(SlotProblem::TooLong) } else { Ok(text.to_owned()) }
}

fn check_day(turn: &mut Turn, day: Date) -> Result<(), SlotProblem> {
    let today = turn.local.date();
    let last = today.saturating_add(i32::from(turn.profile.booking.horizon_days).days());
    if day < today {
        return Err(SlotProblem::Past);
    }
    if day > last {
        return Err(SlotProblem::TooFar);
    }
    if turn.profile.periods(day).is_empty() {
        if let Some(running) = &mut turn.state.running {
            running.days_from = Some(day);
            running.found = Found::Nothing;
        }
        return Err(SlotProblem::Closed);
    }
    Ok(())
}

/// A time is taken only from those found free; before they were looked up it is a wish.
fn check_time(turn: &mut Turn, time: Time) -> Result<Option<SlotValue>, SlotProblem> {
    let Some(running) = &mut turn.state.running else { return Err(SlotProblem::NotReadable) };
    match &running.found {
        Found::Times(_, times) if times.contains(&time) => Ok(Some(SlotValue::Time(time))),
        Found::Times(..) => {
            running.wanted_time = Some(time);
            running.offset = 0;
            Err(SlotProblem::NotFree)
        }
        Found::Nothing | Found::Days(_) => {
            running.wanted_time = Some(time);
            Ok(None)
        }
    }
}

fn fill(turn: &mut Turn, rule: &SlotRule, filled: Filled) {
    let flow = turn.state.running.as_ref().and_then(|running| turn.profile.flow(&running.flow));
    let time = flow.and_then(|flow| flow.slots.iter().find(|rule| rule.kind == SlotKind::FreeTime));
    let Some(running) = &mut turn.state.running else { return };
    let before = running.values.insert(rule.key.clone(), filled);
    let changed = before.as_ref() != running.values.get(&rule.key);
    if changed && matches!(rule.kind, SlotKind::Service | SlotKind::Day) {
        // The free times of another day or service are others; the time that was chosen stays a wish.
        running.found = Found::Nothing;
        running.offset = 0;
        if let Some(Filled { value: SlotValue::Time(chosen), .. }) =
            time.and_then(|rule| running.values.remove(&rule.key))
        {
            running.wanted_time = Some(chosen);
        }
    }
    running.refusals = 0;
    running.skipped.remove(&rule.key);
    if turn.state.asked == super::Asked::Confirm {
        turn.state.asked = super::Asked::Nothing;
    }
}

fn refuse(turn: &mut Turn, rule: &SlotRule, reason: SlotProblem) {
    let Some(running) = &mut turn.state.running else { return };
    running.refusals = running.refusals.saturating_add(1);
    let (flow, tries) = (running.flow.clone(), running.refusals);
    turn.say(Part::SlotRefused { flow, slot: rule.key.clone(), reason });
    if tries >= TRIES_MAX {
        if let Some(running) = &mut turn.state.running {
            running.refusals = 0;
        }
        turn.offer_person();
    }
}

/// The turn was not understood while a flow runs: what it waits for was not given.
pub(super) fn not_readable(turn: &mut Turn) {
    let asking = turn.state.running.as_ref().and_then(|running| running.asking.clone());
    match asking.and_then(|slot| rule_of(turn, &slot)) {
        Some(rule) if matches!(turn.state.awaited, Awaited::Slot { .. } | Awaited::Choice) => {
            refuse(turn, &rule, SlotProblem::NotReadable);
            if turn.state.asked != super::Asked::Person {
                flow::advance(turn);
            }
        }
        _ => {
            // A yes or no was awaited: what was said last is said again.
            let asked = turn.state.asked;
            turn.state.misses = turn.state.misses.saturating_add(1);
            turn.say(Part::NotUnderstood);
            if turn.state.misses >= turn.profile.handoff.after_misses && asked != super::Asked::Person {
                turn.offer_person();
            } else {
                turn.repeat();
            }
        }
    }
}

/// "No" to an optional slot leaves it out; false when the slot is needed.
pub(super) fn skip(turn: &mut Turn) -> bool {
    let Awaited::Slot { slot, .. } = turn.state.awaited.clone() else { return false };
    let optional = rule_of(turn, &slot).is_some_and(|rule| rule.optional);
    if let (true, Some(running)) = (optional, &mut turn.state.running) {
        running.skipped.insert(slot);
    }
    optional
}

/// A value is to be given again.
pub(super) fn change(turn: &mut Turn, slot: &str) {
    let Some(rule) = rule_of(turn, slot) else { return };
    if let Some(running) = &mut turn.state.running {
        running.values.remove(slot);
        if rule.kind == SlotKind::PhoneNumber {
            running.other_number = true;
        }
        if matches!(rule.kind, SlotKind::Service | SlotKind::Day) {
            running.found = Found::Nothing;
        }
    }
}

pub(super) fn choose_service(turn: &mut Turn, key: &str) -> bool {
    let Some(slot) = slot_of_kind(turn, SlotKind::Service) else { return false };
    set(turn, &slot, &SlotValue::Service(key.to_owned()), Provenance::Caller)
}

pub(super) fn choose_day(turn: &mut Turn, day: Date) -> bool {
    let Some(slot) = slot_of_kind(turn, SlotKind::Day) else { return false };
    set(turn, &slot, &SlotValue::Day(day), Provenance::Caller)
}

pub(super) fn choose_time(turn: &mut Turn, time: Time) -> bool {
    let Some(slot) = slot_of_kind(turn, SlotKind::FreeTime) else { return false };
    set(turn, &slot, &SlotValue::Time(time), Provenance::Caller)
}

/// The keys of a telephone number were pressed.
pub(super) fn set_phone_number(turn: &mut Turn, digits: String) {
    let Some(slot) = slot_of_kind(turn, SlotKind::PhoneNumber) else { return };
    if set(turn, &slot, &SlotValue::PhoneNumber(digits), Provenance::Caller) || !turn.asks_for_person() {
        flow::advance(turn);
    }
}

/// The number that the network signalled may be used. It can be forged, so it counts as said by the caller.
pub(super) fn use_caller_number(turn: &mut Turn) {
    let Some(number) = turn.state.caller_number.clone() else { return };
    let Some(slot) = slot_of_kind(turn, SlotKind::PhoneNumber) else { return };
    if !set(turn, &slot, &SlotValue::PhoneNumber(number), Provenance::Caller) {
        want_other_number(turn);
    }
}

pub(super) fn want_other_number(turn: &mut Turn) {
    if let Some(running) = &mut turn.state.running {
        running.other_number = true;
    }
}

/// Whether a slot still needs a value.
pub(super) fn open(running: &Running, rule: &SlotRule) -> bool {
    !running.values.contains_key(&rule.key) && !running.skipped.contains(&rule.key)
}
