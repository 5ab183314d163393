//! Bookings in the database.

use agents::profile::{Profile, Service};
use identity::{Caller, Permission};
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use storage::{
    Column, Erasure, Owner, Reference, Retention, Row, SealedWith, Statement, Table, Timestamp, Transaction, Value,
};
use uuid::Uuid;
use vault::PersonKey;

use super::{Booking, BookingDetails, BookingState, NewBooking};
use crate::calendar::{self, CELL_SECONDS, Span};
use crate::desk::store::{Opener, by, changed_fields, fresh_reference, origin_fields, seal};
use crate::desk::{Desk, Error, Given, News, Origin, Reader};

/// Bookings.
pub static BOOKING: Table = Table {
    name: "booking",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        Column::uuid("contact_id"),
        Column::uuid("conversation_id").nullable(),
        Column::text("reference"),
        Column::text("state"),
        Column::time("starts_at"),
        Column::time("ends_at"),
        Column::sealed("details", SealedWith::Person),
        Column::text("made_by"),
        Column::uuid("made_by_id").nullable(),
        Column::text("changed_by"),
        Column::uuid("changed_by_id").nullable(),
        Column::time("created_at"),
        Column::time("updated_at"),
    ],
    references: &[
        Reference::to("agent_id", "agent"),
        Reference::to("contact_id", "contact"),
        Reference::to("conversation_id", "conversation"),
    ],
    unique: &[&["reference"]],
    indexes: &[&["agent_id", "starts_at"], &["starts_at"]],
    retention: Retention::Class("bookings"),
    erasure: Erasure::PersonKey("contact_id"),
};

/// The minutes that bookings hold: minutes after 1970. The unique constraint is what refuses a double booking.
pub static BOOKING_CELL: Table = Table {
    name: "booking_cell",
    owner: Owner::Organization,
    columns: &[Column::uuid("agent_id"), Column::integer("cell"), Column::uuid("booking_id")],
    references: &[Reference::to("booking_id", "booking").cascade()],
    unique: &[&["agent_id", "cell"]],
    indexes: &[],
    retention: Retention::Class("bookings"),
    erasure: Erasure::None("minutes that are taken; by whom stands in the booking"),
};

/// Cells that one statement holds.
const CELLS_AT_ONCE: i64 = 5;
/// Cells of the past are kept this long, then swept when something is booked.
const CELLS_KEPT_SECONDS: i64 = 86_400;
/// Longest booking, in seconds: how far before a span a booking that reaches into it can begin.
const LONGEST_SECONDS: i64 = agents::profile::limit::DURATION_MINUTES_MAX as i64 * 60;

/// The bookings of a calendar that reach into a span.
pub static TAKEN: Statement = Statement::organization(
    "bookings.taken",
    "select id, starts_at, ends_at from booking where organization_id = $1 and agent_id = $2 and starts_at > $3 \
     and starts_at < $4 and ends_at > $5 and state <> 'cancelled' order by starts_at",
);
/// Holds one cell, or none when somebody has it.
pub static HOLD_ONE: Statement = Statement::organization(
    "bookings.hold_one",
    "insert into booking_cell (organization_id, id, agent_id, booking_id, cell) values ($1, $5, $2, $3, $4) \
     on conflict (organization_id, agent_id, cell) do nothing",
);
/// Holds five cells in a row, or those of them that nobody has.
pub static HOLD_FIVE: Statement = Statement::organization(
    "bookings.hold_five",
    "insert into booking_cell (organization_id, id, agent_id, booking_id, cell) values ($1, $5, $2, $3, $4), \
     ($1, $6, $2, $3, $4 + 1), ($1, $7, $2, $3, $4 + 2), ($1, $8, $2, $3, $4 + 3), ($1, $9, $2, $3, $4 + 4) \
     on conflict (organization_id, agent_id, cell) do nothing",
);
/// Lets go of the cells of a booking.
pub static LET_GO: Statement = Statement::organization(
    "bookings.let_go",
    "delete from booking_cell where organization_id = $1 and booking_id = $2",
);
/// Sweeps the cells of the past.
pub static SWEEP: Statement = Statement::organization(
    "bookings.sweep",
    "delete from booking_cell where organization_id = $1 and agent_id = $2 and cell < $3",
);
/// Bookings of a reference.
pub static REFERENCES: Statement = Statement::organization(
    "bookings.references",
    "select id from booking where organization_id = $1 and reference = $2",
);
/// One booking, locked.
pub static LOCK: Statement =
    Statement::organization("bookings.lock", "select * from booking where organization_id = $1 and id = $2").locking();
/// A page of bookings, the last made first.
pub static LIST: Statement = Statement::organization(
    "bookings.list",
    "select * from booking where organization_id = $1 and id < $2 and starts_at >= $3 and starts_at < $4 \
     and ($5 = '' or state = $5) and ($6 = '' or reference = $6) order by id desc limit $7",
);

