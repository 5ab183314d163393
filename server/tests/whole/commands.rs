//! The command line from outside: commands that look make nothing, and say what they did not find.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;
use serde_json::json;

use crate::organizations::Other;
use crate::product::{Product, run};

/// Commands that look at an installation, or change one, and never make one.
const LOOKING: [&[&str]; 13] = [
    &["audit", "verify"],
    &["verify"],
    &["verify", "replay", "00000000-0000-0000-0000-000000000001"],
    &["key", "list"],
    &["key", "create", "--name", "x"],
    &["operator", "list"],
    &["organization", "list"],
    &["organization", "unlock"],
    &["organization", "allowlist", "show"],
    &["user", "sign-in-link", "--email", "a@b.example"],
    &["vault", "status"],
    &["vault", "rotate", "--level", "root"],
    &["vault", "rotate", "--level", "wrapping"],
];

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_look_at_an_empty_folder_leave_it_empty_and_say_so() {
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let folder = scratch.path().join("empty");
    std::fs::create_dir(&folder).expect("made");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let named = folder.display().to_string();
    for command in LOOKING {
        let (code, said) = run(&[command, &["--data-dir", &named]].concat()).await;
        assert_eq!(code, Some(2), "{command:?}: {said}");
        assert!(said.contains("there is no data of an installation") && said.contains("--data-dir"), "{said}");
        assert!(!said.contains("BROKEN"), "nothing was looked at, so nothing is broken: {said}");
        assert_eq!(std::fs::read_dir(&folder).expect("there").count(), 0, "{command:?} made something");
        let mode = std::fs::metadata(&folder).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o755, "{command:?} changed the folder");
    }
}

