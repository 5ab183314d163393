//! Adding sounds: sums that saturate instead of wrapping, and two mono sounds side by side as stereo.

/// Adds `other` onto `base`; samples beyond the end of either stay as they are.
pub fn add(base: &mut [i16], other: &[i16]) {
    for (sample, &added) in base.iter_mut().zip(other) {
        *sample = sample.saturating_add(added);
    }
}

/// Makes a sound louder or softer: 256 leaves it as it is, 128 halves it.
pub fn scale(samples: &mut [i16], gain: u16) {
    for sample in samples {
        let scaled = i32::from(*sample) * i32::from(gain) / 256;
        *sample = scaled.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    }
}

/// Two channels sample by sample; the shorter one is filled up with silence.
pub fn interleave(left: &[i16], right: &[i16]) -> Vec<i16> {
    let length = left.len().max(right.len());
    let at = |channel: &[i16], index: usize| channel.get(index).copied().unwrap_or(0);
    (0..length).flat_map(|index| [at(left, index), at(right, index)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate() {
        let mut base = [30_000, -30_000, 5];
        add(&mut base, &[10_000, -10_000]);
        assert_eq!(base, [i16::MAX, i16::MIN, 5]);
    }

    #[test]
    fn gain_is_clamped() {
        let mut samples = [20_000, -20_000, 100];
        scale(&mut samples, 512);
        assert_eq!(samples, [i16::MAX, i16::MIN, 200]);
    }

    #[test]
    fn channels_stand_side_by_side() {
        assert_eq!(interleave(&[1, 2], &[9]), vec![1, 9, 2, 0]);
    }
}
