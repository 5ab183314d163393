//! Buckets by a clock that is moved by hand, and the cap under a flood.

use super::*;
use std::net::Ipv6Addr;
use storage::ManualClock;

fn limits(clock: &Arc<ManualClock>) -> Limits {
    let settings =
        LimitSettings { read: Rate::per_minute(3), network: Rate::per_minute(2), ..LimitSettings::default() };
    Limits::new(&settings, Arc::clone(clock) as Arc<dyn Clock>)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)))
}

#[test]
fn a_bucket_empties_and_fills_with_the_clock() {
    let clock = clock();
    let limits = limits(&clock);
    let key = Subject::Credential(Uuid::from_u128(1));
    assert_eq!((0..3).map(|_| limits.check(RateClass::Read, key).remaining).collect::<Vec<_>>(), [2, 1, 0]);
    let refused = limits.check(RateClass::Read, key);
    assert_eq!(refused.retry_after_seconds, Some(20));
    clock.advance_seconds(19);
    assert!(!limits.check(RateClass::Read, key).is_granted());
    clock.advance_seconds(1);
    assert!(limits.check(RateClass::Read, key).is_granted());
    assert!(limits.check(RateClass::Read, Subject::Credential(Uuid::from_u128(2))).is_granted(), "another key");
    assert!(limits.check(RateClass::Write, key).is_granted(), "another class");
}

#[test]
fn an_organization_has_its_own_larger_bucket() {
    let limits = limits(&clock());
    let organization = Subject::Organization(Uuid::from_u128(1));
    let passed = (0..20).filter(|_| limits.check(RateClass::Read, organization).is_granted()).count();
    assert_eq!(passed, 15);
}

#[test]
fn a_64_is_one_client() {
    let limits = limits(&clock());
    let from = |text: &str| {
        limits.check(RateClass::Any, Subject::Network(Network::of(text.parse().expect("an address")))).is_granted()
    };
    assert!(from("2001:db8::1") && from("2001:db8::2"));
    assert!(!from("2001:db8::3") && !from("2001:db8:0:0:ffff::9"));
    assert!(from("2001:db8:0:1::1"));
}

#[test]
fn a_site_with_many_networks_meets_its_own_limit() {
    let clock = clock();
    let limits = limits(&clock);
    let from = |third: u16, fourth: u16| {
        let address = Ipv6Addr::new(0x2001, 0xdb8, third, fourth, 0, 0, 0, 1);
        limits.check_address(RateClass::Any, IpAddr::V6(address))
    };
    let most = 2 * SITE_FACTOR;
    let passed = (0..1000).filter(|network| from(1, *network).is_granted()).count();
    assert_eq!(passed, most as usize, "each network is new, and yet the site is bounded");
    assert!(from(2, 0).is_granted(), "another site");
    clock.advance_seconds(60);
    assert!(from(1, 5000).is_granted(), "and it recovers");
    let four = |last: u8| limits.check_address(RateClass::Any, IpAddr::from([198, 51, 100, last])).is_granted();
    assert_eq!((0..=255).filter(|last| four(*last)).count(), 256, "IPv4 has no sites");
}

#[test]
fn an_organization_can_be_held_to_a_part() {
    let (slow, ordinary, clock) = (Uuid::from_u128(1), Uuid::from_u128(2), clock());
    let settings = LimitSettings { read: Rate::per_minute(12), one_in: [(slow, 4)].into(), ..LimitSettings::default() };
    let limits = Limits::new(&settings, Arc::clone(&clock) as Arc<dyn Clock>);
    let passed =
        |id| (0..100).filter(|_| limits.check(RateClass::Read, Subject::Organization(id)).is_granted()).count();
    assert_eq!((passed(ordinary), passed(slow)), (60, 15));
    let refused = limits.check(RateClass::Read, Subject::Organization(slow));
    assert_eq!((refused.rate.requests, refused.retry_after_seconds), (15, Some(4)), "told as it is held");
    clock.advance_seconds(4);
    assert_eq!((passed(ordinary), passed(slow)), (4, 1));
    let tiny =
        LimitSettings { read: Rate::per_minute(1), one_in: [(slow, 100)].into(), organization_factor: 1, ..settings };
    let limits = Limits::new(&tiny, clock as Arc<dyn Clock>);
    assert!(limits.check(RateClass::Read, Subject::Organization(slow)).is_granted(), "never held to nothing at all");
}

#[test]
fn nodes_that_share_a_database_give_their_parts_of_every_rate() {
    let clock = clock();
    let (one, two) = (limits(&clock), limits(&clock));
    one.share(2);
    two.share(2);
    let organization = Subject::Organization(Uuid::from_u128(1));
    let passed = |limits: &Limits| (0..40).filter(|_| limits.check(RateClass::Read, organization).is_granted()).count();
    assert_eq!((passed(&one), passed(&two)), (7, 7), "of fifteen in all");
    assert_eq!(one.check(RateClass::Read, organization).rate.requests, 7, "and says so");
    clock.advance_seconds(60);
    one.share(1);
    assert_eq!(passed(&one), 15, "whoever is left alone gives all");
    one.share(1_000);
    clock.advance_seconds(60);
    assert_eq!(passed(&one), 1, "never nothing at all");
}

