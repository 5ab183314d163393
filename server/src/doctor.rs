//! Looks at a set-up before or while it serves, and says in one sentence each what is well and what to do about the rest.
//!
//! Nothing is repaired here and nothing is made: data that is not there yet is said to be not there.

mod data;
mod folder;
mod machine;
mod network;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;

use serde::Serialize;
use storage::Clock;

use crate::config::Settings;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it is well.
    pub good: bool,
    /// What was seen; for a fault also what to do. One line.
    pub says: String,
}

impl Finding {
    /// It is well.
    pub fn good(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, good: true, says: one_line(&says.into()) }
    }

    /// It is not.
    pub fn fault(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, good: false, says: one_line(&says.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<6} {:<12} {}", if self.good { "ok" } else { "FAULT" }, self.name, self.says)
    }
}

/// Looks at everything. What cannot be looked at because of an earlier fault is left out.
pub async fn examine(settings: &Settings, clock: &dyn Clock) -> Vec<Finding> {
    let mut findings = vec![understood(settings)];
    let folder = folder::look(&settings.data_dir);
    let usable = folder.good;
    findings.push(folder);
    if usable {
        findings.extend(data::look(settings).await);
        findings.extend(machine::disk(&settings.data_dir).await);
    }
    findings.push(machine::clock(&settings.data_dir, clock));
    findings.extend(tls::look(settings, clock).await);
    findings.extend(network::look(settings));
    findings.push(machine::voice(settings));
    findings.extend(settings.trunk.as_ref().map(machine::trunk));
    findings
}

/// The settings as the start judges them.
fn understood(settings: &Settings) -> Finding {
    match settings.check() {
        Ok(()) => Finding::good("settings", "understood"),
        Err(refusal) => Finding::fault("settings", refusal.to_string()),
    }
}

/// Line breaks in other programs' messages would break the promise of one line each.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
