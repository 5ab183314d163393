//! The calendar on both databases: edges of time, conflicts, many at once, states.

use agents::profile::{OpenPeriod, Profile, Service, sample};
use futures_util::future::join_all;
use identity::testing::platforms;
use jiff::civil::{date, time};

use super::store::{BOOKING_CELL, BookingFilter};
use super::*;
use crate::desk::Error;
use crate::desk::testing::{Practice, ada, parts};

const FRIDAY: Date = date(2027, 1, 15);
const MONDAY: Date = date(2027, 1, 18);

fn at(hour: i8, minute: i8) -> Time {
    time(hour, minute, 0, 0)
}

async fn free(practice: &Practice, profile: &Profile, service: &str, day: Date) -> Vec<String> {
    let (database, now) = (practice.database(), practice.test.platform.now());
    let times = practice.desk.free_times(&database, practice.agent, profile, service, day, now).await;
    times.expect("read").iter().map(|time| time.strftime("%H:%M").to_string()).collect()
}

#[tokio::test]
async fn free_times_end_with_the_day_and_leave_out_what_is_booked() {
    for practice in Practice::each().await {
        let (profile, person) = (sample(), practice.person().await);
        assert_eq!(free(&practice, &profile, "check_up", FRIDAY).await, ["11:00", "11:30", "12:00", "12:30"]);
        assert_eq!(free(&practice, &profile, "filling", FRIDAY).await, ["11:00", "11:30", "12:00"]);
        for (service, hour, minute) in
            [("filling", 12, 30), ("check_up", 10, 30), ("check_up", 11, 10), ("check_up", 13, 0)]
        {
            let refused = practice.book(&person, service, FRIDAY, at(hour, minute)).await;
            assert!(matches!(refused, Err(Error::NotOffered)), "{service} {hour}:{minute} {refused:?}");
        }
        let last = date(2027, 3, 16);
        assert!(practice.book(&person, "check_up", last, at(9, 0)).await.is_ok(), "60 days ahead");
        let beyond = practice.book(&person, "check_up", date(2027, 3, 17), at(9, 0)).await;
        assert!(matches!(beyond, Err(Error::NotOffered)));
        let unknown = practice.book(&person, "massage", FRIDAY, at(11, 0)).await;
        assert!(matches!(unknown, Err(Error::NoService)));
        practice.book(&person, "filling", FRIDAY, at(12, 0)).await.expect("the last hour before closing");
        assert_eq!(free(&practice, &profile, "check_up", FRIDAY).await, ["11:00", "11:30"]);
        practice.book(&person, "filling", FRIDAY, at(11, 0)).await.expect("the first time after the lead time");
        assert_eq!(free(&practice, &profile, "check_up", FRIDAY).await, Vec::<String>::new());
        let (database, now) = (practice.database(), practice.test.platform.now());
        let desk = &practice.desk;
        let next = desk.next_free_day(&database, practice.agent, &profile, "check_up", FRIDAY, now).await;
        assert_eq!(next.expect("read"), Some(MONDAY), "{}", practice.test.name);
        let days = desk.free_days(&database, practice.agent, &profile, "check_up", FRIDAY, now).await.expect("read");
        assert_eq!((days[0], days.len()), (MONDAY, crate::calendar::DAYS_MAX));
        let late = desk.next_free_day(&database, practice.agent, &profile, "check_up", last, now).await;
        assert_eq!(late.expect("read"), None);
    }
}

#[tokio::test]
async fn a_time_that_is_taken_is_refused_and_the_transaction_goes_on() {
    for practice in Practice::each().await {
        let (profile, person, origin) = (sample(), practice.person().await, practice.origin());
        practice.book(&person, "cleaning", MONDAY, at(9, 0)).await.expect("free");
        let mut transaction = practice.database().begin().await.expect("begun");
        let new = |service: &str, hour, minute| NewBooking {
            service: service.to_owned(),
            day: MONDAY,
            time: at(hour, minute),
            given: ada(),
        };
        for (service, hour, minute) in [("check_up", 9, 30), ("filling", 8, 30), ("cleaning", 9, 0)] {
            let new = new(service, hour, minute);
            let refused = practice.desk.book(&mut transaction, &person, &profile, &origin, new).await;
            assert!(matches!(refused, Err(Error::Taken)), "{}: {service} {refused:?}", practice.test.name);
        }
        let ten = new("check_up", 10, 0);
        let booked = practice.desk.book(&mut transaction, &person, &profile, &origin, ten).await.expect("free");
        transaction.commit().await.expect("sound");
        let all = practice.desk.bookings(practice.caller(), &BookingFilter::default(), Uuid::max(), 10).await;
        let ids: Vec<Uuid> = all.expect("listed").iter().map(|booking| booking.id).collect();
        assert!(ids.len() == 2 && ids.contains(&booked.id), "what was refused left nothing");
        let mut transaction = practice.database().begin().await.expect("begun");
        let cell = booked.starts_at.seconds().div_euclid(crate::calendar::CELL_SECONDS);
        let row = [
            ("id", practice.test.platform.identifiers.next().into()),
            ("agent_id", practice.agent.into()),
            ("booking_id", booked.id.into()),
            ("cell", cell.into()),
        ];
        let twice = transaction.insert(&BOOKING_CELL, &row).await;
        assert!(matches!(twice, Err(storage::Error::Conflict { .. })), "the database itself refuses: {twice:?}");
    }
}

