//! One crypto provider: what the binary is built from holds aws-lc-rs, and neither `ring` nor any OpenSSL.

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "one-crypto-provider", promise: "neither ring nor OpenSSL is built into the binary", check };

/// Packages that bring a second crypto provider or TLS stack.
const SECOND_PROVIDERS: &[&str] =
    &["ring", "openssl", "openssl-sys", "native-tls", "boring", "mbedtls", "rustls-openssl"];

fn check(tree: &Tree) -> Vec<Fault> {
    let Some(listing) = &tree.dependency_listing else { return Vec::new() };
    let packages: Vec<&str> = listing.lines().filter_map(|line| line.split_whitespace().next()).collect();
    SECOND_PROVIDERS
        .iter()
        .filter(|name| packages.contains(name))
        .map(|name| {
            Fault::at(
                "Cargo.lock",
                0,
                format!("`{name}` is built in; find who brings it with `cargo tree --invert {name}`"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    #[test]
    fn a_second_provider_is_found() {
        let mut tree = Tree::planted(&[]);
        tree.dependency_listing = Some("server v0.1.0 (/here)\naws-lc-rs v1.19.0\nstring v1.0.0\n".to_owned());
        assert!(check(&tree).is_empty());
        tree.dependency_listing = Some("server v0.1.0 (/here)\nring v0.17.14\nopenssl-sys v0.9 (*)\n".to_owned());
        assert_eq!(check(&tree).len(), 2);
    }
}
