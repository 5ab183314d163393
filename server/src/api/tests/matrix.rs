//! The whole matrix by brute force: every route of a node that serves on a real socket, asked by everybody there is. The
//! answers are held against what identity says, and kept as a text that people review (`docs/access-matrix.txt`).
//!
//! `RINGFENCE_UPDATE=1 cargo test -p server --bin ringfence matrix` writes that text again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use edge::limits::{LimitSettings, Rate};
use edge::{Limits, Listener, ListenerSettings};
use identity::api_key::{self, NewKey};
use identity::founding::{self, Founding};
use identity::session::ABSOLUTE_SECONDS;
use identity::support::{self, NewGrant, Operator, Scope};
use identity::testing::{PASSWORD, seat};
use identity::token::{OPERATOR_PREFIX, Secret};
use identity::{Authenticator, Environment, MembershipState, Permission, Platform, Presented, Role, allows};
use storage::{Clock, ManualClock, OrganizationId, Timestamp};
use tokio_util::sync::CancellationToken;
use trust::{ProbeContext, Trust};
use uuid::Uuid;
use web::{FormToken, Gate, StepUp, form_token};

use super::{fresh_house, parts_of};
use crate::api::*;

/// The object that a narrowed grant of support reaches.
const GRANTED: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
/// An object that it does not reach; nothing has either of them.
const OTHER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);
const REVIEWED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access-matrix.txt");

/// Who asks, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Persona {
    Nobody,
    WrongKey,
    Session(Role),
    Key(Role),
    Directory,
    Member(MembershipState),
    ExpiredSession,
    RevokedKey,
    Visitor,
    Operator,
    Support,
    SupportOfOne,
}

/// The columns of the text.
const PERSONAS: [(&str, Persona); 21] = [
    ("nobody", Persona::Nobody),
    ("a key that was never made", Persona::WrongKey),
    ("owner, signed in", Persona::Session(Role::Owner)),
    ("admin, signed in", Persona::Session(Role::Admin)),
    ("manager, signed in", Persona::Session(Role::Manager)),
    ("viewer, signed in", Persona::Session(Role::Viewer)),
    ("owner's key", Persona::Key(Role::Owner)),
    ("admin's key", Persona::Key(Role::Admin)),
    ("manager's key", Persona::Key(Role::Manager)),
    ("viewer's key", Persona::Key(Role::Viewer)),
    ("a directory's key", Persona::Directory),
    ("owner, invited", Persona::Member(MembershipState::Invited)),
    ("owner, suspended", Persona::Member(MembershipState::Suspended)),
    ("owner, left", Persona::Member(MembershipState::Left)),
    ("owner, session expired", Persona::ExpiredSession),
    ("owner's key, revoked", Persona::RevokedKey),
    ("a visitor's token in the place of a key", Persona::Visitor),
    ("operator's session", Persona::Operator),
    ("support by a grant of all that can be granted", Persona::Support),
    ("the same, of one object, asked about it", Persona::SupportOfOne),
    ("the same, asked about another object", Persona::SupportOfOne),
];
/// The last column asks about an object that the grant does not name.
const ASKS_ABOUT_ANOTHER: usize = PERSONAS.len() - 1;

/// A credential as it is presented.
enum Shown {
    Nothing,
    Bearer(String),
    Cookie(String),
}

/// An organization with everybody's keys and grants; made anew when a request has ended it.
struct World {
    platform: Platform,
    organization: OrganizationId,
    tokens: BTreeMap<usize, String>,
}

impl World {
    async fn found(platform: &Platform) -> Self {
        let email = format!("{}@matrix.example", platform.identifiers.next());
        let founding = Founding { organization_name: "Matrix", name: "Olive Owner", email: &email, password: PASSWORD };
        let organization = founding::found(platform, &founding).await.expect("founded").organization;
        let mut world = Self { platform: platform.clone(), organization, tokens: BTreeMap::new() };
        for (column, (_, persona)) in PERSONAS.iter().enumerate() {
            if let Some(token) = world.token(*persona).await {
                world.tokens.insert(column, token);
            }
        }
        world
    }

    /// What lasts longer than one request.
    async fn token(&self, persona: Persona) -> Option<String> {
        match persona {
            Persona::Key(role) => Some(self.key(role).await.1),
            Persona::Directory => {
                let made = api_key::create_for_provisioning(&self.platform, &self.owner().await, "matrix", None).await;
                Some(made.expect("made").1.reveal().to_owned())
            }
            Persona::RevokedKey => {
                let (id, text) = self.key(Role::Owner).await;
                let owner = self.owner().await;
                api_key::revoke(&self.platform, &owner, id, None).await.expect("revoked");
                Some(text)
            }
            Persona::Support => Some(self.support(&[]).await),
            Persona::SupportOfOne => Some(self.support(&[GRANTED]).await),
            _ => None,
        }
    }

