//! How a value is judged.

use std::net::IpAddr;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use ipnet::IpNet;
use regex::bytes::{Regex, RegexBuilder};

use crate::error::Fault;
use crate::template::Template;
use crate::transaction::Presence;

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 32 * 1024 * 1024;

/// An operator with its argument, ready to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(private_interfaces, reason = "templates are made by the parser only")]
pub enum Operator {
    /// `@rx`: the pattern occurs.
    Pattern(Regex),
    /// `@pm`, `@pmFromFile`: one of the phrases occurs, whatever its case.
    Phrases(AhoCorasick),
    /// `@eq` and its like: the number compares so.
    Compare(Comparison, Template),
    /// `@streq` and its like: the text compares so.
    Text(TextTest, Template),
    /// `@ipMatch`: the address lies in one of the networks.
    Networks(Vec<IpNet>),
    /// `@validateByteRange`: a byte lies outside.
    ByteRange(Presence),
    /// `@validateUtf8Encoding`: the bytes are no UTF-8.
    Utf8,
    /// `@validateUrlEncoding`: a `%` without two digits.
    UrlEncoding,
    /// `@detectSQLi`.
    SqlInjection,
    /// `@detectXSS`.
    ScriptInjection,
    /// `@unconditionalMatch`.
    Always,
    /// `@noMatch`.
    Never,
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `@eq`
    Equal,
    /// `@ge`
    AtLeast,
    /// `@gt`
    More,
    /// `@le`
    AtMost,
    /// `@lt`
    Less,
}

/// How texts compare; case counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// `@streq`
    Same,
    /// `@contains`
    Contains,
    /// `@containsWord`
    ContainsWord,
    /// `@beginsWith`
    Begins,
    /// `@endsWith`
    Ends,
    /// `@within`: the value occurs in the argument.
    Within,
}

impl Comparison {
    /// The numbers compare so.
    pub(crate) fn holds(self, value: i64, argument: i64) -> bool {
        match self {
            Self::Equal => value == argument,
            Self::AtLeast => value >= argument,
            Self::More => value > argument,
            Self::AtMost => value <= argument,
            Self::Less => value < argument,
        }
    }
}

/// The integer at the beginning of a text, as C's `atoi` reads it; 0 where there is none.
pub(crate) fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0_i64, |value, byte| value.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -value } else { value }
}

impl TextTest {
    fn holds(self, value: &[u8], argument: &[u8]) -> bool {
        match self {
            Self::Same => value == argument,
            Self::Contains => contains(value, argument),
            Self::ContainsWord => contains_word(value, argument),
            Self::Begins => value.starts_with(argument),
            Self::Ends => value.ends_with(argument),
            Self::Within => contains(argument, value),
        }
    }
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

fn contains_word(whole: &[u8], word: &[u8]) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if word.is_empty() {
        return true;
    }
    let stands = |(place, window): (usize, &[u8])| {
        window == word
            && !is_word(place.checked_sub(1).and_then(|before| whole.get(before)))
            && !is_word(whole.get(place + word.len()))
    };
    whole.windows(word.len()).enumerate().any(stands)
}

