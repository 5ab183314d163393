//! What a scripted caller does: pure, driven by the frames that it hears (fifty a second).
//!
//! As text, one step a line:
//!
//! ```text
//! wait 500                 half a second
//! listen 700               until something was said and then 700 ms of silence came (or 30 s passed)
//! press 1                  keys 0-9 * # A-D
//! say hello.wav            a sound file
//! hang-up
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use media::{FRAME_MILLISECONDS, Frame, measure};
use thiserror::Error;

/// Steps of a script at most.
pub const STEPS_LIMIT: usize = 1_000;
/// How long a step listens at most, in milliseconds.
const LISTEN_LIMIT_MILLISECONDS: u32 = 30_000;
/// What is louder than this is sound, in decibels relative to full scale.
const SOUND_DBOV: f64 = -50.0;
/// Frames that sending one key takes: 100 ms and its gap.
const FRAMES_FOR_KEY: u32 = 12;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Waits so many milliseconds.
    Wait(u32),
    /// Waits until something was heard and then silence for so many milliseconds.
    Listen(u32),
    /// Presses keys.
    Press(String),
    /// Says a sound: 8 kHz, one channel.
    Say(Arc<[i16]>),
    /// Hangs up.
    HangUp,
}

/// What must be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Say this.
    Say(Arc<[i16]>),
    /// Press these keys.
    Press(String),
    /// Hang up.
    HangUp,
}

/// Why a script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScriptError {
    /// A line that is no step.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// More than [`STEPS_LIMIT`].
    #[error("a script has at most {STEPS_LIMIT} steps")]
    TooLong,
}

/// Reads a script; `load` gives the sound of a file's name.
pub fn parse(text: &str, load: &mut dyn FnMut(&str) -> Result<Vec<i16>, String>) -> Result<Vec<Step>, ScriptError> {
    let mut steps = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        // A line of remarks; elsewhere # is a key.
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            continue;
        }
        if steps.len() == STEPS_LIMIT {
            return Err(ScriptError::TooLong);
        }
        let step = parse_line(line, load).map_err(|problem| ScriptError::Line { line: index + 1, problem })?;
        steps.push(step);
    }
    Ok(steps)
}

fn parse_line(line: &str, load: &mut dyn FnMut(&str) -> Result<Vec<i16>, String>) -> Result<Step, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let milliseconds = || rest.parse::<u32>().map_err(|_| format!("`{rest}` is no number of milliseconds"));
    match word {
        "wait" => Ok(Step::Wait(milliseconds()?)),
        "listen" if rest.is_empty() => Ok(Step::Listen(700)),
        "listen" => Ok(Step::Listen(milliseconds()?)),
        "press" => {
            let keys: String = rest.chars().filter(|character| !character.is_whitespace()).collect();
            let known = !keys.is_empty() && keys.chars().all(|key| media::telephone_event::event(key).is_some());
            if known { Ok(Step::Press(keys)) } else { Err(format!("`{rest}` are no keys")) }
        }
        "say" => Ok(Step::Say(load(rest)?.into())),
        "hang-up" => Ok(Step::HangUp),
        other => Err(format!("`{other}` is no step (wait, listen, press, say, hang-up)")),
    }
}

/// Whether a frame holds more than silence.
pub(super) fn is_sound(frame: &Frame) -> bool {
    measure::level_dbov(frame) > SOUND_DBOV
}

#[derive(Debug)]
enum Doing {
    Nothing,
    /// Until so many frames have passed.
    Waiting(u32),
    Listening {
        quiet_needed: u32,
        quiet: u32,
        heard: bool,
        left: u32,
    },
    /// Until the player has nothing left.
    Saying,
}

/// A script being played.
#[derive(Debug)]
pub(super) struct Script {
    steps: VecDeque<Step>,
    doing: Doing,
    begun: usize,
}

impl Script {
    pub fn new(steps: Vec<Step>) -> Self {
        Script { steps: steps.into(), doing: Doing::Nothing, begun: 0 }
    }

    /// Steps begun so far.
    pub fn steps_begun(&self) -> usize {
        self.begun
    }

