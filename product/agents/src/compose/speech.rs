//! Phone wording: prompts, numbers, days, times and letters that a bare machine can say.

use super::Speech;
use super::words::{day_in_words, minute_time, time_in_words};
use crate::command::SlotValue;
use crate::profile::{Profile, SlotKind, ToolKind};
use crate::prompt::PromptId;
use crate::reply::{Choice, ChoiceLabel, Part, ReplyPlan, SlotProblem};

/// Pause between sentences, in milliseconds.
const BETWEEN_SENTENCES: u32 = 250;
/// Pause between two entries of the menu, in milliseconds: whoever knows the key has pressed it by then.
const BETWEEN_ENTRIES: u32 = 100;

/// Characters of a document's title that are spoken before a quote.
const TITLE_SPOKEN_MAX: usize = 80;

/// Words a plan for a phone. Total: every plan has a wording, also without a synthesizer.
pub fn speech(profile: &Profile, plan: &ReplyPlan) -> Vec<Speech> {
    let mut said = Vec::new();
    let menu = plan.parts.contains(&Part::Menu);
    for part in &plan.parts {
        // The menu asks what to do by its entries.
        if menu && *part == Part::Menu && !plan.choices.is_empty() {
            continue;
        }
        if !said.is_empty() {
            said.push(Speech::Pause(BETWEEN_SENTENCES));
        }
        say_part(profile, part, &mut said);
    }
    // Parts that end in "For yes, press 1 …" say their choices themselves.
    if !plan.parts.iter().any(says_its_choices) {
        for (place, choice) in plan.choices.iter().enumerate() {
            said.push(Speech::Pause(if menu && place > 0 { BETWEEN_ENTRIES } else { BETWEEN_SENTENCES }));
            say_choice(profile, choice, menu && place > 0, &mut said);
        }
    }
    if menu {
        said.extend([Speech::Pause(BETWEEN_ENTRIES), Speech::Prompt(PromptId::MenuPerson)]);
    }
    said
}

