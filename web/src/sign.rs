//! The product's own signs: line drawings on a 20 by 20 grid, rendered into the page so that no request fetches them.
//!
//! A sign never stands alone as information: it is hidden from screen readers, and the word stands beside it.

use std::fmt::{Display, Formatter, Result};

use askama::filters::HtmlSafe;

/// One sign; displayed as an inline SVG element of class `sign`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The product: a ring with one gate, and what it guards.
    Ringfence,
    /// A dial, for the overview.
    Overview,
    /// A tray.
    Inbox,
    /// A handset.
    Calls,
    /// A figure made of a head and a voice, for agents.
    Agents,
    /// A card with a face.
    Contacts,
    /// A sheet of a calendar.
    Bookings,
    /// A hand-raised flag: somebody is interested.
    Leads,
    /// A notched slip.
    Tickets,
    /// A shield with a tick.
    Trust,
    /// Linked rows.
    Audit,
    /// Sliders.
    Settings,
    /// Two sheets.
    Copy,
    /// Half a disc: light and dark.
    Scheme,
    /// An exclamation in a triangle.
    Warning,
    /// A tick in a ring.
    Done,
    /// A key.
    Key,
    /// A sheet of paper.
    Document,
    /// An upward arrow from a tray.
    Upload,
    /// A magnifying glass.
    Search,
}

impl Sign {
    fn strokes(self) -> &'static str {
        match self {
            Self::Ringfence => {
                r#"<path d="M12.3 2.9A7.5 7.5 0 1 1 7.7 2.9"/><path d="M10 2.5v4"/><circle class="solid" cx="10" cy="10.5" r="2"/>"#
            }
            Self::Overview => {
                r#"<path d="M3.5 14.5a7.5 7.5 0 1 1 13 0"/><path d="M10 11l3.2-3.6"/><path d="M3.5 14.5h13"/>"#
            }
            Self::Inbox => r#"<path d="M3 11.5 5 4h10l2 7.5V16H3z"/><path d="M3 11.5h4l1 2h4l1-2h4"/>"#,
            Self::Calls => {
                r#"<path d="M6.6 3.2 4.1 4.4c-1 .5-.9 3.9 2.4 7.6s6.9 4.6 7.7 3.900l1.9-2.2-3.3-2.5-1.6 1.100c-1.5-.6-3-2.3-3.4-3.800l1.3-1.400z"/>"#
            }
            Self::Agents => {
                r#"<circle cx="8" cy="6.5" r="3"/><path d="M2.5 16.500c.3-3.5 2.5-5 5.5-5s5.2 1.5 5.5 5"/><path d="M14 4.500a4 4 0 0 1 0 4.500M16.3 3a7 7 0 0 1 0 7.5"/>"#
            }
            Self::Contacts => {
                r#"<rect x="3" y="3" width="14" height="14" rx="1.5"/><circle cx="10" cy="8.5" r="2.2"/><path d="M6 14.500c.5-2 2-3 4-3s3.5 1 4 3"/>"#
            }
            Self::Bookings => {
                r#"<rect x="3" y="4" width="14" height="13" rx="1.5"/><path d="M3 8h14M7 2.500V5.500M13 2.500V5.5"/><path d="M7.2 12.500l1.9 1.9 3.7-3.9"/>"#
            }
            Self::Leads => r#"<path d="M5 17.500V3"/><path d="M5 3.500h10.500l-2.5 3.5 2.5 3.500H5"/>"#,
            Self::Tickets => {
                r#"<path d="M3 5.500h14v3a1.5 1.5 0 0 0 0 3v3H3v-3a1.5 1.5 0 0 0 0-3z"/><path d="M8 8.500h4M8 11.500h4"/>"#
            }
            Self::Trust => {
                r#"<path d="M10 2.500l6.5 2.300v4.700c0 4-2.7 6.7-6.5 8-3.8-1.3-6.5-4-6.5-8V4.800z"/><path d="M7 10l2.2 2.2 3.9-4.2"/>"#
            }
            Self::Audit => {
                r#"<rect x="3" y="3" width="6" height="4" rx="1"/><rect x="11" y="8" width="6" height="4" rx="1"/><rect x="3" y="13" width="6" height="4" rx="1"/><path d="M9 5h3.500v3M12.5 12v3H9"/>"#
            }
            Self::Settings => {
                r#"<path d="M3 6h6M13 6h4M3 14h3M10 14h7"/><circle cx="11" cy="6" r="2"/><circle cx="8" cy="14" r="2"/>"#
            }
            Self::Copy => {
                r#"<rect x="7" y="7" width="10" height="10" rx="1.5"/><path d="M13 4.500V4a1 1 0 0 0-1-1H4a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h.5"/>"#
            }
            Self::Scheme => {
                r#"<circle cx="10" cy="10" r="6.5"/><path class="solid" d="M10 3.500a6.5 6.5 0 0 1 0 13z"/>"#
            }
            Self::Warning => {
                r#"<path d="M10 3l7.5 13.500h-15z"/><path d="M10 8v4"/><circle class="solid" cx="10" cy="14.2" r=".9"/>"#
            }
            Self::Done => r#"<circle cx="10" cy="10" r="7"/><path d="M6.8 10.200l2.3 2.3 4.1-4.6"/>"#,
            Self::Key => r#"<circle cx="6.5" cy="13.5" r="3.5"/><path d="M9 11l7.5-7.500M13.5 6.500l2.5 2.5"/>"#,
            Self::Document => {
                r#"<path d="M5 2.500h7l3.5 3.500v11.500H5z"/><path d="M12 2.500V6h3.500M7.5 10h5M7.5 13h5"/>"#
            }
            Self::Upload => r#"<path d="M3 12v5h14v-5"/><path d="M10 13V3.500M6.5 7L10 3.5 13.5 7"/>"#,
            Self::Search => r#"<circle cx="8.5" cy="8.5" r="5"/><path d="M12.3 12.300l4.7 4.7"/>"#,
        }
    }
}

impl Display for Sign {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, r#"<svg class="sign" viewBox="0 0 20 20" aria-hidden="true">{}</svg>"#, self.strokes())
    }
}

impl HtmlSafe for Sign {}
