//! HTML as an outline: the text that a reader of the page sees, in reading order, with its headings, lists and tables.
//!
//! Left out: scripts, styles, forms, comments and whatever an attribute marks as hidden, because hidden text is where
//! instructions to an agent would be planted. Text hidden only by a style sheet cannot be told from visible text here.
//! Nothing is executed and nothing is loaded.

mod tree;

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};

use super::chunk::Outline;
use super::document::ReadError;
use tree::parse;

/// Elements deeper than this are refused: no page is nested so, and the cost of nesting grows with its square. Counted while the
/// tree is built.
pub const DEPTH_MAX: usize = 400;
/// Elements and texts of one page at most, counted while the tree is built.
pub const NODES_MAX: usize = 200_000;
/// The readable part stands for the page only when it holds at least this share of the page's text, in hundredths;
/// otherwise the page is short facts (hours, address, prices) and is read whole.
const READABLE_SHARE_HUNDREDTHS: usize = 60;
/// Pages with less visible text than this are read whole, in bytes.
const READABLE_BYTES_MIN: usize = 1_500;

/// Elements whose content no reader sees or that only operate the page.
const UNSEEN: &[&str] = &[
    "script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "math", "canvas", "audio", "video",
    "select", "option", "datalist", "textarea", "input", "button", "dialog", "map", "head", "del", "s", "strike", "rp",
    "rt", "progress", "meter", "frameset",
];
/// Elements that are the frame of a page rather than its content.
const FRAME: &[&str] = &["nav", "menu", "search"];
/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "center",
    "details",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "ul",
    "caption",
];

/// Reads a web page: its readable part when it has one, otherwise the whole page without its navigation.
pub fn read_page(source: &str) -> Result<Outline, ReadError> {
    let document = parse(source)?;
    let (whole, whole_bytes) = walk(&document, true);
    if whole_bytes < READABLE_BYTES_MIN {
        return Ok(whole);
    }
    let Some(content) = readable(document) else { return Ok(whole) };
    let part = parse(&content)?;
    let (mut outline, part_bytes) = walk(&part, true);
    if part_bytes * 100 < whole_bytes * READABLE_SHARE_HUNDREDTHS {
        return Ok(whole);
    }
    if let Some(title) = whole.document_title() {
        outline.rename(title);
    }
    Ok(outline)
}

/// Reads a document that its owner wrote: everything that is visible.
pub fn read_all(source: &str) -> Result<Outline, ReadError> {
    Ok(walk(&parse(source)?, false).0)
}

/// What a page says to crawlers. A page that cannot be read says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForCrawlers {
    /// It asks not to be indexed (`<meta name="robots">`).
    pub no_index: bool,
    /// It asks that its links are not followed.
    pub no_follow: bool,
    /// The addresses that it links to, as written.
    pub links: Vec<String>,
}

/// Reads what a page says to crawlers, with at most `limit` links. Parses the page: not for the tasks that serve connections.
pub fn for_crawlers(source: &str, limit: usize) -> ForCrawlers {
    let Ok(document) = parse(source) else { return ForCrawlers::default() };
    let links = document
        .select("a[href]")
        .nodes()
        .iter()
        .filter(|node| node.attr("rel").is_none_or(|rel| !rel.split_whitespace().any(|word| word == "nofollow")))
        .filter_map(|node| node.attr("href").map(|href| href.to_string()))
        .take(limit)
        .collect();
    let content: String = document
        .select("meta[name]")
        .nodes()
        .iter()
        .filter(|node| node.attr("name").is_some_and(|name| name.eq_ignore_ascii_case("robots")))
        .filter_map(|node| node.attr("content").map(|content| content.to_ascii_lowercase()))
        .collect::<Vec<_>>()
        .join(",");
    let says = |word: &str| content.split(',').any(|part| part.trim() == word);
    ForCrawlers { no_index: says("noindex") || says("none"), no_follow: says("nofollow") || says("none"), links }
}

fn readable(document: Document) -> Option<String> {
    let config = Config { max_elements_to_parse: NODES_MAX, disable_json_ld: true, ..Config::default() };
    let article = Readability::with_document(document, None, Some(config)).ok()?.parse().ok()?;
    Some(article.content.to_string())
}

/// A table being read.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    header_rows: usize,
    row: Vec<String>,
    row_is_header: bool,
    irregular: bool,
}

#[derive(Default)]
struct Walker {
    outline: Outline,
    line: String,
    bytes: usize,
    tables: Vec<Table>,
    term: Option<String>,
    without_frame: bool,
}

