//! Somebody who owns the database attacks the log, and the report names the row.

use storage::{
    Statement, Value,
    testing::{databases, sqlite},
};

use super::*;
use crate::{
    checkpoint::Signer,
    store::{ENTRIES_FROM, INSTALLATION_ENTRIES_FROM, node_row},
    tests::fixture::{AGENCY, Fixture, PRACTICE, entry, schema},
};

static SET_RECORD: Statement = Statement::organization(
    "test.set_record",
    "update audit_entry set record = $3 where organization_id = $1 and position = $2",
);
static SET_ACTION: Statement = Statement::organization(
    "test.set_action",
    "update audit_entry set action = $3 where organization_id = $1 and position = $2",
);
static DELETE_ENTRIES: Statement = Statement::organization(
    "test.delete_entries",
    "delete from audit_entry where organization_id = $1 and position >= $2 and position < $3",
);
static ADD_ENTRY: Statement = Statement::organization(
    "test.add_entry",
    "insert into audit_entry (organization_id, id, position, action, record)
     values ($1, $2, $3, 'agent.publish', $4)",
);
static DELETE_INSTALLATION_ENTRIES: Statement = Statement::installation(
    "test.delete_installation_entries",
    "delete from audit_installation_entry where position >= $1",
);
static DELETE_NODES: Statement =
    Statement::installation("test.delete_nodes", "delete from audit_node where completed_by >= $1");
static ADD_NODE: Statement = Statement::installation(
    "test.add_node",
    "insert into audit_node (id, level, completed_by, hash) values ($1, $2, $3, $4)",
);
static SET_NODE: Statement = Statement::installation("test.set_node", "update audit_node set hash = $2 where id = $1");
static SET_HEAD: Statement = Statement::installation("test.set_head", "update audit_head set size = $1, peaks = $2");
static SET_KEY: Statement = Statement::installation("test.set_key", "update audit_key set verifier_key = $1");
static SET_NOTES: Statement =
    Statement::installation("test.set_notes", "update audit_checkpoint set note = $1 where size = $2");
static DELETE_NOTES: Statement =
    Statement::installation("test.delete_notes", "delete from audit_checkpoint where size >= $1");

/// What the owner of the database can do.
struct Attacker<'fixture>(&'fixture Fixture);

