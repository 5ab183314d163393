//! The register of training in the database.

use identity::Platform;
use storage::Timestamp;
use uuid::Uuid;

use super::{OPERATOR_ACCOUNT, OPERATOR_TRAINING, TRAININGS_OF};
use crate::caller::{OperatorCaller, OperatorChange};
use crate::training::{self, Training};
use crate::{Error, Result};

/// What is attested.
#[derive(Debug, Clone, Copy)]
pub struct Attestation<'a> {
    /// Who was trained.
    pub operator: Uuid,
    /// In what.
    pub course: &'a str,
    /// When.
    pub attested_at: Timestamp,
}

/// Attests a training. Nobody attests their own.
pub async fn attest(platform: &Platform, by: &OperatorCaller, new: &Attestation<'_>) -> Result<()> {
    if by.operator() == new.operator {
        return Err(Error::OwnCase);
    }
    let change = by.change(platform, "training.attest").await?;
    insert(platform, change, new, Some(by.operator())).await
}

/// The same from the machine's own command line: how the first operator's training comes into the register.
pub async fn attest_by_machine(platform: &Platform, new: &Attestation<'_>) -> Result<()> {
    insert(platform, OperatorChange::by_machine(platform, "training.attest").await?, new, None).await
}

async fn insert(
    platform: &Platform,
    mut change: OperatorChange,
    new: &Attestation<'_>,
    by: Option<Uuid>,
) -> Result<()> {
    let (course, now) = (training::course(new.course)?, platform.now());
    let attested_at = training::attested_at(new.attested_at, now)?;
    let valid_until = training::valid_until(attested_at);
    if change.get(&OPERATOR_ACCOUNT, new.operator).await?.is_none() {
        return Err(Error::NotFound);
    }
    let id = platform.identifiers.next();
    let fields = [
        ("id", id.into()),
        ("operator_id", new.operator.into()),
        ("course", course.into()),
        ("attested_at", attested_at.into()),
        ("valid_until", valid_until.into()),
        ("attested_by", by.into()),
        ("created_at", now.into()),
    ];
    change.insert(&OPERATOR_TRAINING, &fields).await?;
    let facts = vec![("operator", new.operator.to_string()), ("valid_until", valid_until.seconds().to_string())];
    change.commit("training", Some(id), facts).await
}

/// The newest attestations of an operator.
pub async fn of(platform: &Platform, operator: Uuid) -> Result<Vec<Training>> {
    let rows = platform.database.installation().query(&TRAININGS_OF, &[operator.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Training {
                id: row.uuid("id")?,
                operator: row.uuid("operator_id")?,
                course: row.text("course")?,
                attested_at: row.timestamp("attested_at")?,
                valid_until: row.timestamp("valid_until")?,
            })
        })
        .collect()
}
