//! Where agents and their versions are kept.

use std::sync::Arc;

use identity::{Caller, Platform};
use storage::{Column, Erasure, OrganizationDb, Owner, Reference, Retention, Row, SealedWith, Statement, Table};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::error::Error;
use crate::profile::Profile;
use crate::version::{AGENTS_MAX, Agent, AgentVersion, Published};

/// Agents with their drafts.
pub static AGENT: Table = Table {
    name: "agent",
    owner: Owner::Organization,
    columns: &[
        Column::sealed("draft", SealedWith::Organization),
        Column::text("draft_hash"),
        Column::time("draft_saved_at"),
        Column::uuid("published_version_id").nullable(),
        Column::time("created_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("the business's own settings"),
};

/// Published versions.
pub static AGENT_VERSION: Table = Table {
    name: "agent_version",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        Column::integer("number"),
        Column::text("hash"),
        Column::sealed("profile", SealedWith::Organization),
        Column::time("published_at"),
    ],
    references: &[Reference::to("agent_id", "agent")],
    unique: &[&["agent_id", "number"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("the business's own settings"),
};

/// A page of agents, newest first.
pub static AGENTS: Statement = Statement::organization(
    "agents.page",
    "select agent.*, version.number as published_number, version.hash as published_hash from agent \
     left join agent_version version on version.organization_id = agent.organization_id \
     and version.id = agent.published_version_id \
     where agent.organization_id = $1 and agent.id < $2 order by agent.id desc limit $3",
);

/// One agent.
pub static AGENT_BY_ID: Statement = Statement::organization(
    "agents.get",
    "select agent.*, version.number as published_number, version.hash as published_hash from agent \
     left join agent_version version on version.organization_id = agent.organization_id \
     and version.id = agent.published_version_id \
     where agent.organization_id = $1 and agent.id = $2",
);

/// How many agents there are.
pub static AGENT_COUNT: Statement =
    Statement::organization("agents.count", "select count(*) as agents from agent where organization_id = $1");

/// The versions of an agent, newest first.
pub static VERSIONS: Statement = Statement::organization(
    "agents.versions",
    "select * from agent_version where organization_id = $1 and agent_id = $2 and id < $3 order by id desc limit $4",
);

/// The version that answers.
pub static PUBLISHED: Statement = Statement::organization(
    "agents.published",
    "select version.* from agent join agent_version version on version.organization_id = agent.organization_id \
     and version.id = agent.published_version_id where agent.organization_id = $1 and agent.id = $2",
);

/// The next number of a version.
pub static NEXT_NUMBER: Statement = Statement::organization(
    "agents.next_number",
    "select coalesce(max(number), 0) + 1 as next from agent_version where organization_id = $1 and agent_id = $2",
);

/// Makes an agent with a draft.
///
/// # Errors
/// [`Error::Profile`] when the profile breaks a rule, [`Error::TooMany`] when there are [`AGENTS_MAX`] already.
pub async fn create(platform: &Platform, caller: &Caller, profile: Profile) -> Result<Agent, Error> {
    profile.validate().map_err(Error::Profile)?;
    let keyring = caller.keyring(platform).await?;
    let (id, now, hash) = (platform.identifiers.next(), platform.now(), profile.hash());
    let mut change = caller.change(platform, "agent.create").await?;
    let rows = change.query(&AGENT_COUNT, &[]).await?;
    if rows.first().map_or(Ok(0), |row| row.integer("agents"))? >= AGENTS_MAX {
        return Err(Error::TooMany(AGENTS_MAX));
    }
    let draft = keyring.seal_text(Field::new(&AGENT, "draft", id), &profile.canonical())?;
    let row = [
        ("id", id.into()),
        ("draft", draft.into()),
        ("draft_hash", hash.as_str().into()),
        ("draft_saved_at", now.into()),
        ("created_at", now.into()),
    ];
    change.insert(&AGENT, &row).await?;
    change.commit("agent", Some(id), vec![("draft", hash.clone())]).await?;
    Ok(Agent { id, draft: profile, draft_hash: hash, draft_saved_at: now, published: None, created_at: now })
}

/// A page of agents, newest first, before the agent `before`.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Agent>, Error> {
    let rows = caller.database(platform).query(&AGENTS, &[before.into(), limit.into()]).await?;
    let keyring = caller.keyring(platform).await?;
    rows.iter().map(|row| agent(&keyring, row)).collect()
}

/// One agent.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such agent.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Agent, Error> {
    let rows = caller.database(platform).query(&AGENT_BY_ID, &[id.into()]).await?;
    agent(&caller.keyring(platform).await?, rows.first().ok_or(Error::NotFound)?)
}

/// Replaces the draft. With `based_on` it is refused when the draft is no longer the one with that hash.
///
/// # Errors
/// [`Error::Profile`], [`Error::DraftMoved`], [`Error::NotFound`].
pub async fn save_draft(
    platform: &Platform,
    caller: &Caller,
    id: Uuid,
    profile: &Profile,
    based_on: Option<&str>,
) -> Result<(), Error> {
    profile.validate().map_err(Error::Profile)?;
    let keyring = caller.keyring(platform).await?;
    let draft = keyring.seal_text(Field::new(&AGENT, "draft", id), &profile.canonical())?;
    let mut change = caller.change(platform, "agent.draft").await?;
    let row = change.get(&AGENT, id).await?.ok_or(Error::NotFound)?;
    let current = row.text("draft_hash")?;
    if based_on.is_some_and(|hash| hash != current) {
        return Err(Error::DraftMoved { current });
    }
    let hash = profile.hash();
    let columns =
        [("draft", draft.into()), ("draft_hash", hash.as_str().into()), ("draft_saved_at", platform.now().into())];
    change.update(&AGENT, id, &columns).await?;
    change.commit("agent", Some(id), vec![("before", current), ("draft", hash)]).await?;
    Ok(())
}

/// Publishes the draft with this hash; conversations that begin from now on use it.
///
/// # Errors
/// [`Error::DraftMoved`] when the draft is another one by now, [`Error::AlreadyPublished`], [`Error::NotFound`].
pub async fn publish(platform: &Platform, caller: &Caller, id: Uuid, hash: &str) -> Result<AgentVersion, Error> {
    let keyring = caller.keyring(platform).await?;
    let (version_id, now) = (platform.identifiers.next(), platform.now());
    let mut change = caller.change(platform, "agent.publish").await?;
    let rows = change.query(&AGENT_BY_ID, &[id.into()]).await?;
    let agent = agent(&keyring, rows.first().ok_or(Error::NotFound)?)?;
    if agent.draft_hash != hash {
        return Err(Error::DraftMoved { current: agent.draft_hash });
    }
    if agent.published.is_some_and(|published| published.hash == hash) {
        return Err(Error::AlreadyPublished);
    }
    let rows = change.query(&NEXT_NUMBER, &[id.into()]).await?;
    let number = rows.first().map_or(Ok(1), |row| row.integer("next"))?;
    let profile = keyring.seal_text(Field::new(&AGENT_VERSION, "profile", version_id), &agent.draft.canonical())?;
    let row = [
        ("id", version_id.into()),
        ("agent_id", id.into()),
        ("number", number.into()),
        ("hash", hash.into()),
        ("profile", profile.into()),
        ("published_at", now.into()),
    ];
    change.insert(&AGENT_VERSION, &row).await?;
    change.update(&AGENT, id, &[("published_version_id", version_id.into())]).await?;
    let facts = vec![("version", number.to_string()), ("hash", hash.to_owned())];
    change.commit("agent", Some(id), facts).await?;
    let profile = Arc::new(agent.draft);
    Ok(AgentVersion { id: version_id, agent_id: id, number, hash: hash.to_owned(), published_at: now, profile })
}

/// The versions of an agent, newest first, before the version `before`.
///
/// # Errors
/// When the database cannot be read.
pub async fn versions(
    platform: &Platform,
    caller: &Caller,
    agent_id: Uuid,
    before: Uuid,
    limit: i64,
) -> Result<Vec<AgentVersion>, Error> {
    let arguments = [agent_id.into(), before.into(), limit.into()];
    let rows = caller.database(platform).query(&VERSIONS, &arguments).await?;
    let keyring = caller.keyring(platform).await?;
    rows.iter().map(|row| version(&keyring, row)).collect()
}

/// The version of an agent that answers now, if any.
///
/// # Errors
/// When the database cannot be read.
pub async fn published(
    database: &OrganizationDb,
    keyring: &Keyring,
    agent_id: Uuid,
) -> Result<Option<AgentVersion>, Error> {
    let rows = database.query(&PUBLISHED, &[agent_id.into()]).await?;
    rows.first().map(|row| version(keyring, row)).transpose()
}

/// A version by its identifier: what a conversation has pinned.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such version.
pub async fn version_by_id(database: &OrganizationDb, keyring: &Keyring, id: Uuid) -> Result<AgentVersion, Error> {
    version(keyring, &database.get(&AGENT_VERSION, id).await?.ok_or(Error::NotFound)?)
}

fn agent(keyring: &Keyring, row: &Row) -> Result<Agent, Error> {
    let id = row.uuid("id")?;
    let draft = keyring.open_text(Field::new(&AGENT, "draft", id), &row.bytes("draft")?)?;
    let published = match row.optional_uuid("published_version_id")? {
        None => None,
        Some(version_id) => {
            Some(Published { version_id, number: row.integer("published_number")?, hash: row.text("published_hash")? })
        }
    };
    Ok(Agent {
        id,
        draft: serde_json::from_str(&draft).map_err(|_| Error::Unreadable)?,
        draft_hash: row.text("draft_hash")?,
        draft_saved_at: row.timestamp("draft_saved_at")?,
        published,
        created_at: row.timestamp("created_at")?,
    })
}

fn version(keyring: &Keyring, row: &Row) -> Result<AgentVersion, Error> {
    let id = row.uuid("id")?;
    let profile = keyring.open_text(Field::new(&AGENT_VERSION, "profile", id), &row.bytes("profile")?)?;
    Ok(AgentVersion {
        id,
        agent_id: row.uuid("agent_id")?,
        number: row.integer("number")?,
        hash: row.text("hash")?,
        published_at: row.timestamp("published_at")?,
        profile: Arc::new(serde_json::from_str(&profile).map_err(|_| Error::Unreadable)?),
    })
}

#[cfg(test)]
mod tests;
