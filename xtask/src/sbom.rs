//! The bill of materials of the binary (CycloneDX 1.6, JSON): every crate that is built into it, with version, hash, licence and what it
//! depends on. The same tree gives the same bytes, so two people can compare theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::machine::{Machine, output_of};

const METADATA_LIMIT_SECONDS: u32 = 120;
/// The package whose binary is described.
const BINARY: &str = "server";
/// Where the document is written, under the target folder.
pub const FILE: &str = "ringfence.cdx.json";
/// What the binary says is built into it.
const LIST_IN_THE_BINARY: &str = "security/trust/src/release/components.txt";

/// What `cargo metadata` says, as far as it is used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// None means an ordinary dependency: what is used by the tests alone is not in the binary.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// `Cargo.lock`, as far as it is used.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Writes the bill under the target folder and says where it is.
pub fn write(machine: &Machine) -> Result<bool> {
    let words = "metadata --format-version 1 --filter-platform x86_64-unknown-linux-gnu";
    let metadata = output_of(&mut machine.cargo(METADATA_LIMIT_SECONDS, words))?;
    let lock = std::fs::read_to_string(machine.root.join("Cargo.lock")).context("Cargo.lock")?;
    let bill = bill(&metadata, &lock)?;
    let path = machine.target.join(FILE);
    std::fs::create_dir_all(&machine.target)?;
    std::fs::write(&path, format!("{bill:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    let count = bill["components"].as_array().map_or(0, Vec::len);
    println!("bill of materials: {count} crates in {}", relative(&path, &machine.root));
    names_them(machine, &bill)
}

/// The binary itself knows what is built into it: its list must be that of the bill.
fn names_them(machine: &Machine, bill: &Value) -> Result<bool> {
    let path = machine.root.join(LIST_IN_THE_BINARY);
    let list = list(bill);
    if std::env::var_os("RINGFENCE_UPDATE").is_some() {
        std::fs::write(&path, &list).with_context(|| format!("cannot write {LIST_IN_THE_BINARY}"))?;
    }
    let named = std::fs::read_to_string(&path).context(LIST_IN_THE_BINARY)? == list;
    if !named {
        println!("{LIST_IN_THE_BINARY} is not what is linked: run this step once with RINGFENCE_UPDATE=1");
    }
    Ok(named)
}

/// A line for each crate of a registry: name and version.
fn list(bill: &Value) -> String {
    let components = bill["components"].as_array().map_or(&[][..], Vec::as_slice);
    let foreign = components.iter().filter(|component| component.get("hashes").is_some());
    let line = |component: &Value| {
        format!(
            "{} {}\n",
            component["name"].as_str().unwrap_or_default(),
            component["version"].as_str().unwrap_or_default()
        )
    };
    foreign.map(line).collect()
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// The bill out of the two texts. A crate from a registry without a hash or licence is an error: nobody could say what it is.
fn bill(metadata: &str, lock: &str) -> Result<Value> {
    let metadata: Metadata = serde_json::from_str(metadata).context("what cargo says about the packages")?;
    let lock: Lock = toml::from_str(lock).context("Cargo.lock")?;
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let binary = metadata.packages.iter().find(|package| package.name == BINARY && package.source.is_none());
    let binary = binary.with_context(|| format!("there is no package {BINARY}"))?;
    let inside = reachable(&nodes, &binary.id);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for id in &inside {
        let package = packages.get(id).with_context(|| format!("{id} is unknown"))?;
        if package.id != binary.id {
            components.push(component(package, &lock)?);
        }
        let mut on: Vec<String> =
            used(nodes.get(id).copied()).filter_map(|id| packages.get(id)).map(|it| purl(it)).collect();
        on.sort();
        dependencies.push(json!({"ref": purl(package), "dependsOn": on}));
    }
    components.sort_by_key(|component| component["bom-ref"].as_str().unwrap_or_default().to_owned());
    dependencies.sort_by_key(|dependency| dependency["ref"].as_str().unwrap_or_default().to_owned());
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": purl(binary), "name": "ringfence", "version": binary.version,
            "licenses": [{"expression": binary.license}],
        }},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// What a node needs in the binary or while it is built, not in its tests.
fn used(node: Option<&Node>) -> impl Iterator<Item = &str> {
    let is_used = |kind: &Kind| kind.kind.as_deref() != Some("dev");
    let deps = node.map_or(&[][..], |node| &node.deps);
    deps.iter()
        .filter(move |dependency| dependency.dep_kinds.iter().any(is_used))
        .map(|dependency| dependency.pkg.as_str())
}

fn reachable<'a>(nodes: &BTreeMap<&'a str, &'a Node>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(used(nodes.get(id).copied()));
        }
    }
    seen
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn component(package: &Package, lock: &Lock) -> Result<Value> {
    let named = format!("{} {}", package.name, package.version);
    ensure!(package.license.is_some(), "{named} does not name its licence");
    let mut component = json!({
        "type": "library", "bom-ref": purl(package), "name": package.name, "version": package.version,
        "purl": purl(package), "licenses": [{"expression": package.license}],
    });
    if package.source.is_some() {
        let locked = lock.package.iter().find(|one| one.name == package.name && one.version == package.version);
        let hash = locked
            .and_then(|one| one.checksum.as_ref())
            .with_context(|| format!("{named} has no hash in Cargo.lock"))?;
        component["hashes"] = json!([{"alg": "SHA-256", "content": hash}]);
    }
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::{bill, list};

    const METADATA: &str = r#"{"packages": [
        {"id": "s", "name": "server", "version": "0.1.0", "license": "Apache-2.0", "source": null},
        {"id": "a", "name": "alpha", "version": "1.2.3", "license": "MIT", "source": "registry"},
        {"id": "b", "name": "beta", "version": "2.0.0", "license": "MIT", "source": "registry"},
        {"id": "t", "name": "tests-only", "version": "3.0.0", "license": "MIT", "source": "registry"}],
        "resolve": {"nodes": [
        {"id": "s", "deps": [{"pkg": "a", "dep_kinds": [{"kind": null}]}, {"pkg": "t", "dep_kinds": [{"kind": "dev"}]}]},
        {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": "build"}, {"kind": "dev"}]}]},
        {"id": "b", "deps": []}, {"id": "t", "deps": []}]}}"#;
    const LOCK: &str = "[[package]]\nname = \"alpha\"\nversion = \"1.2.3\"\nchecksum = \"aa\"\n[[package]]\nname = \"beta\"\nversion = \"2.0.0\"\nchecksum = \"bb\"\n";

    #[test]
    fn what_is_in_the_binary_is_on_the_bill_and_what_tests_use_is_not() {
        let bill = bill(METADATA, LOCK).expect("a bill");
        let names: Vec<&str> =
            bill["components"].as_array().expect("a list").iter().filter_map(|one| one["purl"].as_str()).collect();
        assert_eq!(names, ["pkg:cargo/alpha@1.2.3", "pkg:cargo/beta@2.0.0"]);
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "aa");
        assert_eq!(bill["dependencies"][0]["dependsOn"][0], "pkg:cargo/beta@2.0.0");
        assert_eq!(list(&bill), "alpha 1.2.3\nbeta 2.0.0\n");
        assert_eq!(bill["metadata"]["component"]["name"], "ringfence");
    }

    #[test]
    fn a_crate_that_nobody_can_name_is_an_error() {
        for (metadata, lock) in [
            (METADATA.replace("\"license\": \"MIT\"", "\"license\": null"), LOCK.to_owned()),
            (METADATA.to_owned(), LOCK.replace("checksum = \"bb\"\n", "")),
            (METADATA.replace("\"name\": \"server\"", "\"name\": \"other\""), LOCK.to_owned()),
        ] {
            assert!(bill(&metadata, &lock).is_err());
        }
    }
}
