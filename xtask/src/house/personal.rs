//! What is about a person does not print: a type that holds names, addresses, numbers or words of people derives no `Debug`, so that
//! `?contact` in a log line, or a panic, shows none of them. `storage::debug_shows!` names what may be shown.

use syn::visit::{self, Visit};

use super::code::{is_for_tests, product_files};
use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    name: "personal",
    promise: "types that hold something personal derive no Debug; storage::debug_shows! names what may be shown",
    check,
};

/// Fields of text that are about a person wherever they stand.
const PERSONAL: &[&str] = &[
    "email",
    "phone",
    "display_name",
    "person_name",
    "operator_name",
    "given_name",
    "family_name",
    "formatted",
    "user_name",
    "caller_number",
    "other_number",
    "from_user",
    "from_name",
    "owner_email",
    "owner_password",
    "password",
    "vouched",
    "who",
    "keyed",
];
/// Fields of text that are a person's where conversations and contacts are at home.
const PERSONAL_IN_CONVERSATIONS: &[&str] = &["name", "text", "question"];
/// Where that is.
const CONVERSATIONS: &[&str] = &[
    "product/chat/src/message",
    "product/contacts/",
    "product/conversations/src/desk",
    "product/conversations/src/door",
    "product/conversations/src/engine/",
];
/// Variants that hold a text about a person.
const PERSONAL_VARIANTS: &[&str] = &["PhoneNumber", "Email", "PersonName"];

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in product_files(tree) {
        let Ok(parsed) = file.rust() else { continue };
        let at_home = CONVERSATIONS.iter().any(|path| file.path.starts_with(path));
        let mut walker = Walker { path: &file.path, at_home, faults: &mut faults };
        walker.visit_file(parsed);
    }
    faults
}

struct Walker<'a> {
    path: &'a str,
    at_home: bool,
    faults: &'a mut Vec<Fault>,
}

impl Walker<'_> {
    fn judge(&mut self, name: &syn::Ident, attributes: &[syn::Attribute], fields: &syn::Fields) {
        if !derives_debug(attributes) {
            return;
        }
        for field in fields {
            let Some(word) = field.ident.as_ref() else { continue };
            let text = word.to_string();
            let personal = PERSONAL.contains(&text.as_str())
                || (self.at_home && PERSONAL_IN_CONVERSATIONS.contains(&text.as_str()));
            if personal && holds_text(&field.ty) {
                let what = format!(
                    "{name} derives Debug and would print `{word}`: storage::debug_shows! names what may be shown"
                );
                self.faults.push(Fault::at(self.path, word.span().start().line, what));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.judge(&item.ident, &item.attrs, &item.fields);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        for variant in &item.variants {
            self.judge(&item.ident, &item.attrs, &variant.fields);
            let named = PERSONAL_VARIANTS.iter().any(|word| variant.ident == word);
            if named && derives_debug(&item.attrs) && variant.fields.iter().any(|field| holds_text(&field.ty)) {
                let what = format!("{} derives Debug and would print its `{}`", item.ident, variant.ident);
                self.faults.push(Fault::at(self.path, variant.ident.span().start().line, what));
            }
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

fn derives_debug(attributes: &[syn::Attribute]) -> bool {
    let mut found = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        // A derive that cannot be read is the compiler's business.
        let _read = attribute.parse_nested_meta(|meta| {
            found |= meta.path.segments.last().is_some_and(|last| last.ident == "Debug");
            Ok(())
        });
    }
    found
}

/// Is this a text, or something that holds one? A type of our own (`Pii`, `Secret`) answers for itself.
fn holds_text(kind: &syn::Type) -> bool {
    match kind {
        syn::Type::Reference(reference) => holds_text(&reference.elem),
        syn::Type::Slice(slice) => holds_text(&slice.elem),
        syn::Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let inner = match &last.arguments {
                syn::PathArguments::AngleBracketed(inner) => inner
                    .args
                    .iter()
                    .any(|argument| matches!(argument, syn::GenericArgument::Type(kind) if holds_text(kind))),
                _ => false,
            };
            last.ident == "String" || last.ident == "str" || (inner && last.ident != "Pii")
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    fn faults(path: &str, code: &str) -> usize {
        check(&Tree::planted(&[(path, code)])).len()
    }

    #[test]
    fn planted_types_that_would_print_somebody_are_found() {
        for code in [
            "#[derive(Debug)] struct A { email: String }",
            "#[derive(Clone, Debug)]\npub struct A { id: u8, phone: Option<String> }",
            "#[derive(Clone)]\n#[derive(std::fmt::Debug)] struct A<'a> { display_name: &'a str }",
            "#[derive(Debug)] enum A { B { caller_number: Vec<String> }, C }",
            "#[derive(Debug)] enum A { PhoneNumber(String) }",
            "mod inner { #[derive(Debug)] struct A { password: Box<str> } }",
        ] {
            assert_eq!(faults("a/src/a.rs", code), 1, "{code}");
            assert_eq!(faults("a/tests/a.rs", code), 0, "tests may: {code}");
        }
        let words = "#[derive(Debug)] struct A { text: String }";
        assert_eq!((faults("product/chat/src/message.rs", words), faults("product/agents/src/a.rs", words)), (1, 0));
    }

    #[test]
    fn types_that_print_no_one_pass() {
        for code in [
            "#[derive(Clone)] struct A { email: String }\nstorage::debug_shows!(struct A {});",
            "#[derive(Debug)] struct A { email: bool, who: Uuid, phone: Option<Secret> }",
            "#[derive(Debug)] struct A { email: Pii<String>, phone: Option<Pii<String>> }",
            "#[derive(Debug)] struct A { name: String }",
            "#[cfg(test)] mod tests { #[derive(Debug)] struct A { email: String } }",
        ] {
            assert_eq!(faults("a/src/a.rs", code), 0, "{code}");
        }
    }
}
