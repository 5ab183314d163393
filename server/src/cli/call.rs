//! `ringfence call`: a small phone.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Answer, say};

/// Longest call, in seconds.
const SECONDS_MAX: u64 = 600;

#[derive(Args)]
pub(super) struct Arguments {
    /// The address, for example sip:practice@127.0.0.1:5060
    uri: String,
    /// Keys to press, one group each time the other side has finished speaking, groups parted by commas: 1,2,0117#
    #[arg(long, value_delimiter = ',')]
    digits: Vec<String>,
    /// A WAV file to play into the call after the keys
    #[arg(long)]
    wav: Option<PathBuf>,
    /// Save what was heard as a WAV file
    #[arg(long)]
    save: Option<PathBuf>,
    /// Play a whole scenario instead of keys: booking, message, hours
    #[arg(long, conflicts_with = "digits")]
    scenario: Option<String>,
    /// Use SIP over TCP instead of UDP
    #[arg(long)]
    tcp: bool,
    /// Hang up after this many seconds at the latest
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}
