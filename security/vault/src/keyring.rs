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

/// The number of an owner's first key. Blind indexes stay with it for ever, so that they go on matching after a rotation.
pub(crate) const FIRST_KEY: u32 = 1;

/// One key of an organization or the installation, with the cipher for its fields prepared.
struct OwnerKey {
    secret: Secret,
    fields: Xaes256Gcm,
}

/// The keys of one owner, by number; new values are sealed with the newest. Never empty, and the first is always there.
pub(crate) struct Material {
    keys: BTreeMap<u32, OwnerKey>,
}

impl Material {
    /// None unless there is a first key.
    pub(crate) fn new(keys: impl IntoIterator<Item = (u32, Secret)>) -> Option<Self> {
        let keys: BTreeMap<_, _> = keys
            .into_iter()
            .map(|(number, secret)| {
                let fields = Xaes256Gcm::new(&secret.derive(&[b"fields"]));
                (number, OwnerKey { secret, fields })
            })
            .collect();
        keys.contains_key(&FIRST_KEY).then_some(Self { keys })
    }

    fn newest(&self) -> (u32, &OwnerKey) {
        let (number, key) = self.keys.last_key_value().expect("the first key is always there");
        (*number, key)
    }

    fn first(&self) -> &OwnerKey {
        &self.keys[&FIRST_KEY]
    }
}

/// What stands in an owner's place.
pub(crate) enum Place {
    Open(Arc<Material>),
    /// A key number was met that is not here: another node rotated. The next look-up reads the keys again.
    Stale(Arc<Material>),
    Sealed,
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
            Place::Sealed => Err(Error::Sealed),
        }
    }

    pub(crate) fn is_stale(&self) -> bool {
        matches!(*self.place.read().unwrap_or_else(PoisonError::into_inner), Place::Stale(_))
    }

    pub(crate) fn put(&self, place: Place) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Puts freshly read keys in, unless the owner was sealed meanwhile.
    pub(crate) fn refresh(&self, material: Material) {
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*place, Place::Sealed) {
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

/// Seals and opens fields. Every kind of key is one of these.
#[derive(Clone)]
pub struct FieldKey {
    pub(crate) owner: Arc<Owner>,
    /// The cipher of a person's or recording's own key; none when the owner's keys are meant.
    own: Option<(KeyKind, Xaes256Gcm)>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl FieldKey {
    fn kind(&self) -> KeyKind {
        match (&self.own, self.owner.organization) {
            (Some((kind, _)), _) => *kind,
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
            Some((_, cipher)) => (FIRST_KEY, cipher),
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
            Some((_, cipher)) => Some(cipher),
            None => material.keys.get(&number).map(|key| &key.fields),
        };
        let cipher = cipher.ok_or_else(|| {
            self.owner.mark_stale();
            Error::NotAuthentic { place: field.place() }
        })?;
        envelope::open(cipher, (self.kind(), number), self.owner.organization, &field, sealed)
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
        let key = material.first().secret.derive(&[b"blind index", table.name.as_bytes(), column.as_bytes()]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        Ok(hmac::sign(&key, text.as_bytes()).as_ref().to_vec())
    }

    /// The key for objects that belong to the organization as a whole, such as its documents.
    pub fn object_key(&self) -> Result<ObjectKey> {
        let material = self.owner.material()?;
        let candidates = material.keys.values().rev().map(|key| key.secret.derive(&[b"objects"])).collect();
        Ok(ObjectKey { owner: Arc::clone(&self.owner), candidates, entropy: Arc::clone(&self.entropy) })
    }

    /// The key that wraps the organizations' keys; the installation's keyring has it.
    pub(crate) fn organization_keys(&self) -> Result<Xaes256Gcm> {
        Ok(Xaes256Gcm::new(&self.owner.material()?.first().secret.derive(&[b"organization keys"])))
    }

    pub(crate) fn subject(&self, kind: KeyKind, secret: &Secret) -> FieldKey {
        let cipher = Xaes256Gcm::new(&secret.derive(&[b"fields"]));
        FieldKey { owner: Arc::clone(&self.owner), own: Some((kind, cipher)), entropy: Arc::clone(&self.entropy) }
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
    pub(crate) fn new(keyring: &Keyring, person: Uuid, secret: &Secret) -> Self {
        Self { fields: keyring.subject(KeyKind::Person, secret), person }
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
            candidates: vec![secret.derive(&[b"objects"])],
            entropy: Arc::clone(&keyring.entropy),
        };
        Self { fields: keyring.subject(KeyKind::Recording, secret), object, recording }
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
    /// Newest first; an object says by its commitment which one is its own.
    pub(crate) candidates: Vec<Secret>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl ObjectKey {
    /// The key that new objects are sealed with, for an auditor who opens an object with other software.
    pub fn disclose(&self) -> Result<&Secret> {
        self.owner.material()?;
        Ok(&self.candidates[0])
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
