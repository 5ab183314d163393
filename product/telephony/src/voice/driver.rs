//! A synthesizer for free text: a separate program (espeak-ng is GPL, so it is never linked), fed over its standard
//! input, with limits on time, output and how many run at once. Text never appears in an argument list, where other
//! users could read it.
//!
//! What was just spoken is remembered for a minute, in memory only: a hundred callers who are greeted at once need one
//! run of the program, not a hundred. It may hold words about a person, hence neither longer nor on disk.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

/// How long one text may take.
pub const SPEAK_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes that are taken from the synthesizer: two minutes at 22,050 Hz, 16 bit.
pub const OUTPUT_BYTES_MAX: u64 = 22_050 * 2 * 120;

/// Runs of the program at once; further texts wait.
pub const RUNS_MAX: usize = 4;
/// How long a spoken text is remembered.
pub const REMEMBERED: Duration = Duration::from_mins(1);
/// Texts that are remembered at most; then the oldest goes.
pub const TEXTS_MAX: usize = 32;

/// A synthesizer program. Clones share what is remembered and the limit of runs.
#[derive(Clone)]
pub struct Synthesizer {
    program: PathBuf,
    arguments: Vec<String>,
    timeout: Duration,
    runs: Arc<Semaphore>,
    texts: Arc<Mutex<VecDeque<Text>>>,
}

/// A text and its sound, once it is there.
struct Text {
    words: String,
    since: Instant,
    sound: Arc<OnceCell<Arc<[i16]>>>,
}

/// Why a text could not be spoken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be run.
    #[error("the synthesizer could not be run: {0}")]
    Run(#[from] std::io::Error),
    /// It took too long.
    #[error("the synthesizer took longer than {} s", SPEAK_TIMEOUT.as_secs())]
    Timeout,
    /// Its output is no audio that can be used.
    #[error("the synthesizer gave no usable audio")]
    NoAudio,
}

impl Synthesizer {
    /// espeak-ng, when it is found in one of the folders of `path` (the form of the environment variable `PATH`).
    pub fn find_espeak_ng(path: &str) -> Option<Self> {
        let program =
            std::env::split_paths(path).map(|folder| folder.join("espeak-ng")).find(|file| is_program(file))?;
        let arguments = ["-v", "en-gb", "-s", "155", "--stdin", "--stdout", "-b", "1"].map(str::to_owned).to_vec();
        Some(Self::new(program, arguments, SPEAK_TIMEOUT))
    }

    fn new(program: PathBuf, arguments: Vec<String>, timeout: Duration) -> Self {
        Self { program, arguments, timeout, runs: Arc::new(Semaphore::new(RUNS_MAX)), texts: Arc::default() }
    }

    /// PCM at 8 kHz of `text`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn speak(&self, text: &str) -> Result<Arc<[i16]>, Error> {
        let sound = self.remembered(text, Instant::now());
        let spoken = sound.get_or_try_init(|| async {
            // The semaphore is never closed.
            let _run = self.runs.acquire().await;
            Ok(self.run(text).await?.into())
        });
        tokio::time::timeout(self.timeout, spoken).await.map_err(|_| Error::Timeout)?.cloned()
    }

    /// The place of a text's sound: that of whoever asked for the same within the last minute, else a new one.
    fn remembered(&self, text: &str, now: Instant) -> Arc<OnceCell<Arc<[i16]>>> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.retain(|known| now.duration_since(known.since) < REMEMBERED);
        if let Some(known) = texts.iter().find(|known| known.words == text) {
            return known.sound.clone();
        }
        if texts.len() == TEXTS_MAX {
            texts.pop_front();
        }
        let sound = Arc::default();
        texts.push_back(Text { words: text.to_owned(), since: now, sound: Arc::clone(&sound) });
        sound
    }

    async fn run(&self, text: &str) -> Result<Vec<i16>, Error> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::NoAudio);
        };
        let mut wave = Vec::new();
        let write = async {
            let sent = input.write_all(text.as_bytes()).await;
            drop(input);
            sent
        };
        let mut output = output.take(OUTPUT_BYTES_MAX);
        let (sent, received) = tokio::join!(write, output.read_to_end(&mut wave));
        sent?;
        received?;
        child
            .kill()
            .await
            .or_else(|error| if error.kind() == std::io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) })?;
        samples(&wave).ok_or(Error::NoAudio)
    }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The first channel of a WAV stream, at the telephone's rate.
