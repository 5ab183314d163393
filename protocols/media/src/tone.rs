//! Tones: sine waves for beeps, ringback and tests.

use std::f64::consts::TAU;

use crate::SAMPLE_RATE;

/// Samples over which a beep fades in and out, so that it does not click: 5 ms.
const FADE_SAMPLES: usize = 40;

/// A sum of sine waves of equal strength. `peak` is the peak of the sum, 0..=32767; `milliseconds` its length.
pub fn sines(frequencies: &[f64], peak: i16, milliseconds: u32) -> Vec<i16> {
    let count = (u64::from(milliseconds) * u64::from(SAMPLE_RATE) / 1_000) as usize;
    let each = f64::from(peak) / frequencies.len().max(1) as f64;
    (0..count)
        .map(|index| {
            let seconds = index as f64 / f64::from(SAMPLE_RATE);
            frequencies.iter().map(|frequency| each * (TAU * frequency * seconds).sin()).sum::<f64>() as i16
        })
        .collect()
}

/// One sine wave.
pub fn sine(frequency: f64, peak: i16, milliseconds: u32) -> Vec<i16> {
    sines(&[frequency], peak, milliseconds)
}

/// The tone after which one speaks: 1 kHz, faded at both ends.
pub fn beep(milliseconds: u32) -> Vec<i16> {
    let mut samples = sine(1_000.0, 12_000, milliseconds);
    let fade = FADE_SAMPLES.min(samples.len() / 2);
    let last = samples.len().saturating_sub(1);
    for index in 0..fade {
        let scale = index as i32;
        samples[index] = (i32::from(samples[index]) * scale / fade as i32) as i16;
        samples[last - index] = (i32::from(samples[last - index]) * scale / fade as i32) as i16;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;

    #[test]
    fn a_sine_has_its_length_strength_and_frequency() {
        let tone = sine(440.0, 10_000, 500);
        assert_eq!(tone.len(), 4_000);
        assert!((measure::rms(&tone) - 10_000.0 / 2f64.sqrt()).abs() < 100.0);
        assert!((measure::dominant_frequency(&tone) - 440.0).abs() < 3.0);
        assert!(sine(440.0, 10_000, 0).is_empty());
    }

    #[test]
    fn a_beep_begins_and_ends_softly() {
        let tone = beep(200);
        assert_eq!((tone[0], tone[tone.len() - 1]), (0, 0));
        assert!(beep(0).is_empty());
    }
}
