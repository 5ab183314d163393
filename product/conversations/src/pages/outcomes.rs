//! What came of conversations: bookings by day, leads, tickets.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use agents::profile::Profile;
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::Permission;
use jiff::civil::{Date, DateTime};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::phone_number::PhoneNumber;
use web::shell::{Html, Nav, Shell};
use web::{Access, Audited, Form, PageContext, PageQuery, Path, Problem, Query, Routes};

use crate::Conversations;
use crate::booking::{Booking, BookingState};
use crate::desk::Given;
use crate::lead::store::LeadFilter;
use crate::lead::{Lead, LeadState};
use crate::ticket::store::TicketFilter;
use crate::ticket::{Ticket, TicketChange, TicketState};

/// Bookings shown; the page says when there are more.
const BOOKINGS_SHOWN: usize = 200;
/// No business has begun its day longer ago than this.
const DAY_SECONDS: i64 = 25 * 60 * 60;

pub(super) fn routes() -> Routes<Conversations> {
    let may = Access::Permission;
    Routes::new()
        .get("/bookings", may(Permission::BookingRead), Audited::Read("booking.list"), bookings)
        .post(
            "/bookings/{id}/cancellation",
            may(Permission::BookingWrite),
            Audited::Change("booking.change"),
            cancel_booking,
        )
        .get("/leads", may(Permission::LeadRead), Audited::Read("lead.list"), leads)
        .post("/leads/{id}/state", may(Permission::LeadWrite), Audited::Change("lead.change"), set_lead)
        .get("/tickets", may(Permission::TicketRead), Audited::Read("ticket.list"), tickets)
        .post("/tickets/{id}/state", may(Permission::TicketWrite), Audited::Change("ticket.change"), set_ticket)
}

fn name_of(given: &Given) -> String {
    match &given.name {
        _ if given.erased => "Erased".to_owned(),
        Some(name) => name.clone(),
        None => "No name given".to_owned(),
    }
}

