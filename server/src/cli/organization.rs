//! `ringfence organization`: the organizations of an installation, from the machine itself.

use std::io::Read as _;

use clap::{Args, Subcommand};
use identity::founding::{self, Founding};
use identity::incident;
use identity::one_time::Purpose;
use identity::organization;
use uuid::Uuid;

use super::key::operator;
use super::{Answer, Node, say};
use crate::demo::Facts;
use crate::wiring::House;

/// Bytes that are read as a password at most; longer ones are refused by their own rule.
const PASSWORD_BYTES_MAX: u64 = 4_096;

/// Organizations that are read at a time.
const PAGE: i64 = 100;

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
    /// List the organizations from outside: id, day of founding, state, members, keys, public name
    List {
        #[command(flatten)]
        node: Node,
    },
    /// Lock an organization after a compromise: sessions and links end, keys are revoked, nothing is answered for it
    Lock {
        #[command(flatten)]
        node: Node,
        /// The organization's id; not needed while there is one only
        #[arg(long)]
        organization: Option<Uuid>,
        /// What was seen
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Print the one-time link with which the owner opens a locked organization again
    Unlock {
        #[command(flatten)]
        node: Node,
        /// The organization's id; not needed while there is one only
        #[arg(long)]
        organization: Option<Uuid>,
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
        Command::List { node } => list(node).await,
        Command::Lock { node, organization, reason } => lock(node, organization, &reason).await,
        Command::Unlock { node, organization } => unlock(node, organization).await,
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

/// What the operators' page of organizations shows, and nothing else.
async fn list(node: Node) -> anyhow::Result<Answer> {
    let house = House::open(node.existing()?).await?;
    let mut after = None;
    loop {
        let page = organization::list(&house.platform, after, PAGE).await?;
        for one in &page {
            let since = web::instant::to_rfc3339(one.created_at);
            let (day, state) =
                (since.split('T').next().unwrap_or_default(), if one.is_active { "active" } else { "stopped" });
            let (members, keys) = (one.members, one.keys);
            say(&format!("{}  {day}  {state:<7}  {members:>5} members {keys:>5} keys  {}", one.id.0, one.name));
        }
        after = page.last().map(|one| one.id.0).filter(|_| page.len() as i64 == PAGE);
        if after.is_none() {
            break;
        }
    }
    house.platform.database.close().await;
    Ok(Answer::Good)
}

async fn lock(node: Node, organization: Option<Uuid>, reason: &str) -> anyhow::Result<Answer> {
    let house = House::open(node.existing()?).await?;
    let caller = operator(&house, organization).await?;
    let incident = incident::lock(&house.platform, &caller, reason).await?;
    say(&format!("locked: {} sessions ended, {} keys revoked", incident.sessions, incident.keys));
    say("To open it again: ringfence organization unlock");
    house.platform.database.close().await;
    Ok(Answer::Good)
}

async fn unlock(node: Node, organization: Option<Uuid>) -> anyhow::Result<Answer> {
    let house = House::open(node.existing()?).await?;
    let caller = operator(&house, organization).await?;
    let link = incident::issue_unlock_link(&house.platform, caller.organization()).await?;
    say("Give this to the owner. It works once, for 15 minutes:");
    say(&Purpose::Unlock.address(&base_url(&house), &link));
    house.platform.database.close().await;
    Ok(Answer::Good)
}

/// The address under which browsers reach the server: what the demo wrote down about its last start, which may have taken a
/// free port; elsewhere as far as the settings tell.
pub(super) fn base_url(house: &House) -> String {
    let settings = &house.settings;
    let of_demo = || Facts::read(&settings.data_dir).filter(|_| house.platform.vault.stamp() == vault::Stamp::Demo);
    match settings.public_url.trim_end_matches('/') {
        "" => of_demo().map_or_else(
            || format!("{}://{}", if settings.is_over_tls() { "https" } else { "http" }, settings.http),
            |facts| facts.base_url,
        ),
        url => url.to_owned(),
    }
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
