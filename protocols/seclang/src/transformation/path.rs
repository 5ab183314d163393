//! Paths resolved.

/// Doubled slashes, `.` and `..` resolved; `..` that would lead above the beginning stays.
pub(super) fn normalize(input: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    let absolute = input.first() == Some(&b'/');
    if absolute {
        output.push(b'/');
    }
    let base = output.len();
    // Segments written that `..` may take back.
    let mut depth = 0_usize;
    let last_is_directory = matches!(input.rsplit(|byte| *byte == b'/').next(), Some(b"" | b"." | b".."));
    for segment in input.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." if depth > 0 => {
                depth -= 1;
                let kept = output[base..].iter().rposition(|byte| *byte == b'/').map_or(base, |slash| base + slash);
                output.truncate(kept);
            }
            b".." if absolute => {}
            segment => {
                if output.len() > base {
                    output.push(b'/');
                }
                output.extend_from_slice(segment);
                depth += usize::from(segment != b"..");
            }
        }
    }
    let has_slash = input.contains(&b'/');
    if last_is_directory && has_slash && output.len() > base && !output[start..].ends_with(b"/") {
        output.push(b'/');
    }
}

/// The same, with backslashes as slashes.
pub(super) fn normalize_windows(input: &[u8], output: &mut Vec<u8>) {
    let slashes: Vec<u8> = input.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    normalize(&slashes, output);
}
