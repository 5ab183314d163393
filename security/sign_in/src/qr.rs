//! QR codes (ISO/IEC 18004), drawn here as SVG: no script, no image service, no library in the browser.

use std::fmt::{Display, Formatter, Write as _};

use askama::filters::HtmlSafe;
use qrcode::{EcLevel, QrCode};

/// Empty modules around the code.
const QUIET_MODULES: usize = 4;

/// A drawn QR code: dark on light in either scheme, so that cameras read it, with a name for those who do not see it.
#[derive(Debug)]
pub struct Qr {
    side: usize,
    path: String,
}

impl Qr {
    /// The code of this text; `None` when it is too long for one.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (index, is_dark) in dark_modules(&code).into_iter().enumerate() {
            if is_dark {
                let (column, row) = (index % width + QUIET_MODULES, index / width + QUIET_MODULES);
                let _ = write!(path, "M{column} {row}h1v1h-1z");
            }
        }
        Some(Self { side: width + 2 * QUIET_MODULES, path })
    }
}

fn dark_modules(code: &QrCode) -> Vec<bool> {
    code.to_colors().into_iter().map(|color| color == qrcode::Color::Dark).collect()
}

impl Display for Qr {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { side, path } = self;
        write!(
            formatter,
            r#"<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="QR code of the key below">"#
        )?;
        write!(formatter, r#"<path class="paper" d="M0 0h{side}v{side}h-{side}z"/><path d="{path}"/></svg>"#)
    }
}

// Numbers and letters of our own only.
impl HtmlSafe for Qr {}

#[cfg(test)]
mod tests;
