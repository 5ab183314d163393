//! A directory at `/scim/v2`, with the requests that Entra ID and Okta send by their documentation, on both databases.

mod people;

use crate::fixture::{Answer, Service, schema};
use identity::api_key::{self, NewKey};
use identity::testing::{Persona, platforms};
use identity::token::KeyText;
use identity::{Environment, Role, member};
use serde_json::{Value, json};
use storage::OrganizationId;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A directory of one organization.
struct Directory<'a> {
    service: &'a Service,
    key: String,
}

impl<'a> Directory<'a> {
    /// With a key that the owner makes as they would.
    async fn of(service: &'a Service, owner: &Persona) -> Self {
        let cookie = format!("ringfence_session={}", owner.session.reveal());
        let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", &cookie)];
        let made = service.ask("POST", "/v1/provisioning/keys", &headers, r#"{"name":"Entra ID"}"#).await;
        assert_eq!(made.status, 201, "{made:?}");
        Self { service, key: made.json()["secret"].as_str().expect("a key").to_owned() }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_with(method, path, body, &[]).await
    }

    async fn ask_with(&self, method: &str, path: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", bearer.as_str())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.push(("content-type", "application/scim+json; charset=utf-8"));
        }
        headers.extend(more);
        let answer = self.service.ask(method, &format!("/scim/v2{path}"), &headers, &body).await;
        if !answer.body.is_empty() {
            assert_eq!(answer.header("content-type"), "application/scim+json", "{method} {path}: {answer:?}");
        }
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null).await
    }

    /// Adds somebody and gives the id.
    async fn add(&self, address: &str) -> String {
        let body = json!({"schemas": [USER], "userName": address, "displayName": "Mia", "externalId": address});
        let added = self.ask("POST", "/Users", &body).await;
        assert_eq!(added.status, 201, "{added:?}");
        added.json()["id"].as_str().expect("an id").to_owned()
    }

    async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.ask("PATCH", path, &json!({"schemas": [PATCH], "Operations": operations})).await
    }

    /// The ids in a group.
    async fn group(&self, role: &str) -> Vec<String> {
        let group = self.get(&format!("/Groups/{role}")).await.json();
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> =
            members.iter().map(|member| member["value"].as_str().expect("an id").to_owned()).collect();
        ids.sort_unstable();
        ids
    }
}

async fn owner(service: &Service, name: &str) -> (OrganizationId, Persona) {
    let founded = service.test.organization(name).await;
    (founded.organization, service.test.member(founded.organization, Role::Owner).await)
}

async fn services() -> Vec<Service> {
    platforms(schema()).await.into_iter().map(Service::on).collect()
}

/// A key that this person answers for.
async fn key_of(service: &Service, persona: &Persona) -> KeyText {
    let new = NewKey { name: "sync", environment: Environment::Live, role: Role::Viewer, expires_at: None };
    api_key::create(&service.test.platform, &persona.caller, &new).await.expect("made").1
}

