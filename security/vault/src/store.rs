//! The tables of keys, and the vault that opens, makes, and destroys them.
//!
//! The root key opens one row, the installation's key; that key opens the organizations' keys; those open the keys of
//! persons and recordings. The root key is wiped from memory once the installation's key is open.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use storage::{
    Column, Database, Entropy, Erasure, OrganizationDb, OrganizationId, Owner as TableOwner, Retention, Row,
    SealedWith, Statement, Table, Timestamp, Transaction, Value,
};
use uuid::Uuid;

use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    expiring_url::{LinkClaims, LinkKey},
    key_source::{self, KeySource},
    keyring::{FIRST_KEY, Keyring, Material, Owner, PersonKey, Place, RecordingKey},
    secret::{KEY_LENGTH, Secret},
    xaes::Xaes256Gcm,
};

/// The installation's key, sealed with the root key. One row.
pub static INSTALLATION_KEY: Table = Table {
    name: "installation_key",
    owner: TableOwner::Installation,
    columns: &[Column::text("root_fingerprint"), Column::sealed("wrapped", SealedWith::Installation)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("a random key, sealed; it says nothing of a person"),
};

/// The keys of each organization, sealed with the installation's key. The id of a row is the number of the key.
pub static ORGANIZATION_KEY: Table = Table {
    name: "organization_key",
    owner: TableOwner::Organization,
    columns: &[Column::integer("number"), Column::time("created_at"), Column::bytes("wrapped")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::WithOrganization,
};

/// The key of each person, sealed with the organization's key. The id of a row is the person's.
pub static PERSON_KEY: Table = Table {
    name: "person_key",
    owner: TableOwner::Organization,
    columns: &[Column::time("created_at"), Column::sealed("wrapped", SealedWith::Organization)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("id"),
};

/// The key of each recording, sealed with the organization's key. The id of a row is the recording's.
pub static RECORDING_KEY: Table = Table {
    name: "recording_key",
    owner: TableOwner::Organization,
    columns: &[Column::time("created_at"), Column::sealed("wrapped", SealedWith::Organization)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::RecordingKey,
};

/// Every table of the vault.
pub const TABLES: &[&Table] = &[&INSTALLATION_KEY, &ORGANIZATION_KEY, &PERSON_KEY, &RECORDING_KEY];

static ORGANIZATION_KEYS: Statement = Statement::organization(
    "vault.organization_keys",
    "select number, wrapped from organization_key where organization_id = $1 order by number",
);

/// Every statement of the vault.
pub const STATEMENTS: &[&Statement] = &[&ORGANIZATION_KEYS];

/// The id of the one row of `installation_key`.
const INSTALLATION_ROW: Uuid = Uuid::nil();
/// A fingerprint shows this many bytes, as hexadecimal digits.
const FINGERPRINT_LENGTH: usize = 8;

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
        let stored = stored_installation_key(database).await?;
        let root = match (key_source::read(&source).await?, &source, &stored) {
            (Some(root), _, _) => root,
            (None, KeySource::File(path), None) => {
                let root = key_source::create_file(&source, path, entropy.as_ref())?;
                tracing::warn!(
                    file = %path.display(),
                    fingerprint = fingerprint(&root),
                    "a new root key was made: back this file up now, apart from the database; without it nothing can ever be read again"
                );
                root
            }
            (None, _, Some((expected, _))) => {
                return Err(Error::RootKeyMissing { place: source.to_string(), fingerprint: expected.clone() });
            }
            (None, _, None) => return Err(source.refuse("it is missing")),
        };
        let stored = match stored {
            Some(stored) => stored,
            None => make_installation_key(database, &root, entropy.as_ref()).await?,
        };
        let secret = open_installation_key(&source, &root, &stored)?;
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
            if let Some(owner) = organization.and_then(|organization| shared.owner(organization))
                && let Ok(material) = owner.material()
            {
                owner.put(Place::Stale(material));
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

impl Keyring {
    /// Makes the key of a person. There is one for each person; a second is refused as a conflict.
    pub async fn create_person_key(
        &self,
        transaction: &mut Transaction,
        person: Uuid,
        now: Timestamp,
    ) -> Result<PersonKey> {
        let secret = self.create_subject_key(transaction, &PERSON_KEY, person, now).await?;
        Ok(PersonKey::new(self, person, &secret))
    }

    /// The key of a person.
    pub async fn person_key(&self, database: &OrganizationDb, person: Uuid) -> Result<PersonKey> {
        let secret = self.open_subject_key(&PERSON_KEY, person, database.get(&PERSON_KEY, person).await?)?;
        Ok(PersonKey::new(self, person, &secret))
    }

    /// The key of a person, also when it was made in this very transaction.
    pub async fn person_key_in(&self, transaction: &mut Transaction, person: Uuid) -> Result<PersonKey> {
        let secret = self.open_subject_key(&PERSON_KEY, person, transaction.get(&PERSON_KEY, person).await?)?;
        Ok(PersonKey::new(self, person, &secret))
    }

    /// Destroys the key of a person, and with it everything that was sealed with it, in every copy. False when there was
    /// none.
    pub async fn destroy_person_key(&self, transaction: &mut Transaction, person: Uuid) -> Result<bool> {
        self.destroy_subject_key(transaction, &PERSON_KEY, person).await
    }

    /// Makes the key of a recording. There is one for each recording; a second is refused as a conflict.
    pub async fn create_recording_key(
        &self,
        transaction: &mut Transaction,
        recording: Uuid,
        now: Timestamp,
    ) -> Result<RecordingKey> {
        let secret = self.create_subject_key(transaction, &RECORDING_KEY, recording, now).await?;
        Ok(RecordingKey::new(self, recording, &secret))
    }

    /// The key of a recording.
    pub async fn recording_key(&self, database: &OrganizationDb, recording: Uuid) -> Result<RecordingKey> {
        let row = database.get(&RECORDING_KEY, recording).await?;
        Ok(RecordingKey::new(self, recording, &self.open_subject_key(&RECORDING_KEY, recording, row)?))
    }

    /// Destroys the key of a recording, and with it the recording, in every copy. False when there was none.
    pub async fn destroy_recording_key(&self, transaction: &mut Transaction, recording: Uuid) -> Result<bool> {
        self.destroy_subject_key(transaction, &RECORDING_KEY, recording).await
    }

    async fn create_subject_key(
        &self,
        transaction: &mut Transaction,
        table: &'static Table,
        subject: Uuid,
        now: Timestamp,
    ) -> Result<Secret> {
        let secret = Secret::random(self.entropy.as_ref());
        let wrapped = self.seal(Field::new(table, "wrapped", subject), secret.expose())?;
        let values = [("id", subject.into()), ("created_at", now.into()), ("wrapped", wrapped.into())];
        transaction.insert(table, &values).await?;
        Ok(secret)
    }

    fn open_subject_key(&self, table: &'static Table, subject: Uuid, row: Option<Row>) -> Result<Secret> {
        let kind = if table.name == PERSON_KEY.name { KeyKind::Person } else { KeyKind::Recording };
        let row = row.ok_or(Error::NoKey { kind: kind.name() })?;
        let field = Field::new(table, "wrapped", subject);
        secret(&self.open(field, &row.bytes("wrapped")?)?, &field)
    }

    /// The row is overwritten before it is deleted, so that the page that held the key does not go on holding it where
    /// the engine writes in place.
    async fn destroy_subject_key(
        &self,
        transaction: &mut Transaction,
        table: &'static Table,
        subject: Uuid,
    ) -> Result<bool> {
        let mut noise = vec![0; KEY_LENGTH + envelope::OVERHEAD];
        self.entropy.fill(&mut noise);
        transaction.update(table, subject, &[("wrapped", Value::from(noise))]).await?;
        Ok(transaction.delete(table, subject).await?)
    }
}

fn secret(opened: &[u8], field: &Field) -> Result<Secret> {
    Secret::from_slice(opened).ok_or_else(|| Error::UnknownFormat { place: field.place() })
}

/// What identifies a root key without telling anything about it.
fn fingerprint(root: &Secret) -> String {
    hex::encode(&root.derive(&[b"root key fingerprint"]).expose()[..FINGERPRINT_LENGTH])
}

fn root_cipher(root: &Secret) -> Xaes256Gcm {
    Xaes256Gcm::new(&root.derive(&[b"installation key"]))
}

const INSTALLATION_FIELD: Field = Field::new(&INSTALLATION_KEY, "wrapped", INSTALLATION_ROW);

/// Fingerprint of the root key that sealed it, and the sealed key.
type StoredInstallationKey = (String, Vec<u8>);

async fn stored_installation_key(database: &Database) -> Result<Option<StoredInstallationKey>> {
    let row = database.installation().get(&INSTALLATION_KEY, INSTALLATION_ROW).await?;
    row.map(|row| Ok((row.text("root_fingerprint")?, row.bytes("wrapped")?))).transpose()
}

async fn make_installation_key(
    database: &Database,
    root: &Secret,
    entropy: &dyn Entropy,
) -> Result<StoredInstallationKey> {
    let secret = Secret::random(entropy);
    let key = (KeyKind::Installation, FIRST_KEY);
    let wrapped = envelope::seal(&root_cipher(root), key, None, &INSTALLATION_FIELD, secret.expose(), entropy);
    let made = (fingerprint(root), wrapped);
    let mut transaction = database.installation().begin().await?;
    let values = [
        ("id", INSTALLATION_ROW.into()),
        ("root_fingerprint", made.0.as_str().into()),
        ("wrapped", made.1.as_slice().into()),
    ];
    match transaction.insert(&INSTALLATION_KEY, &values).await {
        Ok(()) => {
            transaction.commit().await?;
            Ok(made)
        }
        // Another node was first.
        Err(storage::Error::Conflict { .. }) => {
            drop(transaction);
            stored_installation_key(database).await?.ok_or(Error::NoOrganizationKey)
        }
        Err(error) => Err(error.into()),
    }
}

fn open_installation_key(source: &KeySource, root: &Secret, stored: &StoredInstallationKey) -> Result<Secret> {
    let (expected, wrapped) = stored;
    let given = fingerprint(root);
    if given != *expected {
        return Err(Error::WrongRootKey { place: source.to_string(), given, expected: expected.clone() });
    }
    let key = (KeyKind::Installation, FIRST_KEY);
    let opened = envelope::open(&root_cipher(root), key, None, &INSTALLATION_FIELD, wrapped)?;
    secret(&opened, &INSTALLATION_FIELD)
}
