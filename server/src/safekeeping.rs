//! What an organization, or whoever runs the machine, does with its keys: rotate them, seal the organization and unseal it,
//! have everything that is sealed looked through, set secrets. Each is one change with one entry in the audit log.

pub mod api;
pub mod pages;
pub mod worker;

use std::pin::Pin;

use audit::{Actor, ActorKind, Entry, Outcome};
use identity::{Caller, Platform};
use storage::OrganizationDb;
use uuid::Uuid;
use vault::{ObjectCatalogue, ObjectPlace, SweepKind, secrets};

/// What can go wrong, in identity's words.
pub type Result<T> = identity::Result<T>;

/// Which keys are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The organization's own key; the keys of persons and recordings are wrapped anew with the new one.
    Organization,
    /// The key of every person in it.
    Person,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Person => "person",
        }
    }
}

/// Begins a rotation of the caller's organization; gives the sweep that seals everything anew.
pub async fn rotate(platform: &Platform, caller: &Caller, level: Level) -> Result<Uuid> {
    let mut change = caller.change(platform, "vault.rotate").await?;
    let (vault, identifiers, now) = (&platform.vault, &platform.identifiers, platform.now());
    let sweep = match level {
        Level::Organization => vault.begin_rotation(&mut change, identifiers, now).await?,
        Level::Person => vault.begin_person_rotation(&mut change, identifiers, now).await?,
    };
    change.commit("sweep", Some(sweep), vec![("level", level.word().to_owned())]).await?;
    Ok(sweep)
}

/// Has everything sealed of the caller's organization looked through now.
pub async fn scrub(platform: &Platform, caller: &Caller) -> Result<Uuid> {
    let mut change = caller.change(platform, "vault.scrub").await?;
    let sweep = platform.vault.begin_scrub(&mut change, &platform.identifiers, platform.now()).await?;
    change.commit("sweep", Some(sweep), Vec::new()).await?;
    Ok(sweep)
}

/// Seals the caller's organization; false when it is sealed already. The entry stands without the caller's address: the key
/// that would seal it is gone.
pub async fn seal(platform: &Platform, caller: &Caller) -> Result<bool> {
    let mut change = caller.change(platform, "organization.seal").await?;
    let sealed = platform.vault.seal_organization(&mut change, platform.now()).await?;
    if sealed {
        change.commit("organization", Some(caller.organization().0), Vec::new()).await?;
    }
    Ok(sealed)
}

/// Unseals the caller's organization; false when it is not sealed.
pub async fn unseal(platform: &Platform, caller: &Caller) -> Result<bool> {
    let mut change = caller.change(platform, "organization.unseal").await?;
    let unsealed = platform.vault.unseal_organization(&mut change, platform.now()).await?;
    if unsealed {
        change.commit("organization", Some(caller.organization().0), Vec::new()).await?;
    }
    Ok(unsealed)
}

/// Sets a secret; true when it is a new one.
pub async fn set_secret(platform: &Platform, caller: &Caller, name: &str, value: &str) -> Result<bool> {
    let keyring = caller.keyring(platform).await?;
    let mut change = caller.change(platform, "secret.set").await?;
    let (id, now) = (platform.identifiers.next(), platform.now());
    let is_new = keyring.set_secret(&mut change, id, name, value, now).await?;
    change.commit("secret", None, vec![("name", name.to_owned())]).await?;
    Ok(is_new)
}

/// Deletes a secret; false when there is none of this name.
pub async fn delete_secret(platform: &Platform, caller: &Caller, name: &str) -> Result<bool> {
    let keyring = caller.keyring(platform).await?;
    let mut change = caller.change(platform, "secret.delete").await?;
    let deleted = keyring.delete_secret(&mut change, name).await?;
    if deleted {
        change.commit("secret", None, vec![("name", name.to_owned())]).await?;
    }
    Ok(deleted)
}

/// The names and times of the caller's secrets; they are few.
pub async fn list_secrets(platform: &Platform, caller: &Caller) -> Result<Vec<vault::StoredSecret>> {
    Ok(secrets::list(&caller.database(platform), "", vault::MAXIMUM_SECRETS).await?)
}

/// Begins a sweep of the installation's own keys (or values), from the machine's command line.
pub async fn sweep_installation(platform: &Platform, kind: SweepKind) -> anyhow::Result<Uuid> {
    let mut transaction = platform.database.installation().begin().await?;
    let (vault, identifiers, now) = (&platform.vault, &platform.identifiers, platform.now());
    let (sweep, action) = match kind {
        SweepKind::Scrub => (vault.begin_scrub(&mut transaction, identifiers, now).await?, "vault.scrub"),
        SweepKind::Rotation | SweepKind::PersonRotation => {
            (vault.begin_rotation(&mut transaction, identifiers, now).await?, "vault.rotate")
        }
    };
    let facts = vec![("level", "installation".to_owned())];
    platform.audit.append(&mut transaction, now, &entry(ActorKind::Operator, action, Some(sweep), facts)).await?;
    transaction.commit().await?;
    Ok(sweep)
}

/// Writes down that the root key was changed, from the machine's command line.
pub async fn note_root_change(platform: &Platform, fingerprint: &str) -> anyhow::Result<()> {
    let mut transaction = platform.database.installation().begin().await?;
    let facts = vec![("level", "root".to_owned()), ("fingerprint", fingerprint.to_owned())];
    let entry = entry(ActorKind::Operator, "vault.rotate", None, facts);
    platform.audit.append(&mut transaction, platform.now(), &entry).await?;
    Ok(transaction.commit().await?)
}

fn entry(kind: ActorKind, action: &'static str, object_id: Option<Uuid>, facts: Vec<(&'static str, String)>) -> Entry {
    Entry {
        actor: Actor { kind, id: None, address: None },
        action,
        object_kind: "sweep",
        object_id,
        outcome: Outcome::Done,
        facts,
        personal: Vec::new(),
    }
}

/// The objects that there should be: the recordings that are whole.
#[derive(Clone)]
pub struct Recordings(pub Platform);

impl ObjectCatalogue for Recordings {
    fn find<'a>(
        &'a self,
        door: &'a OrganizationDb,
        recording: Uuid,
    ) -> Pin<Box<dyn Future<Output = storage::Result<Option<ObjectPlace>>> + Send + 'a>> {
        Box::pin(async move {
            let finished = telephony::store::recordings::is_finished(door, recording).await?;
            Ok(finished.then(|| ObjectPlace {
                folder: self.0.objects.clone(),
                name: telephony::store::recordings::object_name(recording),
                context: telephony::store::recordings::object_context(recording),
            }))
        })
    }
}

#[cfg(test)]
mod tests;