/// The membership of a persona, as the directory finds it.
async fn id_of(directory: &Directory<'_>, address: &str) -> String {
    let found = directory.get(&format!("/Users?filter=userName%20eq%20%22{}%22", address.replace('@', "%40"))).await;
    assert_eq!((found.status, &found.json()["totalResults"]), (200, &json!(1)), "{found:?}");
    found.json()["Resources"][0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn entra_adds_changes_stops_and_removes_somebody() {
    for service in services().await {
        let (_, owner) = owner(&service, "harbour").await;
        let entra = Directory::of(&service, &owner).await;
        let none = entra.get("/Users?filter=userName+eq+%22non-existent-user%22").await;
        assert_eq!((none.status, none.json()["totalResults"].clone()), (200, json!(0)), "{}", service.test.name);
        let body = json!({
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": "mia", "userName": "Mia@Harbour.example", "active": true, "displayName": "Mia Berg",
            "emails": [{"primary": true, "type": "work", "value": "mia@harbour.example"}],
            "meta": {"resourceType": "User"}, "name": {"formatted": "Mia Berg", "familyName": "Berg", "givenName": "Mia"},
            "title": "Clerk", "roles": [],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Front desk"}
        });
        let added = entra.ask("POST", "/Users", &body).await;
        assert_eq!(added.status, 201, "{added:?}");
        let user = added.json();
        let id = user["id"].as_str().expect("an id").to_owned();
        assert_eq!(added.header("location"), format!("http://127.0.0.1:8080/scim/v2/Users/{id}"));
        assert_eq!(added.header("etag"), user["meta"]["version"].as_str().expect("a version"));
        assert_eq!((&user["userName"], &user["externalId"]), (&json!("mia@harbour.example"), &json!("mia")));
        assert_eq!(user["groups"][0]["value"], "viewer", "the smallest role until a group says more");
        assert!(user.get("title").is_none() && !added.body.contains("Front desk"), "not held");
        let again = entra.ask("POST", "/Users", &body).await;
        assert_eq!((again.status, again.json()["scimType"].clone()), (409, json!("uniqueness")));
        let changed = entra
            .patch(
                &format!("/Users/{id}"),
                json!([
                    {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "mia@harbour.example"},
                    {"op": "Replace", "path": "name.familyName", "value": "Bergman"},
                    {"op": "Add", "path": "displayName", "value": "Mia Bergman"},
                    {"op": "Replace", "path": "userName", "value": "mia.bergman@harbour.example"}
                ]),
            )
            .await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(changed.json()["userName"], "mia.bergman@harbour.example");
        let members = member::list(&service.test.platform, &owner.caller, None, 100).await.expect("listed");
        let mia = members.iter().find(|member| member.id.to_string() == id).expect("a member");
        assert_eq!((mia.name.as_str(), mia.email.as_str()), ("Mia Bergman", "mia.bergman@harbour.example"));
        let stopped =
            entra.patch(&format!("/Users/{id}"), json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
        assert_eq!((stopped.status, stopped.json()["active"].clone()), (200, json!(false)));
        assert_eq!(entra.ask("DELETE", &format!("/Users/{id}"), &Value::Null).await.status, 204);
        let gone = entra.get(&format!("/Users/{id}")).await;
        assert_eq!((gone.status, gone.json()["status"].clone()), (404, json!("404")));
        assert_eq!(entra.ask("DELETE", &format!("/Users/{id}"), &Value::Null).await.status, 404);
        assert_eq!(entra.add("mia.bergman@harbour.example").await, id, "who comes back is the same member");
    }
}

#[tokio::test]
async fn okta_replaces_and_deactivates() {
    for service in services().await {
        let (_, owner) = owner(&service, "harbour").await;
        let okta = Directory::of(&service, &owner).await;
        let body = json!({
            "schemas": [USER], "userName": "kai@harbour.example", "name": {"givenName": "Kai", "familyName": "Moor"},
            "emails": [{"primary": true, "value": "kai@harbour.example", "type": "work"}], "displayName": "Kai Moor",
            "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": true
        });
        let added = okta.ask("POST", "/Users", &body).await.json();
        let path = format!("/Users/{}", added["id"].as_str().expect("an id"));
        let mut replaced = added.clone();
        replaced["name"]["givenName"] = "Cai".into();
        let replaced = okta.ask("PUT", &path, &replaced).await;
        assert_eq!((replaced.status, replaced.json()["name"]["givenName"].clone()), (200, json!("Cai")));
        let off = okta.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).await;
        assert_eq!((off.status, off.json()["active"].clone()), (200, json!(false)));
        let listed = okta.get("/Users?startIndex=1&count=1&filter=active+eq+false").await.json();
        assert_eq!((listed["totalResults"].clone(), listed["itemsPerPage"].clone()), (json!(1), json!(1)));
        let by_identifier = okta.get("/Users?filter=externalId%20eq%20%2200ujl29u0le5T6Aj10h7%22").await.json();
        assert_eq!(by_identifier["Resources"][0]["userName"], "kai@harbour.example");
        let on = okta.ask("PUT", &path, &body).await;
        assert_eq!((on.status, on.json()["active"].clone()), (200, json!(true)));
        let silent = okta.ask("PUT", &path, &json!({"schemas": [USER], "userName": "kai@harbour.example"})).await;
        assert_eq!(silent.json()["active"], true, "what is not said about access stays as it is");
        assert!(silent.json().get("externalId").is_none() && silent.json().get("name").is_none());
    }
}

#[tokio::test]
async fn groups_are_roles() {
    for service in services().await {
        let (_, owner) = owner(&service, "harbour").await;
        let okta = Directory::of(&service, &owner).await;
        let (first, second) = (okta.add("one@harbour.example").await, okta.add("two@harbour.example").await);
        let found = okta.get("/Groups?filter=displayName+eq+%22Manager%22&excludedAttributes=members").await.json();
        assert_eq!((found["totalResults"].clone(), found["Resources"][0]["id"].clone()), (json!(1), json!("manager")));
        let add = json!([{"op": "Add", "path": "members", "value": [{"value": first}, {"value": second}]}]);
        assert_eq!(okta.patch("/Groups/manager", add.clone()).await.status, 200);
        let mut both = [first.clone(), second.clone()];
        both.sort_unstable();
        assert_eq!(okta.group("manager").await, both);
        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{second}\"]")}]);
        assert_eq!(okta.patch("/Groups/manager", remove).await.status, 200);
        assert!(okta.group("viewer").await.contains(&second), "who is taken out becomes a Viewer");
        // Moved in the other order: added to the new one, then taken out of the old one.
        okta.patch("/Groups/admin", json!([{"op": "add", "path": "members", "value": [{"value": first}]}])).await;
        let out = json!([{"op": "remove", "path": "members", "value": [{"value": first}]}]);
        assert_eq!(okta.patch("/Groups/manager", out).await.status, 200);
        assert_eq!(okta.group("admin").await, std::slice::from_ref(&first));
        let put = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Admin",
            "members": [{"value": second}]
        });
        assert_eq!(okta.ask("PUT", "/Groups/admin", &put).await.status, 200);
        assert_eq!(okta.group("admin").await, std::slice::from_ref(&second));
        for (operations, status, kind) in [
            (json!([{"op": "replace", "value": {"id": "x", "displayName": "Bosses"}}]), 400, json!("mutability")),
            (
                json!([{"op": "add", "path": "members", "value": [{"value": uuid::Uuid::nil()}]}]),
                400,
                json!("invalidValue"),
            ),
        ] {
            let refused = okta.patch("/Groups/admin", operations).await;
            assert_eq!((refused.status, refused.json()["scimType"].clone()), (status, kind), "{refused:?}");
        }
        let new = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales"});
        assert_eq!(okta.ask("POST", "/Groups", &new).await.status, 501);
        assert_eq!(okta.ask("DELETE", "/Groups/viewer", &Value::Null).await.status, 501);
        assert_eq!(okta.get("/Groups/owner").await.status, 404);
    }
}

