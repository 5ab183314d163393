//! Phrases: what people always say in much the same words.

mod list;

use self::list::{EMERGENCIES, PERSONS, WANTS, WHOLE};
use super::token::{Token, number};
use crate::profile::Profile;

/// A phrase that is recognised as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Give it up.
    Cancel,
    /// Say it again.
    Repeat,
    /// A person, please.
    Human,
    /// Goodbye.
    Goodbye,
    /// Thank you.
    Thanks,
    /// Hello.
    Greeting,
    /// Are you a robot?
    AreYouHuman,
    /// Do not record.
    StopRecording,
}

/// Words that say nothing by themselves at the edges of a phrase.
const POLITE: [&str; 14] =
    ["please", "pls", "oh", "well", "um", "uh", "er", "erm", "hmm", "so", "then", "now", "actually", "just"];

/// The phrase that a turn is as a whole.
pub fn read(tokens: &[Token], handoff_keywords: &[String]) -> Option<Phrase> {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let all = words.join(" ");
    let core = trimmed(&words).join(" ");
    if core.is_empty() {
        return None;
    }
    let whole = WHOLE.iter().find(|(_, phrases)| phrases.split('|').any(|phrase| phrase == core || phrase == all));
    if let Some((phrase, _)) = whole {
        return Some(*phrase);
    }
    let padded = format!(" {all} ");
    let has = |phrase: &str| padded.contains(&format!(" {phrase} "));
    let keyword = handoff_keywords.iter().any(|word| {
        let word = word.to_lowercase();
        // A keyword alone, or wanted: "doctor" in a question about doctors is not a wish.
        core == word
            || WANTS
                .split('|')
                .any(|want| ["a", "the", "my", "your"].iter().any(|the| has(&format!("{want} {the} {word}"))))
    });
    let wanted = WANTS.split('|').any(|want| PERSONS.split('|').any(|person| has(&format!("{want} {person}"))));
    let someone = ["speak to", "talk to", "speak with", "talk with"].iter().any(|want| {
        has(&format!("{want} someone")) || has(&format!("{want} somebody")) || has(&format!("{want} anyone"))
    });
    if keyword || wanted || someone {
        return Some(Phrase::Human);
    }
    let stop = WHOLE.iter().find(|(phrase, _)| *phrase == Phrase::StopRecording).map_or("", |(_, phrases)| phrases);
    stop.split('|').any(has).then_some(Phrase::StopRecording)
}

fn trimmed<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    let polite = |word: &&str| POLITE.contains(word);
    let start = words.iter().take_while(|word| polite(word)).count();
    let end = words.len() - words[start..].iter().rev().take_while(|word| polite(word)).count();
    &words[start..end]
}

/// "Yes, …" or "no, …" at the beginning of more words.
pub fn leading_yes_or_no(tokens: &[Token]) -> Option<bool> {
    let first = tokens.iter().map(|token| token.lower.as_str()).find(|word| !POLITE.contains(word))?;
    match first {
        "yes" | "yeah" | "yep" | "yup" | "sure" | "ok" | "okay" | "correct" | "right" => Some(true),
        "no" | "nope" | "nah" | "not" | "wrong" | "rather" => Some(false),
        _ => None,
    }
}

/// A number and nothing else but politeness.
pub fn bare_number(tokens: &[Token]) -> Option<u32> {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    match trimmed(&words) {
        [one] => number(one),
        _ => None,
    }
}

/// "2", "option two", "number 3", "the second one", "the last" is not one.
pub fn chosen_number(tokens: &[Token]) -> Option<u32> {
    let fillers = ["option", "number", "the", "choice", "one", "please", "take", "ill", "i", "press", "no", "nr"];
    let mut found = None;
    for (at, token) in tokens.iter().enumerate() {
        let alone = tokens.len() == 1;
        // "one" after an ordinal is a pronoun: "the second one".
        let pronoun = token.lower == "one" && !alone && (found.is_some() || at == 0);
        if let Some(value) = number(&token.lower).filter(|value| (1..=9).contains(value) && !pronoun) {
            if found.replace(value).is_some() {
                return None;
            }
        } else if !fillers.contains(&token.lower.as_str()) {
            return None;
        }
    }
    found
}

/// "Later", "another day", "something else": not these.
pub fn others(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let padded = format!(" {} ", words.join(" "));
    [
        "other",
        "others",
        "another",
        "later",
        "earlier",
        "more",
        "different",
        "none of these",
        "none of those",
        "something else",
        "else",
        "doesnt work",
        "dont work",
        "not these",
        "cant make",
    ]
    .iter()
    .any(|phrase| padded.contains(&format!(" {phrase} ")))
}

/// Whether an emergency is described.
pub fn emergency(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let padded = format!(" {} ", words.join(" "));
    EMERGENCIES.split('|').any(|phrase| padded.contains(&format!(" {phrase} ")))
}

/// Question words and inverted verbs at the beginning.
pub fn begins_as_question(tokens: &[Token]) -> bool {
    let first = tokens.iter().map(|token| token.lower.as_str()).find(|word| !POLITE.contains(word) && *word != "and");
    first.is_some_and(|word| {
        [
            "what", "whats", "when", "whens", "where", "wheres", "who", "whos", "why", "which", "how", "hows", "is",
            "are", "do", "does", "did", "can", "could", "would", "will", "should", "may", "have", "has",
        ]
        .contains(&word)
    })
}

/// Whether the words hold anything that could be looked up.
pub fn says_something(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| token.lower.chars().filter(|c| c.is_alphabetic()).count() >= 3)
}

/// The service that the words name by its name or another word for it; the longest name wins.
pub fn service(profile: &Profile, tokens: &[Token]) -> Option<String> {
    let words: Vec<String> = tokens.iter().map(|token| stem(&token.lower)).collect();
    let padded = format!(" {} ", words.join(" "));
    let mut best: Option<(usize, &str)> = None;
    for service in &profile.services {
        let named = [&service.name].into_iter().chain(&service.also);
        for name in named {
            let name: Vec<String> = super::token::tokens(name).iter().map(|token| stem(&token.lower)).collect();
            let name = name.join(" ");
            let longer = best.is_none_or(|(length, _)| name.len() > length);
            if !name.is_empty() && longer && padded.contains(&format!(" {name} ")) {
                best = Some((name.len(), &service.key));
            }
        }
    }
    best.map(|(_, key)| key.to_owned())
}

fn stem(word: &str) -> String {
    rust_stemmers::Stemmer::create(rust_stemmers::Algorithm::English).stem(word).into_owned()
}
