//! `multipart/form-data` (RFC 7578), read as leniently as the most lenient server, with every liberty noted.
//!
//! The boundary is taken from the body's first line, so that a header that lies about it hides nothing.

use crate::body::intake::Intake;
use crate::body::{Body, File, PartHeaders};

/// Bytes of one part's headers that are read.
const HEADER_BYTES: usize = 16 * 1024;
/// Header lines of one part that are read. RFC 7578 (section 4.8) knows three.
const HEADER_LINES: usize = 32;
/// The longest line between parts: two hyphens and a boundary (RFC 2046 section 5.1.1: at most 70 characters).
const BOUNDARY_BYTES: usize = 2 + 70;

pub(super) fn read(bytes: &[u8], intake: &mut Intake) -> Body {
    let mut body = Body::default();
    let Some((boundary, mut rest)) = boundary(bytes) else {
        body.error = true;
        return body;
    };
    body.strict_error |= !bytes.starts_with(b"--");
    for _ in 0..intake.limits.parts {
        let Some((part, after)) = next_part(rest, boundary) else {
            // The closing line is missing: what there is counts as a part.
            body.strict_error = true;
            take(rest, &mut body, intake);
            return body;
        };
        take(part, &mut body, intake);
        if after.starts_with(b"--") {
            return body;
        }
        rest = line_end(after);
    }
    body.error = true;
    body
}

/// The line that separates the parts, and what follows the first one.
fn boundary(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = if bytes.starts_with(b"--") { 0 } else { find(bytes, b"\n--")? + 1 };
    let line = &bytes[start..];
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let boundary = line[..end].trim_ascii_end();
    (3..=BOUNDARY_BYTES).contains(&boundary.len()).then(|| (boundary, line.get(end + 1..).unwrap_or_default()))
}

/// What stands before the next boundary, and what stands behind it. Only the beginnings of lines are compared.
fn next_part<'a>(rest: &'a [u8], boundary: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut start = 0;
    loop {
        let line = &rest[start..];
        if let Some(behind) = line.strip_prefix(boundary)
            && ends_line(behind)
        {
            let part = rest[..start].strip_suffix(b"\n").unwrap_or(&rest[..start]);
            return Some((part.strip_suffix(b"\r").unwrap_or(part), behind));
        }
        start += line.iter().position(|byte| *byte == b'\n')? + 1;
    }
}

fn ends_line(behind: &[u8]) -> bool {
    behind.is_empty() || matches!(behind[0], b'\r' | b'\n' | b' ' | b'\t') || behind.starts_with(b"--")
}

fn line_end(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |place| place + 1);
    &text[end..]
}

/// One part: headers, an empty line, content.
fn take(part: &[u8], body: &mut Body, intake: &mut Intake) {
    let (mut lines, mut rest) = (Vec::<Vec<u8>>::new(), part);
    let mut complete = false;
    while !rest.is_empty() && part.len() - rest.len() < HEADER_BYTES {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        if line.is_empty() {
            complete = true;
            break;
        }
        let folds = matches!(line[0], b' ' | b'\t');
        if let Some(folded) = lines.last_mut().filter(|_| folds) {
            folded.extend_from_slice(line);
            body.strict_error = true;
        } else if lines.len() < HEADER_LINES {
            lines.push(line.to_vec());
        } else {
            break;
        }
    }
    let free = intake.is_free("");
    body.strict_error |= !complete;
    if !complete && !rest.is_empty() {
        // More headers than are read: what follows is no content, and nobody looked at it.
        body.error = true;
        intake.pass_over(free);
    }
    let disposition = lines.iter().find(|line| starts_with(line, b"content-disposition"));
    let value = disposition.and_then(|line| line.splitn(2, |byte| *byte == b':').nth(1)).unwrap_or_default();
    let name = parameter(value, b"name").unwrap_or_default();
    let file = parameter(value, b"filename").or_else(|| parameter(value, b"filename*"));
    body.strict_error |= disposition.is_none();
    let mut taken = |text: &[u8]| intake.within(text, free).to_vec();
    if !lines.is_empty() {
        body.part_headers
            .push(PartHeaders { part: taken(&name), lines: lines.iter().map(|line| taken(line)).collect() });
    }
    match file {
        Some(file) => body.files.push(File { field: taken(&name), name: taken(&file), bytes: rest.len() }),
        None if disposition_is_missing(&name, rest) => {}
        None => intake.argument(&mut body.arguments, &name, &String::from_utf8_lossy(&name), rest),
    }
}

/// Neither name nor content: the empty space before a first boundary.
fn disposition_is_missing(name: &[u8], content: &[u8]) -> bool {
    name.is_empty() && content.is_empty()
}

fn starts_with(line: &[u8], head: &[u8]) -> bool {
    line.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head))
}

/// The value of a parameter, `; name="value"`, with `\"` undone; `name*=utf-8''value` with `%41` undone.
fn parameter(header: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let mut rest = header;
    loop {
        let start = rest.iter().position(|byte| *byte == b';')?;
        rest = rest[start + 1..].trim_ascii_start();
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';'))?;
        if rest[end] == b';' {
            rest = &rest[end..];
            continue;
        }
        let name = rest[..end].trim_ascii();
        let (value, after) = value(rest[end + 1..].trim_ascii_start());
        if name.eq_ignore_ascii_case(wanted) {
            return Some(if name.ends_with(b"*") { extended(&value) } else { value });
        }
        rest = after;
    }
}

/// A value, quoted or not, and what follows it.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(quote) = text.first().copied().filter(|first| matches!(first, b'"' | b'\'')) else {
        let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        return (text[..end].trim_ascii().to_vec(), &text[end..]);
    };
    let (mut output, mut place) = (Vec::new(), 1);
    while let Some(byte) = text.get(place) {
        match byte {
            b'\\' if text.get(place + 1) == Some(&quote) => {
                output.push(quote);
                place += 1;
            }
            byte if *byte == quote => return (output, &text[place + 1..]),
            byte => output.push(*byte),
        }
        place += 1;
    }
    (output, &[])
}

/// `utf-8''na%C3%AFve` (RFC 5987).
fn extended(value: &[u8]) -> Vec<u8> {
    let encoded = value.splitn(3, |byte| *byte == b'\'').nth(2).unwrap_or(value);
    let mut output = Vec::new();
    crate::transformation::Transformation::UrlDecode.apply(encoded, &mut output);
    output
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
