//! Makes `src/password/commonest.bin` from a list of common passwords, the commonest first, separated by commas or lines:
//! `cargo run -p identity --example commonest_passwords -- LIST > commonest.bin`. Only what has at least eight characters counts.

use std::collections::BTreeSet;
use std::io::Write as _;

use aws_lc_rs::digest;

const SHORTEST: usize = 8;
const PREFIX_BYTES: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name the file with the list")?;
    let list = std::fs::read_to_string(path)?;
    let mut prefixes = BTreeSet::new();
    for password in list.split([',', '\n']).map(str::trim).filter(|word| word.chars().count() >= SHORTEST) {
        let hash = digest::digest(&digest::SHA256, password.to_lowercase().as_bytes());
        prefixes.insert(hash.as_ref()[..PREFIX_BYTES].to_vec());
    }
    let mut output = std::io::stdout().lock();
    for prefix in &prefixes {
        output.write_all(prefix)?;
    }
    Ok(())
}