    async fn owner(&self) -> identity::Caller {
        let seat = seat(&self.platform, self.organization, Role::Owner, MembershipState::Active).await;
        let presented = Presented { session: Some(seat.session.reveal()), ..Presented::default() };
        let caller = Authenticator::new(self.platform.clone()).authenticate(presented).await;
        caller.expect("asked").expect("an owner is let in")
    }

    async fn key(&self, role: Role) -> (Uuid, String) {
        let new = NewKey { name: "matrix", environment: Environment::Live, role, expires_at: None };
        let (key, text) = api_key::create(&self.platform, &self.owner().await, &new).await.expect("made");
        (key.id, text.reveal().to_owned())
    }

    async fn support(&self, objects: &[Uuid]) -> String {
        let grantable: Vec<Permission> =
            Permission::ALL.into_iter().filter(|permission| support::is_grantable(*permission)).collect();
        let scope = Scope::new(&grantable, objects).expect("grantable");
        let new = NewGrant { scope, hours: 1, reason: "the matrix" };
        let grant = support::grant(&self.platform, &self.owner().await, &new).await.expect("granted");
        let until = Timestamp(i64::MAX);
        let operator = Operator { id: Uuid::from_u128(7), name: "Sam Support", address: None, until };
        support::open(&self.platform, operator, grant.id).await.expect("asked").expect("opened").0
    }

    async fn session(&self, platform: &Platform, role: Role, state: MembershipState) -> Shown {
        Shown::Cookie(seat(platform, self.organization, role, state).await.session.reveal().to_owned())
    }

    /// What this persona shows. Sessions are fresh each time: some requests end them.
    async fn shown(&self, column: usize) -> Shown {
        let kept = || self.tokens[&column].clone();
        match PERSONAS[column].1 {
            Persona::Nobody => Shown::Nothing,
            Persona::WrongKey => Shown::Bearer(format!("rf_live_{}", "0".repeat(86))),
            Persona::Session(role) => self.session(&self.platform, role, MembershipState::Active).await,
            Persona::Member(state) => self.session(&self.platform, Role::Owner, state).await,
            Persona::ExpiredSession => {
                let then = self.platform.now().plus_seconds(-ABSOLUTE_SECONDS);
                let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(then));
                let past = Platform { clock, ..self.platform.clone() };
                self.session(&past, Role::Owner, MembershipState::Active).await
            }
            Persona::Operator => {
                let secret = Secret::generate(self.platform.entropy.as_ref());
                Shown::Bearer(format!("{OPERATOR_PREFIX}{}", secret.reveal()))
            }
            Persona::Visitor => {
                let secret = Secret::generate(self.platform.entropy.as_ref());
                Shown::Bearer(format!("rf_embed_{}", secret.reveal()))
            }
            Persona::Key(_) | Persona::Directory | Persona::RevokedKey | Persona::Support | Persona::SupportOfOne => {
                Shown::Bearer(kept())
            }
        }
    }

    /// Does the organization still stand, after a request that may have stopped it?
    async fn stands(&self) -> bool {
        let mut kept = self.tokens.iter().filter(|(column, _)| PERSONAS[**column].1 != Persona::RevokedKey);
        let judge = Authenticator::new(self.platform.clone());
        loop {
            let Some((_, token)) = kept.next() else { return true };
            let presented = Presented { bearer: Some(token), ..Presented::default() };
            if judge.authenticate(presented).await.expect("asked").is_none() {
                return false;
            }
        }
    }
}

/// What must be answered, by identity alone; nothing where the handler decides (public and visitors' routes).
fn expected(rule: &RouteRule, column: usize) -> Option<char> {
    let permitted = |may: bool| Some(if may { '+' } else { '-' });
    let permission = match rule.access {
        Access::Permission(permission) => Some(permission),
        Access::Member => None,
        _ => return None,
    };
    let in_role = |role| permission.is_none_or(|asked| allows(role, MembershipState::Active, asked));
    match PERSONAS[column].1 {
        Persona::Session(role) => permitted(in_role(role)),
        Persona::Key(role) => permitted(in_role(role) && rule.step_up != StepUp::PeopleOnly),
        Persona::Directory => permitted(permission == Some(Permission::MemberProvision)),
        Persona::Operator => permitted(false),
        Persona::Support => permitted(permission.is_some_and(support::is_grantable)),
        Persona::SupportOfOne => {
            let reached = rule.path.contains('{') && column != ASKS_ABOUT_ANOTHER;
            permitted(reached && permission.is_some_and(support::is_grantable))
        }
        Persona::Nobody
        | Persona::WrongKey
        | Persona::Member(_)
        | Persona::ExpiredSession
        | Persona::RevokedKey
        | Persona::Visitor => Some('0'),
    }
}

struct Node {
    base_url: String,
    client: reqwest::Client,
    platform: Platform,
    table: Vec<RouteRule>,
    stop: CancellationToken,
}

