//! A status as a chip: a shape and a word. The colour only repeats what both already say (WCAG 1.4.1).

use std::fmt::{Display, Formatter, Result};

use askama::filters::{Html, HtmlSafe, escape};

/// What kind of status it is; each has its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Going on at this moment: a filled disc in the accent.
    Live,
    /// Ended well, or holds: a tick.
    Good,
    /// Waits for somebody or something: a diamond.
    Wait,
    /// Failed, broken or refused: a cross.
    Bad,
    /// Over, or at rest: a filled square.
    Done,
    /// Not begun, a draft: an open ring.
    Draft,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Good => "good",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Done => "done",
            Self::Draft => "draft",
        }
    }

    const fn shape(self) -> &'static str {
        match self {
            Self::Live => r#"<circle class="solid" cx="5" cy="5" r="4.5"/>"#,
            Self::Good => r#"<path d="M1 5.5 3.8 8.3 9 2"/>"#,
            Self::Wait => r#"<path class="solid" d="M5 0 10 5 5 10 0 5z"/>"#,
            Self::Bad => r#"<path d="M1.5 1.5 8.5 8.500M8.5 1.5 1.5 8.5"/>"#,
            Self::Done => r#"<path class="solid" d="M1.2 1.200h7.600v7.600H1.200z"/>"#,
            Self::Draft => r#"<circle cx="5" cy="5" r="4"/>"#,
        }
    }
}

/// One status; displayed as markup, with the word escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    tone: Tone,
    word: String,
}

impl Chip {
    /// A chip of that tone saying that word ("Live", "Published", "Waiting for a person").
    pub fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self { tone, word: word.into() }
    }

    /// The tone.
    pub const fn tone(&self) -> Tone {
        self.tone
    }
}

impl Display for Chip {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(
            formatter,
            r#"<span class="chip {}"><svg viewBox="0 0 10 10" aria-hidden="true">{}</svg>"#,
            self.tone.class(),
            self.tone.shape()
        )?;
        match escape(&self.word, Html) {
            Ok(word) => write!(formatter, "{word}</span>"),
            Err(never) => match never {},
        }
    }
}

impl HtmlSafe for Chip {}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 6] = [Tone::Live, Tone::Good, Tone::Wait, Tone::Bad, Tone::Done, Tone::Draft];

    #[test]
    fn every_tone_has_a_shape_of_its_own() {
        for (position, one) in TONES.iter().enumerate() {
            for other in &TONES[position + 1..] {
                assert_ne!(one.shape(), other.shape(), "{one:?} and {other:?} differ by colour alone");
            }
        }
    }

    #[test]
    fn the_word_is_escaped() {
        let shown = Chip::new(Tone::Wait, "<b>&").to_string();
        assert!(!shown.contains("<b>"), "{shown}");
        assert!(shown.contains("&#60;b&#62;&#38;"), "{shown}");
    }
}
