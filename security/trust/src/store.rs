//! The evidence: every run of every probe, kept for ninety days, so that the page can show how a promise stood over time.

use audit::{Actor, ActorKind, Entry, Outcome};
use identity::Platform;
use storage::{
    Column, Database, Erasure, Identifiers, OrganizationId, Owner, Retention, Row, Statement, Table, Timestamp,
};

use crate::Error;
use crate::canary::Canary;
use crate::finding::{Figure, State};
use crate::probes::sealed_at_rest::TRUST_CANARY;
use crate::release::store::{self as release_list, TRUST_RELEASE_LIST};
use crate::standing::Run;

/// Runs older than this are dropped.
pub const KEPT_DAYS: i64 = 90;
/// The page looks back this far.
const SHOWN_DAYS: i64 = 2;
/// More runs than this are not read for one page.
const MOST_RUNS_READ: i64 = 5_000;
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Runs of probes.
pub static TRUST_RUN: Table = Table {
    name: "trust_run",
    owner: Owner::Installation,
    columns: &[
        Column::text("promise"),
        Column::text("state"),
        Column::text("evidence"),
        Column::text("figures"),
        Column::time("started_at"),
        Column::integer("took_microseconds"),
        Column::text("version"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["started_at"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::None("evidence about controls; it holds nothing about persons"),
};

/// The organizations that exist to be attacked by probes.
pub static TRUST_CANARY_ORGANIZATION: Table = Table {
    name: "trust_canary_organization",
    owner: Owner::Installation,
    columns: &[Column::text("name"), Column::uuid("organization_id"), Column::uuid("owner_id")],
    references: &[],
    unique: &[&["name"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("the owner is made up; no person stands behind it"),
};

static CANARY: Statement = Statement::installation(
    "trust.canary",
    "select organization_id, owner_id from trust_canary_organization where name = $1",
);

static CANARIES: Statement =
    Statement::installation("trust.canaries", "select organization_id from trust_canary_organization order by name");

static SINCE: Statement = Statement::installation(
    "trust.runs_since",
    "select promise, state, evidence, figures, started_at, took_microseconds, version from trust_run \
     where started_at >= $1 order by started_at desc, id desc limit $2",
);

static DROP_OLD: Statement =
    Statement::installation("trust.drop_old_runs", "delete from trust_run where started_at < $1");

/// The tables of this part.
pub const TABLES: &[&Table] = &[&TRUST_RUN, &TRUST_CANARY, &TRUST_CANARY_ORGANIZATION, &TRUST_RELEASE_LIST];
/// The statements of this part.
pub const STATEMENTS: &[&Statement] =
    &[&SINCE, &DROP_OLD, &CANARY, &CANARIES, &release_list::KEEP, &release_list::NEWEST];

/// Stores runs together, drops what has become too old, and writes into the audit log which promises broke or hold again.
pub async fn keep(platform: &Platform, runs: &[Run], turned: &[&Run]) -> Result<(), Error> {
    let Some(newest) = runs.iter().map(|run| run.started_at).max() else { return Ok(()) };
    let mut transaction = platform.database.installation().begin().await?;
    for run in runs {
        let figures = serde_json::to_string(&run.figures).unwrap_or_else(|_| "[]".to_owned());
        transaction
            .insert(
                &TRUST_RUN,
                &[
                    ("id", platform.identifiers.next().into()),
                    ("promise", run.promise.as_str().into()),
                    ("state", run.state.word().into()),
                    ("evidence", run.evidence.as_str().into()),
                    ("figures", figures.into()),
                    ("started_at", run.started_at.into()),
                    ("took_microseconds", run.took_microseconds.into()),
                    ("version", run.version.as_str().into()),
                ],
            )
            .await?;
    }
    for run in turned {
        platform.audit.append(&mut transaction, run.started_at, &entry(run)).await?;
    }
    transaction.execute(&DROP_OLD, &[newest.plus_seconds(-KEPT_DAYS * SECONDS_PER_DAY).into()]).await?;
    Ok(transaction.commit().await?)
}

/// What the audit log hears of a promise that turned.
fn entry(run: &Run) -> Entry {
    let broke = run.state == State::Broken;
    Entry {
        actor: Actor { kind: ActorKind::System, id: None, address: None },
        action: if broke { "promise.break" } else { "promise.heal" },
        object_kind: "promise",
        object_id: None,
        outcome: if broke { Outcome::Failed } else { Outcome::Done },
        facts: vec![("promise", run.promise.clone())],
        personal: Vec::new(),
    }
}

/// The runs of the last days, newest first.
pub async fn recent(database: &Database, now: Timestamp) -> Result<Vec<Run>, Error> {
    let since = now.plus_seconds(-SHOWN_DAYS * SECONDS_PER_DAY);
    let rows = database.installation().query(&SINCE, &[since.into(), MOST_RUNS_READ.into()]).await?;
    rows.iter().map(run_of).collect()
}

/// The canary organization of this name, when it was founded.
pub(crate) async fn canary(database: &Database, name: &str) -> Result<Option<Canary>, Error> {
    let rows = database.installation().query(&CANARY, &[name.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Canary { organization: row.organization("organization_id")?, owner: row.uuid("owner_id")? }))
}

/// The organizations that exist to be attacked: lists for people leave them out.
pub async fn canaries(database: &Database) -> Result<Vec<OrganizationId>, Error> {
    let rows = database.installation().query(&CANARIES, &[]).await?;
    rows.iter().map(|row| Ok(row.organization("organization_id")?)).collect()
}

/// Remembers a canary organization.
pub(crate) async fn keep_canary(
    database: &Database,
    identifiers: &Identifiers,
    name: &str,
    canary: Canary,
) -> Result<(), Error> {
    let mut transaction = database.installation().begin().await?;
    let fields = [
        ("id", identifiers.next().into()),
        ("name", name.into()),
        ("organization_id", canary.organization.into()),
        ("owner_id", canary.owner.into()),
    ];
    transaction.insert(&TRUST_CANARY_ORGANIZATION, &fields).await?;
    Ok(transaction.commit().await?)
}

fn run_of(row: &Row) -> Result<Run, Error> {
    let figures: Vec<Figure> = serde_json::from_str(&row.text("figures")?).unwrap_or_default();
    Ok(Run {
        promise: row.text("promise")?,
        state: State::from_word(&row.text("state")?),
        evidence: row.text("evidence")?,
        figures,
        started_at: row.timestamp("started_at")?,
        took_microseconds: row.integer("took_microseconds")?,
        version: row.text("version")?,
    })
}

#[cfg(test)]
mod tests;
