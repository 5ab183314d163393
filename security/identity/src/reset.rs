//! A forgotten password and a lost second factor: an owner or admin vouches for the person and makes a link that works once.
//!
//! The link opens less than a sign-in: **a link for the password asks for the second factor and then for a new password; a link for
//! the second factor asks for the password and then for a new factor**. So whoever made the link holds half of what is needed, and
//! never learns or sets a password. The old factors hold until the new one is confirmed, and end with it. The person's sessions
//! end when the link is made and again when it was used, notices tell them of both, and the log has who vouched and how.
//!
//! An account that also works in another organization is nobody's alone: no single one of them takes away what protects all.

use uuid::Uuid;

use crate::assurance::{self, Factor, Outstanding};
use crate::member::joining::{works_elsewhere, works_only_here};
use crate::member::standing::Target;
use crate::notice::{self, Kind};
use crate::one_time::{self, Purpose};
use crate::password_change::Prepared;
use crate::session::{self, Device};
use crate::store::people::{
    RESETS_WITHDRAW, SESSIONS_DELETE_OF_MEMBER, SESSIONS_DELETE_OF_RESETS, SESSIONS_DELETE_OF_VOUCHED,
};
use crate::store::{SECOND_FACTORS_COUNT, TOKENS_WITHDRAW_OF_USER};
use crate::token::Secret;
use crate::{Caller, Change, Error, MembershipState, Platform, Result, sign_in};

/// Fewest characters that say how the person was known.
pub const MINIMUM_VOUCHED_LENGTH: usize = 10;
/// Most of them.
pub const MAXIMUM_VOUCHED_LENGTH: usize = 500;

const NOT_FROM_HERE: Error =
    Error::Conflict("this account cannot be reset from here: whoever runs this server can make a sign-in link for it");

/// What is set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The password; the second factor is asked for.
    Password,
    /// The second factors; the password is asked for.
    SecondFactor,
}

impl What {
    /// What the link is for.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Password => Purpose::PasswordReset,
            Self::SecondFactor => Purpose::FactorReset,
        }
    }

    /// The word in the API and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
        }
    }

    const fn begun(self) -> Kind {
        match self {
            Self::Password => Kind::PasswordResetBegun,
            Self::SecondFactor => Kind::FactorResetBegun,
        }
    }
}

/// Makes the link for a member, whom the caller has made sure of as `vouched` says. Links of the same kind from before are
/// withdrawn, and the person is signed out of this organization.
pub async fn begin(
    platform: &Platform,
    caller: &Caller,
    membership: Uuid,
    what: What,
    vouched: &str,
) -> Result<Secret> {
    let own = caller.user().ok_or(Error::Conflict("a program cannot vouch for a person: sign in with a browser"))?;
    let vouched = vouched.trim();
    let length = vouched.chars().count();
    if !(MINIMUM_VOUCHED_LENGTH..=MAXIMUM_VOUCHED_LENGTH).contains(&length) || vouched.chars().any(char::is_control) {
        let reason = format!(
            "Say in {MINIMUM_VOUCHED_LENGTH} to {MAXIMUM_VOUCHED_LENGTH} characters how you made sure that it is them."
        );
        return Err(Error::invalid("vouched", reason));
    }
    let mut change = caller.change(platform, "member.reset").await?;
    let target = Target::of(&mut change, caller, membership).await?;
    target.may_be_changed_by(caller)?;
    if target.user == own {
        return Err(Error::Conflict("this is you: change it under Your sign-in"));
    }
    if target.state != MembershipState::Active {
        return Err(Error::Conflict("only somebody who works here can be helped back in"));
    }
    may_be_reset(&mut change, target.user, what).await?;
    let organization = caller.organization();
    change.execute(&TOKENS_WITHDRAW_OF_USER, &[target.user.into(), what.purpose().as_str().into()]).await?;
    let token = one_time::insert(&mut change, platform, what.purpose(), Some((organization, target.user)), Some(own));
    let token = token.await?;
    let ended = change.execute(&SESSIONS_DELETE_OF_MEMBER, &[organization.into(), target.user.into()]).await?;
    notice::write(&mut change, platform, target.user, what.begun(), Some(caller)).await?;
    let facts = vec![("what", what.as_str().to_owned()), ("sessions", ended.to_string())];
    let personal = vec![("vouched", vouched.to_owned())];
    change.commit_with_personal("membership", Some(membership), facts, personal).await?;
    Ok(token)
}

