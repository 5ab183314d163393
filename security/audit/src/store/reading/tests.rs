//! The export, and the verifier in another language.

use std::{env, path::PathBuf, process::Command};

use storage::testing::databases;

use crate::tests::fixture::{Fixture, NAME, NOW, PRACTICE, USER, schema};

const VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/verify.py");

async fn exported(fixture: &Fixture, personal: bool) -> String {
    let mut export = String::new();
    let write = |line: &str| {
        export.push_str(line);
        Ok(())
    };
    let door = fixture.database().organization(PRACTICE);
    fixture.log.export(&door, NOW, personal, write).await.expect("exported");
    export
}

/// Whether the verifier finds the export good, and what it says.
struct Verifier {
    python: String,
    file: PathBuf,
    key: String,
}

impl Verifier {
    /// None, said aloud, where there is no Python; without `cryptography` signatures are not checked.
    fn new(fixture: &Fixture) -> Option<Self> {
        let python = env::var("RINGFENCE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let runs = |code: &str| Command::new(&python).args(["-c", code]).output().is_ok_and(|run| run.status.success());
        if !runs("import cryptography") {
            assert!(env::var_os("CI").is_none(), "RINGFENCE_PYTHON must name a Python with cryptography");
            println!("not measured: the_verifier_in_another_language_agrees: no Python with cryptography");
            return None;
        }
        let key = fixture.log.verifier_key().to_string();
        Some(Self { python, file: fixture.test.folder().join("export.jsonl"), key })
    }

    fn run(&self, export: &str, key: &str) -> (bool, String) {
        std::fs::write(&self.file, export).expect("written");
        let run = Command::new(&self.python).arg(VERIFIER).arg(&self.file).arg(key).output().expect("runs");
        let said = [run.stdout, run.stderr].concat();
        (run.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn accepts(&self, export: &str) -> bool {
        self.run(export, &self.key).0
    }
}

#[tokio::test]
async fn the_verifier_in_another_language_agrees() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        let Some(verifier) = Verifier::new(&fixture) else { return };
        fixture.grow(22).await;
        for personal in [true, false] {
            let export = exported(&fixture, personal).await;
            let (good, said) = verifier.run(&export, &verifier.key);
            assert!(good, "{said}");
            assert_eq!(said.trim(), "good: 8 entries are in the log of 22 entries");
            assert_eq!(export.contains(NAME), personal);
        }
        let export = exported(&fixture, true).await;
        for (what, with) in [
            ("agent.publish", "agent.discard"),
            ("Quesenberry", "Quesenbarry"),
            ("\"index\":3,", "\"index\":4,"),
            ("\\n22\\n", "\\n23\\n"),
            ("\"organization\":\"0000", "\"organization\":\"1000"),
        ] {
            let changed = export.replacen(what, with, 1);
            assert_ne!(changed, export, "{what} is there");
            assert!(!verifier.accepts(&changed), "{what} changed to {with}");
        }
        let lines: Vec<&str> = export.lines().collect();
        let swapped = [lines[0], lines[2], lines[1]].join("\n");
        assert!(!verifier.accepts(&swapped));
        let proof = lines[1].find("\"proof\":[\"").expect("a proof") + 12;
        let mut changed = export.clone();
        let at = lines[0].len() + 1 + proof;
        let other = if &changed[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        assert!(!verifier.accepts(&changed), "a hash of a proof changed");
        let (good, said) =
            verifier.run(&export, "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
        assert!(!good && said.contains("not signed by this key"), "{said}");
    }
}

#[tokio::test]
async fn an_export_shows_nothing_of_others_and_survives_erasure() {
    for test in databases(schema()).await {
        let fixture = Fixture::new(test).await;
        fixture.grow(9).await;
        let door = fixture.database().organization(PRACTICE);
        let mut transaction = door.begin().await.expect("begins");
        fixture.log.erase_personal(&mut transaction, USER).await.expect("erased");
        transaction.commit().await.expect("commits");
        let export = exported(&fixture, true).await;
        assert!(!export.contains(&crate::tests::fixture::AGENCY.0.to_string()) && !export.contains(NAME));
        assert_eq!(export.lines().count(), 1 + 3);
        if let Some(verifier) = Verifier::new(&fixture) {
            assert!(verifier.accepts(&export), "commitments stay, values are gone");
        }
    }
}
