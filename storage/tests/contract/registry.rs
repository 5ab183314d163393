//! The check of all statements, on both engines.

use storage::{Schema, Statement};

use crate::house::{TABLES, databases, schema};

#[tokio::test]
async fn the_house_s_statements_pass_on_both_engines() {
    for test in databases().await {
        storage::registry::check(&schema(), &test.database).await.expect(test.name);
        storage::registry::check(test.database.schema(), &test.database).await.expect("storage's own too");
    }
}

#[tokio::test]
async fn every_kind_of_fault_is_named() {
    const UNBOUND: Statement = Statement::organization("bad.unbound", "select id from contact where id = $1");
    const UNKNOWN: Statement =
        Statement::organization("bad.unknown", "select nothing from contact where organization_id = $1");
    const GAP: Statement =
        Statement::organization("bad.gap", "select id from contact where organization_id = $1 and name = $3");
    const STRAY: Statement = Statement::installation("bad.stray", "select id from contact");
    for test in databases().await {
        let statements = Schema::new().with(TABLES, &[&UNBOUND, &UNKNOWN, &GAP, &STRAY]);
        let refused = storage::registry::check(&statements, &test.database).await.expect_err("refused").to_string();
        for name in ["bad.unbound", "bad.unknown", "bad.gap", "bad.stray"] {
            assert!(refused.contains(name), "{} {refused}", test.name);
        }
    }
}

#[tokio::test]
async fn types_outside_the_common_ones_are_named_where_they_differ() {
    const NUMERIC: Statement =
        Statement::organization("bad.numeric", "select sum(visits) as total from contact where organization_id = $1");
    const LOCKED_COUNT: Statement =
        Statement::organization("bad.locked", "select count(*) as rows from contact where organization_id = $1")
            .locking();
    let Some(test) = storage::testing::postgres(schema()).await else { return };
    let statements = Schema::new().with(TABLES, &[&NUMERIC, &LOCKED_COUNT]);
    let refused = storage::registry::check(&statements, &test.database).await.expect_err("refused").to_string();
    assert!(
        refused.contains("bad.numeric") && refused.contains("numeric") && refused.contains("bad.locked"),
        "{refused}"
    );
}
