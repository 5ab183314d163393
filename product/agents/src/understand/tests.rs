//! Turns, and what they mean.

mod measured;

use jiff::civil::{date, datetime, time};
use proptest::prelude::*;

use super::*;
use crate::profile::sample;
use crate::reply::{Choice, ChoiceLabel};
use crate::turn::ChannelKind;

fn view(flow: Option<&str>, awaited: Awaited) -> TurnView {
    TurnView {
        channel: ChannelKind::Chat,
        local_now: datetime(2026, 12, 7, 8, 30, 0, 0),
        flow: flow.map(str::to_owned),
        awaited,
        choices: vec![],
    }
}

fn free(words: &str) -> Vec<Command> {
    commands(&sample(), &view(None, Awaited::Anything), words)
}

fn asked(kind: SlotKind, slot: &str, words: &str) -> Vec<Command> {
    let flow = if kind == SlotKind::Text { "message" } else { "book" };
    let awaited = Awaited::Slot { flow: flow.to_owned(), slot: slot.to_owned(), kind };
    commands(&sample(), &view(Some(flow), awaited), words)
}

fn set(slot: &str, value: SlotValue) -> Command {
    Command::SetSlot { slot: slot.to_owned(), value }
}

fn ask(question: &str) -> Vec<Command> {
    vec![Command::Ask { question: question.to_owned() }]
}

#[test]
fn a_booking_in_one_sentence() {
    let said = free(
        "Hi, I'd like to book a cleaning next Tuesday at half past three, my name is Ada Byron and my number is +49 30 1234567",
    );
    assert_eq!(
        said,
        [
            Command::StartFlow { flow: "book".to_owned() },
            set("service", SlotValue::Service("cleaning".to_owned())),
            set("day", SlotValue::Day(date(2026, 12, 15))),
            set("time", SlotValue::Time(time(15, 30, 0, 0))),
            set("name", SlotValue::PersonName("Ada Byron".to_owned())),
            set("phone", SlotValue::PhoneNumber("+49301234567".to_owned())),
        ]
    );
}

#[test]
fn flows_are_found_in_many_words() {
    for (words, flow) in [
        ("I need an appointment", "book"),
        ("when do you close today?", "hours"),
        ("could someone call me back please", "message"),
        ("I want to complain about my bill", "ticket"),
        ("I'd like to become a new patient", "lead"),
    ] {
        assert_eq!(free(words)[0], Command::StartFlow { flow: flow.to_owned() }, "{words}");
    }
}

#[test]
fn questions_go_to_the_documents() {
    for words in ["How much is a cleaning?", "what is your cancellation policy", "Do you speak German?", "parking"] {
        assert_eq!(free(words), ask(words), "{words}");
    }
}

#[test]
fn what_people_always_say() {
    for (words, command) in [
        ("Yes, please.", Command::Affirm),
        ("no thanks", Command::Deny),
        ("Never mind!", Command::Cancel),
        ("could you repeat that?", Command::Repeat),
        ("I want to speak to a human", Command::Human),
        ("can I talk to somebody please", Command::Human),
        ("I need the doctor", Command::Human),
        ("ok, bye", Command::Goodbye),
        ("thank you so much", Command::Chitchat { kind: Chitchat::Thanks }),
        ("Hello there", Command::Chitchat { kind: Chitchat::Greeting }),
        ("are you a robot?", Command::Chitchat { kind: Chitchat::AreYouHuman }),
        ("please don't record this call", Command::StopRecording),
        ("my husband can't breathe", Command::Emergency),
        ("I have chest pains", Command::Emergency),
    ] {
        assert_eq!(free(words), [command], "{words}");
    }
}

#[test]
fn what_is_asked_for_is_read_boldly() {
    assert_eq!(
        asked(SlotKind::PersonName, "name", "ada byron"),
        [set("name", SlotValue::PersonName("Ada Byron".to_owned()))]
    );
    assert_eq!(
        asked(SlotKind::PhoneNumber, "phone", "12345"),
        [set("phone", SlotValue::PhoneNumber("12345".to_owned()))]
    );
    assert_eq!(asked(SlotKind::Day, "day", "the 9th"), [set("day", SlotValue::Day(date(2026, 12, 9)))]);
    assert_eq!(asked(SlotKind::FreeTime, "time", "at nine")[0], set("time", SlotValue::Time(time(9, 0, 0, 0))));
    assert_eq!(
        asked(SlotKind::Service, "service", "teeth cleaning please"),
        [set("service", SlotValue::Service("cleaning".to_owned()))]
    );
    let text = "The tap drips? Since when, I do not know";
    assert_eq!(asked(SlotKind::Text, "message", text), [set("message", SlotValue::Text(text.to_owned()))]);
    assert_eq!(asked(SlotKind::Text, "message", "cancel"), [Command::Cancel]);
}

