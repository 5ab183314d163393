//! People and roles as they are stored, for the directory: read within one organization, changed under the lock that every
//! change of memberships takes.

use http::Method;
use identity::member::joining::{self, Joined, MAXIMUM_MEMBERS, Newcomer};
use identity::member::{leaving, standing};
use identity::user::EmailAddress;
use identity::{
    Caller, Change, Error, MembershipState, PROVISIONED_USER, Platform, Role, USER_ACCOUNT, invitation, notice,
};
use storage::{OrganizationDb, Row, Statement, Value};
use uuid::Uuid;
use vault::{Field, Keyring};
use zeroize::Zeroizing;

use super::answer;
use super::attribute::{Object, Schema};
use super::filter::Filter;
use super::group::{self, Moves};
use super::patch::Patch;
use super::refusal::{Refusal, Result};
use super::user::{Profile, User, Wanted};

const fn statement(label: &'static str, sql: &'static str) -> Statement {
    Statement::organization(label, sql)
}

macro_rules! users {
    ($label:literal, $rest:literal) => {
        statement(
            $label,
            concat!(
                "select m.id, m.user_id, m.role, m.state, m.created_at, u.email, u.name, u.password, p.profile, \
                 p.is_own_account, p.changed_at from membership m join user_account u on u.id = m.user_id \
                 left join provisioned_user p on p.organization_id = $1 and p.id = m.id \
                 where m.organization_id = $1 and m.state <> 'left' ",
                $rest
            ),
        )
    };
}

const USERS: Statement = users!("sign_in.provisioning_users", "order by m.id limit $2 offset $3");
const USER_BY_ID: Statement = users!("sign_in.provisioning_user", "and m.id = $2");
const USER_BY_EMAIL: Statement = users!("sign_in.provisioning_user_by_email", "and u.email_index = $2");
const USERS_BY_EXTERNAL: Statement =
    users!("sign_in.provisioning_users_by_external", "and p.external_index = $2 order by m.id limit $3");
const USERS_OF_ROLE: Statement = users!("sign_in.provisioning_users_of_role", "and m.role = $2 order by m.id limit $3");
/// Those whose account the directory made, the newest first.
const USERS_MADE: Statement =
    users!("sign_in.provisioning_users_made", "and p.is_own_account order by m.created_at desc, m.id desc limit $2");
const USERS_COUNT: Statement = statement(
    "sign_in.provisioning_users_count",
    "select count(*) as users from membership m where m.organization_id = $1 and m.state <> 'left'",
);
const PROFILE_KEEP: Statement = statement(
    "sign_in.provisioning_profile_keep",
    "insert into provisioned_user \
     (organization_id, id, user_id, profile, external_index, is_own_account, changed_at) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (organization_id, id) do update set \
     user_id = excluded.user_id, profile = excluded.profile, external_index = excluded.external_index, \
     is_own_account = excluded.is_own_account, changed_at = excluded.changed_at",
);

/// Every statement of provisioning.
pub const STATEMENTS: &[&Statement] = &[
    &USERS,
    &USER_BY_ID,
    &USER_BY_EMAIL,
    &USERS_BY_EXTERNAL,
    &USERS_OF_ROLE,
    &USERS_MADE,
    &USERS_COUNT,
    &PROFILE_KEEP,
];

/// Most people that one look goes through. An organization can have no more.
const ALL: i64 = MAXIMUM_MEMBERS + 1;
/// People with one identifier of a directory that are looked at: it should be one.
const SAME_IDENTIFIER: i64 = 100;

/// What the look-ups stand on.
#[derive(Clone)]
pub struct Directory {
    platform: Platform,
    caller: Caller,
    database: OrganizationDb,
    keyring: Keyring,
    installation: Keyring,
    base: String,
    maximum_members: i64,
}

/// What a change of a resource is made of.
pub enum Edit {
    /// PUT: this and nothing else of what clients may set.
    Replace(Object),
    /// PATCH.
    Patch(Patch),
}

impl Edit {
    /// What a PUT or a PATCH of a resource of this schema asks for.
    pub fn read(method: &Method, body: &serde_json::Value, schema: &'static Schema) -> Result<Self> {
        if method == Method::PATCH {
            Patch::parse(body, schema).map(Self::Patch)
        } else {
            schema.read(body).map(Self::Replace)
        }
    }

    fn applied(&self, settable: Object) -> Result<Object> {
        match self {
            Self::Replace(object) => Ok(object.clone()),
            Self::Patch(patch) => {
                let mut object = settable;
                patch.apply(&mut object)?;
                Ok(object)
            }
        }
    }
}

/// A page of people, and how many there are in all.
pub struct Listed {
    /// The page.
    pub users: Vec<User>,
    /// All that the filter holds for.
    pub total: usize,
}

