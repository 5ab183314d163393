//! Understanding: the words of a turn become commands, in the light of what is awaited.
//!
//! This is the embedded form: readers for slots (days, times, numbers, names, services), rules for what people always say in the
//! same way (yes, cancel, a person), and a small linear model over our own example sentences for the wishes that come in many
//! words (book, complain, leave a message). What none of them takes is a question for the documents. It reads no clock and gives
//! the same commands for the same words.

mod clock;
mod contact;
mod day;
mod examples;
mod intent;
mod phrase;
mod token;

use crate::profile::{Flow, Profile, SlotKind, SlotRule, ToolKind};

use self::intent::Intent;
use self::phrase::Phrase;
use self::token::{Token, tokens};
use crate::command::{COMMANDS_PER_TURN_MAX, Chitchat, Command, SlotValue};
use crate::reply::Choice;
use crate::turn::{Awaited, TurnView};

/// Words beyond this many characters are not read.
pub const WORDS_MAX: usize = 2_000;

/// Understands one turn. Never empty; at most [`COMMANDS_PER_TURN_MAX`] commands.
pub fn commands(profile: &Profile, view: &TurnView, words: &str) -> Vec<Command> {
    let words: String = words.trim().chars().take(WORDS_MAX).collect();
    let tokens = tokens(&words);
    let turn = Reading { profile, view, words: &words, tokens: &tokens };
    let mut commands = turn.commands();
    commands.truncate(COMMANDS_PER_TURN_MAX);
    if commands.is_empty() {
        commands.push(Command::NotUnderstood);
    }
    commands
}

/// One turn being read.
struct Reading<'a> {
    profile: &'a Profile,
    view: &'a TurnView,
    words: &'a str,
    tokens: &'a [Token<'a>],
}

