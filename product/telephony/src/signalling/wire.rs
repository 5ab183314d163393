//! A first look at raw SIP bytes, before the stack reads them: enough to tell what a message is, to refuse what is plainly
//! malformed with the right status, and to answer without keeping anything (RFC 3261, sections 7 and 8; RFC 4475).
//!
//! Promises: constant memory, no panic, at most [`LINES_LIMIT`] lines are looked at; what is not surely wrong passes.

use sip::Status;

/// Header lines that are looked at; a message with more is refused.
pub const LINES_LIMIT: usize = 256;
/// The largest sequence number (RFC 3261, section 8.1.1.5).
const SEQUENCE_LIMIT: u32 = 1 << 31;

/// What the look gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Read so many bytes of it: what follows the body of a datagram is not part of the message.
    Read(usize),
    /// A request that cannot be right.
    Refuse(Status),
    /// Nothing that could be answered.
    Ignore,
}

/// Long and short names of the headers that are looked at.
const TO: (&[u8], &[u8]) = (b"to", b"t");
const FROM: (&[u8], &[u8]) = (b"from", b"f");
const VIA: (&[u8], &[u8]) = (b"via", b"v");
const CALL_ID: (&[u8], &[u8]) = (b"call-id", b"i");
const SEQUENCE: (&[u8], &[u8]) = (b"cseq", b"cseq");
const LENGTH: (&[u8], &[u8]) = (b"content-length", b"l");
const USER_AGENT: (&[u8], &[u8]) = (b"user-agent", b"user-agent");
const HOPS: (&[u8], &[u8]) = (b"max-forwards", b"max-forwards");

/// The methods that a request may have here; others are not implemented.
const METHODS: [&[u8]; 14] = [
    b"INVITE",
    b"ACK",
    b"CANCEL",
    b"BYE",
    b"OPTIONS",
    b"INFO",
    b"UPDATE",
    b"PRACK",
    b"REGISTER",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"MESSAGE",
    b"REFER",
    b"PUBLISH",
];

/// Requests that ask without calling.
const PROBES: [&[u8]; 7] = [b"OPTIONS", b"REGISTER", b"SUBSCRIBE", b"NOTIFY", b"MESSAGE", b"REFER", b"PUBLISH"];

/// Makes a head plain, in place and without changing its length: folded lines are joined (a line break before a blank
/// becomes blanks), and blanks between a header's name and its colon move behind the colon.
pub fn unfold(bytes: &mut [u8]) {
    let end = head_end(bytes);
    join_lines(bytes, end);
    let mut start = 0;
    while start < end {
        let length = bytes[start..end].iter().position(|&byte| byte == b'\n').unwrap_or(end - start);
        let line = &mut bytes[start..start + length];
        if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            let name = line[..colon].trim_ascii_end().len();
            // The first line has a colon too, behind a blank that must stay.
            if start > 0 && name > 0 && name < colon {
                line[name] = b':';
                line[name + 1..=colon].fill(b' ');
            }
        }
        if value_of(line, FROM).is_some() || value_of(line, TO).is_some() {
            close_up(line);
        }
        start += length + 1;
    }
}

/// Moves the blanks between the parameters of a From or To to the end of its line: the stack wants none.
fn close_up(line: &mut [u8]) {
    let colon = line.iter().position(|&byte| byte == b':').map_or(0, |colon| colon + 1);
    let start = line.iter().rposition(|&byte| byte == b'>').unwrap_or(colon);
    let ends = line.last() == Some(&b'\r');
    let (mut to, mut quoted) = (start, false);
    for from in start..line.len() {
        let byte = line[from];
        quoted ^= byte == b'"';
        if quoted || !matches!(byte, b' ' | b'\t' | b'\r') {
            line[to] = byte;
            to += 1;
        }
    }
    line[to..].fill(b' ');
    if let (true, Some(last)) = (ends, line.last_mut()) {
        *last = b'\r';
    }
}

fn join_lines(bytes: &mut [u8], end: usize) {
    let mut at = 0;
    while at + 2 < end {
        if &bytes[at..at + 2] == b"\r\n" && matches!(bytes[at + 2], b' ' | b'\t') {
            bytes[at..at + 3].fill(b' ');
        }
        at += 1;
    }
}

/// Where the head ends: behind the empty line, or at the end of the bytes.
fn head_end(bytes: &[u8]) -> usize {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4)
}

/// The header lines.
pub fn header_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|&byte| byte == b'\n').skip(1);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).take_while(|line| !line.is_empty())
}