impl Directory {
    /// The caller's organization, answered at this server's own address.
    pub async fn open(platform: &Platform, caller: &Caller, base: &str) -> Result<Self> {
        Ok(Self {
            platform: platform.clone(),
            caller: caller.clone(),
            database: caller.database(platform),
            keyring: caller.keyring(platform).await?,
            installation: platform.vault.installation_keyring(),
            base: base.to_owned(),
            maximum_members: MAXIMUM_MEMBERS,
        })
    }

    /// The same for an organization that may have fewer people.
    #[must_use]
    pub fn with_maximum_members(self, maximum_members: i64) -> Self {
        Self { maximum_members, ..self }
    }

    /// The server's own address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The people for whom a filter holds, by age. Does the filter need every one of them looked at? See [`is_lookup`].
    pub async fn users(&self, filter: Option<&Filter>, start_index: usize, count: usize) -> Result<Listed> {
        let Some(filter) = filter else {
            let offset = i64::try_from(start_index.saturating_sub(1)).unwrap_or(i64::MAX);
            let rows = self.database.query(&USERS, &[(count as i64).into(), offset.into()]).await?;
            return Ok(Listed { users: self.read_all(&rows)?, total: self.count().await? });
        };
        let rows = if let Some(address) = filter.sole_equal("userName") {
            match EmailAddress::parse(address) {
                Ok(email) => self.database.query(&USER_BY_EMAIL, &[self.email_index(&email)?.into()]).await?,
                Err(_) => Vec::new(),
            }
        } else if let Some(identifier) = filter.sole_equal("externalId") {
            let index = self.external_index(identifier)?;
            self.database.query(&USERS_BY_EXTERNAL, &[index.into(), SAME_IDENTIFIER.into()]).await?
        } else {
            self.database.query(&USERS, &[ALL.into(), 0_i64.into()]).await?
        };
        let mut users = self.read_all(&rows)?;
        users.retain(|user| filter.matches(&user.resource(&self.base)));
        let total = users.len();
        let users = users.into_iter().skip(start_index.saturating_sub(1)).take(count).collect();
        Ok(Listed { users, total })
    }

