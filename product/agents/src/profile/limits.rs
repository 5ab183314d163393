//! What a profile may hold: every limit, and the check that names each breach by its place.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{Flow, Profile, Service, SlotKind, SlotRule, ToolKind};

/// The limits.
pub mod limit {
    /// Characters of the agent's name.
    pub const NAME: usize = 80;
    /// Characters of the business's name.
    pub const BUSINESS_NAME: usize = 120;
    /// Characters of the greeting.
    pub const GREETING: usize = 400;
    /// Characters of the emergency line.
    pub const EMERGENCY_LINE: usize = 400;
    /// Opening periods of one day.
    pub const PERIODS_PER_DAY: usize = 6;
    /// Minutes of a day.
    pub const MINUTES_PER_DAY: u16 = 1440;
    /// Services.
    pub const SERVICES: usize = 20;
    /// Other words for one service.
    pub const ALSO: usize = 12;
    /// Characters of a service's, flow's or slot's words.
    pub const TITLE: usize = 120;
    /// Characters of a question.
    pub const QUESTION: usize = 300;
    /// Characters of a key.
    pub const KEY: usize = 40;
    /// Shortest appointment, in minutes.
    pub const DURATION_MINUTES_MIN: u16 = 5;
    /// Longest appointment, in minutes.
    pub const DURATION_MINUTES_MAX: u16 = 480;
    /// Finest grid of starts, in minutes.
    pub const SLOT_MINUTES_MIN: u16 = 5;
    /// Coarsest grid of starts, in minutes.
    pub const SLOT_MINUTES_MAX: u16 = 120;
    /// Longest lead time, in minutes (60 days).
    pub const LEAD_MINUTES: u32 = 86_400;
    /// Farthest day that can be booked, in days.
    pub const HORIZON_DAYS: u16 = 365;
    /// Times offered at once.
    pub const OFFERED: u8 = 9;
    /// Words that mean "a person".
    pub const KEYWORDS: usize = 20;
    /// Turns without an answer before a person is offered.
    pub const AFTER_MISSES: u8 = 10;
    /// Longest wait for a person, in seconds.
    pub const WAIT_SECONDS: u32 = 3_600;
    /// Characters of a transfer target.
    pub const TRANSFER_TO: usize = 200;
    /// Flows.
    pub const FLOWS: usize = 20;
    /// Slots of one flow.
    pub const SLOTS: usize = 12;
    /// Questions of one flow: more keys cannot be kept in mind on the phone.
    pub const QUESTIONS: usize = 6;
}

/// One breach of a limit or rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ProfileProblem {
    /// Where, in the words of the JSON: `services[2].key`.
    pub place: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Profile {
    /// Checks every limit and rule. All breaches are reported, in the order of the fields.
    pub fn validate(&self) -> Result<(), Vec<ProfileProblem>> {
        let mut check = Check(Vec::new());
        check.words("name", &self.name, limit::NAME);
        check.words("business_name", &self.business_name, limit::BUSINESS_NAME);
        check.words("greeting", &self.greeting, limit::GREETING);
        check.words("emergency_line", &self.emergency_line, limit::EMERGENCY_LINE);
        check.that(TimeZone::get(&self.time_zone).is_ok(), "time_zone", || {
            "is not the name of a time zone, such as Europe/Berlin".to_owned()
        });
        check.opening_hours(self);
        check.services(&self.services);
        check.booking(self);
        check.handoff(self);
        check.flows(self);
        if check.0.is_empty() { Ok(()) } else { Err(check.0) }
    }
}

struct Check(Vec<ProfileProblem>);

impl Check {
    fn that(&mut self, holds: bool, place: &str, problem: impl FnOnce() -> String) {
        if !holds {
            self.0.push(ProfileProblem { place: place.to_owned(), problem: problem() });
        }
    }

