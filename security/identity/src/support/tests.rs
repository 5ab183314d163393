//! What a scope reaches, at its edges.

use super::*;

const ONE: Uuid = Uuid::from_u128(1);
const TWO: Uuid = Uuid::from_u128(2);

fn scope(objects: &[Uuid]) -> Scope {
    Scope::new(&[Permission::RecordingListen, Permission::CallRead], objects).expect("grantable")
}

#[test]
fn support_only_looks() {
    for permission in Permission::ALL {
        let name = permission.dotted();
        let looks = name.rsplit('.').next().is_some_and(|verb| ["read", "listen"].contains(&verb));
        assert!(looks || !is_grantable(permission), "{name} does something, so no grant may hold it");
        assert_eq!(Scope::new(&[permission], &[]).is_ok(), is_grantable(permission), "{name}");
    }
    for never in [Permission::MemberRead, Permission::KeyRead, Permission::AuditRead, Permission::BillingRead] {
        assert!(!is_grantable(never), "{never:?}");
    }
}

#[test]
fn a_scope_that_was_tampered_with_gives_nothing_more() {
    let tampered = Scope::as_stored(&[Permission::MemberWrite, Permission::CallRead], &[]);
    assert!(tampered.permits(Permission::CallRead) && !tampered.permits(Permission::MemberWrite));
    assert_eq!(Scope::parse("call.read no.such", "").expect("read").permissions(), [Permission::CallRead]);
    assert!(Scope::parse("call.read", "not-an-id").is_none(), "an unreadable object must not mean all objects");
}

#[test]
fn a_narrowed_scope_reaches_its_objects_only() {
    let narrowed = scope(&[ONE]);
    assert!(narrowed.covers(&[ONE]) && narrowed.covers(&[ONE, ONE]));
    for asked in [&[][..], &[TWO], &[ONE, TWO], &[TWO, ONE]] {
        assert!(!narrowed.covers(asked), "{asked:?}");
        assert!(scope(&[]).covers(asked), "{asked:?}");
    }
}

#[test]
fn scopes_come_back_as_they_were_stored() {
    for scope in [scope(&[]), scope(&[TWO, ONE, ONE])] {
        assert_eq!(Scope::parse(&scope.permission_words(), &scope.object_words()), Some(scope));
    }
}

#[test]
fn wishes_are_judged_at_their_edges() {
    let wish = |hours, reason| NewGrant { scope: scope(&[]), hours, reason };
    for (hours, reason, good) in [
        (1, "a", true),
        (MAXIMUM_HOURS, "a", true),
        (0, "a", false),
        (-1, "a", false),
        (MAXIMUM_HOURS + 1, "a", false),
        (i64::MAX, "a", false),
        (1, " ", false),
        (1, "a\u{7}", false),
    ] {
        assert_eq!(wish(hours, reason).checked().is_ok(), good, "{hours} {reason:?}");
    }
    let (longest, longer) = ("é".repeat(MAXIMUM_REASON_LENGTH), "é".repeat(MAXIMUM_REASON_LENGTH + 1));
    assert!(wish(1, &longest).checked().is_ok() && wish(1, &longer).checked().is_err());
    assert!(Scope::new(&[Permission::CallRead], &[ONE; MAXIMUM_OBJECTS]).is_ok());
    assert!(Scope::new(&[Permission::CallRead], &[ONE; MAXIMUM_OBJECTS + 1]).is_err());
    assert!(Scope::new(&[], &[]).is_err());
}
