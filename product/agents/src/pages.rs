//! The pages of agents: the list, an agent with its documents and versions, and its draft.

use askama::Template;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use identity::Permission;
use serde::Deserialize;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::{Done, Html, Nav, Shell};
use web::{Access, Audited, Form, PageContext, Path, Problem, Query, Routes};

use crate::knowledge::document::UPLOAD_BYTES_MAX;
use crate::knowledge::source::ATTESTATION;
use crate::knowledge::{self, Attestation, Document, Found, Knowledge, SourceKind, State as Reading};
use crate::profile::{self, OpenPeriod, Profile};
use crate::version::{Agent, AgentVersion};
use crate::{Error, store};

/// Rows of a list that a page shows.
const ROWS_SHOWN: i64 = 100;
/// Answers shown to a question that is tried.
const ANSWERS_SHOWN: usize = 3;
/// A profile as a form has at most so many bytes: its JSON, escaped for a form.
const DRAFT_BYTES_MAX: usize = 1024 * 1024;
/// Room for the frame of a multipart body.
const MULTIPART_FRAME_BYTES: usize = 64 * 1024;

/// The routes.
pub fn routes() -> Routes<Knowledge> {
    let read = Access::Permission(Permission::AgentRead);
    let (write, publish) = (Access::Permission(Permission::AgentWrite), Access::Permission(Permission::AgentPublish));
    let know = Access::Permission(Permission::KnowledgeWrite);
    let shown = Audited::No("what the business says about itself");
    Routes::new()
        .get("/agents", read, shown, list)
        .post("/agents", write, Audited::Change("agent.create"), create)
        .free_text(&["**"])
        .get("/agents/{id}", read, shown, show)
        .free_text(&["q"])
        .get("/agents/{id}/draft", write, shown, show_draft)
        .post("/agents/{id}/draft", write, Audited::Change("agent.update"), save_draft)
        .body_bytes(DRAFT_BYTES_MAX)
        .free_text(&["**"])
        .post("/agents/{id}/publication", publish, Audited::Change("agent.publish"), publish_draft)
        .post("/agents/{id}/documents/upload", know, Audited::Change("knowledge.add"), upload)
        .body_bytes(UPLOAD_BYTES_MAX + MULTIPART_FRAME_BYTES)
        .unscreened_body("a document, which its reader takes apart within limits: PDF in a child process")
        .post("/agents/{id}/documents/site", know, Audited::Change("knowledge.add"), add_site)
        .free_text(&["url"])
        .post("/agents/{id}/documents/{document}/sync", know, Audited::Change("knowledge.sync"), sync)
        .post("/agents/{id}/documents/{document}/deletion", know, Audited::Change("knowledge.delete"), delete)
}

struct AgentLine {
    id: Uuid,
    name: String,
    business: String,
    published: Chip,
    draft: Chip,
    saved: Moment,
}

#[derive(Template)]
#[template(path = "agents.html")]
struct AgentsPage {
    shell: Shell,
    agents: Vec<AgentLine>,
    may_write: bool,
}

fn published_chip(agent: &Agent) -> Chip {
    match &agent.published {
        Some(version) => Chip::new(Tone::Good, format!("Version {} answers", version.number)),
        None => Chip::new(Tone::Draft, "Not published"),
    }
}

fn has_news(agent: &Agent) -> bool {
    agent.published.as_ref().is_none_or(|version| version.hash != agent.draft_hash)
}

fn agent_line(agent: Agent) -> AgentLine {
    let draft = if has_news(&agent) { (Tone::Wait, "Differs") } else { (Tone::Done, "Same as published") };
    AgentLine {
        id: agent.id,
        published: published_chip(&agent),
        draft: Chip::new(draft.0, draft.1),
        saved: Moment::new(agent.draft_saved_at),
        name: agent.draft.name,
        business: agent.draft.business_name,
    }
}

async fn list(State(knowledge): State<Knowledge>, page: PageContext) -> Result<Response, Problem> {
    let agents = store::list(knowledge.platform(), &page.caller, Uuid::max(), ROWS_SHOWN).await?;
    let shown = AgentsPage {
        shell: page.shell("Agents", Nav::Agents),
        agents: agents.into_iter().map(agent_line).collect(),
        may_write: page.caller.permits(Permission::AgentWrite),
    };
    Ok(Html(shown).into_response())
}

async fn create(State(knowledge): State<Knowledge>, page: PageContext) -> Result<Redirect, Problem> {
    let agent = store::create(knowledge.platform(), &page.caller, profile::sample()).await?;
    Ok(Redirect::to(&Done::address(&format!("/agents/{}", agent.id), "created")))
}

