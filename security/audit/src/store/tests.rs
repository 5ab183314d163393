//! The stored log on both databases.

use std::fs;

use storage::testing::{databases, sqlite};

use super::*;
use crate::{
    log::verify_inclusion,
    tests::fixture::{AGENCY, Fixture, NAME, NOW, PRACTICE, USER, entry, schema},
};

const ALL: EntryQuery<'static> = EntryQuery { before: None, object_id: None, action: None, limit: 100 };

#[tokio::test]
async fn each_organization_reads_its_own_entries_and_no_others() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        for (number, organization) in [Some(PRACTICE), None, Some(AGENCY), Some(PRACTICE)].into_iter().enumerate() {
            assert_eq!(fixture.append(organization, &entry("agent.publish")).await, number as u64);
        }
        let page = fixture.log.entries(&fixture.database().organization(PRACTICE), &ALL).await.expect("read");
        assert_eq!(page.iter().map(|entry| entry.index).collect::<Vec<_>>(), [3, 0], "newest first");
        let entry = &page[0];
        let record = entry.record.as_ref().expect("a record");
        assert!(entry.intact);
        assert_eq!((record.action.as_str(), record.organization), ("agent.publish", Some(PRACTICE)));
        assert_eq!((record.at, record.facts[0].1.as_str()), (NOW.0, "3"));
        let values = vec![("address".to_owned(), "192.0.2.77".to_owned()), ("name".to_owned(), NAME.to_owned())];
        assert_eq!(entry.personal, PersonalValues::Values(values));
        assert!(!entry.text.contains("192.0.2.77") && !entry.text.contains(NAME));
        let installation = fixture.log.installation_entries(None, 100).await.expect("read");
        assert_eq!(installation.iter().map(|entry| entry.index).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test]
async fn pages_go_back_to_the_first_entry() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(12).await;
        let door = fixture.database().organization(PRACTICE);
        let (mut before, mut indexes) = (None, Vec::new());
        loop {
            let query = EntryQuery { before, object_id: Some(Uuid::from_u128(0xa9)), action: None, limit: 3 };
            let page = fixture.log.entries(&door, &query).await.expect("read");
            let Some(last) = page.last() else { break };
            before = Some(last.index);
            indexes.extend(page.iter().map(|entry| entry.index));
        }
        assert_eq!(indexes, [9, 6, 3, 0]);
        let none = EntryQuery { object_id: Some(Uuid::nil()), ..ALL };
        assert!(fixture.log.entries(&door, &none).await.expect("read").is_empty());
    }
}

#[tokio::test]
async fn an_action_is_found_by_its_exact_name_alone_or_of_one_object() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        let elsewhere = Entry { object_id: Some(Uuid::from_u128(0xbb)), ..entry("agent.delete") };
        for one in [&entry("agent.publish"), &entry("agent.delete"), &elsewhere, &entry("agent.delete")] {
            fixture.append(Some(PRACTICE), one).await;
        }
        fixture.append(Some(AGENCY), &entry("agent.delete")).await;
        let door = fixture.database().organization(PRACTICE);
        let of = async |action: &str, query: &EntryQuery<'_>| -> Vec<u64> {
            let page = fixture.log.entries(&door, &EntryQuery { action: Some(action), ..*query }).await.expect("read");
            page.iter().map(|entry| entry.index).collect()
        };
        assert_eq!(of("agent.delete", &ALL).await, [3, 2, 1], "its own only, newest first");
        assert_eq!(of("agent.delete", &EntryQuery { before: Some(3), limit: 1, ..ALL }).await, [2]);
        let about = EntryQuery { object_id: Some(Uuid::from_u128(0xa9)), ..ALL };
        assert_eq!(of("agent.delete", &about).await, [3, 1]);
        assert_eq!(of("agent.delete", &EntryQuery { before: Some(3), ..about }).await, [1]);
        for nothing in ["agent", "agent.%", "AGENT.DELETE", ""] {
            assert!(of(nothing, &ALL).await.is_empty(), "{nothing}");
        }
    }
}

