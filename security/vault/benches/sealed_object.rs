//! How fast sealed objects are written and read, beside AES-256-GCM alone on the same bytes and the same file system.
//!
//! `cargo bench -p vault` prints one line for each figure. Nothing here is a test.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures with a clock and prints")]

use std::{sync::Arc, time::Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use storage::{OrganizationId, Schema, SystemEntropy, Timestamp, objects::ObjectFolder, testing::sqlite};
use uuid::Uuid;
use vault::{KeySource, ObjectContext, SealedReader, SealedWriter, Vault, chunked::CHUNK_LENGTH};

/// How much is written, in MiB.
const SIZE_MEBIBYTES: usize = 256;
/// Ranges that are read, each of 64 KiB.
const READS: u32 = 2_000;
const CONTEXT: ObjectContext = ObjectContext::new("recording", Uuid::nil());

fn mebibytes_per_second(started: Instant) -> f64 {
    SIZE_MEBIBYTES as f64 / started.elapsed().as_secs_f64()
}

async fn raw(folder: &ObjectFolder, chunk: &[u8]) -> f64 {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key has 32 bytes"));
    let started = Instant::now();
    let mut appender = folder.create("raw").await.expect("made");
    for number in 0..(SIZE_MEBIBYTES << 20) / CHUNK_LENGTH {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        let mut sealed = chunk.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).expect("sealed");
        appender.append(&sealed).await.expect("appended");
    }
    appender.sync().await.expect("synced");
    mebibytes_per_second(started)
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

    println!("AES-256-GCM alone, written: {:.0} MiB/s", raw(&folder, &chunk).await);
    let started = Instant::now();
    let mut writer = SealedWriter::create(&folder, "sealed", &key, CONTEXT).await.expect("made");
    for _ in 0..(SIZE_MEBIBYTES << 20) / CHUNK_LENGTH {
        writer.write(&chunk).await.expect("written");
    }
    writer.finish().await.expect("finished");
    println!("sealed object, written: {:.0} MiB/s", mebibytes_per_second(started));

    let reader = SealedReader::open(&folder, "sealed", &key, CONTEXT).await.expect("opens");
    let started = Instant::now();
    for number in 0..READS {
        let offset = u64::from(number) * 7_919 * 4_096 % ((SIZE_MEBIBYTES as u64 - 1) << 20);
        reader.read(offset, 64 << 10).await.expect("read");
    }
    println!("sealed object, 64 KiB range: {:.0} us", started.elapsed().as_secs_f64() * 1e6 / f64::from(READS));
}
