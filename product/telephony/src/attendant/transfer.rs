//! Puts a caller through to a person's phone: a second call, and the sound of both carried across.

use compliance::dialing::DialPermit;

use super::carrier::Carrier;
use crate::call::CallEnd;
use crate::line::{LineEvent, LineEvents, LiveCall};
use crate::media_session::Player;

/// How long the person's phone may ring, in seconds, before the caller is back with the agent.
const RING_SECONDS: u32 = 25;
/// Sound that may wait to be carried across, in samples (0.2 s): late sound is worse than none.
const WAITING_SAMPLES_MAX: usize = 1_600;

/// What came of ringing.
pub(super) enum Reached {
    /// The person answered.
    Person(Box<LiveCall>),
    /// Busy, declined, not answered, or no way there.
    Nobody,
    /// The caller's own call ended meanwhile; none when its end is not known.
    CallerLeft(Option<CallEnd>),
}

/// Calls the target of `permit` while the caller waits.
pub(super) async fn reach(carrier: &Carrier, live: &mut LiveCall, own_number: &str, permit: DialPermit) -> Reached {
    let (events, _) = live.parts();
    tokio::select! {
        answered = carrier.call(permit.target(), own_number, RING_SECONDS) => match answered {
            Some(Ok(person)) => Reached::Person(Box::new(person)),
            Some(Err(_)) | None => Reached::Nobody,
        },
        ended = until_ended(events) => Reached::CallerLeft(ended),
    }
}

/// Joins both calls until one of them ends: gives the end of the caller's, none when it was the person who hung up.
pub(super) async fn join(live: &mut LiveCall, person: &mut LiveCall) -> Option<CallEnd> {
    let (caller_events, caller_audio) = live.parts();
    let (person_events, person_audio) = person.parts();
    // What the caller said while it rang was said to nobody; carried across now, everything after it would come late.
    caller_audio.frames.clear();
    person_audio.frames.clear();
    loop {
        tokio::select! {
            ended = until_ended(caller_events) => return ended,
            _ = until_ended(person_events) => return None,
            Some(heard) = caller_audio.frames.recv() => carry(&person_audio.player, &heard.frame),
            Some(heard) = person_audio.frames.recv() => carry(&caller_audio.player, &heard.frame),
        }
    }
}

/// A frame that would come too late is dropped: when one side stood still for a moment, the talk does not lag from then on.
fn carry(player: &Player, frame: &media::Frame) {
    if player.position().queued_samples < WAITING_SAMPLES_MAX {
        let _ = player.play(frame.to_vec().into());
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_session::AudioPort;

    #[tokio::test]
    async fn what_was_heard_before_two_calls_are_joined_is_forgotten() {
        let (mut port, other_side) = AudioPort::simulated();
        for tick in 0..70 {
            other_side.pass(&media::SILENCE, tick);
        }
        port.frames.clear();
        other_side.pass(&media::SILENCE, 70);
        assert_eq!(port.frames.recv().await.map(|heard| heard.tick), Some(70));
    }

    #[test]
    fn a_side_that_stood_still_does_not_make_the_talk_lag() {
        let (port, other_side) = AudioPort::simulated();
        for _ in 0..500 {
            carry(&port.player, &media::SILENCE);
        }
        assert_eq!(port.player.position().queued_samples, WAITING_SAMPLES_MAX);
        for tick in 0..10 {
            other_side.pass(&media::SILENCE, tick);
        }
        assert_eq!(port.player.position().queued_samples, 0, "ten frames are a fifth of a second");
        carry(&port.player, &media::SILENCE);
        assert_eq!(port.player.position().queued_samples, media::FRAME_SAMPLES, "and it goes on");
    }
}
