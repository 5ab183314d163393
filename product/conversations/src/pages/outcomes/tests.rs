//! The pages of what came of conversations, asked over HTTP as the practice itself would.

use identity::Role;
use jiff::civil::{date, time};

use super::*;
use crate::booking::store::BookingFilter;
use crate::desk::testing::{Practice, ask};

async fn page(practice: &Practice, path: &str) -> String {
    let key = practice.key(practice.organization, Role::Manager).await;
    let (status, text) = ask(&practice.pages(), "GET", path, Some(&key), None).await;
    assert!(status.is_success(), "{path}: {status} {text}");
    text
}

#[tokio::test]
async fn bookings_begin_with_today_and_count_those_that_hold() {
    for practice in Practice::each().await {
        let (key, name) = (practice.person().await, practice.test.name);
        let booked = async |day, hour| {
            practice.book(&key, "cleaning", day, time(hour, 0, 0, 0)).await.expect("booked").reference
        };
        let friday = booked(date(2027, 1, 15), 12).await;
        let (monday, next) = (booked(date(2027, 1, 18), 9).await, booked(date(2027, 1, 18), 10).await);
        let desk = practice.conversations.desk();
        let of_next = BookingFilter { reference: Some(next.clone()), ..BookingFilter::default() };
        let found = desk.bookings(practice.caller(), &of_next, Uuid::max(), 1).await.expect("read");
        desk.set_booking(practice.caller(), found[0].id, BookingState::Cancelled).await.expect("cancelled");
        let text = page(&practice, "/bookings").await;
        for reference in [&friday, &monday, &next] {
            assert!(text.contains(reference.as_str()), "{name}: {reference} is missing");
        }
        assert!(text.contains("1 booked, 1 cancelled"), "{name}: a cancelled one counts as booked: {text}");
        let order = [text.find(&friday), text.find(&monday), text.find(&next)];
        assert!(order.is_sorted(), "{name}: not in the order of the days: {order:?}");
        assert!(!page(&practice, "/bookings?past=true").await.contains(&friday), "{name}: today is not over");
        assert!(!text.contains(" UTC</td>"), "{name}: the clock of the business is known");

        // On Saturday, Friday is over; it is a link away, and what is to come does not share its place.
        practice.test.clock.advance_seconds(24 * 60 * 60);
        let text = page(&practice, "/bookings").await;
        assert!(!text.contains(&friday) && text.contains(&monday), "{name}: what is over stands before what comes");
        assert!(text.contains("href=\"/bookings?past=true\""), "{name}: no way to what is over");
        let past = page(&practice, "/bookings?past=true").await;
        assert!(past.contains(&friday) && !past.contains(&monday), "{name}");
    }
}

#[tokio::test]
async fn the_next_bookings_are_asked_for_and_not_the_last_made() {
    for practice in Practice::each().await {
        let key = practice.person().await;
        let soon = practice.book(&key, "cleaning", date(2027, 1, 18), time(9, 0, 0, 0)).await.expect("booked");
        let later = practice.book(&key, "cleaning", date(2027, 1, 20), time(9, 0, 0, 0)).await.expect("booked");
        let (desk, now) = (practice.conversations.desk(), practice.test.platform.now());
        let one = desk.upcoming_bookings(practice.caller(), now, 1).await.expect("read");
        assert_eq!(one.iter().map(|booking| booking.id).collect::<Vec<_>>(), [soon.id], "{}", practice.test.name);
        let until = later.starts_at.plus_seconds(1);
        let one = desk.past_bookings(practice.caller(), until, 1).await.expect("read");
        assert_eq!(one.iter().map(|booking| booking.id).collect::<Vec<_>>(), [later.id]);
        assert!(desk.past_bookings(practice.caller(), now, 9).await.expect("read").is_empty());
    }
}

#[test]
fn a_time_without_a_business_says_that_it_is_utc() {
    let person = Given::default();
    let by = crate::desk::By { kind: "system".to_owned(), id: None };
    let booking = Booking {
        id: Uuid::nil(),
        reference: "R1".to_owned(),
        state: BookingState::Booked,
        agent_id: Uuid::nil(),
        contact_id: Uuid::nil(),
        conversation_id: None,
        starts_at: Timestamp::from_seconds(1_800_000_000),
        ends_at: Timestamp::from_seconds(1_800_001_800),
        service: String::new(),
        service_name: String::new(),
        given: person,
        made_by: by.clone(),
        changed_by: by,
        created_at: Timestamp::from_seconds(0),
        updated_at: Timestamp::from_seconds(0),
    };
    assert_eq!(booking_line(&booking, None).1.time, "08:00 to 08:30 UTC");
    let profile = agents::profile::sample();
    assert!(!booking_line(&booking, Some(&profile)).1.time.contains("UTC"));
}