struct DocumentLine {
    id: Uuid,
    title: String,
    kind: String,
    sections: i64,
    word: &'static str,
    state: Chip,
    /// Pages read, and pages known, while reading goes on.
    progress: Option<(i64, i64)>,
    failure: Option<String>,
    read: Option<Moment>,
    is_site: bool,
}

fn document_line(document: Document) -> DocumentLine {
    let (tone, word) = match document.state {
        Reading::Queued => (Tone::Wait, "Waits to be read"),
        Reading::Reading => (Tone::Live, "Is being read"),
        Reading::Ready => (Tone::Good, "Can be quoted"),
        Reading::Failed => (Tone::Bad, "Could not be read"),
    };
    let known = document.pages_read + document.pages_waiting;
    DocumentLine {
        id: document.id,
        sections: document.sections,
        word: document.state.name(),
        state: Chip::new(tone, word),
        progress: (document.state == Reading::Reading && known > 1).then_some((document.pages_read, known)),
        failure: document.failure,
        read: document.read_at.map(Moment::new),
        is_site: document.source == SourceKind::Url,
        title: document.title,
        kind: document.kind,
    }
}

struct VersionLine {
    number: i64,
    at: Moment,
    short: String,
    hash: String,
    state: Chip,
}

fn version_line(version: AgentVersion, agent: &Agent) -> VersionLine {
    let answers = agent.published.as_ref().is_some_and(|published| published.version_id == version.id);
    let state = if answers { Chip::new(Tone::Live, "Answers") } else { Chip::new(Tone::Done, "Replaced") };
    let short = version.hash.chars().take(12).collect();
    VersionLine { number: version.number, at: Moment::new(version.published_at), short, hash: version.hash, state }
}

struct Answer {
    quote: String,
    source: String,
}

fn answer(found: Found) -> Answer {
    let path = std::iter::once(found.passage.title).chain(found.passage.section);
    Answer { quote: found.quote, source: path.collect::<Vec<_>>().join(", ") }
}