/// The words that a caller hears, for transcripts: one sentence or choice to a line. Without a voice that reads `aloud`, what is
/// recorded stands where free text would.
pub fn spoken(profile: &Profile, plan: &ReplyPlan, aloud: bool) -> String {
    let mut lines = vec![String::new()];
    for unit in speech(profile, plan) {
        let Some(words) = words_of(unit, aloud) else {
            lines.push(String::new());
            continue;
        };
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() && !words.is_empty() {
                line.push(' ');
            }
            line.push_str(&words);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The words of one unit; none of a pause.
fn words_of(unit: Speech, aloud: bool) -> Option<String> {
    Some(match unit {
        Speech::Pause(_) => return None,
        Speech::Prompt(prompt) => prompt.text().to_owned(),
        Speech::FreeText { instead, .. } if !aloud => {
            let words: Vec<String> = instead.into_iter().filter_map(|unit| words_of(unit, aloud)).collect();
            words.join(" ")
        }
        Speech::Digits(text) | Speech::Spelled(text) | Speech::FreeText { text, .. } => text,
        Speech::Number(number) => number.to_string(),
        Speech::Day(day) => day_in_words(day),
        Speech::Time(time) => time_in_words(time),
    })
}

fn says_its_choices(part: &Part) -> bool {
    matches!(
        part,
        Part::RecordingNotice
            | Part::OfferPerson
            | Part::OfferMessage
            | Part::MessageNotice
            | Part::ConfirmFlow { .. }
            | Part::LeaveMessage
    )
}

fn say_part(profile: &Profile, part: &Part, said: &mut Vec<Speech>) {
    match part {
        Part::Greeting => {
            said.push(Speech::FreeText {
                text: format!("{} {}.", PromptId::WelcomeTo.text(), profile.business_name),
                instead: vec![Speech::Prompt(PromptId::Hello)],
            });
        }
        Part::RecordingNotice => prompts(said, &[PromptId::RecordingNotice, PromptId::RecordingQuestion]),
        Part::Quote { passage, quote } => say_quote(&passage.title, quote, said),
        Part::Hours { open_now } => say_hours(profile, *open_now, said),
        Part::AskSlot { flow, slot } => say_question(profile, flow, slot, said),
        Part::SlotRefused { reason, .. } => said.extend(refusal(*reason).map(Speech::Prompt)),
        Part::AskThisNumber { .. } => said.push(Speech::Prompt(PromptId::AskThisNumber)),
        Part::FreeDays { days } => {
            let prompt = if days.is_empty() { PromptId::NoFreeDays } else { PromptId::FirstFreeDays };
            said.push(Speech::Prompt(prompt));
        }
        Part::FreeTimes { day, .. } => said.extend([Speech::Prompt(PromptId::FreeTimesOn), Speech::Day(*day)]),
        Part::NoFreeTime { day, next } => {
            said.extend([Speech::Prompt(PromptId::NoFreeTimeOn), Speech::Day(*day)]);
            if let Some(next) = next {
                said.extend([Speech::Prompt(PromptId::NextFreeDay), Speech::Day(*next)]);
            }
        }
        Part::ConfirmFlow { values, .. } => say_confirmation(profile, values, said),
        Part::Booked { service, day, time, reference } => {
            said.push(Speech::Prompt(PromptId::Booked));
            say_service(profile, service, said);
            said.extend([Speech::Prompt(PromptId::On), Speech::Day(*day)]);
            said.extend([Speech::Prompt(PromptId::At), Speech::Time(*time)]);
            say_reference(reference, said);
        }
        Part::TicketOpened { reference } => {
            said.push(Speech::Prompt(PromptId::TicketOpened));
            say_reference(reference, said);
        }
        Part::PersonJoined { display_name } => said.push(Speech::FreeText {
            text: format!("{display_name} has joined the conversation."),
            instead: vec![Speech::Prompt(PromptId::PersonJoined)],
        }),
        Part::Emergency => said.push(Speech::FreeText {
            text: profile.emergency_line.clone(),
            instead: vec![Speech::Prompt(PromptId::Emergency)],
        }),
        fixed => said.extend(fixed_prompt(fixed).map(Speech::Prompt)),
    }
}

/// Parts that are one prompt.
fn fixed_prompt(part: &Part) -> Option<PromptId> {
    Some(match part {
        Part::AiNotice => PromptId::AiNotice,
        Part::RecordingAgreed => PromptId::RecordingAgreed,
        Part::RecordingDeclined => PromptId::RecordingDeclined,
        Part::Menu => PromptId::WhatToDo,
        Part::WhichQuestion => PromptId::WhichQuestion,
        Part::AnswersElsewhere => PromptId::AnswersElsewhere,
        Part::NotKnown => PromptId::NotKnown,
        Part::OfferPerson => PromptId::OfferPerson,
        Part::AskChange => PromptId::WhatToChange,
        Part::TimeTaken => PromptId::TimeTaken,
        Part::LeadTaken => PromptId::LeadTaken,
        Part::MessageTaken => PromptId::MessageTaken,
        Part::MessageNotice => PromptId::MessageNotice,
        Part::LeaveMessage => PromptId::LeaveMessage,
        Part::MessageFailed => PromptId::MessageFailed,
        Part::OfferMessage => PromptId::OfferMessage,
        Part::CallingPerson => PromptId::CallingPerson,
        Part::PersonLeft => PromptId::PersonLeft,
        Part::NoPersonNow => PromptId::NoPersonNow,
        Part::Cancelled => PromptId::Cancelled,
        Part::Welcome => PromptId::YouAreWelcome,
        Part::IAmAnAgent => PromptId::IAmAnAgent,
        Part::NotUnderstood => PromptId::NotUnderstood,
        Part::StillThere => PromptId::StillThere,
        Part::Goodbye => PromptId::Goodbye,
        Part::Trouble => PromptId::Trouble,
        _ => return None,
    })
}

fn prompts(said: &mut Vec<Speech>, list: &[PromptId]) {
    said.extend(list.iter().copied().map(Speech::Prompt));
}

fn say_quote(title: &str, quote: &str, said: &mut Vec<Speech>) {
    // Whoever cannot look at a source hears its name. Without a synthesizer nothing of it can be said.
    let title: String = title.chars().take(TITLE_SPOKEN_MAX).collect();
    said.push(Speech::FreeText {
        text: format!("{} {title}: {quote}", PromptId::DocumentsSay.text()),
        instead: vec![Speech::Prompt(PromptId::AnswersElsewhere)],
    });
}

fn say_reference(reference: &str, said: &mut Vec<Speech>) {
    said.push(Speech::Pause(BETWEEN_SENTENCES));
    said.push(Speech::Prompt(PromptId::YourReferenceIs));
    said.push(Speech::Spelled(spellable(reference)));
}

/// Only what can be spelled: `A-Z0-9`.
fn spellable(words: &str) -> String {
    words.chars().map(|c| c.to_ascii_uppercase()).filter(char::is_ascii_alphanumeric).collect()
}

fn digits_of(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn say_hours(profile: &Profile, open_now: bool, said: &mut Vec<Speech>) {
    prompts(said, &[if open_now { PromptId::OpenNow } else { PromptId::ClosedNow }, PromptId::OurHours]);
    let mut day = 1;
    while day <= 7 {
        let periods = profile.opening_hours.get(&day);
        let last = (day..=7).take_while(|other| profile.opening_hours.get(other) == periods).last().unwrap_or(day);
        said.push(Speech::Pause(BETWEEN_SENTENCES));
        said.extend(PromptId::weekday(day).map(Speech::Prompt));
        if last > day {
            said.push(Speech::Prompt(PromptId::To));
            said.extend(PromptId::weekday(last).map(Speech::Prompt));
        }
        let periods = periods.map_or(&[][..], Vec::as_slice);
        if periods.is_empty() {
            said.push(Speech::Prompt(PromptId::Closed));
        }
        for (index, period) in periods.iter().enumerate() {
            if index > 0 {
                said.push(Speech::Prompt(PromptId::And));
            }
            // 1440 is the end of the day; it is said as midnight, 00:00.
            let until = minute_time(period.until_minute).unwrap_or(jiff::civil::Time::midnight());
            said.extend(minute_time(period.from_minute).map(Speech::Time));
            said.extend([Speech::Prompt(PromptId::To), Speech::Time(until)]);
        }
        day = last + 1;
    }
}

fn say_question(profile: &Profile, flow: &str, slot: &str, said: &mut Vec<Speech>) {
    let Some(rule) = profile.flow(flow).and_then(|flow| flow.slot(slot)) else { return };
    let prompt = match rule.kind {
        SlotKind::Service => PromptId::AskService,
        SlotKind::Day => PromptId::AskDay,
        SlotKind::FreeTime => PromptId::AskTime,
        SlotKind::PersonName => PromptId::AskName,
        SlotKind::PhoneNumber => PromptId::AskPhoneNumber,
        SlotKind::Email => PromptId::AskEmail,
        SlotKind::Text => PromptId::AskText,
    };
    said.push(Speech::Prompt(prompt));
}

/// The free times that follow say by themselves that the one asked for is not free.
fn refusal(reason: SlotProblem) -> Option<PromptId> {
    Some(match reason {
        SlotProblem::NotReadable => PromptId::NotReadable,
        SlotProblem::Past => PromptId::DayPast,
        SlotProblem::TooFar => PromptId::DayTooFar,
        SlotProblem::Closed => PromptId::DayClosed,
        SlotProblem::TooLong => PromptId::TooLong,
        SlotProblem::NotFree => return None,
    })
}

fn say_confirmation(profile: &Profile, values: &[(String, SlotValue)], said: &mut Vec<Speech>) {
    if values.iter().any(|(_, value)| matches!(value, SlotValue::Service(_) | SlotValue::Day(_))) {
        said.push(Speech::Prompt(PromptId::YouWouldLike));
    }
    for (_, value) in values {
        match value {
            SlotValue::Service(key) => say_service(profile, key, said),
            SlotValue::Day(day) => said.extend([Speech::Prompt(PromptId::On), Speech::Day(*day)]),
            SlotValue::Time(time) => said.extend([Speech::Prompt(PromptId::At), Speech::Time(*time)]),
            SlotValue::PhoneNumber(number) => said.extend([
                Speech::Pause(BETWEEN_SENTENCES),
                Speech::Prompt(PromptId::YourNumberIs),
                Speech::Digits(digits_of(number)),
            ]),
            SlotValue::Email(words) => say_free(PromptId::YourEmailIs, words, said),
            SlotValue::PersonName(words) => say_free(PromptId::YourNameIs, words, said),
            SlotValue::Text(words) => say_free(PromptId::YourMessageIs, words, said),
            SlotValue::Recording(_) => {}
        }
    }
    said.push(Speech::Pause(BETWEEN_SENTENCES));
    said.push(Speech::Prompt(PromptId::IsThatRight));
}

fn say_free(introduction: PromptId, words: &str, said: &mut Vec<Speech>) {
    let text = format!("{} {words}.", introduction.text());
    said.push(Speech::FreeText { text, instead: Vec::new() });
}

fn say_service(profile: &Profile, key: &str, said: &mut Vec<Speech>) {
    let position = profile.services.iter().position(|service| service.key == key);
    let name = profile.service(key).map_or(key, |service| &service.name);
    // Without a synthesizer the service is named by the number under which it was offered.
    let instead = match position {
        Some(_) if profile.services.len() == 1 => vec![Speech::Prompt(PromptId::AnAppointment)],
        Some(index) => vec![
            Speech::Prompt(PromptId::TheServiceWithNumber),
            Speech::Number(u32::try_from(index + 1).unwrap_or(u32::MAX)),
        ],
        None => vec![Speech::Prompt(PromptId::AnAppointment)],
    };
    said.push(Speech::FreeText { text: name.to_owned(), instead });
}

/// `brief`: "for" and "press" were said with an entry before.
fn say_choice(profile: &Profile, choice: &Choice, brief: bool, said: &mut Vec<Speech>) {
    match &choice.label {
        ChoiceLabel::Flow(key) => {
            said.extend((!brief).then_some(Speech::Prompt(PromptId::For)));
            say_flow(profile, key, said);
            said.extend((!brief).then_some(Speech::Prompt(PromptId::Press)));
        }
        ChoiceLabel::Service(key) => {
            said.push(Speech::Prompt(PromptId::For));
            say_service(profile, key, said);
            said.push(Speech::Prompt(PromptId::Press));
        }
        ChoiceLabel::Day(day) => {
            said.extend([Speech::Prompt(PromptId::For), Speech::Day(*day), Speech::Prompt(PromptId::Press)]);
        }
        ChoiceLabel::Time(time) => {
            said.extend([Speech::Prompt(PromptId::For), Speech::Time(*time), Speech::Prompt(PromptId::Press)]);
        }
        ChoiceLabel::Question(question) => {
            let number = Speech::Number(u32::from(choice.number));
            let instead = vec![Speech::Prompt(PromptId::TheChoiceWithNumber), number];
            said.extend([Speech::FreeText { text: question.clone(), instead }, Speech::Prompt(PromptId::Press)]);
        }
        ChoiceLabel::Yes => said.push(Speech::Prompt(PromptId::YesPress)),
        ChoiceLabel::No => said.push(Speech::Prompt(PromptId::NoPress)),
        ChoiceLabel::Person => said.push(Speech::Prompt(PromptId::PersonPress)),
        ChoiceLabel::Other => said.push(Speech::Prompt(PromptId::OtherChoices)),
        ChoiceLabel::Slot { flow, slot } => {
            let kind = profile.flow(flow).and_then(|flow| flow.slot(slot)).map_or(SlotKind::Text, |rule| rule.kind);
            said.push(Speech::Prompt(change_prompt(kind)));
        }
        ChoiceLabel::Cancel => said.push(Speech::Prompt(PromptId::CancelPress)),
    }
    said.push(Speech::Number(u32::from(choice.number)));
}

fn change_prompt(kind: SlotKind) -> PromptId {
    match kind {
        SlotKind::Service => PromptId::ChangeService,
        SlotKind::Day => PromptId::ChangeDay,
        SlotKind::FreeTime => PromptId::ChangeTime,
        SlotKind::PersonName => PromptId::ChangeName,
        SlotKind::PhoneNumber => PromptId::ChangePhoneNumber,
        SlotKind::Email => PromptId::ChangeEmail,
        SlotKind::Text => PromptId::ChangeText,
    }
}

fn say_flow(profile: &Profile, key: &str, said: &mut Vec<Speech>) {
    let Some(flow) = profile.flow(key) else {
        said.push(Speech::Prompt(PromptId::TheChoiceWithNumber));
        return;
    };
    let prompt = match flow.tool {
        ToolKind::Book => PromptId::MenuBook,
        ToolKind::TakeLead => PromptId::MenuLead,
        ToolKind::OpenTicket => PromptId::MenuTicket,
        ToolKind::TakeMessage => PromptId::MenuMessage,
        ToolKind::TellHours => PromptId::MenuHours,
        ToolKind::AnswerQuestions => PromptId::MenuQuestions,
    };
    let alone = profile.flows.iter().filter(|other| other.tool == flow.tool).count() == 1;
    if alone {
        said.push(Speech::Prompt(prompt));
    } else {
        said.push(Speech::FreeText { text: flow.title.clone(), instead: vec![Speech::Prompt(prompt)] });
    }
}

#[cfg(test)]
mod tests;
