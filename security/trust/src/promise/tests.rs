//! The published promises are complete: each probe that they name exists, and no file is forgotten. That named proofs are tests is a rule of the house.

use std::path::{Path, PathBuf};

use super::{FILES, Promise, Promises};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this package lies two folders deep").to_path_buf()
}

#[test]
fn every_file_of_the_folder_is_inside() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("promises"))
        .expect("the folder is there")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    let mut inside: Vec<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    inside.sort();
    assert_eq!(names, inside);
}

#[test]
fn every_probe_that_a_promise_names_exists_and_every_probe_is_named() {
    let promises = Promises::published().expect("the promises can be read");
    let probes = crate::probes::all();
    for promise in promises.all() {
        if let Some(name) = &promise.probe {
            assert!(
                probes.iter().any(|probe| probe.name() == name),
                "`{}` names the probe `{name}`, which does not exist",
                promise.id
            );
        }
    }
    for probe in &probes {
        let named = promises.all().filter(|promise| promise.probe.as_deref() == Some(probe.name())).count();
        assert_eq!(named, 1, "`{}` is the probe of {named} promises, one it should be", probe.name());
    }
}

const GOOD: &str = "title = \"A\"\nlead = \"B.\"\n[[promise]]\nid = \"a\"\nsentence = \"It is so.\"\ncovers = [\"S1\"]\nhow = \"Looks.\"\nprobe = \"p\"\n";

fn refusal(from: &str, to: &str) -> String {
    let text = GOOD.replace(from, to);
    assert_ne!(text, GOOD, "the replacement did nothing");
    Promises::read(&[("file", &text)]).expect_err(to).to_string()
}

#[test]
fn a_sentence_that_nothing_looks_at_cannot_be_published() {
    assert!(Promises::read(&[("file", GOOD)]).is_ok());
    let why = refusal("probe = \"p\"\n", "");
    assert!(why.contains("neither a probe nor a proof"), "{why}");
}

#[test]
fn what_is_malformed_is_refused_with_the_reason() {
    for (from, to, says) in [
        ("\"S1\"", "\"S143\"", "S1 to S142"),
        ("\"S1\"", "\"1\"", "S1 to S142"),
        ("[\"S1\"]", "[]", "S1 to S142"),
        ("It is so.", "It is so", "one sentence"),
        ("\"a\"", "\"A b\"", "id"),
        ("how =", "colour =", "colour"),
        ("probe = \"p\"", "probe = \"p\"\nevery_minutes = 0", "0 minutes"),
        ("probe = \"p\"", "probe = \"p\"\nevery_minutes = 1441", "1441 minutes"),
    ] {
        let why = refusal(from, to);
        assert!(why.contains(says), "{to}: {why}");
    }
    let long = "x".repeat(super::LONGEST_SENTENCE_CHARACTERS);
    assert!(refusal("It is so", &long).contains("one sentence"));
}

#[test]
fn an_id_stands_once() {
    let why = Promises::read(&[("one", GOOD), ("two", GOOD)]).expect_err("twice").to_string();
    assert!(why.contains("twice"), "{why}");
}

#[test]
fn sentences_are_plain() {
    let promises = Promises::published().expect("the promises can be read");
    let plain = |promise: &Promise| !promise.sentence.contains("best-in-class") && !promise.sentence.contains('!');
    assert!(promises.all().all(plain));
}

/// Identity, encryption and the network: each row of the product's list up to here is promised by some sentence.
const PROMISED_TO_THE_LAST: u32 = 45;

#[test]
fn every_row_about_identity_encryption_and_the_network_is_covered() {
    let promises = Promises::published().expect("the promises can be read");
    let covered: Vec<&String> = promises.all().flat_map(|promise| &promise.covers).collect();
    let missing: Vec<String> =
        (1..=PROMISED_TO_THE_LAST).map(|row| format!("S{row}")).filter(|row| !covered.contains(&row)).collect();
    assert_eq!(missing, Vec::<String>::new(), "no promise covers these rows");
}
