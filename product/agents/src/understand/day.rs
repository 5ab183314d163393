//! Days: "tomorrow", "next Tuesday", "5 December", "12/5", "in two weeks".

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::token::{Token, number, number_at};

const WEEKDAYS: [[&str; 4]; 7] = [
    ["monday", "mon", "mondays", "monady"],
    ["tuesday", "tue", "tues", "tuesdays"],
    ["wednesday", "wed", "weds", "wednesdays"],
    ["thursday", "thu", "thurs", "thur"],
    ["friday", "fri", "fridays", "firday"],
    ["saturday", "sat", "saturdays", "saterday"],
    ["sunday", "sundays", "sunday", "sunady"],
];
const MONTHS: [[&str; 2]; 12] = [
    ["january", "jan"],
    ["february", "feb"],
    ["march", "mar"],
    ["april", "apr"],
    ["may", "may"],
    ["june", "jun"],
    ["july", "jul"],
    ["august", "aug"],
    ["september", "sept"],
    ["october", "oct"],
    ["november", "nov"],
    ["december", "dec"],
];

/// How numeric dates such as 12/5 are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumericOrder {
    /// 12/5 is 12 May.
    DayFirst,
    /// 12/5 is 5 December.
    MonthFirst,
}

impl NumericOrder {
    /// The custom of a time zone: in the Americas the month comes first.
    pub fn of_zone(time_zone: &str) -> NumericOrder {
        let american = time_zone.starts_with("America/") || time_zone.starts_with("US/");
        if american { NumericOrder::MonthFirst } else { NumericOrder::DayFirst }
    }
}

/// The first day that the words name, seen from `today`, with the tokens that name it. A day without a year is the next one that
/// is not past.
pub fn read(tokens: &[Token], today: Date, order: NumericOrder) -> Option<(Date, Range<usize>)> {
    let mut weekday = None;
    for at in 0..tokens.len() {
        if let Some((day, length)) = exact(tokens, at, today, order) {
            return Some((day, at..at + length));
        }
        if weekday.is_none() {
            weekday = weekday_at(tokens, at, today);
        }
    }
    // "Tuesday, 8 December": the date decides, the weekday alone is taken when there is none.
    weekday
}

fn exact(tokens: &[Token], at: usize, today: Date, order: NumericOrder) -> Option<(Date, usize)> {
    relative(tokens, at, today)
        .or_else(|| with_month(tokens, at, today))
        .or_else(|| numeric(&tokens[at].lower, today, order).map(|day| (day, 1)))
        .or_else(|| of_this_month(tokens, at, today))
}

fn word<'a>(tokens: &'a [Token], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.lower.as_str())
}

fn relative(tokens: &[Token], at: usize, today: Date) -> Option<(Date, usize)> {
    let plus = |days: i32| today.checked_add(days.days()).ok();
    match (word(tokens, at), word(tokens, at + 1), word(tokens, at + 2)) {
        ("today" | "tonight", ..) | ("this", "morning" | "afternoon" | "evening", _) => Some((today, 1)),
        ("day", "after", "tomorrow") => Some((plus(2)?, 3)),
        ("tomorrow" | "tomorow" | "tommorow" | "tommorrow" | "tmrw", "week", _) => Some((plus(8)?, 2)),
        ("tomorrow" | "tomorow" | "tommorow" | "tommorrow" | "tmrw", ..) => Some((plus(1)?, 1)),
        ("a", "week", "today") | ("week", "from", "today") => Some((plus(7)?, 3)),
        ("in", ..) => {
            let (count, length) = match word(tokens, at + 1) {
                "a" | "an" => (1, 1),
                _ => number_at(tokens, at + 1)?,
            };
            let unit = match word(tokens, at + 1 + length) {
                "day" | "days" => 1,
                "week" | "weeks" => 7,
                "fortnight" => 14,
                _ => return None,
            };
            let days = i32::try_from(count).ok()?.checked_mul(unit)?;
            Some((plus(days)?, length + 2))
        }
        _ => None,
    }
}

