//! Answers: which sentence of which section answers a question, quoted word for word, or none.
//!
//! Nothing is worded here. A quote is always one unbroken piece of the section's text, and where the documents do not
//! support the question well enough the answer is "not known", so that the agent says so and offers a person.
//! Knowing that something on-topic is *missing* is weak without a model; the reply therefore always shows its source.

use std::ops::Range;

use super::chunk::Section;
use super::index::{Index, QueryTerm};
use super::sentence::sentences;
use super::words::{Word, pieces, words};

/// Below this share of the score that a perfect section could have, in thousandths, nothing is answered. Chosen on public
/// sets: about 91 of 100 questions on the subject pass, and about 16 of 100 questions on other subjects do.
pub const SUPPORT_NEEDED_THOUSANDTHS: i64 = 430;
/// A quote is at most this many characters, unless one single sentence is longer.
pub const QUOTE_CHARACTERS_MAX: usize = 400;
/// Answers to one question at most.
pub const ANSWERS_MAX: usize = 10;
/// A question of more clauses is only looked at as a whole.
const CLAUSES_MAX: usize = 8;
/// A clause stands alone when it has at least this many words of meaning.
const CLAUSE_WORDS_MIN: usize = 2;

/// What one line before or after adds to a sentence: "It costs $90." belongs to what it follows.
const BEFORE_SHARE: f64 = 0.3;
const AFTER_SHARE: f64 = 0.1;
/// What two neighbouring words found as neighbours add, as a share of their weight.
const PAIR_SHARE: f64 = 0.4;
/// What the kind of answer that is asked for (a number, a name, a price) adds, as a share of the whole question.
const KIND_SHARE: f64 = 0.15;
/// A word that is only similar counts this much at most.
const SIMILAR_SHARE: f64 = 0.7;
/// Similar words share at least this part of their pieces.
const SIMILAR_LEAST: f64 = 0.5;

/// An answer: a quote from one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'index> {
    /// The section.
    pub section: &'index Section,
    /// Its score in the search, in thousandths.
    pub score_thousandths: i64,
    /// How well the section supports the question, in thousandths of what a perfect section would score.
    pub support_thousandths: i64,
    /// Where the quote lies in the section's text, in bytes.
    pub quote: Range<usize>,
}

impl Answer<'_> {
    /// The quote itself.
    pub fn quote_text(&self) -> &str {
        &self.section.text[self.quote.clone()]
    }
}

/// The answers to a question, best first, at most `limit`: empty when nothing supports it well enough.
pub fn answers<'index>(index: &'index Index, question: &str, limit: usize) -> Vec<Answer<'index>> {
    let found = supported(index, question, limit);
    if !found.is_empty() {
        return found;
    }
    let mut best: Vec<Answer<'index>> = Vec::new();
    for clause in clauses(index, question) {
        let found = supported(index, clause, limit);
        let support = |list: &[Answer<'_>]| list.first().map_or(0, |answer| answer.support_thousandths);
        if support(&found) > support(&best) {
            best = found;
        }
    }
    best
}

/// The answers to one question or clause, as far as they are supported.
fn supported<'index>(index: &'index Index, question: &str, limit: usize) -> Vec<Answer<'index>> {
    let terms = index.query(question);
    index
        .search(question, limit.min(ANSWERS_MAX))
        .into_iter()
        .filter(|hit| hit.share_thousandths >= SUPPORT_NEEDED_THOUSANDTHS)
        .map(|hit| Answer {
            section: hit.section,
            score_thousandths: hit.score_thousandths,
            support_thousandths: hit.share_thousandths,
            quote: best_quote(&terms, question, hit.section),
        })
        .collect()
}

/// The clauses of a question of several ("I am new here, do you offer sedation?") that say enough to stand alone.
fn clauses<'text>(index: &Index, question: &'text str) -> Vec<&'text str> {
    let parts = question.split([',', '.', ';', '?', '!', '\n']).filter(|part| !part.trim().is_empty());
    let parts: Vec<&str> = parts.take(CLAUSES_MAX + 1).collect();
    if !(2..=CLAUSES_MAX).contains(&parts.len()) {
        return Vec::new();
    }
    let says_enough =
        |part: &&str| index.query(part).iter().filter(|term| !term.word.filler).count() >= CLAUSE_WORDS_MIN;
    parts.into_iter().filter(says_enough).collect()
}

