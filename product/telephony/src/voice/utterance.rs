//! How numbers, dates, times and letters are said: each becomes a row of recorded units.
//!
//! English as it is spoken in a practice: "Tuesday, the fifth of December", "half past" is never used (a keypad caller
//! must be able to compare a time with the digits that were offered), letters are said alone.

use agents::english::{BELOW_TWENTY, MONTHS, ORDINALS, TENS, WEEKDAYS};
use jiff::civil::{Date, Time, Weekday};

/// The largest number that is said as a number; a larger one is said digit by digit.
pub const NUMBER_MAX: u32 = 999_999;

/// Words that join the others.
const JOINTS: [&str; 9] = ["hundred", "thousand", "and", "oh", "o'clock", "a m", "p m", "plus", "dash"];

/// Every word that [`number`], [`digits`], [`day`], [`time`] and [`spelled`] can use: the list that is recorded.
pub fn words() -> Vec<String> {
    let fixed =
        BELOW_TWENTY.iter().chain(&TENS).chain(&MONTHS).chain(&WEEKDAYS).chain(&JOINTS).map(|word| (*word).to_owned());
    let ordinals = ORDINALS.iter().map(|ordinal| format!("the {ordinal} of"));
    let letters = ('A'..='Z').map(letter);
    fixed.chain(ordinals).chain(letters).collect()
}

/// The unit of a letter, written so that a synthesizer says the letter and not the article.
fn letter(letter: char) -> String {
    format!("letter {letter}")
}

/// A whole number, 0 to [`NUMBER_MAX`].
pub fn number(value: u32) -> Vec<String> {
    if value > NUMBER_MAX {
        return digits(&value.to_string());
    }
    let mut words = Vec::new();
    if value >= 1000 {
        below_thousand(value / 1000, &mut words);
        words.push("thousand".to_owned());
        if value.is_multiple_of(1000) {
            return words;
        }
        if value % 1000 < 100 {
            words.push("and".to_owned());
        }
    }
    below_thousand(value % 1000, &mut words);
    words
}

fn below_thousand(value: u32, words: &mut Vec<String>) {
    if value >= 100 {
        words.push(BELOW_TWENTY[(value / 100) as usize].to_owned());
        words.push("hundred".to_owned());
        if value.is_multiple_of(100) {
            return;
        }
        words.push("and".to_owned());
    }
    let rest = value % 100;
    if rest < 20 {
        words.push(BELOW_TWENTY[rest as usize].to_owned());
    } else {
        words.push(TENS[(rest / 10 - 2) as usize].to_owned());
        if !rest.is_multiple_of(10) {
            words.push(BELOW_TWENTY[(rest % 10) as usize].to_owned());
        }
    }
}

/// Digits one by one; a leading `+` is said, anything else but digits is passed over.
pub fn digits(text: &str) -> Vec<String> {
    text.chars()
        .filter_map(|symbol| match symbol {
            '+' => Some("plus".to_owned()),
            _ => symbol.to_digit(10).map(|digit| BELOW_TWENTY[digit as usize].to_owned()),
        })
        .collect()
}

/// A day: weekday, ordinal, month.
pub fn day(date: Date) -> Vec<String> {
    let weekday = match date.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    };
    let ordinal = ORDINALS[usize::from(date.day().unsigned_abs()) - 1];
    let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
    vec![WEEKDAYS[weekday].to_owned(), format!("the {ordinal} of"), month.to_owned()]
}

/// A time of day on the twelve-hour clock.
pub fn time(time: Time) -> Vec<String> {
    let (hour, minute) = (time.hour().unsigned_abs(), time.minute().unsigned_abs());
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let mut words = vec![BELOW_TWENTY[usize::from(twelve)].to_owned()];
    match minute {
        0 => {}
        1..=9 => words.extend(["oh".to_owned(), BELOW_TWENTY[usize::from(minute)].to_owned()]),
        _ => below_thousand(u32::from(minute), &mut words),
    }
    words.push(if hour < 12 { "a m" } else { "p m" }.to_owned());
    words
}

/// Letters and digits one by one, for references.
pub fn spelled(text: &str) -> Vec<String> {
    text.chars()
        .filter_map(|symbol| match symbol.to_ascii_uppercase() {
            upper @ 'A'..='Z' => Some(letter(upper)),
            '-' => Some("dash".to_owned()),
            other => other.to_digit(10).map(|digit| BELOW_TWENTY[digit as usize].to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn said(words: &[String]) -> String {
        words.join(" ")
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        let cases = [
            (0, "zero"),
            (7, "seven"),
            (19, "nineteen"),
            (20, "twenty"),
            (48, "forty eight"),
            (100, "one hundred"),
            (105, "one hundred and five"),
            (640, "six hundred and forty"),
            (1000, "one thousand"),
            (1005, "one thousand and five"),
            (12_345, "twelve thousand three hundred and forty five"),
            (NUMBER_MAX, "nine hundred and ninety nine thousand nine hundred and ninety nine"),
            (NUMBER_MAX + 1, "one zero zero zero zero zero zero"),
        ];
        for (value, words) in cases {
            assert_eq!(said(&number(value)), words);
        }
    }

    #[test]
    fn days_times_and_references_are_said() {
        assert_eq!(said(&day(Date::constant(2026, 12, 1))), "Tuesday the first of December");
        assert_eq!(said(&time(Time::constant(9, 0, 0, 0))), "nine a m");
        assert_eq!(said(&time(Time::constant(0, 5, 0, 0))), "twelve oh five a m");
        assert_eq!(said(&time(Time::constant(15, 30, 0, 0))), "three thirty p m");
        assert_eq!(said(&time(Time::constant(12, 15, 0, 0))), "twelve fifteen p m");
        assert_eq!(said(&spelled("a-7Z")), "letter A dash seven letter Z");
        assert_eq!(said(&digits("+44 117")), "plus four four one one seven");
    }

    #[test]
    fn every_word_that_can_be_said_is_on_the_list_of_recorded_words() {
        let recorded: BTreeSet<String> = words().into_iter().collect();
        assert_eq!(recorded.len(), words().len(), "no word twice");
        let mut used: BTreeSet<String> = (0..=NUMBER_MAX).step_by(37).flat_map(number).collect();
        used.extend((0..1000).flat_map(number));
        let mut date = Date::constant(2024, 1, 1);
        for _ in 0..366 {
            used.extend(day(date));
            date = date.tomorrow().expect("a year is far from the end of time");
        }
        for minute in 0..1440 {
            used.extend(time(Time::constant((minute / 60) as i8, (minute % 60) as i8, 0, 0)));
        }
        used.extend(spelled("ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789"));
        used.extend(digits("+0"));
        assert_eq!(used.difference(&recorded).count(), 0, "{:?}", used.difference(&recorded));
    }
}
