//! The crawler: reads the pages of one site for the owner who named it.
//!
//! Promises: only public addresses are connected to ([`edge::outgoing`]), no proxy, no cookies, no redirect that was not
//! checked; robots.txt (RFC 9309), `noindex`, `nofollow` and `Crawl-delay` are honoured; pages, bytes, redirects and time
//! are limited.

use std::time::Duration;

use edge::outgoing::{Outgoing, OutgoingError, Resolve};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode};
use thiserror::Error;
use url::Url;

use super::address::{AddressError, Reach};
use super::crawl::{Frontier, LINKS_MAX, Target, same_site};
use super::html;
use super::robots::{ROBOTS_BYTES_MAX, Rules};

/// How the crawler calls itself, to sites and in their robots.txt.
pub const AGENT_NAME: &str = "RingfenceKnowledge";
/// One page at most, in bytes.
pub const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// All pages of one crawl together, in bytes.
pub const CRAWL_BYTES_MAX: usize = 40 * 1024 * 1024;
/// Redirects followed for one page.
pub const REDIRECTS_MAX: usize = 5;
/// A connection must stand within this time.
pub const CONNECT_SECONDS: u64 = 10;
/// A page must be there within this time.
pub const PAGE_SECONDS: u64 = 20;
/// A whole crawl may take this long.
pub const CRAWL_SECONDS: u64 = 600;
/// Pages that fail in a row before a crawl gives up.
pub const FAILURES_MAX: usize = 10;

/// Why a site or a page could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CrawlError {
    /// The address is not allowed.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// robots.txt forbids it.
    #[error("The site's robots.txt does not allow this page to be read.")]
    Robots,
    /// The page says `noindex`.
    #[error("The page asks not to be indexed.")]
    NoIndex,
    /// No address was found for the name.
    #[error("The name of the site cannot be resolved.")]
    Name,
    /// No connection, or it broke.
    #[error("The site cannot be reached.")]
    Connection,
    /// Too slow.
    #[error("The site took longer than {PAGE_SECONDS} seconds.")]
    Slow,
    /// Larger than allowed.
    #[error("The page has more than {PAGE_BYTES_MAX} bytes.")]
    TooLarge,
    /// Another status than 200.
    #[error("The site answered with status {0}.")]
    Status(u16),
    /// A redirect to another site, or too many.
    #[error("The page leads to another site or in circles.")]
    Redirect,
    /// Neither HTML nor text.
    #[error("The page is neither HTML nor text.")]
    Type,
    /// The HTTP client could not be set up.
    #[error("The reader of web pages could not be set up.")]
    Setup,
}

impl CrawlError {
    /// Whether trying again later may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Name | Self::Connection | Self::Slow | Self::Status(429 | 500..=599))
    }
}

/// A page that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it was found, after redirects.
    pub url: Url,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Whether they are HTML (otherwise text).
    pub is_html: bool,
}

/// Why a crawl ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every page that is linked was asked for.
    Whole,
    /// The limit of pages was reached.
    Pages,
    /// [`CRAWL_BYTES_MAX`] were read.
    Bytes,
    /// [`CRAWL_SECONDS`] had passed.
    Time,
    /// [`FAILURES_MAX`] pages in a row could not be read.
    Failures,
}

/// What a crawl brought, and what it did not.
#[derive(Clone, Debug)]
pub struct Crawled {
    /// The pages that were read.
    pub pages: Vec<Page>,
    /// Addresses that are no page to be quoted any more: the site said so.
    pub gone: Vec<Url>,
    /// How many pages failed in a way that may pass.
    pub failed: usize,
    /// How many known pages were not asked for.
    pub left: usize,
    /// Why it ended.
    pub end: End,
}

impl Crawled {
    /// Whether the site itself stood in the way, so that what was not read may well still be there.
    pub fn is_disturbed(&self) -> bool {
        self.failed > 0 || matches!(self.end, End::Time | End::Failures)
    }
}

/// The crawler.
#[derive(Clone)]
pub struct Crawler {
    outgoing: Outgoing,
}

impl Crawler {
    /// A crawler with the machine's own name resolution.
    pub fn new(reach: Reach) -> Self {
        Self { outgoing: Outgoing::new(reach, AGENT_NAME).with_seconds(PAGE_SECONDS) }
    }

    /// A crawler that asks this resolver.
    pub fn with_resolver(reach: Reach, resolve: Resolve) -> Self {
        Self { outgoing: Self::new(reach).outgoing.with_resolver(resolve) }
    }

