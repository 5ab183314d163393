//! Leads on both databases, and by their addresses.

use serde_json::json;

use super::*;
use crate::desk::testing::{Practice, ada, ask, ask_json};

async fn taken(practice: &Practice) -> Lead {
    let person = practice.person().await;
    let mut transaction = practice.database().begin().await.expect("begun");
    let lead = practice.desk.take_lead(&mut transaction, &person, &practice.origin(), ada()).await.expect("taken");
    transaction.commit().await.expect("committed");
    lead
}

#[tokio::test]
async fn a_lead_is_taken_read_and_worked_on() {
    for practice in Practice::each().await {
        let lead = taken(&practice).await;
        let (router, key) = (practice.router(), practice.key(practice.organization, identity::Role::Manager).await);
        let path = format!("/v1/leads/{}", lead.id);
        let (status, read) = ask_json(&router, "GET", &path, &key, None).await;
        assert_eq!((status, &read["state"], &read["name"]), (200, &json!("new"), &json!("Ada Byron")));
        assert_eq!((&read["reference"], &read["made_by"]["kind"]), (&json!(lead.reference), &json!("visitor")));
        let change = || Some(json!({ "state": "won" }));
        let (status, read) = ask_json(&router, "PATCH", &path, &key, change()).await;
        assert_eq!((status, &read["state"], &read["changed_by"]["kind"]), (200, &json!("won"), &json!("api_key")));
        let (status, _) = ask_json(&router, "PATCH", &path, &key, change()).await;
        assert_eq!(status, 200, "again changes nothing");
        for (wrong, body) in
            [(422, json!({ "state": "sold" })), (422, json!({})), (422, json!({ "state": "won", "x": 1 }))]
        {
            assert_eq!(ask_json(&router, "PATCH", &path, &key, Some(body)).await.0, wrong);
        }
        let count = async |query: &str| {
            let (status, page) = ask_json(&router, "GET", &format!("/v1/leads?{query}"), &key, None).await;
            (status, page["data"].as_array().map_or(0, Vec::len))
        };
        assert_eq!(count("state=won").await, (200, 1), "{}", practice.test.name);
        assert_eq!(count("state=new").await, (200, 0));
        assert_eq!(count(&format!("reference={}", lead.reference.to_lowercase())).await, (200, 1));
        for query in ["state=sold", "reference=0", "limit=0", "limit=101", "colour=red"] {
            assert_eq!(count(query).await.0, 422, "{query}");
        }
    }
}

#[tokio::test]
async fn the_sheet_holds_every_lead_once_and_nobody_else_reads_it() {
    let practice = Practice::each().await.remove(0);
    let (first, second) = (taken(&practice).await, taken(&practice).await);
    let router = practice.router();
    let key = practice.key(practice.organization, identity::Role::Manager).await;
    let (status, text) = ask(&router, "GET", "/v1/leads.csv", Some(&key), None).await;
    assert_eq!(status, 200);
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], "reference,state,taken_at,name,phone,email,text,conversation_id");
    for lead in [&first, &second] {
        assert_eq!(lines.iter().filter(|line| line.starts_with(&lead.reference)).count(), 1, "{text}");
    }
    assert!(lines[1].contains(",Ada Byron,+49301112223,ada@example.org,I am afraid of drills.,"), "{text}");
    let other = practice.test.organization("other").await.organization;
    let stranger = practice.key(other, identity::Role::Owner).await;
    let (_, text) = ask(&router, "GET", "/v1/leads.csv", Some(&stranger), None).await;
    assert_eq!(text.lines().count(), 1);
    let viewer = practice.key(practice.organization, identity::Role::Viewer).await;
    assert_eq!(ask(&router, "GET", "/v1/leads.csv", Some(&viewer), None).await.0, 403);
    assert_eq!(ask(&router, "GET", "/v1/leads.csv", None, None).await.0, 401);
    let contacts = contacts::store::erase(&practice.test.platform, practice.caller(), first.contact_id).await;
    contacts.expect("erased");
    let (_, text) = ask(&router, "GET", "/v1/leads.csv", Some(&key), None).await;
    assert_eq!(text.matches("Ada Byron").count(), 1, "{text}");
}
