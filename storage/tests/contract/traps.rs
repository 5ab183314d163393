//! Where two engines, or an engine and its driver, quietly differ: the door makes them alike or refuses.

use storage::{Error, Statement, Timestamp, Value};

use crate::house::{
    ADD_VISITS, ALL, BY_NAME_AND_VISITS, CONTACT, COUNTER, EXISTS, LIKE, LITERAL, NAMES, SUM, UPSERT, add, contact,
    databases, id, organization, texts, with,
};

#[tokio::test]
async fn every_type_comes_back_as_it_went_in() {
    for test in databases().await {
        let (organization, one) = (organization(), id());
        let big: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        let mut fields = contact(one, "Zoë \"'$1;--\n");
        fields = with(with(fields, "visits", i64::MAX), "created_at", Timestamp(i64::MIN));
        fields = with(with(fields, "blocked", true), "email", big.as_slice());
        add(&test, organization, &CONTACT, &fields).await.expect("added");
        let row = test.database.organization(organization).get(&CONTACT, one).await.expect("read").expect("there");
        assert_eq!(row.organization("organization_id").expect("organization"), organization);
        assert_eq!(row.uuid("id").expect("uuid"), one);
        assert_eq!(row.text("name").expect("text"), "Zoë \"'$1;--\n");
        assert_eq!(row.integer("visits").expect("integer"), i64::MAX);
        assert_eq!(row.timestamp("created_at").expect("time"), Timestamp(i64::MIN));
        assert!(row.boolean("blocked").expect("boolean"));
        assert_eq!(row.bytes("email").expect("bytes"), big);
        assert_eq!(row.optional_text("note").expect("null"), None);
        assert_eq!(row.optional_uuid("merged_into").expect("null"), None);
        assert!(matches!(row.text("note"), Err(Error::ColumnType { found: "null", .. })), "{}", test.name);
        assert!(matches!(row.text("visits"), Err(Error::ColumnType { .. })), "{}", test.name);
        assert!(matches!(row.text("nothing"), Err(Error::NoColumn { .. })), "{}", test.name);
    }
}

#[tokio::test]
async fn empty_bytes_and_empty_text_are_not_null() {
    for test in databases().await {
        let (organization, one) = (organization(), id());
        let fields = with(with(contact(one, ""), "email", Vec::<u8>::new()), "note", "");
        add(&test, organization, &CONTACT, &fields).await.expect("added");
        let row = test.database.organization(organization).get(&CONTACT, one).await.expect("read").expect("there");
        assert_eq!(row.bytes("email").expect("bytes"), b"");
        assert_eq!(
            (row.text("name").expect("text"), row.optional_text("note").expect("text")),
            (String::new(), Some(String::new()))
        );
    }
}

#[tokio::test]
async fn arguments_are_bound_by_their_digits() {
    for test in databases().await {
        let organization = organization();
        let door = test.database.organization(organization);
        add(&test, organization, &CONTACT, &with(contact(id(), "Ada"), "visits", 5_i64)).await.expect("added");
        let rows = door.query(&BY_NAME_AND_VISITS, &["Ada".into(), 5_i64.into()]).await.expect("read");
        assert_eq!(texts(&rows, "name"), ["Ada"], "{}", test.name);
        assert!(door.query(&BY_NAME_AND_VISITS, &["Ada".into(), 6_i64.into()]).await.expect("read").is_empty());
        let rows = door.query(&LITERAL, &["Ada".into()]).await.expect("read");
        assert_eq!(texts(&rows, "literal"), ["$2 ? ' $9"], "{}", test.name);
    }
}

#[tokio::test]
async fn missing_and_superfluous_arguments_are_refused() {
    const GAP: Statement =
        Statement::organization("contacts.gap", "select id from contact where organization_id = $1 and name = $3");
    const QUESTION: Statement =
        Statement::organization("contacts.question", "select id from contact where organization_id = $1 and name = ?");
    for test in databases().await {
        let door = test.database.organization(organization());
        for arguments in [&[][..], &["Ada".into()], &["Ada".into(), 1_i64.into(), 2_i64.into()]] {
            let refused = door.query(&BY_NAME_AND_VISITS, arguments).await.expect_err("refused");
            assert!(
                matches!(refused, Error::Arguments { given, expected: 3, .. } if given == arguments.len() + 1),
                "{} {refused}",
                test.name
            );
        }
        door.query(&GAP, &["Ada".into(), "Ada".into()]).await.expect_err("a gap in the numbers");
        door.query(&QUESTION, &["Ada".into()]).await.expect_err("a question mark");
    }
}

