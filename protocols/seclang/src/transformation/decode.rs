//! Escapes undone: URL, HTML, JavaScript, CSS, C, base 64, hexadecimal.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The value of a hexadecimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The byte that two hexadecimal digits at `place` make.
fn pair(input: &[u8], place: usize) -> Option<u8> {
    let (high, low) = (digit(*input.get(place)?)?, digit(*input.get(place + 1)?)?);
    Some(high << 4 | low)
}

/// The byte that four hexadecimal digits stand for: full-width forms (U+FF01 to U+FF5E) become ASCII, of others the lower
/// half stays.
fn wide(input: &[u8], place: usize) -> Option<u8> {
    let (high, low) = (pair(input, place)?, pair(input, place + 2)?);
    Some(if high == 0xff && (0x01..=0x5e).contains(&low) { low + 0x20 } else { low })
}

/// `%41`, `+`, and `%u0041` where `unicode` says so. What is no escape stays.
pub(crate) fn url(input: &[u8], unicode: bool, output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        let (byte, length) = match input[place] {
            b'+' => (b' ', 1),
            b'%' if unicode && matches!(input.get(place + 1), Some(b'u' | b'U')) => {
                wide(input, place + 2).map_or((b'%', 1), |byte| (byte, 6))
            }
            b'%' => pair(input, place + 1).map_or((b'%', 1), |byte| (byte, 3)),
            byte => (byte, 1),
        };
        output.push(byte);
        place += length;
    }
}

/// `&lt;`, `&#60;`, `&#x3c;`, with or without the semicolon; a number's lower eight bits count.
pub(super) fn html(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        if input[place] == b'&'
            && let Some((byte, length)) = reference(&input[place + 1..])
        {
            output.push(byte);
            place += 1 + length;
            place += usize::from(input.get(place) == Some(&b';'));
        } else {
            output.push(input[place]);
            place += 1;
        }
    }
}

/// The byte of a character reference behind its `&`, and its length without the semicolon.
fn reference(input: &[u8]) -> Option<(u8, usize)> {
    if input.first() == Some(&b'#') {
        let hexadecimal = matches!(input.get(1), Some(b'x' | b'X'));
        let (start, base) = if hexadecimal { (2, 16) } else { (1, 10) };
        let digits = input[start..].iter().take_while(|byte| char::from(**byte).is_digit(base)).count();
        let add = |value: u32, byte: &u8| {
            value.wrapping_mul(base).wrapping_add(char::from(*byte).to_digit(base).unwrap_or_default())
        };
        let value = input[start..start + digits].iter().fold(0, add);
        return (digits > 0).then_some((value as u8, start + digits));
    }
    let letters = input.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let byte = match input[..letters].to_ascii_lowercase().as_slice() {
        b"quot" => b'"',
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"nbsp" => 0xa0,
        _ => return None,
    };
    Some((byte, letters))
}

/// The byte of an octal escape of up to three digits, and how many there were.
fn octal(input: &[u8], place: usize) -> Option<(u8, usize)> {
    let digits = input[place..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    // Three digits only while they fit a byte.
    let digits = if digits == 3 && input[place] > b'3' { 2 } else { digits };
    let value = input[place..place + digits].iter().fold(0_u8, |value, byte| value << 3 | (byte - b'0'));
    (digits > 0).then_some((value, digits))
}

/// The control character that a letter behind a backslash stands for.
fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        _ => return None,
    })
}

/// `\x41`, `\u0041`, `\101`, `\n`; any other character behind a backslash stands for itself.
pub(super) fn javascript(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        if input[place] != b'\\' || place + 1 == input.len() {
            output.push(input[place]);
            place += 1;
            continue;
        }
        let letter = input[place + 1];
        let escape = match letter {
            b'u' => wide(input, place + 2).map(|byte| (byte, 6)),
            b'x' => pair(input, place + 2).map(|byte| (byte, 4)),
            b'0'..=b'7' => octal(input, place + 1).map(|(byte, digits)| (byte, 1 + digits)),
            _ => None,
        };
        let (byte, length) = escape.unwrap_or((control(letter).unwrap_or(letter), 2));
        output.push(byte);
        place += length;
    }
}

/// `\41 ` with one to six digits and one white space behind them; `\` before a line's end vanishes with it.
pub(super) fn css(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        if input[place] != b'\\' {
            output.push(input[place]);
            place += 1;
            continue;
        }
        place += 1;
        let digits = input[place..].iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > 0 {
            output.push(css_byte(&input[place..place + digits]));
            place += digits;
            place += usize::from(input.get(place).is_some_and(|byte| super::space::is_space(*byte)));
        } else if input.get(place) == Some(&b'\n') {
            place += 1;
        } else if let Some(byte) = input.get(place) {
            output.push(*byte);
            place += 1;
        }
    }
}

fn css_byte(digits: &[u8]) -> u8 {
    let value = digits.iter().fold(0_u32, |value, byte| value << 4 | u32::from(digit(*byte).unwrap_or_default()));
    let low = value as u8;
    if value >> 8 == 0xff && (0x01..=0x5e).contains(&low) { low + 0x20 } else { low }
}

/// `\n`, `\x41`, `\0101` of C; what is no escape keeps its backslash.
pub(super) fn escape_sequences(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        let next = input.get(place + 1).copied();
        let escape = match (input[place], next) {
            (b'\\', Some(b'x' | b'X')) => pair(input, place + 2).map(|byte| (byte, 4)),
            (b'\\', Some(b'0'..=b'7')) => octal(input, place + 1).map(|(byte, digits)| (byte, 1 + digits)),
            (b'\\', Some(byte @ (b'\\' | b'?' | b'\'' | b'"'))) => Some((byte, 2)),
            (b'\\', Some(letter)) => control(letter).map(|byte| (byte, 2)),
            _ => None,
        };
        let (byte, length) = escape.unwrap_or((input[place], 1));
        output.push(byte);
        place += length;
    }
}

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Base 64 up to the first byte that is none, or past such bytes where `forgiving`.
pub(super) fn base64(input: &[u8], forgiving: bool, output: &mut Vec<u8>) {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut digits: Vec<u8> = if forgiving {
        input.iter().copied().filter(|byte| is_digit(byte)).collect()
    } else {
        input.iter().copied().take_while(|byte| is_digit(byte)).collect()
    };
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let engine = GeneralPurpose::new(&::base64::alphabet::STANDARD, LOOSE);
    if let Ok(bytes) = engine.decode(&digits) {
        output.extend_from_slice(&bytes);
    }
}

/// Pairs of digits become bytes; what is no pair is passed over.
pub(super) fn hex(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place + 1 < input.len() {
        match pair(input, place) {
            Some(byte) => output.push(byte),
            None => output.extend_from_slice(&input[place..place + 2]),
        }
        place += 2;
    }
}

/// `0x61626364` becomes `abcd`.
pub(super) fn sql_hex(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        let begins = input[place] == b'0' && matches!(input.get(place + 1), Some(b'x' | b'X'));
        if !begins || pair(input, place + 2).is_none() {
            output.push(input[place]);
            place += 1;
            continue;
        }
        place += 2;
        while let Some(byte) = pair(input, place) {
            output.push(byte);
            place += 2;
        }
    }
}
