//! Keys on both databases: the first start, the wrong key, sealing in memory, destroying, rotating.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use storage::{
    Column, Erasure, Owner as TableOwner, Retention, Schema, SealedWith, SystemEntropy, Table,
    testing::{TestDatabase, databases, sqlite},
};

use super::*;
use crate::key_source;

pub(crate) static NOTE: Table = Table {
    name: "note",
    owner: TableOwner::Organization,
    columns: &[
        Column::sealed("text", SealedWith::Organization),
        Column::uuid("person_id").nullable(),
        Column::sealed("author", SealedWith::Person).nullable(),
        Column::sealed("words", SealedWith::Recording).nullable(),
        Column::bytes("text_index").nullable(),
        Column::text("clear").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::PersonKey("person_id"),
};

pub(crate) fn schema() -> Schema {
    let tables = TABLES.iter().copied().chain([&NOTE]).collect();
    Schema { tables, statements: STATEMENTS.to_vec() }
}

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
pub(super) const FIRST: OrganizationId = OrganizationId(Uuid::from_u128(0x0a));
const SECOND: OrganizationId = OrganizationId(Uuid::from_u128(0x0b));

fn key_file(test: &TestDatabase) -> PathBuf {
    test.folder().join("root.key")
}

pub(super) async fn open(test: &TestDatabase) -> Vault {
    Vault::open(KeySource::File(key_file(test)), &test.database, Arc::new(SystemEntropy)).await.expect("opens")
}

pub(super) async fn with_organization(vault: &Vault, database: &Database, organization: OrganizationId) -> Keyring {
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
async fn whoever_looks_makes_no_installation() {
    for test in databases(schema()).await {
        let look = || Vault::open_existing(KeySource::File(key_file(&test)), &test.database, Arc::new(SystemEntropy));
        let error = look().await.expect_err("nothing is there");
        assert!(matches!(error, Error::NoInstallationKey), "{}: {error}", test.name);
        assert!(!key_file(&test).exists() && !is_made(&test.database).await.expect("read"), "{}", test.name);
        open(&test).await;
        assert!(is_made(&test.database).await.expect("read"), "{}", test.name);
        look().await.expect("now it is there");
    }
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
            ("purpose", "main".into()),
            ("number", 1.into()),
            ("created_at", NOW.into()),
            ("wrapped", wrapped.into()),
        ];
        let owner = [("id", SECOND.into()), ("generation", 1.into()), ("changed_at", NOW.into())];
        transaction.insert(&KEY_OWNER, &owner).await.expect("inserted");
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

        let other_process = open(&test).await;
        let elsewhere = other_process.keyring(&door).await.expect("open");
        assert!(seal(&vault, &door).await && !seal(&vault, &door).await, "once");
        assert_eq!(vault.sealed_since(FIRST).await.expect("known"), Some(NOW));
        // Another process: whoever asks is refused at once, and what is held there closes with it, or within a second.
        other_process.refresh(NOW).await.expect("refreshed");
        assert!(matches!(elsewhere.open(field(1), &sealed), Err(Error::Sealed)), "{}", test.name);
        assert!(matches!(other_process.keyring(&door).await, Err(Error::Sealed)));
        assert!(matches!(open(&test).await.keyring(&door).await, Err(Error::Sealed)), "it survives a restart");
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

        assert!(unseal(&other_process, &door).await && !unseal(&other_process, &door).await, "once, by any process");
        let again = vault.keyring(&door).await.expect("read again");
        assert_eq!(again.open(field(1), &sealed).expect("opens").as_slice(), b"x");
        assert!(keyring.open(field(1), &sealed).is_err(), "handles from before stay closed");
    }
}

async fn seal(vault: &Vault, door: &OrganizationDb) -> bool {
    let mut transaction = door.begin().await.expect("begins");
    let sealed = vault.seal_organization(&mut transaction, NOW).await.expect("sealed");
    transaction.commit().await.expect("commits");
    sealed
}

async fn unseal(vault: &Vault, door: &OrganizationDb) -> bool {
    let mut transaction = door.begin().await.expect("begins");
    let unsealed = vault.unseal_organization(&mut transaction, NOW).await.expect("unsealed");
    transaction.commit().await.expect("commits");
    unsealed
}

#[tokio::test]
async fn a_sealing_that_is_rolled_back_seals_nothing() {
    for test in databases(schema()).await {
        let (vault, door) = (open(&test).await, test.database.organization(FIRST));
        let keyring = with_organization(&vault, &test.database, FIRST).await;
        let mut transaction = door.begin().await.expect("begins");
        assert!(vault.seal_organization(&mut transaction, NOW).await.expect("sealed"));
        drop(transaction);
        assert!(keyring.seal(field(1), b"x").is_ok() && vault.keyring(&door).await.is_ok(), "{}", test.name);
    }
}