#[derive(Template)]
#[template(path = "agent.html")]
struct AgentPage {
    shell: Shell,
    id: Uuid,
    profile: Profile,
    state: Chip,
    draft_hash: String,
    has_news: bool,
    hours: Vec<(&'static str, String)>,
    /// Whether the reader may see what the agent knows, and ask it.
    may_know: bool,
    documents: Vec<DocumentLine>,
    sections: i64,
    versions: Vec<VersionLine>,
    question: String,
    answers: Vec<Answer>,
    attestation: &'static str,
    may_write: bool,
    may_publish: bool,
}

/// Opening hours in words, from Monday on.
fn hours(profile: &Profile) -> Vec<(&'static str, String)> {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let period = |period: &OpenPeriod| format!("{} to {}", clock(period.from_minute), clock(period.until_minute));
    let day = |(number, name): (u8, &'static str)| {
        let periods = profile.opening_hours.get(&number).filter(|periods| !periods.is_empty());
        let words = periods.map(|periods| periods.iter().map(period).collect::<Vec<_>>().join(", "));
        (name, words.unwrap_or_else(|| "closed".to_owned()))
    };
    (1..=7).zip(DAYS).map(day).collect()
}

async fn agent_page(knowledge: &Knowledge, page: &PageContext, id: Uuid, question: &str) -> Result<AgentPage, Problem> {
    let (platform, caller) = (knowledge.platform(), &page.caller);
    let agent = store::get(platform, caller, id).await?;
    let versions = store::versions(platform, caller, id, Uuid::max(), ROWS_SHOWN).await?;
    let may_know = caller.reaches(Permission::KnowledgeRead, &[id]);
    let question = question.trim();
    let (mut documents, mut found) = (Vec::new(), Vec::new());
    if may_know {
        documents = knowledge.documents(caller, id, Uuid::max(), ROWS_SHOWN).await?;
        if !question.is_empty() {
            found = knowledge.answers(caller, id, question, ANSWERS_SHOWN).await?;
        }
    }
    Ok(AgentPage {
        shell: page.shell(&agent.draft.name, Nav::Agents),
        id,
        state: published_chip(&agent),
        has_news: has_news(&agent),
        hours: hours(&agent.draft),
        may_know,
        sections: documents.iter().map(|document| document.sections).sum(),
        documents: documents.into_iter().map(document_line).collect(),
        versions: versions.into_iter().map(|version| version_line(version, &agent)).collect(),
        question: question.to_owned(),
        answers: found.into_iter().map(answer).collect(),
        attestation: ATTESTATION,
        may_write: caller.permits(Permission::AgentWrite) && caller.permits(Permission::KnowledgeWrite),
        may_publish: caller.permits(Permission::AgentPublish),
        draft_hash: agent.draft_hash,
        profile: agent.draft,
    })
}

#[derive(Deserialize)]
struct Tried {
    #[serde(default)]
    q: String,
}

async fn show(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Query(tried): Query<Tried>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut shown = agent_page(&knowledge, &page, id, &tried.q).await?;
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

#[derive(Template)]
#[template(path = "draft.html")]
struct DraftPage {
    shell: Shell,
    id: Uuid,
    name: String,
    based_on: String,
    text: String,
    problems: Vec<(String, String)>,
}

async fn show_draft(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let agent = store::get(knowledge.platform(), &page.caller, id).await?;
    let text = serde_json::to_string_pretty(&agent.draft).map_err(Problem::internal)?;
    let shown = DraftPage {
        shell: page.shell("Draft", Nav::Agents),
        id,
        name: agent.draft.name,
        based_on: agent.draft_hash,
        text,
        problems: Vec::new(),
    };
    Ok(Html(shown).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftForm {
    based_on: String,
    profile: String,
}

async fn save_draft(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<DraftForm>,
) -> Result<Response, Problem> {
    let platform = knowledge.platform();
    let problems = match serde_json::from_str::<Profile>(&form.profile) {
        Err(error) => vec![(format!("line {}", error.line()), error.to_string())],
        Ok(profile) => match store::save_draft(platform, &page.caller, id, &profile, Some(&form.based_on)).await {
            Ok(()) => return Ok(Redirect::to(&Done::address(&format!("/agents/{id}"), "saved")).into_response()),
            Err(Error::Profile(problems)) => {
                problems.into_iter().map(|problem| (problem.place, problem.problem)).collect()
            }
            Err(other) => return Err(other.into()),
        },
    };
    let name = store::get(platform, &page.caller, id).await?.draft.name;
    let shell = page.shell("Draft", Nav::Agents);
    let again = DraftPage { shell, id, name, based_on: form.based_on, text: form.profile, problems };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishForm {
    hash: String,
}

async fn publish_draft(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<PublishForm>,
) -> Result<Redirect, Problem> {
    store::publish(knowledge.platform(), &page.caller, id, &form.hash).await?;
    Ok(Redirect::to(&Done::address(&format!("/agents/{id}"), "published")))
}

/// The agent's page after something was added: told what is wrong, where it was the sender's to put right.
async fn after_adding(
    knowledge: &Knowledge,
    page: &PageContext,
    id: Uuid,
    added: knowledge::Result<Document>,
) -> Result<Response, Problem> {
    let words = match added {
        Ok(_) => return Ok(Redirect::to(&Done::address(&format!("/agents/{id}"), "queued")).into_response()),
        Err(knowledge::Error::NotAttested) => "Please state that you have the right to use the material.".to_owned(),
        Err(knowledge::Error::Invalid { reason, .. }) => reason,
        Err(error @ (knowledge::Error::Read(_) | knowledge::Error::Full(_))) => error.to_string(),
        Err(other) => return Err(other.into()),
    };
    let mut again = agent_page(knowledge, page, id, "").await?;
    again.shell = again.shell.refusing(words);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
}

async fn upload(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path(id): Path<Uuid>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let form = form.map_err(|_| Problem::unsupported_media_type("multipart/form-data"))?;
    let sent = knowledge::api::read_form(form).await?;
    let attestation = Attestation::given(sent.attested);
    let added = knowledge.add_upload(&page.caller, id, attestation, &sent.name, &sent.bytes).await;
    after_adding(&knowledge, &page, id, added).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteForm {
    url: String,
    #[serde(default)]
    attested: bool,
}

async fn add_site(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<SiteForm>,
) -> Result<Response, Problem> {
    let added = knowledge.add_url(&page.caller, id, Attestation::given(form.attested), &form.url).await;
    after_adding(&knowledge, &page, id, added).await
}

async fn sync(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path((id, document)): Path<(Uuid, Uuid)>,
) -> Result<Redirect, Problem> {
    knowledge.sync(&page.caller, id, document).await?;
    Ok(Redirect::to(&Done::address(&format!("/agents/{id}"), "queued")))
}

async fn delete(
    State(knowledge): State<Knowledge>,
    page: PageContext,
    Path((id, document)): Path<(Uuid, Uuid)>,
) -> Result<Redirect, Problem> {
    knowledge.delete(&page.caller, id, document).await?;
    Ok(Redirect::to(&Done::address(&format!("/agents/{id}"), "deleted")))
}
