//! Where calls of a conversation go out: the line with its trunk, or the sandbox. A conversation that was begun in the
//! sandbox stays there: whatever it dials later is simulated, too.

use compliance::dialing::Target;
use identity::Environment;

use super::Trunk;
use crate::call::CallEnd;
use crate::line::{Line, LiveCall};

/// Where calls go out.
#[derive(Clone)]
pub(super) struct Carrier {
    line: Line,
    trunk: Option<Trunk>,
    environment: Environment,
}

impl Carrier {
    /// The way out for whoever acts in this environment.
    pub(super) fn new(line: Line, trunk: Option<Trunk>, environment: Environment) -> Self {
        Self { line, trunk, environment }
    }

    /// Whether it has a way to this target.
    pub(super) fn reaches(&self, target: &Target) -> bool {
        match (self.environment, target) {
            (Environment::Test, Target::Number(_)) => true,
            (Environment::Test, Target::LoopbackSip(_)) => false,
            (Environment::Live, target) => Trunk::dial(self.trunk.as_ref(), target, "", 0).is_some(),
        }
    }

    /// Calls the target and waits until it is answered; none when there is no way to it.
    pub(super) async fn call(&self, to: &Target, own: &str, ring_seconds: u32) -> Option<Result<LiveCall, CallEnd>> {
        match (self.environment, to) {
            (Environment::Test, Target::Number(number)) => {
                Some(self.line.call_sandbox(number, own, ring_seconds).await)
            }
            (Environment::Test, Target::LoopbackSip(_)) => None,
            (Environment::Live, to) => {
                let mut dial = Trunk::dial(self.trunk.as_ref(), to, own, ring_seconds)?;
                if let (Target::Number(_), Some(trunk)) = (to, &self.trunk)
                    && let Err(end) = trunk.introduce(&mut dial).await
                {
                    return Some(Err(end));
                }
                Some(self.line.call(dial).await)
            }
        }
    }
}
