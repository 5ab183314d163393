//! Databases that grow with their declarations, on both engines: what is added, what is refused, and many processes at once.

use super::*;
use crate::testing::{TestDatabase, databases};
use crate::{Column, Database, Erasure, OrganizationId, Owner, Reference, Retention, Statement, Table};
use uuid::Uuid;

const ORIGINAL: Table = Table {
    name: "note",
    owner: Owner::Organization,
    columns: &[Column::text("words"), Column::uuid("parent_id").nullable()],
    references: &[Reference::to("parent_id", "note")],
    unique: &[&["words"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::WithOrganization,
};
static NOTE: Table = ORIGINAL;
static GROWN: Table = Table {
    columns: &[
        Column::text("words"),
        Column::uuid("parent_id").nullable(),
        Column::uuid("author_id").nullable(),
        Column::boolean("done").nullable(),
    ],
    indexes: &[&["author_id"]],
    retention: Retention::UntilDeleted,
    ..ORIGINAL
};
static MANDATORY: Table = Table {
    columns: &[Column::text("words"), Column::uuid("parent_id").nullable(), Column::integer("rank")],
    ..ORIGINAL
};
static SHRUNK: Table = Table { columns: &[Column::text("words")], references: &[], ..ORIGINAL };
static SECOND: Table = Table { name: "tag", references: &[Reference::to("parent_id", "note")], ..ORIGINAL };
/// What a migration makes of the table: the words renamed.
static RENAMED: Table =
    Table { columns: &[Column::text("body"), Column::uuid("parent_id").nullable()], unique: &[&["body"]], ..ORIGINAL };

fn schema(tables: &[&'static Table]) -> Schema {
    Schema::new().with(tables, &[])
}

fn organization() -> OrganizationId {
    OrganizationId(Uuid::from_u128(1))
}

async fn add(database: &Database, table: &'static Table, fields: &[(&str, Value)]) {
    let mut transaction = database.organization(organization()).begin().await.expect("begun");
    transaction.insert(table, fields).await.expect("added");
    transaction.commit().await.expect("committed");
}

async fn refusal(test: &TestDatabase, tables: &[&'static Table]) -> String {
    test.reopen(schema(tables)).await.expect_err("refused").to_string()
}

#[tokio::test]
async fn new_columns_indexes_and_tables_are_added_and_rows_stay() {
    for test in databases(schema(&[&NOTE])).await {
        let one = Uuid::from_u128(7);
        add(&test.database, &NOTE, &[("id", one.into()), ("words", "kept".into())]).await;
        let grown = test.reopen(schema(&[&GROWN, &SECOND])).await.expect("extended");
        let row = grown.organization(organization()).get(&GROWN, one).await.expect("read").expect("there");
        assert_eq!(row.text("words").expect("text"), "kept");
        assert_eq!(row.optional_boolean("done").expect("null"), None);
        let fields = [("id", Uuid::from_u128(8).into()), ("words", "new".into()), ("done", true.into())];
        add(&grown, &GROWN, &fields).await;
        add(&grown, &SECOND, &[("id", one.into()), ("words", "x".into()), ("parent_id", one.into())]).await;
        // The walls also stand around what came later.
        let other = grown.organization(OrganizationId(Uuid::from_u128(2)));
        assert!(other.get(&SECOND, one).await.expect("read").is_none(), "{}", test.name);
        test.reopen(schema(&[&GROWN, &SECOND])).await.expect("nothing more to do");
    }
}

/// A rolling update: a process of the earlier version goes on while a later one adds columns.
#[tokio::test]
async fn statements_prepared_before_a_column_was_added_go_on() {
    const ALL: Statement = Statement::organization("notes.all", "select * from note where organization_id = $1");
    const TOUCH: Statement =
        Statement::organization("notes.touch", "update note set words = words where organization_id = $1 returning *");
    for test in databases(schema(&[&NOTE])).await {
        add(&test.database, &NOTE, &[("id", Uuid::from_u128(7).into()), ("words", "kept".into())]).await;
        let door = test.database.organization(organization());
        let mut changing = door.begin().await.expect("begun");
        changing.query(&TOUCH, &[]).await.expect("touched");
        changing.commit().await.expect("committed");
        assert_eq!(door.query(&ALL, &[]).await.expect("read")[0].columns().count(), 4);
        test.reopen(schema(&[&GROWN])).await.expect("extended by another process");
        for _ in 0..30 {
            let row = door.query(&ALL, &[]).await.expect("read").remove(0);
            assert_eq!(
                (row.text("words").expect("text"), row.columns().count()),
                ("kept".to_owned(), 6),
                "{}",
                test.name
            );
        }
        let mut refusals = 0;
        loop {
            let mut changing = door.begin().await.expect("begun");
            match changing.query(&TOUCH, &[]).await {
                Ok(rows) => break assert_eq!(rows[0].optional_boolean("done").expect("null"), None),
                Err(Error::Busy) if refusals < 5 => refusals += 1,
                Err(other) => panic!("{} {other}", test.name),
            }
        }
    }
}

#[tokio::test]
async fn every_other_difference_is_refused_and_changes_nothing() {
    for test in databases(schema(&[&NOTE])).await {
        for tables in [&[&MANDATORY][..], &[&SHRUNK], &[&RENAMED], &[&SECOND, &MANDATORY]] {
            let refused = refusal(&test, tables).await;
            assert!(refused.contains("table note"), "{} {refused}", test.name);
        }
        let refused = refusal(&test, &[]).await;
        assert!(refused.contains("table note") && refused.contains("later version"), "{refused}");
        test.reopen(schema(&[&NOTE])).await.expect("still fits");
        test.reopen(schema(&[&NOTE, &SECOND])).await.expect("nothing of the refused schema was made");
    }
}

#[tokio::test]
async fn a_unique_set_that_rows_already_break_is_refused_whole() {
    static LOOSE: Table = Table { unique: &[], ..ORIGINAL };
    for test in databases(schema(&[&LOOSE])).await {
        for number in 1..=2_u128 {
            add(&test.database, &LOOSE, &[("id", Uuid::from_u128(number).into()), ("words", "same".into())]).await;
        }
        refusal(&test, &[&NOTE, &SECOND]).await;
        test.reopen(schema(&[&LOOSE])).await.expect("still fits");
    }
}

const RENAME: Migration = Migration {
    number: 1,
    name: "the words of a note are its body",
    sqlite: &[
        "alter table note rename column words to body",
        "drop index note_words_key",
        "create unique index note_body_key on note (organization_id, body)",
    ],
    postgres: &["alter table note rename column words to body", "alter index note_words_key rename to note_body_key"],
    redefines: &["note"],
    removes: &[],
};

async fn migrated(test: &TestDatabase, tables: &[&'static Table], migrations: &[Migration]) -> Result<()> {
    let schema = schema(tables).checked()?;
    apply(test.database.engine(), &schema, migrations).await
}

#[tokio::test]
async fn migrations_run_once_in_order_and_may_not_change() {
    for test in databases(schema(&[&NOTE])).await {
        let one = Uuid::from_u128(7);
        add(&test.database, &NOTE, &[("id", one.into()), ("words", "kept".into())]).await;
        for _ in 0..2 {
            migrated(&test, &[&RENAMED], &[RENAME]).await.expect("migrated once");
        }
        let row = test.database.organization(organization()).get(&RENAMED, one).await.expect("read").expect("there");
        assert_eq!(row.text("body").expect("text"), "kept");
        let changed = Migration { sqlite: &[], postgres: &[], ..RENAME };
        let refused = migrated(&test, &[&RENAMED], &[changed]).await.expect_err("refused").to_string();
        assert!(refused.contains("migration 1 is not the one"), "{refused}");
        let refused = migrated(&test, &[&RENAMED], &[]).await.expect_err("refused").to_string();
        assert!(refused.contains("later version"), "{refused}");
        let second = Migration { number: 3, ..RENAME };
        let refused = migrated(&test, &[&RENAMED], &[RENAME, second]).await.expect_err("refused").to_string();
        assert!(refused.contains("numbered"), "{refused}");
    }
}

#[tokio::test]
async fn a_failing_migration_is_undone_whole() {
    for test in databases(schema(&[&NOTE])).await {
        let broken = Migration {
            sqlite: &["alter table note rename column words to body", "this is not SQL"],
            postgres: &["alter table note rename column words to body", "this is not SQL"],
            ..RENAME
        };
        migrated(&test, &[&RENAMED], &[broken]).await.expect_err("refused");
        migrated(&test, &[&RENAMED], &[RENAME]).await.expect("nothing of the broken one is left, not even its lock");
    }
}

#[tokio::test]
async fn a_new_database_starts_with_all_migrations_done() {
    const REMOVE: Migration = Migration {
        number: 2,
        name: "no more tags",
        sqlite: &["drop table tag"],
        postgres: &["drop table tag"],
        redefines: &[],
        removes: &["tag"],
    };
    for test in databases(schema(&[&NOTE, &SECOND])).await {
        migrated(&test, &[&RENAMED], &[RENAME, REMOVE]).await.expect("an old database runs both");
        migrated(&test, &[&RENAMED, &SECOND], &[RENAME, REMOVE]).await.expect("tags return as a new table");
    }
    for test in databases(Schema::new()).await {
        let fresh = [plan_of_nothing(&[&RENAMED], Dialect::Sqlite), plan_of_nothing(&[&RENAMED], Dialect::Postgres)];
        for plan in fresh {
            assert!(
                plan.words.iter().all(|words| words.starts_with("create") || words.starts_with("alter table note "))
            );
            assert_eq!(plan.migrations.len(), 1);
        }
        drop(test);
    }
}

fn plan_of_nothing(tables: &[&'static Table], dialect: Dialect) -> Plan {
    let nothing = Stored { tables: HashMap::new(), migrations: Vec::new() };
    plan(&nothing, &schema(tables).checked().expect("fits"), &[RENAME], dialect).expect("planned")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_start_at_once() {
    for test in databases(Schema::new()).await {
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let config = test.config().clone();
                tokio::spawn(async move { Database::open(&config, schema(&[&GROWN, &SECOND])).await.map(drop) })
            })
            .collect();
        for one in starting {
            one.await.expect("no panic").expect(test.name);
        }
    }
}

#[tokio::test]
async fn text_that_changed_in_the_definition_s_table_is_refused_not_followed() {
    const SPOIL: Statement = Statement::installation(
        "tests.spoil",
        "update schema_table set definition = 'not a definition' where name = 'note'",
    );
    for test in databases(schema(&[&NOTE])).await {
        let mut transaction = test.database.installation().begin().await.expect("begun");
        transaction.execute(&SPOIL, &[]).await.expect("spoiled");
        transaction.commit().await.expect("committed");
        let refused = refusal(&test, &[&NOTE]).await;
        assert!(refused.contains("cannot be read"), "{refused}");
    }
}
