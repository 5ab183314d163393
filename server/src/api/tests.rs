//! The description, the routes and the committed snapshot say the same.

mod free_text;
mod matrix;

use std::sync::Arc;

use telephony::attendant::Attendant;
use telephony::voice::Voice;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::Settings;

/// A node of a fresh folder.
async fn fresh_house(folder: &std::path::Path) -> House {
    let settings =
        Settings { data_dir: folder.join("data"), stamp: Some(vault::Stamp::Production), ..Settings::default() };
    House::open(settings).await.expect("a fresh folder opens")
}

/// Every route of the parts that it serves.
fn parts_of(house: &House) -> Routes<()> {
    let (platform, conversations) = (house.platform.clone(), house.conversations.clone());
    let attendant: Arc<Attendant> = Attendant::new(
        platform.clone(),
        conversations,
        Voice::new(None),
        house.live.clone(),
        None,
        uuid::Uuid::nil(),
        CancellationToken::new(),
    );
    let telephony = Telephony { platform, attendant, line: None, dialing: house.dialing.clone() };
    part_routes(house, &telephony, "http://127.0.0.1:1")
}

/// Every route that a node of a fresh folder serves.
pub(super) async fn served(folder: &std::path::Path) -> Vec<RouteRule> {
    parts_of(&fresh_house(folder).await).table()
}

#[tokio::test]
async fn the_description_names_every_route_and_no_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let differences = web::openapi::differences(&description(), &served(folder.path()).await);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn the_description_leads_nowhere_astray() {
    assert_eq!(web::openapi::faults(&description()), Vec::<String>::new());
    assert_eq!(web::openapi::collisions(&part_descriptions()), Vec::<String>::new());
}

/// What an organization can let support have opens something.
#[tokio::test]
async fn every_permission_that_can_be_granted_is_asked_for_by_a_route() {
    use identity::Permission;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let served = served(folder.path()).await;
    let asks = |permission| served.iter().any(|rule| rule.access == Access::Permission(permission));
    let grantable = Permission::ALL.into_iter().filter(|permission| identity::support::is_grantable(*permission));
    let idle: Vec<String> = grantable.filter(|permission| !asks(*permission)).map(Permission::dotted).collect();
    assert!(idle.is_empty(), "support can be granted what opens nothing: {idle:?}");
}

#[tokio::test]
async fn what_is_described_follows_from_what_is_served() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let of = |table: &[RouteRule]| {
        let mut rules: Vec<String> =
            table.iter().filter(|rule| rule.path.starts_with("/v1/")).map(|rule| format!("{rule:?}")).collect();
        rules.sort();
        rules
    };
    assert_eq!(of(&described_routes()), of(&served(folder.path()).await));
}

/// The snapshot is what reviewers see of a change of the API. `ringfence openapi > docs/openapi.json` writes it again.
#[test]
fn the_committed_description_is_the_one_that_the_program_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let given = serde_json::to_string_pretty(&description()).expect("a document") + "\n";
    if std::env::var_os("RINGFENCE_UPDATE").is_some() {
        std::fs::write(path, given).expect("written");
        return;
    }
    let first = committed.lines().zip(given.lines()).position(|(committed, given)| committed != given);
    assert!(
        committed == given,
        "docs/openapi.json is not what `ringfence openapi` prints (first difference near line {:?}); if the change of the API is meant, run: ringfence openapi > docs/openapi.json",
        first.map(|index| index + 1)
    );
}

/// What programs can reach, noun by noun. A noun that is gone from the description is gone from the product.
#[test]
fn every_noun_of_the_business_can_be_read_over_the_api() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed = std::fs::read_to_string(path).expect("the description is committed");
    let document: serde_json::Value = serde_json::from_str(&committed).expect("JSON");
    for path in [
        "/v1/agents",
        "/v1/agents/{agent_id}/knowledge",
        "/v1/conversations",
        "/v1/calls",
        "/v1/recordings",
        "/v1/contacts",
        "/v1/leads",
        "/v1/bookings",
        "/v1/tickets",
        "/v1/keys",
        "/v1/audit",
    ] {
        let list = &document["paths"][path]["get"];
        assert!(list["responses"]["200"].is_object(), "{path} is not in the description");
        let needs = list["description"].as_str().unwrap_or_default();
        assert!(needs.contains("Needs the permission"), "{path} asks for no permission");
        let below = document["paths"].as_object().expect("paths").keys();
        assert!(below.filter(|other| other.starts_with(&format!("{path}/"))).count() > 0, "{path} is a list alone");
    }
}
