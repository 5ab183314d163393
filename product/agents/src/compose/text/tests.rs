//! Whatever the plan, the embedded wording passes the grounding gate.

use jiff::civil::{Date, Time};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::compose::ground::{Facts, check};
use crate::profile::sample;
use crate::reply::{Choice, Passage};

fn day() -> impl Strategy<Value = Date> {
    (2026_i16..2028, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| jiff::civil::date(year, month, day))
}

fn time_of_day() -> impl Strategy<Value = Time> {
    (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| jiff::civil::time(hour, minute, 0, 0))
}

fn value() -> impl Strategy<Value = SlotValue> {
    prop_oneof![
        Just(SlotValue::Service("check_up".to_owned())),
        day().prop_map(SlotValue::Day),
        time_of_day().prop_map(SlotValue::Time),
        "\\+[0-9]{7,14}".prop_map(SlotValue::PhoneNumber),
        "[a-z]{1,8}@[a-z]{1,8}\\.example".prop_map(SlotValue::Email),
        "\\PC{0,60}".prop_map(SlotValue::PersonName),
        "\\PC{0,200}".prop_map(SlotValue::Text),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Greeting),
        Just(Part::AiNotice),
        Just(Part::RecordingNotice),
        Just(Part::RecordingAgreed),
        Just(Part::Menu),
        Just(Part::NotKnown),
        Just(Part::Emergency),
        Just(Part::CallingPerson),
        any::<bool>().prop_map(|open_now| Part::Hours { open_now }),
        "\\PC{0,300}".prop_map(|text| {
            let quote = text.chars().take(80).collect();
            let passage = Passage {
                document_id: Uuid::nil(),
                title: "T".to_owned(),
                section: vec![],
                text,
                url: None,
                score_thousandths: 1,
            };
            Part::Quote { passage, quote }
        }),
        (day(), proptest::collection::vec(time_of_day(), 0..5)).prop_map(|(day, times)| Part::FreeTimes { day, times }),
        (day(), proptest::option::of(day())).prop_map(|(day, next)| Part::NoFreeTime { day, next }),
        proptest::collection::vec(value(), 0..6).prop_map(|values| Part::ConfirmFlow {
            flow: "book".to_owned(),
            values: values.into_iter().map(|value| ("name".to_owned(), value)).collect(),
        }),
        (day(), time_of_day(), "[A-Z2-9]{4,8}").prop_map(|(day, time, reference)| Part::Booked {
            service: "cleaning".to_owned(),
            day,
            time,
            reference
        }),
        "[A-Z2-9]{4,8}".prop_map(|reference| Part::TicketOpened { reference }),
        "\\PC{0,40}".prop_map(|display_name| Part::PersonJoined { display_name }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn embedded_wording_is_always_grounded(part in part(), label in time_of_day()) {
        let profile = sample();
        let plan = ReplyPlan {
            parts: vec![part],
            choices: vec![Choice { number: 1, label: ChoiceLabel::Time(label) }],
        };
        let reply = text(&profile, &plan);
        let facts = Facts::of(&profile, &plan);
        prop_assert_eq!(check(&reply.text, &facts), Ok(()));
        for choice in &reply.choices {
            prop_assert_eq!(check(&choice.label, &facts), Ok(()));
        }
    }
}

#[test]
fn a_quote_carries_its_source() {
    let passage = Passage {
        document_id: Uuid::from_u128(7),
        title: "Prices".to_owned(),
        section: vec!["Cleaning".to_owned()],
        text: "A cleaning costs € 95. It is worth it.".to_owned(),
        url: None,
        score_thousandths: 900,
    };
    let quote = "A cleaning costs € 95.".to_owned();
    let plan = ReplyPlan { parts: vec![Part::Quote { passage, quote: quote.clone() }], choices: vec![] };
    let reply = text(&sample(), &plan);
    assert_eq!(reply.text, quote);
    assert_eq!(reply.sources.len(), 1);
    assert_eq!((reply.sources[0].document_id, reply.sources[0].title.as_str()), (Uuid::from_u128(7), "Prices"));
}

#[test]
fn the_notice_names_the_business_and_warns_against_oversharing() {
    let plan = ReplyPlan { parts: vec![Part::AiNotice, Part::Greeting], choices: vec![] };
    let words = text(&sample(), &plan).text;
    assert!(words.starts_with("I am an AI agent of Lindenhof Dental Practice, not a person."));
    assert!(words.contains("card numbers"));
}
