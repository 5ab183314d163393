//! What goes out: a packet for every 20 ms, sound or keys, with a clock that never stands still.

use std::collections::VecDeque;

use media::g711::Law;
use media::rtp::Packet;
use media::{FRAME_SAMPLES, Frame, telephone_event};

use super::Seed;
use super::reports::Sent;

/// Keys that wait to be sent at most.
pub const KEYS_LIMIT: usize = 64;
/// How long a key is held.
const KEY_MILLISECONDS: u16 = 100;
/// Ticks of silence between two keys: 80 ms.
const KEY_GAP_TICKS: u32 = 4;

/// Packs frames into packets.
#[derive(Debug)]
pub struct Sender {
    source: u32,
    sequence: u16,
    timestamp: u32,
    /// The next sound packet begins a talk spurt.
    marker: bool,
    keys: VecDeque<char>,
    pressed: Option<(telephone_event::Sender, u32)>,
    gap_ticks: u32,
    payload: Vec<u8>,
}

impl Sender {
    /// A sender whose numbers begin where chance says (RFC 3550, section 5.1).
    pub fn new(seed: Seed) -> Self {
        Sender {
            source: seed.source,
            sequence: seed.sequence,
            timestamp: seed.timestamp,
            marker: true,
            keys: VecDeque::new(),
            pressed: None,
            gap_ticks: 0,
            payload: Vec::with_capacity(FRAME_SAMPLES),
        }
    }

    /// What to report about ourselves.
    pub fn sent(&self, packets: u64) -> Sent {
        Sent { source: self.source, timestamp: self.timestamp, packets }
    }

    /// Queues keys; gives how many found room.
    pub fn press(&mut self, symbols: &str) -> usize {
        let room = KEYS_LIMIT - self.keys.len();
        let keys = symbols.chars().filter(|symbol| telephone_event::event(*symbol).is_some());
        let before = self.keys.len();
        self.keys.extend(keys.take(room));
        self.keys.len() - before
    }

    /// Whether this tick belongs to a key, so that no sound should be taken from the queue.
    pub fn is_pressing(&self) -> bool {
        self.pressed.is_some() || (self.gap_ticks == 0 && !self.keys.is_empty())
    }

    /// The time of ticks passes without a packet (on hold).
    pub fn skip(&mut self, ticks: u32) {
        self.timestamp = self.timestamp.wrapping_add(ticks.wrapping_mul(FRAME_SAMPLES as u32));
        self.marker = true;
    }

    /// The packet of a tick that belongs to a key; false when there is none after all.
    pub fn key_packet(&mut self, payload_type: u8, out: &mut Vec<u8>) -> bool {
        if self.pressed.is_none() {
            let next = self.keys.pop_front().and_then(|symbol| telephone_event::Sender::new(symbol, KEY_MILLISECONDS));
            self.pressed = next.map(|press| (press, self.timestamp));
        }
        let Some((press, began)) = self.pressed.as_mut() else { return false };
        let (step, began) = (press.step(), *began);
        let Some(step) = step else {
            self.pressed = None;
            self.gap_ticks = KEY_GAP_TICKS;
            return false;
        };
        self.write(step.marker, payload_type, began, &step.payload.to_bytes(), out);
        self.advance();
        true
    }

    /// The packet of a tick with sound.
    pub fn sound_packet(&mut self, law: Law, payload_type: u8, frame: &Frame, out: &mut Vec<u8>) {
        self.gap_ticks = self.gap_ticks.saturating_sub(1);
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        law.encode(frame, &mut payload);
        let marker = std::mem::take(&mut self.marker);
        self.write(marker, payload_type, self.timestamp, &payload, out);
        self.payload = payload;
        self.advance();
    }

    fn write(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8], out: &mut Vec<u8>) {
        let (sequence, source) = (self.sequence, self.source);
        Packet { marker, payload_type, sequence, timestamp, source, payload }.write(out);
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn advance(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::SILENCE;

    fn sender() -> Sender {
        Sender::new(Seed { source: 9, sequence: 65_534, timestamp: u32::MAX - 100, session: 1 })
    }

    #[test]
    fn the_clock_runs_through_keys_holds_and_wraps() {
        let mut sender = sender();
        let mut out = Vec::new();
        let sound = |sender: &mut Sender, out: &mut Vec<u8>| {
            sender.sound_packet(Law::Mu, 0, &SILENCE, out);
            let packet = Packet::parse(out).expect("ours");
            (packet.marker, packet.sequence, packet.timestamp)
        };
        assert_eq!(sound(&mut sender, &mut out), (true, 65_534, u32::MAX - 100));
        assert_eq!(sound(&mut sender, &mut out), (false, 65_535, 59));
        sender.skip(1);
        assert_eq!(sound(&mut sender, &mut out), (true, 0, 59 + 320));
        assert_eq!(sender.press("1x"), 1);
        let began = 59 + 480;
        let mut sequence = 1;
        while sender.is_pressing() {
            if !sender.key_packet(101, &mut out) {
                break;
            }
            let packet = Packet::parse(&out).expect("ours");
            assert_eq!((packet.payload_type, packet.timestamp, packet.sequence), (101, began, sequence));
            sequence += 1;
        }
        assert_eq!(sequence, 8, "five updates and two repeats of the end");
        assert_eq!(sound(&mut sender, &mut out), (false, 8, began + 7 * 160));
    }

    #[test]
    fn two_equal_keys_have_a_gap_and_the_queue_a_limit() {
        let mut sender = sender();
        assert_eq!(sender.press(&"5".repeat(KEYS_LIMIT + 1)), KEYS_LIMIT);
        let mut receiver = telephone_event::Receiver::default();
        let mut heard = String::new();
        let mut out = Vec::new();
        for tick in 0..2_000 {
            if !(sender.is_pressing() && sender.key_packet(101, &mut out)) {
                sender.sound_packet(Law::A, 8, &SILENCE, &mut out);
            }
            let packet = Packet::parse(&out).expect("ours");
            if packet.payload_type == 101 {
                let payload = telephone_event::Payload::parse(packet.payload).expect("ours");
                heard.extend(receiver.receive(packet.marker, packet.timestamp, payload, tick));
            }
        }
        assert_eq!(heard, "5".repeat(KEYS_LIMIT));
    }
}
