//! From the provider's door to a session here: where people are sent, what comes back, and whom it lets in.

use identity::external_identity::{self, NewPerson, Standing, Subject};
use identity::session::Device;
use identity::token::Secret;
use identity::user::{self, EmailAddress};
use identity::{Caller, Factor, MembershipState, Platform, Role, provider_session, sign_in};
use storage::Timestamp;
use url::Url;
use uuid::Uuid;

use super::claims::{Person, SKEW_SECONDS, challenge};
use super::client::{Known, Providers};
use super::refusal::Refusal;
use super::store::{self, Attempt, Begun, Purpose, Stored};
use super::{Addresses, MAXIMUM_AGE_SECONDS};
use crate::{Error, Result, second_factor};

/// Where the browser goes, and what it keeps meanwhile.
pub struct Departure {
    /// The provider's page.
    pub address: Url,
    /// For the cookie.
    pub browser: Secret,
}

/// What came back by way of the browser (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Clone, Default)]
pub struct Answer {
    /// What was sent along.
    pub state: String,
    /// What can be redeemed, if the provider says yes.
    pub code: Option<String>,
    /// Who answers.
    pub issuer: Option<String>,
    /// Whether the provider says no.
    pub is_error: bool,
}

/// Who comes back: the browser, and who is signed in in it.
pub struct Returning<'a> {
    /// What the cookie holds.
    pub browser: &'a str,
    /// Whoever is signed in.
    pub caller: Option<&'a Caller>,
    /// The browser as it presents itself.
    pub device: &'a Device,
}

/// What came of it.
pub enum Arrived {
    /// Signed in: the token of a new session, and the page to go to.
    In(Secret, String),
    /// Confirmed: the session's new token, and the page to go to.
    Confirmed(Secret, String),
    /// The account is connected.
    Connected,
}

/// Sends somebody to the provider of this organization.
pub async fn depart(
    platform: &Platform,
    providers: &Providers,
    stored: &Stored,
    addresses: &Addresses,
    (purpose, caller): (Purpose, Option<&Caller>),
    next: &str,
) -> Result<Departure> {
    if !stored.is_open() {
        return Err(Refusal::Off.into());
    }
    let known = providers.get(platform, &stored.settings.issuer).await?;
    let user = caller.and_then(Caller::user);
    let whom = (purpose, user);
    let begun = store::begin(platform, stored.organization, whom, &stored.settings.issuer, next).await?;
    let address = authorization_address(&known, stored, addresses, &begun);
    Ok(Departure { address, browser: begun.browser })
}

/// The provider's page with what it needs to know (OpenID Connect Core 1.0 section 3.1.2.1).
fn authorization_address(known: &Known, stored: &Stored, addresses: &Addresses, begun: &Begun) -> Url {
    let mut address = known.metadata.authorization_endpoint.clone();
    let age = MAXIMUM_AGE_SECONDS.to_string();
    let mut query = address.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &stored.settings.client_id)
        .append_pair("redirect_uri", &addresses.redirect)
        .append_pair("scope", "openid email profile")
        .append_pair("state", begun.state.reveal())
        .append_pair("nonce", &begun.attempt.nonce)
        .append_pair("code_challenge", &challenge(&begun.attempt.verifier))
        .append_pair("code_challenge_method", "S256");
    match begun.attempt.purpose {
        Purpose::Confirm => query.append_pair("prompt", "login").append_pair("max_age", "0"),
        Purpose::SignIn | Purpose::Connect => query.append_pair("max_age", &age),
    };
    drop(query);
    address
}

/// Takes what came back. Every refusal is written down where the organization reads it.
pub async fn arrive(
    platform: &Platform,
    providers: &Providers,
    stored: &Stored,
    addresses: &Addresses,
    answer: &Answer,
    returning: &Returning<'_>,
) -> Result<Arrived> {
    match try_arrive(platform, providers, stored, addresses, answer, returning).await {
        Err(Error::SingleSignOn(refusal)) => {
            tracing::info!(why = refusal.word(), "a single sign-on was refused");
            store::note_refusal(platform, stored.organization, refusal.word(), returning.device).await;
            Err(refusal.into())
        }
        other => other,
    }
}

