//! The installation's keys: made at the first start, opened with the root key, and wrapped anew when the root key changes.

use storage::{Database, Entropy, InstallationDb, Timestamp, Transaction};
use uuid::Uuid;

use super::tables::{INSTALLATION_KEYS, KEY_OWNER, OWNER_CHANGE};
use super::{INSTALLATION_KEY, Vault, secret};
use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    key_source::{self, KeySource, Root},
    keyring::{FIRST_KEY, Material, OwnedKey, Purpose},
    secret::Secret,
    stamp::Stamp,
    xaes::Xaes256Gcm,
};

/// The id of the installation's row among the owners of keys.
pub(super) const INSTALLATION_OWNER: Uuid = Uuid::nil();
/// A fingerprint shows this many bytes, as hexadecimal digits.
const FINGERPRINT_LENGTH: usize = 8;

/// One wrapped key of the installation.
struct StoredKey {
    purpose: Purpose,
    number: u32,
    wrapped: Vec<u8>,
}

/// All of them, and what they are bound to.
struct Stored {
    stamp: Stamp,
    fingerprint: String,
    keys: Vec<StoredKey>,
}

/// The installation's keys and stamp; at the very first start, made with a new root key where its place is a file.
/// `wanted` is what the node is started for; none takes what there is.
pub(super) async fn open(
    source: &KeySource,
    database: &Database,
    entropy: &dyn Entropy,
    wanted: Option<Stamp>,
) -> Result<(Material, Stamp)> {
    let door = database.installation();
    let stored = stored(&door).await?;
    if let (Some(stored), Some(wanted)) = (&stored, wanted)
        && stored.stamp != wanted
    {
        return Err(Error::OtherStamp { stored: stored.stamp, wanted, command: stored.stamp.command() });
    }
    let stamp = stored.as_ref().map(|stored| stored.stamp).or(wanted).unwrap_or(Stamp::Production);
    let root = root(source, stored.as_ref(), entropy, stamp).await?;
    let stored = match stored {
        Some(stored) => stored,
        None => make(database, &root, entropy, stamp).await?,
    };
    let keys = unwrap(source, &root, &stored)?;
    let generation = door.get(&KEY_OWNER, INSTALLATION_OWNER).await?.ok_or(Error::NoInstallationKey)?;
    let material = Material::new(generation.integer("generation")?, keys).ok_or(Error::NoInstallationKey)?;
    Ok((material, stored.stamp))
}

/// The root key that the stored keys ask for. A change of it that was cut off between the database and the file is brought
/// to its end here.
async fn root(source: &KeySource, stored: Option<&Stored>, entropy: &dyn Entropy, stamp: Stamp) -> Result<Secret> {
    let root = match (key_source::read(source).await?, source.file(), stored) {
        (Some(root), _, _) => checked(source, root, stamp)?,
        (None, Some(path), None) => {
            let root = key_source::create(source, path, entropy, stamp).await?;
            tracing::warn!(
                file = %path.display(),
                fingerprint = fingerprint(&root),
                "a new root key was made: back this file up now, apart from the database; without it nothing can ever be read again"
            );
            root
        }
        (None, _, Some(Stored { fingerprint, .. })) => {
            return Err(Error::RootKeyMissing { place: source.to_string(), fingerprint: fingerprint.clone() });
        }
        (None, _, None) => return Err(source.refuse("it is missing")),
    };
    let (Some(path), Some(stored)) = (source.file(), stored) else { return Ok(root) };
    if fingerprint(&root) == stored.fingerprint {
        return Ok(root);
    }
    let staged = source.beside(key_source::next_to(path));
    match key_source::read(&staged).await {
        Ok(Some(next)) if fingerprint(&next.secret) == stored.fingerprint => {
            key_source::promote(source, path, &fingerprint(&root))?;
            Ok(next.secret)
        }
        _ => Ok(root),
    }
}

