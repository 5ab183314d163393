//! Floods, repeats, many sources: what the guard lets pass.

use super::sources::{OVERFLOW_BUCKETS, SOURCES_LIMIT};
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

fn guard() -> Guard {
    Guard::new(limits(), Vec::new())
}

#[test]
fn a_source_gets_its_burst_and_then_its_rate() {
    let guard = guard();
    let passed =
        |now| (0..50).filter(|_| guard.judge(source(1), b"ACK sip:x SIP/2.0\r\n", now) == Verdict::Pass).count();
    assert_eq!(passed(0), 20);
    assert_eq!(passed(0), 0);
    assert_eq!(passed(500), 5);
    assert_eq!(guard.judge(source(2), b"ACK", 500), Verdict::Pass);
    assert_eq!(guard.figures().dropped, 125);
}

#[test]
fn new_calls_are_shed_but_repeats_and_running_calls_are_not() {
    let guard = guard();
    for call in 0..4 {
        assert_eq!(guard.judge(source(1), &invite(&format!("c{call}"), "<sip:100@x>"), 0), Verdict::Pass);
    }
    assert_eq!(guard.judge(source(1), &invite("c4", "<sip:100@x>"), 0), Verdict::Shed);
    assert_eq!(guard.judge(source(1), &invite("c0", "<sip:100@x>"), 0), Verdict::Pass, "a repeat");
    assert_eq!(guard.judge(source(1), &invite("c9", "<sip:100@x>;tag=9"), 0), Verdict::Pass, "a running call");
    assert_eq!(guard.judge(source(2), &invite("d0", "<sip:100@x>"), 0), Verdict::Pass);
    assert_eq!(guard.judge(source(3), &invite("e0", "<sip:100@x>"), 0), Verdict::Pass);
    assert_eq!(guard.judge(source(4), &invite("f0", "<sip:100@x>"), 0), Verdict::Shed, "all sources together");
    assert_eq!(guard.judge(source(5), &invite("g", "<sip:100@x>"), 10_000), Verdict::Pass);
    assert_eq!(guard.figures().shed, 2);
}

#[test]
fn memory_stays_bounded_and_others_share() {
    let guard = Guard::new(Limits { all_calls_per_second: 100_000, ..limits() }, Vec::new());
    for index in 0..u32::try_from(SOURCES_LIMIT).expect("small") + 500 {
        let address = IpAddr::from((0x0A00_0000 + index).to_be_bytes());
        guard.judge(address, &invite(&index.to_string(), "<sip:100@x>"), 0);
        guard.judge(address, &invite(&format!("again-{index}"), "<sip:100@x>"), 0);
    }
    let book = guard.book.lock().expect("no panic");
    assert_eq!(book.strangers.counted(), (SOURCES_LIMIT, OVERFLOW_BUCKETS));
    assert_eq!(book.admitted.len(), ADMITTED_LIMIT);
    assert_eq!(book.order.len(), ADMITTED_LIMIT);
}

/// The /64 of this number: each in a /48 of its own.
fn invented(number: u32) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, (number >> 16) as u16, number as u16, 7, 0, 0, 0, 1))
}

#[test]
fn a_flood_of_invented_addresses_leaves_the_trunk_its_allowance() {
    let limits = Limits { trusted_calls_per_second: 20, ..Limits::default() };
    let guard = Guard::new(limits, vec!["198.51.100.0/24".parse().expect("a network")]);
    let call = |from, number: u32, now| guard.judge(from, &invite(&format!("{from}-{number}"), "<sip:100@x>"), now);
    assert_eq!(call(trunk(), 0, 0), Verdict::Pass, "and then it is quiet for more than a minute");
    let filled = u32::try_from(SOURCES_LIMIT).expect("small") + 500;
    for number in 0..filled {
        guard.judge(invented(number), b"ACK sip:x SIP/2.0\r\n", 61_000);
    }
    let through: u32 = (0..3_000)
        .map(|number| {
            let now = 61_100 + u64::from(number) / 3;
            call(invented(filled + number), number, now);
            // Twenty a second, as it may.
            if number % 150 == 0 { u32::from(call(trunk(), 1 + number, now) == Verdict::Pass) } else { 0 }
        })
        .sum();
    assert_eq!(through, 20, "all calls of the trunk");
}

#[test]
fn those_without_a_place_of_their_own_do_not_share_one_allowance() {
    let guard = Guard::new(Limits { source_probes_per_second: 1, ..Limits::default() }, Vec::new());
    let ask = |from, now| guard.judge(from, b"OPTIONS sip:x SIP/2.0\r\nTo: <sip:1@x>\r\n\r\n", now) == Verdict::Pass;
    let filled = u32::try_from(SOURCES_LIMIT).expect("small");
    assert!((0..filled).all(|number| ask(invented(number), 0)));
    let flooded = (0..1_000).filter(|_| ask(invented(filled), 0)).count();
    assert_eq!(flooded, 4, "one of those who share may do what one source may");
    let others = (1..=100).filter(|number| ask(invented(filled + number), 0)).count();
    assert!(others >= 90, "{others} of 100 others are heard");
}

