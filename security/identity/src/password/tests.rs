//! Which passwords are taken, at each edge, and that a stored one checks itself only.

use storage::SeededEntropy;

use super::*;

const RELATED: &[&str] = &["maria.lopez@harbour-dental.example", "Maria Lopez", "Harbour Dental"];

fn check(password: &str) -> Result<(), Weakness> {
    check_new(password, MINIMUM_LENGTH_ALONE, RELATED)
}

#[test]
fn length_is_judged_at_its_edge_in_characters() {
    assert_eq!(check("kettle moss 4 u"), Ok(()));
    assert_eq!(check("kettle moss 4u"), Err(Weakness::TooShort(15)));
    assert_eq!(check("čaj s medem žlu"), Ok(()), "characters, not bytes");
    let longest = "kettle moss 4 u ".repeat(64);
    assert_eq!(longest.len(), MAXIMUM_BYTES);
    assert_ne!(check(&longest), Err(Weakness::TooLong));
    assert_eq!(check(&format!("{longest}x")), Err(Weakness::TooLong));
    let beside = |password| check_new(password, MINIMUM_LENGTH_WITH_SECOND_FACTOR, RELATED);
    assert_eq!(beside("vk7moss!"), Ok(()));
    assert_eq!(beside("vk7mos!"), Err(Weakness::TooShort(8)));
}

#[test]
fn patterns_common_ones_and_the_known_are_refused() {
    for pattern in [
        "aaaaaaaaaaaaaaa",
        "abababababababab",
        "abcabcabcabcabcabc",
        "abcdefghijklmnopq",
        "987654321098765432",
        "aaaabbbbccccdddd",
    ] {
        assert!(matches!(check(pattern), Err(Weakness::Pattern | Weakness::Common)), "{pattern}");
    }
    for common in ["Password Password", "1qaz2wsx3edc4rfv", "The-Quick-Brown-Fox", "correct horse battery staple"] {
        assert_eq!(check(common), Err(Weakness::Common), "{common}");
    }
    for related in
        ["maria.lopez@harbour-dental.example", "Harbour Dental 2026", "marialopez-2026", "HarbourDentalMaria!"]
    {
        assert_eq!(check(related), Err(Weakness::Related), "{related}");
    }
    assert_eq!(check("maria keeps nine blue herons"), Ok(()));
}

#[test]
fn no_kind_of_character_is_demanded() {
    assert_eq!(check("meadow lantern fjord"), Ok(()));
    assert_eq!(check("83 41 07 96 22 58 19 04"), Ok(()));
}

#[test]
fn a_hash_checks_its_own_password_only() {
    let hash = |seed| hash("kettle moss 4 u", &SeededEntropy::new(seed)).expect("hashed");
    let verify = |password: &str, stored: Option<&str>| verify(password, stored).expect("checked");
    let stored = hash(3);
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(verify("kettle moss 4 u", Some(&stored)));
    assert!(!verify("kettle moss 4 U", Some(&stored)));
    assert!(!verify("", Some(&stored)));
    assert!(!verify("kettle moss 4 u", None));
    assert!(!verify("", None));
    assert!(!verify("kettle moss 4 u", Some("$argon2id$v=19$m=1,t=0$x")));
    assert_ne!(stored, hash(4), "the salt is random");
}

/// An empty hash would be stored, and then fit every password that could not be hashed either.
#[test]
fn what_cannot_be_hashed_is_an_error_and_no_empty_hash() {
    assert!(matches!(derive_for_lookup("4821 7730", b"short"), Err(Error::Busy)));
    let entropy = SeededEntropy::new(3);
    assert!(
        matches!(hash_with("kettle moss 4 u", &entropy, 0), Err(Error::Busy)),
        "less memory than the algorithm needs"
    );
}

#[test]
fn the_hash_is_the_one_other_software_makes() {
    // Made with Python's `cryptography`: Argon2id, m=19456, t=2, p=1, 32 bytes.
    let derived = derive("password", b"somesaltsomesalt", 19456, 2, 1).expect("valid parameters");
    assert_eq!(hex::encode(derived), "2b5dc4054886ec957ef59c73b661c54dd6fb274590b278f657c6d96aac8fa6d1");
}

#[test]
fn the_common_ones_are_refused_however_they_are_dressed() {
    assert!(commonest::count() >= 10_000, "{}", commonest::count());
    let beside = |password| check_new(password, MINIMUM_LENGTH_WITH_SECOND_FACTOR, RELATED);
    for common in [
        "password1",
        "Password1!",
        "iloveyou1",
        "baseball1",
        "sunshine",
        "Princess",
        "football!",
        "qwertyuiop",
        "trustno1",
        "P@ssword1",
        "letmein1",
        "superman",
        "1q2w3e4r",
        "123456789a",
    ] {
        assert!(
            matches!(beside(common), Err(Weakness::Common | Weakness::Guessable | Weakness::Pattern)),
            "{common}: {:?}",
            beside(common)
        );
    }
    for common in ["password1", "iloveyou1", "sunshine", "football", "trustno1", "Password1!", "SUN-shine"] {
        assert_eq!(beside(common), Err(Weakness::Common), "{common}");
    }
}

#[test]
fn what_is_guessed_quickly_is_refused_though_no_list_holds_it() {
    assert_eq!(check("kitchen table kitchen chair"), Ok(()), "length helps");
    assert_eq!(check("aardvarkaardvark"), Err(Weakness::Guessable));
    let beside = |password| check_new(password, MINIMUM_LENGTH_WITH_SECOND_FACTOR, RELATED);
    for weak in ["kitchen7", "august2026", "Lopez!23", "harbour9", "wednesday4"] {
        assert!(
            matches!(beside(weak), Err(Weakness::Guessable | Weakness::Related | Weakness::Common)),
            "{weak}: {:?}",
            beside(weak)
        );
    }
}
