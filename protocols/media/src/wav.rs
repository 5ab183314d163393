//! WAV files: reads linear PCM16, mu-law and A-law, of any channels and rate; writes PCM16 and mu-law.
//!
//! Promises: any bytes either read or give an error; sizes in the file are never trusted beyond its end, so a file whose
//! writer was cut off still reads up to its last whole sample.

use thiserror::Error;

use crate::g711::Law;
use crate::{SAMPLE_RATE, g711, resample};

const FORMAT_PCM: u16 = 1;
const FORMAT_ALAW: u16 = 6;
const FORMAT_ULAW: u16 = 7;
const FORMAT_EXTENSIBLE: u16 = 0xFFFE;
/// Channels that are read at most.
pub const CHANNELS_LIMIT: u16 = 8;
/// Sample rates that are read, in hertz.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// No RIFF/WAVE signature, or no format or data chunk.
    #[error("this is no WAV file: {0}")]
    NotWav(&'static str),
    /// A codec or depth that is not spoken here.
    #[error("WAV format {format} with {bits} bits is not supported (PCM 16, mu-law 8 and A-law 8 are)")]
    Unsupported {
        /// The format tag.
        format: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// Channels or rate outside the limits.
    #[error("{channels} channels at {rate} Hz are outside the limits")]
    Limits {
        /// Channels.
        channels: u16,
        /// Samples each second.
        rate: u32,
    },
}

/// A sound read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Samples each second.
    pub rate: u32,
    /// One list of samples for each channel, all of the same length.
    pub channels: Vec<Vec<i16>>,
}

struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
}

