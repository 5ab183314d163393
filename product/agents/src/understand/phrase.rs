//! Phrases: what people always say in much the same words.

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

/// Whole turns, politeness removed.
const WHOLE: &[(Phrase, &[&str])] = &[
    (
        Phrase::Yes,
        &[
            "yes",
            "yep",
            "yeah",
            "yup",
            "yea",
            "ya",
            "sure",
            "ok",
            "okay",
            "correct",
            "right",
            "exactly",
            "absolutely",
            "definitely",
            "indeed",
            "of course",
            "that is right",
            "thats right",
            "that is correct",
            "thats correct",
            "thats fine",
            "that is fine",
            "sounds good",
            "looks good",
            "all good",
            "perfect",
            "great",
            "fine",
            "go ahead",
            "yes i do",
            "yes i am",
            "yes it is",
            "yes that is right",
            "yes thats right",
            "yes thats correct",
            "yes correct",
            "i agree",
            "yes i agree",
            "i do",
            "it is",
            "do it",
            "confirm",
            "i confirm",
            "affirmative",
            "yes sure",
            "yes go ahead",
            "ok go ahead",
            "that works",
            "works for me",
            "that works for me",
            "lets do it",
            "true",
            "yes exactly",
            "why not",
            "id like that",
            "i would",
        ],
    ),
    (
        Phrase::No,
        &[
            "no",
            "nope",
            "nah",
            "not really",
            "no way",
            "never",
            "negative",
            "wrong",
            "incorrect",
            "that is wrong",
            "thats wrong",
            "not correct",
            "thats not right",
            "that is not right",
            "not right",
            "no thanks",
            "no thank you",
            "no it is not",
            "no its not",
            "i dont",
            "i do not",
            "i dont agree",
            "i do not agree",
            "i disagree",
            "no i dont",
            "dont",
            "not quite",
            "it is not",
            "its not",
            "no that is wrong",
            "no thats wrong",
            "false",
            "id rather not",
            "i would rather not",
            "nothing",
            "none",
            "skip",
            "skip it",
            "no not really",
            "not at all",
            "no i do not",
        ],
    ),
    (
        Phrase::Cancel,
        &[
            "cancel",
            "cancel that",
            "cancel it",
            "cancel this",
            "stop",
            "stop it",
            "stop that",
            "never mind",
            "nevermind",
            "forget it",
            "forget about it",
            "forget that",
            "abort",
            "quit",
            "start over",
            "start again",
            "leave it",
            "drop it",
            "i changed my mind",
            "changed my mind",
            "no longer needed",
            "no cancel",
            "no stop",
            "go back",
            "back",
            "main menu",
            "menu",
            "ive changed my mind",
            "i have changed my mind",
            "scratch that",
            "disregard that",
        ],
    ),
    (
        Phrase::Repeat,
        &[
            "repeat",
            "repeat that",
            "repeat it",
            "say that again",
            "say it again",
            "again",
            "once more",
            "one more time",
            "come again",
            "pardon",
            "pardon me",
            "what did you say",
            "what was that",
            "sorry what",
            "i didnt catch that",
            "i did not catch that",
            "can you repeat that",
            "could you repeat that",
            "can you say that again",
            "could you say that again",
            "i didnt hear you",
            "i missed that",
            "can you repeat",
            "could you repeat",
            "what did you just say",
            "could you repeat what you said",
            "run that by me again",
            "repeat what you said",
            "can you repeat yourself",
            "what",
        ],
    ),
    (
        Phrase::Human,
        &[
            "human",
            "a human",
            "person",
            "a person",
            "agent",
            "an agent",
            "operator",
            "representative",
            "real person",
            "a real person",
            "receptionist",
            "someone",
            "somebody",
            "a colleague",
            "staff",
            "live agent",
            "human please",
            "reception",
            "the reception",
            "customer service",
            "speak to someone",
            "talk to someone",
            "speak to somebody",
            "talk to somebody",
            "talk to a person",
        ],
    ),
    (
        Phrase::Goodbye,
        &[
            "bye",
            "goodbye",
            "good bye",
            "bye bye",
            "see you",
            "see you later",
            "see ya",
            "talk to you later",
            "have a nice day",
            "have a good day",
            "that is all",
            "thats all",
            "that was all",
            "that will be all",
            "thatll be all",
            "nothing else",
            "im done",
            "i am done",
            "no that is all",
            "no thats all",
            "thats it",
            "that is it",
            "take care",
            "good night",
            "goodnight",
            "farewell",
            "ciao",
            "thanks bye",
            "thank you bye",
            "thank you goodbye",
            "ok bye",
            "okay bye",
            "thanks goodbye",
            "no thanks bye",
            "until next time",
            "thats all i need",
            "thats everything",
            "have a great day",
            "bye for now",
            "later",
            "catch you later",
            "so long",
            "cheers bye",
        ],
    ),
    (
        Phrase::Thanks,
        &[
            "thanks",
            "thank you",
            "thank you very much",
            "thanks a lot",
            "many thanks",
            "thank you so much",
            "thanks so much",
            "cheers",
            "much appreciated",
            "i appreciate it",
            "thx",
            "ta",
            "that helps",
            "that was helpful",
            "great thanks",
            "great thank you",
            "ok thanks",
            "okay thanks",
            "ok thank you",
            "okay thank you",
            "perfect thanks",
            "perfect thank you",
            "thanks for your help",
            "thank you for your help",
            "thanks for the help",
            "wonderful thank you",
            "i appreciate your help",
            "thank you for that",
        ],
    ),
    (
        Phrase::Greeting,
        &[
            "hi",
            "hello",
            "hey",
            "good morning",
            "good afternoon",
            "good evening",
            "good day",
            "hello there",
            "hi there",
            "hey there",
            "greetings",
            "howdy",
            "hiya",
            "morning",
            "yo",
            "whats up",
            "hows it going",
            "how are you",
            "hello how are you",
            "hi how are you",
            "how are you doing",
            "how are you today",
            "good to see you",
            "is anybody there",
            "anyone there",
            "hello hello",
        ],
    ),
    (
        Phrase::AreYouHuman,
        &[
            "are you human",
            "are you a human",
            "are you a person",
            "are you a real person",
            "are you real",
            "are you a robot",
            "are you a bot",
            "are you an ai",
            "are you a machine",
            "are you a computer",
            "am i talking to a robot",
            "am i talking to a bot",
            "am i talking to a human",
            "am i talking to a person",
            "am i talking to a real person",
            "is this a robot",
            "is this a bot",
            "is this a real person",
            "is this a human",
            "is this an ai",
            "who am i talking to",
            "what are you",
            "who are you",
            "are you an actual person",
            "am i speaking to a person",
            "am i speaking with a human",
            "is this a recording",
            "you are a bot",
            "are you artificial intelligence",
            "is this a computer",
            "are you chatgpt",
            "am i talking to a machine",
            "are you a live person",
        ],
    ),
    (
        Phrase::StopRecording,
        &[
            "stop recording",
            "stop the recording",
            "dont record",
            "do not record",
            "dont record this",
            "do not record this",
            "dont record me",
            "do not record me",
            "no recording",
            "turn off the recording",
            "please stop recording me",
            "stop recording me",
            "i dont want to be recorded",
            "i do not want to be recorded",
            "dont record this call",
            "do not record this call",
        ],
    ),
];