/// The piece of the section that answers best: one sentence, with the one before when it leans on it, or the whole
/// short section when the question asks for all that stands under a heading.
pub fn best_quote(terms: &[QueryTerm], question: &str, section: &Section) -> Range<usize> {
    let ranges = sentences(&section.text);
    let scores = sentence_scores(terms, question, &section.text, &ranges);
    let Some(best) = best_of(&scores) else { return 0..section.text.len() };
    grown(terms, section, &ranges, best)
}

/// Index of the best sentence alone; for measuring.
pub fn best_sentence(terms: &[QueryTerm], question: &str, section: &Section) -> Option<Range<usize>> {
    let ranges = sentences(&section.text);
    best_of(&sentence_scores(terms, question, &section.text, &ranges)).map(|best| ranges[best].clone())
}

fn best_of(scores: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (number, score) in scores.iter().enumerate() {
        if best.is_none_or(|known| *score > scores[known]) {
            best = Some(number);
        }
    }
    best
}

fn sentence_scores(terms: &[QueryTerm], question: &str, text: &str, ranges: &[Range<usize>]) -> Vec<f64> {
    let lines: Vec<Vec<Word>> = ranges.iter().map(|range| words(&text[range.clone()])).collect();
    let held: Vec<Vec<f64>> =
        lines.iter().map(|line| terms.iter().map(|term| presence(term, line)).collect()).collect();
    let total: f64 = terms.iter().map(|term| term.weight).sum();
    let asked = Asked::of(question);
    let none = vec![0.0; terms.len()];
    (0..lines.len())
        .map(|number| {
            let before = if number > 0 { &held[number - 1] } else { &none };
            let after = held.get(number + 1).unwrap_or(&none);
            let mut score = 0.0;
            for (slot, term) in terms.iter().enumerate() {
                let here = held[number][slot];
                score += term.weight * here.max(before[slot] * BEFORE_SHARE).max(after[slot] * AFTER_SHARE);
            }
            score += pairs(terms, &lines[number]);
            if score > 0.0 && asked.is_answered_by(&text[ranges[number].clone()], &lines[number], terms) {
                score += KIND_SHARE * total;
            }
            score
        })
        .collect()
}

/// How well a line holds a term, 0 to 1: the stem itself, a near word, or a similar word.
fn presence(term: &QueryTerm, line: &[Word]) -> f64 {
    if line.iter().any(|word| word.stem == term.word.stem) {
        return 1.0;
    }
    let mut best: f64 = 0.0;
    for (stem, share) in &term.near {
        if line.iter().any(|word| word.stem == *stem) {
            best = best.max((share * 2.0).min(0.9));
        }
    }
    if term.word.filler || term.word.folded.len() < 4 {
        return best;
    }
    let own = pieces(&term.word.folded);
    for word in line.iter().filter(|word| !word.filler && word.folded.len() >= 4) {
        let other = pieces(&word.folded);
        let shared = own.iter().filter(|piece| other.contains(piece)).count();
        let likeness = 2.0 * shared as f64 / (own.len() + other.len()) as f64;
        if likeness >= SIMILAR_LEAST {
            best = best.max(likeness * SIMILAR_SHARE);
        }
    }
    best
}

fn pairs(terms: &[QueryTerm], line: &[Word]) -> f64 {
    terms
        .windows(2)
        .filter(|pair| line.windows(2).any(|two| two[0].stem == pair[0].word.stem && two[1].stem == pair[1].word.stem))
        .map(|pair| PAIR_SHARE * pair[0].weight.min(pair[1].weight))
        .sum()
}

/// The kind of answer that a question asks for, as far as its first words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Price,
    Number,
    Time,
    Name,
    Place,
    Other,
}

