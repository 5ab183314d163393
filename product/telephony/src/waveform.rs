//! The picture of a recording: peaks per channel, small enough to keep beside it and to draw at once.

/// How many columns a finished waveform has at most.
pub const COLUMNS_MAX: usize = 600;

/// Collects peaks while a recording is written: starts at one column a frame and halves its resolution when it is full,
/// so that its size is bounded whatever the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waveform {
    channels: usize,
    frames_per_column: u32,
    frames_in_column: u32,
    current: Vec<u8>,
    columns: Vec<u8>,
}

impl Waveform {
    /// An empty picture of `channels` channels (1 or 2).
    pub fn new(channels: usize) -> Self {
        let channels = channels.clamp(1, 2);
        Self { channels, frames_per_column: 1, frames_in_column: 0, current: vec![0; channels], columns: Vec::new() }
    }

    /// Adds one frame: the loudest sample of each channel, 0 to 32,768 scaled to 0..=255.
    pub fn push(&mut self, frames: &[&[i16]]) {
        for (peak, samples) in self.current.iter_mut().zip(frames) {
            let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
            *peak = (*peak).max((loudest >> 7).min(255) as u8);
        }
        self.frames_in_column += 1;
        if self.frames_in_column == self.frames_per_column {
            self.columns.append(&mut std::mem::replace(&mut self.current, vec![0; self.channels]));
            self.frames_in_column = 0;
            if self.columns.len() / self.channels == 2 * COLUMNS_MAX {
                self.halve();
            }
        }
    }

    fn halve(&mut self) {
        let pair = 2 * self.channels;
        self.columns = self
            .columns
            .chunks_exact(pair)
            .flat_map(|both| (0..self.channels).map(|channel| both[channel].max(both[channel + self.channels])))
            .collect();
        self.frames_per_column *= 2;
    }

    /// The picture: a byte for the number of channels, then peaks column by column, channels interleaved.
    pub fn into_bytes(mut self) -> Vec<u8> {
        if self.frames_in_column > 0 {
            self.columns.append(&mut self.current);
        }
        while self.columns.len() / self.channels > COLUMNS_MAX {
            if (self.columns.len() / self.channels) % 2 == 1 {
                self.columns.extend(vec![0; self.channels]);
            }
            self.halve();
        }
        let mut bytes = vec![self.channels as u8];
        bytes.append(&mut self.columns);
        bytes
    }
}

/// Reads the picture back: one row of peaks per channel. Anything malformed gives no rows.
pub fn channels(bytes: &[u8]) -> Vec<Vec<u8>> {
    match bytes.split_first() {
        Some((&count @ 1..=2, peaks)) => (0..usize::from(count))
            .map(|channel| peaks.iter().skip(channel).step_by(usize::from(count)).copied().collect())
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_recording_keeps_every_frame() {
        let mut waveform = Waveform::new(2);
        waveform.push(&[&[0, -32_768], &[128, 0]]);
        waveform.push(&[&[256, 0], &[0, 0]]);
        assert_eq!(channels(&waveform.into_bytes()), [vec![255, 2], vec![1, 0]]);
    }

    #[test]
    fn any_length_fits_and_the_loudest_moment_stays() {
        for frames in [COLUMNS_MAX, COLUMNS_MAX + 1, 2 * COLUMNS_MAX, 2 * COLUMNS_MAX + 1, 50 * 3_600] {
            let mut waveform = Waveform::new(1);
            for frame in 0..frames {
                waveform.push(&[if frame == frames / 2 { &[i16::MAX] } else { &[0] }]);
            }
            let rows = channels(&waveform.into_bytes());
            assert!(
                rows[0].len() <= COLUMNS_MAX && rows[0].len() * 4 > COLUMNS_MAX.min(frames),
                "{frames}: {}",
                rows[0].len()
            );
            let loudest: Vec<_> = rows[0].iter().filter(|peak| **peak == 255).collect();
            assert_eq!(loudest.len(), 1, "{frames}");
        }
    }

    #[test]
    fn malformed_bytes_draw_nothing() {
        assert!(channels(&[]).is_empty() && channels(&[0, 1]).is_empty() && channels(&[3, 1]).is_empty());
    }
}
