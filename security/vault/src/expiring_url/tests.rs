//! A link opens what it says, for as long as it says, for whom it says; every changed character closes it.

use super::*;

fn key(byte: u8) -> LinkKey {
    LinkKey::new(&Secret::from_slice(&[byte; 32]).expect("32 bytes"))
}

fn claims(session: Option<Uuid>) -> LinkClaims {
    LinkClaims {
        organization: OrganizationId(Uuid::from_u128(1)),
        purpose: "recording.listen".into(),
        object: Uuid::from_u128(2),
        expires_at: Timestamp(1_000_000),
        session,
    }
}

#[test]
fn a_link_opens_until_the_instant_it_expires() {
    let token = key(1).sign(&claims(None)).expect("signed");
    let verify = |now| key(1).verify(&token, "recording.listen", None, Timestamp(now));
    assert_eq!(verify(0), Ok(claims(None)));
    assert_eq!(verify(999_999), Ok(claims(None)));
    assert_eq!(verify(1_000_000), Err(LinkError::Expired));
    assert_eq!(verify(i64::MAX), Err(LinkError::Expired));
}

#[test]
fn every_changed_character_makes_it_forged() {
    let token = key(1).sign(&claims(Some(Uuid::from_u128(3)))).expect("signed");
    for index in 0..token.len() {
        for other in ["A", "B", "-", "=", "+"] {
            let mut changed = token.clone();
            changed.replace_range(index..=index, other);
            if changed != token {
                let verified = key(1).verify(&changed, "recording.listen", Some(Uuid::from_u128(3)), Timestamp(0));
                assert_eq!(verified, Err(LinkError::Forged), "character {index} as {other}");
            }
        }
        let cut = &token[..index];
        assert_eq!(key(1).verify(cut, "recording.listen", None, Timestamp(0)), Err(LinkError::Forged));
    }
    assert_eq!(key(2).verify(&token, "recording.listen", None, Timestamp(0)), Err(LinkError::Forged));
    assert_eq!(key(1).verify(&"A".repeat(100_000), "x", None, Timestamp(0)), Err(LinkError::Forged));
}

#[test]
fn purpose_and_session_are_held() {
    let own = Some(Uuid::from_u128(3));
    let bound = key(1).sign(&claims(own)).expect("signed");
    let verify = |purpose, session| key(1).verify(&bound, purpose, session, Timestamp(0));
    assert_eq!(verify("recording.listen", own), Ok(claims(own)));
    assert_eq!(verify("recording.listen", None), Err(LinkError::OtherSession));
    assert_eq!(verify("recording.listen", Some(Uuid::from_u128(4))), Err(LinkError::OtherSession));
    assert_eq!(verify("export.download", own), Err(LinkError::OtherPurpose));
    let free = key(1).sign(&claims(None)).expect("signed");
    assert_eq!(key(1).verify(&free, "recording.listen", own, Timestamp(0)), Ok(claims(None)));
}

#[test]
fn a_purpose_has_one_to_sixty_four_bytes() {
    for (length, good) in [(0, false), (1, true), (64, true), (65, false)] {
        let claims = LinkClaims { purpose: "p".repeat(length), ..claims(Some(Uuid::from_u128(9))) };
        let token = key(1).sign(&claims);
        assert_eq!(token.is_ok(), good, "{length} bytes");
        if let Ok(token) = token {
            assert!(token.len() <= MAXIMUM_TOKEN_LENGTH);
            let verified = key(1).verify(&token, &claims.purpose, claims.session, Timestamp(0));
            assert_eq!(verified, Ok(claims));
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_that_was_not_signed_here_opens_anything(token in "[A-Za-z0-9_-]{0,260}|.{0,60}") {
        let verified = key(1).verify(&token, "recording.listen", None, Timestamp(0));
        proptest::prop_assert_eq!(verified, Err(LinkError::Forged));
    }

    #[test]
    fn no_claims_bring_the_reader_down(bytes: Vec<u8>) {
        if let Some(claims) = decode(&bytes) {
            proptest::prop_assert_eq!(encode(&claims).unwrap_or(bytes.clone()), bytes);
        }
    }
}
