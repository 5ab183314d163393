//! The pages of calls: the list, and one call with its timeline, what was said and pressed, and its recordings.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use conversations::{Line, Speaker};
use identity::Permission;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::{Moment, length_of_time, position};
use web::phone_number::PhoneNumber;
use web::shell::{Html, Nav, Shell};
use web::waveform::{Peaks, Waveform};
use web::{Access, Audited, PageContext, PageQuery, Path, Problem, Query, Routes};

use crate::Error;
use crate::api::{Telephony, make_link};
use crate::record::{Call, CallEvent, CallState, Direction, Recording, RecordingKind, RecordingState};
use crate::store::{calls, recordings};
use crate::trunk::{self, Trunk};
use crate::waveform;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// The routes.
pub fn routes() -> Routes<Telephony> {
    let read = Access::Permission(Permission::CallRead);
    let listen = Access::Permission(Permission::RecordingListen);
    Routes::new()
        .get("/calls", read, Audited::No("a list of what the reader may see anyway"), list)
        .get(
            "/calls/trunk",
            Access::Permission(Permission::NumberRead),
            Audited::No("how the way to the carrier stands, nothing about anybody"),
            trunk::pages::show,
        )
        .get("/calls/{id}", read, Audited::Read("call.read"), show)
        .get("/calls/{id}/recordings/{recording}/sound", listen, Audited::Read("recording.link"), sound)
}

struct CallLine {
    id: Uuid,
    when: Moment,
    from: String,
    to: String,
    word: &'static str,
    state: Chip,
    length: String,
}

/// How a call stands or ended, in words.
fn state_chip(call: &Call) -> Chip {
    match (call.state, call.end_reason.as_deref(), call.answered_at) {
        (CallState::Ringing, ..) => Chip::new(Tone::Wait, "Rings"),
        (CallState::Live, ..) => Chip::new(Tone::Live, "Live"),
        (CallState::Ended, Some("hung_up"), Some(_)) => Chip::new(Tone::Good, "Ended well"),
        (CallState::Ended, Some("cancelled"), _) => Chip::new(Tone::Done, "Caller gave up"),
        (CallState::Ended, Some("too_long"), _) => Chip::new(Tone::Done, "Reached the longest time"),
        (CallState::Ended, Some("shutdown"), _) => Chip::new(Tone::Done, "Server was stopped"),
        (CallState::Ended, Some(reason), _) => Chip::new(Tone::Bad, format!("Failed: {}", reason.replace('_', " "))),
        (CallState::Ended, None, _) => Chip::new(Tone::Done, "Ended"),
    }
}

fn spoken_seconds(call: &Call) -> Option<i64> {
    let (answered, ended) = (call.answered_at?, call.ended_at?);
    Some(ended.microseconds_since(answered) / MICROSECONDS_PER_SECOND)
}

