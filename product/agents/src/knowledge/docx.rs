//! Word documents (Office Open XML, ISO/IEC 29500) as an outline: headings by style, paragraphs, list items and tables.
//!
//! The container is a zip archive of unknown origin: entries, sizes and the ratio of unpacking are limited before and
//! while reading. Hidden text, deleted text and field codes are left out. Entities of a document type are never expanded.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;
use zip::result::ZipError;

use super::chunk::Outline;
use super::document::ReadError;

/// Files inside the container at most.
pub const ENTRIES_MAX: usize = 2_000;
/// One part of the document unpacked, at most, in bytes.
pub const UNPACKED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A part may unpack to at most this many times its packed size…
pub const RATIO_MAX: usize = 200;
/// …once it is larger than this, in bytes: small parts pack arbitrarily well.
pub const RATIO_FROM_BYTES: usize = 1024 * 1024;
/// Elements nested deeper than this are refused.
pub const DEPTH_MAX: usize = 200;

/// What each entry of the archive's directory begins with (APPNOTE 4.3.12).
const ENTRY_MARK: &[u8] = b"PK\x01\x02";
const TEXT_PART: &str = "word/document.xml";
const STYLES_PART: &str = "word/styles.xml";

/// Checks that a zip archive is a Word document without macros, without unpacking it.
pub fn check(bytes: &[u8]) -> Result<(), ReadError> {
    open(bytes).map(|_| ())
}

/// Reads a Word document.
pub fn read(bytes: &[u8]) -> Result<Outline, ReadError> {
    let mut archive = open(bytes)?;
    let styles = match part(&mut archive, STYLES_PART)? {
        Some(source) => heading_styles(&source)?,
        None => HashMap::new(),
    };
    let source = part(&mut archive, TEXT_PART)?.ok_or(damaged("it has no text part"))?;
    read_text(&source, &styles)
}

fn damaged(why: &'static str) -> ReadError {
    ReadError::Damaged { kind: "DOCX", why }
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, ReadError> {
    // Counted before the archive is opened: opening makes an entry of each in memory.
    if bytes.windows(ENTRY_MARK.len()).filter(|window| *window == ENTRY_MARK).count() > ENTRIES_MAX {
        return Err(ReadError::TooManyElements { limit: ENTRIES_MAX });
    }
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged("its archive cannot be opened"))?;
    let mut has_text = false;
    for name in archive.file_names_raw() {
        if name.to_ascii_lowercase().ends_with(b"vbaproject.bin") {
            return Err(ReadError::Program { what: "Word macros" });
        }
        has_text |= name == TEXT_PART.as_bytes();
    }
    if has_text { Ok(archive) } else { Err(ReadError::Unsupported { what: "an archive" }) }
}

/// One part as text, unpacked within the limits.
fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<String>, ReadError> {
    let mut file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(ZipError::UnsupportedArchive(_)) => return Err(ReadError::Encrypted),
        Err(_) => return Err(damaged("a part of it cannot be opened")),
    };
    let packed = usize::try_from(file.compressed_size()).unwrap_or(usize::MAX);
    let most = UNPACKED_BYTES_MAX.min(packed.saturating_mul(RATIO_MAX).max(RATIO_FROM_BYTES));
    let mut unpacked = Vec::new();
    // The sizes that the archive states are a claim; what counts is what comes out.
    file.by_ref()
        .take(most as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| damaged("a part of it cannot be unpacked"))?;
    if unpacked.len() > most {
        return Err(ReadError::Bomb { limit: UNPACKED_BYTES_MAX, ratio: RATIO_MAX });
    }
    String::from_utf8(unpacked).map(Some).map_err(|_| damaged("its text is not UTF-8"))
}

