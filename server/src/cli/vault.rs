//! `ringfence vault`: keys from the machine itself: rotate, seal, unseal, look through.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use storage::SystemEntropy;
use uuid::Uuid;
use vault::{Sweep, SweepKind, Vault};

use super::{Answer, Node, key, say};
use crate::config::Settings;
use crate::safekeeping::{self, Level, worker::Sweeper};
use crate::wiring::{self, House};

/// How often a sweep that another process walks is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// Cells of the bar.
const BAR_WIDTH: usize = 30;

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
    /// Say how the keys stand: sealed or not, the last rotation, what is damaged
    Status {
        #[command(flatten)]
        node: Node,
    },
    /// Make new keys; what the older ones sealed is sealed anew, then they end. May be interrupted: it goes on where it was
    Rotate {
        #[command(flatten)]
        node: Node,
        /// Which keys
        #[arg(long, value_enum)]
        level: KeyLevel,
        /// For `root`: a settings file whose `root_key` names another place; without it a key in a file is replaced there
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Seal the organization: nothing of it can be read until it is unsealed
    Seal {
        #[command(flatten)]
        node: Node,
    },
    /// Unseal the organization
    Unseal {
        #[command(flatten)]
        node: Node,
    },
    /// Open everything that is sealed and name what is damaged
    Scrub {
        #[command(flatten)]
        node: Node,
    },
}

/// Which keys are rotated.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeyLevel {
    /// The key that opens all others
    Root,
    /// What the transit engine wrapped the root key with; the root key stays
    Wrapping,
    /// The key of the installation, which seals accounts and wraps the organizations' keys
    Installation,
    /// The key of an organization
    Organization,
    /// The key of every person in an organization
    Person,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let organization = arguments.organization;
    if let Command::Rotate { level, to, .. } = &arguments.command {
        heeds(*level, to.is_some(), organization.is_some())?;
    }
    match arguments.command {
        Command::Rotate { node, level: KeyLevel::Root, to } => rotate_root(node.existing()?, to).await,
        Command::Rotate { node, level: KeyLevel::Wrapping, .. } => {
            Vault::rewrap_root_key(&wiring::key_source(&node.existing()?)?).await?;
            say("The root key is wrapped with the newest key of its service.");
            Ok(Answer::Good)
        }
        Command::Rotate { node, level, .. } => {
            let house = House::open(node.existing()?).await?;
            let answer = rotate(&house, level, organization).await;
            house.platform.database.close().await;
            answer
        }
        Command::Status { node } => with_house(&node, organization, Act::Status).await,
        Command::Seal { node } => with_house(&node, organization, Act::Seal).await,
        Command::Unseal { node } => with_house(&node, organization, Act::Unseal).await,
        Command::Scrub { node } => with_house(&node, organization, Act::Scrub).await,
    }
}

/// Refuses an option that this level would not heed: whoever gives one means something by it.
fn heeds(level: KeyLevel, to: bool, organization: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        !to || level == KeyLevel::Root,
        "--to goes with --level root only: no other key is in a place of its own"
    );
    let of_organization = matches!(level, KeyLevel::Organization | KeyLevel::Person);
    anyhow::ensure!(
        !organization || of_organization,
        "--organization goes with --level organization and --level person only: the other keys are those of the installation"
    );
    Ok(())
}

#[derive(Clone, Copy)]
enum Act {
    Status,
    Seal,
    Unseal,
    Scrub,
}

async fn with_house(node: &Node, organization: Option<Uuid>, act: Act) -> anyhow::Result<Answer> {
    let house = House::open(node.existing()?).await?;
    let caller = key::operator(&house, organization).await?;
    let platform = &house.platform;
    let answer = match act {
        Act::Status => status(&house, &caller).await?,
        Act::Seal => {
            let sealed = safekeeping::seal(platform, &caller).await?;
            say(if sealed {
                "sealed: nothing of it can be read until it is unsealed"
            } else {
                "it was sealed already"
            });
            Answer::Good
        }
        Act::Unseal => {
            let unsealed = safekeeping::unseal(platform, &caller).await?;
            say(if unsealed { "unsealed" } else { "it was not sealed" });
            Answer::Good
        }
        Act::Scrub => {
            let own = safekeeping::sweep_installation(platform, SweepKind::Scrub).await?;
            let of_organization = safekeeping::scrub(platform, &caller).await?;
            let mut damaged = 0;
            for id in [own, of_organization] {
                damaged += follow(&house, id).await?.damaged;
            }
            say(&match damaged {
                0 => "Everything opens.".to_owned(),
                damaged => format!("{damaged} damaged; `ringfence vault status` names them."),
            });
            if damaged == 0 { Answer::Good } else { Answer::NotSo }
        }
    };
    platform.database.close().await;
    Ok(answer)
}

