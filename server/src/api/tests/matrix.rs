//! The whole matrix by brute force: every route of a node that serves on a real socket, asked by everybody there is. The
//! answers are held against what identity says, and kept as a text that people review (`docs/access-matrix.txt`).
//!
//! `RINGFENCE_UPDATE=1 cargo test -p server --bin ringfence matrix` writes that text again.

mod forms;
mod narrowed;
mod world;

use std::fmt::Write as _;

use edge::limits::{LimitSettings, Rate};
use edge::{Limits, Listener, ListenerSettings};
use identity::support;
use identity::{MembershipState, Permission, Platform, Role, allows};
use tokio_util::sync::CancellationToken;
use trust::{ProbeContext, Trust};
use uuid::Uuid;
use web::{Early, FormToken, Gate, StepUp, form_token};

use self::forms::form;
use self::world::{ASKS_ABOUT_ANOTHER, PERSONAS, Persona, Shown, World};
use super::{fresh_house, parts_of};
use crate::api::*;

/// The object that a narrowed grant of support reaches.
const GRANTED: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
/// An object that it does not reach; nothing has either of them.
const OTHER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);
const REVIEWED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access-matrix.txt");

/// What must be answered (one of these cells), by identity alone; nothing where the handler decides (public and visitors' routes).
fn expected(rule: &RouteRule, column: usize, world: &World) -> Option<&'static str> {
    let permitted = |may: bool| Some(if may { "+" } else { "-" });
    let permission = match rule.access {
        Access::Permission(permission) => Some(permission),
        Access::Member => None,
        _ => return None,
    };
    let in_role = |role| permission.is_none_or(|asked| allows(role, MembershipState::Active, asked));
    match PERSONAS[column].1 {
        Persona::Session(role) => permitted(in_role(role)),
        Persona::HalfSession(role) => {
            permitted(matches!(rule.early, Early::Enrolling | Early::Always) && in_role(role))
        }
        Persona::Key(role) => permitted(in_role(role) && rule.step_up != StepUp::PeopleOnly),
        Persona::TestKey(role) => {
            let is_harmless = rule.test_keys.is_some() && rule.step_up != StepUp::PeopleOnly;
            permitted(is_harmless && in_role(role))
        }
        // What is here is not there for others; what names nothing is about their own organization.
        stranger if stranger.is_from_elsewhere() => {
            let may = match stranger {
                Persona::StrangerDirectory => permission == Some(Permission::MemberProvision),
                Persona::StrangerKey => in_role(Role::Owner) && rule.step_up != StepUp::PeopleOnly,
                _ => in_role(Role::Owner),
            };
            if !rule.path.contains('{') || !may {
                permitted(may)
            } else if form(rule).is_some() {
                Some("4")
            } else {
                world.thing(rule).map(|_| "4?")
            }
        }
        Persona::Directory => permitted(permission == Some(Permission::MemberProvision)),
        Persona::Operator | Persona::OperatorCookie => permitted(false),
        Persona::Support => permitted(permission.is_some_and(support::is_grantable)),
        Persona::SupportOfOne => {
            let reached = rule.path.contains('{') && column != ASKS_ABOUT_ANOTHER;
            permitted(reached && permission.is_some_and(support::is_grantable))
        }
        Persona::Nobody
        | Persona::WrongKey
        | Persona::Member(..)
        | Persona::ExpiredSession
        | Persona::ExpiredKey
        | Persona::RevokedKey
        | Persona::SuspendedKey
        | Persona::Visitor
        | Persona::Stranger
        | Persona::StrangerKey
        | Persona::StrangerDirectory => Some("0"),
    }
}

struct Node {
    base_url: String,
    client: reqwest::Client,
    platform: Platform,
    knowledge: agents::knowledge::Knowledge,
    conversations: conversations::Conversations,
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
    let House { platform, knowledge, conversations, .. } = house;
    Node { base_url, client, platform, knowledge, conversations, table, stop }
}

