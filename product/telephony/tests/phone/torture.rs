//! Torture messages (RFC 4475) and mutated ones at the running line over UDP: nothing panics, nothing hangs, each gets a
//! sensible status or silence, and the line still serves.

use std::time::Duration;

use tokio::net::UdpSocket;

use crate::answerer::Answerer;
use crate::tormentor::Wanted::{Silence, Status};
use crate::tormentor::{TONE, Tormentor, malformed, meaningful, message, valid};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn torture_messages_get_sensible_answers_and_the_line_still_serves() {
    let answerer = Answerer::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut tormentor = Tormentor { socket, line: answerer.line.address(), sent: 0 };
    let mut wrong = Vec::new();
    for (name, case, wanted) in valid().into_iter().chain(malformed()).chain(meaningful()) {
        tormentor.drain().await;
        let got = tormentor.send(&case).await;
        let right = match wanted {
            Status(allowed) => got.is_some_and(|code| allowed.contains(&code)),
            Silence => got.is_none(),
        };
        if !right {
            wrong.push(format!("{name}: {got:?}"));
        }
        tormentor.drain().await;
        let probe = message("OPTIONS", TONE, &[], "");
        assert_eq!(tormentor.send(&probe).await, Some(200), "after {name} the line no longer serves");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_messages_do_no_harm() {
    let answerer = Answerer::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut chance = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let cases: Vec<Vec<u8>> = valid().into_iter().chain(meaningful()).map(|(_, case, _)| case).collect();
    for round in 0..4_000 {
        let mut case = cases[chance(cases.len())].clone();
        for _ in 0..=chance(6) {
            let at = chance(case.len());
            match chance(4) {
                0 => case[at] = chance(256) as u8,
                1 => drop(case.remove(at)),
                2 => case.insert(at, b"\r\n;:=<>\"@ ,"[chance(11)]),
                _ => case.truncate(at.max(1)),
            }
            if case.is_empty() {
                case.push(b'x');
            }
        }
        socket.send_to(&case, answerer.line.address()).await.expect("sent");
        if round % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let fresh = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut tormentor = Tormentor { socket: fresh, line: answerer.line.address(), sent: 1_000_000 };
    assert_eq!(tormentor.send(&message("OPTIONS", TONE, &[], "")).await, Some(200));
}
