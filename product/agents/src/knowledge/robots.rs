//! What a site's robots.txt allows (RFC 9309), read within limits.

use std::time::Duration;

use texting_robots::Robot;
use url::Url;

/// robots.txt is read up to here, in bytes (RFC 9309, 2.5 asks for at least 500 KiB).
pub const ROBOTS_BYTES_MAX: usize = 512 * 1024;
/// Lines with rules that are looked at; a site with more is not read, because what it forbids cannot be known.
pub const ROBOTS_LINES_MAX: usize = 20_000;
/// The longest pause between pages that a site may ask for, in seconds.
pub const DELAY_SECONDS_MAX: f32 = 10.0;

/// The rules of one site for one crawler.
pub struct Rules(Robot);

impl Rules {
    /// Reads the rules for the crawler of this name; `None` when they cannot be understood, so that nothing is read.
    pub fn read(agent: &str, text: &[u8]) -> Option<Self> {
        let text = &text[..text.len().min(ROBOTS_BYTES_MAX)];
        if text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() > ROBOTS_LINES_MAX {
            return None;
        }
        Robot::new(agent, text).ok().map(Self)
    }

    /// Whether a page may be read.
    pub fn allow(&self, url: &Url) -> bool {
        self.0.allowed(url.as_str())
    }

    /// The pause that the site asks for between pages, at most [`DELAY_SECONDS_MAX`].
    pub fn pause(&self) -> Duration {
        let asked = self.0.delay.unwrap_or(0.0);
        if asked.is_finite() && asked > 0.0 {
            Duration::from_secs_f32(asked.min(DELAY_SECONDS_MAX))
        } else {
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        Url::parse(&format!("https://a.example{path}")).expect("an address")
    }

    #[test]
    fn rules_are_read_for_our_name_and_for_all() {
        let text = b"User-agent: *\nDisallow: /all\n\nUser-agent: RingfenceKnowledge\nDisallow: /us\nAllow: /us/ok\nCrawl-delay: 3\n";
        let rules = Rules::read("RingfenceKnowledge", text).expect("good rules");
        assert!(rules.allow(&url("/all")) && !rules.allow(&url("/us/x")) && rules.allow(&url("/us/ok")));
        assert_eq!(rules.pause(), Duration::from_secs(3));
        let others = Rules::read("Somebody", text).expect("good rules");
        assert!(!others.allow(&url("/all")) && others.allow(&url("/us")));
        assert_eq!(others.pause(), Duration::ZERO);
    }

    #[test]
    fn odd_rules_end_within_limits() {
        let empty = Rules::read("x", b"").expect("nothing is forbidden");
        assert!(empty.allow(&url("/")));
        for delay in ["99999999999999999999", "-1", "nan", "inf", "1e9"] {
            let text = format!("User-agent: *\nCrawl-delay: {delay}\n");
            if let Some(rules) = Rules::read("x", text.as_bytes()) {
                assert!(rules.pause() <= Duration::from_secs_f32(DELAY_SECONDS_MAX), "{delay}");
            }
        }
        let stars = format!("User-agent: *\nDisallow: /{}$\n", "*a".repeat(2_000));
        let rules = Rules::read("x", stars.as_bytes());
        assert!(rules.is_none_or(|rules| rules.allow(&url(&format!("/{}", "b".repeat(1_900))))));
        let many = "Disallow: /a\n".repeat(ROBOTS_LINES_MAX - 1);
        assert!(Rules::read("x", format!("User-agent: *\n{many}").as_bytes()).is_some());
        assert!(Rules::read("x", format!("User-agent: *\n{many}Disallow: /b\n").as_bytes()).is_none());
    }
}