/// What protects other organizations as well is not taken away from here. The words do not say that there are others.
async fn may_be_reset(change: &mut Change, user: Uuid, what: What) -> Result<()> {
    let rows = change.query(&SECOND_FACTORS_COUNT, &[user.into()]).await?;
    let has_second_factor = rows.first().map_or(Ok(0), |row| row.integer("factors"))? > 0;
    match what {
        What::SecondFactor if !has_second_factor => {
            Err(Error::Conflict("this person has no second factor that could be lost"))
        }
        What::Password if has_second_factor => Ok(()),
        _ if works_only_here(change, user).await? => Ok(()),
        _ => Err(NOT_FROM_HERE),
    }
}

/// Opens a session for whoever holds a link for the password. It reaches the page of the second factor, where there is one, and
/// then the page where a new password is chosen, and nothing else.
pub async fn enter_for_password(platform: &Platform, presented: &str, device: &Device) -> Result<Secret> {
    sign_in::with_token(platform, Purpose::PasswordReset, presented, &[Factor::PasswordReset], device).await
}

/// Opens a session for whoever holds a link for the second factor and knows the password. It reaches the pages where a new
/// factor is set up, and nothing else.
pub async fn enter_for_factor(platform: &Platform, presented: &str, password: &str, device: &Device) -> Result<Secret> {
    let (organization, user) =
        one_time::subject_of(platform, Purpose::FactorReset, presented).await?.ok_or(Error::TokenRefused)?;
    if !sign_in::is_password_of(platform, user, password).await? {
        sign_in::refuse(platform, Some(organization), Some(user), device).await?;
        return Err(Error::invalid("password", "This is not your password."));
    }
    // They may have begun to work elsewhere since the link was made.
    if works_elsewhere(platform, organization, user).await? {
        sign_in::refuse(platform, Some(organization), Some(user), device).await?;
        return Err(Error::TokenRefused);
    }
    let factors = [Factor::Password, Factor::FactorReset];
    sign_in::with_token(platform, Purpose::FactorReset, presented, &factors, device).await
}

/// Ends the links by which this person was vouched for or vouches, and what they have let in, within a change of what the
/// person is: nobody vouches for somebody whom they could not make what they are.
pub(crate) async fn withdraw(change: &mut Change, user: Uuid) -> Result<()> {
    let arguments = [change.caller().organization().into(), user.into()];
    change.execute(&SESSIONS_DELETE_OF_RESETS, &arguments).await?;
    change.execute(&SESSIONS_DELETE_OF_VOUCHED, &arguments).await?;
    change.execute(&RESETS_WITHDRAW, &arguments).await?;
    Ok(())
}

/// The new password of somebody who came by a link, and showed the second factor if there is one. Every session ends; a new one
/// is opened with what was shown.
pub async fn choose_password(platform: &Platform, caller: &Caller, new: &str, device: &Device) -> Result<Secret> {
    let outstanding = Error::Conflict("there is no password to be chosen here: ask for a new link");
    let (Some(user), Some(signed_in)) = (caller.user(), caller.signed_in()) else { return Err(outstanding) };
    if signed_in.outstanding != Some(Outstanding::NewPassword) {
        return Err(outstanding);
    }
    let mut factors = vec![Factor::Password];
    factors.extend(signed_in.factors.iter().copied().filter(|factor| *factor != Factor::PasswordReset));
    let prepared = Prepared::new(platform, user, caller.organization_name(), new).await?;
    let mut change = caller.change(platform, "password.reset").await?;
    // They may have begun to work elsewhere, or given up their second factor, since the link was made.
    if !factors.iter().any(|factor| factor.is_second()) && !works_only_here(&mut change, user).await? {
        return Err(NOT_FROM_HERE);
    }
    prepared.write(platform, &mut change).await?;
    prepared.end_sessions(&mut change).await?;
    let token = session::open(&mut change, platform, caller.organization(), user, device, &factors).await?;
    notice::write(&mut change, platform, user, Kind::PasswordReset, Some(caller)).await?;
    change.commit("user", Some(user), vec![("by", assurance::to_text(&factors))]).await?;
    Ok(token)
}
