//! `ringfence doctor` from outside: its exit codes and its two ways of telling.

use serde_json::Value;

use crate::product::{Product, run};

/// Ports that are free for sure, and the folder.
fn settings(folder: &std::path::Path, more: &str) -> String {
    let file = folder.join("settings.toml");
    let text = format!(
        "data_dir = \"{}\"\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nsip = \"127.0.0.1:0\"\n{more}\n",
        folder.join("data").display()
    );
    std::fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_demo_is_well_and_its_own_ports_are_no_fault() {
    let product = Product::start_with(&["--no-caller"]).await;
    let http = product.facts.base_url.trim_start_matches("http://");
    let sip = product.facts.sip_uri.rsplit('@').next().expect("an address");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(scratch.path(), "");
    let folder = product.folder().display().to_string();
    let arguments = ["doctor", "--json", "--settings", &settings, "--data-dir", &folder, "--http", http, "--sip", sip];
    let (code, text) = run(&arguments).await;
    let told: Value = serde_json::from_str(&text).expect(&text);
    let says = |name: &str| {
        let findings = told["findings"].as_array().expect("a list");
        let finding = findings.iter().find(|finding| finding["name"] == name).expect(name);
        finding["says"].as_str().expect("text").to_owned()
    };
    assert_eq!((code, &told["good"]), (Some(0), &Value::Bool(true)), "{text}");
    for name in ["http", "sip"] {
        assert!(says(name).contains(&format!("process {}", product.process())), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_nobody_knows_is_named() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(scratch.path(), "htpp = \"127.0.0.1:1\"");
    let (code, text) = run(&["doctor", "--settings", &settings]).await;
    assert_eq!(code, Some(1));
    assert!(text.starts_with("FAULT  settings") && text.contains("htpp") && text.ends_with("1 fault.\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settings_file_that_is_not_there_and_a_missing_folder_are_exit_code_1() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let (code, text) = run(&["doctor", "--settings", "nowhere/settings.toml"]).await;
    assert!(code == Some(1) && text.contains("nowhere/settings.toml"), "{text}");
    let settings = settings(scratch.path(), "");
    let (code, text) = run(&["doctor", "--settings", &settings]).await;
    assert!(code == Some(1) && text.contains("FAULT  data folder"), "{text}");
    assert_eq!(run(&["doctor", "--no-such-option"]).await.0, Some(2));
}
