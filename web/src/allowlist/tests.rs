//! Reading lists, their edges, and both databases.

use identity::Role;
use identity::testing::platforms;
use storage::Schema;

use super::*;

fn list(entries: &[&str]) -> Allowlist {
    Allowlist::parse(entries.iter().copied()).expect("a good list")
}

fn refused(entry: &str) -> EntryError {
    Allowlist::parse([entry]).expect_err(entry).1
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn an_empty_list_lets_in_everybody_and_another_only_its_networks() {
    assert!(Allowlist::default().permits(Some(address("203.0.113.7"))) && Allowlist::default().permits(None));
    let office = list(&["203.0.113.0/24", "198.51.100.7", "2001:db8:1::/48"]);
    for (text, passes) in [
        ("203.0.113.0", true),
        ("203.0.113.255", true),
        ("203.0.114.0", false),
        ("203.0.112.255", false),
        ("198.51.100.7", true),
        ("198.51.100.8", false),
        ("::ffff:203.0.113.9", true),
        ("2001:db8:1:ffff::1", true),
        ("2001:db8:2::1", false),
        ("::1", false),
    ] {
        assert_eq!(office.permits(Some(address(text))), passes, "{text}");
    }
    assert!(!office.permits(None), "an unknown address is not in the list");
}

#[test]
fn entries_are_read_strictly_and_refused_with_what_would_do() {
    assert_eq!(list(&["::ffff:10.0.0.0/104", " 10.0.0.0/8 "]).texts(), ["10.0.0.0/8"], "IPv4 inside IPv6, once");
    assert_eq!(list(&["2001:DB8::1"]).texts(), ["2001:db8::1/128"]);
    assert_eq!(refused("10.0.0.5/8"), EntryError::AddressInNetwork("10.0.0.0/8".parse().expect("a network")));
    for everybody in ["0.0.0.0/0", "::/0", "::ffff:0:0/96"] {
        assert_eq!(refused(everybody), EntryError::Everybody, "{everybody}");
    }
    for nonsense in
        ["", "office", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "010.0.0.1", "2001:db8::/129", "1.2.3.4 5.6.7.8"]
    {
        assert_eq!(refused(nonsense), EntryError::Unreadable, "{nonsense}");
    }
    assert_eq!(refused(&"1".repeat(5000)), EntryError::Unreadable);
    let many: Vec<String> =
        (0..=NETWORKS_MAX).map(|number| format!("10.0.{}.{}", number / 256, number % 256)).collect();
    assert!(Allowlist::parse(many.iter().take(NETWORKS_MAX).map(String::as_str)).is_ok());
    let refusal = Allowlist::parse(many.iter().map(String::as_str)).expect_err("one too many");
    assert_eq!(refusal, (NETWORKS_MAX, EntryError::TooMany));
}

#[tokio::test]
async fn lists_are_kept_apart_on_both_databases_and_nobody_shuts_themselves_out() {
    for test in platforms(Schema::new().with(crate::TABLES, crate::STATEMENTS)).await {
        let (here, there) = (test.organization("harbour").await, test.organization("mill").await);
        let owner = test.member(here.organization, Role::Owner).await.caller;
        let platform = &test.platform;
        assert_eq!(read(platform, here.organization).await.expect("read"), Allowlists::default(), "{}", test.name);
        let api_only = Allowlists { dashboard: Allowlist::default(), api: list(&["10.0.0.0/8"]) };
        replace(platform, &owner, &api_only).await.expect("a list for programs shuts out no person");
        replace(platform, &owner, &api_only).await.expect("again");
        assert_eq!(read(platform, here.organization).await.expect("read"), api_only);
        assert_eq!(read(platform, there.organization).await.expect("read"), Allowlists::default(), "{}", test.name);
        let locking = Allowlists { dashboard: list(&["10.0.0.0/8"]), api: Allowlist::default() };
        // Personas of tests have no address: no list can name it.
        let refusal = replace(platform, &owner, &locking).await.expect_err("shuts out the caller");
        assert!(matches!(refusal, Error::ShutsOutTheCaller(None)), "{refusal}");
        assert_eq!(read(platform, here.organization).await.expect("read"), api_only, "nothing was changed");
        clear(platform, &owner).await.expect("cleared");
        assert_eq!(read(platform, here.organization).await.expect("read"), Allowlists::default());
    }
}
