//! Measures of a sound: strength, the level of speech without its pauses, power at one frequency (Goertzel), and the strongest
//! frequency.

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

/// Time constant of the envelope (ITU-T P.56, method B), in seconds.
const ENVELOPE_SECONDS: f64 = 0.03;
/// How long speech goes on after its envelope fell, in samples (0.2 s).
const HANGOVER_SAMPLES: usize = 1_600;
/// How far the level of speech lies above the threshold that counts as speech, in decibels.
const MARGIN_DB: f64 = 15.9;

/// Level of speech without its pauses relative to full scale, in decibels (ITU-T P.56, method B); -127 for silence.
pub fn active_speech_level_dbov(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if energy < 1.0 {
        return -127.0;
    }
    let decibels = |mean_square: f64| 10.0 * (mean_square / 32_768f64.powi(2)).log10();
    let mut before: Option<(f64, f64)> = None;
    // From the highest threshold down: the first one that lies a margin or more below the level above it.
    for power in (0..15).rev() {
        let threshold = f64::from(1u32 << power);
        let active = active_samples(samples, threshold);
        if active == 0 {
            continue;
        }
        let level = decibels(energy / active as f64);
        let above = level - decibels(threshold.powi(2)) - MARGIN_DB;
        if above >= 0.0 {
            return match before {
                // Between two thresholds, where the margin is met.
                Some((higher, below)) => level + (higher - level) * (above / (above - below)),
                None => level,
            };
        }
        before = Some((level, above));
    }
    before.map_or(-127.0, |(level, _)| level)
}

/// Samples during which the envelope is above a threshold, or was shortly before.
fn active_samples(samples: &[i16], threshold: f64) -> usize {
    let keep = (-1.0 / (f64::from(SAMPLE_RATE) * ENVELOPE_SECONDS)).exp();
    let (mut smooth, mut envelope, mut since, mut active) = (0.0, 0.0, HANGOVER_SAMPLES, 0);
    for &sample in samples {
        smooth = keep * smooth + (1.0 - keep) * f64::from(sample).abs();
        envelope = keep * envelope + (1.0 - keep) * smooth;
        since = if envelope >= threshold { 0 } else { since.saturating_add(1) };
        active += usize::from(since < HANGOVER_SAMPLES);
    }
    active
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
    fn the_level_of_speech_is_that_of_its_sounding_parts() {
        let tone = tone::sine(500.0, 8_000, 2_000);
        let whole = active_speech_level_dbov(&tone);
        assert!((whole - level_dbov(&tone)).abs() < 0.2, "{whole}");
        let mut broken = tone.clone();
        broken.extend(vec![0; 32_000]);
        broken.extend(&tone);
        let spoken = active_speech_level_dbov(&broken);
        assert!((spoken - whole).abs() < 0.6, "{spoken} and {whole}: the pause does not count");
        assert!(level_dbov(&broken) < whole - 2.5);
        assert!((active_speech_level_dbov(&[0; 800]) + 127.0).abs() < f64::EPSILON);
        let half: Vec<i16> = tone.iter().map(|sample| sample / 2).collect();
        assert!((active_speech_level_dbov(&half) - whole + 6.02).abs() < 0.3);
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
