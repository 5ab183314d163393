//! Phone numbers as people read them (ITU-T E.123): the country's code apart, then groups that the eye can hold.

use std::fmt::{Display, Formatter, Result};

/// Codes of two digits (ITU-T E.164, assigned list); 1 and 7 have one digit, all others three.
const TWO_DIGITS: [&str; 41] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93",
];
const TWO_DIGITS_MORE: [&str; 3] = ["94", "95", "98"];
/// Longest number, in digits (E.164).
const DIGITS_MAX: usize = 15;

/// A number as it was signalled; displayed grouped when it is one in E.164, as it is otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(pub String);

storage::debug_shows!(
    struct PhoneNumber {}
);

fn country_code_length(digits: &str) -> usize {
    match digits.get(..2) {
        _ if digits.starts_with(['1', '7']) => 1,
        Some(code) if TWO_DIGITS.contains(&code) || TWO_DIGITS_MORE.contains(&code) => 2,
        _ => 3,
    }
}

/// Sizes of groups for so many digits: threes where they fit, else fours from the right.
fn groups(count: usize) -> Vec<usize> {
    if count.is_multiple_of(3) {
        return vec![3; count / 3];
    }
    let first = count % 4;
    let rest = std::iter::repeat_n(4, count / 4);
    if first == 0 { rest.collect() } else { std::iter::once(first).chain(rest).collect() }
}

/// Sizes of groups of a British number of ten digits, by what its area code begins with (Ofcom, National Telephone Numbering
/// Plan, section A): 20 7946 0958, 117 496 0123, 7700 900 123.
fn british(rest: &str) -> Vec<usize> {
    let mut digits = rest.bytes();
    match (digits.next(), digits.next(), digits.next()) {
        (Some(b'2'), ..) => vec![2, 4, 4],
        (Some(b'1'), Some(b'1'), _) | (Some(b'1'), _, Some(b'1')) | (Some(b'3' | b'8' | b'9'), ..) => vec![3, 3, 4],
        _ => vec![4, 3, 3],
    }
}

/// How what follows the country's code is grouped, where that country writes its numbers in a way of its own.
fn sizes(code: &str, rest: &str) -> Vec<usize> {
    match (code, rest.len()) {
        ("1", 10) => vec![3, 3, 4],
        ("44", 10) => british(rest),
        (_, length) => groups(length),
    }
}

impl Display for PhoneNumber {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let digits = self.0.strip_prefix('+').unwrap_or("");
        let fits = (7..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !fits {
            return formatter.write_str(&self.0);
        }
        let (code, mut rest) = digits.split_at(country_code_length(digits));
        write!(formatter, "+{code}")?;
        for size in sizes(code, rest) {
            let (group, after) = rest.split_at(size);
            // A narrow place may break a line anywhere but within a number.
            write!(formatter, "\u{a0}{group}")?;
            rest = after;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_after_their_country() {
        for (signalled, read) in [
            ("+442079460958", "+44 20 7946 0958"),
            ("+441174960123", "+44 117 496 0123"),
            ("+441414960000", "+44 141 496 0000"),
            ("+447700900123", "+44 7700 900 123"),
            ("+441632960001", "+44 1632 960 001"),
            ("+443069990000", "+44 306 999 0000"),
            ("+44800001066", "+44 800 001 066"),
            ("+12025550143", "+1 202 555 0143"),
            ("+4930901820", "+49 3090 1820"),
            ("+33199001234", "+33 199 001 234"),
            ("+353209123456", "+353 209 123 456"),
        ] {
            assert_eq!(PhoneNumber(signalled.to_owned()).to_string().replace('\u{a0}', " "), read);
        }
    }

    #[test]
    fn what_is_no_number_stays_as_it_is() {
        for text in ["", "+", "practice", "112", "+44 20", "+1234567890123456", "<b>", "+é0000000"] {
            assert_eq!(PhoneNumber(text.to_owned()).to_string(), text);
        }
    }
}
