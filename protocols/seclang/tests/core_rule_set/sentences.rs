//! What people really write, sent in every shape: hardly any of it is refused in an ordinary field, and none in free text.

use std::collections::BTreeMap;

use seclang::{Limits, Mode, RuleSet, Transaction, Verdict};
use serde_json::Value;

use crate::exchange::request_with_free_text;
use crate::rules;
use crate::shapes::Shape;

/// Of ordinary sentences sent as an ordinary parameter, so many in a hundred are refused at most, in each shape. libmodsecurity
/// refuses as many: what CRS itself takes for an attack, such as a path to a known file.
const REFUSED_MOST: f64 = 0.6;
/// The sets hold so many sentences at least; fewer mean that the reader of a set lost some.
const SENTENCES_FLOOR: usize = 39_000;
/// Ordinary sentences and texts, each set by its file.
const ORDINARY: [&str; 6] = [
    "pii-synthetic.written.json",
    "pii-synthetic.spoken.json",
    "clinc150.dev.json",
    "banking77.train.csv",
    "restaurant8k.train.json",
    "xquad-r.en.json",
];
/// Prompts that try to talk an agent out of its task: nothing that a firewall could judge, so free text lets them pass, too.
const PROMPTS: &str = "injection.in-the-wild.json";

/// The sentences of one file.
struct Set {
    name: &'static str,
    sentences: Vec<String>,
}

#[test]
fn ordinary_sentences_pass_the_core_rule_set() {
    let name = "ordinary_sentences_pass_the_core_rule_set";
    match (rules::as_it_comes(), ordinary(name)) {
        (Some(rules), Some(sets)) => hardly_any_is_refused(&rules, &sets),
        (None, _) => println!("not measured: {name}: the rule set is not there"),
        (_, None) => {}
    }
}

#[test]
fn ordinary_sentences_pass_our_own_rules() {
    if let Some(sets) = ordinary("ordinary_sentences_pass_our_own_rules") {
        hardly_any_is_refused(&rules::own(), &sets);
    }
}

#[test]
fn everything_passes_the_core_rule_set_in_free_text() {
    let name = "everything_passes_the_core_rule_set_in_free_text";
    match (rules::as_it_comes(), all(name)) {
        (Some(rules), Some(sets)) => nothing_is_refused_in_free_text(&rules, &sets),
        (None, _) => println!("not measured: {name}: the rule set is not there"),
        (_, None) => {}
    }
}

#[test]
fn everything_passes_our_own_rules_in_free_text() {
    if let Some(sets) = all("everything_passes_our_own_rules_in_free_text") {
        nothing_is_refused_in_free_text(&rules::own(), &sets);
    }
}

/// How many were refused, and by what.
#[derive(Default)]
struct Tally {
    refused: usize,
    all: usize,
    /// Rules that saw something in what was refused.
    by: BTreeMap<u64, usize>,
    /// A few of the refused.
    such_as: Vec<String>,
}

impl Tally {
    fn share(&self) -> f64 {
        100.0 * self.refused as f64 / self.all.max(1) as f64
    }

    fn add(&mut self, other: &Self) {
        self.refused += other.refused;
        self.all += other.all;
        other.by.iter().for_each(|(rule, count)| *self.by.entry(*rule).or_default() += count);
    }
}

fn hardly_any_is_refused(rules: &RuleSet, sets: &[Set]) {
    let mut too_many = Vec::new();
    for shape in Shape::ALL {
        let mut all = Tally::default();
        for set in sets {
            let tally = measured(rules, shape, &set.sentences, &[]);
            println!("{shape:?} {:<30} {:>3} of {:>6} refused by {:?}", set.name, tally.refused, tally.all, tally.by);
            tally.such_as.iter().for_each(|sentence| println!("    such as: {sentence}"));
            all.add(&tally);
        }
        println!("{shape:?} all sentences: {} of {} refused, {:.2} %", all.refused, all.all, all.share());
        if all.share() > REFUSED_MOST {
            too_many.push(format!("{shape:?}: {:.2} % by {:?}", all.share(), all.by));
        }
    }
    assert!(too_many.is_empty(), "{too_many:#?}");
}