#[test]
fn room_is_looked_for_once_a_second_at_most() {
    let mut sources = Sources::new(Rates::of_strangers(&limits()));
    let (filled, more) = (u32::try_from(SOURCES_LIMIT).expect("small"), 100);
    for number in 0..filled {
        sources.take(number, Matter::Datagram, 0);
    }
    sources.take(filled, Matter::Datagram, 59_999);
    for number in 0..more {
        sources.take(filled + number, Matter::Datagram, 60_500);
    }
    assert_eq!(sources.counted(), (SOURCES_LIMIT, OVERFLOW_BUCKETS), "nobody is looked at again so soon");
    sources.take(filled, Matter::Datagram, 60_999);
    assert_eq!(sources.counted().0, 1, "all were quiet for a minute");
}

#[test]
fn a_site_with_many_networks_has_an_allowance_as_a_whole() {
    let guard = Guard::new(Limits { source_calls_per_second: 1, ..Limits::default() }, Vec::new());
    let call = |site: u16, network: u16| {
        let from = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, site, network, 0, 0, 0, 1));
        guard.judge(from, &invite(&format!("{site}-{network}"), "<sip:1@x>"), 0) == Verdict::Pass
    };
    assert_eq!((0..200).filter(|&network| call(1, network)).count(), 16, "four times what one of its networks may");
    assert!(call(2, 0));
}

#[test]
fn a_whole_network_counts_as_one() {
    let address = |text: &str| network(text.parse().expect("address"));
    assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2:ffff::1"));
    assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
    assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
}

fn trusting() -> Guard {
    Guard::new(limits(), vec!["198.51.100.0/24".parse().expect("a network")])
}

fn trunk() -> IpAddr {
    IpAddr::from([198, 51, 100, 7])
}

#[test]
fn the_trunk_is_known_by_what_its_name_leads_to_now() {
    let guard = Guard::new(limits(), Vec::new());
    assert!(!guard.trusts(trunk()));
    let all = guard.calls_of_strangers();
    guard.trunk_is_at(vec![trunk()]);
    assert!(guard.trusts(trunk()) && guard.calls_of_strangers() < all, "and calls are kept for it");
    guard.trunk_is_at(vec!["192.0.2.9".parse().expect("an address")]);
    assert!(!guard.trusts(trunk()), "it has moved");
}

#[test]
fn a_flood_of_all_the_world_does_not_keep_the_trunk_out() {
    let guard = trusting();
    let call = |from, number: u32, now| guard.judge(from, &invite(&format!("{from}-{number}"), "<sip:100@x>"), now);
    for last in 0..200 {
        for number in 0..10 {
            call(source(last), number, 0);
        }
    }
    assert_eq!(call(source(201), 0, 0), Verdict::Shed, "the allowance of strangers is used up");
    let through = (0..300).filter(|&number| call(trunk(), number, 0) == Verdict::Pass).count();
    assert_eq!(through, 300);
    let all = (0..300).filter(|&number| call(trunk(), 1_000 + number, 0) == Verdict::Pass).count();
    assert_eq!(all, 100, "the trunk has its own limit: twice its rate at once");
}

#[test]
fn what_is_shed_too_often_is_not_answered_any_more() {
    let guard =
        Guard::new(Limits { datagrams_per_second: 10_000, source_answers_per_second: 5, ..limits() }, Vec::new());
    let verdicts: Vec<Verdict> =
        (0..100).map(|number| guard.judge(source(1), &invite(&number.to_string(), "<sip:1@x>"), 0)).collect();
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    assert_eq!((count(Verdict::Pass), count(Verdict::Shed), count(Verdict::Drop)), (4, 20, 76));
    assert_eq!((guard.figures().shed, guard.figures().ignored), (20, 76));
}

#[test]
fn scanners_get_no_answer_but_the_trunk_may_call_itself_what_it_likes() {
    let guard = trusting();
    let named = |agent: &str| {
        let invite = String::from_utf8(invite("1", "<sip:100@x>")).expect("text");
        invite.replacen("CSeq:", &format!("User-Agent: {agent}\r\nCSeq:"), 1).into_bytes()
    };
    assert_eq!(guard.judge(source(1), &named("friendly-scanner"), 0), Verdict::Drop);
    assert_eq!(guard.judge(source(1), &named("My SIPVicious 1.0"), 0), Verdict::Drop);
    assert_eq!(guard.judge(trunk(), &named("friendly-scanner"), 0), Verdict::Pass);
    assert_eq!(guard.judge(source(1), &named("Grandstream"), 0), Verdict::Pass);
    assert_eq!(guard.figures().scanners, 2);
}