fn value_of<'a>(line: &'a [u8], name: (&[u8], &[u8])) -> Option<&'a [u8]> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let found = line[..colon].trim_ascii();
    let matches = found.eq_ignore_ascii_case(name.0) || found.eq_ignore_ascii_case(name.1);
    matches.then(|| line[colon + 1..].trim_ascii())
}

/// The values of all headers of a name.
fn values<'a>(bytes: &'a [u8], name: (&'static [u8], &'static [u8])) -> impl Iterator<Item = &'a [u8]> {
    header_lines(bytes).take(LINES_LIMIT).filter_map(move |line| value_of(line, name))
}

/// The one value of a header that must be there once.
fn only<'a>(bytes: &'a [u8], name: (&'static [u8], &'static [u8])) -> Option<&'a [u8]> {
    let mut found = values(bytes, name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The Call-ID of an INVITE that begins a call (its To has no tag); none for any other message.
pub fn new_call(bytes: &[u8]) -> Option<&[u8]> {
    if !bytes.starts_with(b"INVITE ") || values(bytes, TO).any(has_tag) {
        return None;
    }
    Some(values(bytes, CALL_ID).next().unwrap_or(b""))
}

/// What tells one attempt from the next (RFC 3261, section 17.2.3): the first Via with its branch, the From with its tag, the
/// CSeq. As they stand: a repeat is the same to the byte.
pub fn transaction(bytes: &[u8]) -> [Option<&[u8]>; 3] {
    [VIA, FROM, SEQUENCE].map(|name| values(bytes, name).next())
}

fn has_tag(value: &[u8]) -> bool {
    let parameters = value.iter().rposition(|&byte| byte == b'>').map_or(value, |end| &value[end..]);
    parameters.split(|&byte| byte == b';').skip(1).any(|parameter| {
        let name = parameter.split(|&byte| byte == b'=').next().unwrap_or(b"");
        name.trim_ascii().eq_ignore_ascii_case(b"tag")
    })
}

/// Looks at one datagram.
pub fn look(bytes: &[u8]) -> Look {
    // Blank lines keep a NAT open (RFC 5626, section 4.4.1); the stack answers them.
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Look::Read(bytes.len());
    }
    let first_line = bytes.split(|&byte| byte == b'\n').next().unwrap_or(b"");
    let first_line = first_line.strip_suffix(b"\r").unwrap_or(first_line);
    if first_line.starts_with(b"SIP/2.0 ") {
        return look_at_response(first_line, bytes);
    }
    match fault(first_line, bytes) {
        None => Look::Read(whole_length(bytes)),
        // Acknowledgements are never answered, and without a Via there is nobody to answer.
        Some(_) if first_line.starts_with(b"ACK ") || values(bytes, VIA).next().is_none() => Look::Ignore,
        Some(status) => Look::Refuse(status),
    }
}

fn look_at_response(first_line: &[u8], bytes: &[u8]) -> Look {
    let code = first_line.get(8..11).filter(|_| matches!(first_line.get(11), None | Some(b' ')));
    let known = code.and_then(number).is_some_and(|code| (100..700).contains(&code));
    let length_fits = values(bytes, LENGTH).all(|value| number(value).is_some());
    let sequence_fits = only(bytes, SEQUENCE).and_then(sequence).is_some();
    if known && length_fits && sequence_fits { Look::Read(whole_length(bytes)) } else { Look::Ignore }
}

/// What is surely wrong with a request.
fn fault(first_line: &[u8], bytes: &[u8]) -> Option<Status> {
    let mut parts = first_line.split(|&byte| byte == b' ');
    let (method, address, version) = (parts.next()?, parts.next().unwrap_or(b""), parts.next().unwrap_or(b""));
    if header_lines(bytes).nth(LINES_LIMIT).is_some() {
        return Some(Status::BAD_REQUEST);
    }
    if version.starts_with(b"SIP/") && version != b"SIP/2.0" {
        return Some(Status::VERSION_NOT_SUPPORTED);
    }
    let shape = version == b"SIP/2.0" && parts.next().is_none() && is_token(method) && is_address(address);
    let once = [TO, FROM, CALL_ID].iter().all(|name| only(bytes, *name).is_some_and(|value| !value.is_empty()));
    let there = once && values(bytes, VIA).next().is_some();
    let sequenced = only(bytes, SEQUENCE).and_then(sequence).is_some_and(|named| named == method);
    let hops = values(bytes, HOPS).all(|value| number(value).is_some_and(|hops| hops <= 255));
    let quoted = [TO, FROM].iter().all(|name| values(bytes, *name).all(is_balanced));
    let tagged = values(bytes, FROM).all(has_tag);
    let good = shape && there && sequenced && hops && quoted && tagged && length_fits(bytes);
    if !good {
        return Some(Status::BAD_REQUEST);
    }
    (!METHODS.contains(&method)).then_some(Status::NOT_IMPLEMENTED)
}

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