    /// Words that must be there, within a length, without control characters.
    fn words(&mut self, place: &str, words: &str, most: usize) {
        let length = words.chars().count();
        self.that(!words.trim().is_empty(), place, || "must not be empty".to_owned());
        self.that(length <= most, place, || format!("has {length} characters; at most {most} are allowed"));
        self.that(!words.chars().any(|c| c.is_control() && c != '\n'), place, || {
            "holds a control character".to_owned()
        });
    }

    fn key(&mut self, place: &str, key: &str) {
        let fits = (1..=limit::KEY).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        self.that(fits, place, || format!("must be 1 to {} of a-z, 0-9 and _", limit::KEY));
    }

    fn count(&mut self, place: &str, count: usize, most: usize) {
        self.that(count <= most, place, || format!("has {count} entries; at most {most} are allowed"));
    }

    fn range<T: Copy + PartialOrd + std::fmt::Display>(&mut self, place: &str, value: T, least: T, most: T) {
        self.that(value >= least && value <= most, place, || format!("is {value}; {least} to {most} is allowed"));
    }

    fn opening_hours(&mut self, profile: &Profile) {
        for (day, periods) in &profile.opening_hours {
            let place = format!("opening_hours.{day}");
            self.range(&place, *day, 1, 7);
            self.count(&place, periods.len(), limit::PERIODS_PER_DAY);
            for (index, period) in periods.iter().enumerate() {
                let place = format!("{place}[{index}]");
                self.that(period.from_minute < period.until_minute, &place, || "must end after it begins".to_owned());
                self.range(&place, period.until_minute, 1, limit::MINUTES_PER_DAY);
            }
            let ordered = periods.windows(2).all(|pair| pair[0].until_minute <= pair[1].from_minute);
            self.that(ordered, &place, || "periods must be in order and must not overlap".to_owned());
        }
    }

    fn services(&mut self, services: &[Service]) {
        self.count("services", services.len(), limit::SERVICES);
        let mut keys = BTreeSet::new();
        for (index, service) in services.iter().enumerate() {
            let place = format!("services[{index}]");
            self.key(&format!("{place}.key"), &service.key);
            self.that(keys.insert(&service.key), &format!("{place}.key"), || "is used twice".to_owned());
            self.words(&format!("{place}.name"), &service.name, limit::TITLE);
            self.count(&format!("{place}.also"), service.also.len(), limit::ALSO);
            for (number, word) in service.also.iter().enumerate() {
                self.words(&format!("{place}.also[{number}]"), word, limit::TITLE);
            }
            self.range(
                &format!("{place}.duration_minutes"),
                service.duration_minutes,
                limit::DURATION_MINUTES_MIN,
                limit::DURATION_MINUTES_MAX,
            );
        }
    }

    fn booking(&mut self, profile: &Profile) {
        let booking = &profile.booking;
        self.range("booking.slot_minutes", booking.slot_minutes, limit::SLOT_MINUTES_MIN, limit::SLOT_MINUTES_MAX);
        self.range("booking.lead_minutes", booking.lead_minutes, 0, limit::LEAD_MINUTES);
        self.range("booking.horizon_days", booking.horizon_days, 1, limit::HORIZON_DAYS);
        self.range("booking.offered", booking.offered, 1, limit::OFFERED);
    }

    fn handoff(&mut self, profile: &Profile) {
        let handoff = &profile.handoff;
        self.count("handoff.keywords", handoff.keywords.len(), limit::KEYWORDS);
        for (index, word) in handoff.keywords.iter().enumerate() {
            self.words(&format!("handoff.keywords[{index}]"), word, limit::TITLE);
        }
        self.range("handoff.after_misses", handoff.after_misses, 1, limit::AFTER_MISSES);
        self.range("handoff.wait_seconds", handoff.wait_seconds, 0, limit::WAIT_SECONDS);
        if let Some(target) = &handoff.transfer_to {
            self.words("handoff.transfer_to", target, limit::TRANSFER_TO);
        }
    }

