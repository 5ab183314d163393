//! Drives calls: takes them from the line, holds the conversation, speaks, listens, records, hangs up.

use std::sync::Arc;

use agents::profile::Profile;
use conversations::{Channel, Input, OpenRequest, Opened};
use identity::{Caller, Environment, Platform};
use storage::OrganizationId;
use uuid::Uuid;

use super::carrier::Carrier;
use super::session::Session;
use super::{Attendant, RING};
use crate::Error;
use crate::call::{CallEnd, EndReason, EndedBy};
use crate::line::{Line, LiveCall, RingingCall, Travelled};
use crate::record::Direction;
use crate::signalling::CallFacts;
use crate::store::{calls, numbers};

/// Answers every call of `line` until it shuts down.
pub async fn attend(attendant: Arc<Attendant>, line: Line) {
    loop {
        let ringing = tokio::select! {
            () = attendant.shutdown.cancelled() => break,
            ringing = line.next_call() => ringing,
        };
        let Some(ringing) = ringing else { break };
        let (attendant, line) = (attendant.clone(), line.clone());
        attendant.calls.clone().spawn(async move {
            if let Err(error) = receive(&attendant, &line, ringing).await {
                tracing::error!(%error, "a call could not be handled");
            }
        });
    }
}

/// One incoming call, from the first ring to its record.
async fn receive(attendant: &Attendant, line: &Line, ringing: RingingCall) -> Result<(), Error> {
    let platform = &attendant.platform;
    let facts = ringing.facts().clone();
    let route = match route_of(platform, &facts.to.user).await? {
        Ok(route) => route,
        Err(why) => return turn_away(attendant, ringing, why).await,
    };
    let caller = calls::channel(route.organization);
    let new = calls::NewCall {
        id: platform.identifiers.next(),
        node_id: attendant.node_id,
        agent_id: route.number.agent_id,
        direction: Direction::Inbound,
        own_number: facts.to.user.clone(),
        environment: Environment::Live,
    };
    let Some(turn) = attendant.turn(line.trusts(facts.source.ip())).await else {
        return shed(attendant, ringing, &caller, &new).await;
    };
    calls::begin(platform, &caller, "call.receive", &new).await?;
    attendant.announce(route.organization, "call.ringing", new.id);
    if let Some(why) = ringing.insecure() {
        tracing::info!(call = %new.id, %why, "a call was refused");
        calls::note_alone(platform, &caller, new.id, why.name()).await?;
        let end = ringing.reject(why.status()).await;
        return close(attendant, &caller, new.id, &end, None).await;
    }
    let other_number = (!facts.from.anonymous()).then(|| facts.from.user.clone());
    let opened = match open(attendant, &route, &new, &facts, other_number.clone()).await {
        Ok(opened) => opened,
        Err(why) => {
            calls::note_alone(platform, &caller, new.id, why).await?;
            let end = ringing.reject(sip::Status::TEMPORARILY_UNAVAILABLE).await;
            return close(attendant, &caller, new.id, &end, None).await;
        }
    };
    drop(turn);
    // A caller who hangs up while it rings is seen by `answer` below.
    let _ = ringing.ring();
    let (profile, ()) = tokio::join!(
        attendant.conversations.profile(route.organization, opened.conversation_id),
        tokio::time::sleep(RING),
    );
    match ringing.answer().await {
        Err(end) => {
            let hangup = attendant.conversations.handle(route.organization, opened.conversation_id, Input::Hangup);
            if let Err(error) = hangup.await {
                tracing::error!(%error, call = %new.id, "the conversation of a call could not be ended");
            }
            close(attendant, &caller, new.id, &end, None).await
        }
        Ok(live) => {
            let begun = Begun {
                call_id: new.id,
                caller,
                organization: route.organization,
                contact_id: opened.contact_id,
                other_number,
                own_number: new.own_number,
            };
            let carrier = Carrier::new(line.clone(), attendant.trunk.clone(), Environment::Live);
            hold(attendant, &carrier, live, begun, opened, profile.map_err(Error::from)).await
        }
    }
}

/// The conversation of a call, or the word for the record when none could begin.
async fn open(
    attendant: &Attendant,
    route: &numbers::Route,
    new: &calls::NewCall,
    facts: &CallFacts,
    from: Option<String>,
) -> Result<Opened, &'static str> {
    let reads_aloud = attendant.voice.speaks_free_text();
    let channel = Channel::Phone { call_id: facts.call_id.clone(), from, to: facts.to.user.clone(), reads_aloud };
    let request = OpenRequest {
        organization: route.organization,
        agent_id: new.agent_id,
        channel,
        contact_id: None,
        address: Some(facts.source.ip()),
    };
    attendant.conversations.open(request).await.map_err(|error| {
        tracing::warn!(%error, call = %new.id, "a call was refused because no conversation could begin");
        match error {
            conversations::Error::NotPublished => "agent_not_published",
            _ => "no_conversation",
        }
    })
}

/// Why a called number leads nowhere.
#[derive(Clone, Copy)]
enum Nowhere {
    /// Nobody has connected it.
    Unknown,
    /// Its organization is sealed.
    Sealed(OrganizationId),
}

