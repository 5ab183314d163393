//! Keys in memory: of an organization or the installation, of a person, of a recording. Pure; `store` reads and writes
//! them.
//!
//! All handles of an organization look into one place. When the organization is sealed, that place is emptied, and every
//! handle, wherever it was cloned to, stops opening at once.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::hmac;
use storage::{Entropy, OrganizationId, Table};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    secret::Secret,
    xaes::Xaes256Gcm,
};

/// The number of the first key of anything.
pub(crate) const FIRST_KEY: u32 = 1;

/// What a key of an organization or the installation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Seals fields and wraps the keys below it. It is the one that is rotated.
    Main = 0,
    /// Makes blind indexes. It opens nothing, and every index would have to be made anew with another one, so it stays.
    Index = 1,
    /// Seals objects that belong to the owner as a whole.
    Objects = 2,
}

impl Purpose {
    /// The word stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Index => "index",
            Self::Objects => "objects",
        }
    }

    /// The purpose of a stored word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Main, Self::Index, Self::Objects].into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// The id of the row of this purpose's key of a number.
    pub(crate) const fn row(self, number: u32) -> Uuid {
        Uuid::from_u128(((self as u128) << 64) | number as u128)
    }
}

/// One key of an owner as it was read or made: what for, its number, itself.
pub(crate) type OwnedKey = (Purpose, u32, Secret);

/// One main key of an organization or the installation, with the cipher for its fields prepared.
struct OwnerKey {
    secret: Secret,
    fields: Xaes256Gcm,
}

/// The keys of one owner. New values are sealed with the newest main key; there is always one.
pub(crate) struct Material {
    keys: BTreeMap<u32, OwnerKey>,
    index: Secret,
    objects: Secret,
    /// Which change of the owner's keys this is the state after.
    pub(crate) generation: i64,
}

impl Material {
    /// None unless there is a key for every purpose.
    pub(crate) fn new(generation: i64, keys: impl IntoIterator<Item = OwnedKey>) -> Option<Self> {
        let (mut main, mut index, mut objects) = (BTreeMap::new(), None, None);
        for (purpose, number, secret) in keys {
            match purpose {
                Purpose::Main => {
                    let fields = Xaes256Gcm::new(&secret.derive(&[b"fields"]));
                    main.insert(number, OwnerKey { secret, fields });
                }
                Purpose::Index => index = Some(secret),
                Purpose::Objects => objects = Some(secret),
            }
        }
        if main.is_empty() {
            return None;
        }
        Some(Self { keys: main, index: index?, objects: objects?, generation })
    }

    /// A first key for every purpose.
    pub(crate) fn fresh(entropy: &dyn Entropy) -> [OwnedKey; 3] {
        [Purpose::Main, Purpose::Index, Purpose::Objects].map(|purpose| (purpose, FIRST_KEY, Secret::random(entropy)))
    }

    fn newest(&self) -> (u32, &OwnerKey) {
        let (number, key) = self.keys.last_key_value().expect("there is always a main key");
        (*number, key)
    }

    /// The number of the newest main key.
    pub(crate) fn newest_number(&self) -> u32 {
        self.newest().0
    }

    /// A key derived from each main key for another purpose, with the main key's number; the newest first.
    pub(crate) fn derived(&self, purpose: &[u8]) -> impl Iterator<Item = (u32, Secret)> {
        self.keys.iter().rev().map(move |(number, key)| (*number, key.secret.derive(&[purpose])))
    }
}

/// What stands in an owner's place.
pub(crate) enum Place {
    Open(Arc<Material>),
    /// A key number was met that is not here: another node rotated. The next look-up reads the keys again.
    Stale(Arc<Material>),
    /// Sealed by the change of this generation: what was read before it opens nothing any more.
    Sealed {
        generation: i64,
    },
}

/// The one place in memory of an owner's keys; all handles share it.
pub(crate) struct Owner {
    /// None for the installation itself.
    pub(crate) organization: Option<OrganizationId>,
    place: RwLock<Place>,
}

impl Owner {
    pub(crate) fn new(organization: Option<OrganizationId>, place: Place) -> Arc<Self> {
        Arc::new(Self { organization, place: RwLock::new(place) })
    }

