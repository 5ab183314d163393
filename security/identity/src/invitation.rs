//! How somebody becomes a member: by a link that works once, handed over by whoever invites. No mail is sent.
//!
//! The link carries a role, the smallest unless another is chosen, and never more than its maker holds, neither when it is
//! made nor when it is used. It dies with its maker's membership. Whoever holds it chooses name, address and password, or
//! gives the password of the account that they have already; then they sign in like everybody else.
//!
//! A link can also be for one account ([`create_for`]): a member whom a directory added and who has no password. Its holder
//! gives the address of that account and chooses the password. What counts then is what the member is by now: such a link ends
//! when their role changes, and with a maker who may not grant that role.

use std::net::IpAddr;

use audit::{Actor, ActorKind, Entry, Outcome};
use storage::{OrganizationId, Row, Timestamp, Transaction};
use uuid::Uuid;
use vault::Field;
use zeroize::Zeroizing;

use crate::member::joining::{is_elsewhere, works_elsewhere};
use crate::notice::{self, Kind};
use crate::password_change::judge;
use crate::store::people::{
    INVITATION, INVITATION_BY_HASH, INVITATION_REVOKE, INVITATION_USE, INVITATIONS_COUNT, INVITATIONS_OPEN,
    INVITATIONS_REVOKE_FOR, MEMBERSHIP_OF_USER, MEMBERSHIPS_ELSEWHERE,
};
use crate::store::{self, MEMBERSHIP, ORGANIZATION_LOCK, PASSWORD_SET, USER_ACCOUNT, USER_BY_EMAIL};
use crate::token::{self, Secret};
use crate::user::{self, EmailAddress};
use crate::{Caller, Error, MembershipState, Platform, Result, Role, api_key, change, member, password};

/// How long a link lives.
pub const LIFE_SECONDS: i64 = 7 * 86_400;
/// Links of one organization that can be open at a time.
pub const MAXIMUM_OPEN: i64 = 50;
/// The role unless another is chosen: figures only.
pub const DEFAULT_ROLE: Role = Role::Viewer;
/// The page that takes the link; the token stands in the fragment, which browsers send to no server.
pub const PATH: &str = "/invitation";

