//! Both laws against the tables of the Recommendation, all 256 codes.

use super::*;

/// Decision values of G.711 table 2a, positive half, in 14-bit units: the first value of each mu-law segment.
const ULAW_SEGMENT_STARTS: [i32; 8] = [0, 33, 99, 231, 495, 1023, 2079, 4191];
/// Quantised values of G.711 table 1a, positive half, in 13-bit units: the first value of each A-law segment.
const ALAW_SEGMENT_STARTS: [i32; 8] = [1, 33, 66, 132, 264, 528, 1056, 2112];

#[test]
fn every_ulaw_code_decodes_by_the_table_and_comes_back() {
    for code in 0..=255u8 {
        let plain = !code;
        let (segment, step) = (usize::from((plain >> 4) & 7), i32::from(plain & 0x0F));
        let magnitude = (ULAW_SEGMENT_STARTS[segment] + (step << (segment + 1))) * 4;
        let expected = if plain & 0x80 == 0 { magnitude } else { -magnitude };
        assert_eq!(i32::from(decode_ulaw(code)), expected, "code {code:#04x}");
        let again = encode_ulaw(decode_ulaw(code));
        // 0x7F is the negative zero: the one code that cannot come back.
        assert_eq!(again, if code == 0x7F { 0xFF } else { code }, "code {code:#04x}");
    }
}

#[test]
fn every_alaw_code_decodes_by_the_table_and_comes_back() {
    for code in 0..=255u8 {
        let plain = code ^ 0x55;
        let (segment, step) = (usize::from((plain >> 4) & 7), i32::from(plain & 0x0F));
        let step_width = if segment == 0 { 2 } else { 1 << segment };
        let first = if segment == 0 { 1 } else { ALAW_SEGMENT_STARTS[segment] };
        let magnitude = (first + step * step_width) * 8;
        let got = i32::from(decode_alaw(code));
        assert_eq!(got, if plain & 0x80 == 0 { -magnitude } else { magnitude }, "code {code:#04x}");
        assert_eq!(encode_alaw(decode_alaw(code)), code, "code {code:#04x}");
    }
}

#[test]
fn the_nearest_code_is_chosen_for_every_sample() {
    for law in [Law::Mu, Law::A] {
        for sample in i16::MIN..=i16::MAX {
            let back = i32::from(law.decode_sample(law.encode_sample(sample)));
            let error = (back - i32::from(sample)).abs();
            // A logarithmic quantiser: the step is at most 1/16 of the value (half of it on either side), at least 8;
            // mu-law clips above 32,635.
            let allowed = (i32::from(sample).abs() / 16).max(16) + 8;
            assert!(error <= allowed, "{law:?} {sample} came back as {back}");
        }
    }
}

#[test]
fn silence_is_silence() {
    assert_eq!(decode_ulaw(ULAW_SILENCE), 0);
    assert_eq!(encode_ulaw(0), ULAW_SILENCE);
    assert_eq!(encode_alaw(0), ALAW_SILENCE);
    assert_eq!(decode_alaw(ALAW_SILENCE), 8);
}
