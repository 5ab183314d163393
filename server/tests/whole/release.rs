//! News of releases and their evidence, by the command line and on the trust page.

use std::path::Path;
use std::time::Duration;

use storage::{Clock as _, SystemClock};
use tokio::time::Instant;

use crate::product::{Product, run};

const NAME: &str = "ringfence/releases";

/// A key for signing: its file, and its public half.
async fn key(folder: &Path) -> (String, String) {
    let file = folder.join("publisher.key").display().to_string();
    let (code, public) = run(&["release", "key", NAME, "--out", &file]).await;
    assert_eq!(code, Some(0), "{public}");
    (file, public.trim().to_owned())
}

async fn sign(folder: &Path, text: &str, key_file: &str) -> String {
    let file = folder.join("to-sign.txt");
    std::fs::write(&file, text).expect("written");
    let (code, note) = run(&["release", "sign", &file.display().to_string(), "--key-file", key_file]).await;
    assert_eq!(code, Some(0), "{note}");
    note
}

fn list(serial: u32, lines: &str) -> String {
    let (now, instant) = (SystemClock.now(), web::instant::to_rfc3339);
    format!("{NAME}\nserial {serial}\nissued {}\nexpires {}\n{lines}", instant(now), instant(now.plus_seconds(86_400)))
}

/// What the page says of weaknesses, once it has looked.
async fn told_of_weakness(product: &Product) -> String {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let page = product.get("/trust.json").await;
        let all = page["promises"].as_array().expect("promises");
        let promise = all.iter().find(|promise| promise["id"] == "patched").expect("it is published");
        if promise["state"] == "broken" {
            return promise.to_string();
        }
        assert!(Instant::now() < deadline, "{promise}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_hears_of_a_weakness_and_the_page_turns_red() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let (key_file, public) = key(scratch.path()).await;
    let note = scratch.path().join("releases.note");
    let publish = async |serial, lines: &str| {
        std::fs::write(&note, sign(scratch.path(), &list(serial, lines), &key_file).await).expect("written");
    };
    publish(2, "release 0.1.0\nrelease 99.0.0\nweakness RUSTSEC-2099-0001 rustls >=0.1.0\n").await;
    let settings = format!("[releases]\nkey = \"{public}\"\nfile = \"{}\"\n", note.display());
    let product = Product::start_settled(&settings).await;
    let told = told_of_weakness(&product).await;
    assert!(told.contains("RUSTSEC-2099-0001") && told.contains("99.0.0"), "{told}");

    let settings = product.settings().expect("a file").display().to_string();
    let folder = product.folder().display().to_string();
    let check = async || run(&["release", "check", "--settings", &settings, "--data-dir", &folder]).await;
    let (code, text) = check().await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("99.0.0 is out") && text.contains("WEAK   rustls"), "{text}");
    publish(3, "release 0.1.0\nweakness RUSTSEC-2099-0001 rustls <0.1.0\n").await;
    let (code, text) = check().await;
    assert!(code == Some(0) && text.contains("none of 1 known weaknesses"), "{text}");
    // An older list without the weakness, or somebody else's, changes nothing.
    publish(2, "release 0.1.0\n").await;
    let (code, text) = check().await;
    assert!(code == Some(1) && text.contains("3 was here before"), "{text}");
    let other = tempfile::tempdir().expect("a temporary folder");
    let (foreign, _) = key(other.path()).await;
    std::fs::write(&note, sign(other.path(), &list(4, "release 0.1.0\n"), &foreign).await).expect("written");
    let (code, text) = check().await;
    assert!(code == Some(1) && text.contains("not signed by this key"), "{text}");
}

#[tokio::test]
async fn evidence_is_believed_only_whole_and_from_its_signer() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = scratch.path();
    let (key_file, public) = key(folder).await;
    let (code, components) = run(&["release", "components"]).await;
    assert!(code == Some(0) && components.lines().any(|line| line.starts_with("rustls ")), "{components}");
    let file = folder.join("components.txt");
    std::fs::write(&file, &components).expect("written");
    let summed = tokio::process::Command::new("sha256sum").arg(&file).output().await.expect("sha256sum runs");
    let summed = String::from_utf8(summed.stdout).expect("text");
    let hash = summed.split_whitespace().next().expect("a hash");
    let text = format!("{NAME}\nversion 0.1.0\ntests 1 passed, 0 failed, 0 skipped\nsha256 {hash} components.txt\n");
    let note = sign(folder, &text, &key_file).await;
    let evidence = folder.join("evidence.note");
    std::fs::write(&evidence, &note).expect("written");
    let folder_name = folder.display().to_string();
    let verify = async |key: &str| run(&["release", "verify", &folder_name, "--key", key]).await;
    let (code, told) = verify(&public).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("tests 1 passed") && told.contains("same   components.txt"), "{told}");

    let other = tempfile::tempdir().expect("a temporary folder");
    let (_, foreign) = key(other.path()).await;
    let (code, told) = verify(&foreign).await;
    assert!(code == Some(1) && told.contains("not signed by this key"), "{told}");
    std::fs::write(&evidence, note.replace("1 passed", "9 passed")).expect("written");
    let (code, told) = verify(&public).await;
    assert!(code == Some(1) && told.contains("signature does not fit"), "{told}");
    std::fs::write(&evidence, &note).expect("written");
    std::fs::write(&file, components.replacen('0', "1", 1)).expect("written");
    let (code, told) = verify(&public).await;
    assert!(code == Some(1) && told.contains("OTHER  components.txt"), "{told}");
    std::fs::remove_file(&file).expect("removed");
    let (code, told) = verify(&public).await;
    assert!(code == Some(1) && told.contains("GONE   components.txt"), "{told}");
    // A key is never written over, and nobody else reads it.
    let (code, told) = run(&["release", "key", NAME, "--out", &key_file]).await;
    assert!(code == Some(2) && told.contains("cannot be made"), "{told}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key_file).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
}
