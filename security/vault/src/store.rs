//! The vault: opens and makes the keys that the tables hold.
//!
//! The root key opens one row, the installation's key; that key opens the organizations' keys; those open the keys of
//! persons and recordings. The root key is wiped from memory once the installation's key is open.

mod installation;
mod subject;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use storage::{Database, Entropy, OrganizationDb, OrganizationId, Row, Timestamp, Transaction};
use uuid::Uuid;

use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    expiring_url::{LinkClaims, LinkKey},
    key_source::KeySource,
    keyring::{FIRST_KEY, Keyring, Material, Owner, Place},
    secret::Secret,
};
use tables::ORGANIZATION_KEYS;
pub use tables::{INSTALLATION_KEY, ORGANIZATION_KEY, PERSON_KEY, RECORDING_KEY, STATEMENTS, TABLES};

/// Opens, makes and destroys keys. Cheap to clone; all clones share what is in memory.
#[derive(Clone)]
pub struct Vault {
    shared: Arc<Shared>,
}

struct Shared {
    installation: Keyring,
    links: LinkKey,
    /// One entry for each organization that was used since the start: as many as the database holds, at most.
    owners: Mutex<HashMap<OrganizationId, Arc<Owner>>>,
    entropy: Arc<dyn Entropy>,
}

impl Vault {
    /// Takes the root key from its place and opens the installation's key with it. At the very first start both are
    /// made. A key that is missing or is not the one of this database is refused with its fingerprint.
    pub async fn open(source: KeySource, database: &Database, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let secret = installation::open(&source, database, entropy.as_ref()).await?;
        let links = LinkKey::new(&secret.derive(&[b"links"]));
        let material = Material::new([(FIRST_KEY, secret)]).expect("the first key is there");
        let owner = Owner::new(None, Place::Open(Arc::new(material)));
        let installation = Keyring::new(owner, Arc::clone(&entropy));
        let owners = Mutex::default();
        Ok(Self { shared: Arc::new(Shared { installation, links, owners, entropy }) })
    }

    /// The keys for tables that no organization owns.
    pub fn installation_keyring(&self) -> Keyring {
        self.shared.installation.clone()
    }

    /// Makes the first key of the transaction's organization. The keyring can be used in the same transaction.
    pub async fn create_organization(&self, transaction: &mut Transaction, now: Timestamp) -> Result<Keyring> {
        let secret = self.insert_key(transaction, FIRST_KEY, now).await?;
        let material = Material::new([(FIRST_KEY, secret)]).expect("the first key is there");
        Ok(self.uncached(transaction.organization(), material))
    }

    /// Makes a further key of the transaction's organization. From the commit on it seals what is new; the older keys go
    /// on opening what they sealed.
    pub async fn rotate_organization(&self, transaction: &mut Transaction, now: Timestamp) -> Result<()> {
        let rows = transaction.query(&ORGANIZATION_KEYS, &[]).await?;
        let newest = rows.last().ok_or(Error::NoOrganizationKey)?.integer("number")?;
        let number =
            u32::try_from(newest).ok().and_then(|newest| newest.checked_add(1)).ok_or(Error::NoOrganizationKey)?;
        self.insert_key(transaction, number, now).await?;
        let (shared, organization) = (Arc::clone(&self.shared), transaction.organization());
        transaction.on_commit(move || {
            if let Some(owner) = organization.and_then(|organization| shared.owner(organization)) {
                owner.mark_stale();
            }
        });
        Ok(())
    }

    /// The keys of an organization. Read once, then kept in memory until [`Self::seal_organization`] or the end.
    pub async fn keyring(&self, database: &OrganizationDb) -> Result<Keyring> {
        if let Some(keyring) = self.cached(database.id())? {
            return Ok(keyring);
        }
        let rows = database.query(&ORGANIZATION_KEYS, &[]).await?;
        let material = self.open_organization_keys(database.id(), &rows)?;
        self.keep(database.id(), material)
    }