/// Tries as a conversation does: again when the database asks for it.
async fn insist(practice: &Practice, service: &str, hour: i8, minute: i8) -> Result<Booking, Error> {
    let person = practice.person().await;
    loop {
        match practice.book(&person, service, MONDAY, at(hour, minute)).await {
            Err(Error::Storage(storage::Error::Busy)) => {}
            other => return other,
        }
    }
}

#[tokio::test]
async fn of_many_at_once_exactly_one_has_the_time() {
    for practice in Practice::each().await {
        let tries = join_all((0..16).map(|_| insist(&practice, "check_up", 9, 0))).await;
        let won = tries.iter().filter(|tried| tried.is_ok()).count();
        let taken = tries.iter().filter(|tried| matches!(tried, Err(Error::Taken))).count();
        assert_eq!((won, taken), (1, 15), "{}", practice.test.name);
    }
}

#[tokio::test]
async fn services_of_different_lengths_never_overlap() {
    for practice in Practice::each().await {
        let wishes = [("filling", 13, 0), ("check_up", 13, 30), ("cleaning", 13, 0), ("toothache", 13, 30)];
        let tries =
            wishes.iter().cycle().take(16).map(|(service, hour, minute)| insist(&practice, service, *hour, *minute));
        let tries = join_all(tries).await;
        assert!(tries.iter().all(|tried| matches!(tried, Ok(_) | Err(Error::Taken))), "{tries:?}");
        let mut won: Vec<Booking> = tries.into_iter().flatten().collect();
        won.sort_by_key(|booking| booking.starts_at);
        assert!((1..=2).contains(&won.len()), "{}: {won:?}", practice.test.name);
        assert!(won.windows(2).all(|pair| pair[0].ends_at <= pair[1].starts_at), "{won:?}");
    }
}