impl Attacker<'_> {
    async fn run(
        &self,
        organization: Option<OrganizationId>,
        statement: &'static Statement,
        arguments: &[Value],
    ) -> u64 {
        let database = self.0.database();
        let begun = match organization {
            Some(organization) => database.organization(organization).begin().await,
            None => database.installation().begin().await,
        };
        let mut transaction = begun.expect("begins");
        let changed = transaction.execute(statement, arguments).await.expect("changed");
        transaction.commit().await.expect("commits");
        changed
    }

    /// All records in the order of their positions.
    async fn records(&self) -> Vec<(i64, String)> {
        let mut records = Vec::new();
        for statement in [&ENTRIES_FROM, &INSTALLATION_ENTRIES_FROM] {
            let rows = self.0.database().installation().query(statement, &[0.into(), i64::MAX.into()]).await;
            for row in rows.expect("read") {
                records.push((row.integer("position").expect("position"), row.text("record").expect("record")));
            }
        }
        records.sort();
        records
    }

    async fn record(&self, position: i64) -> String {
        self.records().await.into_iter().find(|(at, _)| *at == position).expect("there").1
    }

    async fn set_record(&self, organization: OrganizationId, position: i64, record: &str) {
        assert_eq!(self.run(Some(organization), &SET_RECORD, &[position.into(), record.into()]).await, 1);
    }

    /// Edits the practice's entry in this place, leaving a perfectly good record.
    async fn edit(&self, position: i64) {
        let record = self.record(position).await;
        let edited = record.replace("\"done\"", "\"refused\"");
        assert_ne!(record, edited);
        self.set_record(PRACTICE, position, &edited).await;
    }

    /// Puts each of two of the practice's entries in the other's place.
    async fn swap(&self, one: i64, two: i64) {
        let (first, second) = (self.record(one).await, self.record(two).await);
        self.set_record(PRACTICE, one, &second).await;
        self.set_record(PRACTICE, two, &first).await;
    }

    /// Removes all entries from this one on.
    async fn truncate(&self, size: i64) {
        for organization in [PRACTICE, AGENCY] {
            self.run(Some(organization), &DELETE_ENTRIES, &[size.into(), i64::MAX.into()]).await;
        }
        self.run(None, &DELETE_INSTALLATION_ENTRIES, &[size.into()]).await;
    }

    /// Makes leaves, nodes and head fit the entries again.
    async fn rechain(&self) {
        self.run(None, &DELETE_NODES, &[0.into()]).await;
        let mut edge = Edge::default();
        for (position, record) in self.records().await {
            let leaf = record_hash(&record);
            let mut nodes = vec![(Node { level: 0, index: edge.size() }, leaf)];
            nodes.extend(edge.append(leaf));
            for (node, hash) in nodes {
                let level = i64::from(node.level).into();
                self.run(None, &ADD_NODE, &[node_row(node).into(), level, position.into(), hash.into()]).await;
            }
        }
        self.run(None, &SET_HEAD, &[(edge.size() as i64).into(), edge.peaks().into()]).await;
    }

    /// Signs the tree as it is now with a key of the attacker, in place of all that the database says.
    async fn sign_with_own_key(&self, fixture: &Fixture) {
        let own = Signer::new(fixture.log.verifier_key().name(), &[66; 32]).expect("a seed");
        let edge = self.records().await.iter().fold(Edge::default(), |mut edge, (_, record)| {
            edge.append(record_hash(record));
            edge
        });
        self.run(None, &SET_KEY, &[own.verifier_key().to_string().into()]).await;
        self.run(None, &SET_NOTES, &[own.sign(edge.size(), edge.root()).into(), (edge.size() as i64).into()]).await;
    }

    async fn without_evidence(&self) -> Report {
        verify(self.0.database(), &Evidence::default()).await.expect("verified")
    }
}

/// Eighteen entries, of which twelve are signed for; then all.
async fn grown(test: storage::testing::TestDatabase) -> Fixture {
    let fixture = Fixture::new(test).await;
    fixture.grow(12).await;
    fixture.checkpoint().await;
    fixture.grow(6).await;
    fixture.checkpoint().await;
    let report = fixture.verified().await;
    assert!(report.ok(), "before the attack: {report:?}");
    fixture
}

fn rewritten(row: u64) -> Finding {
    Finding { row: Some(row), fault: Fault::Rewritten { among: row..row + 1 } }
}

#[tokio::test]
async fn an_edited_entry_is_named() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        Attacker(&fixture).edit(6).await;
        for report in [fixture.verified().await, Attacker(&fixture).without_evidence().await] {
            assert_eq!(report.first_bad_row(), Some(6), "{report:?}");
            assert!(report.findings.contains(&Finding { row: Some(6), fault: Fault::Edited }), "{report:?}");
        }
    }
}

/// What look-ups go by is held against the record: an entry hidden from a search is found.
#[tokio::test]
async fn an_entry_filed_under_another_action_is_named() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        let arguments = [9.into(), "agent.rename".into()];
        assert_eq!(Attacker(&fixture).run(Some(PRACTICE), &SET_ACTION, &arguments).await, 1);
        let report = fixture.verified().await;
        assert_eq!(report.findings, [Finding { row: Some(9), fault: Fault::Edited }]);
    }
}

