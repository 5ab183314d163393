//! The commonest passwords, offline: more than eleven thousand of at least eight characters, as the first five bytes of
//! their SHA-256, sorted. A password that is not among them is taken for one with a chance of one in a hundred million.
//!
//! Where they come from stands in `docs/decisions`; `examples/common_passwords.rs` makes the file.

use aws_lc_rs::digest;

/// Bytes kept of each hash.
pub const PREFIX_BYTES: usize = 5;
static PREFIXES: &[u8] = include_bytes!("commonest.bin");

/// Sequences and phrases that people reach for when asked for fifteen characters, which lists of short ones lack. Compared
/// without case, spaces and punctuation.
const LONG: &[&str] = &[
    "passwordpassword",
    "password12345678",
    "password123456789",
    "password1234567890",
    "passwordpassword1",
    "123456789012345",
    "1234567890123456",
    "12345678901234567890",
    "123123123123123",
    "qwertyuiopasdfg",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",
    "1qaz2wsx3edc4rfv5tgb",
    "1q2w3e4r5t6y7u8i",
    "1q2w3e4r5t6y7u8i9o0p",
    "qwertyqwertyqwerty",
    "qwerty1234567890",
    "letmeinletmein1",
    "letmeinletmeinletmein",
    "iloveyouiloveyou",
    "correcthorsebatterystaple",
    "abcdefghijklmno",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "administrator123",
    "administratoradministrator",
    "adminadminadmin",
    "welcomewelcome1",
    "welcome123456789",
    "changemechangeme",
    "trustno1trustno1",
    "thisismypassword",
    "thisisapassword",
    "mypasswordismypassword",
    "pleaseletmeinnow",
    "nopasswordneeded",
    "secretsecretsecret",
    "testtesttesttest",
    "thequickbrownfox",
    "thequickbrownfoxjumpsoverthelazydog",
    "tobeornottobethatisthequestion",
    "supercalifragilisticexpialidocious",
];

/// Does a list hold it, as it is or without case, spaces and punctuation?
pub fn holds(password: &str) -> bool {
    let lower = password.to_lowercase();
    let plain = super::letters_and_digits(password);
    LONG.contains(&plain.as_str()) || is_listed(&lower) || is_listed(&plain)
}

/// How many the file holds.
#[cfg(test)]
pub fn count() -> usize {
    PREFIXES.len() / PREFIX_BYTES
}

fn is_listed(text: &str) -> bool {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let wanted = &hash.as_ref()[..PREFIX_BYTES];
    let (mut low, mut high) = (0, PREFIXES.len() / PREFIX_BYTES);
    while low < high {
        let middle = usize::midpoint(low, high);
        let found = &PREFIXES[middle * PREFIX_BYTES..(middle + 1) * PREFIX_BYTES];
        match found.cmp(wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sorted_and_whole() {
        assert_eq!(PREFIXES.len() % PREFIX_BYTES, 0);
        let entries: Vec<&[u8]> = PREFIXES.chunks(PREFIX_BYTES).collect();
        assert!(entries.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn strangers_to_the_list_are_not_in_it() {
        for other in ["kettle moss lantern 4", "vk7moss!", "", "š"] {
            assert!(!holds(other), "{other}");
        }
    }
}