async fn status(house: &House, caller: &identity::Caller) -> anyhow::Result<Answer> {
    let (vault, organization) = (&house.platform.vault, Some(caller.organization()));
    say(&format!("data            {}", vault.stamp()));
    let sealed = vault.sealed_since(caller.organization()).await?;
    say(&match sealed {
        Some(since) => format!("organization    SEALED since {}", web::instant::to_rfc3339(since)),
        None => "organization    open".to_owned(),
    });
    for kind in SweepKind::ALL {
        let words = match vault.last_sweep(organization, kind).await? {
            None => "never".to_owned(),
            Some(sweep) => match sweep.finished_at {
                None => format!("running, {} %", sweep.percent()),
                Some(at) => format!("finished {}", web::instant::to_rfc3339(at)),
            },
        };
        say(&format!("{:<16}{words}", kind.as_str().replace('_', " ")));
    }
    let mut damages = vault.damages(None, safekeeping::api::DAMAGES_SHOWN).await?;
    damages.extend(vault.damages(organization, safekeeping::api::DAMAGES_SHOWN).await?);
    for damage in &damages {
        let found = web::instant::to_rfc3339(damage.found_at);
        say(&format!("DAMAGED         {} {}: {} (found {found})", damage.place, damage.object, damage.reason));
    }
    Ok(if damages.is_empty() { Answer::Good } else { Answer::NotSo })
}

async fn rotate(house: &House, level: KeyLevel, organization: Option<Uuid>) -> anyhow::Result<Answer> {
    let platform = &house.platform;
    let id = match level {
        KeyLevel::Installation | KeyLevel::Root | KeyLevel::Wrapping => {
            safekeeping::sweep_installation(platform, SweepKind::Rotation).await?
        }
        KeyLevel::Organization | KeyLevel::Person => {
            let level = if level == KeyLevel::Person { Level::Person } else { Level::Organization };
            safekeeping::rotate(platform, &key::operator(house, organization).await?, level).await?
        }
    };
    say("The new key seals what is new. Ctrl-C interrupts only the look at it: a serving node goes on with the rest.");
    let sweep = follow(house, id).await?;
    if sweep.ended_old_keys() {
        say(&format!("{} values were sealed anew. The older key has ended.", sweep.changed));
        return Ok(Answer::Good);
    }
    say(&format!(
        "{} values do not open, so the older key was kept: restore them from a backup and rotate again. `ringfence vault status` names them.",
        sweep.damaged
    ));
    Ok(Answer::NotSo)
}

/// Walks a sweep, or looks on while another process does, until it is over.
async fn follow(house: &House, id: Uuid) -> anyhow::Result<Sweep> {
    let sweeper =
        Sweeper { platform: house.platform.clone(), live: house.live.clone(), metrics: house.metrics.clone() };
    let vault = &house.platform.vault;
    loop {
        let sweep = vault.sweep(id).await?.ok_or_else(|| anyhow::anyhow!("the sweep is gone"))?;
        show(&sweep);
        if sweep.finished_at.is_some() {
            end_of_bar();
            return Ok(sweep);
        }
        sweeper.walk_once(sweep.kind, show).await?;
        tokio::time::sleep(PAUSE).await;
        vault.refresh(house.platform.now()).await?;
    }
}

/// Draws the bar again, on a terminal only.
fn show(sweep: &Sweep) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let percent = usize::try_from(sweep.percent()).unwrap_or_default();
    let full = percent * BAR_WIDTH / 100;
    let (full, empty) = ("#".repeat(full), ".".repeat(BAR_WIDTH - full));
    // A closed terminal is the reader's choice.
    let _ = write!(std::io::stderr().lock(), "\r[{full}{empty}] {percent:>3} %  {} looked at ", sweep.done);
}

fn end_of_bar() {
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr().lock());
    }
}

/// Only the installation's keys are wrapped anew; a serving node does not notice. What the operator must do is said as soon as
/// the key has changed, whatever fails afterwards.
async fn rotate_root(settings: Settings, to: Option<PathBuf>) -> anyhow::Result<Answer> {
    let old = wiring::key_source(&settings)?;
    let changed = match &to {
        None => settings.clone(),
        Some(file) => Settings { root_key: Settings::load(Some(file))?.root_key, ..settings.clone() },
    };
    anyhow::ensure!(
        to.is_none() || changed.root_key != settings.root_key,
        "the settings of --to name the place that the root key is in already; without --to it is replaced there"
    );
    let place = wiring::key_source(&changed)?;
    let database = wiring::open_database(&settings).await?;
    let fingerprint = match &to {
        None => Vault::rotate_root_key(&database, &old, &SystemEntropy).await?,
        Some(_) => Vault::change_root_key(&database, &old, &place, &SystemEntropy).await?,
    };
    say(&format!("The root key is a new one, with fingerprint {fingerprint}, from {place}."));
    say("Back it up now. Backups made before still ask for the old one: destroy it when they are gone.");
    if let Some(file) = to {
        let file = file.display();
        say(&format!(
            "Before its next start, put `root_key` of {file} into the settings of every node that serves this data."
        ));
    }
    database.close().await;
    let noted = async {
        let house = House::open(changed).await?;
        safekeeping::note_root_change(&house.platform, &fingerprint).await?;
        house.platform.database.close().await;
        anyhow::Ok(())
    };
    noted.await.context("the root key has changed, but the audit log has no entry of it")?;
    Ok(Answer::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_a_level_would_not_heed_are_refused() {
        for level in KeyLevel::value_variants() {
            let of_organization = matches!(level, KeyLevel::Organization | KeyLevel::Person);
            assert!(heeds(*level, false, false).is_ok());
            assert_eq!(heeds(*level, true, false).is_ok(), *level == KeyLevel::Root);
            assert_eq!(heeds(*level, false, true).is_ok(), of_organization);
            assert!(heeds(*level, true, true).is_err());
        }
    }
}
