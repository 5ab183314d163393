//! The puzzle against another implementation of it, its edges, and pressure by a clock that is moved by hand.

use storage::{ManualClock, SeededEntropy};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn challenge(seed: u64) -> Challenge {
    Challenge::new(&SeededEntropy::new(seed), NOW)
}

#[test]
fn what_the_protocols_own_solver_finds_is_a_solution() {
    for seed in 0..3 {
        let ours = challenge(seed);
        let theirs = altcha::Challenge {
            parameters: altcha::ChallengeParameters {
                algorithm: "SHA-256".into(),
                cost: 1,
                data: None,
                expires_at: None,
                key_length: 32,
                key_prefix: "0".repeat(DIFFICULTY_BITS as usize / 4),
                key_signature: None,
                memory_cost: None,
                nonce: hex::encode(ours.nonce),
                parallelism: None,
                salt: hex::encode(ours.salt),
            },
            signature: None,
        };
        let found = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&theirs)).expect("a good puzzle");
        let counter = found.expect("solved in time").counter;
        assert!(ours.is_solved_by(counter), "{seed}");
        assert_eq!((0..counter).find(|counter| ours.is_solved_by(*counter)), None, "theirs is the first that solves");
    }
}

#[test]
fn bits_are_counted_across_bytes() {
    let mut easy = challenge(1);
    let solved = |easy: &Challenge| (0..4096).filter(|counter| easy.is_solved_by(*counter)).count();
    for (bits, least, most) in [(0, 4096, 4096), (1, 1900, 2200), (4, 200, 320), (9, 1, 20)] {
        easy.bits = bits;
        assert!((least..=most).contains(&solved(&easy)), "{bits}: {}", solved(&easy));
    }
    easy.bits = 300;
    assert_eq!(solved(&easy), 0, "more bits than a hash has");
}

#[test]
fn only_its_own_text_is_read_back() {
    let challenge = challenge(2);
    let text = challenge.text();
    assert_eq!(Challenge::parse(&text), Some(challenge.clone()));
    for bad in [
        String::new(),
        text.replacen('1', "2", 1),
        text.to_uppercase() + "X",
        format!("{text}.1"),
        format!("{text}00"),
        text.replacen(".16.", ".016.", 1),
        text.replacen(".16.", ".-1.", 1),
        text.replacen("1.18", "1.+18", 1),
        "1.99999999999999999999.16.00.00".to_owned(),
        "1.".repeat(10_000),
    ] {
        assert_eq!(Challenge::parse(&bad), None, "{bad:.60}");
    }
    assert!(!challenge.has_expired(NOW.plus_seconds(CHALLENGE_SECONDS - 1)));
    assert!(challenge.has_expired(NOW.plus_seconds(CHALLENGE_SECONDS)));
}

#[test]
fn pressure_rises_for_one_widget_or_one_network_and_falls_by_itself() {
    let clock = Arc::new(ManualClock::at(NOW));
    let pressure = Pressure::new(ChallengeMode::UnderPressure, Arc::clone(&clock) as Arc<dyn Clock>);
    let (widget, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let from = |last: u32| Some(IpAddr::from((0xC633_6400_u32 + last).to_be_bytes()));
    let asked: Vec<bool> = (0..=OPENINGS_PER_NETWORK).map(|_| pressure.asks(widget, from(1))).collect();
    assert_eq!(asked.iter().position(|asks| *asks), Some(OPENINGS_PER_NETWORK as usize), "one too many from a network");
    assert!(!pressure.asks(widget, from(2)), "another network");
    let counted = OPENINGS_PER_NETWORK + 2;
    let asked: Vec<bool> = (counted..=OPENINGS_PER_WIDGET).map(|host| pressure.asks(widget, from(10 + host))).collect();
    assert_eq!(asked.iter().filter(|asks| **asks).count(), 1, "the widget's own measure is full, whoever comes");
    assert!(!pressure.asks(other, from(200)), "another widget");
    assert!(pressure.asks(widget, None), "without an address the widget still counts");
    clock.advance_seconds(60);
    assert!(!pressure.asks(widget, from(1)));
    let always = Pressure::new(ChallengeMode::Always, clock as Arc<dyn Clock>);
    assert!(always.asks(other, from(250)));
}
