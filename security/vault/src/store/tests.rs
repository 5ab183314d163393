//! Keys on both databases: the first start, the wrong key, sealing in memory, destroying, rotating.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use storage::{
    Column, Erasure, Owner as TableOwner, Retention, Schema, SealedWith, SystemEntropy, Table,
    testing::{TestDatabase, databases, sqlite},
};

use super::*;
use crate::key_source;

static NOTE: Table = Table {
    name: "note",
    owner: TableOwner::Organization,
    columns: &[
        Column::sealed("text", SealedWith::Organization),
        Column::sealed("author", SealedWith::Person).nullable(),
        Column::sealed("words", SealedWith::Recording).nullable(),
        Column::bytes("text_index").nullable(),
        Column::text("clear").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::WithOrganization,
};

fn schema() -> Schema {
    let tables = TABLES.iter().copied().chain([&NOTE]).collect();
    Schema { tables, statements: STATEMENTS.to_vec() }
}

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
const FIRST: OrganizationId = OrganizationId(Uuid::from_u128(0x0a));
const SECOND: OrganizationId = OrganizationId(Uuid::from_u128(0x0b));

fn key_file(test: &TestDatabase) -> PathBuf {
    test.folder().join("root.key")
}

async fn open(test: &TestDatabase) -> Vault {
    Vault::open(KeySource::File(key_file(test)), &test.database, Arc::new(SystemEntropy)).await.expect("opens")
}

async fn with_organization(vault: &Vault, database: &Database, organization: OrganizationId) -> Keyring {
    let mut transaction = database.organization(organization).begin().await.expect("begins");
    vault.create_organization(&mut transaction, NOW).await.expect("made");
    transaction.commit().await.expect("commits");
    vault.keyring(&database.organization(organization)).await.expect("read")
}

fn field(row: u128) -> Field {
    Field::new(&NOTE, "text", Uuid::from_u128(row))
}

#[tokio::test]
async fn the_second_start_opens_what_the_first_sealed() {
    for test in databases(schema()).await {
        let keyring = with_organization(&open(&test).await, &test.database, FIRST).await;
        let sealed = keyring.seal_text(field(1), "Maria Keller").expect("sealed");
        let reopened = test.reopen(schema()).await.expect("reopens");
        let vault = Vault::open(KeySource::File(key_file(&test)), &reopened, Arc::new(SystemEntropy)).await;
        let vault = vault.expect("the same key");
        let keyring = vault.keyring(&reopened.organization(FIRST)).await.expect("read");
        assert_eq!(keyring.open_text(field(1), &sealed).expect("opens"), "Maria Keller", "{}", test.name);
    }
}

#[tokio::test]
async fn a_wrong_or_missing_root_key_is_named_at_the_start() {
    for test in databases(schema()).await {
        open(&test).await;
        let right = fs::read(key_file(&test)).expect("there");
        fs::write(key_file(&test), hex::encode([7; 32])).expect("written");
        let source = KeySource::File(key_file(&test));
        let error = Vault::open(source.clone(), &test.database, Arc::new(SystemEntropy)).await.expect_err("wrong key");
        assert!(matches!(error, Error::WrongRootKey { .. }), "{error}");
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains(&hex::encode([7; 32])));
        fs::remove_file(key_file(&test)).expect("removed");
        let error = Vault::open(source.clone(), &test.database, Arc::new(SystemEntropy)).await.expect_err("no key");
        assert!(matches!(error, Error::RootKeyMissing { .. }), "{error}");
        assert!(!key_file(&test).exists(), "no new key is made for an old database");
        fs::write(key_file(&test), right).expect("written");
        assert!(Vault::open(source, &test.database, Arc::new(SystemEntropy)).await.is_err(), "mode of a new file");
    }
}

#[tokio::test]
async fn a_fresh_database_without_a_key_is_refused_unless_the_source_is_a_file() {
    let test = sqlite(schema()).await;
    let source = KeySource::Environment("RINGFENCE_NO_SUCH_VARIABLE".into());
    assert!(Vault::open(source, &test.database, Arc::new(SystemEntropy)).await.is_err());
}

#[tokio::test]
async fn organizations_cannot_open_each_other_s_values() {
    for test in databases(schema()).await {
        let vault = open(&test).await;
        let first = with_organization(&vault, &test.database, FIRST).await;
        let second = with_organization(&vault, &test.database, SECOND).await;
        let sealed = first.seal(field(1), b"secret").expect("sealed");
        assert!(matches!(second.open(field(1), &sealed), Err(Error::NotAuthentic { .. })));
        assert!(matches!(first.open(field(2), &sealed), Err(Error::NotAuthentic { .. })), "another row");
        assert!(matches!(vault.installation_keyring().open(field(1), &sealed), Err(Error::NotAuthentic { .. })));
        let no_key = vault.keyring(&test.database.organization(OrganizationId(Uuid::from_u128(9)))).await;
        assert!(matches!(no_key, Err(Error::NoOrganizationKey)));
    }
}

