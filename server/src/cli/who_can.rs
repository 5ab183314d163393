//! `ringfence who-can`: the roles that hold a permission, and who has them; answered by the function that every request is
//! judged by.

use std::process::ExitCode;

use clap::Args;
use identity::{MembershipState, Permission, Role, allows, api_key, member, support};
use uuid::Uuid;

use super::{Answer, COULD_NOT, Node, complain, has_data, key, say};
use crate::wiring::House;

/// Members and keys that are looked through at a time.
const PAGE: i64 = 100;
/// Suggestions for a name that does not exist.
const SUGGESTIONS: usize = 3;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    node: Node,
    /// The permission, as in recording.listen; without one, all are listed
    permission: Option<String>,
    /// The organization's id; without one, and with several organizations here, only roles are named
    #[arg(long)]
    organization: Option<Uuid>,
}

/// Judges the arguments before anything is opened: an unknown permission is wrong use.
pub(super) fn check(arguments: &Arguments) -> Result<(), ExitCode> {
    let Some(name) = &arguments.permission else { return Ok(()) };
    if Permission::parse(name).is_some() {
        return Ok(());
    }
    complain(&format!("there is no permission {name}; did you mean {}?", suggestions(name).join(", ")));
    Err(ExitCode::from(COULD_NOT))
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let Some(permission) = arguments.permission.as_deref().and_then(Permission::parse) else {
        for permission in Permission::ALL {
            say(&format!("{:<20} {}", permission.dotted(), roles(permission).join(" ")));
        }
        return Ok(Answer::Good);
    };
    say(&format!("{}: {}", permission.dotted(), roles(permission).join(", ")));
    // Who holds which role is asked of data that is there; the roles themselves stand in the program.
    if arguments.organization.is_none() && !has_data(&arguments.node.settings()?) {
        return Ok(Answer::Good);
    }
    let house = House::open(arguments.node.existing()?).await?;
    holders(&house, permission, arguments.organization).await?;
    house.platform.database.close().await;
    Ok(Answer::Good)
}

/// The roles that hold it while a membership is active.
fn roles(permission: Permission) -> Vec<&'static str> {
    let holds = |role: &Role| allows(*role, MembershipState::Active, permission);
    Role::ALL.into_iter().filter(holds).map(Role::as_str).collect()
}

/// Members, keys and grants that hold it, when it is plain which organization is meant.
async fn holders(house: &House, permission: Permission, organization: Option<Uuid>) -> anyhow::Result<()> {
    let platform = &house.platform;
    if organization.is_none() {
        let canaries = trust::canaries(&platform.database).await?;
        match member::first_organizations(platform, &canaries).await?.len() {
            0 => return Ok(()),
            1 => {}
            _ => {
                say("Several organizations are here: name one with --organization to see who holds it.");
                say("`ringfence organization list` shows their ids.");
                return Ok(());
            }
        }
    }
    let (caller, now) = (key::operator(house, organization).await?, platform.now());
    for one in all(async |after| member::list(platform, &caller, after, PAGE).await, |one| one.id).await? {
        if allows(one.role, one.state, permission) {
            say(&format!("  member   {:<8} {} <{}>", one.role.as_str(), one.name, one.email));
        }
    }
    for one in all(async |after| api_key::list(platform, &caller, after, PAGE).await, |one| one.id).await? {
        if one.state(now).works() && one.role.allows(permission) {
            say(&format!("  key      {:<8} {} ({})", one.role.as_str(), one.name, one.id));
        }
    }
    for grant in all(async |after| support::list(platform, &caller, after, PAGE).await, |grant| grant.id).await? {
        if grant.is_good(now) && grant.scope.permits(permission) {
            say(&format!("  support  by grant {} until {}", grant.id, web::instant::to_rfc3339(grant.expires_at)));
        }
    }
    Ok(())
}

/// All of a list that is read page by page, each from after the last id of the one before.
async fn all<One>(
    page: impl AsyncFn(Option<Uuid>) -> identity::Result<Vec<One>>,
    id: impl Fn(&One) -> Uuid,
) -> identity::Result<Vec<One>> {
    let mut all = Vec::new();
    loop {
        let found = page(all.last().map(&id)).await?;
        let is_last = (found.len() as i64) < PAGE;
        all.extend(found);
        if is_last {
            return Ok(all);
        }
    }
}

/// The names that need the fewest letters changed.
fn suggestions(name: &str) -> Vec<String> {
    let mut all: Vec<(usize, String)> =
        Permission::ALL.into_iter().map(Permission::dotted).map(|known| (distance(name, &known), known)).collect();
    all.sort();
    all.into_iter().take(SUGGESTIONS).map(|(_, known)| known).collect()
}

/// How many letters must be put in, left out or changed (Levenshtein). Names are short; what is typed is cut.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, one) in left.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(one != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_suggested() {
        assert_eq!(suggestions("recording.lisen")[0], "recording.listen");
        assert_eq!(suggestions("RecordingListen").len(), SUGGESTIONS);
        assert!(
            suggestions("settings")[..2].iter().all(|name| name.starts_with("settings.")),
            "{:?}",
            suggestions("settings")
        );
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("abc", "adc")), (3, 0, 1));
    }

    #[tokio::test]
    async fn lists_are_read_to_their_end() {
        for length in [0, 1, PAGE as u128 - 1, PAGE as u128, PAGE as u128 + 1, 2 * PAGE as u128] {
            let page = async |after: Option<Uuid>| {
                let first = after.map_or(0, |id| id.as_u128() + 1);
                Ok((first..length).take(PAGE as usize).map(Uuid::from_u128).collect())
            };
            let found = all(page, |id| *id).await.expect("read");
            assert_eq!(found, (0..length).map(Uuid::from_u128).collect::<Vec<_>>());
        }
    }

    #[test]
    fn roles_are_those_of_the_matrix() {
        assert_eq!(roles(Permission::RecordingListen), ["owner", "admin", "manager"]);
        assert_eq!(roles(Permission::BillingRead), ["owner"]);
        assert_eq!(roles(Permission::AnalyticsRead), ["owner", "admin", "manager", "viewer"]);
    }
}