    /// The same with another limit of time for a page, for tests.
    pub fn with_page_seconds(self, seconds: u64) -> Self {
        Self { outgoing: self.outgoing.with_seconds(seconds) }
    }

    fn reach(&self) -> Reach {
        self.outgoing.reach()
    }

    /// Checks an address as far as that goes without asking anybody.
    pub fn check(&self, address: &str) -> Result<Url, AddressError> {
        self.reach().check(address)
    }

    /// Reads a site from `start` on, breadth first, at most `pages_max` pages. `progress` hears after each page how many
    /// were read and how many are waiting. The first page must be readable; later ones that are not are left out, and the
    /// answer says so.
    pub async fn crawl(
        &self,
        start: &str,
        pages_max: usize,
        mut progress: impl FnMut(usize, usize) + Send,
    ) -> Result<Crawled, CrawlError> {
        let start = self.reach().check(start)?;
        let mut visit = Visit::new(self, &start).await?;
        let mut frontier = Frontier::new(self.reach(), start, pages_max);
        let mut pages: Vec<Page> = Vec::new();
        let (mut in_a_row, mut failed) = (0, 0);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(CRAWL_SECONDS);
        let end = loop {
            if frontier.waiting() == 0 {
                break End::Whole;
            }
            if in_a_row >= FAILURES_MAX {
                break End::Failures;
            }
            if tokio::time::Instant::now() >= deadline {
                break End::Time;
            }
            if visit.bytes_left == 0 {
                break End::Bytes;
            }
            let Some(target) = frontier.next_target() else { break End::Pages };
            match visit.page(&mut frontier, &target, pages.is_empty()).await {
                Ok(Some(page)) => {
                    in_a_row = 0;
                    pages.push(page);
                    let (_, waiting) = frontier.counts();
                    progress(pages.len(), waiting);
                }
                Ok(None) => {}
                Err(error) if pages.is_empty() => return Err(error),
                Err(error) => {
                    in_a_row += 1;
                    if error.is_passing() {
                        failed += 1;
                    } else if error != CrawlError::TooLarge {
                        visit.gone.push(target.url);
                    }
                }
            }
            visit.pause().await;
        };
        if pages.is_empty() {
            return Err(CrawlError::NoIndex);
        }
        Ok(Crawled { pages, gone: visit.gone, failed, left: frontier.waiting(), end })
    }

    /// A client that can connect to the checked addresses of this host and to nothing else.
    async fn pinned(&self, url: &Url) -> Result<Client, CrawlError> {
        Ok(self.outgoing.pinned(url).await?)
    }
}

impl From<OutgoingError> for CrawlError {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Address(error) => Self::Address(error),
            OutgoingError::Name => Self::Name,
            OutgoingError::Connection => Self::Connection,
            OutgoingError::Slow => Self::Slow,
            OutgoingError::TooLarge => Self::TooLarge,
            OutgoingError::Setup => Self::Setup,
        }
    }
}

/// One crawl: the client of the site, what its robots.txt says, and what is left of the limits.
struct Visit<'crawler> {
    crawler: &'crawler Crawler,
    client: Client,
    host: String,
    robots: Option<Rules>,
    bytes_left: usize,
    /// Addresses of which the site said that they are not, or not to be quoted.
    gone: Vec<Url>,
}

impl<'crawler> Visit<'crawler> {
    async fn new(crawler: &'crawler Crawler, start: &Url) -> Result<Self, CrawlError> {
        let client = crawler.pinned(start).await?;
        let (host, bytes_left) = (authority(start), CRAWL_BYTES_MAX);
        let mut visit = Self { crawler, client, host, robots: None, bytes_left, gone: Vec::new() };
        visit.robots = visit.read_robots(start).await?;
        Ok(visit)
    }

    /// What robots.txt allows: missing means everything, out of order means nothing (RFC 9309, 2.3.1).
    async fn read_robots(&mut self, site: &Url) -> Result<Option<Rules>, CrawlError> {
        let mut url = site.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        let body = match self.get(url, site, ROBOTS_BYTES_MAX, true).await {
            Ok((_, _, body)) => body,
            Err(CrawlError::Status(400..=499) | CrawlError::Redirect) => return Ok(None),
            Err(CrawlError::Status(_) | CrawlError::TooLarge) => return Err(CrawlError::Robots),
            Err(error) => return Err(error),
        };
        Rules::read(AGENT_NAME, &body).map(Some).ok_or(CrawlError::Robots)
    }

    fn allowed(&self, url: &Url) -> bool {
        self.robots.as_ref().is_none_or(|robots| robots.allow(url))
    }

