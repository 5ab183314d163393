//! The vault: opens and makes the keys that the tables hold.
//!
//! The root key opens the installation's keys; those open the organizations' keys; those open the keys of persons and
//! recordings. The root key is wiped from memory once the installation's keys are open.
//!
//! Every look-up of an organization's keys asks the database first whether they were sealed or rotated, so that what one
//! process does holds in all of them at once. [`Vault::refresh`] tells handles that somebody keeps for longer.

pub(crate) mod damage;
mod installation;
mod owners;
pub mod secrets;
mod subject;
pub(crate) mod sweeps;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use storage::{Database, Entropy, OrganizationDb, OrganizationId, Row, Timestamp, Transaction};
use uuid::Uuid;

use crate::{
    envelope::Field,
    error::{Error, Result},
    expiring_url::{LinkClaims, LinkError, LinkKey},
    key_source::KeySource,
    keyring::{Keyring, Material, Owner, Place},
    secret::Secret,
    stamp::Stamp,
};
pub use installation::is_made;
pub use secrets::{MAXIMUM_SECRET_LENGTH, MAXIMUM_SECRETS, StoredSecret};
pub use sweeps::{ScrubCalendar, Step, Walker, damage_count, last_scrub_of_installation};
pub use tables::{
    INSTALLATION_KEY, ORGANIZATION_KEY, ORGANIZATION_SECRET, PERSON_KEY, RECORDING_KEY, STATEMENTS, TABLES,
};
use tables::{KEY_OWNER, ORGANIZATION_KEYS};

/// Opens, makes and destroys keys. Cheap to clone; all clones share what is in memory.
#[derive(Clone)]
pub struct Vault {
    shared: Arc<Shared>,
}

struct Shared {
    installation: Keyring,
    stamp: Stamp,
    source: KeySource,
    database: Database,
    /// One entry for each organization that was used since the start: as many as the database holds, at most.
    owners: Mutex<HashMap<OrganizationId, Arc<Owner>>>,
    entropy: Arc<dyn Entropy>,
}

/// How the keys of an owner stand in the database.
#[derive(Clone, Copy, Debug)]
struct Standing {
    generation: i64,
    sealed_at: Option<Timestamp>,
}

impl Standing {
    fn of(row: Option<Row>) -> Result<Self> {
        let row = row.ok_or(Error::NoOrganizationKey)?;
        Ok(Self { generation: row.integer("generation")?, sealed_at: row.optional_timestamp("sealed_at")? })
    }
}

impl Vault {
    /// Takes the root key from its place and opens the installation's keys with it, whatever data they are for. At the very
    /// first start both are made, for live data. A key that is missing or is not the one of this database is refused with
    /// its fingerprint.
    pub async fn open(source: KeySource, database: &Database, entropy: Arc<dyn Entropy>) -> Result<Self> {
        Self::open_stamped(source, database, entropy, None).await
    }

    /// The same for whoever looks at data that must be there already: nothing is made, [`Error::NoInstallationKey`] is told.
    pub async fn open_existing(source: KeySource, database: &Database, entropy: Arc<dyn Entropy>) -> Result<Self> {
        if !is_made(database).await? {
            return Err(Error::NoInstallationKey);
        }
        Self::open(source, database, entropy).await
    }

    /// The same for a node that is to serve such data and no other.
    pub async fn open_for(
        source: KeySource,
        database: &Database,
        entropy: Arc<dyn Entropy>,
        stamp: Stamp,
    ) -> Result<Self> {
        Self::open_stamped(source, database, entropy, Some(stamp)).await
    }

    async fn open_stamped(
        source: KeySource,
        database: &Database,
        entropy: Arc<dyn Entropy>,
        wanted: Option<Stamp>,
    ) -> Result<Self> {
        let (material, stamp) = installation::open(&source, database, entropy.as_ref(), wanted).await?;
        let owner = Owner::new(None, Place::Open(Arc::new(material)));
        let installation = Keyring::new(owner, Arc::clone(&entropy));
        let (owners, database) = (Mutex::default(), database.clone());
        Ok(Self { shared: Arc::new(Shared { installation, stamp, source, database, owners, entropy }) })
    }

    /// What the data is.
    pub fn stamp(&self) -> Stamp {
        self.shared.stamp
    }

    /// The keys for tables that no organization owns.
    pub fn installation_keyring(&self) -> Keyring {
        self.shared.installation.clone()
    }

    /// The keys of an organization, as they stand in the database at this moment.
    pub async fn keyring(&self, database: &OrganizationDb) -> Result<Keyring> {
        let organization = database.id();
        let row = self.shared.database.installation().get(&KEY_OWNER, organization.0).await?;
        let standing = Standing::of(row)?;
        if let Some(keyring) = self.cached(organization, standing)? {
            return Ok(keyring);
        }
        let rows = database.query(&ORGANIZATION_KEYS, &[]).await?;
        let material = self.open_organization_keys(organization, standing.generation, &rows)?;
        self.keep(organization, material)
    }

