//! S37, for calls: a flood from strangers does not keep the trunk out. A made-up flood is put to the guard that stands before every
//! message of the phone, on a clock of its own, so that no real caller waits for the probe.

use std::net::IpAddr;

use telephony::signalling::{Guard, Limits, Verdict};

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Strangers that flood, each from an address of its own (TEST-NET-1, RFC 5737).
const STRANGERS: u8 = 200;
/// Calls of each within the second.
const CALLS_EACH: u32 = 50;
/// Calls of the trunk within the same second.
const TRUNK_CALLS: u32 = 100;
/// The trunk (TEST-NET-2).
const TRUNK: [u8; 4] = [198, 51, 100, 7];

/// What judges messages: the phone's guard, or in a test one with a fault.
pub trait Gatekeeper: Send + Sync {
    /// A guard with the usual limits that has seen nobody and trusts the trunk.
    fn fresh(&self) -> Guard;
}

/// The phone's own guard.
pub struct Guarded;

impl Gatekeeper for Guarded {
    fn fresh(&self) -> Guard {
        Guard::new(Limits::default(), vec![IpAddr::from(TRUNK).into()])
    }
}

/// The probe.
pub struct PhoneFlood<G>(pub G);

impl<G: Gatekeeper> Probe for PhoneFlood<G> {
    fn name(&self) -> &'static str {
        "phone-flood"
    }

    fn look<'a>(&'a self, _: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { flood(&self.0.fresh()) })
    }
}

fn invite(from: IpAddr, number: u32) -> Vec<u8> {
    format!(
        "INVITE sip:100@phone.invalid SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number}\r\nFrom: <sip:a@{from}>;tag=1\r\n\
         To: <sip:100@phone.invalid>\r\nCall-ID: {from}-{number}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn flood(guard: &Guard) -> Finding {
    let trunk = IpAddr::from(TRUNK);
    let (mut taken, mut trunk_taken) = (0u32, 0u32);
    for number in 0..CALLS_EACH.max(TRUNK_CALLS) {
        // A thousand milliseconds in as many steps as there are calls.
        let now = u64::from(number) * 1_000 / u64::from(CALLS_EACH.max(TRUNK_CALLS));
        for last in (0..STRANGERS).filter(|_| number < CALLS_EACH) {
            let from = IpAddr::from([192, 0, 2, last]);
            taken += u32::from(guard.judge(from, &invite(from, number), now) == Verdict::Pass);
        }
        trunk_taken += u32::from(guard.judge(trunk, &invite(trunk, number), now) == Verdict::Pass);
    }
    let flood = u32::from(STRANGERS) * CALLS_EACH;
    let mut faults = Vec::new();
    if trunk_taken < TRUNK_CALLS {
        faults.push(format!("only {trunk_taken} of {TRUNK_CALLS} calls of the trunk came through"));
    }
    if taken > flood / 10 {
        faults.push(format!("{taken} of {flood} calls of strangers were taken within a second"));
    }
    let holds = format!(
        "Of {flood} made-up calls of {STRANGERS} strangers within a second {taken} were let in; all {TRUNK_CALLS} calls of the trunk were."
    );
    Finding::from_faults(&faults, holds).with("Flood", flood).with("Let in", taken).with("Trunk let in", trunk_taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::probes::testing::context;

    /// A guard with a fault.
    struct Faulty(fn() -> Guard);

    impl Gatekeeper for Faulty {
        fn fresh(&self) -> Guard {
            (self.0)()
        }
    }

    #[tokio::test]
    async fn the_phone_s_guard_holds() {
        let (context, _kept) = context().await;
        let finding = PhoneFlood(Guarded).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_guard_that_knows_no_trunk_or_no_limit_turns_it_red() {
        let (context, _kept) = context().await;
        let no_trunk: fn() -> Guard = || Guard::new(Limits::default(), Vec::new());
        let no_limit: fn() -> Guard = || {
            let limits = Limits { source_calls_per_second: 1_000, all_calls_per_second: 100_000, ..Limits::default() };
            Guard::new(limits, vec![IpAddr::from(TRUNK).into()])
        };
        for fault in [no_trunk, no_limit] {
            let finding = PhoneFlood(Faulty(fault)).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
        }
    }
}
