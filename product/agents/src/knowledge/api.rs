//! `/v1/agents/{agent_id}/knowledge`: the documents of an agent, what was read of them, and what they answer.

use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use identity::{Caller, Permission};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder};
use utoipa::{IntoParams, OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::{Access, Audited, Json, Page, PageQuery, Path, Problem, Query, Routes};

use super::chunk::Section;
use super::document::{TEXT_BYTES_MAX, UPLOAD_BYTES_MAX};
use super::error::Error;
use super::search::Knowledge;
use super::source::{Attestation, Document};

/// Room for the frame of a multipart body and its small fields.
const MULTIPART_FRAME_BYTES: usize = 64 * 1024;
/// The longest question, in characters.
pub const QUESTION_CHARACTERS_MAX: usize = 1_000;
/// Sections on a page of the review at most.
const SECTIONS_PAGE_MAX: i64 = 100;

/// The routes.
pub fn routes() -> Routes<Knowledge> {
    let read = Access::Permission(Permission::KnowledgeRead);
    let write = Access::Permission(Permission::KnowledgeWrite);
    Routes::new()
        .get("/v1/agents/{agent_id}/knowledge", read, Audited::No("a list of titles"), list)
        .post("/v1/agents/{agent_id}/knowledge/uploads", write, Audited::Change("knowledge.add"), upload)
        .body_bytes(UPLOAD_BYTES_MAX + MULTIPART_FRAME_BYTES)
        .unscreened_body("a document, which its reader takes apart within limits: PDF in a child process")
        .post("/v1/agents/{agent_id}/knowledge/urls", write, Audited::Change("knowledge.add"), add_url)
        .free_text(&["url"])
        .post("/v1/agents/{agent_id}/knowledge/texts", write, Audited::Change("knowledge.add"), add_text)
        // The text's limit counts its bytes as JSON here, escapes included.
        .body_bytes(TEXT_BYTES_MAX + MULTIPART_FRAME_BYTES)
        .free_text(&["title", "text"])
        .get("/v1/agents/{agent_id}/knowledge/answers", read, Audited::No("what any visitor may ask"), answers)
        .free_text(&["question"])
        .get("/v1/agents/{agent_id}/knowledge/{id}", read, Audited::No("a title"), get)
        .delete("/v1/agents/{agent_id}/knowledge/{id}", write, Audited::Change("knowledge.delete"), delete)
        .post("/v1/agents/{agent_id}/knowledge/{id}/sync", write, Audited::Change("knowledge.sync"), sync)
        .get("/v1/agents/{agent_id}/knowledge/{id}/sections", read, Audited::No("the business's own text"), sections)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list, upload, add_url, add_text, answers, get, delete, sync, sections))]
pub struct Description;

/// A document of an agent's knowledge.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentView {
    /// The document's id.
    id: Uuid,
    /// The agent that may quote it.
    agent_id: Uuid,
    /// `upload`, `url` or `text`.
    source: &'static str,
    /// What it is called.
    title: String,
    /// The address of a site.
    url: Option<String>,
    /// `pdf`, `docx`, `html`, `markdown`, `plain` or `site`.
    kind: String,
    /// `queued`, `reading`, `ready` or `failed`. What was read before stays quotable meanwhile.
    state: &'static str,
    /// Why it could not be read, or what of it was left out.
    failure: Option<String>,
    /// Pages read so far.
    pages_read: i64,
    /// Pages known and waiting.
    pages_waiting: i64,
    /// Sections that can be quoted.
    sections: i64,
    /// Grows by one whenever reading finds other content; 0 before the first reading.
    version: i64,
    /// The member or key that stated the right to use it.
    attested_by: Option<Uuid>,
    /// When that was.
    #[schema(format = DateTime)]
    attested_at: String,
    /// When it was added.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last read successfully.
    #[schema(format = DateTime)]
    read_at: Option<String>,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id,
            agent_id: document.agent_id,
            source: document.source.name(),
            title: document.title,
            url: document.url,
            kind: document.kind,
            state: document.state.name(),
            failure: document.failure,
            pages_read: document.pages_read,
            pages_waiting: document.pages_waiting,
            sections: document.sections,
            version: document.version,
            attested_by: document.attested_by,
            attested_at: to_rfc3339(document.attested_at),
            created_at: to_rfc3339(document.created_at),
            read_at: document.read_at.map(to_rfc3339),
        }
    }
}

