//! Brings sound of any rate to the telephone's 8 kHz: a windowed-sinc low-pass and interpolation in one, so that nothing above
//! the telephone's band folds into it.

use crate::SAMPLE_RATE;

/// Highest rate that is taken; a higher one would make the filter needlessly long.
pub const INPUT_RATE_MAX: u32 = 192_000;
/// Zero crossings of the sinc on each side.
const LOBES: f64 = 12.0;
/// Where the low-pass begins, as a part of half the telephone's rate.
const PASS_BAND: f64 = 0.94;

/// `samples` at `rate` as samples at 8 kHz; a rate of zero or above [`INPUT_RATE_MAX`] gives nothing.
pub fn to_telephone(samples: &[i16], rate: u32) -> Vec<i16> {
    if rate == SAMPLE_RATE {
        return samples.to_vec();
    }
    if rate == 0 || rate > INPUT_RATE_MAX || samples.is_empty() {
        return Vec::new();
    }
    let step = f64::from(rate) / f64::from(SAMPLE_RATE);
    let cutoff = PASS_BAND / step.max(1.0);
    let reach = LOBES / cutoff;
    let count = (samples.len() as f64 / step).floor() as usize;
    (0..count).map(|index| at(samples, index as f64 * step, cutoff, reach)).collect()
}

fn at(samples: &[i16], centre: f64, cutoff: f64, reach: f64) -> i16 {
    let first = (centre - reach).ceil().max(0.0) as usize;
    let last = ((centre + reach).floor() as usize).min(samples.len() - 1);
    let sum: f64 = (first..=last)
        .map(|index| {
            let distance = index as f64 - centre;
            f64::from(samples[index]) * cutoff * sinc(distance * cutoff) * window(distance / reach)
        })
        .sum();
    sum.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) }
}

/// Hann window over -1..1.
fn window(x: f64) -> f64 {
    0.5 + 0.5 * (std::f64::consts::PI * x.clamp(-1.0, 1.0)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, rate: u32, seconds: f64) -> Vec<i16> {
        (0..(f64::from(rate) * seconds) as usize)
            .map(|n| ((n as f64 * frequency * std::f64::consts::TAU / f64::from(rate)).sin() * 10_000.0) as i16)
            .collect()
    }

    fn level(samples: &[i16]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        (middle.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / middle.len() as f64).sqrt()
    }

    #[test]
    fn a_tone_in_the_pass_band_keeps_its_level_and_one_above_it_vanishes() {
        for rate in [11_025, 16_000, 22_050, 44_100, 48_000] {
            let kept = to_telephone(&sine(1_000.0, rate, 0.5), rate);
            assert!((3_999..=4_000).contains(&kept.len()), "{rate}: {}", kept.len());
            assert!((level(&kept) / 7_071.0 - 1.0).abs() < 0.02, "{rate}: {}", level(&kept));
            let gone = to_telephone(&sine(4_900.0, rate, 0.5), rate);
            assert!(level(&gone) < 150.0, "{rate}: {}", level(&gone));
        }
    }

    #[test]
    fn edges_give_nothing_or_the_same() {
        assert_eq!(to_telephone(&[1, 2, 3], SAMPLE_RATE), [1, 2, 3]);
        assert!(to_telephone(&[1, 2, 3], 0).is_empty());
        assert!(to_telephone(&[1, 2, 3], INPUT_RATE_MAX + 1).is_empty());
        assert!(to_telephone(&[], 16_000).is_empty());
    }
}
