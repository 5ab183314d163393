//! What the frame talks to: a pass for a new conversation, messages with streamed replies, and what happens outside of
//! a turn. The pass travels in a header; nothing here reads or sets a cookie.

use std::convert::Infallible;
use std::future::ready;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use conversations::{Channel, Heard, Input, Line, OpenRequest, Outcome, Said, Speaker};
use edge::ClientAddress;
use futures_util::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::{Access, Audited, Json, Problem, Query, Routes};

use crate::admission::{self, Admission, Present};
use crate::challenge::Solution;
use crate::embed_token::Refusal;
use crate::message::Message;
use crate::{ChatState, Error, visitor};

/// A body of these routes has at most so many bytes: the longest message in four-byte characters, escaped.
const BODY_BYTES: usize = 32 * 1024;
/// A comment is sent this often, so that proxies keep the stream and dead ones are noticed.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The routes.
pub fn routes() -> Routes<ChatState> {
    let pass = Access::Visitor("the visitor's pass in the header, checked on every request");
    let recorded = Audited::No("the conversation's own events are the record");
    Routes::new()
        .post("/widget/session", Access::Visitor("an embed token and an exact origin"), recorded, begin)
        .body_bytes(BODY_BYTES)
        .free_text(&["page_origin"])
        .from_other_sites("no cookie counts here, and the origin must be on the embed token's list")
        .post("/widget/challenge", Access::Visitor("an embed token and an exact origin"), recorded, challenge)
        .body_bytes(BODY_BYTES)
        .from_other_sites("no cookie counts here, and nothing is stored or begun")
        .get("/widget/messages", pass, recorded, history)
        .post("/widget/messages", pass, recorded, say)
        .body_bytes(BODY_BYTES)
        .free_text(&["text"])
        .get("/widget/events", pass, recorded, events)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    embed_token: String,
    /// The page that shows the frame, as the visitor's browser attests it to the frame.
    #[serde(default)]
    page_origin: Option<String>,
    /// A solved puzzle, where one was asked for.
    #[serde(default)]
    solution: Option<Solution>,
}

#[derive(Serialize)]
struct Begun {
    visitor_token: String,
    conversation_id: Uuid,
    expires_at: String,
}

/// The page's origin: the frame names it from our own origin, which only the frame's own code has; a page that asks
/// without the frame is named by its browser.
fn page_origin(headers: &HeaderMap, begin: &Begin, own: &str) -> Option<String> {
    let mut presented = headers.get_all(header::ORIGIN).iter();
    let origin = presented.next()?.to_str().ok()?;
    if presented.next().is_some() {
        return None;
    }
    match &begin.page_origin {
        Some(page) if origin == own || origin == page => Some(page.clone()),
        Some(_) => None,
        None => Some(origin.to_owned()),
    }
}

/// The page that asks, and what its token opens.
async fn knock(
    state: &ChatState,
    headers: &HeaderMap,
    asked: &Begin,
    address: Option<IpAddr>,
) -> Result<(String, Admission), Problem> {
    let origin = page_origin(headers, asked, &state.base_url).ok_or(Error::Refused(Refusal::Origin))?;
    let admission = admission::knock(&state.platform, &asked.embed_token, &origin, address).await?;
    Ok((origin, admission))
}

async fn begin(
    State(state): State<ChatState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(asked): Json<Begin>,
) -> Result<Response, Problem> {
    let (origin, admission) = knock(&state, &headers, &asked, address).await?;
    let mut solved = None;
    if state.pressure.asks(admission.token.id, address) {
        let solution = asked.solution.as_ref().ok_or(Error::Refused(Refusal::Challenge))?;
        solved = Some(
            crate::challenge::check(&state.platform, &admission.caller, &admission.token, &origin, solution).await?,
        );
    }
    if let Err(error) = admission.count(&state.platform, solved.as_ref()).await {
        if let Error::Refused(Refusal::Quota(limit)) = error {
            admission.tell(&state.platform, &state.live, limit).await?;
        }
        return Err(refusal(&state, error));
    }
    let request = OpenRequest {
        organization: admission.caller.organization(),
        agent_id: admission.token.agent_id,
        channel: Channel::Chat { page: Some(origin) },
        contact_id: None,
        address,
    };
    let opened = state.conversations.open(request).await?;
    let (pass, expires_at) = admission::issue(&state.platform, &admission, opened.conversation_id).await?;
    let begun = Begun {
        visitor_token: pass.reveal().to_owned(),
        conversation_id: opened.conversation_id,
        expires_at: web::instant::to_rfc3339(expires_at),
    };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(begun))
        .into_response())
}

/// A puzzle for whoever may begin a conversation here; asking for one costs nothing and opens nothing.
async fn challenge(
    State(state): State<ChatState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(asked): Json<Begin>,
) -> Result<Response, Problem> {
    let (origin, admission) = knock(&state, &headers, &asked, address).await?;
    let issued = crate::challenge::issue(&state.platform, &admission.caller, &admission.token, &origin).await?;
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(issued)).into_response())
}

/// An error as the visitor's frame reads it: a quota says when it begins anew.
fn refusal(state: &ChatState, error: Error) -> Problem {
    match error {
        Error::Refused(Refusal::Quota(limit)) => {
            Problem::quota_used_up(limit.as_str(), limit.seconds_left(state.platform.now()))
        }
        other => other.into(),
    }
}

