//! `ringfence doctor`: is this set-up sound?

use clap::Args;
use serde_json::json;
use storage::SystemClock;

use super::{Answer, Node, say};
use crate::config;
use crate::doctor::{self, Finding};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    node: Node,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let findings = match arguments.node.settings() {
        Ok(settings) => doctor::examine(&settings, &SystemClock).await,
        Err(error) => vec![Finding::fault("settings", refusal(&error))],
    };
    let faults = findings.iter().filter(|finding| !finding.good).count();
    if arguments.json {
        say(&serde_json::to_string_pretty(&json!({ "good": faults == 0, "findings": findings }))?);
    } else {
        for finding in &findings {
            say(&finding.to_string());
        }
        say(&match faults {
            0 => "All is well.".to_owned(),
            1 => "1 fault.".to_owned(),
            faults => format!("{faults} faults."),
        });
    }
    Ok(if faults == 0 { Answer::Good } else { Answer::NotSo })
}

/// Why settings were refused, without the excerpt that a parser draws over several lines.
fn refusal(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(config::Error::Parse { path, source }) => format!("{}: {}", path.display(), source.message()),
        _ => format!("{error:#}"),
    }
}