    /// How many people there are.
    pub async fn count(&self) -> Result<usize> {
        let rows = self.database.query(&USERS_COUNT, &[]).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.integer("users")).map(|users| usize::try_from(users).unwrap_or(0))?)
    }

    /// One person.
    pub async fn user(&self, id: &str) -> Result<User> {
        let id = identifier(id)?;
        let rows = self.database.query(&USER_BY_ID, &[id.into()]).await?;
        self.read(rows.first().ok_or(Refusal::NotFound)?)
    }

    /// Adds somebody, as a Viewer until a group says more.
    pub async fn add(&self, object: &Object) -> Result<User> {
        let wanted = Wanted::read(object)?;
        let (email, name) = (wanted.email()?, wanted.name()?);
        let mut change = self.change("provisioning.add").await?;
        standing::lock(&mut change).await?;
        if !change.query(&USER_BY_EMAIL, &[self.email_index(&email)?.into()]).await?.is_empty() {
            let words = "Somebody with this userName works in the organization already: look them up by a filter.";
            return Err(Refusal::Uniqueness(words.to_owned()));
        }
        let (role, maximum_members) = (invitation::DEFAULT_ROLE, self.maximum_members);
        let newcomer = Newcomer { email: &email, name: &name, role, maximum_members };
        let joined = joining::join(&mut change, &newcomer).await.map_err(taken)?;
        self.keep_profile(&mut change, &joined, &wanted.profile).await?;
        let mut facts = vec![("role", role.as_str().to_owned())];
        if wanted.active == Some(false) {
            standing::suspend_within(&mut change, &self.caller, joined.membership).await?;
            facts.push(("state", MembershipState::Suspended.as_str().to_owned()));
        }
        let user = self.reread(&mut change, joined.membership).await?;
        change.commit("membership", Some(user.id), facts).await?;
        Ok(user)
    }

    /// Changes somebody. `if_match` names the version that the client has read.
    pub async fn edit(&self, id: &str, if_match: Option<&str>, edit: &Edit) -> Result<User> {
        let id = identifier(id)?;
        let mut change = self.change("provisioning.change").await?;
        standing::lock(&mut change).await?;
        let user = self.reread(&mut change, id).await?;
        expect_version(if_match, &user.resource(&self.base))?;
        let wanted = Wanted::read(&edit.applied(user.settable())?)?;
        let facts = self.update(&mut change, &user, &wanted).await?;
        if facts.is_empty() {
            return Ok(user);
        }
        let user = self.reread(&mut change, id).await?;
        change.commit("membership", Some(id), facts).await?;
        Ok(user)
    }

    /// Takes somebody away, with everything by which they are let in.
    pub async fn remove(&self, id: &str, if_match: Option<&str>) -> Result<()> {
        let id = identifier(id)?;
        let mut change = self.change("provisioning.remove").await?;
        standing::lock(&mut change).await?;
        let user = self.reread(&mut change, id).await?;
        expect_version(if_match, &user.resource(&self.base))?;
        refuse_owner(&user)?;
        let ended = leaving::remove_within(&mut change, &self.caller, id).await?;
        Ok(change.commit("membership", Some(id), leaving::facts(&ended)).await?)
    }

    /// Who has a role.
    pub async fn members(&self, role: Role) -> Result<Vec<User>> {
        let rows = self.database.query(&USERS_OF_ROLE, &[role.as_str().into(), ALL.into()]).await?;
        self.read_all(&rows)
    }

    /// Changes who has a role. Answers the members afterwards.
    pub async fn edit_members(&self, role: Role, if_match: Option<&str>, edit: &Edit) -> Result<Vec<User>> {
        let mut change = self.change("provisioning.assign").await?;
        standing::lock(&mut change).await?;
        let members = self.members_within(&mut change, role).await?;
        expect_version(if_match, &group::resource(role, &members, &self.base))?;
        let moves = group::moves(role, &edit.applied(group::settable(role, &members))?, &members)?;
        if moves == Moves::default() {
            return Ok(members);
        }
        for (ids, role) in [(&moves.joining, role), (&moves.leaving, invitation::DEFAULT_ROLE)] {
            for id in ids {
                let user = self.reread(&mut change, *id).await.map_err(|refusal| match refusal {
                    Refusal::NotFound => Refusal::InvalidValue("A member's value is the id of a user.".to_owned()),
                    other => other,
                })?;
                refuse_owner(&user)?;
                standing::change_role_within(&mut change, &self.caller, *id, role).await?;
            }
        }
        let members = self.members_within(&mut change, role).await?;
        change.commit("role", None, move_facts(role, &moves)).await?;
        Ok(members)
    }

    /// People whom the directory added and who have no password yet, the newest first.
    pub async fn without_password(&self, limit: usize) -> Result<Vec<User>> {
        let rows = self.database.query(&USERS_MADE, &[(limit as i64 * 4).into()]).await?;
        let mut users = self.read_all(&rows)?;
        users.retain(|user| user.is_active() && !user.has_password);
        users.truncate(limit);
        Ok(users)
    }

    async fn change(&self, action: &'static str) -> Result<Change> {
        Ok(self.caller.change(&self.platform, action).await?)
    }

    async fn reread(&self, change: &mut Change, id: Uuid) -> Result<User> {
        let rows = change.query(&USER_BY_ID, &[id.into()]).await?;
        self.read(rows.first().ok_or(Refusal::NotFound)?)
    }

    async fn members_within(&self, change: &mut Change, role: Role) -> Result<Vec<User>> {
        let rows = change.query(&USERS_OF_ROLE, &[role.as_str().into(), ALL.into()]).await?;
        self.read_all(&rows)
    }

    /// Makes of a person what is wanted; says what changed.
    async fn update(&self, change: &mut Change, user: &User, wanted: &Wanted) -> Result<Vec<(&'static str, String)>> {
        let (mut facts, mut changed) = (Vec::new(), Vec::new());
        let known = user.profile.clone().unwrap_or_else(|| user.own_profile());
        let is_renamed = wanted.profile != known;
        let is_readdressed = wanted.user_name != user.email;
        let is_moved = wanted.active.is_some_and(|active| active != user.is_active());
        if !(is_renamed || is_readdressed || is_moved) {
            return Ok(facts);
        }
        refuse_owner(user)?;
        let is_own_account = if user.profile.is_some() { user.is_own_account } else { !user.has_password };
        let is_ours = is_own_account && joining::works_only_here(change, user.user).await?;
        let mut account_changed = false;
        if is_readdressed {
            let email = wanted.email()?;
            if !is_ours {
                let words = "This person made their account themselves: only they change the address of it.";
                return Err(Refusal::Mutability(words.to_owned()));
            }
            joining::readdress(change, user.user, &email).await.map_err(taken)?;
            account_changed = true;
            changed.push("userName");
        }
        if is_renamed {
            let name = wanted.name()?;
            if is_ours && name != user.name {
                joining::rename(change, user.user, &name).await?;
                account_changed = true;
            }
            changed.push("profile");
        }
        if account_changed {
            // Whoever signs in with the account learns that somebody else changed it.
            notice::write(change, &self.platform, user.user, notice::Kind::AddressChanged, Some(&self.caller)).await?;
        }
        let joined = Joined { membership: user.id, user: user.user, is_own_account };
        self.keep_profile(change, &joined, &wanted.profile).await?;
        if let Some(active) = wanted.active.filter(|_| is_moved) {
            changed.push("active");
            if active {
                standing::reinstate_within(change, &self.caller, user.id).await?;
                facts.push(("state", MembershipState::Active.as_str().to_owned()));
            } else {
                let sessions = standing::suspend_within(change, &self.caller, user.id).await?.unwrap_or(0);
                facts.push(("state", MembershipState::Suspended.as_str().to_owned()));
                facts.push(("sessions", sessions.to_string()));
            }
        }
        facts.push(("changed", changed.join(" ")));
        Ok(facts)
    }

    async fn keep_profile(&self, change: &mut Change, joined: &Joined, profile: &Profile) -> Result<()> {
        let text = serde_json::to_string(profile).unwrap_or_default();
        let field = Field::new(&PROVISIONED_USER, "profile", joined.membership);
        let index = profile.external_id.as_deref().map(|identifier| self.external_index(identifier)).transpose()?;
        let arguments: [Value; 6] = [
            joined.membership.into(),
            joined.user.into(),
            self.keyring.seal_text(field, &text)?.into(),
            index.into(),
            joined.is_own_account.into(),
            self.platform.now().into(),
        ];
        change.execute(&PROFILE_KEEP, &arguments).await?;
        Ok(())
    }

    fn email_index(&self, email: &EmailAddress) -> Result<Vec<u8>> {
        Ok(self.installation.blind_index(&USER_ACCOUNT, "email", email.as_str())?)
    }

    fn external_index(&self, identifier: &str) -> Result<Vec<u8>> {
        Ok(self.keyring.blind_index(&PROVISIONED_USER, "profile", identifier)?)
    }

    fn read_all(&self, rows: &[Row]) -> Result<Vec<User>> {
        rows.iter().map(|row| self.read(row)).collect()
    }

    fn read(&self, row: &Row) -> Result<User> {
        let (id, user) = (row.uuid("id")?, row.uuid("user_id")?);
        let open = |column: &'static str| -> Result<String> {
            Ok(self.installation.open_text(Field::new(&USER_ACCOUNT, column, user), &row.bytes(column)?)?)
        };
        let profile = match row.optional_bytes("profile")? {
            Some(sealed) => {
                let text = self.keyring.open_text(Field::new(&PROVISIONED_USER, "profile", id), &sealed)?;
                // One that a later version wrote is read as far as it is known.
                Some(serde_json::from_str(&text).unwrap_or_default())
            }
            None => None,
        };
        let word = |column: &'static str| row.text(column);
        let unknown = || Refusal::Identity(Error::NotFound);
        Ok(User {
            id,
            user,
            email: open("email")?,
            name: open("name")?,
            has_password: !Zeroizing::new(open("password")?).is_empty(),
            role: Role::parse(&word("role")?).ok_or_else(unknown)?,
            state: MembershipState::parse(&word("state")?).ok_or_else(unknown)?,
            created_at: row.timestamp("created_at")?,
            profile,
            is_own_account: row.optional_boolean("is_own_account")?.unwrap_or(false),
            changed_at: row.optional_timestamp("changed_at")?,
        })
    }
}

