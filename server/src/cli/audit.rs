//! `ringfence audit verify`: the audit log, without the server.

use clap::{Args, Subcommand};

use super::{Answer, Node, say};
use crate::config::Settings;
use crate::wiring;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Recompute the whole log and hold it against its signed checkpoints
    Verify {
        #[command(flatten)]
        node: Node,
        /// Folder of checkpoints kept elsewhere (default: `audit` in the data folder)
        #[arg(long)]
        checkpoints: Option<std::path::PathBuf>,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let Command::Verify { node, checkpoints } = arguments.command;
    let settings: Settings = node.existing()?;
    let folder = checkpoints.unwrap_or_else(|| settings.data_dir.join(wiring::AUDIT_FOLDER));
    let database = wiring::open_database(&settings).await?;
    anyhow::ensure!(
        vault::is_made(&database).await?,
        "there is no audit log in this database yet; name the right one with --data-dir or --database-url"
    );
    let evidence = audit::verify::Evidence::read(folder).await?;
    let report = audit::verify::verify(&database, &evidence).await?;
    for finding in &report.findings {
        say(&format!("BROKEN  {finding}"));
    }
    say(&format!(
        "{} entries checked, {} signed checkpoints, the newest covers {} entries",
        report.entries, report.checkpoints, report.signed_entries
    ));
    if !report.pinned {
        say(
            "The key came from the database itself. Keep the checkpoint folder elsewhere, so that nobody can replace both.",
        );
    }
    say(if report.ok() { "The audit log is whole." } else { "The audit log is NOT whole." });
    Ok(if report.ok() { Answer::Good } else { Answer::NotSo })
}
