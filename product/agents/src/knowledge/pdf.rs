//! PDF files (ISO 32000). Their reader is large and meets files of any origin, so it never runs inside the server: the
//! program starts itself again as a child that may only read its input and write text, with limits of time, memory and
//! output, and without the server's environment.

pub mod driver;

pub use driver::{child_main, extract};

use super::chunk::Outline;
use super::plain;

/// The hidden argument with which the program runs as the reader of one PDF.
pub const CHILD_ARGUMENT: &str = "read-pdf";
/// Pages of one file at most; later ones are not read.
pub const PAGES_MAX: usize = 1_000;
/// The child may run this long, in seconds of wall time.
pub const WALL_SECONDS: u64 = 60;
/// The child may compute this long, in seconds of processor time.
pub const PROCESSOR_SECONDS: u64 = 45;
/// The child's address space, in kibibytes.
pub const MEMORY_KIBIBYTES: u64 = 1024 * 1024;
/// Text of one file at most, in bytes.
pub const OUTPUT_BYTES_MAX: usize = super::chunk::DOCUMENT_TEXT_BYTES_MAX;

/// The text of a PDF: one string per page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages(pub Vec<String>);

impl Pages {
    /// The pages as an outline.
    pub fn outline(&self) -> Outline {
        plain::read(&self.0.join("\u{c}"))
    }

    /// Pages from the child's output, which separates them by form feeds.
    pub fn from_output(text: &str) -> Self {
        Self(text.split('\u{c}').map(without_ligatures).collect())
    }
}

/// Letters that a font draws as one (Unicode, Alphabetic Presentation Forms, U+FB00 to U+FB06), as people write and look for them:
/// a page that shows "coffee" may hold a single sign for its two f.
const LIGATURES: [(char, &str); 7] = [
    ('\u{fb00}', "ff"),
    ('\u{fb01}', "fi"),
    ('\u{fb02}', "fl"),
    ('\u{fb03}', "ffi"),
    ('\u{fb04}', "ffl"),
    ('\u{fb05}', "st"),
    ('\u{fb06}', "st"),
];

fn without_ligatures(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match LIGATURES.iter().find(|(ligature, _)| *ligature == letter) {
            Some((_, letters)) => written.push_str(letters),
            None => written.push(letter),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_drawn_as_one_are_read_as_they_are_written() {
        let pages =
            Pages::from_output("co\u{fb00}ee, \u{fb01}ve \u{fb02}oors\u{c}o\u{fb03}ce, wa\u{fb04}es, \u{fb06}reet");
        assert_eq!(pages.0, ["coffee, five floors", "office, waffles, street"]);
        assert_eq!(Pages::from_output("Zürich, ﷽ and ½").0, ["Zürich, ﷽ and ½"], "everything else stays");
    }
}