#[tokio::test]
async fn whoever_is_stopped_or_removed_is_refused_at_the_next_request() {
    for service in services().await {
        let (organization, owner) = owner(&service, "harbour").await;
        let directory = Directory::of(&service, &owner).await;
        let manager = service.test.member(organization, Role::Manager).await;
        let key = key_of(&service, &manager).await;
        let path = format!("/Users/{}", id_of(&directory, &manager.email).await);
        let cookie = format!("ringfence_session={}", manager.session.reveal());
        let bearer = format!("Bearer {}", key.reveal());
        let statuses = async || {
            let session = service.ask("GET", "/v1/organization", &[("cookie", &cookie)], "").await.status;
            (session, service.ask("GET", "/v1/organization", &[("authorization", &bearer)], "").await.status)
        };
        assert_eq!(statuses().await, (200, 200), "{}", service.test.name);
        let active = |active: bool| json!([{"op": "replace", "path": "active", "value": active}]);
        assert_eq!(directory.patch(&path, active(false)).await.status, 200);
        assert_eq!(statuses().await, (401, 401));
        assert_eq!(directory.patch(&path, active(true)).await.status, 200);
        assert_eq!(statuses().await, (401, 200), "they sign in anew; the key of a program works on");
        assert_eq!(directory.ask("DELETE", &path, &Value::Null).await.status, 204);
        assert_eq!(statuses().await, (401, 401));
    }
}

