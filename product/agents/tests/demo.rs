//! The documents of the demonstration practice, asked what newcomers ask: prices, times, places, numbers, rules. Every
//! answer is a verbatim piece of a document that holds the value asked for, passes the grounding gate as a chat message
//! and on the phone, and what the documents do not say is "not known".

use std::path::PathBuf;

use agents::compose::{self, Speech, ground};
use agents::knowledge::{Found, Index, document, find, pdf};
use agents::profile::Profile;
use agents::reply::{Part, ReplyPlan};
use uuid::Uuid;

/// A question and the words that its quote must hold.
const ANSWERED: &[(&str, &[&str])] = &[
    ("How much is a cleaning?", &["Cleaning with the hygienist", "\u{a3}72"]),
    ("how much does a cleaning cost", &["\u{a3}72"]),
    ("What does a crown cost?", &["Crown", "\u{a3}620"]),
    ("price of a crown", &["\u{a3}620"]),
    ("how much is a check-up for my child", &["under 16", "\u{a3}20"]),
    ("how much is a check-up", &["\u{a3}48"]),
    ("How much does a check up cost?", &["\u{a3}48"]),
    ("What happens if I cancel late?", &["\u{a3}30", "\u{a3}50"]),
    ("sedation cost", &["\u{a3}95"]),
    ("How much is sedation?", &["\u{a3}95"]),
    ("parking fee", &["\u{a3}2.40"]),
    ("How much is parking?", &["\u{a3}2.40"]),
    ("How much is a filling?", &["\u{a3}110", "\u{a3}165"]),
    ("What does a large white filling cost?", &["\u{a3}165"]),
    ("how much to pull a tooth", &["\u{a3}130"]),
    ("How much is a root canal?", &["\u{a3}395"]),
    ("How much is a root canal on a molar?", &["\u{a3}640"]),
    ("What do you charge for teeth whitening?", &["\u{a3}290"]),
    ("how expensive is a night guard", &["\u{a3}210"]),
    ("How much is an emergency appointment?", &["\u{a3}65"]),
    ("What are your prices?", &["\u{a3}48"]),
    ("Is there a fee for cancelling?", &["\u{a3}30"]),
    ("How much does it cost if I miss my appointment?", &["\u{a3}30"]),
    ("Is parking free?", &["free parking"]),
    ("How long does a cleaning take?", &["40 minutes"]),
    ("How long is a check-up?", &["30 minutes"]),
    ("How long are crowns guaranteed?", &["five years"]),
    ("How long will my mouth be numb after a filling?", &["two to four hours"]),
    ("How long do you keep my records?", &["11 years"]),
    ("How often do I need a check-up?", &["12 months"]),
    ("How long should I avoid coffee after whitening?", &["48 hours"]),
    ("When are you open?", &["08:30"]),
    ("What time do you close on Friday?", &["15:00"]),
    ("Are you open on Saturday?", &["Saturday"]),
    ("what are your opening hours", &["08:30"]),
    ("When is lunch?", &["12:30"]),
    ("Where are you?", &["14 Quay Street"]),
    ("What is your address?", &["14 Quay Street"]),
    ("Where can I park?", &["Mill Lane"]),
    ("What is your phone number?", &["0117 496 0123"]),
    ("How can I call you?", &["0117 496 0123"]),
    ("What is your email address?", &["desk@harbour-dental.example"]),
    ("Which buses stop near you?", &["Buses 8, 9 and 76"]),
    ("Is there a lift?", &["There is a lift"]),
    ("Do you have wheelchair access?", &["wheelchair"]),
    ("What should I bring?", &["list of your medicines"]),
    ("Do you speak Polish?", &["Polish"]),
    ("Can I pay by card?", &["cards"]),
    ("Can I pay in instalments?", &["three monthly parts"]),
    ("Do you take new patients of the national health service?", &["national health service"]),
    ("How long is the waiting list?", &["nine months"]),
    ("Who do I complain to?", &["Amara Okafor"]),
    ("What if I am late?", &["10 minutes late"]),
    ("I am nervous about the treatment", &["Tell us when you book"]),
    ("Can I drink alcohol after an extraction?", &["alcohol"]),
    ("Can I eat after a filling?", &["Do not eat"]),
    ("Do I need to see a dentist before a cleaning?", &["without seeing the dentist"]),
    ("Are you taking new patients?", &["new private patients"]),
    ("How soon do I have to cancel?", &["24 hours"]),
    ("How much notice do I need to give to cancel?", &["24 hours"]),
    ("Do you have a sign language interpreter?", &["interpreter"]),
];