#[tokio::test]
async fn a_key_row_that_is_moved_to_another_organization_does_not_open() {
    for test in databases(schema()).await {
        let vault = open(&test).await;
        with_organization(&vault, &test.database, FIRST).await;
        let row = test.database.organization(FIRST).get(&ORGANIZATION_KEY, Uuid::from_u128(1)).await;
        let wrapped = row.expect("read").expect("there").bytes("wrapped").expect("bytes");
        let mut transaction = test.database.organization(SECOND).begin().await.expect("begins");
        let values = [
            ("id", Uuid::from_u128(1).into()),
            ("number", 1.into()),
            ("created_at", NOW.into()),
            ("wrapped", wrapped.into()),
        ];
        transaction.insert(&ORGANIZATION_KEY, &values).await.expect("inserted");
        transaction.commit().await.expect("commits");
        let keyring = vault.keyring(&test.database.organization(SECOND)).await;
        assert!(matches!(keyring, Err(Error::NotAuthentic { .. })), "{}", test.name);
    }
}

#[tokio::test]
async fn a_sealed_organization_reads_nothing_by_any_handle() {
    for test in databases(schema()).await {
        let (vault, door) = (open(&test).await, test.database.organization(FIRST));
        let keyring = with_organization(&vault, &test.database, FIRST).await;
        let second = with_organization(&vault, &test.database, SECOND).await;
        let mut transaction = door.begin().await.expect("begins");
        let person = keyring.create_person_key(&mut transaction, Uuid::from_u128(5), NOW).await.expect("made");
        transaction.commit().await.expect("commits");
        let (sealed, name) = (keyring.seal(field(1), b"x").expect("sealed"), Field::new(&NOTE, "author", Uuid::nil()));
        let author = person.seal(name, b"y").expect("sealed");
        let claims = LinkClaims {
            organization: FIRST,
            purpose: "note".into(),
            object: Uuid::nil(),
            expires_at: NOW.plus_seconds(60),
            session: None,
        };
        let link = vault.sign_link(&claims).expect("signed");
        assert_eq!(vault.verify_link(&link, "note", None, NOW).expect("good"), claims);

        vault.seal_organization(FIRST);
        assert!(matches!(keyring.open(field(1), &sealed), Err(Error::Sealed)));
        assert!(matches!(keyring.seal(field(1), b"x"), Err(Error::Sealed)));
        assert!(matches!(keyring.blind_index(&NOTE, "text", "x"), Err(Error::Sealed)));
        assert!(matches!(person.open(name, &author), Err(Error::Sealed)));
        assert!(matches!(vault.keyring(&door).await, Err(Error::Sealed)));
        assert!(matches!(vault.verify_link(&link, "note", None, NOW), Err(Error::Sealed)));
        let mut transaction = door.begin().await.expect("begins");
        assert!(matches!(vault.keyring_in(&mut transaction).await, Err(Error::Sealed)));
        drop(transaction);
        assert!(second.seal(field(1), b"x").is_ok(), "others go on");

        vault.unseal_organization(FIRST);
        let again = vault.keyring(&door).await.expect("read again");
        assert_eq!(again.open(field(1), &sealed).expect("opens").as_slice(), b"x");
        assert!(keyring.open(field(1), &sealed).is_err(), "handles from before stay closed");
    }
}

#[tokio::test]
async fn an_organization_is_sealed_before_it_was_ever_read() {
    let test = sqlite(schema()).await;
    with_organization(&open(&test).await, &test.database, FIRST).await;
    let vault = open(&test).await;
    vault.seal_organization(FIRST);
    assert!(matches!(vault.keyring(&test.database.organization(FIRST)).await, Err(Error::Sealed)));
}

