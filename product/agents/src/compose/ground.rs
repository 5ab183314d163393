//! The grounding gate: a worded reply may hold no fact that its plan does not hold.
//!
//! Facts are what a business can be held to: numbers, prices, dates, weekdays, times, telephone numbers, e-mail addresses,
//! web addresses, street addresses and reference codes. Each one in the reply must occur in a quote, a slot value, a tool
//! result or a setting of the business. The check is deterministic and knows nothing of who worded the reply.

mod extract;

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};

pub use self::extract::{Fact, facts_of_text};
use super::words::hours_in_words;
use crate::command::SlotValue;
use crate::profile::Profile;
use crate::reply::{ChoiceLabel, Part, ReplyPlan};

/// A fact in a reply that nothing holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply states a {} that no source holds", .fact.kind())]
pub struct Ungrounded {
    /// The fact. Its words may be personal: they are not part of the message.
    pub fact: Fact,
}

/// What a reply may state.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    known: BTreeSet<Fact>,
    /// Every source in one normalised line, for addresses, which are compared as phrases.
    corpus: String,
}

impl Facts {
    /// All that the plan and the business's settings hold.
    pub fn of(profile: &Profile, plan: &ReplyPlan) -> Facts {
        let mut facts = Facts::default();
        for words in [&profile.name, &profile.business_name, &profile.greeting, &profile.emergency_line] {
            facts.add_text(words);
        }
        for service in &profile.services {
            facts.add_text(&service.name);
        }
        for flow in &profile.flows {
            facts.add_text(&flow.title);
            for slot in &flow.slots {
                facts.add_text(&slot.question);
            }
        }
        for part in &plan.parts {
            facts.add_part(profile, part);
        }
        for choice in &plan.choices {
            match &choice.label {
                ChoiceLabel::Day(day) => facts.add_day(*day),
                ChoiceLabel::Time(time) => facts.add_time(*time),
                _ => {}
            }
        }
        facts
    }

    /// Adds every fact of a text.
    pub fn add_text(&mut self, words: &str) {
        self.known.extend(facts_of_text(words));
        self.corpus.push(' ');
        self.corpus.push_str(&extract::normal(words));
    }

    /// Adds a day with its weekday and year.
    pub fn add_day(&mut self, day: Date) {
        self.known.insert(Fact::Date { month: day.month(), day: day.day() });
        self.known.insert(Fact::Weekday(day.weekday().to_monday_one_offset()));
        self.known.insert(Fact::Number(day.year().to_string()));
    }

    /// Adds a time of day.
    pub fn add_time(&mut self, time: Time) {
        self.known.insert(Fact::Time { hour: time.hour(), minute: time.minute() });
    }

    fn add_value(&mut self, value: &SlotValue) {
        match value {
            SlotValue::Day(day) => self.add_day(*day),
            SlotValue::Time(time) => self.add_time(*time),
            SlotValue::Service(_) | SlotValue::Recording(_) => {}
            SlotValue::PhoneNumber(words)
            | SlotValue::Email(words)
            | SlotValue::PersonName(words)
            | SlotValue::Text(words) => self.add_text(words),
        }
    }

    fn add_part(&mut self, profile: &Profile, part: &Part) {
        match part {
            Part::Quote { passage, quote } => {
                self.add_text(quote);
                self.add_text(&passage.text);
                self.add_text(&passage.title);
                for words in passage.section.iter().chain(&passage.url) {
                    self.add_text(words);
                }
            }
            Part::Hours { .. } => self.add_text(&hours_in_words(profile)),
            Part::AskThisNumber { number } => self.add_text(number),
            Part::FreeDays { days } => {
                for day in days {
                    self.add_day(*day);
                }
            }
            Part::FreeTimes { day, times } => {
                self.add_day(*day);
                for time in times {
                    self.add_time(*time);
                }
            }
            Part::NoFreeTime { day, next } => {
                self.add_day(*day);
                if let Some(next) = next {
                    self.add_day(*next);
                }
            }
            Part::ConfirmFlow { values, .. } => {
                for (_, value) in values {
                    self.add_value(value);
                }
            }
            Part::Booked { day, time, reference, .. } => {
                self.add_day(*day);
                self.add_time(*time);
                self.add_text(reference);
            }
            Part::TicketOpened { reference } => self.add_text(reference),
            Part::PersonJoined { display_name } => self.add_text(display_name),
            Part::RecordingAgreed => self.add_text("8"),
            _ => {}
        }
    }

    fn hold(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Address(phrase) => self.corpus.contains(phrase.as_str()),
            fact => self.known.contains(fact),
        }
    }
}

/// Whether every fact of `words` is held by `facts`.
pub fn check(words: &str, facts: &Facts) -> Result<(), Ungrounded> {
    match facts_of_text(words).into_iter().find(|fact| !facts.hold(fact)) {
        Some(fact) => Err(Ungrounded { fact }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
