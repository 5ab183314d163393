//! Golden dialogues for chat and phone, and properties of every sequence of events.

mod chat;
mod phone;
mod properties;
mod words;

use agents::command::{Command, SlotValue};
use agents::profile::{Profile, sample};
use agents::reply::{Part, Passage};
use agents::turn::ChannelKind;
use jiff::civil::{Date, Time, date, time};
use storage::Timestamp;
use uuid::Uuid;

use super::*;

/// Monday, 7 December 2026, 08:30 in Berlin.
pub(super) const NOW: Timestamp = Timestamp(1_796_628_600_000_000);

/// A conversation under test: it answers what the engine asks of the calendar and the documents.
pub(super) struct Bench {
    pub profile: Profile,
    pub state: State,
    pub effects: Vec<Effect>,
    /// What a search finds.
    pub knows: Option<Answer>,
    /// Whether the next booking meets a conflict.
    pub conflict: bool,
    pub free: Vec<Time>,
}

pub(super) fn answer(text: &str) -> Answer {
    let passage = Passage {
        document_id: Uuid::from_u128(1),
        title: "Prices".to_owned(),
        section: vec![],
        text: text.to_owned(),
        url: None,
        score_thousandths: 800,
    };
    Answer { passage, quote: text.to_owned() }
}

impl Bench {
    pub fn open(channel: ChannelKind) -> Bench {
        let free = vec![time(9, 0, 0, 0), time(9, 30, 0, 0), time(10, 0, 0, 0), time(14, 0, 0, 0), time(15, 30, 0, 0)];
        let mut bench =
            Bench { profile: sample(), state: State::new(), effects: vec![], knows: None, conflict: false, free };
        let caller_number = (channel == ChannelKind::Phone).then(|| "+49301234567".to_owned());
        bench.event(&Event::Opened { channel, caller_number, reads_aloud: true });
        bench
    }

    /// A phone call on a machine without a synthesizer, not recorded.
    pub fn call_without_voice() -> Bench {
        let mut bench = Bench::open(ChannelKind::Phone);
        bench.state = State::new();
        bench.event(&Event::Opened { channel: ChannelKind::Phone, caller_number: None, reads_aloud: false });
        bench.key('2');
        bench
    }

    /// A phone call whose notice was heard and agreed to.
    pub fn recorded_call() -> Bench {
        let mut bench = Bench::open(ChannelKind::Phone);
        bench.heard();
        bench.key('1');
        bench
    }

    pub fn days() -> Vec<Date> {
        (8..=11).map(|day| date(2026, 12, day)).collect()
    }

    /// One event and everything that follows from the tools; gives the parts said.
    pub fn event(&mut self, event: &Event) -> Vec<Part> {
        let (state, effects) = step(&self.profile, std::mem::take(&mut self.state), event, NOW);
        self.state = state;
        let mut parts: Vec<Part> = Vec::new();
        let mut follow = None;
        for effect in &effects {
            match effect {
                Effect::Say { plan } => parts.extend(plan.parts.clone()),
                Effect::Search { question } => {
                    follow = Some(Event::Found { question: question.clone(), answer: self.knows.clone() });
                }
                Effect::FindDays { .. } => follow = Some(Event::FreeDays { days: Bench::days() }),
                Effect::FindTimes { day, .. } => {
                    follow =
                        Some(Event::FreeTimes { day: *day, times: self.free.clone(), next: Some(date(2026, 12, 11)) });
                }
                Effect::Act { .. } => {
                    let taken = std::mem::take(&mut self.conflict);
                    follow =
                        Some(if taken { Event::TimeTaken } else { Event::Done { reference: "K7PQ2M".to_owned() } });
                }
                _ => {}
            }
        }
        self.effects.extend(effects);
        if let Some(follow) = follow {
            parts.extend(self.event(&follow));
        }
        parts
    }

    pub fn say(&mut self, commands: Vec<Command>) -> Vec<Part> {
        self.event(&Event::Turn { text: String::new(), commands })
    }

    pub fn key(&mut self, key: char) -> Vec<Part> {
        self.event(&Event::Digit { key })
    }

    pub fn keys(&mut self, keys: &str) -> Vec<Part> {
        keys.chars().flat_map(|key| self.key(key)).collect()
    }

    /// The last reply was played to its end.
    pub fn heard(&mut self) {
        let sequence = self.state.last_said;
        self.event(&Event::Spoken { sequence, whole: true, milliseconds: 1_000 });
    }

    pub fn did(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    pub fn records(&self) -> usize {
        self.did(|effect| matches!(effect, Effect::StartRecording { .. } | Effect::TakeVoicemail { .. }))
    }

    pub fn arguments(&self) -> Vec<(String, SlotValue)> {
        let act = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Act { arguments, .. } => Some(arguments),
            _ => None,
        });
        act.into_iter().flatten().map(|argument| (argument.slot.clone(), argument.value.clone())).collect()
    }
}

pub(super) fn set(slot: &str, value: SlotValue) -> Command {
    Command::SetSlot { slot: slot.to_owned(), value }
}

pub(super) fn start(flow: &str) -> Command {
    Command::StartFlow { flow: flow.to_owned() }
}

/// Names of parts, for readable expectations.
pub(super) fn names(parts: &[Part]) -> Vec<String> {
    parts
        .iter()
        .map(|part| {
            let json = serde_json::to_value(part).expect("parts are plain data");
            json["part"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}