    /// The keys of the transaction's organization, also when they were made in this very transaction; in a transaction
    /// of the installation, the installation's.
    pub async fn keyring_in(&self, transaction: &mut Transaction) -> Result<Keyring> {
        let Some(organization) = transaction.organization() else { return Ok(self.installation_keyring()) };
        if let Some(keyring) = self.cached(organization)? {
            return Ok(keyring);
        }
        let rows = transaction.query(&ORGANIZATION_KEYS, &[]).await?;
        let material = self.open_organization_keys(organization, &rows)?;
        // Not kept: the transaction may still be rolled back.
        Ok(self.uncached(Some(organization), material))
    }

    /// Drops an organization's keys from this process's memory: from now on nothing of it can be read here, by any
    /// handle, until [`Self::unseal_organization`] or a restart. A recording that is being written is still finished.
    pub fn seal_organization(&self, organization: OrganizationId) {
        let mut owners = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&organization) {
            Some(owner) => owner.put(Place::Sealed),
            None => drop(owners.insert(organization, Owner::new(Some(organization), Place::Sealed))),
        }
    }

    /// Lets the organization's keys be read from the database again. Handles from before the sealing stay closed.
    pub fn unseal_organization(&self, organization: OrganizationId) {
        let mut owners = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.get(&organization).is_some_and(|owner| owner.material().is_err()) {
            owners.remove(&organization);
        }
    }

    /// A token that opens one object until it expires; to be put into an address.
    pub fn sign_link(&self, claims: &LinkClaims) -> Result<String> {
        Ok(self.shared.links.sign(claims)?)
    }

    /// What a token allows, when it was made here, for this purpose, for this session (or for any), and has not expired.
    /// Links into a sealed organization open nothing.
    pub fn verify_link(&self, token: &str, purpose: &str, session: Option<Uuid>, now: Timestamp) -> Result<LinkClaims> {
        let claims = self.shared.links.verify(token, purpose, session, now)?;
        if let Some(owner) = self.shared.owner(claims.organization) {
            owner.material()?;
        }
        Ok(claims)
    }

    fn cached(&self, organization: OrganizationId) -> Result<Option<Keyring>> {
        let Some(owner) = self.shared.owner(organization) else { return Ok(None) };
        owner.material()?;
        Ok((!owner.is_stale()).then(|| Keyring::new(owner, Arc::clone(&self.shared.entropy))))
    }

    fn keep(&self, organization: OrganizationId, material: Material) -> Result<Keyring> {
        let mut owners = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = if let Some(owner) = owners.get(&organization) {
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

    async fn insert_key(&self, transaction: &mut Transaction, number: u32, now: Timestamp) -> Result<Secret> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let secret = Secret::random(self.shared.entropy.as_ref());
        let row = Uuid::from_u128(number.into());
        let field = Field::new(&ORGANIZATION_KEY, "wrapped", row);
        let cipher = self.shared.installation.organization_keys()?;
        let key = (KeyKind::Installation, FIRST_KEY);
        let entropy = self.shared.entropy.as_ref();
        let wrapped = envelope::seal(&cipher, key, Some(organization), &field, secret.expose(), entropy);
        transaction
            .insert(
                &ORGANIZATION_KEY,
                &[
                    ("id", row.into()),
                    ("number", number.into()),
                    ("created_at", now.into()),
                    ("wrapped", wrapped.into()),
                ],
            )
            .await?;
        Ok(secret)
    }

    fn open_organization_keys(&self, organization: OrganizationId, rows: &[Row]) -> Result<Material> {
        let cipher = self.shared.installation.organization_keys()?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let number = u32::try_from(row.integer("number")?).map_err(|_| Error::NoOrganizationKey)?;
            let field = Field::new(&ORGANIZATION_KEY, "wrapped", Uuid::from_u128(number.into()));
            let key = (KeyKind::Installation, FIRST_KEY);
            let opened = envelope::open(&cipher, key, Some(organization), &field, &row.bytes("wrapped")?)?;
            keys.push((number, secret(&opened, &field)?));
        }
        Material::new(keys).ok_or(Error::NoOrganizationKey)
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
