//! The format of a sealed field, and what its authenticity stands for.
//!
//! A sealed field is: format version (1 byte, 1), kind of key (1 byte), number of the key (4 bytes, big-endian), nonce
//! (24), ciphertext and tag (16) of XAES-256-GCM: 46 bytes more than what is inside. The associated data holds the
//! first six bytes, the organization, table, column and row, each preceded by its length: a sealed value that is moved
//! to another row, column, table or organization does not open.

use storage::{Entropy, OrganizationId, SealedWith, Table};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    xaes::{NONCE_LENGTH, TAG_LENGTH, Xaes256Gcm},
};

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 6;
/// How much longer a sealed field is than what it holds, in bytes.
pub const OVERHEAD: usize = HEADER_LENGTH + NONCE_LENGTH + TAG_LENGTH;

/// The place of one sealed value: a column of a row.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(crate) table: &'static Table,
    pub(crate) column: &'static str,
    pub(crate) row: Uuid,
}

impl Field {
    /// The value of `column` in the row with this id.
    pub const fn new(table: &'static Table, column: &'static str, row: Uuid) -> Self {
        Self { table, column, row }
    }

    /// Table and column, for messages.
    pub(crate) fn place(&self) -> String {
        format!("{}.{}", self.table.name, self.column)
    }

    /// Refuses a column that is not declared as sealed with this kind of key: the list of tables is what erasure,
    /// export and the security page rely on.
    pub(crate) fn require(&self, kind: KeyKind) -> Result<()> {
        let declared = self.table.column(self.column).and_then(|column| column.sealed);
        if declared == Some(kind.declared()) {
            return Ok(());
        }
        Err(Error::NotDeclaredSealed { table: self.table.name, column: self.column, kind: kind.name() })
    }
}

/// Which kind of key sealed a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Installation = 0,
    Organization = 1,
    Person = 2,
    Recording = 3,
}

impl KeyKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Organization => "organization",
            Self::Person => "person",
            Self::Recording => "recording",
        }
    }

    fn declared(self) -> SealedWith {
        match self {
            Self::Installation => SealedWith::Installation,
            Self::Organization => SealedWith::Organization,
            Self::Person => SealedWith::Person,
            Self::Recording => SealedWith::Recording,
        }
    }
}

/// Seals a value for its place.
pub(crate) fn seal(
    cipher: &Xaes256Gcm,
    key: (KeyKind, u32),
    organization: Option<OrganizationId>,
    field: &Field,
    message: &[u8],
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let header = header(key);
    let mut nonce = [0; NONCE_LENGTH];
    entropy.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(message.len() + OVERHEAD);
    sealed.extend_from_slice(&header);
    sealed.extend_from_slice(&nonce);
    cipher.seal(&nonce, &associated_data(header, organization, field), message, &mut sealed);
    sealed
}

/// The number of the key that sealed this value.
pub(crate) fn key_number(kind: KeyKind, field: &Field, sealed: &[u8]) -> Result<u32> {
    match sealed.split_first_chunk::<HEADER_LENGTH>() {
        Some((&[VERSION, sealed_kind, a, b, c, d], rest)) if rest.len() >= NONCE_LENGTH + TAG_LENGTH => {
            if sealed_kind == kind as u8 {
                Ok(u32::from_be_bytes([a, b, c, d]))
            } else {
                Err(Error::NotAuthentic { place: field.place() })
            }
        }
        _ => Err(Error::UnknownFormat { place: field.place() }),
    }
}

/// Opens a value in its place.
pub(crate) fn open(
    cipher: &Xaes256Gcm,
    key: (KeyKind, u32),
    organization: Option<OrganizationId>,
    field: &Field,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let not_authentic = || Error::NotAuthentic { place: field.place() };
    let rest = sealed.strip_prefix(&header(key)).ok_or_else(not_authentic)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or_else(not_authentic)?;
    let associated_data = associated_data(header(key), organization, field);
    cipher.open(nonce, &associated_data, ciphertext).map_err(|_| not_authentic())
}

fn header((kind, number): (KeyKind, u32)) -> [u8; HEADER_LENGTH] {
    let [a, b, c, d] = number.to_be_bytes();
    [VERSION, kind as u8, a, b, c, d]
}

fn associated_data(header: [u8; HEADER_LENGTH], organization: Option<OrganizationId>, field: &Field) -> Vec<u8> {
    let owner = organization.as_ref().map_or(&[][..], |organization| organization.0.as_bytes());
    let mut data = b"ringfence field".to_vec();
    data.extend_from_slice(&header);
    for part in [owner, field.table.name.as_bytes(), field.column.as_bytes(), field.row.as_bytes()] {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}