fn is_address(bytes: &[u8]) -> bool {
    bytes.contains(&b':') && !bytes.iter().any(|&byte| matches!(byte, b'<' | b'>' | b'"') || byte.is_ascii_control())
}

/// Whether quotation marks come in pairs.
fn is_balanced(value: &[u8]) -> bool {
    let (mut open, mut escaped) = (false, false);
    for &byte in value {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if open => escaped = true,
            b'"' => open = !open,
            _ => {}
        }
    }
    !open
}

fn number(value: &[u8]) -> Option<u32> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

/// The method in a CSeq whose number is in range.
fn sequence(value: &[u8]) -> Option<&[u8]> {
    let blank = value.iter().position(u8::is_ascii_whitespace)?;
    let (count, method) = value.split_at(blank);
    number(count).filter(|&count| count < SEQUENCE_LIMIT).map(|_| method.trim_ascii())
}

/// Whether the body's length, where it is given, is given once and is there.
fn length_fits(bytes: &[u8]) -> bool {
    let mut lengths = values(bytes, LENGTH);
    let Some(first) = lengths.next() else { return true };
    let there = bytes.len() - head_end(bytes);
    lengths.next().is_none() && number(first).is_some_and(|length| length as usize <= there)
}

/// The length of the body that a head tells, nothing when it tells none; none when it tells two, or nonsense.
pub fn body_length(head: &[u8]) -> Option<usize> {
    let mut lengths = values(head, LENGTH);
    let Some(first) = lengths.next() else { return Some(0) };
    lengths.next().is_none().then(|| number(first).map(|length| length as usize))?
}

/// What the sender of a request calls itself.
pub fn user_agent(bytes: &[u8]) -> Option<&[u8]> {
    values(bytes, USER_AGENT).next()
}

/// Whether this is a request outside any call that asks, tries or registers, but calls nobody.
pub fn is_probe(bytes: &[u8]) -> bool {
    let method = bytes.split(|&byte| byte == b' ').next().unwrap_or(b"");
    PROBES.contains(&method) && !values(bytes, TO).any(has_tag)
}

/// The bytes of the message without what follows its body.
fn whole_length(bytes: &[u8]) -> usize {
    let body = values(bytes, LENGTH).next().and_then(number).map_or(usize::MAX, |length| length as usize);
    head_end(bytes).saturating_add(body).min(bytes.len())
}

