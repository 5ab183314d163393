//! What kind of answer a question asks for (an amount of money, a time, a place …), and which kinds of value a line of a
//! document holds. A line of the right kind is the better quote: "How much is a cleaning?" is answered by the line with
//! the price, not by the one that says most about cleanings.
//!
//! Pure and closed: English question words on one side, the form of values on the other. Nothing here knows a business.

use super::index::QueryTerm;
use super::words::Word;

/// The kind of answer that a question asks for, as far as its words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An amount of money.
    Price,
    /// How long something takes or lasts, how early.
    Duration,
    /// How often.
    Frequency,
    /// A time of day, a day, a date, opening hours.
    Time,
    /// How many, how far, how old, a share.
    Number,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// Somebody.
    Name,
    /// A place or an address.
    Place,
    /// Nothing that has a form of its own.
    Other,
}

/// What a value of the kind asked for adds to a line's score, as a share of the whole question; more where the form of
/// the value is sure.
const LINE_SHARE: f64 = 0.15;
const SURE_LINE_SHARE: f64 = 0.6;
/// The part of a section's rank that its best line decides by its form; more where the form of the value is sure.
const OTHER_SECTION_SHARE: f64 = 0.1;
const SECTION_SHARE: f64 = 0.3;
const SURE_SECTION_SHARE: f64 = 0.75;
/// How strongly a line that only says "free" answers the question for a price.
const FREE_STRENGTH: f64 = 0.6;
/// How strongly any number answers where a number with a unit is asked for.
const BARE_NUMBER_STRENGTH: f64 = 0.8;
/// Digits of a telephone number, at least and at most (ITU-T E.164 allows 15; local numbers have 7).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Words that ask for a price by themselves.
const PRICE_WORDS: &[&str] = &[
    "charge",
    "charged",
    "charges",
    "cost",
    "costs",
    "expensive",
    "fee",
    "fees",
    "price",
    "priced",
    "prices",
    "pricing",
    "rates",
    "tariff",
    "tariffs",
];
/// Words that stand between "how much" and the thing whose price is asked; a noun there asks for an amount of it.
const AFTER_HOW_MUCH: &[&str] =
    &["am", "are", "can", "did", "do", "does", "for", "i", "is", "it", "must", "should", "the", "to", "will", "would"];
/// Units of time, as stems.
const TIME_UNITS: &[&str] =
    &["second", "minut", "min", "hour", "hr", "day", "night", "week", "month", "year", "decad", "centuri"];
/// Words that tell how often.
const OFTEN: &[&str] = &[
    "annually",
    "daily",
    "every",
    "hourly",
    "monthly",
    "once",
    "per",
    "quarterly",
    "times",
    "twice",
    "weekly",
    "yearly",
];
/// Codes and names of currencies.
const CURRENCIES: &[&str] = &[
    "aud", "cad", "cent", "cents", "chf", "dollar", "dollars", "eur", "euro", "euros", "franc", "francs", "gbp", "nzd",
    "pence", "penny", "pound", "pounds", "usd",
];
const CURRENCY_SIGNS: &[char] = &['$', '\u{20ac}', '\u{a3}', '\u{a5}'];
/// Words that tell a time.
const TIMES: &[&str] = &[
    "april",
    "august",
    "century",
    "daily",
    "december",
    "february",
    "friday",
    "january",
    "july",
    "june",
    "march",
    "midnight",
    "monday",
    "noon",
    "november",
    "october",
    "saturday",
    "september",
    "sunday",
    "thursday",
    "tuesday",
    "wednesday",
    "weekdays",
    "weekends",
];

impl Asked {
    /// The kind that the words of a question ask for; the first that fits, the most telling ones first.
    pub fn of(question: &[Word]) -> Self {
        let has = |word: &str| question.iter().any(|known| known.folded == word);
        let has_any = |list: &[&str]| question.iter().any(|known| list.contains(&known.folded.as_str()));
        let after = |first: &str, second: &str| {
            let at = question.windows(2).position(|two| two[0].folded == first && two[1].folded == second);
            at.map(|at| question.get(at + 2))
        };
        let pair = |first: &str, second: &str| after(first, second).is_some();
        let of_time = |word: Option<&Word>| word.is_some_and(|word| TIME_UNITS.contains(&word.stem.as_str()));
        let how_much = after("how", "much");
        let of_notice =
            |word: Option<&Word>| word.is_some_and(|word| matches!(word.folded.as_str(), "notice" | "time"));
        let to_us = ["call", "contact", "phone", "reach", "ring", "telephone"].iter().any(|verb| pair(verb, "you"));
        let amount_of_money =
            |next: Option<&Word>| next.is_none_or(|next| AFTER_HOW_MUCH.contains(&next.folded.as_str()));
        if has_any(PRICE_WORDS) || how_much.is_some_and(amount_of_money) {
            Self::Price
        } else if has_any(&["fax", "phone", "telephone"]) && !has_any(&["who", "when"])
            || (has("number") && has_any(&["call", "reach", "ring"]))
            || (has("how") && to_us)
        {
            Self::Phone
        } else if has_any(&["email", "mail"]) && has_any(&["what", "whats", "which", "address", "your"]) {
            Self::Email
        } else if pair("how", "often") {
            Self::Frequency
        } else if pair("how", "long")
            || pair("how", "soon")
            || pair("how", "early")
            || pair("how", "quickly")
            || after("how", "many").is_some_and(of_time)
            || how_much.is_some_and(of_notice)
        {
            Self::Duration
        } else if has_any(&["when", "hours"])
            || ["year", "time", "date", "day", "days"].iter().any(|noun| pair("what", noun) || pair("which", noun))
        {
            Self::Time
        } else if has_any(&["percentage", "percent"])
            || how_much.is_some()
            || pair("how", "many")
            || pair("how", "far")
            || pair("how", "old")
            || pair("what", "number")
            || pair("what", "age")
        {
            Self::Number
        } else if has_any(&["who", "whose", "whom"]) {
            Self::Name
        } else if has_any(&["where", "address", "located"]) {
            Self::Place
        } else {
            Self::Other
        }
    }

