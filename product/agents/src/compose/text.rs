//! Chat wording.

use super::words::{day_in_words, hours_in_words, short_day_in_words, time_in_words, zone_in_words};
use super::{Reply, ReplyChoice, Source};
use crate::command::SlotValue;
use crate::profile::{Profile, SlotKind, SlotRule};
use crate::prompt::PromptId;
use crate::reply::{ChoiceLabel, Part, ReplyPlan, SlotProblem};

/// Words a plan for a chat (and for transcripts of phone calls). Total: every plan has a wording.
pub fn text(profile: &Profile, plan: &ReplyPlan) -> Reply {
    let mut reply = Reply::default();
    let paragraphs: Vec<String> =
        plan.parts.iter().map(|part| paragraph(profile, part)).filter(|words| !words.is_empty()).collect();
    reply.text = paragraphs.join("\n");
    reply.sources = plan.parts.iter().filter_map(source).collect();
    reply.choices = plan
        .choices
        .iter()
        .map(|choice| ReplyChoice { number: choice.number, label: label(profile, &choice.label) })
        .collect();
    reply
}

fn source(part: &Part) -> Option<Source> {
    let Part::Quote { passage, quote } = part else { return None };
    Some(Source {
        document_id: passage.document_id,
        title: passage.title.clone(),
        section: passage.section.clone(),
        url: passage.url.clone(),
        quote: quote.clone(),
    })
}

fn paragraph(profile: &Profile, part: &Part) -> String {
    match part {
        Part::Greeting => profile.greeting.clone(),
        Part::AiNotice => format!(
            "I am an AI agent of {}, not a person. Please do not write card numbers, passwords or anything private that is not needed here.",
            profile.business_name
        ),
        Part::Quote { quote, .. } => quote.clone(),
        Part::Hours { open_now } => hours(profile, *open_now),
        Part::AskSlot { flow, slot } => question(profile, flow, slot),
        Part::SlotRefused { flow, slot, reason } => refusal(profile, flow, slot, *reason),
        Part::AskThisNumber { number } => format!("Can we reach you at {number}?"),
        Part::FreeDays { days } if days.is_empty() => PromptId::NoFreeDays.text().to_owned(),
        Part::FreeTimes { day, .. } => {
            format!("These times are free on {} ({}).", day_in_words(*day), zone_in_words(&profile.time_zone))
        }
        Part::NoFreeTime { day, next } => no_free_time(*day, *next),
        Part::ConfirmFlow { flow, values } => confirmation(profile, flow, values),
        Part::Booked { service, day, time, reference } => format!(
            "Your appointment is booked: {} on {} at {} ({}). Your reference is {reference}.",
            service_name(profile, service),
            day_in_words(*day),
            time_in_words(*time),
            zone_in_words(&profile.time_zone)
        ),
        Part::TicketOpened { reference } => {
            format!("{} Your reference is {reference}.", PromptId::TicketOpened.text())
        }
        Part::PersonJoined { display_name } => format!("{display_name} has joined the conversation."),
        Part::Emergency => profile.emergency_line.clone(),
        fixed => fixed_words(fixed).to_owned(),
    }
}

/// Parts whose words hold no value.
fn fixed_words(part: &Part) -> &'static str {
    match part {
        Part::RecordingNotice => "With your consent, we record this call to check later what was agreed. Do you agree?",
        Part::RecordingAgreed => PromptId::RecordingAgreed.text(),
        Part::RecordingDeclined => PromptId::RecordingDeclined.text(),
        Part::Menu => "You can ask me a question, or choose one of these.",
        Part::WhichQuestion => PromptId::WhichQuestion.text(),
        Part::AnswersElsewhere => PromptId::AnswersElsewhere.text(),
        Part::NotKnown => "I am sorry, I do not know that: nothing in our documents answers it.",
        Part::OfferPerson => "Would you like to speak to a person?",
        Part::AskChange => PromptId::WhatToChange.text(),
        Part::FreeDays { .. } => PromptId::FirstFreeDays.text(),
        Part::TimeTaken => PromptId::TimeTaken.text(),
        Part::LeadTaken => PromptId::LeadTaken.text(),
        Part::MessageTaken => PromptId::MessageTaken.text(),
        Part::MessageNotice => "Your message will be recorded. Do you agree?",
        Part::LeaveMessage => PromptId::LeaveMessage.text(),
        Part::MessageFailed => PromptId::MessageFailed.text(),
        Part::OfferMessage => "Would you like to leave a message?",
        Part::CallingPerson => "I am calling a person. Please hold on; you can go on writing here.",
        Part::PersonLeft => "The person has left. You are talking to the AI agent again.",
        Part::NoPersonNow => PromptId::NoPersonNow.text(),
        Part::Cancelled => PromptId::Cancelled.text(),
        Part::Welcome => PromptId::YouAreWelcome.text(),
        Part::IAmAnAgent => "Yes, I am an AI agent. I can get you a person if you like.",
        Part::NotUnderstood => PromptId::NotUnderstood.text(),
        Part::StillThere => PromptId::StillThere.text(),
        Part::Goodbye => "Thank you. Goodbye.",
        Part::Trouble => PromptId::Trouble.text(),
        _ => "",
    }
}

fn hours(profile: &Profile, open_now: bool) -> String {
    let now = if open_now { PromptId::OpenNow } else { PromptId::ClosedNow };
    format!("{}\n{}\n({})", now.text(), hours_in_words(profile), zone_in_words(&profile.time_zone))
}

