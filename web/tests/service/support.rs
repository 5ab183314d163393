//! Support and operators at the guard: as far as a grant reaches, each look written down; and operators nowhere.

use audit::Outcome;
use identity::support::{self, NewGrant, Operator, Scope};
use identity::token::{OPERATOR_PREFIX, Secret};
use identity::{Permission, Role};
use storage::Timestamp;
use uuid::Uuid;
use web::Access;

use crate::fixture::Service;

const PAGE: (&str, &str) = ("accept", "text/html");

/// A support session of this organization for reading agents, of these objects.
async fn support(service: &Service, owner: &identity::Caller, objects: &[Uuid]) -> (support::Grant, String) {
    let platform = &service.test.platform;
    let scope = Scope::new(&[Permission::AgentRead], objects).expect("grantable");
    let grant =
        support::grant(platform, owner, &NewGrant { scope, hours: 1, reason: "a look" }).await.expect("granted");
    let until = Timestamp(i64::MAX);
    let operator = Operator { id: Uuid::from_u128(7), name: "Sam Support", address: None, until };
    let (token, _) = support::open(platform, operator, grant.id).await.expect("asked").expect("opened");
    (grant, token)
}

#[tokio::test]
async fn support_reaches_what_was_granted_and_every_look_is_written_down() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let (grant, token) = support(&service, &owner.caller, &[]).await;
    let bearer = format!("Bearer {token}");
    let path = format!("/v1/things/{}", Uuid::nil());
    assert_eq!(service.ask("GET", &path, &[("authorization", &bearer)], "").await.status, 200);
    let cookie = format!("ringfence_session={token}");
    assert_eq!(service.ask("GET", &path, &[("cookie", &cookie)], "").await.status, 200, "in a browser as well");
    for rule in &service.table {
        if matches!(rule.access, Access::Public(_) | Access::Visitor(_)) || rule.path == "/v1/panic" {
            continue;
        }
        let path = rule.path.replace("{id}", &Uuid::nil().to_string());
        let answer = service.ask(rule.method.as_str(), &path, &[("authorization", &bearer)], "").await;
        let granted = rule.access == Access::Permission(Permission::AgentRead);
        assert_eq!(answer.status == 403, !granted, "{} {}: {answer:?}", rule.method, rule.path);
    }
    let platform = &service.test.platform;
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 100 };
    let entries = platform.audit.entries(&owner.caller.database(platform), &query).await.expect("read");
    let records: Vec<_> = entries.into_iter().map(|entry| entry.record.expect("intact")).collect();
    let by_operator: Vec<_> = records.iter().filter(|record| record.actor.id == Some(Uuid::from_u128(7))).collect();
    assert!(by_operator.iter().any(|record| record.action == "support.look" && record.outcome == Outcome::Done));
    assert!(by_operator.iter().any(|record| record.action == "access.refuse" && record.outcome == Outcome::Refused));
    for record in by_operator {
        assert_eq!(record.facts[0], ("grant".to_owned(), grant.id.to_string()), "{record:?}");
    }
    assert!(support::revoke(platform, &owner.caller, grant.id).await.expect("revoked"));
    assert_eq!(service.ask("GET", &path, &[("authorization", &bearer)], "").await.status, 401, "at once");
}

#[tokio::test]
async fn a_narrowed_grant_opens_its_objects_and_no_list() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let (_, token) = support(&service, &owner.caller, &[Uuid::nil()]).await;
    let bearer = format!("Bearer {token}");
    for (path, status) in [
        (format!("/v1/things/{}", Uuid::nil()), 200),
        (format!("/v1/things/{}", Uuid::nil().simple()), 200),
        (format!("/v1/things/{}", Uuid::from_u128(1)), 403),
        ("/v1/things/not-an-id".to_owned(), 403),
        ("/things".to_owned(), 403),
    ] {
        let answer = service.ask("GET", &path, &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn pages_say_that_support_is_looking() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let session = format!("ringfence_session={}", owner.session.reveal());
    let shown = async || service.ask("GET", "/frame", &[PAGE, ("cookie", &session)], "").await.body;
    assert_eq!(shown().await, "");
    let (grant, _) = support(&service, &owner.caller, &[]).await;
    assert_eq!(shown().await, "Sam Support");
    support::revoke(&service.test.platform, &owner.caller, grant.id).await.expect("revoked");
    assert_eq!(shown().await, "");
}

#[tokio::test]
async fn an_operators_token_opens_no_route_of_an_organization() {
    let service = Service::start().await;
    service.test.organization("harbour").await;
    let secret = Secret::generate(service.test.platform.entropy.as_ref());
    let token = format!("{OPERATOR_PREFIX}{}", secret.reveal());
    for rule in &service.table {
        if matches!(rule.access, Access::Public(_) | Access::Visitor(_)) {
            continue;
        }
        let path = rule.path.replace("{id}", &Uuid::nil().to_string());
        let bearer = format!("Bearer {token}");
        let answer = service.ask(rule.method.as_str(), &path, &[("authorization", &bearer)], "").await;
        assert!(answer.is_problem("operator") && answer.status == 403, "{} {}: {answer:?}", rule.method, rule.path);
        let cookie = format!("ringfence_session={token}");
        assert_eq!(service.ask(rule.method.as_str(), &path, &[("cookie", &cookie)], "").await.status, 403, "{path}");
        let own = format!("ringfence_operator={token}");
        assert_eq!(service.ask(rule.method.as_str(), &path, &[("cookie", &own)], "").await.status, 401, "{path}");
    }
}