#[tokio::test]
async fn two_calendars_and_two_organizations_do_not_touch() {
    for practice in Practice::each().await {
        let person = practice.person().await;
        practice.book(&person, "check_up", MONDAY, at(9, 0)).await.expect("free");
        let platform = &practice.test.platform;
        let second = agents::store::create(platform, practice.caller(), sample()).await.expect("an agent");
        let elsewhere = Practice { agent: second.id, ..practice };
        elsewhere.book(&person, "check_up", MONDAY, at(9, 0)).await.expect("another calendar");
        let other = elsewhere.test.organization("other").await.organization;
        let stranger = elsewhere.test.member(other, identity::Role::Owner).await.caller;
        let ours = elsewhere.desk.bookings(elsewhere.caller(), &BookingFilter::default(), Uuid::max(), 9).await;
        let id = ours.expect("listed")[0].id;
        let theirs = elsewhere.desk.bookings(&stranger, &BookingFilter::default(), Uuid::max(), 9).await;
        assert_eq!(theirs.expect("listed"), []);
        assert!(matches!(elsewhere.desk.booking(&stranger, id).await, Err(Error::NotFound)));
        let set = elsewhere.desk.set_booking(&stranger, id, BookingState::Cancelled).await;
        assert!(matches!(set, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn days_on_which_the_clocks_change() {
    let mut profile = sample();
    profile.opening_hours.insert(7, vec![OpenPeriod { from_minute: 0, until_minute: 360 }]);
    profile.booking.horizon_days = 365;
    for test in platforms(parts()).await {
        let practice = Practice::with(test, profile.clone()).await;
        let person = practice.person().await;
        let spring = date(2027, 3, 28);
        let skipped = practice.book_by(&profile, &person, "check_up", spring, at(2, 30)).await;
        assert!(matches!(skipped, Err(Error::NotOffered)), "{}", practice.test.name);
        let booked = practice.book_by(&profile, &person, "filling", spring, at(1, 30)).await.expect("free");
        assert_eq!(booked.ends_at.seconds() - booked.starts_at.seconds(), 3_600);
        let times = free(&practice, &profile, "check_up", spring).await;
        assert_eq!(
            times,
            ["00:00", "00:30", "01:00", "03:30", "04:00", "04:30", "05:00", "05:30"],
            "it lasts until 03:30"
        );
        let autumn = date(2027, 10, 31);
        let booked = practice.book_by(&profile, &person, "filling", autumn, at(2, 0)).await.expect("free");
        assert_eq!(web::instant::to_rfc3339(booked.starts_at), "2027-10-31T00:00:00Z", "the first of the two");
        assert_eq!(web::instant::to_rfc3339(booked.ends_at), "2027-10-31T01:00:00Z");
        let times = free(&practice, &profile, "check_up", autumn).await;
        assert!(!times.contains(&"02:30".to_owned()) && times.contains(&"03:00".to_owned()), "{times:?}");
    }
}

#[tokio::test]
async fn short_services_stand_side_by_side() {
    let mut profile = sample();
    let service = Service { key: "jab".to_owned(), name: "Jab".to_owned(), also: Vec::new(), duration_minutes: 12 };
    profile.services.push(service);
    profile.booking.slot_minutes = 12;
    for test in platforms(parts()).await {
        let practice = Practice::with(test, profile.clone()).await;
        let person = practice.person().await;
        for minute in [12, 0, 24, 36] {
            let booked = practice.book_by(&profile, &person, "jab", MONDAY, at(9, minute)).await;
            assert!(booked.is_ok(), "{}: {minute} {booked:?}", practice.test.name);
        }
        let again = practice.book_by(&profile, &person, "jab", MONDAY, at(9, 24)).await;
        assert!(matches!(again, Err(Error::Taken)));
    }
}

#[tokio::test]
async fn cancelling_frees_the_time_and_is_final() {
    for practice in Practice::each().await {
        let (desk, caller, person) = (&practice.desk, practice.caller(), practice.person().await);
        let first = practice.book(&person, "check_up", MONDAY, at(9, 0)).await.expect("free");
        let early = desk.set_booking(caller, first.id, BookingState::Attended).await;
        assert!(matches!(early, Err(Error::State { from: "booked", to: "attended" })), "not yet");
        let cancelled = desk.set_booking(caller, first.id, BookingState::Cancelled).await.expect("cancelled");
        assert_eq!((cancelled.state, cancelled.changed_by.kind.as_str()), (BookingState::Cancelled, "user"));
        assert_eq!(cancelled.changed_by.id, Some(practice.owner.user));
        desk.set_booking(caller, first.id, BookingState::Cancelled).await.expect("again changes nothing");
        let back = desk.set_booking(caller, first.id, BookingState::Booked).await;
        assert!(matches!(back, Err(Error::State { .. })));
        let second = practice.book(&person, "check_up", MONDAY, at(9, 0)).await.expect("free again");
        practice.test.clock.set(second.starts_at);
        for state in [BookingState::Missed, BookingState::Attended, BookingState::Booked] {
            assert_eq!(desk.set_booking(caller, second.id, state).await.expect("its time has come").state, state);
        }
    }
}

#[tokio::test]
async fn a_booking_moves_or_stays_where_it_was() {
    for practice in Practice::each().await {
        let (desk, caller, person) = (&practice.desk, practice.caller(), practice.person().await);
        let first = practice.book(&person, "filling", MONDAY, at(9, 0)).await.expect("free");
        practice.book(&person, "check_up", MONDAY, at(11, 0)).await.expect("free");
        let taken = desk.move_booking(caller, first.id, MONDAY, at(10, 30)).await;
        assert!(matches!(taken, Err(Error::Taken)), "{}: {taken:?}", practice.test.name);
        let held = practice.book(&person, "check_up", MONDAY, at(9, 30)).await;
        assert!(matches!(held, Err(Error::Taken)), "the old time is still held");
        let closed = desk.move_booking(caller, first.id, date(2027, 1, 17), at(9, 0)).await;
        assert!(matches!(closed, Err(Error::NotOffered)));
        let moved = desk.move_booking(caller, first.id, MONDAY, at(9, 30)).await.expect("onto itself");
        assert_eq!(moved.starts_at.seconds() - first.starts_at.seconds(), 1_800);
        assert_eq!((moved.given, moved.service.as_str()), (ada(), "filling"));
        practice.book(&person, "check_up", MONDAY, at(9, 0)).await.expect("its old time is free");
        let soon = desk.move_booking(caller, first.id, FRIDAY, at(9, 0)).await;
        assert!(soon.is_ok(), "members need no lead time: {soon:?}");
        desk.set_booking(caller, first.id, BookingState::Cancelled).await.expect("cancelled");
        let gone = desk.move_booking(caller, first.id, MONDAY, at(15, 0)).await;
        assert!(matches!(gone, Err(Error::State { from: "cancelled", to: "moved" })));
    }
}

#[test]
fn every_change_of_state_is_decided() {
    use BookingState::{Attended, Booked, Cancelled, Missed};
    let allowed = |begun| {
        let pairs = BookingState::ALL.into_iter().flat_map(|from| BookingState::ALL.map(|to| (from, to)));
        pairs.filter(|(from, to)| from.may_become(*to, begun)).collect::<Vec<_>>()
    };
    assert_eq!(allowed(false), [(Booked, Cancelled)]);
    assert_eq!(
        allowed(true),
        [
            (Booked, Cancelled),
            (Booked, Attended),
            (Booked, Missed),
            (Attended, Booked),
            (Attended, Missed),
            (Missed, Booked),
            (Missed, Attended)
        ]
    );
    assert!(BookingState::ALL.into_iter().all(|state| BookingState::named(state.name()) == Some(state)));
}
