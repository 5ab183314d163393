//! The set of breached passwords at its edges: what is found, what is wrongly found, and what is not taken as a file.

use std::fmt::Write as _;
use std::path::Path;

use storage::{Entropy as _, SeededEntropy, Timestamp};
use tempfile::tempdir;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn sha1(text: &[u8]) -> [u8; HASH_BYTES] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text);
    digest.as_ref().try_into().expect("twenty bytes")
}

/// The text as it is distributed: sorted, in capitals, with counts and the ends of lines of another system.
fn text(passwords: &[String]) -> String {
    let mut hashes: Vec<[u8; HASH_BYTES]> = passwords.iter().map(|password| sha1(password.as_bytes())).collect();
    hashes.sort_unstable();
    hashes.iter().enumerate().fold(String::new(), |mut text, (place, hash)| {
        write!(text, "{}:{}\r\n", hex::encode_upper(hash), place + 1).expect("written");
        text
    })
}

fn import(folder: &Path, text: &[u8], least: u64) -> (Breached, Result<Imported, BreachedError>) {
    let source = folder.join("source.txt");
    std::fs::write(&source, text).expect("written");
    let set = Breached::in_folder(folder);
    let imported = set.import(&source, least, NOW);
    (set, imported)
}

#[tokio::test]
async fn every_password_of_the_text_is_found_and_hardly_any_other() {
    let folder = tempdir().expect("tests can write");
    let listed: Vec<String> = (0..20_000).map(|number| format!("leaked {number}")).collect();
    let (set, imported) = import(folder.path(), text(&listed).as_bytes(), 0);
    assert_eq!(imported.expect("imported"), Imported { lines: 20_000, records: 20_000 });
    let header = set.header().expect("read").expect("there");
    assert_eq!(header, Header { records: 20_000, made_at: NOW.0 });
    let stored = std::fs::metadata(folder.path().join("breached-passwords.bin")).expect("there").len();
    assert_eq!(stored, (HEADER_BYTES + 20_000 * RECORD_BYTES) as u64, "six bytes for each and no more");
    for password in &listed {
        assert!(set.look(password).expect("looked"), "{password}");
    }
    // Expected are 100,000 x 20,000 / 2^48, which is one in 140,000 runs.
    let others = (0..100_000).filter(|number| set.look(&format!("unheard of {number}")).expect("looked")).count();
    assert_eq!(others, 0);
    assert!(set.holds("leaked 7").await.expect("looked") && !set.holds("Leaked 7").await.expect("looked"));
    assert!(false_positives(1_000_000_000) < 1.0 / 280_000.0);
}

#[test]
fn a_record_decides_and_nothing_behind_it() {
    let hash = sha1(b"kettle");
    let (mut alike, mut other) = (hash, hash);
    alike[RECORD_BYTES] ^= 1;
    other[RECORD_BYTES - 1] ^= 1;
    let sorted = |hashes: &mut Vec<Record>| hashes.sort_unstable();
    let found = |mut hashes: Vec<Record>| {
        sorted(&mut hashes);
        let read = |place: u64| Ok(hashes[usize::try_from(place).expect("it fits")]);
        search(hashes.len() as u64, record_of("kettle"), read).expect("searched")
    };
    assert!(found(vec![record(&hash)]) && found(vec![record(&alike)]), "this is the false one of the bound");
    assert!(!found(vec![record(&other)]) && !found(vec![]));
    assert!(found(vec![[0; RECORD_BYTES], record(&hash), [0xff; RECORD_BYTES]]), "in the middle");
    assert!(found(vec![record(&hash), [0xff; RECORD_BYTES]]) && found(vec![[0; RECORD_BYTES], record(&hash)]));
}

#[test]
fn hashes_that_share_a_record_are_kept_once_and_rare_ones_left_out() {
    let folder = tempdir().expect("tests can write");
    let line = |last: char, count: u64| format!("{}{last}:{count}\n", "AB".repeat(19) + "0");
    let (set, imported) = import(folder.path(), (line('1', 2) + &line('2', 9) + &line('3', 9)).as_bytes(), 5);
    assert_eq!(imported.expect("imported"), Imported { lines: 3, records: 1 });
    assert_eq!(set.header().expect("read").expect("there").records, 1);
    let (_, none) = import(folder.path(), line('1', 4).as_bytes(), 5);
    assert!(matches!(none, Err(BreachedError::Empty)), "{none:?}");
}

#[test]
fn what_is_no_such_text_changes_nothing() {
    let folder = tempdir().expect("tests can write");
    let good = text(&["first".to_owned(), "second".to_owned()]);
    let (set, imported) = import(folder.path(), good.as_bytes(), 0);
    assert_eq!(imported.expect("imported").records, 2);
    let lines: Vec<&str> = good.lines().collect();
    let reversed = format!("{}\n{}\n", lines[1], lines[0]);
    let twice = format!("{}\n{}\n", lines[0], lines[0]);
    let cut = &good[..good.len() - 2 - ":2".len()];
    for (wrong, line) in [
        (&b"hello\n"[..], 1),
        (b"\n", 1),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8\n", 1),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:\n", 1),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:-1\n", 1),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FDX:1\n", 1),
        (b"8846F7EAEE8FB117AD06BDD830B7586C:1\n", 1),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:99999999999999999999999\n", 1),
        (&[0xff; 4_096], 1),
        (cut.as_bytes(), 2),
        (format!("{good}\n").as_bytes(), 3),
    ] {
        let (_, refused) = import(folder.path(), wrong, 0);
        assert!(matches!(refused, Err(BreachedError::Line(at)) if at == line), "{refused:?}");
    }
    for wrong in [reversed, twice] {
        let (_, refused) = import(folder.path(), wrong.as_bytes(), 0);
        assert!(matches!(refused, Err(BreachedError::NotSorted(2))), "{refused:?}");
    }
    let (_, empty) = import(folder.path(), b"", 0);
    assert!(matches!(empty, Err(BreachedError::Empty)), "{empty:?}");
    assert!(set.look("first").expect("looked") && set.look("second").expect("looked"), "the old set goes on");
    assert!(!folder.path().join("breached-passwords.partial").exists(), "nothing half made stays");
}

#[test]
fn a_file_that_is_not_whole_is_not_searched() {
    let folder = tempdir().expect("tests can write");
    let (set, imported) = import(folder.path(), text(&["first".to_owned(), "second".to_owned()]).as_bytes(), 0);
    imported.expect("imported");
    let path = folder.path().join("breached-passwords.bin");
    let whole = std::fs::read(&path).expect("read");
    let mut another = whole.clone();
    another[0] ^= 1;
    let mut more = whole.clone();
    SeededEntropy::new(1).fill(&mut more[8..16]);
    for broken in [&whole[..whole.len() - 1], &whole[..HEADER_BYTES], &whole[..5], &[], &another, &more] {
        std::fs::write(&path, broken).expect("written");
        assert!(matches!(set.look("first"), Err(BreachedError::Damaged)), "{} bytes", broken.len());
    }
    std::fs::remove_file(&path).expect("removed");
    assert!(!set.look("first").expect("nothing is imported"));
    assert!(!Breached::default().look("first").expect("no folder"));
}
