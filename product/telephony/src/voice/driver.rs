//! A synthesizer for free text: a separate program (espeak-ng is GPL, so it is never linked), fed over its standard
//! input, with limits on time and output. Text never appears in an argument list, where other users could read it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::resample;

/// How long one text may take.
pub const SPEAK_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes that are taken from the synthesizer: two minutes at 22,050 Hz, 16 bit.
pub const OUTPUT_BYTES_MAX: u64 = 22_050 * 2 * 120;

/// A synthesizer program.
#[derive(Clone, Debug)]
pub struct Synthesizer {
    program: PathBuf,
    arguments: Vec<String>,
    timeout: Duration,
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
        Some(Self { program, arguments, timeout: SPEAK_TIMEOUT })
    }

    /// PCM at 8 kHz of `text`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn speak(&self, text: &str) -> Result<Vec<i16>, Error> {
        tokio::time::timeout(self.timeout, self.run(text)).await.map_err(|_| Error::Timeout)?
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
    let spoken = resample::to_telephone(sound.channels.first()?, sound.rate);
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
        let hanging = Synthesizer { program: "/bin/sleep".into(), arguments: vec!["60".into()], timeout };
        assert!(matches!(hanging.speak("x").await, Err(Error::Timeout)));
        let babbling = Synthesizer {
            program: "/bin/echo".into(),
            arguments: vec!["RIFF and nothing more".into()],
            timeout: SPEAK_TIMEOUT,
        };
        assert!(matches!(babbling.speak("").await, Err(Error::NoAudio)));
        let missing = Synthesizer { program: "/nowhere/espeak-ng".into(), arguments: vec![], timeout };
        assert!(matches!(missing.speak("x").await, Err(Error::Run(_))));
    }
}