fn call_line(call: &Call) -> CallLine {
    CallLine {
        id: call.id,
        when: Moment::new(call.started_at),
        from: call.from.clone().map_or_else(|| "Number withheld".to_owned(), |from| PhoneNumber(from).to_string()),
        to: if call.environment == "test" {
            format!("{} (simulated)", PhoneNumber(call.to.clone()))
        } else {
            PhoneNumber(call.to.clone()).to_string()
        },
        word: call.state.as_str(),
        state: state_chip(call),
        length: spoken_seconds(call).map(length_of_time).unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsPage {
    shell: Shell,
    calls: Vec<CallLine>,
    older: Option<Uuid>,
    /// Where to dial; empty when this node has no phone.
    address: String,
    /// How the trunk stands; none for whoever may not see that.
    trunk: Option<Chip>,
}

async fn list(
    State(telephony): State<Telephony>,
    page: PageContext,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let mut rows = calls::page(&telephony.platform, &page.caller, query.before_or_end(), query.fetch()).await?;
    let more = rows.len() > query.limit();
    rows.truncate(query.limit());
    let shown = CallsPage {
        shell: page.shell("Calls", Nav::Calls),
        older: rows.last().filter(|_| more).map(|call| call.id),
        calls: rows.iter().map(call_line).collect(),
        trunk: page
            .caller
            .permits(Permission::NumberRead)
            .then(|| trunk::pages::chip(&Trunk::standing(telephony.attendant.trunk.as_ref()))),
        address: telephony.line.as_ref().map(|line| format!("sip:{}", line.address())).unwrap_or_default(),
    };
    Ok(Html(shown).into_response())
}

struct Played {
    id: Uuid,
    title: &'static str,
    length: String,
    /// The picture of the sound; none for whoever may not hear it.
    waveform: Option<Waveform>,
    consented: Moment,
    is_call: bool,
}

struct SaidLine {
    sequence: u64,
    happened: bool,
    class: &'static str,
    who: String,
    words: String,
    keyed: bool,
    /// Seconds into the recording, and the same to read; none before it began.
    offset: Option<(i64, String)>,
}

struct EventLine {
    sequence: i64,
    class: &'static str,
    offset: String,
    words: String,
}

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage {
    shell: Shell,
    id: Uuid,
    line: CallLine,
    direction: &'static str,
    agent_id: Uuid,
    /// Whose live events the transcript follows: the conversation's.
    subject: Uuid,
    recordings: Vec<Played>,
    lines: Vec<SaidLine>,
    events: Vec<EventLine>,
    facts: Vec<(&'static str, String)>,
    may_read: bool,
}

fn said_line(line: Line, began: Option<Timestamp>) -> SaidLine {
    let keyed = line.speaker == Speaker::Keys;
    let (class, who) = match line.speaker {
        Speaker::Visitor | Speaker::Keys => ("guest", "Caller".to_owned()),
        Speaker::Agent => ("agent", "Agent".to_owned()),
        Speaker::Person { display_name } => ("person", display_name),
        Speaker::Event => ("", String::new()),
    };
    let seconds = began.map(|began| line.at.microseconds_since(began) / MICROSECONDS_PER_SECOND);
    SaidLine {
        sequence: line.sequence,
        happened: class.is_empty(),
        class,
        who,
        words: line.text,
        keyed,
        offset: seconds.filter(|seconds| *seconds >= 0).map(|seconds| (seconds, position(seconds))),
    }
}

fn event_line(event: &CallEvent, began: Timestamp) -> EventLine {
    let class = match event.kind.as_str() {
        "answered" | "consent_given" => "good",
        "failed" | "media_silent" | "consent_refused" => "bad",
        "recording_started" => "live",
        _ => "",
    };
    let milliseconds = event.at.microseconds_since(began) / 1000;
    let mut words = event.kind.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let offset = format!("{}.{:02} s", milliseconds / 1000, milliseconds.rem_euclid(1000) / 10);
    EventLine { sequence: event.sequence, class, offset, words }
}

fn facts(call: &Call) -> Vec<(&'static str, String)> {
    let packets = match (call.packets_received, call.packets_sent, call.packets_lost) {
        (Some(received), Some(sent), Some(lost)) => Some(format!("{received} received, {sent} sent, {lost} lost")),
        _ => None,
    };
    let way = match (call.transport.as_deref(), call.sound.as_deref()) {
        (Some(transport), Some(sound)) => {
            let messages = if transport == "tls" { "encrypted (TLS)" } else { "not encrypted" };
            let sound = if sound == "srtp" { "encrypted (SRTP)" } else { "not encrypted" };
            Some(format!("messages {messages}, sound {sound}"))
        }
        _ if call.environment == "test" => Some("simulated: nobody was called".to_owned()),
        _ => None,
    };
    let ended = call.ended_by.as_ref().map(|by| match by.as_str() {
        "caller" => "the caller".to_owned(),
        "us" => "the agent".to_owned(),
        "network" => "the network".to_owned(),
        other => other.to_owned(),
    });
    [
        ("Ended by", ended),
        ("Reason", call.end_reason.as_ref().map(|reason| reason.replace('_', " "))),
        ("SIP status", call.sip_status.map(|status| status.to_string())),
        ("Way", way),
        ("Packets", packets),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect()
}

async fn played(telephony: &Telephony, page: &PageContext, recording: Recording) -> Result<Played, Problem> {
    // The picture shows when who spoke and how loud: its key is opened only for whoever may listen.
    let mut waveform = None;
    if page.caller.reaches(Permission::RecordingListen, &[recording.call_id, recording.id]) {
        let peaks = recordings::waveform(&telephony.platform, &page.caller, recording.id).await?;
        let mut channels = waveform::channels(&peaks).into_iter();
        let peaks = Peaks { caller: channels.next().unwrap_or_default(), agent: channels.next().unwrap_or_default() };
        waveform = Some(Waveform::new(peaks, u64::try_from(recording.milliseconds / 100).unwrap_or(0)));
    }
    let is_call = recording.kind == RecordingKind::Call;
    let title = match (recording.kind, recording.state) {
        (_, RecordingState::Writing) => "Recording, still being written",
        (_, RecordingState::Interrupted) => "Recording, whole up to where the server stopped",
        (RecordingKind::Call, RecordingState::Ready) => "Recording",
        (RecordingKind::Voicemail, RecordingState::Ready) => "Message",
    };
    Ok(Played {
        id: recording.id,
        title,
        length: position(recording.milliseconds / 1000),
        waveform,
        consented: Moment::second(recording.consented_at),
        is_call,
    })
}

async fn show(
    State(telephony): State<Telephony>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let (platform, caller) = (&telephony.platform, &page.caller);
    let call = calls::get(platform, caller, id).await?;
    let events = calls::events(platform, caller, id).await?;
    let of_call = recordings::of_call(platform, caller, id).await?;
    let began = of_call.iter().find(|recording| recording.kind == RecordingKind::Call).map(|first| first.started_at);
    let may_read = match call.conversation_id {
        Some(conversation) => caller.reaches(Permission::TranscriptRead, &[conversation]),
        None => caller.permits(Permission::TranscriptRead),
    };
    let lines = match call.conversation_id.filter(|_| may_read) {
        Some(conversation) => {
            telephony.conversations().transcript(caller.organization(), conversation, 0).await.map_err(Error::from)?
        }
        None => Vec::new(),
    };
    let mut shown = Vec::with_capacity(of_call.len());
    for recording in of_call {
        shown.push(played(&telephony, &page, recording).await?);
    }
    let line = call_line(&call);
    let page = CallPage {
        shell: page.shell(&line.from, Nav::Calls),
        id,
        line,
        direction: if call.direction == Direction::Inbound { "Called" } else { "Was called" },
        agent_id: call.agent_id,
        subject: call.conversation_id.unwrap_or(id),
        recordings: shown,
        lines: lines.into_iter().map(|line| said_line(line, began)).collect(),
        events: events.iter().map(|event| event_line(event, call.started_at)).collect(),
        facts: facts(&call),
        may_read,
    };
    Ok(Html(page).into_response())
}

/// Sends the player to a fresh link: made when somebody listens, not when somebody looks.
async fn sound(
    State(telephony): State<Telephony>,
    page: PageContext,
    Path((id, recording)): Path<(Uuid, Uuid)>,
) -> Result<Redirect, Problem> {
    let found = recordings::get(&telephony.platform, &page.caller, recording).await?;
    if found.call_id != id {
        return Err(Problem::not_found());
    }
    Ok(Redirect::temporary(&make_link(&telephony, &page.caller, recording).await?.path))
}
