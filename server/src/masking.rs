//! The last line of defence of the log: what reads like a credential, an e-mail address or a telephone number is masked in every
//! line, whoever wrote it. Types of ours mask themselves (`storage::Pii`); this catches what a library prints, and mistakes.
//!
//! Masked are our keys and tokens by their beginning (`rf_live_…`), other long random words, what follows `Bearer` and `Basic`,
//! user and password of an address (`postgres://user:password@…`), e-mail addresses, telephone numbers in international form
//! (`+44…`, `0044…`, ITU-T E.123) and in addresses (`sip:`, `sips:`, `tel:`). A name or a national number has no shape of its own
//! and is not known here.
//!
//! Reads each line once: every byte is looked at a bounded number of times, however hostile the line is.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::SECRET_PREFIXES;

#[cfg(test)]
mod tests;

const SECRET: &str = "[secret]";
const EMAIL: &str = "[email]";
const PHONE: &str = "[phone]";

/// How tokens of widgets begin. They stand in the pages of customers, so no command refuses them; a log does not need them.
const EMBED_START: &str = "rf_embed_";
/// Characters of our secrets as text (`identity::token`): base 32 without i, l, o and u.
const OWN_SECRET_LENGTH: usize = 52;
/// From this length on a word of other people's making with capitals, small letters and digits is taken for a secret.
const FOREIGN_SECRET_LENGTH: usize = 40;
/// What follows `Bearer` or `Basic` is a credential from this length on, when it holds a digit.
const CREDENTIAL_LENGTH: usize = 16;
/// Digits of a telephone number with its country code (ITU-T E.164); fewer are an offset or a count.
const PHONE_DIGITS: Range<usize> = 7..16;
/// Digits of a user in `sip:` and `tel:` that are taken for a number.
const ADDRESS_DIGITS: usize = 5;

/// A line without what must not stand in a log. Borrowed when there was nothing.
pub fn mask(line: &[u8]) -> Cow<'_, [u8]> {
    let mut masked: Vec<u8> = Vec::new();
    // Up to where the line was written out, and from where on a word may begin.
    let (mut written, mut floor, mut at) = (0, 0, 0);
    while at < line.len() {
        if let Some(length) = escape_length(&line[at..]) {
            at = (at + length).min(line.len());
            floor = at;
            continue;
        }
        match find(line, at, floor.max(written)) {
            Found::Nothing(next) => at = next,
            Found::Here(place, mask) => {
                masked.extend_from_slice(&line[written..place.start]);
                masked.extend_from_slice(mask.as_bytes());
                (written, at) = (place.end, place.end);
            }
        }
    }
    if written == 0 {
        return Cow::Borrowed(line);
    }
    masked.extend_from_slice(&line[written..]);
    Cow::Owned(masked)
}

/// What begins or is recognised at a byte.
enum Found {
    /// Nothing; go on there.
    Nothing(usize),
    /// This is to be replaced by that.
    Here(Range<usize>, &'static str),
}

/// Looks at one byte. Nothing before `floor` belongs to what is found.
fn find(line: &[u8], at: usize, floor: usize) -> Found {
    let begins = at == floor || !is_word(line[at - 1]);
    let place = match line[at] {
        b'@' => address(line, at, floor),
        b'+' if at == floor || !line[at - 1].is_ascii_alphanumeric() => {
            number_in_full(line, at + 1).map(|end| (at..end, PHONE))
        }
        b':' => number_in_address(line, at, floor),
        byte if is_word(byte) && begins => {
            let end = at + line[at..].iter().take_while(|byte| is_word(**byte)).count();
            return match word(line, at..end, floor) {
                Some((place, mask)) => Found::Here(place, mask),
                None => Found::Nothing(end),
            };
        }
        _ => None,
    };
    place.map_or(Found::Nothing(at + 1), |(place, mask)| Found::Here(place, mask))
}

/// Bytes of an escape that begins here: of JSON or of Rust's `Debug` (`\n`, `\u001b`, `\u{1b}`, `\x1b`), also of one within the other
/// (`\\n`), or of a terminal's colours. Its letters are no part of the word behind it.
fn escape_length(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"\x1b[") {
        let end = rest.iter().skip(2).take(16).position(|byte| (0x40..=0x7e).contains(byte));
        return Some(end.map_or(2, |end| end + 3));
    }
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    let behind = &rest[slashes..];
    let is_hex = |range: Range<usize>| behind.get(range).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let letters = match behind {
        [b'u', b'{', ..] => behind.iter().take(10).position(|byte| *byte == b'}').map_or(2, |end| end + 1),
        [b'u', ..] if is_hex(1..5) => 5,
        [b'x', ..] if is_hex(1..3) => 3,
        [b'n' | b'r' | b't' | b'b' | b'f' | b'0' | b'/' | b'"' | b'\'', ..] => 1,
        _ => 0,
    };
    (slashes > 0).then_some(slashes + letters)
}

