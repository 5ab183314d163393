//! Evidence is kept and found again, on every database, and goes when its time is over.

use identity::testing::platforms;
use storage::{Schema, Timestamp};

use super::{KEPT_DAYS, SECONDS_PER_DAY, STATEMENTS, TABLES, keep, recent};
use crate::finding::{Figure, State};
use crate::standing::tests::run;

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn schema() -> Schema {
    Schema { tables: TABLES.to_vec(), statements: STATEMENTS.to_vec() }
}

#[tokio::test]
async fn runs_come_back_whole_and_newest_first() {
    for test in platforms(schema()).await {
        let mut first = run("a", State::Holds, NOW.plus_seconds(-60));
        first.figures = vec![Figure { name: "routes".to_owned(), value: "83 \"quoted\"".to_owned() }];
        let second = run("b", State::Broken, NOW);
        keep(&test.platform, &[first.clone(), second.clone()], &[]).await.expect("kept");
        assert_eq!(recent(&test.platform.database, NOW).await.expect("read"), [second, first], "{}", test.name);
    }
}

#[tokio::test]
async fn old_evidence_goes() {
    for test in platforms(schema()).await {
        let edge = NOW.plus_seconds(-KEPT_DAYS * SECONDS_PER_DAY);
        for started_at in [edge, edge.plus_seconds(-1)] {
            keep(&test.platform, &[run("a", State::Holds, started_at)], &[]).await.expect("kept");
        }
        keep(&test.platform, &[run("a", State::Holds, NOW)], &[]).await.expect("kept");
        let left = recent(&test.platform.database, edge).await.expect("read");
        assert_eq!(left.iter().map(|run| run.started_at).collect::<Vec<_>>(), [NOW, edge], "{}", test.name);
    }
}

#[tokio::test]
async fn nothing_to_keep_is_no_error() {
    for test in platforms(schema()).await {
        keep(&test.platform, &[], &[]).await.expect("nothing kept");
        assert!(recent(&test.platform.database, NOW).await.expect("read").is_empty(), "{}", test.name);
    }
}

#[tokio::test]
async fn what_turned_stands_in_the_audit_log() {
    for test in platforms(schema()).await {
        let (broke, held) = (run("a", State::Broken, NOW), run("b", State::Holds, NOW));
        keep(&test.platform, &[broke.clone(), held], &[&broke]).await.expect("kept");
        let report =
            audit::verify::verify(&test.database.database, &audit::Evidence::default()).await.expect("verified");
        assert_eq!((report.entries, report.ok()), (1, true), "{}", test.name);
    }
}

#[tokio::test]
async fn statements_are_good_on_both_engines() {
    for test in platforms(schema()).await {
        let database = &test.platform.database;
        storage::registry::check(database.schema(), database).await.expect("prepared and in scope");
    }
}