#[tokio::test]
async fn a_destroyed_key_takes_everything_with_it() {
    for test in databases(schema()).await {
        let (vault, door) = (open(&test).await, test.database.organization(FIRST));
        let keyring = with_organization(&vault, &test.database, FIRST).await;
        let (person, recording) = (Uuid::from_u128(5), Uuid::from_u128(6));
        let mut transaction = door.begin().await.expect("begins");
        let person_key = keyring.create_person_key(&mut transaction, person, NOW).await.expect("made");
        keyring.create_recording_key(&mut transaction, recording, NOW).await.expect("made");
        assert!(keyring.person_key_in(&mut transaction, person).await.is_ok());
        transaction.commit().await.expect("commits");

        let name = Field::new(&NOTE, "author", Uuid::from_u128(1));
        let sealed = person_key.seal_text(name, "Maria").expect("sealed");
        let again = keyring.person_key(&door, person).await.expect("read");
        assert_eq!(again.open_text(name, &sealed).expect("opens"), "Maria");
        let words = Field::new(&NOTE, "words", Uuid::from_u128(1));
        let recording_key = keyring.recording_key(&door, recording).await.expect("read");
        assert!(recording_key.seal(words, b"words").is_ok());

        let mut transaction = door.begin().await.expect("begins");
        let second = keyring.create_person_key(&mut transaction, person, NOW).await;
        assert!(matches!(second, Err(Error::Storage(storage::Error::Conflict { .. }))), "{second:?}");
        drop(transaction);

        let mut transaction = door.begin().await.expect("begins");
        assert!(keyring.destroy_person_key(&mut transaction, person).await.expect("destroyed"));
        assert!(keyring.destroy_recording_key(&mut transaction, recording).await.expect("destroyed"));
        assert!(!keyring.destroy_person_key(&mut transaction, person).await.expect("nothing there"));
        transaction.commit().await.expect("commits");
        assert!(matches!(keyring.person_key(&door, person).await, Err(Error::NoKey { kind: "person" })));
        assert!(matches!(keyring.recording_key(&door, recording).await, Err(Error::NoKey { kind: "recording" })));
    }
}

#[tokio::test]
async fn after_a_rotation_new_values_use_the_new_key_and_old_ones_still_open() {
    for test in databases(schema()).await {
        let (vault, door) = (open(&test).await, test.database.organization(FIRST));
        let other_node = open(&test).await;
        let keyring = with_organization(&vault, &test.database, FIRST).await;
        let elsewhere = other_node.keyring(&door).await.expect("read");
        let old = keyring.seal(field(1), b"old").expect("sealed");
        let index = keyring.blind_index(&NOTE, "text", "+41 44 668 18 00").expect("index");

        let mut transaction = door.begin().await.expect("begins");
        vault.rotate_organization(&mut transaction, NOW).await.expect("rotated");
        transaction.commit().await.expect("commits");
        let keyring = vault.keyring(&door).await.expect("read again");
        let new = keyring.seal(field(1), b"new").expect("sealed");
        assert_eq!((old[5], new[5]), (1, 2), "numbers of the keys");
        assert_eq!(keyring.open(field(1), &old).expect("opens").as_slice(), b"old");
        assert_eq!(keyring.blind_index(&NOTE, "text", "+41 44 668 18 00").expect("index"), index);

        // Another node learns of the new key when it meets a value sealed with it.
        assert!(elsewhere.open(field(1), &new).is_err());
        let elsewhere = other_node.keyring(&door).await.expect("read again");
        assert_eq!(elsewhere.open(field(1), &new).expect("opens").as_slice(), b"new");
    }
}

#[tokio::test]
async fn only_columns_that_are_declared_sealed_with_this_key_are_sealed() {
    let test = sqlite(schema()).await;
    let (vault, door) = (open(&test).await, test.database.organization(FIRST));
    let keyring = with_organization(&vault, &test.database, FIRST).await;
    for column in ["clear", "text_index", "author", "words", "no_such_column"] {
        let sealed = keyring.seal(Field::new(&NOTE, column, Uuid::nil()), b"x");
        assert!(matches!(sealed, Err(Error::NotDeclaredSealed { .. })), "{column}");
    }
    assert!(vault.installation_keyring().seal(field(1), b"x").is_err());
    let mut transaction = door.begin().await.expect("begins");
    let person = keyring.create_person_key(&mut transaction, Uuid::nil(), NOW).await.expect("made");
    assert!(person.seal(Field::new(&NOTE, "author", Uuid::nil()), b"x").is_ok());
    assert!(person.seal(field(1), b"x").is_err());
}

#[tokio::test]
async fn a_blind_index_is_equal_for_equal_text_only() {
    let test = sqlite(schema()).await;
    let vault = open(&test).await;
    let first = with_organization(&vault, &test.database, FIRST).await;
    let second = with_organization(&vault, &test.database, SECOND).await;
    let index = |keyring: &Keyring, column, text| keyring.blind_index(&NOTE, column, text).expect("index");
    let one = index(&first, "text", "maria@example.com");
    assert_eq!(one.len(), 32);
    assert_eq!(one, index(&first, "text", "maria@example.com"));
    assert_ne!(one, index(&first, "text", "maria@example.con"));
    assert_ne!(one, index(&first, "author", "maria@example.com"));
    assert_ne!(one, index(&second, "text", "maria@example.com"));
}

