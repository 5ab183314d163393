//! `ringfence key`: API keys, from the machine itself.

use audit::{Actor, ActorKind};
use clap::{Args, Subcommand};
use identity::api_key::{self, NewKey};
use identity::{Caller, Environment, Role, member};
use storage::OrganizationId;
use uuid::Uuid;

use super::{Answer, Node, say};
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
        #[arg(long, value_enum, default_value = "manager")]
        role: RoleName,
        /// A key for simulated carriers only
        #[arg(long)]
        test: bool,
    },
    /// List the keys, without their secrets
    List {
        #[command(flatten)]
        node: Node,
    },
    /// Stop a key at once
    Revoke {
        #[command(flatten)]
        node: Node,
        /// The key's id
        id: Uuid,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum RoleName {
    Owner,
    Admin,
    Manager,
    Viewer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Manager => Self::Manager,
            RoleName::Viewer => Self::Viewer,
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let node = match &arguments.command {
        Command::Create { node, .. } | Command::List { node } | Command::Revoke { node, .. } => node,
    };
    let house = House::open(node.existing()?).await?;
    let caller = operator(&house, arguments.organization).await?;
    let answer = match arguments.command {
        Command::Create { name, role, test, .. } => {
            let environment = if test { Environment::Test } else { Environment::Live };
            let new = NewKey { name: &name, environment, role: role.into(), expires_at: None };
            let (key, text) = api_key::create(&house.platform, &caller, &new).await?;
            tracing::info!(key = %key.id, "made");
            say(text.reveal());
            Answer::Good
        }
        Command::List { .. } => {
            for key in api_key::list(&house.platform, &caller, None, KEYS_MAX).await? {
                let state = if key.revoked_at.is_some() { "revoked" } else { "good" };
                say(&format!("{}  {:<8} {:<8} {}", key.id, format!("{:?}", key.role).to_lowercase(), state, key.name));
            }
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
