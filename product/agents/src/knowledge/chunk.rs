//! Documents as sections: a heading with what stands under it is one section, the unit that search finds and that a
//! reply quotes from.
//!
//! A parser feeds an [`Outline`] headings, paragraphs, list items and table rows in reading order; [`Outline::sections`]
//! gives the sections. There are no windows of fixed size: a section is cut only when it is longer than
//! [`SECTION_CHARACTERS_MAX`], and then between its lines.

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

/// A section's text is at most this many characters (Unicode scalar values); longer ones are cut between lines.
pub const SECTION_CHARACTERS_MAX: usize = 3_000;
/// A document without headings is cut between paragraphs into sections of about this many characters.
pub const PLAIN_SECTION_CHARACTERS: usize = 800;
/// Sections of one document at most; what follows is not read, and the document says so.
pub const SECTIONS_MAX: usize = 2_000;
/// Headings above a section at most (HTML knows six levels).
pub const PATH_LEVELS_MAX: usize = 6;
/// A heading is cut here, in characters.
pub const HEADING_CHARACTERS_MAX: usize = 200;
/// Text of one document at most, in bytes, after parsing.
pub const DOCUMENT_TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One section of a document: what search finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Stable over re-reading: the same document, page, heading path and occurrence give the same id.
    pub id: Uuid,
    /// The document.
    pub document_id: Uuid,
    /// Title of the document.
    pub title: String,
    /// Headings above the text, outermost first, without the title.
    pub path: Vec<String>,
    /// One paragraph, list item or table row per line; never empty.
    pub text: String,
    /// Where the document came from, when it has a public address.
    pub url: Option<String>,
}

/// What a parser collects: headings and lines in reading order.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    title: Option<String>,
    open: Vec<(u8, String)>,
    parts: Vec<OutlinePart>,
    bytes: usize,
    truncated: bool,
}

#[derive(Clone, Debug)]
struct OutlinePart {
    path: Vec<String>,
    lines: Vec<String>,
}

impl Outline {
    /// An empty outline.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the document; the first name stays.
    pub fn title(&mut self, title: &str) {
        let title = one_line(title, HEADING_CHARACTERS_MAX);
        if self.title.is_none() && !title.is_empty() {
            self.title = Some(title);
        }
    }

    /// Gives the document another name.
    pub fn rename(&mut self, title: &str) {
        self.title = Some(one_line(title, HEADING_CHARACTERS_MAX)).filter(|title| !title.is_empty());
    }

    /// A heading of `level` 1 (outermost) to 6. The first heading of level 1 also names a document without a title.
    pub fn heading(&mut self, level: u8, text: &str) {
        let text = one_line(text, HEADING_CHARACTERS_MAX);
        if text.is_empty() || self.is_full(text.len()) {
            return;
        }
        let level = level.clamp(1, PATH_LEVELS_MAX as u8);
        self.open.retain(|(open_level, _)| *open_level < level);
        if level == 1 && self.parts.is_empty() && self.title.as_ref().is_none_or(|title| *title == text) {
            self.title = Some(text);
        } else {
            self.open.push((level, text));
        }
        self.start_part();
    }

    /// What follows (a footer, a side note) stands under none of the headings so far.
    pub fn leave_headings(&mut self) {
        self.open.clear();
        self.start_part();
    }

    /// A paragraph or other line of text; line breaks inside become spaces.
    pub fn paragraph(&mut self, text: &str) {
        let line = one_line(text, SECTION_CHARACTERS_MAX * 4);
        if line.is_empty() || self.is_full(line.len()) {
            return;
        }
        if self.parts.is_empty() {
            self.start_part();
        }
        if let Some(part) = self.parts.last_mut() {
            part.lines.extend(cut(line));
        }
    }

    /// A row of a table with the table's header cells, so that the row can be quoted alone: "Cleaning \u{2013} Price: $90;
    /// Time: 45 min". An empty header list (a table without header) joins the cells: "Cleaning: $90".
    pub fn row(&mut self, header: &[String], cells: &[String]) {
        self.paragraph(&row_line(header, cells));
    }