    /// The keys of the transaction's organization, also when they were made in this very transaction; in a transaction
    /// of the installation, the installation's.
    pub async fn keyring_in(&self, transaction: &mut Transaction) -> Result<Keyring> {
        let Some(organization) = transaction.organization() else { return Ok(self.installation_keyring()) };
        let standing = Standing::of(transaction.get(&KEY_OWNER, organization.0).await?)?;
        if standing.sealed_at.is_some() {
            // Perhaps by this very transaction: what is in memory goes with its commit.
            return Err(Error::Sealed);
        }
        if let Some(keyring) = self.cached(organization, standing)? {
            return Ok(keyring);
        }
        let rows = transaction.query(&ORGANIZATION_KEYS, &[]).await?;
        let material = self.open_organization_keys(organization, standing.generation, &rows)?;
        // Not kept: the transaction may still be rolled back.
        Ok(self.uncached(Some(organization), material))
    }

    /// A token that opens one object until it expires; to be put into an address.
    pub fn sign_link(&self, claims: &LinkClaims) -> Result<String> {
        let newest = self.link_keys()?.into_iter().next().ok_or(LinkError::Forged)?;
        Ok(newest.sign(claims)?)
    }

    /// What a token allows, when it was made here, for this purpose, for this session (or for any), and has not expired.
    /// Links into a sealed organization open nothing.
    pub fn verify_link(&self, token: &str, purpose: &str, session: Option<Uuid>, now: Timestamp) -> Result<LinkClaims> {
        let mut last = LinkError::Forged;
        for key in self.link_keys()? {
            match key.verify(token, purpose, session, now) {
                Ok(claims) => {
                    if let Some(owner) = self.shared.owner(claims.organization) {
                        owner.material()?;
                    }
                    return Ok(claims);
                }
                Err(LinkError::Forged) => {}
                Err(other) => last = other,
            }
        }
        Err(last.into())
    }

    /// One key for each main key of the installation, the newest first.
    fn link_keys(&self) -> Result<Vec<LinkKey>> {
        let material = self.shared.installation.owner.material()?;
        Ok(material.derived(b"links").map(|(_, key)| LinkKey::new(&key)).collect())
    }

    fn cached(&self, organization: OrganizationId, standing: Standing) -> Result<Option<Keyring>> {
        if standing.sealed_at.is_some() {
            self.drop_keys(organization, standing.generation);
            return Err(Error::Sealed);
        }
        let Some(owner) = self.shared.owner(organization) else { return Ok(None) };
        if owner.sealed_by().is_some_and(|generation| standing.generation <= generation) {
            // It was sealed after the database was read.
            return Err(Error::Sealed);
        }
        let Ok(material) = owner.material() else { return Ok(None) };
        let current = material.generation == standing.generation && !owner.is_stale();
        Ok(current.then(|| Keyring::new(owner, Arc::clone(&self.shared.entropy))))
    }

    /// Drops an organization's keys from memory, for every handle.
    fn drop_keys(&self, organization: OrganizationId, generation: i64) {
        let mut owners = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&organization) {
            Some(owner) => owner.seal(generation),
            None => drop(owners.insert(organization, Owner::new(Some(organization), Place::Sealed { generation }))),
        }
    }

    fn keep(&self, organization: OrganizationId, material: Material) -> Result<Keyring> {
        let mut owners = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was unsealed since begins anew: the handles from before stay closed.
        let unsealed = |owner: &&Arc<Owner>| owner.sealed_by().is_none_or(|sealed| material.generation <= sealed);
        let owner = if let Some(owner) = owners.get(&organization).filter(unsealed) {
            owner.refresh(material);
            Arc::clone(owner)
        } else {
            let owner = Owner::new(Some(organization), Place::Open(Arc::new(material)));
            owners.insert(organization, Arc::clone(&owner));
            owner
        };
        owner.material()?;
        Ok(Keyring::new(owner, Arc::clone(&self.shared.entropy)))
    }

    fn uncached(&self, organization: Option<OrganizationId>, material: Material) -> Keyring {
        Keyring::new(Owner::new(organization, Place::Open(Arc::new(material))), Arc::clone(&self.shared.entropy))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault(..)")
    }
}

impl Shared {
    fn owner(&self, organization: OrganizationId) -> Option<Arc<Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(&organization).cloned()
    }
}

fn secret(opened: &[u8], field: &Field) -> Result<Secret> {
    Secret::from_slice(opened).ok_or_else(|| Error::UnknownFormat { place: field.place() })
}