#[test]
fn an_index_and_the_id_of_its_row_are_one() {
    for index in [0, 7, u64::from(u32::MAX) + 1, u64::MAX] {
        assert_eq!(StoredEntry::index_of(entry_row(index)), index);
    }
    assert_eq!(StoredEntry::index_of(Uuid::max()), u64::MAX, "beyond the end is the end");
}

#[tokio::test]
async fn an_entry_lives_and_dies_with_its_transaction() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(2).await;
        let mut transaction = fixture.database().organization(PRACTICE).begin().await.expect("begins");
        assert_eq!(fixture.log.append(&mut transaction, NOW, &entry("a")).await.expect("appended"), 2);
        assert_eq!(fixture.log.append(&mut transaction, NOW, &entry("b")).await.expect("appended"), 3);
        drop(transaction);
        assert_eq!(fixture.append(Some(AGENCY), &entry("c")).await, 2);
        assert!(fixture.verified().await.ok());
    }
}

#[tokio::test]
async fn an_organization_s_first_entry_is_in_the_transaction_that_makes_it() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        let door = fixture.database().organization(OrganizationId(Uuid::from_u128(0x0c)));
        let mut transaction = door.begin().await.expect("begins");
        fixture.vault.create_organization(&mut transaction, NOW).await.expect("made");
        fixture.log.append(&mut transaction, NOW, &entry("organization.create")).await.expect("appended");
        transaction.commit().await.expect("commits");
        let page = fixture.log.entries(&door, &ALL).await.expect("read");
        assert!(matches!(page[0].personal, PersonalValues::Values(_)));
    }
}

#[tokio::test]
async fn appenders_at_the_same_time_each_get_their_own_place() {
    for test in databases(schema()).await {
        let fixture = Arc::new(Fixture::new(test).await);
        let mut running = tokio::task::JoinSet::new();
        for number in 0..24 {
            let fixture = Arc::clone(&fixture);
            let organization = [Some(PRACTICE), Some(AGENCY), None][number % 3];
            running.spawn(async move { fixture.append(organization, &entry("agent.publish")).await });
        }
        let mut indexes = running.join_all().await;
        indexes.sort_unstable();
        assert_eq!(indexes, (0..24).collect::<Vec<_>>());
        fixture.checkpoint().await;
        let report = fixture.verified().await;
        assert!(report.ok(), "{}: {report:?}", fixture.test.name);
        assert_eq!((report.entries, report.signed_entries), (24, 24));
    }
}

#[tokio::test]
async fn every_entry_is_proven_to_be_in_the_signed_tree() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(21).await;
        let door = fixture.database().organization(PRACTICE);
        for stored in fixture.log.entries(&door, &ALL).await.expect("read") {
            let proof = fixture.log.inclusion(&door, stored.index, NOW).await.expect("proven");
            let checkpoint = fixture.log.verifier_key().open(&proof.checkpoint).expect("signed");
            let leaf = record_hash(&stored.text);
            assert!(verify_inclusion(&leaf, stored.index, checkpoint.size, &proof.hashes, &checkpoint.root));
            assert!(proof.text().starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {}\n", stored.index)));
            assert!(proof.text().ends_with(&format!("\n\n{}", proof.checkpoint)));
        }
        for index in [1, 2, 21, u64::MAX] {
            let proof = fixture.log.inclusion(&door, index, NOW).await;
            assert!(matches!(proof, Err(Error::NoEntry)), "entry {index} is not the practice's");
        }
    }
}

#[tokio::test]
async fn a_checkpoint_is_signed_when_the_log_has_grown_and_kept_outside() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        let empty = fixture.checkpoint().await;
        fixture.grow(5).await;
        let five = fixture.checkpoint().await;
        assert_eq!(fixture.checkpoint().await, five, "nothing new, nothing signed");
        fixture.grow(3).await;
        let eight = fixture.checkpoint().await;
        let evidence = crate::Evidence::read(fixture.folder()).await.expect("read");
        assert_eq!(evidence.notes, [empty, five, eight]);
        assert_eq!(evidence.leaf_hashes.len(), 8 * HASH_LENGTH);
        assert_eq!(evidence.verifier_key.as_ref(), Some(fixture.log.verifier_key()));
        let report = fixture.verified().await;
        assert!(report.ok(), "{report:?}");
        assert_eq!((report.entries, report.checkpoints, report.pinned), (8, 3, true));
    }
}

