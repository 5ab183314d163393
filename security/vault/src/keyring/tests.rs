//! What a sealed field is bound to, byte by byte.

use storage::{Column, Erasure, Owner as TableOwner, Retention, SealedWith, SystemEntropy};

use super::*;
use crate::envelope::OVERHEAD;

const COLUMNS: &[Column] = &[
    Column::sealed("name", SealedWith::Organization),
    Column::sealed("phone", SealedWith::Organization),
    Column::sealed("words", SealedWith::Person),
    Column::sealed("sound", SealedWith::Recording),
    Column::sealed("setting", SealedWith::Installation),
];

const fn table(name: &'static str) -> Table {
    Table {
        name,
        owner: TableOwner::Organization,
        columns: COLUMNS,
        references: &[],
        unique: &[],
        indexes: &[],
        retention: Retention::UntilDeleted,
        erasure: Erasure::WithOrganization,
    }
}

static CONTACT: Table = table("contact");
static LEAD: Table = table("lead");
const ROW: Uuid = Uuid::from_u128(1);
const NAME: Field = Field::new(&CONTACT, "name", ROW);

fn secret(byte: u8) -> Secret {
    Secret::from_slice(&[byte; 32]).expect("32 bytes")
}

/// Main keys of these numbers, and one for every other purpose.
fn owned(numbers: &[u32]) -> Vec<OwnedKey> {
    let main = numbers.iter().map(|number| (Purpose::Main, *number, secret(*number as u8)));
    main.chain([(Purpose::Index, FIRST_KEY, secret(101)), (Purpose::Objects, FIRST_KEY, secret(102))]).collect()
}

fn keyring(organization: Option<u128>) -> Keyring {
    let organization = organization.map(|id| OrganizationId(Uuid::from_u128(id)));
    let material = Arc::new(Material::new(1, owned(&[1])).expect("keys for every purpose"));
    Keyring::new(Owner::new(organization, Place::Open(material)), Arc::new(SystemEntropy))
}

#[test]
fn a_sealed_field_opens_in_its_own_place_only() {
    // The same key everywhere: only the place differs.
    let keyring = keyring(Some(10));
    let sealed = keyring.seal(NAME, b"Maria").expect("sealed");
    assert_eq!(sealed.len(), 5 + OVERHEAD);
    assert_eq!(keyring.open(NAME, &sealed).expect("opens").as_slice(), b"Maria");
    let elsewhere = [
        (keyring.clone(), Field::new(&CONTACT, "phone", ROW)),
        (keyring.clone(), Field::new(&LEAD, "name", ROW)),
        (keyring.clone(), Field::new(&CONTACT, "name", Uuid::from_u128(2))),
        (super::tests::keyring(Some(11)), NAME),
    ];
    for (keyring, field) in elsewhere {
        assert!(matches!(keyring.open(field, &sealed), Err(Error::NotAuthentic { .. })), "{field:?}");
    }
}

#[test]
fn no_changed_or_missing_byte_opens() {
    let keyring = keyring(Some(10));
    let sealed = keyring.seal(NAME, b"Maria").expect("sealed");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(keyring.open(NAME, &changed).is_err(), "byte {at}");
        assert!(keyring.open(NAME, &sealed[..at]).is_err(), "cut to {at}");
    }
    let mut later = sealed.clone();
    later[0] = 2;
    assert!(matches!(keyring.open(NAME, &later), Err(Error::UnknownFormat { .. })), "a format to come");
    assert!(matches!(keyring.open(NAME, b""), Err(Error::UnknownFormat { .. })));
}

#[test]
fn each_kind_of_key_is_for_its_own_columns() {
    let keyring = keyring(Some(10));
    let person = PersonKey::new(&keyring, ROW, &[(FIRST_KEY, secret(2))]);
    let recording = RecordingKey::new(&keyring, ROW, &secret(3));
    let installation = super::tests::keyring(None);
    let columns = ["name", "words", "sound", "setting"];
    let keys: [&FieldKey; 4] = [&keyring, &person, &recording, &installation];
    for (own, key) in columns.iter().zip(keys) {
        for column in columns {
            let field = Field::new(&CONTACT, column, ROW);
            assert_eq!(key.seal(field, b"x").is_ok(), column == *own, "{key:?} and {column}");
        }
    }
    assert_eq!((person.person(), recording.recording()), (ROW, ROW));
}

