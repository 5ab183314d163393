//! Words that callers and documents use for the same plain things of any business: price, hours, place, payment.
//!
//! A short closed list for English. It helps where a question and a document name one thing with two words ("how much
//! is", "the fee"); the owner's own wording for services belongs into the documents.

use super::words::Word;

/// Share of its weight with which a near word counts.
const NEAR_SHARE: f64 = 0.35;

/// Groups of stems that mean nearly the same.
const GROUPS: &[&[&str]] = &[
    &["price", "cost", "fee", "charg", "rate", "tariff", "expens", "pay"],
    &["hour", "open", "opening", "close", "schedul", "time"],
    &["address", "locat", "situat", "direct", "find", "place", "street", "road", "avenu"],
    &["phone", "telephon", "call", "number", "contact", "reach", "ring"],
    &["email", "mail", "contact"],
    &["pay", "payment", "card", "cash", "credit", "debit", "visa", "mastercard", "invoic"],
    &["appoint", "book", "visit", "reserv", "schedul", "slot"],
    &["cancel", "cancell", "reschedul", "miss"],
    &["child", "kid", "toddler", "son", "daughter", "babi"],
    &["park", "garag", "car"],
    &["insur", "coverag", "cover", "polici", "plan"],
    &["refund", "return", "reimburs", "money"],
    &["deliveri", "deliv", "ship", "shipment"],
    &["doctor", "dentist", "physician", "dr"],
    &["pain", "hurt", "ach", "toothach"],
    &["clean", "hygien", "prophylaxi"],
    &["wheelchair", "access", "step", "disabl", "elev", "lift"],
    &["dog", "pet", "anim"],
    &["rent", "leas"],
    &["holiday", "vacat", "closur"],
    &["employe", "staff", "team"],
    &["bui", "purchas", "order"],
    &["late", "later", "delay"],
    &["complain", "complaint"],
    &["remov", "extract", "pull"],
    &["nervous", "anxious", "afraid", "scare", "fear", "frighten"],
];

/// For each word of a question the near stems, each with its share.
pub fn near(question: &[Word]) -> Vec<Vec<(&'static str, f64)>> {
    let mut all: Vec<Vec<(&'static str, f64)>> =
        question.iter().map(|word| if word.filler { Vec::new() } else { group_of(&word.stem) }).collect();
    // "How much" asks for a price without naming it; "when" for a time and "where" for a place.
    for (number, word) in question.iter().enumerate() {
        let after_how = number > 0 && question[number - 1].folded == "how";
        let asked: &[&'static str] = match word.folded.as_str() {
            "much" if after_how => &["price", "cost", "fee", "charg"],
            "when" => &["hour", "open", "time"],
            "where" => &["address", "locat", "street"],
            "long" if after_how => &["durat", "minut", "hour", "day", "week", "month"],
            _ => &[],
        };
        all[number].extend(asked.iter().map(|stem| (*stem, NEAR_SHARE)));
    }
    all
}

fn group_of(stem: &str) -> Vec<(&'static str, f64)> {
    let mut found: Vec<(&'static str, f64)> = Vec::new();
    for group in GROUPS.iter().filter(|group| group.contains(&stem)) {
        for other in *group {
            if *other != stem && !found.iter().any(|(known, _)| known == other) {
                found.push((other, NEAR_SHARE));
            }
        }
    }
    found
}
