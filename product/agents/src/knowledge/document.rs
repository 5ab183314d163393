//! Reading a document: what kind of file it is, by its content rather than by its name, and its text as an outline.
//!
//! Every kind has a limit of size, and everything malformed ends in a [`ReadError`] that can be shown to the owner.

use thiserror::Error;

use super::chunk::Outline;
use super::{docx, html, markdown, plain};

/// PDF and DOCX files at most, in bytes: what an upload may have.
pub const UPLOAD_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Text, Markdown and HTML at most, in bytes.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// No bytes, or no text in them.
    #[error("The document holds no text. A scanned page is a picture: its words must be typed or recognised first.")]
    Empty,
    /// Larger than its kind may be.
    #[error("The document has more than {limit} bytes.")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A program, whatever its name says.
    #[error("The file is a program ({what}), not a document.")]
    Program {
        /// What its first bytes say.
        what: &'static str,
    },
    /// A kind of file that is not read.
    #[error("This kind of file is not read: {what}. Use PDF, DOCX, Markdown, HTML or plain text.")]
    Unsupported {
        /// What it is.
        what: &'static str,
    },
    /// The name promises another kind than the content is.
    #[error("The name says {named}, but the content is not that.")]
    Disguised {
        /// The ending of the name.
        named: &'static str,
    },
    /// The container or its content is damaged.
    #[error("The {kind} file is damaged or cut short: {why}.")]
    Damaged {
        /// The kind.
        kind: &'static str,
        /// What was found.
        why: &'static str,
    },
    /// Unpacks to far more than it should.
    #[error("The file unpacks to more than it may ({limit} bytes, or {ratio} times its size).")]
    Bomb {
        /// The limit of the unpacked text in bytes.
        limit: usize,
        /// The limit of the ratio.
        ratio: usize,
    },
    /// Encrypted.
    #[error("The file is protected by a password.")]
    Encrypted,
    /// Nested too deeply.
    #[error("The document nests its elements more than {limit} deep.")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Too many elements.
    #[error("The document has more than {limit} elements.")]
    TooManyElements {
        /// The limit.
        limit: usize,
    },
    /// Reading took too long or too much memory.
    #[error("Reading the document took more than {what}.")]
    TooExpensive {
        /// Which limit.
        what: &'static str,
    },
    /// The separate process that reads PDF files could not be used.
    #[error("PDF files cannot be read on this machine: {why}.")]
    NoReader {
        /// Why.
        why: &'static str,
    },
}

/// Kinds of documents that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PDF (ISO 32000), in a child process only.
    Pdf,
    /// Office Open XML text (ISO/IEC 29500).
    Docx,
    /// HTML.
    Html,
    /// CommonMark with tables.
    Markdown,
    /// Plain text.
    Plain,
}

impl Kind {
    /// The name that is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Plain => "plain",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pdf, Self::Docx, Self::Html, Self::Markdown, Self::Plain].into_iter().find(|kind| kind.name() == name)
    }
}

/// First bytes of programs and what they are.
const PROGRAMS: &[(&[u8], &str)] = &[
    (b"MZ", "Windows executable"),
    (b"\x7fELF", "ELF executable"),
    (b"\xfe\xed\xfa\xce", "Mach-O executable"),
    (b"\xfe\xed\xfa\xcf", "Mach-O executable"),
    (b"\xce\xfa\xed\xfe", "Mach-O executable"),
    (b"\xcf\xfa\xed\xfe", "Mach-O executable"),
    (b"\xca\xfe\xba\xbe", "Java class or universal Mach-O"),
    (b"\0asm", "WebAssembly"),
    (b"dex\n", "Android executable"),
    (b"#!", "script"),
    (b"\x4c\x00\x00\x00\x01\x14\x02\x00", "Windows shortcut"),
];
/// First bytes of files that are no documents we read.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "sound or video"),
    (b"ID3", "sound"),
    (b"OggS", "sound"),
    (b"\x1f\x8b", "an archive"),
    (b"BZh", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"Rar!", "an archive"),
    (b"\xfd7zXZ", "an archive"),
    (b"{\\rtf", "RTF"),
    (b"SQLite format 3", "a database"),
    (b"%!PS", "PostScript"),
];
/// Endings of names that are accepted, and the kind that each promises.
const ENDINGS: &[(&str, Kind)] = &[
    ("pdf", Kind::Pdf),
    ("docx", Kind::Docx),
    ("html", Kind::Html),
    ("htm", Kind::Html),
    ("xhtml", Kind::Html),
    ("md", Kind::Markdown),
    ("markdown", Kind::Markdown),
    ("txt", Kind::Plain),
    ("text", Kind::Plain),
];

