//! Days, times and opening hours in words.

use jiff::civil::{Date, Time, Weekday};

use crate::english::{MONTHS, WEEKDAYS};
use crate::profile::{OpenPeriod, Profile};

/// Name of a weekday, 1 = Monday … 7 = Sunday; anything else is counted round.
pub(super) fn weekday_name(number: u8) -> &'static str {
    WEEKDAYS[usize::from(number.saturating_sub(1)) % WEEKDAYS.len()]
}

/// Name of a month, 1 to 12.
pub(super) fn month_name(number: i8) -> &'static str {
    MONTHS[usize::try_from(number - 1).unwrap_or(0) % MONTHS.len()]
}

/// "Tuesday, 8 December 2026".
pub fn day_in_words(day: Date) -> String {
    format!("{}, {} {} {}", weekday(day.weekday()), day.day(), month_name(day.month()), day.year())
}

/// "Tuesday, 8 December": for choices, which all lie within the months ahead.
pub(super) fn short_day_in_words(day: Date) -> String {
    format!("{}, {} {}", weekday(day.weekday()), day.day(), month_name(day.month()))
}

fn weekday(day: Weekday) -> &'static str {
    weekday_name(u8::try_from(day.to_monday_one_offset()).unwrap_or(1))
}

/// "3:30 pm"; midnight is "12:00 am" and noon "12:00 pm".
pub fn time_in_words(time: Time) -> String {
    let (hour, half) = match time.hour() {
        0 => (12, "am"),
        hour @ 1..=11 => (hour, "am"),
        12 => (12, "pm"),
        hour => (hour - 12, "pm"),
    };
    format!("{hour}:{:02} {half}", time.minute())
}

/// Minutes after midnight in words; 1440 is "midnight".
fn minute_in_words(minute: u16) -> String {
    match minute_time(minute) {
        Some(time) => time_in_words(time),
        None => "midnight".to_owned(),
    }
}

/// The time of a minute after midnight; none from 1440 on.
pub(super) fn minute_time(minute: u16) -> Option<Time> {
    let hour = i8::try_from(minute / 60).ok().filter(|hour| *hour < 24)?;
    Time::new(hour, i8::try_from(minute % 60).ok()?, 0, 0).ok()
}

/// Opening hours, one line for each run of weekdays that are alike.
pub fn hours_in_words(profile: &Profile) -> String {
    let none: Vec<OpenPeriod> = Vec::new();
    let periods = |day: u8| profile.opening_hours.get(&day).unwrap_or(&none);
    let mut lines = Vec::new();
    let mut first = 1;
    while first <= 7 {
        let last = (first..=7).take_while(|day| periods(*day) == periods(first)).last().unwrap_or(first);
        let days = if first == last {
            weekday_name(first).to_owned()
        } else {
            format!("{} to {}", weekday_name(first), weekday_name(last))
        };
        lines.push(format!("{days}: {}", periods_in_words(periods(first))));
        first = last + 1;
    }
    lines.join("\n")
}

fn periods_in_words(periods: &[OpenPeriod]) -> String {
    if periods.is_empty() {
        return "closed".to_owned();
    }
    let spans: Vec<String> = periods
        .iter()
        .map(|period| format!("{} to {}", minute_in_words(period.from_minute), minute_in_words(period.until_minute)))
        .collect();
    spans.join(" and ")
}

/// "Berlin time" for `Europe/Berlin`.
pub(super) fn zone_in_words(time_zone: &str) -> String {
    let city = time_zone.rsplit('/').next().unwrap_or(time_zone).replace('_', " ");
    format!("{city} time")
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn days_and_times_read_naturally_at_their_edges() {
        assert_eq!(day_in_words(date(2026, 12, 8)), "Tuesday, 8 December 2026");
        assert_eq!(time_in_words(time(0, 0, 0, 0)), "12:00 am");
        assert_eq!(time_in_words(time(12, 0, 0, 0)), "12:00 pm");
        assert_eq!(time_in_words(time(23, 59, 0, 0)), "11:59 pm");
        assert_eq!(minute_in_words(1440), "midnight");
        assert_eq!(minute_time(1439), Some(time(23, 59, 0, 0)));
        assert_eq!(minute_time(u16::MAX), None);
        assert_eq!(zone_in_words("America/New_York"), "New York time");
    }

    #[test]
    fn alike_weekdays_are_put_together() {
        let profile = crate::profile::sample();
        let words = hours_in_words(&profile);
        assert_eq!(
            words,
            "Monday to Thursday: 8:00 am to 12:00 pm and 1:00 pm to 5:00 pm\nFriday: 8:00 am to 1:00 pm\nSaturday to Sunday: closed"
        );
    }
}
