//! Wishes in many words: a small linear model over our own example sentences.
//!
//! Multinomial logistic regression on hashed stems, pairs of stems and pairs that skip one. It is trained from [`examples`](super::examples)
//! when it is first needed (some tens of milliseconds) and always comes out the same: the order of examples is fixed and no
//! random number is drawn. Questions are an intent of their own with many examples, since what a business is asked most is a
//! question for its documents.

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};

use super::examples::EXAMPLES;
use super::token::{Token, tokens};

/// A wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intent {
    /// Make an appointment.
    Book,
    /// Move or call off an appointment that stands.
    Move,
    /// Opening hours.
    Hours,
    /// Leave a message, be called back.
    Message,
    /// Something went wrong.
    Complaint,
    /// Become a customer, get an offer.
    Lead,
    /// A person.
    Human,
    /// An emergency.
    Emergency,
    /// A question for the documents, or small talk.
    Question,
}

/// Intents in the order of the model's columns.
pub const INTENTS: [Intent; 9] = [
    Intent::Book,
    Intent::Move,
    Intent::Hours,
    Intent::Message,
    Intent::Complaint,
    Intent::Lead,
    Intent::Human,
    Intent::Emergency,
    Intent::Question,
];

/// Buckets of the hashed features.
const BUCKETS: usize = 1 << 13;
/// Passes over the examples.
const PASSES: usize = 30;
/// Size of one correction.
const RATE: f64 = 0.3;
/// A wish is taken from this probability on.
const SURE: f64 = 0.55;

struct Model {
    weights: Vec<[f64; INTENTS.len()]>,
}

/// The wish of the words, when the model is sure of one.
pub fn read(words: &[Token]) -> Option<Intent> {
    static MODEL: OnceLock<Model> = OnceLock::new();
    let model = MODEL.get_or_init(Model::train);
    let probabilities = model.probabilities(&features(words));
    let (index, best) = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    (*best >= SURE).then_some(INTENTS[index])
}

impl Model {
    fn train() -> Model {
        let examples: Vec<(usize, Vec<usize>)> = EXAMPLES
            .iter()
            .enumerate()
            .flat_map(|(index, (_, sentences))| sentences.iter().map(move |sentence| (index, sentence)))
            .map(|(index, sentence)| (INTENTS.iter().position(|intent| *intent == EXAMPLES[index].0), sentence))
            .filter_map(|(index, sentence)| Some((index?, features(&tokens(sentence)))))
            .collect();
        let mut model = Model { weights: vec![[0.0; INTENTS.len()]; BUCKETS] };
        // A step coprime to the number of examples visits each once and mixes the intents.
        let step = (7..).step_by(2).find(|step| gcd(*step, examples.len().max(1)) == 1).unwrap_or(1);
        for pass in 0..PASSES {
            let rate = RATE / (1.0 + pass as f64 * 0.1);
            for turn in 0..examples.len() {
                let (right, features) = &examples[(turn * step + pass) % examples.len()];
                let probabilities = model.probabilities(features);
                for (index, probability) in probabilities.iter().enumerate() {
                    let wanted = if index == *right { 1.0 } else { 0.0 };
                    for feature in features {
                        model.weights[*feature][index] += rate * (wanted - probability);
                    }
                }
            }
        }
        model
    }

    fn probabilities(&self, features: &[usize]) -> [f64; INTENTS.len()] {
        let mut scores = [0.0; INTENTS.len()];
        for feature in features {
            for (score, weight) in scores.iter_mut().zip(&self.weights[*feature]) {
                *score += weight;
            }
        }
        // Long sentences must not be surer than short ones only because they are long.
        let scale = (features.len() as f64).sqrt().max(1.0);
        let highest = scores.iter().copied().fold(f64::MIN, f64::max);
        let powers = scores.map(|score| ((score - highest) * 3.0 / scale).exp());
        let sum: f64 = powers.iter().sum();
        powers.map(|power| power / sum)
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Buckets of the stems, their pairs and pairs over one word.
fn features(words: &[Token]) -> Vec<usize> {
    let stemmer = rust_stemmers::Stemmer::create(rust_stemmers::Algorithm::English);
    let stems: Vec<String> = words.iter().map(|token| shape(&stemmer.stem(&token.lower))).collect();
    let mut features: Vec<usize> = stems.iter().map(|stem| bucket(&[stem])).collect();
    features.extend(stems.windows(2).map(|pair| bucket(&[&pair[0], &pair[1]])));
    features.extend(stems.windows(3).map(|three| bucket(&[&three[0], "_", &three[2]])));
    features.push(bucket(&["^", stems.first().map_or("", String::as_str)]));
    features.sort_unstable();
    features.dedup();
    features
}

/// Numbers are alike.
fn shape(stem: &str) -> String {
    if stem.chars().any(|c| c.is_ascii_digit()) { "#".to_owned() } else { stem.to_owned() }
}

fn bucket(words: &[&str]) -> usize {
    let hash = digest(&SHA256, words.join(" ").as_bytes());
    let hash = hash.as_ref();
    usize::from(u16::from_be_bytes([hash[0], hash[1]])) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(words: &str) -> Option<Intent> {
        read(&tokens(words))
    }

    #[test]
    fn every_intent_has_examples() {
        for intent in INTENTS {
            let count: usize = EXAMPLES.iter().filter(|(of, _)| *of == intent).map(|(_, list)| list.len()).sum();
            assert!(count >= 15, "{intent:?} has {count}");
        }
    }

    #[test]
    fn sentences_that_are_no_examples_are_read() {
        for (words, wanted) in [
            ("Could you squeeze me in for a cleaning next week?", Intent::Book),
            ("I would love to get an appointment on Friday", Intent::Book),
            ("I can't come on Tuesday, can we move it to Thursday?", Intent::Move),
            ("until when are you open tonight", Intent::Hours),
            ("have somebody ring me back this evening", Intent::Message),
            ("the filling you made fell out and I am really unhappy", Intent::Complaint),
            ("I'd like to sign up as a new patient", Intent::Lead),
            ("how much do you charge for whitening", Intent::Question),
            ("where can I park my car", Intent::Question),
            ("what is your cancellation policy", Intent::Question),
            ("do you accept my insurance", Intent::Question),
        ] {
            assert_eq!(intent(words), Some(wanted), "{words}");
        }
    }
}
