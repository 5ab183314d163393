//! The frame of a page: what is escaped, what is marked, what carries the nonce.

use super::*;

fn alone() -> Shell {
    Shell::alone("Sign in", nonce())
}

fn nonce() -> Nonce {
    Nonce::generate(&storage::SeededEntropy::new(7))
}

#[derive(Template)]
#[template(
    source = r#"{% extends "shell.html" %}{% block main %}<h1>{{ shell.title() }}</h1>{% endblock %}"#,
    ext = "html"
)]
struct Plain {
    shell: Shell,
}

fn plain(shell: Shell) -> String {
    Plain { shell }.render().expect("the page renders")
}

#[test]
fn every_script_element_carries_the_nonce_and_nothing_is_inline() {
    let sign_in = SignInPage { shell: alone(), email: String::new(), error: String::new() };
    let pages =
        [plain(Shell::new("Calls", Nav::Calls, nonce(), "Practice", "Ada")), sign_in.render().expect("renders")];
    for page in pages {
        let scripts = page.matches("<script").count();
        assert!(scripts >= 2);
        assert_eq!(page.matches(&format!(r#"nonce="{}""#, nonce())).count(), scripts);
        assert_eq!(page.matches("></script>").count(), scripts, "a script element with content of its own");
        for forbidden in [" style=", "<style", "onclick", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn names_are_escaped() {
    let page = plain(Shell::new("<i>", Nav::Agents, nonce(), "<script>", "\"&").telling("<b>done</b>"));
    for raw in ["<i>", "<script>alert", ">\"&<", "<b>done"] {
        assert!(!page.contains(raw), "{raw} came through");
    }
    assert!(page.contains("&#60;script&#62;"));
}

#[test]
fn the_rail_marks_exactly_the_noun_of_the_page() {
    let page = plain(Shell::new("Audit", Nav::Audit, nonce(), "Practice", "Ada"));
    assert_eq!(page.matches("aria-current").count(), 1);
    assert!(page.contains(r#"<a href="/audit" aria-current="page">"#));
}

#[test]
fn only_known_words_are_told_from_an_address() {
    let told =
        |word: &str| Done { done: Some(word.to_owned()) }.told(Shell::new("Keys", Nav::Settings, nonce(), "", ""));
    assert!(told("revoked").told().is_some());
    assert!(told("<b>Your account is locked, call 0900</b>").told().is_none());
}

#[test]
fn a_refused_sign_in_keeps_the_address_and_says_why() {
    let page = SignInPage { shell: alone(), email: "a@b.example".to_owned(), error: "Not right.".to_owned() };
    let page = page.render().expect("renders");
    assert!(page.contains(r#"value="a@b.example""#) && page.contains(r#"role="alert""#) && page.contains("Not right."));
}