#[tokio::test]
async fn no_owner_is_touched_and_the_refusal_is_written_down() {
    for service in services().await {
        let (_, owner) = owner(&service, "harbour").await;
        let directory = Directory::of(&service, &owner).await;
        let id = id_of(&directory, &owner.email).await;
        let path = format!("/Users/{id}");
        let stop = json!([{"op": "replace", "path": "active", "value": false}]);
        let join = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
        for answer in [
            directory.patch(&path, stop).await,
            directory.ask("DELETE", &path, &Value::Null).await,
            directory.patch("/Groups/viewer", join).await,
        ] {
            assert!(answer.status == 403 && answer.body.contains("is an Owner"), "{answer:?}");
        }
        let same = directory.patch(&path, json!([{"op": "replace", "path": "active", "value": true}])).await;
        assert_eq!(same.status, 200, "what changes nothing is no change");
        let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 20 };
        let database = owner.caller.database(&service.test.platform);
        let entries = service.test.platform.audit.entries(&database, &query).await.expect("read");
        let refused = |entry: &&audit::StoredEntry| {
            let record = entry.record.as_ref().expect("intact");
            record.outcome == audit::Outcome::Refused && record.action.starts_with("provisioning.")
        };
        assert_eq!(entries.iter().filter(refused).count(), 3);
    }
}

#[tokio::test]
async fn another_organization_is_neither_seen_nor_changed() {
    for service in services().await {
        let (_, harbour) = owner(&service, "harbour").await;
        let (hill, hill_owner) = owner(&service, "hill").await;
        let directory = Directory::of(&service, &harbour).await;
        let other = Directory::of(&service, &hill_owner).await;
        let stranger = service.test.member(hill, Role::Manager).await;
        let foreign = id_of(&other, &stranger.email).await;
        let listed = directory.get("/Users").await;
        assert!(!listed.body.contains(&stranger.email) && !listed.body.contains(&foreign), "{listed:?}");
        let unknown = uuid::Uuid::from_u128(5).to_string();
        for id in [foreign.as_str(), unknown.as_str(), "no-uuid"] {
            let path = format!("/Users/{id}");
            let read = directory.get(&path).await;
            assert_eq!((read.status, read.json()["detail"].clone()), (404, json!("There is no such resource.")));
            let stop = json!([{"op": "replace", "path": "active", "value": false}]);
            assert_eq!(directory.patch(&path, stop).await.status, 404);
            assert_eq!(directory.ask("DELETE", &path, &Value::Null).await.status, 404);
            let join = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
            assert_eq!(directory.patch("/Groups/admin", join).await.status, 400);
        }
        // An account that works elsewhere is not taken over, and nothing of it is told.
        let body = json!({"schemas": [USER], "userName": stranger.email, "displayName": "Mine"});
        let taken = directory.ask("POST", "/Users", &body).await;
        assert!(taken.status == 409 && !taken.body.contains("hill"), "{taken:?}");
        let mine = directory.add("mine@harbour.example").await;
        let rename = json!([{"op": "replace", "path": "userName", "value": stranger.email}]);
        assert_eq!(directory.patch(&format!("/Users/{mine}"), rename).await.status, 409);
    }
}

