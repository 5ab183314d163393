//! Whole objects: every length at the edges, ranges, cuts, changes, and another implementation that opens them.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use storage::SystemEntropy;

use super::*;
use crate::{
    chunked::stored_length,
    keyring::{FIRST_KEY, Keyring, Material, Place, Purpose, RecordingKey},
    secret::Secret,
};

const CONTEXT: ObjectContext = ObjectContext::new("recording", Uuid::from_u128(7));
const CHUNK: usize = CHUNK_LENGTH;

fn owner(byte: u8) -> Arc<Owner> {
    let secret = Secret::from_slice(&[byte; 32]).expect("32 bytes");
    let purposes = [Purpose::Main, Purpose::Index, Purpose::Objects];
    let material = Material::new(1, purposes.map(|purpose| (purpose, FIRST_KEY, secret.clone()))).expect("keys");
    Owner::new(Some(OrganizationId(Uuid::from_u128(0x0a))), Place::Open(Arc::new(material)))
}

fn key(byte: u8) -> RecordingKey {
    let keyring = Keyring::new(owner(byte), Arc::new(SystemEntropy));
    RecordingKey::new(&keyring, Uuid::from_u128(7), &Secret::from_slice(&[byte; 32]).expect("32 bytes"))
}

/// A folder of objects that goes when dropped.
struct Folder {
    objects: ObjectFolder,
    path: tempfile::TempDir,
}

impl Folder {
    async fn new() -> Self {
        let path = tempfile::tempdir().expect("folder");
        Self { objects: ObjectFolder::open(path.path()).await.expect("opens"), path }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.path().join(name)
    }

    async fn reader(&self, name: &str) -> Result<SealedReader> {
        SealedReader::open(&self.objects, name, &key(1), CONTEXT).await
    }
}

