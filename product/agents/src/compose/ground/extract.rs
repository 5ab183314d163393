//! Finding the facts of a text.

use std::collections::BTreeSet;

use crate::english::{BELOW_TWENTY, MONTHS, TENS, WEEKDAYS};

/// One checkable fact, in a form in which equal facts are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A web address or domain, lowercase, without scheme and closing slash.
    Link(String),
    /// An e-mail address, lowercase.
    Email(String),
    /// The digits of a telephone number (or another number of seven or more digits).
    Digits(String),
    /// A day of a month.
    Date {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// A weekday, 1 = Monday.
    Weekday(i8),
    /// A time of day.
    Time {
        /// 0 to 23.
        hour: i8,
        /// 0 to 59.
        minute: i8,
    },
    /// A price: currency sign or code and number.
    Price(String, String),
    /// Any other number, thousands separators and trailing zeros removed.
    Number(String),
    /// A street address as a normalised phrase.
    Address(String),
    /// Letters and digits mixed, uppercase.
    Code(String),
}

storage::debug_shows!(enum Fact {
    Link {},
    Email {},
    Digits {},
    Date { month, day },
    Weekday {},
    Time { hour, minute },
    Price {},
    Number {},
    Address {},
    Code {},
});

impl Fact {
    /// What kind of fact it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Fact::Link(_) => "web address",
            Fact::Email(_) => "e-mail address",
            Fact::Digits(_) => "long number",
            Fact::Date { .. } => "date",
            Fact::Weekday(_) => "weekday",
            Fact::Time { .. } => "time",
            Fact::Price(..) => "price",
            Fact::Number(_) => "number",
            Fact::Address(_) => "street address",
            Fact::Code(_) => "code",
        }
    }
}

const STREETS: [&str; 14] = [
    "street",
    "st",
    "road",
    "rd",
    "avenue",
    "ave",
    "lane",
    "drive",
    "square",
    "boulevard",
    "way",
    "platz",
    "allee",
    "court",
];
/// From this many digits on a run of digit groups is one long number.
const LONG_DIGITS: usize = 7;

/// Lowercase words parted by single spaces, punctuation at their edges removed: how phrases are compared.
pub(super) fn normal(text: &str) -> String {
    text.split_whitespace()
        .map(|word| trim(word).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn trim(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '€' | '$' | '£' | '%'))
}

/// Every fact of a text.
pub fn facts_of_text(text: &str) -> BTreeSet<Fact> {
    // Dashes part ranges ("9:00–12:00") just as spaces do; a plain hyphen stays, numbers are written with it.
    let text = text.replace(['–', '—', '‑', '\u{a0}', '\u{202f}'], " ");
    let words: Vec<&str> = text.split_whitespace().map(trim).filter(|word| !word.is_empty()).collect();
    let mut facts = BTreeSet::new();
    let mut at = 0;
    while at < words.len() {
        at += take(&words[at..], &mut facts).max(1);
    }
    addresses(&words, &mut facts);
    facts
}

/// Takes the fact that begins at the first word; returns how many words it took.
fn take(words: &[&str], facts: &mut BTreeSet<Fact>) -> usize {
    let word = words[0];
    let lower = word.to_lowercase();
    if let Some(fact) = address_of_net(&lower) {
        facts.insert(fact);
        return 1;
    }
    if let Some(weekday) = named(&lower, &WEEKDAYS) {
        facts.insert(Fact::Weekday(weekday));
        return 1;
    }
    if let (Some(currency), Some(next)) = (currency_of(word), words.get(1))
        && !word.bytes().any(|byte| byte.is_ascii_digit())
        && next.starts_with(|c: char| c.is_ascii_digit())
    {
        facts.insert(Fact::Price(currency.to_owned(), canonical(next)));
        return 2;
    }
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return take_number(words, facts);
    }
    if let Some(month) = named(&lower, &MONTHS)
        && let Some(day) = words.get(1).and_then(|next| day_of_month(next))
    {
        facts.insert(Fact::Date { month, day });
        return 2;
    }
    spelled(words, facts)
}

