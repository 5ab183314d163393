//! A dependency needs a reason: every third-party line in the root manifest carries a comment that says what it is for.

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "dependency-reasons", promise: "every dependency in the root manifest says why", check };

const MANIFEST: &str = "Cargo.toml";
/// A reason shorter than this says nothing.
const SHORTEST_REASON_CHARACTERS: usize = 4;

fn check(tree: &Tree) -> Vec<Fault> {
    let Some(manifest) = tree.file(MANIFEST) else { return Vec::new() };
    let mut inside = false;
    let mut faults = Vec::new();
    for (number, line) in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[workspace.dependencies]";
            continue;
        }
        let Some((name, rest)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) else { continue };
        let is_ours = rest.contains("path = ");
        let reason = rest.rsplit_once('#').map_or("", |(_, reason)| reason.trim());
        if !is_ours && reason.len() < SHORTEST_REASON_CHARACTERS {
            faults.push(Fault::at(MANIFEST, number, format!("`{}` does not say what it is for", name.trim())));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    #[test]
    fn a_line_without_a_reason_is_found() {
        let manifest = "[workspace.dependencies]\nsip = { path = \"protocols/sip\" }\nserde = \"1\" # typed reading\nleft = \"1\"\n[profile.dev]\ndebug = false\n";
        let faults = check(&Tree::planted(&[("Cargo.toml", manifest)]));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].line, 4);
    }
}
