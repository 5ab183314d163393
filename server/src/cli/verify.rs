//! `ringfence verify`: every probe of the trust page, now; or one conversation, again.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Answer, Node, key, say};
use crate::running::Running;
use crate::wiring::House;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    node: Node,
}

#[derive(Subcommand)]
enum Command {
    /// Step a stored conversation again and compare every effect
    Replay {
        #[command(flatten)]
        node: Node,
        /// The conversation's id
        conversation: Uuid,
        /// The organization's id; not needed while there is one only
        #[arg(long)]
        organization: Option<Uuid>,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        None => Box::pin(probes(&arguments.node)).await,
        Some(Command::Replay { node, conversation, organization }) => replay(&node, conversation, organization).await,
    }
}

/// Opens the data, serves it on free loopback ports for as long as the probes look, and lets them look. The server that
/// may be running on the same data is not disturbed.
async fn probes(node: &Node) -> anyhow::Result<Answer> {
    let mut settings = node.existing()?;
    let redirect = settings.tls.as_mut().and_then(|tls| tls.redirect_from.as_mut());
    for address in [&mut settings.http, &mut settings.admin, &mut settings.sip]
        .into_iter()
        .chain(redirect)
        .chain(settings.sip_tls.as_mut())
    {
        *address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    }
    let running = Running::start_beside_another(House::open(settings).await?, &[]).await?;
    let report = running.trust.verify().await?;
    say(&report.to_string());
    let good = report.is_good();
    running.stop().await?;
    Ok(if good { Answer::Good } else { Answer::NotSo })
}

async fn replay(node: &Node, conversation: Uuid, organization: Option<Uuid>) -> anyhow::Result<Answer> {
    let house = House::open(node.existing()?).await?;
    let caller = key::operator(&house, organization).await?;
    let report = house.conversations.replay(caller.organization(), conversation).await?;
    house.platform.database.close().await;
    match report.first_difference {
        None => say(&format!("{} events stepped again, every effect the same.", report.events)),
        Some(event) => say(&format!("{} events stepped again; event {event} had other effects.", report.events)),
    }
    Ok(if report.first_difference.is_none() { Answer::Good } else { Answer::NotSo })
}
