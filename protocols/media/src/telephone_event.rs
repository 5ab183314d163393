//! Digits as events (RFC 4733, `telephone-event`): what is dialled travels as numbers, not as sound.
//!
//! Promises: each key press is reported once, whatever is lost, repeated or reordered, even when the sender changes its
//! SSRC for the event; a long event split into segments (section 2.5.1.3) stays one press.

/// Bytes of one event payload.
pub const PAYLOAD_BYTES: usize = 4;
/// The end of an event is sent this often, because it may get lost (section 2.5.1.4).
pub const END_REPEATS: u8 = 3;
/// An ended event that comes again after this many ticks of 20 ms is a new press by a sender that repeats its timestamps.
pub const SAME_PRESS_TICKS: u64 = 25;
/// The volume that is sent: -10 dBm0.
const VOLUME: u8 = 10;
/// The symbols of events 0 to 15 (section 3.2, table 3).
const SYMBOLS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];
/// Presses remembered, so that their late repeats are recognised.
const REMEMBERED: usize = 4;

/// The symbol of an event code; none for events that are no digit.
pub fn symbol(event: u8) -> Option<char> {
    SYMBOLS.get(usize::from(event)).copied()
}

/// The event code of a symbol (letters in either case).
pub fn event(symbol: char) -> Option<u8> {
    let symbol = symbol.to_ascii_uppercase();
    SYMBOLS.iter().position(|&known| known == symbol).map(|index| index as u8)
}

/// One payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// What happened: 0..=15 are the keys.
    pub event: u8,
    /// The key was let go.
    pub end: bool,
    /// Strength below 0 dBm0, 0..=63.
    pub volume: u8,
    /// Since the event's timestamp, in clock units.
    pub duration: u16,
}

impl Payload {
    /// Reads the first event of a payload.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; PAYLOAD_BYTES] = bytes.first_chunk()?;
        Some(Payload {
            event: bytes[0],
            end: bytes[1] & 0x80 != 0,
            volume: bytes[1] & 0x3F,
            duration: u16::from_be_bytes([bytes[2], bytes[3]]),
        })
    }

    /// The payload on the wire.
    pub fn to_bytes(self) -> [u8; PAYLOAD_BYTES] {
        let duration = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3F), duration[0], duration[1]]
    }
}

#[derive(Debug, Clone, Copy)]
struct Press {
    event: u8,
    timestamp: u32,
    duration: u16,
    ended: bool,
    last_tick: u64,
}

/// Turns event packets into key presses.
#[derive(Debug, Default)]
pub struct Receiver {
    presses: Vec<Press>,
}

impl Receiver {
    /// Takes one packet; gives the symbol when it begins a new press. `tick` counts 20 ms since any origin.
    pub fn receive(&mut self, marker: bool, timestamp: u32, payload: Payload, tick: u64) -> Option<char> {
        let symbol = symbol(payload.event)?;
        if let Some(press) = self.known(marker, timestamp, payload, tick) {
            let segment = press.timestamp != timestamp;
            press.duration = if segment { payload.duration } else { press.duration.max(payload.duration) };
            press.timestamp = timestamp;
            press.ended |= payload.end;
            press.last_tick = tick;
            return None;
        }
        if self.presses.len() == REMEMBERED {
            self.presses.remove(0);
        }
        let (event, duration, ended) = (payload.event, payload.duration, payload.end);
        self.presses.push(Press { event, timestamp, duration, ended, last_tick: tick });
        Some(symbol)
    }

    /// The press that this packet repeats or continues.
    fn known(&mut self, marker: bool, timestamp: u32, payload: Payload, tick: u64) -> Option<&mut Press> {
        self.presses.iter_mut().rev().find(|press| {
            if press.event != payload.event {
                return false;
            }
            if press.timestamp == timestamp {
                let stale = press.ended && tick.saturating_sub(press.last_tick) > SAME_PRESS_TICKS;
                return !stale;
            }
            // The next segment of a long press starts where the last one ended, and has no marker.
            !marker && !press.ended && timestamp == press.timestamp.wrapping_add(u32::from(press.duration))
        })
    }
}

/// One packet that a sender should send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Set on the first packet of the event.
    pub marker: bool,
    /// What it carries.
    pub payload: Payload,
}

/// Sends one key press: a packet every 20 ms while the key is down, then the end three times.
#[derive(Debug, Clone)]
pub struct Sender {
    event: u8,
    length: u16,
    elapsed: u16,
    ends_sent: u8,
}

impl Sender {
    /// A press of `milliseconds` (40 to 8,000); none for a character that is no key.
    pub fn new(symbol: char, milliseconds: u16) -> Option<Self> {
        let length = milliseconds.clamp(40, 8_000) * 8;
        Some(Sender { event: event(symbol)?, length, elapsed: 0, ends_sent: 0 })
    }

