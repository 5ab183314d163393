//! S113, S45: the log of who did what is whole: entry by entry, tree and signatures, against what was written outside the database.

use audit::verify::{Evidence, Report, verify};

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// The probe.
pub struct AuditLog;

impl Probe for AuditLog {
    fn name(&self) -> &'static str {
        "audit-log"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let evidence = match &context.audit_folder {
                Some(folder) => Evidence::read(folder.clone()).await,
                None => Ok(Evidence::default()),
            };
            let checked = match evidence {
                Ok(evidence) => verify(&context.platform.database, &evidence).await,
                Err(error) => Err(error),
            };
            checked.map_or_else(
                |error| Finding::not_measured(format!("The log cannot be read: {error}")),
                |report| judge(&report),
            )
        })
    }
}

fn judge(report: &Report) -> Finding {
    let faults: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let against = if report.pinned {
        "against the key and the checkpoints outside the database"
    } else {
        "against the key in the database itself"
    };
    let holds = format!(
        "Checked {} entries and {} signed checkpoints {against}; nothing was changed, moved or taken away.",
        report.entries, report.checkpoints
    );
    Finding::from_faults(&faults, holds)
        .with("Entries", report.entries)
        .with("Signed checkpoints", report.checkpoints)
        .with("Entries signed for", report.signed_entries)
}

#[cfg(test)]
mod tests {
    use storage::Table;
    use uuid::Uuid;

    use super::AuditLog;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    #[tokio::test]
    async fn an_untouched_log_holds() {
        let (context, _kept) = context().await;
        context.platform.audit.checkpoint(context.platform.now()).await.expect("signed");
        let finding = AuditLog.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_ne!(finding.figures[0].value, "0", "founding left an entry: {finding:?}");
    }

    #[tokio::test]
    async fn an_edited_row_and_a_deleted_row_turn_it_red() {
        for delete in [false, true] {
            let (context, kept) = context().await;
            let founded = kept.organization("other").await;
            let table: &'static Table =
                audit::TABLES.iter().find(|table| table.name == "audit_entry").expect("the log's table");
            let mut transaction =
                context.platform.database.organization(founded.organization).begin().await.expect("begun");
            // Its one entry is the second of the log.
            let row = Uuid::from_u128(1);
            let changed = if delete {
                transaction.delete(table, row).await
            } else {
                transaction.update(table, row, &[("record", "{}".into())]).await
            };
            assert!(changed.expect("changed"), "the row is where this test thinks it is");
            transaction.commit().await.expect("committed");
            let finding = AuditLog.look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(finding.evidence.contains("Row 1"), "the row is named: {finding:?}");
        }
    }
}
