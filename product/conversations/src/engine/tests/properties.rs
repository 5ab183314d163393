//! What holds for every sequence of events.

use agents::command::Chitchat;
use agents::reply::{ChoiceLabel, PARTS_MAX};
use proptest::prelude::*;

use super::*;

fn slot_value() -> impl Strategy<Value = SlotValue> {
    prop_oneof![
        Just(SlotValue::Service("cleaning".to_owned())),
        Just(SlotValue::Service("unknown".to_owned())),
        (1_i8..=28).prop_map(|day| SlotValue::Day(date(2026, 12, day))),
        (0_i8..24, 0_i8..4).prop_map(|(hour, quarter)| SlotValue::Time(time(hour, quarter * 15, 0, 0))),
        "\\PC{0,30}".prop_map(SlotValue::PhoneNumber),
        "\\PC{0,30}".prop_map(SlotValue::Email),
        "\\PC{0,30}".prop_map(SlotValue::PersonName),
        "\\PC{0,30}".prop_map(SlotValue::Text),
        any::<u128>().prop_map(|id| SlotValue::Recording(Uuid::from_u128(id))),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let flow = prop::sample::select(vec!["book", "hours", "message", "ticket", "lead", "none"]);
    let slot = prop::sample::select(vec!["service", "day", "time", "name", "phone", "message", "problem", "none"]);
    prop_oneof![
        4 => flow.prop_map(start),
        6 => (slot, slot_value()).prop_map(|(slot, value)| set(slot, value)),
        4 => Just(Command::Affirm),
        2 => Just(Command::Deny),
        2 => "\\PC{0,20}".prop_map(|question| Command::Ask { question }),
        6 => any::<u8>().prop_map(|number| Command::Choose { number: number % 10 }),
        1 => Just(Command::Other),
        1 => Just(Command::Prefer { from: time(12, 0, 0, 0), until: time(17, 0, 0, 0) }),
        1 => Just(Command::Repeat),
        1 => Just(Command::Cancel),
        1 => Just(Command::Human),
        1 => Just(Command::Emergency),
        1 => Just(Command::Chitchat { kind: Chitchat::Thanks }),
        1 => Just(Command::StopRecording),
        1 => Just(Command::NotUnderstood),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let times = prop::collection::vec((8_i8..17, 0_i8..2), 0..6)
        .prop_map(|list| list.into_iter().map(|(hour, half)| time(hour, half * 30, 0, 0)).collect::<Vec<_>>());
    prop_oneof![
        8 => prop::collection::vec(command(), 0..9).prop_map(|commands| Event::Turn { text: String::new(), commands }),
        6 => (0_u8..12).prop_map(|number| Event::Choice { number }),
        12 => prop::sample::select("0123456789*#AD?".chars().collect::<Vec<_>>()).prop_map(|key| Event::Digit { key }),
        2 => Just(Event::Silence),
        6 => (0_u64..40, any::<bool>()).prop_map(|(sequence, whole)| Event::Spoken { sequence, whole, milliseconds: 1 }),
        2 => any::<u128>().prop_map(|id| Event::MessageRecorded { recording: Uuid::from_u128(id), seconds: 1 }),
        1 => Just(Event::MessageFailed),
        1 => any::<bool>().prop_map(|connected| Event::TransferEnded { connected }),
        1 => any::<bool>().prop_map(|reads_aloud| Event::Opened { channel: ChannelKind::Phone, caller_number: None, reads_aloud }),
        2 => "\\PC{0,20}".prop_map(|question| Event::Found { question, answer: None }),
        2 => prop::sample::select(sample().flows[5].questions.clone())
            .prop_map(|question| Event::Found { question, answer: Some(answer("A check-up costs 48.")) }),
        2 => prop::collection::vec(1_i8..=28, 0..5).prop_map(|days| Event::FreeDays {
            days: days.into_iter().map(|day| date(2026, 12, day)).collect()
        }),
        2 => (1_i8..=28, times).prop_map(|(day, times)| Event::FreeTimes { day: date(2026, 12, day), times, next: None }),
        1 => Just(Event::Done { reference: "AB23".to_owned() }),
        1 => Just(Event::TimeTaken),
        1 => Just(Event::ToolFailed),
        1 => Just(Event::PersonJoined { display_name: "Mia".to_owned() }),
        1 => Just(Event::PersonSaid { display_name: "Mia".to_owned(), text: "x".to_owned() }),
        1 => any::<bool>().prop_map(|end| Event::PersonLeft { end }),
        1 => Just(Event::WaitOver),
    ]
}

fn heard_notice(said: &[(u64, Vec<Part>)], heard: u64, notice: &Part) -> bool {
    said.iter().any(|(sequence, parts)| *sequence == heard && parts.contains(notice))
}

/// What must hold after one step.
fn holds(before: &State, event: &Event, after: &State, effects: &[Effect]) -> Result<(), TestCaseError> {
    prop_assert!(effects.len() <= EFFECTS_MAX);
    let said = effects.iter().filter(|effect| matches!(effect, Effect::Say { .. })).count();
    prop_assert!(said <= 1, "one reply in a step");
    prop_assert!(said == 0 || matches!(effects[0], Effect::Say { .. }), "and it comes first");
    if let Some(Effect::Say { plan }) = effects.first() {
        prop_assert!(plan.parts.len() <= PARTS_MAX && plan.choices.len() <= 9);
        let numbers: std::collections::BTreeSet<u8> = plan.choices.iter().map(|choice| choice.number).collect();
        prop_assert_eq!(numbers.len(), plan.choices.len(), "no number twice");
        let on_phone = after.channel == ChannelKind::Phone;
        prop_assert!(!(on_phone && numbers.contains(&8)), "8 stops the recording");
        let quotes = plan.parts.iter().any(|part| matches!(part, Part::Quote { .. }));
        prop_assert!(after.reads_aloud || !quotes, "nothing is quoted that nobody can hear");
        let yes = plan.choices.iter().find(|choice| choice.label == ChoiceLabel::Yes);
        prop_assert!(yes.is_none_or(|choice| choice.number == 1));
    }
    prop_assert!(!before.ended() || after.ended(), "the end is final");
    if before.ended() {
        prop_assert_eq!(said, 0, "nothing is said after the end");
    }
    if before.phase == Phase::Person && !matches!(event, Event::PersonLeft { .. } | Event::HungUp) {
        prop_assert_eq!(said, 0, "the agent is silent while a person talks");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_sequence_of_events_keeps_the_promises(
        phone in any::<bool>(),
        transfer in any::<bool>(),
        voice in any::<bool>(),
        events in prop::collection::vec(event(), 0..60),
    ) {
        let mut profile = sample();
        profile.handoff.transfer_to = transfer.then(|| "sip:desk@127.0.0.1".to_owned());
        let channel = if phone { ChannelKind::Phone } else { ChannelKind::Chat };
        let mut state = State::new();
        let mut said: Vec<(u64, Vec<Part>)> = Vec::new();
        let (mut heard, mut withdrawn) = (0, true);
        let opened = Event::Opened { channel, caller_number: None, reads_aloud: !phone || voice };
        for event in [opened].iter().chain(&events) {
            let before = state.clone();
            let (after, effects) = step(&profile, state, event, NOW);
            holds(&before, event, &after, &effects)?;
            // Reports of what was not the last thing said are nothing.
            if let Event::Spoken { sequence, whole: true, .. } = event
                && said.last().is_some_and(|(last, _)| last == sequence)
            {
                heard = *sequence;
            }
            for effect in &effects {
                match effect {
                    Effect::Say { plan } => said.push((after.sequence, plan.parts.clone())),
                    Effect::StartRecording { means } => {
                        prop_assert!(phone && heard_notice(&said, heard, &Part::RecordingNotice));
                        let yes = matches!(means, ConsentMeans::Key('1') | ConsentMeans::Words);
                        prop_assert!(yes);
                        prop_assert!(std::mem::take(&mut withdrawn), "asked once, started once");
                    }
                    Effect::TakeVoicemail { means, .. } => {
                        prop_assert!(phone && heard_notice(&said, heard, &Part::MessageNotice));
                        let yes = matches!(means, ConsentMeans::Key('1') | ConsentMeans::Words);
                        prop_assert!(yes);
                    }
                    Effect::Transfer { target } => prop_assert_eq!(target.address(), "sip:desk@127.0.0.1"),
                    _ => {}
                }
            }
            if after.sequence == 1 {
                prop_assert_eq!(&said[0].1[0], &Part::AiNotice, "the notice comes first");
            }
            let text = serde_json::to_string(&after).expect("a state is plain data");
            let back: State = serde_json::from_str(&text).expect("its own text");
            prop_assert_eq!(&back, &after, "a state survives storing");
            state = after;
        }
    }

    #[test]
    fn the_same_events_give_the_same_effects(events in prop::collection::vec(event(), 0..30)) {
        let run = || {
            let mut state = State::new();
            let mut all = Vec::new();
            for event in [Event::Opened { channel: ChannelKind::Chat, caller_number: None, reads_aloud: true }].iter().chain(&events) {
                let (after, effects) = step(&sample(), state, event, NOW);
                state = after;
                all.push(effects);
            }
            (state, all)
        };
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn a_conversation_ends_by_itself_at_its_limit() {
    let mut bench = Bench::open(ChannelKind::Chat);
    for _ in 1..EVENTS_MAX {
        bench.say(vec![Command::Repeat]);
    }
    assert!(!bench.state.ended());
    assert_eq!(names(&bench.say(vec![Command::Repeat])), ["goodbye"]);
    assert!(bench.effects.contains(&Effect::End { reason: EndReason::TooLong }));
}