impl Reading<'_> {
    fn commands(&self) -> Vec<Command> {
        if self.tokens.is_empty() {
            return vec![Command::NotUnderstood];
        }
        if phrase::emergency(self.tokens) {
            return vec![Command::Emergency];
        }
        let phrase = phrase::read(self.tokens, &self.profile.handoff.keywords);
        if let Some(command) = phrase.and_then(always) {
            return vec![command];
        }
        self.choice()
            .or_else(|| self.awaited(phrase))
            .or_else(|| phrase.and_then(small).map(|command| vec![command]))
            .unwrap_or_else(|| self.anything())
    }

    /// A number or the words of a choice that stands offered.
    fn choice(&self) -> Option<Vec<Command>> {
        let number = phrase::chosen_number(self.tokens).and_then(|number| u8::try_from(number).ok());
        let awaits_digits = matches!(&self.view.awaited, Awaited::Slot { kind: SlotKind::PhoneNumber, .. });
        if let Some(number) = number.filter(|_| !awaits_digits)
            && self.view.choices.iter().any(|choice| choice.number == number)
        {
            return Some(vec![Command::Choose { number }]);
        }
        // A button that was pressed arrives as the words on it.
        let said: Vec<&str> = self.tokens.iter().map(|token| token.lower.as_str()).collect();
        let pressed = |choice: &&Choice| same_words(&crate::compose::label(self.profile, &choice.label), &said);
        let choice = self.view.choices.iter().find(pressed)?;
        Some(vec![Command::Choose { number: choice.number }])
    }

    /// What was asked for, if this gives it.
    fn awaited(&self, phrase: Option<Phrase>) -> Option<Vec<Command>> {
        match (&self.view.awaited, phrase) {
            (Awaited::YesNo | Awaited::Consent, Some(Phrase::Yes)) => Some(vec![Command::Affirm]),
            (Awaited::YesNo | Awaited::Consent | Awaited::Slot { .. }, Some(Phrase::No)) => Some(vec![Command::Deny]),
            (Awaited::YesNo, _) => self.yes_or_no_with_more(),
            (Awaited::Slot { flow, slot, kind }, _) => self.slot(flow, slot, *kind, phrase),
            _ => None,
        }
    }

    /// "No, Wednesday at four": the answer and the correction.
    fn yes_or_no_with_more(&self) -> Option<Vec<Command>> {
        let flow = self.view.flow.as_deref().and_then(|key| self.profile.flow(key));
        let values = flow.map(|flow| self.values(flow, None)).unwrap_or_default();
        let first = phrase::leading_yes_or_no(self.tokens);
        match (first, values.is_empty()) {
            (Some(true), true) if self.tokens.len() <= 4 => Some(vec![Command::Affirm]),
            (Some(false), true) if self.tokens.len() <= 4 => Some(vec![Command::Deny]),
            (Some(true), false) => Some([vec![Command::Affirm], values].concat()),
            (_, false) if !self.asks() => Some([vec![Command::Deny], values].concat()),
            _ => None,
        }
    }

    fn slot(&self, flow: &str, slot: &str, kind: SlotKind, phrase: Option<Phrase>) -> Option<Vec<Command>> {
        let flow = self.profile.flow(flow)?;
        if matches!(kind, SlotKind::Text) {
            // Free text is taken as it is, unless it is plainly something else.
            let other = phrase.is_some_and(|phrase| !matches!(phrase, Phrase::Yes | Phrase::Greeting));
            let value = SlotValue::Text(self.words.to_owned());
            return (!other).then(|| vec![Command::SetSlot { slot: slot.to_owned(), value }]);
        }
        let values = self.values(flow, Some((slot, kind)));
        // "Can I come on Tuesday?" gives a day; "Why do you need my number?" gives no number.
        let may_be_asked = matches!(kind, SlotKind::Day | SlotKind::FreeTime);
        if !values.is_empty() && (may_be_asked || !self.asks()) {
            return Some(values);
        }
        if matches!(kind, SlotKind::Day | SlotKind::FreeTime) {
            if let Some((from, until)) = clock::part_of_day(self.tokens) {
                return Some(vec![Command::Prefer { from, until }]);
            }
            if phrase::others(self.tokens) {
                return Some(vec![Command::Other]);
            }
        }
        None
    }

    /// Every value that the words hold for the slots of a flow; the slot that was asked for is read more boldly.
    fn values(&self, flow: &Flow, asked: Option<(&str, SlotKind)>) -> Vec<Command> {
        let mut kinds: Vec<SlotKind> = Vec::new();
        let mut found = Vec::new();
        // The slot that was asked for goes first: a flow may have two of one kind.
        let first = asked.and_then(|(key, _)| flow.slot(key));
        for rule in first.into_iter().chain(&flow.slots) {
            if kinds.contains(&rule.kind) {
                continue;
            }
            kinds.push(rule.kind);
            let is_asked = asked.is_some_and(|(key, _)| key == rule.key);
            if let Some(value) = self.value(rule, is_asked) {
                found.push(Command::SetSlot { slot: rule.key.clone(), value });
            }
        }
        found
    }

    fn value(&self, rule: &SlotRule, asked: bool) -> Option<SlotValue> {
        let tokens = self.tokens;
        match rule.kind {
            SlotKind::Service => phrase::service(self.profile, tokens).map(SlotValue::Service),
            SlotKind::Day => {
                let order = day::NumericOrder::of_zone(&self.profile.time_zone);
                let today = self.view.local_now.date();
                let bare = || day::of_number(phrase::bare_number(tokens).filter(|_| asked)?, today);
                day::read(tokens, today, order).map(|(day, _)| day).or_else(bare).map(SlotValue::Day)
            }
            SlotKind::FreeTime => {
                let bare = || clock::of_number(phrase::bare_number(tokens).filter(|_| asked)?);
                clock::read(tokens).map(|(time, _)| time).or_else(bare).map(SlotValue::Time)
            }
            SlotKind::PhoneNumber => {
                contact::phone_number(tokens, asked).map(|(number, _)| SlotValue::PhoneNumber(number))
            }
            SlotKind::Email => contact::email(tokens).map(|(address, _)| SlotValue::Email(address)),
            SlotKind::PersonName => contact::person_name(tokens, asked).map(|(name, _)| SlotValue::PersonName(name)),
            SlotKind::Text => None,
        }
    }

    /// A wish in many words, a question, or nothing that is understood.
    fn anything(&self) -> Vec<Command> {
        let intent = intent::read(self.tokens);
        if let Some(flow) = intent.and_then(|intent| self.flow_of(intent)) {
            let start = Command::StartFlow { flow: flow.key.clone() };
            let values = self.values(flow, None);
            let timed =
                values.iter().any(|command| matches!(command, Command::SetSlot { value: SlotValue::Time(_), .. }));
            // "Tomorrow afternoon" is a wish for free times; "at three in the afternoon" is a time.
            let wish = clock::part_of_day(self.tokens).filter(|_| flow.tool == ToolKind::Book && !timed);
            let wish = wish.map(|(from, until)| Command::Prefer { from, until });
            return [start].into_iter().chain(wish).chain(values).collect();
        }
        match intent {
            Some(Intent::Human | Intent::Move) => return vec![Command::Human],
            Some(Intent::Emergency) => return vec![Command::Emergency],
            _ => {}
        }
        if let Some(flow) = self.view.flow.as_deref().and_then(|key| self.profile.flow(key))
            && !self.asks()
        {
            let values = self.values(flow, None);
            return if values.is_empty() { vec![Command::NotUnderstood] } else { values };
        }
        if phrase::says_something(self.tokens) {
            return vec![Command::Ask { question: self.words.to_owned() }];
        }
        vec![Command::NotUnderstood]
    }

    fn flow_of(&self, intent: Intent) -> Option<&Flow> {
        let tool = match intent {
            Intent::Book => ToolKind::Book,
            Intent::Hours => ToolKind::TellHours,
            Intent::Message => ToolKind::TakeMessage,
            Intent::Complaint => ToolKind::OpenTicket,
            Intent::Lead => ToolKind::TakeLead,
            Intent::Move | Intent::Human | Intent::Emergency | Intent::Question => return None,
        };
        self.profile.flow_with(tool)
    }

    /// Whether it is a question by its form.
    fn asks(&self) -> bool {
        self.words.ends_with('?') || phrase::begins_as_question(self.tokens)
    }
}

fn same_words(title: &str, said: &[&str]) -> bool {
    tokens(title).iter().map(|token| token.lower.as_str()).eq(said.iter().copied())
}

/// Phrases that mean the same wherever the conversation stands.
fn always(phrase: Phrase) -> Option<Command> {
    Some(match phrase {
        Phrase::StopRecording => Command::StopRecording,
        Phrase::Human => Command::Human,
        Phrase::Cancel => Command::Cancel,
        Phrase::Repeat => Command::Repeat,
        Phrase::Goodbye => Command::Goodbye,
        _ => return None,
    })
}

/// Phrases that mean something only when nothing else is awaited.
fn small(phrase: Phrase) -> Option<Command> {
    Some(match phrase {
        Phrase::Yes => Command::Affirm,
        Phrase::No => Command::Deny,
        Phrase::Thanks => Command::Chitchat { kind: Chitchat::Thanks },
        Phrase::Greeting => Command::Chitchat { kind: Chitchat::Greeting },
        Phrase::AreYouHuman => Command::Chitchat { kind: Chitchat::AreYouHuman },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
