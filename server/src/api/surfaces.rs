//! Every way into the product and out of it stands in the registry of surfaces that the trust page shows.

use std::path::Path;

use clap::CommandFactory as _;
use trust::surface::{Kind, all, unmapped};

use super::{own_routes, tests::served, trust_routes};

#[tokio::test]
async fn every_route_stands_in_the_registry() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut table = served(folder.path()).await;
    table.extend(trust_routes().table());
    table.extend(own_routes().table());
    let missing = unmapped(all(), Kind::Route, table.iter().map(|rule| rule.path));
    assert!(missing.is_empty(), "name them in security/trust/surfaces.toml, with what guards them: {missing:#?}");
}

#[tokio::test]
async fn every_route_has_a_rate_and_takes_no_more_than_it_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = served(folder.path()).await;
    for rule in &table {
        let (is_unsafe, name) = (edge::csrf::is_unsafe(&rule.method), format!("{} {}", rule.method, rule.path));
        assert_ne!(rule.rate, edge::RateClass::Any, "{name} names no class of work");
        assert_eq!(rule.body_bytes > 0, is_unsafe, "{name}: reading takes no body, and a change says how much");
        assert!(rule.body_bytes <= MOST_BODY_BYTES, "{name} takes {} bytes", rule.body_bytes);
    }
}

/// An upload is the largest that anything takes.
const MOST_BODY_BYTES: usize = 32 * 1024 * 1024;

fn commands(command: &clap::Command, before: &str, names: &mut Vec<String>) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let name = format!("{before}{}", child.get_name());
        commands(child, &format!("{name} "), names);
        names.push(name);
    }
}

#[test]
fn every_command_stands_in_the_registry() {
    let mut names = Vec::new();
    commands(&crate::cli::CommandLine::command(), "", &mut names);
    assert!(names.iter().any(|name| name == "organization allowlist clear"), "{names:?}");
    let missing = unmapped(all(), Kind::Command, names.iter().map(String::as_str));
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_sip_method_stands_in_the_registry() {
    let methods: Vec<String> = telephony::signalling::methods().collect();
    assert!(methods.len() >= 7, "{methods:?}");
    let missing = unmapped(all(), Kind::SipMethod, methods.iter().map(String::as_str));
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The house lets only files of these names reach out of the process.
const REACHING_OUT: [&str; 3] = ["client.rs", "driver.rs", "listener.rs"];

fn reaching_out(folder: &Path, root: &Path, found: &mut Vec<String>) {
    let entries =
        std::fs::read_dir(folder).expect("a folder of the project").map(|entry| entry.expect("an entry").path());
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !["target", "tests", "testing", "examples"].contains(&name.as_str()) {
            reaching_out(&path, root, found);
        } else if REACHING_OUT.contains(&name.as_str()) {
            found.push(path.strip_prefix(root).expect("within the project").display().to_string());
        }
    }
}

#[test]
fn every_file_that_reaches_out_stands_in_the_registry() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let mut found = Vec::new();
    for part in ["product", "security", "storage", "web", "server"] {
        reaching_out(&root.join(part), root, &mut found);
    }
    assert!(found.len() >= 10, "{found:?}");
    let missing = unmapped(all(), Kind::Client, found.iter().map(String::as_str));
    assert!(missing.is_empty(), "{missing:#?}");
}
