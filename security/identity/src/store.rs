//! The tables of identity and every SQL text about them.
//!
//! All of them belong to the installation: they are read before it is known which organization a request is for. Each row
//! that is about an organization names it, and each statement about one organization asks for it.

use storage::{Column, Erasure, Owner, Retention, Row, SealedWith, Statement, Table};

/// The customers of this installation.
pub static ORGANIZATION: Table = Table {
    name: "organization",
    owner: Owner::Installation,
    // The name is what every caller hears at the start of a call: public, so not sealed.
    // The purpose is `business`, or `probe` for those that the trust page attacks to see its promises hold.
    columns: &[
        Column::text("name"),
        Column::text("state"),
        Column::text("purpose"),
        Column::time("created_at"),
        // When its last review of access was signed off; none before the first.
        Column::time("reviewed_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("the public name of a business"),
};

/// People who sign in, in whatever organizations.
pub static USER_ACCOUNT: Table = Table {
    name: "user_account",
    owner: Owner::Installation,
    columns: &[
        Column::sealed("email", SealedWith::Installation),
        Column::bytes("email_index"),
        Column::sealed("name", SealedWith::Installation),
        Column::sealed("password", SealedWith::Installation),
        Column::time("created_at"),
    ],
    references: &[],
    unique: &[&["email_index"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("id"),
};

/// Who works where, as what.
pub static MEMBERSHIP: Table = Table {
    name: "membership",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::uuid("user_id"),
        Column::text("role"),
        Column::text("state"),
        Column::time("created_at"),
        // The last request of a browser signed in here, to the minute; for the review of access.
        Column::time("seen_at").nullable(),
    ],
    references: &[],
    unique: &[&["organization_id", "user_id"]],
    indexes: &[&["user_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Signed-in browsers.
pub static SESSION: Table = Table {
    name: "session",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::uuid("user_id"),
        Column::bytes("token_hash"),
        Column::sealed("device", SealedWith::Installation),
        // What the person showed (`password,one_time_code`), and when they last did.
        Column::text("factors"),
        Column::time("authenticated_at"),
        // A keyed hash of the name that the organization's provider has for it; none when it began another way.
        Column::bytes("provider_session").nullable(),
        Column::time("created_at"),
        Column::time("seen_at"),
        // Until when the person has read in this browser what changed about their account.
        Column::time("notices_seen_at").nullable(),
    ],
    references: &[],
    unique: &[&["token_hash"]],
    indexes: &[&["user_id"], &["seen_at"], &["provider_session"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// What people show beside their password: authenticator apps and passkeys.
pub static SECOND_FACTOR: Table = Table {
    name: "second_factor",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("user_id"),
        // `totp` or `passkey`.
        Column::text("kind"),
        Column::sealed("name", SealedWith::Installation),
        // The shared secret of an app, or the public key of a passkey with its counter.
        Column::sealed("secret", SealedWith::Installation),
        // SHA-256 of a passkey's credential id, to find it by.
        Column::bytes("credential_hash").nullable(),
        // The last step of 30 s whose code was taken: no code is taken twice.
        Column::integer("last_step").nullable(),
        // Wrong codes since the last right one.
        Column::integer("failures"),
        Column::time("created_at"),
        // It counts from here on; until then it is only being set up.
        Column::time("confirmed_at").nullable(),
        // The session that sets it up: no other one confirms it.
        Column::uuid("session_id").nullable(),
        Column::time("used_at").nullable(),
    ],
    references: &[],
    unique: &[&["credential_hash"]],
    indexes: &[&["user_id"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Codes for the day when the second factor is lost, hashed; each works once.
pub static BACKUP_CODE: Table = Table {
    name: "backup_code",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("user_id"),
        // One salt for the set, so that a presented code is hashed once.
        Column::bytes("salt"),
        Column::bytes("code_hash"),
        Column::time("created_at"),
        Column::time("used_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["user_id"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// What an organization asks of those who sign in; without a row the defaults hold.
pub static SIGN_IN_POLICY: Table = Table {
    name: "sign_in_policy",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        // Fewest characters of a password beside a second factor.
        Column::integer("password_length"),
        Column::boolean("require_second_factor"),
        // So many former passwords do not come back.
        Column::integer("password_history"),
        Column::time("changed_at"),
    ],
    references: &[],
    unique: &[&["organization_id"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("rules of an organization, nobody's data"),
};

/// Compromises that were reported, each with what was stopped.
pub static INCIDENT: Table = Table {
    name: "incident",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        // The one person who was locked out; none when it was the whole organization.
        Column::uuid("person_id").nullable(),
        Column::sealed("reason", SealedWith::Installation),
        Column::uuid("opened_by").nullable(),
        Column::time("opened_at"),
        Column::time("closed_at").nullable(),
        Column::integer("sessions"),
        Column::integer("keys"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["organization_id", "opened_at"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::None(
        "it names people by the ids of their accounts only: who was locked out, and who reported it",
    ),
};

/// Keys of programs.
pub static API_KEY: Table = Table {
    name: "api_key",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::sealed("name", SealedWith::Installation),
        Column::bytes("key_hash"),
        Column::text("environment"),
        Column::text("role"),
        // The person who answers for it; none when the machine's own command line made it.
        Column::uuid("created_by").nullable(),
        // The key whose place it took.
        Column::uuid("replaces").nullable(),
        Column::time("created_at"),
        Column::time("expires_at").nullable(),
        Column::time("revoked_at").nullable(),
        Column::time("leaked_at").nullable(),
        Column::time("used_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["organization_id"], &["created_by"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("keys belong to programs; the name of one is sealed and goes with its row"),
};

/// Tokens that work once: the first owner's, and links to sign in.
pub static ONE_TIME_TOKEN: Table = Table {
    name: "one_time_token",
    owner: Owner::Installation,
    columns: &[
        Column::bytes("token_hash"),
        Column::text("purpose"),
        Column::uuid("organization_id").nullable(),
        Column::uuid("user_id").nullable(),
        // Who vouched for the person; none when the machine printed it.
        Column::uuid("created_by").nullable(),
        Column::time("created_at"),
        Column::time("expires_at"),
        Column::time("used_at").nullable(),
    ],
    references: &[],
    unique: &[&["token_hash"]],
    indexes: &[&["expires_at"], &["user_id"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Every table of identity.
pub const TABLES: &[&Table] = &[
    &ORGANIZATION,
    &USER_ACCOUNT,
    &MEMBERSHIP,
    &SESSION,
    &SECOND_FACTOR,
    &BACKUP_CODE,
    &FORMER_PASSWORD,
    &SIGN_IN_POLICY,
    &INCIDENT,
    &API_KEY,
    &ONE_TIME_TOKEN,
    &external::SINGLE_SIGN_ON,
    &external::EXTERNAL_IDENTITY,
    &people::INVITATION,
    &people::PROVISIONED_USER,
    &people::SIGHTING,
    &people::KNOWN_PLACE,
    &people::SECURITY_ALERT,
    &people::ACCESS_SETTING,
    &notices::ACCOUNT_NOTICE,
    &review::ACCESS_REVIEW,
    &review::ACCESS_REVIEW_ITEM,
];

/// Held by whoever changes memberships, so that two do not count owners at the same time.
pub(crate) const ORGANIZATION_LOCK: Statement =
    Statement::installation("identity.organization_lock", "select id from organization where id = $1").locking();

macro_rules! statements {
    ($($(#[$note:meta])* $name:ident = $label:literal, $sql:literal;)*) => {
        $($(#[$note])* pub(crate) const $name: Statement = Statement::installation($label, $sql);)*
        const INSTALLATION_STATEMENTS: &[&Statement] = &[$(&$name),*];
    };
}

/// The same for statements inside one organization.
macro_rules! organization_statements {
    ($($(#[$note:meta])* $name:ident = $label:literal, $sql:literal;)*) => {
        $($(#[$note])* pub(crate) const $name: Statement = Statement::organization($label, $sql);)*
        const ORGANIZATION_STATEMENTS: &[&Statement] = &[$(&$name),*];
    };
}

pub(crate) mod external;
pub(crate) mod notices;
pub(crate) mod people;
pub(crate) mod review;
pub use external::FORMER_PASSWORD;

/// Every statement of identity.
pub const STATEMENTS: &[&Statement] = &ALL_STATEMENTS;
const LISTS: [&[&Statement]; 6] = [
    INSTALLATION_STATEMENTS,
    external::STATEMENTS,
    people::STATEMENTS,
    review::STATEMENTS,
    notices::STATEMENTS,
    &[&ORGANIZATION_LOCK],
];
const ALL_STATEMENTS: [&Statement; length(&LISTS)] = joined(&LISTS);

const fn length(lists: &[&[&'static Statement]]) -> usize {
    let (mut total, mut list) = (0, 0);
    while list < lists.len() {
        total += lists[list].len();
        list += 1;
    }
    total
}

/// One list out of several. `COUNT` is their [`length`].
pub(crate) const fn joined<const COUNT: usize>(lists: &[&[&'static Statement]]) -> [&'static Statement; COUNT] {
    let mut all = [lists[0][0]; COUNT];
    let (mut list, mut next) = (0, 0);
    while list < lists.len() {
        let mut place = 0;
        while place < lists[list].len() {
            all[next] = lists[list][place];
            next += 1;
            place += 1;
        }
        list += 1;
    }
    all
}

statements! {
    /// A session with everything that a caller is made of.
    SESSION_BY_TOKEN = "identity.session_by_token",
        "select s.id as session_id, s.user_id, s.organization_id, s.created_at, s.seen_at, m.role, m.state, \
         s.factors, s.authenticated_at, \
         (select count(*) from second_factor f where f.user_id = s.user_id and f.confirmed_at is not null) \
         as second_factors, \
         (select count(*) from sign_in_policy p where p.organization_id = s.organization_id and p.require_second_factor) \
         as demands, \
         u.name as user_name, o.name as organization_name, o.state as organization_state \
         from session s \
         join membership m on m.organization_id = s.organization_id and m.user_id = s.user_id \
         join user_account u on u.id = s.user_id \
         join organization o on o.id = s.organization_id \
         where s.token_hash = $1";
    /// The same by the row, for streams that last longer than a request.
    SESSION_BY_ID = "identity.session_by_id",
        "select s.organization_id, s.created_at, s.seen_at, m.role, m.state, o.state as organization_state \
         from session s \
         join membership m on m.organization_id = s.organization_id and m.user_id = s.user_id \
         join organization o on o.id = s.organization_id \
         where s.id = $1";
    /// More was shown: another token, from now on.
    SESSION_STRENGTHEN = "identity.session_strengthen",
        "update session set token_hash = $3, factors = $4, authenticated_at = $5 where user_id = $1 and id = $2";
    SESSION_SEEN = "identity.session_seen",
        "update session set seen_at = $2 where id = $1 and seen_at < $2";
    SESSIONS_OF_USER = "identity.sessions_of_user",
        "select id, device, created_at, seen_at from session \
         where organization_id = $1 and user_id = $2 and created_at > $3 and seen_at > $4 \
         order by seen_at desc, id desc limit $5";
    SESSION_DELETE = "identity.session_delete",
        "delete from session where organization_id = $1 and user_id = $2 and id = $3";
    SESSIONS_DELETE_OTHERS = "identity.sessions_delete_others",
        "delete from session where user_id = $1 and id <> $2";
    SESSIONS_DELETE_BEYOND = "identity.sessions_delete_beyond",
        "delete from session where user_id = $1 and id not in \
         (select id from session where user_id = $1 order by seen_at desc, id desc limit $2)";
    SESSIONS_DELETE_ALL = "identity.sessions_delete_all", "delete from session where user_id = $1";
    SESSIONS_DELETE_OF_ORGANIZATION = "identity.sessions_delete_of_organization",
        "delete from session where organization_id = $1";
    KEYS_REVOKE_ALL = "identity.keys_revoke_all",
        "update api_key set revoked_at = $2 where organization_id = $1 and (revoked_at is null or revoked_at > $2)";
    INVITATIONS_REVOKE_ALL = "identity.invitations_revoke_all",
        "update invitation set revoked_at = $2 where organization_id = $1 and used_at is null and revoked_at is null";
    TOKENS_DELETE_OF_ORGANIZATION = "identity.tokens_delete_of_organization",
        "delete from one_time_token where organization_id = $1";
    ORGANIZATION_FREEZE = "identity.organization_freeze",
        "update organization set state = 'locked' where id = $1 and state = 'active'";
    ORGANIZATION_THAW = "identity.organization_thaw",
        "update organization set state = 'active' where id = $1 and state = 'locked'";
    ORGANIZATION_OWNER = "identity.organization_owner",
        "select user_id from membership where organization_id = $1 and role = 'owner' and state = 'active' \
         order by created_at, id limit 1";
    INCIDENTS_OF_ORGANIZATION = "identity.incidents_of_organization",
        "select id, person_id, reason, opened_by, opened_at, closed_at, sessions, keys from incident \
         where organization_id = $1 order by opened_at desc, id desc limit 100";
    /// What the operator sees of incidents: that there was one, and how much it stopped; not what was written about it.
    INCIDENTS_COUNTED = "identity.incidents_counted",
        "select i.id, o.name, i.person_id, i.opened_at, i.closed_at, i.sessions, i.keys from incident i \
         join organization o on o.id = i.organization_id \
         where o.purpose = 'business' and i.id < $1 order by i.id desc limit $2";
    INCIDENT_CLOSE = "identity.incident_close",
        "update incident set closed_at = $2 where organization_id = $1 and closed_at is null";
    POLICY_OF_ORGANIZATION = "identity.policy_of_organization",
        "select password_length, require_second_factor, password_history from sign_in_policy where organization_id = $1";
    POLICIES_OF_USER = "identity.policies_of_user",
        "select p.password_length, p.require_second_factor, p.password_history from membership m \
         left join sign_in_policy p on p.organization_id = m.organization_id \
         where m.user_id = $1 and m.state = 'active'";
    POLICY_DELETE = "identity.policy_delete", "delete from sign_in_policy where organization_id = $1";
    FORMER_PASSWORDS = "identity.former_passwords",
        "select id, password from former_password where user_id = $1 order by replaced_at desc, id desc limit $2";
    FORMER_PASSWORDS_PRUNE = "identity.former_passwords_prune",
        "delete from former_password where user_id = $1 and id not in \
         (select id from former_password where user_id = $1 order by replaced_at desc, id desc limit $2)";
    PASSWORD_SET = "identity.password_set", "update user_account set password = $2 where id = $1";
    SESSIONS_SWEEP = "identity.sessions_sweep",
        "delete from session where created_at <= $1 or seen_at <= $2";
    /// A key with everything that a caller is made of.
    KEY_BY_ID = "identity.key_by_id",
        "select k.organization_id, k.name, k.key_hash, k.environment, k.role, k.expires_at, k.revoked_at, k.used_at, \
         k.created_by, m.role as owner_role, m.state as owner_state, \
         o.name as organization_name, o.state as organization_state \
         from api_key k join organization o on o.id = k.organization_id \
         left join membership m on m.organization_id = k.organization_id and m.user_id = k.created_by where k.id = $1";
    KEY_SEEN = "identity.key_seen",
        "update api_key set used_at = $2 where id = $1 and (used_at is null or used_at < $2)";
    KEYS_OF_ORGANIZATION = "identity.keys_of_organization",
        "select id, name, environment, role, created_by, replaces, created_at, expires_at, revoked_at, leaked_at, used_at \
         from api_key where organization_id = $1 and id > $2 order by id limit $3";
    KEYS_FOR_PROVISIONING = "identity.keys_for_provisioning",
        "select id, name, environment, role, created_by, replaces, created_at, expires_at, revoked_at, leaked_at, used_at \
         from api_key where organization_id = $1 and role = 'provisioning' order by created_at desc, id desc";
    KEY_OF_ORGANIZATION = "identity.key_of_organization",
        "select id, name, environment, role, created_by, replaces, created_at, expires_at, revoked_at, leaked_at, used_at \
         from api_key where organization_id = $1 and id = $2";
    KEYS_COUNT = "identity.keys_count",
        "select count(*) as keys from api_key where organization_id = $1 and revoked_at is null";
    KEY_REVOKE = "identity.key_revoke",
        "update api_key set revoked_at = $3 \
         where organization_id = $1 and id = $2 and (revoked_at is null or revoked_at > $3)";
    /// A key that others have seen. One that was stopped already stays stopped, and the report is kept.
    KEY_LEAKED = "identity.key_leaked",
        "update api_key set leaked_at = $2, \
         revoked_at = case when revoked_at is null or revoked_at > $2 then $2 else revoked_at end \
         where id = $1 and leaked_at is null";
    KEYS_REVOKE_OF_OWNER = "identity.keys_revoke_of_owner",
        "update api_key set revoked_at = $3 \
         where organization_id = $1 and created_by = $2 and (revoked_at is null or revoked_at > $3)";
    SECOND_FACTORS_COUNT = "identity.second_factors_count",
        "select count(*) as factors from second_factor where user_id = $1 and confirmed_at is not null";
    USER_BY_EMAIL = "identity.user_by_email",
        "select id, password from user_account where email_index = $1";
    /// Where a user works, the oldest membership first.
    MEMBERSHIPS_OF_USER = "identity.memberships_of_user",
        "select m.organization_id, m.role, m.state, o.state as organization_state, \
         (select count(*) from single_sign_on s \
         where s.organization_id = m.organization_id and s.is_on and s.is_required) as provider_demands \
         from membership m join organization o on o.id = m.organization_id \
         where m.user_id = $1 order by m.created_at, m.id";
    MEMBERS_OF_ORGANIZATION = "identity.members_of_organization",
        "select m.id, m.user_id, m.role, m.state, m.created_at, m.seen_at, u.name, u.email from membership m \
         join user_account u on u.id = m.user_id \
         where m.organization_id = $1 and m.id > $2 order by m.id limit $3";
    ORGANIZATIONS_COUNT = "identity.organizations_count",
        "select count(*) as organizations from organization where purpose = 'business'";
    ORGANIZATIONS_FIRST = "identity.organizations_first",
        "select id from organization where purpose = 'business' order by id limit $1";
    /// What the operator sees of organizations: counts of rows, nothing that is in them.
    ORGANIZATIONS_COUNTED = "identity.organizations_counted",
        "select o.id, o.name, o.state, o.created_at, \
         (select count(*) from membership m where m.organization_id = o.id and m.state = 'active') as members, \
         (select count(*) from api_key k where k.organization_id = o.id and k.revoked_at is null) as keys \
         from organization o where o.purpose = 'business' and o.id > $1 order by o.id limit $2";
    ORGANIZATION_SET_STATE = "identity.organization_set_state",
        "update organization set state = $2 where id = $1 and purpose = 'business' and state <> $2 and state <> 'locked'";
    /// A member by the index of their e-mail address.
    MEMBER_BY_EMAIL = "identity.member_by_email",
        "select u.id from user_account u join membership m on m.user_id = u.id \
         where m.organization_id = $1 and u.email_index = $2";
    TOKEN_USE = "identity.token_use",
        "update one_time_token set used_at = $3 \
         where token_hash = $1 and purpose = $2 and used_at is null and expires_at > $3";
    TOKEN_BY_HASH = "identity.token_by_hash",
        "select organization_id, user_id from one_time_token where token_hash = $1";
    TOKENS_SWEEP = "identity.tokens_sweep", "delete from one_time_token where expires_at <= $1";
    TOKEN_OF_PURPOSE = "identity.token_of_purpose",
        "select t.organization_id, t.user_id, t.created_by, m.role as maker_role, m.state as maker_state, s.role as user_role \
         from one_time_token t \
         left join membership m on m.organization_id = t.organization_id and m.user_id = t.created_by \
         left join membership s on s.organization_id = t.organization_id and s.user_id = t.user_id \
         where t.token_hash = $1 and t.purpose = $2 and t.used_at is null and t.expires_at > $3";
    TOKENS_WITHDRAW_OF_USER = "identity.tokens_withdraw_of_user",
        "delete from one_time_token where user_id = $1 and purpose = $2 and used_at is null";
    TOKENS_WITHDRAW = "identity.tokens_withdraw",
        "delete from one_time_token where purpose = $1 and used_at is null";
}

/// A stored word that this version does not know: the row was written by a newer one, or by hand.
pub(crate) fn unknown_word(column: &'static str) -> storage::Error {
    storage::Error::ColumnType { column: column.to_owned(), expected: "a known word", found: "another word" }
}

/// Reads a role or state from its stored word.
pub(crate) fn word<T>(row: &Row, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> storage::Result<T> {
    parse(&row.text(column)?).ok_or_else(|| unknown_word(column))
}