/// Reads a whole file.
pub fn read(bytes: &[u8]) -> Result<Sound, Error> {
    if bytes.len() < 12 || &bytes[..4] != b"RIFF" || &bytes[8..12] != b"WAVE" {
        return Err(Error::NotWav("the signature is missing"));
    }
    let mut rest = &bytes[12..];
    let mut format = None;
    while let Some((header, after)) = rest.split_first_chunk::<8>() {
        let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let body = &after[..size.min(after.len())];
        match &header[..4] {
            b"fmt " => format = Some(read_format(body)?),
            b"data" => {
                let format = format.ok_or(Error::NotWav("the data come before the format"))?;
                return read_samples(&format, body);
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        rest = &after[body.len().saturating_add(size & 1).min(after.len())..];
    }
    Err(Error::NotWav("the data are missing"))
}

fn read_format(body: &[u8]) -> Result<Format, Error> {
    let fixed: &[u8; 16] = body.first_chunk().ok_or(Error::NotWav("the format is cut off"))?;
    let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let mut tag = short(0);
    if tag == FORMAT_EXTENSIBLE {
        let sub: &[u8] = body.get(24..26).ok_or(Error::NotWav("the format is cut off"))?;
        tag = u16::from_le_bytes([sub[0], sub[1]]);
    }
    let rate = u32::from_le_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
    Ok(Format { tag, channels: short(2), rate, bits: short(14) })
}

fn read_samples(format: &Format, body: &[u8]) -> Result<Sound, Error> {
    if format.channels == 0 || format.channels > CHANNELS_LIMIT || !RATES.contains(&format.rate) {
        return Err(Error::Limits { channels: format.channels, rate: format.rate });
    }
    let samples: Vec<i16> = match (format.tag, format.bits) {
        (FORMAT_PCM, 16) => body.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
        (FORMAT_ULAW, 8) => body.iter().map(|&code| g711::decode_ulaw(code)).collect(),
        (FORMAT_ALAW, 8) => body.iter().map(|&code| g711::decode_alaw(code)).collect(),
        (format, bits) => return Err(Error::Unsupported { format, bits }),
    };
    let count = usize::from(format.channels);
    let mut channels = vec![Vec::with_capacity(samples.len() / count); count];
    for group in samples.chunks_exact(count) {
        for (channel, &sample) in channels.iter_mut().zip(group) {
            channel.push(sample);
        }
    }
    Ok(Sound { rate: format.rate, channels })
}

impl Sound {
    /// One channel at 8 kHz: channels are averaged, and other rates converted by [`crate::resample`].
    pub fn to_telephone(&self) -> Vec<i16> {
        let length = self.channels.iter().map(Vec::len).min().unwrap_or(0);
        let count = self.channels.len().max(1) as i32;
        let mono: Vec<i16> = (0..length)
            .map(|index| (self.channels.iter().map(|channel| i32::from(channel[index])).sum::<i32>() / count) as i16)
            .collect();
        resample::to_telephone(&mono, self.rate)
    }
}

/// A PCM16 file at 8 kHz: one channel for each list (1 or 2); shorter channels are filled up with silence.
pub fn write_pcm16(channels: &[&[i16]]) -> Vec<u8> {
    let length = channels.iter().map(|channel| channel.len()).max().unwrap_or(0);
    let mut data = Vec::with_capacity(length * channels.len() * 2);
    for index in 0..length {
        for channel in channels {
            data.extend_from_slice(&channel.get(index).copied().unwrap_or(0).to_le_bytes());
        }
    }
    let mut out = header(FORMAT_PCM, channels.len() as u16, 16, data.len());
    out.extend_from_slice(&data);
    out
}

/// A mu-law file at 8 kHz, channels as in [`write_pcm16`].
pub fn write_ulaw(channels: &[&[i16]]) -> Vec<u8> {
    let length = channels.iter().map(|channel| channel.len()).max().unwrap_or(0);
    let mut out = header(FORMAT_ULAW, channels.len() as u16, 8, length * channels.len());
    for index in 0..length {
        for channel in channels {
            out.push(Law::Mu.encode_sample(channel.get(index).copied().unwrap_or(0)));
        }
    }
    if out.len() % 2 == 1 {
        out.push(0);
    }
    out
}

/// The header before `data_bytes` of mu-law codes at 8 kHz: for players that stream the codes behind it.
pub fn ulaw_header(channels: u16, data_bytes: usize) -> Vec<u8> {
    header(FORMAT_ULAW, channels, 8, data_bytes)
}

fn header(format: u16, channels: u16, bits: u16, data_bytes: usize) -> Vec<u8> {
    let frame_bytes = channels * (bits / 8);
    // Formats other than PCM carry an extension size and a fact chunk.
    let plain = format == FORMAT_PCM;
    let format_bytes: u32 = if plain { 16 } else { 18 };
    let fact_bytes: u32 = if plain { 0 } else { 12 };
    let data = u32::try_from(data_bytes).unwrap_or(u32::MAX - 64);
    let mut out = Vec::with_capacity(58);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(4 + 8 + format_bytes + fact_bytes + 8 + data + (data & 1)).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&format_bytes.to_le_bytes());
    out.extend_from_slice(&format.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    out.extend_from_slice(&(SAMPLE_RATE * u32::from(frame_bytes)).to_le_bytes());
    out.extend_from_slice(&frame_bytes.to_le_bytes());
    out.extend_from_slice(&bits.to_le_bytes());
    if !plain {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"fact");
        out.extend_from_slice(&4u32.to_le_bytes());
        out.extend_from_slice(&(data / u32::from(frame_bytes.max(1))).to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure, tone};
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let (left, right) = (tone::sine(440.0, 9_000, 30), tone::sine(600.0, 9_000, 20));
        let sound = read(&write_pcm16(&[&left, &right])).expect("written by us");
        assert_eq!(sound.rate, 8_000);
        assert_eq!(sound.channels[0], left);
        assert_eq!(&sound.channels[1][..right.len()], &right[..]);
        assert!(sound.channels[1][right.len()..].iter().all(|&sample| sample == 0));
        let sound = read(&write_ulaw(&[&left])).expect("written by us");
        assert_eq!(sound.channels[0].len(), left.len());
        assert!((measure::rms(&sound.channels[0]) - measure::rms(&left)).abs() < 100.0);
    }

    #[test]
    fn a_file_that_was_cut_off_reads_to_its_last_sample() {
        let mut bytes = write_pcm16(&[&[1, 2, 3, 4]]);
        bytes.truncate(bytes.len() - 3);
        assert_eq!(read(&bytes).expect("still a file").channels[0], vec![1, 2]);
    }

    #[test]
    fn what_is_not_supported_says_so() {
        let mut bytes = write_pcm16(&[&[1, 2]]);
        bytes[34] = 24;
        assert_eq!(read(&bytes), Err(Error::Unsupported { format: 1, bits: 24 }));
        bytes[34] = 16;
        bytes[22] = 0;
        assert_eq!(read(&bytes), Err(Error::Limits { channels: 0, rate: 8_000 }));
        assert_eq!(read(b"RIFF"), Err(Error::NotWav("the signature is missing")));
        assert_eq!(read(b"RIFF\0\0\0\0WAVE"), Err(Error::NotWav("the data are missing")));
    }

    #[test]
    fn other_rates_become_telephone_sound() {
        for rate in [16_000u32, 44_100, 48_000, 6_000] {
            let count = rate / 2;
            let samples: Vec<i16> = (0..count)
                .map(|index| {
                    let phase = std::f64::consts::TAU * 440.0 * f64::from(index) / f64::from(rate);
                    (9_000.0 * phase.sin()) as i16
                })
                .collect();
            let sound = Sound { rate, channels: vec![samples.clone(), samples] };
            let telephone = sound.to_telephone();
            assert!(telephone.len().abs_diff(4_000) <= 1, "{rate}: {}", telephone.len());
            assert!((measure::dominant_frequency(&telephone) - 440.0).abs() < 3.0, "{rate}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_read_or_fail(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..60, value: u8) {
            let _ = read(&bytes);
            let mut file = write_ulaw(&[&[1, 2, 3]]);
            if at < file.len() {
                file[at] = value;
            }
            let _ = read(&file).map(|sound| sound.to_telephone());
            bytes.splice(0..0, *b"RIFF\0\0\0\0WAVE");
            let _ = read(&bytes);
        }
    }
}