#[tokio::test]
async fn sums_existence_and_counts_have_plain_types() {
    for test in databases().await {
        let organization = organization();
        let door = test.database.organization(organization);
        for visits in [40_i64, 2] {
            add(&test, organization, &CONTACT, &with(contact(id(), "Ada"), "visits", visits)).await.expect("added");
        }
        let row = door.query(&SUM, &[]).await.expect("read").remove(0);
        assert_eq!((row.integer("total").expect("sum"), row.integer("rows").expect("count")), (42, 2));
        for (name, expected) in [("Ada", true), ("Bob", false)] {
            let row = door.query(&EXISTS, &[name.into()]).await.expect("read").remove(0);
            assert_eq!(row.boolean("found").expect("boolean"), expected, "{}", test.name);
        }
    }
}

#[tokio::test]
async fn text_sorts_and_compares_by_bytes() {
    for test in databases().await {
        let organization = organization();
        for name in ["b", "B", "a", "ä", "_", "Z"] {
            add(&test, organization, &CONTACT, &contact(id(), name)).await.expect("added");
        }
        let door = test.database.organization(organization);
        assert_eq!(texts(&door.query(&NAMES, &[]).await.expect("read"), "name"), ["B", "Z", "_", "a", "b", "ä"]);
        assert_eq!(texts(&door.query(&LIKE, &["b%".into()]).await.expect("read"), "name"), ["b"], "{}", test.name);
    }
}

#[tokio::test]
async fn text_with_a_zero_character_is_refused_alike() {
    for test in databases().await {
        let refused = add(&test, organization(), &CONTACT, &contact(id(), "a\0b")).await.expect_err("refused");
        assert!(matches!(refused, Error::Argument { .. }), "{} {refused}", test.name);
    }
}

#[tokio::test]
async fn values_of_another_type_are_refused() {
    for test in databases().await {
        let organization = organization();
        let wrong: [(&str, Value); 5] = [
            ("visits", "many".into()),
            ("name", Value::Bytes(vec![1])),
            ("blocked", 7_i64.into()),
            ("merged_into", Value::Bytes(vec![1, 2, 3])),
            ("email", Value::Null),
        ];
        for (column, value) in wrong {
            let refused = add(&test, organization, &CONTACT, &with(contact(id(), "Ada"), column, value)).await;
            let refused = refused.expect_err(column);
            assert!(
                matches!(refused, Error::Constraint { .. } | Error::Argument { .. }),
                "{} {column} {refused}",
                test.name
            );
        }
    }
}

#[tokio::test]
async fn conflicts_are_named_alike() {
    for test in databases().await {
        let (organization, one) = (organization(), id());
        add(&test, organization, &CONTACT, &contact(one, "Ada")).await.expect("added");
        let same_email = with(contact(id(), "Bob"), "email_index", one.as_bytes());
        let refused = add(&test, organization, &CONTACT, &same_email).await.expect_err("refused");
        assert!(
            matches!(&refused, Error::Conflict { constraint } if constraint == "contact(email_index)"),
            "{refused}"
        );
        let same_id = with(contact(one, "Bob"), "email_index", b"other");
        let refused = add(&test, organization, &CONTACT, &same_id).await.expect_err("refused");
        assert!(matches!(&refused, Error::Conflict { constraint } if constraint == "contact(id)"), "{refused}");
        add(&test, crate::house::organization(), &CONTACT, &contact(one, "Ada")).await.expect("another organization's");
    }
}

#[tokio::test]
async fn one_text_holds_one_statement() {
    const TWO: Statement = Statement::organization(
        "contacts.two",
        "update contact set visits = 1 where organization_id = $1; delete from contact where organization_id = $1",
    );
    for test in databases().await {
        let (organization, one) = (organization(), id());
        add(&test, organization, &CONTACT, &contact(one, "Ada")).await.expect("added");
        let mut transaction = test.database.organization(organization).begin().await.expect("begun");
        transaction.execute(&TWO, &[]).await.expect_err("refused");
        drop(transaction);
        let row =
            test.database.organization(organization).get(&CONTACT, one).await.expect("read").expect("still there");
        assert_eq!(row.integer("visits").expect("integer"), 0);
    }
}

