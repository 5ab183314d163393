//! Tokens that work once: for the first owner, for a link that signs somebody in, and for links that help somebody back in.
//!
//! They travel in the fragment of an address (`…/first-owner#token`), which browsers send to no server, so they end up in
//! no log and no Referer. Stored hashed, used up by one conditional update: of two at once, one wins.

use storage::{OrganizationId, Row, Transaction};
use uuid::Uuid;

use crate::store::{ONE_TIME_TOKEN, TOKEN_BY_HASH, TOKEN_OF_PURPOSE, TOKEN_USE, TOKENS_WITHDRAW};
use crate::token::{self, Secret};
use crate::{Error, MembershipState, Platform, Result, Role};

/// How long the first owner has after the server printed the token.
pub const OWNER_TOKEN_SECONDS: i64 = 60 * 60;
/// How long a sign-in link lives.
pub const SIGN_IN_LINK_SECONDS: i64 = 15 * 60;
/// How long a link to reset a password or a second factor lives: somebody has to hand it over.
pub const RESET_LINK_SECONDS: i64 = 60 * 60;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Becoming the owner of a new organization.
    FirstOwner,
    /// Signing in as one user in one organization.
    SignIn,
    /// Opening a locked organization again, as its owner.
    Unlock,
    /// Choosing a new password, with the second factor.
    PasswordReset,
    /// Setting up a new second factor, with the password.
    FactorReset,
}

impl Purpose {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FirstOwner => "first_owner",
            Self::SignIn => "sign_in",
            Self::Unlock => "unlock",
            Self::PasswordReset => "password_reset",
            Self::FactorReset => "factor_reset",
        }
    }

    /// The page that takes the token.
    pub const fn path(self) -> &'static str {
        match self {
            Self::FirstOwner => "/first-owner",
            Self::SignIn => "/sign-in/link",
            Self::Unlock => "/sign-in/unlock",
            Self::PasswordReset => "/sign-in/reset-password",
            Self::FactorReset => "/sign-in/reset-factor",
        }
    }

    const fn lives_seconds(self) -> i64 {
        match self {
            Self::FirstOwner => OWNER_TOKEN_SECONDS,
            Self::SignIn | Self::Unlock => SIGN_IN_LINK_SECONDS,
            Self::PasswordReset | Self::FactorReset => RESET_LINK_SECONDS,
        }
    }

    /// The whole address to print, given the server's own (`http://127.0.0.1:8080`).
    pub fn address(self, base: &str, token: &Secret) -> String {
        format!("{}{}#{}", base.trim_end_matches('/'), self.path(), token.reveal())
    }
}

/// Issues a token for the first owner. An unused one from before is withdrawn: only the last printed works.
pub async fn issue_owner_token(platform: &Platform) -> Result<Secret> {
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&TOKENS_WITHDRAW, &[Purpose::FirstOwner.as_str().into()]).await?;
    let token = insert(&mut transaction, platform, Purpose::FirstOwner, None, None).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Issues a link that signs this user in once.
pub async fn issue_sign_in_link(platform: &Platform, organization: OrganizationId, user: Uuid) -> Result<Secret> {
    let mut transaction = platform.database.installation().begin().await?;
    let token = insert(&mut transaction, platform, Purpose::SignIn, Some((organization, user)), None).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Issues the link that opens a locked organization again.
pub(crate) async fn issue_unlock_link(platform: &Platform, organization: OrganizationId, user: Uuid) -> Result<Secret> {
    let mut transaction = platform.database.installation().begin().await?;
    let token = insert(&mut transaction, platform, Purpose::Unlock, Some((organization, user)), None).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Issues a token within a transaction; `created_by` is the member who vouched, if one did: it is good while they work here and
/// may grant what its subject is by then.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    platform: &Platform,
    purpose: Purpose,
    subject: Option<(OrganizationId, Uuid)>,
    created_by: Option<Uuid>,
) -> Result<Secret> {
    let (token, now) = (Secret::generate(platform.entropy.as_ref()), platform.now());
    transaction
        .insert(
            &ONE_TIME_TOKEN,
            &[
                ("id", platform.identifiers.next().into()),
                ("token_hash", token.hash().into()),
                ("purpose", purpose.as_str().into()),
                ("organization_id", subject.map(|(organization, _)| organization).into()),
                ("user_id", subject.map(|(_, user)| user).into()),
                ("created_by", created_by.into()),
                ("created_at", now.into()),
                ("expires_at", now.plus_seconds(purpose.lives_seconds()).into()),
                ("used_at", storage::Value::Null),
            ],
        )
        .await?;
    Ok(token)
}

/// Uses a token up, within the transaction of what it allows: if that fails, the token is good again.
pub(crate) async fn consume(
    transaction: &mut Transaction,
    platform: &Platform,
    purpose: Purpose,
    presented: &str,
) -> Result<Option<(OrganizationId, Uuid)>> {
    let arguments = [token::hash(presented.trim()).into(), purpose.as_str().into(), platform.now().into()];
    let rows = transaction.query(&TOKEN_OF_PURPOSE, &arguments).await?;
    let row = rows.first().ok_or(Error::TokenRefused)?;
    if !is_vouched_for(row)? || transaction.execute(&TOKEN_USE, &arguments).await? != 1 {
        return Err(Error::TokenRefused);
    }
    Ok(row.optional_organization("organization_id")?.zip(row.optional_uuid("user_id")?))
}

/// Whom a token that is still good for this purpose is about.
pub(crate) async fn subject_of(
    platform: &Platform,
    purpose: Purpose,
    presented: &str,
) -> Result<Option<(OrganizationId, Uuid)>> {
    let arguments = [token::hash(presented.trim()).into(), purpose.as_str().into(), platform.now().into()];
    let rows = platform.database.installation().query(&TOKEN_OF_PURPOSE, &arguments).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !is_vouched_for(row)? {
        return Ok(None);
    }
    Ok(row.optional_organization("organization_id")?.zip(row.optional_uuid("user_id")?))
}

/// May whoever made this token still vouch for whom it is about, as what they are now? One of the machine's own needs nobody.
fn is_vouched_for(row: &Row) -> Result<bool> {
    if row.optional_uuid("created_by")?.is_none() {
        return Ok(true);
    }
    let word = |column| row.optional_text(column);
    let is_active = word("maker_state")?.as_deref() == Some(MembershipState::Active.as_str());
    let maker = word("maker_role")?.as_deref().and_then(Role::parse);
    let user = word("user_role")?.as_deref().and_then(Role::parse);
    Ok(is_active && maker.zip(user).is_some_and(|(maker, user)| maker.may_grant(user)))
}

/// Whom an unused token of this purpose is about, without using it up. Needed where the organization decides which
/// transaction to open; [`consume`] in that transaction is what counts.
pub(crate) async fn subject(platform: &Platform, presented: &str) -> Result<Option<(OrganizationId, Uuid)>> {
    let hash = token::hash(presented.trim());
    let rows = platform.database.installation().query(&TOKEN_BY_HASH, &[hash.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(row.optional_organization("organization_id")?.zip(row.optional_uuid("user_id")?))
}
