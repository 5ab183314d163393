//! The exact origins (RFC 6454) whose pages may show a widget.
//!
//! An origin is compared as a whole: scheme, host and port. No wildcards, no suffixes, no `null`, and an empty list
//! means nobody. Plain HTTP is for this machine only, where a page is tried out.

use std::fmt::{Display, Formatter};
use std::net::Ipv4Addr;

/// Longest origin taken, in bytes: a host name has at most 253.
pub const ORIGIN_LENGTH_MAX: usize = 300;
/// At most so many origins belong to one embed token.
pub const ORIGINS_MAX: usize = 20;

/// One origin as browsers write it: lower case, no default port, no path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(String);

/// Why a text is no origin that may be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginProblem {
    /// Too long to be one.
    #[error("an origin has at most {ORIGIN_LENGTH_MAX} characters")]
    TooLong,
    /// Another scheme than https, or http beyond this machine.
    #[error("an origin starts with https:// (http:// only for localhost)")]
    Scheme,
    /// The host is missing or has other characters than a host name in ASCII (punycode for the rest).
    #[error("the host is not a name or address as browsers write it (no wildcards, no path)")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

impl Origin {
    /// Reads an origin as a person types it: case does not matter, one slash at the end and a default port are dropped.
    pub fn parse(text: &str) -> Result<Self, OriginProblem> {
        if text.len() > ORIGIN_LENGTH_MAX {
            return Err(OriginProblem::TooLong);
        }
        let text = text.trim().to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(OriginProblem::Scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_port(rest)?;
        if !is_host(host) {
            return Err(OriginProblem::Host);
        }
        let default_port = match scheme {
            "https" => 443,
            "http" if is_this_machine(host) => 80,
            _ => return Err(OriginProblem::Scheme),
        };
        Ok(Self(match port {
            Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        }))
    }

    /// The origin's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Origin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Host and port; the colons of an IPv6 address stand in brackets.
fn split_port(rest: &str) -> Result<(&str, Option<u16>), OriginProblem> {
    let after_address = rest.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = rest[after_address..].rfind(':') else { return Ok((rest, None)) };
    let (host, port) = rest.split_at(after_address + colon);
    let digits = &port[1..];
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    match digits.parse() {
        Ok(port) if is_number && port > 0 => Ok((host, Some(port))),
        _ => Err(OriginProblem::Port),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// The list of one embed token, sorted and without repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

impl Origins {
    /// Reads a list; the position of the first text that does not belong in it is returned with the reason.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, OriginProblem)> {
        let mut origins = Vec::new();
        for (position, text) in texts.into_iter().enumerate() {
            origins.push(Origin::parse(text).map_err(|problem| (position, problem))?);
        }
        origins.sort();
        origins.dedup();
        Ok(Self(origins))
    }

    /// May a page of this origin show the widget? Compared exactly; an empty list permits nobody.
    pub fn permit(&self, presented: &str) -> bool {
        self.0.iter().any(|origin| origin.0 == presented)
    }

    /// The texts, sorted.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|origin| origin.0.clone()).collect()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is permitted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One text for storing: origins hold no space.
    pub fn stored(&self) -> String {
        self.texts().join(" ")
    }
}

#[cfg(test)]
mod tests;