#[test]
fn a_flood_of_networks_is_capped_and_newcomers_still_find_a_limit() {
    let clock = clock();
    let limits = limits(&clock);
    let from = |network: u64| limits.check(RateClass::Any, Subject::Network(Network::V6(network)));
    for network in 0..(MAXIMUM_KEYS as u64) {
        assert!(from(network).is_granted());
    }
    assert_eq!(limits.remembered_keys(), MAXIMUM_KEYS);
    let flood = (0..40_000_u64).filter(|network| from(1_000_000 + network).is_granted()).count();
    assert!(flood <= 2 * OVERFLOW_BUCKETS as usize, "{flood} passed beyond the cap");
    assert!(limits.remembered_keys() <= MAXIMUM_KEYS + OVERFLOW_BUCKETS as usize);
    clock.advance_seconds(120);
    assert!(from(99_999_999).is_granted());
    assert!(limits.remembered_keys() < 10, "swept once they were idle");
}

#[test]
fn headers_say_what_is_left_and_when_to_come_back() {
    let mut headers = HeaderMap::new();
    let granted = Allowance { rate: Rate::per_minute(600), remaining: 599, retry_after_seconds: None };
    granted.write(&mut headers);
    assert_eq!(headers["ratelimit-policy"], "\"default\";q=600;w=60");
    assert_eq!(headers["ratelimit"], "\"default\";r=599;t=1");
    assert!(!headers.contains_key(RETRY_AFTER));
    let refused = Allowance { remaining: 0, retry_after_seconds: Some(7), ..granted };
    granted.stricter(refused).write(&mut headers);
    assert_eq!(headers["ratelimit"], "\"default\";r=0;t=7");
    assert_eq!(headers[RETRY_AFTER], "7");
    assert_eq!(granted.stricter(Allowance { remaining: 3, ..granted }).remaining, 3);
}

#[tokio::test]
async fn attempts_at_an_account_are_counted_in_the_database_to_the_last_one() {
    let schema = storage::Schema::new().with(&[&attempts::ATTEMPT], attempts::STATEMENTS);
    for test in storage::testing::databases(schema).await {
        let clock = clock();
        let node = |seed| {
            let shared = Arc::clone(&clock) as Arc<dyn Clock>;
            let entropy = Arc::new(storage::SeededEntropy::new(seed));
            let identifiers = storage::Identifiers::new(Arc::clone(&shared), entropy);
            Attempts::new(&test.database, identifiers, shared, Rate::per_ten_minutes(5))
        };
        let (one, two) = (node(1), node(2));
        let mut left = Vec::new();
        for attempt in 0..5 {
            let node = if attempt % 2 == 0 { &one } else { &two };
            left.push(node.take([7; 32]).await.expect("counted").remaining);
        }
        assert_eq!(left, [4, 3, 2, 1, 0], "{}", test.name);
        for node in [&one, &two] {
            assert_eq!(node.take([7; 32]).await.expect("counted").retry_after_seconds, Some(120), "{}", test.name);
        }
        assert!(two.take([8; 32]).await.expect("counted").is_granted(), "another account");
        clock.advance_seconds(119);
        assert_eq!(one.take([7; 32]).await.expect("counted").retry_after_seconds, Some(1));
        clock.advance_seconds(1);
        assert!(one.take([7; 32]).await.expect("counted").is_granted());
        assert!(!two.take([7; 32]).await.expect("counted").is_granted(), "the one place was taken");
        clock.advance_seconds(10 * 60);
        two.sweep().await.expect("swept");
        assert_eq!(one.take([7; 32]).await.expect("counted").remaining, 4, "as often as ever");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_once_at_two_nodes_never_get_more_than_there_are() {
    let schema = storage::Schema::new().with(&[&attempts::ATTEMPT], attempts::STATEMENTS);
    for test in storage::testing::databases(schema).await {
        let shared = clock() as Arc<dyn Clock>;
        let tries = (0..40).map(|seed| {
            let identifiers =
                storage::Identifiers::new(Arc::clone(&shared), Arc::new(storage::SeededEntropy::new(seed)));
            let attempts = Attempts::new(&test.database, identifiers, Arc::clone(&shared), Rate::per_ten_minutes(10));
            tokio::spawn(async move { attempts.take([9; 32]).await.expect("counted").is_granted() })
        });
        let mut granted = 0;
        for attempt in tries.collect::<Vec<_>>() {
            granted += usize::from(attempt.await.expect("no panic"));
        }
        assert_eq!(granted, 10, "{}", test.name);
    }
}
