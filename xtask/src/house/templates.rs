//! Templates keep the content security policy honest: no inline handler, no inline style, no script without a nonce, nothing unescaped, and no
//! policy text that allows inline code. And every form that changes something by session carries the session's token first.

use super::tree::Tree;
use super::{Fault, Rule};

/// What stands right behind the opening tag of a form that changes something.
const FORM_TOKEN: &str = "{{ shell.form_token() }}";
/// Pages of this frame are for those who are not signed in: there is no session that a token could belong to.
const WITHOUT_SESSION: &str = "{% extends \"alone.html\" %}";

/// The rule.
pub const RULE: Rule = Rule {
    name: "templates",
    promise: "templates hold no inline handler, style or bare script, escape everything, and their forms carry the form token",
    check,
};

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.with_extension("html") {
        for (start, tag) in tags(&file.text) {
            let line = file.text[..start].matches('\n').count() + 1;
            faults
                .extend(faults_of(&tag.to_ascii_lowercase()).into_iter().map(|what| Fault::at(&file.path, line, what)));
            let behind = &file.text[start + tag.len()..];
            if changes_something(tag) && !file.text.contains(WITHOUT_SESSION) && !behind.starts_with(FORM_TOKEN) {
                faults.push(Fault::at(&file.path, line, format!("a form that does not begin with `{FORM_TOKEN}`")));
            }
        }
        for (number, line) in file.lines() {
            if line.contains("|safe") || line.contains("| safe") || line.contains("escape = \"none\"") {
                faults.push(Fault::at(&file.path, number, "switches escaping off"));
            }
        }
    }
    faults
}

fn faults_of(tag: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for name in attributes(tag) {
        if name.len() > 2 && name.starts_with("on") && name[2..].bytes().all(|byte| byte.is_ascii_lowercase()) {
            faults.push(format!("`{name}` is an inline handler"));
        }
        if name == "style" {
            faults.push("an inline style: use a class".to_owned());
        }
    }
    if tag.starts_with("<style") {
        faults.push("an inline stylesheet".to_owned());
    }
    if tag.starts_with("<script") && !tag.contains("nonce=") {
        faults.push("a script without a nonce".to_owned());
    }
    if tag.contains("javascript:") {
        faults.push("a javascript: address".to_owned());
    }
    faults
}

/// Is this the opening tag of a form that posts?
fn changes_something(tag: &str) -> bool {
    let tag = tag.to_ascii_lowercase();
    tag.starts_with("<form") && tag.contains("method=\"post\"")
}

/// The opening tags with their offsets; quoted `>` do not end a tag, and template braces are skipped.
fn tags(text: &str) -> Vec<(usize, &str)> {
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find('<') {
        let start = from + found;
        let end = end_of_tag(&text[start..]).map_or(text.len(), |length| start + length);
        if text[start + 1..].starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            tags.push((start, &text[start..end]));
            from = end;
        } else {
            from = start + 1;
        }
    }
    tags
}

fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some(index + 1),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

/// Names of the attributes of a tag: words before `=` outside quotes.
fn attributes(tag: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in tag.chars() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '=') => names.push(std::mem::take(&mut word)),
            (None, letter) if letter.is_whitespace() => word.clear(),
            (None, letter) => word.push(letter),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    #[test]
    fn planted_faults_are_found() {
        for planted in [
            "<p onclick=\"f()\">",
            "<p\n  onload='f()'>",
            "<p style=\"color: red\">",
            "<style>p {}</style>",
            "<script>f()</script>",
            "<script src=\"/a.js\"></script>",
            "<a href=\"javascript:f()\">",
            "<p>{{ text|safe }}</p>",
            "<form method=\"post\" action=\"/a\"><button>Do it</button></form>",
            "<form method=\"post\" action=\"/a\"><input name=\"a\">{{ shell.form_token() }}</form>",
        ] {
            assert_eq!(check(&Tree::planted(&[("a/pages/a.html", planted)])).len(), 1, "{planted}");
        }
    }

    #[test]
    fn good_markup_passes() {
        let good = "<script nonce=\"{{ nonce }}\" src=\"/a.js\"></script>\n<p class=\"on\" data-on=\"x\">a = b < c, styles and onions</p>\n<button aria-label=\"style=none\">x</button>\n<form method=\"post\" action=\"/a\">{{ shell.form_token() }}<button>x</button></form>\n<form method=\"get\"></form>";
        assert!(check(&Tree::planted(&[("a/pages/a.html", good)])).is_empty());
        let stranger =
            "{% extends \"alone.html\" %}<form method=\"post\" action=\"/sign-in\"><button>x</button></form>";
        assert!(check(&Tree::planted(&[("a/pages/a.html", stranger)])).is_empty());
    }
}
