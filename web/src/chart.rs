//! A bar chart drawn by the server, with the table that says the same to whoever cannot or does not want to see it.

use std::fmt::{Display, Formatter, Result};

use askama::filters::{Html, HtmlSafe, escape};

/// Bars drawn at most; later ones are left out of the picture (the table keeps them all).
pub const BARS_MAX: usize = 62;
const WIDTH: usize = 480;
const HEIGHT: u64 = 120;

/// One bar: its label, its value, and whether it is the one that still grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Under the bar, and in the table.
    pub label: String,
    /// How much.
    pub value: u64,
    /// The present hour or day, drawn in the accent.
    pub live: bool,
}

/// A chart of counts; displayed as a figure with a picture and a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    title: String,
    unit: String,
    heading: String,
    bars: Vec<Bar>,
}

impl Chart {
    /// A chart named `title` counting `unit` ("conversations") by `heading` ("Hour").
    pub fn new(title: &str, unit: &str, heading: &str, bars: Vec<Bar>) -> Self {
        Self { title: title.to_owned(), unit: unit.to_owned(), heading: heading.to_owned(), bars }
    }
}

/// The smallest "round" number (1, 2 or 5 times a power of ten) that is not below `value`: the top of the scale.
fn scale_top(value: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let top = power.saturating_mul(factor);
            if top >= value {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Text escaped for markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match escape(self.0, Html) {
            Ok(safe) => write!(formatter, "{safe}"),
            Err(never) => match never {},
        }
    }
}

impl Chart {
    fn picture(&self, formatter: &mut Formatter<'_>) -> Result {
        let shown = &self.bars[..self.bars.len().min(BARS_MAX)];
        let top = scale_top(shown.iter().map(|bar| bar.value).max().unwrap_or(0));
        let slot = WIDTH / shown.len().max(1);
        let left = 34;
        write!(formatter, r#"<svg viewBox="0 0 {} {}" aria-hidden="true">"#, WIDTH + left + 4, HEIGHT + 30)?;
        for (value, y) in [(top, 8), (top / 2, 8 + HEIGHT / 2)] {
            if value > 0 {
                write!(formatter, r#"<line class="grid" x1="{left}" x2="{}" y1="{y}" y2="{y}"/>"#, WIDTH + left)?;
                write!(formatter, r#"<text x="{}" y="{}" text-anchor="end">{value}</text>"#, left - 6, y + 4)?;
            }
        }
        let every = shown.len().div_ceil(12).max(1);
        for (position, bar) in shown.iter().enumerate() {
            let x = left + position * slot;
            let height = if bar.value == 0 { 0 } else { (bar.value * HEIGHT / top).max(1) };
            let (class, thick) = (if bar.live { "bar live" } else { "bar" }, slot.saturating_sub(3).max(1));
            write!(
                formatter,
                r#"<rect class="{class}" x="{}" y="{}" width="{thick}" height="{height}"/>"#,
                x + 1,
                8 + HEIGHT - height
            )?;
            // Counted from the end, so that the newest bar always says what it is.
            if (shown.len() - 1 - position).is_multiple_of(every) {
                let (middle, y) = (x + slot / 2, HEIGHT + 25);
                write!(formatter, r#"<text x="{middle}" y="{y}" text-anchor="middle">{}</text>"#, Escaped(&bar.label))?;
            }
        }
        write!(
            formatter,
            r#"<line class="axis" x1="{left}" x2="{}" y1="{1}" y2="{1}"/></svg>"#,
            WIDTH + left,
            8 + HEIGHT
        )
    }
}

impl Display for Chart {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let (title, unit, heading) = (Escaped(&self.title), Escaped(&self.unit), Escaped(&self.heading));
        write!(formatter, r#"<figure class="chart"><figcaption class="strong">{title}</figcaption>"#)?;
        self.picture(formatter)?;
        write!(
            formatter,
            r#"<details><summary class="small">As a table</summary><table><caption>{title}</caption><thead><tr><th scope="col">{heading}</th><th scope="col" class="number">{unit}</th></tr></thead><tbody>"#
        )?;
        for bar in &self.bars {
            write!(
                formatter,
                r#"<tr><th scope="row">{}</th><td class="number">{}</td></tr>"#,
                Escaped(&bar.label),
                bar.value
            )?;
        }
        formatter.write_str("</tbody></table></details></figure>")
    }
}

impl HtmlSafe for Chart {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: u64) -> Bar {
        Bar { label: label.to_owned(), value, live: false }
    }

    #[test]
    fn the_scale_ends_on_a_round_number() {
        let tops = [0, 1, 2, 3, 6, 11, 20, 21, 51, 99, 100, 101].map(scale_top);
        assert_eq!(tops, [1, 1, 2, 5, 10, 20, 20, 50, 100, 100, 100, 200]);
    }

    #[test]
    fn the_scale_ends_even_for_the_largest_number() {
        assert_eq!(scale_top(u64::MAX), u64::MAX);
    }

    #[test]
    fn every_value_of_the_picture_stands_in_the_table_and_labels_are_escaped() {
        let shown = Chart::new("Calls", "calls", "Hour", vec![bar("<9>", 4), bar("10", 0)]).to_string();
        assert!(shown.contains(r#"<th scope="row">&#60;9&#62;</th><td class="number">4</td>"#), "{shown}");
        assert!(!shown.contains("<9>"), "{shown}");
    }

    #[test]
    fn nothing_to_draw_is_drawn_as_nothing() {
        let shown = Chart::new("Calls", "calls", "Hour", Vec::new()).to_string();
        assert!(!shown.contains("<rect"), "{shown}");
    }

    #[test]
    fn more_bars_than_fit_stay_in_the_table() {
        let bars = (0..BARS_MAX as u64 + 5).map(|value| bar(&value.to_string(), value)).collect();
        let shown = Chart::new("Calls", "calls", "Hour", bars).to_string();
        assert_eq!(shown.matches("<rect").count(), BARS_MAX);
        assert_eq!(shown.matches(r#"scope="row""#).count(), BARS_MAX + 5);
    }
}