    /// A table: `header_rows` leading rows are its header (only one is used). Without a header that is marked as one,
    /// the first row is taken for it when it reads like one. A table that is not `regular` (cells span others) keeps its
    /// rows without header, because a cell under the wrong heading would be a false statement.
    pub fn table(&mut self, rows: &[Vec<String>], header_rows: usize, regular: bool) {
        let marked = header_rows > 0;
        let header = rows.first().filter(|first| marked || reads_like_header(first, &rows[1..]));
        let fits =
            |header: &&Vec<String>| regular && header_rows <= 1 && rows.iter().all(|row| row.len() <= header.len());
        match header.filter(fits) {
            Some(header) => rows[1..].iter().for_each(|row| self.row(header, row)),
            None => rows.iter().for_each(|row| self.row(&[], row)),
        }
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.lines.is_empty())
    }

    /// Whether some text was left out because of the limits.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// The document's own title, when it has one.
    pub fn document_title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The sections in reading order, at most [`SECTIONS_MAX`]; `fallback_title` names a document without a title.
    pub fn sections(self, document_id: Uuid, fallback_title: &str, url: Option<&str>) -> Vec<Section> {
        let title = self.title.unwrap_or_else(|| one_line(fallback_title, HEADING_CHARACTERS_MAX));
        let without_headings = self.parts.iter().all(|part| part.path.is_empty());
        let limit = if without_headings { PLAIN_SECTION_CHARACTERS } else { SECTION_CHARACTERS_MAX };
        let mut seen: std::collections::HashMap<Vec<String>, u32> = std::collections::HashMap::new();
        let mut sections = Vec::new();
        for part in self.parts {
            for text in group(&part.lines, limit) {
                let occurrence = seen.entry(part.path.clone()).or_default();
                let id = section_id(document_id, url, &part.path, *occurrence);
                *occurrence += 1;
                let url = url.map(str::to_owned);
                sections.push(Section { id, document_id, title: title.clone(), path: part.path.clone(), text, url });
            }
        }
        sections.truncate(SECTIONS_MAX);
        sections
    }

    fn start_part(&mut self) {
        if self.parts.len() >= SECTIONS_MAX {
            self.truncated = true;
            return;
        }
        let path = self.open.iter().map(|(_, text)| text.clone()).collect();
        self.parts.push(OutlinePart { path, lines: Vec::new() });
    }

    fn is_full(&mut self, more: usize) -> bool {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > DOCUMENT_TEXT_BYTES_MAX {
            self.truncated = true;
        }
        self.truncated
    }
}

/// Whether a first row names columns: all its cells are filled, none holds a digit, and most rows below hold one.
fn reads_like_header(first: &[String], rest: &[Vec<String>]) -> bool {
    let has_digit = |cell: &String| cell.contains(|character: char| character.is_ascii_digit());
    let with_digit = rest.iter().filter(|row| row.iter().any(has_digit)).count();
    first.len() > 1
        && first.iter().all(|cell| !cell.trim().is_empty() && !has_digit(cell))
        && with_digit * 2 > rest.len()
}

/// The line that stands for a table row.
fn row_line(header: &[String], cells: &[String]) -> String {
    let cell = |index: usize| cells.get(index).map(|text| text.trim()).unwrap_or_default();
    let filled: Vec<usize> = (0..cells.len()).filter(|index| !cell(*index).is_empty()).collect();
    if header.iter().all(|text| text.trim().is_empty()) {
        let rest: Vec<&str> = filled.iter().skip(1).map(|index| cell(*index)).collect();
        return match (filled.first(), rest.is_empty()) {
            (None, _) => String::new(),
            (Some(first), true) => cell(*first).to_owned(),
            (Some(first), false) => format!("{}: {}", cell(*first).trim_end_matches(':'), rest.join("; ")),
        };
    }
    let named: Vec<String> = filled
        .iter()
        .map(|index| match header.get(*index).map(|text| text.trim()) {
            Some(name) if !name.is_empty() => format!("{}: {}", name.trim_end_matches(':'), cell(*index)),
            _ => cell(*index).to_owned(),
        })
        .collect();
    match (named.split_first(), filled.first()) {
        // The first column names the row: "Cleaning", not "Treatment: Cleaning".
        (Some((_, rest)), Some(0)) if !rest.is_empty() && is_name(cell(0)) => {
            format!("{} \u{2013} {}", cell(0).trim_end_matches(':'), rest.join("; "))
        }
        _ => named.join("; "),
    }
}

