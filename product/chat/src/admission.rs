//! Letting visitors in: an embed token and an exact origin become a pass for one conversation, within the day's quota.
//!
//! A page outside hears one and the same refusal, whatever the reason was; the reason is for the organization's log.

use audit::{Actor, ActorKind};
use identity::{Caller, Platform};
use std::net::IpAddr;
use storage::{OrganizationDb, Timestamp};
use uuid::Uuid;

use crate::embed_token::{EmbedToken, Refusal, TokenText, day_of};
use crate::store::{self, EMBED_TOKEN, VISITOR_PASS};
use crate::visitor::{PASS_SECONDS, PassText, Visitor};
use crate::{Error, Result};

/// A visitor who may begin a conversation, before it has begun.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Acts for the visitor within the token's organization, and holds no permission.
    pub caller: Caller,
    /// The token through which they came.
    pub token: EmbedToken,
    /// The origin of the page they are on.
    pub origin: String,
}

/// A visitor who presented a good pass.
#[derive(Clone, Debug)]
pub struct Present {
    /// Acts for the visitor.
    pub caller: Caller,
    /// What the pass opens.
    pub visitor: Visitor,
    /// The token through which they came.
    pub token: EmbedToken,
}

fn caller_of(text_organization: storage::OrganizationId, address: Option<IpAddr>) -> Caller {
    Caller::for_channel(text_organization, Actor { kind: ActorKind::Visitor, id: None, address })
}

/// Finds a token that works at this instant, whoever asks; the origin is checked by [`admit`] and by the browser.
pub async fn find(platform: &Platform, text: &TokenText, address: Option<IpAddr>) -> Result<(Caller, EmbedToken)> {
    let caller = caller_of(text.organization, address);
    let now = platform.now();
    let found =
        caller.database(platform).query(&store::TOKEN_BY_HASH, &[text.hash().to_vec().into(), now.into()]).await?;
    let row = found.first().ok_or(Refusal::Unknown)?;
    // Visitors never see the name, so it is not opened here.
    let token = store::embed_token(row, String::new())?;
    token.check_alive(now)?;
    Ok((caller, token))
}

/// Lets a visitor of that page in, and counts the conversation that is about to begin.
pub async fn admit(platform: &Platform, text: &str, origin: &str, address: Option<IpAddr>) -> Result<Admission> {
    let text = TokenText::parse(text).ok_or(Refusal::Unknown)?;
    let (caller, token) = find(platform, &text, address).await?;
    token.check(origin, platform.now())?;
    let database = caller.database(platform);
    let limit = token.quota.conversations_per_day;
    count(platform, &database, &token, &store::USAGE_CONVERSATION, limit).await?;
    Ok(Admission { caller, token, origin: origin.to_owned() })
}

/// One more of what the statement counts, unless the day's quota is used up.
async fn count(
    platform: &Platform,
    database: &OrganizationDb,
    token: &EmbedToken,
    statement: &'static storage::Statement,
    limit: i64,
) -> Result<()> {
    let day = day_of(platform.now());
    let mut transaction = database.begin().await?;
    let row = platform.identifiers.next();
    transaction.execute(&store::USAGE_BEGIN, &[row.into(), token.id.into(), day.into()]).await?;
    let counted = transaction.execute(statement, &[token.id.into(), day.into(), limit.into()]).await?;
    if counted == 0 {
        return Err(Refusal::Quota.into());
    }
    transaction.commit().await?;
    Ok(())
}

/// Gives the visitor a pass for their conversation, and sweeps passes of the organization that are over.
pub async fn issue(platform: &Platform, admission: &Admission, conversation_id: Uuid) -> Result<(PassText, Timestamp)> {
    let (id, now) = (platform.identifiers.next(), platform.now());
    let organization = admission.caller.organization();
    let pass = PassText::generate(organization, id, platform.entropy.as_ref());
    let expires_at = now.plus_seconds(PASS_SECONDS);
    let mut transaction = admission.caller.database(platform).begin().await?;
    transaction.execute(&store::PASSES_SWEEP, &[now.into()]).await?;
    let fields = [
        ("id", id.into()),
        ("embed_token_id", admission.token.id.into()),
        ("conversation_id", conversation_id.into()),
        ("origin", admission.origin.as_str().into()),
        ("pass_hash", pass.hash().to_vec().into()),
        ("created_at", now.into()),
        ("expires_at", expires_at.into()),
    ];
    transaction.insert(&VISITOR_PASS, &fields).await?;
    transaction.commit().await?;
    Ok((pass, expires_at))
}

/// Checks a presented pass: known, in time, and its token still works for the origin it was given to.
pub async fn present(platform: &Platform, text: &str, address: Option<IpAddr>) -> Result<Present> {
    let text = PassText::parse(text).ok_or(Error::NoPass)?;
    let caller = caller_of(text.organization, address);
    let (database, now) = (caller.database(platform), platform.now());
    let row = database.get(&VISITOR_PASS, text.id).await?.ok_or(Error::NoPass)?;
    let visitor = store::visitor(&row)?;
    if !visitor.accepts(&text, now) {
        return Err(Error::NoPass);
    }
    let row = database.get(&EMBED_TOKEN, visitor.embed_token_id).await?.ok_or(Error::NoPass)?;
    let token = store::embed_token(&row, String::new())?;
    token.check(&visitor.origin, now)?;
    Ok(Present { caller, visitor, token })
}

impl Present {
    /// Counts one message, and gives the pass a later end when little is left of it.
    pub async fn count_message(&self, platform: &Platform) -> Result<()> {
        let database = self.caller.database(platform);
        let limit = self.token.quota.messages_per_day;
        count(platform, &database, &self.token, &store::USAGE_MESSAGE, limit).await?;
        if let Some(later) = self.visitor.renewed_until(platform.now()) {
            let mut transaction = database.begin().await?;
            transaction.execute(&store::PASS_RENEW, &[self.visitor.id.into(), later.into()]).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
