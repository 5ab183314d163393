//! Functions of at most 70 lines and files of at most 500: long enough for a thought, short enough to hold in the head.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::tree::{SourceFile, Tree};
use super::{Fault, Rule};

/// Lines of code between the braces of a function; blank lines and lines of comment do not count, as in clippy.
const MOST_FUNCTION_LINES: usize = 70;
/// Lines of a file, all of them.
const MOST_FILE_LINES: usize = 500;
/// Endings of what people write.
const WRITTEN: &[&str] = &["rs", "html", "css", "js", "py", "toml", "md", "sh"];

/// Functions.
pub const FUNCTIONS: Rule =
    Rule { name: "function-length", promise: "functions have at most 70 lines", check: functions };
/// Files.
pub const FILES: Rule = Rule { name: "file-length", promise: "files have at most 500 lines", check: files };

fn functions(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.with_extension("rs") {
        match file.rust() {
            Ok(parsed) => Functions { file, faults: &mut faults }.visit_file(parsed),
            Err((line, why)) => faults.push(Fault::at(&file.path, *line, format!("is not Rust: {why}"))),
        }
    }
    faults
}

struct Functions<'tree> {
    file: &'tree SourceFile,
    faults: &'tree mut Vec<Fault>,
}

impl Functions<'_> {
    fn measure(&mut self, name: &syn::Ident, body: &syn::Block) {
        let (start, end) = (body.span().start().line, body.span().end().line);
        let lines =
            self.file.lines().filter(|(number, line)| *number > start && *number < end && is_code(line)).count();
        if lines > MOST_FUNCTION_LINES {
            self.faults.push(Fault::at(
                &self.file.path,
                start,
                format!("`{name}` has {lines} lines of code, the limit is {MOST_FUNCTION_LINES}"),
            ));
        }
    }
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure(&item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn files(tree: &Tree) -> Vec<Fault> {
    let written = tree.files.iter().filter(|file| WRITTEN.contains(&file.extension()));
    written
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > MOST_FILE_LINES)
                .then(|| Fault::at(&file.path, 0, format!("has {lines} lines, the limit is {MOST_FILE_LINES}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{MOST_FILE_LINES, MOST_FUNCTION_LINES, files, functions};
    use crate::house::tree::Tree;

    fn function_of(lines: usize) -> String {
        format!("impl A {{\n fn long() {{\n{}\n // a comment\n\n }}\n}}\n", vec![" f();"; lines].join("\n"))
    }

    #[test]
    fn a_function_at_the_limit_passes_and_one_line_more_does_not() {
        assert!(functions(&Tree::planted(&[("a.rs", &function_of(MOST_FUNCTION_LINES))])).is_empty());
        assert_eq!(functions(&Tree::planted(&[("a.rs", &function_of(MOST_FUNCTION_LINES + 1))])).len(), 1);
    }

    #[test]
    fn a_file_at_the_limit_passes_and_one_line_more_does_not() {
        assert!(files(&Tree::planted(&[("a.css", &"x\n".repeat(MOST_FILE_LINES))])).is_empty());
        assert_eq!(files(&Tree::planted(&[("a.css", &"x\n".repeat(MOST_FILE_LINES + 1))])).len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_a_fault() {
        assert_eq!(functions(&Tree::planted(&[("a.rs", "fn (")])).len(), 1);
    }
}
