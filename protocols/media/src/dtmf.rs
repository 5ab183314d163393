//! Digits as sound (ITU-T Q.23 and Q.24): generation, and detection with Goertzel filters.
//!
//! Promises: a digit of 40 ms and more, 40 ms apart, is reported once; single tones, noise and speech-like sounds are
//! not digits. Used when the other side does not speak RFC 4733.

use crate::measure;
use crate::tone;

const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Samples looked at together: 25.6 ms, so that neighbouring rows are two filter widths apart.
const WINDOW_SAMPLES: usize = 205;
/// Samples between two looks: half a window.
const HOP_SAMPLES: usize = 102;
/// Looks in a row that must agree before a digit is reported (38 ms of tone).
const HITS_NEEDED: u32 = 2;
/// Looks without the digit after which it is over.
const MISSES_NEEDED: u32 = 2;
/// The weakest digit, as the mean square of the window: -36 dBov.
const LEAST_POWER: f64 = 270_000.0;
/// The two tones together must make up this share of everything that sounds.
const TONE_SHARE: f64 = 0.65;
/// How much stronger the row may be than the column, and the other way round (8 dB and 6 dB as power).
const ROW_TWIST: f64 = 6.3;
const COLUMN_TWIST: f64 = 4.0;
/// How much stronger the chosen tone must be than the next of its group (power).
const GROUP_MARGIN: f64 = 6.0;

/// The sound of one key: `milliseconds` long; none for a character that is no key.
pub fn generate(symbol: char, milliseconds: u32) -> Option<Vec<i16>> {
    let symbol = symbol.to_ascii_uppercase();
    let (row, column) =
        (0..16).map(|index| (index / 4, index % 4)).find(|&(row, column)| KEYS[row][column] == symbol)?;
    Some(tone::sines(&[ROWS[row], COLUMNS[column]], 16_000, milliseconds))
}

/// Finds digits in a stream of samples.
#[derive(Debug)]
pub struct Detector {
    window: Vec<i16>,
    candidate: Option<char>,
    hits: u32,
    misses: u32,
    sounding: Option<char>,
}

impl Default for Detector {
    fn default() -> Self {
        Detector { window: Vec::with_capacity(WINDOW_SAMPLES), candidate: None, hits: 0, misses: 0, sounding: None }
    }
}

impl Detector {
    /// Takes samples of any number; appends each digit that begins.
    pub fn listen(&mut self, samples: &[i16], digits: &mut Vec<char>) {
        for &sample in samples {
            self.window.push(sample);
            if self.window.len() == WINDOW_SAMPLES {
                let found = key_in(&self.window);
                digits.extend(self.step(found));
                self.window.drain(..HOP_SAMPLES);
            }
        }
    }

    /// One look: gives the digit when it has been seen often enough.
    fn step(&mut self, found: Option<char>) -> Option<char> {
        if self.sounding.is_some() && found == self.sounding {
            self.misses = 0;
            return None;
        }
        if self.sounding.is_some() {
            self.misses += 1;
            if self.misses >= MISSES_NEEDED {
                self.sounding = None;
            }
        }
        self.hits = if found.is_some() && found == self.candidate { self.hits + 1 } else { u32::from(found.is_some()) };
        self.candidate = found;
        if self.hits < HITS_NEEDED {
            return None;
        }
        self.sounding = found;
        self.misses = 0;
        self.hits = 0;
        found
    }
}

/// The key whose two tones make up the window.
fn key_in(window: &[i16]) -> Option<char> {
    let whole = measure::rms(window).powi(2);
    if whole < LEAST_POWER {
        return None;
    }
    let (row, row_power, row_next) = strongest(window, &ROWS);
    let (column, column_power, column_next) = strongest(window, &COLUMNS);
    let clear = row_power > row_next * GROUP_MARGIN && column_power > column_next * GROUP_MARGIN;
    let balanced = row_power < column_power * ROW_TWIST && column_power < row_power * COLUMN_TWIST;
    // Voices have overtones where keys have none.
    let overtone = measure::power_at(window, ROWS[row] * 2.0) + measure::power_at(window, COLUMNS[column] * 2.0);
    let pure = row_power + column_power > whole * TONE_SHARE && overtone * 10.0 < row_power + column_power;
    (clear && balanced && pure).then_some(KEYS[row][column])
}

