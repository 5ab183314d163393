//! Times of day: "3 pm", "15:30", "half past three", "noon", "in the afternoon".

use std::ops::Range;

use jiff::civil::{Time, time};

use super::token::{Token, number_at};

/// Hours without "am" or "pm" up to this one are taken as afternoon: no business opens at three in the morning.
const AFTERNOON_UNTIL: u32 = 6;

/// The first time that the words name, with the tokens that name it.
pub fn read(tokens: &[Token]) -> Option<(Time, Range<usize>)> {
    let half = half_day_of(tokens);
    (0..tokens.len()).find_map(|at| {
        let (time, length) = at_token(tokens, at, half)?;
        Some((time, at..at + length))
    })
}

/// The hour that a bare number means when a time was asked for.
pub fn of_number(hour: u32) -> Option<Time> {
    (1..24).contains(&hour).then(|| on_the_clock(hour, 0, None))?
}

/// A part of the day that is wished for: morning, afternoon, evening.
pub fn part_of_day(tokens: &[Token]) -> Option<(Time, Time)> {
    let last = time(23, 59, 0, 0);
    tokens.iter().find_map(|token| match token.lower.as_str() {
        "morning" | "mornings" => Some((time(0, 0, 0, 0), time(12, 0, 0, 0))),
        "afternoon" | "afternoons" => Some((time(12, 0, 0, 0), time(18, 0, 0, 0))),
        "evening" | "evenings" | "tonight" => Some((time(17, 0, 0, 0), last)),
        _ => None,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Morning,
    Afternoon,
}

/// "in the morning" anywhere in the sentence decides for hours without am and pm.
fn half_day_of(tokens: &[Token]) -> Option<Half> {
    tokens.iter().find_map(|token| match token.lower.as_str() {
        "morning" => Some(Half::Morning),
        "afternoon" | "evening" | "tonight" | "night" | "dinner" => Some(Half::Afternoon),
        _ => None,
    })
}

fn word<'a>(tokens: &'a [Token], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.lower.as_str())
}

fn at_token(tokens: &[Token], at: usize, half: Option<Half>) -> Option<(Time, usize)> {
    match word(tokens, at) {
        "noon" | "midday" | "lunchtime" => return Some((time(12, 0, 0, 0), 1)),
        "midnight" => return Some((time(0, 0, 0, 0), 1)),
        _ => {}
    }
    past_or_to(tokens, at, half).or_else(|| digits(tokens, at, half)).or_else(|| spoken(tokens, at, half))
}

/// "am", "pm" after a time, in their many dresses; with how many words they take.
fn suffix(tokens: &[Token], at: usize) -> Option<(Half, usize)> {
    match word(tokens, at).replace('.', "").as_str() {
        "am" => Some((Half::Morning, 1)),
        "pm" => Some((Half::Afternoon, 1)),
        "a" if word(tokens, at + 1) == "m" => Some((Half::Morning, 2)),
        "p" if word(tokens, at + 1) == "m" => Some((Half::Afternoon, 2)),
        _ => None,
    }
}

