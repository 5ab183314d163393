//! Keys, members, places and reviews on both databases: who is let in, and what ends it.

mod keys;
mod links;
mod members;
mod places;
mod reviews;
mod stopped;

use audit::EntryQuery;
use identity::testing::{Persona, TestPlatform};
use identity::{Authenticator, Caller, Presented};
use storage::OrganizationId;

/// Who this key lets in.
pub async fn by_key(test: &TestPlatform, key: &str) -> Option<Caller> {
    let presented = Presented { bearer: Some(key), ..Presented::default() };
    Authenticator::new(test.platform.clone()).authenticate(presented).await.expect("asked")
}

/// Who this session lets in.
pub async fn by_session(test: &TestPlatform, session: &str) -> Option<Caller> {
    let presented = Presented { session: Some(session), ..Presented::default() };
    Authenticator::new(test.platform.clone()).authenticate(presented).await.expect("asked")
}

/// The actions in the organization's log, newest first.
pub async fn audited(test: &TestPlatform, caller: &Caller) -> Vec<String> {
    let query = EntryQuery { before: None, object_id: None, action: None, limit: 100 };
    let entries = test.platform.audit.entries(&caller.database(&test.platform), &query).await.expect("read");
    entries.into_iter().map(|entry| entry.record.expect("intact").action).collect()
}

/// The founder of the organization, signed in.
pub async fn founder(test: &TestPlatform, name: &str) -> (OrganizationId, Caller) {
    let founded = test.organization(name).await;
    let link = identity::one_time::issue_sign_in_link(&test.platform, founded.organization, founded.owner);
    let link = link.await.expect("issued");
    let device = identity::session::Device::default();
    let session = identity::sign_in::with_link(&test.platform, link.reveal(), &device).await.expect("signed in");
    (founded.organization, by_session(test, session.reveal()).await.expect("let in"))
}

/// The membership of this person.
pub async fn membership(test: &TestPlatform, caller: &Caller, persona: &Persona) -> identity::member::Member {
    let members = identity::member::list(&test.platform, caller, None, 100).await.expect("listed");
    members.into_iter().find(|member| member.user == persona.user).expect("a member")
}
