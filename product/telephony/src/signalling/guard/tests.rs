//! Floods, repeats, many sources: what the guard lets pass.

use super::*;

fn invite(call_id: &str, to: &str) -> Vec<u8> {
    format!(
        "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nf: <sip:a@x>;tag=1\r\n\
         To: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\nTo: <sip:x>;tag=body\r\n"
    )
    .into_bytes()
}

fn source(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn limits() -> Limits {
    Limits { datagrams_per_second: 10, source_calls_per_second: 1, all_calls_per_second: 3, ..Limits::default() }
}

#[test]
fn a_source_gets_its_burst_and_then_its_rate() {
    let guard = Guard::new(limits());
    let passed =
        |now| (0..50).filter(|_| guard.judge(source(1), b"OPTIONS sip:x SIP/2.0\r\n", now) == Verdict::Pass).count();
    assert_eq!(passed(0), 20);
    assert_eq!(passed(0), 0);
    assert_eq!(passed(500), 5);
    assert_eq!(guard.judge(source(2), b"OPTIONS", 500), Verdict::Pass);
    assert_eq!(guard.figures().dropped, 125);
}

#[test]
fn new_calls_are_shed_but_repeats_and_running_calls_are_not() {
    let guard = Guard::new(limits());
    for call in 0..4 {
        assert_eq!(guard.judge(source(1), &invite(&format!("c{call}"), "<sip:100@x>"), 0), Verdict::Pass);
    }
    assert_eq!(guard.judge(source(1), &invite("c4", "<sip:100@x>"), 0), Verdict::Shed);
    assert_eq!(guard.judge(source(1), &invite("c0", "<sip:100@x>"), 0), Verdict::Pass, "a repeat");
    assert_eq!(guard.judge(source(1), &invite("c9", "<sip:100@x>;tag=9"), 0), Verdict::Pass, "a running call");
    assert_eq!(guard.judge(source(2), &invite("d0", "<sip:100@x>"), 0), Verdict::Pass);
    assert_eq!(guard.judge(source(3), &invite("e0", "<sip:100@x>"), 0), Verdict::Pass);
    assert_eq!(guard.judge(source(4), &invite("f0", "<sip:100@x>"), 0), Verdict::Shed, "all sources together");
    assert_eq!(guard.judge_stream_call(source(5), "g", 10_000), Verdict::Pass);
    assert_eq!(guard.figures().shed, 2);
}

#[test]
fn memory_stays_bounded_and_others_share() {
    let guard = Guard::new(Limits { all_calls_per_second: 100_000, ..limits() });
    for index in 0..u32::try_from(SOURCES_LIMIT).expect("small") + 500 {
        let address = IpAddr::from((0x0A00_0000 + index).to_be_bytes());
        guard.judge(address, &invite(&index.to_string(), "<sip:100@x>"), 0);
    }
    let book = guard.book.lock().expect("no panic");
    assert_eq!(book.sources.len(), SOURCES_LIMIT);
    assert_eq!(book.admitted.len(), ADMITTED_LIMIT);
    assert_eq!(book.order.len(), ADMITTED_LIMIT);
    assert!(book.figures.dropped > 400, "the unknown share one allowance: {:?}", book.figures);
}

#[test]
fn a_whole_network_counts_as_one() {
    let address = |text: &str| network(text.parse().expect("address"));
    assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2:ffff::1"));
    assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
    assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
}