/// Whether a cell says by itself what its row is about: it begins with a letter. A number needs its header.
fn is_name(cell: &str) -> bool {
    cell.starts_with(char::is_alphabetic)
}

/// Joins lines into texts of at most `limit` characters each (a single line may be longer up to the section's limit).
fn group(lines: &[String], limit: usize) -> Vec<String> {
    let mut texts = Vec::new();
    let mut current = String::new();
    let mut characters = 0;
    for line in lines {
        let length = line.chars().count() + 1;
        if characters > 0 && characters + length > limit {
            texts.push(std::mem::take(&mut current));
            characters = 0;
        }
        if characters > 0 {
            current.push('\n');
        }
        current.push_str(line);
        characters += length;
    }
    if !current.is_empty() {
        texts.push(current);
    }
    texts
}

/// Cuts a line that is longer than a section at sentence ends, else anywhere between characters.
fn cut(line: String) -> Vec<String> {
    if line.chars().count() < SECTION_CHARACTERS_MAX {
        return vec![line];
    }
    let mut pieces = Vec::new();
    let mut current = String::new();
    let mut characters = 0;
    for range in super::sentence::sentences(&line) {
        let sentence: Vec<char> = line[range].chars().collect();
        for chunk in sentence.chunks(SECTION_CHARACTERS_MAX - 2) {
            if characters > 0 && characters + chunk.len() + 1 >= SECTION_CHARACTERS_MAX {
                pieces.push(std::mem::take(&mut current));
                characters = 0;
            }
            if characters > 0 {
                current.push(' ');
                characters += 1;
            }
            current.extend(chunk);
            characters += chunk.len();
        }
    }
    pieces.push(current);
    pieces
}

/// White space of any kind becomes single spaces; control and invisible characters go; cut at `limit` characters.
fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
        }
        count += 1;
        line.extend(word.chars().filter(|character| !is_invisible(*character)));
    }
    match line.char_indices().nth(limit) {
        Some((cut, _)) => line[..cut].trim_end().to_owned(),
        None => line.trim().to_owned(),
    }
}

/// Characters that a reader cannot see but that can hide or reorder text: zero-width, direction overrides, tags.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