/// A weekday or month by its name or plural ("Mondays"); months also by their first three letters.
fn named(lower: &str, names: &[&str]) -> Option<i8> {
    let singular = lower.strip_suffix('s').filter(|word| word.ends_with("day")).unwrap_or(lower);
    let is_month = names.len() == MONTHS.len();
    let is_abbreviation =
        |name: &str| is_month && name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(singular));
    let index = names.iter().position(|name| name.eq_ignore_ascii_case(singular) || is_abbreviation(name))?;
    i8::try_from(index + 1).ok()
}

fn address_of_net(lower: &str) -> Option<Fact> {
    if lower.contains('@') && lower.contains('.') {
        return Some(Fact::Email(lower.to_owned()));
    }
    let rest = lower.split_once("://").map_or(lower, |(_, rest)| rest);
    let rest = rest.strip_prefix("www.").unwrap_or(rest).trim_end_matches('/');
    let host = rest.split('/').next().unwrap_or(rest);
    let dotted = host.split('.').count() >= 2 && host.split('.').all(|label| !label.is_empty());
    let last = host.rsplit('.').next().unwrap_or("");
    let domain = dotted && last.len() >= 2 && last.chars().all(char::is_alphabetic);
    (domain || lower.contains("://")).then(|| Fact::Link(rest.to_owned()))
}

fn take_number(words: &[&str], facts: &mut BTreeSet<Fact>) -> usize {
    let word = words[0];
    if let Some(time) = clock(word, words.get(1).copied()) {
        facts.insert(time.0);
        return time.1;
    }
    if let Some((year, month, day)) = iso_date(word) {
        facts.insert(Fact::Date { month, day });
        facts.insert(Fact::Number(year));
        return 1;
    }
    if let (Some(day), Some(next)) = (day_of_month(word), words.get(1)) {
        let (next, took) = if next.eq_ignore_ascii_case("of") { (words.get(2), 3) } else { (Some(next), 2) };
        if let Some(month) = next.and_then(|next| named(&next.to_lowercase(), &MONTHS)) {
            facts.insert(Fact::Date { month, day });
            return took;
        }
    }
    let (digits, took) = long_digits(words);
    if digits.len() >= LONG_DIGITS {
        facts.insert(Fact::Digits(digits));
        return took;
    }
    facts.insert(single_number(word, words.get(1).copied()));
    1
}

/// A long number written in groups: consecutive words of digits and `+-/().` only.
fn long_digits(words: &[&str]) -> (String, usize) {
    let group = |word: &&&str| word.chars().all(|c| c.is_ascii_digit() || "+-/().".contains(c)) && !word.contains('€');
    let groups: Vec<_> = words.iter().take_while(group).collect();
    let digits: String = groups.iter().flat_map(|word| word.chars()).filter(char::is_ascii_digit).collect();
    (digits, groups.len().max(1))
}

fn single_number(word: &str, next: Option<&str>) -> Fact {
    let currency = currency_of(word).or_else(|| next.and_then(currency_of).filter(|_| ends_in_digit(word)));
    let bare = word.trim_matches(|c: char| !c.is_ascii_digit());
    let ordinal = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &word[ordinal.len()..];
    if let Some(currency) = currency {
        return Fact::Price(currency.to_owned(), canonical(bare));
    }
    let lettered = word.starts_with(|c: char| c.is_alphabetic());
    let plain = !lettered && bare.chars().all(|c| c.is_ascii_digit() || ".,".contains(c));
    if plain && (matches!(suffix, "" | "st" | "nd" | "rd" | "th" | "s") || word.ends_with('%')) {
        return Fact::Number(canonical(bare));
    }
    Fact::Code(word.to_uppercase())
}

fn ends_in_digit(word: &str) -> bool {
    word.ends_with(|c: char| c.is_ascii_digit())
}

fn currency_of(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    for (signs, code) in [
        (["€", "eur", "euro", "euros"], "EUR"),
        (["$", "usd", "dollar", "dollars"], "USD"),
        (["£", "gbp", "pound", "pounds"], "GBP"),
    ] {
        let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
        if signs.contains(&letters.as_str()) || lower.contains(signs[0]) {
            return Some(code);
        }
    }
    None
}

