//! `/trust` and `/trust.json`: public, the same for everybody, never from a cache.

use askama::Template;
use axum::extract::State as Extracted;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use edge::Nonce;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::Shell;

use crate::page::{Entry, Face};
use crate::standing::{Run, Standing};
use crate::strip::Strip;
use crate::surface::{self, Surface};
use crate::verify::Trust;

#[derive(Template)]
#[template(path = "trust.html")]
struct TrustPage<'face> {
    shell: Shell,
    face: &'face Face,
    broken: Vec<&'face Entry>,
    tallies: Vec<Tally>,
    looked_at: Option<Moment>,
}

/// One reading of the tally.
struct Tally {
    chip: Chip,
    count: usize,
}

const fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Holds => Tone::Good,
        Standing::Broken => Tone::Bad,
        Standing::NotMeasured => Tone::Draft,
        Standing::Tested => Tone::Done,
    }
}

impl<'face> TrustPage<'face> {
    fn new(face: &'face Face, nonce: Nonce) -> Self {
        let order = [Standing::Holds, Standing::Broken, Standing::NotMeasured, Standing::Tested];
        let tallies = order.map(|standing| {
            let count = face.count(standing);
            // Nothing broken is no alarm.
            let tone = if standing == Standing::Broken && count == 0 { Tone::Draft } else { tone(standing) };
            Tally { chip: Chip::new(tone, standing.word()), count }
        });
        Self {
            shell: Shell::alone("What this server promises", nonce),
            face,
            broken: face.broken(),
            tallies: tallies.into(),
            looked_at: face.looked_at.map(Moment::new),
        }
    }

    /// Every way in and out, with what stands before it.
    fn surfaces() -> &'static [Surface] {
        surface::all()
    }

    fn chip(entry: &Entry) -> Chip {
        Chip::new(tone(entry.standing), entry.standing.word())
    }

    fn strip(entry: &Entry) -> Strip<'_> {
        Strip(entry)
    }

    fn moment(run: &Run) -> Moment {
        Moment::new(run.started_at)
    }

    fn exact(run: &Run) -> Moment {
        Moment::new(run.started_at)
    }

    fn took(run: &Run) -> String {
        took_words(run.took_microseconds)
    }
}

/// A length of time with a unit that fits: "0.4 ms", "12 ms", "1.5 s".
fn took_words(microseconds: i64) -> String {
    match microseconds {
        ..1_000 => format!("{:.1} ms", microseconds.max(0) as f64 / 1_000.0),
        1_000..1_000_000 => format!("{} ms", microseconds / 1_000),
        _ => format!("{:.1} s", microseconds as f64 / 1_000_000.0),
    }
}

/// The markup of the page.
pub fn render(face: &Face, nonce: Nonce) -> askama::Result<String> {
    TrustPage::new(face, nonce).render()
}

/// The page for people.
pub async fn html(Extracted(trust): Extracted<Trust>, nonce: Nonce) -> Response {
    match trust.face().await {
        Ok(face) => match render(&face, nonce) {
            Ok(page) => ([(header::CACHE_CONTROL, "no-store")], Html(page)).into_response(),
            Err(error) => unavailable(&error),
        },
        Err(error) => unavailable(&error),
    }
}

/// The page for programs.
pub async fn json(Extracted(trust): Extracted<Trust>) -> Response {
    match trust.face().await {
        Ok(face) => ([(header::CACHE_CONTROL, "no-store")], axum::Json(face.document())).into_response(),
        Err(error) => unavailable(&error),
    }
}

/// Without its evidence the page says nothing rather than something old.
fn unavailable(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "the trust page could not be made");
    (StatusCode::SERVICE_UNAVAILABLE, "The evidence cannot be read at this moment. Please try again.").into_response()
}

#[cfg(test)]
mod tests {
    use edge::Nonce;
    use storage::{SeededEntropy, Timestamp};

    use super::{render, took_words};
    use crate::finding::State;
    use crate::page::Face;
    use crate::promise::Promises;
    use crate::standing::tests::run;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn page(state: State, evidence: &str) -> String {
        let promises = Promises::published().expect("they can be read");
        let mut run = run("default-deny", state, NOW);
        evidence.clone_into(&mut run.evidence);
        let face = Face::of(&promises, vec![run], NOW);
        render(&face, Nonce::generate(&SeededEntropy::new(1))).expect("it renders")
    }

    #[test]
    fn every_sentence_stands_on_the_page_and_nothing_is_inline() {
        let page = page(State::Holds, "Seen.");
        for promise in Promises::published().expect("they can be read").all() {
            assert!(page.contains(&format!("id=\"{}\"", promise.id)), "{}", promise.id);
        }
        assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains("onclick"));
        assert!(!page.contains("trust-alarm"), "nothing is broken");
    }

    #[test]
    fn a_broken_promise_is_told_first_and_its_evidence_is_escaped() {
        let page = page(State::Broken, "<script>alert(1)</script>");
        let alarm = page.find("One promise is broken").expect("it is told");
        assert!(alarm < page.find("trust-tally").expect("there is a tally"), "before all else");
        assert!(page.contains("is-broken") && page.contains("&#60;script&#62;"));
        assert!(!page.contains("<script>alert"));
    }

    #[test]
    fn lengths_of_time_have_a_unit_that_fits() {
        let words = [-5, 0, 400, 999, 1_000, 12_500, 999_999, 1_500_000].map(took_words);
        assert_eq!(words, ["0.0 ms", "0.0 ms", "0.4 ms", "1.0 ms", "1 ms", "12 ms", "999 ms", "1.5 s"]);
    }
}
