//! The example of the specification, and every way of spoiling a note.

use super::*;

const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn signer() -> Signer {
    Signer::new("ringfence/audit/0", &[9; 32]).expect("a seed")
}

#[test]
fn the_example_of_the_specification_is_verified() {
    let key: VerifierKey = EXAMPLE_KEY.parse().expect("a key");
    assert_eq!(key.to_string(), EXAMPLE_KEY);
    assert_eq!(key.text_of(EXAMPLE).as_deref(), Ok("This is an example message.\n"));
    assert_eq!(key.text_of(&EXAMPLE.replace("example message", "other message")), Err(BadNote::BadSignature));
    assert_eq!(key.open(EXAMPLE), Err(BadNote::Malformed), "signed, but no checkpoint");
    assert_eq!(signer().verifier_key().open(EXAMPLE), Err(BadNote::NotSignedByThisKey));
}

#[test]
fn a_checkpoint_says_what_was_signed() {
    let signer = signer();
    for size in [0, 1, 1_234, u64::MAX] {
        let note = signer.sign(size, [7; 32]);
        let checkpoint = Checkpoint { origin: "ringfence/audit/0".to_owned(), size, root: [7; 32] };
        assert_eq!(signer.verifier_key().open(&note), Ok(checkpoint));
    }
    assert!(Signer::new("x", &[9; 31]).is_none());
    assert!(Signer::new("x", &[9; 33]).is_none());
    let printed = format!("{signer:?}");
    assert!(!printed.contains(&hex::encode([9; 32])) && printed.starts_with("Signer(ringfence/audit/0+"));
}

#[test]
fn other_signatures_are_ignored_and_ours_is_needed() {
    let (signer, other) = (signer(), Signer::new("ringfence/audit/0", &[8; 32]).expect("a seed"));
    let note = signer.sign(5, [7; 32]);
    let foreign = other.sign(5, [7; 32]);
    let foreign_line = foreign.rsplit_once("\n\n").expect("signatures").1;
    assert!(signer.verifier_key().open(&format!("{note}{foreign_line}")).is_ok());
    assert_eq!(signer.verifier_key().open(&foreign), Err(BadNote::NotSignedByThisKey));
}

#[test]
fn no_changed_byte_gives_another_checkpoint() {
    let signer = signer();
    let note = signer.sign(1_234, [7; 32]);
    let signed = signer.verifier_key().open(&note).expect("signed");
    for (at, _) in note.char_indices() {
        for other in ["0", "A", "\n", " ", "\u{7}", ""] {
            let mut changed = note.clone();
            let end = at + changed[at..].chars().next().map_or(0, char::len_utf8);
            changed.replace_range(at..end, other);
            if let Ok(opened) = signer.verifier_key().open(&changed) {
                assert_eq!(opened, signed, "byte {at} as {other:?}");
                assert_eq!(changed, note, "byte {at} as {other:?}");
            }
        }
        assert!(signer.verifier_key().open(&note[..at]).is_err());
    }
    assert_eq!(signer.verifier_key().open(&"x".repeat(MAXIMUM_NOTE_LENGTH + 1)), Err(BadNote::Malformed));
}

#[test]
fn texts_that_are_no_checkpoint() {
    let signer = signer();
    let root = STANDARD.encode([7; 32]);
    let sign = |text: &str| {
        let signature = signer.key_pair.sign(text.as_bytes());
        let signature = STANDARD.encode([&signer.verifier_key.id()[..], signature.as_ref()].concat());
        format!("{text}\n\u{2014} ringfence/audit/0 {signature}\n")
    };
    let name = "ringfence/audit/0";
    assert!(signer.verifier_key().open(&sign(&format!("{name}\n5\n{root}\n"))).is_ok());
    assert!(signer.verifier_key().open(&sign(&format!("{name}\n5\n{root}\nextension\n"))).is_ok());
    for text in [
        format!("other\n5\n{root}\n"),
        format!("{name}\n05\n{root}\n"),
        format!("{name}\n+5\n{root}\n"),
        format!("{name}\n-5\n{root}\n"),
        format!("{name}\n\n{root}\n"),
        format!("{name}\n99999999999999999999\n{root}\n"),
        format!("{name}\n5\n{}\n", STANDARD.encode([7; 31])),
        format!("{name}\n5\n"),
        format!("{name}\n"),
        String::from("\n"),
    ] {
        assert_eq!(signer.verifier_key().open(&sign(&text)), Err(BadNote::Malformed), "{text:?}");
    }
}

#[test]
fn texts_that_are_no_verifier_key() {
    let good = signer().verifier_key().to_string();
    assert_eq!(good.parse::<VerifierKey>().as_ref(), Ok(signer().verifier_key()));
    for bad in
        ["", "a+b", "a+530d903a+AekyeRrm", &EXAMPLE_KEY.replace("foo", "bar"), &EXAMPLE_KEY.replace("+Aek", "+Bek")]
    {
        assert_eq!(bad.parse::<VerifierKey>(), Err(BadNote::NotAKey), "{bad:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_that_was_not_signed_is_taken(text in ".{0,80}|([a-z0-9/+= \u{2014}]{0,20}\n){0,8}") {
        proptest::prop_assert!(signer().verifier_key().open(&text).is_err());
        proptest::prop_assert!(text.parse::<VerifierKey>().is_err());
        proptest::prop_assert!(Checkpoint::parse(&text).is_none_or(|checkpoint| checkpoint.text() == text));
    }
}
