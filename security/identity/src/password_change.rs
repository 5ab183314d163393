//! A new password in place of the old one: not common, not guessed quickly, not one of the last ones.

use storage::Transaction;
use uuid::Uuid;
use vault::Field;
use zeroize::Zeroizing;

use crate::password::Weakness;
use crate::sign_in_policy::{self, MAXIMUM_HISTORY};
use crate::store::{
    FORMER_PASSWORD, FORMER_PASSWORDS, FORMER_PASSWORDS_PRUNE, PASSWORD_SET, SESSIONS_DELETE_ALL,
    SESSIONS_DELETE_OTHERS, USER_ACCOUNT,
};
use crate::{Caller, Credential, Error, Platform, Result, notice, password, sign_in, user};

/// A password that was judged and hashed, before the transaction that writes it begins.
pub struct Prepared {
    user: Uuid,
    former: Zeroizing<String>,
    hash: String,
}

/// Changes the caller's own password, which must be given. Every other browser of theirs is signed out.
pub async fn change_own(platform: &Platform, caller: &Caller, current: &str, new: &str) -> Result<()> {
    let (Some(user), Credential::Session(session)) = (caller.user(), caller.credential()) else {
        return Err(Error::invalid("current", "Only people have a password. Sign in with a browser."));
    };
    if !sign_in::is_own_password(platform, caller, current).await? {
        caller.note_refusal(platform, "password.change", "wrong password".to_owned()).await?;
        return Err(Error::invalid("current", "This is not your present password."));
    }
    let prepared = Prepared::new(platform, user, caller.organization_name(), new).await?;
    let mut change = caller.change(platform, "password.change").await?;
    prepared.write(platform, &mut change).await?;
    change.execute(&SESSIONS_DELETE_OTHERS, &[user.into(), session.into()]).await?;
    notice::write(&mut change, platform, user, notice::Kind::PasswordChanged, Some(caller)).await?;
    change.commit("user", Some(user), Vec::new()).await
}

/// Would this new password do? By length, pattern, the common ones, what is known of the person, and the imported set of breached
/// ones.
pub async fn judge(platform: &Platform, new: &str, minimum: usize, related: &[&str]) -> Result<()> {
    password::check_new(new, minimum, related)?;
    if platform.breached.holds(new).await? { Err(Weakness::Breached.into()) } else { Ok(()) }
}

impl Prepared {
    /// Judges a new password of this person by the strictest rules of the organizations they work in.
    pub async fn new(platform: &Platform, user: Uuid, organization_name: &str, new: &str) -> Result<Self> {
        let policy = sign_in_policy::of_user(platform, user).await?;
        let has_second_factor = sign_in::has_second_factor(platform, user).await?;
        let row = platform.database.installation().get(&USER_ACCOUNT, user).await?;
        let row = row.ok_or_else(|| Error::invalid("password", "There is no such account any more."))?;
        let keyring = platform.vault.installation_keyring();
        let open = |column: &'static str| -> Result<String> {
            Ok(keyring.open_text(Field::new(&USER_ACCOUNT, column, user), &row.bytes(column)?)?)
        };
        let (email, name, former) = (open("email")?, open("name")?, Zeroizing::new(open("password")?));
        judge(platform, new, policy.minimum_length(has_second_factor), &[&email, &name, organization_name]).await?;
        let mut hashes = vec![former.to_string()];
        let arguments = [user.into(), policy.password_history.into()];
        for row in platform.database.installation().query(&FORMER_PASSWORDS, &arguments).await? {
            let id = row.uuid("id")?;
            hashes.push(keyring.open_text(Field::new(&FORMER_PASSWORD, "password", id), &row.bytes("password")?)?);
        }
        for hash in hashes {
            if user::check_password(new, Some(hash)).await? {
                return Err(Weakness::Former.into());
            }
        }
        Ok(Self { user, former, hash: user::hash_password(new, platform.entropy.clone()).await? })
    }

    /// Writes it; the hash of the old one is kept, so that it does not come back.
    pub async fn write(&self, platform: &Platform, transaction: &mut Transaction) -> Result<()> {
        let (keyring, id, user) = (platform.vault.installation_keyring(), platform.identifiers.next(), self.user);
        let former = keyring.seal_text(Field::new(&FORMER_PASSWORD, "password", id), &self.former)?;
        let fields = [
            ("id", id.into()),
            ("user_id", user.into()),
            ("password", former.into()),
            ("replaced_at", platform.now().into()),
        ];
        transaction.insert(&FORMER_PASSWORD, &fields).await?;
        transaction.execute(&FORMER_PASSWORDS_PRUNE, &[user.into(), MAXIMUM_HISTORY.into()]).await?;
        let hash = keyring.seal_text(Field::new(&USER_ACCOUNT, "password", user), &self.hash)?;
        transaction.execute(&PASSWORD_SET, &[user.into(), hash.into()]).await?;
        Ok(())
    }

    /// Ends every session of the person, in the same transaction.
    pub async fn end_sessions(&self, transaction: &mut Transaction) -> Result<()> {
        transaction.execute(&SESSIONS_DELETE_ALL, &[self.user.into()]).await?;
        Ok(())
    }
}
