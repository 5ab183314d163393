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
        Self(text.split('\u{c}').map(str::to_owned).collect())
    }
}