#[tokio::test]
async fn a_reader_that_looked_before_the_sealing_does_not_open_it_again() {
    for test in databases(schema()).await {
        let (vault, door) = (open(&test).await, test.database.organization(FIRST));
        with_organization(&vault, &test.database, FIRST).await;
        for _round in 0..20 {
            let readers: Vec<_> = (0..8)
                .map(|_| {
                    let (vault, door) = (vault.clone(), door.clone());
                    tokio::spawn(async move { vault.keyring(&door).await })
                })
                .collect();
            assert!(seal(&vault, &door).await);
            for reader in readers {
                if let Ok(keyring) = reader.await.expect("no panic") {
                    assert!(keyring.seal(field(1), b"x").is_err(), "{}: opened before, closed now", test.name);
                }
            }
            assert!(matches!(vault.keyring(&door).await, Err(Error::Sealed)));
            assert!(unseal(&vault, &door).await);
            assert!(vault.keyring(&door).await.is_ok());
        }
    }
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
        let (elsewhere, held) = (other_node.keyring(&door).await.expect("read"), keyring.clone());
        let old = keyring.seal(field(1), b"old").expect("sealed");
        let index = keyring.blind_index(&NOTE, "text", "+41 44 668 18 00").expect("index");
        begin_rotation(&vault, &door).await;

        let keyring = vault.keyring(&door).await.expect("read again");
        let new = keyring.seal(field(1), b"new").expect("sealed");
        assert_eq!((old[5], new[5]), (1, 2), "numbers of the keys");
        assert_eq!(keyring.open(field(1), &old).expect("opens").as_slice(), b"old");
        assert_eq!(held.seal(field(1), b"new").expect("sealed")[5], 2, "handles from before seal with the new key");
        assert_eq!(keyring.blind_index(&NOTE, "text", "+41 44 668 18 00").expect("index"), index);

        // Another node asks the database at each look-up, so it uses the new key at once; what is held there within a second.
        other_node.refresh(NOW).await.expect("refreshed");
        assert_eq!(elsewhere.open(field(1), &new).expect("opens").as_slice(), b"new", "{}", test.name);
        assert_eq!(elsewhere.seal(field(1), b"new").expect("sealed")[5], 2);
    }
}

async fn begin_rotation(vault: &Vault, door: &OrganizationDb) -> Uuid {
    let mut transaction = door.begin().await.expect("begins");
    let identifiers = storage::Identifiers::system();
    let sweep = vault.begin_rotation(&mut transaction, &identifiers, NOW).await.expect("rotated");
    transaction.commit().await.expect("commits");
    sweep
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
    let root = key_source::read(&KeySource::File(key_file(&test))).await.expect("read").expect("there").secret;
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
async fn a_new_root_key_takes_the_place_of_the_old_one_wherever_it_is_cut_off() {
    for test in databases(schema()).await {
        let (source, entropy) = (KeySource::File(key_file(&test)), SystemEntropy);
        let keyring = with_organization(&open(&test).await, &test.database, FIRST).await;
        let sealed = keyring.seal(field(1), b"x").expect("sealed");
        let old = fs::read(key_file(&test)).expect("there");
        Vault::rotate_root_key(&test.database, &source, &entropy).await.expect("rotated");
        let new = fs::read(key_file(&test)).expect("there");
        assert_ne!(old, new);
        let opens = async || {
            let keyring = open(&test).await.keyring(&test.database.organization(FIRST)).await.expect("read");
            assert_eq!(keyring.open(field(1), &sealed).expect("opens").as_slice(), b"x", "{}", test.name);
        };
        opens().await;
        // Cut off between the database and the file: the old key is still in its place, the new one beside it.
        let next = test.folder().join("root.key.next");
        fs::rename(key_file(&test), &next).expect("moved");
        fs::write(key_file(&test), &old).expect("written");
        fs::set_permissions(key_file(&test), fs::Permissions::from_mode(0o600)).expect("mode set");
        opens().await;
        assert!(fs::read(key_file(&test)).expect("there") == new && !next.exists(), "brought to its end");
        // Cut off before the database: the key beside is taken by the next rotation.
        fs::write(&next, hex::encode([9; 32])).expect("written");
        fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).expect("mode set");
        opens().await;
        Vault::rotate_root_key(&test.database, &source, &entropy).await.expect("rotated");
        assert_eq!(fs::read(key_file(&test)).expect("there"), hex::encode([9; 32]).into_bytes());
        opens().await;
        let elsewhere = KeySource::Environment("RINGFENCE_NO_SUCH_VARIABLE".into());
        let refused = Vault::rotate_root_key(&test.database, &elsewhere, &entropy).await;
        assert!(matches!(refused, Err(Error::RootKeyNotOurs { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn live_data_and_made_up_data_never_meet() {
    for test in databases(schema()).await {
        let (source, entropy) = (KeySource::File(key_file(&test)), Arc::new(SystemEntropy));
        let open_for = |stamp| Vault::open_for(source.clone(), &test.database, entropy.clone(), stamp);
        let vault = open_for(Stamp::Development).await.expect("made");
        assert_eq!(vault.stamp(), Stamp::Development);
        assert!(fs::read_to_string(key_file(&test)).expect("there").starts_with("development:"));
        for other in [Stamp::Production, Stamp::Demo] {
            let refused = open_for(other).await.expect_err("another stamp").to_string();
            assert!(refused.contains("development data") && refused.contains("serve --dev"), "{refused}");
        }
        assert!(open_for(Stamp::Development).await.is_ok());
        assert_eq!(open(&test).await.stamp(), Stamp::Development, "looking takes what there is");
        // Writing another word into the database does not make it live: the keys do not open under it.
        let mut transaction = test.database.installation().begin().await.expect("begins");
        for row in test.database.installation().query(&tables::INSTALLATION_KEYS, &[]).await.expect("read") {
            let id = row.uuid("id").expect("an id");
            let forged = [("stamp", "production".into())];
            assert!(transaction.update(&INSTALLATION_KEY, id, &forged).await.expect("written"));
        }
        transaction.commit().await.expect("commits");
        let refused = open_for(Stamp::Production).await.expect_err("forged").to_string();
        assert!(refused.contains("made for development data"), "{}: {refused}", test.name);
        // Not even with the key's own word taken off.
        let bare = fs::read_to_string(key_file(&test)).expect("there").replace("development:", "");
        fs::write(key_file(&test), bare).expect("written");
        assert!(matches!(open_for(Stamp::Production).await, Err(Error::NotAuthentic { .. })));
    }
}
