//! Sentences of a passage: where each begins and ends, so that a quote is always a verbatim piece of the document.
//!
//! A line break always ends a sentence, because a passage holds one paragraph, list item or table row per line.

use std::ops::Range;

/// Byte ranges of the sentences of `text`, in order, without surrounding white space; none is empty.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        split_line(text, line_start..line_start + line.len(), &mut found);
        line_start += line.len();
    }
    found
}

fn split_line(text: &str, line: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut start = line.start;
    let inside = &text[line.clone()];
    for (offset, character) in inside.char_indices() {
        if !matches!(character, '.' | '!' | '?') {
            continue;
        }
        let end = line.start + offset + 1;
        let after = &text[end..line.end];
        // Closing quotes and brackets belong to the sentence that they close.
        let closing = after.len() - after.trim_start_matches(['"', '\'', ')', ']', '\u{201d}', '\u{2019}']).len();
        let end = end + closing;
        let rest = &text[end..line.end];
        if !rest.starts_with(char::is_whitespace) || !starts_sentence(rest) {
            continue;
        }
        if character == '.' && closing == 0 && is_abbreviation(&text[start..line.start + offset]) {
            continue;
        }
        push_trimmed(text, start..end, found);
        start = end;
    }
    push_trimmed(text, start..line.end, found);
}

fn push_trimmed(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let piece = &text[range.clone()];
    let trimmed = piece.trim();
    if trimmed.is_empty() {
        return;
    }
    let start = range.start + (piece.len() - piece.trim_start().len());
    found.push(start..start + trimmed.len());
}

/// Whether what follows looks like the start of a sentence: a capital letter, a digit, or an opening mark.
fn starts_sentence(rest: &str) -> bool {
    rest.trim_start()
        .chars()
        .next()
        .is_some_and(|next| !next.is_lowercase() && !matches!(next, ',' | ';' | ':' | '.' | '-'))
}

/// Whether the words before a full stop end in an abbreviation or an initial.
fn is_abbreviation(before: &str) -> bool {
    let last =
        before.rsplit(|character: char| character.is_whitespace() || character == '(').next().unwrap_or_default();
    let mut letters = last.chars();
    if let (Some(only), None) = (letters.next(), letters.next()) {
        return only.is_uppercase();
    }
    ABBREVIATIONS.contains(&last)
}

/// Words that end in a full stop without ending a sentence.
const ABBREVIATIONS: &[&str] = &[
    "Dr", "Mr", "Mrs", "Ms", "Prof", "St", "No", "Nr", "Inc", "Ltd", "Co", "Jr", "Sr", "vs", "e.g", "i.e", "approx",
    "Ave", "Rd", "Tel", "Fig", "cf", "Gen", "Col", "Lt", "Rev", "Hon", "U.S", "U.K", "D.C",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn splits_at_sentences_and_lines() {
        assert_eq!(
            split("We open at 8 a.m. on weekdays. Dr. Meyer is in on Mondays! Ask J. Smith.\nPrice: $90\n\n  End "),
            ["We open at 8 a.m. on weekdays.", "Dr. Meyer is in on Mondays!", "Ask J. Smith.", "Price: $90", "End"]
        );
        assert_eq!(
            split("He said \"Stop.\" Then he left. 12 people stayed."),
            ["He said \"Stop.\"", "Then he left.", "12 people stayed."]
        );
        assert_eq!(split("It costs 3.50 today. see below"), ["It costs 3.50 today. see below"]);
        assert!(split(" \n \n").is_empty());
    }
}
