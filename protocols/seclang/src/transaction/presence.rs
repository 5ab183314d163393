//! Which bytes occur in a text: a set of 256 bits that answers in a nanosecond what a look at each byte would.

/// A set of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presence([u64; 4]);

impl Presence {
    /// The bytes of a text.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut all = Self::default();
        for byte in text {
            all.add(*byte);
        }
        all
    }

    /// One more.
    pub(crate) fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// It occurs.
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// One of them occurs.
    pub(crate) fn has_any(&self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| self.has(*byte))
    }

    /// A large letter of ASCII occurs.
    pub(crate) fn has_upper(&self) -> bool {
        // Bits 65 to 90: `A` to `Z` in the second word.
        self.0[1] & 0x07ff_fffe != 0
    }

    /// Nothing beyond ASCII occurs.
    pub(crate) fn is_ascii(&self) -> bool {
        self.0[2] == 0 && self.0[3] == 0
    }

    /// Both have a byte in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(own, other)| own & other != 0)
    }

    /// Every byte of the other is here.
    pub(crate) fn holds_all(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| other & !own == 0)
    }
}