#[test]
fn in_a_flow_a_question_is_a_question_and_noise_is_not_understood() {
    assert_eq!(asked(SlotKind::PersonName, "name", "why do you need that?"), ask("why do you need that?"));
    assert_eq!(asked(SlotKind::PhoneNumber, "phone", "xkcd"), [Command::NotUnderstood]);
    assert_eq!(
        asked(SlotKind::FreeTime, "time", "in the afternoon"),
        [Command::Prefer { from: time(12, 0, 0, 0), until: time(18, 0, 0, 0) }]
    );
    assert_eq!(asked(SlotKind::FreeTime, "time", "a later time"), [Command::Other]);
}

#[test]
fn a_bare_number_is_what_was_asked_for() {
    assert_eq!(asked(SlotKind::FreeTime, "time", "9"), [set("time", SlotValue::Time(time(9, 0, 0, 0)))]);
    assert_eq!(asked(SlotKind::FreeTime, "time", "3 please"), [set("time", SlotValue::Time(time(15, 0, 0, 0)))]);
    assert_eq!(asked(SlotKind::FreeTime, "time", "24"), [Command::NotUnderstood]);
    assert_eq!(asked(SlotKind::Day, "day", "11"), [set("day", SlotValue::Day(date(2026, 12, 11)))]);
    assert_eq!(asked(SlotKind::Day, "day", "32"), [Command::NotUnderstood]);
}

#[test]
fn a_part_of_the_day_is_a_wish() {
    let said = free("I need an appointment tomorrow afternoon");
    let wish = Command::Prefer { from: time(12, 0, 0, 0), until: time(18, 0, 0, 0) };
    assert_eq!(said[..2], [Command::StartFlow { flow: "book".to_owned() }, wish]);
}

#[test]
fn a_correction_after_no() {
    let said = commands(&sample(), &view(Some("book"), Awaited::YesNo), "No, Wednesday please");
    assert_eq!(said, [Command::Deny, set("day", SlotValue::Day(date(2026, 12, 9)))]);
    assert_eq!(commands(&sample(), &view(Some("book"), Awaited::YesNo), "yes that's right"), [Command::Affirm]);
}

#[test]
fn choices_by_number_and_title() {
    let choices = vec![
        Choice { number: 1, label: ChoiceLabel::Flow("book".to_owned()) },
        Choice { number: 2, label: ChoiceLabel::Flow("hours".to_owned()) },
        Choice { number: 4, label: ChoiceLabel::Time(time(9, 30, 0, 0)) },
    ];
    let view = TurnView { choices, ..view(None, Awaited::Anything) };
    for (words, number) in
        [("2", 2), ("the second one", 2), ("option one", 1), ("Book an appointment", 1), ("9:30 am", 4)]
    {
        assert_eq!(commands(&sample(), &view, words), [Command::Choose { number }], "{words}");
    }
    assert_ne!(commands(&sample(), &view, "3"), [Command::Choose { number: 3 }]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_words_panic_and_commands_are_few(words in "\\PC{0,80}", digits in "[0-9:/. +apm-]{0,24}", flow in any::<bool>()) {
        let awaited = if flow {
            Awaited::Slot { flow: "book".to_owned(), slot: "day".to_owned(), kind: SlotKind::Day }
        } else {
            Awaited::Anything
        };
        let view = view(flow.then_some("book"), awaited);
        for words in [words, digits] {
            let said = commands(&sample(), &view, &words);
            prop_assert!(!said.is_empty() && said.len() <= COMMANDS_PER_TURN_MAX);
        }
    }
}

#[test]
fn very_long_words_are_read_in_bounded_time() {
    let words = "tomorrow at three ".repeat(20_000);
    assert!(!free(&words).is_empty());
}
