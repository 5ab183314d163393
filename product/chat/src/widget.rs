//! The widgets of an organization: making, listing, changing, rotating and revoking embed tokens.

use agents::store::AGENT;
use identity::{Caller, Change, Platform, api_key};
use storage::{Row, Timestamp, Value};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::embed_token::{EmbedToken, NAME_LENGTH_MAX, QUOTA_MAX, Quota, ROTATION_OVERLAP_SECONDS, TokenText, day_of};
use crate::origin::{ORIGINS_MAX, Origins};
use crate::store::{self, EMBED_TOKEN};
use crate::{Error, Result};

/// Widgets of one organization that work at a time.
pub const WIDGETS_MAX: i64 = 100;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewWidget<'a> {
    /// What it is called, 1 to [`NAME_LENGTH_MAX`] characters.
    pub name: &'a str,
    /// The agent that answers.
    pub agent_id: Uuid,
    /// Exact origins, at most [`ORIGINS_MAX`]; none means that no page may show it.
    pub origins: &'a [String],
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// How much a day.
    pub quota: Quota,
}

/// A widget with its token, as members see it.
#[derive(Clone, Debug)]
pub struct Widget {
    /// The token's bounds.
    pub token: EmbedToken,
    /// Its text.
    pub text: String,
    /// Conversations and messages today.
    pub used_today: (i64, i64),
}

/// Makes a widget.
pub async fn create(platform: &Platform, caller: &Caller, new: &NewWidget<'_>) -> Result<Widget> {
    let (id, now) = (platform.identifiers.next(), platform.clock.now());
    let (name, origins) = (checked_name(new.name)?, checked_origins(new.origins)?);
    check_bounds(new.expires_at, new.quota, now)?;
    let keyring = caller.keyring(platform).await?;
    let text = TokenText::generate(caller.organization(), platform.entropy.as_ref());
    let mut change = caller.change(platform, "widget.create").await?;
    if change.get(&AGENT, new.agent_id).await?.is_none() {
        return Err(Error::invalid("agent_id", "There is no such agent."));
    }
    let count = change.query(&store::TOKENS_COUNT, &[]).await?;
    if count.first().map_or(Ok(0), |row| row.integer("tokens"))? >= WIDGETS_MAX {
        return Err(Error::invalid("name", format!("There are {WIDGETS_MAX} widgets already; revoke some first.")));
    }
    let fields = [
        ("id", id.into()),
        ("name", keyring.seal_text(Field::new(&EMBED_TOKEN, "name", id), &name)?.into()),
        ("agent_id", new.agent_id.into()),
        ("origins", origins.stored().into()),
        ("token_hash", text.hash().to_vec().into()),
        ("token", keyring.seal_text(Field::new(&EMBED_TOKEN, "token", id), text.as_str())?.into()),
        ("previous_hash", Value::Null),
        ("previous_until", Value::Null),
        ("conversations_per_day", new.quota.conversations_per_day.into()),
        ("messages_per_day", new.quota.messages_per_day.into()),
        ("created_by", api_key::owner(platform, caller).await?.into()),
        ("created_at", now.into()),
        ("expires_at", new.expires_at.into()),
        ("revoked_at", Value::Null),
    ];
    change.insert(&EMBED_TOKEN, &fields).await?;
    let facts = vec![("agent_id", new.agent_id.to_string()), ("origins", origins.stored())];
    change.commit("widget", Some(id), facts).await?;
    get(platform, caller, id).await
}

/// One widget; [`Error::NotFound`] for another organization's as for none.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Widget> {
    let row = caller.database(platform).get(&EMBED_TOKEN, id).await?.ok_or(Error::NotFound)?;
    let used = used_today(platform, caller).await?;
    read(&row, &caller.keyring(platform).await?, &used)
}

/// The organization's widgets, newest first, older than `before`; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Widget>> {
    let rows = caller.database(platform).query(&store::TOKENS, &[before.into(), limit.into()]).await?;
    let used = used_today(platform, caller).await?;
    let keyring = caller.keyring(platform).await?;
    rows.iter().map(|row| read(row, &keyring, &used)).collect()
}

/// Sets who may show it.
pub async fn set_origins(platform: &Platform, caller: &Caller, id: Uuid, origins: &[String]) -> Result<Widget> {
    let origins = checked_origins(origins)?;
    let mut change = caller.change(platform, "widget.update").await?;
    working(&mut change, id).await?;
    change.update(&EMBED_TOKEN, id, &[("origins", origins.stored().into())]).await?;
    change.commit("widget", Some(id), vec![("origins", origins.stored())]).await?;
    get(platform, caller, id).await
}