async fn try_arrive(
    platform: &Platform,
    providers: &Providers,
    stored: &Stored,
    addresses: &Addresses,
    answer: &Answer,
    returning: &Returning<'_>,
) -> Result<Arrived> {
    let attempt = store::take(platform, stored.organization, &answer.state, returning.browser).await?;
    let attempt = attempt.ok_or(Refusal::Stale)?;
    let issuer = stored.settings.issuer.as_str();
    if !stored.is_open() || attempt.issuer != issuer {
        return Err(Refusal::Off.into());
    }
    let known = providers.get(platform, issuer).await?;
    match &answer.issuer {
        Some(named) if named != issuer => return Err(Refusal::OtherProvider.into()),
        None if known.metadata.authorization_response_iss_parameter_supported => {
            return Err(Refusal::OtherProvider.into());
        }
        _ => {}
    }
    let code = answer.code.as_deref().filter(|_| !answer.is_error).ok_or(Refusal::Denied)?;
    let person = providers.redeem(platform, stored, &attempt, code, &addresses.redirect).await?;
    match attempt.purpose {
        Purpose::SignIn => admit(platform, stored, &attempt, &person, returning.device).await,
        Purpose::Confirm => confirm(platform, stored, &attempt, &person, returning.caller).await,
        Purpose::Connect => connect(platform, stored, &attempt, &person, returning.caller).await,
    }
}

/// What the provider's word is worth: two factors only where an Owner has said which of its words mean that, else one.
fn factor(stored: &Stored, person: &Person) -> Factor {
    let is_two = person.ways.iter().any(|way| stored.settings.two_factor_words.contains(way));
    if is_two { Factor::SingleSignOnTwoFactors } else { Factor::SingleSignOn }
}

async fn admit(
    platform: &Platform,
    stored: &Stored,
    attempt: &Attempt,
    person: &Person,
    device: &Device,
) -> Result<Arrived> {
    let oldest = platform.now().plus_seconds(-MAXIMUM_AGE_SECONDS - SKEW_SECONDS);
    if person.asked_at.is_some_and(|asked| asked < oldest) {
        return Err(Refusal::TooLongAgo.into());
    }
    let (organization, issuer) = (stored.organization, stored.settings.issuer.as_str());
    let subject = Subject { issuer, subject: &person.subject };
    let user = match external_identity::find(platform, organization, subject).await? {
        Some(user) => user,
        None => find_or_make(platform, stored, person, subject, device).await?,
    };
    let token = sign_in::admit(platform, user, Some(organization), &[factor(stored, person)], device).await?;
    let token = token.ok_or(Refusal::NotLetIn)?;
    external_identity::note_use(platform, organization, subject).await?;
    if let Some(session) = &person.session {
        provider_session::name(platform, organization, &token, issuer, session).await?;
    }
    Ok(Arrived::In(token, attempt.next.clone()))
}

/// The account of somebody who comes for the first time: found by an address that the provider has verified, within the
/// organization's domains, and only where nobody else's organization or ownership would be given away with it.
async fn find_or_make(
    platform: &Platform,
    stored: &Stored,
    person: &Person,
    subject: Subject<'_>,
    device: &Device,
) -> Result<Uuid> {
    let email = person.email.as_deref().filter(|_| person.email_is_verified);
    let email = email.and_then(|email| EmailAddress::parse(email).ok()).ok_or(Refusal::AddressUnverified)?;
    if !stored.settings.covers(email.as_str()) {
        return Err(Refusal::OtherDomain.into());
    }
    let organization = stored.organization;
    match external_identity::standing(platform, organization, &email).await? {
        Standing::Member { state: MembershipState::Suspended | MembershipState::Left, .. } => {
            Err(Refusal::NotLetIn.into())
        }
        Standing::Member { user, role, state: MembershipState::Active, elsewhere: false } if role != Role::Owner => {
            external_identity::join(platform, organization, user, subject, device.address).await?;
            Ok(user)
        }
        Standing::Member { .. } | Standing::Elsewhere => Err(Refusal::ConnectFirst.into()),
        Standing::Nobody => {
            let role = stored.settings.new_member_role.ok_or(Refusal::NotInvited)?;
            let name = name_of(person, &email);
            let newcomer = NewPerson { email: &email, name: &name, role };
            let arrived = external_identity::arrive(platform, organization, newcomer, subject, device.address).await;
            match arrived {
                // Somebody else took the address a moment ago.
                Err(identity::Error::EmailTaken | identity::Error::Conflict(_)) => Err(Refusal::ConnectFirst.into()),
                arrived => Ok(arrived?),
            }
        }
    }
}

