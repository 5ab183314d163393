//! The widgets of an organization: making, listing, changing, rotating and revoking embed tokens.

use agents::store::AGENT;
use identity::{Caller, Change, Platform, api_key};
use storage::{Row, Timestamp, Value};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::embed_token::{EmbedToken, NAME_LENGTH_MAX, QUOTA_MAX, Quota, ROTATION_OVERLAP_SECONDS, Span, TokenText};
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
    /// How much.
    pub quota: Quota,
}

/// When a widget stops by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not at all.
    Never,
    /// At this instant, which lies ahead.
    At(Timestamp),
}

/// What of a widget shall change; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds<'a> {
    /// Exact origins, at most [`ORIGINS_MAX`]; an empty list means that no page may show it.
    pub origins: Option<&'a [String]>,
    /// When it stops by itself.
    pub end: Option<End>,
    /// 1 to [`QUOTA_MAX`], as the others.
    pub conversations_per_hour: Option<i64>,
    /// In a day.
    pub conversations_per_day: Option<i64>,
    /// In a day.
    pub messages_per_day: Option<i64>,
    /// In one conversation.
    pub messages_per_conversation: Option<i64>,
}

/// What came through a widget lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Conversations begun in this hour (UTC).
    pub conversations_this_hour: i64,
    /// Conversations begun today (UTC).
    pub conversations_today: i64,
    /// Messages of visitors today (UTC).
    pub messages_today: i64,
}

/// A widget with its token, as members see it.
#[derive(Clone, Debug)]
pub struct Widget {
    /// The token's bounds.
    pub token: EmbedToken,
    /// Its text.
    pub text: String,
    /// What came through it lately.
    pub used: Used,
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
        return Err(Error::Full);
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
        ("conversations_per_hour", new.quota.conversations_per_hour.into()),
        ("conversations_per_day", new.quota.conversations_per_day.into()),
        ("messages_per_day", new.quota.messages_per_day.into()),
        ("messages_per_conversation", new.quota.messages_per_conversation.into()),
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
    let used = used_lately(platform, caller).await?;
    read(&row, &caller.keyring(platform).await?, &used)
}

/// The organization's widgets, newest first, older than `before`; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Widget>> {
    let rows = caller.database(platform).query(&store::TOKENS, &[before.into(), limit.into()]).await?;
    let used = used_lately(platform, caller).await?;
    let keyring = caller.keyring(platform).await?;
    rows.iter().map(|row| read(row, &keyring, &used)).collect()
}

/// Sets who may show it.
pub async fn set_origins(platform: &Platform, caller: &Caller, id: Uuid, origins: &[String]) -> Result<Widget> {
    change(platform, caller, id, &Bounds { origins: Some(origins), ..Bounds::default() }).await
}

/// Changes its bounds; the log hears each one that was named.
pub async fn change(platform: &Platform, caller: &Caller, id: Uuid, bounds: &Bounds<'_>) -> Result<Widget> {
    let mut fields: Vec<(&str, Value)> = Vec::new();
    let mut facts: Vec<(&'static str, String)> = Vec::new();
    if let Some(origins) = bounds.origins {
        let origins = checked_origins(origins)?;
        fields.push(("origins", origins.stored().into()));
        facts.push(("origins", origins.stored()));
    }
    if let Some(end) = bounds.end {
        let expires_at = match end {
            End::Never => None,
            End::At(instant) => Some(instant),
        };
        check_end(expires_at, platform.now())?;
        fields.push(("expires_at", expires_at.into()));
        facts.push(("expires_at", expires_at.map_or_else(|| "never".to_owned(), web::instant::to_rfc3339)));
    }
    for (field, value) in [
        ("conversations_per_hour", bounds.conversations_per_hour),
        ("conversations_per_day", bounds.conversations_per_day),
        ("messages_per_day", bounds.messages_per_day),
        ("messages_per_conversation", bounds.messages_per_conversation),
    ] {
        let Some(value) = value else { continue };
        check_quota(field, value)?;
        fields.push((field, value.into()));
        facts.push((field, value.to_string()));
    }
    let mut change = caller.change(platform, "widget.update").await?;
    working(&mut change, id).await?;
    if !fields.is_empty() {
        change.update(&EMBED_TOKEN, id, &fields).await?;
    }
    change.commit("widget", Some(id), facts).await?;
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

async fn used_lately(platform: &Platform, caller: &Caller) -> Result<Vec<(Uuid, Used)>> {
    let now = platform.now();
    let spans = [Span::Hour, Span::Day].map(|span| [span.as_str().into(), span.number(now).into()]);
    let rows = caller.database(platform).query(&store::USAGE_NOW, spans.as_flattened()).await?;
    let mut found: Vec<(Uuid, Used)> = Vec::new();
    for row in &rows {
        let id = row.uuid("embed_token_id")?;
        let position = found.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            found.push((id, Used::default()));
            found.len() - 1
        });
        let used = &mut found[position].1;
        if row.text("span")? == Span::Hour.as_str() {
            used.conversations_this_hour = row.integer("conversations")?;
        } else {
            (used.conversations_today, used.messages_today) = (row.integer("conversations")?, row.integer("messages")?);
        }
    }
    Ok(found)
}

fn read(row: &Row, keyring: &Keyring, used: &[(Uuid, Used)]) -> Result<Widget> {
    let id = row.uuid("id")?;
    let name = keyring.open_text(Field::new(&EMBED_TOKEN, "name", id), &row.bytes("name")?)?;
    let text = keyring.open_text(Field::new(&EMBED_TOKEN, "token", id), &row.bytes("token")?)?;
    let used = used.iter().find(|(token, _)| *token == id).map(|(_, used)| *used).unwrap_or_default();
    Ok(Widget { token: store::embed_token(row, name)?, text, used })
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
    check_end(expires_at, now)?;
    check_quota("conversations_per_hour", quota.conversations_per_hour)?;
    check_quota("conversations_per_day", quota.conversations_per_day)?;
    check_quota("messages_per_day", quota.messages_per_day)?;
    check_quota("messages_per_conversation", quota.messages_per_conversation)
}

fn check_end(expires_at: Option<Timestamp>, now: Timestamp) -> Result<()> {
    if expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Error::invalid("expires_at", "The end must lie ahead."));
    }
    Ok(())
}

fn check_quota(field: &'static str, value: i64) -> Result<()> {
    if (1..=QUOTA_MAX).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("A quota is 1 to {QUOTA_MAX}.")))
}
