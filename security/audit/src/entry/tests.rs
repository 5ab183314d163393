//! The exact text of records, so that a change of the format cannot go unnoticed.

use storage::SeededEntropy;

use super::*;

fn entry() -> Entry {
    Entry {
        actor: Actor { kind: ActorKind::ApiKey, id: Some(Uuid::from_u128(1)), address: None },
        action: "agent.publish",
        object_kind: "agent",
        object_id: None,
        outcome: Outcome::Refused,
        facts: vec![("version", "3".to_owned()), ("note", "\"q\" \\ \u{1} \u{7f} é \u{1F600} \n\0".to_owned())],
        personal: vec![],
    }
}

fn record(entry: &Entry, organization: Option<OrganizationId>, personal: Option<&Personal>) -> Record {
    Record::of(entry, organization, Timestamp(-5), 7, personal).expect("within limits")
}

#[test]
fn the_text_of_a_record_is_canonical() {
    let text = record(&entry(), Some(OrganizationId(Uuid::from_u128(2))), None).text();
    let expected = concat!(
        r#"{"action":"agent.publish","actor":{"id":"00000000-0000-0000-0000-000000000001","kind":"api_key"},"#,
        r#""at":-5,"commitment":null,"facts":[["version","3"],["note","\"q\" \\ \u0001 "#,
        "\u{7f} é \u{1F600}",
        r#" \n\u0000"]],"index":7,"object":{"id":null,"kind":"agent"},"#,
        r#""organization":"00000000-0000-0000-0000-000000000002","outcome":"refused","version":1}"#,
    );
    assert_eq!(text, expected);
    assert_eq!(Record::parse(&text).expect("a record").text(), text);
}

#[test]
fn only_the_canonical_text_is_taken() {
    let text = record(&entry(), None, None).text();
    let longer = text.replace("\"version\":1}", "\"version\":1,\"more\":1}");
    for other in [
        text.replace(':', ": "),
        longer,
        text.replace("\"at\":-5,", ""),
        text.replace("api_key", "root"),
        String::new(),
    ] {
        assert!(Record::parse(&other).is_none(), "{other}");
    }
}

#[test]
fn personal_values_are_committed_to_under_a_salt() {
    let mut entry = entry();
    entry.actor.address = Some("2001:db8::1".parse().expect("an address"));
    let personal = |seed| Personal::of(&entry, &SeededEntropy::new(seed)).expect("within limits").expect("some");
    let (one, two) = (personal(1), personal(2));
    assert_eq!(one.values(), r#"[["address","2001:db8::1"]]"#);
    assert_ne!(one.commitment(), two.commitment(), "another salt, another commitment");
    let text = record(&entry, None, Some(&one)).text();
    assert!(text.contains(&one.commitment()) && !text.contains("2001:db8"));
    assert_eq!(Personal::from_bytes(&one.to_bytes()), Some(one.clone()));
    assert_eq!(Personal::from_bytes(&[0; 31]), None);
    assert_eq!(Personal::from_bytes(&[0; 40]), None);
    assert_eq!(format!("{one:?}"), "Personal(..)");
}

proptest::proptest! {
    #[test]
    fn every_record_is_read_as_it_was_written(
        facts in proptest::collection::vec(proptest::collection::vec(proptest::char::any(), 0..20), 0..4),
        at: i64,
        index: u64,
        organization: Option<u128>,
    ) {
        let facts = facts.into_iter().map(|value| ("fact", value.into_iter().collect())).collect();
        let organization = organization.map(|id| OrganizationId(Uuid::from_u128(id)));
        let made = Record::of(&Entry { facts, ..entry() }, organization, Timestamp(at), index, None).expect("within limits");
        proptest::prop_assert_eq!(Record::parse(&made.text()), Some(made));
    }

    #[test]
    fn no_text_brings_the_reader_down(text in ".{0,80}|[{}\\[\\]\",:a-z0-9]{0,80}") {
        proptest::prop_assert!(Record::parse(&text).is_none());
    }
}

#[test]
fn long_values_stand_in_pieces_that_lose_nothing_but_the_space_between() {
    assert_eq!(in_pieces("origins", ""), [("origins", String::new())]);
    let most = "x".repeat(MAXIMUM_VALUE_LENGTH);
    assert_eq!(in_pieces("reason", &most), [("reason", most.clone())]);
    assert_eq!(in_pieces("reason", &format!("{most}y")), [("reason", most), ("reason", "y".to_owned())]);
    let words: Vec<String> = (0..400).map(|number| format!("origin-{number}")).collect();
    let listed = in_pieces("origins", &words.join(" "));
    assert!(listed.len() > 2 && listed.iter().all(|(_, piece)| piece.len() <= MAXIMUM_VALUE_LENGTH));
    let again: Vec<&str> = listed.iter().flat_map(|(_, piece)| piece.split(' ')).collect();
    assert_eq!(again, words);
    // No space at all, and letters of three bytes: 1,024 lies within one.
    let vouched = "声".repeat(500);
    let pieces = in_pieces("vouched", &vouched);
    assert_eq!((pieces.len(), pieces.iter().map(|(_, piece)| piece.as_str()).collect::<String>()), (2, vouched));
    // A text that begins with a space and has no other.
    let odd = format!(" {}", "z".repeat(2 * MAXIMUM_VALUE_LENGTH));
    assert!(in_pieces("reason", &odd).iter().all(|(_, piece)| !piece.is_empty()));
}
