//! A recording as a WAV file that a browser can seek in: the header is made on the fly, ranges are served from the
//! sealed chunks (RFC 9110 section 14).

/// Bytes of the header in front of the samples.
pub const HEADER_BYTES: u64 = 44;
/// Samples a second of every recording.
pub const SAMPLE_RATE: u32 = 8_000;
/// Most bytes that one answer carries; a player asks again.
pub const RANGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The header of a WAV file with `data_bytes` bytes of 16-bit PCM.
pub fn wav_header(channels: u8, data_bytes: u64) -> [u8; HEADER_BYTES as usize] {
    let data = u32::try_from(data_bytes).unwrap_or(u32::MAX - 36);
    let block = u16::from(channels) * 2;
    let mut header = [0_u8; HEADER_BYTES as usize];
    let fields: [(usize, &[u8]); 13] = [
        (0, b"RIFF"),
        (4, &(data + 36).to_le_bytes()),
        (8, b"WAVE"),
        (12, b"fmt "),
        (16, &16_u32.to_le_bytes()),
        (20, &1_u16.to_le_bytes()),
        (22, &u16::from(channels).to_le_bytes()),
        (24, &SAMPLE_RATE.to_le_bytes()),
        (28, &(SAMPLE_RATE * u32::from(block)).to_le_bytes()),
        (32, &block.to_le_bytes()),
        (34, &16_u16.to_le_bytes()),
        (36, b"data"),
        (40, &data.to_le_bytes()),
    ];
    for (at, bytes) in fields {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    }
    header
}

/// What of a file is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All of it (status 200).
    Whole,
    /// Bytes `first..=last` of it (status 206).
    Part {
        /// First byte.
        first: u64,
        /// Last byte, included.
        last: u64,
    },
    /// Nothing fits (status 416).
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `length` bytes. Several ranges or another unit mean the whole file, as the RFC
/// allows; an open range is cut to [`RANGE_BYTES_MAX`].
pub fn span(range: Option<&str>, length: u64) -> Span {
    let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Span::Whole };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else { return Span::Whole };
    let (first, last) = (first.trim(), last.trim());
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    let (first, last) = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Span::Whole,
        (true, false) => match number(last) {
            Some(0) => return Span::Unsatisfiable,
            Some(suffix) => (length.saturating_sub(suffix), length.saturating_sub(1)),
            None => return Span::Whole,
        },
        (false, _) => match (number(first), number(if last.is_empty() { "18446744073709551615" } else { last })) {
            (Some(first), Some(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
            _ => return Span::Whole,
        },
    };
    if first >= length {
        return Span::Unsatisfiable;
    }
    Span::Part { first, last: last.min(first.saturating_add(RANGE_BYTES_MAX - 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_back_by_the_wav_reader() {
        let mut file = wav_header(2, 8).to_vec();
        file.extend([1, 0, 2, 0, 3, 0, 4, 0]);
        let wav = media::wav::read(&file).expect("a WAV file");
        assert_eq!(wav.rate, 8_000);
        assert_eq!(wav.channels, [vec![1, 3], vec![2, 4]]);
    }

    #[test]
    fn ranges_are_read_at_their_edges() {
        let part = |first, last| Span::Part { first, last };
        let cases = [
            (None, Span::Whole),
            (Some("bytes=0-"), part(0, 99)),
            (Some("bytes=0-0"), part(0, 0)),
            (Some("bytes=99-"), part(99, 99)),
            (Some("bytes=100-"), Span::Unsatisfiable),
            (Some("bytes=10-1000"), part(10, 99)),
            (Some("bytes=-1"), part(99, 99)),
            (Some("bytes=-1000"), part(0, 99)),
            (Some("bytes=-0"), Span::Unsatisfiable),
            (Some("bytes=5-4"), Span::Whole),
            (Some("bytes=0-1,3-4"), Span::Whole),
            (Some("lines=0-1"), Span::Whole),
            (Some("bytes=a-b"), Span::Whole),
            (Some("bytes=-"), Span::Whole),
            (Some("bytes=99999999999999999999-"), Span::Unsatisfiable),
        ];
        for (header, expected) in cases {
            assert_eq!(span(header, 100), expected, "{header:?}");
        }
        assert_eq!(span(Some("bytes=0-"), RANGE_BYTES_MAX + 1), part(0, RANGE_BYTES_MAX - 1));
        assert_eq!(span(Some("bytes=0-"), 0), Span::Unsatisfiable);
    }
}
