//! Named limits of what is inspected, and whether verdicts count.

/// What of one request the rules may look at. What lies beyond is not inspected, and the verdict says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Arguments (query, form, JSON values) whose names and values are inspected, and as many cookies.
    pub arguments: usize,
    /// Bytes of names and values of arguments together, and of a body as a whole.
    pub inspected_bytes: usize,
    /// Bytes of a response's body.
    pub response_bytes: usize,
    /// Objects and lists within each other in JSON, elements within each other in XML.
    pub depth: usize,
    /// Parts of a multipart body.
    pub parts: usize,
}

impl Default for Limits {
    /// 255 arguments, 64 KiB, 64 levels, 255 parts.
    fn default() -> Self {
        Self { arguments: 255, inspected_bytes: 64 * 1024, response_bytes: 64 * 1024, depth: 64, parts: 255 }
    }
}

/// Whether rules run, and whether what they decide counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// No rule runs.
    Off,
    /// Rules run and report, and refuse nothing.
    Detect,
    /// Rules run and may refuse.
    #[default]
    Block,
}
