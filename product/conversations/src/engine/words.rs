//! Words: commands that a turn was understood as, buttons, and answers that were looked up.

use agents::command::{COMMANDS_PER_TURN_MAX, Chitchat, Command, Provenance};
use agents::reply::{Choice, ChoiceLabel, Part};

use super::turn::Turn;
use super::{Answer, Asked, ConsentMeans, Effect, EndReason, HandoffReason, Phase, flow, keys, offer, person, slot};

pub(super) fn said(turn: &mut Turn, commands: &[Command]) {
    turn.state.silences = 0;
    match turn.state.phase {
        Phase::New | Phase::Ended => {}
        Phase::Person => turn.effect(Effect::TellPerson),
        Phase::Waiting => person::said_while_waiting(turn, commands),
        Phase::Consent if !commands.contains(&Command::Emergency) => {
            keys::consent(turn, yes_or_no(commands), ConsentMeans::Words);
        }
        Phase::Consent | Phase::Agent => to_the_agent(turn, commands),
    }
}

fn yes_or_no(commands: &[Command]) -> Option<bool> {
    commands.iter().find_map(|command| match command {
        Command::Affirm | Command::Choose { number: 1 } => Some(true),
        Command::Deny | Command::StopRecording | Command::Choose { number: 2 } => Some(false),
        _ => None,
    })
}

/// What the commands of one turn came to, beside what they changed.
#[derive(Default)]
struct Came {
    /// Something was understood.
    understood: bool,
    /// A question was asked.
    question: Option<String>,
    /// The values read back are not right.
    denied: bool,
    /// A slot was set.
    set: bool,
    /// Nothing more is to be done in this turn.
    over: bool,
}

fn to_the_agent(turn: &mut Turn, commands: &[Command]) {
    let mut came = Came::default();
    if commands.contains(&Command::Emergency) {
        turn.say(Part::Emergency);
        turn.offer(vec![Choice { number: 1, label: ChoiceLabel::Person }]);
        return;
    }
    for command in commands.iter().take(COMMANDS_PER_TURN_MAX) {
        one(turn, command, &mut came);
        if came.over {
            return;
        }
    }
    if let Some(question) = came.question {
        look_up(turn, question);
    } else if came.denied && !came.set {
        offer::changes(turn);
    } else if came.understood {
        turn.state.misses = 0;
        flow::advance(turn);
    } else if turn.state.running.is_none() && matches!(commands, [Command::Affirm | Command::Deny]) {
        greeted(turn);
    } else {
        not_understood(turn);
    }
}

/// Searches the documents; the answer comes as [`found`].
fn look_up(turn: &mut Turn, question: String) {
    turn.state.question = Some(question.clone());
    turn.effect(Effect::Search { question });
}

fn one(turn: &mut Turn, command: &Command, came: &mut Came) {
    came.understood |= !matches!(command, Command::NotUnderstood);
    match command {
        Command::StartFlow { flow } => came.understood &= flow::start(turn, flow),
        Command::SetSlot { slot, value } => {
            let taken = slot::set(turn, slot, value, Provenance::Caller);
            came.set |= taken;
        }
        Command::Affirm => came.understood &= yes(turn, ConsentMeans::Words, came),
        Command::Deny => came.understood &= no(turn, came),
        Command::Choose { number } => came.understood &= choose(turn, *number, ConsentMeans::Words, came),
        Command::Other => came.understood &= offer::others(turn),
        Command::Prefer { from, until } => offer::prefer(turn, *from, *until),
        Command::Ask { question } => came.question = Some(question.clone()),
        Command::Chitchat { kind: Chitchat::Greeting } => greeted(turn),
        Command::Chitchat { kind: Chitchat::Thanks } => turn.say(Part::Welcome),
        Command::Chitchat { kind: Chitchat::AreYouHuman } => turn.say(Part::IAmAnAgent),
        Command::Repeat => {
            turn.repeat();
            came.over = true;
        }
        Command::Cancel => {
            flow::cancel(turn);
            came.over = true;
        }
        Command::Human => {
            person::call(turn, HandoffReason::Asked);
            came.over = true;
        }
        Command::Goodbye => {
            turn.goodbye(EndReason::Goodbye);
            came.over = true;
        }
        Command::StopRecording => {
            keys::stop_recording(turn, ConsentMeans::Words);
            came.over = true;
        }
        Command::Emergency | Command::NotUnderstood => {}
    }
}

/// A greeting, or a plain yes or no to nothing: what can be done is said, unless a flow goes on anyway.
fn greeted(turn: &mut Turn) {
    if turn.state.running.is_none() {
        turn.menu();
    }
}

