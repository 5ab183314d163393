//! The keys of persons and recordings: made, read and destroyed.

use storage::{OrganizationDb, Row, Table, Timestamp, Transaction, Value};
use uuid::Uuid;

use super::{PERSON_KEY, RECORDING_KEY, secret};
use crate::{
    envelope::{self, Field},
    error::{Error, Result},
    keyring::{FIRST_KEY, Keyring, PersonKey, RecordingKey},
    secret::{KEY_LENGTH, Secret},
};

const NO_PERSON_KEY: Error = Error::NoKey { kind: "person" };
const NO_RECORDING_KEY: Error = Error::NoKey { kind: "recording" };

impl Keyring {
    /// Makes the key of a person. There is one for each person; a second is refused as a conflict.
    pub async fn create_person_key(
        &self,
        transaction: &mut Transaction,
        person: Uuid,
        now: Timestamp,
    ) -> Result<PersonKey> {
        let secret = self.create_subject_key(transaction, &PERSON_KEY, person, now).await?;
        Ok(PersonKey::new(self, person, &[(FIRST_KEY, secret)]))
    }

    /// The key of a person.
    pub async fn person_key(&self, database: &OrganizationDb, person: Uuid) -> Result<PersonKey> {
        let row = database.get(&PERSON_KEY, person).await?.ok_or(NO_PERSON_KEY)?;
        self.open_person_key(person, &row)
    }

    /// The key of a person, also when it was made in this very transaction. Where an older key of the organization wrapped
    /// it, the newest does from now on.
    pub async fn person_key_in(&self, transaction: &mut Transaction, person: Uuid) -> Result<PersonKey> {
        let row = transaction.get(&PERSON_KEY, person).await?.ok_or(NO_PERSON_KEY)?;
        let (field, held) = (Field::new(&PERSON_KEY, "wrapped", person), row.bytes("wrapped")?);
        if self.is_old(field, &held)? {
            let wrapped = self.seal(field, &self.open(field, &held)?)?;
            let unchanged = ("wrapped", &Value::from(held));
            transaction.replace(&PERSON_KEY, person, unchanged, &[("wrapped", wrapped.into())]).await?;
        }
        self.open_person_key(person, &row)
    }

    /// The key in a row of [`PERSON_KEY`], with the one before it while a rotation is going on.
    pub(crate) fn open_person_key(&self, person: Uuid, row: &Row) -> Result<PersonKey> {
        let number = u32::try_from(row.integer("number")?).unwrap_or(FIRST_KEY);
        let open = |column, sealed: &[u8]| {
            let field = Field::new(&PERSON_KEY, column, person);
            secret(&self.open(field, sealed)?, &field)
        };
        let mut keys = Vec::with_capacity(2);
        if let Some(previous) = row.optional_bytes("previous")? {
            keys.push((number.saturating_sub(1), open("previous", &previous)?));
        }
        keys.push((number, open("wrapped", &row.bytes("wrapped")?)?));
        Ok(PersonKey::new(self, person, &keys))
    }

    /// Makes a further key for a person: it seals what is new, and the one before goes on opening what it sealed until
    /// [`Self::end_previous_person_key`]. False when there is no such person, or a rotation of theirs is going on.
    pub(crate) async fn rotate_person_key(&self, transaction: &mut Transaction, person: Uuid) -> Result<bool> {
        let Some(row) = transaction.get(&PERSON_KEY, person).await? else { return Ok(false) };
        if row.optional_bytes("previous")?.is_some() {
            return Ok(false);
        }
        let (field, held) = (Field::new(&PERSON_KEY, "wrapped", person), row.bytes("wrapped")?);
        let previous = self.seal(Field::new(&PERSON_KEY, "previous", person), &self.open(field, &held)?)?;
        let wrapped = self.seal(field, Secret::random(self.entropy.as_ref()).expose())?;
        let number = row.integer("number")?.saturating_add(1);
        let values = [("number", number.into()), ("wrapped", wrapped.into()), ("previous", previous.into())];
        Ok(transaction.replace(&PERSON_KEY, person, ("wrapped", &held.into()), &values).await?)
    }

    /// Ends the key before the newest; false when there is none.
    pub(crate) async fn end_previous_person_key(&self, transaction: &mut Transaction, person: Uuid) -> Result<bool> {
        let Some(row) = transaction.get(&PERSON_KEY, person).await? else { return Ok(false) };
        let Some(held) = row.optional_bytes("previous")? else { return Ok(false) };
        let mut noise = vec![0; KEY_LENGTH + envelope::OVERHEAD];
        self.entropy.fill(&mut noise);
        let noise = Value::from(noise);
        let unchanged = ("previous", &held.into());
        Ok(transaction.replace(&PERSON_KEY, person, unchanged, &[("previous", noise)]).await?
            && transaction.update(&PERSON_KEY, person, &[("previous", Value::Null)]).await?)
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
        let row = database.get(&RECORDING_KEY, recording).await?.ok_or(NO_RECORDING_KEY)?;
        self.open_recording_key(recording, &row)
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
        let mut values = vec![("id", subject.into()), ("created_at", now.into()), ("wrapped", wrapped.into())];
        if table.name == PERSON_KEY.name {
            values.push(("number", FIRST_KEY.into()));
        }
        transaction.insert(table, &values).await?;
        Ok(secret)
    }

    /// The key in a row of [`RECORDING_KEY`].
    pub(crate) fn open_recording_key(&self, recording: Uuid, row: &Row) -> Result<RecordingKey> {
        let field = Field::new(&RECORDING_KEY, "wrapped", recording);
        let secret = secret(&self.open(field, &row.bytes("wrapped")?)?, &field)?;
        Ok(RecordingKey::new(self, recording, &secret))
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
