//! One step of a walk: a few rows or one object. Rows are read without a lock and replaced one by one, each only while its
//! value is what was read: a step never keeps anybody waiting, and never overwrites what somebody changed meanwhile.

use std::collections::HashMap;

use storage::{Column, Erasure, OrganizationDb, OrganizationId, Row, SealedWith, Table, Timestamp, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Walker;
use crate::{
    envelope::Field,
    error::{Error, Result},
    keyring::{FieldKey, Keyring},
    sealed_object,
    store::{ORGANIZATION_KEY, PERSON_KEY, RECORDING_KEY, Vault, tables::OWNERS_FROM},
    sweep::{Damage, OBJECT, Place, Sweep, SweepKind},
};

/// Rows of one step: some tables hold documents of megabytes.
const ROWS: u32 = 32;

/// What a step did.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) done: i64,
    pub(super) changed: i64,
    pub(super) damages: Vec<Damage>,
    /// Where to go on; none at the end of the place.
    pub(super) next: Option<Uuid>,
}

/// The keys that the values of one step are sealed with.
struct Keys<'a> {
    /// The organization's keys, or the installation's.
    own: Keyring,
    door: Option<&'a OrganizationDb>,
    /// Those of persons (true) and recordings, by their ids; none where one was erased.
    subjects: HashMap<(bool, Uuid), Option<FieldKey>>,
}

impl Keys<'_> {
    /// The key of a column's value; none when its person or recording was erased.
    async fn of(&mut self, table: &'static Table, column: &Column, row: &Row) -> Result<Option<FieldKey>> {
        let subject = match column.sealed {
            None | Some(SealedWith::Organization | SealedWith::Installation) => return Ok(Some((*self.own).clone())),
            Some(SealedWith::Recording) => Some(row.uuid("id")?),
            Some(SealedWith::Person) => {
                let Erasure::PersonKey(person) = table.erasure else {
                    let (table, column) = (table.name, column.name);
                    return Err(Error::NotDeclaredSealed { table, column, kind: "person" });
                };
                row.optional_uuid(person)?
            }
        };
        let (Some(subject), Some(door)) = (subject, self.door) else { return Ok(None) };
        let is_person = column.sealed == Some(SealedWith::Person);
        if let Some(known) = self.subjects.get(&(is_person, subject)) {
            return Ok(known.clone());
        }
        let key = if is_person {
            self.own.person_key(door, subject).await.map(|key| (*key).clone())
        } else {
            self.own.recording_key(door, subject).await.map(|key| (*key).clone())
        };
        let key = match key {
            Ok(key) => Some(key),
            Err(Error::NoKey { .. }) => None,
            Err(error) => return Err(error),
        };
        self.subjects.insert((is_person, subject), key.clone());
        Ok(key)
    }
}

impl Vault {
    /// One step in a place.
    pub(super) async fn walk(
        &self,
        sweep: &Sweep,
        place: Place,
        walker: &Walker<'_>,
        now: Timestamp,
    ) -> Result<Walked> {
        let door = sweep.organization.map(|organization| self.door(organization));
        let own = match &door {
            Some(door) => self.keyring(door).await?,
            None => self.installation_keyring(),
        };
        let keys = Keys { own, door: door.as_ref(), subjects: HashMap::new() };
        match (place, &door) {
            (Place::Table(table), _) => self.walk_table(sweep, table, keys, now).await,
            (Place::OrganizationKeys, _) => self.walk_organization_keys(sweep, now).await,
            (Place::Objects, Some(door)) => self.walk_objects(sweep, door, &keys.own, walker, now).await,
            (Place::NewPersonKeys | Place::OldPersonKeys, Some(door)) => {
                self.walk_person_keys(sweep, place, door, &keys.own).await
            }
            (Place::Objects | Place::NewPersonKeys | Place::OldPersonKeys, None) => Ok(Walked::default()),
        }
    }

    async fn walk_table(
        &self,
        sweep: &Sweep,
        table: &'static Table,
        mut keys: Keys<'_>,
        now: Timestamp,
    ) -> Result<Walked> {
        let sealed: Vec<&'static Column> = table.columns.iter().filter(|column| wanted(sweep.kind, column)).collect();
        let mut columns: Vec<&str> = sealed.iter().map(|column| column.name).collect();
        if let Erasure::PersonKey(column) = table.erasure
            && column != "id"
        {
            columns.push(column);
        }
        let rows = match keys.door {
            Some(door) => door.page(table, &columns, sweep.next, ROWS).await?,
            None => self.shared.database.installation().page(table, &columns, sweep.next, ROWS).await?,
        };
        let mut walked = Walked { next: after(&rows)?, ..Walked::default() };
        for row in &rows {
            let id = row.uuid("id")?;
            walked.done += 1;
            for column in &sealed {
                let Some(held) = row.optional_bytes(column.name)? else { continue };
                let field = Field::new(table, column.name, id);
                let key = match keys.of(table, column, row).await {
                    Ok(Some(key)) => key,
                    Ok(None) => continue,
                    Err(error) => {
                        walked.damages.push(field_damage(sweep.organization, &field, &error, now)?);
                        continue;
                    }
                };
                match examine(sweep.kind, &key, field, &held) {
                    Ok(None) => {}
                    Ok(Some(sealed)) => {
                        walked.changed += i64::from(self.replace(sweep.organization, &field, held, sealed).await?);
                    }
                    Err(error) => walked.damages.push(field_damage(sweep.organization, &field, &error, now)?),
                }
            }
        }
        Ok(walked)
    }

