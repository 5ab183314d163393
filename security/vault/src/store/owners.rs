//! The keys of organizations: made, wrapped, rotated, sealed, unsealed, ended.

use std::collections::HashMap;

use storage::{OrganizationDb, OrganizationId, Row, Timestamp, Transaction, Value, jobs};
use uuid::Uuid;

use super::installation::{self, INSTALLATION_OWNER};
use super::tables::{
    INSTALLATION_KEYS, KEY_OWNER, ORGANIZATION_KEYS, OWNER_CHANGE, OWNER_SEAL, OWNER_UNSEAL, OWNERS_CHANGED,
};
use super::{INSTALLATION_KEY, ORGANIZATION_KEY, Standing, Vault, secret};
use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    keyring::{Keyring, Material, OwnedKey, Purpose},
    secret::{KEY_LENGTH, Secret},
    xaes::Xaes256Gcm,
};

/// [`Vault::refresh`] looks back this far, for clocks of other machines that are behind.
const REFRESH_BACK_SECONDS: i64 = 120;

impl Vault {
    /// Makes the first keys of the transaction's organization. The keyring can be used in the same transaction.
    pub async fn create_organization(&self, transaction: &mut Transaction, now: Timestamp) -> Result<Keyring> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let owner = [
            ("id", organization.into()),
            ("generation", 1.into()),
            ("readable_since", now.into()),
            ("changed_at", now.into()),
        ];
        transaction.insert(&KEY_OWNER, &owner).await?;
        let keys = Material::fresh(self.shared.entropy.as_ref());
        for key in &keys {
            self.insert_key(transaction, key, now).await?;
        }
        let material = Material::new(1, keys).ok_or(Error::NoOrganizationKey)?;
        Ok(self.uncached(Some(organization), material))
    }

    /// Makes a further main key of the transaction's organization, or of the installation in a transaction of its own. From
    /// the commit on it seals what is new; the older keys go on opening what they sealed.
    pub(crate) async fn add_main_key(&self, transaction: &mut Transaction, now: Timestamp) -> Result<()> {
        let Some(organization) = transaction.organization() else {
            let door = self.shared.database.installation();
            let (source, entropy) = (&self.shared.source, self.shared.entropy.as_ref());
            return installation::add_key(transaction, &door, source, entropy, now).await;
        };
        // Counted up first: the row's lock keeps two rotations apart.
        transaction.query(&OWNER_CHANGE, &[organization.into(), now.into()]).await?;
        let rows = transaction.query(&ORGANIZATION_KEYS, &[]).await?;
        let main = main_numbers(&rows)?;
        let number = main.last().and_then(|newest| newest.checked_add(1)).ok_or(Error::NoOrganizationKey)?;
        let key = (Purpose::Main, number, Secret::random(self.shared.entropy.as_ref()));
        self.insert_key(transaction, &key, now).await
    }

    /// Ends every main key but the newest of the transaction's owner: what it had sealed, and nobody sealed anew, opens
    /// nowhere any more. Gives how many were ended.
    pub(crate) async fn end_old_keys(&self, transaction: &mut Transaction, now: Timestamp) -> Result<u32> {
        let organization = transaction.organization();
        let (owner, rows, table) = match organization {
            Some(organization) => {
                (organization.0, transaction.query(&ORGANIZATION_KEYS, &[]).await?, &ORGANIZATION_KEY)
            }
            None => (INSTALLATION_OWNER, transaction.query(&INSTALLATION_KEYS, &[]).await?, &INSTALLATION_KEY),
        };
        let numbers = main_numbers(&rows)?;
        let (_, old) = numbers.split_last().ok_or(Error::NoOrganizationKey)?;
        for number in old {
            let row = Purpose::Main.row(*number);
            // Overwritten first, so that the page that held the key does not go on holding it.
            let mut noise = vec![0; KEY_LENGTH + envelope::OVERHEAD];
            self.shared.entropy.fill(&mut noise);
            transaction.update(table, row, &[("wrapped", Value::from(noise))]).await?;
            transaction.delete(table, row).await?;
        }
        if !old.is_empty() {
            transaction.query(&OWNER_CHANGE, &[owner.into(), now.into()]).await?;
        }
        Ok(u32::try_from(old.len()).unwrap_or(u32::MAX))
    }

    /// Seals the transaction's organization: from the commit on nothing of it can be read, in this process or another, by
    /// any handle, until [`Self::unseal_organization`], and its jobs wait. False when it is sealed already. A recording that
    /// is being written is still finished.
    pub async fn seal_organization(&self, transaction: &mut Transaction, now: Timestamp) -> Result<bool> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let sealed = transaction.query(&OWNER_SEAL, &[organization.into(), now.into()]).await?;
        let Some(row) = sealed.first() else { return Ok(false) };
        let generation = row.integer("generation")?;
        jobs::hold(transaction, organization, now).await?;
        let vault = self.clone();
        transaction.on_commit(move || vault.drop_keys(organization, generation));
        Ok(true)
    }

    /// Lets the organization's keys be read again and its jobs go on, from the commit on. False when it is not sealed.
    /// Handles from before the sealing stay closed.
    pub async fn unseal_organization(&self, transaction: &mut Transaction, now: Timestamp) -> Result<bool> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let unsealed = transaction.query(&OWNER_UNSEAL, &[organization.into(), now.into()]).await?;
        if unsealed.is_empty() {
            return Ok(false);
        }
        jobs::release(transaction, organization).await?;
        Ok(true)
    }

    /// Since when the organization is sealed; none when it is not.
    pub async fn sealed_since(&self, organization: OrganizationId) -> Result<Option<Timestamp>> {
        let row = self.shared.database.installation().get(&KEY_OWNER, organization.0).await?;
        Ok(Standing::of(row)?.sealed_at)
    }

    /// Takes over what other processes sealed or rotated meanwhile, for handles that somebody keeps. Called every second.
    pub async fn refresh(&self, now: Timestamp) -> Result<()> {
        let door = self.shared.database.installation();
        let since = now.plus_seconds(-REFRESH_BACK_SECONDS);
        for row in door.query(&OWNERS_CHANGED, &[since.into()]).await? {
            let (id, standing) = (row.uuid("id")?, Standing::of(Some(row))?);
            if id == INSTALLATION_OWNER {
                self.refresh_installation(standing.generation).await?;
                continue;
            }
            let organization = OrganizationId(id);
            let Some(owner) = self.shared.owner(organization) else { continue };
            if standing.sealed_at.is_some() {
                self.drop_keys(organization, standing.generation);
            } else if owner.material().is_ok_and(|material| material.generation < standing.generation) {
                self.keyring(&self.door(organization)).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn refresh_installation(&self, generation: i64) -> Result<()> {
        let owner = &self.shared.installation.owner;
        if owner.material()?.generation >= generation && !owner.is_stale() {
            return Ok(());
        }
        let (source, database) = (&self.shared.source, &self.shared.database);
        let stamp = Some(self.shared.stamp);
        let (material, _) = installation::open(source, database, self.shared.entropy.as_ref(), stamp).await?;
        owner.refresh(material);
        Ok(())
    }

    /// The door of an organization, for walks over everything that its keys seal.
    pub(super) fn door(&self, organization: OrganizationId) -> OrganizationDb {
        self.shared.database.organization(organization)
    }

    /// Begins a transaction of an owner of keys; none is the installation.
    pub(super) async fn begin(&self, organization: Option<OrganizationId>) -> Result<Transaction> {
        Ok(match organization {
            Some(organization) => self.door(organization).begin().await?,
            None => self.shared.database.installation().begin().await?,
        })
    }

    /// Wraps the keys of the transaction's organization with the newest key of the installation where an older one did;
    /// gives how many.
    pub(crate) async fn rewrap_organization_keys(&self, transaction: &mut Transaction) -> Result<u32> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let rows = transaction.query(&ORGANIZATION_KEYS, &[]).await?;
        let newest = self.shared.installation.owner.material()?.newest_number();
        let mut rewrapped = 0;
        for row in &rows {
            let (id, held) = (row.uuid("id")?, row.bytes("wrapped")?);
            let field = Field::new(&ORGANIZATION_KEY, "wrapped", id);
            if envelope::key_number(KeyKind::Installation, &field, &held)? >= newest {
                continue;
            }
            let (_, _, secret) = self.unwrap(organization, &self.wrapping_keys()?, row)?;
            let wrapped = self.wrap(organization, id, &secret)?;
            let unchanged = ("wrapped", &Value::from(held));
            let values = [("wrapped", wrapped.into())];
            rewrapped += u32::from(transaction.replace(&ORGANIZATION_KEY, id, unchanged, &values).await?);
        }
        Ok(rewrapped)
    }

    /// Opens every key of the transaction's organization, for a look only.
    pub(crate) async fn check_organization_keys(&self, transaction: &mut Transaction) -> Result<()> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let rows = transaction.query(&ORGANIZATION_KEYS, &[]).await?;
        self.open_organization_keys(organization, 0, &rows).map(drop)
    }

    async fn insert_key(&self, transaction: &mut Transaction, key: &OwnedKey, now: Timestamp) -> Result<()> {
        let organization = transaction.organization().ok_or(Error::NoOrganizationKey)?;
        let (purpose, number, secret) = key;
        let id = purpose.row(*number);
        let values = [
            ("id", id.into()),
            ("purpose", purpose.as_str().into()),
            ("number", (*number).into()),
            ("created_at", now.into()),
            ("wrapped", self.wrap(organization, id, secret)?.into()),
        ];
        Ok(transaction.insert(&ORGANIZATION_KEY, &values).await?)
    }

    /// The keys that wrap organizations' keys, by the number of the installation's main key that each comes from.
    fn wrapping_keys(&self) -> Result<HashMap<u32, Xaes256Gcm>> {
        let material = self.shared.installation.owner.material()?;
        Ok(material.derived(b"organization keys").map(|(number, key)| (number, Xaes256Gcm::new(&key))).collect())
    }

    fn wrap(&self, organization: OrganizationId, row: Uuid, secret: &Secret) -> Result<Vec<u8>> {
        let number = self.shared.installation.owner.material()?.newest_number();
        let keys = self.wrapping_keys()?;
        let cipher = keys.get(&number).ok_or(Error::NoInstallationKey)?;
        let field = Field::new(&ORGANIZATION_KEY, "wrapped", row);
        let (key, entropy) = ((KeyKind::Installation, number), self.shared.entropy.as_ref());
        Ok(envelope::seal(cipher, key, Some(organization), &field, secret.expose(), entropy))
    }

    fn unwrap(
        &self,
        organization: OrganizationId,
        wrapping_keys: &HashMap<u32, Xaes256Gcm>,
        row: &Row,
    ) -> Result<OwnedKey> {
        let unknown = || Error::UnknownFormat { place: "organization_key".to_owned() };
        let purpose = Purpose::parse(&row.text("purpose")?).ok_or_else(unknown)?;
        let number = u32::try_from(row.integer("number")?).map_err(|_| unknown())?;
        let (field, wrapped) = (Field::new(&ORGANIZATION_KEY, "wrapped", purpose.row(number)), row.bytes("wrapped")?);
        let wrapped_with = envelope::key_number(KeyKind::Installation, &field, &wrapped)?;
        let cipher = wrapping_keys.get(&wrapped_with).ok_or_else(|| {
            self.shared.installation.owner.mark_stale();
            Error::NotAuthentic { place: field.place() }
        })?;
        let key = (KeyKind::Installation, wrapped_with);
        let opened = envelope::open(cipher, key, Some(organization), &field, &wrapped)?;
        Ok((purpose, number, secret(&opened, &field)?))
    }

    pub(super) fn open_organization_keys(
        &self,
        organization: OrganizationId,
        generation: i64,
        rows: &[Row],
    ) -> Result<Material> {
        let wrapping_keys = self.wrapping_keys()?;
        let keys = rows.iter().map(|row| self.unwrap(organization, &wrapping_keys, row));
        Material::new(generation, keys.collect::<Result<Vec<_>>>()?).ok_or(Error::NoOrganizationKey)
    }
}

/// The numbers of the main keys, in their order.
fn main_numbers(rows: &[Row]) -> Result<Vec<u32>> {
    let mut numbers = Vec::with_capacity(rows.len());
    for row in rows {
        if row.text("purpose")? == Purpose::Main.as_str() {
            numbers.push(u32::try_from(row.integer("number")?).map_err(|_| Error::NoOrganizationKey)?);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}
