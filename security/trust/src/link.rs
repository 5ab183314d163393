//! The ways on which data leaves or reaches this process, and what protects each: what the operator decided, for the probes to
//! compare with what they see and for the page to name.

/// The way of browsers and programs to this server.
pub const PAGES: &str = "pages and API";
/// The way to the database.
pub const DATABASE: &str = "database";

/// One way: a listener and those who come to it, or a server that this one goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What for: [`PAGES`], [`DATABASE`], "calls (signalling)".
    pub purpose: String,
    /// What protects it.
    pub protection: Protection,
    /// The oldest version of TLS that may be spoken there (`1.2`, `1.3`), where the operator decides it. A probe that can see the
    /// version holds it to this, and to TLS 1.3 where none is named.
    pub oldest_tls: Option<&'static str>,
}

/// What protects a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// It is encrypted; how, in a few words ("TLS 1.3", "SRTP").
    Encrypted(String),
    /// It never leaves this machine.
    ThisMachine,
    /// It is in clear because the operator says that something else protects it; the setting by which they say so.
    InClear(&'static str),
}

impl Link {
    /// A way and its protection.
    pub fn new(purpose: &str, protection: Protection) -> Self {
        Self { purpose: purpose.to_owned(), protection, oldest_tls: None }
    }

    /// The same, with the oldest version of TLS that may be spoken there.
    #[must_use]
    pub const fn with_oldest_tls(mut self, oldest: &'static str) -> Self {
        self.oldest_tls = Some(oldest);
        self
    }

    /// In a few words, for the page: "pages and API: TLS 1.3".
    pub fn in_words(&self) -> String {
        let how = match &self.protection {
            Protection::Encrypted(how) => how.clone(),
            Protection::ThisMachine => "on this machine only".to_owned(),
            Protection::InClear(setting) => format!("in clear, by the operator's setting {setting}"),
        };
        format!("{}: {how}", self.purpose)
    }
}