fn nothing_is_refused_in_free_text(rules: &RuleSet, sets: &[Set]) {
    for shape in Shape::ALL {
        for set in sets {
            let tally = measured(rules, shape, &set.sentences, &["text"]);
            println!("{shape:?} {:<30} {:>3} of {:>6} refused in free text", set.name, tally.refused, tally.all);
            assert_eq!(tally.refused, 0, "{shape:?} {}: {:?} such as {:?}", set.name, tally.by, tally.such_as);
        }
    }
}

fn measured(rules: &RuleSet, shape: Shape, sentences: &[String], free_text: &[&str]) -> Tally {
    const SHOWN: usize = 3;
    let mut tally = Tally { all: sentences.len(), ..Tally::default() };
    for sentence in sentences {
        let mut transaction = Transaction::new(rules, Mode::Block, Limits::default());
        let verdict = request_with_free_text(&mut transaction, &shape.sent(sentence), free_text);
        if verdict == Verdict::Pass {
            continue;
        }
        tally.refused += 1;
        let found: Vec<u64> =
            transaction.matches().iter().filter(|found| found.severity.is_some()).map(|found| found.rule).collect();
        if tally.such_as.len() < SHOWN {
            let start: String = sentence.chars().take(100).collect();
            tally.such_as.push(format!("{start} by {found:?}"));
        }
        for rule in found {
            *tally.by.entry(rule).or_default() += 1;
        }
    }
    tally
}

/// The ordinary sets; nothing, and said so, where one is missing.
fn ordinary(test: &str) -> Option<Vec<Set>> {
    let sets: Vec<Set> = ORDINARY.into_iter().map(|name| set(test, name)).collect::<Option<_>>()?;
    let count: usize = sets.iter().map(|set| set.sentences.len()).sum();
    assert!(count >= SENTENCES_FLOOR, "{count} sentences");
    Some(sets)
}

/// These, and the prompts.
fn all(test: &str) -> Option<Vec<Set>> {
    let mut sets = ordinary(test)?;
    sets.push(set(test, PROMPTS)?);
    Some(sets)
}

fn set(test: &str, name: &'static str) -> Option<Set> {
    let Ok(text) = std::fs::read_to_string(rules::shared().join("eval").join(name)) else {
        println!("not measured: {test}: {name} is not there");
        return None;
    };
    let mut sentences = Vec::new();
    if std::path::Path::new(name).extension().is_some_and(|extension| extension == "csv") {
        sentences = first_column(&text);
    } else {
        collect(&serde_json::from_str(&text).expect("JSON"), &mut sentences);
    }
    Some(Set { name, sentences })
}

/// The first field of every record after the first (RFC 4180: quoted fields may hold commas, line breaks and doubled quotes).
fn first_column(text: &str) -> Vec<String> {
    let (mut records, mut record, mut quoted) = (Vec::new(), String::new(), false);
    let mut is_first_field = true;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                record.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => is_first_field = false,
            '\n' if !quoted => {
                records.push(std::mem::take(&mut record));
                is_first_field = true;
            }
            _ if is_first_field => record.push(letter),
            _ => {}
        }
    }
    records.into_iter().skip(1).filter(|record| !record.trim().is_empty()).collect()
}

/// Sentences of the sets: the texts, questions and paragraphs of entries, the first of pairs of sentence and intent, and lists
/// of nothing but texts.
fn collect(value: &Value, found: &mut Vec<String>) {
    const TEXTS: [&str; 4] = ["text", "full_text", "question", "context"];
    match value {
        Value::Array(items) => match items.as_slice() {
            [Value::String(sentence), Value::String(_)] => found.push(sentence.clone()),
            items => items.iter().for_each(|item| match item {
                Value::String(text) => found.push(text.clone()),
                item => collect(item, found),
            }),
        },
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(text) if TEXTS.contains(&key.as_str()) => found.push(text.clone()),
                    Value::Array(_) | Value::Object(_)
                        if !["spans", "answers", "labels", "context", "sentences", "sentence_breaks"]
                            .contains(&key.as_str()) =>
                    {
                        collect(value, found);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
