//! The bank of recorded units: everything that the embedded flows can say, in the binary.
//!
//! `units.ulaw` holds G.711 µ-law at 8 kHz, one unit after the other; `units.tsv` names them: first sample, samples,
//! text. Both are made once by the example `render_voice` from the texts in the code, and a test holds texts and
//! recordings against each other, so that a changed text cannot be spoken by an old recording.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use media::g711;

static AUDIO: &[u8] = include_bytes!("units.ulaw");
static INDEX: &str = include_str!("units.tsv");

/// The recorded units, decoded once.
pub struct Bank {
    units: BTreeMap<&'static str, Arc<[i16]>>,
}

impl Bank {
    /// The bank in this binary.
    pub fn embedded() -> &'static Self {
        static BANK: OnceLock<Bank> = OnceLock::new();
        BANK.get_or_init(|| Self { units: INDEX.lines().filter_map(|line| unit(line, AUDIO)).collect() })
    }

    /// PCM at 8 kHz of the unit that says `text`, if it was recorded.
    pub fn find(&self, text: &str) -> Option<Arc<[i16]>> {
        self.units.get(text).cloned()
    }

    /// The texts of all recorded units.
    pub fn texts(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.units.keys().copied()
    }
}

/// One line of the index with its samples; a line that does not fit the audio names nothing.
fn unit(line: &'static str, audio: &[u8]) -> Option<(&'static str, Arc<[i16]>)> {
    let mut fields = line.splitn(3, '\t');
    let first: usize = fields.next()?.parse().ok()?;
    let samples: usize = fields.next()?.parse().ok()?;
    let text = fields.next()?;
    let coded = audio.get(first..first.checked_add(samples)?)?;
    Some((text, coded.iter().map(|code| g711::decode_ulaw(*code)).collect()))
}
