//! Tickets on both databases, and by their addresses.

use identity::{MembershipState, Role};
use serde_json::json;

use super::*;
use crate::desk::testing::{Practice, ada, ask_json};

async fn opened(practice: &Practice, kind: TicketKind, given: Given) -> Ticket {
    let person = practice.person().await;
    let mut transaction = practice.database().begin().await.expect("begun");
    let origin = practice.origin();
    let ticket = practice.desk.open_ticket(&mut transaction, &person, &origin, kind, given).await.expect("opened");
    transaction.commit().await.expect("committed");
    ticket
}

#[test]
fn every_change_of_state_is_decided() {
    use TicketState::{Closed, InProgress, Open, Resolved};
    for (from, to) in [
        (Open, vec![InProgress, Resolved, Closed]),
        (InProgress, vec![Open, Resolved, Closed]),
        (Resolved, vec![Open, InProgress, Closed]),
        (Closed, vec![Open]),
    ] {
        let allowed: Vec<TicketState> = TicketState::ALL.into_iter().filter(|state| from.may_become(*state)).collect();
        assert_eq!(allowed, to, "{from:?}");
    }
    assert!(TicketState::ALL.into_iter().all(|state| TicketState::named(state.name()) == Some(state)));
}

#[tokio::test]
async fn a_ticket_goes_its_way_and_comes_back() {
    for practice in Practice::each().await {
        let ticket = opened(&practice, TicketKind::Problem, ada()).await;
        let (desk, caller) = (&practice.desk, practice.caller());
        let set = async |state| {
            let change = TicketChange { state: Some(state), assignee: None };
            desk.change_ticket(caller, ticket.id, change).await.map(|ticket| (ticket.state, ticket.assignee))
        };
        let me = Some(practice.owner.user);
        assert_eq!(set(TicketState::InProgress).await.expect("taken up"), (TicketState::InProgress, me));
        for state in [TicketState::Resolved, TicketState::Closed, TicketState::Closed] {
            assert_eq!(set(state).await.expect("a step"), (state, me), "{}", practice.test.name);
        }
        let skipped = set(TicketState::InProgress).await;
        assert!(matches!(skipped, Err(crate::desk::Error::State { from: "closed", to: "in_progress" })));
        assert_eq!(set(TicketState::Open).await.expect("opened again"), (TicketState::Open, me));
        let nobody = TicketChange { state: None, assignee: Some(Assignee::Nobody) };
        assert_eq!(desk.change_ticket(caller, ticket.id, nobody).await.expect("let go").assignee, None);
    }
}

#[tokio::test]
async fn only_active_members_of_the_organization_see_to_tickets() {
    for practice in Practice::each().await {
        let ticket = opened(&practice, TicketKind::Problem, ada()).await;
        let (router, key) = (practice.router(), practice.key(practice.organization, Role::Manager).await);
        let path = format!("/v1/tickets/{}", ticket.id);
        let colleague = practice.test.member(practice.organization, Role::Viewer).await.user;
        let other = practice.test.organization("other").await.organization;
        let outsider = practice.test.member(other, Role::Owner).await.user;
        practice.test.member_in(practice.organization, Role::Manager, MembershipState::Left).await;
        let assign = |user: serde_json::Value| Some(json!({ "assignee": user }));
        let (status, read) = ask_json(&router, "PATCH", &path, &key, assign(json!(colleague))).await;
        assert_eq!((status, &read["assignee"], &read["state"]), (200, &json!(colleague), &json!("open")));
        for wrong in [json!(outsider), json!(Uuid::nil()), json!("nobody")] {
            assert_eq!(ask_json(&router, "PATCH", &path, &key, assign(wrong.clone())).await.0, 422, "{wrong}");
        }
        let (status, read) = ask_json(&router, "PATCH", &path, &key, Some(json!({ "state": "in_progress" }))).await;
        assert_eq!((status, &read["assignee"]), (200, &json!(colleague)), "left out stays");
        let (status, read) = ask_json(&router, "PATCH", &path, &key, assign(json!(null))).await;
        assert_eq!((status, &read["assignee"]), (200, &json!(null)));
        assert_eq!(ask_json(&router, "PATCH", &path, &key, Some(json!({}))).await.0, 422);
        let stranger = practice.key(other, Role::Owner).await;
        for method in ["GET", "PATCH"] {
            let body = (method == "PATCH").then(|| json!({ "state": "closed" }));
            assert_eq!(ask_json(&router, method, &path, &stranger, body).await.0, 404, "{method}");
        }
        let viewer = practice.key(practice.organization, Role::Viewer).await;
        assert_eq!(ask_json(&router, "GET", &path, &viewer, None).await.0, 403, "{}", practice.test.name);
    }
}

#[tokio::test]
async fn messages_carry_their_recording() {
    for practice in Practice::each().await {
        let recording = practice.test.platform.identifiers.next();
        let given = Given { phone: Some("+49301112223".to_owned()), recording: Some(recording), ..Given::default() };
        let message = opened(&practice, TicketKind::Message, given).await;
        opened(&practice, TicketKind::Problem, ada()).await;
        let (router, key) = (practice.router(), practice.key(practice.organization, Role::Owner).await);
        let (_, page) = ask_json(&router, "GET", "/v1/tickets?kind=message&limit=1", &key, None).await;
        assert_eq!((&page["data"][0]["id"], &page["has_more"]), (&json!(message.id), &json!(false)));
        assert_eq!(page["data"][0]["recording"], json!(recording), "{}", practice.test.name);
        let (_, page) = ask_json(&router, "GET", "/v1/tickets?limit=1", &key, None).await;
        let next = page["next_cursor"].as_str().expect("there is more").to_owned();
        let (_, rest) = ask_json(&router, "GET", &format!("/v1/tickets?limit=1&after={next}"), &key, None).await;
        assert_ne!(page["data"][0]["id"], rest["data"][0]["id"]);
        assert_eq!(rest["has_more"], json!(false));
    }
}
