//! Keys and silence: the embedded phone, and consent.

use agents::profile::SlotKind;
use agents::reply::Part;
use agents::turn::Awaited;

use super::turn::Turn;
use super::{
    Asked, ConsentMeans, Effect, EndReason, HandoffReason, Phase, Recording, SILENCES_MAX, TRIES_MAX, person, slot,
    words,
};

/// Keys that are collected for one number.
const KEYS_MAX: usize = 20;
/// A number of this many keys is taken without a closing `#` when nothing more comes.
const KEYS_ENOUGH: usize = 5;
/// The key that stops the recording wherever the caller is.
const STOP_RECORDING: char = '8';

pub(super) fn pressed(turn: &mut Turn, key: char) {
    turn.state.silences = 0;
    if !turn.phone() {
        return;
    }
    match turn.state.phase {
        Phase::New | Phase::Ended | Phase::Waiting | Phase::Person => return,
        Phase::Consent => return consent_key(turn, key),
        Phase::Agent => {}
    }
    if turn.state.awaited == Awaited::Message {
        return;
    }
    if collects(turn) {
        return collect(turn, key);
    }
    match key {
        STOP_RECORDING if turn.state.recording == Recording::On => stop_recording(turn, ConsentMeans::Key(key)),
        '0' => person::call(turn, HandoffReason::Asked),
        '*' => turn.repeat(),
        '1'..='9' => {
            let number = key.to_digit(10).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
            words::choose_as(turn, number, ConsentMeans::Key(key));
        }
        _ => {}
    }
}

/// Whether keys are collected for a number.
fn collects(turn: &Turn) -> bool {
    matches!(&turn.state.awaited, Awaited::Slot { kind: SlotKind::PhoneNumber, .. })
}

fn collect(turn: &mut Turn, key: char) {
    match key {
        '#' => take_number(turn),
        '*' => {
            turn.state.keyed.clear();
            turn.repeat();
        }
        '0'..='9' if turn.state.keyed.len() < KEYS_MAX => turn.state.keyed.push(key),
        _ => {}
    }
}

fn take_number(turn: &mut Turn) {
    let keyed = std::mem::take(&mut turn.state.keyed);
    slot::set_phone_number(turn, keyed);
}

fn consent_key(turn: &mut Turn, key: char) {
    let answer = match key {
        '1' => Some(true),
        '2' => Some(false),
        '0' => {
            refuse(turn, ConsentMeans::Key(key));
            return person::call(turn, HandoffReason::Asked);
        }
        _ => None,
    };
    consent(turn, answer, ConsentMeans::Key(key));
}

/// An answer to the recording notice; none is no answer that could be read.
pub(super) fn consent(turn: &mut Turn, answer: Option<bool>, means: ConsentMeans) {
    match answer {
        // A yes before the notice was heard to its end agrees to something unknown: it is asked again.
        Some(true) if turn.state.notice_heard => {
            turn.state.phase = Phase::Agent;
            turn.state.recording = Recording::On;
            turn.effect(Effect::StartRecording { means });
            turn.say(Part::RecordingAgreed);
            turn.menu();
        }
        Some(false) => {
            refuse(turn, means);
            turn.menu();
        }
        _ if turn.state.notices < TRIES_MAX => {
            turn.say(Part::RecordingNotice);
            turn.ask_yes_no(Asked::Recording);
        }
        _ => {
            refuse(turn, means);
            turn.menu();
        }
    }
}

fn refuse(turn: &mut Turn, means: ConsentMeans) {
    turn.state.phase = Phase::Agent;
    turn.state.recording = Recording::Off;
    turn.effect(Effect::StopRecording { withdrawn: false, means });
    turn.say(Part::RecordingDeclined);
}

/// Consent is taken back while the call goes on.
pub(super) fn stop_recording(turn: &mut Turn, means: ConsentMeans) {
    if turn.state.recording == Recording::On {
        turn.state.recording = Recording::Off;
        turn.effect(Effect::StopRecording { withdrawn: true, means });
    }
    turn.say(Part::RecordingDeclined);
    turn.repeat();
}

/// Nothing was heard or pressed.
pub(super) fn silence(turn: &mut Turn) {
    if !turn.phone() || matches!(turn.state.awaited, Awaited::Nothing | Awaited::Message | Awaited::Person) {
        return;
    }
    if turn.state.phase == Phase::Consent {
        return consent(turn, None, ConsentMeans::Silence);
    }
    if collects(turn) && turn.state.keyed.len() >= KEYS_ENOUGH {
        return take_number(turn);
    }
    turn.state.keyed.clear();
    turn.state.silences = turn.state.silences.saturating_add(1);
    if turn.state.silences >= SILENCES_MAX {
        return turn.goodbye(EndReason::Silence);
    }
    turn.say(Part::StillThere);
    turn.repeat();
}
