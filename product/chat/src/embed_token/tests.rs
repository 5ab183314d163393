//! What an embed token looks like, and when it opens nothing.

use storage::SeededEntropy;

use super::*;

fn organization() -> OrganizationId {
    OrganizationId(Uuid::from_u128(0xab12 << 90))
}

fn token() -> EmbedToken {
    EmbedToken {
        id: Uuid::from_u128(1),
        name: "Home page".to_owned(),
        agent_id: Uuid::from_u128(2),
        origins: Origins::parse(["https://shop.example"]).expect("a list"),
        expires_at: Some(Timestamp(2_000)),
        revoked_at: None,
        quota: Quota::default(),
        created_at: Timestamp(0),
        previous_until: None,
    }
}

#[test]
fn a_text_comes_back_with_its_organization() {
    let made = TokenText::generate(organization(), &SeededEntropy::new(3));
    assert_eq!(TokenText::parse(made.as_str()), Some(made.clone()));
    assert_eq!(made.organization, organization());
    assert_eq!(made.as_str().len(), START.len() + ORGANIZATION_DIGITS + 1 + token::SECRET_TEXT_LENGTH);
}

#[test]
fn nonsense_is_no_token() {
    let made = TokenText::generate(organization(), &SeededEntropy::new(3));
    let upper = made.as_str().to_uppercase().replacen("RF_EMBED_", START, 1);
    let longer = format!("{}0", made.as_str());
    let shorter = &made.as_str()[..made.as_str().len() - 1];
    let hyphens = made.as_str().replacen("000000000000", "00000000-000", 1);
    for text in ["", START, "rf_embed__", "rf_live_x", "rf_embed_é_ü", &upper, &longer, shorter, &hyphens] {
        assert_eq!(TokenText::parse(text), None, "{text}");
    }
}

#[test]
fn only_a_listed_origin_in_time_opens() {
    assert_eq!(token().check("https://shop.example", Timestamp(1_999)), Ok(()));
    assert_eq!(token().check("https://evil.example", Timestamp(1_999)), Err(Refusal::Origin));
    assert_eq!(token().check("https://shop.example", Timestamp(2_000)), Err(Refusal::Expired));
    let revoked = EmbedToken { revoked_at: Some(Timestamp(5)), ..token() };
    assert_eq!(revoked.check("https://shop.example", Timestamp(6)), Err(Refusal::Revoked));
    let endless = EmbedToken { expires_at: None, ..token() };
    assert_eq!(endless.check("https://shop.example", Timestamp(i64::MAX)), Ok(()));
}

#[test]
fn an_empty_list_means_deny() {
    let nobody = EmbedToken { origins: Origins::default(), ..token() };
    for origin in ["https://shop.example", "", "null"] {
        assert_eq!(nobody.check(origin, Timestamp(1)), Err(Refusal::Origin), "{origin}");
    }
}

#[test]
fn days_change_at_midnight_utc() {
    let midnight = Timestamp::from_seconds(20_000 * 24 * 3600);
    assert_eq!(Span::Day.number(midnight), 20_000);
    assert_eq!(Span::Day.number(Timestamp(midnight.0 - 1)), 19_999);
    assert_eq!(Span::Day.number(Timestamp(-1)), -1);
}

#[test]
fn a_used_up_quota_says_when_it_begins_anew() {
    let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 - 1_800_000_000 % 86_400 + seconds);
    for (limit, seconds, left) in [
        (Limit::ConversationsOfHour, 0, Some(3600)),
        (Limit::ConversationsOfHour, 3599, Some(1)),
        (Limit::ConversationsOfHour, 3600, Some(3600)),
        (Limit::ConversationsOfDay, 0, Some(86_400)),
        (Limit::MessagesOfDay, 86_399, Some(1)),
        (Limit::MessagesOfConversation, 10, None),
    ] {
        assert_eq!(limit.seconds_left(at(seconds)), left, "{limit:?} {seconds}");
    }
    assert_eq!(
        (Span::Hour.number(at(3599)), Span::Day.number(at(86_400))),
        (Span::Hour.number(at(0)), Span::Day.number(at(0)) + 1)
    );
}
