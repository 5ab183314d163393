//! The embedded voice: turns what is to be said into audio, from recorded units that are in the binary.
//!
//! Whatever the embedded flows can say is recorded, so the phone speaks on a bare machine. Free text (quotes from
//! documents, names) needs a synthesizer; without one the listener hears the recorded words that stand in for it.

pub mod bank;
pub mod driver;
pub mod utterance;

use std::sync::Arc;

use agents::compose::Speech;

use bank::Bank;
use driver::Synthesizer;

/// Active speech level of the recorded units (ITU-T P.56), relative to overload: what a phone line carries when somebody speaks up.
/// Telephone networks are laid out for -26 dBov (about -20 dBm0); 6 dB more is heard over the noise of a street, and leaves the
/// 18 dB that speech needs for its peaks.
pub const LEVEL_DBOV: f64 = -20.0;
/// Longest free text that is spoken, in characters; the rest is cut at a word.
pub const FREE_TEXT_CHARACTERS_MAX: usize = 600;
/// Longest pause in speech, in milliseconds.
pub const PAUSE_MILLISECONDS_MAX: u32 = 2_000;
/// How deep "said instead" may nest.
const INSTEAD_DEPTH_MAX: u8 = 3;
/// Samples per millisecond at 8 kHz.
const SAMPLES_PER_MILLISECOND: u32 = 8;

/// Speaks: recorded units first, a synthesizer for the rest.
#[derive(Clone)]
pub struct Voice {
    bank: &'static Bank,
    synthesizer: Option<Synthesizer>,
}

/// One piece of what is said, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Unit(String),
    Free { text: String, instead: Vec<Speech> },
    Pause(u32),
}

impl Voice {
    /// A voice over the embedded bank, with a synthesizer for free text when there is one.
    pub fn new(synthesizer: Option<Synthesizer>) -> Self {
        Self { bank: Bank::embedded(), synthesizer }
    }

    /// Whether free text can be spoken.
    pub fn speaks_free_text(&self) -> bool {
        self.synthesizer.is_some()
    }

    /// PCM at 8 kHz of everything in `speech`, in order. What cannot be said is left out and logged by its kind only.
    pub async fn render(&self, speech: &[Speech]) -> Arc<[i16]> {
        let mut samples = Vec::new();
        self.render_into(speech, INSTEAD_DEPTH_MAX, &mut samples).await;
        samples.into()
    }

    async fn render_into(&self, speech: &[Speech], depth: u8, samples: &mut Vec<i16>) {
        for piece in speech.iter().flat_map(pieces) {
            match piece {
                Piece::Unit(text) => {
                    if let Some(unit) = self.bank.find(&text) {
                        samples.extend_from_slice(&unit);
                    } else {
                        tracing::warn!("a phrase has no recording; render the voice again");
                    }
                }
                Piece::Pause(milliseconds) => {
                    let count = milliseconds.min(PAUSE_MILLISECONDS_MAX) * SAMPLES_PER_MILLISECOND;
                    samples.resize(samples.len() + count as usize, 0);
                }
                Piece::Free { text, instead } => match self.synthesize(&text).await {
                    Some(spoken) => samples.extend_from_slice(&spoken),
                    None if depth > 0 => Box::pin(self.render_into(&instead, depth - 1, samples)).await,
                    None => {}
                },
            }
        }
    }

    async fn synthesize(&self, text: &str) -> Option<Arc<[i16]>> {
        let synthesizer = self.synthesizer.as_ref()?;
        match synthesizer.speak(cut_at_word(text, FREE_TEXT_CHARACTERS_MAX)).await {
            Ok(samples) => Some(samples),
            Err(error) => {
                tracing::warn!(%error, "the synthesizer failed; recorded words are said instead");
                None
            }
        }
    }
}

fn pieces(speech: &Speech) -> Vec<Piece> {
    let units = |words: Vec<String>| words.into_iter().map(Piece::Unit).collect();
    match speech {
        Speech::Prompt(prompt) => vec![Piece::Unit(prompt.text().to_owned())],
        Speech::Digits(digits) => units(utterance::digits(digits)),
        Speech::Number(number) => units(utterance::number(*number)),
        Speech::Day(day) => units(utterance::day(*day)),
        Speech::Time(time) => units(utterance::time(*time)),
        Speech::Spelled(text) => units(utterance::spelled(text)),
        Speech::FreeText { text, instead } => vec![Piece::Free { text: text.clone(), instead: instead.clone() }],
        Speech::Pause(milliseconds) => vec![Piece::Pause(*milliseconds)],
    }
}