/// A node on a socket of its own, without the limits that a walk of thousands of requests would meet.
async fn node(folder: &std::path::Path) -> Node {
    let mut house = fresh_house(folder).await;
    let much = Rate { requests: 1_000_000, window_seconds: 1 };
    let limits = LimitSettings {
        network: much,
        read: much,
        write: much,
        heavy: much,
        sign_in: much,
        visitor: much,
        ..LimitSettings::default()
    };
    let limits = Limits::new(&limits, house.platform.clock.clone());
    house.gate = Gate::new(house.platform.clone(), limits, web::SessionCookie::OnLoopback);
    let parts = parts_of(&house);
    let context = ProbeContext { routes: parts.table(), ..ProbeContext::of(house.platform.clone()) };
    let routes = routes(&house, parts, &Trust::new(context).expect("promises")).expect("routes");
    let table = routes.table();
    let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(ListenerSettings::at(any_port)).await.expect("bound");
    let (base_url, stop) = (format!("http://{}", listener.local_address()), CancellationToken::new());
    tokio::spawn(listener.serve(routes.into_router((), &house.gate), stop.clone()));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    Node { base_url, client, platform: house.platform, table, stop }
}

impl Node {
    /// Asks one route as one persona: `+` let in, `-` 403, `0` 401.
    async fn ask(&self, rule: &RouteRule, column: usize, world: &World) -> char {
        let object = if column == ASKS_ABOUT_ANOTHER { OTHER } else { GRANTED };
        let segment = |segment: &str| if segment.starts_with('{') { object.to_string() } else { segment.to_owned() };
        let path = rule.path.split('/').map(segment).collect::<Vec<_>>().join("/");
        let mut request = self.client.request(rule.method.clone(), format!("{}{path}", self.base_url));
        request = match world.shown(column).await {
            Shown::Nothing => request,
            Shown::Bearer(token) => request.bearer_auth(token),
            Shown::Cookie(token) => request
                .header("cookie", format!("ringfence_session={token}"))
                .header(form_token::HEADER, FormToken::of_session(&token).as_str()),
        };
        let answer = request.header("sec-fetch-site", "same-origin").send().await.expect("an answer");
        match answer.status().as_u16() {
            401 => '0',
            403 => '-',
            429 => panic!("{} {path}: the walk met a limit", rule.method),
            500 => panic!("{} {path} as {}: the server failed", rule.method, PERSONAS[column].0),
            _ => '+',
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_everybody_as_the_matrix_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = node(folder.path()).await;
    let mut world = World::found(&node.platform).await;
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    let mut table = node.table.clone();
    table.sort_by_key(|rule| (rule.path, rule.method.to_string()));
    for rule in &table {
        let mut cells = String::new();
        for (column, (persona, ..)) in PERSONAS.iter().enumerate() {
            let seen = node.ask(rule, column, &world).await;
            cells.push(seen);
            if expected(rule, column).is_some_and(|expected| expected != seen) {
                let (what, who) = (format!("{} {}", rule.method, rule.path), persona);
                faults.push(format!("{what} answers {who} with {seen}, not {:?}", expected(rule, column)));
            }
            if seen == '+' && edge::csrf::is_unsafe(&rule.method) && !world.stands().await {
                world = World::found(&node.platform).await;
            }
        }
        lines.push((rule.clone(), cells));
    }
    node.stop.cancel();
    assert!(faults.is_empty(), "{faults:#?}");
    compare(&text(&lines));
}

fn compare(now: &str) {
    if std::env::var_os("RINGFENCE_UPDATE").is_some() {
        std::fs::write(REVIEWED, now).expect("written");
        return;
    }
    let reviewed = std::fs::read_to_string(REVIEWED).unwrap_or_default();
    let differing: Vec<&str> = now.lines().filter(|line| !reviewed.lines().any(|known| known == *line)).collect();
    let gone: Vec<&str> = reviewed.lines().filter(|line| !now.lines().any(|known| known == *line)).collect();
    assert!(
        now == reviewed,
        "who may do what has changed. New: {differing:#?}\nGone: {gone:#?}\nIf that is meant, run: RINGFENCE_UPDATE=1 cargo test -p server --bin ringfence matrix"
    );
}

/// The text that people review.
fn text(lines: &[(RouteRule, String)]) -> String {
    let mut text = String::from(
        "Who may use which route, as a node on a real socket answered: written by a test, reviewed by people.\n\n\
         + let in (whatever the answer then was)   - 403, known and refused   0 401, nobody\n\n",
    );
    for (column, (name, _)) in PERSONAS.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:>2}  {name}", column + 1);
    }
    let _ = writeln!(text, "\n{:<21} {:<6} {:<52} asks for", "          11111111112", "", "");
    let _ = writeln!(text, "{:<21}", "123456789012345678901");
    for (rule, cells) in lines {
        let asks = match rule.access {
            Access::Permission(permission) => permission.dotted(),
            Access::Member => "any member".to_owned(),
            Access::Public(_) => "nothing: public".to_owned(),
            Access::Visitor(_) => "a visitor's token, which the handler checks".to_owned(),
        };
        let _ = writeln!(text, "{cells} {:<6} {:<52} {asks}", rule.method.as_str(), rule.path);
    }
    text
}
