//! A panic means a bug: no `unwrap`, no unfinished macros, no `unsafe`, and an `expect` says why it cannot fail.

use super::code::{Seen, look, product_files};
use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "panics", promise: "no unwrap, no unsafe; an expect says why it cannot fail", check };

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in product_files(tree) {
        look(file, &mut |seen, line| {
            let what = match seen {
                Seen::Method(name, 0) if name == "unwrap" => "unwrap: say what happens when it is not there",
                Seen::Method(name, 0) if name == "unwrap_err" => "unwrap_err: say what happens when it is not there",
                Seen::Macro(name) if matches!(name.as_str(), "todo" | "unimplemented" | "dbg") => {
                    "a macro of unfinished work"
                }
                Seen::Unsafe => "unsafe has no place here",
                Seen::ExpectWithoutReason => "expect without a written reason",
                _ => return,
            };
            faults.push(Fault::at(&file.path, line, what));
        });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    #[test]
    fn planted_faults_are_found() {
        let unfinished = ["todo", "!();"].concat();
        for body in
            ["x.unwrap();", &unfinished, "unsafe { f() }", "x.expect(message);", "assert!(x.unwrap());", "dbg!(x);"]
        {
            let code = format!("fn f() {{ {body} }}");
            assert_eq!(check(&Tree::planted(&[("a/src/a.rs", &code)])).len(), 1, "{body}");
            assert!(check(&Tree::planted(&[("a/tests/a.rs", &code)])).is_empty(), "tests may: {body}");
        }
        assert_eq!(check(&Tree::planted(&[("a/src/a.rs", "unsafe impl Send for A {}")])).len(), 1);
    }

    #[test]
    fn good_code_passes() {
        let code = "fn f() { x.unwrap_or(1); x.expect(\"made two lines above\"); }";
        assert!(check(&Tree::planted(&[("a/src/a.rs", code)])).is_empty());
    }
}