    /// The next packet, one for each 20 ms; all carry the timestamp of the press's beginning. None: the press is over.
    pub fn step(&mut self) -> Option<Step> {
        if self.ends_sent == END_REPEATS {
            return None;
        }
        let marker = self.elapsed == 0;
        self.elapsed = (self.elapsed + crate::FRAME_SAMPLES as u16).min(self.length);
        let end = self.elapsed == self.length;
        self.ends_sent += u8::from(end);
        Some(Step { marker, payload: Payload { event: self.event, end, volume: VOLUME, duration: self.elapsed } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn press(receiver: &mut Receiver, timestamp: u32, symbol: char, first_tick: u64) -> Vec<char> {
        let mut sender = Sender::new(symbol, 100).expect("a key");
        let mut heard = Vec::new();
        let mut tick = first_tick;
        while let Some(step) = sender.step() {
            heard.extend(receiver.receive(step.marker, timestamp, step.payload, tick));
            tick += 1;
        }
        heard
    }

    #[test]
    fn a_press_is_seven_packets_and_one_digit() {
        let mut sender = Sender::new('#', 100).expect("a key");
        let steps: Vec<Step> = std::iter::from_fn(|| sender.step()).collect();
        assert_eq!(steps.len(), 7);
        assert_eq!(steps.iter().filter(|step| step.payload.end).count(), 3);
        assert!(steps[0].marker && !steps[1].marker);
        assert_eq!(steps[6].payload, Payload { event: 11, end: true, volume: 10, duration: 800 });
        assert_eq!(press(&mut Receiver::default(), 1_000, '#', 0), vec!['#']);
    }

    #[test]
    fn any_subset_of_the_packets_gives_one_digit() {
        let mut sender = Sender::new('7', 60).expect("a key");
        let steps: Vec<Step> = std::iter::from_fn(|| sender.step()).collect();
        for subset in 1u32..(1 << steps.len()) {
            let mut receiver = Receiver::default();
            let chosen = (0..steps.len()).filter(|index| subset & (1 << index) != 0);
            let heard: Vec<char> =
                chosen.filter_map(|index| receiver.receive(steps[index].marker, 5, steps[index].payload, 0)).collect();
            assert_eq!(heard, vec!['7'], "subset {subset:b}");
        }
    }

    #[test]
    fn the_same_key_twice_is_two_digits_and_a_late_repeat_is_none() {
        let mut receiver = Receiver::default();
        assert_eq!(press(&mut receiver, 1_000, '1', 0), vec!['1']);
        assert_eq!(press(&mut receiver, 3_000, '1', 10), vec!['1']);
        let late = Payload { event: 1, end: true, volume: 10, duration: 800 };
        assert_eq!(receiver.receive(false, 1_000, late, 12), None);
    }

    #[test]
    fn a_player_of_recorded_packets_may_repeat_its_timestamps() {
        let mut receiver = Receiver::default();
        assert_eq!(press(&mut receiver, 1_000, '1', 0), vec!['1']);
        assert_eq!(press(&mut receiver, 1_000, '2', 10), vec!['2']);
        assert_eq!(press(&mut receiver, 1_000, '1', 200), vec!['1']);
    }

    #[test]
    fn a_long_press_in_segments_is_one_digit() {
        let mut receiver = Receiver::default();
        let long = Payload { event: 5, end: false, volume: 10, duration: 0xFFFF };
        assert_eq!(receiver.receive(true, 0, long, 0), Some('5'));
        assert_eq!(receiver.receive(false, 0xFFFF, Payload { duration: 160, ..long }, 1), None);
        assert_eq!(receiver.receive(false, 0xFFFF, Payload { duration: 320, end: true, ..long }, 2), None);
    }

    #[test]
    fn events_that_are_no_digit_are_ignored() {
        let flash = Payload { event: 16, end: false, volume: 0, duration: 1 };
        assert_eq!(Receiver::default().receive(true, 0, flash, 0), None);
        assert!(Sender::new('x', 100).is_none());
        assert_eq!(event('d'), Some(15));
    }

    proptest! {
        #[test]
        fn anything_may_come_in(packets in proptest::collection::vec((any::<bool>(), any::<u32>(), any::<[u8; 4]>()), 0..60)) {
            let mut receiver = Receiver::default();
            for (tick, (marker, timestamp, bytes)) in packets.into_iter().enumerate() {
                let payload = Payload::parse(&bytes).expect("four bytes");
                prop_assert_eq!(Payload::parse(&payload.to_bytes()), Some(payload));
                receiver.receive(marker, timestamp, payload, tick as u64);
                prop_assert!(receiver.presses.len() <= REMEMBERED);
            }
        }
    }
}