/// Gives it a new token; the one before works for another day.
pub async fn rotate(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Widget> {
    let now = platform.clock.now();
    let keyring = caller.keyring(platform).await?;
    let text = TokenText::generate(caller.organization(), platform.entropy.as_ref());
    let mut change = caller.change(platform, "widget.rotate").await?;
    let row = working(&mut change, id).await?;
    let fields = [
        ("token_hash", text.hash().to_vec().into()),
        ("token", keyring.seal_text(Field::new(&EMBED_TOKEN, "token", id), text.as_str())?.into()),
        ("previous_hash", row.bytes("token_hash")?.into()),
        ("previous_until", now.plus_seconds(ROTATION_OVERLAP_SECONDS).into()),
        // Whoever has seen the new token answers for it.
        ("created_by", api_key::owner(platform, caller).await?.into()),
    ];
    change.update(&EMBED_TOKEN, id, &fields).await?;
    change.commit("widget", Some(id), Vec::new()).await?;
    get(platform, caller, id).await
}

/// Takes it back at once, the token before included. Doing it again changes nothing.
pub async fn revoke(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let mut change = caller.change(platform, "widget.revoke").await?;
    let row = change.get(&EMBED_TOKEN, id).await?.ok_or(Error::NotFound)?;
    if row.optional_timestamp("revoked_at")?.is_none() {
        change.update(&EMBED_TOKEN, id, &[("revoked_at", platform.clock.now().into())]).await?;
    }
    change.commit("widget", Some(id), Vec::new()).await?;
    Ok(())
}

/// The row of a widget that was not revoked.
async fn working(change: &mut Change, id: Uuid) -> Result<Row> {
    let row = change.get(&EMBED_TOKEN, id).await?.ok_or(Error::NotFound)?;
    if row.optional_timestamp("revoked_at")?.is_some() { Err(Error::Revoked) } else { Ok(row) }
}

async fn used_today(platform: &Platform, caller: &Caller) -> Result<Vec<(Uuid, (i64, i64))>> {
    let day = day_of(platform.clock.now());
    let rows = caller.database(platform).query(&store::USAGE_OF_DAY, &[day.into()]).await?;
    let read = |row: &Row| Ok((row.uuid("embed_token_id")?, (row.integer("conversations")?, row.integer("messages")?)));
    rows.iter().map(read).collect()
}

fn read(row: &Row, keyring: &Keyring, used: &[(Uuid, (i64, i64))]) -> Result<Widget> {
    let id = row.uuid("id")?;
    let name = keyring.open_text(Field::new(&EMBED_TOKEN, "name", id), &row.bytes("name")?)?;
    let text = keyring.open_text(Field::new(&EMBED_TOKEN, "token", id), &row.bytes("token")?)?;
    let used_today = used.iter().find(|(token, _)| *token == id).map_or((0, 0), |(_, used)| *used);
    Ok(Widget { token: store::embed_token(row, name)?, text, used_today })
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > NAME_LENGTH_MAX || name.chars().any(char::is_control) {
        return Err(Error::invalid("name", format!("A name has 1 to {NAME_LENGTH_MAX} characters.")));
    }
    Ok(name.to_owned())
}

fn checked_origins(texts: &[String]) -> Result<Origins> {
    if texts.len() > ORIGINS_MAX {
        return Err(Error::invalid("origins", format!("At most {ORIGINS_MAX} origins belong to one widget.")));
    }
    let origins = Origins::parse(texts.iter().map(String::as_str));
    origins.map_err(|(position, problem)| Error::invalid("origins", format!("Number {}: {problem}.", position + 1)))
}

fn check_bounds(expires_at: Option<Timestamp>, quota: Quota, now: Timestamp) -> Result<()> {
    if expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Error::invalid("expires_at", "The end must lie ahead."));
    }
    for (field, value) in
        [("conversations_per_day", quota.conversations_per_day), ("messages_per_day", quota.messages_per_day)]
    {
        if !(1..=QUOTA_MAX).contains(&value) {
            return Err(Error::invalid(field, format!("A quota is 1 to {QUOTA_MAX}.")));
        }
    }
    Ok(())
}