fn samples(wave: &[u8]) -> Option<Vec<i16>> {
    let sound = media::wav::read(wave).ok()?;
    let spoken = media::resample::to_telephone(sound.channels.first()?, sound.rate);
    (!spoken.is_empty()).then_some(spoken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn espeak_ng_speaks_a_sentence_when_it_is_installed() {
        let Some(synthesizer) = Synthesizer::find_espeak_ng(&std::env::var("PATH").unwrap_or_default()) else {
            println!("not measured: espeak_ng_speaks_a_sentence_when_it_is_installed: espeak-ng is not installed");
            assert!(std::env::var_os("CI").is_none(), "CI needs espeak-ng");
            return;
        };
        let spoken = synthesizer.speak("A check-up costs forty eight pounds.").await.expect("spoken");
        assert!(spoken.len() > 8_000 && media::measure::rms(&spoken) > 300.0, "{} samples", spoken.len());
        assert!(matches!(synthesizer.speak("").await, Ok(_) | Err(Error::NoAudio)), "an empty text is no fault");
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_and_one_that_babbles_is_refused() {
        let timeout = Duration::from_millis(100);
        let hanging = Synthesizer::new("/bin/sleep".into(), vec!["60".into()], timeout);
        assert!(matches!(hanging.speak("x").await, Err(Error::Timeout)));
        let babbling = Synthesizer::new("/bin/echo".into(), vec!["RIFF and nothing more".into()], SPEAK_TIMEOUT);
        assert!(matches!(babbling.speak("").await, Err(Error::NoAudio)));
        let missing = Synthesizer::new("/nowhere/espeak-ng".into(), vec![], timeout);
        assert!(matches!(missing.speak("x").await, Err(Error::Run(_))));
    }
    /// Words come from people and documents. They reach the program as what it reads, so no shell and no option ever sees them.
    #[tokio::test]
    async fn words_that_look_like_commands_are_only_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wave = media::wav::write_pcm16(&[&media::tone::sine(440.0, 12_000, 200)]);
        std::fs::write(folder.path().join("a.wav"), wave).expect("written");
        let script = format!("cd {}; cat > heard; echo \"$#\" > arguments; cat a.wav", folder.path().display());
        let synthesizer = Synthesizer::new("/bin/sh".into(), vec!["-c".into(), script], SPEAK_TIMEOUT);
        let words = "-w ran.wav --path=/etc $(touch ran) `touch ran` ; touch ran | touch ran && touch ran";
        synthesizer.speak(words).await.expect("spoken");
        let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert!(written("heard").contains(words), "{}", written("heard"));
        assert_eq!(written("arguments").trim(), "0", "no argument comes from the words");
        assert!(!folder.path().join("ran").exists() && !folder.path().join("ran.wav").exists());
    }

    /// A program that takes 100 ms, writes down that it ran, and gives a sound.
    fn counted(folder: &Path) -> Synthesizer {
        let wave = media::wav::write_pcm16(&[&media::tone::sine(440.0, 12_000, 200)]);
        std::fs::write(folder.join("a.wav"), wave).expect("written");
        let script = format!("cd {}; echo ran >> runs; /bin/sleep 0.1; /bin/cat a.wav", folder.display());
        Synthesizer::new("/bin/sh".into(), vec!["-c".into(), script], SPEAK_TIMEOUT)
    }

    #[tokio::test]
    async fn many_who_ask_for_the_same_words_at_once_need_one_run() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let synthesizer = counted(folder.path());
        let runs = || std::fs::read_to_string(folder.path().join("runs")).unwrap_or_default().lines().count();
        let asked = (0..20).map(|_| {
            let synthesizer = synthesizer.clone();
            tokio::spawn(async move { synthesizer.speak("Hello").await.expect("spoken").len() })
        });
        for one in asked.collect::<Vec<_>>() {
            assert_eq!(one.await.expect("no panic"), 1_600);
        }
        assert_eq!(runs(), 1);
        synthesizer.speak("Goodbye").await.expect("spoken");
        assert_eq!(runs(), 2, "other words are spoken anew");
    }

    #[test]
    fn words_are_forgotten_after_a_minute_and_when_there_are_too_many() {
        let synthesizer = Synthesizer::new("/bin/false".into(), vec![], SPEAK_TIMEOUT);
        let begun = Instant::now();
        let first = synthesizer.remembered("one", begun);
        let same = |text: &str, now| Arc::ptr_eq(&first, &synthesizer.remembered(text, now));
        assert!(same("one", begun + REMEMBERED - Duration::from_millis(1)));
        assert!(!same("one", begun + REMEMBERED));
        let now = begun + REMEMBERED;
        let second = synthesizer.remembered("one", now);
        (1..TEXTS_MAX).for_each(|number| drop(synthesizer.remembered(&number.to_string(), now)));
        assert!(Arc::ptr_eq(&second, &synthesizer.remembered("one", now)), "as many as fit are kept");
        drop(synthesizer.remembered("one too many", now));
        assert!(!Arc::ptr_eq(&second, &synthesizer.remembered("one", now)), "then the oldest goes");
    }
}