#[tokio::test]
async fn an_account_that_its_person_made_keeps_its_address_and_name() {
    for service in services().await {
        let (organization, owner) = owner(&service, "harbour").await;
        let directory = Directory::of(&service, &owner).await;
        let viewer = service.test.member(organization, Role::Viewer).await;
        let path = format!("/Users/{}", id_of(&directory, &viewer.email).await);
        let before = directory.get(&path).await.json()["displayName"].clone();
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Renamed"}]);
        let renamed = directory.patch(&path, rename).await;
        assert_eq!(renamed.json()["displayName"], "Renamed", "the directory reads what it wrote");
        let members = member::list(&service.test.platform, &owner.caller, None, 100).await.expect("listed");
        let kept = members.iter().find(|member| member.user == viewer.user).expect("a member");
        assert_eq!(json!(kept.name), before, "the person's own account is as they named it");
        let address = json!([{"op": "replace", "path": "userName", "value": "else@harbour.example"}]);
        let refused = directory.patch(&path, address).await;
        assert_eq!((refused.status, refused.json()["scimType"].clone()), (400, json!("mutability")));
    }
}

#[tokio::test]
async fn of_two_changes_at_once_none_is_lost_and_versions_are_held() {
    for service in services().await {
        let (_, owner) = owner(&service, "harbour").await;
        let directory = Directory::of(&service, &owner).await;
        let id = directory.add("mia@harbour.example").await;
        let path = format!("/Users/{id}");
        let (first, second) = tokio::join!(
            directory.patch(&path, json!([{"op": "add", "path": "name.givenName", "value": "Mia"}])),
            directory.patch(&path, json!([{"op": "add", "path": "name.familyName", "value": "Berg"}])),
        );
        assert_eq!((first.status, second.status), (200, 200));
        let read = directory.get(&path).await;
        assert_eq!(read.json()["name"], json!({"givenName": "Mia", "familyName": "Berg"}), "{}", service.test.name);
        let version = read.header("etag").to_owned();
        let known = directory.ask_with("GET", &path, &Value::Null, &[("if-none-match", &version)]).await;
        assert_eq!((known.status, known.body.as_str()), (304, ""));
        let body = json!({"schemas": [PATCH], "Operations": [{"op": "remove", "path": "name"}]});
        let done = directory.ask_with("PATCH", &path, &body, &[("if-match", &version)]).await;
        assert_eq!(done.status, 200);
        for (method, body) in [("PATCH", &body), ("DELETE", &Value::Null)] {
            let late = directory.ask_with(method, &path, body, &[("if-match", &version)]).await;
            assert_eq!(late.status, 412, "{method}");
        }
        let twice = json!({"schemas": [USER], "userName": "twin@harbour.example"});
        let (one, other) =
            tokio::join!(directory.ask("POST", "/Users", &twice), directory.ask("POST", "/Users", &twice));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        let half =
            json!([{"op": "replace", "path": "displayName", "value": "Half"}, {"op": "remove", "path": "userName"}]);
        assert_eq!(directory.patch(&path, half).await.status, 400);
        assert_eq!(directory.get(&path).await.json()["displayName"], "Mia", "all of a request or nothing");
    }
}

