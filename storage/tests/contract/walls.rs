//! The walls between organizations, as the doors, the keys and PostgreSQL's row-level security hold them.

use storage::{
    Column, Database, DatabaseConfig, Erasure, Error, OrganizationId, Owner, PostgresLink, Reference, Retention,
    Schema, Statement, Table, Value,
};
use uuid::Uuid;

use crate::house::{
    ALL, BOOKING, CONTACT, COUNTER, DUE, TENANT, TENANTS, TOTAL, add, contact, databases, id, organization, schema,
    texts,
};

/// Statements as a careless part might write them; the registry's check refuses them, and PostgreSQL shows them nothing else.
const COUNT_WITHOUT_PREDICATE: Statement =
    Statement::installation("careless.count", "select count(*) as rows from contact");
const CHANGE_WITHOUT_PREDICATE: Statement =
    Statement::installation("careless.change", "update contact set visits = 99");
const COUNT_INSIDE: Statement = Statement::organization(
    "careless.inside",
    "select count(*) as rows from contact where organization_id = $1 or true",
);
const ADD_ELSEWHERE: Statement =
    Statement::installation("careless.add", "insert into counter (organization_id, id, total) values ($1, $2, 1)");

async fn two_contacts(test: &storage::testing::TestDatabase) -> [(OrganizationId, Uuid); 2] {
    let both = [(organization(), id()), (organization(), id())];
    for (organization, one) in both {
        add(test, organization, &CONTACT, &contact(one, "Ada")).await.expect("added");
    }
    both
}

#[tokio::test]
async fn a_door_reaches_its_own_organization_only() {
    for test in databases().await {
        let [(mine, my_contact), (other, other_contact)] = two_contacts(&test).await;
        let door = test.database.organization(mine);
        assert_eq!(door.id(), mine);
        assert!(door.get(&CONTACT, my_contact).await.expect("read").is_some());
        assert!(door.get(&CONTACT, other_contact).await.expect("read").is_none(), "{}", test.name);
        assert_eq!(door.query(&ALL, &[]).await.expect("read").len(), 1);
        let mut transaction = door.begin().await.expect("begun");
        assert_eq!(transaction.organization(), Some(mine));
        assert!(transaction.get(&CONTACT, other_contact).await.expect("read").is_none());
        assert!(!transaction.update(&CONTACT, other_contact, &[("name", "Eve".into())]).await.expect("asked"));
        assert!(!transaction.delete(&CONTACT, other_contact).await.expect("asked"));
        assert!(transaction.update(&CONTACT, my_contact, &[("name", "Eve".into())]).await.expect("asked"));
        transaction.commit().await.expect("committed");
        let untouched =
            test.database.organization(other).get(&CONTACT, other_contact).await.expect("read").expect("there");
        assert_eq!(untouched.text("name").expect("text"), "Ada");
    }
}

#[tokio::test]
async fn no_row_points_into_another_organization() {
    for test in databases().await {
        let [(mine, my_contact), (_, other_contact)] = two_contacts(&test).await;
        let booking =
            |contact: Uuid| [("id", id().into()), ("contact_id", contact.into()), ("starts_at", 5_i64.into())];
        add(&test, mine, &BOOKING, &booking(my_contact)).await.expect("its own contact");
        for contact in [other_contact, id()] {
            let refused = add(&test, mine, &BOOKING, &booking(contact)).await.expect_err("refused");
            assert!(matches!(refused, Error::Reference), "{} {refused}", test.name);
        }
        let mut transaction = test.database.organization(mine).begin().await.expect("begun");
        let moved = transaction.update(&CONTACT, my_contact, &[("merged_into", other_contact.into())]).await;
        assert!(matches!(moved, Err(Error::Reference)), "{}", test.name);
        drop(transaction);
        let mut transaction = test.database.organization(mine).begin().await.expect("begun");
        let refused = transaction.delete(&CONTACT, my_contact).await.expect_err("a booking still points to it");
        assert!(matches!(refused, Error::Reference), "{}", test.name);
    }
}

#[tokio::test]
async fn doors_refuse_what_is_not_theirs() {
    const INSTALLATION_SIDE: &str = "the installation's door";
    for test in databases().await {
        let (inside, outside) = (test.database.organization(organization()), test.database.installation());
        let refusals = [
            inside.get(&TENANT, id()).await.err(),
            inside.query(&TENANTS, &[]).await.err(),
            inside.query(&DUE, &[1_i64.into()]).await.err(),
            inside.query(&TOTAL, &[id().into()]).await.err(),
            outside.get(&CONTACT, id()).await.err(),
            outside.query(&ALL, &[]).await.err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Some(Error::Scope { .. })), "{} {INSTALLATION_SIDE} {refusal:?}", test.name);
        }
        let mut transaction = outside.begin().await.expect("begun");
        assert!(matches!(transaction.insert(&CONTACT, &contact(id(), "Ada")).await, Err(Error::Scope { .. })));
        drop(transaction);
        let mut transaction = inside.begin().await.expect("begun");
        assert!(matches!(transaction.query(&DUE, &[1_i64.into()]).await, Err(Error::Scope { .. })));
        drop(transaction);
        let forbidden: [&[(&str, Value)]; 4] = [
            &[("id", id().into()), ("organization_id", id().into())],
            &[("id", id().into()), ("name; drop table contact", "x".into())],
            &[("id", id().into()), ("total", 1_i64.into()), ("total", 2_i64.into())],
            &[],
        ];
        for fields in forbidden {
            let mut transaction = inside.begin().await.expect("begun");
            let refused = transaction.insert(&COUNTER, fields).await.expect_err("refused");
            assert!(matches!(refused, Error::Scope { .. } | Error::NoColumn { .. }), "{refused}");
        }
    }
}

