//! What operators see of the installation: incidents from outside, and its own log with its state.

use identity::testing::platforms;
use identity::{Role, incident};
use operator::OperatorRole;

use crate::{Service, schema};

#[tokio::test]
async fn incidents_are_seen_from_outside_only() {
    for test in platforms(schema()).await {
        let service = Service::on(test);
        let platform = service.test.platform.clone();
        let founded = service.test.organization("harbour").await;
        let admin = service.test.member(founded.organization, Role::Admin).await;
        let other = service.test.organization("mill").await;
        let person = service.test.member(other.organization, Role::Manager).await;
        let (_, email) = service.operator(OperatorRole::Engineer).await;
        let (token, _) = service.whole(&email).await;
        assert!(service.get(&token, "/incidents").await.body.contains("No incident"), "{}", service.test.name);
        incident::lock(&platform, &admin.caller, "the laptop of Dr. Quince is gone").await.expect("locked");
        incident::lock_own(&platform, &person.caller).await.expect("locked");
        let page = service.get(&token, "/incidents").await;
        assert_eq!(page.status, 200, "{}", page.body);
        for word in ["harbour", "the whole organization", "not yet", "mill", "one person", "Over"] {
            assert!(page.body.contains(word), "{word}: {}", page.body);
        }
        for content in ["Quince", "laptop", &person.email, &person.user.to_string()] {
            assert!(!page.body.contains(content), "{content} is the organization's");
        }
        let log = service.log().await;
        assert!(log.iter().any(|(action, ..)| action == "incident.list"), "who looked is written down: {log:?}");
    }
}

#[tokio::test]
async fn the_log_of_the_installation_says_what_operators_did_and_whether_it_is_whole() {
    for test in platforms(schema()).await {
        let service = Service::on(test);
        let platform = service.test.platform.clone();
        let founded = service.test.organization("harbour").await;
        let member = service.test.member(founded.organization, Role::Admin).await;
        member.caller.note(&platform, "contact.read", "contact", Some(member.user)).await.expect("noted");
        let (_, email) = service.operator(OperatorRole::Auditor).await;
        let (token, _) = service.whole(&email).await;
        let page = service.get(&token, "/log").await;
        assert!(page.status == 200 && page.body.contains("operator.enrol"), "{}", page.body);
        assert!(!page.body.contains("contact.read"), "{}: what an organization does is its own", service.test.name);
        platform.audit.checkpoint(platform.now()).await.expect("signed");
        let verified = service.get(&token, "/log/verification").await;
        assert!(verified.body.contains("The whole log is as it was signed"), "{}", verified.body);
        let log = service.log().await;
        assert!(log.iter().any(|(action, ..)| action == "audit.verify"), "{log:?}");
        // Somebody with the database rewrites what an operator did.
        let entries = platform.audit.installation_entries(None, 100).await.expect("read");
        let entry = entries.iter().find(|entry| entry.text.contains("operator.enrol")).expect("there");
        rewrite(&service, &entry.text).await;
        let changed = service.get(&token, "/log").await;
        assert!(changed.body.contains("were changed after they were written"), "{}", changed.body);
        let broken = service.get(&token, "/log/verification").await;
        assert!(broken.body.contains("The log is NOT whole"), "{}", broken.body);
    }
}

/// Puts other words into an entry, past the log.
async fn rewrite(service: &Service, text: &str) {
    const FORGE: storage::Statement = storage::Statement::installation(
        "test.forge",
        "update audit_installation_entry set record = $2 where record = $1",
    );
    let mut transaction = service.test.platform.database.installation().begin().await.expect("begun");
    let forged = text.replace("operator.enrol", "operator.enrox");
    let changed = transaction.execute(&FORGE, &[text.into(), forged.as_str().into()]).await.expect("changed");
    assert_eq!(changed, 1);
    transaction.commit().await.expect("committed");
}