/// A pattern in the syntax of `regex` for bytes: `\x{ff}` names a byte, as it does in PCRE without UTF.
pub(crate) fn pattern_text(text: &str) -> String {
    let (mut output, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("\\x{") {
        let digits = rest[start + 3..].split('}').next().unwrap_or_default();
        let escaped = rest[..start].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        if digits.len() == 2 && !escaped {
            output.push_str(&rest[..start]);
            output.push_str("\\x");
            output.push_str(digits);
            rest = &rest[start + 6..];
        } else {
            output.push_str(&rest[..start + 3]);
            rest = &rest[start + 3..];
        }
    }
    output.push_str(rest);
    output
}

impl Operator {
    /// Reads `[!]@name argument`; without `@` it is a pattern. `data` finds phrase files.
    pub(crate) fn parse<'d>(
        text: &str,
        data: impl Fn(&str) -> Option<&'d str>,
    ) -> Result<(Self, bool, Option<String>), Fault> {
        let (negated, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let Some(rest) = rest.trim_start().strip_prefix('@') else {
            let (operator, pattern) = Self::pattern(rest)?;
            return Ok((operator, negated, Some(pattern)));
        };
        let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let name = name.to_ascii_lowercase();
        if name == "rx" {
            let (operator, pattern) = Self::pattern(argument)?;
            return Ok((operator, negated, Some(pattern)));
        }
        let operator = Self::named(&name, argument.trim(), data)?;
        Ok((operator, negated, None))
    }

    fn named<'d>(name: &str, argument: &str, data: impl Fn(&str) -> Option<&'d str>) -> Result<Self, Fault> {
        let compare = |comparison| Template::parse(argument).map(|text| Self::Compare(comparison, text));
        let text = |test| Template::parse(argument).map(|text| Self::Text(test, text));
        match name {
            "pm" => Self::phrases(argument.split_ascii_whitespace().map(str::to_owned)),
            "pmfromfile" | "pmf" => {
                let text = data(argument).ok_or_else(|| Fault::NoData(argument.to_owned()))?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                Self::phrases(lines.map(str::to_owned))
            }
            "eq" => compare(Comparison::Equal),
            "ge" => compare(Comparison::AtLeast),
            "gt" => compare(Comparison::More),
            "le" => compare(Comparison::AtMost),
            "lt" => compare(Comparison::Less),
            "streq" => text(TextTest::Same),
            "contains" | "strmatch" => text(TextTest::Contains),
            "containsword" => text(TextTest::ContainsWord),
            "beginswith" => text(TextTest::Begins),
            "endswith" => text(TextTest::Ends),
            "within" => text(TextTest::Within),
            "ipmatch" => Self::networks(argument),
            "validatebyterange" => Self::byte_range(argument),
            "validateutf8encoding" => Ok(Self::Utf8),
            "validateurlencoding" => Ok(Self::UrlEncoding),
            "detectsqli" => Ok(Self::SqlInjection),
            "detectxss" => Ok(Self::ScriptInjection),
            "unconditionalmatch" => Ok(Self::Always),
            "nomatch" => Ok(Self::Never),
            _ => Err(Fault::UnknownOperator(name.to_owned())),
        }
    }

    fn pattern(text: &str) -> Result<(Self, String), Fault> {
        let fault = |reason| Fault::Argument { operator: "rx", reason };
        if text.contains("%{") {
            return Err(fault("macros in patterns are not supported".to_owned()));
        }
        let text = pattern_text(text);
        let mut builder = RegexBuilder::new(&text);
        let built = builder.unicode(false).dot_matches_new_line(true).size_limit(PATTERN_BYTES).build();
        let pattern = built.map_err(|error| fault(error.to_string()))?;
        Ok((Self::Pattern(pattern), text))
    }

    fn phrases(phrases: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let phrases: Vec<Vec<u8>> = phrases.map(|phrase| phrase_bytes(&phrase)).collect();
        let fault = |reason| Fault::Argument { operator: "pm", reason };
        if phrases.is_empty() {
            return Err(fault("there are no phrases".to_owned()));
        }
        let built = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(phrases);
        built.map(Self::Phrases).map_err(|error| fault(error.to_string()))
    }

    fn networks(argument: &str) -> Result<Self, Fault> {
        let network = |text: &str| {
            let text = text.trim();
            let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
            let found = text.parse::<IpNet>().ok().or_else(single);
            found.ok_or_else(|| Fault::Argument { operator: "ipMatch", reason: format!("`{text}` is no network") })
        };
        argument.split(',').map(network).collect::<Result<_, _>>().map(Self::Networks)
    }

    fn byte_range(argument: &str) -> Result<Self, Fault> {
        let fault = |part: &str| Fault::Argument {
            operator: "validateByteRange",
            reason: format!("`{part}` is no range within 0-255"),
        };
        let mut allowed = Presence::default();
        for part in argument.split(',').map(str::trim) {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (Ok(from), Ok(to)) = (from.trim().parse::<u8>(), to.trim().parse::<u8>()) else {
                return Err(fault(part));
            };
            (from..=to).for_each(|byte| allowed.add(byte));
        }
        Ok(Self::ByteRange(allowed))
    }

    /// The value passes. `fill` fills in macros; `captures` takes what a pattern found.
    pub(crate) fn holds(
        &self,
        value: &[u8],
        captures: Option<&mut Vec<Option<Vec<u8>>>>,
        fill: impl Fn(&Template) -> Vec<u8>,
    ) -> bool {
        match self {
            Self::Pattern(pattern) => matches(pattern, value, captures),
            Self::Phrases(phrases) => {
                let Some(found) = phrases.find(value) else { return false };
                if let Some(captures) = captures {
                    *captures = vec![Some(value[found.range()].to_vec())];
                }
                true
            }
            Self::Compare(comparison, argument) => {
                let argument = argument.fixed().map_or_else(|| number(&fill(argument)), number);
                comparison.holds(number(value), argument)
            }
            Self::Text(test, argument) => match argument.fixed() {
                Some(argument) => test.holds(value, argument),
                None => test.holds(value, &fill(argument)),
            },
            Self::Networks(networks) => std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address.to_canonical()))),
            Self::ByteRange(allowed) => !allowed.holds_all(&Presence::of(value)),
            Self::Utf8 => std::str::from_utf8(value).is_err(),
            Self::UrlEncoding => broken_url_encoding(value),
            Self::SqlInjection => detected(libinjectionrs::detect_sqli(value).is_injection(), value, captures),
            Self::ScriptInjection => {
                detected(libinjectionrs::detect_xss(value) == libinjectionrs::XssResult::Xss, value, captures)
            }
            Self::Always => true,
            Self::Never => false,
        }
    }
}