#[tokio::test]
async fn keys_and_plain_text_appear_nowhere_in_the_database() {
    let test = sqlite(schema()).await;
    let (vault, door) = (open(&test).await, test.database.organization(FIRST));
    let keyring = with_organization(&vault, &test.database, FIRST).await;
    let mut transaction = door.begin().await.expect("begins");
    let person = keyring.create_person_key(&mut transaction, Uuid::from_u128(5), NOW).await.expect("made");
    let plain = "Grace Hopper-Quesenberry";
    let author = person.seal_text(Field::new(&NOTE, "author", Uuid::nil()), plain).expect("sealed");
    let values = [
        ("id", Uuid::nil().into()),
        ("text", keyring.seal_text(Field::new(&NOTE, "text", Uuid::nil()), plain).expect("sealed").into()),
        ("author", author.into()),
        ("clear", "seen in the file".into()),
    ];
    transaction.insert(&NOTE, &values).await.expect("inserted");
    transaction.commit().await.expect("commits");
    let root = key_source::read(&KeySource::File(key_file(&test))).await.expect("read").expect("there");
    test.database.close().await;
    let mut bytes = Vec::new();
    for file in fs::read_dir(test.folder()).expect("listed") {
        let file = file.expect("entry").path();
        if file != key_file(&test) {
            bytes.extend(fs::read(file).expect("read"));
        }
    }
    let found = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(found(b"seen in the file"), "the search finds what is in clear");
    assert!(!found(plain.as_bytes()) && !found(b"Quesenberry"));
    assert!(!found(root.expose()) && !found(hex::encode(root.expose()).as_bytes()));
    for printed in [format!("{vault:?}"), format!("{keyring:?}"), format!("{person:?}")] {
        assert!(printed.len() < 90 && !printed.contains("Xaes256Gcm"), "{printed}");
    }
}

#[tokio::test]
async fn every_statement_is_good_on_both_engines() {
    for test in databases(schema()).await {
        storage::registry::check(&schema(), &test.database).await.expect("prepared, and in its scope");
    }
}

#[tokio::test]
async fn nodes_that_start_at_the_same_time_share_one_installation_key() {
    for test in databases(schema()).await {
        fs::write(key_file(&test), hex::encode([7; 32])).expect("written");
        fs::set_permissions(key_file(&test), fs::Permissions::from_mode(0o600)).expect("mode set");
        let (a, b, c) = tokio::join!(open(&test), open(&test), open(&test));
        let keyring = with_organization(&a, &test.database, FIRST).await;
        let sealed = keyring.seal(field(1), b"x").expect("sealed");
        for vault in [b, c] {
            let keyring = vault.keyring(&test.database.organization(FIRST)).await.expect("read");
            assert!(keyring.open(field(1), &sealed).is_ok(), "{}", test.name);
        }
    }
}

#[tokio::test]
async fn after_a_change_of_the_root_key_only_the_new_one_opens() {
    for test in databases(schema()).await {
        let (old, new) = (KeySource::File(key_file(&test)), KeySource::File(test.folder().join("new.key")));
        let entropy = Arc::new(SystemEntropy);
        let early = Vault::change_root_key(&test.database, &old, &new, entropy.as_ref()).await;
        assert!(matches!(early, Err(Error::NoInstallationKey)));
        let keyring = with_organization(&open(&test).await, &test.database, FIRST).await;
        let sealed = keyring.seal(field(1), b"x").expect("sealed");
        Vault::change_root_key(&test.database, &old, &new, entropy.as_ref()).await.expect("changed");
        let again = Vault::change_root_key(&test.database, &old, &new, entropy.as_ref()).await;
        assert!(matches!(again, Err(Error::WrongRootKey { .. })));
        let opened = Vault::open(old, &test.database, entropy.clone()).await;
        assert!(matches!(opened, Err(Error::WrongRootKey { .. })), "{}", test.name);
        let vault = Vault::open(new, &test.database, entropy).await.expect("the new key");
        let keyring = vault.keyring(&test.database.organization(FIRST)).await.expect("read");
        assert_eq!(keyring.open(field(1), &sealed).expect("opens").as_slice(), b"x");
    }
}

#[tokio::test]
async fn a_rotation_does_not_open_what_was_sealed_meanwhile() {
    let test = sqlite(schema()).await;
    let (vault, door) = (open(&test).await, test.database.organization(FIRST));
    with_organization(&vault, &test.database, FIRST).await;
    let mut transaction = door.begin().await.expect("begins");
    vault.rotate_organization(&mut transaction, NOW).await.expect("rotated");
    vault.seal_organization(FIRST);
    transaction.commit().await.expect("commits");
    assert!(matches!(vault.keyring(&door).await, Err(Error::Sealed)));
}
