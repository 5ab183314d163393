//! What bookings, leads and tickets share: values and their limits, news, sealing, erasure.

use identity::testing::{platforms, schema};
use jiff::civil::{date, time};
use web::live::Heard;

use super::testing::{Practice, ada, parts};
use super::*;
use crate::booking::store::BOOKING;
use crate::ticket::TicketKind;

#[tokio::test]
async fn statements_are_in_scope_on_both_engines() {
    for test in platforms(parts()).await {
        storage::registry::check(&schema(&parts()), &test.platform.database).await.expect("prepared and in scope");
    }
}

#[test]
fn values_have_edges() {
    let given = |field: &str, value: String| {
        let mut given = Given::default();
        match field {
            "name" => given.name = Some(value),
            "phone" => given.phone = Some(value),
            "email" => given.email = Some(value),
            _ => given.text = Some(value),
        }
        given.checked()
    };
    for (field, most) in [("name", NAME_MAX), ("phone", PHONE_MAX), ("email", EMAIL_MAX), ("text", TEXT_MAX)] {
        assert!(given(field, "ä".repeat(most)).is_ok(), "{field}");
        let long = given(field, "ä".repeat(most + 1));
        assert!(matches!(long, Err(Error::Invalid { field: named, .. }) if named == field), "{field}");
        assert!(given(field, "a\u{7}".to_owned()).is_err(), "{field}");
        assert_eq!(given(field, "  \n ".to_owned()).expect("nothing"), Given::default(), "{field}");
    }
    assert!(given("text", "two\nlines".to_owned()).is_ok());
    assert!(given("name", "two\nlines".to_owned()).is_err());
}

#[tokio::test]
async fn pages_hear_of_it_after_the_commit_and_only_then() {
    for practice in Practice::each().await {
        let mut heard = practice.live.subscribe(practice.organization, None).expect("a seat");
        let person = practice.person().await;
        let mut dropped = practice.database().begin().await.expect("begun");
        let origin = practice.origin();
        practice.desk.take_lead(&mut dropped, &person, &origin, ada()).await.expect("taken");
        drop(dropped);
        let mut kept = practice.database().begin().await.expect("begun");
        let kind = TicketKind::Message;
        let ticket = practice.desk.open_ticket(&mut kept, &person, &origin, kind, ada()).await.expect("opened");
        kept.commit().await.expect("committed");
        let booking = practice.book(&person, "check_up", date(2027, 1, 18), time(9, 0, 0, 0)).await.expect("free");
        for (kind, subject, permission) in [
            ("ticket.opened", ticket.id, Permission::TicketRead),
            ("booking.made", booking.id, Permission::BookingRead),
        ] {
            let Heard::Event(event) = heard.next().await else { panic!("an event") };
            assert_eq!((event.event.kind, event.event.subject), (kind, subject), "{}", practice.test.name);
            assert_eq!(event.event.permission, permission);
            assert!(!event.event.data.to_string().contains("Ada"));
        }
    }
}

#[tokio::test]
async fn what_a_person_gave_is_sealed_and_goes_with_them() {
    for practice in Practice::each().await {
        let person = practice.person().await;
        let booking = practice.book(&person, "check_up", date(2027, 1, 18), time(9, 0, 0, 0)).await.expect("free");
        let read = practice.desk.booking(practice.caller(), booking.id).await.expect("there");
        assert_eq!(read, booking, "{}", practice.test.name);
        assert_eq!(read.given, ada());
        assert_eq!((read.service.as_str(), read.service_name.as_str()), ("check_up", "Check-up"));
        let row = practice.database().get(&BOOKING, booking.id).await.expect("read").expect("a row");
        let stored = format!("{row:?}{:?}", row.bytes("details").expect("sealed"));
        let plain = |word: &str| format!("{:?}", word.as_bytes());
        for word in ["Ada", "check_up", "drills"] {
            assert!(!stored.contains(word) && !stored.contains(plain(word).trim_matches(['[', ']'])), "{word}");
        }
        let platform = &practice.test.platform;
        contacts::store::erase(platform, practice.caller(), person.person()).await.expect("erased");
        let read = practice.desk.booking(practice.caller(), booking.id).await.expect("the row stays");
        assert_eq!((read.given, read.service.as_str()), (Given::erased(), ""));
        assert_eq!(read.starts_at, booking.starts_at);
    }
}

#[tokio::test]
async fn references_differ_and_find_their_rows() {
    let practice = Practice::each().await.remove(0);
    let person = practice.person().await;
    let mut transaction = practice.database().begin().await.expect("begun");
    let mut references = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let lead = practice.desk.take_lead(&mut transaction, &person, &practice.origin(), Given::default()).await;
        references.insert(lead.expect("taken").reference);
    }
    transaction.commit().await.expect("committed");
    assert_eq!(references.len(), 50);
    let one = references.first().cloned();
    let filter = lead::store::LeadFilter { reference: one.clone(), ..Default::default() };
    let found = practice.desk.leads(practice.caller(), &filter, Uuid::max(), 10).await.expect("listed");
    assert_eq!(found.iter().map(|lead| Some(lead.reference.clone())).collect::<Vec<_>>(), [one]);
}
