//! A recording as a picture: the peaks of both channels, drawn by the server as one SVG, the caller above the agent.
//!
//! The picture carries a slider for pointer and keyboard (our module brings it to life) and stands above the browser's
//! own player, which works without any script.

use std::fmt::{Display, Formatter, Result, Write};

use askama::filters::HtmlSafe;

use crate::moment::position;

/// Columns in the picture; more peaks than that are folded together, the loudest of each column is kept.
pub const COLUMNS: usize = 400;
/// Height of one channel in units of the picture.
const HALF: u32 = 50;

/// The peaks of a two-channel recording: 0 is silence, 255 full scale, evenly spaced over its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// What the caller said.
    pub caller: Vec<u8>,
    /// What was said to the caller.
    pub agent: Vec<u8>,
}

/// The drawing of a recording with its slider; displayed as markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waveform {
    peaks: Peaks,
    length_tenths: u64,
}

impl Waveform {
    /// The drawing of a recording of that length in tenths of a second.
    pub const fn new(peaks: Peaks, length_tenths: u64) -> Self {
        Self { peaks, length_tenths }
    }
}

/// Folds peaks into at most [`COLUMNS`] columns, keeping the loudest of each.
fn columns(peaks: &[u8]) -> Vec<u8> {
    let count = peaks.len().min(COLUMNS);
    (0..count)
        .map(|column| {
            let from = column * peaks.len() / count;
            let to = ((column + 1) * peaks.len() / count).max(from + 1);
            peaks[from..to].iter().copied().max().unwrap_or(0)
        })
        .collect()
}

/// One closed path of bars, upward (the caller) or downward (the agent) from the middle line.
fn bars(peaks: &[u8], upward: bool) -> String {
    let mut path = String::new();
    for (column, peak) in columns(peaks).iter().enumerate() {
        // Silence still shows as a hairline, so that one sees where the recording runs.
        let height = (u32::from(*peak) * (HALF - 2) / 255).max(1);
        let (x, top) = (column * 2, if upward { HALF - height } else { HALF });
        // Writing into a String cannot fail.
        let _ = write!(path, "M{x} {top}h1.4v{height}h-1.4z");
    }
    path
}

impl Display for Waveform {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let width = columns(&self.peaks.caller).len().max(columns(&self.peaks.agent).len()).max(1) * 2;
        let seconds = i64::try_from(self.length_tenths / 10).unwrap_or(i64::MAX);
        write!(
            formatter,
            concat!(
                r#"<div class="waveform"><svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">"#,
                r#"<line class="middle" x1="0" x2="{width}" y1="{half}" y2="{half}"/>"#,
                r#"<path class="caller" d="{caller}"/><path class="agent" d="{agent}"/>"#,
                r#"<rect class="played" x="0" y="0" width="0" height="{height}"/></svg>"#,
                r#"<input class="needs-script" type="range" min="0" max="{length}" value="0" step="1" disabled "#,
                r#"aria-label="Position in the recording" aria-valuetext="0:00 of {end}"></div>"#,
            ),
            width = width,
            height = HALF * 2,
            half = HALF,
            caller = bars(&self.peaks.caller, true),
            agent = bars(&self.peaks.agent, false),
            length = self.length_tenths,
            end = position(seconds),
        )
    }
}

impl HtmlSafe for Waveform {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_the_loudest() {
        let mut peaks = vec![3; 4001];
        peaks[1234] = 250;
        let folded = columns(&peaks);
        assert_eq!(folded.len(), COLUMNS);
        assert_eq!(folded[123], 250);
        assert!(folded.iter().enumerate().all(|(column, peak)| column == 123 || *peak == 3));
    }

    #[test]
    fn few_peaks_are_not_stretched() {
        assert_eq!(columns(&[1, 2, 3]), [1, 2, 3]);
        assert!(columns(&[]).is_empty());
    }

    #[test]
    fn an_empty_recording_still_draws() {
        let shown = Waveform::new(Peaks::default(), 0).to_string();
        assert!(shown.contains(r#"viewBox="0 0 2 100""#), "{shown}");
        assert!(shown.contains("0:00 of 0:00"), "{shown}");
    }

    #[test]
    fn caller_rises_and_agent_falls_from_the_middle() {
        assert_eq!(bars(&[255], true), "M0 2h1.4v48h-1.4z");
        assert_eq!(bars(&[255], false), "M0 50h1.4v48h-1.4z");
    }
}
