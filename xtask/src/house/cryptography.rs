//! Every place that uses cryptography stands in the inventory for auditors, with the libraries that it uses and what for, and the
//! inventory names no place that has gone (ASVS 5.0.0, V11.1.2 and V11.1.3).

use std::collections::{BTreeMap, BTreeSet};

use super::code::{Seen, look, product_files};
use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    name: "cryptography",
    promise: "every file that uses cryptography stands in the inventory for auditors, and nothing else does",
    check,
};

/// The page with the inventory: rows of ``| `file` | libraries | what for |``.
const INVENTORY: &str = "docs/auditor/cryptography.md";

/// Libraries that hash, seal, sign, derive, compare secrets or speak TLS, whether in use today or not.
const LIBRARIES: &[&str] = &[
    "aes",
    "aes_gcm",
    "argon2",
    "aws_lc_rs",
    "blake2",
    "blake3",
    "chacha20poly1305",
    "curve25519_dalek",
    "ed25519_dalek",
    "getrandom",
    "instant_acme",
    "jsonwebtoken",
    "md5",
    "openidconnect",
    "openssl",
    "orion",
    "p256",
    "pbkdf2",
    "rcgen",
    "ring",
    "rsa",
    "rustls",
    "scrypt",
    "sha1",
    "sha2",
    "sha3",
    "sodiumoxide",
    "subtle",
    "tokio_postgres_rustls",
    "tokio_rustls",
    "totp_rs",
    "webauthn_rs",
    "x25519_dalek",
    "x509_parser",
];

fn check(tree: &Tree) -> Vec<Fault> {
    let Some(page) = tree.files.iter().find(|file| file.path == INVENTORY) else {
        return used(tree).keys().map(|file| Fault::at(file, 0, format!("{INVENTORY} is missing"))).collect();
    };
    let (used, mut faults) = (used(tree), Vec::new());
    let mut listed = BTreeSet::new();
    for (number, line) in page.lines() {
        let Some((file, libraries, purpose)) = row(line) else { continue };
        let actual = used.get(file).map(|names| names.iter().copied().collect::<Vec<_>>().join(", "));
        match actual {
            None => faults.push(Fault::at(INVENTORY, number, format!("`{file}` uses no cryptography (any more)"))),
            Some(actual) if actual != libraries => {
                faults.push(Fault::at(INVENTORY, number, format!("`{file}` uses {actual}, not {libraries}")));
            }
            Some(_) if purpose.is_empty() => {
                faults.push(Fault::at(INVENTORY, number, format!("says nothing of what `{file}` needs it for")));
            }
            Some(_) => {}
        }
        if !listed.insert(file) {
            faults.push(Fault::at(INVENTORY, number, format!("`{file}` stands here twice")));
        }
    }
    for (file, names) in used.iter().filter(|(file, _)| !listed.contains(**file)) {
        let names = names.iter().copied().collect::<Vec<_>>().join(", ");
        faults.push(Fault::at(file, 0, format!("uses {names} and does not stand in {INVENTORY}; add a row")));
    }
    faults
}

/// The product's files that name one of the libraries, and which.
fn used(tree: &Tree) -> BTreeMap<&str, BTreeSet<&'static str>> {
    let mut used: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for file in product_files(tree).filter(|file| !file.path.starts_with("xtask/")) {
        look(file, &mut |seen, _| {
            let Seen::Path(path) = seen else { return };
            let first = path.split("::").next().unwrap_or(&path);
            let Some(library) = LIBRARIES.iter().find(|library| **library == first) else { return };
            // A module of our own may have the name of a library; a library's own items are always reached by a path.
            if path != first {
                used.entry(&file.path).or_default().insert(library);
            }
        });
    }
    used
}

/// A row of the inventory.
fn row(line: &str) -> Option<(&str, &str, &str)> {
    let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
    let file = cells.next()?.strip_suffix('`')?;
    file.strip_suffix(".rs")?;
    Some((file, cells.next()?, cells.next()?))
}

#[cfg(test)]
mod tests {
    use super::{INVENTORY, check};
    use crate::house::tree::Tree;

    const SEALS: (&str, &str) =
        ("vault/src/a.rs", "//! Seals.\nuse aws_lc_rs::aead::Aad;\nuse subtle::ConstantTimeEq;\n");

    fn faults(page: &str, files: &[(&str, &str)]) -> usize {
        check(&Tree::planted(&[files, &[(INVENTORY, page)]].concat())).len()
    }

    #[test]
    fn a_place_that_is_listed_with_its_libraries_is_in_order() {
        assert_eq!(faults("| `vault/src/a.rs` | aws_lc_rs, subtle | fields |\n", &[SEALS]), 0);
        let tests = ("vault/tests/b.rs", "//! Tests.\nuse sha2::Sha256;\n");
        let own = ("vault/src/c.rs", "//! A module of that name.\nmod aes;\nfn f() { aes() }\n");
        assert_eq!(faults("", &[tests, own]), 0);
    }

    #[test]
    fn each_planted_fault_is_found() {
        assert_eq!(faults("nothing\n", &[SEALS]), 1, "a place that is not listed");
        assert_eq!(faults("| `vault/src/a.rs` | aws_lc_rs | fields |\n", &[SEALS]), 1, "a library that is not");
        assert_eq!(faults("| `vault/src/a.rs` | aws_lc_rs, subtle | |\n", &[SEALS]), 1, "no purpose");
        assert_eq!(faults("| `vault/src/gone.rs` | sha2 | fields |\n", &[]), 1, "a place that has gone");
        let twice = "| `vault/src/a.rs` | aws_lc_rs, subtle | fields |\n".repeat(2);
        assert_eq!(faults(&twice, &[SEALS]), 1, "a place listed twice");
        assert_eq!(check(&Tree::planted(&[SEALS])).len(), 1, "no inventory at all");
    }
}