    /// One frame was heard; `idle` when nothing is left to say. Gives what must be done now.
    pub fn hear(&mut self, frame: &Frame, idle: bool) -> Option<Deed> {
        if !self.is_over(frame, idle) {
            return None;
        }
        let step = self.steps.pop_front()?;
        self.begun += 1;
        match step {
            Step::Wait(milliseconds) => {
                self.doing = Doing::Waiting(milliseconds / FRAME_MILLISECONDS);
                None
            }
            Step::Listen(milliseconds) => {
                let quiet_needed = (milliseconds / FRAME_MILLISECONDS).max(1);
                let left = LISTEN_LIMIT_MILLISECONDS / FRAME_MILLISECONDS;
                self.doing = Doing::Listening { quiet_needed, quiet: 0, heard: false, left };
                None
            }
            Step::Press(keys) => {
                self.doing = Doing::Waiting(keys.chars().count() as u32 * FRAMES_FOR_KEY);
                Some(Deed::Press(keys))
            }
            Step::Say(sound) => {
                self.doing = Doing::Saying;
                Some(Deed::Say(sound))
            }
            Step::HangUp => {
                self.doing = Doing::Waiting(u32::MAX);
                Some(Deed::HangUp)
            }
        }
    }

    /// Whether what is being done is done.
    fn is_over(&mut self, frame: &Frame, idle: bool) -> bool {
        match &mut self.doing {
            Doing::Nothing => true,
            Doing::Waiting(frames) => {
                *frames = frames.saturating_sub(1);
                *frames == 0
            }
            Doing::Saying => idle,
            Doing::Listening { quiet_needed, quiet, heard, left } => {
                *left = left.saturating_sub(1);
                if is_sound(frame) {
                    *heard = true;
                    *quiet = 0;
                } else {
                    *quiet += 1;
                }
                (*heard && *quiet >= *quiet_needed) || *left == 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::SILENCE;

    const LOUD: Frame = [8_000; media::FRAME_SAMPLES];

    #[test]
    fn a_prompt_is_heard_to_its_end_before_keys_are_pressed() {
        let mut script = Script::new(vec![Step::Listen(100), Step::Press("12".into()), Step::HangUp]);
        let mut at = Vec::new();
        for index in 0..100u32 {
            // Silence, a prompt with a pause shorter than asked for, silence.
            let frame = if (10..20).contains(&index) || (23..40).contains(&index) { LOUD } else { SILENCE };
            if let Some(deed) = script.hear(&frame, true) {
                at.push((index, deed));
            }
        }
        assert_eq!(at, [(44, Deed::Press("12".into())), (68, Deed::HangUp)]);
        assert_eq!(script.steps_begun(), 3);
    }

    #[test]
    fn nobody_listens_for_ever() {
        let mut script = Script::new(vec![Step::Listen(100), Step::HangUp]);
        let frames = (0..2_000).take_while(|_| script.hear(&SILENCE, true).is_none()).count();
        assert_eq!(frames, 1_500);
    }

    #[test]
    fn a_sound_is_said_to_its_end() {
        let mut script = Script::new(vec![Step::Say(vec![1; 320].into()), Step::HangUp]);
        assert!(matches!(script.hear(&SILENCE, true), Some(Deed::Say(_))));
        assert_eq!(script.hear(&SILENCE, false), None);
        assert_eq!(script.hear(&SILENCE, true), Some(Deed::HangUp));
        assert_eq!(script.hear(&SILENCE, true), None);
    }

    #[test]
    fn scripts_are_read_and_their_faults_named() {
        let text = "# a caller\nlisten\nwait 40\n  press 1 2#\nsay hello.wav\n\nhang-up\n";
        let steps = parse(text, &mut |name| if name == "hello.wav" { Ok(vec![7]) } else { Err("?".into()) });
        let expected =
            vec![Step::Listen(700), Step::Wait(40), Step::Press("12#".into()), Step::Say(vec![7].into()), Step::HangUp];
        assert_eq!(steps, Ok(expected));
        for wrong in ["dance", "wait soon", "press x", "say no.wav", "press"] {
            assert!(parse(wrong, &mut |_| Err("no such file".into())).is_err(), "{wrong}");
        }
        let long = "wait 20\n".repeat(STEPS_LIMIT + 1);
        assert_eq!(parse(&long, &mut |_| Ok(Vec::new())), Err(ScriptError::TooLong));
    }
}
