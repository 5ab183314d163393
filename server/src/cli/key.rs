//! `ringfence key`: API keys, from the machine itself.

use audit::{Actor, ActorKind};
use clap::{Args, Subcommand};
use identity::api_key::{self, NewKey};
use identity::{Caller, Environment, Role, member};
use storage::OrganizationId;
use uuid::Uuid;

use super::{Answer, Node, one_of, say};
use crate::wiring::House;

/// Keys that are listed at most.
const KEYS_MAX: i64 = 500;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The organization's id; not needed while there is one only
    #[arg(long, global = true)]
    organization: Option<Uuid>,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key and print it, this once
    Create {
        #[command(flatten)]
        node: Node,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, value_parser = one_of(Role::ALL.map(Role::as_str), Role::parse), default_value = "manager")]
        role: Role,
        /// A key for simulated carriers only
        #[arg(long)]
        test: bool,
    },
    /// List the keys, without their secrets
    List {
        #[command(flatten)]
        node: Node,
    },
    /// Put a fresh key in the place of another and print it, this once; the old one works on for a while
    Rotate {
        #[command(flatten)]
        node: Node,
        /// The key's id
        id: Uuid,
        /// Hours that the old key works on, 0 to 168
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(0..=168))]
        overlap_hours: i64,
    },
    /// Stop a key at once
    Revoke {
        #[command(flatten)]
        node: Node,
        /// The key's id
        id: Uuid,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let node = match &arguments.command {
        Command::Create { node, .. }
        | Command::List { node }
        | Command::Rotate { node, .. }
        | Command::Revoke { node, .. } => node,
    };
    let house = House::open(node.existing()?).await?;
    let caller = operator(&house, arguments.organization).await?;
    let answer = match arguments.command {
        Command::Create { name, role, test, .. } => {
            let environment = if test { Environment::Test } else { Environment::Live };
            let new = NewKey { name: &name, environment, role, expires_at: None };
            let (key, text) = api_key::create(&house.platform, &caller, &new).await?;
            tracing::info!(key = %key.id, "made");
            say(text.reveal());
            Answer::Good
        }
        Command::List { .. } => {
            let now = house.platform.now();
            for key in api_key::list(&house.platform, &caller, None, KEYS_MAX).await? {
                let (role, world) = (key.role.as_str(), key.environment.as_str());
                say(&format!("{}  {world}  {role:<8} {:<12} {}", key.id, key.state(now).as_str(), key.name));
            }
            Answer::Good
        }
        Command::Rotate { id, overlap_hours, .. } => {
            let overlap_seconds = overlap_hours * 3600;
            let (key, text) = api_key::rotate(&house.platform, &caller, id, overlap_seconds).await?;
            tracing::info!(key = %key.id, "made");
            say(text.reveal());
            Answer::Good
        }
        Command::Revoke { id, .. } => {
            let revoked = api_key::revoke(&house.platform, &caller, id, None).await?;
            say(if revoked { "revoked" } else { "there is no such key, or it was revoked before" });
            if revoked { Answer::Good } else { Answer::NotSo }
        }
    };
    house.platform.database.close().await;
    Ok(answer)
}

/// Whoever has the data folder and the root key is the operator of the machine; the log says so.
pub(crate) async fn operator(house: &House, organization: Option<Uuid>) -> anyhow::Result<Caller> {
    let organization = if let Some(organization) = organization {
        OrganizationId(organization)
    } else {
        let canaries = trust::canaries(&house.platform.database).await?;
        member::only_organization(&house.platform, &canaries).await?
    };
    Ok(Caller::for_channel(organization, Actor { kind: ActorKind::Operator, id: None, address: None }))
}