    /// Whether a word of the question only names the kind ("price", "phone", "hours"), not the subject.
    pub fn is_named_by(self, word: &Word) -> bool {
        let folded = word.folded.as_str();
        match self {
            Self::Price => PRICE_WORDS.contains(&folded) || matches!(folded, "much" | "pay" | "money"),
            Self::Duration => {
                TIME_UNITS.contains(&word.stem.as_str())
                    || matches!(folded, "early" | "last" | "long" | "quickly" | "soon")
            }
            Self::Frequency => folded == "often",
            Self::Time => matches!(folded, "time" | "times" | "hour" | "hours" | "day" | "days" | "date" | "year"),
            Self::Number => matches!(folded, "number" | "percent" | "percentage" | "old" | "far"),
            Self::Phone => matches!(folded, "phone" | "telephone" | "number" | "call" | "ring" | "reach" | "contact"),
            Self::Email => matches!(folded, "email" | "mail" | "e" | "address" | "contact" | "write"),
            Self::Place => matches!(folded, "address" | "located" | "location" | "place"),
            Self::Name | Self::Other => false,
        }
    }

    /// Whether an answer without such a value is none: the form of money, of telephone numbers and of e-mail addresses is
    /// told surely, that of the others is not.
    pub fn has_sure_form(self) -> bool {
        matches!(self, Self::Price | Self::Phone | Self::Email)
    }

    /// What a value of this kind adds to a line, as a share of the whole question.
    pub fn line_share(self) -> f64 {
        match self {
            Self::Other => 0.0,
            kind if kind.has_sure_form() => SURE_LINE_SHARE,
            _ => LINE_SHARE,
        }
    }

    /// The rank of a section among those found: its share of a perfect score, and how far its best line answers by its
    /// form (`evidence`, 0 to 1), which counts more where the form of the value is sure.
    pub fn rank_thousandths(self, share_thousandths: i64, evidence: f64) -> i64 {
        let part = match self {
            Self::Other => OTHER_SECTION_SHARE,
            kind if kind.has_sure_form() => SURE_SECTION_SHARE,
            _ => SECTION_SHARE,
        };
        ((1.0 - part) * share_thousandths as f64 + part * 1_000.0 * evidence).round() as i64
    }

    /// Whether one value is the whole answer. Opening hours, names and places may need all that stands under a heading.
    pub fn stands_alone(self) -> bool {
        !matches!(self, Self::Time | Self::Name | Self::Place | Self::Other)
    }

    /// How well a line holds a value of this kind, 0 to 1; any line will do for [`Asked::Other`]. Values that the question itself names are not its answer.
    pub fn strength_in(self, text: &str, line: &[Word], question: &[QueryTerm]) -> f64 {
        let is_new = |word: &&Word| !question.iter().any(|term| term.word.stem == word.stem);
        let is_number = |word: &Word| word.stem.starts_with(|first: char| first.is_ascii_digit());
        let new_number = || line.iter().filter(is_new).any(is_number);
        let new_capital = || line.iter().skip(1).filter(is_new).any(|word| word.capital && !word.filler);
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        match self {
            Self::Price if holds_money(text, line) => 1.0,
            Self::Price => FREE_STRENGTH * truth(line.iter().any(|word| word.folded == "free")),
            Self::Duration if holds_duration(line) => 1.0,
            Self::Duration => BARE_NUMBER_STRENGTH * truth(new_number()),
            Self::Frequency => truth(line.iter().any(|word| OFTEN.contains(&word.folded.as_str()))),
            Self::Time => {
                truth(new_number() || line.iter().filter(is_new).any(|word| TIMES.contains(&word.folded.as_str())))
            }
            Self::Number => truth(new_number()),
            Self::Phone => truth(holds_phone(text)),
            Self::Email => truth(holds_email(text)),
            Self::Name | Self::Place => truth(new_capital()),
            Self::Other => 1.0,
        }
    }
}

