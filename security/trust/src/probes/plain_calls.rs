//! S31, for calls: a phone that demands encryption refuses whoever calls without. The probe calls a number that nobody has, over
//! UDP and over TCP, as any phone could, and reads the answer.

use std::net::SocketAddr;
use std::sync::Arc;

use storage::Entropy;
use telephony::softphone::{self, Options};

use crate::finding::Finding;
use crate::probe::{Look, PhoneDoor, Probe, ProbeContext};

/// What a phone that demands encryption answers (RFC 3261, section 21.4.4).
const FORBIDDEN: u16 = 403;
/// What a number that nobody has is answered.
const NOT_FOUND: u16 = 404;
/// How long a call may ring.
const RING_SECONDS: u32 = 5;

/// The future of one call: the status that ended it; none when there was no answer.
pub type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Option<u16>> + Send + 'a>>;

/// Who calls: our own small phone, or in a test something that answers by itself.
pub trait Caller: Send + Sync {
    /// Calls a number that nobody has, without encryption.
    fn call(&self, door: SocketAddr, tcp: bool, entropy: Arc<dyn Entropy>) -> Answer<'_>;
}

/// Our own small phone.
pub struct Dialled;

impl Caller for Dialled {
    fn call(&self, door: SocketAddr, tcp: bool, entropy: Arc<dyn Entropy>) -> Answer<'_> {
        Box::pin(async move {
            let mut number = [0; 8];
            entropy.fill(&mut number);
            let address = format!("sip:probe-{:016x}@{door}", u64::from_be_bytes(number));
            let options = Options {
                tcp,
                from_user: "probe".to_owned(),
                ring_seconds: RING_SECONDS,
                longest_seconds: 1,
                ..Options::default()
            };
            let outcome = softphone::place(&address, &options, entropy).await.ok()?;
            Some(outcome.end.status.code())
        })
    }
}

/// The probe.
pub struct PlainCalls<C>(pub C);

impl<C: Caller> Probe for PlainCalls<C> {
    fn name(&self) -> &'static str {
        "plain-calls"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            match context.phone {
                None => Finding::not_measured("This process has no phone."),
                Some(door) => self.try_door(door, &context.platform.entropy).await,
            }
        })
    }
}

impl<C: Caller> PlainCalls<C> {
    async fn try_door(&self, door: PhoneDoor, entropy: &Arc<dyn Entropy>) -> Finding {
        let mut answers = Vec::new();
        for (tcp, way) in [(false, "UDP"), (true, "TCP")] {
            match self.0.call(door.sip, tcp, entropy.clone()).await {
                Some(status) if status != 408 => answers.push((way, status)),
                _ => return Finding::not_measured(format!("A call over {way} got no answer at all.")),
            }
        }
        let expected = if door.strict { FORBIDDEN } else { NOT_FOUND };
        let faults: Vec<String> = answers
            .iter()
            .filter(|(_, status)| *status != expected)
            .map(|(way, status)| format!("A plain call over {way} was answered {status} instead of {expected}"))
            .collect();
        let holds = if door.strict {
            "Calls without encryption, over UDP and TCP, were refused before the number was looked at"
        } else {
            "This installation takes plain calls, too, as its settings say; the line about encrypted ways names where they travel"
        };
        Finding::from_faults(&faults, holds).with("Demands encryption", if door.strict { "yes" } else { "no" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::probes::testing::context;
    use telephony::line::{Line, LineConfig, Security, Strictness};

    /// A phone that refuses as its line says, and lets other calls go by unanswered (480).
    async fn phone(strictness: Strictness) -> PhoneDoor {
        let mut config = LineConfig::loopback();
        config.security = Security { strictness, keys_in_clear: false };
        let line = Line::open(config, Arc::new(storage::SystemEntropy)).await.expect("a line");
        let sip = line.address();
        tokio::spawn(async move {
            while let Some(call) = line.next_call().await {
                if let Some(why) = call.insecure() {
                    call.reject(why.status()).await;
                }
            }
        });
        PhoneDoor { sip, strict: strictness == Strictness::Strict }
    }

    async fn look(caller: impl Caller, door: PhoneDoor) -> Finding {
        let (mut context, _kept) = context().await;
        context.phone = Some(door);
        PlainCalls(caller).look(&context).await
    }

    /// A phone that answers everybody alike.
    struct Always(Option<u16>);

    impl Caller for Always {
        fn call(&self, _: SocketAddr, _: bool, _: Arc<dyn Entropy>) -> Answer<'_> {
            Box::pin(async { self.0 })
        }
    }

    fn nowhere(strict: bool) -> PhoneDoor {
        PhoneDoor { sip: ([127, 0, 0, 1], 9).into(), strict }
    }

    #[tokio::test]
    async fn a_strict_phone_holds_and_one_that_says_it_is_not_is_told_apart() {
        let finding = look(Dialled, phone(Strictness::Strict).await).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        let finding = look(Always(Some(404)), nowhere(false)).await;
        assert!(finding.state == State::Holds && finding.evidence.contains("takes plain calls"), "{finding:?}");
    }

    #[tokio::test]
    async fn a_phone_that_takes_plain_calls_and_says_otherwise_turns_it_red() {
        let door = PhoneDoor { strict: true, ..phone(Strictness::Offered).await };
        let finding = look(Dialled, door).await;
        assert!(finding.state == State::Broken && finding.evidence.contains("UDP"), "{finding:?}");
    }

    #[tokio::test]
    async fn silence_proves_nothing() {
        let (context, _kept) = context().await;
        assert_eq!(PlainCalls(Always(None)).look(&context).await.state, State::NotMeasured, "no phone");
        assert_eq!(look(Always(None), nowhere(true)).await.state, State::NotMeasured);
        assert_eq!(look(Always(Some(408)), nowhere(true)).await.state, State::NotMeasured);
    }
}