/// The same for PostgreSQL, whose emptiness is seen only when it is opened.
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_look_at_an_empty_postgresql_make_no_keys() {
    let Some(test) = storage::testing::postgres(storage::Schema::new()).await else { return };
    let storage::DatabaseConfig::Postgres { url, .. } = test.config().clone() else {
        panic!("PostgreSQL was asked for")
    };
    test.database.close().await;
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let folder = scratch.path().display().to_string();
    for (command, says) in [(["audit", "verify"], "there is no audit log"), (["key", "list"], "no installation yet")] {
        let (code, said) = run(&[&command[..], &["--data-dir", &folder, "--database-url", &url]].concat()).await;
        assert!(code == Some(2) && said.contains(says) && !said.contains("BROKEN"), "{command:?}: {code:?} {said}");
        assert_eq!(std::fs::read_dir(scratch.path()).expect("there").count(), 0, "{command:?} made something");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_key_that_changed_is_told_at_once_with_what_to_do() {
    let product = Product::start_with(&["--no-caller"]).await;
    let (folder, scratch) = product.cut_power().await;
    let scratch = scratch.expect("the product's own");
    let named = folder.display().to_string();
    let other = scratch.path().join("other.toml");
    let place = scratch.path().join("elsewhere.key");
    let rotate = ["vault", "rotate", "--level", "root", "--data-dir", &named];
    let to = other.display().to_string();
    let moving = [&rotate[..], &["--to", &to]].concat();

    std::fs::write(&other, "").expect("written");
    let (code, said) = run(&moving).await;
    assert!(code != Some(0) && said.contains("in already"), "the same place is no other: {code:?} {said}");
    assert!(!said.contains("is a new one"), "{said}");

    std::fs::write(&other, format!("root_key = {{ from = \"file\", path = \"{}\" }}", place.display()))
        .expect("written");
    let (code, said) = run(&moving).await;
    assert!(code == Some(0) && said.contains("Back it up now"), "{code:?} {said}");
    assert!(said.contains(&format!("put `root_key` of {to} into the settings")), "{said}");

    // The audit log cannot be opened, so what follows the change fails: the change is told all the same.
    let log = folder.join("audit");
    std::fs::remove_dir_all(&log).expect("it stands");
    std::fs::write(&log, "no folder").expect("written");
    let (code, said) = run(&[&rotate[..], &["--settings", &to]].concat()).await;
    assert!(code != Some(0) && said.contains("has no entry of it"), "{code:?} {said}");
    assert!(said.contains("with fingerprint") && said.contains("Back it up now"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_several_organizations_roles_are_named_and_a_leaked_key_holds_nothing() {
    let product = Product::start_with(&["--no-caller"]).await;
    let folder = product.folder().display().to_string();
    let ask = ["who-can", "recording.listen", "--data-dir", &folder];
    let made = json!({"name": "Lost in a build", "role": "manager"});
    let made = product.api(Method::POST, "/v1/keys").json(&made).send().await.expect("an answer");
    let made: serde_json::Value = made.json().await.expect("JSON");
    let lists = async || run(&ask).await.1.contains("Lost in a build");
    assert!(lists().await, "a key that works is named");
    let leak = json!({"texts": [made["secret"]], "source": "a build log"});
    let told = product.http.post(format!("{}/v1/leaks", product.facts.base_url)).json(&leak).send().await;
    assert!(told.expect("an answer").status().is_success());
    assert!(!lists().await, "a key that leaked lets nobody in");

    let _other = Other::found(&product).await;
    let (code, said) = run(&ask).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("recording.listen: owner") && said.contains("ringfence organization list"), "{said}");
    assert!(!said.contains("  member "), "{said}");

    let (code, said) = run(&["key", "list", "--data-dir", &folder]).await;
    assert!(code != Some(0) && said.contains("--organization") && said.contains("organization list"), "{said}");
    let (code, said) = run(&["organization", "list", "--data-dir", &folder]).await;
    let own = product.get("/v1/organization").await["id"].as_str().expect("an id").to_owned();
    let lines: Vec<&str> = said.lines().collect();
    assert!(code == Some(0) && lines.len() == 2, "organizations to be attacked are none: {said}");
    assert!(lines.iter().any(|line| line.starts_with(&own) && line.contains("active")), "{said}");
    assert!(lines.iter().any(|line| line.ends_with("Riverside Optics")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_the_command_line_lead_to_the_port_that_the_demo_took() {
    let product = Product::start_with(&["--no-caller"]).await;
    let folder = product.folder().display().to_string();
    let base = product.facts.base_url.as_str();
    for command in
        [&["user", "sign-in-link", "--email", product.facts.owner_email.as_str()][..], &["organization", "unlock"]]
    {
        if command[0] == "organization" {
            let (code, said) = run(&["organization", "lock", "--data-dir", &folder]).await;
            assert_eq!(code, Some(0), "{said}");
        }
        let (code, said) = run(&[command, &["--data-dir", &folder]].concat()).await;
        assert!(code == Some(0) && said.contains(&format!("\n{base}/sign-in/")), "{command:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_looked_at_is_no_answer() {
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let settings = scratch.path().join("settings.toml");
    std::fs::write(&settings, "public_url = \"http://127.0.0.1.evil.example\"").expect("written");
    let settings = settings.display().to_string();
    for (arguments, says) in [
        (&["call", "sip:x@127.0.0.1:1", "--digits", "x"][..], "are no keys"),
        (&["serve", "--settings", &settings], "`public_url`"),
        (&["audit", "verify", "--settings", &settings], "`public_url`"),
        (&["audit", "verify", "--data-dir", "/no/such/folder"], "there is no data folder"),
        (&["vault", "rotate", "--level", "person", "--to", &settings], "--level root only"),
    ] {
        let (code, said) = run(arguments).await;
        assert!(code == Some(2) && said.contains(says), "{arguments:?}: {code:?} {said}");
    }
    let (code, said) = run(&["doctor", "--settings", &settings]).await;
    assert!(code == Some(1) && said.contains("FAULT  settings"), "a fault that the doctor found is his answer: {said}");
}