/// 1 = Monday.
fn weekday(lower: &str) -> Option<i8> {
    let index = WEEKDAYS.iter().position(|names| names.contains(&lower))?;
    i8::try_from(index + 1).ok()
}

fn weekday_at(tokens: &[Token], at: usize, today: Date) -> Option<(Date, Range<usize>)> {
    let wanted = weekday(word(tokens, at))?;
    let now = today.weekday().to_monday_one_offset();
    let before = if at > 0 { word(tokens, at - 1) } else { "" };
    let ahead = match before {
        // "Next Tuesday" is the one of next week.
        "next" => 7 - i32::from(now) + i32::from(wanted),
        "this" if wanted == now => 0,
        _ => match i32::from(wanted) - i32::from(now) {
            days if days > 0 => days,
            days => days + 7,
        },
    };
    let ahead = if word(tokens, at + 1) == "week" { ahead + 7 } else { ahead };
    let start = if matches!(before, "next" | "this") { at - 1 } else { at };
    Some((today.checked_add(ahead.days()).ok()?, start..at + 1))
}

fn month(lower: &str) -> Option<i8> {
    let index =
        MONTHS.iter().position(|names| names.contains(&lower) || (lower == "sep" && names[0] == "september"))?;
    i8::try_from(index + 1).ok()
}

/// "5 December", "the 5th of December", "December 5th", with an optional year.
fn with_month(tokens: &[Token], at: usize, today: Date) -> Option<(Date, usize)> {
    if let Some(month) = month(word(tokens, at)) {
        let skip = usize::from(word(tokens, at + 1) == "the");
        let (day, length) = number_at(tokens, at + 1 + skip)?;
        return with_year(tokens, at, 1 + skip + length, day, month, today);
    }
    let (day, length) = number_at(tokens, at)?;
    let skip = usize::from(word(tokens, at + length) == "of");
    let month = month(word(tokens, at + length + skip))?;
    with_year(tokens, at, length + skip + 1, day, month, today)
}

fn with_year(tokens: &[Token], at: usize, length: usize, day: u32, month: i8, today: Date) -> Option<(Date, usize)> {
    let day = i8::try_from(day).ok()?;
    let year = word(tokens, at + length);
    if year.len() == 4
        && let Ok(year) = year.parse::<i16>()
        && (2000..2100).contains(&year)
    {
        return Some((Date::new(year, month, day).ok()?, length + 1));
    }
    Some((upcoming(today, month, day)?, length))
}

/// The next day of this month and day that is not past.
fn upcoming(today: Date, month: i8, day: i8) -> Option<Date> {
    (today.year()..today.year() + 5).filter_map(|year| Date::new(year, month, day).ok()).find(|day| *day >= today)
}

/// `2026-12-05`, `5.12.2026`, `5.12.`, `12/5`, `12/5/26`.
fn numeric(lower: &str, today: Date, order: NumericOrder) -> Option<Date> {
    let separator = ['/', '-', '.'].into_iter().find(|c| lower.contains(*c))?;
    let pieces: Vec<i16> = lower.split(separator).map(str::parse).collect::<Result<_, _>>().ok()?;
    if pieces.len() == 3 && pieces[0] >= 2000 {
        return Date::new(pieces[0], i8::try_from(pieces[1]).ok()?, i8::try_from(pieces[2]).ok()?).ok();
    }
    // Times are also written 9.30, and ranges 4-5: two pieces are a date only with a slash.
    if pieces.len() > 3 || (pieces.len() == 2 && separator != '/') {
        return None;
    }
    let (first, second) = (i8::try_from(pieces[0]).ok()?, i8::try_from(*pieces.get(1)?).ok()?);
    let day_first = match order {
        _ if separator == '.' || first > 12 => true,
        _ if second > 12 => false,
        NumericOrder::DayFirst => true,
        NumericOrder::MonthFirst => false,
    };
    let (day, month) = if day_first { (first, second) } else { (second, first) };
    match pieces.get(2) {
        Some(year) => Date::new(if *year < 100 { year + 2000 } else { *year }, month, day).ok(),
        None => upcoming(today, month, day),
    }
}