/// A file, sent as a form.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the form; the handler reads it piece by piece")]
pub struct UploadForm {
    /// `true`: I have the right to use this material for this agent.
    #[schema(schema_with = attestation, required = true)]
    attested: bool,
    /// PDF, DOCX, Markdown, HTML or plain text.
    #[schema(format = Binary)]
    file: String,
}

/// A statement that only has a meaning when it is made.
fn attestation() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build()
}

/// A site.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UrlRequest {
    /// Where to begin; pages of the same host that it links to are read too.
    #[schema(max_length = 2000, pattern = r"^[hH][tT][tT][pP][sS]?://\S+$")]
    url: String,
    /// I have the right to use this material for this agent.
    #[serde(default)]
    #[schema(schema_with = attestation, required = true)]
    attested: bool,
}

/// A text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextRequest {
    /// What it is called: something that can be seen.
    #[schema(min_length = 1, max_length = 200, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    title: String,
    /// The text; Markdown is understood.
    #[schema(min_length = 1)]
    text: String,
    /// I have the right to use this material for this agent.
    #[serde(default)]
    #[schema(schema_with = attestation, required = true)]
    attested: bool,
}

/// A section that was read, for review.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionView {
    /// Its place in the document, from 0.
    place: i64,
    /// Title of the document or page.
    title: String,
    /// Headings above it, outermost first.
    section: Vec<String>,
    /// Its text: one paragraph, list item or table row per line.
    text: String,
    /// The page it stands on.
    url: Option<String>,
}

/// Sections in reading order.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionPage {
    /// The sections.
    data: Vec<SectionView>,
    /// Are there more?
    has_more: bool,
    /// What to send as `after` for them.
    next_after: Option<i64>,
}

/// Which sections.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SectionQuery {
    /// The `next_after` of the page before.
    #[serde(default)]
    after: Option<i64>,
}

/// A question.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuestionQuery {
    /// The question in plain words.
    #[param(min_length = 1, max_length = 1000)]
    question: String,
}

storage::debug_shows!(
    struct QuestionQuery {}
);

/// What the documents answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answers {
    /// Best first, at most 5; empty means that the documents do not answer the question.
    answers: Vec<AnswerView>,
}

/// One answer with its source.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// Verbatim from the document.
    quote: String,
    /// The document.
    document_id: Uuid,
    /// Its title.
    title: String,
    /// Headings above the quote.
    section: Vec<String>,
    /// The page it stands on.
    url: Option<String>,
    /// How well it is supported, in thousandths.
    support_thousandths: i64,
}

/// Answers to one question over the API.
const ANSWERS_SHOWN: usize = 5;

/// The documents of an agent, newest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/knowledge", operation_id = "listDocuments", tag = "knowledge", params(("agent_id" = Uuid, Path), PageQuery), responses((status = 200, body = Page<DocumentView>)))]
async fn list(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path(agent_id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<DocumentView>>, Problem> {
    let documents = knowledge.documents(&caller, agent_id, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(documents, &query, |document| document.id).map(DocumentView::from)))
}

/// Adds a file. It is read in the background; ask for the document to see how far it is.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/knowledge/uploads", tag = "knowledge", params(("agent_id" = Uuid, Path)), request_body(content = UploadForm, content_type = "multipart/form-data"), responses((status = 202, body = DocumentView)))]
async fn upload(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path(agent_id): Path<Uuid>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let form = form.map_err(|_| Problem::unsupported_media_type("multipart/form-data"))?;
    let Upload { attested, name, bytes } = read_form(form).await?;
    let attestation = Attestation::given(attested);
    Ok(accepted(knowledge.add_upload(&caller, agent_id, attestation, &name, &bytes).await?))
}

/// Adds a site.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/knowledge/urls", tag = "knowledge", params(("agent_id" = Uuid, Path)), request_body = UrlRequest, responses((status = 202, body = DocumentView)))]
async fn add_url(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path(agent_id): Path<Uuid>,
    Json(wanted): Json<UrlRequest>,
) -> Result<Response, Problem> {
    let attestation = Attestation::given(wanted.attested);
    Ok(accepted(knowledge.add_url(&caller, agent_id, attestation, &wanted.url).await?))
}

/// Adds a text.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/knowledge/texts", tag = "knowledge", params(("agent_id" = Uuid, Path)), request_body = TextRequest, responses((status = 202, body = DocumentView)))]
async fn add_text(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path(agent_id): Path<Uuid>,
    Json(wanted): Json<TextRequest>,
) -> Result<Response, Problem> {
    let attestation = Attestation::given(wanted.attested);
    Ok(accepted(knowledge.add_text(&caller, agent_id, attestation, &wanted.title, &wanted.text).await?))
}

/// One document.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/knowledge/{id}", operation_id = "getDocument", tag = "knowledge", params(("agent_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = 200, body = DocumentView)))]
async fn get(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path((agent_id, id)): Path<(Uuid, Uuid)>,
) -> Result<Json<DocumentView>, Problem> {
    Ok(Json(knowledge.document(&caller, agent_id, id).await?.into()))
}

/// Deletes a document and everything that was read of it.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/knowledge/{id}", tag = "knowledge", params(("agent_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = 204)))]
async fn delete(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path((agent_id, id)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    knowledge.delete(&caller, agent_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a site read again.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/knowledge/{id}/sync", tag = "knowledge", params(("agent_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = 202, body = DocumentView)))]
async fn sync(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path((agent_id, id)): Path<(Uuid, Uuid)>,
) -> Result<Response, Problem> {
    Ok(accepted(knowledge.sync(&caller, agent_id, id).await?))
}

