//! `ringfence operator`: who runs the installation, from the machine itself.

use clap::{Args, Subcommand};
use operator::account::NewAccount;
use operator::store::accounts;
use operator::store::trainings::{self, Attestation};
use operator::{OperatorRole, Standing};
use storage::Timestamp;
use uuid::Uuid;

use super::{Answer, Node, one_of, organization, say};
use crate::wiring::House;

/// Operators that are listed at most.
const OPERATORS_MAX: i64 = 1_000;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an operator; the password is read from standard input, the second factor is enrolled at the first sign-in
    Create {
        #[command(flatten)]
        node: Node,
        /// The operator's name, which organizations see when support looks
        #[arg(long)]
        name: String,
        /// The e-mail address
        #[arg(long)]
        email: String,
        /// What they may do
        #[arg(long, value_parser = one_of(OperatorRole::ALL.map(OperatorRole::as_str), OperatorRole::parse))]
        role: OperatorRole,
    },
    /// List the operators, with how they stand
    List {
        #[command(flatten)]
        node: Node,
    },
    /// Enter a security training into the register; without one that is younger than a year the role is suspended
    Attest {
        #[command(flatten)]
        node: Node,
        /// The operator's e-mail address
        #[arg(long)]
        email: String,
        /// What the training was
        #[arg(long)]
        course: String,
        /// The day of the training (2026-11-22); today when left out
        #[arg(long)]
        date: Option<jiff::civil::Date>,
    },
    /// Stop an operator at once, and whatever they look at
    Suspend {
        #[command(flatten)]
        node: Node,
        /// The operator's e-mail address
        #[arg(long)]
        email: String,
    },
    /// Let a stopped operator go on
    Resume {
        #[command(flatten)]
        node: Node,
        /// The operator's e-mail address
        #[arg(long)]
        email: String,
    },
    /// Forget a lost second factor; the next sign-in enrols a new one
    ForgetFactor {
        #[command(flatten)]
        node: Node,
        /// The operator's e-mail address
        #[arg(long)]
        email: String,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let node = match &arguments.command {
        Command::Create { node, .. }
        | Command::List { node }
        | Command::Attest { node, .. }
        | Command::Suspend { node, .. }
        | Command::Resume { node, .. }
        | Command::ForgetFactor { node, .. } => node,
    };
    let house = House::open(node.existing()?).await?;
    let platform = &house.platform;
    match arguments.command {
        Command::Create { name, email, role, .. } => {
            let password = organization::password("Password of the operator: ")?;
            let new = NewAccount { name: &name, email: &email, password: &password, role };
            say(&accounts::create(platform, &new).await?.to_string());
        }
        Command::List { .. } => list(&house).await?,
        Command::Attest { email, course, date, .. } => {
            let attested_at = date.map_or(Ok(platform.now()), day)?;
            let operator = find(&house, &email).await?;
            trainings::attest_by_machine(platform, &Attestation { operator, course: &course, attested_at }).await?;
            say("entered");
        }
        Command::Suspend { email, .. } => {
            accounts::set_suspended_by_machine(platform, find(&house, &email).await?, true).await?;
            say("suspended");
        }
        Command::Resume { email, .. } => {
            accounts::set_suspended_by_machine(platform, find(&house, &email).await?, false).await?;
            say("resumed");
        }
        Command::ForgetFactor { email, .. } => {
            accounts::forget_factor(platform, find(&house, &email).await?).await?;
            say("forgotten");
        }
    }
    house.platform.database.close().await;
    Ok(Answer::Good)
}

async fn list(house: &House) -> anyhow::Result<()> {
    let now = house.platform.now();
    for account in accounts::list(&house.platform, None, OPERATORS_MAX).await? {
        let standing = match account.standing(now) {
            Standing::Good => "good",
            Standing::Untrained => "untrained",
            Standing::Suspended => "suspended",
        };
        let factor = if account.is_enrolled { "two factors" } else { "not enrolled" };
        let role = account.role.as_str();
        say(&format!("{}  {role:<13} {standing:<9} {factor:<12} {}", account.id, account.email));
    }
    Ok(())
}

async fn find(house: &House, email: &str) -> anyhow::Result<Uuid> {
    let found = accounts::find(&house.platform, email).await?;
    found.ok_or_else(|| {
        anyhow::anyhow!("there is no operator with this e-mail address; `ringfence operator list` names them")
    })
}

/// The start of a day, in UTC.
fn day(date: jiff::civil::Date) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_seconds(date.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().as_second()))
}