    /// The keys, unless they were sealed.
    pub(crate) fn material(&self) -> Result<Arc<Material>> {
        match &*self.place.read().unwrap_or_else(PoisonError::into_inner) {
            Place::Open(material) | Place::Stale(material) => Ok(Arc::clone(material)),
            Place::Sealed { .. } => Err(Error::Sealed),
        }
    }

    pub(crate) fn is_stale(&self) -> bool {
        matches!(*self.place.read().unwrap_or_else(PoisonError::into_inner), Place::Stale(_))
    }

    /// The generation that sealed it, if it is sealed.
    pub(crate) fn sealed_by(&self) -> Option<i64> {
        match *self.place.read().unwrap_or_else(PoisonError::into_inner) {
            Place::Sealed { generation } => Some(generation),
            Place::Open(_) | Place::Stale(_) => None,
        }
    }

    /// Drops the keys.
    pub(crate) fn seal(&self, generation: i64) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = Place::Sealed { generation };
    }

    /// Puts freshly read keys in, unless the owner was sealed meanwhile or newer ones are there.
    pub(crate) fn refresh(&self, material: Material) {
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        let replaces = match &*place {
            Place::Open(known) | Place::Stale(known) => known.generation <= material.generation,
            Place::Sealed { .. } => false,
        };
        if replaces {
            *place = Place::Open(Arc::new(material));
        }
    }

    /// Has the keys read again at the next look-up; a sealed owner stays sealed.
    pub(crate) fn mark_stale(&self) {
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        if let Place::Open(material) = &*place {
            *place = Place::Stale(Arc::clone(material));
        }
    }
}

/// The keys of one person or recording, by number.
#[derive(Clone)]
struct Own {
    kind: KeyKind,
    /// Newest last; never empty.
    keys: Vec<(u32, Xaes256Gcm)>,
}

/// Seals and opens fields. Every kind of key is one of these.
#[derive(Clone)]
pub struct FieldKey {
    pub(crate) owner: Arc<Owner>,
    /// The ciphers of a person's or recording's own key; none when the owner's keys are meant.
    own: Option<Own>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl FieldKey {
    fn kind(&self) -> KeyKind {
        match (&self.own, self.owner.organization) {
            (Some(own), _) => own.kind,
            (None, Some(_)) => KeyKind::Organization,
            (None, None) => KeyKind::Installation,
        }
    }

    /// Seals a value for its place. Fails when the organization is sealed, or when the column is not declared as sealed
    /// with this kind of key.
    pub fn seal(&self, field: Field, message: &[u8]) -> Result<Vec<u8>> {
        let material = self.owner.material()?;
        field.require(self.kind())?;
        let (number, cipher) = match &self.own {
            Some(own) => own.keys.last().map(|(number, cipher)| (*number, cipher)).expect("a subject has a key"),
            None => (material.newest().0, &material.newest().1.fields),
        };
        let key = (self.kind(), number);
        Ok(envelope::seal(cipher, key, self.owner.organization, &field, message, self.entropy.as_ref()))
    }

    /// Opens a value in its place. The bytes are wiped when dropped.
    pub fn open(&self, field: Field, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let material = self.owner.material()?;
        let number = envelope::key_number(self.kind(), &field, sealed)?;
        let cipher = match &self.own {
            Some(own) => own.keys.iter().find(|(own, _)| *own == number).map(|(_, cipher)| cipher),
            None => material.keys.get(&number).map(|key| &key.fields),
        };
        let cipher = cipher.ok_or_else(|| {
            self.owner.mark_stale();
            Error::NotAuthentic { place: field.place() }
        })?;
        envelope::open(cipher, (self.kind(), number), self.owner.organization, &field, sealed)
    }

    /// Whether a value was sealed with an older key than a new one would be.
    pub(crate) fn is_old(&self, field: Field, sealed: &[u8]) -> Result<bool> {
        let material = self.owner.material()?;
        let number = envelope::key_number(self.kind(), &field, sealed)?;
        let newest = match &self.own {
            Some(own) => own.keys.last().map_or(FIRST_KEY, |(number, _)| *number),
            None => material.newest().0,
        };
        Ok(number < newest)
    }

    /// [`Self::seal`] for text.
    pub fn seal_text(&self, field: Field, text: &str) -> Result<Vec<u8>> {
        self.seal(field, text.as_bytes())
    }

    /// [`Self::open`] for text.
    pub fn open_text(&self, field: Field, sealed: &[u8]) -> Result<String> {
        let opened = self.open(field, sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Error::NotText { place: field.place() })?;
        Ok(text.to_owned())
    }
}

impl fmt::Debug for FieldKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FieldKey({})", self.kind().name())
    }
}

