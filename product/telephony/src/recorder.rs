//! Writes a recording while the call goes on, behind the consent valve.
//!
//! The only way to a call's sound is [`Recorder::start`], which takes a [`ConsentGrant`]: no grant, no byte. Sound is
//! 16-bit PCM at 8 kHz, sealed in chunks of 16 KiB as it comes (at most 0.52 s of a two-channel recording), so that a
//! crash loses less than a second and never the file.

use compliance::consent::ConsentGrant;
use identity::{Caller, Platform};
use storage::objects::ObjectFolder;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;
use vault::{RecordingKey, SealedWriter};

use crate::Error;
use crate::media_session::{Player, TapFrame};
use crate::record::{RecordingKind, RecordingState};
use crate::store::recordings::{self, NewRecording};
use crate::waveform::Waveform;

/// Longest gap between two frames that is filled with silence, in frames of 20 ms (10 minutes: a call on hold).
const GAP_FRAMES_MAX: u64 = 30_000;
/// Samples a millisecond.
const SAMPLES_PER_MILLISECOND: i64 = 8;

/// What a recording is of and whom it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The call.
    pub call_id: Uuid,
    /// The node that it goes on at.
    pub node_id: Uuid,
    /// The contact who is heard.
    pub person_id: Uuid,
    /// What kind of recording.
    pub kind: RecordingKind,
}

/// A recording that is being written.
pub struct Recorder {
    id: Uuid,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<Result<i64, Error>>,
}

impl Recorder {
    /// Opens the valve: begins to write what `player`'s call sounds like.
    ///
    /// # Errors
    /// When the database or the key refuses; then nothing was captured.
    pub async fn start(
        platform: &Platform,
        caller: &Caller,
        grant: &ConsentGrant,
        subject: Subject,
        player: &Player,
    ) -> Result<Self, Error> {
        let new = NewRecording {
            id: platform.identifiers.next(),
            call_id: subject.call_id,
            node_id: subject.node_id,
            conversation_id: grant.conversation(),
            person_id: subject.person_id,
            kind: subject.kind,
            notice_version: grant.notice_version().to_owned(),
            consented_at: grant.given_at(),
        };
        let key = recordings::begin(platform, caller, &new).await?;
        let writer = open(&platform.objects, &key, new.id).await?;
        let (stop, stopped) = oneshot::channel();
        let task = Task {
            platform: platform.clone(),
            caller: caller.clone(),
            id: new.id,
            key,
            writer,
            sound: Sound::new(new.channels()),
        };
        let done = tokio::spawn(task.run(player.tap(), stopped));
        Ok(Self { id: new.id, stop, done })
    }

    /// The recording's identifier.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Closes the valve and finishes the recording; gives its length in milliseconds.
    ///
    /// # Errors
    /// When the last of it could not be written.
    pub async fn stop(self) -> Result<i64, Error> {
        // A task that has ended already (the call is over) does not listen any more, which is the same to us.
        let _ = self.stop.send(());
        self.done.await.unwrap_or(Err(Error::NotFound))
    }
}

async fn open(objects: &ObjectFolder, key: &RecordingKey, id: Uuid) -> Result<SealedWriter, Error> {
    Ok(SealedWriter::create(objects, &recordings::object_name(id), key, recordings::object_context(id)).await?)
}

struct Task {
    platform: Platform,
    caller: Caller,
    id: Uuid,
    key: RecordingKey,
    writer: SealedWriter,
    sound: Sound,
}

impl Task {
    async fn run(
        mut self,
        mut tap: mpsc::Receiver<TapFrame>,
        mut stopped: oneshot::Receiver<()>,
    ) -> Result<i64, Error> {
        let mut stopping = false;
        let state = loop {
            let frame = tokio::select! {
                biased;
                _ = &mut stopped, if !stopping => {
                    // Nothing more is taken; what was taken before, the last word perhaps, is still written.
                    stopping = true;
                    tap.close();
                    continue;
                }
                frame = tap.recv() => frame,
            };
            let Some(frame) = frame else { break RecordingState::Ready };
            let bytes = self.sound.push(&frame);
            if let Err(error) = self.writer.write(&bytes).await {
                tracing::error!(%error, recording = %self.id, "a recording could not be written further; it ends here");
                break RecordingState::Interrupted;
            }
        };
        self.writer.finish().await?;
        let milliseconds = self.sound.milliseconds();
        let picture = self.sound.waveform.into_bytes();
        recordings::finish(&self.platform, &self.caller, self.id, &self.key, state, milliseconds, &picture).await?;
        Ok(milliseconds)
    }
}

/// Turns frames into the bytes of the recording, with silence where frames are missing.
struct Sound {
    channels: u8,
    next_tick: Option<u64>,
    frames: i64,
    waveform: Waveform,
}

impl Sound {
    fn new(channels: u8) -> Self {
        Self { channels, next_tick: None, frames: 0, waveform: Waveform::new(usize::from(channels)) }
    }

    fn milliseconds(&self) -> i64 {
        self.frames * media::FRAME_SAMPLES as i64 / SAMPLES_PER_MILLISECOND
    }

    fn push(&mut self, frame: &TapFrame) -> Vec<u8> {
        let missing = self.next_tick.map_or(0, |next| frame.tick.saturating_sub(next)).min(GAP_FRAMES_MAX);
        let mut bytes = Vec::new();
        for _ in 0..missing {
            self.add(&[0; media::FRAME_SAMPLES], &[0; media::FRAME_SAMPLES], &mut bytes);
        }
        self.add(&frame.heard, &frame.spoken, &mut bytes);
        self.next_tick = Some(frame.tick + 1);
        bytes
    }

    fn add(&mut self, heard: &media::Frame, spoken: &media::Frame, bytes: &mut Vec<u8>) {
        self.frames += 1;
        if self.channels == 1 {
            self.waveform.push(&[heard]);
            bytes.extend(heard.iter().flat_map(|sample| sample.to_le_bytes()));
        } else {
            self.waveform.push(&[heard, spoken]);
            bytes.extend(
                heard.iter().zip(spoken).flat_map(|(left, right)| [left.to_le_bytes(), right.to_le_bytes()]).flatten(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tick: u64, heard: i16, spoken: i16) -> TapFrame {
        TapFrame { tick, heard: [heard; media::FRAME_SAMPLES], spoken: [spoken; media::FRAME_SAMPLES] }
    }

    #[test]
    fn two_channels_are_interleaved_and_gaps_are_silence() {
        let mut sound = Sound::new(2);
        let first = sound.push(&frame(10, 1, 2));
        assert_eq!((first.len(), &first[..4]), (640, &[1, 0, 2, 0][..]));
        let second = sound.push(&frame(13, 3, 4));
        assert_eq!(second.len(), 3 * 640);
        assert!(second[..1280].iter().all(|byte| *byte == 0) && second[1280..1284] == [3, 0, 4, 0]);
        assert_eq!(sound.milliseconds(), 80);
    }

    #[test]
    fn a_voicemail_holds_the_caller_alone_and_endless_gaps_are_bounded() {
        let mut sound = Sound::new(1);
        assert_eq!(sound.push(&frame(0, 5, 6)).len(), 320);
        let after_gap = sound.push(&frame(u64::MAX - 1, 7, 8));
        assert_eq!(after_gap.len() as u64, (GAP_FRAMES_MAX + 1) * 320);
    }
}
