//! Every limit at its edge, and the hash.

use jiff::civil::datetime;

use super::*;

/// The places that are refused after a change to the sample.
fn refused(change: impl FnOnce(&mut Profile)) -> Vec<String> {
    let mut profile = sample();
    change(&mut profile);
    profile.validate().err().unwrap_or_default().into_iter().map(|problem| problem.place).collect()
}

#[track_caller]
fn edge(good: impl FnOnce(&mut Profile), bad: impl FnOnce(&mut Profile), place: &str) {
    assert_eq!(refused(good), Vec::<String>::new(), "the edge itself is allowed");
    assert!(refused(bad).iter().any(|refused| refused == place), "{place} must be refused beyond its edge");
}

#[test]
fn the_sample_is_valid() {
    assert_eq!(sample().validate(), Ok(()));
}

#[test]
fn words_have_edges() {
    edge(|p| p.name = "x".repeat(limit::NAME), |p| p.name = "x".repeat(limit::NAME + 1), "name");
    edge(|p| p.name = "ü".repeat(limit::NAME), |p| p.name = "   ".to_owned(), "name");
    edge(
        |p| p.business_name = "x".repeat(limit::BUSINESS_NAME),
        |p| p.business_name = "x".repeat(limit::BUSINESS_NAME + 1),
        "business_name",
    );
    edge(|p| p.greeting = "x".repeat(limit::GREETING), |p| p.greeting = "x".repeat(limit::GREETING + 1), "greeting");
    edge(|p| p.greeting = "two\nlines".to_owned(), |p| p.greeting = "bell\u{7}".to_owned(), "greeting");
    edge(
        |p| p.emergency_line = "x".repeat(limit::EMERGENCY_LINE),
        |p| p.emergency_line = String::new(),
        "emergency_line",
    );
    edge(|p| p.time_zone = "UTC".to_owned(), |p| p.time_zone = "Mars/Olympus".to_owned(), "time_zone");
}

#[test]
fn opening_hours_have_edges() {
    let period = |from_minute, until_minute| OpenPeriod { from_minute, until_minute };
    edge(
        |p| p.opening_hours = BTreeMap::from([(7, vec![period(0, 1440)])]),
        |p| p.opening_hours = BTreeMap::from([(8, vec![period(0, 1440)])]),
        "opening_hours.8",
    );
    edge(|_| (), |p| p.opening_hours = BTreeMap::from([(1, vec![period(0, 1441)])]), "opening_hours.1[0]");
    edge(|_| (), |p| p.opening_hours = BTreeMap::from([(1, vec![period(60, 60)])]), "opening_hours.1[0]");
    edge(
        |p| p.opening_hours = BTreeMap::from([(1, vec![period(0, 60), period(60, 120)])]),
        |p| p.opening_hours = BTreeMap::from([(1, vec![period(0, 61), period(60, 120)])]),
        "opening_hours.1",
    );
    let many = |count: u16| (0..count).map(|n| period(n * 10, n * 10 + 5)).collect::<Vec<_>>();
    edge(
        |p| p.opening_hours = BTreeMap::from([(1, many(6))]),
        |p| p.opening_hours = BTreeMap::from([(1, many(7))]),
        "opening_hours.1",
    );
}

#[test]
fn services_have_edges() {
    let many = |count: usize| -> Vec<Service> {
        (0..count)
            .map(|n| Service { key: format!("s{n}"), name: "S".to_owned(), also: vec![], duration_minutes: 5 })
            .collect()
    };
    edge(|p| p.services = many(20), |p| p.services = many(21), "services");
    edge(|p| p.services[0].key = "k".repeat(40), |p| p.services[0].key = "k".repeat(41), "services[0].key");
    edge(|_| (), |p| p.services[0].key = "Big".to_owned(), "services[0].key");
    edge(|_| (), |p| p.services[1].key = "check_up".to_owned(), "services[1].key");
    edge(
        |p| p.services[0].duration_minutes = 480,
        |p| p.services[0].duration_minutes = 481,
        "services[0].duration_minutes",
    );
    edge(
        |p| p.services[0].duration_minutes = 5,
        |p| p.services[0].duration_minutes = 4,
        "services[0].duration_minutes",
    );
    edge(
        |p| p.services[0].also = vec!["x".to_owned(); 12],
        |p| p.services[0].also = vec!["x".to_owned(); 13],
        "services[0].also",
    );
}