/// The keys of an organization, or of the installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keyring(FieldKey);

impl Keyring {
    pub(crate) fn new(owner: Arc<Owner>, entropy: Arc<dyn Entropy>) -> Self {
        Self(FieldKey { owner, own: None, entropy })
    }

    /// Whose keys these are; none for the installation.
    pub fn organization(&self) -> Option<OrganizationId> {
        self.owner.organization
    }

    /// The same 32 bytes for the same text in the same column of the same organization, for equality look-ups; without
    /// the organization's key they cannot be computed or guessed. Normalise the text before.
    pub fn blind_index(&self, table: &Table, column: &str, text: &str) -> Result<Vec<u8>> {
        let material = self.owner.material()?;
        let key = material.index.derive(&[b"blind index", table.name.as_bytes(), column.as_bytes()]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        Ok(hmac::sign(&key, text.as_bytes()).as_ref().to_vec())
    }

    /// The key for objects that belong to the organization as a whole, such as its documents.
    pub fn object_key(&self) -> Result<ObjectKey> {
        let secret = self.owner.material()?.objects.clone();
        Ok(ObjectKey { owner: Arc::clone(&self.owner), secret, entropy: Arc::clone(&self.entropy) })
    }

    pub(crate) fn subject(&self, kind: KeyKind, keys: &[(u32, Secret)]) -> FieldKey {
        let cipher = |(number, secret): &(u32, Secret)| (*number, Xaes256Gcm::new(&secret.derive(&[b"fields"])));
        let own = Own { kind, keys: keys.iter().map(cipher).collect() };
        FieldKey { owner: Arc::clone(&self.owner), own: Some(own), entropy: Arc::clone(&self.entropy) }
    }
}

impl Deref for Keyring {
    type Target = FieldKey;

    fn deref(&self) -> &FieldKey {
        &self.0
    }
}

/// The key of one person: what is sealed with it is gone, in every copy, when the key is destroyed.
#[derive(Clone, Debug)]
pub struct PersonKey {
    fields: FieldKey,
    person: Uuid,
}

impl PersonKey {
    /// `keys` are by number, the newest last, and never empty.
    pub(crate) fn new(keyring: &Keyring, person: Uuid, keys: &[(u32, Secret)]) -> Self {
        Self { fields: keyring.subject(KeyKind::Person, keys), person }
    }

    /// Whose key it is.
    pub fn person(&self) -> Uuid {
        self.person
    }
}

impl Deref for PersonKey {
    type Target = FieldKey;

    fn deref(&self) -> &FieldKey {
        &self.fields
    }
}

/// The key of one recording: for its fields, and by [`AsRef<ObjectKey>`] for its sound.
#[derive(Clone, Debug)]
pub struct RecordingKey {
    fields: FieldKey,
    object: ObjectKey,
    recording: Uuid,
}

impl RecordingKey {
    pub(crate) fn new(keyring: &Keyring, recording: Uuid, secret: &Secret) -> Self {
        let object = ObjectKey {
            owner: Arc::clone(&keyring.owner),
            secret: secret.derive(&[b"objects"]),
            entropy: Arc::clone(&keyring.entropy),
        };
        Self { fields: keyring.subject(KeyKind::Recording, &[(FIRST_KEY, secret.clone())]), object, recording }
    }

    /// Which recording it is for.
    pub fn recording(&self) -> Uuid {
        self.recording
    }
}

impl Deref for RecordingKey {
    type Target = FieldKey;

    fn deref(&self) -> &FieldKey {
        &self.fields
    }
}

impl AsRef<ObjectKey> for RecordingKey {
    fn as_ref(&self) -> &ObjectKey {
        &self.object
    }
}

/// A key for sealed objects.
#[derive(Clone)]
pub struct ObjectKey {
    pub(crate) owner: Arc<Owner>,
    pub(crate) secret: Secret,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl ObjectKey {
    /// The key that new objects are sealed with, for an auditor who opens an object with other software.
    pub fn disclose(&self) -> Result<&Secret> {
        self.owner.material()?;
        Ok(&self.secret)
    }
}

impl AsRef<ObjectKey> for ObjectKey {
    fn as_ref(&self) -> &ObjectKey {
        self
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ObjectKey(..)")
    }
}
