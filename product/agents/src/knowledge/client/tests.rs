//! The crawler against a real server on loopback that tempts it in every way we know.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// What the server saw and how it answers: a path to a whole response (headers and body).
struct Site {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let base = format!("http://127.0.0.1:{}", listener.local_addr().expect("it is bound").port());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut request = vec![0; 8192];
                    let length = socket.read(&mut request).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let path = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
                    seen.lock().expect("no test panics here").push(path.clone());
                    let _ = socket.write_all(&answer(&path)).await;
                    if path == "/slow" {
                        tokio::time::sleep(Duration::from_secs(30)).await;
                    }
                });
            }
        });
        Self { base, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics here").clone()
    }
}

fn respond(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn page(body: &str) -> Vec<u8> {
    respond("200 OK", "Content-Type: text/html; charset=utf-8\r\n", body)
}

fn nothing() -> Vec<u8> {
    respond("404 Not Found", "", "")
}

async fn crawl(site: &Site, path: &str) -> Result<Vec<String>, CrawlError> {
    let crawler = Crawler::new(Reach::LoopbackToo).with_page_seconds(2);
    let crawled = crawler.crawl(&format!("{}{path}", site.base), 20, |_, _| {}).await?;
    Ok(crawled.pages.into_iter().map(|page| page.url.path().to_owned()).collect())
}

#[tokio::test]
async fn a_site_is_read_within_its_rules() {
    let site = Site::start(|path| match path {
        "/robots.txt" => respond("200 OK", "", "User-agent: *\nDisallow: /private\nCrawl-delay: 0.01\n"),
        "/" => page("<a href=/prices>p</a><a href=/private/x>x</a><a href=/hidden>h</a><a href=/file.pdf>f</a>\
                     <a href=/data>d</a><a href=/gone>g</a><a href='http://169.254.169.254/latest'>m</a><a href=/tag>t</a>"),
        "/prices" => page("<p>Cleaning $90</p><a href=/>home</a>"),
        "/hidden" => page("<meta name=robots content='noindex,nofollow'><a href=/secret>s</a>"),
        "/tag" => respond("200 OK", "Content-Type: text/html\r\nX-Robots-Tag: noindex\r\n", "<p>x</p>"),
        "/data" => respond("200 OK", "Content-Type: application/octet-stream\r\n", "MZ\u{0}"),
        _ => nothing(),
    })
    .await;
    let mut heard = Vec::new();
    let crawler = Crawler::new(Reach::LoopbackToo);
    let crawled =
        crawler.crawl(&site.base, 20, |read, waiting| heard.push((read, waiting))).await.expect("a good site");
    assert_eq!((crawled.end, crawled.failed, crawled.left), (End::Whole, 0, 0));
    assert!(!crawled.is_disturbed() && crawled.gone.iter().any(|url| url.path() == "/hidden"), "{:?}", crawled.gone);
    let paths: Vec<&str> = crawled.pages.iter().map(|page| page.url.path()).collect();
    assert_eq!(paths, ["/", "/prices"]);
    assert_eq!(heard.len(), 2);
    let asked = site.asked();
    assert_eq!(asked[0], "/robots.txt");
    assert!(!asked.iter().any(|path| path.starts_with("/private") || path == "/secret"), "{asked:?}");
    assert_eq!(asked.iter().filter(|path| *path == "/").count(), 1);
}

#[tokio::test]
async fn a_crawl_says_why_it_ended_and_what_it_did_not_read() {
    let links = (0..30).map(|page| format!("<a href=/{page}>{page}</a>")).collect::<Vec<_>>().concat();
    let start = |broken: &'static str| {
        let links = links.clone();
        Site::start(move |path| match path {
            "/" => page(&links),
            "/0" => page("<p>The first one"),
            "/robots.txt" => nothing(),
            _ if broken.is_empty() => page("<p>x"),
            _ => respond(broken, "", ""),
        })
    };
    let crawler = Crawler::new(Reach::LoopbackToo);
    let site = start("503 Busy").await;
    let crawled = crawler.crawl(&site.base, 40, |_, _| {}).await.expect("its first page is there");
    assert_eq!((crawled.end, crawled.failed, crawled.left), (End::Failures, FAILURES_MAX, 30 - 1 - FAILURES_MAX));
    assert!(crawled.is_disturbed() && crawled.gone.is_empty() && crawled.pages.len() == 2);
    let site = start("404 Not Found").await;
    let crawled = crawler.crawl(&site.base, 40, |_, _| {}).await.expect("its first page is there");
    assert_eq!((crawled.end, crawled.failed, crawled.gone.len()), (End::Failures, 0, FAILURES_MAX));
    let site = start("").await;
    let crawled = crawler.crawl(&site.base, 20, |_, _| {}).await.expect("its first page is there");
    assert_eq!((crawled.end, crawled.pages.len(), crawled.left), (End::Pages, 20, 11));
    assert!(!crawled.is_disturbed(), "a limit is no trouble of the site");
}

