//! Which page of a site is read next: breadth first, one host, within limits. Pure; the client fetches.

use std::collections::{HashSet, VecDeque};

use url::Url;

use super::address::Reach;

/// Pages of one site at most.
pub const PAGES_MAX: usize = 200;
/// Links followed from the first page at most.
pub const DEPTH_MAX: u8 = 4;
/// Links taken from one page at most.
pub const LINKS_MAX: usize = 500;
/// Addresses remembered at most: those read and those waiting.
pub const ADDRESSES_MAX: usize = 5_000;

/// Endings of files that are no pages.
const NOT_PAGES: &[&str] = &[
    "jpg", "jpeg", "png", "gif", "webp", "svg", "ico", "css", "js", "mjs", "json", "xml", "zip", "gz", "tar", "rar",
    "7z", "exe", "dmg", "msi", "iso", "mp3", "mp4", "m4a", "avi", "mov", "webm", "wav", "ogg", "woff", "woff2", "ttf",
    "eot", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "ics", "vcf", "rss", "atom",
];

/// A page to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub url: Url,
    /// Links from the first page.
    pub depth: u8,
}

/// The pages that are known and not yet read.
#[derive(Clone, Debug)]
pub struct Frontier {
    reach: Reach,
    start: Url,
    waiting: VecDeque<Target>,
    seen: HashSet<String>,
    given: usize,
    pages_max: usize,
}

impl Frontier {
    /// Begins at `start`, which the caller has checked; at most `pages_max` pages (and [`PAGES_MAX`]).
    pub fn new(reach: Reach, start: Url, pages_max: usize) -> Self {
        let mut frontier = Self {
            reach,
            start: start.clone(),
            waiting: VecDeque::new(),
            seen: HashSet::new(),
            given: 0,
            pages_max: pages_max.min(PAGES_MAX),
        };
        frontier.push(start, 0);
        frontier
    }

    /// The next page, unless the limit is reached or none waits.
    pub fn next_target(&mut self) -> Option<Target> {
        if self.given >= self.pages_max {
            return None;
        }
        let target = self.waiting.pop_front()?;
        self.given += 1;
        Some(target)
    }

    /// Pages that are known and were not given out, beyond the limit too.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Pages given out and pages waiting within the limit.
    pub fn counts(&self) -> (usize, usize) {
        (self.given, self.waiting.len().min(self.pages_max - self.given))
    }

    /// The first page turned out to live elsewhere on the same site (`www.` added or dropped, http to https).
    pub fn moved(&mut self, to: &Url) -> bool {
        if !same_site(&self.start, to) {
            return false;
        }
        self.seen.insert(key(to));
        self.start = to.clone();
        true
    }

    /// Notes that a page was reached by another address too, so that it is read once; false when it was known.
    pub fn reached(&mut self, url: &Url) -> bool {
        self.seen.insert(key(url))
    }

    /// Takes the links found on a page.
    pub fn found<'link>(&mut self, page: &Target, base: &Url, links: impl Iterator<Item = &'link str>) {
        if page.depth >= DEPTH_MAX {
            return;
        }
        for link in links.take(LINKS_MAX) {
            let Ok(mut url) = base.join(link.trim()) else { continue };
            url.set_fragment(None);
            if self.is_of_this_site(&url) && is_page(&url) {
                self.push(url, page.depth + 1);
            }
        }
    }

    /// Whether an address belongs to the site: same host and port, and may be reached at all.
    pub fn is_of_this_site(&self, url: &Url) -> bool {
        self.reach.check_url(url).is_ok()
            && url.host() == self.start.host()
            && (url.port_or_known_default() == self.start.port_or_known_default() || both_usual(url, &self.start))
    }

    fn push(&mut self, url: Url, depth: u8) {
        if self.seen.len() < ADDRESSES_MAX && self.seen.insert(key(&url)) {
            self.waiting.push_back(Target { url, depth });
        }
    }
}

/// http and https with and without a closing slash are one page.
fn key(url: &Url) -> String {
    let text = url.as_str();
    let text = text.strip_prefix("https:").or_else(|| text.strip_prefix("http:")).unwrap_or(text);
    text.trim_end_matches('/').to_owned()
}

fn both_usual(left: &Url, right: &Url) -> bool {
    left.port().is_none() && right.port().is_none()
}

/// Whether two addresses are of one site, `www.` and the scheme aside.
pub fn same_site(left: &Url, right: &Url) -> bool {
    let name = |url: &Url| url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned());
    name(left).is_some()
        && name(left) == name(right)
        && (left.port_or_known_default() == right.port_or_known_default() || both_usual(left, right))
}

fn is_page(url: &Url) -> bool {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    match last.rsplit_once('.') {
        Some((_, ending)) => !NOT_PAGES.contains(&ending.to_ascii_lowercase().as_str()),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    fn frontier() -> Frontier {
        Frontier::new(Reach::PublicOnly, url("https://a.example/"), 10)
    }

    #[test]
    fn only_pages_of_the_host_are_taken_and_each_once() {
        let mut frontier = frontier();
        let first = frontier.next_target().expect("the start");
        let links = [
            "/prices",
            "prices#top",
            "https://a.example/prices/",
            "http://a.example/prices",
            "https://b.example/",
            "//b.example/x",
            "https://a.example.evil.example/",
            "https://a.example@b.example/",
            "https://a.example:8443/",
            "mailto:x@a.example",
            "javascript:alert(1)",
            "/logo.PNG",
            "/hours?day=1",
            "http://169.254.169.254/",
            "\\\\b.example\\x",
        ];
        frontier.found(&first, &first.url, links.into_iter());
        let mut taken = Vec::new();
        while let Some(target) = frontier.next_target() {
            taken.push(target.url.to_string());
        }
        assert_eq!(taken, ["https://a.example/prices", "https://a.example/hours?day=1"]);
    }

    #[test]
    fn limits_of_depth_pages_and_addresses_hold() {
        let mut frontier = frontier();
        let first = frontier.next_target().expect("the start");
        let deep = Target { url: first.url.clone(), depth: DEPTH_MAX };
        frontier.found(&deep, &first.url, ["/x"].into_iter());
        assert!(frontier.clone().next_target().is_none());
        let links: Vec<String> = (0..ADDRESSES_MAX * 2).map(|number| format!("/{number}")).collect();
        for chunk in links.chunks(LINKS_MAX * 2) {
            frontier.found(&first, &first.url, chunk.iter().map(String::as_str));
        }
        assert!(frontier.seen.len() <= ADDRESSES_MAX);
        let mut given = 1;
        while frontier.next_target().is_some() {
            given += 1;
        }
        assert_eq!(given, 10);
    }

    #[test]
    fn a_site_may_move_to_its_other_name_only() {
        assert!(frontier().moved(&url("https://www.a.example/")));
        assert!(Frontier::new(Reach::PublicOnly, url("http://a.example/"), 9).moved(&url("https://a.example/")));
        assert!(!frontier().moved(&url("https://b.example/")));
        assert!(!frontier().moved(&url("https://www.b.example/")));
    }
}
