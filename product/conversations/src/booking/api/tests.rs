//! Bookings through the router: who may, what comes, what is refused.

use identity::Role;
use serde_json::json;

use super::*;
use crate::desk::testing::{Practice, ask, ask_json};

fn wish(practice: &Practice, day: &str, time: &str) -> serde_json::Value {
    json!({ "agent_id": practice.agent, "service": "check_up", "day": day, "time": time, "name": "Ada Byron" })
}

#[tokio::test]
async fn a_member_books_moves_and_cancels() {
    for practice in Practice::each().await {
        let (router, key) = (practice.router(), practice.key(practice.organization, Role::Manager).await);
        let new = || Some(wish(&practice, "2027-01-15", "09:00"));
        let (status, booked) = ask_json(&router, "POST", "/v1/bookings", &key, new()).await;
        assert_eq!(status, 201, "{}: at short notice too: {booked}", practice.test.name);
        assert_eq!(booked["starts_at"], json!("2027-01-15T08:00:00Z"));
        assert_eq!((&booked["service_name"], &booked["name"]), (&json!("Check-up"), &json!("Ada Byron")));
        assert_eq!(ask_json(&router, "POST", "/v1/bookings", &key, new()).await.0, 409);
        let contact = booked["contact_id"].as_str().expect("a contact").parse().expect("an id");
        let contact = contacts::store::get(&practice.test.platform, practice.caller(), contact).await.expect("made");
        assert_eq!(contact.details.name.as_deref(), Some("Ada Byron"));
        let mut second = wish(&practice, "2027-01-15", "10:00");
        second["contact_id"] = json!(contact.id);
        let (status, second) = ask_json(&router, "POST", "/v1/bookings", &key, Some(second)).await;
        assert_eq!((status, &second["contact_id"]), (201, &json!(contact.id)));
        let path = format!("/v1/bookings/{}", booked["id"].as_str().expect("an id"));
        let to = |time: &str| Some(json!({ "day": "2027-01-15", "time": time }));
        assert_eq!(ask_json(&router, "PATCH", &path, &key, to("10:00")).await.0, 409, "the second's");
        assert_eq!(ask_json(&router, "PATCH", &path, &key, to("13:00")).await.0, 422, "closed");
        let (status, moved) = ask_json(&router, "PATCH", &path, &key, to("11:30")).await;
        assert_eq!((status, &moved["starts_at"]), (200, &json!("2027-01-15T10:30:00Z")));
        let address = format!("/v1/free-times?agent_id={}&service=check_up&day=2027-01-15", practice.agent);
        let (_, free) = ask_json(&router, "GET", &address, &key, None).await;
        assert_eq!(free["times"], json!(["09:00", "09:30", "10:30", "11:00", "12:00", "12:30"]));
        let cancel = Some(json!({ "state": "cancelled" }));
        let (status, cancelled) = ask_json(&router, "PATCH", &path, &key, cancel).await;
        assert_eq!((status, &cancelled["state"]), (200, &json!("cancelled")));
        let again = Some(json!({ "state": "booked" }));
        assert_eq!(ask_json(&router, "PATCH", &path, &key, again).await.0, 409);
        let (_, page) = ask_json(&router, "GET", "/v1/bookings?state=booked", &key, None).await;
        assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
        let hour = "/v1/bookings?from=2027-01-15T09:00:00Z&until=2027-01-15T09:30:00Z";
        let (_, page) = ask_json(&router, "GET", hour, &key, None).await;
        assert_eq!(page["data"][0]["id"], second["id"]);
    }
}

