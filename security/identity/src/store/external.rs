//! The tables of the organizations' own identity providers, whom they vouch for, and every SQL text about both; beside them
//! what there was before: former passwords.

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};

/// How an organization signs its members in with its own provider (OpenID Connect). The installation's: it is read before
/// anybody is known.
pub static SINGLE_SIGN_ON: Table = Table {
    name: "single_sign_on",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        // What members type to be led to their provider: `harbour`. One organization of the installation has it.
        Column::text("short_name"),
        Column::text("issuer"),
        Column::text("client_id"),
        Column::sealed("client_secret", SealedWith::Installation),
        // Domains of e-mail addresses that the provider may vouch for, with spaces between.
        Column::text("domains"),
        // The role of those whom the provider brings and nobody invited; none when they are not let in.
        Column::text("new_member_role").nullable(),
        // Is it the only way in for all but the owners?
        Column::boolean("is_required"),
        // Words of `acr` and `amr` that mean two factors, with spaces between.
        Column::text("two_factor_words"),
        Column::boolean("is_on"),
        Column::time("changed_at"),
    ],
    references: &[],
    unique: &[&["organization_id"], &["short_name"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("settings of an organization, nobody's data"),
};

/// Who somebody is at the provider of an organization: issuer and subject, never the e-mail address. It is worth
/// something in that organization only.
pub static EXTERNAL_IDENTITY: Table = Table {
    name: "external_identity",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::uuid("user_id"),
        Column::text("issuer"),
        Column::sealed("subject", SealedWith::Installation),
        // A keyed hash of issuer and subject, to find it by.
        Column::bytes("subject_index"),
        Column::time("created_at"),
        Column::time("used_at").nullable(),
    ],
    references: &[],
    unique: &[&["organization_id", "subject_index"]],
    indexes: &[&["user_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Hashes of passwords that were replaced, so that they do not come back.
pub static FORMER_PASSWORD: Table = Table {
    name: "former_password",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("user_id"),
        Column::sealed("password", SealedWith::Installation),
        Column::time("replaced_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["user_id", "replaced_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Every statement of this file.
pub(crate) const STATEMENTS: &[&Statement] = INSTALLATION_STATEMENTS;

statements! {
    SINGLE_SIGN_ON_OF = "identity.single_sign_on_of",
        "select s.id, s.organization_id, s.short_name, s.issuer, s.client_id, s.client_secret, s.domains, \
         s.new_member_role, s.is_required, s.two_factor_words, s.is_on, s.changed_at, o.state as organization_state \
         from single_sign_on s join organization o on o.id = s.organization_id where s.organization_id = $1";
    SINGLE_SIGN_ON_NAMED = "identity.single_sign_on_named",
        "select s.id, s.organization_id, s.short_name, s.issuer, s.client_id, s.client_secret, s.domains, \
         s.new_member_role, s.is_required, s.two_factor_words, s.is_on, s.changed_at, o.state as organization_state \
         from single_sign_on s join organization o on o.id = s.organization_id where s.short_name = $1";
    SINGLE_SIGN_ON_DELETE = "identity.single_sign_on_delete",
        "delete from single_sign_on where organization_id = $1";
    EXTERNAL_IDENTITY_FIND = "identity.external_identity_find",
        "select id, user_id from external_identity where organization_id = $1 and subject_index = $2";
    EXTERNAL_IDENTITIES_OF_USER = "identity.external_identities_of_user",
        "select id, issuer, created_at, used_at from external_identity \
         where organization_id = $1 and user_id = $2 order by id limit 20";
    EXTERNAL_IDENTITY_USED = "identity.external_identity_used",
        "update external_identity set used_at = $3 where organization_id = $1 and subject_index = $2";
    EXTERNAL_IDENTITY_DELETE = "identity.external_identity_delete",
        "delete from external_identity where organization_id = $1 and user_id = $2 and id = $3";
    /// What an address is to an organization: the account, what it is here, and whether it belongs to others as well.
    ADDRESS_HERE = "identity.address_here",
        "select u.id, m.id as membership_id, m.role, m.state, \
         (select count(*) from membership n where n.user_id = u.id and n.organization_id <> $1) as elsewhere \
         from user_account u left join membership m on m.user_id = u.id and m.organization_id = $1 \
         where u.email_index = $2";
    /// Those who left can come back, so they count.
    MEMBERSHIPS_EVER_ELSEWHERE = "identity.memberships_ever_elsewhere",
        "select count(*) as memberships from membership where organization_id <> $1 and user_id = $2";
    /// The session that a provider opened, by the name that the provider has for it.
    SESSION_OF_PROVIDER = "identity.session_of_provider",
        "update session set provider_session = $3 where organization_id = $1 and token_hash = $2";
    SESSIONS_DELETE_OF_PROVIDER_SESSION = "identity.sessions_delete_of_provider_session",
        "delete from session where organization_id = $1 and provider_session = $2";
    /// Those of one person that began at the provider, as far as they are older than the word about them.
    SESSIONS_DELETE_BY_PROVIDER = "identity.sessions_delete_by_provider",
        "delete from session where organization_id = $1 and user_id = $2 and factors like 'single_sign_on%' \
         and created_at <= $3";
    /// The same, of those that the provider gave no name to.
    SESSIONS_DELETE_UNNAMED_BY_PROVIDER = "identity.sessions_delete_unnamed_by_provider",
        "delete from session where organization_id = $1 and user_id = $2 and factors like 'single_sign_on%' \
         and created_at <= $3 and provider_session is null";
    SESSIONS_DELETE_ALL_BY_PROVIDER = "identity.sessions_delete_all_by_provider",
        "delete from session where organization_id = $1 and factors like 'single_sign_on%'";
    /// Those that did not begin at the provider, of everybody who has to go that way.
    SESSIONS_DELETE_PAST_PROVIDER = "identity.sessions_delete_past_provider",
        "delete from session where organization_id = $1 and factors not like 'single_sign_on%' \
         and user_id in (select m.user_id from membership m where m.organization_id = $1 and m.role <> 'owner')";
}
