//! The inbox: conversations beside the one that is read, and a person's answers.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::Permission;
use serde::Deserialize;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::phone_number::PhoneNumber;
use web::shell::{Html, Nav, Shell};
use web::{Access, Audited, Form, PageContext, PageQuery, Path, Problem, Query, Routes};

use crate::{ConversationSummary, Conversations, Error, Leave, Line, Speaker};

pub(super) fn routes() -> Routes<Conversations> {
    let read = Access::Permission(Permission::ConversationRead);
    let words = Access::Permission(Permission::TranscriptRead);
    let answer = Access::Permission(Permission::ConversationAnswer);
    Routes::new()
        .get("/inbox", read, Audited::No("who waits and since when, no words"), list)
        .get("/inbox/{id}", words, Audited::Read("conversation.read"), show)
        .post("/inbox/{id}/person", answer, Audited::Change("handoff.join"), join)
        .post("/inbox/{id}/messages", answer, Audited::Change("handoff.message"), say)
        .free_text(&["text"])
        .post("/inbox/{id}/person/leave", answer, Audited::Change("handoff.leave"), leave)
        .post("/inbox/{id}/person/end", answer, Audited::Change("handoff.leave"), end)
}

struct Entry {
    id: Uuid,
    sequence: i64,
    who: String,
    gist: String,
    changed: Moment,
    state: Chip,
    current: bool,
}

/// What is known of who it is; nobody's name is guessed.
fn who(summary: &ConversationSummary) -> String {
    match &summary.who {
        _ if summary.erased => "Erased".to_owned(),
        Some(who) => PhoneNumber(who.clone()).to_string(),
        // Ids begin with the time, so their end tells visitors apart.
        None if summary.channel == "chat" => {
            format!("Visitor {}", summary.contact_id.simple().to_string().split_off(28).to_uppercase())
        }
        None => "Number withheld".to_owned(),
    }
}

fn channel_word(summary: &ConversationSummary) -> &'static str {
    if summary.channel == "phone" { "Phone" } else { "Chat" }
}

fn state_chip(summary: &ConversationSummary) -> Chip {
    match summary.state.as_str() {
        "open" => Chip::new(Tone::Live, "With the agent"),
        "waiting" => Chip::new(Tone::Wait, "Waits for a person"),
        "person" => Chip::new(Tone::Live, "With a person"),
        _ => Chip::new(Tone::Done, "Ended"),
    }
}

fn entry(summary: &ConversationSummary, chosen: Option<Uuid>) -> Entry {
    let reason = summary.end_reason.as_deref().map(|reason| reason.replace('_', " "));
    Entry {
        id: summary.id,
        sequence: summary.sequence,
        who: who(summary),
        gist: match reason {
            Some(reason) => format!("{}, {reason}", channel_word(summary)),
            None => channel_word(summary).to_owned(),
        },
        changed: Moment::new(summary.updated_at),
        state: state_chip(summary),
        current: chosen == Some(summary.id),
    }
}

struct SaidLine {
    sequence: u64,
    at: Moment,
    happened: bool,
    keyed: bool,
    class: &'static str,
    who: String,
    words: String,
    sources: Vec<(String, Option<String>)>,
    choices: Vec<String>,
}

fn said_line(line: Line, guest: &str) -> SaidLine {
    let keyed = line.speaker == Speaker::Keys;
    let (class, who) = match line.speaker {
        Speaker::Visitor | Speaker::Keys => ("guest", guest.to_owned()),
        Speaker::Agent => ("agent", "Agent".to_owned()),
        Speaker::Person { display_name } => ("person", display_name),
        Speaker::Event => ("", String::new()),
    };
    let (sources, choices) = line.reply.map(|reply| (reply.sources, reply.choices)).unwrap_or_default();
    let named = |source: agents::compose::Source| {
        let path = std::iter::once(source.title).chain(source.section).collect::<Vec<_>>().join(", ");
        // Only addresses that a browser fetches by itself: a document cannot bring a `javascript:` link in here.
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        (path, source.url.filter(is_web))
    };
    SaidLine {
        sequence: line.sequence,
        at: Moment::time(line.at),
        happened: class.is_empty(),
        keyed,
        class,
        who,
        words: line.text,
        sources: sources.into_iter().map(named).collect(),
        choices: choices.into_iter().map(|choice| choice.label).collect(),
    }
}