fn no_free_time(day: jiff::civil::Date, next: Option<jiff::civil::Date>) -> String {
    let sorry = format!("There is no free time on {}.", day_in_words(day));
    match next {
        Some(next) => format!("{sorry} The next day with a free time is {}.", day_in_words(next)),
        None => sorry,
    }
}

fn question(profile: &Profile, flow: &str, slot: &str) -> String {
    rule(profile, flow, slot).map_or_else(String::new, |rule| rule.question.clone())
}

fn refusal(profile: &Profile, flow: &str, slot: &str, reason: SlotProblem) -> String {
    match reason {
        SlotProblem::NotReadable => not_readable(rule(profile, flow, slot).map(|rule| rule.kind)).to_owned(),
        SlotProblem::Past => PromptId::DayPast.text().to_owned(),
        SlotProblem::TooFar => PromptId::DayTooFar.text().to_owned(),
        SlotProblem::Closed => PromptId::DayClosed.text().to_owned(),
        SlotProblem::TooLong => PromptId::TooLong.text().to_owned(),
        SlotProblem::NotFree => "That time is not free.".to_owned(),
    }
}

/// What would have been readable.
fn not_readable(kind: Option<SlotKind>) -> &'static str {
    match kind {
        Some(SlotKind::Service) => "I am sorry, I do not know that service. Please choose one of these.",
        Some(SlotKind::Day) => "I am sorry, I could not read a day there. You can write for example \"next Tuesday\".",
        Some(SlotKind::FreeTime) => "I am sorry, I could not read a time there. Please choose one of these.",
        Some(SlotKind::PhoneNumber) => {
            "I am sorry, I could not read a telephone number there. Please write it with its area code."
        }
        Some(SlotKind::Email) => "I am sorry, I could not read an e-mail address there.",
        Some(SlotKind::PersonName) => "I am sorry, I could not read a name there.",
        Some(SlotKind::Text) | None => PromptId::NotReadable.text(),
    }
}

fn confirmation(profile: &Profile, flow: &str, values: &[(String, SlotValue)]) -> String {
    let mut lines = vec!["Please check:".to_owned()];
    for (slot, value) in values {
        let kind = rule(profile, flow, slot).map(|rule| rule.kind);
        lines.push(format!("{}: {}", value_title(kind, value), value_words(profile, value)));
    }
    lines.push("Is that right?".to_owned());
    lines.join("\n")
}

/// What a value is called when it is read back or offered to be changed.
fn value_title(kind: Option<SlotKind>, value: &SlotValue) -> &'static str {
    match (kind, value) {
        (_, SlotValue::Service(_)) => kind_title(SlotKind::Service),
        (_, SlotValue::Day(_)) => kind_title(SlotKind::Day),
        (_, SlotValue::Time(_)) => kind_title(SlotKind::FreeTime),
        (_, SlotValue::PhoneNumber(_)) => kind_title(SlotKind::PhoneNumber),
        (_, SlotValue::Email(_)) => kind_title(SlotKind::Email),
        (_, SlotValue::PersonName(_)) => kind_title(SlotKind::PersonName),
        (Some(kind), _) => kind_title(kind),
        (None, _) => kind_title(SlotKind::Text),
    }
}

fn kind_title(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Service => "Service",
        SlotKind::Day => "Day",
        SlotKind::FreeTime => "Time",
        SlotKind::PersonName => "Name",
        SlotKind::PhoneNumber => "Telephone",
        SlotKind::Email => "E-mail",
        SlotKind::Text => "Message",
    }
}

fn value_words(profile: &Profile, value: &SlotValue) -> String {
    match value {
        SlotValue::Service(key) => service_name(profile, key),
        SlotValue::Day(day) => day_in_words(*day),
        SlotValue::Time(time) => time_in_words(*time),
        SlotValue::PhoneNumber(words)
        | SlotValue::Email(words)
        | SlotValue::PersonName(words)
        | SlotValue::Text(words) => words.clone(),
        SlotValue::Recording(_) => PromptId::MessageRecorded.text().to_owned(),
    }
}

/// What stands on the button of a choice.
pub fn label(profile: &Profile, label: &ChoiceLabel) -> String {
    match label {
        ChoiceLabel::Flow(key) => {
            profile.flows.iter().find(|flow| flow.key == *key).map_or_else(|| key.clone(), |flow| flow.title.clone())
        }
        ChoiceLabel::Service(key) => service_name(profile, key),
        ChoiceLabel::Day(day) => short_day_in_words(*day),
        ChoiceLabel::Time(time) => time_in_words(*time),
        ChoiceLabel::Question(question) => question.clone(),
        ChoiceLabel::Yes => "Yes".to_owned(),
        ChoiceLabel::No => "No".to_owned(),
        ChoiceLabel::Person => "A person, please".to_owned(),
        ChoiceLabel::Other => "Other choices".to_owned(),
        ChoiceLabel::Slot { flow, slot } => {
            rule(profile, flow, slot).map_or_else(|| slot.clone(), |rule| kind_title(rule.kind).to_owned())
        }
        ChoiceLabel::Cancel => "Give it up".to_owned(),
    }
}

fn service_name(profile: &Profile, key: &str) -> String {
    profile.service(key).map_or_else(|| key.to_owned(), |service| service.name.clone())
}

fn rule<'a>(profile: &'a Profile, flow: &str, slot: &str) -> Option<&'a SlotRule> {
    profile.flow(flow)?.slot(slot)
}

#[cfg(test)]
mod tests;