/// "Yes" to what was asked; false when nothing was.
fn yes(turn: &mut Turn, means: ConsentMeans, came: &mut Came) -> bool {
    let asked = std::mem::replace(&mut turn.state.asked, Asked::Nothing);
    match asked {
        Asked::Nothing => return false,
        Asked::Recording => keys::consent(turn, Some(true), means),
        Asked::Message => flow::take_message(turn, means),
        Asked::Person => person::call(turn, HandoffReason::Offered),
        Asked::OfferMessage => flow::offered_message(turn),
        Asked::Confirm => flow::act(turn),
        Asked::ThisNumber => {
            slot::use_caller_number(turn);
            return true;
        }
    }
    came.over = true;
    true
}

/// "No" to what was asked; false when nothing was.
fn no(turn: &mut Turn, came: &mut Came) -> bool {
    let asked = std::mem::replace(&mut turn.state.asked, Asked::Nothing);
    match asked {
        Asked::Nothing => return slot::skip(turn),
        Asked::Recording => keys::consent(turn, Some(false), ConsentMeans::Words),
        Asked::Message => flow::cancel(turn),
        Asked::Confirm => {
            came.denied = true;
            return true;
        }
        Asked::ThisNumber => {
            slot::want_other_number(turn);
            return true;
        }
        Asked::Person | Asked::OfferMessage if turn.state.running.is_some() => return true,
        Asked::Person | Asked::OfferMessage => turn.menu(),
    }
    came.over = true;
    true
}

/// A choice by its number; false when it is not offered.
fn choose(turn: &mut Turn, number: u8, means: ConsentMeans, came: &mut Came) -> bool {
    let Some(label) = turn.state.choices.iter().find(|choice| choice.number == number).map(|c| c.label.clone()) else {
        return false;
    };
    match label {
        ChoiceLabel::Flow(key) => return flow::start(turn, &key),
        ChoiceLabel::Service(key) => came.set |= slot::choose_service(turn, &key),
        ChoiceLabel::Day(day) => came.set |= slot::choose_day(turn, day),
        ChoiceLabel::Time(time) => came.set |= slot::choose_time(turn, time),
        ChoiceLabel::Question(question) => came.question = Some(question),
        ChoiceLabel::Yes => return yes(turn, means, came),
        ChoiceLabel::No => return no(turn, came),
        ChoiceLabel::Person => {
            person::call(turn, HandoffReason::Asked);
            came.over = true;
        }
        ChoiceLabel::Other => return offer::others(turn),
        ChoiceLabel::Slot { slot, .. } => slot::change(turn, &slot),
        ChoiceLabel::Cancel => {
            flow::cancel(turn);
            came.over = true;
        }
    }
    true
}

/// A button, or a key that stands for a choice.
pub(super) fn chosen(turn: &mut Turn, number: u8) {
    choose_as(turn, number, ConsentMeans::Words);
}

pub(super) fn choose_as(turn: &mut Turn, number: u8, means: ConsentMeans) {
    turn.state.silences = 0;
    match turn.state.phase {
        Phase::New | Phase::Ended | Phase::Person | Phase::Waiting => return,
        Phase::Consent => return keys::consent(turn, yes_or_no(&[Command::Choose { number }]), means),
        Phase::Agent => {}
    }
    let mut came = Came::default();
    let known = choose(turn, number, means, &mut came);
    if came.over {
        return;
    }
    if let Some(question) = came.question {
        look_up(turn, question);
    } else if came.denied {
        offer::changes(turn);
    } else if known {
        turn.state.misses = 0;
        flow::advance(turn);
    } else {
        not_understood(turn);
    }
}

pub(super) fn not_understood(turn: &mut Turn) {
    if turn.state.running.is_some() {
        return slot::not_readable(turn);
    }
    turn.state.misses = turn.state.misses.saturating_add(1);
    turn.say(Part::NotUnderstood);
    if turn.state.misses >= turn.profile.handoff.after_misses {
        turn.offer_person();
    } else {
        turn.menu();
    }
}

/// An answer, or none.
pub(super) fn found(turn: &mut Turn, question: &str, answer: Option<&Answer>) {
    if turn.state.phase != Phase::Agent || turn.state.question.as_deref() != Some(question) {
        return;
    }
    turn.state.question = None;
    if !turn.state.reads_aloud && answer.is_some() {
        turn.say(Part::AnswersElsewhere);
        return if turn.state.running.is_some() { flow::advance(turn) } else { turn.offer_person() };
    }
    if let Some(answer) = answer {
        turn.say(Part::Quote { passage: answer.passage.clone(), quote: answer.quote.clone() });
    } else {
        turn.effect(Effect::NoteGap { question: question.to_owned() });
        turn.say(Part::NotKnown);
    }
    match (turn.state.running.is_some(), answer) {
        (true, _) => flow::advance(turn),
        (false, Some(_)) => turn.finished_something(),
        (false, None) => turn.offer_person(),
    }
}
