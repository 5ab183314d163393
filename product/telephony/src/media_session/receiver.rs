//! What comes in: packets become frames in order, and keys.

use media::g711::Law;
use media::jitter_buffer::{JitterBuffer, Pulled};
use media::reception::{Arrival, Reception};
use media::rtp::Packet;
use media::{Frame, dtmf, telephone_event};

use super::{Digit, DigitSource};

/// Bytes of a sound payload that are taken at most: 200 ms.
const PAYLOAD_LIMIT_BYTES: usize = 1_600;

/// Unpacks one direction of one call.
#[derive(Debug, Default)]
pub struct Receiver {
    telephone_event: Option<u8>,
    payload_type: Option<(u8, Law)>,
    source: Option<u32>,
    reception: Reception,
    /// What earlier sources lost and sent, kept when the source changes.
    earlier: (u64, u64),
    buffer: JitterBuffer,
    events: telephone_event::Receiver,
    detector: dtmf::Detector,
    samples: Vec<i16>,
    heard_keys: Vec<char>,
}

impl Receiver {
    /// What both sides agreed on: the payload type of the law, and that of keys (none: keys come as sound).
    pub fn agree(&mut self, law: Law, payload_type: u8, telephone_event: Option<u8>) {
        self.payload_type = Some((payload_type, law));
        self.telephone_event = telephone_event;
    }

    /// Whether these bytes are a packet of this call at all: what the latch asks before it decides.
    pub fn is_valid(&self, bytes: &[u8]) -> bool {
        let Ok(packet) = Packet::parse(bytes) else { return false };
        self.telephone_event == Some(packet.payload_type) || self.law_of(packet.payload_type).is_some()
    }

    /// The agreed law, or the other one when the sender changed its mind: both are spoken.
    fn law_of(&self, payload_type: u8) -> Option<Law> {
        match self.payload_type {
            Some((agreed, law)) if agreed == payload_type => Some(law),
            _ => Law::from_payload_type(payload_type),
        }
    }

    /// Takes a datagram. `arrival` in 8 kHz units, `tick` in 20 ms, both from any origin.
    pub fn take(&mut self, bytes: &[u8], arrival: u32, tick: u64) -> Option<Digit> {
        let packet = Packet::parse(bytes).ok()?;
        if self.telephone_event == Some(packet.payload_type) {
            // A sender may use another source for its keys; its numbers then say nothing about the sound.
            if self.source == Some(packet.source) {
                self.reception.record(packet.sequence, packet.timestamp, arrival);
            }
            let payload = telephone_event::Payload::parse(packet.payload)?;
            let symbol = self.events.receive(packet.marker, packet.timestamp, payload, tick)?;
            return Some(Digit { symbol, tick, source: DigitSource::Event });
        }
        let law = self.law_of(packet.payload_type)?;
        if self.source != Some(packet.source) {
            self.change_source(packet.source);
        }
        let arrived = self.reception.record(packet.sequence, packet.timestamp, arrival);
        match arrived {
            Arrival::Duplicate => return None,
            Arrival::Restarted => self.buffer.reset(),
            Arrival::New => {}
        }
        self.samples.clear();
        law.decode(&packet.payload[..packet.payload.len().min(PAYLOAD_LIMIT_BYTES)], &mut self.samples);
        self.buffer.push(packet.timestamp, &self.samples);
        None
    }

    fn change_source(&mut self, source: u32) {
        self.earlier.0 += self.reception.lost();
        self.earlier.1 += self.reception.duplicates();
        self.source = Some(source);
        self.reception = Reception::default();
        self.buffer.reset();
    }

    /// The next 20 ms, and the keys that sounded in it when keys come as sound.
    pub fn pull(&mut self, frame: &mut Frame, tick: u64, digits: &mut Vec<Digit>) -> Pulled {
        let pulled = self.buffer.pull(frame);
        if self.telephone_event.is_none() {
            self.detector.listen(frame, &mut self.heard_keys);
            let source = DigitSource::Tone;
            digits.extend(self.heard_keys.drain(..).map(|symbol| Digit { symbol, tick, source }));
        }
        pulled
    }

