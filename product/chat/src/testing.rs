//! A practice with a published agent, a widget and the whole router before it: what the tests of this part stand on.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use compliance::dialing::DialingPolicy;
use conversations::Conversations;
use conversations::answers::NoDocuments;
use edge::limits::{LimitSettings, Limits};
use edge::{ChallengeMode, Pressure};
use identity::testing::TestPlatform;
use identity::{Caller, Role};
use storage::Schema;
use tower::ServiceExt as _;
use uuid::Uuid;
use web::live::Live;
use web::{Gate, SessionCookie};

use crate::ChatState;
use crate::embed_token::Quota;
use crate::widget::{self, NewWidget, Widget};

/// The origin of the product in these tests.
pub const OWN_ORIGIN: &str = "http://127.0.0.1:1";

/// Tables and statements of this part and of those it stands on.
pub fn parts() -> Schema {
    Schema::new()
        .with(web::TABLES, web::STATEMENTS)
        .with(agents::TABLES, agents::STATEMENTS)
        .with(contacts::TABLES, contacts::STATEMENTS)
        .with(compliance::TABLES, compliance::STATEMENTS)
        .with(conversations::TABLES, conversations::STATEMENTS)
        .with(crate::TABLES, crate::STATEMENTS)
}

/// A site with its owner, its agent and its router.
pub struct Site {
    /// The platform.
    pub test: TestPlatform,
    /// Its owner.
    pub owner: Caller,
    /// Its agent, published.
    pub agent_id: Uuid,
    /// Its conversations.
    pub conversations: Conversations,
    router: Router,
}

impl Site {
    /// On SQLite: the databases' differences are tested below this.
    pub async fn open() -> Self {
        Self::open_asking(ChallengeMode::UnderPressure).await
    }

    /// The same, asking for puzzles in this way.
    pub async fn open_asking(mode: ChallengeMode) -> Self {
        let test = identity::testing::platform(parts()).await;
        let founded = test.organization("practice").await;
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let platform = test.platform.clone();
        let agent = agents::store::create(&platform, &owner, agents::profile::sample()).await.expect("an agent");
        agents::store::publish(&platform, &owner, agent.id, &agent.draft_hash).await.expect("published");
        let live = Live::new(platform.entropy.as_ref());
        let answers = Arc::new(NoDocuments);
        let conversations = Conversations::new(platform.clone(), live.clone(), answers, DialingPolicy::default());
        let limits = Limits::new(&LimitSettings::default(), platform.clock.clone());
        let gate = Gate::new(platform.clone(), limits, SessionCookie::OnLoopback);
        let pressure = Pressure::new(mode, platform.clock.clone());
        let state =
            ChatState { platform, conversations: conversations.clone(), live, pressure, base_url: OWN_ORIGIN.into() };
        let router = crate::routes().into_router(state, &gate);
        Self { test, owner, agent_id: agent.id, conversations, router }
    }

    /// A widget for these origins.
    pub async fn widget(&self, origins: &[&str]) -> Widget {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let new = NewWidget {
            name: "Home page",
            agent_id: self.agent_id,
            origins: &origins,
            expires_at: None,
            quota: Quota::default(),
        };
        widget::create(&self.test.platform, &self.owner, &new).await.expect("made")
    }

    /// The answer to one request.
    pub async fn ask(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("axum answers")
    }

    /// The answer to a plain GET.
    pub async fn get(&self, path: &str) -> Response {
        self.ask(Request::get(path).body(Body::empty()).expect("a request")).await
    }
}

/// The whole body as text, at most a megabyte.
pub async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(body.to_vec()).expect("text")
}