/// Is it answered by an index, whatever the number of people?
pub fn is_lookup(filter: &Filter) -> bool {
    filter.sole_equal("userName").is_some() || filter.sole_equal("externalId").is_some()
}

fn identifier(id: &str) -> Result<Uuid> {
    Uuid::try_parse(id).map_err(|_| Refusal::NotFound)
}

fn expect_version(if_match: Option<&str>, resource: &Object) -> Result<()> {
    match if_match {
        Some(header) if !answer::names_version(header, answer::version(resource)) => Err(Refusal::OtherVersion),
        _ => Ok(()),
    }
}

fn refuse_owner(user: &User) -> Result<()> {
    if user.role != Role::Owner {
        return Ok(());
    }
    let words = "This person is an Owner. Owners are made, changed and removed by people only: Settings, People.";
    Err(Refusal::Forbidden(words.to_owned()))
}

fn taken(error: Error) -> Refusal {
    match error {
        Error::EmailTaken => Refusal::Uniqueness(
            "This address has an account on this server already. Invite the person under Settings, People: they join with \
             their own password, and are found by a filter from then on."
                .to_owned(),
        ),
        other => other.into(),
    }
}

/// Who was given the role and who lost it, by the ids of memberships.
fn move_facts(role: Role, moves: &Moves) -> Vec<(&'static str, String)> {
    let words = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ");
    let moved = [("joined", words(&moves.joining)), ("left", words(&moves.leaving))];
    let moved = moved.into_iter().filter(|(_, ids)| !ids.is_empty());
    [("role", role.as_str().to_owned())].into_iter().chain(moved).collect()
}