/// The stable id of a section: SHA-256 over its place, shaped as a version 8 UUID (RFC 9562, 5.8).
fn section_id(document_id: Uuid, url: Option<&str>, path: &[String], occurrence: u32) -> Uuid {
    let mut hash = Context::new(&SHA256);
    hash.update(document_id.as_bytes());
    for heading in url.into_iter().chain(path.iter().map(String::as_str)) {
        hash.update(&(heading.len() as u64).to_be_bytes());
        hash.update(heading.as_bytes());
    }
    hash.update(&occurrence.to_be_bytes());
    let hash = hash.finish();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn headings_delimit_sections_with_their_path() {
        let mut outline = Outline::new();
        outline.heading(1, "Prices");
        outline.paragraph("All prices include tax.");
        outline.heading(2, "Children");
        outline.paragraph("Check-up\n  $40");
        outline.heading(3, "Under six");
        outline.paragraph("Free.");
        outline.heading(2, "Adults");
        outline.paragraph("Check-up $80");
        let sections = outline.sections(Uuid::nil(), "file", None);
        let seen: Vec<(Vec<String>, &str)> =
            sections.iter().map(|section| (section.path.clone(), section.text.as_str())).collect();
        assert_eq!(sections[0].title, "Prices");
        assert_eq!(
            seen,
            [
                (vec![], "All prices include tax."),
                (strings(&["Children"]), "Check-up $40"),
                (strings(&["Children", "Under six"]), "Free."),
                (strings(&["Adults"]), "Check-up $80"),
            ]
        );
    }

    #[test]
    fn ids_are_stable_when_another_section_changes() {
        let read = |first: &str| {
            let mut outline = Outline::new();
            outline.heading(2, "A");
            outline.paragraph(first);
            outline.heading(2, "B");
            outline.paragraph("same");
            outline.heading(2, "B");
            outline.paragraph("second with that heading");
            outline.sections(Uuid::nil(), "file", None)
        };
        let (before, after) = (read("old"), read(&"new. ".repeat(2_000)));
        let id = |sections: &[Section], text: &str| {
            sections.iter().find(|section| section.text == text).map(|found| found.id)
        };
        assert!(after.len() > before.len());
        assert_eq!(id(&before, "same"), id(&after, "same"));
        assert_ne!(id(&before, "same"), id(&before, "second with that heading"));
    }

    #[test]
    fn a_row_keeps_its_header() {
        let header = strings(&["Treatment", "Price:", ""]);
        assert_eq!(row_line(&header, &strings(&["Cleaning", "$90", "45 min"])), "Cleaning \u{2013} Price: $90; 45 min");
        assert_eq!(
            row_line(&[], &strings(&["Monday", "8 to 17", "by appointment"])),
            "Monday: 8 to 17; by appointment"
        );
        assert_eq!(row_line(&[], &strings(&["", " "])), "");
        assert_eq!(row_line(&header, &strings(&["Cleaning"])), "Treatment: Cleaning");
        assert_eq!(
            row_line(&strings(&["Kilometres", "Price"]), &strings(&["5", "$3"])),
            "Kilometres: 5; Price: $3",
            "a number needs its header"
        );
    }

    #[test]
    fn limits_hold_at_their_edges() {
        let text_of = |length: usize| {
            let mut outline = Outline::new();
            outline.heading(2, "H");
            outline.paragraph(&"x".repeat(length));
            outline.sections(Uuid::nil(), "file", None)
        };
        assert_eq!(text_of(SECTION_CHARACTERS_MAX - 1).len(), 1);
        let cut = text_of(SECTION_CHARACTERS_MAX * 3);
        assert!(cut.len() > 1);
        assert!(cut.iter().all(|section| section.text.chars().count() <= SECTION_CHARACTERS_MAX));
        let mut outline = Outline::new();
        for _ in 0..=SECTIONS_MAX {
            outline.heading(2, "H");
            outline.paragraph("x");
        }
        assert!(outline.truncated());
        assert_eq!(outline.sections(Uuid::nil(), "file", None).len(), SECTIONS_MAX);
        let mut outline = Outline::new();
        let line = "word ".repeat(2_000);
        while !outline.truncated() {
            outline.paragraph(&line);
        }
        let bytes: usize = outline.sections(Uuid::nil(), "file", None).iter().map(|section| section.text.len()).sum();
        assert!(bytes <= DOCUMENT_TEXT_BYTES_MAX);
    }

    #[test]
    fn invisible_text_does_not_survive() {
        assert_eq!(one_line("a\u{200b}b\u{202e} c\u{e0041}\u{0007}d", 80), "ab c d");
    }

    #[test]
    fn plain_text_is_cut_between_paragraphs() {
        let mut outline = Outline::new();
        for _ in 0..10 {
            outline.paragraph(&"word ".repeat(60));
        }
        let sections = outline.sections(Uuid::nil(), "notes.txt", None);
        assert!(sections.len() >= 4 && sections.len() <= 5, "{}", sections.len());
        assert_eq!(sections[0].title, "notes.txt");
    }
}
