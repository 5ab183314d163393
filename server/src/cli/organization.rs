//! `ringfence organization`: the organizations of an installation, from the machine itself.

use std::io::Read as _;

use clap::{Args, Subcommand};
use identity::founding::{self, Founding};
use uuid::Uuid;

use super::key::operator;
use super::{Answer, Node, say};
use crate::wiring::House;

/// Bytes that are read as a password at most; longer ones are refused by their own rule.
const PASSWORD_BYTES_MAX: u64 = 4_096;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Found another organization with its owner and print its id; the owner's password is read from standard input
    Create {
        #[command(flatten)]
        node: Node,
        /// The business, as callers shall hear it
        #[arg(long)]
        name: String,
        /// The owner's name
        #[arg(long)]
        owner_name: String,
        /// The owner's e-mail address
        #[arg(long)]
        email: String,
    },
    /// From where an organization may be reached; the way back in for those whom the list shut out
    Allowlist {
        #[command(subcommand)]
        command: AllowlistCommand,
    },
}

#[derive(Subcommand)]
enum AllowlistCommand {
    /// Print both lists
    Show {
        #[command(flatten)]
        node: Node,
        /// The organization's id; not needed while there is one only
        #[arg(long)]
        organization: Option<Uuid>,
    },
    /// Empty both lists: every address may come in again; the audit log says that it was done on the machine
    Clear {
        #[command(flatten)]
        node: Node,
        /// The organization's id; not needed while there is one only
        #[arg(long)]
        organization: Option<Uuid>,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        Command::Create { node, name, owner_name, email } => create(node, name, owner_name, email).await,
        Command::Allowlist { command } => allowlist(command).await,
    }
}

async fn create(node: Node, name: String, owner_name: String, email: String) -> anyhow::Result<Answer> {
    let password = password("Password of the owner: ")?;
    let house = House::open(node.existing()?).await?;
    let founding = Founding { organization_name: &name, name: &owner_name, email: &email, password: &password };
    let founded = founding::found(&house.platform, &founding).await?;
    say(&founded.organization.0.to_string());
    house.platform.database.close().await;
    Ok(Answer::Good)
}

async fn allowlist(command: AllowlistCommand) -> anyhow::Result<Answer> {
    let (node, organization, clears) = match command {
        AllowlistCommand::Show { node, organization } => (node, organization, false),
        AllowlistCommand::Clear { node, organization } => (node, organization, true),
    };
    let house = House::open(node.existing()?).await?;
    let caller = operator(&house, organization).await?;
    if clears {
        web::allowlist::clear(&house.platform, &caller).await?;
    }
    let lists = web::allowlist::read(&house.platform, caller.organization()).await?;
    for (name, list) in [("dashboard", lists.dashboard), ("API keys", lists.api)] {
        say(&format!("{name}: {}", if list.is_empty() { "every address".to_owned() } else { list.to_string() }));
    }
    house.platform.database.close().await;
    Ok(Answer::Good)
}

/// The first line of standard input; without echo when a person types it.
pub(super) fn password(prompt: &str) -> anyhow::Result<String> {
    use std::io::IsTerminal as _;
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password(prompt)?);
    }
    let mut text = String::new();
    std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