    fn flows(&mut self, profile: &Profile) {
        self.count("flows", profile.flows.len(), limit::FLOWS);
        let (mut keys, mut digits) = (BTreeSet::new(), BTreeSet::new());
        for (index, flow) in profile.flows.iter().enumerate() {
            let place = format!("flows[{index}]");
            self.key(&format!("{place}.key"), &flow.key);
            self.that(keys.insert(&flow.key), &format!("{place}.key"), || "is used twice".to_owned());
            self.words(&format!("{place}.title"), &flow.title, limit::TITLE);
            if let Some(digit) = flow.digit {
                let place = format!("{place}.digit");
                // 8 stops the recording of a call wherever the caller is, so no menu may use it.
                self.that((1..=9).contains(&digit) && digit != 8, &place, || {
                    "must be 1 to 7 or 9 (8 stops the recording of a call)".to_owned()
                });
                self.that(digits.insert(digit), &place, || "is used twice".to_owned());
            }
            self.slots(&place, flow);
            self.questions(&place, flow);
            self.tool(&place, flow, profile);
        }
    }

    fn slots(&mut self, place: &str, flow: &Flow) {
        self.count(&format!("{place}.slots"), flow.slots.len(), limit::SLOTS);
        let mut keys = BTreeSet::new();
        for (index, slot) in flow.slots.iter().enumerate() {
            let place = format!("{place}.slots[{index}]");
            self.key(&format!("{place}.key"), &slot.key);
            self.that(keys.insert(&slot.key), &format!("{place}.key"), || "is used twice".to_owned());
            self.words(&format!("{place}.question"), &slot.question, limit::QUESTION);
        }
    }

    fn questions(&mut self, place: &str, flow: &Flow) {
        let place = format!("{place}.questions");
        self.count(&place, flow.questions.len(), limit::QUESTIONS);
        for (index, question) in flow.questions.iter().enumerate() {
            self.words(&format!("{place}[{index}]"), question, limit::TITLE);
        }
        let answers = flow.tool == ToolKind::AnswerQuestions;
        self.that(answers != flow.questions.is_empty(), &place, || {
            let wanted = if answers { "needs a question" } else { "questions belong to the tool answer_questions" };
            wanted.to_owned()
        });
    }

    /// What a tool cannot do without.
    fn tool(&mut self, place: &str, flow: &Flow, profile: &Profile) {
        let needed = |kind: SlotKind| flow.slots.iter().any(|slot: &SlotRule| slot.kind == kind && !slot.optional);
        let once = |kind: SlotKind| flow.slots.iter().filter(|slot| slot.kind == kind).count() <= 1;
        let place = format!("{place}.slots");
        match flow.tool {
            ToolKind::Book => {
                for kind in [SlotKind::Service, SlotKind::Day, SlotKind::FreeTime] {
                    self.that(needed(kind) && once(kind), &place, || {
                        format!("booking needs exactly one slot of kind {kind:?} that is not optional")
                    });
                }
                self.that(!profile.services.is_empty(), "services", || "booking needs a service".to_owned());
                let at = |kind| flow.slots.iter().position(|slot| slot.kind == kind).unwrap_or(usize::MAX);
                self.that(
                    at(SlotKind::Service) < at(SlotKind::FreeTime) && at(SlotKind::Day) < at(SlotKind::FreeTime),
                    &place,
                    || "service and day must come before the free time".to_owned(),
                );
            }
            ToolKind::TakeMessage | ToolKind::OpenTicket => {
                self.that(needed(SlotKind::Text), &place, || "needs a slot of kind text".to_owned());
            }
            ToolKind::TakeLead => {
                let reachable = needed(SlotKind::PhoneNumber) || needed(SlotKind::Email);
                self.that(reachable, &place, || "a lead needs a telephone number or an e-mail address".to_owned());
            }
            ToolKind::TellHours | ToolKind::AnswerQuestions => {
                self.that(flow.slots.is_empty(), &place, || "this tool needs no slots".to_owned());
            }
        }
        if flow.tool != ToolKind::Book {
            let timed = flow.slots.iter().any(|slot| matches!(slot.kind, SlotKind::FreeTime));
            self.that(!timed, &place, || "free times exist only in a booking".to_owned());
        }
    }
}
