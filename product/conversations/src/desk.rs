//! The desk: what comes of conversations and is worked on by people, namely bookings, leads and tickets.
//!
//! Everything a person gave is sealed with that person's key in one column, so that erasing the person empties it and leaves only
//! that a time was taken, a lead came or a ticket stood. Writing happens inside the caller's transaction, so that a conversation's
//! event and its effect are one; pages hear of it when that commits, in live events without personal data.

use audit::{Actor, ActorKind};
use identity::{Permission, Platform};
use serde::{Deserialize, Serialize};
use storage::Transaction;
use utoipa::OpenApi;
use uuid::Uuid;
use web::Routes;
use web::live::{Live, LiveEvent};

use crate::{booking, lead, ticket};

pub mod api;
pub mod store;

mod error;

pub use self::error::Error;
pub use self::store::Reader;

/// Characters of a name.
pub const NAME_MAX: usize = 120;
/// Characters of a telephone number as it was given.
pub const PHONE_MAX: usize = 40;
/// Characters of an e-mail address (RFC 5321, section 4.5.3.1).
pub const EMAIL_MAX: usize = 254;
/// Characters of a note, wish, problem or message.
pub const TEXT_MAX: usize = 2_000;

/// Bookings, leads and tickets of every organization; each call names one by its transaction or caller. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub(crate) platform: Platform,
    pub(crate) live: Live,
}

/// Where something comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The agent; its calendar, when something is booked.
    pub agent_id: Uuid,
    /// The conversation; none when a member or program entered it.
    pub conversation_id: Option<Uuid>,
    /// Who did it. Its address is not kept here.
    pub actor: Actor,
}

/// What a person gave, as they gave it: a claim, nothing checked but its length.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Given {
    /// Their name, at most [`NAME_MAX`] characters.
    pub name: Option<String>,
    /// A telephone number, at most [`PHONE_MAX`] characters.
    pub phone: Option<String>,
    /// An e-mail address, at most [`EMAIL_MAX`] characters.
    pub email: Option<String>,
    /// Their note, wish, problem or message, at most [`TEXT_MAX`] characters.
    pub text: Option<String>,
    /// The recording of their message.
    pub recording: Option<Uuid>,
    /// The person was erased, and everything else here with them.
    #[serde(skip)]
    pub erased: bool,
}

storage::debug_shows!(struct Given { recording, erased });

impl Given {
    /// What is left of a person who was erased.
    pub fn erased() -> Given {
        Given { erased: true, ..Given::default() }
    }

    /// Without spaces around and without empty values.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a value that is too long or, but for the text, holds control characters.
    pub fn checked(&self) -> Result<Given, Error> {
        Ok(Given {
            name: checked("name", self.name.as_deref(), NAME_MAX)?,
            phone: checked("phone", self.phone.as_deref(), PHONE_MAX)?,
            email: checked("email", self.email.as_deref(), EMAIL_MAX)?,
            text: checked("text", self.text.as_deref(), TEXT_MAX)?,
            recording: self.recording,
            erased: false,
        })
    }
}

fn checked(field: &'static str, value: Option<&str>, most: usize) -> Result<Option<String>, Error> {
    let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return Ok(None) };
    if value.chars().count() > most {
        return Err(Error::Invalid { field, reason: format!("has more than {most} characters") });
    }
    let lines = field == "text";
    if value.chars().any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'))) {
        return Err(Error::Invalid { field, reason: "holds a control character".to_owned() });
    }
    Ok(Some(value.to_owned()))
}

/// Who did something, as it stands in a row: what kind of actor, and which one where it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// `system`, `user`, `api_key`, `visitor`, `phone_caller` or `operator`.
    pub kind: String,
    /// Its id.
    pub id: Option<Uuid>,
}

/// The name of a kind of actor in rows.
pub(crate) const fn kind_name(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::System => "system",
        ActorKind::User => "user",
        ActorKind::ApiKey => "api_key",
        ActorKind::Visitor => "visitor",
        ActorKind::PhoneCaller => "phone_caller",
        ActorKind::Operator => "operator",
    }
}

/// Something that pages are told of.
#[derive(Clone, Copy)]
pub(crate) struct News {
    pub kind: &'static str,
    pub permission: Permission,
    pub subject: Uuid,
    pub conversation_id: Option<Uuid>,
    pub state: &'static str,
}

impl Desk {
    /// The desk on this platform.
    pub fn new(platform: Platform, live: Live) -> Desk {
        Desk { platform, live }
    }

    /// Tells pages once the transaction has committed.
    pub(crate) fn tell(&self, transaction: &mut Transaction, news: News) {
        let Some(organization) = transaction.organization() else { return };
        let live = self.live.clone();
        let data = serde_json::json!({ "conversation_id": news.conversation_id, "state": news.state });
        let event = LiveEvent::new(news.kind, news.permission, news.subject, data);
        transaction.on_commit(move || live.publish(organization, event));
    }
}

/// `/v1/bookings`, `/v1/free-times`, `/v1/leads`, `/v1/tickets`.
pub fn routes() -> Routes<Desk> {
    booking::api::routes().merge(lead::api::routes()).merge(ticket::api::routes())
}

/// The description of these routes.
#[derive(Clone, Copy, Debug)]
pub struct Description;

impl OpenApi for Description {
    fn openapi() -> utoipa::openapi::OpenApi {
        let mut description = booking::api::Description::openapi();
        description.merge(lead::api::Description::openapi());
        description.merge(ticket::api::Description::openapi());
        description
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