#[tokio::test]
async fn a_second_start_goes_on_with_the_same_key_and_log() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(5).await;
        fixture.checkpoint().await;
        let again = AuditLog::open(
            fixture.database(),
            &fixture.vault,
            fixture.log.parts.entropy.clone(),
            Some(fixture.folder()),
        );
        let again = again.await.expect("opens");
        assert_eq!(again.verifier_key(), fixture.log.verifier_key());
        fixture.grow(2).await;
        again.checkpoint(NOW).await.expect("signed");
        assert!(fixture.verified().await.ok());
    }
}

#[tokio::test]
async fn files_that_a_crash_cut_short_are_repaired() {
    let fixture = Fixture::new(sqlite(schema()).await).await;
    fixture.grow(4).await;
    fixture.checkpoint().await;
    let append = |name: &str, bytes: &[u8]| {
        let path = fixture.folder().join(name);
        let whole = fs::read(&path).expect("read");
        fs::write(&path, [&whole[..], bytes].concat()).expect("written");
    };
    append("checkpoints", b"ringfence/audit/0\n5\n");
    append("leaf-hashes", &[7; 31]);
    assert!(fixture.verified().await.ok(), "what was never finished counts for nothing");
    fixture.grow(1).await;
    let last = fixture.checkpoint().await;
    append("checkpoints", b"ringfence/audit/0\n5\nroot\n\n\xe2\x80\x94 ringfence");
    let evidence = crate::Evidence::read(fixture.folder()).await.expect("read");
    assert_eq!((evidence.notes.len(), evidence.notes.last()), (2, Some(&last)));
    assert_eq!(evidence.leaf_hashes.len(), 5 * HASH_LENGTH);
    assert!(fixture.verified().await.ok());
}

#[tokio::test]
async fn the_folder_of_another_log_is_refused() {
    let first = Fixture::new(sqlite(schema()).await).await;
    let second = Fixture::new(sqlite(schema()).await).await;
    let entropy = first.log.parts.entropy.clone();
    let opened = AuditLog::open(first.database(), &first.vault, entropy, Some(second.folder())).await;
    assert!(matches!(opened, Err(Error::File { .. })), "{opened:?}");
}

#[tokio::test]
async fn erased_personal_values_are_gone_and_the_tree_is_still_valid() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(6).await;
        fixture.checkpoint().await;
        let door = fixture.database().organization(PRACTICE);
        let mut transaction = door.begin().await.expect("begins");
        assert_eq!(fixture.log.erase_personal(&mut transaction, USER).await.expect("erased"), 2);
        assert_eq!(fixture.log.erase_personal(&mut transaction, USER).await.expect("nothing left"), 0);
        transaction.commit().await.expect("commits");
        let page = fixture.log.entries(&door, &ALL).await.expect("read");
        assert!(page.iter().all(|entry| entry.personal == PersonalValues::Erased && entry.intact));
        let others = fixture.log.entries(&fixture.database().organization(AGENCY), &ALL).await.expect("read");
        assert!(others.iter().all(|entry| matches!(entry.personal, PersonalValues::Values(_))));
        assert!(fixture.verified().await.ok());
    }
}

#[tokio::test]
async fn personal_values_stand_nowhere_in_clear() {
    let fixture = Fixture::new(sqlite(schema()).await).await;
    fixture.grow(6).await;
    fixture.checkpoint().await;
    fixture.database().close().await;
    let mut files: Vec<PathBuf> = vec![fixture.test.folder().to_owned()];
    let mut bytes = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).expect("listed").map(|file| file.expect("entry").path()));
        } else {
            bytes.extend(fs::read(path).expect("read"));
        }
    }
    let found = |what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
    assert!(found("agent.publish"), "the search finds what is in clear");
    assert!(!found(NAME) && !found("Quesenberry") && !found("192.0.2.77"));
}

