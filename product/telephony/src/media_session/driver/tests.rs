//! Ports that others hold, and a program that does not run in time.

use media::rtp::Packet;
use sip::offer_answer::Codec;

use super::*;

#[tokio::test]
async fn ports_that_others_hold_are_passed_over() {
    let here = IpAddr::from([127, 0, 0, 1]);
    // Thirty ports in a row that another program holds, below those that the system gives out by itself.
    let (first, held) = (0..50)
        .find_map(|attempt| {
            let first = 12_000 + attempt * 100;
            let ports = (first..first + 60).step_by(2);
            let held: Result<Vec<_>, _> = ports.map(|port| std::net::UdpSocket::bind((here, port))).collect();
            held.ok().map(|held| (first, held))
        })
        .expect("sixty free ports in a row");
    let pool = PortPool::new(first..=first + 63);
    let socket = MediaSocket::bind(&pool, here).expect("there are free ones");
    assert!(socket.address().port() >= first + 60);
    let all = PortPool::new(first..=first + 59);
    assert!(MediaSocket::bind(&all, here).is_err(), "all are held");
    assert_eq!(all.in_use(), 0);
    drop(held);
    assert!(MediaSocket::bind(&all, here).is_ok());
}

/// The thread sleeps for three ticks again and again, while the kernel takes what comes: as on a busy machine.
#[tokio::test]
async fn what_came_while_the_program_did_not_run_is_heard_whole() {
    let here = IpAddr::from([127, 0, 0, 1]);
    let socket = MediaSocket::bind(&PortPool::any(), here).expect("a port");
    let target = socket.address();
    let peer = std::net::UdpSocket::bind((here, 0)).expect("a port");
    let agreed = Agreed {
        remote: peer.local_addr().expect("bound"),
        codec: Codec::Pcmu,
        payload_type: 0,
        telephone_event: None,
        we_send: true,
        we_receive: true,
        secured: None,
    };
    let seed = Seed { source: 1, sequence: 1, timestamp: 1, session: 1 };
    let peer_of_signalling = Peer { signalled: here, trusted: false, acknowledged: true };
    let (mut port, handle) = socket.start(seed, MediaConfig::default(), &agreed, peer_of_signalling);
    let started = Instant::now();
    let mut sent = 0u16;
    while sent < 150 {
        // As many as the clock says, however long this thread really slept.
        let due = (started.elapsed().as_millis() / 20) as u16;
        while sent < due {
            let timestamp = u32::from(sent) * 160;
            let packet =
                Packet { marker: false, payload_type: 0, sequence: sent, timestamp, source: 9, payload: &[0x80; 160] };
            let mut bytes = Vec::new();
            packet.write(&mut bytes);
            peer.send_to(&bytes, target).expect("sent");
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(60));
        tokio::time::sleep(Duration::from_millis(1)).await;
        while let Ok(Some(_)) = tokio::time::timeout(Duration::ZERO, port.frames.recv()).await {}
    }
    let figures = handle.statistics();
    // The first stall comes before the buffer knows that it needs more than its first delay.
    assert!(figures.packets_received > 130 && figures.packets_lost == 0, "{figures:?}");
    assert!(figures.packets_late <= 3 && figures.frames_concealed <= 6, "{figures:?}");
}
