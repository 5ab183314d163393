//! The tables about who is let in and what was noticed about them: invitations, places, alerts, and every SQL text about
//! them.

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};

/// Links that make somebody a member, once. The installation's: they are read before the organization is known.
pub static INVITATION: Table = Table {
    name: "invitation",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::bytes("token_hash"),
        Column::text("role"),
        // The one account that it is for: a member whom a directory added, and who has no password yet.
        Column::uuid("for_user_id").nullable(),
        // For whom, in the words of whoever invites.
        Column::sealed("note", SealedWith::Installation),
        Column::uuid("created_by").nullable(),
        Column::time("created_at"),
        Column::time("expires_at"),
        Column::time("used_at").nullable(),
        Column::uuid("used_by").nullable(),
        Column::time("revoked_at").nullable(),
    ],
    references: &[],
    unique: &[&["token_hash"]],
    indexes: &[&["organization_id"], &["created_by"], &["for_user_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::DeleteRow("used_by"),
};

/// Where a signed-in browser was seen: network and device as keyed hashes, to be compared and no more; in words, sealed.
pub static SIGHTING: Table = Table {
    name: "sighting",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("user_id"),
        Column::uuid("session_id"),
        Column::bytes("network_index"),
        Column::bytes("device_index"),
        Column::sealed("place", SealedWith::Installation),
        Column::time("seen_at"),
    ],
    references: &[],
    unique: &[&["session_id", "network_index", "device_index"]],
    indexes: &[&["user_id"], &["seen_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Places that a person has said are theirs.
pub static KNOWN_PLACE: Table = Table {
    name: "known_place",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("user_id"),
        Column::bytes("network_index"),
        Column::bytes("device_index"),
        Column::time("expires_at"),
    ],
    references: &[],
    unique: &[&["user_id", "network_index", "device_index"]],
    indexes: &[&["expires_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// What the organization's directory says of somebody whom it provisioned; its id is the membership's.
pub static PROVISIONED_USER: Table = Table {
    name: "provisioned_user",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("user_id"),
        // Names and the directory's own identifier, as JSON.
        Column::sealed("profile", SealedWith::Organization),
        // The directory's own identifier as a keyed hash, to be found by.
        Column::bytes("external_index").nullable(),
        // The directory made the account, so its name and address are the directory's to change.
        Column::boolean("is_own_account"),
        Column::time("changed_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["external_index"], &["user_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::DeleteRow("user_id"),
};

/// What was noticed and somebody must look at.
pub static SECURITY_ALERT: Table = Table {
    name: "security_alert",
    owner: Owner::Organization,
    columns: &[
        Column::text("kind"),
        // The person, key or other thing that it is about.
        Column::uuid("subject_id"),
        // The person who can say whether it was them.
        Column::uuid("user_id").nullable(),
        // The same thing noticed twice has the same bytes here.
        Column::bytes("fingerprint"),
        Column::sealed("detail", SealedWith::Organization),
        Column::time("raised_at"),
        Column::text("state"),
        Column::uuid("settled_by").nullable(),
        Column::time("settled_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["state"], &["user_id"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::DeleteRow("user_id"),
};

/// What an organization decided about access; one row each, its id is the organization's.
pub static ACCESS_SETTING: Table = Table {
    name: "access_setting",
    owner: Owner::Organization,
    columns: &[Column::integer("privileged_limit")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("a number that the organization chose"),
};

/// Every statement of this file.
pub(crate) const STATEMENTS: &[&Statement] = &ALL;
const LISTS: [&[&Statement]; 2] = [INSTALLATION_STATEMENTS, ORGANIZATION_STATEMENTS];
const ALL: [&Statement; INSTALLATION_STATEMENTS.len() + ORGANIZATION_STATEMENTS.len()] = super::joined(&LISTS);

statements! {
    INVITATION_BY_HASH = "identity.invitation_by_hash",
        "select i.id, i.organization_id, i.role, i.for_user_id, i.created_by, m.role as maker_role, m.state as maker_state, \
         o.name as organization_name, o.state as organization_state \
         from invitation i join organization o on o.id = i.organization_id \
         left join membership m on m.organization_id = i.organization_id and m.user_id = i.created_by \
         where i.token_hash = $1 and i.used_at is null and i.revoked_at is null and i.expires_at > $2";
    INVITATION_USE = "identity.invitation_use",
        "update invitation set used_at = $2, used_by = $3 \
         where token_hash = $1 and used_at is null and revoked_at is null and expires_at > $2";
    INVITATIONS_OPEN = "identity.invitations_open",
        "select id, role, note, created_by, created_at, expires_at from invitation \
         where organization_id = $1 and used_at is null and revoked_at is null and expires_at > $2 \
         and id > $3 order by id limit $4";
    INVITATIONS_COUNT = "identity.invitations_count",
        "select count(*) as invitations from invitation \
         where organization_id = $1 and used_at is null and revoked_at is null and expires_at > $2";
    INVITATION_REVOKE = "identity.invitation_revoke",
        "update invitation set revoked_at = $3 \
         where organization_id = $1 and id = $2 and used_at is null and revoked_at is null and expires_at > $3";
    INVITATIONS_REVOKE_OF_MAKER = "identity.invitations_revoke_of_maker",
        "update invitation set revoked_at = $3 \
         where organization_id = $1 and (created_by = $2 or for_user_id = $2) and used_at is null and revoked_at is null";
    INVITATIONS_REVOKE_FOR = "identity.invitations_revoke_for",
        "update invitation set revoked_at = $3 \
         where organization_id = $1 and for_user_id = $2 and used_at is null and revoked_at is null";
    INVITATIONS_SWEEP = "identity.invitations_sweep", "delete from invitation where expires_at <= $1";
    /// Held while the number of owners must not change under our feet.
    MEMBERSHIPS_OF_OWNERS = "identity.memberships_of_owners",
        "select count(*) as owners from membership \
         where organization_id = $1 and role = 'owner' and state = 'active' and user_id <> $2";
    MEMBERSHIPS_COUNT = "identity.memberships_count",
        "select count(*) as members from membership where organization_id = $1 and state <> 'left'";
    MEMBERSHIPS_ELSEWHERE = "identity.memberships_elsewhere",
        "select count(*) as elsewhere from membership where user_id = $1 and organization_id <> $2 and state <> 'left'";
    ACCOUNT_RENAME = "identity.account_rename", "update user_account set name = $2 where id = $1";
    ACCOUNT_READDRESS = "identity.account_readdress",
        "update user_account set email = $2, email_index = $3 where id = $1";
    MEMBER_OF_ORGANIZATION = "identity.member_of_organization",
        "select m.id, m.user_id, m.role, m.state, m.created_at, m.seen_at, u.name, u.email from membership m \
         join user_account u on u.id = m.user_id where m.organization_id = $1 and m.id = $2";
    MEMBERSHIP_OF_USER = "identity.membership_of_user",
        "select id, role, state from membership where organization_id = $1 and user_id = $2";
    MEMBERS_PRIVILEGED = "identity.members_privileged",
        "select count(*) as members from membership \
         where organization_id = $1 and state = 'active' and role in ('owner', 'admin')";
    MEMBER_SEEN = "identity.member_seen",
        "update membership set seen_at = $3 where organization_id = $1 and user_id = $2 \
         and (seen_at is null or seen_at < $3)";
    SESSIONS_DELETE_OF_MEMBER = "identity.sessions_delete_of_member",
        "delete from session where organization_id = $1 and user_id = $2";
    SESSIONS_DELETE_OF_USER = "identity.sessions_delete_of_user", "delete from session where user_id = $1";
    TOKENS_DELETE_OF_MEMBER = "identity.tokens_delete_of_member",
        "delete from one_time_token where (user_id = $2 or created_by = $2) \
         and (organization_id = $1 or organization_id is null)";
    TOKENS_DELETE_OF_USER = "identity.tokens_delete_of_user", "delete from one_time_token where user_id = $1 or created_by = $1";
    /// Links by which a member vouches for another, about this one or by this one.
    RESETS_WITHDRAW = "identity.resets_withdraw",
        "delete from one_time_token where organization_id = $1 and (user_id = $2 or created_by = $2) \
         and created_by is not null and used_at is null";
    /// Browsers that a link about this person has let in.
    SESSIONS_DELETE_OF_RESETS = "identity.sessions_delete_of_resets",
        "delete from session where organization_id = $1 and user_id = $2 and factors like '%reset_link%'";
    /// Browsers that links by this person have let in.
    SESSIONS_DELETE_OF_VOUCHED = "identity.sessions_delete_of_vouched",
        "delete from session where organization_id = $1 and factors like '%reset_link%' and user_id in \
         (select t.user_id from one_time_token t where t.organization_id = $1 and t.created_by = $2)";
    SIGHTING_KEEP = "identity.sighting_keep",
        "insert into sighting (id, user_id, session_id, network_index, device_index, place, seen_at) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict (session_id, network_index, device_index) do update set seen_at = excluded.seen_at";
    SIGHTING_OF_SESSION = "identity.sighting_of_session",
        "select seen_at from sighting where session_id = $1 and network_index = $2 and device_index = $3";
    /// Where the same person was seen lately in another network with another device, by sessions that are still there.
    SIGHTINGS_ELSEWHERE = "identity.sightings_elsewhere",
        "select g.id, g.network_index, g.device_index, g.place, g.seen_at \
         from sighting g join session s on s.id = g.session_id \
         where g.user_id = $1 and g.network_index <> $2 and (g.device_index <> $3 or g.session_id <> $4) \
         and g.seen_at > $5 order by g.seen_at desc, g.id desc limit $6";
    SIGHTINGS_SWEEP = "identity.sightings_sweep", "delete from sighting where seen_at <= $1";
    KNOWN_PLACE_KEEP = "identity.known_place_keep",
        "insert into known_place (id, user_id, network_index, device_index, expires_at) values ($1, $2, $3, $4, $5) \
         on conflict (user_id, network_index, device_index) do update set expires_at = excluded.expires_at";
    KNOWN_PLACES = "identity.known_places",
        "select network_index, device_index from known_place where user_id = $1 and expires_at > $2";
    KNOWN_PLACES_SWEEP = "identity.known_places_sweep", "delete from known_place where expires_at <= $1";
}

organization_statements! {
    PROVISIONED_USER_DELETE = "identity.provisioned_user_delete",
        "delete from provisioned_user where organization_id = $1 and user_id = $2";
    ALERTS = "identity.alerts",
        "select id, kind, subject_id, user_id, detail, raised_at, state, settled_by, settled_at from security_alert \
         where organization_id = $1 and id < $2 order by id desc limit $3";
    ALERTS_OF_USER = "identity.alerts_of_user",
        "select id, kind, subject_id, user_id, detail, raised_at, state, settled_by, settled_at from security_alert \
         where organization_id = $1 and user_id = $4 and id < $2 order by id desc limit $3";
    ALERTS_OPEN_LIKE = "identity.alerts_open_like",
        "select id from security_alert where organization_id = $1 and fingerprint = $2 and state = 'open' limit 1";
    ALERT_SETTLE = "identity.alert_settle",
        "update security_alert set state = $3, settled_by = $4, settled_at = $5 \
         where organization_id = $1 and id = $2 and state = 'open'";
    PRIVILEGED_LIMIT_KEEP = "identity.privileged_limit_keep",
        "insert into access_setting (organization_id, id, privileged_limit) values ($1, $2, $3) \
         on conflict (organization_id, id) do update set privileged_limit = excluded.privileged_limit";
}