impl Node {
    /// Asks one route as one persona: `+` let in, `-` 403, `0` 401; strangers, who ask about an object, also `4` (404) and `?`
    /// (400, 415 or 422).
    async fn ask(&self, rule: &RouteRule, column: usize, world: &World) -> char {
        let object = match PERSONAS[column].1 {
            stranger if stranger.is_from_elsewhere() => world.thing(rule).unwrap_or(GRANTED),
            _ if column == ASKS_ABOUT_ANOTHER => OTHER,
            _ => GRANTED,
        };
        let is_about_something = PERSONAS[column].1.is_from_elsewhere() && rule.path.contains('{');
        match self.status(rule, column, object, world).await {
            401 => '0',
            403 => '-',
            404 if is_about_something => '4',
            400 | 415 | 422 if is_about_something => '?',
            _ => '+',
        }
    }

    /// The status of the answer about this object.
    async fn status(&self, rule: &RouteRule, column: usize, object: Uuid, world: &World) -> u16 {
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
        if let Some(fields) = form(rule).filter(|_| world.thing(rule) == Some(object)) {
            let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"));
        }
        let answer = request.header("sec-fetch-site", "same-origin").send().await.expect("an answer");
        let status = answer.status().as_u16();
        assert_ne!(status, 429, "{} {path}: the walk met a limit", rule.method);
        assert_ne!(status, 500, "{} {path} as {}: the server failed", rule.method, PERSONAS[column].0);
        status
    }
}

impl Node {
    /// A stranger's 404 shows something only where an owner of this organization (for what is a directory's, its own directory)
    /// finds what was asked for, and where what they send is taken.
    async fn misses(&self, rule: &RouteRule, world: &World) -> Option<String> {
        let is_simple = rule.method == http::Method::GET && rule.path.matches('{').count() == 1;
        let has_form = form(rule).is_some();
        let thing = world.thing(rule).filter(|_| is_simple || has_form)?;
        let is_of_directory = matches!(rule.access, Access::Permission(Permission::MemberProvision));
        let finder = if is_of_directory { Persona::Directory } else { Persona::Session(Role::Owner) };
        let column = PERSONAS.iter().position(|(_, persona)| *persona == finder)?;
        let status = self.status(rule, column, thing, world).await;
        let is_well = if has_form { status < 400 } else { status != 404 };
        (!is_well).then(|| format!("{} {}: its own owner is answered {status}", rule.method, rule.path))
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
            if let Some(expected) = expected(rule, column, &world).filter(|cells| !cells.contains(seen)) {
                let what = format!("{} {}", rule.method, rule.path);
                faults.push(format!("{what} answers {persona} with {seen}, not with one of {expected}"));
            }
            if seen == '+' && edge::csrf::is_unsafe(&rule.method) && !world.stands().await {
                world = World::found(&node.platform).await;
            }
        }
        faults.extend(node.misses(rule, &world).await);
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
         + let in (whatever the answer then was)   - 403, known and refused   0 401, nobody\n\
         In the columns of those from another organization, where a path names an object:\n\
         4 404, what is here does not exist for them   ? 400, 415 or 422, refused for its form before anything was looked for\n\
         (forms about what was made here are filled in; right bodies for the API are sent by server/tests/whole/isolation.rs)\n\n",
    );
    for (column, (name, _)) in PERSONAS.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:>2}  {name}", column + 1);
    }
    let columns = 1..=PERSONAS.len();
    let tens: String = columns.clone().map(|column| if column < 10 { ' ' } else { digit(column / 10) }).collect();
    let ones: String = columns.map(|column| digit(column % 10)).collect();
    let _ = writeln!(text, "\n{tens} {:<6} {:<52} asks for\n{ones}", "", "");
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

fn digit(number: usize) -> char {
    u32::try_from(number).ok().and_then(|number| char::from_digit(number, 10)).unwrap_or('?')
}