/// Bookings that begin at an instant or later, the next one first.
pub static UPCOMING: Statement = Statement::organization(
    "bookings.upcoming",
    "select * from booking where organization_id = $1 and starts_at >= $2 order by starts_at, id limit $3",
);

/// Bookings that began before an instant, the last one first.
pub static PAST: Statement = Statement::organization(
    "bookings.past",
    "select * from booking where organization_id = $1 and starts_at < $2 order by starts_at desc, id desc limit $3",
);

/// Which bookings a list shows.
#[derive(Clone, Debug)]
pub struct BookingFilter {
    /// Those in this state.
    pub state: Option<BookingState>,
    /// The one with this reference.
    pub reference: Option<String>,
    /// Those that begin at this instant or later.
    pub from: Timestamp,
    /// Those that begin before this instant.
    pub until: Timestamp,
}

impl Default for BookingFilter {
    fn default() -> BookingFilter {
        BookingFilter { state: None, reference: None, from: Timestamp(i64::MIN), until: Timestamp(i64::MAX) }
    }
}

async fn taken(reader: &mut Reader<'_>, agent_id: Uuid, span: Span, but: Option<Uuid>) -> Result<Vec<Span>, Error> {
    let earliest = span.from.plus_seconds(-LONGEST_SECONDS - CELL_SECONDS);
    let values = [agent_id.into(), earliest.into(), span.until.into(), span.from.into()];
    let rows = reader.query(&TAKEN, &values).await?;
    let mut spans = Vec::with_capacity(rows.len());
    for row in &rows {
        if Some(row.uuid("id")?) != but {
            spans.push(Span { from: row.timestamp("starts_at")?, until: row.timestamp("ends_at")? });
        }
    }
    Ok(spans)
}

fn service<'a>(profile: &'a Profile, key: &str) -> Result<&'a Service, Error> {
    profile.service(key).ok_or(Error::NoService)
}

/// The time of an appointment, if the calendar offers it when nothing is booked.
fn offered(profile: &Profile, service: &Service, day: Date, time: Time, now: Timestamp) -> Result<Span, Error> {
    let times = calendar::free_times(profile, service, day, now, &[]);
    let span = calendar::span(profile, service, day, time).filter(|_| times.contains(&time));
    span.ok_or(Error::NotOffered)
}