/// A currency sign beside a digit, or a number followed by the name or code of a currency (or the code before it).
fn holds_money(text: &str, line: &[Word]) -> bool {
    let is_digit = |character: Option<char>| character.is_some_and(|character| character.is_ascii_digit());
    let beside_digit = text.match_indices(CURRENCY_SIGNS).any(|(at, sign)| {
        let (before, after) = (text[..at].trim_end(), text[at + sign.len()..].trim_start());
        is_digit(before.chars().next_back()) || is_digit(after.chars().next())
    });
    let is_number = |word: &Word| word.stem.starts_with(|first: char| first.is_ascii_digit());
    let is_currency = |word: &Word| CURRENCIES.contains(&word.folded.as_str());
    beside_digit
        || line
            .windows(2)
            .any(|two| is_number(&two[0]) && is_currency(&two[1]) || is_currency(&two[0]) && is_number(&two[1]))
        || line.windows(3).any(|three| is_number(&three[0]) && is_currency(&three[2]))
}

/// A number (or "one", "a few", "several") before a unit of time, with at most one word between them.
fn holds_duration(line: &[Word]) -> bool {
    let counts = |word: &Word| {
        word.stem.starts_with(|first: char| first.is_ascii_digit())
            || matches!(word.folded.as_str(), "one" | "few" | "several" | "half" | "every" | "once" | "twice")
    };
    let is_unit = |word: &Word| TIME_UNITS.contains(&word.stem.as_str());
    line.windows(2).any(|two| counts(&two[0]) && is_unit(&two[1]))
        || line.windows(3).any(|three| counts(&three[0]) && is_unit(&three[2]))
}

/// A run of digits, spaces and the marks of telephone numbers that holds as many digits as one has.
fn holds_phone(text: &str) -> bool {
    let in_number = |character: char| character.is_ascii_digit() || " +-/().\u{a0}".contains(character);
    let digits = |run: &str| run.chars().filter(char::is_ascii_digit).count();
    text.split(|character| !in_number(character)).any(|run| PHONE_DIGITS.contains(&digits(run)))
}

fn holds_email(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.trim_end_matches('.').contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    fn strength(asked: Asked, line: &str) -> f64 {
        asked.strength_in(line, &words(line), &[])
    }

    #[test]
    fn a_question_says_what_kind_of_answer_it_wants() {
        let cases = [
            ("How much is a cleaning?", Asked::Price),
            ("what does parking cost", Asked::Price),
            ("How much water does it use?", Asked::Number),
            ("How much notice do you need?", Asked::Duration),
            ("How many weeks does it take?", Asked::Duration),
            ("How many chairs are there?", Asked::Number),
            ("How often should I come?", Asked::Frequency),
            ("When do you open?", Asked::Time),
            ("What is your telephone number?", Asked::Phone),
            ("How can I reach you?", Asked::Phone),
            ("What's your e-mail address?", Asked::Email),
            ("Who is the manager?", Asked::Name),
            ("Where are you?", Asked::Place),
            ("Can I pay by card?", Asked::Other),
            ("", Asked::Other),
        ];
        for (question, asked) in cases {
            assert_eq!(Asked::of(&words(question)), asked, "{question}");
        }
    }

    #[test]
    fn money_is_a_sign_or_a_currency_beside_a_number() {
        for line in
            ["\u{a3}72", "from $ 90", "90 \u{20ac}", "CHF 120", "ninety, or 90 dollars", "2.40 euros", "$1,500.50"]
        {
            assert!((strength(Asked::Price, line) - 1.0).abs() < f64::EPSILON, "{line}");
        }
        for line in ["40 minutes", "the dollar fell", "room 12", "a $ sign", "\u{a3}", ""] {
            assert!(strength(Asked::Price, line) < f64::EPSILON, "{line}");
        }
        assert!((strength(Asked::Price, "The first copy is free.") - FREE_STRENGTH).abs() < f64::EPSILON);
    }

    #[test]
    fn times_telephone_numbers_and_addresses_have_their_forms() {
        for (asked, line) in [
            (Asked::Duration, "It takes two to four hours."),
            (Asked::Duration, "5 working days"),
            (Asked::Frequency, "one every 12 months"),
            (Asked::Time, "closed on Sunday"),
            (Asked::Phone, "Telephone 0117 496 0123."),
            (Asked::Phone, "555 0123"),
            (Asked::Email, "desk@harbour.example."),
        ] {
            assert!((strength(asked, line) - 1.0).abs() < f64::EPSILON, "{line}");
        }
        let sixteen = "1".repeat(16);
        for (asked, line) in [
            (Asked::Duration, "hours of fun"),
            (Asked::Frequency, "12 months"),
            (Asked::Phone, "call 999"),
            (Asked::Phone, "555 012"),
            (Asked::Phone, sixteen.as_str()),
            (Asked::Email, "@home and at@work"),
        ] {
            assert!(strength(asked, line) < f64::EPSILON, "{line}");
        }
    }

    #[test]
    fn a_number_of_the_question_is_not_its_answer() {
        let line = "Children under 16 are treated.";
        let index = super::super::Index::default();
        let terms = index.query("How many of the 16 are treated?");
        assert!(Asked::Number.strength_in(line, &words(line), &terms) < f64::EPSILON);
        assert!(strength(Asked::Number, line) > 0.5);
    }
}
