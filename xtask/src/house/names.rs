//! The tree is the product: no folder or file is named after nothing in particular.

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "names", promise: "no utils, common, core, helpers, shared, types and their kin", check };

/// Names that say nothing about the trade.
const EMPTY_NAMES: &[&str] = &[
    "util",
    "utils",
    "utilities",
    "common",
    "core",
    "helper",
    "helpers",
    "shared",
    "types",
    "misc",
    "base",
    "stuff",
    "manager",
    "lib2",
];

fn check(tree: &Tree) -> Vec<Fault> {
    tree.paths
        .iter()
        .filter_map(|path| {
            let last = path.rsplit('/').next().unwrap_or(path);
            let name = last.split('.').next().unwrap_or(last).to_ascii_lowercase();
            EMPTY_NAMES
                .contains(&name.as_str())
                .then(|| Fault::at(path, 0, format!("`{last}` is no noun of the trade")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    #[test]
    fn empty_names_are_found_as_folder_and_as_file() {
        assert_eq!(check(&Tree::planted(&[("product/common/src/lib.rs", "")])).len(), 1);
        assert_eq!(check(&Tree::planted(&[("product/chat/src/utils.rs", "")])).len(), 1);
        assert!(check(&Tree::planted(&[("product/chat/src/widget.rs", "")])).is_empty());
    }
}
