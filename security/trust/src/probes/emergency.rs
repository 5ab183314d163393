//! S79: an agent never calls an emergency number, however it is written. Every number is put to the one place that lets calls out, under a
//! policy that allows every country.

use compliance::dialing::{DialingPolicy, may_dial};
use compliance::emergency::EMERGENCY_NUMBERS;

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Numbers that must be refused whatever the product's own list says: that list is what is being looked at.
const KNOWN: &[&str] = &["112", "911", "999", "000", "110", "118", "119", "15", "17", "18", "113", "997", "998"];
/// A number of a range that is set aside for fiction: it must pass, or refusals say nothing.
const ORDINARY: &str = "+49 30 23125 112";

/// What lets calls out: compliance, or in a test something that knows less.
pub trait Gatekeeper: Send + Sync {
    /// Would a call to this target be placed?
    fn lets_out(&self, target: &str) -> bool;
}

/// Compliance itself.
pub struct Permitted;

impl Gatekeeper for Permitted {
    fn lets_out(&self, target: &str) -> bool {
        let everywhere = (1..=9).map(|digit: u8| digit.to_string()).collect();
        let policy = DialingPolicy {
            home_country_code: Some("49".to_owned()),
            allowed_country_codes: everywhere,
            loopback_sip: true,
        };
        may_dial(target, &policy).is_ok()
    }
}

/// The probe.
pub struct Emergency<G>(pub G);

impl<G: Gatekeeper> Probe for Emergency<G> {
    fn name(&self) -> &'static str {
        "emergency-numbers"
    }

    fn look<'a>(&'a self, _: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.try_numbers() })
    }
}

impl<G: Gatekeeper> Emergency<G> {
    fn try_numbers(&self) -> Finding {
        if !self.0.lets_out(ORDINARY) {
            return Finding::not_measured("Even an ordinary number is refused, so refusals say nothing.");
        }
        let listed = EMERGENCY_NUMBERS.iter().map(|(number, _)| *number);
        let (mut faults, mut tried) = (Vec::new(), 0);
        for number in KNOWN.iter().copied().chain(listed) {
            let written = written(number);
            tried += written.len();
            if written.iter().any(|target| self.0.lets_out(target)) {
                faults.push(format!("{number} would be dialled"));
            }
        }
        faults.dedup();
        let numbers = EMERGENCY_NUMBERS.len();
        Finding::from_faults(&faults, format!("Tried {numbers} emergency numbers, written in {tried} ways, where every country may be called; none was let out."))
            .with("Numbers", numbers)
            .with("Ways of writing them", tried)
    }
}

/// A number as people, phones and attackers write it.
fn written(number: &str) -> Vec<String> {
    let spaced = number.chars().map(String::from).collect::<Vec<_>>();
    let mut written = vec![
        number.to_owned(),
        format!("+{number}"),
        format!("00{number}"),
        format!("0 {number}"),
        format!("9,{number}"),
        spaced.join(" "),
        spaced.join("-"),
        format!("({number})"),
        format!("tel:{number}"),
        format!("sip:{number}@127.0.0.1"),
        format!("sip:{number}@127.0.0.1:5060;user=phone"),
        format!("SIP:+{number}@127.0.0.1"),
        number.chars().map(|digit| char::from_u32(u32::from(digit) + 0xFF10 - 0x30).unwrap_or(digit)).collect(),
        // In ASCII the digits 0 to 9 are %30 to %39.
        number.chars().flat_map(|digit| ['%', '3', digit]).collect(),
    ];
    written.extend(["1", "44", "49", "33", "61", "91"].map(|country| format!("+{country}{number}")));
    written
}

#[cfg(test)]
mod tests {
    use super::{Emergency, Gatekeeper, Permitted};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// A gatekeeper with a fault.
    struct Faulty(fn(&str) -> bool);

    impl Gatekeeper for Faulty {
        fn lets_out(&self, target: &str) -> bool {
            self.0(target)
        }
    }

    #[tokio::test]
    async fn compliance_holds() {
        let (context, _kept) = context().await;
        let finding = Emergency(Permitted).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_gatekeeper_that_knows_too_little_turns_it_red() {
        let (context, _kept) = context().await;
        let all: fn(&str) -> bool = |_| true;
        let one_missing: fn(&str) -> bool = |target| target == "+49 30 23125 112" || target == "999";
        let by_address: fn(&str) -> bool = |target| target == "+49 30 23125 112" || target.starts_with("sip:");
        for fault in [all, one_missing, by_address] {
            let finding = Emergency(Faulty(fault)).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_gatekeeper_that_refuses_everything_proves_nothing() {
        let (context, _kept) = context().await;
        assert_eq!(Emergency(Faulty(|_| false)).look(&context).await.state, State::NotMeasured);
    }
}