/// The key, unless it says that it was made for other data.
fn checked(source: &KeySource, root: Root, stored: Stamp) -> Result<Secret> {
    match root.stamp {
        Some(key) if key != stored => Err(Error::OtherStampOfKey { place: source.to_string(), key, stored }),
        _ => Ok(root.secret),
    }
}

impl Vault {
    /// Puts another root key in the place of the old one and gives its fingerprint. Only the installation's keys are wrapped
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
        let stored = stored(&database.installation()).await?.ok_or(Error::NoInstallationKey)?;
        let root = root(old, Some(&stored), entropy, stored.stamp).await?;
        let new_root = match (key_source::read(new).await?, new.file()) {
            (Some(root), _) => checked(new, root, stored.stamp)?,
            (None, Some(path)) => key_source::create(new, path, entropy, stored.stamp).await?,
            (None, None) => return Err(new.refuse("it is missing")),
        };
        rewrap(database, old, (&root, &new_root), &stored, entropy).await
    }

    /// Has the service that wraps the root key wrap it anew with the newest of its own keys. The root key stays.
    pub async fn rewrap_root_key(source: &KeySource) -> Result<()> {
        key_source::rewrap(source).await
    }

    /// Makes a new root key in the place of the old one and gives its fingerprint. The new key is written beside and takes
    /// its place once the database asks for it; a crash between the two is mended at the next start. The old key stays
    /// beside, named by its fingerprint, for backups made before: destroy it with them.
    pub async fn rotate_root_key(database: &Database, source: &KeySource, entropy: &dyn Entropy) -> Result<String> {
        let stored = stored(&database.installation()).await?.ok_or(Error::NoInstallationKey)?;
        let path = source.file().ok_or_else(|| Error::RootKeyNotOurs { place: source.to_string() })?;
        let root = root(source, Some(&stored), entropy, stored.stamp).await?;
        let new_root = key_source::stage(source, path, entropy, stored.stamp).await?;
        let fingerprint = rewrap(database, source, (&root, &new_root), &stored, entropy).await?;
        key_source::promote(source, path, &stored.fingerprint)?;
        Ok(fingerprint)
    }
}

/// Wraps every key of the installation with another root key.
async fn rewrap(
    database: &Database,
    source: &KeySource,
    (old, new): (&Secret, &Secret),
    stored: &Stored,
    entropy: &dyn Entropy,
) -> Result<String> {
    let keys = unwrap(source, old, stored)?;
    let fingerprint = fingerprint(new);
    let mut transaction = database.installation().begin().await?;
    for ((purpose, number, secret), held) in keys.iter().zip(&stored.keys) {
        let wrapped = wrapped(new, stored.stamp, *purpose, *number, secret, entropy);
        let values = [("root_fingerprint", fingerprint.as_str().into()), ("wrapped", wrapped.into())];
        let unchanged = ("wrapped", &held.wrapped.as_slice().into());
        if !transaction.replace(&INSTALLATION_KEY, purpose.row(*number), unchanged, &values).await? {
            return Err(Error::RotationRuns);
        }
    }
    transaction.commit().await?;
    Ok(fingerprint)
}

/// Adds a main key in the transaction; the root key is read once more for it.
pub(super) async fn add_key(
    transaction: &mut Transaction,
    door: &InstallationDb,
    source: &KeySource,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<()> {
    let stored = stored(door).await?.ok_or(Error::NoInstallationKey)?;
    let root = root(source, Some(&stored), entropy, stored.stamp).await?;
    unwrap(source, &root, &stored)?;
    let main = stored.keys.iter().filter(|key| key.purpose == Purpose::Main).map(|key| key.number);
    let number = main.max().and_then(|newest| newest.checked_add(1)).ok_or(Error::NoInstallationKey)?;
    let key = (Purpose::Main, number, Secret::random(entropy));
    insert(transaction, &root, stored.stamp, &key, entropy).await?;
    transaction.query(&OWNER_CHANGE, &[INSTALLATION_OWNER.into(), now.into()]).await?;
    Ok(())
}

/// What identifies a root key without telling anything about it.
fn fingerprint(root: &Secret) -> String {
    hex::encode(&root.derive(&[b"root key fingerprint"]).expose()[..FINGERPRINT_LENGTH])
}

/// The stamp goes into the derivation: a key that was wrapped for made-up data does not open as one for live data.
fn root_cipher(root: &Secret, stamp: Stamp) -> Xaes256Gcm {
    Xaes256Gcm::new(&root.derive(&[b"installation key", stamp.as_str().as_bytes()]))
}

/// Whether an installation was ever started on this database: a node has made its keys there.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_made(database: &Database) -> Result<bool> {
    Ok(stored(&database.installation()).await?.is_some())
}

