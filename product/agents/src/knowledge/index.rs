//! The search index: BM25F over the sections of one agent's documents, in memory only.
//!
//! Three fields (title of the document, headings, body) share one saturation (Robertson, Zaragoza and Taylor 2004,
//! "Simple BM25 extension to multiple weighted fields"); pieces of words and pairs of words add a little, so that
//! spelling variants and word order count. Everything is a pure function of the sections and the question: the same
//! input gives the same scores on every machine (only `+ - * /` on floats, in a fixed order), so a conversation replays
//! to the same bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::chunk::Section;
use super::synonyms;
use super::words::{Word, pieces, words};

/// Sections of one index at most, in the order given; more are not searched.
pub const SECTIONS_MAX: usize = 50_000;
/// Words of a question that are looked at.
pub const QUESTION_WORDS_MAX: usize = 64;
/// Hits that one search can give.
pub const HITS_MAX: usize = 100;

/// Saturation of repeated words.
const SATURATION: f64 = 1.1;
/// Weights of a word by field, and how strongly each field's length counts against it.
const TITLE: Field = Field { weight: 1.0, length: 0.4 };
const HEADINGS: Field = Field { weight: 3.0, length: 0.8 };
const BODY: Field = Field { weight: 1.0, length: 0.6 };
/// Weight of a filler word against a word of meaning.
const FILLER_WEIGHT: f64 = 0.4;
/// …and how much of its near words' weight it then has itself.
const NEAR_WEIGHT: f64 = 0.4;
/// Fillers together count at most this share of the words of meaning.
const FILLERS_SHARE: f64 = 1.0;
/// How much more near words count when no document holds the word itself.
const UNKNOWN_NEAR: f64 = 1.7;
/// Sections that are assumed to hold a filler word beside those that do.
const FILLER_SECTIONS: f64 = 10.0;
/// The score, by weight of the question, that counts as a perfect hit.
const PERFECT_SCORE: f64 = 2.0;
/// Weight of all pieces of a word together.
const PIECES_WEIGHT: f64 = 0.4;
/// Weight of two neighbouring words found as neighbours.
const PAIR_WEIGHT: f64 = 0.3;
/// Weight of how alike the question and the heading right above the text are.
const LIKENESS_WEIGHT: f64 = 1.0;

/// Words that are never searched for.
const COURTESIES: &[&str] = &["please", "thank", "thanks", "hello", "hi", "hey", "ok", "okay"];

struct Field {
    weight: f64,
    length: f64,
}

/// One section in the index with the counts that search needs.
#[derive(Clone, Copy, Debug, Default)]
struct Posting {
    section: u32,
    title: u16,
    headings: u16,
    body: u16,
    /// Whether the heading right above the text holds it.
    above: bool,
}

/// The postings of one term.
#[derive(Clone, Debug, Default)]
struct Postings {
    list: Vec<Posting>,
    rarity: f64,
}

/// Lengths of one section in words.
#[derive(Clone, Copy, Debug, Default)]
struct Lengths {
    title: f64,
    headings: f64,
    body: f64,
    /// Rarity of all words of meaning in the heading right above the text.
    above: f64,
}

/// A section that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit<'index> {
    /// The section.
    pub section: &'index Section,
    /// The score in thousandths; comparable within one search only.
    pub score_thousandths: i64,
    /// The score as a share of what a section that holds every word well would have, in thousandths, at most 1000;
    /// comparable between searches.
    pub share_thousandths: i64,
}

