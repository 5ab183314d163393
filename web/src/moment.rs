//! An instant on a page: worded in UTC by the server, in the reader's own zone by our module, exact in `datetime`.

use std::fmt::{Display, Formatter, Result};

use askama::filters::HtmlSafe;
use storage::Timestamp;

/// How much of the instant is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Time,
    Second,
    Day,
    Moment,
    Exact,
}

/// An instant, displayed as a `<time>` element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    shape: Shape,
}

impl Moment {
    /// Day and time: "22 Nov, 14:03".
    pub const fn new(at: Timestamp) -> Self {
        Self { at, shape: Shape::Moment }
    }

    /// The time alone, where the day is clear: "14:03".
    pub const fn time(at: Timestamp) -> Self {
        Self { at, shape: Shape::Time }
    }

    /// The time with its second: "14:03:27".
    pub const fn second(at: Timestamp) -> Self {
        Self { at, shape: Shape::Second }
    }

    /// Day and time with its second, for records: "22 Nov 2026, 14:03:27".
    pub const fn exact(at: Timestamp) -> Self {
        Self { at, shape: Shape::Exact }
    }

    /// The day alone: "22 Nov 2026".
    pub const fn day(at: Timestamp) -> Self {
        Self { at, shape: Shape::Day }
    }
}

impl Display for Moment {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        // Only instants beyond jiff's range (year 9999) fail here; they cannot be worded, but must not end a page.
        let Ok(instant) = jiff::Timestamp::from_microsecond(self.at.0) else { return formatter.write_str("–") };
        let zoned = instant.to_zoned(jiff::tz::TimeZone::UTC);
        let (name, worded) = match self.shape {
            Shape::Time => ("time", zoned.strftime("%H:%M UTC")),
            Shape::Second => ("second", zoned.strftime("%H:%M:%S UTC")),
            Shape::Day => ("day", zoned.strftime("%-d %b %Y")),
            Shape::Exact => ("exact", zoned.strftime("%-d %b %Y, %H:%M:%S UTC")),
            Shape::Moment => ("moment", zoned.strftime("%-d %b %Y, %H:%M UTC")),
        };
        write!(formatter, r#"<time datetime="{instant}" data-shape="{name}" title="{instant}">{worded}</time>"#)
    }
}

impl HtmlSafe for Moment {}

/// A length of time in words that scan: "45 s", "3 min 05 s", "1 h 02 min"; below zero counts as zero.
pub fn length_of_time(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, second) => format!("{second} s"),
        (0, minute, second) => format!("{minute} min {second:02} s"),
        (hour, minute, _) => format!("{hour} h {minute:02} min"),
    }
}

/// A position in a recording: "0:07", "12:45", "1:02:03"; below zero counts as zero.
pub fn position(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, minute, second) => format!("{minute}:{second:02}"),
        (hour, minute, second) => format!("{hour}:{minute:02}:{second:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_exact_for_machines_and_short_for_people() {
        let shown = Moment::new(Timestamp(1_795_349_029_000_000)).to_string();
        assert!(shown.contains(r#"datetime="2026-11-22T12:03:49Z""#), "{shown}");
        assert!(shown.contains(">22 Nov 2026, 12:03 UTC<"), "{shown}");
    }

    #[test]
    fn an_instant_out_of_range_does_not_end_the_page() {
        assert_eq!(Moment::new(Timestamp(i64::MAX)).to_string(), "–");
        assert_eq!(Moment::day(Timestamp(i64::MIN)).to_string(), "–");
    }

    #[test]
    fn lengths_and_positions_scan() {
        let lengths: Vec<_> = [-1, 0, 59, 60, 185, 3599, 3600, 3725].map(length_of_time).into();
        assert_eq!(
            lengths,
            ["0 s", "0 s", "59 s", "1 min 00 s", "3 min 05 s", "59 min 59 s", "1 h 00 min", "1 h 02 min"]
        );
        assert_eq!([7, 765, 3723].map(position), ["0:07", "12:45", "1:02:03"]);
    }
}