/// Where a called number leads.
async fn route_of(platform: &Platform, called: &str) -> Result<Result<numbers::Route, Nowhere>, Error> {
    let Some(route) = numbers::find(platform, called).await? else { return Ok(Err(Nowhere::Unknown)) };
    let sealed = platform.vault.sealed_since(route.organization).await?.is_some();
    Ok(if sealed { Err(Nowhere::Sealed(route.organization)) } else { Ok(route) })
}

/// Refuses a call that leads nowhere. A sealed organization is not there at the moment (480); it is not the line that is
/// broken (503), or the carrier would take that out of service. Its calls cannot be written down, since what a record
/// holds is sealed; the audit log, which needs no key, says that one came and why it was refused.
async fn turn_away(attendant: &Attendant, ringing: RingingCall, why: Nowhere) -> Result<(), Error> {
    let status = match why {
        Nowhere::Unknown => sip::Status::NOT_FOUND,
        Nowhere::Sealed(_) => sip::Status::TEMPORARILY_UNAVAILABLE,
    };
    // Whoever may not speak in clear is told that first, whatever it dialled.
    let status = ringing.insecure().map_or(status, crate::line::Insecure::status);
    ringing.reject(status).await;
    match why {
        Nowhere::Unknown => tracing::info!("a call to a number that nobody has connected was refused"),
        Nowhere::Sealed(organization) => {
            tracing::warn!(%organization, "a call was refused because its organization is sealed");
            if let Some(_place) = attendant.place_for_refusal() {
                let caller = calls::channel(organization);
                caller.note_refusal(&attendant.platform, "call.receive", "organization_sealed".to_owned()).await?;
            }
        }
    }
    Ok(())
}

/// More strangers call at once than can be set up: the caller is told to come back. It is written down where that does not
/// make things worse.
async fn shed(attendant: &Attendant, ringing: RingingCall, caller: &Caller, new: &calls::NewCall) -> Result<(), Error> {
    let end = ringing.reject(sip::Status::SERVICE_UNAVAILABLE).await;
    let Some(_place) = attendant.place_for_refusal() else {
        tracing::warn!(organization = %caller.organization(), "a call was refused: too many at once; it has no record");
        return Ok(());
    };
    calls::begin(&attendant.platform, caller, "call.receive", new).await?;
    calls::note_alone(&attendant.platform, caller, new.id, "too_many_calls").await?;
    close(attendant, caller, new.id, &end, None).await
}

/// A call that was answered.
pub(super) struct Begun {
    pub(super) call_id: Uuid,
    pub(super) caller: Caller,
    pub(super) organization: OrganizationId,
    pub(super) contact_id: Uuid,
    pub(super) other_number: Option<String>,
    pub(super) own_number: String,
}

/// Holds the conversation of an answered call and writes what became of it, whatever goes wrong.
pub(super) async fn hold(
    attendant: &Attendant,
    carrier: &Carrier,
    mut live: LiveCall,
    begun: Begun,
    opened: Opened,
    profile: Result<Arc<Profile>, Error>,
) -> Result<(), Error> {
    let end = match profile {
        Ok(profile) => talk(attendant, carrier, &mut live, &begun, opened, profile).await,
        Err(error) => Err(error),
    };
    let end = end.unwrap_or_else(|error| {
        tracing::error!(%error, call = %begun.call_id, "a call broke off");
        live.hang_up();
        broke_off()
    });
    close(attendant, &begun.caller, begun.call_id, &end, live.travelled().as_ref()).await
}

/// How a call ends that something in here went wrong with.
pub(super) fn broke_off() -> CallEnd {
    CallEnd {
        by: EndedBy::Us,
        status: sip::Status::SERVER_INTERNAL_ERROR,
        reason: EndReason::Refused,
        detail: String::new(),
    }
}

async fn talk(
    attendant: &Attendant,
    carrier: &Carrier,
    live: &mut LiveCall,
    begun: &Begun,
    opened: Opened,
    profile: Arc<Profile>,
) -> Result<CallEnd, Error> {
    let conversation_id = opened.conversation_id;
    let answered =
        calls::Answered { conversation_id, person_id: begun.contact_id, other_number: begun.other_number.clone() };
    let mut session = Session::new(attendant, carrier, begun, conversation_id, profile, live);
    // The first word does not wait for the record: many calls at once are written down one after the other.
    let (spoken, written) = tokio::join!(
        session.apply(opened.first),
        calls::answer(&attendant.platform, &begun.caller, begun.call_id, &answered),
    );
    attendant.announce(begun.organization, "call.answered", begun.call_id);
    let end = match spoken.and(written) {
        Ok(()) => session.run(live).await,
        Err(error) => Err(error),
    };
    session.finish().await;
    end
}

pub(super) async fn close(
    attendant: &Attendant,
    caller: &Caller,
    call_id: Uuid,
    end: &CallEnd,
    media: Option<&Travelled>,
) -> Result<(), Error> {
    calls::end(&attendant.platform, caller, call_id, end, media).await?;
    attendant.announce(caller.organization(), "call.ended", call_id);
    Ok(())
}

#[cfg(test)]
mod tests;
