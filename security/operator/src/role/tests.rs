//! The operators' matrix against the file that people review; and that content has no name in it.

use std::fmt::Write as _;

use super::*;

fn matrix() -> String {
    let mut text =
        String::from("permission           administrator  engineer  support  auditor   untrained, suspended\n");
    for permission in OperatorPermission::ALL {
        let mark = |role| if allows(role, Standing::Good, permission) { "yes" } else { "-" };
        let [administrator, engineer, support, auditor] = OperatorRole::ALL.map(mark);
        let stopped = [Standing::Untrained, Standing::Suspended];
        let otherwise = stopped
            .iter()
            .any(|&standing| OperatorRole::ALL.into_iter().any(|role| allows(role, standing, permission)));
        let stopped = if otherwise { "YES" } else { "-" };
        let name = permission.name();
        writeln!(text, "{name:<20} {administrator:<14} {engineer:<9} {support:<8} {auditor:<9} {stopped}")
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

#[test]
fn no_permission_of_an_operator_is_one_of_an_organization() {
    for ours in OperatorPermission::ALL {
        let theirs = identity::Permission::ALL.into_iter().find(|theirs| theirs.name() == ours.name());
        assert_eq!(theirs, None, "an operator's permission must not open what is an organization's");
    }
    let content = ["Transcript", "Recording", "Conversation", "Contact", "Call", "Lead", "Ticket", "Knowledge", "Key"];
    for permission in OperatorPermission::ALL {
        let name = permission.name();
        assert!(!content.iter().any(|word| name.starts_with(word)), "{name} names content");
    }
}

#[test]
fn every_permission_is_listed_once_and_words_come_back() {
    assert_eq!(OperatorPermission::TrainingAttest as usize + 1, OperatorPermission::ALL.len());
    let mut all = OperatorPermission::ALL.to_vec();
    all.dedup();
    assert_eq!(all.len(), OperatorPermission::ALL.len());
    for role in OperatorRole::ALL {
        assert_eq!(OperatorRole::parse(role.as_str()), Some(role));
    }
    assert_eq!(OperatorRole::parse("owner"), None);
}

#[test]
fn duties_are_apart() {
    for role in OperatorRole::ALL {
        let may = |permission| allows(role, Standing::Good, permission);
        assert!(!(may(OperatorPermission::GrantUse) && may(OperatorPermission::TrainingAttest)), "{role:?}");
        assert!(!(may(OperatorPermission::GrantUse) && may(OperatorPermission::OperatorSuspend)), "{role:?}");
    }
}
