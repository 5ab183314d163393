//! The profile of the sample business: a dental practice. The demonstration runs it and the tests of every part above
//! stand on it.

use std::collections::BTreeMap;

use super::{BookingPolicy, Flow, HandoffPolicy, OpenPeriod, Profile, Service, SlotKind, SlotRule, ToolKind};

/// A dental practice in Berlin.
pub fn sample() -> Profile {
    let day = || vec![period(8, 12), period(13, 17)];
    Profile {
        name: "Robin".to_owned(),
        business_name: "Lindenhof Dental Practice".to_owned(),
        greeting: "Hello, this is Robin of Lindenhof Dental Practice. How can I help you?".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        opening_hours: BTreeMap::from([(1, day()), (2, day()), (3, day()), (4, day()), (5, vec![period(8, 13)])]),
        services: vec![
            service("check_up", "Check-up", &["checkup", "examination", "routine visit"], 30),
            service("cleaning", "Professional cleaning", &["cleaning", "teeth cleaning", "hygiene"], 45),
            service("filling", "Filling", &["cavity", "hole in a tooth"], 60),
            service("toothache", "Toothache visit", &["tooth ache", "pain", "it hurts"], 20),
        ],
        booking: BookingPolicy { slot_minutes: 30, lead_minutes: 120, horizon_days: 60, offered: 4 },
        emergency_line: "If a life is in danger, please call 112 now. I cannot help in an emergency.".to_owned(),
        handoff: HandoffPolicy {
            keywords: vec!["doctor".to_owned()],
            after_misses: 2,
            wait_seconds: 60,
            transfer_to: None,
        },
        flows: flows(),
    }
}

fn period(from_hour: u16, until_hour: u16) -> OpenPeriod {
    OpenPeriod { from_minute: from_hour * 60, until_minute: until_hour * 60 }
}

fn service(key: &str, name: &str, also: &[&str], duration_minutes: u16) -> Service {
    let also = also.iter().map(|&word| word.to_owned()).collect();
    Service { key: key.to_owned(), name: name.to_owned(), also, duration_minutes }
}

fn slot(key: &str, kind: SlotKind, question: &str, optional: bool) -> SlotRule {
    SlotRule { key: key.to_owned(), kind, question: question.to_owned(), optional }
}

fn flow(key: &str, title: &str, digit: u8, tool: ToolKind, confirm: bool, slots: Vec<SlotRule>) -> Flow {
    let (key, title, questions) = (key.to_owned(), title.to_owned(), Vec::new());
    Flow { key, title, digit: Some(digit), slots, tool, questions, confirm }
}

fn flows() -> Vec<Flow> {
    let booking = vec![
        slot("service", SlotKind::Service, "Which treatment would you like?", false),
        slot("day", SlotKind::Day, "Which day would suit you?", false),
        slot("time", SlotKind::FreeTime, "Which time would suit you?", false),
        slot("name", SlotKind::PersonName, "What is your name?", false),
        slot("phone", SlotKind::PhoneNumber, "At which telephone number can we reach you?", false),
    ];
    let lead = vec![
        slot("name", SlotKind::PersonName, "What is your name?", false),
        slot("phone", SlotKind::PhoneNumber, "At which telephone number can we reach you?", false),
        slot("interest", SlotKind::Text, "What are you interested in?", true),
    ];
    let ticket = vec![
        slot("problem", SlotKind::Text, "What went wrong?", false),
        slot("name", SlotKind::PersonName, "What is your name?", false),
        slot("email", SlotKind::Email, "At which e-mail address can we reach you?", true),
    ];
    let message = vec![
        slot("message", SlotKind::Text, "What is your message?", false),
        slot("phone", SlotKind::PhoneNumber, "At which telephone number can we reach you?", false),
    ];
    let questions = ["How much is a check-up?", "How much is a cleaning?", "Where can I park?"];
    let answers = flow("answers", "Prices and treatments", 6, ToolKind::AnswerQuestions, false, Vec::new());
    let answers = Flow { questions: questions.map(str::to_owned).to_vec(), ..answers };
    vec![
        flow("book", "Book an appointment", 1, ToolKind::Book, true, booking),
        flow("hours", "Opening hours", 2, ToolKind::TellHours, false, Vec::new()),
        flow("message", "Leave a message", 3, ToolKind::TakeMessage, false, message),
        flow("ticket", "Report a problem", 4, ToolKind::OpenTicket, false, ticket),
        flow("lead", "Become a patient", 5, ToolKind::TakeLead, true, lead),
        answers,
    ]
}
