//! Payment cards: their numbers are masked before anything is understood, stored or shown.
//!
//! A number counts as a card's when it has 14 to 19 digits (ISO/IEC 7812; spaces and hyphens between them allowed), begins with a
//! digit that card networks use and passes the Luhn check. The last four digits stay, as the rules of the card industry allow
//! (PCI DSS 4.0, requirement 3.4).

/// Digits of a card number.
const DIGITS: std::ops::RangeInclusive<usize> = 14..=19;
/// Digits that stay.
const KEPT: usize = 4;

/// The text with every card number masked.
pub fn masked(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let run = run_of_digits(&characters[at..]);
        let before = if at > 0 { characters[at - 1] } else { ' ' };
        if run > 0 {
            let piece = &characters[at..at + run];
            // International telephone numbers begin with a plus.
            if before == '+' {
                out.extend(piece);
            } else {
                out.push_str(&masked_run(piece));
            }
            at += run;
        } else {
            out.push(characters[at]);
            at += 1;
        }
    }
    out
}

/// How many characters of digits with single separators between them begin here.
fn run_of_digits(characters: &[char]) -> usize {
    let mut length = 0;
    let mut at = 0;
    while at < characters.len() {
        if characters[at].is_ascii_digit() {
            length = at + 1;
        } else if !(matches!(characters[at], ' ' | '-' | '.') && length == at && at > 0) {
            break;
        }
        at += 1;
    }
    length
}

/// Masks the card number that stands anywhere in a run of digits; several numbers may stand side by side.
fn masked_run(piece: &[char]) -> String {
    let places: Vec<usize> = (0..piece.len()).filter(|at| piece[*at].is_ascii_digit()).collect();
    let digits: Vec<u32> = places.iter().filter_map(|at| piece[*at].to_digit(10)).collect();
    let mut hidden = vec![false; piece.len()];
    let mut from = 0;
    while from + DIGITS.start() <= digits.len() {
        // A number begins and ends at the edges of a group, never inside one.
        let edge = |at: usize| at == 0 || at == places.len() || places[at] > places[at - 1] + 1;
        let fits = |length: &usize| {
            let until = from + length;
            until <= digits.len() && edge(until) && is_card(&digits[from..until])
        };
        let length = DIGITS.rev().find(fits).filter(|_| edge(from));
        match length {
            Some(length) => {
                for place in &places[from..from + length - KEPT] {
                    hidden[*place] = true;
                }
                from += length;
            }
            None => from += 1,
        }
    }
    piece.iter().zip(hidden).map(|(c, hidden)| if hidden { '•' } else { *c }).collect()
}

fn is_card(digits: &[u32]) -> bool {
    (2..=6).contains(&digits[0]) && luhn(digits)
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2 == 1, digit * 2) {
            (false, _) => *digit,
            (true, double) if double > 9 => double - 9,
            (true, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cards_are_masked_in_every_dress() {
        for (text, wanted) in [
            ("4111111111111111", "••••••••••••1111"),
            ("my card is 4111 1111 1111 1111.", "my card is •••• •••• •••• 1111."),
            ("5500-0000-0000-0004, thanks", "••••-••••-••••-0004, thanks"),
            ("340000000000009 (amex)", "•••••••••••0009 (amex)"),
            ("30000000000004", "••••••••••0004"),
            ("6011000000000000044x", "6011000000000000044x"),
        ] {
            assert_eq!(masked(text), wanted, "{text}");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "call +49 30 1234567 8901",
            "4111111111111112",
            "at 15:30 on 2026-12-08",
            "1234567890123",
            "order 9999999999999995",
            "4111 1111  1111 1111",
            "",
        ] {
            assert_eq!(masked(text), text, "{text}");
        }
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing_more(text in "\\PC{0,60}", digits in "[0-9 -]{0,40}") {
            for text in [text, digits] {
                let once = masked(&text);
                prop_assert_eq!(once.chars().count(), text.chars().count());
                prop_assert_eq!(masked(&once), once.clone());
            }
        }
    }
}