#[tokio::test]
async fn reordered_entries_are_named() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        Attacker(&fixture).swap(3, 9).await;
        let report = fixture.verified().await;
        assert_eq!(report.first_bad_row(), Some(3), "{report:?}");
        for (row, from) in [(3, 9), (9, 3)] {
            assert!(report.findings.contains(&Finding { row: Some(row), fault: Fault::Moved { from } }), "{report:?}");
        }
        Attacker(&fixture).rechain().await;
        assert_eq!(fixture.verified().await.first_bad_row(), Some(3), "also when the tree fits again");
    }
}

#[tokio::test]
async fn a_truncated_log_is_named() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        let attacker = Attacker(&fixture);
        attacker.truncate(15).await;
        assert_eq!(fixture.verified().await.first_bad_row(), Some(15), "only the rows");
        attacker.rechain().await;
        let truncated = Finding { row: Some(15), fault: Fault::Truncated { signed: 18 } };
        assert_eq!(fixture.verified().await.findings, std::slice::from_ref(&truncated), "rows, tree and head");
        assert_eq!(attacker.without_evidence().await.findings, std::slice::from_ref(&truncated));
        attacker.run(None, &DELETE_NOTES, &[13.into()]).await;
        assert_eq!(fixture.verified().await.findings, [truncated], "the checkpoints in the database, too");
        // Entries that are put where the old ones were.
        for _ in 0..5 {
            fixture.append(Some(PRACTICE), &entry("agent.delete")).await;
        }
        assert_eq!(fixture.verified().await.first_bad_row(), Some(15));
        assert!(fixture.log.checkpoint(crate::tests::fixture::NOW).await.is_err(), "and it is not signed again");
    }
}

#[tokio::test]
async fn a_log_that_was_chained_again_is_named_to_the_row() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        let attacker = Attacker(&fixture);
        attacker.edit(6).await;
        attacker.rechain().await;
        assert_eq!(fixture.verified().await.findings, [rewritten(6)]);
        let alone = attacker.without_evidence().await;
        assert_eq!(alone.findings, [Finding { row: Some(0), fault: Fault::Rewritten { among: 0..12 } }]);

        attacker.sign_with_own_key(&fixture).await;
        let report = fixture.verified().await;
        assert_eq!(report.first_bad_row(), Some(6), "{report:?}");
        for fault in [Fault::OtherKey, Fault::Checkpoint] {
            assert!(report.findings.contains(&Finding { row: None, fault }), "{report:?}");
        }
    }
}

#[tokio::test]
async fn an_edit_between_two_checkpoints_is_placed_between_them() {
    let fixture = grown(sqlite(schema()).await).await;
    let attacker = Attacker(&fixture);
    attacker.edit(15).await;
    attacker.rechain().await;
    let report = attacker.without_evidence().await;
    assert_eq!(report.findings, [Finding { row: Some(12), fault: Fault::Rewritten { among: 12..18 } }]);
    assert_eq!(report.signed_entries, 12);
    // The copy outside was changed as well, so it cannot say more.
    let mut evidence = Evidence::read(fixture.folder()).await.expect("read");
    evidence.leaf_hashes[13 * HASH_LENGTH] ^= 1;
    let report = verify(fixture.database(), &evidence).await.expect("verified");
    assert_eq!(report.first_bad_row(), Some(12), "{report:?}");
}

#[tokio::test]
async fn what_nobody_has_signed_for_yet_is_said_to_be_so() {
    let fixture = grown(sqlite(schema()).await).await;
    fixture.grow(3).await;
    let attacker = Attacker(&fixture);
    attacker.edit(18).await;
    attacker.rechain().await;
    let report = fixture.verified().await;
    assert!(report.ok());
    assert_eq!((report.entries, report.signed_entries), (21, 18), "the limit of what can be known");
}

