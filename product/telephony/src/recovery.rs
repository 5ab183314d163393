//! What is done about calls and recordings that a node left open when it went away: this one's life before, or another node
//! whose lease has lapsed.
//!
//! A recording that was being written is made whole up to its last sealed chunk; a call that was going on is closed with
//! the reason that the product stopped. Nothing that was acknowledged is lost. Calls and recordings of a node whose lease holds are
//! never touched, and each is taken over by compare-and-set first, so that of many nodes one mends it.

use identity::{Caller, Platform};
use sip::Status;
use uuid::Uuid;
use vault::{SealedReader, finish_interrupted};

use crate::call::{CallEnd, EndReason, EndedBy};
use crate::error::Error;
use crate::record::RecordingState;
use crate::store::abandoned::{self, Abandoned};
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

/// Who mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mender {
    /// This node.
    pub node_id: Uuid,
    /// The node that this process's data folder belonged to before, when it is known to be dead. Recordings of other nodes are
    /// mended only where their bytes are: in a folder that is shared.
    pub former_id: Option<Uuid>,
    /// Also what other nodes left. Not right after this node itself could not renew its lease: the others could not either, and
    /// may be as alive as it is.
    pub others: bool,
}

impl Mender {
    /// Whether what this node left is this one's to look at.
    fn looks_at(&self, left: Abandoned) -> bool {
        self.others || self.was_its_own(left)
    }

    fn was_its_own(&self, left: Abandoned) -> bool {
        self.former_id == Some(left.node_id) || self.node_id == left.node_id
    }
}

/// Mends what nodes that are gone left open. Called at start, before new calls are taken, and from time to time.
///
/// # Errors
/// When the database cannot be read; a single call or recording that cannot be mended is logged and left for the next time.
pub async fn recover(platform: &Platform, mender: Mender) -> Result<Recovered, Error> {
    let mut recovered = Recovered::default();
    let found = abandoned::all(platform, &recordings::ABANDONED).await?;
    for left in found.into_iter().filter(|left| mender.looks_at(*left)) {
        match recover_recording(platform, mender, left).await {
            Ok(mended) => recovered.recordings += usize::from(mended),
            Err(error) => tracing::error!(%error, recording = %left.id, "a recording could not be recovered"),
        }
    }
    let end = CallEnd {
        by: EndedBy::Us,
        status: Status::SERVICE_UNAVAILABLE,
        reason: EndReason::Shutdown,
        detail: String::new(),
    };
    let found = abandoned::all(platform, &calls::ABANDONED).await?;
    for left in found.into_iter().filter(|left| mender.looks_at(*left)) {
        match close(platform, mender, left, &end).await {
            Ok(closed) => recovered.calls += usize::from(closed),
            Err(error) => tracing::error!(%error, call = %left.id, "a call could not be closed"),
        }
    }
    Ok(recovered)
}

/// False when another node was quicker.
async fn close(platform: &Platform, mender: Mender, left: Abandoned, end: &CallEnd) -> Result<bool, Error> {
    let adopted = abandoned::adopt(platform, &calls::ADOPT, left, mender.node_id).await?;
    if adopted {
        calls::end(platform, &channel(left.organization), left.id, end, None).await?;
    }
    Ok(adopted)
}

/// False when it is another node's to mend.
async fn recover_recording(platform: &Platform, mender: Mender, left: Abandoned) -> Result<bool, Error> {
    let (caller, id) = (&channel(left.organization), left.id);
    let name = recordings::object_name(id);
    let is_here = platform.objects.names().await?.contains(&name);
    if !(is_here || mender.was_its_own(left))
        || !abandoned::adopt(platform, &recordings::ADOPT, left, mender.node_id).await?
    {
        return Ok(false);
    }
    make_whole(platform, caller, id, &name, is_here).await?;
    Ok(true)
}

async fn make_whole(platform: &Platform, caller: &Caller, id: Uuid, name: &str, is_here: bool) -> Result<(), Error> {
    let recording = recordings::get(platform, caller, id).await?;
    let key = caller.keyring(platform).await?.recording_key(&caller.database(platform), id).await?;
    let context = recordings::object_context(id);
    let bytes = match finish_interrupted(&platform.objects, name, &key, context).await {
        // Killed between the row and the first byte: an empty recording.
        Err(vault::Error::Storage(_)) if !is_here => 0,
        result => result?,
    };
    let channels = usize::from(recording.channels.max(1));
    let mut waveform = Waveform::new(channels);
    if bytes > 0 {
        let reader = SealedReader::open(&platform.objects, name, &key, context).await?;
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
