//! Letting visitors in: an embed token and an exact origin become a pass for one conversation, within the quotas.
//!
//! A page outside hears one and the same refusal, whatever the reason was; the reason is for the organization's log.

use audit::{Actor, ActorKind};
use edge::Challenge;
use identity::{Caller, Permission, Platform};
use std::net::IpAddr;
use storage::{Timestamp, Transaction};
use uuid::Uuid;
use web::live::{Live, LiveEvent};

use crate::challenge;
use crate::embed_token::{EmbedToken, Limit, Refusal, Span, TokenText};
use crate::store::{self, EMBED_TOKEN, VISITOR_PASS};
use crate::visitor::{PASS_SECONDS, PassText, Visitor};
use crate::{Error, Result};

/// Hours of use that are kept: enough for the page that shows this hour and the one before.
const HOURS_KEPT: i64 = 48;

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
    // A locked organization answers nobody.
    if !identity::incident::is_open(platform, text.organization).await? {
        return Err(Refusal::Unknown.into());
    }
    let now = platform.now();
    let found =
        caller.database(platform).query(&store::TOKEN_BY_HASH, &[text.hash().to_vec().into(), now.into()]).await?;
    let row = found.first().ok_or(Refusal::Unknown)?;
    // Visitors never see the name, so it is not opened here.
    let token = store::embed_token(row, String::new())?;
    token.check_alive(now)?;
    Ok((caller, token))
}

/// Finds the token and checks that a page of this origin may use it; nothing is counted yet.
pub async fn knock(platform: &Platform, text: &str, origin: &str, address: Option<IpAddr>) -> Result<Admission> {
    let text = TokenText::parse(text).ok_or(Refusal::Unknown)?;
    let (caller, token) = find(platform, &text, address).await?;
    token.check(origin, platform.now())?;
    Ok(Admission { caller, token, origin: origin.to_owned() })
}

/// Lets a visitor of that page in, and counts the conversation that is about to begin.
pub async fn admit(platform: &Platform, text: &str, origin: &str, address: Option<IpAddr>) -> Result<Admission> {
    let admission = knock(platform, text, origin, address).await?;
    admission.count(platform, None).await?;
    Ok(admission)
}

impl Admission {
    /// Counts the conversation that is about to begin, and uses up the puzzle that was solved for it.
    pub async fn count(&self, platform: &Platform, solved: Option<&Challenge>) -> Result<()> {
        let (now, quota) = (platform.now(), self.token.quota);
        let mut transaction = self.caller.database(platform).begin().await?;
        if let Some(challenge) = solved {
            challenge::spend(&mut transaction, platform, challenge).await?;
        }
        for (limit, most) in [
            (Limit::ConversationsOfHour, quota.conversations_per_hour),
            (Limit::ConversationsOfDay, quota.conversations_per_day),
        ] {
            count(&mut transaction, platform, &self.token, &store::USAGE_CONVERSATION, (limit, most), now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Tells the organization that a quota is used up: once for each hour or day, in the audit log and on open pages.
    pub async fn tell(&self, platform: &Platform, live: &Live, limit: Limit) -> Result<()> {
        tell(platform, live, &self.caller, &self.token, limit).await
    }
}

/// One more of what the statement counts, unless that is too many. The row of an hour or a day is made at its first use.
async fn count(
    transaction: &mut Transaction,
    platform: &Platform,
    token: &EmbedToken,
    statement: &'static storage::Statement,
    (limit, most): (Limit, i64),
    now: Timestamp,
) -> Result<()> {
    let Some(span) = limit.span() else { return Ok(()) };
    let (row, number) = (platform.identifiers.next(), span.number(now));
    let (word, id) = (span.as_str(), token.id);
    transaction.execute(&store::USAGE_BEGIN, &[row.into(), id.into(), word.into(), number.into()]).await?;
    let counted = transaction.execute(statement, &[id.into(), word.into(), number.into(), most.into()]).await?;
    if counted == 0 { Err(Refusal::Quota(limit).into()) } else { Ok(()) }
}

async fn tell(platform: &Platform, live: &Live, caller: &Caller, token: &EmbedToken, limit: Limit) -> Result<()> {
    let Some(span) = limit.span() else { return Ok(()) };
    let number = span.number(platform.now());
    let mut change = caller.change(platform, "widget.quota").await?;
    let told = change.execute(&store::USAGE_TOLD, &[token.id.into(), span.as_str().into(), number.into()]).await?;
    if told == 0 {
        return Ok(());
    }
    change.commit("widget", Some(token.id), vec![("quota", limit.as_str().to_owned())]).await?;
    let data = serde_json::json!({ "quota_used_up": limit.as_str() });
    live.publish(caller.organization(), LiveEvent::new("widget", Permission::WidgetRead, token.id, data));
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
    let oldest = Span::Hour.number(now) - HOURS_KEPT;
    transaction.execute(&store::USAGE_SWEEP, &[Span::Hour.as_str().into(), oldest.into()]).await?;
    let fields = [
        ("id", id.into()),
        ("embed_token_id", admission.token.id.into()),
        ("conversation_id", conversation_id.into()),
        ("origin", admission.origin.as_str().into()),
        ("pass_hash", pass.hash().to_vec().into()),
        ("messages", 0_i64.into()),
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
    if !identity::incident::is_open(platform, text.organization).await? {
        return Err(Error::NoPass);
    }
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
        let (now, quota) = (platform.now(), self.token.quota);
        let mut transaction = self.caller.database(platform).begin().await?;
        let most = quota.messages_per_conversation;
        if transaction.execute(&store::PASS_MESSAGE, &[self.visitor.id.into(), most.into()]).await? == 0 {
            return Err(Refusal::Quota(Limit::MessagesOfConversation).into());
        }
        let day = (Limit::MessagesOfDay, quota.messages_per_day);
        count(&mut transaction, platform, &self.token, &store::USAGE_MESSAGE, day, now).await?;
        if let Some(later) = self.visitor.renewed_until(now) {
            transaction.execute(&store::PASS_RENEW, &[self.visitor.id.into(), later.into()]).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Tells the organization that a quota is used up: once for each hour or day, in the audit log and on open pages.
    pub async fn tell(&self, platform: &Platform, live: &Live, limit: Limit) -> Result<()> {
        tell(platform, live, &self.caller, &self.token, limit).await
    }
}

#[cfg(test)]
mod tests;
