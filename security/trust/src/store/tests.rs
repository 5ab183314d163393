//! Evidence is kept and found again, on every database, and goes when its time is over.

use std::sync::Arc;

use storage::testing::databases;
use storage::{Identifiers, ManualClock, Schema, SeededEntropy, Timestamp};

use super::{KEPT_DAYS, SECONDS_PER_DAY, STATEMENTS, TABLES, keep, recent};
use crate::finding::{Figure, State};
use crate::standing::tests::run;

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn schema() -> Schema {
    Schema { tables: TABLES.to_vec(), statements: STATEMENTS.to_vec() }
}

fn identifiers() -> Identifiers {
    Identifiers::new(Arc::new(ManualClock::at(NOW)), Arc::new(SeededEntropy::new(7)))
}

#[tokio::test]
async fn runs_come_back_whole_and_newest_first() {
    for test in databases(schema()).await {
        let identifiers = identifiers();
        let mut first = run("a", State::Holds, NOW.plus_seconds(-60));
        first.figures = vec![Figure { name: "routes".to_owned(), value: "83 \"quoted\"".to_owned() }];
        let second = run("b", State::Broken, NOW);
        keep(&test.database, &identifiers, &[first.clone(), second.clone()]).await.expect("kept");
        assert_eq!(recent(&test.database, NOW).await.expect("read"), [second, first], "{}", test.name);
    }
}

#[tokio::test]
async fn old_evidence_goes() {
    for test in databases(schema()).await {
        let identifiers = identifiers();
        let edge = NOW.plus_seconds(-KEPT_DAYS * SECONDS_PER_DAY);
        for started_at in [edge, edge.plus_seconds(-1)] {
            keep(&test.database, &identifiers, &[run("a", State::Holds, started_at)]).await.expect("kept");
        }
        keep(&test.database, &identifiers, &[run("a", State::Holds, NOW)]).await.expect("kept");
        let left = recent(&test.database, edge).await.expect("read");
        assert_eq!(left.iter().map(|run| run.started_at).collect::<Vec<_>>(), [NOW, edge], "{}", test.name);
    }
}

#[tokio::test]
async fn nothing_to_keep_is_no_error() {
    for test in databases(schema()).await {
        keep(&test.database, &identifiers(), &[]).await.expect("nothing kept");
        assert!(recent(&test.database, NOW).await.expect("read").is_empty(), "{}", test.name);
    }
}