/// Letters, digits and what joins them in identifiers and random words.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// A word: a key, a secret, the word before a credential, or a number that begins with `00`.
fn word(line: &[u8], place: Range<usize>, floor: usize) -> Option<(Range<usize>, &'static str)> {
    let text = &line[place.clone()];
    // The beginning stays, so that a reader knows what stood there.
    let starts = SECRET_PREFIXES.iter().chain([&EMBED_START]);
    let key = starts.filter_map(|start| Some(end_of(text, start)?).filter(|end| *end < text.len())).min();
    if let Some(end) = key {
        return Some((place.start + end..place.end, SECRET));
    }
    if is_secret(text) {
        return Some((place, SECRET));
    }
    if text.eq_ignore_ascii_case(b"bearer") || text.eq_ignore_ascii_case(b"basic") {
        return credential(line, place.end);
    }
    let joined = place.start > floor && b".:+".contains(&line[place.start - 1]);
    if !joined && text.starts_with(b"00") && text.get(2).is_some_and(|digit| (b'1'..=b'9').contains(digit)) {
        let end = number_in_full(line, place.start + 2)?;
        let ends = line.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        return ends.then_some((place.start..end, PHONE));
    }
    None
}

/// Where the first occurrence of `start` in `text` ends.
fn end_of(text: &[u8], start: &str) -> Option<usize> {
    text.windows(start.len()).position(|window| window == start.as_bytes()).map(|at| at + start.len())
}

/// Is this a random word? Identifiers and hashes in hexadecimal are not, nor are names in the code.
fn is_secret(text: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| text.iter().filter(|byte| is(byte)).count();
    let own =
        |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'h' | b'j' | b'k' | b'm' | b'n' | b'p'..=b't' | b'v'..=b'z');
    if text.len() >= OWN_SECRET_LENGTH && text.iter().all(own) {
        return !text.iter().all(u8::is_ascii_hexdigit) && count(u8::is_ascii_digit) > 0;
    }
    text.len() >= FOREIGN_SECRET_LENGTH
        && count(u8::is_ascii_digit) >= 3
        && count(u8::is_ascii_uppercase) >= 3
        && count(u8::is_ascii_lowercase) >= 3
}

/// What follows `Bearer` or `Basic` (RFC 6750, RFC 7617).
fn credential(line: &[u8], after: usize) -> Option<(Range<usize>, &'static str)> {
    let begin = after + line[after..].iter().take(2).take_while(|byte| **byte == b' ').count();
    let of_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let end = begin + line[begin..].iter().take_while(of_token).count();
    let token = &line[begin..end];
    let is_one = begin > after && token.len() >= CREDENTIAL_LENGTH && token.iter().any(u8::is_ascii_digit);
    is_one.then_some((begin..end, SECRET))
}

