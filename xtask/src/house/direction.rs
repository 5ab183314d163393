//! The table in ARCHITECTURE.md (who may know whom) is what the manifests say: no more, no less.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "direction", promise: "the table of parts in ARCHITECTURE.md equals the manifests", check };

const MAP: &str = "ARCHITECTURE.md";
const TABLE_HEAD: &str = "| part | folder | may use |";
/// The row that may know all parts above it.
const EVERYTHING: &str = "every part above";

/// One row of the table.
#[derive(Debug)]
struct Row {
    line: usize,
    part: String,
    folder: String,
    may_use: BTreeSet<String>,
}

fn check(tree: &Tree) -> Vec<Fault> {
    let Some(map) = tree.file(MAP) else { return Vec::new() };
    let rows = rows(&map.text);
    if rows.is_empty() {
        return vec![Fault::at(MAP, 0, format!("has no table under `{TABLE_HEAD}`"))];
    }
    let parts: BTreeSet<&str> = rows.iter().map(|row| row.part.as_str()).collect();
    let mut faults = Vec::new();
    for row in &rows {
        let manifest_path = format!("{}/Cargo.toml", row.folder);
        let Some(manifest) = tree.file(&manifest_path) else {
            faults.push(Fault::at(MAP, row.line, format!("`{}` has no manifest at {manifest_path}", row.part)));
            continue;
        };
        match uses(&manifest.text) {
            Ok((name, used)) => {
                if name != row.part {
                    faults.push(Fault::at(
                        &manifest_path,
                        0,
                        format!("is named `{name}`, the table says `{}`", row.part),
                    ));
                }
                let used: BTreeSet<String> = used.into_iter().filter(|name| parts.contains(name.as_str())).collect();
                for name in used.difference(&row.may_use) {
                    faults.push(Fault::at(&manifest_path, 0, format!("uses `{name}`, which the table does not allow")));
                }
                for name in row.may_use.difference(&used) {
                    faults.push(Fault::at(
                        MAP,
                        row.line,
                        format!("lets `{}` use `{name}`, but its manifest does not", row.part),
                    ));
                }
            }
            Err(why) => faults.push(Fault::at(&manifest_path, 0, why)),
        }
    }
    faults.extend(unlisted(tree, &rows));
    faults
}

/// Packages that the table forgot.
fn unlisted(tree: &Tree, rows: &[Row]) -> Vec<Fault> {
    let manifests = tree.files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml"));
    manifests
        .filter(|folder| !rows.iter().any(|row| row.folder == *folder))
        .map(|folder| Fault::at(MAP, 0, format!("the table does not list `{folder}`")))
        .collect()
}

fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != TABLE_HEAD).skip(2);
    for (index, line) in lines.take_while(|(_, line)| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [part, folder, may_use] = cells[..] else { continue };
        let may_use = if may_use == EVERYTHING {
            rows.iter().map(|row| row.part.clone()).collect()
        } else {
            may_use.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        rows.push(Row { line: index + 1, part: part.to_owned(), folder: folder.to_owned(), may_use });
    }
    rows
}

/// The name of a package and everything its manifest leans on, also for its tests only.
fn uses(manifest: &str) -> Result<(String, BTreeSet<String>), String> {
    let manifest: BTreeMap<String, toml::Value> = toml::from_str(manifest).map_err(|error| error.to_string())?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let mut used = BTreeSet::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(table) = manifest.get(section).and_then(toml::Value::as_table) {
            used.extend(table.keys().cloned());
        }
    }
    Ok((name.unwrap_or("nameless").to_owned(), used))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    const TABLE: &str = "| part | folder | may use |\n| --- | --- | --- |\n| storage | storage | |\n| vault | security/vault | storage |\n| server | server | every part above |\n";
    const STORAGE: &str = "[package]\nname = \"storage\"\n";
    const VAULT: &str =
        "[package]\nname = \"vault\"\n[dependencies]\nstorage.workspace = true\nserde.workspace = true\n";
    const SERVER: &str =
        "[package]\nname = \"server\"\n[dependencies]\nstorage.workspace = true\nvault.workspace = true\n";

    fn faults(storage: &str, vault: &str, server: &str) -> Vec<String> {
        let tree = Tree::planted(&[
            ("ARCHITECTURE.md", TABLE),
            ("storage/Cargo.toml", storage),
            ("security/vault/Cargo.toml", vault),
            ("server/Cargo.toml", server),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_true_table_passes() {
        assert_eq!(faults(STORAGE, VAULT, SERVER), Vec::<String>::new());
    }

    #[test]
    fn an_edge_against_the_direction_is_found() {
        let upward = format!("{STORAGE}[dependencies]\nvault.workspace = true\n");
        assert_eq!(faults(&upward, VAULT, SERVER).len(), 1);
        let for_tests = format!("{STORAGE}[dev-dependencies]\nvault.workspace = true\n");
        assert_eq!(faults(&for_tests, VAULT, SERVER).len(), 1);
    }

    #[test]
    fn an_edge_that_is_gone_is_found() {
        assert_eq!(faults(STORAGE, "[package]\nname = \"vault\"\n", SERVER).len(), 1);
    }

    #[test]
    fn a_package_without_a_row_is_found() {
        let tree = Tree::planted(&[
            ("ARCHITECTURE.md", TABLE),
            ("storage/Cargo.toml", STORAGE),
            ("security/vault/Cargo.toml", VAULT),
            ("server/Cargo.toml", SERVER),
            ("web/Cargo.toml", ""),
        ]);
        assert_eq!(check(&tree).len(), 1);
    }
}