/// An answer made from a request's own bytes, without keeping anything of it.
pub fn answer(request: &[u8], status: Status, more: &str) -> Vec<u8> {
    let mut answer = format!("SIP/2.0 {status}\r\n").into_bytes();
    for line in header_lines(request).take(LINES_LIMIT) {
        let to = value_of(line, TO);
        if to.is_none() && [VIA, FROM, CALL_ID, SEQUENCE].iter().all(|name| value_of(line, *name).is_none()) {
            continue;
        }
        answer.extend_from_slice(line);
        if to.is_some_and(|value| !has_tag(value)) {
            answer.extend_from_slice(b";tag=stateless");
        }
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(more.as_bytes());
    answer.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(to: &str) -> Vec<u8> {
        format!(
            "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nf: <sip:a@x>;tag=1\r\n\
             To: {to}\r\nCall-ID: c7\r\nCSeq: 1 INVITE\r\nContent-Length: 4\r\n\r\nbodytail"
        )
        .into_bytes()
    }

    fn changed(from: &str, to: &str) -> Look {
        let text = String::from_utf8(invite("<sip:100@x>")).expect("text");
        assert!(text.contains(from), "{from}");
        look(text.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn a_good_message_is_read_without_its_tail() {
        let bytes = invite("<sip:100@x>");
        assert_eq!(look(&bytes), Look::Read(bytes.len() - 4));
        assert_eq!(changed("Content-Length: 4\r\n", ""), Look::Read(bytes.len() - 19));
        assert_eq!(changed("Content-Length: 4", "Content-Length: 8"), Look::Read(bytes.len()));
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let bad = Look::Refuse(Status::BAD_REQUEST);
        for (from, to) in [
            ("Call-ID: c7\r\n", ""),
            ("Call-ID: c7", "Call-ID:"),
            ("Call-ID: c7", "Call-ID: c7\r\ni: c8"),
            ("1 INVITE", "1 BYE"),
            ("1 INVITE", "4294967296 INVITE"),
            ("1 INVITE", "2147483648 INVITE"),
            ("INVITE sip", "INVITE  sip"),
            ("sip:100@127.0.0.1", "<sip:100@127.0.0.1>"),
            ("sip:100@127.0.0.1", "sip:100@127.0.0.1; lr"),
            ("SIP/2.0\r\n", "SIP/2.0 \r\n"),
            ("Content-Length: 4", "Content-Length: 9"),
            ("Content-Length: 4", "Content-Length: -4"),
            ("Content-Length: 4", "Content-Length: 4\r\nl: 4"),
            ("CSeq:", "Max-Forwards: 300\r\nCSeq:"),
            ("To: <sip", "To: \"open <sip"),
            ("f: <sip:a@x>;tag=1", "f: <sip:a@x>"),
        ] {
            assert_eq!(changed(from, to), bad, "{from} -> {to}");
        }
        assert_eq!(changed("SIP/2.0\r\n", "SIP/7.0\r\n"), Look::Refuse(Status::VERSION_NOT_SUPPORTED));
        assert_eq!(changed("INVITE sip", "DANCE sip"), bad, "another method in CSeq");
        let dance = String::from_utf8(invite("<sip:100@x>")).expect("text").replace("INVITE", "DANCE");
        assert_eq!(look(dance.as_bytes()), Look::Refuse(Status::NOT_IMPLEMENTED));
        assert_eq!(changed("Via: ", "Vie: "), Look::Ignore);
        assert_eq!(look(b"\r\n\r\n"), Look::Read(4));
        assert_eq!(look(b"hello"), Look::Ignore);
        assert_eq!(look(b"SIP/2.0 4294967301 better\r\nCSeq: 1 INVITE\r\n\r\n"), Look::Ignore);
        let lines = format!("CSeq: 1 INVITE\r\n{}", "x: y\r\n".repeat(LINES_LIMIT));
        assert_eq!(changed("CSeq: 1 INVITE\r\n", &lines), bad);
    }

    #[test]
    fn folded_lines_are_joined_in_the_head_only() {
        let mut bytes = b"OPTIONS sip:x SIP/2.0\r\nTo :\r\n \tsip:a@x\r\n  ;tag=1\r\n\r\nbody\r\n stays".to_vec();
        unfold(&mut bytes);
        assert_eq!(bytes, b"OPTIONS sip:x SIP/2.0\r\nTo:sip:a@x;tag=1         \r\n\r\nbody\r\n stays");
    }

    #[test]
    fn blanks_between_parameters_close_up_and_those_in_names_stay() {
        let mut bytes =
            b"OPTIONS sip:x SIP/2.0\r\nf: \"a b\" <sip:a b@x> ; tag = \"c d\" ;e\nVia: a ; b\r\n\r\n".to_vec();
        unfold(&mut bytes);
        assert_eq!(bytes, b"OPTIONS sip:x SIP/2.0\r\nf: \"a b\" <sip:a b@x>;tag=\"c d\";e     \nVia: a ; b\r\n\r\n");
    }

    #[test]
    fn a_tag_in_the_address_or_the_body_is_not_the_tag_of_the_header() {
        assert_eq!(new_call(&invite("<sip:100@x;tag=1>")), Some(&b"c7"[..]));
        assert!(new_call(&invite("\"a;tag=1\" <sip:100@x>")).is_some());
        assert!(new_call(&invite("sip:100@x ; TAG = 1")).is_none());
        assert!(new_call(b"INVITE").is_none());
        assert_eq!(new_call(b"INVITE "), Some(&b""[..]));
    }

    #[test]
    fn an_answer_carries_what_its_caller_needs_to_match_it() {
        let text = String::from_utf8(answer(&invite("<sip:100@x>"), Status::SERVICE_UNAVAILABLE, "Retry-After: 5\r\n"));
        let text = text.expect("text");
        assert!(text.starts_with("SIP/2.0 503 Service Unavailable\r\n"));
        for line in [
            "Via: SIP/2.0/UDP",
            "f: <sip:a@x>;tag=1",
            "To: <sip:100@x>;tag=stateless",
            "Call-ID: c7",
            "CSeq: 1 INVITE",
            "Retry-After: 5",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(!text.contains("body"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_may_come(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), at in 0usize..200, byte: u8) {
            unfold(&mut bytes);
            look(&bytes);
            answer(&bytes, Status::BAD_REQUEST, "");
            let mut invite = invite("<sip:100@x>;tag=1");
            let place = at % invite.len();
            invite[place] = byte;
            let length = invite.len();
            unfold(&mut invite);
            proptest::prop_assert_eq!(invite.len(), length);
            if let Look::Read(read) = look(&invite) {
                proptest::prop_assert!(read <= length);
            }
            new_call(&invite);
        }
    }
}
