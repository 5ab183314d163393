//! Objects as files: growing, ranges, names that cannot leave the folder, limits, cancelled writes.

use super::*;

async fn folder() -> (tempfile::TempDir, ObjectFolder) {
    let temporary = tempfile::tempdir().expect("a folder");
    let objects = ObjectFolder::open(temporary.path().join("objects")).await.expect("opens");
    (temporary, objects)
}

#[tokio::test]
async fn an_object_grows_is_read_in_ranges_and_goes() {
    let (_temporary, objects) = folder().await;
    let mut appender = objects.create("recording-1").await.expect("created");
    appender.append(b"hello ").await.expect("appended");
    assert_eq!(objects.length("recording-1").await.expect("length while growing"), 6);
    appender.append(b"").await.expect("nothing to append");
    appender.append(b"world").await.expect("appended");
    appender.sync().await.expect("synced");
    assert_eq!(appender.length(), 11);
    assert_eq!(objects.read_at("recording-1", 4, 4).await.expect("range"), b"o wo");
    assert_eq!(objects.read_at("recording-1", 9, 100).await.expect("short at the end"), b"ld");
    assert_eq!(objects.read_at("recording-1", u64::MAX >> 1, 1).await.expect("behind the end"), b"");
    assert_eq!(objects.names().await.expect("names"), ["recording-1"]);
    assert!(matches!(objects.create("recording-1").await, Err(Error::Conflict { .. })));
    assert!(objects.delete("recording-1").await.expect("deleted"));
    assert!(!objects.delete("recording-1").await.expect("gone already"));
    assert!(matches!(objects.length("recording-1").await, Err(Error::NoObject { .. })));
    assert!(matches!(objects.read_at("recording-1", 0, 1).await, Err(Error::NoObject { .. })));
}

#[tokio::test]
async fn renaming_replaces_whole_objects() {
    let (_temporary, objects) = folder().await;
    objects.create("old").await.expect("created").append(b"old").await.expect("appended");
    objects.create("new").await.expect("created").append(b"newer").await.expect("appended");
    objects.rename("new", "old").await.expect("renamed");
    assert_eq!(objects.read_at("old", 0, 10).await.expect("read"), b"newer");
    assert_eq!(objects.names().await.expect("names"), ["old"]);
    assert!(matches!(objects.rename("new", "old").await, Err(Error::NoObject { .. })));
    assert!(matches!(objects.rename("old", "../old").await, Err(Error::ObjectLimit { .. })));
}

#[tokio::test]
async fn no_name_leaves_the_folder() {
    let (temporary, objects) = folder().await;
    std::fs::write(temporary.path().join("secret"), b"x").expect("written");
    let longest = "a".repeat(MAXIMUM_NAME_LENGTH);
    objects.create(&longest).await.expect("the longest name fits");
    for name in ["", ".", "..", "../secret", "a/b", "A", "a b", "a.b", "ä", "a\0", &format!("{longest}a")] {
        assert!(matches!(objects.create(name).await, Err(Error::ObjectLimit { .. })), "{name}");
        assert!(matches!(objects.read_at(name, 0, 1).await, Err(Error::ObjectLimit { .. })), "{name}");
        assert!(matches!(objects.delete(name).await, Err(Error::ObjectLimit { .. })), "{name}");
    }
}

#[tokio::test]
async fn a_read_has_a_limit() {
    let (_temporary, objects) = folder().await;
    objects.create("a").await.expect("created");
    objects.read_at("a", 0, MAXIMUM_READ_BYTES).await.expect("at the limit");
    assert!(matches!(objects.read_at("a", 0, MAXIMUM_READ_BYTES + 1).await, Err(Error::ObjectLimit { .. })));
}

#[tokio::test]
async fn cancelled_appends_keep_their_order() {
    let (_temporary, objects) = folder().await;
    let mut appender = objects.create("a").await.expect("created");
    for number in 0..500_u32 {
        let bytes = number.to_be_bytes();
        // Polled once and dropped: the write goes on by itself.
        let polled = futures_util::FutureExt::now_or_never(appender.append(&bytes));
        assert!(polled.is_none_or(|appended| appended.is_ok()));
    }
    appender.sync().await.expect("synced");
    let bytes = objects.read_at("a", 0, 10_000).await.expect("read");
    let numbers: Vec<u32> =
        bytes.chunks_exact(4).map(|chunk| u32::from_be_bytes(chunk.try_into().expect("4 bytes"))).collect();
    assert!(!numbers.is_empty() && bytes.len() % 4 == 0);
    assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{numbers:?}");
    assert_eq!(appender.length(), bytes.len() as u64);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (temporary, objects) = folder().await;
    objects.create("a").await.expect("created");
    let mode =
        |path: &str| std::fs::metadata(temporary.path().join(path)).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode("objects"), mode("objects/a")), (0o700, 0o600));
}