struct Chat {
    id: Uuid,
    /// Whether more is shown than the words: who it is, and how the conversation stands.
    is_known: bool,
    contact_id: Uuid,
    agent_id: Uuid,
    who: String,
    channel: &'static str,
    opened: Moment,
    state: Chip,
    may_join: bool,
    is_mine: bool,
    erased: bool,
    lines: Vec<SaidLine>,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    shell: Shell,
    /// Whether the reader may see the other conversations.
    has_list: bool,
    entries: Vec<Entry>,
    older: Option<Uuid>,
    chosen: Option<Chat>,
}

async fn chat(conversations: &Conversations, page: &PageContext, id: Uuid) -> Result<Chat, Problem> {
    let caller = &page.caller;
    let summary = conversations.summary(caller, id).await?;
    let lines = match conversations.transcript(caller.organization(), id, 0).await {
        Ok(lines) => lines,
        Err(Error::Erased) => Vec::new(),
        Err(other) => return Err(other.into()),
    };
    // The words stand under one permission, who spoke them and how it ended under another.
    let is_known = caller.reaches(Permission::ConversationRead, &[id]);
    let name = match (is_known, summary.channel.as_str()) {
        (true, _) => who(&summary),
        (false, "phone") => "A caller".to_owned(),
        (false, _) => "A visitor".to_owned(),
    };
    let is_mine = summary.state == "person" && summary.joined_by.is_some() && summary.joined_by == caller.user();
    let may_answer = caller.permits(Permission::ConversationAnswer) && summary.channel == "chat";
    Ok(Chat {
        id,
        is_known,
        contact_id: summary.contact_id,
        agent_id: summary.agent_id,
        channel: channel_word(&summary),
        opened: Moment::new(summary.opened_at),
        state: state_chip(&summary),
        may_join: may_answer && matches!(summary.state.as_str(), "open" | "waiting"),
        is_mine: may_answer && is_mine,
        erased: summary.erased,
        lines: lines.into_iter().map(|line| said_line(line, &name)).collect(),
        who: name,
    })
}

async fn inbox(
    conversations: &Conversations,
    page: &PageContext,
    query: &PageQuery,
    chosen: Option<Chat>,
) -> Result<Response, Problem> {
    let has_list = page.caller.reaches(Permission::ConversationRead, &[]);
    let mut rows = Vec::new();
    if has_list {
        rows = conversations.list(&page.caller, None, query.before_or_end(), query.fetch()).await?;
    }
    let more = rows.len() > query.limit();
    rows.truncate(query.limit());
    let id = chosen.as_ref().map(|chat| chat.id);
    let title = chosen.as_ref().map_or("Inbox", |chat| chat.who.as_str());
    let shown = InboxPage {
        shell: page.shell(title, Nav::Inbox),
        has_list,
        older: rows.last().filter(|_| more).map(|summary| summary.id),
        entries: rows.iter().map(|summary| entry(summary, id)).collect(),
        chosen,
    };
    Ok(Html(shown).into_response())
}

async fn list(
    State(conversations): State<Conversations>,
    page: PageContext,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    inbox(&conversations, &page, &query, None).await
}

async fn show(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let chosen = chat(&conversations, &page, id).await?;
    inbox(&conversations, &page, &PageQuery::default(), Some(chosen)).await
}

fn back(id: Uuid) -> Redirect {
    Redirect::to(&format!("/inbox/{id}"))
}

async fn join(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    conversations.person_joins(&page.caller, id).await?;
    Ok(back(id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: String,
}

async fn say(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(answer): Form<Answer>,
) -> Result<Redirect, Problem> {
    conversations.person_says(&page.caller, id, &answer.text, None).await?;
    Ok(back(id))
}

async fn leave(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    conversations.person_leaves(&page.caller, id, Leave::BackToAgent).await?;
    Ok(back(id))
}

async fn end(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    conversations.person_leaves(&page.caller, id, Leave::End).await?;
    Ok(back(id))
}