/// At most `characters_max` characters of `text`, cut after a whole word where there is one.
fn cut_at_word(text: &str, characters_max: usize) -> &str {
    match text.char_indices().nth(characters_max) {
        None => text,
        Some((end, _)) => text[..end].rsplit_once(char::is_whitespace).map_or(&text[..end], |(head, _)| head),
    }
}

#[cfg(test)]
mod tests {
    use agents::prompt::PromptId;
    use jiff::civil::{Date, Time};

    use super::*;

    #[test]
    fn every_prompt_and_every_word_is_recorded_and_nothing_else() {
        let recorded: std::collections::BTreeSet<&str> = Bank::embedded().texts().collect();
        let mut wanted: std::collections::BTreeSet<String> = utterance::words().into_iter().collect();
        wanted.extend(PromptId::ALL.iter().map(|prompt| prompt.text().to_owned()));
        let missing: Vec<_> = wanted.iter().filter(|text| !recorded.contains(text.as_str())).collect();
        let stale: Vec<_> = recorded.iter().filter(|text| !wanted.contains(**text)).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "run `cargo run -p telephony --example render_voice`\nmissing: {missing:?}\nstale: {stale:?}"
        );
    }

    #[test]
    fn recordings_are_loud_enough_and_as_long_as_their_text() {
        for text in Bank::embedded().texts() {
            let unit = Bank::embedded().find(text).expect("listed");
            let seconds = unit.len() as f64 / 8_000.0;
            let level = media::measure::active_speech_level_dbov(&unit);
            assert!((level - LEVEL_DBOV).abs() < 1.5, "{text} is at {level:.1} dBov");
            let peak = unit.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
            assert!(peak < 32_000, "{text} clips");
            let characters = text.trim_start_matches("letter ").chars().count() as f64;
            assert!(seconds > 0.12 && seconds < 1.5 + characters * 0.12, "{text} takes {seconds} s");
        }
    }

    #[tokio::test]
    async fn speech_is_said_in_order_and_without_a_synthesizer_the_words_instead_are() {
        let voice = Voice::new(None);
        let day = Speech::Day(Date::constant(2026, 12, 1));
        let time = Speech::Time(Time::constant(9, 30, 0, 0));
        let both = voice.render(&[day.clone(), time.clone()]).await;
        assert_eq!(
            both.len(),
            voice.render(&[day]).await.len() + voice.render(std::slice::from_ref(&time)).await.len()
        );
        let free = Speech::FreeText { text: "Harbour".into(), instead: vec![time.clone()] };
        assert_eq!(voice.render(&[free]).await, voice.render(&[time]).await);
    }

    #[tokio::test]
    async fn the_greeting_with_its_notices_and_a_menu_of_five_take_nine_seconds_at_most() {
        use agents::reply::{Choice, ChoiceLabel, Part, ReplyPlan};
        let (voice, profile) = (Voice::new(None), agents::profile::sample());
        let seconds = async |parts: Vec<Part>, choices: Vec<Choice>| {
            let said = agents::compose::speech(&profile, &ReplyPlan { parts, choices });
            voice.render(&said).await.len() as f64 / 8_000.0
        };
        let question = voice.render(&[Speech::Prompt(PromptId::RecordingQuestion)]).await.len() as f64 / 8_000.0;
        let greeting = seconds(vec![Part::AiNotice, Part::Greeting, Part::RecordingNotice], Vec::new()).await;
        // The name of a business, which a synthesizer says, takes two seconds more than the words that stand in for it.
        assert!(greeting - question < 7.0, "{greeting:.1} s, the question {question:.1} s of them");
        let number = |place: usize| u8::try_from(place + 1).expect("few");
        let flow = |(place, flow): (usize, &agents::profile::Flow)| Choice {
            number: number(place),
            label: ChoiceLabel::Flow(flow.key.clone()),
        };
        let choices: Vec<Choice> = profile.flows.iter().enumerate().map(flow).collect();
        let menu = seconds(vec![Part::Menu], choices[..5].to_vec()).await;
        assert!(menu < 9.0, "{menu:.1} s");
        let longer = seconds(vec![Part::Menu], choices).await;
        assert!(longer - menu < 2.0, "one entry more takes {:.1} s", longer - menu);
    }

    #[tokio::test]
    async fn pauses_are_capped() {
        let voice = Voice::new(None);
        assert_eq!(voice.render(&[Speech::Pause(250)]).await.len(), 2_000);
        assert_eq!(voice.render(&[Speech::Pause(u32::MAX)]).await.len(), 16_000);
    }

    #[test]
    fn long_texts_are_cut_after_a_word() {
        assert_eq!(cut_at_word("one two three", 13), "one two three");
        assert_eq!(cut_at_word("one two three", 12), "one two");
        assert_eq!(cut_at_word("äöüäöü", 4), "äöüä");
    }
}