#[tokio::test]
async fn an_entry_has_limits() {
    let fixture = Fixture::new(sqlite(schema()).await).await;
    for (facts, length, good) in [(32, 1_024, true), (33, 1, false), (1, 1_025, false)] {
        for personal in [false, true] {
            let values = vec![("name", "x".repeat(length)); facts - usize::from(personal && facts > 1)];
            let mut entry = entry("a");
            (entry.facts, entry.personal) = if personal { (vec![], values) } else { (values, vec![]) };
            let mut transaction = fixture.database().organization(PRACTICE).begin().await.expect("begins");
            let appended = fixture.log.append(&mut transaction, NOW, &entry).await;
            assert_eq!(appended.is_ok(), good, "{facts} values of {length} bytes, personal: {personal}");
        }
    }
}

#[tokio::test]
async fn a_log_that_was_rewritten_below_a_checkpoint_is_not_signed_again() {
    static SHRINK: storage::Statement =
        storage::Statement::installation("test.shrink", "update audit_head set size = $1, peaks = $2");
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(4).await;
        fixture.checkpoint().await;
        let other = (0..5).fold(Edge::default(), |mut edge, number| {
            edge.append([number; 32]);
            edge
        });
        for (size, peaks) in [(3, vec![1; 64]), (4, vec![1; 32]), (5, other.peaks())] {
            let mut transaction = fixture.database().installation().begin().await.expect("begins");
            transaction.execute(&SHRINK, &[size.into(), peaks.into()]).await.expect("changed");
            transaction.commit().await.expect("commits");
            let signed = fixture.log.checkpoint(NOW).await;
            assert!(matches!(signed, Err(Error::Inconsistent { size: 4 })), "{size}: {signed:?}");
        }
    }
}

#[tokio::test]
async fn every_statement_is_good_on_both_engines() {
    for test in databases(schema()).await {
        storage::registry::check(&schema(), &test.database).await.expect("prepared, and in its scope");
    }
}

#[tokio::test]
async fn nodes_that_start_at_the_same_time_share_one_key() {
    for test in databases(schema()).await {
        let source = vault::KeySource::File(test.folder().join("root.key"));
        let entropy: Arc<dyn Entropy> = Arc::new(storage::SystemEntropy);
        let vault = Vault::open(source, &test.database, Arc::clone(&entropy)).await.expect("opens");
        let open = || AuditLog::open(&test.database, &vault, Arc::clone(&entropy), None);
        let (a, b, c) = tokio::join!(open(), open(), open());
        let key = a.expect("opens").verifier_key().clone();
        assert_eq!([b.expect("opens").verifier_key(), c.expect("opens").verifier_key()], [&key, &key]);
    }
}

#[tokio::test]
async fn a_sealed_organization_still_gets_entries_without_personal_values() {
    let fixture = Fixture::new(sqlite(schema()).await).await;
    let door = fixture.database().organization(PRACTICE);
    let mut transaction = door.begin().await.expect("begins");
    assert!(fixture.vault.seal_organization(&mut transaction, NOW).await.expect("sealed"));
    // The entry about the sealing itself may stand in the same transaction.
    fixture.log.append(&mut transaction, NOW, &entry("seal")).await.expect("written");
    transaction.commit().await.expect("commits");
    fixture.append(Some(PRACTICE), &entry("a")).await;
    let mut transaction = door.begin().await.expect("begins");
    assert!(fixture.vault.unseal_organization(&mut transaction, NOW).await.expect("unsealed"));
    fixture.log.append(&mut transaction, NOW, &entry("unseal")).await.expect("written");
    transaction.commit().await.expect("commits");
    let rows = door.page(&AUDIT_ENTRY, &["personal"], Uuid::nil(), 9).await.expect("read");
    let kept: Vec<bool> = rows.iter().map(|row| row.optional_bytes("personal").expect("bytes").is_some()).collect();
    assert_eq!(kept, [false, false, true]);
}
