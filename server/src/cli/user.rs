//! `ringfence user`: people, from the machine itself.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use identity::{member, one_time};
use uuid::Uuid;

use super::key::operator;
use super::organization::base_url;
use super::{Answer, Node, say};
use crate::wiring::House;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a link that signs somebody in once, for whoever lost password, second factor and backup codes
    SignInLink {
        #[command(flatten)]
        node: Node,
        /// The organization's id; not needed while there is one only
        #[arg(long)]
        organization: Option<Uuid>,
        /// Their e-mail address
        #[arg(long)]
        email: String,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let Command::SignInLink { node, organization, email } = arguments.command;
    let house = House::open(node.existing()?).await?;
    let caller = operator(&house, organization).await?;
    let user = member::find(&house.platform, caller.organization(), &email).await?;
    let user = user.context("no member of this organization has that e-mail address")?;
    let link = one_time::issue_sign_in_link(&house.platform, caller.organization(), user).await?;
    caller.note(&house.platform, "sign_in_link.issue", "user", Some(user)).await?;
    say("It works once, for 15 minutes, and counts as a whole sign-in:");
    say(&one_time::Purpose::SignIn.address(&base_url(&house), &link));
    house.platform.database.close().await;
    Ok(Answer::Good)
}
