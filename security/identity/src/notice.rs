//! What a person is told after a change of how they sign in: a notice that every one of their sessions shows until it is
//! acknowledged there, so that whoever stole one session cannot hide from the others what was done with it.
//!
//! No mail is sent by this product, so this is the one means there is. The session that made the change shows it as well, for its
//! cookie may be in two hands, and so does a browser that signs in within [`SHOWN_SECONDS`].

use std::net::IpAddr;

use storage::{Row, Timestamp, Transaction};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::store::notices::{ACCOUNT_NOTICE, NOTICES_ACKNOWLEDGE, NOTICES_OF_USER, NOTICES_SWEEP, NOTICES_UNREAD};
use crate::store::word;
use crate::{Caller, Credential, Platform, Result};

/// A notice is shown by sessions for so long after the change.
pub const SHOWN_SECONDS: i64 = 7 * 86_400;
/// And kept in the person's own list for so long.
pub const KEPT_SECONDS: i64 = 90 * 86_400;
/// Notices shown at once.
pub const MAXIMUM_SHOWN: i64 = 5;
/// Notices in the person's own list.
pub const MAXIMUM_LISTED: i64 = 50;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The person changed their password.
    PasswordChanged,
    /// An owner or admin made a link by which a new password can be chosen.
    PasswordResetBegun,
    /// A first password was chosen by a link, for an account that a directory added.
    FirstPassword,
    /// A new password was chosen by a link.
    PasswordReset,
    /// An owner or admin made a link by which the second factors can be replaced.
    FactorResetBegun,
    /// The second factors were replaced by a link.
    FactorsReplaced,
    /// An app or a passkey was added.
    FactorAdded,
    /// One was removed.
    FactorRemoved,
    /// New backup codes were made.
    CodesRenewed,
    /// The address or name that the person signs in with was changed.
    AddressChanged,
    /// An identity provider's account was connected with this one, or taken away.
    ProviderChanged,
    /// The account was locked: sessions, keys and links ended.
    Locked,
    /// The account was used in two far places at once.
    TwoPlaces,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::PasswordChanged,
        Self::FirstPassword,
        Self::PasswordResetBegun,
        Self::PasswordReset,
        Self::FactorResetBegun,
        Self::FactorsReplaced,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::CodesRenewed,
        Self::AddressChanged,
        Self::ProviderChanged,
        Self::Locked,
        Self::TwoPlaces,
    ];

    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::FirstPassword => "first_password",
            Self::PasswordResetBegun => "password_reset_begun",
            Self::PasswordReset => "password_reset",
            Self::FactorResetBegun => "factor_reset_begun",
            Self::FactorsReplaced => "factors_replaced",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::CodesRenewed => "codes_renewed",
            Self::AddressChanged => "address_changed",
            Self::ProviderChanged => "provider_changed",
            Self::Locked => "locked",
            Self::TwoPlaces => "two_places",
        }
    }

    /// The words for the person.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PasswordChanged => "Your password was changed",
            Self::FirstPassword => "A first password was chosen for your account by a link that an owner or admin made",
            Self::PasswordResetBegun => "An owner or admin made a link by which your password can be set anew",
            Self::PasswordReset => "Your password was set anew by a reset link",
            Self::FactorResetBegun => "An owner or admin made a link by which your second factors can be replaced",
            Self::FactorsReplaced => "Your second factors were replaced by a reset link",
            Self::FactorAdded => "A second factor was added to your account",
            Self::FactorRemoved => "A second factor was removed from your account",
            Self::CodesRenewed => "New backup codes were made for your account",
            Self::AddressChanged => "The name or e-mail address of your account was changed",
            Self::ProviderChanged => "The identity provider connected with your account was changed",
            Self::Locked => "Your account was locked; sessions, keys and links ended",
            Self::TwoPlaces => "Your account was used in two far places at once; Settings, Alerts says where",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A notice.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Its row.
    pub id: Uuid,
    /// What happened.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// From where, as far as it is known.
    pub address: Option<IpAddr>,
}

/// Writes a notice for a person within the transaction of the change that it tells of. `by` is who made the change: where it was
/// the person, the notice says from where.
pub async fn write(
    transaction: &mut Transaction,
    platform: &Platform,
    user: Uuid,
    kind: Kind,
    by: Option<&Caller>,
) -> Result<()> {
    let id = platform.identifiers.next();
    let own = by.filter(|caller| caller.user() == Some(user));
    // Where somebody else works from is not the person's to know.
    let address = own.and_then(Caller::address).map(|address| address.to_string()).unwrap_or_default();
    let keyring = platform.vault.installation_keyring();
    let fields = [
        ("id", id.into()),
        ("user_id", user.into()),
        ("kind", kind.as_str().into()),
        ("address", keyring.seal_text(Field::new(&ACCOUNT_NOTICE, "address", id), &address)?.into()),
        ("at", platform.now().into()),
    ];
    Ok(transaction.insert(&ACCOUNT_NOTICE, &fields).await?)
}

/// What the caller's session still has to acknowledge, newest first; nothing for programs and channels.
pub async fn unread(platform: &Platform, caller: &Caller) -> Result<Vec<Notice>> {
    let (Some(user), Credential::Session(session)) = (caller.user(), caller.credential()) else {
        return Ok(Vec::new());
    };
    let since = platform.now().plus_seconds(-SHOWN_SECONDS);
    let arguments = [user.into(), since.into(), session.into(), MAXIMUM_SHOWN.into()];
    let rows = platform.database.installation().query(&NOTICES_UNREAD, &arguments).await?;
    read_all(&rows, &platform.vault.installation_keyring())
}

/// Everything that the caller was told lately, newest first.
pub async fn list(platform: &Platform, caller: &Caller) -> Result<Vec<Notice>> {
    let Some(user) = caller.user() else { return Ok(Vec::new()) };
    let since = platform.now().plus_seconds(-KEPT_SECONDS);
    let arguments = [user.into(), since.into(), MAXIMUM_LISTED.into()];
    let rows = platform.database.installation().query(&NOTICES_OF_USER, &arguments).await?;
    read_all(&rows, &platform.vault.installation_keyring())
}

/// The person has read what this session shows. Their other sessions go on showing it.
pub async fn acknowledge(platform: &Platform, caller: &Caller) -> Result<()> {
    let (Some(user), Credential::Session(session)) = (caller.user(), caller.credential()) else { return Ok(()) };
    let mut change = caller.change(platform, "account_notice.acknowledge").await?;
    change.execute(&NOTICES_ACKNOWLEDGE, &[user.into(), session.into(), platform.now().into()]).await?;
    change.commit("session", Some(session), Vec::new()).await
}

/// Deletes what is older than [`KEPT_SECONDS`]. Called on a timer.
pub async fn sweep(platform: &Platform) -> Result<()> {
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&NOTICES_SWEEP, &[platform.now().plus_seconds(-KEPT_SECONDS).into()]).await?;
    Ok(transaction.commit().await?)
}

fn read_all(rows: &[Row], keyring: &Keyring) -> Result<Vec<Notice>> {
    let read = |row: &Row| -> Result<Notice> {
        let id = row.uuid("id")?;
        let address = keyring.open_text(Field::new(&ACCOUNT_NOTICE, "address", id), &row.bytes("address")?)?;
        Ok(Notice {
            id,
            kind: word(row, "kind", Kind::parse)?,
            at: row.timestamp("at")?,
            address: address.parse().ok(),
        })
    };
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn stored_words_come_back_and_each_kind_has_words() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
            assert!(kind.words().len() > 20, "{kind:?}");
        }
        assert_eq!(Kind::parse("telepathy"), None);
    }
}