async fn stored(door: &InstallationDb) -> Result<Option<Stored>> {
    let rows = door.query(&INSTALLATION_KEYS, &[]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let unknown = || Error::UnknownFormat { place: "installation_key".to_owned() };
    let stamp = Stamp::parse(&first.text("stamp")?).ok_or_else(unknown)?;
    let fingerprint = first.text("root_fingerprint")?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        keys.push(StoredKey {
            purpose: Purpose::parse(&row.text("purpose")?).ok_or_else(unknown)?,
            number: u32::try_from(row.integer("number")?).map_err(|_| unknown())?,
            wrapped: row.bytes("wrapped")?,
        });
    }
    Ok(Some(Stored { stamp, fingerprint, keys }))
}

async fn make(database: &Database, root: &Secret, entropy: &dyn Entropy, stamp: Stamp) -> Result<Stored> {
    let mut transaction = database.installation().begin().await?;
    // First of all the row that nodes which start at the same time would all make.
    let owner =
        [("id", INSTALLATION_OWNER.into()), ("generation", 1.into()), ("changed_at", Timestamp::default().into())];
    match transaction.insert(&KEY_OWNER, &owner).await {
        Ok(()) => {
            for key in Material::fresh(entropy) {
                insert(&mut transaction, root, stamp, &key, entropy).await?;
            }
            transaction.commit().await?;
        }
        // Another node was first.
        Err(storage::Error::Conflict { .. }) => drop(transaction),
        Err(error) => return Err(error.into()),
    }
    stored(&database.installation()).await?.ok_or(Error::NoInstallationKey)
}

async fn insert(
    transaction: &mut Transaction,
    root: &Secret,
    stamp: Stamp,
    (purpose, number, secret): &OwnedKey,
    entropy: &dyn Entropy,
) -> Result<()> {
    let values = [
        ("id", purpose.row(*number).into()),
        ("purpose", purpose.as_str().into()),
        ("number", (*number).into()),
        ("stamp", stamp.as_str().into()),
        ("root_fingerprint", fingerprint(root).as_str().into()),
        ("wrapped", wrapped(root, stamp, *purpose, *number, secret, entropy).into()),
    ];
    Ok(transaction.insert(&INSTALLATION_KEY, &values).await?)
}

fn wrapped(
    root: &Secret,
    stamp: Stamp,
    purpose: Purpose,
    number: u32,
    secret: &Secret,
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let field = Field::new(&INSTALLATION_KEY, "wrapped", purpose.row(number));
    envelope::seal(
        &root_cipher(root, stamp),
        (KeyKind::Installation, FIRST_KEY),
        None,
        &field,
        secret.expose(),
        entropy,
    )
}

fn unwrap(source: &KeySource, root: &Secret, stored: &Stored) -> Result<Vec<OwnedKey>> {
    let given = fingerprint(root);
    if given != stored.fingerprint {
        let expected = stored.fingerprint.clone();
        return Err(Error::WrongRootKey { place: source.to_string(), given, expected });
    }
    let cipher = root_cipher(root, stored.stamp);
    let open = |key: &StoredKey| {
        let field = Field::new(&INSTALLATION_KEY, "wrapped", key.purpose.row(key.number));
        let opened = envelope::open(&cipher, (KeyKind::Installation, FIRST_KEY), None, &field, &key.wrapped)?;
        Ok((key.purpose, key.number, secret(&opened, &field)?))
    };
    stored.keys.iter().map(open).collect()
}
