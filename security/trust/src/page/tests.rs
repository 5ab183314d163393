//! The page says what the runs say, and nothing better.

use storage::Timestamp;

use super::{Face, SHOWN_RUNS};
use crate::finding::State;
use crate::promise::{Chapter, Promise, Promises};
use crate::standing::Standing;
use crate::standing::tests::{promise, run};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn promises() -> Promises {
    let tested = Promise { probe: None, proofs: vec!["a.rs::b".to_owned()], ..promise("tested") };
    let promises = vec![promise("holds"), promise("broken"), promise("silent"), tested];
    Promises { chapters: vec![Chapter { title: "One".to_owned(), lead: "Lead.".to_owned(), promises }] }
}

fn face() -> Face {
    let runs = vec![
        run("broken", State::Broken, NOW.plus_seconds(-5)),
        run("holds", State::Holds, NOW.plus_seconds(-10)),
        run("broken", State::Holds, NOW.plus_seconds(-600)),
        run("gone-promise", State::Broken, NOW.plus_seconds(-600)),
    ];
    Face::of(&promises(), runs, NOW)
}

#[test]
fn counts_every_standing_and_ignores_promises_that_are_gone() {
    let face = face();
    assert_eq!(Standing::ALL.map(|standing| face.count(standing)), [1, 1, 1, 1]);
    assert_eq!(face.broken().iter().map(|entry| entry.promise.id.as_str()).collect::<Vec<_>>(), ["broken"]);
    assert_eq!(face.looked_at, Some(NOW.plus_seconds(-5)));
}

#[test]
fn history_runs_from_old_to_new_and_is_bounded() {
    let face = face();
    let broken = face.entries().find(|entry| entry.promise.id == "broken").expect("it is there");
    assert_eq!(broken.history, [State::Holds, State::Broken]);
    assert_eq!(broken.history_words(), "Last 2 runs: 1 held, 1 broke, 0 could not measure");
    let many = (0..=SHOWN_RUNS)
        .map(|age| run("holds", State::Holds, NOW.plus_seconds(-600 * i64::try_from(age).expect("small"))))
        .collect();
    let face = Face::of(&promises(), many, NOW);
    assert_eq!(face.entries().next().map(|entry| entry.history.len()), Some(SHOWN_RUNS));
}

#[test]
fn the_document_says_the_same() {
    let document = serde_json::to_value(face().document()).expect("it is JSON");
    assert_eq!(document["counts"], serde_json::json!({"holds": 1, "broken": 1, "not_measured": 1, "tested": 1}));
    let silent = &document["promises"][2];
    assert_eq!((silent["state"].as_str(), silent["last_run"].is_null()), (Some("not_measured"), true));
    assert!(silent["evidence"].as_str().is_some_and(|why| why.contains("has not run")), "{silent}");
    assert_eq!(document["promises"][0]["last_run"]["at"], "2026-11-18T11:06:30Z");
    assert_eq!(document["promises"][3]["state"], "tested");
}
