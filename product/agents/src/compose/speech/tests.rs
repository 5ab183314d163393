//! What a bare machine can say.

use jiff::civil::{date, time};

use super::*;
use crate::profile::sample;

fn plan(parts: Vec<Part>, choices: Vec<(u8, ChoiceLabel)>) -> ReplyPlan {
    let choices = choices.into_iter().map(|(number, label)| Choice { number, label }).collect();
    ReplyPlan { parts, choices }
}

/// The words that are heard without a synthesizer.
fn bare(said: &[Speech]) -> String {
    let words: Vec<String> = said
        .iter()
        .filter_map(|unit| match unit {
            Speech::Prompt(prompt) => Some(prompt.text().to_owned()),
            Speech::Digits(digits) | Speech::Spelled(digits) => Some(digits.clone()),
            Speech::Number(number) => Some(number.to_string()),
            Speech::Day(day) => Some(day.to_string()),
            Speech::Time(time) => Some(time.strftime("%H:%M").to_string()),
            Speech::FreeText { instead, .. } => Some(bare(instead)).filter(|words| !words.is_empty()),
            Speech::Pause(_) => None,
        })
        .collect();
    words.join(" ")
}

#[test]
fn the_greeting_is_whole_without_a_synthesizer() {
    let said = speech(&sample(), &plan(vec![Part::Greeting, Part::AiNotice], vec![]));
    assert_eq!(bare(&said), "Thank you for calling. You are talking to an AI agent.");
}

#[test]
fn a_transcript_says_what_was_said_with_a_synthesizer_and_without() {
    let values = vec![("service".to_owned(), SlotValue::Service("cleaning".to_owned()))];
    let plan = plan(vec![Part::Greeting, Part::ConfirmFlow { flow: "book".to_owned(), values }], vec![]);
    let lines = |aloud| spoken(&sample(), &plan, aloud).lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(true)[..2], ["Welcome to Lindenhof Dental Practice.", "You would like Professional cleaning"]);
    assert_eq!(lines(false)[..2], ["Thank you for calling.", "You would like the service with the number 2"]);
}

#[test]
fn the_menu_tells_every_key() {
    let profile = sample();
    let choices =
        profile.flows.iter().map(|flow| (flow.digit.unwrap_or(0), ChoiceLabel::Flow(flow.key.clone()))).collect();
    let words = bare(&speech(&profile, &plan(vec![Part::Menu], choices)));
    assert_eq!(
        words,
        "For an appointment press 1 opening hours 2 a message 3 a problem 4 services 5 common questions 6 a person, 0."
    );
}

#[test]
fn questions_are_named_by_the_synthesizer_and_keys_by_recordings() {
    let label = |text: &str| ChoiceLabel::Question(text.to_owned());
    let choices = vec![(1, label("How much is a check-up?")), (2, label("Where can I park?"))];
    let plan = plan(vec![Part::WhichQuestion], choices);
    let said = speech(&sample(), &plan);
    assert_eq!(
        spoken(&sample(), &plan, true),
        "Which question may I answer?\nHow much is a check-up? press 1\nWhere can I park? press 2"
    );
    let keys: Vec<_> = said.iter().filter(|unit| matches!(unit, Speech::Number(_))).collect();
    assert_eq!(keys, [&Speech::Number(1), &Speech::Number(2)]);
}

#[test]
fn a_quote_is_said_with_its_source_and_never_replaced_by_not_known() {
    let passage = crate::reply::Passage {
        document_id: uuid::Uuid::nil(),
        title: format!("Prices {}", "x".repeat(200)),
        section: Vec::new(),
        text: "A check-up costs 48.".to_owned(),
        url: None,
        score_thousandths: 900,
    };
    let plan = plan(vec![Part::Quote { passage, quote: "A check-up costs 48.".to_owned() }], vec![]);
    let words = spoken(&sample(), &plan, true);
    assert!(words.starts_with("Our documents say the following. Prices xxx"), "{words}");
    assert!(words.ends_with("x: A check-up costs 48.") && words.chars().count() < 150, "{words}");
    assert_eq!(bare(&speech(&sample(), &plan)), PromptId::AnswersElsewhere.text());
}

#[test]
fn a_booking_is_read_back_from_units_alone() {
    let values = vec![
        ("service".to_owned(), SlotValue::Service("cleaning".to_owned())),
        ("day".to_owned(), SlotValue::Day(date(2026, 12, 8))),
        ("time".to_owned(), SlotValue::Time(time(15, 30, 0, 0))),
        ("phone".to_owned(), SlotValue::PhoneNumber("+49 30 1234567".to_owned())),
    ];
    let said = speech(&sample(), &plan(vec![Part::ConfirmFlow { flow: "book".to_owned(), values }], vec![]));
    assert_eq!(
        bare(&said),
        "You would like the service with the number 2 on 2026-12-08 at 15:30 The telephone number is 49301234567 \
         Is that right? For yes, press 1. For no, press 2."
    );
}

#[test]
fn a_question_that_says_its_keys_does_not_say_them_twice() {
    let choices = vec![(1, ChoiceLabel::Yes), (2, ChoiceLabel::No)];
    let words = bare(&speech(&sample(), &plan(vec![Part::NotKnown, Part::OfferPerson], choices)));
    assert_eq!(words.matches("press 1").count(), 1, "{words}");
}

#[test]
fn hours_end_at_midnight_when_a_day_is_open_to_its_end() {
    let mut profile = sample();
    profile.opening_hours.insert(7, vec![crate::profile::OpenPeriod { from_minute: 0, until_minute: 1440 }]);
    let words = bare(&speech(&profile, &plan(vec![Part::Hours { open_now: true }], vec![])));
    assert!(words.contains("Sunday 00:00 to 00:00"), "{words}");
    assert!(words.contains("Saturday closed"), "{words}");
}

#[test]
fn spelled_and_digits_hold_only_what_can_be_said() {
    let booked = Part::Booked {
        service: "gone".to_owned(),
        day: date(2026, 12, 8),
        time: time(9, 0, 0, 0),
        reference: "k7-pq ü2".to_owned(),
    };
    let said = speech(&sample(), &plan(vec![booked], vec![]));
    assert!(said.contains(&Speech::Spelled("K7PQ2".to_owned())));
}