/// The name that the provider gives, if it can be one, else the part of the address that people choose.
fn name_of(person: &Person, email: &EmailAddress) -> String {
    let given = person.name.as_deref().and_then(|name| user::name("name", name).ok());
    given.unwrap_or_else(|| {
        let local = email.as_str().split('@').next().unwrap_or_default();
        local.chars().take(user::MAXIMUM_NAME_LENGTH).collect()
    })
}

/// Whoever is signed in shows again who they are: the same person, asked anew.
async fn confirm(
    platform: &Platform,
    stored: &Stored,
    attempt: &Attempt,
    person: &Person,
    caller: Option<&Caller>,
) -> Result<Arrived> {
    let caller = same_caller(stored, attempt, caller)?;
    may_confirm(caller)?;
    let subject = Subject { issuer: &stored.settings.issuer, subject: &person.subject };
    if external_identity::find(platform, stored.organization, subject).await? != caller.user() {
        return Err(Refusal::SomebodyElse.into());
    }
    if !person.asked_at.is_some_and(|asked| is_anew(asked, attempt.begun_at)) {
        return Err(Refusal::NotAskedAnew.into());
    }
    let factor = factor(stored, person);
    if factor == Factor::SingleSignOn && caller.signed_in().is_some_and(|signed_in| signed_in.has_second_factor) {
        return Err(Error::NotNow("Confirm with your app, a backup code or a passkey."));
    }
    let change = caller.change(platform, "session.strengthen").await?;
    let token = second_factor::strengthen(platform, change, factor).await?;
    Ok(Arrived::Confirmed(token, attempt.next.clone()))
}

/// Whose session began at the provider may confirm there, too; nobody else's grows by it.
pub fn may_confirm(caller: &Caller) -> Result<()> {
    let factors = caller.signed_in().map_or(&[][..], |signed_in| &signed_in.factors);
    if factors.first().is_some_and(|first| first.is_of_provider()) {
        return Ok(());
    }
    Err(Error::NotNow("You did not sign in by your provider: confirm another way."))
}

/// A session that rests on the word of one organization's provider alone does not change what signs the account in
/// elsewhere: another organization's owner would have to trust that provider.
pub async fn must_not_rest_on_provider(platform: &Platform, caller: &Caller) -> Result<()> {
    let (Some(signed_in), Some(user)) = (caller.signed_in(), caller.user()) else { return Ok(()) };
    let rests = signed_in.factors.iter().all(|factor| factor.is_of_provider());
    if rests && external_identity::works_elsewhere(platform, caller.organization(), user).await? {
        return Err(Error::NotNow(
            "You signed in by your organization's provider, and this account belongs to other organizations, too. Sign in \
             with your password or a passkey to change what it signs in with.",
        ));
    }
    Ok(())
}

/// Was it asked after this began? Providers' clocks are in whole seconds and may be wrong a little.
fn is_anew(asked: Timestamp, begun_at: Timestamp) -> bool {
    asked.plus_seconds(SKEW_SECONDS) >= begun_at
}

/// Whoever is signed in says who they are at the provider.
async fn connect(
    platform: &Platform,
    stored: &Stored,
    attempt: &Attempt,
    person: &Person,
    caller: Option<&Caller>,
) -> Result<Arrived> {
    let caller = same_caller(stored, attempt, caller)?;
    let subject = Subject { issuer: &stored.settings.issuer, subject: &person.subject };
    match external_identity::find(platform, stored.organization, subject).await? {
        Some(user) if Some(user) == caller.user() => return Ok(Arrived::Connected),
        Some(_) => return Err(Refusal::SomebodyElse.into()),
        None => external_identity::join_own(platform, caller, subject).await?,
    }
    Ok(Arrived::Connected)
}

/// The one who began this is still the one who is signed in.
fn same_caller<'a>(stored: &Stored, attempt: &Attempt, caller: Option<&'a Caller>) -> Result<&'a Caller> {
    let is_same = |caller: &&Caller| {
        caller.organization() == stored.organization
            && caller.user().is_some()
            && caller.user() == attempt.user
            && caller.outstanding().is_none()
    };
    Ok(caller.filter(is_same).ok_or(Refusal::Stale)?)
}