    /// What to report about the other side; none before it was heard.
    pub fn report(&mut self) -> Option<media::rtcp::ReportBlock> {
        let source = self.source?;
        Some(self.reception.report(source))
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.earlier.0 + self.reception.lost()
    }

    /// Packets that came twice, or far too late.
    pub fn duplicates(&self) -> u64 {
        self.earlier.1 + self.reception.duplicates()
    }

    /// Interarrival jitter in 8 kHz units.
    pub fn jitter(&self) -> u32 {
        self.reception.jitter()
    }

    /// What the jitter buffer says.
    pub fn figures(&self) -> media::jitter_buffer::Figures {
        self.buffer.figures()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{FRAME_SAMPLES, SILENCE, tone};

    fn packet(payload_type: u8, sequence: u16, timestamp: u32, source: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Packet { marker: false, payload_type, sequence, timestamp, source, payload }.write(&mut out);
        out
    }

    fn receiver(telephone_event: Option<u8>) -> Receiver {
        let mut receiver = Receiver::default();
        receiver.agree(Law::Mu, 0, telephone_event);
        receiver
    }

    #[test]
    fn keys_of_another_source_are_heard_and_the_sound_goes_on() {
        let mut receiver = receiver(Some(101));
        let event = telephone_event::Payload { event: 7, end: false, volume: 10, duration: 160 }.to_bytes();
        for index in 0..10u32 {
            receiver.take(&packet(0, index as u16, index * 160, 1, &[0x80; 160]), index * 160, u64::from(index));
        }
        let digit = receiver.take(&packet(101, 40_000, 5, 2, &event), 1_600, 10).expect("a key");
        assert_eq!((digit.symbol, digit.source), ('7', DigitSource::Event));
        receiver.take(&packet(0, 10, 1_600, 1, &[0x80; 160]), 1_600, 10);
        assert_eq!((receiver.lost(), receiver.duplicates()), (0, 0));
        let mut frame = SILENCE;
        assert_eq!(receiver.pull(&mut frame, 11, &mut Vec::new()), Pulled::Received);
    }

    #[test]
    fn keys_in_the_sound_count_only_when_no_events_were_agreed() {
        for (telephone_event, expected) in [(None, "5"), (Some(101), "")] {
            let mut receiver = receiver(telephone_event);
            let mut sound = dtmf::generate('5', 200).expect("a key");
            sound.extend(tone::sine(300.0, 0, 200));
            let (mut digits, mut frame) = (Vec::new(), SILENCE);
            for (index, chunk) in sound.chunks(FRAME_SAMPLES).enumerate() {
                let mut payload = Vec::new();
                Law::Mu.encode(chunk, &mut payload);
                receiver.take(&packet(0, index as u16, index as u32 * 160, 1, &payload), 0, 0);
                receiver.pull(&mut frame, index as u64, &mut digits);
            }
            let heard: String = digits.iter().map(|digit| digit.symbol).collect();
            assert_eq!(heard, expected);
        }
    }

    #[test]
    fn what_is_not_of_this_call_is_not_valid() {
        let receiver = receiver(Some(101));
        assert!(receiver.is_valid(&packet(0, 0, 0, 1, &[])));
        assert!(receiver.is_valid(&packet(8, 0, 0, 1, &[])), "the other law is spoken too");
        assert!(receiver.is_valid(&packet(101, 0, 0, 1, &[])));
        assert!(!receiver.is_valid(&packet(96, 0, 0, 1, &[])));
        assert!(!receiver.is_valid(b"hello"));
    }

    #[test]
    fn a_changed_source_keeps_the_books() {
        let mut receiver = receiver(None);
        for (sequence, source) in [(1u16, 1u32), (3, 1), (900, 2), (901, 2)] {
            receiver.take(&packet(0, sequence, u32::from(sequence) * 160, source, &[0xFF; 160]), 0, 0);
        }
        assert_eq!(receiver.lost(), 1);
    }
}