#[tokio::test]
async fn robots_that_are_out_of_order_forbid_everything() {
    for (status, allowed) in
        [("500 Oops", false), ("503 Busy", false), ("404 Not Found", true), ("403 Forbidden", true)]
    {
        let site =
            Site::start(move |path| if path == "/robots.txt" { respond(status, "", "") } else { page("<p>x") }).await;
        assert_eq!(crawl(&site, "/").await.is_ok(), allowed, "{status}");
    }
    let site = Site::start(|path| match path {
        "/robots.txt" => respond("200 OK", "", "User-agent: ringfenceknowledge\nDisallow: /\n"),
        _ => page("<p>x"),
    })
    .await;
    assert_eq!(crawl(&site, "/").await, Err(CrawlError::Robots));
    assert_eq!(site.asked(), ["/robots.txt"]);
}

#[tokio::test]
async fn redirects_into_the_network_are_not_followed() {
    for target in [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "file:///etc/passwd",
        "https://elsewhere.example/",
        "http://user:secret@127.0.0.1/",
        "",
    ] {
        let answer = respond("302 Found", &format!("Location: {target}\r\n"), "");
        let site = Site::start(move |path| if path == "/robots.txt" { nothing() } else { answer.clone() }).await;
        let error = crawl(&site, "/").await.expect_err(target);
        assert!(matches!(error, CrawlError::Address(_) | CrawlError::Redirect), "{target}: {error:?}");
    }
    let site = Site::start(|path| match path {
        "/old" => respond("301 Moved", "Location: /new\r\n", ""),
        "/new" => page("<p>x"),
        "/circle" => respond("302 Found", "Location: /circle\r\n", ""),
        _ => nothing(),
    })
    .await;
    assert_eq!(crawl(&site, "/old").await, Ok(vec!["/new".to_owned()]));
    assert_eq!(crawl(&site, "/circle").await, Err(CrawlError::Redirect));
    assert_eq!(site.asked().iter().filter(|path| *path == "/circle").count(), REDIRECTS_MAX + 1);
}

#[tokio::test]
async fn slow_huge_and_odd_answers_end() {
    let site = Site::start(|path| match path {
        "/slow" => b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n<p>".to_vec(),
        "/claims" => b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99999999999\r\n\r\n<p>".to_vec(),
        "/endless" => {
            let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n".to_vec();
            answer.resize(answer.len() + PAGE_BYTES_MAX + 1, b'a');
            answer
        }
        "/edge" => respond("200 OK", "Content-Type: text/html\r\n", &"a".repeat(PAGE_BYTES_MAX)),
        "/exe" => respond("200 OK", "Content-Type: application/x-msdownload\r\n", "MZ"),
        "/untyped" => respond("200 OK", "", "<p>x"),
        "/garbage" => b"\x00\xffnot http".to_vec(),
        _ => nothing(),
    })
    .await;
    assert_eq!(crawl(&site, "/slow").await, Err(CrawlError::Slow));
    assert_eq!(crawl(&site, "/claims").await, Err(CrawlError::TooLarge));
    assert_eq!(crawl(&site, "/endless").await, Err(CrawlError::TooLarge));
    assert!(crawl(&site, "/edge").await.is_ok());
    assert_eq!(crawl(&site, "/exe").await, Err(CrawlError::Type));
    assert_eq!(crawl(&site, "/untyped").await, Err(CrawlError::Type));
    assert_eq!(crawl(&site, "/garbage").await, Err(CrawlError::Connection));
    assert_eq!(crawl(&site, "/gone").await, Err(CrawlError::Status(404)));
}

#[tokio::test]
async fn a_name_is_resolved_once_and_pinned() {
    let site = Site::start(|path| match path {
        "/robots.txt" => nothing(),
        "/" => page("<a href=/a>a</a>"),
        _ => page("<p>x"),
    })
    .await;
    let port: u16 = site.base.rsplit(':').next().expect("it has a port").parse().expect("a number");
    let times = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&times);
    // A rebinding name: the first answer is good, every later one leads into the network.
    let resolve: Resolve = Arc::new(move |_, port| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        let address = if first { [127, 0, 0, 1] } else { [169, 254, 169, 254] };
        Box::pin(async move { Ok(vec![SocketAddr::from((address, port))]) })
    });
    let crawler = Crawler::with_resolver(Reach::LoopbackToo, resolve);
    let pages =
        crawler.crawl(&format!("http://rebind.example:{port}/"), 5, |_, _| {}).await.expect("the first answer is kept");
    assert_eq!(pages.pages.len(), 2);
    assert_eq!(times.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_with_any_private_address_is_refused_before_a_connection() {
    let site = Site::start(|_| page("<p>x")).await;
    for second in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:192.168.0.1", "fd00::1"] {
        let second: std::net::IpAddr = second.parse().expect("an address");
        let resolve: Resolve = Arc::new(move |_, port| {
            let found = vec![SocketAddr::from(([93, 184, 215, 14], port)), SocketAddr::new(second, port)];
            Box::pin(async move { Ok(found) })
        });
        let crawler = Crawler::with_resolver(Reach::PublicOnly, resolve);
        let refused = crawler.crawl("http://mixed.example/", 5, |_, _| {}).await.expect_err("not public");
        assert_eq!(refused, CrawlError::Address(AddressError::NotPublic), "{second}");
    }
    let crawler = Crawler::new(Reach::PublicOnly);
    assert!(matches!(crawler.crawl(&site.base, 5, |_, _| {}).await, Err(CrawlError::Address(_))));
    assert!(matches!(
        crawler.crawl("http://localhost/", 5, |_, _| {}).await,
        Err(CrawlError::Address(_) | CrawlError::Name)
    ));
    assert!(site.asked().is_empty());
}