impl Desk {
    /// The free times of a day in an agent's calendar, in order.
    ///
    /// # Errors
    /// [`Error::NoService`], or when the database cannot be read.
    pub async fn free_times<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        agent_id: Uuid,
        profile: &Profile,
        service_key: &str,
        day: Date,
        now: Timestamp,
    ) -> Result<Vec<Time>, Error> {
        let service = service(profile, service_key)?;
        let taken = taken(&mut reader.into(), agent_id, calendar::whole_day(profile, day), None).await?;
        Ok(calendar::free_times(profile, service, day, now, &taken))
    }

    /// The next days with a free time from a day on, at most [`calendar::DAYS_MAX`].
    ///
    /// # Errors
    /// As [`Desk::free_times`].
    pub async fn free_days<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        agent_id: Uuid,
        profile: &Profile,
        service_key: &str,
        from: Date,
        now: Timestamp,
    ) -> Result<Vec<Date>, Error> {
        let service = service(profile, service_key)?;
        let first = calendar::whole_day(profile, from.max(profile.local(now.0).date()));
        let last = calendar::whole_day(profile, calendar::last_day(profile, now));
        let span = Span { from: first.from, until: last.until };
        let taken = taken(&mut reader.into(), agent_id, span, None).await?;
        Ok(calendar::free_days(profile, service, from, now, &taken))
    }

    /// The first day after a day that has a free time; none within what can be booked.
    ///
    /// # Errors
    /// As [`Desk::free_times`].
    pub async fn next_free_day<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        agent_id: Uuid,
        profile: &Profile,
        service_key: &str,
        after: Date,
        now: Timestamp,
    ) -> Result<Option<Date>, Error> {
        let from = after.saturating_add(1.day());
        let days = self.free_days(reader, agent_id, profile, service_key, from, now).await?;
        Ok(days.into_iter().find(|day| *day > after))
    }

    /// Books a time for the person whose key it is.
    ///
    /// # Errors
    /// [`Error::NoService`], [`Error::NotOffered`], [`Error::Invalid`], and [`Error::Taken`] when somebody else has the time: the
    /// transaction is as before and can go on. `storage::Error::Busy` asks to try the whole transaction again.
    pub async fn book(
        &self,
        transaction: &mut Transaction,
        key: &PersonKey,
        profile: &Profile,
        origin: &Origin,
        new: NewBooking,
    ) -> Result<Booking, Error> {
        let now = self.platform.now();
        let service = service(profile, &new.service)?;
        let span = offered(profile, service, new.day, new.time, now)?;
        let given = new.given.checked()?;
        let details = BookingDetails { service: service.key.clone(), service_name: service.name.clone(), given };
        let id = self.platform.identifiers.next();
        let reference = fresh_reference(transaction, &self.platform, &REFERENCES).await?;
        let mut fields: Vec<(&str, Value)> = origin_fields(origin, key.person()).into();
        fields.extend([
            ("id", id.into()),
            ("reference", reference.as_str().into()),
            ("state", BookingState::Booked.name().into()),
            ("starts_at", span.from.into()),
            ("ends_at", span.until.into()),
            ("details", seal(key, &BOOKING, id, &details)?.into()),
            ("created_at", now.into()),
            ("updated_at", now.into()),
        ]);
        transaction.insert(&BOOKING, &fields).await?;
        if !self.hold(transaction, origin.agent_id, id, span).await? {
            transaction.delete(&BOOKING, id).await?;
            return Err(Error::Taken);
        }
        let swept = now.plus_seconds(-CELLS_KEPT_SECONDS).seconds().div_euclid(CELL_SECONDS);
        transaction.execute(&SWEEP, &[origin.agent_id.into(), swept.into()]).await?;
        let row = transaction.get(&BOOKING, id).await?.ok_or(Error::NotFound)?;
        let booking = booking(&row, Some(details))?;
        self.tell_booking(transaction, "booking.made", &booking);
        Ok(booking)
    }

    /// Holds the cells of a span for a booking; false, and none of them, when somebody has one.
    async fn hold(
        &self,
        transaction: &mut Transaction,
        agent_id: Uuid,
        booking_id: Uuid,
        span: Span,
    ) -> Result<bool, Error> {
        let cells = span.cells();
        let mut cell = cells.start;
        while cell < cells.end {
            let (statement, count) =
                if cells.end - cell >= CELLS_AT_ONCE { (&HOLD_FIVE, CELLS_AT_ONCE) } else { (&HOLD_ONE, 1) };
            let mut values: Vec<Value> = vec![agent_id.into(), booking_id.into(), cell.into()];
            values.extend((0..count).map(|_| Value::from(self.platform.identifiers.next())));
            let held = transaction.execute(statement, &values).await?;
            if i64::try_from(held).ok() != Some(count) {
                transaction.execute(&LET_GO, &[booking_id.into()]).await?;
                return Ok(false);
            }
            cell += count;
        }
        Ok(true)
    }

    /// Sets the state of a booking. One that is cancelled lets go of its time. Setting the state that it has changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::State`].
    pub async fn set_booking(&self, caller: &Caller, id: Uuid, state: BookingState) -> Result<Booking, Error> {
        let mut change = caller.change(&self.platform, "booking.change").await?;
        let before = self.locked_booking(&mut change, id).await?;
        if before.state == state {
            return self.booking(caller, id).await;
        }
        let now = self.platform.now();
        if !before.state.may_become(state, before.starts_at <= now) {
            return Err(Error::State { from: before.state.name(), to: state.name() });
        }
        if state == BookingState::Cancelled {
            change.execute(&LET_GO, &[id.into()]).await?;
        }
        let mut fields: Vec<(&str, Value)> = changed_fields(caller.actor()).into();
        fields.extend([("state", state.name().into()), ("updated_at", now.into())]);
        change.update(&BOOKING, id, &fields).await?;
        self.tell_booking(&mut change, "booking.changed", &Booking { state, ..before });
        change.commit("booking", Some(id), vec![("state", state.name().to_owned())]).await?;
        self.booking(caller, id).await
    }

    /// Moves a booking to another time of the same length. A member may do so at short notice, so there is no lead time; opening
    /// hours, grid and horizon of the published profile hold.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::State`] unless it is booked, [`Error::NotOffered`], [`Error::Taken`].
    pub async fn move_booking(&self, caller: &Caller, id: Uuid, day: Date, time: Time) -> Result<Booking, Error> {
        let agent_id = self.booking(caller, id).await?.agent_id;
        let profile = self.profile_for_members(caller, agent_id).await?;
        let mut change = caller.change(&self.platform, "booking.move").await?;
        let before = self.locked_booking(&mut change, id).await?;
        if before.state != BookingState::Booked {
            return Err(Error::State { from: before.state.name(), to: "moved" });
        }
        let now = self.platform.now();
        let minutes = before.ends_at.microseconds_since(before.starts_at) / 60_000_000;
        let duration_minutes = u16::try_from(minutes).map_err(|_| Error::Unreadable(BOOKING.name))?;
        let service = Service { key: String::new(), name: String::new(), also: Vec::new(), duration_minutes };
        let span = offered(&profile, &service, day, time, now)?;
        change.execute(&LET_GO, &[id.into()]).await?;
        // Refused, nothing is committed, so the old time is still held.
        if !self.hold(&mut change, before.agent_id, id, span).await? {
            return Err(Error::Taken);
        }
        let mut fields: Vec<(&str, Value)> = changed_fields(caller.actor()).into();
        fields.extend([("starts_at", span.from.into()), ("ends_at", span.until.into()), ("updated_at", now.into())]);
        change.update(&BOOKING, id, &fields).await?;
        self.tell_booking(&mut change, "booking.changed", &before);
        change.commit("booking", Some(id), Vec::new()).await?;
        self.booking(caller, id).await
    }

    /// The published profile of an agent as members book by it: at short notice too.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such agent or none of its versions is published.
    pub async fn profile_for_members(&self, caller: &Caller, agent_id: Uuid) -> Result<Profile, Error> {
        let keyring = caller.keyring(&self.platform).await?;
        let version = agents::store::published(&caller.database(&self.platform), &keyring, agent_id).await?;
        let mut profile = Profile::clone(&version.ok_or(Error::NotFound)?.profile);
        profile.booking.lead_minutes = 0;
        Ok(profile)
    }

    /// The row, locked until the transaction ends; its details are not opened.
    async fn locked_booking(&self, transaction: &mut Transaction, id: Uuid) -> Result<Booking, Error> {
        let rows = transaction.query(&LOCK, &[id.into()]).await?;
        bare(rows.first().ok_or(Error::NotFound)?)
    }

    fn tell_booking(&self, transaction: &mut Transaction, kind: &'static str, booking: &Booking) {
        let news = News {
            kind,
            permission: Permission::BookingRead,
            subject: booking.id,
            conversation_id: booking.conversation_id,
            state: booking.state.name(),
        };
        self.tell(transaction, news);
    }

    /// One booking.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the organization has no such booking.
    pub async fn booking(&self, caller: &Caller, id: Uuid) -> Result<Booking, Error> {
        let row = caller.database(&self.platform).get(&BOOKING, id).await?.ok_or(Error::NotFound)?;
        let details = Opener::new(&self.platform, caller).await?.open(&BOOKING, &row).await?;
        booking(&row, details)
    }

    /// Bookings, the last made first, before the given one; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn bookings(
        &self,
        caller: &Caller,
        filter: &BookingFilter,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<Booking>, Error> {
        let values = [
            before.into(),
            filter.from.into(),
            filter.until.into(),
            filter.state.map_or("", BookingState::name).into(),
            filter.reference.clone().unwrap_or_default().into(),
            limit.into(),
        ];
        let rows = caller.database(&self.platform).query(&LIST, &values).await?;
        self.opened(caller, &rows).await
    }

    /// Bookings by their time, cancelled ones too: those that begin at `from` or later, the next one first; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn upcoming_bookings(&self, caller: &Caller, from: Timestamp, limit: i64) -> Result<Vec<Booking>, Error> {
        let rows = caller.database(&self.platform).query(&UPCOMING, &[from.into(), limit.into()]).await?;
        self.opened(caller, &rows).await
    }

    /// Those that began before `until`, the last one first; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn past_bookings(&self, caller: &Caller, until: Timestamp, limit: i64) -> Result<Vec<Booking>, Error> {
        let rows = caller.database(&self.platform).query(&PAST, &[until.into(), limit.into()]).await?;
        self.opened(caller, &rows).await
    }

    async fn opened(&self, caller: &Caller, rows: &[Row]) -> Result<Vec<Booking>, Error> {
        let mut opener = Opener::new(&self.platform, caller).await?;
        let mut bookings = Vec::with_capacity(rows.len());
        for row in rows {
            bookings.push(booking(row, opener.open(&BOOKING, row).await?)?);
        }
        Ok(bookings)
    }
}

/// A booking without what is sealed of it.
fn bare(row: &Row) -> Result<Booking, Error> {
    booking(row, None)
}

fn booking(row: &Row, details: Option<BookingDetails>) -> Result<Booking, Error> {
    let erased = || BookingDetails { given: Given::erased(), ..BookingDetails::default() };
    let details = details.unwrap_or_else(erased);
    Ok(Booking {
        id: row.uuid("id")?,
        reference: row.text("reference")?,
        state: BookingState::named(&row.text("state")?).ok_or(Error::Unreadable(BOOKING.name))?,
        agent_id: row.uuid("agent_id")?,
        contact_id: row.uuid("contact_id")?,
        conversation_id: row.optional_uuid("conversation_id")?,
        starts_at: row.timestamp("starts_at")?,
        ends_at: row.timestamp("ends_at")?,
        service: details.service,
        service_name: details.service_name,
        given: details.given,
        made_by: by(row, "made_by", "made_by_id")?,
        changed_by: by(row, "changed_by", "changed_by_id")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
    })
}
