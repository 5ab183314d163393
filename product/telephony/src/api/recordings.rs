//! `/v1/recordings`, and the short-lived links that a recording is heard through.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use identity::{Caller, Credential};
use serde::Serialize;
use storage::Timestamp;
use utoipa::ToSchema;
use uuid::Uuid;
use vault::{LinkClaims, SealedReader};
use web::paging::{Page, PageQuery};
use web::problem::Problem;
use web::{Json, Path, Query};

use super::Telephony;
use crate::error::Error;
use crate::playback::{HEADER_BYTES, Span, span, wav_header};
use crate::record::{Recording, RecordingState};
use crate::store::{calls, recordings};

/// What a link to a recording is for; it opens nothing else.
pub const LINK_PURPOSE: &str = "recording.listen";
/// How long a link lives, in seconds.
pub const LINK_SECONDS: i64 = 300;
/// Bytes that are opened at once while a recording is sent.
const PIECE_BYTES: usize = 64 * 1024;
/// Of a recording so much is opened before it is answered: half an hour in two channels, some 0.2 seconds of work.
const OPENED_BEFORE_BYTES: u64 = 64 << 20;

/// A link that expires.
#[derive(Debug, Serialize, ToSchema)]
pub struct Link {
    /// Path on this server.
    pub path: String,
    /// When it stops working.
    #[serde(serialize_with = "web::instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// The recordings, newest first.
#[utoipa::path(get, path = "/v1/recordings", tag = "recordings", operation_id = "listRecordings", params(PageQuery),
    responses((status = 200, body = Page<Recording>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn list(
    State(telephony): State<Telephony>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Recording>>, Problem> {
    let rows = recordings::page(&telephony.platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(rows, &query, |recording| recording.id)))
}

/// One recording.
#[utoipa::path(get, path = "/v1/recordings/{id}", tag = "recordings", operation_id = "getRecording", params(("id" = Uuid, Path)),
    responses((status = 200, body = Recording), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn get(
    State(telephony): State<Telephony>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Recording>, Problem> {
    Ok(Json(recordings::get(&telephony.platform, &caller, id).await?))
}

/// Makes a link that the recording can be heard through for five minutes.
#[utoipa::path(post, path = "/v1/recordings/{id}/links", tag = "recordings", operation_id = "linkRecording", params(("id" = Uuid, Path)),
    responses((status = 201, body = Link), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn link(
    State(telephony): State<Telephony>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Link>), Problem> {
    Ok((StatusCode::CREATED, Json(make_link(&telephony, &caller, id).await?)))
}

/// Makes a link to a recording for whoever asks, bound to their session when they have one.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such recording.
pub async fn make_link(telephony: &Telephony, caller: &Caller, id: Uuid) -> Result<Link, Error> {
    let platform = &telephony.platform;
    recordings::get(platform, caller, id).await?;
    let expires_at = platform.now().plus_seconds(LINK_SECONDS);
    let session = match caller.credential() {
        Credential::Session(session) | Credential::Support { session, .. } => Some(session),
        Credential::ApiKey(_) | Credential::Channel => None,
    };
    let claims = LinkClaims {
        organization: caller.organization(),
        purpose: LINK_PURPOSE.to_owned(),
        object: id,
        expires_at,
        session,
    };
    let path = format!("/recordings/{}", platform.vault.sign_link(&claims)?);
    caller.note(platform, "recording.link", "recording", Some(id)).await?;
    Ok(Link { path, expires_at })
}

/// Sends a recording, or the range of it that was asked for, to whoever holds a good link.
pub(super) async fn play(
    State(telephony): State<Telephony>,
    caller: Option<Caller>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let platform = &telephony.platform;
    let session = caller.as_ref().and_then(|caller| match caller.credential() {
        Credential::Session(session) | Credential::Support { session, .. } => Some(session),
        Credential::ApiKey(_) | Credential::Channel => None,
    });
    let claims = platform
        .vault
        .verify_link(&token, LINK_PURPOSE, session, platform.now())
        .map_err(|_| Problem::link_refused())?;
    if !identity::incident::is_open(platform, claims.organization).await.map_err(Problem::from)? {
        return Err(Problem::link_refused());
    }
    let listener = caller.unwrap_or_else(|| calls::channel(claims.organization));
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    answer(&telephony, &listener, claims.object, range).await
}

async fn answer(telephony: &Telephony, listener: &Caller, id: Uuid, range: Option<&str>) -> Result<Response, Problem> {
    let platform = &telephony.platform;
    let recording = recordings::get(platform, listener, id).await?;
    let key = listener.keyring(platform).await.map_err(Error::from)?;
    let key = match key.recording_key(&listener.database(platform), id).await {
        Ok(key) => key,
        // Erased: the link opens nothing any more.
        Err(vault::Error::NoKey { .. }) => return Err(Problem::link_refused()),
        Err(error) => return Err(Error::from(error).into()),
    };
    let reader =
        SealedReader::open(&platform.objects, &recordings::object_name(id), &key, recordings::object_context(id)).await;
    let mut reader = reader.map_err(Error::from)?;
    if recording.state != RecordingState::Writing {
        // Without its last piece it is not whole, whatever the pieces before it say.
        reader = reader.require_finished().map_err(Error::from)?;
    }
    let length = HEADER_BYTES + reader.length();
    let wave_header = wav_header(recording.channels, reader.length());
    let (status, first, last) = match span(range, length) {
        Span::Whole => (StatusCode::OK, 0, length - 1),
        Span::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last),
        Span::Unsatisfiable => {
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{length}"))])
                .into_response());
        }
    };
    open_all(&reader, first.saturating_sub(HEADER_BYTES), (last + 1).saturating_sub(HEADER_BYTES)).await?;
    if first == 0 {
        listener.note(platform, "recording.listen", "recording", Some(id)).await.map_err(Error::from)?;
    }
    let body = Body::from_stream(pieces(reader, wave_header, first, last + 1));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(last + 1 - first));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{length}"))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// Opens what is asked for before anything is answered: what was altered is refused as a whole. Of more than
/// [`OPENED_BEFORE_BYTES`] the rest is opened while it is sent; if that was altered, the answer breaks off before it.
async fn open_all(reader: &SealedReader, begin: u64, end: u64) -> Result<(), Error> {
    let end = end.min(begin.saturating_add(OPENED_BEFORE_BYTES));
    let mut next = begin;
    while next < end {
        drop(reader.read(next, PIECE_BYTES.min((end - next) as usize)).await?);
        next += PIECE_BYTES as u64;
    }
    Ok(())
}

/// The bytes `next..end` of the file, in pieces.
fn pieces(
    reader: SealedReader,
    wave_header: [u8; HEADER_BYTES as usize],
    first: u64,
    end: u64,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, vault::Error>> {
    stream::try_unfold((reader, first), move |(reader, next)| async move {
        if next >= end {
            return Ok(None);
        }
        let piece = if next < HEADER_BYTES {
            wave_header[next as usize..end.min(HEADER_BYTES) as usize].to_vec()
        } else {
            reader.read(next - HEADER_BYTES, (end - next).min(PIECE_BYTES as u64) as usize).await?
        };
        if piece.is_empty() {
            return Ok(None);
        }
        let after = next + piece.len() as u64;
        Ok(Some((piece, (reader, after))))
    })
}
