//! How fast sealed objects are written and read, beside AES-256-GCM alone on the same bytes and the same file system.
//!
//! `cargo bench -p vault` prints one line for each figure. Nothing here is a test.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures with a clock and prints")]

use std::{sync::Arc, time::Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use storage::{OrganizationId, Schema, SystemEntropy, Timestamp, objects::ObjectFolder, testing::sqlite};
use uuid::Uuid;
use vault::{KeySource, ObjectContext, ObjectKey, SealedReader, SealedWriter, Vault, chunked::CHUNK_LENGTH};

/// How much one round writes, in MiB.
const SIZE_MEBIBYTES: usize = 128;
/// Rounds of each way of writing; they take turns, so that a disk that is slow for a while is slow for all.
const ROUNDS: usize = 9;
/// Ranges that are read, each of 64 KiB.
const READS: u32 = 2_000;
const CONTEXT: ObjectContext = ObjectContext::new("recording", Uuid::nil());

/// The seconds that each round took, as the speed of the one in the middle, in MiB/s.
struct Rounds(Vec<f64>);

impl Rounds {
    fn mebibytes_per_second(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        SIZE_MEBIBYTES as f64 / self.0[self.0.len() / 2]
    }
}

fn chunks() -> std::ops::Range<usize> {
    0..(SIZE_MEBIBYTES << 20) / CHUNK_LENGTH
}

fn aes_256_gcm() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key has 32 bytes"))
}

fn sealed_alone(key: &LessSafeKey, number: usize, chunk: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    let mut sealed = chunk.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).expect("sealed");
    sealed
}

/// AES-256-GCM and nothing else: nothing is written.
fn in_memory(chunk: &[u8]) -> f64 {
    let key = aes_256_gcm();
    let started = Instant::now();
    for number in chunks() {
        std::hint::black_box(sealed_alone(&key, number, chunk));
    }
    started.elapsed().as_secs_f64()
}

/// AES-256-GCM with one key and a counter, appended to a file that is synced at its end.
async fn raw(folder: &ObjectFolder, name: &str, chunk: &[u8]) -> f64 {
    let key = aes_256_gcm();
    let started = Instant::now();
    let mut appender = folder.create(name).await.expect("made");
    for number in chunks() {
        appender.append(&sealed_alone(&key, number, chunk)).await.expect("appended");
    }
    appender.sync().await.expect("synced");
    started.elapsed().as_secs_f64()
}

/// What the product writes.
async fn sealed(folder: &ObjectFolder, name: &str, key: &ObjectKey, chunk: &[u8]) -> f64 {
    let started = Instant::now();
    let mut writer = SealedWriter::create(folder, name, key, CONTEXT).await.expect("made");
    for _ in chunks() {
        writer.write(chunk).await.expect("written");
    }
    writer.finish().await.expect("finished");
    started.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let test = sqlite(Schema::new().with(vault::TABLES, vault::STATEMENTS)).await;
    let source = KeySource::File(test.folder().join("root.key"));
    let vault = Vault::open(source, &test.database, Arc::new(SystemEntropy)).await.expect("opens");
    let mut transaction = test.database.organization(OrganizationId(Uuid::from_u128(1))).begin().await.expect("begins");
    let keyring = vault.create_organization(&mut transaction, Timestamp(0)).await.expect("made");
    let key = keyring.object_key().expect("key");
    let folder = ObjectFolder::open(test.folder().join("objects")).await.expect("opens");
    let chunk = vec![0x55; CHUNK_LENGTH];

    let (mut alone, mut beside, mut ours) = (Rounds(Vec::new()), Rounds(Vec::new()), Rounds(Vec::new()));
    for round in 0..ROUNDS {
        alone.0.push(in_memory(&chunk));
        let (raw_name, sealed_name) = (format!("raw-{round}"), format!("sealed-{round}"));
        beside.0.push(raw(&folder, &raw_name, &chunk).await);
        ours.0.push(sealed(&folder, &sealed_name, &key, &chunk).await);
        folder.delete(&raw_name).await.expect("deleted");
        if round + 1 < ROUNDS {
            folder.delete(&sealed_name).await.expect("deleted");
        }
    }
    let (alone, beside, ours) =
        (alone.mebibytes_per_second(), beside.mebibytes_per_second(), ours.mebibytes_per_second());
    println!("AES-256-GCM in memory: {alone:.0} MiB/s");
    println!("AES-256-GCM, written: {beside:.0} MiB/s");
    println!("sealed object, written: {ours:.0} MiB/s, {:.2} of the speed of AES-256-GCM, written", ours / beside);

    let kept = format!("sealed-{}", ROUNDS - 1);
    let reader = SealedReader::open(&folder, &kept, &key, CONTEXT).await.expect("opens");
    let started = Instant::now();
    for number in 0..READS {
        let offset = u64::from(number) * 7_919 * 4_096 % ((SIZE_MEBIBYTES as u64 - 1) << 20);
        reader.read(offset, 64 << 10).await.expect("read");
    }
    println!("sealed object, 64 KiB range: {:.0} us", started.elapsed().as_secs_f64() * 1e6 / f64::from(READS));
}