/// Words that say nothing by themselves at the edges of a phrase.
const POLITE: [&str; 14] =
    ["please", "pls", "oh", "well", "um", "uh", "er", "erm", "hmm", "so", "then", "now", "actually", "just"];

/// Beginnings that ask for a person, whatever follows the person.
const WANTS: [&str; 22] = [
    "speak to",
    "speak with",
    "talk to",
    "talk with",
    "get me",
    "connect me to",
    "connect me with",
    "put me through to",
    "transfer me to",
    "i want",
    "i need",
    "give me",
    "can i have",
    "i would like",
    "id like",
    "is there",
    "let me talk to",
    "let me speak to",
    "chat with",
    "pass me to",
    "hand me over to",
    "reach",
];
/// Who counts as a person.
const PERSONS: [&str; 24] = [
    "a human",
    "a person",
    "a real person",
    "an agent",
    "a live agent",
    "an operator",
    "the operator",
    "a representative",
    "someone real",
    "a real human",
    "a human being",
    "your manager",
    "a manager",
    "the manager",
    "a supervisor",
    "customer service",
    "an employee",
    "a member of staff",
    "the receptionist",
    "a receptionist",
    "the front desk",
    "a colleague",
    "an actual person",
    "an actual human",
];

/// The phrase that a turn is as a whole.
pub fn read(tokens: &[Token], handoff_keywords: &[String]) -> Option<Phrase> {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let all = words.join(" ");
    let core = trimmed(&words).join(" ");
    if core.is_empty() {
        return None;
    }
    let whole = WHOLE.iter().find(|(_, phrases)| phrases.contains(&core.as_str()) || phrases.contains(&all.as_str()));
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
                .iter()
                .any(|want| ["a", "the", "my", "your"].iter().any(|the| has(&format!("{want} {the} {word}"))))
    });
    let wanted = WANTS.iter().any(|want| PERSONS.iter().any(|person| has(&format!("{want} {person}"))));
    let someone = ["speak to", "talk to", "speak with", "talk with"].iter().any(|want| {
        has(&format!("{want} someone")) || has(&format!("{want} somebody")) || has(&format!("{want} anyone"))
    });
    if keyword || wanted || someone {
        return Some(Phrase::Human);
    }
    let stop =
        WHOLE.iter().find(|(phrase, _)| *phrase == Phrase::StopRecording).map_or(&[][..], |(_, phrases)| phrases);
    stop.iter().any(|phrase| has(phrase)).then_some(Phrase::StopRecording)
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

/// What describes an emergency: help is needed at once, and the agent must not be in the way.
const EMERGENCIES: [&str; 44] = [
    "cant breathe",
    "cannot breathe",
    "can not breathe",
    "not breathing",
    "stopped breathing",
    "trouble breathing",
    "chest pain",
    "chest pains",
    "heart attack",
    "having a stroke",
    "had a stroke",
    "unconscious",
    "passed out",
    "call an ambulance",
    "need an ambulance",
    "call 911",
    "call 112",
    "call 999",
    "call the police",
    "need the police",
    "kill myself",
    "want to die",
    "end my life",
    "suicidal",
    "commit suicide",
    "hurt myself",
    "overdose",
    "overdosed",
    "bleeding heavily",
    "severe bleeding",
    "wont stop bleeding",
    "bleeding to death",
    "is choking",
    "im choking",
    "is dying",
    "im dying",
    "house is on fire",
    "there is a fire",
    "theres a fire",
    "someone is attacking",
    "has been stabbed",
    "has been shot",
    "going into shock",
    "life threatening",
];

/// Whether an emergency is described.
pub fn emergency(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let padded = format!(" {} ", words.join(" "));
    EMERGENCIES.iter().any(|phrase| padded.contains(&format!(" {phrase} ")))
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