async fn present(state: &ChatState, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Present, Problem> {
    let pass = headers.get(visitor::HEADER).and_then(|value| value.to_str().ok()).ok_or_else(Problem::unauthorized)?;
    Ok(admission::present(&state.platform, pass, address).await?)
}

/// One line as the frame shows it.
#[derive(Serialize)]
struct Shown {
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    text: String,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    sources: Vec<Source>,
    choices: Vec<Choice>,
}

#[derive(Serialize)]
struct Source {
    title: String,
    section: Vec<String>,
    url: Option<String>,
}

#[derive(Serialize)]
struct Choice {
    number: u8,
    label: String,
}

fn extras(reply: &agents::compose::Reply) -> (Vec<Source>, Vec<Choice>) {
    let source = |source: &agents::compose::Source| Source {
        title: source.title.clone(),
        section: source.section.clone(),
        url: source.url.clone(),
    };
    let choice = |choice: &agents::compose::ReplyChoice| Choice { number: choice.number, label: choice.label.clone() };
    (reply.sources.iter().map(source).collect(), reply.choices.iter().map(choice).collect())
}

fn shown(line: Line) -> Shown {
    let (by, who) = match line.speaker {
        Speaker::Visitor | Speaker::Keys => ("visitor", None),
        Speaker::Agent => ("agent", None),
        Speaker::Person { display_name } => ("person", Some(display_name)),
        Speaker::Event => ("happened", None),
    };
    let (sources, choices) = line.reply.as_ref().map(extras).unwrap_or_default();
    Shown { by, who, text: line.text, sequence: line.sequence, client_id: line.client_id, sources, choices }
}

#[derive(Serialize)]
struct History {
    data: Vec<Shown>,
    last_sequence: u64,
}

async fn history(
    State(state): State<ChatState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<Json<History>, Problem> {
    let present = present(&state, &headers, address).await?;
    let organization = present.caller.organization();
    let lines = state.conversations.transcript(organization, present.visitor.conversation_id, 0).await?;
    let last_sequence = lines.last().map_or(0, |line| line.sequence);
    Ok(Json(History { data: lines.into_iter().map(shown).collect(), last_sequence }))
}

/// An event of the stream; its data is JSON.
fn event(name: &str, sequence: u64, data: &impl Serialize) -> Event {
    let text = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    Event::default().event(name).id(sequence.to_string()).data(text)
}

#[derive(Serialize)]
struct Part<'a> {
    sequence: u64,
    paragraph: bool,
    text: &'a str,
}

#[derive(Serialize)]
struct Extras {
    sequence: u64,
    sources: Vec<Source>,
    choices: Vec<Choice>,
}

#[derive(Serialize)]
struct Turn {
    sequence: u64,
    duplicate: bool,
    ended: bool,
}

/// A reply in pieces: its paragraphs as they are read, then what stands under it.
fn reply_events(said: &Said) -> Vec<Event> {
    let sequence = said.sequence;
    let paragraph = |(position, text)| event("part", sequence, &Part { sequence, paragraph: position > 0, text });
    let mut events: Vec<Event> = said.reply.text.split('\n').enumerate().map(paragraph).collect();
    let (sources, choices) = extras(&said.reply);
    events.push(event("extras", sequence, &Extras { sequence, sources, choices }));
    events
}

fn outcome_events(outcome: &Outcome) -> Vec<Event> {
    let mut events: Vec<Event> = outcome.replies.iter().flat_map(reply_events).collect();
    let turn = Turn { sequence: outcome.sequence, duplicate: outcome.duplicate, ended: outcome.ended };
    events.push(event("turn", outcome.sequence, &turn));
    events
}

type Events = Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

fn streamed(events: Events) -> Response {
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies that gather answers would make a stream into a wait.
    ([("x-accel-buffering", "no")], stream).into_response()
}

async fn say(
    State(state): State<ChatState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(message): Json<Message>,
) -> Result<Response, Problem> {
    let present = present(&state, &headers, address).await?;
    let message = message.checked()?;
    if let Err(error) = present.count_message(&state.platform).await {
        if let Error::Refused(Refusal::Quota(limit)) = error {
            present.tell(&state.platform, &state.live, limit).await?;
        }
        return Err(refusal(&state, error));
    }
    let client_id = Some(message.client_id.to_string());
    let input = match message.choice {
        Some(number) => Input::Choice { number, client_id },
        None => Input::Words { text: message.text, client_id },
    };
    let organization = present.caller.organization();
    let outcome = state.conversations.handle(organization, present.visitor.conversation_id, input).await?;
    Ok(streamed(Box::pin(stream::iter(outcome_events(&outcome).into_iter().map(Ok)))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    /// The last sequence that the frame has shown.
    #[serde(default)]
    after: u64,
}

/// What the frame is told; nothing where lines were lost, which ends the stream: the frame asks again from the last that it has.
fn heard_event(heard: Heard) -> Option<Event> {
    match heard {
        Heard::Line(line) => Some(event("line", line.sequence, &shown(*line))),
        Heard::Ended => Some(Event::default().event("turn").data(r#"{"sequence":0,"duplicate":false,"ended":true}"#)),
        Heard::Missed => None,
    }
}

async fn events(
    State(state): State<ChatState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Query(since): Query<Since>,
) -> Result<Response, Problem> {
    let present = present(&state, &headers, address).await?;
    let (organization, conversation) = (present.caller.organization(), present.visitor.conversation_id);
    // Listens before it looks back, so that nothing falls between; the frame drops what it has seen.
    let ahead = state.conversations.watch(conversation).scan((), |(), heard| ready(heard_event(heard)));
    let missed = state.conversations.transcript(organization, conversation, since.after).await?;
    let missed = missed.into_iter().map(|line| event("line", line.sequence, &shown(line)));
    Ok(streamed(Box::pin(stream::iter(missed).chain(ahead).map(Ok))))
}

#[cfg(test)]
mod tests;
