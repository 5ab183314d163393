//! The last runs of a probe as marks on a scale: a short tick held, a tall bar with a cross at its foot broke, a dot could not measure. Height
//! and form differ, so the strip reads without colour.

use std::fmt::{Display, Formatter, Result};

use askama::filters::HtmlSafe;

use crate::finding::State;
use crate::page::{Entry, SHOWN_RUNS};

/// Units between two marks.
const STEP: usize = 5;
const HEIGHT: usize = 18;

/// The strip of one promise, drawn as SVG.
pub struct Strip<'entry>(pub &'entry Entry);

impl Display for Strip<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let history = &self.0.history;
        let width = SHOWN_RUNS * STEP;
        // The words hold figures only; nothing in them needs escaping.
        write!(
            out,
            r#"<svg class="strip" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{}">"#,
            self.0.history_words()
        )?;
        write!(out, r#"<path class="scale" d="M0 17.5H{width}"/>"#)?;
        let first = SHOWN_RUNS.saturating_sub(history.len());
        for (place, state) in history.iter().enumerate() {
            let x = (first + place) * STEP + STEP / 2;
            match state {
                State::Holds => write!(out, r#"<path class="held" d="M{x} 17V9"/>"#)?,
                State::Broken => write!(out, r#"<path class="broke" d="M{x} 17V0M{} 5h4"/>"#, x - 2)?,
                State::NotMeasured => write!(out, r#"<circle class="unseen" cx="{x}" cy="13" r="1.1"/>"#)?,
            }
        }
        out.write_str("</svg>")
    }
}

impl HtmlSafe for Strip<'_> {}

#[cfg(test)]
mod tests {
    use super::Strip;
    use crate::finding::State;
    use crate::page::Entry;
    use crate::standing::Standing;
    use crate::standing::tests::promise;

    #[test]
    fn marks_differ_by_form_and_the_newest_stands_at_the_right_end() {
        let history = vec![State::NotMeasured, State::Broken, State::Holds];
        let entry = Entry { promise: promise("a"), standing: Standing::Holds, why: None, run: None, history };
        let drawn = Strip(&entry).to_string();
        assert!(drawn.contains(r#"class="held" d="M137 17V9""#), "{drawn}");
        assert!(
            drawn.contains(r#"class="broke" d="M132 17V0M130 5h4""#)
                && drawn.contains(r#"<circle class="unseen" cx="127""#),
            "{drawn}"
        );
        assert!(drawn.contains("Last 3 runs: 1 held, 1 broke, 1 could not measure"), "{drawn}");
        assert!(!drawn.contains("style="), "the content policy allows no inline style");
    }
}
