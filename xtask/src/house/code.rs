//! Rust code as the rules look at it: what a file names and calls outside its tests. Macro arguments are not parsed by `syn`, so their
//! tokens are read for the same patterns.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::tree::{SourceFile, Tree};

/// Something a rule may care about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// `a::b::c` in an expression, a type, a pattern or a `use`.
    Path(String),
    /// `.name(…)` and how many arguments; in macros only "none" and "some" (1) are told apart.
    Method(String, usize),
    /// `.name("text")`: the only argument is a string literal.
    MethodOfText(String),
    /// `name!`.
    Macro(String),
    /// `.expect(…)` whose argument is not one string literal, or whose literal is empty.
    ExpectWithoutReason,
    /// An `unsafe` block, function, impl or trait.
    Unsafe,
}

/// Files of our packages that run in the product: all Rust outside tests, benches and examples.
pub fn product_files(tree: &Tree) -> impl Iterator<Item = &SourceFile> {
    tree.with_extension("rs").filter(|file| !is_test_file(&file.path))
}

/// True for files that are compiled only into tests.
pub fn is_test_file(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let folders = &parts[..parts.len() - 1];
    folders.iter().any(|folder| matches!(*folder, "tests" | "benches" | "examples" | "testing" | "fuzz"))
        || matches!(parts.last(), Some(&("tests.rs" | "testing.rs")))
}

/// Calls `on` with everything the file names outside `#[cfg(test)]`, with its line.
pub fn look(file: &SourceFile, on: &mut dyn FnMut(Seen, usize)) {
    if let Ok(parsed) = file.rust() {
        Walker { on }.visit_file(parsed);
    }
}

/// True when these attributes keep an item out of the product.
pub fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.segments.last().is_some_and(|last| last.ident == "test") {
            return true;
        }
        path.is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    })
}

struct Walker<'on> {
    on: &'on mut dyn FnMut(Seen, usize),
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(word) = &signature.unsafety {
            (self.on)(Seen::Unsafe, word.span.start().line);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(word) = &item.unsafety {
            (self.on)(Seen::Unsafe, word.span.start().line);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_expr_unsafe(&mut self, expression: &'ast syn::ExprUnsafe) {
        (self.on)(Seen::Unsafe, expression.span().start().line);
        visit::visit_expr_unsafe(self, expression);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        (self.on)(Seen::Path(names.join("::")), path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let line = item.span().start().line;
        each_use("", &item.tree, &mut |path| (self.on)(Seen::Path(path), line));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let line = call.method.span().start().line;
        let name = call.method.to_string();
        if name == "expect" && call.args.len() == 1 && !is_reason(call.args.first()) {
            (self.on)(Seen::ExpectWithoutReason, line);
        }
        let of_text = call.args.len() == 1
            && matches!(call.args.first(), Some(syn::Expr::Lit(literal)) if matches!(literal.lit, syn::Lit::Str(_)));
        (self.on)(if of_text { Seen::MethodOfText(name) } else { Seen::Method(name, call.args.len()) }, line);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(last) = call.path.segments.last() {
            (self.on)(Seen::Macro(last.ident.to_string()), last.ident.span().start().line);
        }
        each_token_pattern(call.tokens.clone(), self.on);
        visit::visit_macro(self, call);
    }
}

fn is_reason(argument: Option<&syn::Expr>) -> bool {
    match argument {
        Some(syn::Expr::Lit(literal)) => matches!(&literal.lit, syn::Lit::Str(text) if !text.value().trim().is_empty()),
        _ => false,
    }
}

/// Flattens `a::{b, c::d}` into whole paths.
fn each_use(before: &str, tree: &syn::UseTree, on: &mut dyn FnMut(String)) {
    let join = |name: String| if before.is_empty() { name } else { format!("{before}::{name}") };
    match tree {
        syn::UseTree::Path(path) => each_use(&join(path.ident.to_string()), &path.tree, on),
        syn::UseTree::Name(name) => on(join(name.ident.to_string())),
        syn::UseTree::Rename(name) => on(join(name.ident.to_string())),
        syn::UseTree::Glob(_) => on(join("*".to_owned())),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| each_use(before, tree, on)),
    }
}

/// Finds `a::b`, `.name(…)` and `name!` in the tokens of a macro.
fn each_token_pattern(tokens: TokenStream, on: &mut dyn FnMut(Seen, usize)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_punct = |index: usize, wanted: char| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => each_token_pattern(group.stream(), on),
            TokenTree::Ident(name) => {
                let line = name.span().start().line;
                let after_dot = index > 0 && is_punct(index - 1, '.');
                match tokens.get(index + 1) {
                    Some(TokenTree::Group(group)) if after_dot && group.delimiter() == Delimiter::Parenthesis => {
                        let of_text = syn::parse2::<syn::LitStr>(group.stream()).is_ok();
                        let arguments = usize::from(!group.stream().is_empty());
                        let name = name.to_string();
                        on(if of_text { Seen::MethodOfText(name) } else { Seen::Method(name, arguments) }, line);
                    }
                    Some(TokenTree::Punct(punct)) if punct.as_char() == '!' && !is_punct(index + 2, '=') => {
                        on(Seen::Macro(name.to_string()), line);
                    }
                    _ => {}
                }
                if index < 2 || !is_punct(index - 1, ':') {
                    on(Seen::Path(path_from(&tokens[index..])), line);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The path that starts at the first token.
fn path_from(tokens: &[TokenTree]) -> String {
    let mut path = String::new();
    for token in tokens {
        match token {
            TokenTree::Ident(name) if path.is_empty() || path.ends_with(':') => path.push_str(&name.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => path.push(':'),
            _ => break,
        }
    }
    path.trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Seen, is_test_file, look};
    use crate::house::tree::Tree;

    fn seen(code: &str) -> Vec<Seen> {
        let tree = Tree::planted(&[("a/src/x.rs", code)]);
        let mut all = Vec::new();
        look(&tree.files[0], &mut |what, _| all.push(what));
        all
    }

    #[test]
    fn sees_paths_methods_and_macros_also_inside_macros() {
        let all =
            seen("use std::{fs, net::TcpStream}; fn f() { tokio::select! { _ = x.unwrap() => std::fs::read(\"a\") } }");
        for path in ["std::fs", "std::net::TcpStream", "std::fs::read"] {
            assert!(all.contains(&Seen::Path(path.to_owned())), "{path}: {all:?}");
        }
        assert!(all.contains(&Seen::Method("unwrap".to_owned(), 0)), "{all:?}");
    }

    #[test]
    fn tests_are_not_the_product() {
        assert!(seen("#[cfg(test)] mod tests { fn f() { x.unwrap(); } }").is_empty());
        assert!(is_test_file("storage/src/table/tests.rs") && is_test_file("server/tests/browser.rs"));
        assert!(!is_test_file("storage/src/table.rs"));
    }

    #[test]
    fn an_expect_needs_words() {
        assert!(seen("fn f() { x.expect(\"\"); }").contains(&Seen::ExpectWithoutReason));
        assert!(!seen("fn f() { x.expect(\"it was just made\"); }").contains(&Seen::ExpectWithoutReason));
    }
}