fn reach(given: &Given) -> String {
    let phone = given.phone.clone().map(|phone| PhoneNumber(phone).to_string());
    [phone, given.email.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn words(given: &Given) -> String {
    match (&given.text, given.recording) {
        (Some(text), _) => text.clone(),
        (None, Some(_)) => "A recorded message".to_owned(),
        (None, None) => String::new(),
    }
}

struct BookingLine {
    id: Uuid,
    contact_id: Uuid,
    conversation_id: Option<Uuid>,
    time: String,
    service: String,
    who: String,
    reach: String,
    reference: String,
    state: Chip,
    works: bool,
    is_cancelled: bool,
}

struct Day {
    title: String,
    lines: Vec<BookingLine>,
}

impl Day {
    /// How many hold, and how many do not.
    fn counted(&self) -> String {
        let cancelled = self.lines.iter().filter(|line| line.is_cancelled).count();
        match (self.lines.len() - cancelled, cancelled) {
            (booked, 0) => format!("{booked} booked"),
            (booked, cancelled) => format!("{booked} booked, {cancelled} cancelled"),
        }
    }
}

#[derive(Template)]
#[template(path = "bookings.html")]
struct BookingsPage {
    shell: Shell,
    days: Vec<Day>,
    /// Whether these are the ones that are over.
    is_past: bool,
    /// How many are shown, when there are more.
    shown_of_more: Option<usize>,
    may_write: bool,
}

/// An instant on the clock of the business; without its profile (another agent of long ago) in UTC.
fn local(instant: Timestamp, profile: Option<&Profile>) -> DateTime {
    match profile {
        Some(profile) => profile.local(instant.0),
        None => jiff::Timestamp::from_microsecond(instant.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .datetime(),
    }
}

fn booking_line(booking: &Booking, profile: Option<&Profile>) -> (Date, BookingLine) {
    let (begins, ends) = (local(booking.starts_at, profile), local(booking.ends_at, profile));
    let zone = if profile.is_some() { "" } else { " UTC" };
    let state = match booking.state {
        BookingState::Booked => Chip::new(Tone::Good, "Booked"),
        BookingState::Cancelled => Chip::new(Tone::Done, "Cancelled"),
        BookingState::Attended => Chip::new(Tone::Done, "Attended"),
        BookingState::Missed => Chip::new(Tone::Bad, "Missed"),
    };
    let line = BookingLine {
        id: booking.id,
        contact_id: booking.contact_id,
        conversation_id: booking.conversation_id,
        time: format!("{} to {}{zone}", begins.strftime("%H:%M"), ends.strftime("%H:%M")),
        service: booking.service_name.clone(),
        who: name_of(&booking.given),
        reach: reach(&booking.given),
        reference: booking.reference.clone(),
        state,
        works: booking.state == BookingState::Booked,
        is_cancelled: booking.state == BookingState::Cancelled,
    };
    (begins.date(), line)
}

#[derive(Deserialize)]
struct Which {
    /// Those that are over, instead of today's and later ones.
    #[serde(default)]
    past: bool,
}

async fn bookings(
    State(conversations): State<Conversations>,
    page: PageContext,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let (caller, now, desk) = (&page.caller, conversations.platform().now(), conversations.desk());
    let fetched = BOOKINGS_SHOWN as i64 + 1;
    let mut rows = if which.past {
        desk.past_bookings(caller, now, fetched).await?
    } else {
        desk.upcoming_bookings(caller, now.plus_seconds(-DAY_SECONDS), fetched).await?
    };
    let shown_of_more = (rows.len() > BOOKINGS_SHOWN).then_some(BOOKINGS_SHOWN);
    rows.truncate(BOOKINGS_SHOWN);
    let mut profiles: HashMap<Uuid, Option<Profile>> = HashMap::new();
    let mut days: BTreeMap<Date, Vec<BookingLine>> = BTreeMap::new();
    for booking in &rows {
        if let Entry::Vacant(unknown) = profiles.entry(booking.agent_id) {
            unknown.insert(match agents::store::get(conversations.platform(), caller, booking.agent_id).await {
                Ok(agent) => Some(agent.draft),
                Err(agents::Error::NotFound) => None,
                Err(other) => return Err(other.into()),
            });
        }
        let profile = profiles.get(&booking.agent_id).and_then(Option::as_ref);
        let (date, line) = booking_line(booking, profile);
        // Today is whole on the page of what is to come, and belongs to no other.
        if (date < local(now, profile).date()) == which.past {
            days.entry(date).or_default().push(line);
        }
    }
    let day =
        |(date, lines): (Date, Vec<BookingLine>)| Day { title: date.strftime("%A, %-d %B %Y").to_string(), lines };
    let mut days: Vec<Day> = days.into_iter().map(day).collect();
    if which.past {
        days.reverse();
    }
    let shown = BookingsPage {
        shell: page.shell("Bookings", Nav::Bookings),
        days,
        is_past: which.past,
        shown_of_more,
        may_write: caller.permits(Permission::BookingWrite),
    };
    Ok(Html(shown).into_response())
}

async fn cancel_booking(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    conversations.desk().set_booking(&page.caller, id, BookingState::Cancelled).await?;
    Ok(Redirect::to("/bookings"))
}

/// A lead or a ticket in its list.
struct OutcomeLine {
    id: Uuid,
    contact_id: Uuid,
    conversation_id: Option<Uuid>,
    reference: String,
    who: String,
    reach: String,
    words: String,
    at: Moment,
    word: String,
    state: Chip,
}

fn lead_line(lead: Lead) -> OutcomeLine {
    let (tone, word) = match lead.state {
        LeadState::New => (Tone::Wait, "New"),
        LeadState::Contacted => (Tone::Live, "Contacted"),
        LeadState::Won => (Tone::Good, "Won"),
        LeadState::Lost => (Tone::Done, "Lost"),
    };
    OutcomeLine {
        id: lead.id,
        contact_id: lead.contact_id,
        conversation_id: lead.conversation_id,
        reference: lead.reference,
        who: name_of(&lead.given),
        reach: reach(&lead.given),
        words: words(&lead.given),
        at: Moment::new(lead.created_at),
        word: lead.state.name().to_owned(),
        state: Chip::new(tone, word),
    }
}

fn ticket_line(ticket: Ticket) -> OutcomeLine {
    let (tone, word) = match ticket.state {
        TicketState::Resolved => (Tone::Good, "Resolved"),
        TicketState::Closed => (Tone::Done, "Closed"),
        TicketState::InProgress => (Tone::Live, "In progress"),
        TicketState::Open => (Tone::Wait, "Open"),
    };
    OutcomeLine {
        id: ticket.id,
        contact_id: ticket.contact_id,
        conversation_id: ticket.conversation_id,
        reference: ticket.reference,
        who: name_of(&ticket.given),
        reach: reach(&ticket.given),
        words: words(&ticket.given),
        at: Moment::new(ticket.created_at),
        word: ticket.state.name().to_owned(),
        state: Chip::new(tone, word),
    }
}

#[derive(Template)]
#[template(path = "leads.html")]
struct LeadsPage {
    shell: Shell,
    lines: Vec<OutcomeLine>,
    older: Option<Uuid>,
    states: Vec<&'static str>,
    may_write: bool,
}

async fn leads(
    State(conversations): State<Conversations>,
    page: PageContext,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let mut rows =
        conversations.desk().leads(&page.caller, &LeadFilter::default(), query.before_or_end(), query.fetch()).await?;
    let more = rows.len() > query.limit();
    rows.truncate(query.limit());
    let shown = LeadsPage {
        shell: page.shell("Leads", Nav::Leads),
        older: rows.last().filter(|_| more).map(|lead| lead.id),
        lines: rows.into_iter().map(lead_line).collect(),
        states: LeadState::ALL.iter().map(|state| state.name()).collect(),
        may_write: page.caller.permits(Permission::LeadWrite),
    };
    Ok(Html(shown).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateForm {
    state: String,
}

async fn set_lead(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<StateForm>,
) -> Result<Redirect, Problem> {
    let state = LeadState::named(&form.state).ok_or_else(|| Problem::field("state", "There is no such state."))?;
    conversations.desk().set_lead(&page.caller, id, state).await?;
    Ok(Redirect::to("/leads"))
}

#[derive(Template)]
#[template(path = "tickets.html")]
struct TicketsPage {
    shell: Shell,
    lines: Vec<OutcomeLine>,
    older: Option<Uuid>,
    states: Vec<&'static str>,
    may_write: bool,
}

async fn tickets(
    State(conversations): State<Conversations>,
    page: PageContext,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let mut rows = conversations
        .desk()
        .tickets(&page.caller, &TicketFilter::default(), query.before_or_end(), query.fetch())
        .await?;
    let more = rows.len() > query.limit();
    rows.truncate(query.limit());
    let shown = TicketsPage {
        shell: page.shell("Tickets", Nav::Tickets),
        older: rows.last().filter(|_| more).map(|ticket| ticket.id),
        lines: rows.into_iter().map(ticket_line).collect(),
        states: TicketState::ALL.iter().map(|state| state.name()).collect(),
        may_write: page.caller.permits(Permission::TicketWrite),
    };
    Ok(Html(shown).into_response())
}

async fn set_ticket(
    State(conversations): State<Conversations>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<StateForm>,
) -> Result<Redirect, Problem> {
    let state = TicketState::named(&form.state).ok_or_else(|| Problem::field("state", "There is no such state."))?;
    let change = TicketChange { state: Some(state), assignee: None };
    conversations.desk().change_ticket(&page.caller, id, change).await?;
    Ok(Redirect::to("/tickets"))
}

#[cfg(test)]
mod tests;