/// Questions that the documents do not answer.
const NOT_KNOWN: &[&str] = &[
    "Do you sell shoes?",
    "Who won the world cup?",
    "What is the wifi password?",
    "How much is an implant?",
    "How much does Invisalign cost?",
    "How much is a pizza?",
    "What is the capital of France?",
    "Can you write me a poem?",
    "What is the price of gold?",
    "Do you repair bicycles?",
    "How tall is the Eiffel tower?",
    "What is your fax number?",
    "How much does a taxi to the airport cost?",
    "What is the weather tomorrow?",
];

fn demo(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../server/src/demo").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents as they are read for an agent. The PDF is read in this process: it is our own file.
fn practice() -> Index {
    let mut sections = Vec::new();
    let names = ["treatments-and-prices.md", "visiting-us.md", "policies.html", "after-your-treatment.pdf"];
    for (number, name) in names.into_iter().enumerate() {
        let bytes = demo(&format!("practice/{name}"));
        let kind = document::sniff(name, &bytes).expect("a kind that is read");
        let outline = if kind == document::Kind::Pdf {
            pdf::Pages(pdf_extract::extract_text_from_mem_by_pages(&bytes).expect("a good file")).outline()
        } else {
            document::read(kind, &bytes).expect("a good document")
        };
        sections.extend(outline.sections(Uuid::from_u128(number as u128 + 1), name, None));
    }
    Index::build(sections)
}

#[test]
fn questions_of_newcomers_are_answered_with_the_value_they_ask_for() {
    let index = practice();
    let mut wrong = Vec::new();
    for (question, expected) in ANSWERED {
        let found = find(&index, question, 3);
        let quote = found.first().map_or("(not known)", |first| first.quote.as_str());
        if !expected.iter().all(|words| quote.contains(words)) {
            wrong.push(format!("{question}: {quote}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ANSWERED.len(), wrong.join("\n"));
}

/// Callers can ask nothing else: a key that leads to "not known" would be a promise broken on every call.
#[test]
fn every_question_on_the_keypad_is_answered() {
    let profile: Profile = serde_json::from_slice(&demo("profile.json")).expect("a profile");
    profile.validate().expect("a profile that can be published");
    let index = practice();
    let questions: Vec<&String> = profile.flows.iter().flat_map(|flow| &flow.questions).collect();
    assert!(questions.len() >= 3, "{questions:?}");
    for question in questions {
        let same = |asked: &str| asked.trim_end_matches('?').eq_ignore_ascii_case(question.trim_end_matches('?'));
        let expected = ANSWERED.iter().find(|(asked, _)| same(asked)).expect("its answer is known above").1;
        let quote = find(&index, question, 1).first().map(|found| found.quote.clone()).unwrap_or_default();
        assert!(expected.iter().all(|words| quote.contains(words)), "{question}: {quote}");
    }
}

#[test]
fn what_the_documents_do_not_say_is_not_known() {
    let index = practice();
    let answered = |question: &&&str| !find(&index, question, 1).is_empty();
    let wrong: Vec<_> = NOT_KNOWN.iter().filter(answered).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_row_is_quoted_with_its_name_first_and_its_other_columns_named() {
    let found = find(&practice(), "How much is a cleaning?", 1);
    let row =
        "Cleaning with the hygienist \u{2013} What it includes: 40 minutes, scale and polish, advice; Price: \u{a3}72";
    assert_eq!(found.first().map(|found| found.quote.as_str()), Some(row));
}

#[test]
fn every_quote_is_verbatim_and_passes_the_grounding_gate() {
    let profile: Profile = serde_json::from_slice(&demo("profile.json")).expect("a profile");
    let index = practice();
    for (question, _) in ANSWERED {
        for Found { passage, quote, .. } in find(&index, question, 3) {
            assert!(passage.text.contains(&quote), "{question}: {quote}");
            let plan = ReplyPlan { parts: vec![Part::Quote { passage, quote: quote.clone() }], choices: Vec::new() };
            let facts = ground::Facts::of(&profile, &plan);
            let written = compose::text(&profile, &plan).text;
            assert_eq!(written, quote);
            ground::check(&written, &facts).unwrap_or_else(|error| panic!("{question}: {error}"));
            for speech in compose::speech(&profile, &plan) {
                if let Speech::FreeText { text, .. } = speech {
                    assert!(text.ends_with(&quote));
                    ground::check(&text, &facts).unwrap_or_else(|error| panic!("{question}: {error}"));
                }
            }
        }
    }
}
