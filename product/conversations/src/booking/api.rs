//! `/v1/bookings` and `/v1/free-times`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contacts::{ContactSource, Details};
use identity::{Caller, Permission, Platform};
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use storage::Transaction;
use utoipa::{IntoParams, OpenApi, ToSchema};
use uuid::Uuid;
use vault::{Keyring, PersonKey};
use web::instant::{from_rfc3339, to_rfc3339};
use web::{Access, Audited, Json, Page, Path, Problem, Query, Routes};

use super::store::BookingFilter;
use super::{Booking, BookingState, NewBooking};
use crate::desk::api::{ByView, GivenView, asked_reference, named, page};
use crate::desk::{Desk, Error, Given, Origin};

/// The routes.
pub fn routes() -> Routes<Desk> {
    let (read, write) = (Access::Permission(Permission::BookingRead), Access::Permission(Permission::BookingWrite));
    Routes::new()
        .get("/v1/bookings", read, Audited::Read("booking.list"), list_bookings)
        .post("/v1/bookings", write, Audited::Change("booking.make"), make_booking)
        .free_text(&["service", "name", "phone", "email", "text"])
        .get("/v1/bookings/{id}", read, Audited::Read("booking.read"), get_booking)
        .patch("/v1/bookings/{id}", write, Audited::Change("booking.change"), change_booking)
        .get("/v1/free-times", read, Audited::No("times that are free are about nobody"), free_times)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_bookings, make_booking, get_booking, change_booking, free_times))]
pub struct Description;

/// A booking.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookingView {
    id: Uuid,
    /// What can be said on the phone.
    reference: String,
    /// `booked`, `cancelled`, `attended` or `missed`.
    state: &'static str,
    /// Whose calendar.
    agent_id: Uuid,
    contact_id: Uuid,
    conversation_id: Option<Uuid>,
    #[schema(format = DateTime)]
    starts_at: String,
    #[schema(format = DateTime)]
    ends_at: String,
    /// Key of the service.
    service: Option<String>,
    /// Its name when it was booked.
    service_name: Option<String>,
    #[serde(flatten)]
    given: GivenView,
    /// The person was erased: only that the time was taken is known.
    erased: bool,
    made_by: ByView,
    changed_by: ByView,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Booking> for BookingView {
    fn from(booking: Booking) -> BookingView {
        let erased = booking.given.erased;
        let known = |word: String| Some(word).filter(|_| !erased);
        BookingView {
            id: booking.id,
            reference: booking.reference,
            state: booking.state.name(),
            agent_id: booking.agent_id,
            contact_id: booking.contact_id,
            conversation_id: booking.conversation_id,
            starts_at: to_rfc3339(booking.starts_at),
            ends_at: to_rfc3339(booking.ends_at),
            service: known(booking.service),
            service_name: known(booking.service_name),
            given: booking.given.into(),
            erased,
            made_by: booking.made_by.into(),
            changed_by: booking.changed_by.into(),
            created_at: to_rfc3339(booking.created_at),
            updated_at: to_rfc3339(booking.updated_at),
        }
    }
}

/// Which bookings.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct BookingQuery {
    /// Rows on the page.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    after: Option<Uuid>,
    /// `booked`, `cancelled`, `attended` or `missed`.
    #[param(pattern = "^(booked|cancelled|attended|missed)$")]
    state: Option<String>,
    /// The one with this reference: six letters and digits; blanks and hyphens between them do not count.
    #[param(pattern = "^(?:[ -]*[CDFGHJKMNPQRTVWXYcdfghjkmnpqrtvwxy34679]){6}[ -]*$")]
    reference: Option<String>,
    /// Those that begin at this instant (RFC 3339) or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Those that begin before this instant (RFC 3339).
    #[param(format = DateTime)]
    until: Option<String>,
}