/// Walks the tree without recursion; gives the outline and how many bytes of text were seen.
fn walk(document: &Document, without_frame: bool) -> (Outline, usize) {
    let mut walker = Walker { without_frame, ..Walker::default() };
    walker.outline.title(&document.select_single("title").text());
    let mut stack: Vec<(NodeRef<'_>, bool)> = vec![(document.root(), false)];
    while let Some((node, leaving)) = stack.pop() {
        if node.is_text() {
            let text = node.text();
            walker.bytes += text.trim().len();
            walker.line.push_str(&text);
            continue;
        }
        let name = node.node_name().unwrap_or_default();
        if leaving {
            walker.leave(&name);
            continue;
        }
        if node.is_element() {
            if walker.skips(&node, &name) {
                continue;
            }
            walker.enter(&node, &name);
            stack.push((node, true));
        }
        stack.extend(node.children_it(true).map(|child| (child, false)));
    }
    walker.flush();
    (walker.outline, walker.bytes)
}

impl Walker {
    fn skips(&self, node: &NodeRef<'_>, name: &str) -> bool {
        UNSEEN.contains(&name) || (self.without_frame && FRAME.contains(&name)) || is_hidden(node)
    }

    fn enter(&mut self, node: &NodeRef<'_>, name: &str) {
        match name {
            "table" => {
                self.flush();
                self.tables.push(Table::default());
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    table.row_is_header = true;
                }
            }
            "td" | "th" => {
                if let Some(table) = self.tables.last_mut() {
                    let spans = |name: &str| node.attr(name).is_some_and(|value| value.trim() != "1");
                    table.irregular |= spans("colspan") || spans("rowspan");
                    table.row_is_header &= name == "th";
                }
                self.line.clear();
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.flush(),
            "footer" | "aside" => {
                self.flush();
                self.outline.leave_headings();
            }
            // The term before it waits for this.
            "dd" if self.term.is_some() => {}
            _ if BLOCKS.contains(&name) => self.flush(),
            _ => {}
        }
    }

    fn leave(&mut self, name: &str) {
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let text = std::mem::take(&mut self.line);
                if self.tables.is_empty() {
                    self.outline.heading(name.as_bytes()[1] - b'0', &text);
                } else {
                    self.line = text + " ";
                }
            }
            "td" | "th" => {
                let cell = std::mem::take(&mut self.line);
                if let Some(table) = self.tables.last_mut() {
                    table.row.push(cell);
                }
            }
            "tr" => self.leave_row(),
            "table" => {
                if let Some(table) = self.tables.pop() {
                    let regular = !table.irregular;
                    self.outline.table(&table.rows, if regular { table.header_rows } else { 0 }, regular);
                }
            }
            "dt" if self.tables.is_empty() => self.term = Some(std::mem::take(&mut self.line)),
            "dd" if self.tables.is_empty() => {
                let text = std::mem::take(&mut self.line);
                match self.term.take() {
                    Some(term) => self.outline.row(&[], &[term, text]),
                    None => self.outline.paragraph(&text),
                }
            }
            _ if BLOCKS.contains(&name) => self.flush(),
            _ => {}
        }
    }

    fn leave_row(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        let row = std::mem::take(&mut table.row);
        if row.is_empty() {
            return;
        }
        if table.row_is_header && table.header_rows == table.rows.len() {
            table.header_rows += 1;
        }
        table.rows.push(row);
    }

    /// Ends a line; inside a table cell lines become spaces.
    fn flush(&mut self) {
        if !self.tables.is_empty() {
            self.line.push(' ');
            return;
        }
        let line = std::mem::take(&mut self.line);
        if let Some(term) = self.term.take() {
            self.outline.paragraph(&term);
        }
        self.outline.paragraph(&line);
    }
}

/// Whether the element's own attributes hide it.
fn is_hidden(node: &NodeRef<'_>) -> bool {
    if node.has_attr("hidden") || node.attr("aria-hidden").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return true;
    }
    let Some(style) = node.attr("style") else { return false };
    let style: String = style.chars().filter(|character| !character.is_whitespace()).collect::<String>().to_lowercase();
    let declared = |property: &str, hidden: fn(&str) -> bool| {
        style
            .split(';')
            .filter_map(|one| one.split_once(':'))
            .any(|(name, value)| name == property && hidden(value.trim_end_matches("!important")))
    };
    declared("display", |value| value == "none")
        || declared("visibility", |value| matches!(value, "hidden" | "collapse"))
        || declared("opacity", is_zero)
        || declared("font-size", is_zero)
        || declared("text-indent", is_far_away)
        || declared("left", is_far_away)
        || declared("top", is_far_away)
        || declared("color", |value| value == "transparent")
}

fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|character: char| character.is_ascii_alphabetic() || character == '%');
    number.parse::<f64>().is_ok_and(|number| number.abs() < 0.05)
}

/// A length of at least 900 units to the left of or above the page.
fn is_far_away(value: &str) -> bool {
    let number = value.trim_end_matches(|character: char| character.is_ascii_alphabetic() || character == '%');
    number.parse::<f64>().is_ok_and(|number| number <= -900.0)
}

#[cfg(test)]
mod tests;
