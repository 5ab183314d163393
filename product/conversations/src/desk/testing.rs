//! A practice for tests of the desk: its owner, its agent, its people.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use web::{Gate, SessionCookie};

use agents::profile::{Profile, sample};
use audit::{Actor, ActorKind};
use compliance::dialing::DialingPolicy;
use contacts::ContactSource;
use identity::testing::{Persona, TestPlatform, platforms};
use identity::{Caller, Role};
use jiff::civil::{Date, Time};
use storage::{OrganizationDb, OrganizationId, Schema};
use uuid::Uuid;
use vault::{Keyring, PersonKey};
use web::live::Live;

use super::{Desk, Error, Given, Origin};
use crate::answers::NoDocuments;
use crate::booking::{Booking, NewBooking};
use crate::{Conversations, TABLES};

/// The tables that the desk stands on, and its own.
pub(crate) fn parts() -> Schema {
    Schema::new()
        .with(web::TABLES, web::STATEMENTS)
        .with(agents::TABLES, agents::STATEMENTS)
        .with(contacts::TABLES, contacts::STATEMENTS)
        .with(compliance::TABLES, compliance::STATEMENTS)
        .with(TABLES, crate::STATEMENTS)
}

/// A practice. Its clock begins on Friday, 15 January 2027, 09:00 in Berlin.
pub(crate) struct Practice {
    pub test: TestPlatform,
    pub conversations: Conversations,
    pub desk: Desk,
    pub live: Live,
    pub organization: OrganizationId,
    pub owner: Persona,
    pub agent: Uuid,
}

impl Practice {
    pub async fn on(test: TestPlatform) -> Practice {
        Practice::with(test, sample()).await
    }

    pub async fn with(test: TestPlatform, profile: Profile) -> Practice {
        let organization = test.organization("lindenhof").await.organization;
        let owner = test.member(organization, Role::Owner).await;
        let agent = agents::store::create(&test.platform, &owner.caller, profile).await.expect("an agent");
        agents::store::publish(&test.platform, &owner.caller, agent.id, &agent.draft_hash).await.expect("published");
        let live = Live::new(test.platform.entropy.as_ref());
        let (answers, dialing) = (Arc::new(NoDocuments), DialingPolicy::default());
        let conversations = Conversations::new(test.platform.clone(), live.clone(), answers, dialing);
        let desk = conversations.desk().clone();
        Practice { test, conversations, desk, live, organization, owner, agent: agent.id }
    }

    /// One on each kind of database.
    pub async fn each() -> Vec<Practice> {
        let mut practices = Vec::new();
        for test in platforms(parts()).await {
            practices.push(Practice::on(test).await);
        }
        practices
    }

    /// Their addresses.
    pub fn router(&self) -> Router {
        super::routes().into_router(self.desk.clone(), &self.gate())
    }

    /// Their pages.
    pub fn pages(&self) -> Router {
        crate::pages::routes().into_router(self.conversations.clone(), &self.gate())
    }

    fn gate(&self) -> Gate {
        let limits = edge::Limits::new(&edge::limits::LimitSettings::default(), self.test.platform.clock.clone());
        Gate::new(self.test.platform.clone(), limits, SessionCookie::OnLoopback)
    }

    pub async fn key(&self, organization: OrganizationId, role: Role) -> String {
        self.test.key(organization, role).await.reveal().to_owned()
    }

    pub fn caller(&self) -> &Caller {
        &self.owner.caller
    }

    pub fn database(&self) -> OrganizationDb {
        self.caller().database(&self.test.platform)
    }

    pub async fn keyring(&self) -> Keyring {
        self.caller().keyring(&self.test.platform).await.expect("keys")
    }

    pub fn origin(&self) -> Origin {
        let actor = Actor { kind: ActorKind::Visitor, id: None, address: None };
        Origin { agent_id: self.agent, conversation_id: None, actor }
    }

    /// Somebody new.
    pub async fn person(&self) -> PersonKey {
        let platform = &self.test.platform;
        let (id, now) = (platform.identifiers.next(), platform.now());
        let keyring = self.keyring().await;
        let mut transaction = self.database().begin().await.expect("begun");
        let key =
            contacts::store::create(&mut transaction, &keyring, id, ContactSource::Chat, now).await.expect("made");
        transaction.commit().await.expect("committed");
        key
    }

    /// Books for somebody, in a transaction of its own.
    pub async fn book(&self, person: &PersonKey, service: &str, day: Date, time: Time) -> Result<Booking, Error> {
        self.book_by(&sample(), person, service, day, time).await
    }

    pub async fn book_by(
        &self,
        profile: &Profile,
        person: &PersonKey,
        service: &str,
        day: Date,
        time: Time,
    ) -> Result<Booking, Error> {
        let mut transaction = self.database().begin().await?;
        let new = NewBooking { service: service.to_owned(), day, time, given: ada() };
        let booking = self.desk.book(&mut transaction, person, profile, &self.origin(), new).await?;
        transaction.commit().await?;
        Ok(booking)
    }
}

/// Asks an address; the answer's status, and its body as text.
pub(crate) async fn ask(
    router: &Router,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: Option<serde_json::Value>,
) -> (StatusCode, String) {
    let method: Method = method.parse().expect("a method");
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let response = router.clone().oneshot(request.body(body).expect("a request")).await.expect("answered");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// The same, with the body as JSON.
pub(crate) async fn ask_json(
    router: &Router,
    method: &str,
    path: &str,
    key: &str,
    body: Option<serde_json::Value>,
) -> (u16, serde_json::Value) {
    let (status, text) = ask(router, method, path, Some(key), body).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

/// What Ada gave.
pub(crate) fn ada() -> Given {
    Given {
        name: Some("Ada Byron".to_owned()),
        phone: Some("+49301112223".to_owned()),
        email: Some("ada@example.org".to_owned()),
        text: Some("I am afraid of drills.".to_owned()),
        ..Given::default()
    }
}