impl BookingQuery {
    fn filter(&self) -> Result<BookingFilter, Problem> {
        let instant = |field: &'static str, text: &Option<String>, otherwise| match text {
            Some(text) => from_rfc3339(text).ok_or_else(|| Problem::field(field, "This is no instant by RFC 3339.")),
            None => Ok(otherwise),
        };
        let all = BookingFilter::default();
        Ok(BookingFilter {
            state: named("state", self.state.as_deref(), BookingState::named)?,
            reference: asked_reference(self.reference.as_deref())?,
            from: instant("from", &self.from, all.from)?,
            until: instant("until", &self.until, all.until)?,
        })
    }
}

/// A booking that a member or program makes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingRequest {
    /// Whose calendar.
    agent_id: Uuid,
    /// Key of the service.
    service: String,
    /// The day on the clocks of the business.
    #[schema(value_type = String, format = Date)]
    day: Date,
    /// Its beginning on the clocks of the business (`14:30:00` or `14:30`).
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
    time: Time,
    /// For whom; a new contact when it is left out.
    #[serde(default)]
    contact_id: Option<Uuid>,
    #[schema(max_length = 120, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    #[serde(default)]
    name: Option<String>,
    #[schema(max_length = 40, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    #[serde(default)]
    phone: Option<String>,
    #[schema(max_length = 254, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    #[serde(default)]
    email: Option<String>,
    /// A note.
    #[schema(max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    #[serde(default)]
    text: Option<String>,
}

storage::debug_shows!(struct BookingRequest { agent_id, service, day, time, contact_id });

/// A change: either a state, or a day and time to which it is moved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingChange {
    /// `cancelled`, or once its time has come `attended`, `missed` or `booked`.
    #[schema(pattern = "^(booked|cancelled|attended|missed)$")]
    #[serde(default)]
    state: Option<String>,
    /// The new day.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(default)]
    day: Option<Date>,
    /// The new beginning.
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
    #[serde(default)]
    time: Option<Time>,
}

/// Which free times.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FreeTimesQuery {
    /// Whose calendar.
    agent_id: Uuid,
    /// Key of the service.
    service: String,
    /// The day on the clocks of the business.
    #[param(value_type = String, format = Date)]
    day: Date,
}

/// The free times of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct FreeTimesView {
    /// The day on the clocks of the business.
    #[schema(value_type = String, format = Date)]
    day: Date,
    /// Beginnings on the clocks of the business.
    times: Vec<String>,
    /// When there are none: the next day that has one.
    #[schema(value_type = Option<String>, format = Date)]
    next_free_day: Option<Date>,
}

/// The key of a contact, or of a new one.
async fn person(
    platform: &Platform,
    keyring: &Keyring,
    transaction: &mut Transaction,
    contact: Option<Uuid>,
    given: &Given,
) -> Result<PersonKey, Error> {
    if let Some(contact) = contact {
        transaction.get(&contacts::CONTACT, contact).await?.ok_or(Error::NotFound)?;
        return Ok(keyring.person_key_in(transaction, contact).await?);
    }
    let known =
        Details { name: given.name.clone(), phone: given.phone.clone(), email: given.email.clone() }.checked()?;
    let (id, now) = (platform.identifiers.next(), platform.now());
    let key = contacts::store::create(transaction, keyring, id, ContactSource::Entered, now).await?;
    contacts::store::learn(transaction, keyring, &key, &known, true, now).await?;
    Ok(key)
}

/// The bookings, the last made first.
#[utoipa::path(get, path = "/v1/bookings", tag = "bookings", operation_id = "listBookings", params(BookingQuery),
    responses((status = 200, body = Page<BookingView>)))]
async fn list_bookings(
    State(desk): State<Desk>,
    caller: Caller,
    Query(query): Query<BookingQuery>,
) -> Result<Json<Page<BookingView>>, Problem> {
    let (filter, page) = (query.filter()?, page(query.limit, query.after)?);
    let bookings = desk.bookings(&caller, &filter, page.before_or_end(), page.fetch()).await?;
    Ok(Json(Page::of(bookings, &page, |booking| booking.id).map(BookingView::from)))
}