#[tokio::test]
async fn the_key_provisions_and_does_nothing_else_and_no_other_key_provisions() {
    let service = Service::start().await;
    let (organization, owner) = owner(&service, "harbour").await;
    let directory = Directory::of(&service, &owner).await;
    let bearer = format!("Bearer {}", directory.key);
    for path in
        ["/v1/organization", "/v1/members", "/v1/keys", "/v1/provisioning", "/v1/sessions", "/settings/provisioning"]
    {
        let answer = service.ask("GET", path, &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    let strangers = service.test.key(organization, Role::Owner).await;
    let cookie = format!("ringfence_session={}", owner.session.reveal());
    for headers in [("authorization", format!("Bearer {}", strangers.reveal())), ("cookie", cookie)] {
        let answer = service.ask("GET", "/scim/v2/Users", &[(headers.0, &headers.1)], "").await;
        assert!(answer.status == 403 && answer.header("content-type") == "application/scim+json", "{answer:?}");
    }
    let nobody = service.ask("GET", "/scim/v2/Users", &[], "").await;
    assert_eq!((nobody.status, nobody.header("content-type")), (401, "application/scim+json"));
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(service.ask("GET", "/scim/v2/Nothing", &[("authorization", &bearer)], "").await.status, 404);
    // Admins make no such key and rotate none.
    let admin = service.test.member(organization, Role::Admin).await;
    let cookie = format!("ringfence_session={}", admin.session.reveal());
    let headers =
        [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", cookie.as_str())];
    let refused = service.ask("POST", "/v1/provisioning/keys", &headers, r#"{"name":"x"}"#).await;
    assert!(refused.is_problem("forbidden"), "{refused:?}");
    let shown = service.ask("GET", "/v1/provisioning", &headers, "").await.json();
    assert_eq!(shown["address"], "http://127.0.0.1:8080/scim/v2");
    let rotate = format!("/v1/keys/{}/rotate", shown["keys"][0]["id"].as_str().expect("an id"));
    assert!(service.ask("POST", &rotate, &headers, "{}").await.is_problem("forbidden"));
    // The key ends with the Owner who answers for it being one.
    let second = service.test.member(organization, Role::Owner).await;
    let id = member::list(&service.test.platform, &second.caller, None, 100).await.expect("listed");
    let id = id.into_iter().find(|member| member.user == owner.user).expect("a member").id;
    member::standing::change_role(&service.test.platform, &second.caller, id, Role::Admin).await.expect("changed");
    assert_eq!(service.ask("GET", "/scim/v2/Users", &[("authorization", &bearer)], "").await.status, 401);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_the_words_of_the_protocol() {
    let service = Service::start().await;
    let (_, owner) = owner(&service, "harbour").await;
    let directory = Directory::of(&service, &owner).await;
    let id = directory.add("mia@harbour.example").await;
    let kind = |answer: &Answer| (answer.status, answer.json()["scimType"].as_str().unwrap_or("none").to_owned());
    let expect = |status: u16, kind: &str| (status, kind.to_owned());
    let no_filter = directory.get("/Users?filter=userName%20is%20%22x%22").await;
    assert_eq!(kind(&no_filter), expect(400, "invalidFilter"));
    assert_eq!(kind(&directory.get("/Users?filter=salary+gt+%221%22").await), expect(400, "invalidFilter"));
    assert_eq!(kind(&directory.get("/Users?count=many").await), expect(400, "invalidValue"));
    let path = format!("/Users/{id}");
    let unknown = directory.patch(&path, json!([{"op": "add", "path": "shoeSize", "value": "44"}])).await;
    assert_eq!(kind(&unknown), expect(400, "invalidPath"));
    let name = directory.ask("POST", "/Users", &json!({"schemas": [USER], "userName": "mia"})).await;
    assert!(kind(&name) == expect(400, "invalidValue") && name.body.contains("e-mail"), "{name:?}");
    assert_eq!(kind(&directory.ask("POST", "/Users", &json!([])).await), expect(400, "invalidSyntax"));
    assert_eq!(kind(&directory.ask("POST", "/Bulk", &json!({})).await), expect(501, "none"));
    assert_eq!(kind(&directory.get("/Me").await), expect(501, "none"));
    let bearer = format!("Bearer {}", directory.key);
    let plain = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    assert_eq!(service.ask("POST", "/scim/v2/Users", &plain, "{}").await.status, 415);
    let large = json!({"schemas": [USER], "userName": "a".repeat(70_000)});
    assert_eq!(kind(&directory.ask("POST", "/Users", &large).await), expect(413, "none"));
    for path in
        ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", &format!("/Schemas/{USER}")]
    {
        assert_eq!(directory.get(path).await.status, 200, "{path}");
    }
}