#[tokio::test]
async fn removed_added_and_moved_rows_are_named() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        let attacker = Attacker(&fixture);
        let record = attacker.record(6).await;
        attacker.run(Some(PRACTICE), &DELETE_ENTRIES, &[6.into(), 7.into()]).await;
        let report = fixture.verified().await;
        assert_eq!(report.findings, [Finding { row: Some(6), fault: Fault::Missing }]);

        let row = |position: i64| [Uuid::from_u128(position as u128).into(), position.into(), record.as_str().into()];
        attacker.run(Some(AGENCY), &ADD_ENTRY, &row(6)).await;
        let report = fixture.verified().await;
        assert_eq!(report.findings, [Finding { row: Some(6), fault: Fault::Edited }], "to another organization");

        attacker.run(Some(PRACTICE), &ADD_ENTRY, &row(6)).await;
        attacker.run(Some(PRACTICE), &ADD_ENTRY, &row(99)).await;
        let report = fixture.verified().await;
        for row in [6, 99] {
            assert!(report.findings.contains(&Finding { row: Some(row), fault: Fault::Superfluous }), "{report:?}");
        }
    }
}

#[tokio::test]
async fn a_changed_tree_head_or_checkpoint_is_found() {
    for test in databases(schema()).await {
        let fixture = grown(test).await;
        let attacker = Attacker(&fixture);
        let node = Node { level: 2, index: 1 };
        let good = fixture.database().installation().query(&crate::store::NODES_FROM, &[7.into(), 8.into()]).await;
        let good = good.expect("read").into_iter().find(|row| row.uuid("id").is_ok_and(|id| id == node_row(node)));
        let good = good.expect("there").bytes("hash").expect("bytes");
        attacker.run(None, &SET_NODE, &[node_row(node).into(), vec![0; 32].into()]).await;
        assert_eq!(fixture.verified().await.findings, [Finding { row: Some(7), fault: Fault::Tree }]);
        attacker.run(None, &SET_NODE, &[node_row(node).into(), good.into()]).await;

        attacker.run(None, &SET_HEAD, &[18.into(), vec![0; 64].into()]).await;
        assert_eq!(fixture.verified().await.findings, [Finding { row: None, fault: Fault::Head }]);
        attacker.rechain().await;
        assert!(fixture.verified().await.ok());

        let note = fixture.checkpoint().await.replace("\n18\n", "\n17\n");
        attacker.run(None, &SET_NOTES, &[note.into(), 18.into()]).await;
        assert_eq!(fixture.verified().await.findings, [Finding { row: None, fault: Fault::Checkpoint }]);
    }
}

#[tokio::test]
async fn a_changed_copy_outside_does_not_accuse_the_log() {
    let fixture = grown(sqlite(schema()).await).await;
    let mut evidence = Evidence::read(fixture.folder()).await.expect("read");
    evidence.leaf_hashes[5 * HASH_LENGTH] ^= 1;
    let report = verify(fixture.database(), &evidence).await.expect("verified");
    assert_eq!(report.findings, [Finding { row: None, fault: Fault::CopyChanged }]);
    evidence.leaf_hashes.truncate(5 * HASH_LENGTH);
    assert!(verify(fixture.database(), &evidence).await.expect("verified").ok());
}

#[tokio::test]
async fn a_rolled_back_database_is_found_by_the_folder() {
    let fixture = Fixture::new(sqlite(schema()).await).await;
    fixture.grow(4).await;
    let attacker = Attacker(&fixture);
    fixture.checkpoint().await;
    fixture.grow(2).await;
    fixture.checkpoint().await;
    attacker.truncate(4).await;
    attacker.run(None, &DELETE_NOTES, &[5.into()]).await;
    attacker.rechain().await;
    assert!(attacker.without_evidence().await.ok(), "the database alone cannot know");
    assert_eq!(fixture.verified().await.first_bad_row(), Some(4));
}

#[test]
fn findings_say_in_words_what_is_wrong() {
    let words = Finding { row: Some(12), fault: Fault::Rewritten { among: 12..18 } }.to_string();
    assert_eq!(
        words,
        "row 12: the log was rewritten: among rows 12 to 17 are entries that are not what was signed for"
    );
    assert!(rewritten(6).to_string().starts_with("row 6: the log was rewritten here"));
}