#[tokio::test]
async fn strangers_viewers_and_other_organizations_are_refused() {
    for practice in Practice::each().await {
        let (router, key) = (practice.router(), practice.key(practice.organization, Role::Owner).await);
        let new = wish(&practice, "2027-01-18", "09:00");
        let (_, booked) = ask_json(&router, "POST", "/v1/bookings", &key, Some(new.clone())).await;
        let path = format!("/v1/bookings/{}", booked["id"].as_str().expect("an id"));
        let viewer = practice.key(practice.organization, Role::Viewer).await;
        let other = practice.test.organization("other").await.organization;
        let stranger = practice.key(other, Role::Owner).await;
        let address = format!("/v1/free-times?agent_id={}&service=check_up&day=2027-01-18", practice.agent);
        for (method, path, body) in [
            ("GET", path.as_str(), None),
            ("PATCH", path.as_str(), Some(json!({ "state": "cancelled" }))),
            ("PATCH", path.as_str(), Some(json!({ "day": "2027-01-18", "time": "10:00" }))),
            ("POST", "/v1/bookings", Some(new)),
            ("GET", address.as_str(), None),
        ] {
            let status = ask(&router, method, path, None, body.clone()).await.0;
            assert_eq!(status, 401, "{method} {path}");
            assert_eq!(ask_json(&router, method, path, &viewer, body.clone()).await.0, 403, "{method} {path}");
            assert_eq!(ask_json(&router, method, path, &stranger, body).await.0, 404, "{method} {path}");
        }
        let (_, page) = ask_json(&router, "GET", "/v1/bookings", &stranger, None).await;
        assert_eq!(page["data"], json!([]), "{}", practice.test.name);
        let unknown = format!("/v1/bookings/{}", Uuid::nil());
        let (_, theirs) = ask(&router, "GET", &path, Some(&stranger), None).await;
        let (_, nobodys) = ask(&router, "GET", &unknown, Some(&stranger), None).await;
        assert_eq!(theirs, nobodys, "another organization's and nobody's look the same");
    }
}

#[tokio::test]
async fn malformed_requests_are_named() {
    let practice = Practice::each().await.remove(0);
    let (router, key) = (practice.router(), practice.key(practice.organization, Role::Owner).await);
    let with = |field: &str, value: serde_json::Value| {
        let mut wish = wish(&practice, "2027-01-18", "09:00");
        wish[field] = value;
        wish
    };
    for (body, wanted) in [
        (with("service", json!("massage")), 422),
        (with("day", json!("2027-02-30")), 422),
        (with("time", json!("25:00")), 422),
        (with("time", json!("09:05")), 422),
        (with("name", json!("x".repeat(121))), 422),
        (with("email", json!("no address")), 422),
        (with("state", json!("attended")), 422),
        (with("agent_id", json!(Uuid::nil())), 404),
        (with("contact_id", json!(Uuid::nil())), 404),
    ] {
        let (status, problem) = ask_json(&router, "POST", "/v1/bookings", &key, Some(body.clone())).await;
        assert_eq!(status, wanted, "{body} {problem}");
    }
    let (_, page) = ask_json(&router, "GET", "/v1/bookings", &key, None).await;
    assert_eq!(page["data"], json!([]), "nothing was left behind");
    for query in ["limit=0", "limit=101", "state=gone", "from=yesterday", "reference=!", "after=x", "colour=red"] {
        assert_eq!(ask_json(&router, "GET", &format!("/v1/bookings?{query}"), &key, None).await.0, 422, "{query}");
    }
    let (_, booked) =
        ask_json(&router, "POST", "/v1/bookings", &key, Some(wish(&practice, "2027-01-18", "09:00"))).await;
    let path = format!("/v1/bookings/{}", booked["id"].as_str().expect("an id"));
    for body in [json!({}), json!({ "day": "2027-01-18" }), json!({ "state": "cancelled", "time": "10:00" }), json!([])]
    {
        assert_eq!(ask_json(&router, "PATCH", &path, &key, Some(body.clone())).await.0, 422, "{body}");
    }
}

#[test]
fn the_description_names_every_route() {
    let description = serde_json::to_value(crate::desk::Description::openapi()).expect("JSON");
    for rule in crate::desk::routes().table().into_iter().filter(|rule| rule.path.starts_with("/v1/")) {
        let method = rule.method.as_str().to_lowercase();
        assert!(description["paths"][rule.path][&method].is_object(), "{method} {}", rule.path);
    }
}
