//! A server that speaks an old version, presents a wrong certificate or is open in clear turns the promise red.

use edge::tls::testing::{TestIssuer, TestPair};
use edge::{Certificates, HostNames, Listener, ListenerSettings, MinimumVersion, Tls};
use storage::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::finding::State;
use crate::link::{Link, PAGES};
use crate::probes::testing::{NOW, context};

const NAME: &str = "desk.example";
const DAY: i64 = 86_400;

fn pair(names: &[&str], from: Timestamp, until: Timestamp) -> TestPair {
    TestIssuer::new("test").issue(names, from, until)
}

fn sound() -> TestPair {
    pair(&[NAME], NOW.plus_seconds(-DAY), NOW.plus_seconds(60 * DAY))
}

/// Our own listener with this certificate; gives its address.
async fn listening(minimum: MinimumVersion, pair: &TestPair) -> (String, DropGuard) {
    let mut settings = ListenerSettings::at("127.0.0.1:0".parse().expect("an address"));
    settings.host_names = HostNames::Any;
    let tls = Tls::new(minimum, Certificates::with(pair.certificate()));
    settings.protection = edge::Protection::Tls(tls);
    let listener = Listener::bind(settings).await.expect("a free port");
    let (url, stop) = (format!("https://{}", listener.local_address()), CancellationToken::new());
    tokio::spawn(listener.serve(axum::Router::new(), stop.clone()));
    (url, stop.drop_guard())
}

async fn look(url: &str, declared: Option<&'static str>, links: Vec<Link>) -> Finding {
    let (mut context, _kept) = context().await;
    context.base_url = Some(url.to_owned());
    context.public_name = Some(NAME.to_owned());
    (context.oldest_tls, context.links) = (declared, links);
    OldestTls.look(&context).await
}

#[tokio::test]
async fn tls_1_3_alone_holds_and_1_2_only_where_it_is_said() {
    let (strict, _guard) = listening(MinimumVersion::Tls13, &sound()).await;
    let finding = look(&strict, Some("1.3"), Vec::new()).await;
    assert_eq!(finding.state, State::Holds, "{finding:?}");
    assert!(!finding.evidence.contains("let in"), "{finding:?}");
    let (lax, _guard) = listening(MinimumVersion::Tls12, &sound()).await;
    let finding = look(&lax, Some("1.2"), Vec::new()).await;
    assert!(finding.state == State::Holds && finding.evidence.contains("tls.minimum"), "{finding:?}");
    let finding = look(&lax, Some("1.3"), Vec::new()).await;
    assert!(finding.state == State::Broken && finding.evidence.contains("TLS 1.2 is spoken"), "{finding:?}");
}

/// Answers every greeting with a `ServerHello` of the version that it named, as a server without any minimum would.
async fn agreeable() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut greeting = vec![0; 4096];
            let read = stream.read(&mut greeting).await.unwrap_or(0);
            let named = greeting[..read].get(10).copied().unwrap_or_default();
            let answer = [0x16, 3, named, 0, 8, 2, 0, 0, 4, 3, named, 0, 0];
            let _sent = stream.write_all(&answer).await;
        }
    });
    format!("https://{address}")
}

#[tokio::test]
async fn a_server_that_speaks_old_versions_is_seen() {
    let finding = look(&agreeable().await, Some("1.2"), Vec::new()).await;
    assert_eq!(finding.state, State::Broken);
    for version in ["1.0", "1.1"] {
        assert!(finding.evidence.contains(&format!("TLS {version} is spoken")), "{finding:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_over_ends_soon_or_is_for_another_name_is_seen() {
    let at = |days: i64| NOW.plus_seconds(days * DAY);
    for (pair, words) in [
        (pair(&[NAME], at(-9), at(-1)), "not valid"),
        (pair(&[NAME], at(1), at(9)), "not valid"),
        (pair(&[NAME], at(-9), at(2)), "has not been renewed"),
        (pair(&["other.example"], at(-9), at(60)), "public name"),
    ] {
        let (url, _guard) = listening(MinimumVersion::Tls13, &pair).await;
        let finding = look(&url, Some("1.3"), Vec::new()).await;
        assert!(finding.state == State::Broken && finding.evidence.contains(words), "{words}: {finding:?}");
    }
}

#[tokio::test]
async fn plain_http_holds_on_this_machine_only() {
    let here = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = |listener: &TcpListener| format!("http://127.0.0.1:{}", listener.local_addr().expect("bound").port());
    let finding = look(&url(&here), None, Vec::new()).await;
    assert!(finding.state == State::Holds && finding.evidence.contains("this machine only"), "{finding:?}");
    let everywhere = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
    let finding = look(&url(&everywhere), None, Vec::new()).await;
    assert_eq!(finding.state, State::Broken, "{finding:?}");
    let proxied = vec![Link::new(PAGES, Protection::InClear("proxy_terminates_tls"))];
    let finding = look(&url(&everywhere), None, proxied).await;
    assert!(finding.state == State::NotMeasured && finding.evidence.contains("proxy"), "{finding:?}");
}

#[test]
fn replies_are_read_with_care() {
    assert_eq!(Version::Tls11.judge(&[0x15, 3, 2, 0, 2, 2, 70]), Reply::Refused(70));
    assert_eq!(Version::Tls11.judge(b"HTTP/1.1 400 Bad Request\r\n"), Reply::Other);
    assert_eq!(Version::Tls11.judge(&[]), Reply::Other);
    // A server that answers 1.1 with 1.2 does not speak 1.1.
    assert_eq!(Version::Tls11.judge(&[0x16, 3, 3, 0, 8, 2, 0, 0, 4, 3, 3, 0, 0]), Reply::Other);
    assert!(
        Version::Tls12.is_at_least("1.2") && !Version::Tls12.is_at_least("1.3") && !Version::Tls10.is_at_least("1.2")
    );
}