#[tokio::test]
async fn an_organization_s_transaction_also_changes_the_installation() {
    for test in databases().await {
        let (organization, one) = (organization(), id());
        let mut transaction = test.database.organization(organization).begin().await.expect("begun");
        transaction.insert(&TENANT, &[("id", organization.into()), ("name", "Practice".into())]).await.expect("added");
        transaction.insert(&CONTACT, &contact(one, "Ada")).await.expect("added");
        assert_eq!(texts(&transaction.query(&TENANTS, &[]).await.expect("read"), "name"), ["Practice"]);
        transaction.commit().await.expect("committed");
        let tenant = test.database.installation().get(&TENANT, organization.0).await.expect("read");
        assert!(tenant.is_some(), "{}", test.name);
    }
}

#[tokio::test]
async fn sweeps_read_across_organizations_and_only_read() {
    const SWEEP_AND_DELETE: Statement =
        Statement::across_organizations("careless.sweep", "delete from booking returning id", "never");
    for test in databases().await {
        for (organization, contact) in two_contacts(&test).await {
            let booking = [("id", id().into()), ("contact_id", contact.into()), ("starts_at", 5_i64.into())];
            add(&test, organization, &BOOKING, &booking).await.expect("added");
        }
        let door = test.database.installation();
        assert_eq!(door.query(&DUE, &[5_i64.into()]).await.expect("read").len(), 2, "{}", test.name);
        assert!(door.query(&DUE, &[4_i64.into()]).await.expect("read").is_empty());
        door.query(&SWEEP_AND_DELETE, &[]).await.expect_err("a door only reads");
        assert_eq!(door.query(&DUE, &[5_i64.into()]).await.expect("read").len(), 2, "{}", test.name);
    }
}

#[tokio::test]
async fn reading_doors_do_not_write() {
    const CAREFUL_BUT_WRITING: Statement = Statement::organization(
        "careless.write",
        "update contact set visits = 99 where organization_id = $1 returning id",
    );
    for test in databases().await {
        let [(mine, my_contact), _] = two_contacts(&test).await;
        test.database.organization(mine).query(&CAREFUL_BUT_WRITING, &[]).await.expect_err("a door only reads");
        let row = test.database.organization(mine).get(&CONTACT, my_contact).await.expect("read").expect("there");
        assert_eq!(row.integer("visits").expect("integer"), 0);
    }
}

#[tokio::test]
async fn row_level_security_stands_behind_careless_statements() {
    let Some(test) = storage::testing::postgres(schema()).await else { return };
    let [(mine, my_contact), (other, other_contact)] = two_contacts(&test).await;
    let rows = |rows: Vec<storage::Row>| rows[0].integer("rows").expect("count");
    let outside = test.database.installation();
    assert_eq!(rows(outside.query(&COUNT_WITHOUT_PREDICATE, &[]).await.expect("read")), 0);
    assert_eq!(rows(test.database.organization(mine).query(&COUNT_INSIDE, &[]).await.expect("read")), 1);
    let mut transaction = test.database.organization(mine).begin().await.expect("begun");
    assert_eq!(rows(transaction.query(&COUNT_WITHOUT_PREDICATE, &[]).await.expect("read")), 1);
    assert_eq!(transaction.execute(&CHANGE_WITHOUT_PREDICATE, &[]).await.expect("asked"), 1);
    transaction.execute(&ADD_ELSEWHERE, &[mine.into(), id().into()]).await.expect("its own");
    transaction.execute(&ADD_ELSEWHERE, &[other.into(), id().into()]).await.expect_err("another's");
    drop(transaction);
    let mut transaction = test.database.installation().begin().await.expect("begun");
    assert_eq!(transaction.execute(&CHANGE_WITHOUT_PREDICATE, &[]).await.expect("asked"), 0);
    transaction.execute(&ADD_ELSEWHERE, &[other.into(), id().into()]).await.expect_err("nobody's transaction");
    drop(transaction);
    // The settings end with their transactions: nothing is left on any pooled connection.
    for _ in 0..50 {
        assert_eq!(rows(outside.query(&COUNT_WITHOUT_PREDICATE, &[]).await.expect("read")), 0);
    }
    for (organization, contact) in [(mine, my_contact), (other, other_contact)] {
        let row = test.database.organization(organization).get(&CONTACT, contact).await.expect("read").expect("there");
        assert_eq!(row.integer("visits").expect("integer"), 0);
    }
}