/// Which of four tones is strongest: its index, its power, and the power of the next.
fn strongest(window: &[i16], frequencies: &[f64; 4]) -> (usize, f64, f64) {
    let (mut best, mut best_power, mut next_power) = (0, 0.0f64, 0.0f64);
    for (index, &frequency) in frequencies.iter().enumerate() {
        let power = measure::power_at(window, frequency);
        if power > best_power {
            next_power = best_power;
            (best, best_power) = (index, power);
        } else {
            next_power = next_power.max(power);
        }
    }
    (best, best_power, next_power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{g711, mixer};

    const ALL: &str = "1234567890*#ABCD";

    fn dial(symbols: &str, tone: u32, pause: u32) -> Vec<i16> {
        let mut samples = vec![0i16; 333];
        for symbol in symbols.chars() {
            samples.extend(generate(symbol, tone).expect("a key"));
            samples.extend(std::iter::repeat_n(0, (pause * 8) as usize));
        }
        samples
    }

    fn hear(samples: &[i16]) -> String {
        let mut detector = Detector::default();
        let mut digits = Vec::new();
        for chunk in samples.chunks(160) {
            detector.listen(chunk, &mut digits);
        }
        digits.into_iter().collect()
    }

    fn noise(peak: i32, count: usize) -> Vec<i16> {
        let mut state = 7u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (i32::from((state >> 16) as i16) * peak / 32_768) as i16
        })
        .take(count)
        .collect()
    }

    #[test]
    fn every_key_is_heard_once_short_or_long_plain_or_through_g711() {
        for (tone, pause) in [(40, 40), (60, 50), (100, 100), (900, 70)] {
            let samples = dial(ALL, tone, pause);
            assert_eq!(hear(&samples), ALL, "{tone} ms");
            for law in [g711::Law::Mu, g711::Law::A] {
                let (mut codes, mut back) = (Vec::new(), Vec::new());
                law.encode(&samples, &mut codes);
                law.decode(&codes, &mut back);
                assert_eq!(hear(&back), ALL, "{tone} ms {law:?}");
            }
        }
    }

    #[test]
    fn repeated_keys_are_repeated() {
        assert_eq!(hear(&dial("5555", 70, 50)), "5555");
    }

    #[test]
    fn weak_and_noisy_keys_are_heard() {
        let mut samples = dial(ALL, 80, 80);
        mixer::add(&mut samples, &noise(2_000, 80_000));
        assert_eq!(hear(&samples), ALL);
        mixer::scale(&mut samples, 32);
        assert_eq!(hear(&samples), ALL);
    }

    #[test]
    fn what_is_no_key_is_not_heard() {
        assert_eq!(hear(&noise(20_000, 160_000)), "");
        assert_eq!(hear(&tone::sine(697.0, 16_000, 2_000)), "");
        assert_eq!(hear(&tone::sines(&[697.0, 770.0], 16_000, 2_000)), "");
        assert_eq!(hear(&tone::sines(&[440.0, 480.0], 16_000, 2_000)), "");
        // A voiced sound: a fundamental with many overtones, gliding through the rows.
        let mut voiced = Vec::new();
        for pitch in 90..260 {
            let overtones: Vec<f64> = (1..14).map(|overtone| f64::from(pitch * overtone)).collect();
            voiced.extend(tone::sines(&overtones, 20_000, 60));
        }
        assert_eq!(hear(&voiced), "");
        assert!(generate('x', 100).is_none());
    }

    #[test]
    fn a_key_much_louder_on_one_side_is_refused() {
        let mut samples = tone::sine(770.0, 12_000, 500);
        mixer::add(&mut samples, &tone::sine(1_336.0, 2_000, 500));
        assert_eq!(hear(&samples), "");
    }
}
