//! S78: nothing is recorded without an explicit yes. Every answer that a caller can give is put to the valve in front of the recorder; only a
//! yes gets a grant, and without a grant the recorder cannot be started at all.

use std::future::Future;

use compliance::consent::{Consent, Decision, Means, Purpose};
use storage::Transaction;

use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const KEYS: &str = "0123456789*#";

/// What opens the tap: compliance, or in a test something that always does.
pub trait Valve: Send + Sync {
    /// Does this answer give a grant?
    fn grants(
        &self,
        context: &ProbeContext,
        transaction: &mut Transaction,
        consent: Consent,
    ) -> impl Future<Output = Result<bool, String>> + Send;
}

/// Compliance itself.
pub struct Consented;

impl Valve for Consented {
    async fn grants(
        &self,
        context: &ProbeContext,
        transaction: &mut Transaction,
        consent: Consent,
    ) -> Result<bool, String> {
        let grant = consent.write(transaction, context.platform.identifiers.next()).await;
        grant.map(|grant| grant.is_some()).map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct ConsentValve<V>(pub V);

impl<V: Valve> Probe for ConsentValve<V> {
    fn name(&self) -> &'static str {
        "consent-valve"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.try_answers(context).await.unwrap_or_else(|finding| finding) })
    }
}

impl<V: Valve> ConsentValve<V> {
    async fn try_answers(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let [canary, _] = canary::pair(&context.platform).await?;
        let door = canary.caller().database(&context.platform);
        // Never committed: no answer of this probe is ever stored.
        let mut transaction = door.begin().await.map_err(|error| Finding::not_measured(error.to_string()))?;
        let (mut faults, mut tried, mut granted) = (Vec::new(), 0, 0);
        for consent in answers(context) {
            let opened = self.0.grants(context, &mut transaction, consent).await.map_err(Finding::not_measured)?;
            tried += 1;
            granted += u32::from(opened);
            if opened && !is_yes(&consent) {
                faults.push(format!(
                    "{} was opened by an answer that is no yes ({:?})",
                    consent.purpose.name(),
                    consent.means
                ));
            }
        }
        if granted == 0 {
            return Ok(Finding::not_measured("Not even a yes opens the valve, so its refusals say nothing."));
        }
        Ok(Finding::from_faults(
            &faults,
            format!(
                "Gave {tried} answers to the valve; the {granted} that are an explicit yes opened it, no other did."
            ),
        )
        .with("Answers tried", tried))
    }
}

/// Every purpose, decision and means.
fn answers(context: &ProbeContext) -> Vec<Consent> {
    let conversation = context.platform.identifiers.next();
    let at = context.platform.now();
    let mut answers = Vec::new();
    for purpose in Purpose::ALL {
        for decision in [Decision::Given, Decision::Refused, Decision::Withdrawn] {
            let keys = KEYS.chars().map(Means::Key);
            answers.extend(keys.chain([Means::Words, Means::Button]).map(|means| Consent {
                conversation,
                purpose,
                decision,
                means,
                at,
            }));
        }
    }
    answers
}

/// On the phone the key 1 and nothing else is a yes.
fn is_yes(consent: &Consent) -> bool {
    consent.decision == Decision::Given && !matches!(consent.means, Means::Key(key) if key != '1')
}

#[cfg(test)]
mod tests {
    use compliance::consent::{Consent, Decision};
    use storage::Transaction;

    use super::{ConsentValve, Consented, Valve, is_yes};
    use crate::finding::State;
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::context;

    /// A valve with a fault.
    struct Faulty(fn(&Consent) -> bool);

    impl Valve for Faulty {
        async fn grants(&self, _: &ProbeContext, _: &mut Transaction, consent: Consent) -> Result<bool, String> {
            Ok(self.0(&consent))
        }
    }

    #[tokio::test]
    async fn compliance_holds() {
        let (context, _kept) = context().await;
        let finding = ConsentValve(Consented).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_valve_that_opens_by_itself_turns_it_red() {
        let (context, _kept) = context().await;
        let always: fn(&Consent) -> bool = |_| true;
        let any_key: fn(&Consent) -> bool = |consent| consent.decision == Decision::Given;
        let withdrawn: fn(&Consent) -> bool = |consent| is_yes(consent) || consent.decision == Decision::Withdrawn;
        for fault in [always, any_key, withdrawn] {
            let finding = ConsentValve(Faulty(fault)).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_valve_that_never_opens_proves_nothing() {
        let (context, _kept) = context().await;
        assert_eq!(ConsentValve(Faulty(|_| false)).look(&context).await.state, State::NotMeasured);
    }
}