fn detected(found: bool, value: &[u8], captures: Option<&mut Vec<Option<Vec<u8>>>>) -> bool {
    if let Some(captures) = captures.filter(|_| found) {
        *captures = vec![Some(value.to_vec())];
    }
    found
}

fn matches(pattern: &Regex, value: &[u8], captures: Option<&mut Vec<Option<Vec<u8>>>>) -> bool {
    let Some(captures) = captures else { return pattern.is_match(value) };
    // Most values do not match, and saying so is much cheaper than finding the pieces.
    if !pattern.is_match(value) {
        return false;
    }
    let Some(found) = pattern.captures(value) else { return false };
    *captures = found.iter().take(10).map(|group| group.map(|group| group.as_bytes().to_vec())).collect();
    true
}

/// A `%` that is not followed by two hexadecimal digits.
fn broken_url_encoding(value: &[u8]) -> bool {
    let is_digit = |place: usize| value.get(place).is_some_and(u8::is_ascii_hexdigit);
    value.iter().enumerate().any(|(place, byte)| *byte == b'%' && !(is_digit(place + 1) && is_digit(place + 2)))
}

/// A phrase; bytes between `|` are in hexadecimal, `|00ff|`.
fn phrase_bytes(text: &str) -> Vec<u8> {
    let parts: Vec<&str> = text.split('|').collect();
    if parts.len() < 3 || parts.len().is_multiple_of(2) {
        return text.as_bytes().to_vec();
    }
    let mut output = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        if place % 2 == 0 {
            output.extend_from_slice(part.as_bytes());
        } else if let Ok(bytes) = hex::decode(part) {
            output.extend(bytes);
        } else {
            return text.as_bytes().to_vec();
        }
    }
    output
}

#[cfg(test)]
mod tests;