#[tokio::test]
async fn a_role_above_the_walls_is_refused() {
    let Some(test) = storage::testing::postgres(schema()).await else { return };
    let url = test.superuser_url().expect("PostgreSQL has one").to_owned();
    let refused = Database::open(&DatabaseConfig::Postgres { url, link: PostgresLink::ThisMachine }, schema())
        .await
        .expect_err("refused")
        .to_string();
    assert!(refused.contains("superuser"), "{refused}");
    // No superuser, but above the walls all the same.
    let superuser = test.superuser_url().expect("PostgreSQL has one");
    let (client, connection) = tokio_postgres::connect(superuser, tokio_postgres::NoTls).await.expect("connects");
    tokio::spawn(connection);
    let role = format!("ringfence_bypass_{}", std::process::id());
    client.batch_execute(&format!("create role {role} login nosuperuser bypassrls")).await.expect("made");
    let url = superuser.replace("user=postgres", &format!("user={role}"));
    let refused = Database::open(&DatabaseConfig::Postgres { url, link: PostgresLink::ThisMachine }, schema())
        .await
        .expect_err("refused")
        .to_string();
    client.batch_execute(&format!("drop role {role}")).await.expect("gone");
    assert!(refused.contains("bypasses row-level security"), "{refused}");
}

#[tokio::test]
async fn a_wall_taken_down_is_noticed() {
    let Some(test) = storage::testing::postgres(schema()).await else { return };
    test.database.check_walls().await.expect("the walls stand");
    let url = test.superuser_url().expect("PostgreSQL has one");
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connects");
    tokio::spawn(connection);
    for (down, up) in [
        ("alter table contact no force row level security", "alter table contact force row level security"),
        ("alter table contact disable row level security", "alter table contact enable row level security"),
        ("create policy open on contact using (true)", "drop policy open on contact"),
        (
            "alter policy contact_across on contact using (true)",
            "alter policy contact_across on contact using (current_setting('app.across', true) = 'on')",
        ),
    ] {
        client.batch_execute(down).await.expect("taken down");
        let noticed = test.database.check_walls().await.expect_err(down).to_string();
        assert!(noticed.contains("table contact"), "{noticed}");
        assert!(test.reopen(schema()).await.is_err(), "{down}");
        client.batch_execute(up).await.expect("put up again");
        test.database.check_walls().await.expect(up);
    }
}

#[tokio::test]
async fn sqlite_s_walls_stand_and_its_files_are_private() {
    let test = storage::testing::sqlite(schema()).await;
    test.database.check_walls().await.expect("the walls stand");
    add(&test, organization(), &CONTACT, &contact(id(), "Ada")).await.expect("added");
    #[cfg(unix)]
    for entry in std::fs::read_dir(test.folder()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().expect("metadata").permissions());
        assert_eq!(mode & 0o077, 0, "{:?} can be read by others", entry.file_name());
    }
}

#[tokio::test]
async fn an_organization_s_rows_go_with_its_row() {
    static OWNED: Table = Table {
        name: "owned",
        owner: Owner::Organization,
        columns: &[Column::uuid("parent_id").nullable()],
        references: &[
            Reference::to("organization_id", "tenant").cascade(),
            Reference::to("parent_id", "owned").cascade(),
        ],
        unique: &[],
        indexes: &[],
        retention: Retention::WithOrganization,
        erasure: Erasure::WithOrganization,
    };
    for test in storage::testing::databases(Schema::new().with(&[&TENANT, &OWNED], &[])).await {
        let (leaving, staying) = (organization(), organization());
        for tenant in [leaving, staying] {
            let mut transaction = test.database.organization(tenant).begin().await.expect("begun");
            transaction.insert(&TENANT, &[("id", tenant.into()), ("name", "x".into())]).await.expect("added");
            transaction.insert(&OWNED, &[("id", tenant.into())]).await.expect("added");
            transaction.commit().await.expect("committed");
        }
        let orphan = add(&test, organization(), &OWNED, &[("id", id().into())]).await;
        assert!(matches!(orphan, Err(Error::Reference)), "{}", test.name);
        let mut transaction = test.database.installation().begin().await.expect("begun");
        assert!(transaction.delete(&TENANT, leaving.0).await.expect("deleted"));
        transaction.commit().await.expect("committed");
        for (tenant, there) in [(leaving, false), (staying, true)] {
            let row = test.database.organization(tenant).get(&OWNED, tenant.0).await.expect("read");
            assert_eq!(row.is_some(), there, "{}", test.name);
        }
    }
}
