//! Calls that the business places. The only two ways out, this one and `transfer`, both need a [`DialPermit`].

use compliance::dialing::{DialPermit, Target, may_dial};
use conversations::{Channel, OpenRequest};
use identity::Caller;
use uuid::Uuid;

use super::driver::{Begun, broke_off, close, hold};
use super::{Attendant, Trunk};
use crate::api::Telephony;
use crate::error::Error;
use crate::line::{Dial, Line};
use crate::record::Direction;
use crate::store::{calls, numbers};

/// How long the other side may let it ring, in seconds.
pub const RING_SECONDS: u32 = 45;

/// Places a call and lets `agent_id` speak; answers as soon as the call is written down, long before anybody answers it.
///
/// # Errors
/// [`Error::Refused`] when the number may not be dialled, [`Error::Busy`] when this node has no phone,
/// [`Error::NotPublished`] when the agent has nothing to say yet.
pub async fn place(telephony: &Telephony, caller: &Caller, agent_id: Uuid, to: &str) -> Result<Uuid, Error> {
    let permit = may_dial(to, &telephony.dialing).map_err(|refusal| Error::Refused(refusal.to_string()))?;
    let line = telephony.line.clone().ok_or(Error::Busy)?;
    let platform = &telephony.platform;
    let own = numbers::list(platform, caller).await?.into_iter().find(|number| number.agent_id == agent_id);
    let own = own.ok_or(Error::NotFound)?.called;
    let (database, keyring) = (caller.database(platform), caller.keyring(platform).await?);
    if agents::store::published(&database, &keyring, agent_id).await?.is_none() {
        return Err(Error::NotPublished);
    }
    let trunk = telephony.attendant.trunk.as_ref();
    let dialled = Trunk::dial(trunk, permit.target(), &own, RING_SECONDS).ok_or(Error::NoTrunk)?;
    let new =
        calls::NewCall { id: platform.identifiers.next(), agent_id, direction: Direction::Outbound, own_number: own };
    calls::begin(platform, caller, "call.place", &new).await?;
    let attendant = telephony.attendant.clone();
    let channel = calls::channel(caller.organization());
    attendant.announce(caller.organization(), "call.ringing", new.id);
    let id = new.id;
    attendant.calls.clone().spawn(async move {
        if let Err(error) = dial(&attendant, &line, channel, new, permit, dialled).await {
            tracing::error!(%error, "a call that was placed could not be handled");
        }
    });
    Ok(id)
}

async fn dial(
    attendant: &Attendant,
    line: &Line,
    caller: Caller,
    new: calls::NewCall,
    permit: DialPermit,
    dialled: Dial,
) -> Result<(), Error> {
    let other_number = match permit.target() {
        Target::Number(text) | Target::LoopbackSip(text) => text.clone(),
    };
    let live = match line.call(dialled).await {
        Ok(live) => live,
        Err(end) => return close(attendant, &caller, new.id, &end, None).await,
    };
    let channel = Channel::Phone {
        call_id: live.facts().call_id.clone(),
        from: Some(other_number.clone()),
        to: new.own_number.clone(),
    };
    let organization = caller.organization();
    let request = OpenRequest { organization, agent_id: new.agent_id, channel, contact_id: None, address: None };
    let opened = match attendant.conversations.open(request).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, call = %new.id, "no conversation could begin with a call that was answered");
            let statistics = live.statistics();
            drop(live);
            return close(attendant, &caller, new.id, &broke_off(), Some(&statistics)).await;
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
    hold(attendant, line, live, begun, opened, profile).await
}
