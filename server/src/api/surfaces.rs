//! Every way into the product and out of it stands in the registry of surfaces that the trust page shows.

use std::path::Path;

use clap::CommandFactory as _;
use trust::surface::{Kind, all, unmapped, unused};

use super::{own_routes, tests::served, trust_routes};

/// Holds the registry against what there is, both ways.
fn compare(kind: Kind, names: &[&str]) {
    let missing = unmapped(all(), kind, names.iter().copied());
    assert!(missing.is_empty(), "name them in security/trust/surfaces.toml, with what guards them: {missing:#?}");
    let gone = unused(all(), kind, names);
    assert!(gone.is_empty(), "nothing answers to these any more, take them out of surfaces.toml: {gone:#?}");
}

#[tokio::test]
async fn every_route_stands_in_the_registry() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut table = served(folder.path()).await;
    table.extend(trust_routes().table());
    table.extend(own_routes().table());
    compare(Kind::Route, &table.iter().map(|rule| rule.path).collect::<Vec<_>>());
}

#[test]
fn every_route_of_the_operators_stands_in_the_registry() {
    let table = operator::table();
    let paths: Vec<&str> = table.iter().map(|rule| rule.path).chain([crate::operators::METRICS]).collect();
    assert!(paths.len() > 10, "{paths:?}");
    compare(Kind::OperatorRoute, &paths);
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
    compare(Kind::Command, &names.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn every_sip_method_stands_in_the_registry() {
    let methods: Vec<String> = telephony::signalling::methods().collect();
    assert!(methods.len() >= 7, "{methods:?}");
    compare(Kind::SipMethod, &methods.iter().map(String::as_str).collect::<Vec<_>>());
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
    compare(Kind::Client, &found.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Every text of the server's own source, tests left out.
fn source(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "surfaces");
        if path.is_dir() && !is_test {
            source(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            text.push_str(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// Which ports a node opens depends on its settings, so that none of them is forgotten is the probe's to say; that no row
/// names one that no setting opens is said here.
#[test]
fn every_port_of_the_registry_is_opened_somewhere() {
    let mut text = String::new();
    source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let listeners = all().iter().filter(|surface| surface.kind == Kind::Listener);
    for name in listeners.flat_map(|surface| &surface.names) {
        assert!(text.contains(&format!("\"{name}\"")), "no port is opened as `{name}`");
    }
}