/// `1,250.50` and `1250.5` are one number. A separator with exactly three digits behind it parts thousands.
fn canonical(number: &str) -> String {
    let number = number.trim_matches(|c: char| !c.is_ascii_digit());
    let cut = number.rfind(['.', ',']).filter(|cut| number.len() - cut - 1 != 3);
    let (whole, fraction) = cut.map_or((number, ""), |cut| (&number[..cut], &number[cut + 1..]));
    let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    let whole = digits.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// `15:30`, `3:30 pm`, `3pm`, `3 pm`.
fn clock(word: &str, next: Option<&str>) -> Option<(Fact, usize)> {
    let lower = word.to_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
    let glued = lower[digits.len()..].replace('.', "");
    let next = next.map(|next| next.to_lowercase().replace('.', "")).unwrap_or_default();
    let (half, took) = if half_day(&glued) {
        (glued.as_str(), 1)
    } else if glued.is_empty() && half_day(&next) {
        (next.as_str(), 2)
    } else {
        ("", 1)
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour.parse::<i8>().ok()?, minute.parse::<i8>().ok()?),
        Some(_) => return None,
        None if half.is_empty() => return None,
        None => (digits.parse::<i8>().ok()?, 0),
    };
    let hour = match half {
        "pm" if hour < 12 => hour + 12,
        "am" if hour == 12 => 0,
        _ => hour,
    };
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some((Fact::Time { hour, minute }, took))
}

fn half_day(word: &str) -> bool {
    matches!(word, "am" | "pm")
}

fn iso_date(word: &str) -> Option<(String, i8, i8)> {
    let date: jiff::civil::Date = (word.len() == 10).then(|| word.parse().ok())??;
    Some((date.year().to_string(), date.month(), date.day()))
}

/// `5`, `5th`, `05`: a day of a month.
fn day_of_month(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &word[digits.len()..];
    let day = digits.parse::<i8>().ok()?;
    ((1..=31).contains(&day) && matches!(suffix, "" | "st" | "nd" | "rd" | "th")).then_some(day)
}

/// Numbers in words up to ninety-nine and round hundreds and thousands; "one" alone is a pronoun, not a fact.
fn spelled(words: &[&str], facts: &mut BTreeSet<Fact>) -> usize {
    let mut total = 0_u64;
    let mut current = 0_u64;
    let mut took = 0;
    for word in words {
        let lower = word.to_lowercase();
        let mut known = true;
        for piece in lower.split('-') {
            match piece {
                "hundred" if current > 0 => current = current.saturating_mul(100),
                "thousand" if current > 0 => {
                    total += current.saturating_mul(1_000);
                    current = 0;
                }
                piece => match small(piece) {
                    Some(value) => current = current.saturating_add(value),
                    None => known = false,
                },
            }
        }
        if !known || took >= 6 {
            break;
        }
        took += 1;
    }
    let value = total.saturating_add(current);
    let pronoun = took == 1 && value == 1;
    if took > 0 && !pronoun {
        let currency = words.get(took).and_then(|next| currency_of(next));
        facts.insert(match currency {
            Some(code) => Fact::Price(code.to_owned(), value.to_string()),
            None => Fact::Number(value.to_string()),
        });
    }
    took
}

fn small(word: &str) -> Option<u64> {
    if let Some(index) = BELOW_TWENTY.iter().position(|name| *name == word) {
        return u64::try_from(index).ok();
    }
    let index = TENS.iter().position(|name| *name == word)?;
    u64::try_from((index + 2) * 10).ok()
}

/// `12 High Street` and `Lindenstraße 5`.
fn addresses(words: &[&str], facts: &mut BTreeSet<Fact>) {
    let house = |word: &str| word.len() <= 5 && word.starts_with(|c: char| c.is_ascii_digit());
    for (index, word) in words.iter().enumerate() {
        let lower = word.to_lowercase();
        if STREETS.contains(&lower.as_str()) {
            let from = (index.saturating_sub(4)..index).rev().find(|at| house(words[*at]));
            if let Some(from) = from.filter(|from| index - from >= 2) {
                facts.insert(Fact::Address(normal(&words[from..=index].join(" "))));
            }
        }
        let german = ["straße", "strasse", "platz", "allee", "weg"]
            .iter()
            .any(|end| lower.len() > end.len() && lower.ends_with(end));
        if german && words.get(index + 1).is_some_and(|next| house(next)) {
            facts.insert(Fact::Address(normal(&words[index..=index + 1].join(" "))));
        }
    }
}