#[test]
fn registering_and_asking_is_slowed_and_calls_go_on() {
    let guard = Guard::new(Limits { source_probes_per_second: 2, ..Limits::default() }, Vec::new());
    let ask = |method: &str, now| {
        let message = format!("{method} sip:x SIP/2.0\r\nTo: <sip:1@x>\r\nCall-ID: {now}\r\n\r\n");
        guard.judge(source(1), message.as_bytes(), now) == Verdict::Pass
    };
    assert_eq!((0..50).filter(|_| ask("REGISTER", 0)).count(), 8);
    assert!(!ask("OPTIONS", 0) && ask("OPTIONS", 500), "two a second");
    let within = b"REFER sip:x SIP/2.0\r\nTo: <sip:1@x>;tag=7\r\n\r\n";
    assert_eq!(guard.judge(source(1), within, 500), Verdict::Pass, "a message within a call");
    assert_eq!(guard.judge(source(1), &invite("1", "<sip:1@x>"), 500), Verdict::Pass);
}

#[test]
fn whoever_guesses_numbers_is_not_heard_for_a_while() {
    let guard = Guard::new(Limits { source_wrong_per_minute: 3, ..Limits::default() }, Vec::new());
    let call = |number: u32, now| guard.judge(source(1), &invite(&number.to_string(), "<sip:1@x>"), now);
    for number in 0..6 {
        assert_eq!(call(number, 0), Verdict::Pass);
        guard.note_refused(source(1), 0);
    }
    assert_eq!(call(6, 0), Verdict::Drop);
    assert_eq!(call(5, 0), Verdict::Pass, "a repeat of what was let in");
    guard.forget_call(source(1), "5");
    assert_eq!(call(5, 0), Verdict::Drop, "the call is over: this would be another");
    assert_eq!(call(7, 19_999), Verdict::Drop);
    assert_eq!(call(8, 20_000), Verdict::Pass, "one more every twenty seconds");
}

/// An INVITE of a call, of one transaction of it.
fn attempt(call_id: &str, transaction: u32) -> Vec<u8> {
    let text = String::from_utf8(invite(call_id, "<sip:100@x>")).expect("text");
    text.replace("z9hG4bK1", &format!("z9hG4bK{transaction}"))
        .replace("tag=1\r", &format!("tag={transaction}\r"))
        .into_bytes()
}

#[test]
fn one_name_for_many_calls_passes_neither_the_rates_nor_the_brake() {
    let guard = Guard::new(Limits { source_wrong_per_minute: 3, ..Limits::default() }, Vec::new());
    let mut passed = 0;
    for transaction in 0..600 {
        // One every hundredth of a second, all under the same Call-ID; each asks for a number that nobody has.
        let now = u64::from(transaction) * 10;
        if guard.judge(source(1), &attempt("same", transaction), now) == Verdict::Pass {
            passed += 1;
            guard.note_refused(source(1), now);
        }
    }
    assert_eq!(passed, 6, "twice what a minute allows; nothing grows back in six seconds");
    let guard = Guard::new(limits(), Vec::new());
    let calls = (0..15).filter(|&number| guard.judge(source(1), &attempt("same", number), 0) == Verdict::Pass).count();
    assert_eq!(calls, 4, "the burst of one source");
}

#[test]
fn whatever_differs_makes_another_attempt() {
    let first = String::from_utf8(invite("c", "<sip:100@x>")).expect("text");
    for (from, to) in [("z9hG4bK1", "z9hG4bK2"), ("<sip:a@x>;tag=1", "<sip:a@x>;tag=2"), ("1 INVITE", "2 INVITE")] {
        let guard = Guard::new(limits(), Vec::new());
        assert_eq!(guard.judge(source(1), first.as_bytes(), 0), Verdict::Pass);
        for number in 0..3 {
            assert_eq!(guard.judge(source(1), &invite(&format!("c{number}"), "<sip:100@x>"), 0), Verdict::Pass);
        }
        assert_eq!(guard.judge(source(1), first.as_bytes(), 0), Verdict::Pass, "a repeat");
        let other = first.replace(from, to);
        assert_ne!(other, first);
        assert_eq!(guard.judge(source(1), other.as_bytes(), 0), Verdict::Shed, "{to}");
    }
}

#[test]
fn an_invite_is_repeated_so_often_and_so_long_and_not_once_its_call_is_over() {
    let guard = Guard::new(Limits { datagrams_per_second: 1_000, ..limits() }, Vec::new());
    let call = |number: u32, now| guard.judge(source(1), &invite(&format!("c{number}"), "<sip:100@x>"), now);
    for number in 0..4 {
        assert_eq!(call(number, 0), Verdict::Pass);
    }
    for _ in 0..REPEATS_LIMIT {
        assert_eq!(call(0, 0), Verdict::Pass);
    }
    assert_eq!(call(0, 0), Verdict::Shed, "one repeat too many is a new call, and there is no room for one");
    guard.forget_call(source(2), "c1");
    assert_eq!(call(1, 0), Verdict::Pass, "another's call of the same name is over, not this one");
    guard.forget_call(source(1), "c1");
    assert_eq!(call(1, 0), Verdict::Shed);
    for number in 4..8 {
        assert_eq!(call(number, 31_999), Verdict::Pass);
    }
    assert_eq!(call(2, 31_999), Verdict::Pass, "the last moment in which it may come");
    assert_eq!(call(3, 32_000), Verdict::Shed);
    let book = guard.book.lock().expect("no panic");
    assert!(book.admitted.len() <= book.order.len() && book.order.len() <= 8, "{book:?}");
}