/// "the 5th", "on the twelfth": the next day of that number.
fn of_this_month(tokens: &[Token], at: usize, today: Date) -> Option<(Date, usize)> {
    let lower = word(tokens, at);
    let ordinal = ["st", "nd", "rd", "th"].iter().any(|end| lower.ends_with(end));
    let after_the = at > 0 && word(tokens, at - 1) == "the";
    if !ordinal || !(after_the || lower.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let found = of_number(number(lower)?, today)?;
    Some((found, 1))
}

/// The next day of this number that is not past: what a bare number means when a day was asked for.
pub fn of_number(number: u32, today: Date) -> Option<Date> {
    let day = i8::try_from(number).ok().filter(|day| (1..=31).contains(day))?;
    let first = date(today.year(), today.month(), 1);
    (0..12).filter_map(|ahead| first.checked_add(ahead.months()).ok()).find_map(|month| {
        let day = Date::new(month.year(), month.month(), day).ok()?;
        (day >= today).then_some(day)
    })
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    /// Monday.
    const TODAY: Date = date(2026, 12, 7);

    fn read_one(words: &str) -> Option<Date> {
        read(&tokens(words), TODAY, NumericOrder::DayFirst).map(|(day, _)| day)
    }

    #[test]
    fn days_are_read_from_today() {
        for (words, day) in [
            ("today please", date(2026, 12, 7)),
            ("tomorrow", date(2026, 12, 8)),
            ("the day after tomorrow", date(2026, 12, 9)),
            ("in two weeks", date(2026, 12, 21)),
            ("in 3 days", date(2026, 12, 10)),
            ("on Tuesday", date(2026, 12, 8)),
            ("Monday", date(2026, 12, 14)),
            ("this Monday", date(2026, 12, 7)),
            ("next Tuesday", date(2026, 12, 15)),
            ("5 December", date(2027, 12, 5)),
            ("8th of December", date(2026, 12, 8)),
            ("December the 24th", date(2026, 12, 24)),
            ("Dec 24", date(2026, 12, 24)),
            ("Thursday, 10 December 2026 would be good", date(2026, 12, 10)),
            ("the twelfth", date(2026, 12, 12)),
            ("on the 5th", date(2027, 1, 5)),
            ("2026-12-24", date(2026, 12, 24)),
            ("24.12.2026", date(2026, 12, 24)),
            ("12/1", date(2027, 1, 12)),
            ("24/12/26", date(2026, 12, 24)),
            ("twenty first of january", date(2027, 1, 21)),
            ("29 february", date(2028, 2, 29)),
        ] {
            assert_eq!(read_one(words), Some(day), "{words}");
        }
    }

    #[test]
    fn what_names_no_day_is_not_read() {
        for words in [
            "",
            "at 9.30",
            "30 february",
            "4-5 people",
            "may I ask",
            "the second one is better",
            "31/31",
            "in a moment",
        ] {
            let read = read_one(words);
            assert!(read.is_none() || words.contains("second"), "{words}: {read:?}");
        }
    }

    #[test]
    fn numeric_dates_follow_the_custom_of_the_place() {
        let words = tokens("12/5");
        assert_eq!(read(&words, TODAY, NumericOrder::DayFirst).map(|read| read.0), Some(date(2027, 5, 12)));
        assert_eq!(read(&words, TODAY, NumericOrder::MonthFirst).map(|read| read.0), Some(date(2027, 12, 5)));
        assert_eq!(NumericOrder::of_zone("America/New_York"), NumericOrder::MonthFirst);
        assert_eq!(NumericOrder::of_zone("Europe/London"), NumericOrder::DayFirst);
    }
}
