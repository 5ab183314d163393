//! Declarations: what is refused, how they are ordered, what they become on each engine, what may be added later.

use super::definition::Definition;
use super::*;
use crate::table::{Erasure, Retention};

const PARENT: Table = Table {
    name: "parent",
    owner: Owner::Organization,
    columns: &[Column::text("name"), Column::boolean("open"), Column::uuid("other").nullable()],
    references: &[Reference::to("other", "parent")],
    unique: &[&["name"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::WithOrganization,
};

fn refusal(tables: &[&'static Table]) -> String {
    Schema::new().with(tables, &[]).checked().expect_err("refused").to_string()
}

#[test]
fn declarations_are_held_to_each_other() {
    static BAD_NAME: Table = Table { name: "Parent", ..PARENT };
    static LONG: Table = Table { name: "a234567890123456789012345678901234567890x", references: &[], ..PARENT };
    static TWICE: Table =
        Table { columns: &[Column::text("a"), Column::text("a")], references: &[], unique: &[], ..PARENT };
    static IMPLIED: Table = Table { columns: &[Column::uuid("id")], references: &[], unique: &[], ..PARENT };
    static NOWHERE: Table = Table { references: &[Reference::to("other", "nobody")], ..PARENT };
    static NO_COLUMN: Table = Table { indexes: &[&["missing"]], ..PARENT };
    static NOT_UUID: Table = Table { references: &[Reference::to("name", "parent")], ..PARENT };
    static INWARD: Table = Table { name: "inward", owner: Owner::Installation, ..PARENT };
    static OTHER_INDEX: Table = Table { indexes: &[&["name"]], ..PARENT };
    static LEFT: Table = Table { name: "left_one", references: &[Reference::to("other", "right_one")], ..PARENT };
    static RIGHT: Table = Table { name: "right_one", references: &[Reference::to("other", "left_one")], ..PARENT };
    assert!(refusal(&[&BAD_NAME]).contains("\"Parent\""));
    assert!(refusal(&[&LONG]).contains("1 to 40"));
    assert!(refusal(&[&TWICE]).contains("declared twice"));
    assert!(refusal(&[&IMPLIED]).contains("implied"));
    assert!(refusal(&[&NOWHERE]).contains("nobody"));
    assert!(refusal(&[&NO_COLUMN]).contains("no column missing"));
    assert!(refusal(&[&NOT_UUID]).contains("not a uuid"));
    assert!(refusal(&[&PARENT, &INWARD]).contains("cannot point into"));
    assert!(refusal(&[&LEFT, &RIGHT]).contains("circle"));
    assert!(refusal(&[&PARENT, &OTHER_INDEX]).contains("declared twice, differently"));
    let schema = Schema::new().with(&[&PARENT, &PARENT], &[]).checked().expect("a repetition is no difference");
    assert_eq!(schema.tables.iter().filter(|table| table.name == "parent").count(), 1);
}

#[test]
fn tables_come_after_those_they_point_to() {
    static CHILD: Table = Table { name: "child", references: &[Reference::to("other", "parent")], ..PARENT };
    let schema = Schema::new().with(&[&CHILD, &PARENT], &[]).checked().expect("fits");
    let position = |name| schema.tables.iter().position(|table| table.name == name).expect("is there");
    assert!(position("parent") < position("child"));
}

#[test]
fn keys_and_references_carry_the_organization() {
    let schema = Schema::new().with(&[&PARENT], &[]).checked().expect("fits");
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let words = creation(&PARENT, &schema, dialect).join("\n");
        assert!(words.contains("primary key (organization_id, id)"), "{words}");
        assert!(
            words.contains("foreign key (organization_id, other) references parent (organization_id, id)"),
            "{words}"
        );
        assert!(words.contains("unique index parent_name_key on parent (organization_id, name)"), "{words}");
        assert!(words.contains("index if not exists parent_other_index on parent (organization_id, other)"), "{words}");
        assert_eq!(words.contains("force row level security"), dialect == Dialect::Postgres);
        assert_eq!(words.contains(" strict"), dialect == Dialect::Sqlite);
    }
}

#[test]
fn only_nullable_columns_and_indexes_are_added() {
    const MORE: Table = Table {
        columns: &[
            Column::text("name"),
            Column::boolean("open"),
            Column::uuid("other").nullable(),
            Column::text("more").nullable(),
        ],
        indexes: &[&["more"]],
        ..PARENT
    };
    const REFUSED: &[Table] = &[
        Table { columns: &[Column::text("name"), Column::boolean("open")], references: &[], ..PARENT },
        Table { owner: Owner::Installation, ..PARENT },
        Table { references: &[], ..PARENT },
        Table { unique: &[], ..PARENT },
        Table {
            columns: &[Column::bytes("name"), Column::boolean("open"), Column::uuid("other").nullable()],
            ..PARENT
        },
        Table {
            columns: &[
                Column::text("name"),
                Column::boolean("open"),
                Column::uuid("other").nullable(),
                Column::text("more"),
            ],
            ..PARENT
        },
    ];
    let stored = Definition::from_text("parent", &Definition::of(&PARENT).to_text()).expect("reads back");
    assert_eq!(stored, Definition::of(&PARENT));
    assert!(stored.changes(&PARENT, Dialect::Sqlite).expect("equal").is_empty());
    let words = stored.changes(&MORE, Dialect::Postgres).expect("allowed");
    assert_eq!(
        words,
        [
            "alter table parent add column more text collate \"C\"",
            "create index if not exists parent_more_index on parent (organization_id, more)"
        ]
    );
    for table in REFUSED {
        let refusal = stored.changes(table, Dialect::Sqlite).expect_err("refused").to_string();
        assert!(refusal.contains("table parent"), "{refusal}");
    }
}

#[test]
fn long_index_names_are_shortened_alike() {
    let table = Table { name: "a_table_with_a_rather_long_name_indeed", ..PARENT };
    let name = index_name(&table, &["a_column_with_a_long_name", "another_one"], true);
    assert!(name.len() <= 63 && name.ends_with("_key"), "{name}");
    assert_ne!(name, index_name(&table, &["a_column_with_a_long_name", "another_two"], true));
}
