//! G.711 companding: PCMU (mu-law) and PCMA (A-law), one byte for each sample (ITU-T G.711; payload types 0 and 8 of
//! RFC 3551).
//!
//! Promises: every one of the 256 codes decodes to the value of the Recommendation's tables (scaled to 16 bits), and
//! encoding what was decoded gives the same code again (mu-law has two zeroes: the negative one becomes the positive).

/// The mu-law code of silence.
pub const ULAW_SILENCE: u8 = 0xFF;
/// The A-law code of silence.
pub const ALAW_SILENCE: u8 = 0xD5;

/// Added before the segment search, so that every segment starts at a power of two (mu-law).
const BIAS: i32 = 0x84;
/// The largest magnitude that mu-law can carry.
const CLIP: i32 = 32_635;

/// Which of the two laws a call speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// PCMU, payload type 0: North America, Japan.
    Mu,
    /// PCMA, payload type 8: everywhere else.
    A,
}

impl Law {
    /// The static RTP payload type (RFC 3551, table 4).
    pub const fn payload_type(self) -> u8 {
        match self {
            Law::Mu => 0,
            Law::A => 8,
        }
    }

    /// The law behind a static RTP payload type.
    pub const fn from_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Law::Mu),
            8 => Some(Law::A),
            _ => None,
        }
    }

    /// One sample to one code.
    pub fn encode_sample(self, sample: i16) -> u8 {
        match self {
            Law::Mu => encode_ulaw(sample),
            Law::A => encode_alaw(sample),
        }
    }

    /// One code to one sample.
    pub fn decode_sample(self, code: u8) -> i16 {
        match self {
            Law::Mu => decode_ulaw(code),
            Law::A => decode_alaw(code),
        }
    }

    /// Appends the codes of the samples.
    pub fn encode(self, samples: &[i16], out: &mut Vec<u8>) {
        out.extend(samples.iter().map(|&sample| self.encode_sample(sample)));
    }

    /// Appends the samples of the codes.
    pub fn decode(self, codes: &[u8], out: &mut Vec<i16>) {
        out.extend(codes.iter().map(|&code| self.decode_sample(code)));
    }
}

/// One sample to its mu-law code.
pub fn encode_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80u8 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // The position of the highest set bit above bit 7 is the segment; the four bits below it are the step.
    let segment = (magnitude >> 7).ilog2() as u8;
    let step = ((magnitude >> (segment + 3)) & 0x0F) as u8;
    !(sign | (segment << 4) | step)
}

/// One mu-law code to its sample.
pub fn decode_ulaw(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 7;
    let step = i32::from(code & 0x0F);
    let magnitude = (((step << 3) + BIAS) << segment) - BIAS;
    if code & 0x80 == 0 { magnitude as i16 } else { -magnitude as i16 }
}

/// One sample to its A-law code.
pub fn encode_alaw(sample: i16) -> u8 {
    // A-law mirrors around -1/2: the negative side is the one's complement of the positive one.
    let (sign, magnitude) = if sample < 0 { (0u8, i32::from(!sample)) } else { (0x80, i32::from(sample)) };
    let segment = if magnitude < 256 { 0 } else { (magnitude >> 7).ilog2() as u8 };
    let step = if segment == 0 { magnitude >> 4 } else { magnitude >> (segment + 3) };
    (sign | (segment << 4) | (step & 0x0F) as u8) ^ 0x55
}

/// One A-law code to its sample.
pub fn decode_alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = i32::from(code & 0x0F) << 4;
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if code & 0x80 == 0 { -magnitude as i16 } else { magnitude as i16 }
}

#[cfg(test)]
mod tests;
