//! `ringfence passwords`: the set of breached passwords, offline.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use identity::password::breached::{Breached, false_positives};
use storage::{Clock as _, SystemClock, Timestamp};

use super::{Answer, Node, say};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the set from a file of SHA-1 hashes with counts (HASH:COUNT in each line, sorted by hash); no network is used
    Import {
        #[command(flatten)]
        node: Node,
        /// The file; it is read once, and not needed afterwards
        file: PathBuf,
        /// Leave out what was seen less often than this
        #[arg(long, default_value_t = 0)]
        at_least: u64,
    },
    /// Say what was imported
    Status {
        #[command(flatten)]
        node: Node,
    },
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        Command::Import { node, file, at_least } => {
            let set = Breached::in_folder(&node.with_folder()?.data_dir);
            let made = set.import(&file, at_least, SystemClock.now())?;
            let (lines, records) = (made.lines, made.records);
            say(&format!(
                "{lines} lines read; {records} breached passwords are refused from now on, by a running server too"
            ));
        }
        Command::Status { node } => match Breached::in_folder(&node.with_folder()?.data_dir).header()? {
            Some(header) => {
                let since = web::instant::to_rfc3339(Timestamp(header.made_at));
                say(&format!("{} breached passwords, imported {since}", header.records));
                let one_in = 1.0 / false_positives(header.records);
                say(&format!("a password that is not among them is refused by mistake once in {one_in:.0} times"));
            }
            None => say("nothing was imported; the eleven thousand commonest passwords are refused in any case"),
        },
    }
    Ok(Answer::Good)
}