/// Style ids that mean a heading (by outline level or by the style's fixed English name) or the title (level 0).
fn heading_styles(source: &str) -> Result<HashMap<String, u8>, ReadError> {
    let mut reader = Reader::from_str(source);
    let mut styles = HashMap::new();
    let mut current: Option<String> = None;
    loop {
        match reader.read_event().map_err(|_| damaged("its styles are not well-formed"))? {
            Event::Eof => return Ok(styles),
            Event::Start(tag) | Event::Empty(tag) => match local(&tag) {
                "style" => current = attribute(&tag, "styleId"),
                "name" => {
                    let name = attribute(&tag, "val").unwrap_or_default().to_ascii_lowercase();
                    let level = if name == "title" {
                        Some(0)
                    } else {
                        name.strip_prefix("heading ").and_then(|digits| digits.parse::<u8>().ok())
                    };
                    if let (Some(id), Some(level)) = (&current, level) {
                        styles.insert(id.clone(), level);
                    }
                }
                "outlineLvl" => {
                    let level = attribute(&tag, "val").and_then(|digits| digits.parse::<u8>().ok());
                    if let (Some(id), Some(level @ 0..=5)) = (&current, level) {
                        styles.entry(id.clone()).or_insert(level + 1);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn local<'tag>(tag: &'tag BytesStart<'_>) -> &'tag str {
    let name = tag.name().0;
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    // Unchecked: the check for duplicates compares each with all before it, and the first of equal names counts anyway.
    tag.attributes()
        .with_checks(false)
        .filter_map(Result::ok)
        .find(|found| found.key.0.rsplit(':').next() == Some(name))
        .map(|found| found.value.into_owned())
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    header_rows: usize,
    irregular: bool,
}

struct Walker<'styles> {
    styles: &'styles HashMap<String, u8>,
    outline: Outline,
    line: String,
    level: Option<u8>,
    in_text: bool,
    hidden_run: bool,
    tables: Vec<Table>,
}

fn read_text(source: &str, styles: &HashMap<String, u8>) -> Result<Outline, ReadError> {
    let mut reader = Reader::from_str(source);
    let mut walker = Walker {
        styles,
        outline: Outline::new(),
        line: String::new(),
        level: None,
        in_text: false,
        hidden_run: false,
        tables: Vec::new(),
    };
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|_| damaged("its text is not well-formed"))? {
            Event::Eof if depth > 0 => return Err(damaged("its text is cut short")),
            Event::Eof => return Ok(walker.outline),
            Event::Start(tag) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(ReadError::TooDeep { limit: DEPTH_MAX });
                }
                walker.start(&tag);
            }
            Event::Empty(tag) => {
                walker.start(&tag);
                walker.end(local(&tag));
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                let name = tag.name().0;
                walker.end(name.rsplit_once(':').map_or(name, |(_, local)| local));
            }
            Event::Text(text) => walker.text(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(text) => walker.text(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                if let Some(character) = character {
                    walker.text(character.encode_utf8(&mut [0; 4]));
                }
            }
            Event::DocType(_) => return Err(damaged("it declares a document type")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

impl Walker<'_> {
    fn start(&mut self, tag: &BytesStart<'_>) {
        match local(tag) {
            "t" => self.in_text = true,
            "tab" | "br" | "cr" if !self.hidden_run => self.line.push(' '),
            "r" => self.hidden_run = false,
            "vanish" | "webHidden" => self.hidden_run = is_on(tag),
            "pStyle" => {
                let id = attribute(tag, "val").unwrap_or_default();
                self.level = self.styles.get(&id).copied().or_else(|| built_in_level(&id));
            }
            "outlineLvl" => {
                let level = attribute(tag, "val").and_then(|digits| digits.parse::<u8>().ok());
                if let Some(level @ 0..=5) = level {
                    self.level = Some(level + 1);
                }
            }
            "tbl" => self.tables.push(Table::default()),
            "tblHeader" if is_on(tag) => {
                if let Some(table) = self.tables.last_mut() {
                    table.header_rows = table.header_rows.max(table.rows.len() + 1);
                }
            }
            "gridSpan" | "vMerge" => {
                if let Some(table) = self.tables.last_mut() {
                    table.irregular = true;
                }
            }
            "tc" => self.line.clear(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "r" => self.hidden_run = false,
            "p" => self.end_paragraph(),
            "tc" => {
                let cell = std::mem::take(&mut self.line);
                if let Some(table) = self.tables.last_mut() {
                    table.row.push(cell);
                }
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            "tbl" => {
                if let Some(table) = self.tables.pop() {
                    self.outline.table(&table.rows, table.header_rows, !table.irregular);
                }
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let level = self.level.take();
        if !self.tables.is_empty() {
            self.line.push(' ');
            return;
        }
        let line = std::mem::take(&mut self.line);
        match level {
            Some(0) => self.outline.title(&line),
            Some(level) => self.outline.heading(level, &line),
            None => self.outline.paragraph(&line),
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text && !self.hidden_run {
            self.line.push_str(text);
        }
    }
}

/// A property that is there means "on", unless it says otherwise.
fn is_on(tag: &BytesStart<'_>) -> bool {
    !attribute(tag, "val").is_some_and(|value| matches!(value.as_str(), "0" | "false" | "off"))
}

/// The ids that Word gives its own heading styles in files without a style part.
fn built_in_level(id: &str) -> Option<u8> {
    if id == "Title" {
        return Some(0);
    }
    id.strip_prefix("Heading").and_then(|digits| digits.parse::<u8>().ok()).filter(|level| (1..=6).contains(level))
}

#[cfg(test)]
mod tests;