/// The end of a telephone number whose country code begins here: digits with single signs between them (E.123), none when it is
/// too short for one.
fn number_in_full(line: &[u8], from: usize) -> Option<usize> {
    if !line.get(from).is_some_and(|digit| (b'1'..=b'9').contains(digit)) {
        return None;
    }
    let (mut end, mut digits) = (from, 0);
    loop {
        let more = line[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        (end, digits) = (end + more, digits + more);
        if digits + 1 >= PHONE_DIGITS.end {
            break;
        }
        let between = line[end..].iter().take(2).take_while(|byte| b" -.()/".contains(byte)).count();
        if between == 0 || !line.get(end + between).is_some_and(u8::is_ascii_digit) {
            break;
        }
        end += between;
    }
    (digits >= PHONE_DIGITS.start).then_some(end)
}

/// A number after `sip:`, `sips:` or `tel:`, also without a country code. An address of a machine has no five digits in a row.
fn number_in_address(line: &[u8], colon: usize, floor: usize) -> Option<(Range<usize>, &'static str)> {
    if !is_after_scheme(line, colon + 1, floor) {
        return None;
    }
    let begin = colon + 1;
    let end = begin + line[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (end - begin >= ADDRESS_DIGITS).then_some((begin..end, PHONE))
}

/// Does `sip:`, `sips:` or `tel:` stand before this place?
fn is_after_scheme(line: &[u8], at: usize, floor: usize) -> bool {
    let before = &line[floor.min(at)..at];
    [&b"sip:"[..], b"sips:", b"tel:"].iter().any(|scheme| {
        before.len() >= scheme.len() && before[before.len() - scheme.len()..].eq_ignore_ascii_case(scheme)
    })
}

/// What an `@` joins: an e-mail address, a SIP address, or user and password before a host.
fn address(line: &[u8], at: usize, floor: usize) -> Option<(Range<usize>, &'static str)> {
    let back = |is: fn(u8) -> bool| at - line[floor..at].iter().rev().take_while(|byte| is(**byte)).count();
    let before_host = back(|byte| !byte.is_ascii_whitespace() && !b"/\"'@<>".contains(&byte));
    if before_host < at && line[floor..before_host].ends_with(b"://") {
        return Some((before_host..at, SECRET));
    }
    let user = back(|byte| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte) || !byte.is_ascii());
    let of_host = |byte: &&u8| byte.is_ascii_alphanumeric() || b".-".contains(byte) || !byte.is_ascii();
    let mut end = at + 1 + line[at + 1..].iter().take_while(of_host).count();
    while end > at + 1 && b".-".contains(&line[end - 1]) {
        end -= 1;
    }
    let named = end > at + 1 && (is_after_scheme(line, user, floor) || is_host(&line[at + 1..end]));
    (user < at && named).then_some((user..end, EMAIL))
}

/// Is this the name of a machine in the world, or an IPv4 address? A version (`1.2.3`) is neither.
fn is_host(name: &[u8]) -> bool {
    let labels: Vec<&[u8]> = name.split(|byte| *byte == b'.').collect();
    let is_number = |label: &&[u8]| label.iter().all(u8::is_ascii_digit);
    match labels.as_slice() {
        [_, .., last] if last.first().is_some_and(|first| first.is_ascii_alphabetic() || !first.is_ascii()) => true,
        [_, _, _, _] => labels.iter().all(is_number),
        _ => false,
    }
}

/// Makes writers whose lines are masked.
#[derive(Clone, Debug)]
pub struct Masked<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Masked<M> {
    type Writer = MaskedLines<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedLines { writer: self.0.make_writer(), line: Vec::new() }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        MaskedLines { writer: self.0.make_writer_for(metadata), line: Vec::new() }
    }
}

/// Holds back what is written until its line is whole, or the writer ends, and masks it then: nothing slips through in two pieces.
#[derive(Debug)]
pub struct MaskedLines<W: Write> {
    writer: W,
    line: Vec<u8>,
}

impl<W: Write> MaskedLines<W> {
    fn pass_on(&mut self, length: usize) -> io::Result<()> {
        let passed = self.writer.write_all(&mask(&self.line[..length]));
        self.line.drain(..length);
        passed
    }
}

impl<W: Write> Write for MaskedLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.contains(&b'\n') {
            let whole = self.line.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            self.pass_on(whole)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A line in the making waits: half a number would not be known.
        self.writer.flush()
    }
}

impl<W: Write> Drop for MaskedLines<W> {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            // Nobody is left to be told.
            let _ = self.pass_on(self.line.len());
        }
    }
}
