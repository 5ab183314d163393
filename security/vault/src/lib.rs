//! Keys, sealed fields, sealed objects and expiring links.
//!
//! Nothing that an organization would mind losing is stored in clear. The keys form a tree: a root key from outside the
//! database opens the installation's key, that one the organizations' keys, those the keys of persons and recordings.
//! Taking a key away takes everything below it away: from memory (an organization is sealed), or for ever (a person is
//! erased). Fields use XAES-256-GCM, objects C2SP chunked encryption; both are published formats that other software
//! opens.
//!
//! What the vault does not hide: ids, times, the number of rows, and the lengths of sealed values.

pub mod chunked;
mod envelope;
mod error;
mod expiring_url;
mod key_service;
mod key_source;
mod keyring;
mod sealed_object;
mod secret;
mod stamp;
mod store;
mod sweep;
pub mod xaes;

pub use envelope::{Field, OVERHEAD as FIELD_OVERHEAD};
pub use error::{Error, Result};
pub use expiring_url::{LinkClaims, LinkError, MAXIMUM_PURPOSE_LENGTH};
pub use key_service::{Answer, KeyService};
pub use key_source::KeySource;
pub use keyring::{FieldKey, Keyring, ObjectKey, PersonKey, RecordingKey};
pub use sealed_object::{
    MAXIMUM_READ_LENGTH, ObjectCatalogue, ObjectContext, ObjectPlace, SealedReader, SealedWriter, check_object,
    finish_interrupted,
};
pub use secret::Secret;
pub use stamp::Stamp;
pub use store::{
    INSTALLATION_KEY, MAXIMUM_SECRET_LENGTH, MAXIMUM_SECRETS, ORGANIZATION_KEY, ORGANIZATION_SECRET, PERSON_KEY,
    RECORDING_KEY, STATEMENTS, Step, StoredSecret, TABLES, Vault, Walker, secrets,
};
pub use store::{ScrubCalendar, damage_count, is_made, last_scrub_of_installation};
pub use sweep::{Damage, ROTATION_JOB, SCRUB_JOB, Sweep, SweepKind};
