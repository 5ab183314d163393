//! Reordering, loss, lateness, drift, wraps: what comes out of the buffer.

use super::*;
use proptest::prelude::*;

/// A packet whose every sample is its number, so that the order of what comes out can be read.
fn packet(number: i16) -> (u32, Frame) {
    (u32::from(number as u16) * 160, [number; FRAME_SAMPLES])
}

fn pull(buffer: &mut JitterBuffer) -> (Pulled, i16) {
    let mut frame = SILENCE;
    let pulled = buffer.pull(&mut frame);
    (pulled, frame[80])
}

#[test]
fn reordered_packets_come_out_in_order() {
    let mut buffer = JitterBuffer::default();
    for number in [1i16, 3, 2, 5, 4] {
        let (timestamp, samples) = packet(number);
        buffer.push(timestamp, &samples);
    }
    let out: Vec<_> = (0..5).map(|_| pull(&mut buffer)).collect();
    assert_eq!(out, (1..=5).map(|number| (Pulled::Received, number)).collect::<Vec<_>>());
    assert_eq!(buffer.figures(), Figures::default());
}

#[test]
fn a_lost_packet_is_concealed_then_fades_to_silence() {
    let mut buffer = JitterBuffer::default();
    for number in [1i16, 2] {
        buffer.push(u32::from(number as u16) * 160, &[8_000; FRAME_SAMPLES]);
    }
    assert_eq!(pull(&mut buffer).0, Pulled::Received);
    assert_eq!(pull(&mut buffer).0, Pulled::Received);
    let faded: Vec<_> = (0..4).map(|_| pull(&mut buffer)).collect();
    assert!(faded[..3].iter().all(|(pulled, _)| *pulled == Pulled::Concealed), "{faded:?}");
    assert!(faded[0].1 > faded[1].1 && faded[1].1 > faded[2].1 && faded[2].1 > 0, "{faded:?}");
    assert_eq!(faded[3], (Pulled::Silent, 0));
}

#[test]
fn a_late_packet_is_counted_and_makes_the_delay_longer() {
    let mut buffer = JitterBuffer::default();
    for number in [1i16, 2, 4] {
        let (timestamp, samples) = packet(number);
        buffer.push(timestamp, &samples);
    }
    for _ in 0..4 {
        pull(&mut buffer);
    }
    let (timestamp, samples) = packet(3);
    buffer.push(timestamp, &samples);
    assert_eq!(buffer.figures().late, 1);
    assert_eq!(buffer.delay_frames(), FIRST_DELAY_FRAMES + 1);
}

#[test]
fn packets_of_thirty_milliseconds_give_frames_of_twenty() {
    let mut buffer = JitterBuffer::default();
    for number in 0..4u32 {
        let samples: Vec<i16> = (0..240).map(|index| (number * 240 + index) as i16).collect();
        buffer.push(number * 240, &samples);
    }
    for expected in 0..6i16 {
        let mut frame = SILENCE;
        assert_eq!(buffer.pull(&mut frame), Pulled::Received);
        assert_eq!((frame[0], frame[159]), (expected * 160, expected * 160 + 159));
    }
}

#[test]
fn the_clock_wraps_without_a_click() {
    let mut buffer = JitterBuffer::default();
    let start = u32::MAX - 160 * 3 + 1;
    for number in 0..6u32 {
        buffer.push(start.wrapping_add(number * 160), &[number as i16 + 1; FRAME_SAMPLES]);
    }
    let out: Vec<_> = (0..6).map(|_| pull(&mut buffer)).collect();
    assert_eq!(out, (1..=6).map(|number| (Pulled::Received, number)).collect::<Vec<_>>());
}

#[test]
fn a_restarted_clock_is_followed() {
    let mut buffer = JitterBuffer::default();
    buffer.push(160, &[1; FRAME_SAMPLES]);
    buffer.push(320, &[1; FRAME_SAMPLES]);
    pull(&mut buffer);
    for number in 0..3u32 {
        buffer.push(3_000_000_000 + number * 160, &[7; FRAME_SAMPLES]);
    }
    assert_eq!(pull(&mut buffer), (Pulled::Received, 7));
}

#[test]
fn a_sender_with_a_faster_clock_does_not_build_up_delay() {
    let mut buffer = JitterBuffer::default();
    let mut sent = 0u32;
    // Twenty minutes; the sender's clock is 0.1 % fast: 1.2 s too many packets.
    for pulled in 0..60_000u32 {
        while sent * 1_000 <= pulled * 1_001 {
            buffer.push(sent * 160, &[1; FRAME_SAMPLES]);
            sent += 1;
        }
        pull(&mut buffer);
    }
    let depth = buffer.held_samples / FRAME_SAMPLES;
    assert!(depth <= FIRST_DELAY_FRAMES + 3, "{depth} frames held");
    assert_eq!(buffer.figures().dropped, 0);
}

#[test]
fn the_buffer_holds_one_second_at_most() {
    let mut buffer = JitterBuffer::default();
    for number in 0..51u32 {
        buffer.push(number * 160, &[1; FRAME_SAMPLES]);
    }
    assert_eq!(buffer.held_samples, BUFFERED_SAMPLES);
    assert_eq!(buffer.figures().dropped, 1);
}

proptest! {
    #[test]
    fn anything_may_come_in(packets in proptest::collection::vec((any::<u32>(), 0usize..900, 0u8..4), 0..120)) {
        let mut buffer = JitterBuffer::default();
        let mut frame = SILENCE;
        for (timestamp, length, pulls) in packets {
            buffer.push(timestamp, &vec![100; length]);
            prop_assert!(buffer.held_samples <= BUFFERED_SAMPLES);
            prop_assert_eq!(buffer.held_samples, buffer.chunks.iter().map(|chunk| chunk.samples.len()).sum::<usize>());
            for _ in 0..pulls {
                buffer.pull(&mut frame);
            }
        }
    }

    #[test]
    fn every_order_within_the_delay_loses_nothing(swaps in proptest::collection::vec(any::<bool>(), 40)) {
        let mut order: Vec<u32> = (0..80).collect();
        for (index, swap) in swaps.iter().enumerate() {
            if *swap {
                order.swap(index * 2, index * 2 + 1);
            }
        }
        let mut buffer = JitterBuffer::default();
        let mut heard = Vec::new();
        for number in order {
            buffer.push(number * 160, &[number as i16 + 1; FRAME_SAMPLES]);
            let mut frame = SILENCE;
            if buffer.pull(&mut frame) == Pulled::Received {
                heard.push(frame[0]);
            }
        }
        prop_assert!(buffer.figures().late == 0);
        prop_assert!(heard.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{:?}", heard);
    }
}
