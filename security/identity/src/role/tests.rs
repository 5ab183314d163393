//! The matrix against the file that people review, and that no permission is forgotten.

use super::*;
use crate::api_key::KeyRole;
use std::fmt::Write as _;

/// The whole matrix as people read it: a row per permission, a column per role, and what the other states permit.
fn matrix() -> String {
    let mut text = String::from("permission           owner  admin  manager  viewer   invited, suspended, left\n");
    for permission in Permission::ALL {
        let mark = |role| if allows(role, MembershipState::Active, permission) { "yes" } else { "-" };
        let otherwise = MembershipState::ALL[1..]
            .iter()
            .any(|&state| Role::ALL.into_iter().any(|role| allows(role, state, permission)));
        let [owner, admin, manager, viewer] = Role::ALL.map(mark);
        let stopped = if otherwise { "YES" } else { "-" };
        writeln!(text, "{:<20} {owner:<6} {admin:<6} {manager:<8} {viewer:<8} {stopped}", permission.name())
            .expect("writing to a string");
    }
    text
}

#[test]
fn the_matrix_is_the_reviewed_one() {
    let reviewed = include_str!("matrix.txt");
    let now = matrix();
    assert_eq!(now, reviewed, "the matrix changed; if that is meant, put this into role/matrix.txt:\n{now}");
}

/// What people read about a role is what the matrix says.
#[test]
fn the_explanation_of_a_role_is_what_it_may_do() {
    let lacks =
        |role: Role| Permission::ALL.into_iter().filter(move |one| Role::Owner.includes(*one) && !role.includes(*one));
    for permission in lacks(Role::Admin) {
        let word = match permission {
            Permission::BillingRead | Permission::BillingWrite => "billing",
            Permission::VaultWrite => "the keys that seal",
            Permission::SingleSignOnWrite => "single sign-on",
            Permission::ProvisioningWrite => "the keys of a directory",
            other => panic!("{other:?}: an admin lacks it, and nobody is told"),
        };
        assert!(Role::Admin.explained().contains(word), "{permission:?}: {}", Role::Admin.explained());
    }
    let without = Role::Admin.explained().strip_prefix("Everything but ").expect("the sentence lists what is missing");
    assert_eq!(
        without.matches([',', '&']).count() + without.matches(" and ").count() + 1,
        4,
        "and nothing else: {without}"
    );
    for (word, permission) in
        [("members", Permission::MemberRead), ("keys", Permission::KeyRead), ("settings", Permission::SettingsRead)]
    {
        let is_told = Role::Manager.explained().contains(&format!("no {word}"));
        assert!(is_told && !Role::Manager.includes(permission), "{permission:?}");
    }
    let of_viewer: Vec<Permission> = Permission::ALL.into_iter().filter(|one| Role::Viewer.includes(*one)).collect();
    assert_eq!(of_viewer, [Permission::AnalyticsRead], "figures only");
    assert!(lacks(Role::Owner).next().is_none() && Role::Owner.explained().starts_with("Everything, billing included"));
}

#[test]
fn every_permission_is_listed_once() {
    let mut all = Permission::ALL.to_vec();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), Permission::ALL.len());
    assert_eq!(all.last(), Some(&Permission::BillingWrite), "the last one of the enum is in the list");
    assert_eq!(Permission::BillingWrite as usize + 1, Permission::ALL.len());
}

#[test]
fn words_come_back() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    for state in MembershipState::ALL {
        assert_eq!(MembershipState::parse(state.as_str()), Some(state));
    }
    assert_eq!(Role::parse("Owner"), None);
}

#[test]
fn nobody_grants_more_than_they_hold() {
    assert!(Role::Owner.may_grant(Role::Owner));
    assert!(!Role::Admin.may_grant(Role::Owner));
    assert!(Role::Admin.may_grant(Role::Manager));
    assert!(!Role::Viewer.may_grant(Role::Manager));
}

#[test]
fn dotted_names_come_back_and_are_the_published_ones() {
    for permission in Permission::ALL {
        assert_eq!(Permission::parse(&permission.dotted()), Some(permission));
    }
    assert_eq!(Permission::RecordingListen.dotted(), "recording.listen");
    for unknown in ["", "recording", "RecordingListen", "recording.listen ", "recording_listen"] {
        assert_eq!(Permission::parse(unknown), None, "{unknown:?}");
    }
}

/// The same rules stand a second time, in Cedar, for an oracle outside of the workspace (`oracles/authorization`) that
/// compares every cell. Here only that the file cannot be forgotten: it names every permission of today and no other.
#[test]
fn the_policy_file_names_every_permission_and_no_other() {
    let policy = include_str!("policy.cedar");
    let named: std::collections::BTreeSet<&str> =
        policy.split("Action::\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let ours: Vec<String> = Permission::ALL.into_iter().map(Permission::dotted).collect();
    assert_eq!(named, ours.iter().map(String::as_str).collect(), "role/policy.cedar is not up to date");
}

/// What the file says of each role, read by hand from its lists: a second, weaker reading for machines without the oracle.
#[test]
fn the_lists_of_the_policy_file_are_the_matrix() {
    for rule in include_str!("policy.cedar").split("@id(\"").skip(1) {
        let name = rule.split('"').next().unwrap_or_default();
        let listed: Vec<&str> = rule.split("Action::\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for permission in Permission::ALL {
            let allowed = match Role::parse(name) {
                Some(role) => allows(role, MembershipState::Active, permission),
                None if name == "directory" => KeyRole::Provisioning.allows(permission),
                None => name == "support" && crate::support::is_grantable(permission),
            };
            assert_eq!(listed.contains(&permission.dotted().as_str()), allowed, "{name} {permission:?}");
        }
    }
}
