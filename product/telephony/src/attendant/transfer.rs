//! Puts a caller through to a person's phone: a second call, and the sound of both carried across.

use compliance::dialing::DialPermit;

use super::carrier::Carrier;
use crate::call::CallEnd;
use crate::line::{LineEvent, LineEvents, LiveCall};
use crate::media_session::Player;

/// How long the person's phone may ring, in seconds, before the caller is back with the agent.
const RING_SECONDS: u32 = 25;

/// How a transfer went.
pub(super) struct Bridged {
    /// Whether the person answered.
    pub(super) connected: bool,
    /// Set when the caller's own call ended meanwhile.
    pub(super) ended: Option<CallEnd>,
}

/// Calls the target of `permit` and joins both calls until one of them ends.
pub(super) async fn bridge(carrier: &Carrier, live: &mut LiveCall, own_number: &str, permit: DialPermit) -> Bridged {
    let mut person = {
        let (events, _) = live.parts();
        tokio::select! {
            answered = carrier.call(permit.target(), own_number, RING_SECONDS) => match answered {
                Some(Ok(person)) => person,
                Some(Err(_)) | None => return Bridged { connected: false, ended: None },
            },
            ended = until_ended(events) => return Bridged { connected: false, ended },
        }
    };
    let (caller_events, caller_audio) = live.parts();
    let (person_events, person_audio) = person.parts();
    loop {
        tokio::select! {
            ended = until_ended(caller_events) => return Bridged { connected: true, ended },
            _ = until_ended(person_events) => return Bridged { connected: true, ended: None },
            Some(heard) = caller_audio.frames.recv() => carry(&person_audio.player, &heard.frame),
            Some(heard) = person_audio.frames.recv() => carry(&caller_audio.player, &heard.frame),
        }
    }
}

/// A frame that finds the queue full is dropped: late sound is worse than none.
fn carry(player: &Player, frame: &media::Frame) {
    let _ = player.play(frame.to_vec().into());
}

async fn until_ended(events: &mut LineEvents) -> Option<CallEnd> {
    loop {
        match events.next().await {
            Some(LineEvent::Ended(end)) => return Some(end),
            Some(LineEvent::Held | LineEvent::Resumed) => {}
            None => return None,
        }
    }
}