impl Asked {
    fn of(question: &str) -> Self {
        let folded: Vec<String> = words(question).into_iter().map(|word| word.folded).collect();
        let has = |word: &str| folded.iter().any(|known| known == word);
        let pair = |first: &str, second: &str| folded.windows(2).any(|two| two[0] == first && two[1] == second);
        if ["price", "cost", "costs", "fee", "fees", "prices", "charge"].iter().any(|word| has(word))
            || (pair("how", "much") && !has("of"))
        {
            Self::Price
        } else if has("when")
            || pair("what", "year")
            || pair("which", "year")
            || pair("what", "time")
            || pair("how", "long")
            || pair("what", "date")
            || pair("what", "day")
            || has("hours")
        {
            Self::Time
        } else if pair("how", "many")
            || has("percentage")
            || has("percent")
            || pair("how", "much")
            || pair("how", "far")
            || pair("how", "old")
            || pair("what", "number")
        {
            Self::Number
        } else if has("who") || has("whose") || has("whom") {
            Self::Name
        } else if has("where") {
            Self::Place
        } else {
            Self::Other
        }
    }

    fn is_answered_by(self, text: &str, line: &[Word], terms: &[QueryTerm]) -> bool {
        let is_new = |word: &&Word| !terms.iter().any(|term| term.word.stem == word.stem);
        let new_number =
            || line.iter().filter(is_new).any(|word| word.stem.starts_with(|first: char| first.is_ascii_digit()));
        let new_capital = || line.iter().skip(1).filter(is_new).any(|word| word.capital && !word.filler);
        match self {
            Self::Price => {
                text.contains(['$', '€', '£', '¥'])
                    || line.iter().any(|word| {
                        matches!(
                            word.folded.as_str(),
                            "free" | "usd" | "eur" | "gbp" | "chf" | "cents" | "dollars" | "euros" | "pounds"
                        )
                    })
            }
            Self::Number => new_number(),
            Self::Time => new_number() || line.iter().filter(is_new).any(|word| TIMES.contains(&word.folded.as_str())),
            Self::Name | Self::Place => new_capital(),
            Self::Other => false,
        }
    }
}

/// Words that tell a time.
const TIMES: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "daily",
    "noon",
    "midnight",
    "weekdays",
    "weekends",
    "century",
];

/// Grows the best sentence where it does not stand alone, always as one unbroken piece of the text.
fn grown(terms: &[QueryTerm], section: &Section, ranges: &[Range<usize>], best: usize) -> Range<usize> {
    let text = &section.text;
    if asks_for_the_heading(terms, section, &text[ranges[best].clone()]) {
        return fill(text, ranges, 0);
    }
    let own = &text[ranges[best].clone()];
    if own.ends_with(':') {
        return fill(text, ranges, best);
    }
    let leans = words(own).first().is_some_and(|word| LEANING.contains(&word.folded.as_str()));
    if leans && best > 0 {
        let joined = ranges[best - 1].start..ranges[best].end;
        if text[joined.clone()].chars().count() <= QUOTE_CHARACTERS_MAX {
            return joined;
        }
    }
    ranges[best].clone()
}

/// As many sentences from `first` on as fit into a quote; at least one.
fn fill(text: &str, ranges: &[Range<usize>], first: usize) -> Range<usize> {
    let mut whole = ranges[first].clone();
    for range in &ranges[first + 1..] {
        if text[whole.start..range.end].chars().count() > QUOTE_CHARACTERS_MAX {
            break;
        }
        whole.end = range.end;
    }
    whole
}

/// Whether the sentence holds nothing of the question that the headings do not hold already: then the question asks for
/// all that stands under the heading ("What are your opening hours?").
fn asks_for_the_heading(terms: &[QueryTerm], section: &Section, sentence: &str) -> bool {
    let mut above = words(&section.title);
    above.extend(section.path.iter().flat_map(|heading| words(heading)));
    let line = words(sentence);
    let mut in_heading = false;
    for term in terms.iter().filter(|term| !term.word.filler) {
        if presence(term, &above) >= SIMILAR_LEAST {
            in_heading = true;
        } else if presence(term, &line) >= SIMILAR_LEAST {
            return false;
        }
    }
    in_heading
}

/// First words of sentences that lean on the sentence before.
const LEANING: &[&str] = &[
    "it",
    "they",
    "this",
    "that",
    "these",
    "those",
    "he",
    "she",
    "also",
    "however",
    "otherwise",
    "but",
    "then",
    "instead",
    "therefore",
    "both",
    "after",
    "its",
    "their",
    "his",
    "her",
];
