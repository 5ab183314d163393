//! Programs that some tests need: missing ones skip with a printed line, and fail in CI.
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::path::Path;

use media::measure;

/// Some when the program is installed.
pub fn is_there(program: &str) -> Option<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return Some(());
    }
    assert!(std::env::var_os("CI").is_none(), "{program} is not installed; in CI it must be");
    println!("skipped: {program} is not installed");
    None
}

/// Whether this runs as root; prints why that matters when it does not.
pub fn is_root(why: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    if !root {
        println!("skipped: {why}");
    }
    root
}

/// Whether half a second of a full tone (peak 12,000) is in a sound: its frequency, its purity and its strength. A busy
/// machine may leave gaps elsewhere.
pub fn holds_tone(heard: &[i16], frequency: f64) -> bool {
    heard.chunks_exact(4_000).any(|part| {
        (measure::dominant_frequency(part) - frequency).abs() < 3.0
            && measure::share_at(part, frequency) > 0.9
            && (measure::level_dbov(part) + 11.7).abs() < 1.5
    })
}