    /// Puts a value sealed anew in the place of the one that was read.
    async fn replace(
        &self,
        organization: Option<OrganizationId>,
        field: &Field,
        held: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<bool> {
        let mut transaction = self.begin(organization).await?;
        let unchanged = (field.column, &Value::from(held));
        let values = [(field.column, sealed.into())];
        let replaced = transaction.replace(field.table, field.row, unchanged, &values).await?;
        transaction.commit().await?;
        Ok(replaced)
    }

    /// The wrapped keys of a few organizations: a scrub opens them, a rotation of the installation wraps them anew.
    async fn walk_organization_keys(&self, sweep: &Sweep, now: Timestamp) -> Result<Walked> {
        let door = self.shared.database.installation();
        // Organizations come after the one walked last, so that the installation's own zero id is passed over.
        let from = Uuid::from_u128(sweep.next.as_u128().saturating_sub(1));
        let rows = door.query(&OWNERS_FROM, &[from.into(), ROWS.into()]).await?;
        let mut walked = Walked { next: after(&rows)?, ..Walked::default() };
        for row in &rows {
            let organization = OrganizationId(row.uuid("id")?);
            walked.done += 1;
            let mut transaction = self.begin(Some(organization)).await?;
            let outcome = if sweep.kind == SweepKind::Scrub {
                self.check_organization_keys(&mut transaction).await.map(|()| 0)
            } else {
                self.rewrap_organization_keys(&mut transaction).await
            };
            match outcome {
                Ok(changed) => {
                    walked.changed += i64::from(changed);
                    transaction.commit().await?;
                }
                Err(error) => {
                    let field = Field::new(&ORGANIZATION_KEY, "wrapped", organization.0);
                    walked.damages.push(field_damage(Some(organization), &field, &error, now)?);
                }
            }
        }
        Ok(walked)
    }

    async fn walk_objects(
        &self,
        sweep: &Sweep,
        door: &OrganizationDb,
        keyring: &Keyring,
        walker: &Walker<'_>,
        now: Timestamp,
    ) -> Result<Walked> {
        let rows = door.page(&RECORDING_KEY, &["wrapped"], sweep.next, 1).await?;
        let Some(row) = rows.first() else { return Ok(Walked::default()) };
        let recording = row.uuid("id")?;
        let mut walked = Walked { done: 1, next: after(&rows)?, ..Walked::default() };
        let checked = match keyring.open_recording_key(recording, row) {
            Ok(key) => sealed_object::check(walker.objects, door, recording, &key).await,
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            let place = OBJECT.to_owned();
            walked.damages.push(damage_of(sweep.organization, place, recording, &error, now)?);
        }
        Ok(walked)
    }

    async fn walk_person_keys(
        &self,
        sweep: &Sweep,
        place: Place,
        door: &OrganizationDb,
        keyring: &Keyring,
    ) -> Result<Walked> {
        let rows = door.page(&PERSON_KEY, &["number"], sweep.next, ROWS).await?;
        let mut walked = Walked { next: after(&rows)?, ..Walked::default() };
        for row in &rows {
            let person = row.uuid("id")?;
            walked.done += 1;
            let mut transaction = door.begin().await?;
            let changed = match place {
                Place::NewPersonKeys => keyring.rotate_person_key(&mut transaction, person).await?,
                _ => keyring.end_previous_person_key(&mut transaction, person).await?,
            };
            transaction.commit().await?;
            walked.changed += i64::from(changed);
        }
        Ok(walked)
    }
}

/// Is this column one that the sweep looks at?
fn wanted(kind: SweepKind, column: &Column) -> bool {
    match (kind, column.sealed) {
        (_, None) => false,
        (SweepKind::Scrub, Some(_)) => true,
        (SweepKind::Rotation, Some(with)) => matches!(with, SealedWith::Organization | SealedWith::Installation),
        (SweepKind::PersonRotation, Some(with)) => with == SealedWith::Person,
    }
}

/// What is to stand in the value's place; none when it is well as it is.
fn examine(kind: SweepKind, key: &FieldKey, field: Field, held: &[u8]) -> Result<Option<Vec<u8>>> {
    if kind == SweepKind::Scrub {
        key.open(field, held)?;
        return Ok(None);
    }
    if !key.is_old(field, held)? {
        return Ok(None);
    }
    let opened: Zeroizing<Vec<u8>> = key.open(field, held)?;
    key.seal(field, &opened).map(Some)
}

/// The id that comes next; none after the last row of all. A short page is not the end: what comes in meanwhile is walked too.
fn after(rows: &[Row]) -> Result<Option<Uuid>> {
    let Some(last) = rows.last() else { return Ok(None) };
    Ok(last.uuid("id")?.as_u128().checked_add(1).map(Uuid::from_u128))
}

fn field_damage(organization: Option<OrganizationId>, field: &Field, error: &Error, now: Timestamp) -> Result<Damage> {
    damage_of(organization, field.place(), field.row, error, now)
}

/// What does not open is a finding; that the database is busy, or the organization was sealed meanwhile, is none.
fn damage_of(
    organization: Option<OrganizationId>,
    place: String,
    object: Uuid,
    error: &Error,
    now: Timestamp,
) -> Result<Damage> {
    let reason = match error {
        Error::NotAuthentic { .. } => "it was altered, cut or moved, and does not open",
        Error::UnknownFormat { .. } => "it is in no known format",
        Error::NotDeclaredSealed { .. } => "its declaration does not say whose key seals it",
        Error::Unfinished | Error::EmptyObject | Error::TooLong => "its end is missing",
        Error::NoKey { .. } => "its key is missing",
        Error::Storage(storage::Error::NoObject { .. }) => "it is missing",
        Error::Storage(storage::Error::File { .. }) => "the disk does not give it",
        other => return Err(Error::Step(other.to_string())),
    };
    let reason = reason.to_owned();
    Ok(Damage { organization, place, object, reason, found_at: now, seen_at: now })
}