/// Books a time, at short notice too.
#[utoipa::path(post, path = "/v1/bookings", tag = "bookings", operation_id = "makeBooking", request_body = BookingRequest,
    responses((status = 201, body = BookingView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn make_booking(
    State(desk): State<Desk>,
    caller: Caller,
    Json(wanted): Json<BookingRequest>,
) -> Result<Response, Problem> {
    let platform = &desk.platform;
    let profile = desk.profile_for_members(&caller, wanted.agent_id).await?;
    let keyring = caller.keyring(platform).await.map_err(Error::from)?;
    let given =
        Given { name: wanted.name, phone: wanted.phone, email: wanted.email, text: wanted.text, ..Given::default() };
    let mut change = caller.change(platform, "booking.make").await?;
    let key = person(platform, &keyring, &mut change, wanted.contact_id, &given).await?;
    let origin = Origin { agent_id: wanted.agent_id, conversation_id: None, actor: *caller.actor() };
    let new = NewBooking { service: wanted.service, day: wanted.day, time: wanted.time, given };
    let booking = desk.book(&mut change, &key, &profile, &origin, new).await?;
    change.commit("booking", Some(booking.id), Vec::new()).await?;
    let headers = [(header::LOCATION, format!("/v1/bookings/{}", booking.id))];
    Ok((StatusCode::CREATED, headers, Json(BookingView::from(booking))).into_response())
}

/// One booking.
#[utoipa::path(get, path = "/v1/bookings/{id}", tag = "bookings", operation_id = "getBooking", params(("id" = Uuid, Path)),
    responses((status = 200, body = BookingView), (status = 404, body = Problem)))]
async fn get_booking(
    State(desk): State<Desk>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BookingView>, Problem> {
    Ok(Json(desk.booking(&caller, id).await?.into()))
}

/// Cancels a booking, says what became of it, or moves it.
#[utoipa::path(patch, path = "/v1/bookings/{id}", tag = "bookings", operation_id = "changeBooking",
    params(("id" = Uuid, Path)), request_body = BookingChange,
    responses((status = 200, body = BookingView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn change_booking(
    State(desk): State<Desk>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<BookingChange>,
) -> Result<Json<BookingView>, Problem> {
    let state = named("state", wanted.state.as_deref(), BookingState::named)?;
    let booking = match (state, wanted.day, wanted.time) {
        (Some(state), None, None) => desk.set_booking(&caller, id, state).await?,
        (None, Some(day), Some(time)) => desk.move_booking(&caller, id, day, time).await?,
        _ => {
            let detail = "Give either a state, or a day and a time to move it to.";
            return Err(Problem::unprocessable(detail, Vec::new()));
        }
    };
    Ok(Json(booking.into()))
}

/// The times of a day that are still free, at short notice too.
#[utoipa::path(get, path = "/v1/free-times", tag = "bookings", operation_id = "listFreeTimes", params(FreeTimesQuery),
    responses((status = 200, body = FreeTimesView), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn free_times(
    State(desk): State<Desk>,
    caller: Caller,
    Query(query): Query<FreeTimesQuery>,
) -> Result<Json<FreeTimesView>, Problem> {
    let profile = desk.profile_for_members(&caller, query.agent_id).await?;
    let (database, now) = (caller.database(&desk.platform), desk.platform.now());
    let (agent, service, day) = (query.agent_id, query.service.as_str(), query.day);
    let times = desk.free_times(&database, agent, &profile, service, day, now).await?;
    let next_free_day =
        if times.is_empty() { desk.next_free_day(&database, agent, &profile, service, day, now).await? } else { None };
    let times = times.iter().map(|time| time.strftime("%H:%M").to_string()).collect();
    Ok(Json(FreeTimesView { day, times, next_free_day }))
}

#[cfg(test)]
mod tests;
