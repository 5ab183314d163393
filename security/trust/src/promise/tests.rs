//! The published promises are complete: each has a probe that exists or proofs whose tests exist, and no file is forgotten.

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

#[test]
fn every_proof_that_a_promise_names_is_a_test_in_the_tree() {
    let promises = Promises::published().expect("the promises can be read");
    let missing: Vec<String> = promises
        .all()
        .flat_map(|promise| promise.proofs.iter().map(move |proof| (promise, proof)))
        .filter_map(|(promise, proof)| {
            why_no_test(&root(), proof).map(|why| format!("`{}` names {proof}: {why}", promise.id))
        })
        .collect();
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// Why the proof `folder/file.rs::name` is not a test that runs; `None` when it is.
fn why_no_test(root: &Path, proof: &str) -> Option<String> {
    let Some((path, name)) = proof.split_once("::") else { return Some("is not file.rs::name".to_owned()) };
    let Ok(text) = std::fs::read_to_string(root.join(path)) else { return Some("there is no such file".to_owned()) };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let wanted = [format!("fn {name}("), format!("async fn {name}(")];
    let Some(at) = lines.iter().position(|line| wanted.iter().any(|wanted| line.starts_with(wanted.as_str()))) else {
        return Some("there is no such function in it".to_owned());
    };
    let marks: Vec<&&str> =
        lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//")).collect();
    if !marks.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
        return Some("that function is no test".to_owned());
    }
    marks.iter().any(|line| line.starts_with("#[ignore")).then(|| "that test is ignored".to_owned())
}

#[test]
fn a_proof_must_be_a_test_that_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let code = "#[test]\nfn good() {}\n\nfn helper() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\n/// words\nasync fn also_good() {}\n\n#[test]\n#[ignore = \"slow\"]\nfn asleep() {}\n";
    std::fs::write(folder.path().join("a.rs"), code).expect("it can be written");
    for good in ["a.rs::good", "a.rs::also_good"] {
        assert_eq!(why_no_test(folder.path(), good), None, "{good}");
    }
    for bad in ["a.rs", "b.rs::good", "a.rs::gone", "a.rs::helper", "a.rs::asleep"] {
        assert!(why_no_test(folder.path(), bad).is_some(), "{bad}");
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
