//! The calendar: which times are free, from opening hours, the business's booking policy and what is booked already. Pure.

use agents::profile::{Profile, Service};
use jiff::civil::{Date, Time};
use jiff::{ToSpan, tz::TimeZone};
use storage::Timestamp;

/// Days offered at most.
pub const DAYS_MAX: usize = 14;
/// Seconds of one cell: bookings hold whole cells, and no cell can be held twice. A minute, because opening hours, grids and
/// lengths are whole minutes: a coarser cell would refuse the neighbour of a twelve-minute appointment.
pub const CELL_SECONDS: i64 = 60;

/// A span that is taken; `until` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl Span {
    fn overlaps(self, other: Span) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// The cells that it touches.
    pub fn cells(self) -> std::ops::Range<i64> {
        let first = self.from.seconds().div_euclid(CELL_SECONDS);
        let last = (self.until.seconds() + CELL_SECONDS - 1).div_euclid(CELL_SECONDS);
        first..last
    }
}

/// The instants of an appointment that begins at a local time; none when the clocks skip that time.
pub fn span(profile: &Profile, service: &Service, day: Date, time: Time) -> Option<Span> {
    span_in(&profile.zone(), service, day, time)
}

fn span_in(zone: &TimeZone, service: &Service, day: Date, time: Time) -> Option<Span> {
    let local = day.to_datetime(time);
    let zoned = zone.to_ambiguous_zoned(local).compatible().ok()?;
    if zoned.datetime() != local {
        return None;
    }
    let from = Timestamp(zoned.timestamp().as_microsecond());
    Some(Span { from, until: from.plus_seconds(i64::from(service.duration_minutes) * 60) })
}

/// The instants of a whole local day.
pub fn whole_day(profile: &Profile, day: Date) -> Span {
    let zone = profile.zone();
    let start = |day: Date| {
        let zoned = zone.to_ambiguous_zoned(day.to_datetime(Time::midnight())).compatible();
        zoned.map_or(Timestamp(0), |zoned| Timestamp(zoned.timestamp().as_microsecond()))
    };
    Span { from: start(day), until: start(day.saturating_add(1.day())) }
}

/// The last day that can be booked.
pub fn last_day(profile: &Profile, now: Timestamp) -> Date {
    profile.local(now.0).date().saturating_add(i32::from(profile.booking.horizon_days).days())
}

/// The free times of a day in order.
pub fn free_times(profile: &Profile, service: &Service, day: Date, now: Timestamp, taken: &[Span]) -> Vec<Time> {
    let today = profile.local(now.0).date();
    if day < today || day > last_day(profile, now) {
        return Vec::new();
    }
    let zone = profile.zone();
    let earliest = now.plus_seconds(i64::from(profile.booking.lead_minutes) * 60);
    let step = profile.booking.slot_minutes.max(1);
    let mut times = Vec::new();
    for period in profile.periods(day) {
        let starts = (period.from_minute..period.until_minute).step_by(usize::from(step));
        let fits = |start: &u16| start.saturating_add(service.duration_minutes) <= period.until_minute;
        for start in starts.take_while(fits) {
            let time = Time::new((start / 60).cast_signed() as i8, (start % 60).cast_signed() as i8, 0, 0);
            let Some(time) = time.ok() else { continue };
            let Some(span) = span_in(&zone, service, day, time) else { continue };
            if span.from >= earliest && !taken.iter().any(|taken| taken.overlaps(span)) {
                times.push(time);
            }
        }
    }
    times
}

/// The next days with a free time, from `from` on, at most [`DAYS_MAX`].
pub fn free_days(profile: &Profile, service: &Service, from: Date, now: Timestamp, taken: &[Span]) -> Vec<Date> {
    let today = profile.local(now.0).date();
    let last = last_day(profile, now);
    from.max(today)
        .series(1.day())
        .take_while(|day| *day <= last)
        .filter(|day| {
            let whole = whole_day(profile, *day);
            let of_day: Vec<Span> = taken.iter().copied().filter(|span| span.overlaps(whole)).collect();
            !free_times(profile, service, *day, now, &of_day).is_empty()
        })
        .take(DAYS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use agents::profile::sample;
    use jiff::civil::{date, time};

    use super::*;

    /// Monday, 7 December 2026, 08:30 in Berlin.
    const NOW: Timestamp = Timestamp(1_796_628_600_000_000);

    fn free(profile: &Profile, key: &str, day: Date, taken: &[Span]) -> Vec<String> {
        let service = profile.service(key).expect("of the sample");
        free_times(profile, service, day, NOW, taken).iter().map(|time| time.strftime("%H:%M").to_string()).collect()
    }

    #[test]
    fn times_fit_into_opening_hours_and_around_bookings() {
        let profile = sample();
        let tuesday = date(2026, 12, 8);
        assert_eq!(free(&profile, "filling", date(2026, 12, 11), &[]).last().map(String::as_str), Some("12:00"));
        let all = free(&profile, "check_up", tuesday, &[]);
        assert_eq!((all.len(), all[0].as_str(), all[8].as_str()), (16, "08:00", "13:00"));
        let service = profile.service("filling").expect("of the sample");
        let taken = span(&profile, service, tuesday, time(9, 0, 0, 0)).expect("an instant");
        let left = free(&profile, "check_up", tuesday, &[taken]);
        assert!(left.contains(&"08:30".to_owned()) && left.contains(&"10:00".to_owned()));
        assert!(!left.contains(&"09:00".to_owned()) && !left.contains(&"09:30".to_owned()));
        assert!(!free(&profile, "filling", tuesday, &[taken]).contains(&"08:30".to_owned()), "it would run into it");
    }

    #[test]
    fn lead_time_horizon_and_closed_days() {
        let profile = sample();
        assert_eq!(free(&profile, "check_up", date(2026, 12, 7), &[])[0], "10:30", "two hours ahead, inclusive");
        assert_eq!(free(&profile, "check_up", date(2026, 12, 12), &[]), Vec::<String>::new());
        assert!(!free(&profile, "check_up", date(2027, 2, 5), &[]).is_empty(), "60 days ahead");
        assert_eq!(free(&profile, "check_up", date(2027, 2, 8), &[]), Vec::<String>::new());
        assert_eq!(free(&profile, "check_up", date(2026, 12, 6), &[]), Vec::<String>::new());
        let service = profile.service("check_up").expect("of the sample");
        let days = free_days(&profile, service, date(2026, 12, 10), NOW, &[]);
        assert_eq!(&days[..3], [date(2026, 12, 10), date(2026, 12, 11), date(2026, 12, 14)]);
        assert_eq!(days.len(), DAYS_MAX);
        assert_eq!(free_days(&profile, service, date(2027, 6, 1), NOW, &[]), []);
    }

    #[test]
    fn a_time_that_the_clocks_skip_is_not_offered() {
        let mut profile = sample();
        profile.opening_hours.insert(7, vec![agents::profile::OpenPeriod { from_minute: 60, until_minute: 300 }]);
        let spring = date(2027, 3, 28);
        profile.booking.horizon_days = 365;
        let times = free(&profile, "check_up", spring, &[]);
        assert!(!times.contains(&"02:30".to_owned()) && times.contains(&"03:00".to_owned()), "{times:?}");
    }

    #[test]
    fn cells_cover_a_span_to_its_edges() {
        let span = |from, until| Span { from: Timestamp::from_seconds(from), until: Timestamp::from_seconds(until) };
        assert_eq!(span(600, 1_200).cells(), 10..20);
        assert_eq!(span(601, 1_201).cells(), 10..21);
    }
}