fn plain(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

async fn written(folder: &Folder, name: &str, message: &[u8], piece: usize) {
    let mut writer = SealedWriter::create(&folder.objects, name, &key(1), CONTEXT).await.expect("made");
    for bytes in message.chunks(piece) {
        writer.write(bytes).await.expect("written");
    }
    assert_eq!(writer.finish().await.expect("finished"), message.len() as u64);
}

#[tokio::test]
async fn every_length_around_the_edges_of_chunks_comes_back() {
    let folder = Folder::new().await;
    for (number, length) in
        [0, 1, 15, 16, 17, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 4_000].into_iter().enumerate()
    {
        let (name, message) = (format!("object-{number}"), plain(length));
        written(&folder, &name, &message, 4_999).await;
        let stored = fs::metadata(folder.file(&name)).expect("there").len();
        assert_eq!(stored, stored_length(length as u64));
        let reader = folder.reader(&name).await.expect("opens").require_finished().expect("finished");
        assert_eq!(reader.length(), length as u64);
        assert!(reader.read(0, length + 1).await.expect("read") == message, "length {length}");
    }
}

#[tokio::test]
async fn any_range_can_be_read_alone() {
    let folder = Folder::new().await;
    let message = plain(3 * CHUNK + 100);
    written(&folder, "object", &message, CHUNK).await;
    let reader = folder.reader("object").await.expect("opens");
    let edges =
        [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK, message.len() - 1, message.len()];
    for start in edges {
        for end in edges.into_iter().filter(|end| *end >= start) {
            let read = reader.read(start as u64, end - start).await.expect("read");
            assert!(read == message[start..end], "{start}..{end}");
        }
    }
    assert!(reader.read(message.len() as u64 + 1, 5).await.expect("read").is_empty());
    assert!(reader.read(u64::MAX, MAXIMUM_READ_LENGTH).await.expect("read").is_empty());
    assert!(matches!(reader.read(0, MAXIMUM_READ_LENGTH + 1).await, Err(Error::TooLong)));
}

#[tokio::test]
async fn a_full_chunk_is_on_the_disk_as_soon_as_it_is_full() {
    let folder = Folder::new().await;
    let mut writer = SealedWriter::create(&folder.objects, "object", &key(1), CONTEXT).await.expect("made");
    let message = plain(2 * CHUNK + 5);
    let mut taken = 0;
    for bytes in message.chunks(160) {
        writer.write(bytes).await.expect("written");
        taken += bytes.len();
        let full = taken / CHUNK;
        let stored = fs::metadata(folder.file("object")).expect("there").len();
        assert_eq!(stored, chunk_offset(full as u64), "after {taken} bytes");
    }
    // The process is killed here: what was not full is lost, what was full can be read.
    drop(writer);
    let reader = folder.reader("object").await.expect("opens");
    assert!(!reader.is_finished());
    assert_eq!(reader.read(0, 3 * CHUNK).await.expect("read"), &message[..2 * CHUNK]);
    assert!(matches!(reader.require_finished(), Err(Error::Unfinished)));
    // Two channels of 16-bit sound at 8 kHz are 32,000 bytes a second.
    assert!((CHUNK as f64) / 32_000.0 <= 0.52);
}

#[tokio::test]
async fn a_cut_anywhere_leaves_the_full_chunks_before_it() {
    let folder = Folder::new().await;
    let message = plain(2 * CHUNK + 300);
    written(&folder, "whole", &message, CHUNK).await;
    let stored = fs::read(folder.file("whole")).expect("read");
    let second = chunk_offset(1) as usize;
    let third = chunk_offset(2) as usize;
    for cut in
        [56, 57, 72, 73, second - 1, second, second + 15, second + 16, third - 1, third, third + 16, stored.len() - 1]
    {
        fs::write(folder.file("cut"), &stored[..cut]).expect("written");
        let reader = folder.reader("cut").await.expect("opens");
        let full = (cut - 56) / SEALED_CHUNK_LENGTH;
        assert!(!reader.is_finished(), "cut to {cut}");
        assert_eq!(reader.length(), (full * CHUNK) as u64, "cut to {cut}");
        assert!(reader.read(0, message.len()).await.expect("read") == message[..full * CHUNK]);
    }
    for cut in [0, 1, 55] {
        fs::write(folder.file("cut"), &stored[..cut]).expect("written");
        assert!(matches!(folder.reader("cut").await, Err(Error::EmptyObject)), "cut to {cut}");
    }
    fs::write(folder.file("cut"), [&stored[..], &[0]].concat()).expect("written");
    assert!(!folder.reader("cut").await.expect("opens").is_finished(), "a byte too many");
}

#[tokio::test]
async fn a_changed_byte_is_never_played() {
    let folder = Folder::new().await;
    let message = plain(2 * CHUNK + 300);
    written(&folder, "whole", &message, CHUNK).await;
    let stored = fs::read(folder.file("whole")).expect("read");
    for at in [0, 23, 24, 55] {
        let mut changed = stored.clone();
        changed[at] ^= 1;
        fs::write(folder.file("changed"), changed).expect("written");
        assert!(matches!(folder.reader("changed").await, Err(Error::NotAuthentic { .. })), "header byte {at}");
    }
    for (at, chunk) in [(56, 0), (chunk_offset(1) as usize - 1, 0), (chunk_offset(1) as usize, 1)] {
        let mut changed = stored.clone();
        changed[at] ^= 1;
        fs::write(folder.file("changed"), changed).expect("written");
        let reader = folder.reader("changed").await.expect("opens");
        let read = reader.read((chunk * CHUNK) as u64, 10).await;
        assert!(matches!(read, Err(Error::NotAuthentic { .. })), "byte {at}");
        let other = if chunk == 0 { CHUNK } else { 0 };
        assert_eq!(reader.read(other as u64, 10).await.expect("read"), &message[other..other + 10]);
    }
    let mut changed = stored.clone();
    *changed.last_mut().expect("not empty") ^= 1;
    fs::write(folder.file("changed"), changed).expect("written");
    assert!(folder.reader("changed").await.expect("opens").require_finished().is_err());
    // Chunks swapped within the object.
    let (first, second, third) = (56, chunk_offset(1) as usize, chunk_offset(2) as usize);
    let swapped = [&stored[..first], &stored[second..third], &stored[first..second], &stored[third..]].concat();
    fs::write(folder.file("changed"), swapped).expect("written");
    assert!(folder.reader("changed").await.expect("opens").read(0, 10).await.is_err());
}

#[tokio::test]
async fn another_key_or_context_opens_nothing() {
    let folder = Folder::new().await;
    written(&folder, "object", b"hello", 5).await;
    let other = ObjectContext::new("recording", Uuid::from_u128(8));
    let kind = ObjectContext::new("document", Uuid::from_u128(7));
    for (key, context) in [(key(2), CONTEXT), (key(1), other), (key(1), kind)] {
        let opened = SealedReader::open(&folder.objects, "object", &key, context).await;
        assert!(matches!(opened, Err(Error::NotAuthentic { .. })));
    }
}

#[tokio::test]
async fn an_organization_s_object_opens_after_its_key_was_rotated() {
    let folder = Folder::new().await;
    let secret = |byte| Secret::from_slice(&[byte; 32]).expect("32 bytes");
    let keyring = |main: u32| {
        let keys = [(Purpose::Main, main), (Purpose::Index, FIRST_KEY), (Purpose::Objects, FIRST_KEY)];
        let keys = keys.map(|(purpose, number)| (purpose, number, secret(number as u8 + purpose as u8)));
        let material = Arc::new(Material::new(1, keys).expect("keys"));
        Keyring::new(Owner::new(None, Place::Open(material)), Arc::new(SystemEntropy))
    };
    let (old, new) = (keyring(1), keyring(2));
    for (name, keyring) in [("old", &old), ("new", &new)] {
        let key = keyring.object_key().expect("key");
        let mut writer = SealedWriter::create(&folder.objects, name, &key, CONTEXT).await.expect("made");
        writer.write(b"text").await.expect("written");
        writer.finish().await.expect("finished");
        let reader = SealedReader::open(&folder.objects, name, &new.object_key().expect("key"), CONTEXT).await;
        assert_eq!(reader.expect("opens").read(0, 10).await.expect("read"), b"text", "{name}");
    }
}

#[tokio::test]
async fn a_check_sees_every_flipped_byte_every_cut_and_a_missing_object() {
    let folder = Folder::new().await;
    let bytes: Vec<u8> = (0..3 * CHUNK + 5).map(|index| (index % 251) as u8).collect();
    written(&folder, "object", &bytes, 4_000).await;
    let place = |name: &str| ObjectPlace { folder: folder.objects.clone(), name: name.to_owned(), context: CONTEXT };
    check_object(&place("object"), &key(1)).await.expect("whole");
    let stored = std::fs::read(folder.path.path().join("object")).expect("read");
    let path = folder.path.path().join("altered");
    for at in [0, 30, 56, CHUNK, 2 * CHUNK, stored.len() - 20, stored.len() - 1] {
        let mut altered = stored.clone();
        altered[at] ^= 1;
        std::fs::write(&path, &altered).expect("written");
        assert!(check_object(&place("altered"), &key(1)).await.is_err(), "byte {at}");
    }
    for length in [0, 10, 56, CHUNK, stored.len() - 1] {
        std::fs::write(&path, &stored[..length]).expect("written");
        assert!(check_object(&place("altered"), &key(1)).await.is_err(), "cut to {length}");
    }
    assert!(matches!(check_object(&place("nowhere"), &key(1)).await, Err(Error::Storage(_))));
}

#[tokio::test]
async fn sealing_the_organization_stops_a_reader_that_is_open() {
    let folder = Folder::new().await;
    let place = owner(1);
    let keyring = Keyring::new(Arc::clone(&place), Arc::new(SystemEntropy));
    let key = RecordingKey::new(&keyring, Uuid::from_u128(7), &Secret::from_slice(&[1; 32]).expect("32 bytes"));
    let mut writer = SealedWriter::create(&folder.objects, "object", &key, CONTEXT).await.expect("made");
    let mut other = SealedWriter::create(&folder.objects, "other", &key, CONTEXT).await.expect("made");
    writer.write(b"sound").await.expect("written");
    writer.finish().await.expect("finished");
    let reader = SealedReader::open(&folder.objects, "object", &key, CONTEXT).await.expect("opens");
    place.seal(2);
    assert!(matches!(reader.read(0, 5).await, Err(Error::Sealed)));
    assert!(matches!(SealedReader::open(&folder.objects, "object", &key, CONTEXT).await, Err(Error::Sealed)));
    assert!(matches!(SealedWriter::create(&folder.objects, "third", &key, CONTEXT).await, Err(Error::Sealed)));
    other.write(b"a call that is under way").await.expect("written");
    assert_eq!(other.finish().await.expect("nothing of it is lost"), 24);
}

#[tokio::test]
async fn two_objects_of_the_same_sound_have_nothing_in_common() {
    let folder = Folder::new().await;
    let key = key(1);
    let message = vec![0; 2 * CHUNK];
    for name in ["one", "two"] {
        let mut writer = SealedWriter::create(&folder.objects, name, &key, CONTEXT).await.expect("made");
        writer.write(&message).await.expect("written");
        writer.finish().await.expect("finished");
    }
    let (one, two) = (fs::read(folder.file("one")).expect("read"), fs::read(folder.file("two")).expect("read"));
    let first: HashMap<&[u8], usize> = one.windows(8).enumerate().map(|(index, window)| (window, index)).collect();
    assert_eq!(first.len(), one.len() - 7, "no eight bytes are repeated within one");
    assert!(two.windows(8).all(|window| !first.contains_key(window)));
}

/// The Python with `cryptography` 50 or newer, if there is one.
fn python() -> Option<String> {
    let python = env::var("RINGFENCE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python).args(["-c", "import cryptography.cobblestone"]).output();
    there.is_ok_and(|output| output.status.success()).then_some(python)
}

#[tokio::test]
async fn python_s_cryptography_opens_our_objects() {
    const SCRIPT: &str = "
import sys
from cryptography.cobblestone import Cobblestone256Decryptor
key, context, path = bytes.fromhex(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
decryptor = Cobblestone256Decryptor(key, context)
sys.stdout.buffer.write(decryptor.update(open(path, 'rb').read()) + decryptor.finalize())
";
    let Some(python) = python() else {
        assert!(env::var_os("CI").is_none(), "RINGFENCE_PYTHON must name a Python with cryptography 50 or newer");
        println!("not measured: python_s_cryptography_opens_our_objects: no Python with cryptography 50 or newer");
        return;
    };
    let folder = Folder::new().await;
    let key = key(1);
    let disclosed = hex::encode(AsRef::<ObjectKey>::as_ref(&key).disclose().expect("open").expose());
    let context = CONTEXT.text(Some(OrganizationId(Uuid::from_u128(0x0a))));
    let decrypt = |file: &Path| {
        let arguments = ["-c", SCRIPT, &disclosed, &context];
        Command::new(&python).args(arguments).arg(file).output().expect("python runs")
    };
    for length in [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 300] {
        let (name, message) = (format!("object-{length}"), plain(length));
        written(&folder, &name, &message, 4_096).await;
        let output = decrypt(&folder.file(&name));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == message, "length {length}");
        let stored = fs::read(folder.file(&name)).expect("read");
        fs::write(folder.file("cut"), &stored[..stored.len() - 1]).expect("written");
        assert!(!decrypt(&folder.file("cut")).status.success(), "a cut object is refused there too");
    }
}

#[tokio::test]
async fn an_interrupted_object_is_finished_with_all_its_full_chunks() {
    let folder = Folder::new().await;
    let message = plain(3 * CHUNK + 300);
    written(&folder, "whole", &message, CHUNK).await;
    let stored = fs::read(folder.file("whole")).expect("read");
    for cut in [
        0,
        10,
        55,
        56,
        100,
        chunk_offset(1) as usize,
        chunk_offset(2) as usize - 1,
        chunk_offset(3) as usize,
        stored.len() - 1,
    ] {
        fs::write(folder.file("object"), &stored[..cut]).expect("written");
        fs::write(folder.file("object-recovering"), b"left behind by an interrupted recovery").expect("written");
        let full = cut.saturating_sub(56) / SEALED_CHUNK_LENGTH * CHUNK;
        for round in ["first", "again"] {
            let finished = finish_interrupted(&folder.objects, "object", &key(1), CONTEXT).await.expect("finished");
            assert_eq!(finished, full as u64, "cut to {cut}, {round}");
        }
        let reader = folder.reader("object").await.expect("opens").require_finished().expect("finished");
        assert!(reader.read(0, message.len()).await.expect("read") == message[..full], "cut to {cut}");
        assert!(!folder.file("object-recovering").exists());
        if cut >= 24 {
            let resealed = fs::read(folder.file("object")).expect("read");
            assert_ne!(resealed[..24], stored[..24], "a fresh salt: no nonce is used twice");
        }
        fs::remove_file(folder.file("object")).expect("removed");
    }
    // A finished object keeps every byte; another key's object is left alone.
    finish_interrupted(&folder.objects, "whole", &key(1), CONTEXT).await.expect("finished");
    assert_eq!(fs::read(folder.file("whole")).expect("read"), stored);
    fs::write(folder.file("whole"), &stored[..200]).expect("written");
    let refused = finish_interrupted(&folder.objects, "whole", &key(2), CONTEXT).await;
    assert!(matches!(refused, Err(Error::NotAuthentic { .. })));
    assert_eq!(fs::read(folder.file("whole")).expect("read"), &stored[..200]);
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    /// Against the simplest model there is: a vector of bytes, of which a cut leaves the full chunks.
    #[test]
    fn writes_of_any_size_and_a_cut_anywhere_leave_what_the_model_has(
        pieces in proptest::collection::vec(0..20_000_usize, 0..8),
        cut in 0.0..1.0_f64,
        ranges in proptest::collection::vec((0..120_000_u64, 0..40_000_usize), 8),
    ) {
        run(async {
            let folder = Folder::new().await;
            let mut model = Vec::new();
            let mut writer = SealedWriter::create(&folder.objects, "object", &key(1), CONTEXT).await.expect("made");
            for length in pieces {
                let piece = plain(length);
                writer.write(&piece).await.expect("written");
                model.extend(piece);
                assert_eq!(writer.length(), model.len() as u64);
            }
            writer.finish().await.expect("finished");
            let stored = fs::read(folder.file("object")).expect("read");
            let kept = HEADER_LENGTH + ((stored.len() - HEADER_LENGTH) as f64 * cut) as usize;
            fs::write(folder.file("cut"), &stored[..kept]).expect("written");
            let full = (kept - HEADER_LENGTH) / SEALED_CHUNK_LENGTH * CHUNK;
            for (name, model) in [("object", &model[..]), ("cut", &model[..full])] {
                let reader = folder.reader(name).await.expect("opens");
                assert_eq!((reader.length(), reader.is_finished()), (model.len() as u64, name == "object"));
                for (offset, length) in &ranges {
                    let start = model.len().min(*offset as usize);
                    let end = model.len().min(start + length);
                    assert!(reader.read(*offset, *length).await.expect("read") == model[start..end]);
                }
            }
        });
    }

    #[test]
    fn a_file_of_any_bytes_is_an_error_and_no_more(bytes: Vec<u8>) {
        run(async {
            let folder = Folder::new().await;
            fs::write(folder.file("object"), &bytes).expect("written");
            assert!(folder.reader("object").await.is_err());
        });
    }
}
