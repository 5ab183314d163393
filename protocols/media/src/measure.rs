//! Measures of a sound: strength, power at one frequency (Goertzel), and the strongest frequency.

use std::f64::consts::{PI, TAU};

use crate::SAMPLE_RATE;

/// Root mean square, 0..=32768.
pub fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    (sum / samples.len() as f64).sqrt()
}

/// Level relative to full scale in decibels; -127 for silence (the floor of RFC 6464).
pub fn level_dbov(samples: &[i16]) -> f64 {
    let rms = rms(samples);
    if rms < 1e-9 { -127.0 } else { (20.0 * (rms / 32_768.0).log10()).max(-127.0) }
}

/// Mean square of the part of a sound that lies at one frequency: for a pure tone of that frequency it equals the mean
/// square of the whole.
pub fn power_at(samples: &[i16], frequency: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let coefficient = 2.0 * (TAU * frequency / f64::from(SAMPLE_RATE)).cos();
    let (mut previous, mut before) = (0.0f64, 0.0f64);
    for &sample in samples {
        let next = f64::from(sample) + coefficient * previous - before;
        before = previous;
        previous = next;
    }
    let energy = previous * previous + before * before - coefficient * previous * before;
    2.0 * energy.max(0.0) / (samples.len() as f64 * samples.len() as f64)
}

/// Share of a sound's energy that lies at one frequency (within the width of its length), 0..=1.
pub fn share_at(samples: &[i16], frequency: f64) -> f64 {
    let whole = rms(samples).powi(2);
    if whole < 1.0 { 0.0 } else { (power_at(samples, frequency) / whole).min(1.0) }
}

/// The strongest frequency in hertz, found over the first half second at most (to about 1 Hz for a pure tone); 0 for
/// silence.
pub fn dominant_frequency(samples: &[i16]) -> f64 {
    let samples = &samples[..samples.len().min(4_000)];
    if rms(samples) < 1.0 {
        return 0.0;
    }
    // A window keeps a tone between two bins from leaking into all the others.
    let last = (samples.len().max(2) - 1) as f64;
    let windowed: Vec<i16> = samples
        .iter()
        .enumerate()
        .map(|(index, &sample)| (f64::from(sample) * (0.5 - 0.5 * (TAU * index as f64 / last).cos())) as i16)
        .collect();
    let step = f64::from(SAMPLE_RATE) / samples.len() as f64;
    let best_in = |from: f64, to: f64, step: f64| {
        let count = ((to - from) / step).max(0.0) as usize;
        (0..=count)
            .map(|index| from + index as f64 * step)
            .map(|frequency| (power_at(&windowed, frequency), frequency))
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map_or(0.0, |(_, frequency)| frequency)
    };
    let coarse = best_in(step.max(20.0), f64::from(SAMPLE_RATE) / 2.0 - 20.0, step);
    best_in((coarse - step).max(1.0), coarse + step, (step / 16.0).min(1.0 / PI * step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    #[test]
    fn silence_measures_nothing() {
        assert_eq!(rms(&[]).to_bits(), 0f64.to_bits());
        assert!((level_dbov(&[0; 160]) + 127.0).abs() < f64::EPSILON);
        assert!(dominant_frequency(&[0; 4_000]) < 1.0);
        assert!(share_at(&[0; 160], 440.0) < 1e-9);
    }

    #[test]
    fn a_tone_is_found_among_noise() {
        let mut state = 1u32;
        let mut tone = tone::sine(1_234.0, 8_000, 400);
        for sample in &mut tone {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample += ((state >> 16) as i16) / 16;
        }
        assert!((dominant_frequency(&tone) - 1_234.0).abs() < 5.0, "{}", dominant_frequency(&tone));
        assert!(share_at(&tone, 1_234.0) > 0.8);
        assert!(share_at(&tone, 900.0) < 0.05);
    }
}
