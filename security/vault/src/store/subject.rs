//! The keys of persons and recordings: made, read and destroyed.

use storage::{OrganizationDb, Row, Table, Timestamp, Transaction, Value};
use uuid::Uuid;

use super::{PERSON_KEY, RECORDING_KEY, secret};
use crate::{
    envelope::{self, Field, KeyKind},
    error::{Error, Result},
    keyring::{Keyring, PersonKey, RecordingKey},
    secret::{KEY_LENGTH, Secret},
};

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