#[test]
fn the_key_of_one_person_does_not_open_what_another_s_sealed() {
    let keyring = keyring(Some(10));
    let field = Field::new(&CONTACT, "words", ROW);
    let sealed = PersonKey::new(&keyring, ROW, &[(FIRST_KEY, secret(2))]).seal_text(field, "hello").expect("sealed");
    assert_eq!(
        PersonKey::new(&keyring, ROW, &[(FIRST_KEY, secret(2))]).open_text(field, &sealed).expect("opens"),
        "hello"
    );
    assert!(PersonKey::new(&keyring, ROW, &[(FIRST_KEY, secret(3))]).open_text(field, &sealed).is_err());
}

#[test]
fn sealing_the_same_twice_gives_nothing_in_common() {
    let keyring = keyring(Some(10));
    let (one, two) = (keyring.seal(NAME, b"Maria").expect("sealed"), keyring.seal(NAME, b"Maria").expect("sealed"));
    assert_ne!(one[6..30], two[6..30], "nonces");
    assert_ne!(one[30..], two[30..]);
}

#[test]
fn text_that_is_none_is_an_error() {
    let keyring = keyring(Some(10));
    let sealed = keyring.seal(NAME, &[0xff, 0xfe]).expect("sealed");
    assert!(matches!(keyring.open_text(NAME, &sealed), Err(Error::NotText { .. })));
}

#[test]
fn there_is_a_key_for_every_purpose_or_none_at_all() {
    assert!(Material::new(1, owned(&[])).is_none());
    assert!(Material::new(1, owned(&[2])).is_some(), "the first main key may be gone");
    for missing in [Purpose::Index, Purpose::Objects] {
        assert!(Material::new(1, owned(&[1]).into_iter().filter(|(purpose, ..)| *purpose != missing)).is_none());
    }
}

#[test]
fn the_newest_key_seals_the_older_ones_open_and_one_that_is_gone_opens_nothing() {
    let with = |numbers: &[u32]| {
        let material = Material::new(1, owned(numbers)).expect("keys");
        let organization = Some(OrganizationId(Uuid::from_u128(10)));
        Keyring::new(Owner::new(organization, Place::Open(Arc::new(material))), Arc::new(SystemEntropy))
    };
    let old = with(&[1]).seal(NAME, b"Maria").expect("sealed");
    let new = with(&[1, 2]).seal(NAME, b"Maria").expect("sealed");
    let both = with(&[1, 2]);
    assert!(both.is_old(NAME, &old).expect("known") && !both.is_old(NAME, &new).expect("known"));
    assert!(both.open(NAME, &old).is_ok() && both.open(NAME, &new).is_ok());
    assert!(with(&[2]).open(NAME, &old).is_err() && with(&[2]).open(NAME, &new).is_ok());
    let person = |numbers: &[u32]| {
        let keys: Vec<(u32, Secret)> = numbers.iter().map(|number| (*number, secret(*number as u8))).collect();
        PersonKey::new(&both, ROW, &keys)
    };
    let words = Field::new(&CONTACT, "words", ROW);
    let old = person(&[1]).seal(words, b"hello").expect("sealed");
    assert!(person(&[1, 2]).is_old(words, &old).expect("known") && person(&[1, 2]).open(words, &old).is_ok());
    assert!(person(&[2]).open(words, &old).is_err());
}

#[test]
fn what_was_read_before_the_sealing_does_not_open_it_again() {
    let material = |generation| Material::new(generation, owned(&[1])).expect("keys");
    let owner = Owner::new(None, Place::Open(Arc::new(material(1))));
    owner.refresh(material(3));
    owner.refresh(material(2));
    assert_eq!(owner.material().expect("open").generation, 3, "an older reading replaces nothing");
    owner.seal(4);
    owner.refresh(material(5));
    assert!(matches!(owner.material(), Err(Error::Sealed)));
    assert_eq!(owner.sealed_by(), Some(4));
}

proptest::proptest! {
    #[test]
    fn whatever_was_sealed_comes_back(message: Vec<u8>, row: u128) {
        let field = Field::new(&CONTACT, "phone", Uuid::from_u128(row));
        let sealed = keyring(Some(10)).seal(field, &message).expect("sealed");
        let opened = keyring(Some(10)).open(field, &sealed).expect("opens");
        proptest::prop_assert_eq!(opened.as_slice(), message.as_slice());
    }

    #[test]
    fn bytes_that_were_not_sealed_do_not_open(tail: Vec<u8>) {
        for sealed in [tail.clone(), [&[1, 1, 0, 0, 0, 1], &tail[..]].concat()] {
            proptest::prop_assert!(keyring(Some(10)).open(NAME, &sealed).is_err());
        }
    }
}
