//! Answers: which sentence of which section answers a question, quoted word for word, or none.
//!
//! Nothing is worded here. A quote is always one unbroken piece of the section's text, and where the documents do not
//! support the question well enough the answer is "not known", so that the agent says so and offers a person.
//! Knowing that something on-topic is *missing* is weak without a model; the reply therefore always shows its source.

use std::ops::Range;

use super::asked::Asked;
use super::chunk::Section;
use super::index::{Index, QueryTerm};
use super::sentence::sentences;
use super::words::{Word, pieces, words};

/// Below this share of the score that a perfect section could have, in thousandths, nothing is answered. Chosen on public
/// sets: about 91 of 100 questions on the subject pass, and about 16 of 100 questions on other subjects do.
pub const SUPPORT_NEEDED_THOUSANDTHS: i64 = 440;
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
/// Sections whose lines are looked at when the question asks for a kind of value.
const CANDIDATES: usize = 20;
/// …and when it asks for none.
const CANDIDATES_OTHER: usize = 5;
/// How much of a subject word counts for a line when only the headings above it hold it.
const ABOVE_SHARE: f64 = 0.8;
/// …and for its score among the lines under the same headings, where every line has it.
const ABOVE_LINE_SHARE: f64 = 0.6;
/// A line is about the subject when it holds at least this part of it, by weight.
const PART_LEAST: f64 = 0.4;
/// Words at most of a line's beginning.
const BEGINNING_WORDS: usize = 6;
/// What a line that begins with the subject alone adds to its value of the kind asked for.
const FOCUS_SHARE: f64 = 0.3;
/// What evidence counts in a line that mentions the subject after its beginning.
const MENTION_SHARE: f64 = 0.7;
/// From this evidence on (subject and kind of value in one line) a line lends its section support,
const EVIDENCE_LEAST: f64 = 0.5;
/// …this part of what is missing to a perfect section,
const EVIDENCE_SHARE: f64 = 0.4;
/// …if the section has at least this share of a perfect one by itself, in thousandths.
const SHARE_LEAST_THOUSANDTHS: i64 = 250;
/// A neighbouring row is quoted too when it scores at least this share of the best one.
const EQUAL_SHARE: f64 = 0.97;
/// Words of questions that cannot be answered with yes or no.
const OPEN_QUESTION: &[&str] = &["how", "what", "whats", "which", "give", "tell"];
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
    let asking = Asking::of(index, question);
    let limit = limit.min(ANSWERS_MAX);
    let looked_at = if asking.asked == Asked::Other { CANDIDATES_OTHER } else { CANDIDATES }.max(limit);
    let mut found: Vec<(i64, Answer<'index>)> = Vec::new();
    let hits = index.search(question, looked_at);
    // Reading lines costs far more than searching: only those of sections that can reach the support needed are read.
    for hit in hits.into_iter().filter(|hit| hit.share_thousandths >= asking.share_needed_thousandths()) {
        let lines = Lines::of(&asking, hit.section);
        let evidence = lines.evidence();
        let support = asking.support(hit.share_thousandths, evidence);
        if support < SUPPORT_NEEDED_THOUSANDTHS || (asking.demands_value && !lines.hold_a_value()) {
            continue;
        }
        let quote = lines.quote(&asking, hit.section);
        let rank = asking.asked.rank_thousandths(hit.share_thousandths, evidence * lines.lead());
        let score_thousandths = hit.score_thousandths;
        found.push((rank, Answer { section: hit.section, score_thousandths, support_thousandths: support, quote }));
    }
    // Stable: equal ranks keep the order of the search.
    found.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    found.into_iter().take(limit).map(|(_, answer)| answer).collect()
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

/// Where the best sentence alone lies; for measuring.
pub fn best_sentence(index: &Index, question: &str, section: &Section) -> Option<Range<usize>> {
    let lines = Lines::of(&Asking::of(index, question), section);
    lines.best.map(|best| lines.ranges[best].clone())
}

/// A question as far as quoting needs it.
struct Asking {
    terms: Vec<QueryTerm>,
    asked: Asked,
    /// For each term, whether it is of the subject: neither a filler nor the name of the kind of answer.
    subject: Vec<bool>,
    /// Whether a line without the kind of value asked for is no answer.
    demands_value: bool,
}

impl Asking {
    fn of(index: &Index, question: &str) -> Self {
        let terms = index.query(question);
        let said = words(question);
        let asked = Asked::of(&said);
        let subject = terms.iter().map(|term| !term.word.filler && !asked.is_named_by(&term.word)).collect();
        let is_open = said.iter().any(|word| OPEN_QUESTION.contains(&word.folded.as_str()));
        Self { terms, asked, subject, demands_value: asked.has_sure_form() && is_open }
    }

    fn has_subject(&self) -> bool {
        self.subject.contains(&true)
    }

    /// The share of the subject, by weight, that is held; all of it when the question names none.
    fn coverage(&self, held: impl Fn(usize) -> f64) -> f64 {
        let slots = || (0..self.terms.len()).filter(|slot| self.subject[*slot]);
        let whole: f64 = slots().map(|slot| self.terms[slot].weight).sum();
        let part: f64 = slots().map(|slot| self.terms[slot].weight * held(slot)).sum();
        if whole > 0.0 { part / whole } else { 1.0 }
    }

    /// How far the beginning of a line is about the subject and nothing else: the share of its words of meaning that are
    /// of the subject, or 0 when it holds too little of the subject.
    fn focus(&self, beginning: &[Word]) -> f64 {
        if !self.has_subject() || self.coverage(|slot| presence(&self.terms[slot], beginning)) < PART_LEAST {
            return 0.0;
        }
        let of_subject = |word: &&Word| {
            let is_word = |slot: &usize| self.subject[*slot] && self.terms[*slot].word.stem == word.stem;
            (0..self.terms.len()).any(|slot| is_word(&slot))
        };
        let meaning = || beginning.iter().filter(|word| !word.filler);
        let own = meaning().filter(of_subject).count();
        (own.max(1) as f64 / meaning().count().max(1) as f64).min(1.0)
    }

    /// Whether a line can lend its section support: it holds a value of the kind asked for beside the subject.
    fn can_lend(&self) -> bool {
        self.asked != Asked::Other && self.has_subject()
    }

    /// The least share of a perfect score from which a section can be supported, in thousandths.
    fn share_needed_thousandths(&self) -> i64 {
        if self.can_lend() { SHARE_LEAST_THOUSANDTHS } else { SUPPORT_NEEDED_THOUSANDTHS }
    }

    /// The support of a section: its share of a perfect score, and where one line holds the subject with the kind of
    /// value asked for (`evidence`), a part of what is missing.
    fn support(&self, share_thousandths: i64, evidence: f64) -> i64 {
        let missing = (1_000 - share_thousandths) as f64;
        let lends = self.can_lend() && evidence >= EVIDENCE_LEAST;
        let lent = if lends { EVIDENCE_SHARE * evidence * missing } else { 0.0 };
        share_thousandths + lent.round() as i64
    }
}

/// The sentences (or rows) of a section with what each of them holds of a question.
struct Lines {
    ranges: Vec<Range<usize>>,
    /// How well each line holds the kind of value asked for.
    strength: Vec<f64>,
    /// How much of the subject each line holds, with the headings above it.
    coverage: Vec<f64>,
    /// Whether the beginning of each line holds the subject.
    leads: Vec<bool>,
    scores: Vec<f64>,
    best: Option<usize>,
}

impl Lines {
    fn of(asking: &Asking, section: &Section) -> Self {
        let ranges = sentences(&section.text);
        let texts: Vec<&str> = ranges.iter().map(|range| &section.text[range.clone()]).collect();
        let lines: Vec<Vec<Word>> = texts.iter().map(|text| words(text)).collect();
        let above = words_above(section);
        let above: Vec<f64> = asking.terms.iter().map(|term| presence(term, &above)).collect();
        let held: Vec<Vec<f64>> =
            lines.iter().map(|line| asking.terms.iter().map(|term| presence(term, line)).collect()).collect();
        let strength: Vec<f64> =
            texts.iter().zip(&lines).map(|(text, line)| asking.asked.strength_in(text, line, &asking.terms)).collect();
        let coverage =
            held.iter().map(|held| asking.coverage(|slot| held[slot].max(above[slot] * ABOVE_SHARE))).collect();
        let focus: Vec<f64> = texts.iter().map(|text| asking.focus(&words(beginning_of(text)))).collect();
        let mut scores = scores(asking, &lines, &held, &above);
        let total: f64 = asking.terms.iter().map(|term| term.weight).sum();
        for (number, score) in scores.iter_mut().enumerate().filter(|(_, score)| **score > 0.0) {
            let kind = asking.asked.line_share() * strength[number];
            *score += total * kind * (1.0 + FOCUS_SHARE * focus[number]);
        }
        let leads = focus.iter().map(|focus| *focus > 0.0).collect();
        let best = best_of(&scores);
        Self { ranges, strength, coverage, leads, scores, best }
    }

    /// How well the best line answers by its form: the kind of value asked for, beside the subject; 0 to 1.
    fn evidence(&self) -> f64 {
        self.best.map_or(0.0, |best| self.strength[best] * self.coverage[best])
    }

    /// Whether any line holds a value of the kind asked for beside a part of the subject.
    fn hold_a_value(&self) -> bool {
        self.strength.iter().zip(&self.coverage).any(|(strength, coverage)| *strength > 0.0 && *coverage >= PART_LEAST)
    }

    /// 1 when the best line begins with the subject, as the row about it does, and less when it only mentions it.
    fn lead(&self) -> f64 {
        if self.best.is_some_and(|best| self.leads[best]) { 1.0 } else { MENTION_SHARE }
    }

    fn quote(&self, asking: &Asking, section: &Section) -> Range<usize> {
        self.best.map_or(0..section.text.len(), |best| grown(asking, section, self, best))
    }
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

/// What a line is about stands at its beginning: its first cell, or its first words up to a mark.
fn beginning_of(line: &str) -> &str {
    let mark = line.find([';', ':', ',', '\u{2013}', '(']).unwrap_or(line.len());
    let spaces = line.match_indices(' ').map(|(at, _)| at);
    let last = spaces.take(BEGINNING_WORDS).last().filter(|_| line.matches(' ').count() >= BEGINNING_WORDS);
    &line[..mark.min(last.unwrap_or(line.len()))]
}

/// What each line holds of the words of the question, with a little of its neighbours and of the headings.
fn scores(asking: &Asking, lines: &[Vec<Word>], held: &[Vec<f64>], above: &[f64]) -> Vec<f64> {
    let terms = &asking.terms;
    let none = vec![0.0; terms.len()];
    (0..lines.len())
        .map(|number| {
            let before = if number > 0 { &held[number - 1] } else { &none };
            let after = held.get(number + 1).unwrap_or(&none);
            let mut score = 0.0;
            for (slot, term) in terms.iter().enumerate() {
                let here = held[number][slot].max(above[slot] * ABOVE_LINE_SHARE);
                score += term.weight * here.max(before[slot] * BEFORE_SHARE).max(after[slot] * AFTER_SHARE);
            }
            score + pairs(terms, &lines[number])
        })
        .collect()
}

/// The words of the title and the headings above a section's text.
fn words_above(section: &Section) -> Vec<Word> {
    let mut above = words(&section.title);
    above.extend(section.path.iter().flat_map(|heading| words(heading)));
    above
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

/// Grows the best sentence where it does not stand alone, always as one unbroken piece of the text.
fn grown(asking: &Asking, section: &Section, lines: &Lines, best: usize) -> Range<usize> {
    let (text, ranges) = (&section.text, &lines.ranges);
    let own = &text[ranges[best].clone()];
    let holds_answer = asking.asked.stands_alone() && asking.has_subject() && lines.strength[best] >= 1.0;
    if !holds_answer && asks_for_the_heading(&asking.terms, section, own) {
        return fill(text, ranges, 0);
    }
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
    if holds_answer { with_equals(text, lines, best) } else { ranges[best].clone() }
}

/// The best line with the rows next to it that answer as well ("How much is a filling?" where small and large ones have
/// rows of their own), as far as they fit into a quote.
fn with_equals(text: &str, lines: &Lines, best: usize) -> Range<usize> {
    let ranges = &lines.ranges;
    let is_row = |number: usize| {
        let Range { start, end } = ranges[number];
        text[..start].chars().next_back().is_none_or(|before| before == '\n')
            && text[end..].chars().next().is_none_or(|after| after == '\n')
    };
    let is_equal = |number: usize| {
        is_row(number) && lines.strength[number] >= 1.0 && lines.scores[number] >= lines.scores[best] * EQUAL_SHARE
    };
    let fits = |whole: &Range<usize>| text[whole.clone()].chars().count() <= QUOTE_CHARACTERS_MAX;
    let mut whole = ranges[best].clone();
    if !is_row(best) {
        return whole;
    }
    for range in (best + 1..ranges.len()).take_while(|number| is_equal(*number)).map(|number| &ranges[number]) {
        let longer = whole.start..range.end;
        if !fits(&longer) {
            return whole;
        }
        whole = longer;
    }
    for range in (0..best).rev().take_while(|number| is_equal(*number)).map(|number| &ranges[number]) {
        let longer = range.start..whole.end;
        if !fits(&longer) {
            return whole;
        }
        whole = longer;
    }
    whole
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
    let above = words_above(section);
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
