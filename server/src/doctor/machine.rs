//! The machine: its clock, its disk, its voice, and the files of the trunk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use storage::{Clock, Timestamp};
use telephony::voice::driver::Synthesizer;

use super::Finding;
use crate::config::{Settings, Trunk};
use crate::phone;

/// 2026-01-01: this program did not exist before.
const EARLIEST_SECONDS: i64 = 1_767_225_600;
/// How far ahead of the clock a file may have been written, in seconds: two machines never agree exactly.
const AHEAD_SECONDS_MAX: i64 = 300;
/// What should be free on the disk, in MiB: some ten hours of recorded calls.
const FREE_LEAST_MIB: u64 = 512;

/// The clock is not before this program's time, nor before the last write of its own data.
pub fn clock(folder: &Path, clock: &dyn Clock) -> Finding {
    let now = clock.now();
    let shown = web::instant::to_rfc3339(now);
    let what = "sign-ins, links and audit times would be wrong; set it, and let NTP keep it";
    if now.seconds() < EARLIEST_SECONDS {
        return Finding::fault("clock", format!("says {shown}, before this program was made: {what}"));
    }
    match last_write(folder) {
        Some(written) if written.seconds() > now.seconds() + AHEAD_SECONDS_MAX => {
            let written = web::instant::to_rfc3339(written);
            Finding::fault("clock", format!("says {shown}, but the data was last written at {written}: {what}"))
        }
        _ => Finding::good("clock", shown),
    }
}

/// When the newest file of the folder was written.
fn last_write(folder: &Path) -> Option<Timestamp> {
    let written = |entry: std::fs::DirEntry| {
        let since = entry.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let newest = std::fs::read_dir(folder).ok()?.flatten().filter_map(written).max()?;
    Some(Timestamp::from_seconds(newest))
}

/// Room on the disk, where `df` (POSIX) tells.
pub async fn disk(folder: &Path) -> Option<Finding> {
    let mut ask = tokio::process::Command::new("df");
    let output = ask.args(["-P", "-k"]).arg(folder).env("LC_ALL", "C").output().await.ok()?;
    let mib = free_kib(&String::from_utf8_lossy(&output.stdout))? / 1024;
    Some(room(mib))
}

fn room(mib: u64) -> Finding {
    let says = format!("{mib} MiB are free");
    if mib < FREE_LEAST_MIB {
        return Finding::fault("disk", format!("{says}, less than {FREE_LEAST_MIB}: make room before calls are lost"));
    }
    Finding::good("disk", says)
}

/// The fourth column of the second line.
fn free_kib(table: &str) -> Option<u64> {
    table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

/// What the phone can say.
pub fn voice(settings: &Settings) -> Finding {
    match Synthesizer::find_espeak_ng(&settings.synthesizer_path) {
        Some(_) => Finding::good("voice", "espeak-ng is there: the phone also speaks names and quotes"),
        None => Finding::good(
            "voice",
            "recorded words only; install espeak-ng and the phone also speaks names and quotes from documents",
        ),
    }
}

/// The trunk's password can be read, by its owner alone, and so can the authorities of its certificate.
pub fn trunk(trunk: &Trunk) -> Finding {
    if let Err(error) = phone::credentials(trunk) {
        return Finding::fault("trunk", format!("{error:#}: look at `trunk` in the settings"));
    }
    let is_certified = trunk.is_over_tls() || trunk.ca_file.is_some();
    if is_certified && let Err(error) = phone::authorities(trunk.ca_file.as_deref()) {
        return Finding::fault("trunk", format!("{error:#}: look at `trunk.ca_file` in the settings"));
    }
    if let Some(secret) = &trunk.password_secret {
        let from = format!("{}, password from the secret {secret} of an organization", trunk.address);
        return Finding::good("trunk", format!("{from}; the page Calls, Trunk says whether it is there"));
    }
    let mode =
        |file: &std::path::PathBuf| std::fs::metadata(file).map(|metadata| metadata.permissions().mode() & 0o777);
    match trunk.password_file.as_ref().map(|file| (file, mode(file))) {
        Some((file, Ok(mode))) if mode & 0o077 != 0 => {
            let shown = file.display();
            Finding::fault("trunk", format!("other users can get at {shown} (mode {mode:03o}): chmod 600 {shown}"))
        }
        Some(_) => Finding::good("trunk", format!("{}, password readable", trunk.address)),
        None => Finding::good("trunk", format!("{}, no password is set", trunk.address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_judged_at_its_edge() {
        assert!(room(FREE_LEAST_MIB).good && !room(FREE_LEAST_MIB - 1).good);
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100 40 60 40% /\n";
        assert_eq!((free_kib(table), free_kib("nothing"), free_kib("")), (Some(60), None, None));
    }
}