/// An invitation that nobody has used yet.
#[derive(Clone)]
pub struct Invitation {
    /// Its row.
    pub id: Uuid,
    /// What the person will be.
    pub role: Role,
    /// For whom, in the words of whoever invites.
    pub note: String,
    /// Who invites; none when the machine's own command line does.
    pub created_by: Option<Uuid>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

storage::debug_shows!(struct Invitation { id, role, created_by, expires_at });

/// What the holder of a link fills in.
pub struct Acceptance<'a> {
    /// The token of the link.
    pub token: &'a str,
    /// Their name; not needed by somebody who has an account.
    pub name: &'a str,
    /// Their e-mail address.
    pub email: &'a str,
    /// The password of a new account, or of the one that has this address.
    pub password: &'a str,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// The address to hand over, given the server's own (`https://desk.example`).
pub fn address(base: &str, token: &Secret) -> String {
    format!("{}{PATH}#{}", base.trim_end_matches('/'), token.reveal())
}

/// Makes a link. Its token is returned this once.
pub async fn create(platform: &Platform, caller: &Caller, role: Role, note: &str) -> Result<(Invitation, Secret)> {
    make(platform, caller, role, note, None).await
}

/// Makes a link for a member whom a directory added, with which they choose their first password. Links for the same
/// person from before end.
pub async fn create_for(platform: &Platform, caller: &Caller, membership: Uuid) -> Result<(Invitation, Secret)> {
    let member = member::get(platform, caller, membership).await?.ok_or(Error::NotFound)?;
    if member.state != MembershipState::Active {
        return Err(Error::Conflict("this person is stopped or has left: no link lets them in"));
    }
    if has_password(platform, member.user).await? {
        return Err(Error::Conflict("this person has a password already and can sign in"));
    }
    if works_elsewhere(platform, caller.organization(), member.user).await? {
        return Err(Error::Conflict("this account is not the organization's alone: its person signs in another way"));
    }
    make(platform, caller, member.role, &member.name, Some(member.user)).await
}

async fn has_password(platform: &Platform, user: Uuid) -> Result<bool> {
    let row = platform.database.installation().get(&USER_ACCOUNT, user).await?.ok_or(Error::NotFound)?;
    let field = Field::new(&USER_ACCOUNT, "password", user);
    let stored = Zeroizing::new(platform.vault.installation_keyring().open_text(field, &row.bytes("password")?)?);
    Ok(!stored.is_empty())
}

async fn make(
    platform: &Platform,
    caller: &Caller,
    role: Role,
    note: &str,
    for_user: Option<Uuid>,
) -> Result<(Invitation, Secret)> {
    let note = user::name("note", note)?;
    if caller.role().is_some_and(|own| !own.may_grant(role)) {
        return Err(Error::BeyondOwnRole);
    }
    let (id, now) = (platform.identifiers.next(), platform.now());
    let token = Secret::generate(platform.entropy.as_ref());
    let created_by = api_key::owner(platform, caller).await?;
    let invitation =
        Invitation { id, role, note, created_by, created_at: now, expires_at: now.plus_seconds(LIFE_SECONDS) };
    let keyring = platform.vault.installation_keyring();
    let mut change = caller.change(platform, "invitation.create").await?;
    if let Some(user) = for_user {
        change.execute(&INVITATIONS_REVOKE_FOR, &[caller.organization().into(), user.into(), now.into()]).await?;
    }
    let counted = change.query(&INVITATIONS_COUNT, &[caller.organization().into(), now.into()]).await?;
    if counted.first().map_or(Ok(0), |row| row.integer("invitations"))? >= MAXIMUM_OPEN {
        return Err(Error::Conflict("there are 50 open invitations already: withdraw some first"));
    }
    let fields = [
        ("id", id.into()),
        ("organization_id", caller.organization().into()),
        ("token_hash", token.hash().into()),
        ("role", role.as_str().into()),
        ("for_user_id", for_user.into()),
        ("note", keyring.seal_text(Field::new(&INVITATION, "note", id), &invitation.note)?.into()),
        ("created_by", created_by.into()),
        ("created_at", now.into()),
        ("expires_at", invitation.expires_at.into()),
    ];
    change.insert(&INVITATION, &fields).await?;
    change.commit("invitation", Some(id), vec![("role", role.as_str().to_owned())]).await?;
    Ok((invitation, token))
}

/// The open invitations by age, from after the given one; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<Invitation>> {
    let after = after.unwrap_or(Uuid::nil());
    let arguments = [caller.organization().into(), platform.now().into(), after.into(), limit.into()];
    let rows = platform.database.installation().query(&INVITATIONS_OPEN, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    let read = |row: &Row| {
        let id = row.uuid("id")?;
        Ok(Invitation {
            id,
            role: store::word(row, "role", Role::parse)?,
            note: keyring.open_text(Field::new(&INVITATION, "note", id), &row.bytes("note")?)?,
            created_by: row.optional_uuid("created_by")?,
            created_at: row.timestamp("created_at")?,
            expires_at: row.timestamp("expires_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Withdraws an open invitation.
pub async fn revoke(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let mut change = caller.change(platform, "invitation.revoke").await?;
    let arguments = [caller.organization().into(), id.into(), platform.now().into()];
    if change.execute(&INVITATION_REVOKE, &arguments).await? == 0 {
        return Err(Error::NotFound);
    }
    change.commit("invitation", Some(id), Vec::new()).await
}

/// Makes the holder of the link a member; the user and the organization. They are not signed in by it: that takes what the
/// organization asks of everybody who signs in.
pub async fn accept(platform: &Platform, acceptance: &Acceptance<'_>) -> Result<(OrganizationId, Uuid)> {
    let hash = token::hash(acceptance.token.trim());
    let rows =
        platform.database.installation().query(&INVITATION_BY_HASH, &[hash.into(), platform.now().into()]).await?;
    let offer = Offer::read(rows.first().ok_or(Error::TokenRefused)?)?;
    let person = Person::of(platform, acceptance, &offer).await?;
    let mut transaction = platform.database.organization(offer.organization).begin().await?;
    // Hashing a password takes a while: what the link is worth is read again where nobody changes memberships meanwhile.
    transaction.query(&ORGANIZATION_LOCK, &[offer.organization.into()]).await?;
    let rows = transaction.query(&INVITATION_BY_HASH, &[hash.into(), platform.now().into()]).await?;
    let offer = Offer::read(rows.first().ok_or(Error::TokenRefused)?)?;
    let arguments = [hash.into(), platform.now().into(), person.user.into()];
    if transaction.execute(&INVITATION_USE, &arguments).await? != 1 {
        return Err(Error::TokenRefused);
    }
    let membership = match &person.brings {
        Brings::FirstPassword(hash) => settle(&mut transaction, platform, &offer, person.user, hash).await?,
        Brings::NewAccount(name, email, hash) => {
            user::insert(&mut transaction, platform, person.user, (email, name), hash).await?;
            join(&mut transaction, platform, &offer, person.user).await?
        }
        Brings::OwnAccount => join(&mut transaction, platform, &offer, person.user).await?,
    };
    let entry = Entry {
        actor: Actor { kind: ActorKind::User, id: Some(person.user), address: acceptance.address },
        action: "member.join",
        object_kind: "membership",
        object_id: Some(membership),
        outcome: Outcome::Done,
        facts: vec![("role", offer.role.as_str().to_owned()), ("invitation", offer.id.to_string())],
        personal: Vec::new(),
    };
    change::append(&mut transaction, platform, &entry).await?;
    transaction.commit().await?;
    Ok((offer.organization, person.user))
}

/// What a good link offers.
struct Offer {
    id: Uuid,
    organization: OrganizationId,
    organization_name: String,
    role: Role,
    /// What its maker is; none when the machine's own command line made it.
    maker: Option<Role>,
    for_user: Option<Uuid>,
}

impl Offer {
    /// Refused when its maker may not make it any more.
    fn read(row: &Row) -> Result<Self> {
        let role = store::word(row, "role", Role::parse)?;
        if row.text("organization_state")? != "active" {
            return Err(Error::TokenRefused);
        }
        let mut maker = None;
        if row.optional_uuid("created_by")?.is_some() {
            let state = row.optional_text("maker_state")?.as_deref().and_then(MembershipState::parse);
            let present = row.optional_text("maker_role")?.as_deref().and_then(Role::parse);
            if state != Some(MembershipState::Active) || present.is_none() {
                return Err(Error::TokenRefused);
            }
            maker = present;
        }
        if maker.is_some_and(|maker| !maker.may_grant(role)) {
            return Err(Error::TokenRefused);
        }
        Ok(Self {
            id: row.uuid("id")?,
            organization: OrganizationId(row.uuid("organization_id")?),
            organization_name: row.text("organization_name")?,
            role,
            maker,
            for_user: row.optional_uuid("for_user_id")?,
        })
    }
}

/// Who accepts.
struct Person {
    user: Uuid,
    brings: Brings,
}

/// What they bring along.
enum Brings {
    /// An account that is there, whose password was right.
    OwnAccount,
    /// Name, address and password hash of an account to be made.
    NewAccount(String, EmailAddress, String),
    /// The hash of the first password of the account that the link is for.
    FirstPassword(String),
}

impl Person {
    async fn of(platform: &Platform, acceptance: &Acceptance<'_>, offer: &Offer) -> Result<Self> {
        let email = EmailAddress::parse(acceptance.email)?;
        let keyring = platform.vault.installation_keyring();
        let index = user::email_index(&keyring, &email)?;
        let rows = platform.database.installation().query(&USER_BY_EMAIL, &[index.into()]).await?;
        let known = rows.first().map(|row| row.uuid("id")).transpose()?;
        if let Some(user) = offer.for_user {
            return Self::of_directory(platform, acceptance, offer, user, known).await;
        }
        if let Some(row) = rows.first() {
            let user = row.uuid("id")?;
            let stored = keyring.open_text(Field::new(&USER_ACCOUNT, "password", user), &row.bytes("password")?)?;
            if !user::check_password(acceptance.password, Some(stored)).await? {
                let reason = "This address has an account here already: give that account's password.";
                return Err(Error::invalid("password", reason));
            }
            return Ok(Self { user, brings: Brings::OwnAccount });
        }
        let name = user::name("name", acceptance.name)?;
        let related = [email.as_str(), &name, &offer.organization_name];
        judge(platform, acceptance.password, password::MINIMUM_LENGTH_ALONE, &related).await?;
        let hash = user::hash_password(acceptance.password, platform.entropy.clone()).await?;
        Ok(Self { user: platform.identifiers.next(), brings: Brings::NewAccount(name, email, hash) })
    }

    /// The person whom a directory added: the address must be theirs, and the account without a password so far.
    async fn of_directory(
        platform: &Platform,
        acceptance: &Acceptance<'_>,
        offer: &Offer,
        user: Uuid,
        known: Option<Uuid>,
    ) -> Result<Self> {
        if known != Some(user) {
            return Err(Error::invalid("email", "This link is for another address: the one of your work account."));
        }
        if has_password(platform, user).await? {
            return Err(Error::Conflict("you have a password already: sign in"));
        }
        let row = platform.database.installation().get(&USER_ACCOUNT, user).await?.ok_or(Error::TokenRefused)?;
        let keyring = platform.vault.installation_keyring();
        let name = keyring.open_text(Field::new(&USER_ACCOUNT, "name", user), &row.bytes("name")?)?;
        let related = [acceptance.email, &name, &offer.organization_name];
        judge(platform, acceptance.password, password::MINIMUM_LENGTH_ALONE, &related).await?;
        let hash = user::hash_password(acceptance.password, platform.entropy.clone()).await?;
        Ok(Self { user, brings: Brings::FirstPassword(hash) })
    }
}

/// Gives the account that the link is for its first password. Whoever was stopped meanwhile does not come in by a link, and
/// nobody chooses the password of somebody who has become more than they could make them.
async fn settle(
    transaction: &mut Transaction,
    platform: &Platform,
    offer: &Offer,
    user: Uuid,
    hash: &str,
) -> Result<Uuid> {
    let rows = transaction.query(&MEMBERSHIP_OF_USER, &[offer.organization.into(), user.into()]).await?;
    let row = rows.first().ok_or(Error::TokenRefused)?;
    if store::word(row, "state", MembershipState::parse)? != MembershipState::Active {
        return Err(Error::TokenRefused);
    }
    let present = store::word(row, "role", Role::parse)?;
    if offer.maker.is_some_and(|maker| !maker.may_grant(present)) {
        return Err(Error::TokenRefused);
    }
    if is_elsewhere(&transaction.query(&MEMBERSHIPS_ELSEWHERE, &[user.into(), offer.organization.into()]).await?)? {
        return Err(Error::TokenRefused);
    }
    let keyring = platform.vault.installation_keyring();
    let sealed = keyring.seal_text(Field::new(&USER_ACCOUNT, "password", user), hash)?;
    transaction.execute(&PASSWORD_SET, &[user.into(), sealed.into()]).await?;
    notice::write(transaction, platform, user, Kind::FirstPassword, None).await?;
    Ok(row.uuid("id")?)
}

/// Writes the membership: a new one, or that of somebody who had left. A suspension is not lifted by a link.
async fn join(transaction: &mut Transaction, platform: &Platform, offer: &Offer, user: Uuid) -> Result<Uuid> {
    let rows = transaction.query(&MEMBERSHIP_OF_USER, &[offer.organization.into(), user.into()]).await?;
    let now = platform.now();
    let (role, active) = (offer.role.as_str(), MembershipState::Active.as_str());
    if let Some(row) = rows.first() {
        let id = row.uuid("id")?;
        return match store::word(row, "state", MembershipState::parse)? {
            MembershipState::Active => Err(Error::Conflict("you are a member already: sign in")),
            MembershipState::Suspended => Err(Error::TokenRefused),
            MembershipState::Left | MembershipState::Invited => {
                let fields = [("role", role.into()), ("state", active.into()), ("created_at", now.into())];
                transaction.update(&MEMBERSHIP, id, &fields).await?;
                Ok(id)
            }
        };
    }
    let id = platform.identifiers.next();
    let fields = [
        ("id", id.into()),
        ("organization_id", offer.organization.into()),
        ("user_id", user.into()),
        ("role", role.into()),
        ("state", active.into()),
        ("created_at", now.into()),
    ];
    transaction.insert(&MEMBERSHIP, &fields).await?;
    Ok(id)
}