#[test]
fn booking_and_handoff_have_edges() {
    edge(|p| p.booking.slot_minutes = 120, |p| p.booking.slot_minutes = 121, "booking.slot_minutes");
    edge(|p| p.booking.slot_minutes = 5, |p| p.booking.slot_minutes = 4, "booking.slot_minutes");
    edge(|p| p.booking.lead_minutes = 86_400, |p| p.booking.lead_minutes = 86_401, "booking.lead_minutes");
    edge(|p| p.booking.horizon_days = 365, |p| p.booking.horizon_days = 366, "booking.horizon_days");
    edge(|p| p.booking.horizon_days = 1, |p| p.booking.horizon_days = 0, "booking.horizon_days");
    edge(|p| p.booking.offered = 9, |p| p.booking.offered = 10, "booking.offered");
    edge(|p| p.booking.offered = 1, |p| p.booking.offered = 0, "booking.offered");
    edge(|p| p.handoff.after_misses = 10, |p| p.handoff.after_misses = 0, "handoff.after_misses");
    edge(|p| p.handoff.wait_seconds = 3_600, |p| p.handoff.wait_seconds = 3_601, "handoff.wait_seconds");
    edge(
        |p| p.handoff.keywords = vec!["x".to_owned(); 20],
        |p| p.handoff.keywords = vec!["x".to_owned(); 21],
        "handoff.keywords",
    );
    edge(
        |p| p.handoff.transfer_to = Some("x".repeat(200)),
        |p| p.handoff.transfer_to = Some("x".repeat(201)),
        "handoff.transfer_to",
    );
}

#[test]
fn flows_have_edges() {
    let hours = |n: usize| Flow {
        key: format!("hours{n}"),
        title: "Hours".to_owned(),
        digit: None,
        slots: vec![],
        tool: ToolKind::TellHours,
        questions: vec![],
        confirm: false,
    };
    edge(|p| p.flows = (0..20).map(hours).collect(), |p| p.flows = (0..21).map(hours).collect(), "flows");
    edge(|p| p.flows[0].digit = Some(9), |p| p.flows[0].digit = Some(10), "flows[0].digit");
    edge(|p| p.flows[0].digit = None, |p| p.flows[0].digit = Some(8), "flows[0].digit");
    edge(|_| (), |p| p.flows[1].digit = Some(1), "flows[1].digit");
    edge(|_| (), |p| p.flows[1].key = "book".to_owned(), "flows[1].key");
    edge(
        |p| {
            let text = p.flows[2].slots[0].clone();
            p.flows[2].slots = (0..12).map(|n| SlotRule { key: format!("k{n}"), ..text.clone() }).collect();
        },
        |p| {
            let text = p.flows[2].slots[0].clone();
            p.flows[2].slots = (0..13).map(|n| SlotRule { key: format!("k{n}"), ..text.clone() }).collect();
        },
        "flows[2].slots",
    );
    edge(
        |p| p.flows[0].slots[3].question = "x".repeat(300),
        |p| p.flows[0].slots[3].question = "x".repeat(301),
        "flows[0].slots[3].question",
    );
}

#[test]
fn questions_have_edges_and_belong_to_the_flow_that_answers_them() {
    let asks = |n: usize| vec!["How much?".to_owned(); n];
    edge(|p| p.flows[5].questions = asks(6), |p| p.flows[5].questions = asks(7), "flows[5].questions");
    edge(|p| p.flows[5].questions = asks(1), |p| p.flows[5].questions = asks(0), "flows[5].questions");
    edge(
        |p| p.flows[5].questions[1] = "x".repeat(120),
        |p| p.flows[5].questions[1] = "x".repeat(121),
        "flows[5].questions[1]",
    );
    edge(|_| (), |p| p.flows[5].questions[0] = " ".to_owned(), "flows[5].questions[0]");
    edge(|_| (), |p| p.flows[1].questions = asks(1), "flows[1].questions");
}

#[test]
fn a_flow_without_questions_has_the_text_and_hash_that_it_had_before_there_were_any() {
    let mut profile = sample();
    assert!(profile.canonical().contains("questions"));
    profile.flows.truncate(5);
    assert!(!profile.canonical().contains("questions"));
}

#[test]
fn a_tool_has_what_it_needs() {
    assert!(refused(|p| drop(p.flows[0].slots.remove(2))).contains(&"flows[0].slots".to_owned()));
    assert!(refused(|p| p.flows[0].slots.swap(0, 2)).contains(&"flows[0].slots".to_owned()));
    assert!(refused(|p| p.services.clear()).contains(&"services".to_owned()));
    assert!(refused(|p| drop(p.flows[2].slots.remove(0))).contains(&"flows[2].slots".to_owned()));
    assert!(refused(|p| p.flows[4].slots[1].optional = true).contains(&"flows[4].slots".to_owned()));
}

#[test]
fn the_hash_is_of_the_canonical_text() {
    let profile = sample();
    assert_eq!(profile.hash().len(), 64);
    assert_eq!(profile.hash(), sample().hash());
    let back: Profile = serde_json::from_str(&profile.canonical()).expect("its own text");
    assert_eq!(back.hash(), profile.hash());
    let mut other = sample();
    other.services[0].duration_minutes += 1;
    assert_ne!(other.hash(), profile.hash());
}

#[test]
fn open_follows_the_zone_and_the_exclusive_end() {
    let profile = sample();
    assert!(profile.is_open(datetime(2026, 12, 7, 8, 0, 0, 0)));
    assert!(!profile.is_open(datetime(2026, 12, 7, 12, 0, 0, 0)));
    assert!(!profile.is_open(datetime(2026, 12, 6, 10, 0, 0, 0)));
    // 2026-12-07T07:30:00Z is half past eight in Berlin.
    assert_eq!(profile.local(1_796_628_600_000_000), datetime(2026, 12, 7, 8, 30, 0, 0));
}