/// What was read of a document.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/knowledge/{id}/sections", tag = "knowledge", params(("agent_id" = Uuid, Path), ("id" = Uuid, Path), SectionQuery), responses((status = 200, body = SectionPage)))]
async fn sections(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path((agent_id, id)): Path<(Uuid, Uuid)>,
    Query(query): Query<SectionQuery>,
) -> Result<Json<SectionPage>, Problem> {
    let after = query.after.unwrap_or(-1);
    let mut found = knowledge.sections(&caller, agent_id, id, after, SECTIONS_PAGE_MAX + 1).await?;
    let has_more = found.len() as i64 > SECTIONS_PAGE_MAX;
    found.truncate(SECTIONS_PAGE_MAX as usize);
    let next_after = if has_more { found.last().map(|(place, _)| *place) } else { None };
    let view = |(place, section): (i64, Section)| SectionView {
        place,
        title: section.title,
        section: section.path,
        text: section.text,
        url: section.url,
    };
    Ok(Json(SectionPage { data: found.into_iter().map(view).collect(), has_more, next_after }))
}

/// What the documents answer to a question: the same search that conversations use.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/knowledge/answers", tag = "knowledge", params(("agent_id" = Uuid, Path), QuestionQuery), responses((status = 200, body = Answers)))]
async fn answers(
    State(knowledge): State<Knowledge>,
    caller: Caller,
    Path(agent_id): Path<Uuid>,
    Query(query): Query<QuestionQuery>,
) -> Result<Json<Answers>, Problem> {
    if !(1..=QUESTION_CHARACTERS_MAX).contains(&query.question.chars().count()) {
        return Err(Problem::field("question", format!("Ask in 1 to {QUESTION_CHARACTERS_MAX} characters.")));
    }
    let found = knowledge.answers(&caller, agent_id, &query.question, ANSWERS_SHOWN).await?;
    let view = |one: super::Found| AnswerView {
        quote: one.quote,
        document_id: one.passage.document_id,
        title: one.passage.title,
        section: one.passage.section,
        url: one.passage.url,
        support_thousandths: one.support_thousandths,
    };
    Ok(Json(Answers { answers: found.into_iter().map(view).collect() }))
}

fn accepted(document: Document) -> Response {
    (StatusCode::ACCEPTED, Json(DocumentView::from(document))).into_response()
}

/// A file as it came with a form.
pub(crate) struct Upload {
    /// Whether the right to use it was stated.
    pub attested: bool,
    /// The file's name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Reads the form: `attested` and one `file`, in any order.
pub(crate) async fn read_form(mut form: Multipart) -> Result<Upload, Problem> {
    let mut upload = Upload { attested: false, name: String::new(), bytes: Vec::new() };
    let mut files = 0;
    let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(UPLOAD_BYTES_MAX),
        _ => Problem::bad_request("The form cannot be read."),
    };
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("attested") => upload.attested = field.text().await.map_err(broken)? == "true",
            Some("file") => {
                files += 1;
                upload.name = field.file_name().unwrap_or_default().to_owned();
                upload.bytes = field.bytes().await.map_err(broken)?.to_vec();
            }
            // The guard has looked at it.
            Some(web::form_token::FIELD) => {}
            _ => return Err(Problem::unprocessable("The form has a field that is not known.", Vec::new())),
        }
    }
    // The statement comes first: without it nothing of the file is looked at.
    if !upload.attested {
        return Err(Error::NotAttested.into());
    }
    if files != 1 {
        return Err(Problem::field("file", "Send exactly one file."));
    }
    Ok(upload)
}

#[cfg(test)]
mod tests;
