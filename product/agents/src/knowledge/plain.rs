//! Plain text (and the text of a PDF) as an outline: paragraphs, wrapped lines joined again, and headings where the lay-out
//! shows them plainly. When in doubt a line stays a line: a price list must not become one long sentence.

use super::chunk::Outline;

/// A heading in plain text is at most this long, in characters.
const HEADING_CHARACTERS_MAX: usize = 60;
/// A line that reaches this share of the longest line, in hundredths, was wrapped at the margin.
const FULL_LINE_HUNDREDTHS: usize = 78;
/// Below this length no line counts as wrapped.
const FULL_LINE_CHARACTERS_MIN: usize = 40;

/// Reads plain text. A form feed separates pages.
pub fn read(text: &str) -> Outline {
    let mut outline = Outline::new();
    for page in text.split('\u{c}') {
        read_page(&mut outline, page);
    }
    outline
}

fn read_page(outline: &mut Outline, page: &str) {
    let lines: Vec<&str> = page.lines().map(str::trim).collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let full = (longest * FULL_LINE_HUNDREDTHS / 100).max(FULL_LINE_CHARACTERS_MIN);
    let mut paragraph = String::new();
    for (number, line) in lines.iter().enumerate() {
        let before = number.checked_sub(1).map_or("", |before| lines[before]);
        let after = lines.get(number + 1).copied().unwrap_or("");
        if line.is_empty() || is_rule(line) {
            outline.paragraph(&std::mem::take(&mut paragraph));
            continue;
        }
        if let Some(level) = heading_level(before, line, after, number == 0) {
            outline.paragraph(&std::mem::take(&mut paragraph));
            outline.heading(level, line.trim_start_matches('#').trim_end_matches('#'));
            continue;
        }
        if paragraph.is_empty() {
            paragraph.push_str(line);
        } else if continues(before, line, full) {
            join(&mut paragraph, line);
        } else {
            outline.paragraph(&std::mem::take(&mut paragraph));
            paragraph.push_str(line);
        }
    }
    outline.paragraph(&paragraph);
}

/// A line of dashes, equal signs or the like.
fn is_rule(line: &str) -> bool {
    line.chars().count() >= 3 && line.chars().all(|character| matches!(character, '-' | '=' | '_' | '*' | '~'))
}

/// A heading is underlined, or is a short line of its own between empty lines that does not end like a sentence.
fn heading_level(before: &str, line: &str, after: &str, first: bool) -> Option<u8> {
    if line.chars().count() > HEADING_CHARACTERS_MAX {
        return None;
    }
    if is_rule(after) && after.starts_with('=') {
        return Some(1);
    }
    if is_rule(after) && after.starts_with('-') {
        return Some(2);
    }
    let stands_alone = (before.is_empty() || is_rule(before)) && (after.is_empty() || first);
    let ends_open = !line.ends_with(['.', ',', ';', ':', '!']);
    let starts_large = line.chars().next().is_some_and(|first| first.is_uppercase() || first.is_ascii_digit());
    let is_amount = line.chars().filter(char::is_ascii_digit).count() * 4 > line.chars().count();
    let is_item = line.starts_with(['-', '*', '\u{2022}']);
    let letters = line.chars().filter(|character| character.is_alphabetic()).count();
    let loud = letters >= 4 && !line.chars().any(char::is_lowercase) && before.is_empty();
    ((stands_alone || loud) && ends_open && starts_large && !is_amount && !is_item && letters >= 3).then_some(2)
}

/// Whether a line goes on with the sentence of the line before.
fn continues(before: &str, line: &str, full: usize) -> bool {
    let is_item = line.starts_with(['-', '*', '\u{2022}']) || starts_with_number(line);
    if is_item {
        return false;
    }
    let wrapped = before.chars().count() >= full;
    let begins_small = line.chars().next().is_some_and(char::is_lowercase);
    wrapped || (begins_small && !before.ends_with(['.', '!', '?', ':']))
}

/// "1. Item" or "2) Item".
fn starts_with_number(line: &str) -> bool {
    let rest = line.trim_start_matches(|character: char| character.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(['.', ')']) && rest[1..].starts_with(' ')
}

/// Joins a wrapped line; a word that was hyphenated at the margin is made whole.
fn join(paragraph: &mut String, line: &str) {
    let mut letters = paragraph.chars().rev();
    let hyphenated = letters.next() == Some('-') && letters.next().is_some_and(char::is_alphabetic);
    if hyphenated && line.chars().next().is_some_and(char::is_lowercase) {
        paragraph.pop();
    } else {
        paragraph.push(' ');
    }
    paragraph.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        read(text)
            .sections(uuid::Uuid::nil(), "file", None)
            .into_iter()
            .map(|section| {
                format!("{} > {}: {}", section.title, section.path.join(" > "), section.text.replace('\n', " / "))
            })
            .collect()
    }

    #[test]
    fn wrapped_lines_join_and_lists_do_not() {
        let text = "Our practice has been open since nineteen eighty-two and we wel-\ncome new patients of every age. You \
                    can reach us by telephone\nor in person.\n\nCleaning $90\nFilling $150\n- Cash\n- Cards";
        assert_eq!(
            lines(text),
            [
                "file > : Our practice has been open since nineteen eighty-two and we welcome new patients of every age. You can \
             reach us by telephone or in person. / Cleaning $90 / Filling $150 / - Cash / - Cards"
            ]
        );
    }

    #[test]
    fn plain_headings_are_found() {
        let text = "Practice\n========\n\nWelcome.\n\nOpening hours\n\nMonday: 8-17\nTuesday: 8-12\n\nPRICES\nCleaning $90\n\u{c}Second page\n\nMore text.";
        assert_eq!(
            lines(text),
            [
                "Practice > : Welcome.",
                "Practice > Opening hours: Monday: 8-17 / Tuesday: 8-12",
                "Practice > PRICES: Cleaning $90",
                "Practice > Second page: More text.",
            ]
        );
    }

    #[test]
    fn empty_and_odd_text_does_no_harm() {
        assert!(read("").is_empty());
        assert!(read("\n\n---\n\u{c}\u{c}").is_empty());
        drop(read(&"-\n".repeat(10_000)));
    }
}