    /// Reads one page and takes its links; nothing when it was read before or asks not to be indexed.
    async fn page(
        &mut self,
        frontier: &mut Frontier,
        target: &Target,
        first: bool,
    ) -> Result<Option<Page>, CrawlError> {
        if !self.allowed(&target.url) {
            return Err(CrawlError::Robots);
        }
        let limit = PAGE_BYTES_MAX.min(self.bytes_left);
        let (url, headers, body) = self.get(target.url.clone(), &target.url, limit, false).await?;
        self.bytes_left = self.bytes_left.saturating_sub(body.len());
        if url != target.url {
            if first && url.host() != target.url.host() {
                // The site lives under its other name: its rules there count.
                self.robots = self.read_robots(&url).await?;
            }
            if !self.allowed(&url) {
                return Err(CrawlError::Robots);
            }
            if first {
                frontier.moved(&url);
            } else if !frontier.is_of_this_site(&url) || !frontier.reached(&url) {
                self.gone.push(target.url.clone());
                return Ok(None);
            }
        }
        let is_html = is_html(&headers)?;
        let (mut hidden, mut follow) = robots_header(&headers);
        if is_html {
            let text = String::from_utf8_lossy(&body).into_owned();
            let reading = tokio::task::spawn_blocking(move || html::for_crawlers(&text, LINKS_MAX));
            // A page that breaks its reader is not read further.
            let Ok(said) = reading.await else { return Err(CrawlError::Type) };
            hidden |= said.no_index;
            follow &= !said.no_follow;
            if follow {
                frontier.found(target, &url, said.links.iter().map(String::as_str));
            }
        }
        if hidden {
            self.gone.push(url);
            return Ok(None);
        }
        Ok(Some(Page { url, body, is_html }))
    }

    /// Fetches an address and follows redirects within the site of `origin`, each hop checked and pinned anew.
    async fn get(
        &mut self,
        mut url: Url,
        origin: &Url,
        limit: usize,
        cut: bool,
    ) -> Result<(Url, HeaderMap, Vec<u8>), CrawlError> {
        for _ in 0..=REDIRECTS_MAX {
            if authority(&url) != self.host {
                self.client = self.crawler.pinned(&url).await?;
                self.host = authority(&url);
            }
            let response = self.client.get(url.clone()).send().await.map_err(|error| reason(&error))?;
            let status = response.status();
            if !status.is_redirection() {
                if status != StatusCode::OK {
                    return Err(CrawlError::Status(status.as_u16()));
                }
                let headers = response.headers().clone();
                return Ok((url, headers, read_body(response, limit, cut).await?));
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok()).ok_or(CrawlError::Redirect)?;
            self.crawler.reach().check_url(&next)?;
            if !same_site(origin, &next) {
                return Err(CrawlError::Redirect);
            }
            url = next;
        }
        Err(CrawlError::Redirect)
    }

    async fn pause(&self) {
        if let Some(robots) = &self.robots {
            tokio::time::sleep(robots.pause()).await;
        }
    }
}

/// Host and port, which a pinned client is bound to, with the scheme.
fn authority(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Reads a body up to its limit; what a header says about the length is only believed when it refuses.
async fn read_body(mut response: Response, limit: usize, cut: bool) -> Result<Vec<u8>, CrawlError> {
    let claimed = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if !cut && claimed.is_some_and(|length| length > limit as u64) {
        return Err(CrawlError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        let room = limit - body.len();
        if chunk.len() > room {
            if cut {
                body.extend_from_slice(&chunk[..room]);
                return Ok(body);
            }
            return Err(CrawlError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn reason(error: &reqwest::Error) -> CrawlError {
    if error.is_timeout() { CrawlError::Slow } else { CrawlError::Connection }
}

/// Whether the page is HTML (or text); anything else is not read.
fn is_html(headers: &HeaderMap) -> Result<bool, CrawlError> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "text/html" | "application/xhtml+xml" => Ok(true),
        "text/plain" | "text/markdown" => Ok(false),
        _ => Err(CrawlError::Type),
    }
}

/// `X-Robots-Tag`: whether the page is not to be indexed, and whether its links may be followed.
fn robots_header(headers: &HeaderMap) -> (bool, bool) {
    let values = headers.get_all("x-robots-tag");
    let says = |word: &str| {
        values
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .any(|value| value.split([',', ':']).any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    (says("noindex") || says("none"), !(says("nofollow") || says("none")))
}

#[cfg(test)]
mod tests;
