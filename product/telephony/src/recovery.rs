//! What is done at start about calls and recordings that the last run left open.
//!
//! A recording that was being written is made whole up to its last sealed chunk; a call that was going on is closed with
//! the reason that the product stopped. Nothing that was acknowledged is lost.

use identity::{Caller, Platform};
use sip::Status;
use uuid::Uuid;
use vault::{SealedReader, finish_interrupted};

use crate::call::{CallEnd, EndReason, EndedBy};
use crate::error::Error;
use crate::record::RecordingState;
use crate::store::calls::channel;
use crate::store::{calls, recordings};
use crate::waveform::Waveform;

/// Bytes that are opened at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes a millisecond and channel: 8 samples of 2 bytes.
const BYTES_PER_MILLISECOND: u64 = 16;

/// What was found and mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Recordings that were made whole.
    pub recordings: usize,
    /// Calls that were closed.
    pub calls: usize,
}

/// Mends what the last run left open. Called once at start, before new calls are taken.
///
/// # Errors
/// When the database cannot be read; a single recording that cannot be mended is logged and left for the next start.
pub async fn recover(platform: &Platform) -> Result<Recovered, Error> {
    let mut recovered = Recovered::default();
    for (organization, id) in recordings::unfinished(platform, &recordings::UNFINISHED).await? {
        match recover_recording(platform, &channel(organization), id).await {
            Ok(()) => recovered.recordings += 1,
            Err(error) => tracing::error!(%error, recording = %id, "a recording could not be recovered"),
        }
    }
    let end = CallEnd {
        by: EndedBy::Us,
        status: Status::SERVICE_UNAVAILABLE,
        reason: EndReason::Shutdown,
        detail: String::new(),
    };
    for (organization, id) in recordings::unfinished(platform, &calls::UNFINISHED).await? {
        calls::end(platform, &channel(organization), id, &end, None).await?;
        recovered.calls += 1;
    }
    Ok(recovered)
}

async fn recover_recording(platform: &Platform, caller: &Caller, id: Uuid) -> Result<(), Error> {
    let recording = recordings::get(platform, caller, id).await?;
    let key = caller.keyring(platform).await?.recording_key(&caller.database(platform), id).await?;
    let (name, context) = (recordings::object_name(id), recordings::object_context(id));
    let bytes = match finish_interrupted(&platform.objects, &name, &key, context).await {
        // Killed between the row and the first byte: an empty recording.
        Err(vault::Error::Storage(_)) if !platform.objects.names().await?.contains(&name) => 0,
        result => result?,
    };
    let channels = usize::from(recording.channels.max(1));
    let mut waveform = Waveform::new(channels);
    if bytes > 0 {
        let reader = SealedReader::open(&platform.objects, &name, &key, context).await?;
        draw(&reader, channels, &mut waveform).await?;
    }
    let milliseconds = bytes / (BYTES_PER_MILLISECOND * channels as u64);
    let picture = waveform.into_bytes();
    recordings::finish(platform, caller, id, &key, RecordingState::Interrupted, milliseconds as i64, &picture).await
}

async fn draw(reader: &SealedReader, channels: usize, waveform: &mut Waveform) -> Result<(), Error> {
    let mut offset = 0;
    while offset < reader.length() {
        let piece = reader.read(offset, PIECE_BYTES).await?;
        offset += piece.len() as u64;
        for frame in piece.chunks_exact(2 * channels * media::FRAME_SAMPLES) {
            let samples: Vec<i16> = frame.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            let rows: Vec<Vec<i16>> = (0..channels)
                .map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect())
                .collect();
            waveform.push(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
    Ok(())
}
