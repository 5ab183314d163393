//! Calls that the business places, or that a key for trying out simulates. The only two ways out, this one and `transfer`, both need a [`DialPermit`].

use compliance::dialing::{DialPermit, Target, may_dial};
use conversations::{Channel, OpenRequest};
use identity::{Caller, Environment};
use uuid::Uuid;

use super::Attendant;
use super::carrier::Carrier;
use super::driver::{Begun, broke_off, close, hold};
use crate::api::Telephony;
use crate::error::Error;
use crate::line::sandbox;
use crate::record::Direction;
use crate::store::{calls, numbers};

/// How long the other side may let it ring, in seconds.
pub const RING_SECONDS: u32 = 45;

/// Places a call and lets `agent_id` speak. A key for trying out (`rf_test_`) reaches the sandbox carrier and nothing else,
/// and the record says so. Answers as soon as the call is written down, long before anybody answers it.
///
/// # Errors
/// [`Error::Refused`] when the number may not be dialled, [`Error::Busy`] when this node has no phone,
/// [`Error::NotPublished`] when the agent has nothing to say yet.
pub async fn place(telephony: &Telephony, caller: &Caller, agent_id: Uuid, to: &str) -> Result<Uuid, Error> {
    let environment = caller.environment();
    let policy = match environment {
        Environment::Live => telephony.dialing.clone(),
        Environment::Test => sandbox::policy(&telephony.dialing),
    };
    let permit = may_dial(to, &policy).map_err(|refusal| Error::Refused(refusal.to_string()))?;
    let line = telephony.line.clone().ok_or(Error::Busy)?;
    let platform = &telephony.platform;
    let own = numbers::list(platform, caller).await?.into_iter().find(|number| number.agent_id == agent_id);
    let own = own.ok_or(Error::NotFound)?.called;
    let (database, keyring) = (caller.database(platform), caller.keyring(platform).await?);
    if agents::store::published(&database, &keyring, agent_id).await?.is_none() {
        return Err(Error::NotPublished);
    }
    let carrier = Carrier::new(line, telephony.attendant.trunk.clone(), environment);
    if !carrier.reaches(permit.target()) {
        return Err(Error::NoTrunk);
    }
    let (id, direction) = (platform.identifiers.next(), Direction::Outbound);
    let node_id = telephony.attendant.node_id;
    let new = calls::NewCall { id, node_id, agent_id, direction, own_number: own, environment };
    calls::begin(platform, caller, "call.place", &new).await?;
    let attendant = telephony.attendant.clone();
    let channel = calls::channel(caller.organization());
    attendant.announce(caller.organization(), "call.ringing", new.id);
    attendant.calls.clone().spawn(async move {
        if let Err(error) = dial(&attendant, &carrier, channel, new, permit).await {
            tracing::error!(%error, "a call that was placed could not be handled");
        }
    });
    Ok(id)
}

async fn dial(
    attendant: &Attendant,
    carrier: &Carrier,
    caller: Caller,
    new: calls::NewCall,
    permit: DialPermit,
) -> Result<(), Error> {
    let other_number = match permit.target() {
        Target::Number(text) | Target::LoopbackSip(text) => text.clone(),
    };
    let live = match carrier.call(permit.target(), &new.own_number, RING_SECONDS).await {
        Some(Ok(live)) => live,
        Some(Err(end)) => return close(attendant, &caller, new.id, &end, None).await,
        // Asked before the call was written down.
        None => return Err(Error::NoTrunk),
    };
    let channel = Channel::Phone {
        call_id: live.facts().call_id.clone(),
        from: Some(other_number.clone()),
        to: new.own_number.clone(),
        reads_aloud: attendant.voice.speaks_free_text(),
    };
    let organization = caller.organization();
    let request = OpenRequest { organization, agent_id: new.agent_id, channel, contact_id: None, address: None };
    let opened = match attendant.conversations.open(request).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, call = %new.id, "no conversation could begin with a call that was answered");
            let travelled = live.travelled();
            drop(live);
            return close(attendant, &caller, new.id, &broke_off(), travelled.as_ref()).await;
        }
    };
    let begun = Begun {
        call_id: new.id,
        caller,
        organization,
        contact_id: opened.contact_id,
        other_number: Some(other_number),
        own_number: new.own_number,
    };
    let profile = attendant.conversations.profile(organization, opened.conversation_id).await.map_err(Error::from);
    hold(attendant, carrier, live, begun, opened, profile).await
}