fn on_the_clock(hour: u32, minute: u32, half: Option<Half>) -> Option<Time> {
    let hour = match half {
        Some(Half::Afternoon) if hour < 12 => hour + 12,
        Some(Half::Morning) if hour == 12 => 0,
        None if (1..=AFTERNOON_UNTIL).contains(&hour) => hour + 12,
        _ => hour,
    };
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

/// "half past three", "quarter to four", "ten past 9", "20 to 5".
fn past_or_to(tokens: &[Token], at: usize, half: Option<Half>) -> Option<(Time, usize)> {
    let (minutes, mut length) = match word(tokens, at) {
        "half" => (30, 1),
        "quarter" => (15, 1),
        _ => number_at(tokens, at).filter(|(minutes, _)| (1..=29).contains(minutes))?,
    };
    if matches!(word(tokens, at + length), "minutes" | "mins") {
        length += 1;
    }
    let past = match word(tokens, at + length) {
        "past" | "after" => true,
        "to" | "before" | "til" | "till" => false,
        _ => return None,
    };
    let (hour, hour_length) = number_at(tokens, at + length + 1).filter(|(hour, _)| (1..=12).contains(hour))?;
    length += 1 + hour_length;
    let (half, taken) = with_suffix(tokens, at + length, half);
    // "2 to 4" is a range, "ten to four" a time: digits on both sides without a suffix are no time.
    let range = !past && word(tokens, at).starts_with(|c: char| c.is_ascii_digit()) && taken == 0;
    if range {
        return None;
    }
    let full = on_the_clock(hour, 0, half)?;
    let total = i32::from(full.hour()) * 60 + if past { minutes.cast_signed() } else { -minutes.cast_signed() };
    let total = u32::try_from(total.rem_euclid(24 * 60)).ok()?;
    Some((Time::new(i8::try_from(total / 60).ok()?, i8::try_from(total % 60).ok()?, 0, 0).ok()?, length + taken))
}

fn with_suffix(tokens: &[Token], at: usize, half: Option<Half>) -> (Option<Half>, usize) {
    match suffix(tokens, at) {
        Some((half, length)) => (Some(half), length),
        None => (half, usize::from(matches!(word(tokens, at), "oclock" | "sharp"))),
    }
}

/// `15:30`, `3:30pm`, `9.30`, `3pm`, `1530` after "at", "at 3".
fn digits(tokens: &[Token], at: usize, half: Option<Half>) -> Option<(Time, usize)> {
    let lower = word(tokens, at);
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
    let (glued, mut length) = match lower[bare.len()..].replace('.', "").as_str() {
        "" | "h" | "hrs" => (None, 1),
        "am" | "a" => (Some(Half::Morning), 1),
        "pm" | "p" => (Some(Half::Afternoon), 1),
        _ => return None,
    };
    let (hour, minute) = split_digits(bare, tokens, at)?;
    let (half, taken) = match glued {
        Some(half) => (Some(half), 0),
        None => with_suffix(tokens, at + 1, half),
    };
    length += taken;
    let marked = glued.is_some() || taken > 0 || bare.contains([':', '.']) || lower.ends_with('h');
    if !marked && !introduced(tokens, at) {
        return None;
    }
    // 15:30 is clear by itself; "9:30 … in the evening" is not.
    let half = if hour > 12 { Some(Half::Morning).filter(|_| false) } else { half };
    Some((on_the_clock(hour, minute, half)?, length))
}

fn split_digits(bare: &str, tokens: &[Token], at: usize) -> Option<(u32, u32)> {
    let (hour, minute) = match bare.split_once([':', '.']) {
        Some((hour, minute)) if minute.len() == 2 => (hour.parse().ok()?, minute.parse().ok()?),
        None if (3..=4).contains(&bare.len()) && introduced(tokens, at) => {
            let (hour, minute) = bare.split_at(bare.len() - 2);
            (hour.parse().ok()?, minute.parse().ok()?)
        }
        None if bare.len() <= 2 => (bare.parse().ok()?, 0),
        _ => return None,
    };
    (hour < 24_u32 && minute < 60_u32).then_some((hour, minute))
}

/// "at 3", "around 15", "by 4", and nothing behind it that makes it a count.
fn introduced(tokens: &[Token], at: usize) -> bool {
    let before = if at > 0 { word(tokens, at - 1) } else { "" };
    let after = word(tokens, at + 1);
    let counted = matches!(
        after,
        "people" | "persons" | "guests" | "adults" | "days" | "weeks" | "of" | "euros" | "dollars" | "minutes"
    );
    matches!(
        before,
        "at" | "around" | "about" | "by" | "for" | "from" | "after" | "before" | "until" | "till" | "approximately"
    ) && !counted
        && (!matches!(before, "for" | "about")
            || matches!(after, "" | "on" | "in" | "tomorrow" | "today" | "tonight" | "this"))
}

/// "three thirty", "three o'clock", "at nine", "three pm".
fn spoken(tokens: &[Token], at: usize, half: Option<Half>) -> Option<(Time, usize)> {
    if !word(tokens, at).chars().all(char::is_alphabetic) {
        return None;
    }
    let (hour, mut length) = number_at(tokens, at).filter(|(hour, _)| (1..=24).contains(hour))?;
    let minutes = number_at(tokens, at + length).filter(|(minutes, _)| (10..60).contains(minutes));
    let minute = minutes.map_or(0, |(minute, taken)| {
        length += taken;
        minute
    });
    let (half, taken) = with_suffix(tokens, at + length, half);
    length += taken;
    let marked = taken > 0 || minutes.is_some_and(|_| hour <= 12) || introduced(tokens, at);
    marked.then(|| Some((on_the_clock(hour % 24, minute, half)?, length)))?
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    #[test]
    fn times_in_every_dress() {
        for (words, hour, minute) in [
            ("3 pm", 15, 0),
            ("3pm", 15, 0),
            ("at 3 p.m.", 15, 0),
            ("15:30", 15, 30),
            ("9.30", 9, 30),
            ("3:30 in the afternoon", 15, 30),
            ("half past three", 15, 30),
            ("half-past nine in the evening", 21, 30),
            ("quarter to four", 15, 45),
            ("ten past 9 am", 9, 10),
            ("noon", 12, 0),
            ("at midday", 12, 0),
            ("12 am", 0, 0),
            ("12:00", 12, 0),
            ("at nine", 9, 0),
            ("nine o'clock", 9, 0),
            ("three thirty", 15, 30),
            ("eleven forty five", 11, 45),
            ("at 1530", 15, 30),
            ("around 10", 10, 0),
            ("00:15", 0, 15),
            ("23:59", 23, 59),
        ] {
            let read = read(&tokens(words)).map(|(time, _)| (time.hour(), time.minute()));
            assert_eq!(read, Some((hour, minute)), "{words}");
        }
    }

    #[test]
    fn what_names_no_time_is_not_read() {
        for words in
            ["", "24:00", "9:60", "for 4 people", "2 to 4", "three people", "5 December", "in 3 days", "one of them"]
        {
            assert_eq!(read(&tokens(words)), None, "{words}");
        }
    }

    #[test]
    fn parts_of_the_day() {
        assert_eq!(part_of_day(&tokens("in the afternoon")), Some((time(12, 0, 0, 0), time(18, 0, 0, 0))));
        assert_eq!(part_of_day(&tokens("whenever")), None);
    }
}
