//! Facts are found, and what is not held is refused.

use jiff::civil::{date, time};
use uuid::Uuid;

use super::*;
use crate::profile::sample;
use crate::reply::Passage;

fn quoted(text: &str) -> ReplyPlan {
    let passage = Passage {
        document_id: Uuid::nil(),
        title: "Prices".to_owned(),
        section: vec![],
        text: text.to_owned(),
        url: Some("https://lindenhof.example/prices/".to_owned()),
        score_thousandths: 900,
    };
    ReplyPlan { parts: vec![Part::Quote { passage, quote: text.to_owned() }], choices: vec![] }
}

const SOURCE: &str = "A cleaning costs € 95 and takes 45 minutes. We are at 12 High Street, call +49 30 1234567 or write to \
    desk@lindenhof.example. Closed from 24 December 2026; open on Mondays from 8:00 am. Up to 1,250 patients.";

#[test]
fn the_same_fact_in_other_words_is_held() {
    let facts = Facts::of(&sample(), &quoted(SOURCE));
    for words in [
        "It costs 95 euros.",
        "It takes forty-five minutes.",
        "Ninety-five euros.",
        "Call +49 (30) 123-4567.",
        "See lindenhof.example/prices.",
        "Write to Desk@Lindenhof.example!",
        "We are at 12 High Street.",
        "From December 24th we are closed.",
        "On Monday from 8am, or 08:00.",
        "About 1250 patients.",
        "One of these may suit you.",
        "No facts here.",
    ] {
        assert_eq!(check(words, &facts), Ok(()), "{words}");
    }
}

#[test]
fn what_no_source_holds_is_refused() {
    let facts = Facts::of(&sample(), &quoted(SOURCE));
    for (words, kind) in [
        ("It costs € 96.", "price"),
        ("It costs $95.", "price"),
        ("It takes 46 minutes.", "number"),
        ("It takes fifty minutes.", "number"),
        ("Call +49 30 1234568.", "long number"),
        ("See evil.example/prices.", "web address"),
        ("See https://lindenhof.example/login now", "web address"),
        ("Write to boss@lindenhof.example.", "e-mail address"),
        ("From 25 December we are closed.", "date"),
        ("On Tuesday we are open.", "weekday"),
        ("From 8:30 am.", "time"),
        ("Use the code SAVE20.", "code"),
    ] {
        let refused = check(words, &facts).expect_err(words);
        assert_eq!(refused.fact.kind(), kind, "{words}");
        assert!(!refused.to_string().contains("1234568"), "the message holds no words of the reply");
    }
    let elsewhere = Facts::of(&sample(), &quoted("We are at 12 Low Street; there is a High Street too."));
    assert!(check("We are at 12 High Street.", &elsewhere).is_err());
}

#[test]
fn a_tool_result_holds_its_day_and_time() {
    let booked = Part::Booked {
        service: "check_up".to_owned(),
        day: date(2026, 12, 8),
        time: time(15, 30, 0, 0),
        reference: "K7PQ2M".to_owned(),
    };
    let facts = Facts::of(&sample(), &ReplyPlan { parts: vec![booked], choices: vec![] });
    assert_eq!(check("Tuesday, 8 December 2026 at 3:30 pm, reference K7PQ2M", &facts), Ok(()));
    assert!(check("Tuesday, 8 December 2026 at 4:30 pm", &facts).is_err());
    assert!(check("reference K7PQ2N", &facts).is_err());
}