/// Other stems with their shares of a weight.
pub type Near = Vec<(&'static str, f64)>;

/// A word of a question with its weight.
#[derive(Clone, Debug)]
pub struct QueryTerm {
    /// The word.
    pub word: Word,
    /// How rare it is in the documents, times its weight as a word of meaning or a filler.
    pub weight: f64,
    /// Other stems that mean nearly the same, each with its share of the weight.
    pub near: Near,
}

/// The index of one agent's knowledge.
#[derive(Clone, Debug, Default)]
pub struct Index {
    sections: Vec<Section>,
    lengths: Vec<Lengths>,
    average: Lengths,
    terms: HashMap<String, Postings>,
    pieces: HashMap<String, Postings>,
    pairs: HashMap<(String, String), Postings>,
}

impl Index {
    /// Builds the index; sections beyond [`SECTIONS_MAX`] are left out.
    pub fn build(mut sections: Vec<Section>) -> Self {
        sections.truncate(SECTIONS_MAX);
        let mut index = Self::default();
        for (number, section) in sections.iter().enumerate() {
            index.add(number as u32, section);
        }
        let count = sections.len().max(1) as f64;
        index.average = index.average_lengths(count);
        for postings in index.terms.values_mut().chain(index.pieces.values_mut()).chain(index.pairs.values_mut()) {
            postings.rarity = rarity(postings.list.len() as f64, count);
        }
        for (number, section) in sections.iter().enumerate() {
            index.lengths[number].above = index.weight_above(section);
        }
        index.sections = sections;
        index
    }

    /// How many sections it holds.
    pub fn len(&self) -> usize {
        self.sections.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The sections that fit `question` best, best first, at most `limit` (and [`HITS_MAX`]). Equal scores keep the
    /// order of the documents.
    pub fn search(&self, question: &str, limit: usize) -> Vec<Hit<'_>> {
        let mut scores = vec![0.0_f64; self.sections.len()];
        let terms = self.query(question);
        for term in &terms {
            self.score_term(term, &mut scores);
        }
        self.score_pairs(&terms, &mut scores);
        self.score_likeness(&terms, &mut scores);
        let mut hits: Vec<(i64, usize)> = scores
            .iter()
            .enumerate()
            .map(|(number, score)| ((score * 1_000.0).round() as i64, number))
            .filter(|(score, _)| *score > 0)
            .collect();
        hits.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
        hits.truncate(limit.min(HITS_MAX));
        let perfect = PERFECT_SCORE * self.perfect_weight(&terms);
        let share = |score: i64| if perfect > 0.0 { (score as f64 / perfect).round() as i64 } else { 0 };
        hits.into_iter()
            .map(|(score_thousandths, number)| Hit {
                section: &self.sections[number],
                score_thousandths,
                share_thousandths: share(score_thousandths).clamp(0, 1_000),
            })
            .collect()
    }

    /// The words of a question with their weights, in order, each stem once.
    pub fn query(&self, question: &str) -> Vec<QueryTerm> {
        let found = words(question);
        let only_fillers = found.iter().all(|word| word.filler);
        let mut terms: Vec<QueryTerm> = Vec::new();
        let near = synonyms::near(&found);
        for (word, near) in found.into_iter().zip(near).take(QUESTION_WORDS_MAX) {
            if COURTESIES.contains(&word.folded.as_str()) || terms.iter().any(|term| term.word.stem == word.stem) {
                continue;
            }
            let share = if word.filler && !only_fillers { FILLER_WEIGHT } else { 1.0 };
            let (weight, near) = self.weigh(&word, near, share);
            terms.push(QueryTerm { word, weight, near });
        }
        terms
    }

    /// How rare a stem is: the inverse document frequency of BM25, never negative; largest for an unknown word.
    pub fn rarity_of(&self, stem: &str) -> f64 {
        self.terms.get(stem).map_or_else(|| rarity(0.0, self.sections.len().max(1) as f64), |found| found.rarity)
    }

    /// The weight that a perfect section would hold: all words of meaning, and those fillers that the documents use at
    /// all, because a question in quite another tone is rarely about them; fillers never outweigh meaning.
    fn perfect_weight(&self, terms: &[QueryTerm]) -> f64 {
        let sum = |filler: bool| {
            terms
                .iter()
                .filter(|term| term.word.filler == filler && (!filler || self.knows(&term.word.stem)))
                .map(|term| term.weight)
                .sum::<f64>()
        };
        let (meaning, fillers) = (sum(false), sum(true));
        if meaning > 0.0 { meaning + fillers.min(meaning * FILLERS_SHARE) } else { fillers }
    }

    /// The weight of a word and of its near words. A word that no document holds lends more to its near words, and
    /// weighs no more than they can earn.
    fn weigh(&self, word: &Word, near: Near, share: f64) -> (f64, Near) {
        if word.filler {
            return (share * self.filler_rarity(&word.stem), near);
        }
        if self.knows(&word.stem) || !near.iter().any(|(stem, _)| self.knows(stem)) {
            return (self.rarity_of(&word.stem), near);
        }
        let near: Near = near.into_iter().map(|(stem, share)| (stem, share * UNKNOWN_NEAR)).collect();
        let best = near.iter().map(|(stem, share)| share * self.rarity_of(stem)).reduce(f64::max);
        (best.unwrap_or_default() * NEAR_WEIGHT, near)
    }

    /// Rarity of a filler word: in few documents it may be missing by chance, which must not make it weighty.
    fn filler_rarity(&self, stem: &str) -> f64 {
        let found = self.terms.get(stem).map_or(0, |postings| postings.list.len()) as f64;
        natural_logarithm(1.0 + self.sections.len() as f64 / (found + FILLER_SECTIONS))
    }

    /// Whether any section holds the stem.
    pub fn knows(&self, stem: &str) -> bool {
        self.terms.contains_key(stem)
    }

    fn add(&mut self, number: u32, section: &Section) {
        let title = words(&section.title);
        let headings: Vec<Vec<Word>> = section.path.iter().map(|heading| words(heading)).collect();
        let body: Vec<Vec<Word>> = section.text.lines().map(words).collect();
        let count = |lines: &[Vec<Word>]| lines.iter().map(Vec::len).sum::<usize>() as f64;
        self.lengths.push(Lengths {
            title: title.len() as f64,
            headings: count(&headings),
            body: count(&body),
            above: 0.0,
        });
        let mut terms: BTreeMap<&str, Posting> = BTreeMap::new();
        let mut bag: BTreeMap<String, u16> = BTreeMap::new();
        for word in &title {
            bump(&mut terms.entry(&word.stem).or_default().title);
        }
        for word in headings.last().into_iter().flatten() {
            terms.entry(&word.stem).or_default().above = true;
        }
        for word in headings.iter().flatten() {
            bump(&mut terms.entry(&word.stem).or_default().headings);
        }
        for word in body.iter().flatten() {
            bump(&mut terms.entry(&word.stem).or_default().body);
        }
        for word in title.iter().chain(headings.iter().flatten()).chain(body.iter().flatten()) {
            if !word.filler {
                for piece in pieces(&word.folded) {
                    bump(bag.entry(piece).or_default());
                }
            }
        }
        for (stem, posting) in terms {
            self.terms.entry(stem.to_owned()).or_default().list.push(Posting { section: number, ..posting });
        }
        for (piece, body) in bag {
            self.pieces.entry(piece).or_default().list.push(Posting { section: number, body, ..Posting::default() });
        }
        let mut pairs: BTreeSet<(&str, &str)> = BTreeSet::new();
        for line in std::iter::once(&title).chain(&headings).chain(&body) {
            for pair in line.windows(2) {
                pairs.insert((&pair[0].stem, &pair[1].stem));
            }
        }
        for (first, second) in pairs {
            let posting = Posting { section: number, body: 1, ..Posting::default() };
            self.pairs.entry((first.to_owned(), second.to_owned())).or_default().list.push(posting);
        }
    }

    fn average_lengths(&self, count: f64) -> Lengths {
        let mut sum = Lengths::default();
        for lengths in &self.lengths {
            sum.title += lengths.title;
            sum.headings += lengths.headings;
            sum.body += lengths.body;
        }
        // At least one word, so that nothing is divided by zero.
        Lengths {
            title: (sum.title / count).max(1.0),
            headings: (sum.headings / count).max(1.0),
            body: (sum.body / count).max(1.0),
            above: 0.0,
        }
    }

    fn score_term(&self, term: &QueryTerm, scores: &mut [f64]) {
        self.score_stem(&term.word.stem, term.weight, scores);
        for (stem, share) in &term.near {
            self.score_stem(stem, share * self.rarity_of(stem), scores);
        }
        if term.word.filler {
            return;
        }
        let all = pieces(&term.word.folded);
        let share = PIECES_WEIGHT / all.len() as f64;
        for postings in all.iter().filter_map(|piece| self.pieces.get(piece)) {
            for posting in &postings.list {
                let length = self.lengths[posting.section as usize].body / self.average.body;
                let frequency = f64::from(posting.body) / (1.0 - BODY.length + BODY.length * length);
                scores[posting.section as usize] += share * postings.rarity * saturated(frequency);
            }
        }
    }

    fn score_stem(&self, stem: &str, weight: f64, scores: &mut [f64]) {
        let Some(postings) = self.terms.get(stem) else { return };
        for posting in &postings.list {
            let lengths = self.lengths[posting.section as usize];
            let frequency = field(&TITLE, posting.title, lengths.title, self.average.title)
                + field(&HEADINGS, posting.headings, lengths.headings, self.average.headings)
                + field(&BODY, posting.body, lengths.body, self.average.body);
            scores[posting.section as usize] += weight * saturated(frequency);
        }
    }

    /// Rarity of the words of meaning in the heading right above a section's text, each once.
    fn weight_above(&self, section: &Section) -> f64 {
        let mut seen: Vec<String> = Vec::new();
        let mut sum = 0.0;
        for word in section.path.last().map(|heading| words(heading)).unwrap_or_default() {
            if !word.filler && !seen.contains(&word.stem) {
                sum += self.rarity_of(&word.stem);
                seen.push(word.stem);
            }
        }
        sum
    }

    /// Documents often ask the visitor's question themselves, as a heading: the Dice likeness of both, by rarity.
    fn score_likeness(&self, terms: &[QueryTerm], scores: &mut [f64]) {
        let meaning: Vec<&QueryTerm> = terms.iter().filter(|term| !term.word.filler).collect();
        let asked: f64 = meaning.iter().map(|term| term.weight).sum();
        let mut shared = vec![0.0_f64; scores.len()];
        for term in &meaning {
            let Some(postings) = self.terms.get(&term.word.stem) else { continue };
            for posting in postings.list.iter().filter(|posting| posting.above) {
                shared[posting.section as usize] += term.weight;
            }
        }
        for (number, shared) in shared.into_iter().enumerate().filter(|(_, shared)| *shared > 0.0) {
            scores[number] += LIKENESS_WEIGHT * asked * 2.0 * shared / (asked + self.lengths[number].above);
        }
    }

    fn score_pairs(&self, terms: &[QueryTerm], scores: &mut [f64]) {
        for pair in terms.windows(2) {
            let share =
                if pair[0].word.filler || pair[1].word.filler { PAIR_WEIGHT * FILLER_WEIGHT } else { PAIR_WEIGHT };
            let key = (pair[0].word.stem.clone(), pair[1].word.stem.clone());
            let Some(postings) = self.pairs.get(&key) else { continue };
            for posting in &postings.list {
                scores[posting.section as usize] += share * postings.rarity;
            }
        }
    }
}

fn bump(count: &mut u16) {
    *count = count.saturating_add(1);
}

fn field(field: &Field, count: u16, length: f64, average: f64) -> f64 {
    field.weight * f64::from(count) / (1.0 - field.length + field.length * length / average)
}

fn saturated(frequency: f64) -> f64 {
    frequency * (SATURATION + 1.0) / (frequency + SATURATION)
}

/// ln(1 + (count - found + 0.5) / (found + 0.5)).
fn rarity(found: f64, count: f64) -> f64 {
    natural_logarithm(1.0 + (count - found + 0.5) / (found + 0.5))
}

/// ln of a number of at least 1, from exact operations only: the standard library's may differ between machines in the
/// last digit, and scores must not.
fn natural_logarithm(value: f64) -> f64 {
    let mut mantissa = value;
    let mut halvings = 0.0;
    while mantissa > 1.5 {
        mantissa /= 2.0;
        halvings += 1.0;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)); the argument is at most 1/5 in size, so 12 terms reach 1e-17.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let mut power = ratio;
    let mut sum = 0.0;
    let mut divisor = 1.0;
    for _ in 0..12 {
        sum += power / divisor;
        power *= square;
        divisor += 2.0;
    }
    2.0 * sum + halvings * std::f64::consts::LN_2
}
