//! No secret stands in the tree: private keys, our own keys and the common shapes of other people's.

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule = Rule { name: "secrets", promise: "no private key, API key or token stands in the tree", check };

/// A prefix in two pieces (so that this file does not match itself) and how many key characters must follow.
struct Shape {
    prefix: [&'static str; 2],
    least_following: usize,
    name: &'static str,
}

const SHAPES: &[Shape] = &[
    // A real one is followed by 86 characters; made-up ones in tests and documents are shorter.
    Shape { prefix: ["rf_", "live_"], least_following: 60, name: "an API key of ours" },
    Shape { prefix: ["rf_", "test_"], least_following: 60, name: "an API key of ours" },
    Shape { prefix: ["AK", "IA"], least_following: 16, name: "an access key of a cloud" },
    Shape { prefix: ["gh", "p_"], least_following: 30, name: "a token of a code host" },
    Shape { prefix: ["github_", "pat_"], least_following: 30, name: "a token of a code host" },
    Shape { prefix: ["xox", "b-"], least_following: 20, name: "a token of a chat service" },
    Shape { prefix: ["sk", "-"], least_following: 32, name: "a key of a model provider" },
    Shape { prefix: ["AGE-SECRET", "-KEY-"], least_following: 20, name: "a private key of age" },
];

fn check(tree: &Tree) -> Vec<Fault> {
    let private_key = ["PRIVATE", " KEY-----"].concat();
    let mut faults = Vec::new();
    for file in &tree.files {
        for (number, line) in file.lines() {
            if line.contains("-----BEGIN") && line.contains(&private_key) {
                faults.push(Fault::at(&file.path, number, "a private key"));
            }
            let found = SHAPES.iter().filter(|shape| holds(line, shape));
            faults.extend(found.map(|shape| Fault::at(&file.path, number, format!("looks like {}", shape.name))));
        }
    }
    faults
}

fn holds(line: &str, shape: &Shape) -> bool {
    let prefix = shape.prefix.concat();
    line.match_indices(&prefix).any(|(start, _)| {
        let inside_a_word = line[..start].chars().next_back().is_some_and(|letter| letter.is_ascii_alphanumeric());
        let following = line[start + prefix.len()..]
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        !inside_a_word && following >= shape.least_following
    })
}

#[cfg(test)]
mod tests {
    use super::{SHAPES, check};
    use crate::house::tree::Tree;

    #[test]
    fn every_shape_is_found_and_a_short_example_is_not() {
        for shape in SHAPES {
            let key = format!("key = \"{}{}\"", shape.prefix.concat(), "A".repeat(shape.least_following));
            assert_eq!(check(&Tree::planted(&[("a.md", &key)])).len(), 1, "{}", shape.name);
            let example = format!("{}{}…", shape.prefix.concat(), "A".repeat(shape.least_following - 1));
            assert!(check(&Tree::planted(&[("a.md", &example)])).is_empty(), "{}", shape.name);
        }
        let key = ["-----BEGIN EC PRIVATE", " KEY-----"].concat();
        assert_eq!(check(&Tree::planted(&[("a.pem", &key)])).len(), 1);
    }
}
