//! A way that is not what it was declared to be turns the promise red; one that is in clear by a setting is named.

use std::pin::Pin;

use super::*;
use crate::finding::State;
use crate::probes::testing::{context, served};

/// A database that says this about the connection.
struct Says(Option<&'static str>);

impl Seen for Says {
    fn database<'a>(
        &'a self,
        _context: &'a ProbeContext,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send + 'a>> {
        let said = self.0.map(str::to_owned);
        Box::pin(async move { Ok(said) })
    }
}

async fn look(seen: impl Seen, links: Vec<Link>) -> Finding {
    let (mut context, _kept) = context().await;
    context.base_url = Some(served(axum::Router::new()).await);
    context.links = links;
    Ways(seen).look(&context).await
}

fn encrypted() -> Protection {
    Protection::Encrypted("TLS 1.3".to_owned())
}

#[tokio::test]
async fn what_was_declared_is_compared_with_what_is_seen() {
    let strict = || Link::new(DATABASE, encrypted()).with_oldest_tls("1.3");
    let lax = || Link::new(DATABASE, encrypted()).with_oldest_tls("1.2");
    for (said, link, state) in [
        (Some("TLSv1.3"), strict(), State::Holds),
        (Some("TLSv1.2"), strict(), State::Broken),
        (Some("TLSv1.2"), Link::new(DATABASE, encrypted()), State::Broken),
        (Some("TLSv1.3"), lax(), State::Holds),
        (Some("TLSv1.2"), lax(), State::Holds),
        (Some("TLSv1.1"), lax(), State::Broken),
        (Some("TLSv1"), lax(), State::Broken),
        (Some("SSLv3"), lax(), State::Broken),
        (None, strict(), State::Broken),
        (None, Link::new(DATABASE, Protection::ThisMachine), State::Holds),
    ] {
        let finding = look(Says(said), vec![link.clone()]).await;
        assert_eq!(finding.state, state, "{said:?} {link:?}: {finding:?}");
    }
    let finding = look(Says(None), vec![Link::new(PAGES, encrypted())]).await;
    assert!(finding.state == State::Broken && finding.evidence.contains("do not"), "plain HTTP: {finding:?}");
    assert_eq!(look(Says(None), vec![Link::new(PAGES, Protection::ThisMachine)]).await.state, State::Holds);
    assert_eq!(look(Says(None), Vec::new()).await.state, State::NotMeasured);
}

#[tokio::test]
async fn pages_in_clear_beyond_this_machine_are_seen() {
    let (mut context, _kept) = context().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    context.base_url = Some(format!("http://127.0.0.1:{port}"));
    context.links = vec![Link::new(PAGES, Protection::ThisMachine)];
    let finding = Ways(Says(None)).look(&context).await;
    assert!(finding.state == State::Broken && finding.evidence.contains("beyond this machine"), "{finding:?}");
}

#[tokio::test]
async fn what_is_in_clear_by_a_setting_is_named_with_it() {
    let links = vec![
        Link::new(PAGES, Protection::ThisMachine),
        Link::new(DATABASE, Protection::InClear("database_in_clear")),
        Link::new("calls (sound)", Protection::InClear("plain_sound")),
    ];
    let finding = look(Says(None), links).await;
    assert_eq!(finding.state, State::Holds);
    for words in ["Some ways are in clear", "database_in_clear", "calls (sound)", "plain_sound"] {
        assert!(finding.evidence.contains(words), "{words}: {finding:?}");
    }
}
