//! Proofs: a promise or a requirement that names a test names one that exists and runs, as `folder/file.rs::name`.

use serde::Deserialize;

use super::tree::Tree;
use super::{Fault, Rule};

/// Every proof of a promise is a test.
pub const RULE: Rule =
    Rule { name: "proofs", promise: "every test that a promise names as its proof exists and runs", check };

/// Where the promises stand, a file for each chapter.
const FOLDER: &str = "promises/";

#[derive(Deserialize)]
struct Chapter {
    #[serde(default, rename = "promise")]
    promises: Vec<Promise>,
}

/// What this rule reads of a promise; the product reads, and refuses, the rest.
#[derive(Deserialize)]
struct Promise {
    id: String,
    #[serde(default)]
    proofs: Vec<String>,
}

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.with_extension("toml").filter(|file| file.path.starts_with(FOLDER)) {
        let chapter: Chapter = match toml::from_str(&file.text) {
            Ok(chapter) => chapter,
            Err(error) => {
                faults.push(Fault::at(&file.path, 0, format!("cannot be read: {error}")));
                continue;
            }
        };
        for promise in chapter.promises {
            let id = promise.id;
            let missing = promise.proofs.iter().filter_map(|proof| Some((proof, why_no_test(tree, proof)?)));
            faults.extend(missing.map(|(proof, why)| Fault::at(&file.path, 0, format!("`{id}` names {proof}: {why}"))));
        }
    }
    faults
}

/// Why `folder/file.rs::name` is not a test that runs; `None` when it is.
pub fn why_no_test(tree: &Tree, test: &str) -> Option<&'static str> {
    let Some((path, name)) = test.split_once("::") else { return Some("is not file.rs::name") };
    let Some(file) = tree.file(path) else { return Some("there is no such file") };
    let Ok(code) = file.rust() else { return Some("that file is not Rust") };
    let Some(attributes) = function(&code.items, name) else { return Some("there is no such function in it") };
    let is = |word: &str| {
        attributes.iter().any(|attribute| attribute.path().segments.last().is_some_and(|segment| segment.ident == word))
    };
    if !is("test") {
        return Some("that function is no test");
    }
    is("ignore").then_some("that test is ignored")
}

/// The attributes of the function of this name, in modules of the file too.
fn function<'file>(items: &'file [syn::Item], name: &str) -> Option<&'file [syn::Attribute]> {
    items.iter().find_map(|item| match item {
        syn::Item::Fn(function) if function.sig.ident == name => Some(function.attrs.as_slice()),
        syn::Item::Mod(module) => function(&module.content.as_ref()?.1, name),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Tree, check, why_no_test};

    const CODE: &str = "#[test]\nfn good() {}\nfn helper() {}\nmod tests {\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn \
        inner() {}\n#[test]\n#[ignore = \"slow\"]\nfn asleep() {}\n}\n";

    #[test]
    fn a_proof_must_be_a_test_that_runs() {
        let tree = Tree::planted(&[("a.rs", CODE), ("b.md", "text")]);
        for good in ["a.rs::good", "a.rs::inner"] {
            assert_eq!(why_no_test(&tree, good), None, "{good}");
        }
        for bad in ["a.rs", "c.rs::good", "b.md::good", "a.rs::gone", "a.rs::helper", "a.rs::asleep"] {
            assert!(why_no_test(&tree, bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_promise_without_its_proof_is_named() {
        let of = |text: &str| check(&Tree::planted(&[("a.rs", CODE), ("promises/a.toml", text)])).len();
        assert_eq!(of("[[promise]]\nid = \"a\"\nproofs = [\"a.rs::good\"]\n[[promise]]\nid = \"b\"\n"), 0);
        assert_eq!(of("[[promise]]\nid = \"a\"\nproofs = [\"a.rs::gone\", \"a.rs::asleep\"]\n"), 2);
        assert_eq!(of("[[promise]"), 1);
    }
}
