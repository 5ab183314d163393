//! White space, comments, and the escapes of command lines.

/// White space as the rule language means it: that of C, and the no-break space of Latin 1.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0xa0)
}

pub(super) fn trimmed_left(input: &[u8]) -> &[u8] {
    let start = input.iter().position(|byte| !is_space(*byte)).unwrap_or(input.len());
    &input[start..]
}

pub(super) fn trimmed_right(input: &[u8]) -> &[u8] {
    let end = input.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &input[..end]
}

pub(super) fn compress(input: &[u8], output: &mut Vec<u8>) {
    let mut in_space = false;
    for &byte in input {
        if !is_space(byte) {
            output.push(byte);
        } else if !in_space {
            output.push(b' ');
        }
        in_space = is_space(byte);
    }
}

/// `/* … */` cut out, or put in its place; an open comment reaches to the end.
pub(super) fn comments(input: &[u8], instead: Option<u8>, output: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(start) = find(rest, b"/*") {
        output.extend_from_slice(&rest[..start]);
        output.extend(instead);
        rest = match find(&rest[start + 2..], b"*/") {
            Some(length) => &rest[start + 2 + length + 2..],
            None => &[],
        };
    }
    output.extend_from_slice(rest);
}

/// `/*`, `*/`, `--`, `#` and the brackets of HTML comments cut out.
pub(super) fn comment_signs(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        let rest = &input[place..];
        let signs: [&[u8]; 6] = [b"<!--", b"-->", b"/*", b"*/", b"--", b"#"];
        if let Some(sign) = signs.iter().find(|sign| rest.starts_with(sign)) {
            place += sign.len();
        } else {
            output.push(rest[0]);
            place += 1;
        }
    }
}

/// `\ " ' ^` cut out, `, ;` and white space to one space, no space before `/` and `(`, small letters.
pub(super) fn command_line(input: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    for &byte in input {
        match byte {
            b'\\' | b'"' | b'\'' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
                if output.len() == start || output.last() != Some(&b' ') {
                    output.push(b' ');
                }
            }
            b'/' | b'(' => {
                if output.len() > start && output.last() == Some(&b' ') {
                    output.pop();
                }
                output.push(byte);
            }
            byte => output.push(byte.to_ascii_lowercase()),
        }
    }
}

fn find(input: &[u8], wanted: &[u8]) -> Option<usize> {
    input.windows(wanted.len()).position(|window| window == wanted)
}
