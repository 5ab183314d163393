//! Sessions that an organization's own provider opened: which of the provider's they belong to, and how they end with it.

use audit::{Actor, ActorKind, Entry, Outcome};
use storage::{OrganizationId, Row, Timestamp};
use uuid::Uuid;

use crate::session::Device;
use crate::store::SESSION;
use crate::store::external::{
    SESSION_OF_PROVIDER, SESSIONS_DELETE_ALL_BY_PROVIDER, SESSIONS_DELETE_BY_PROVIDER,
    SESSIONS_DELETE_OF_PROVIDER_SESSION, SESSIONS_DELETE_PAST_PROVIDER, SESSIONS_DELETE_UNNAMED_BY_PROVIDER,
    SINGLE_SIGN_ON_DELETE, SINGLE_SIGN_ON_NAMED, SINGLE_SIGN_ON_OF,
};
use crate::token::Secret;
use crate::{Change, Platform, Result, change, sign_in};

/// The row of an organization's settings.
pub async fn settings_of(platform: &Platform, organization: OrganizationId) -> Result<Option<Row>> {
    let rows = platform.database.installation().query(&SINGLE_SIGN_ON_OF, &[organization.into()]).await?;
    Ok(rows.into_iter().next())
}

/// The row of the settings that have this short name.
pub async fn settings_named(platform: &Platform, short_name: &str) -> Result<Option<Row>> {
    let rows = platform.database.installation().query(&SINGLE_SIGN_ON_NAMED, &[short_name.into()]).await?;
    Ok(rows.into_iter().next())
}

/// Deletes the settings of the caller's organization; were there any?
pub async fn delete_settings(change: &mut Change) -> Result<bool> {
    let organization = change.caller().organization();
    Ok(change.execute(&SINGLE_SIGN_ON_DELETE, &[organization.into()]).await? > 0)
}

/// Notes the provider's own name (`sid`) for the session that this token opens.
pub async fn name(
    platform: &Platform,
    organization: OrganizationId,
    token: &Secret,
    issuer: &str,
    session: &str,
) -> Result<()> {
    let index = index(platform, issuer, session)?;
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&SESSION_OF_PROVIDER, &[organization.into(), token.hash().into(), index.into()]).await?;
    Ok(transaction.commit().await?)
}

/// Somebody has signed out at the provider.
#[derive(Debug, Clone, Copy)]
pub struct SignedOut<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Its session that ended.
    pub session: Option<&'a str>,
    /// The account, when the provider names the person and it is known here.
    pub user: Option<Uuid>,
    /// Sessions that began later than this stand: the word about them is older.
    pub until: Timestamp,
}

/// Ends what belongs to it; says how many sessions. A session that is named ends, with those of the person that the provider
/// gave no name to; without a name the person loses every session that the provider opened for them.
pub async fn end(
    platform: &Platform,
    organization: OrganizationId,
    signed_out: SignedOut<'_>,
    device: &Device,
) -> Result<u64> {
    let mut transaction = sign_in::door(platform, organization).await?;
    let mut ended = 0;
    if let Some(session) = signed_out.session {
        let arguments = [organization.into(), index(platform, signed_out.issuer, session)?.into()];
        ended += transaction.execute(&SESSIONS_DELETE_OF_PROVIDER_SESSION, &arguments).await?;
    }
    if let Some(user) = signed_out.user {
        let arguments = [organization.into(), user.into(), signed_out.until.into()];
        let of_person = match signed_out.session {
            Some(_) => &SESSIONS_DELETE_UNNAMED_BY_PROVIDER,
            None => &SESSIONS_DELETE_BY_PROVIDER,
        };
        ended += transaction.execute(of_person, &arguments).await?;
    }
    let entry = Entry {
        actor: Actor { kind: ActorKind::System, id: None, address: device.address },
        action: "session.end_by_provider",
        object_kind: "user",
        object_id: signed_out.user,
        outcome: Outcome::Done,
        facts: vec![("sessions", ended.to_string())],
        personal: Vec::new(),
    };
    change::append(&mut transaction, platform, &entry).await?;
    transaction.commit().await?;
    Ok(ended)
}

/// Ends every session of the caller's organization that its provider opened.
pub async fn end_all(change: &mut Change) -> Result<u64> {
    let organization = change.caller().organization();
    Ok(change.execute(&SESSIONS_DELETE_ALL_BY_PROVIDER, &[organization.into()]).await?)
}

/// Ends every session of the caller's organization that began another way than at its provider, but those of owners.
pub async fn end_past_provider(change: &mut Change) -> Result<u64> {
    let organization = change.caller().organization();
    Ok(change.execute(&SESSIONS_DELETE_PAST_PROVIDER, &[organization.into()]).await?)
}

/// Writes down that somebody who came from the provider was not let in, and why in a word.
pub async fn note_refusal(platform: &Platform, organization: OrganizationId, why: &str, device: &Device) -> Result<()> {
    let mut transaction = sign_in::door(platform, organization).await?;
    let entry = Entry {
        actor: Actor { kind: ActorKind::System, id: None, address: device.address },
        action: "session.start",
        object_kind: "user",
        object_id: None,
        outcome: Outcome::Refused,
        facts: vec![("by", "single_sign_on".to_owned()), ("reason", why.to_owned())],
        personal: Vec::new(),
    };
    change::append(&mut transaction, platform, &entry).await?;
    Ok(transaction.commit().await?)
}

/// Where a session of the provider would be found. Issuers hold no line break, so no two pairs give the same text.
fn index(platform: &Platform, issuer: &str, session: &str) -> Result<Vec<u8>> {
    let text = format!("{issuer}\n{session}");
    Ok(platform.vault.installation_keyring().blind_index(&SESSION, "provider_session", &text)?)
}