#[tokio::test]
async fn returning_gives_every_changed_row_and_upserts_add() {
    for test in databases().await {
        let (organization, one) = (organization(), id());
        for name in ["a", "b", "c"] {
            add(&test, organization, &CONTACT, &contact(id(), name)).await.expect("added");
        }
        let mut transaction = test.database.organization(organization).begin().await.expect("begun");
        assert_eq!(transaction.query(&ADD_VISITS, &[2_i64.into()]).await.expect("changed").len(), 3);
        assert_eq!(transaction.execute(&ADD_VISITS, &[2_i64.into()]).await.expect("changed"), 3);
        for _ in 0..3 {
            assert_eq!(transaction.execute(&UPSERT, &[one.into(), 5_i64.into()]).await.expect("changed"), 1);
        }
        let counter = transaction.get(&COUNTER, one).await.expect("read").expect("there");
        assert_eq!(counter.integer("total").expect("integer"), 15);
        transaction.commit().await.expect("committed");
        let door = test.database.organization(organization);
        let rows = door.query(&ALL, &[]).await.expect("read");
        assert!(rows.iter().all(|row| row.integer("visits").is_ok_and(|visits| visits == 4)));
    }
}

#[tokio::test]
async fn errors_hold_no_stored_value() {
    const CANARY: &str = "canary-7f3a";
    const CAST: Statement = Statement::organization(
        "contacts.cast",
        "select cast(name as bigint) as number from contact where organization_id = $1 and name = $2",
    );
    for test in databases().await {
        let (organization, one) = (organization(), id());
        let fields = with(with(contact(one, CANARY), "email_index", CANARY.as_bytes()), "note", CANARY);
        add(&test, organization, &CONTACT, &fields).await.expect("added");
        let mut errors = Vec::new();
        errors.extend(add(&test, organization, &CONTACT, &with(fields.clone(), "id", id())).await.err());
        errors.extend(add(&test, organization, &CONTACT, &with(fields.clone(), "visits", CANARY)).await.err());
        errors.extend(add(&test, organization, &CONTACT, &with(fields.clone(), "email", Value::Null)).await.err());
        errors.extend(
            add(&test, organization, &CONTACT, &with(fields.clone(), "note", format!("{CANARY}\0"))).await.err(),
        );
        errors.extend(add(&test, organization, &CONTACT, &with(fields, "merged_into", id())).await.err());
        assert_eq!(errors.len(), 5, "{}", test.name);
        let door = test.database.organization(organization);
        errors.extend(door.query(&CAST, &[CANARY.into()]).await.err());
        let row = door.get(&CONTACT, one).await.expect("read").expect("there");
        errors.extend(row.integer("name").err());
        let shown = format!("{errors:?} {row:?} {:?}", Value::from(CANARY));
        assert!(!shown.contains(CANARY), "{}: {shown}", test.name);
        assert!(errors.iter().all(|error| !error.to_string().contains(CANARY)), "{}", test.name);
    }
}

/// Any text without a zero character, any bytes, any number: what goes in comes out, alike on both engines.
#[test]
fn random_values_come_back_alike() {
    use proptest::prelude::*;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tests = runtime.block_on(databases());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let values = ("[^\\x00]{0,60}", any::<Option<String>>(), any::<Vec<u8>>(), any::<i64>(), any::<bool>());
    let result = runner.run(&values, |(name, note, email, visits, blocked)| {
        let note = note.map(|note| note.replace('\0', ""));
        let (organization, one) = (organization(), id());
        for test in &tests {
            let fields = with(with(contact(one, &name), "note", note.clone()), "email", email.clone());
            let fields = with(with(fields, "visits", visits), "blocked", blocked);
            let row = runtime.block_on(async {
                add(test, organization, &CONTACT, &fields).await.expect("added");
                test.database.organization(organization).get(&CONTACT, one).await.expect("read").expect("there")
            });
            prop_assert_eq!(row.text("name").expect("text"), name.clone());
            prop_assert_eq!(row.optional_text("note").expect("text"), note.clone());
            prop_assert_eq!(row.bytes("email").expect("bytes"), email.clone());
            prop_assert_eq!(
                (row.integer("visits").expect("integer"), row.boolean("blocked").expect("boolean")),
                (visits, blocked)
            );
        }
        Ok(())
    });
    let _entered = runtime.enter();
    drop(tests);
    result.expect("all alike");
}
