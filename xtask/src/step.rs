//! A step of the run: its name, what it needs on the machine, what it does, and what came of it.

use std::time::Duration;

use anyhow::Result;

use crate::cargo_output::CargoOutput;
use crate::machine::Machine;

/// What a step needs before it can run; prepared once for all the steps that ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The Debian packages.
    Packages,
    /// A Python with `cryptography` and `scim2_tester`; tests find it in `RINGFENCE_PYTHON`.
    Python,
    /// axe-core; tests find it in `RINGFENCE_AXE`.
    Axe,
    /// An OpenID provider; tests find its folder in `RINGFENCE_OPENID_PROVIDER`.
    OpenIdProvider,
    /// The programs that attack the product; tests find them in the variables of [`crate::attackers::ATTACKERS`].
    Attackers,
    /// A running PostgreSQL; tests find its superuser in `RINGFENCE_TEST_POSTGRES_URL`.
    Postgres,
}

/// One step.
pub struct Step {
    /// Short name for `--only`.
    pub name: &'static str,
    /// The heading that is printed.
    pub heading: &'static str,
    /// What must be there first.
    pub needs: &'static [Need],
    /// Does the work.
    pub run: fn(&Machine) -> Result<Outcome>,
}

/// What came of a step.
#[derive(Debug, Default)]
pub struct Outcome {
    /// False when anything went wrong.
    pub good: bool,
    /// Tests counted in it, for those steps that run tests.
    pub tests: CargoOutput,
}

impl Outcome {
    /// The outcome of a step that runs no tests.
    pub fn plain(good: bool) -> Self {
        Self { good, ..Self::default() }
    }

    /// Good, but these were not looked at.
    pub fn not_measured(what: Vec<String>) -> Self {
        Self { good: true, tests: CargoOutput { not_measured: what, ..CargoOutput::default() } }
    }
}

/// A finished step, for the summary.
pub struct Finished {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
}