/// Tells what a file is from its first bytes, and refuses programs, archives, files whose name promises something else,
/// and files that are too large for their kind.
pub fn sniff(name: &str, bytes: &[u8]) -> Result<Kind, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(ReadError::TooLarge { limit: UPLOAD_BYTES_MAX });
    }
    if let Some((_, what)) = PROGRAMS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ReadError::Program { what });
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ReadError::Unsupported { what });
    }
    let promised = promised_by(name)?;
    let kind = if bytes.starts_with(b"%PDF-") {
        Kind::Pdf
    } else if bytes.starts_with(b"PK\x03\x04") {
        docx::check(bytes)?;
        Kind::Docx
    } else {
        text_kind(promised, bytes)?
    };
    match promised {
        Some(promised) if is_binary(promised) && promised != kind => {
            Err(ReadError::Disguised { named: promised.name() })
        }
        Some(promised) if is_binary(kind) && promised != kind => Err(ReadError::Disguised { named: promised.name() }),
        _ => Ok(kind),
    }
}

/// Reads every kind but PDF, which is read in a child process ([`super::pdf`]).
pub fn read(kind: Kind, bytes: &[u8]) -> Result<Outline, ReadError> {
    let outline = match kind {
        Kind::Docx => docx::read(bytes)?,
        Kind::Html => html::read_all(&decode(bytes)?)?,
        Kind::Markdown => markdown::read(&decode(bytes)?)?,
        Kind::Plain => plain::read(&decode(bytes)?),
        Kind::Pdf => return Err(ReadError::NoReader { why: "it is only read in a process of its own" }),
    };
    if outline.is_empty() { Err(ReadError::Empty) } else { Ok(outline) }
}

fn is_binary(kind: Kind) -> bool {
    matches!(kind, Kind::Pdf | Kind::Docx)
}

fn promised_by(name: &str) -> Result<Option<Kind>, ReadError> {
    let Some((_, ending)) = name.rsplit_once('.') else { return Ok(None) };
    let ending = ending.to_ascii_lowercase();
    match ENDINGS.iter().find(|(known, _)| *known == ending) {
        Some((_, kind)) => Ok(Some(*kind)),
        // "Dr. Meyer" is a name, not an ending.
        None if ending.contains(char::is_whitespace) || ending.len() > 8 => Ok(None),
        None => Err(ReadError::Unsupported { what: "the ending of its name" }),
    }
}

fn text_kind(promised: Option<Kind>, bytes: &[u8]) -> Result<Kind, ReadError> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(ReadError::TooLarge { limit: TEXT_BYTES_MAX });
    }
    let text = decode(bytes)?;
    let start: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    let looks_like_html =
        start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head");
    Ok(match promised {
        Some(Kind::Markdown) => Kind::Markdown,
        Some(Kind::Html) => Kind::Html,
        _ if looks_like_html => Kind::Html,
        Some(Kind::Plain | Kind::Pdf | Kind::Docx) | None => Kind::Plain,
    })
}

/// Text as UTF-8, UTF-16 with a byte order mark, or Windows-1252; anything with control bytes is no text.
pub fn decode(bytes: &[u8]) -> Result<String, ReadError> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(ReadError::TooLarge { limit: TEXT_BYTES_MAX });
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8_or_1252(rest),
        _ => utf8_or_1252(bytes),
    };
    let is_control =
        |character: char| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{c}' | '\u{85}');
    if text.chars().any(is_control) {
        return Err(ReadError::Unsupported { what: "binary data" });
    }
    Ok(text)
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Result<String, ReadError> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map_err(|_| ReadError::Damaged { kind: "text", why: "its UTF-16 is not whole" })
}

fn utf8_or_1252(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
    }
}

/// Windows-1252 (WHATWG Encoding): the bytes 0x80 to 0x9f, everything else as in Unicode.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests;
