//! One step while it is being made: what is to be said and done, and the state that follows.

use agents::profile::Profile;
use agents::reply::{Choice, ChoiceLabel, PARTS_MAX, Part, ReplyPlan};
use agents::turn::{Awaited, ChannelKind};
use jiff::civil::DateTime;
use storage::Timestamp;

use super::{Asked, EFFECTS_MAX, Effect, EndReason, HandoffOutcome, Phase, State};

/// Choices in a chat or on a keypad: digits 1 to 9.
const CHOICES_MAX: usize = 9;

pub(super) struct Turn<'a> {
    pub profile: &'a Profile,
    pub state: State,
    /// Now, on the clock of the business.
    pub local: DateTime,
    plan: ReplyPlan,
    effects: Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub fn begin(profile: &'a Profile, mut state: State, now: Timestamp) -> Turn<'a> {
        state.sequence = state.sequence.saturating_add(1);
        Turn { profile, state, local: profile.local(now.0), plan: ReplyPlan::default(), effects: Vec::new() }
    }

    pub fn phone(&self) -> bool {
        self.state.channel == ChannelKind::Phone
    }

    pub fn say(&mut self, part: Part) {
        if self.plan.parts.len() < PARTS_MAX {
            self.plan.parts.push(part);
        }
    }

    /// Whether this step already offers a person, so that nothing else must be asked.
    pub fn asks_for_person(&self) -> bool {
        self.state.asked == Asked::Person && self.plan.parts.contains(&Part::OfferPerson)
    }

    pub fn effect(&mut self, effect: Effect) {
        // One place is kept for what is said.
        if self.effects.len() < EFFECTS_MAX - 1 {
            self.effects.push(effect);
        }
    }

    pub fn offer(&mut self, choices: Vec<Choice>) {
        self.plan.choices = choices;
        self.plan.choices.truncate(CHOICES_MAX);
    }

    /// Offers yes and no, and remembers what they will mean.
    pub fn ask_yes_no(&mut self, asked: Asked) {
        self.state.asked = asked;
        self.state.awaited = if asked == Asked::Recording { Awaited::Consent } else { Awaited::YesNo };
        self.offer(vec![Choice { number: 1, label: ChoiceLabel::Yes }, Choice { number: 2, label: ChoiceLabel::No }]);
        if matches!(asked, Asked::Recording | Asked::Message) {
            self.state.notices = self.state.notices.saturating_add(1);
        }
    }

    /// Nothing is asked; anything may come.
    pub fn await_anything(&mut self) {
        self.state.asked = Asked::Nothing;
        self.state.awaited = Awaited::Anything;
    }

    /// The flows as choices: keypad digits on a phone, numbered buttons in a chat.
    pub fn offer_flows(&mut self) {
        self.await_anything();
        let phone = self.phone();
        let mut choices = Vec::new();
        for flow in &self.profile.flows {
            let next = u8::try_from(choices.len() + 1).unwrap_or(u8::MAX);
            let number = if phone { flow.digit } else { Some(next) };
            if let Some(number) = number.filter(|number| (1..=9).contains(number)) {
                choices.push(Choice { number, label: ChoiceLabel::Flow(flow.key.clone()) });
            }
        }
        choices.sort_by_key(|choice| choice.number);
        if phone && !choices.is_empty() {
            self.state.awaited = Awaited::Choice;
        }
        self.offer(choices);
    }

    /// "What can I do for you?", with the flows.
    pub fn menu(&mut self) {
        self.say(Part::Menu);
        self.offer_flows();
    }

    /// Something is finished: on the phone the menu comes again, in a chat anything may be written.
    pub fn finished_something(&mut self) {
        self.state.misses = 0;
        if self.phone() { self.menu() } else { self.await_anything() }
    }

    /// Says the last thing again, with its choices.
    pub fn repeat(&mut self) {
        for part in self.state.last.parts.clone() {
            // A notice is asked again by its own rule, never as a side effect of something else.
            if !matches!(part, Part::RecordingAgreed | Part::RecordingDeclined | Part::StillThere) {
                self.say(part);
            }
        }
        self.offer(self.state.last.choices.clone());
    }

    pub fn offer_person(&mut self) {
        self.state.misses = 0;
        self.say(Part::OfferPerson);
        self.ask_yes_no(Asked::Person);
    }

    pub fn goodbye(&mut self, reason: EndReason) {
        self.say(Part::Goodbye);
        self.end(reason);
    }

    pub fn end(&mut self, reason: EndReason) {
        let handoff = match self.state.phase {
            Phase::Waiting => Some(HandoffOutcome::Withdrawn),
            Phase::Person => Some(HandoffOutcome::Finished),
            _ => None,
        };
        if let Some(outcome) = handoff {
            self.effect(Effect::CloseHandoff { outcome });
        }
        if self.phone() && !matches!(reason, EndReason::HungUp | EndReason::Transferred) {
            self.effect(Effect::HangUp);
        }
        self.effect(Effect::End { reason });
        self.state.phase = Phase::Ended;
        self.state.asked = Asked::Nothing;
        self.state.awaited = Awaited::Nothing;
        self.plan.choices.clear();
        self.state.choices.clear();
    }

    pub fn finish(mut self) -> (State, Vec<Effect>) {
        let mut effects = Vec::with_capacity(self.effects.len() + 1);
        if !self.plan.parts.is_empty() {
            self.state.choices.clone_from(&self.plan.choices);
            self.state.last.clone_from(&self.plan);
            self.state.last_said = self.state.sequence;
            self.state.notice_heard = false;
            effects.push(Effect::Say { plan: self.plan });
        }
        effects.append(&mut self.effects);
        (self.state, effects)
    }
}
