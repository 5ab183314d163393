//! The installation's key: made at the first start, opened with the root key, and sealed anew when the root key changes.

use storage::{Database, Entropy};
use uuid::Uuid;

use super::{INSTALLATION_KEY, Vault, secret};
use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    key_source::{self, KeySource},
    keyring::FIRST_KEY,
    secret::Secret,
    xaes::Xaes256Gcm,
};

/// The id of the one row of `installation_key`.
const INSTALLATION_ROW: Uuid = Uuid::nil();
/// A fingerprint shows this many bytes, as hexadecimal digits.
const FINGERPRINT_LENGTH: usize = 8;

const INSTALLATION_FIELD: Field = Field::new(&INSTALLATION_KEY, "wrapped", INSTALLATION_ROW);

/// Fingerprint of the root key that sealed it, and the sealed key.
type StoredInstallationKey = (String, Vec<u8>);

/// The installation's key; at the very first start, with a new root key where its place is a file.
pub(super) async fn open(source: &KeySource, database: &Database, entropy: &dyn Entropy) -> Result<Secret> {
    let stored = stored_installation_key(database).await?;
    let root = match (key_source::read(source).await?, source, &stored) {
        (Some(root), _, _) => root,
        (None, KeySource::File(path), None) => {
            let root = key_source::create_file(source, path, entropy)?;
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
        None => make_installation_key(database, &root, entropy).await?,
    };
    open_installation_key(source, &root, &stored)
}

impl Vault {
    /// Puts another root key in the place of the old one and gives its fingerprint. Only the installation's key is sealed
    /// anew; everything else stays as it is. A new key that is to be in a file is made there when it is missing.
    ///
    /// From then on the old root key opens old copies of the database only. It is the remedy for a root key that moves, or
    /// that was exposed alone. Whoever got the old root key *and* a copy of the database has the keys inside that copy, and
    /// no change of the root key takes those away.
    pub async fn change_root_key(
        database: &Database,
        old: &KeySource,
        new: &KeySource,
        entropy: &dyn Entropy,
    ) -> Result<String> {
        let stored = stored_installation_key(database).await?.ok_or(Error::NoInstallationKey)?;
        let root = key_source::read(old).await?.ok_or_else(|| old.refuse("it is missing"))?;
        let secret = open_installation_key(old, &root, &stored)?;
        let new_root = match (key_source::read(new).await?, new) {
            (Some(root), _) => root,
            (None, KeySource::File(path)) => key_source::create_file(new, path, entropy)?,
            (None, _) => return Err(new.refuse("it is missing")),
        };
        let (fingerprint, wrapped) = wrapped_installation_key(&new_root, &secret, entropy);
        let mut transaction = database.installation().begin().await?;
        let values = [("root_fingerprint", fingerprint.as_str().into()), ("wrapped", wrapped.into())];
        transaction.update(&INSTALLATION_KEY, INSTALLATION_ROW, &values).await?;
        transaction.commit().await?;
        Ok(fingerprint)
    }
}

/// What identifies a root key without telling anything about it.
fn fingerprint(root: &Secret) -> String {
    hex::encode(&root.derive(&[b"root key fingerprint"]).expose()[..FINGERPRINT_LENGTH])
}

fn root_cipher(root: &Secret) -> Xaes256Gcm {
    Xaes256Gcm::new(&root.derive(&[b"installation key"]))
}

async fn stored_installation_key(database: &Database) -> Result<Option<StoredInstallationKey>> {
    let row = database.installation().get(&INSTALLATION_KEY, INSTALLATION_ROW).await?;
    row.map(|row| Ok((row.text("root_fingerprint")?, row.bytes("wrapped")?))).transpose()
}

async fn make_installation_key(
    database: &Database,
    root: &Secret,
    entropy: &dyn Entropy,
) -> Result<StoredInstallationKey> {
    let made = wrapped_installation_key(root, &Secret::random(entropy), entropy);
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
            stored_installation_key(database).await?.ok_or(Error::NoInstallationKey)
        }
        Err(error) => Err(error.into()),
    }
}

fn wrapped_installation_key(root: &Secret, secret: &Secret, entropy: &dyn Entropy) -> StoredInstallationKey {
    let key = (KeyKind::Installation, FIRST_KEY);
    let wrapped = envelope::seal(&root_cipher(root), key, None, &INSTALLATION_FIELD, secret.expose(), entropy);
    (fingerprint(root), wrapped)
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
