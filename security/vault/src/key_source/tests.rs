//! Every place of a root key, and every way in which it can be wrong.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use storage::{SeededEntropy, SystemEntropy};

use super::*;

fn file(folder: &Path, name: &str, content: &[u8], mode: u32) -> KeySource {
    let path = folder.join(name);
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
    KeySource::File(path)
}

async fn reason(source: &KeySource) -> String {
    match super::read(source).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{source} gave a key"),
    }
}

/// The key alone, without what it says it is for.
async fn read(source: &KeySource) -> Result<Option<Secret>> {
    Ok(super::read(source).await?.map(|root| root.secret))
}

/// A service that adds one to each byte.
#[derive(Debug)]
struct AddsOne;

impl KeyService for AddsOne {
    fn place(&self) -> String {
        "a service that adds one".to_owned()
    }

    fn wrap<'a>(&'a self, key: &'a Secret) -> crate::Answer<'a, String> {
        let wrapped: Vec<u8> = key.expose().iter().map(|byte| byte.wrapping_add(1)).collect();
        Box::pin(async move { Ok(format!("wrapped:{}", hex::encode(wrapped))) })
    }

    fn rewrap<'a>(&'a self, wrapped: &'a str) -> crate::Answer<'a, String> {
        Box::pin(async move { Ok(wrapped.to_uppercase().replace("WRAPPED", "wrapped")) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a str) -> crate::Answer<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move {
            let digits = wrapped.strip_prefix("wrapped:").ok_or("this is not wrapped")?;
            let bytes = hex::decode(digits).map_err(|error| error.to_string())?;
            Ok(Zeroizing::new(bytes.iter().map(|byte| byte.wrapping_sub(1)).collect()))
        })
    }
}

#[tokio::test]
async fn a_key_that_a_service_wraps_is_made_and_read_and_its_file_holds_nothing_of_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("root.key");
    let source = KeySource::Service { file: path.clone(), service: Arc::new(AddsOne) };
    assert_eq!(read(&source).await.expect("no file yet"), None);
    let made = create(&source, &path, &SystemEntropy, Stamp::Demo).await.expect("made");
    assert_eq!(read(&source).await.expect("read"), Some(made.clone()));
    assert_eq!(super::read(&source).await.expect("read").expect("there").stamp, Some(Stamp::Demo));
    let text = fs::read_to_string(&path).expect("there");
    assert!(text.starts_with("demo:wrapped:") && !text.contains(&hex::encode(made.expose())));
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    rewrap(&source).await.expect("wrapped anew");
    assert_eq!(read(&source).await.expect("read"), Some(made));
    assert_ne!(fs::read_to_string(&path).expect("there"), text);
    assert!(rewrap(&KeySource::File(path.clone())).await.is_err(), "nobody wraps it");
    for (content, part) in [("nonsense", "not wrapped"), ("wrapped:00", "no key of 32 bytes")] {
        fs::write(&path, content).expect("written");
        let reason = reason(&source).await;
        assert!(reason.contains(part) && reason.contains("adds one"), "{reason}");
    }
}

#[tokio::test]
async fn a_staged_key_takes_its_place_at_once_and_the_old_one_stays_beside() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("root.key");
    let source = KeySource::File(path.clone());
    let old = create(&source, &path, &SystemEntropy, Stamp::Production).await.expect("made");
    let new = stage(&source, &path, &SystemEntropy, Stamp::Production).await.expect("staged");
    assert_eq!(stage(&source, &path, &SystemEntropy, Stamp::Production).await.expect("staged already"), new);
    assert_eq!(read(&source).await.expect("read"), Some(old.clone()), "nothing has changed yet");
    for _twice in 0..2 {
        promote(&source, &path, "0123").expect("promoted");
        assert_eq!(read(&source).await.expect("read"), Some(new.clone()));
    }
    let kept = folder.path().join("root.key.0123");
    assert_eq!(read(&KeySource::File(kept)).await.expect("read"), Some(old));
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_key_is_read_in_each_of_its_forms() {
    let folder = tempfile::tempdir().expect("folder");
    let expected = Secret::from_slice(&[0xfb; 32]).expect("32 bytes");
    let base64 = base64::engine::general_purpose::STANDARD.encode([0xfb; 32]);
    let forms = [
        hex::encode([0xfb; 32]).into_bytes(),
        hex::encode_upper([0xfb; 32]).into_bytes(),
        format!("{base64}\n").into_bytes(),
        base64.trim_end_matches('=').as_bytes().to_vec(),
        vec![0xfb; 32],
    ];
    for (number, form) in forms.iter().enumerate() {
        let source = file(folder.path(), &format!("key{number}"), form, 0o600);
        assert_eq!(read(&source).await.expect("read"), Some(expected.clone()), "form {number}");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    for (number, (content, part)) in [
        (b"".to_vec(), "empty"),
        (b" \n".to_vec(), "empty"),
        (b"correct-horse-battery-staple-1234".to_vec(), "no key of 32 bytes"),
        (b"correct-horse-battery-staple-123".to_vec(), "pass phrase"),
        (hex::encode([1; 31]).into_bytes(), "no key of 32 bytes"),
        (hex::encode([1; 33]).into_bytes(), "no key of 32 bytes"),
        (vec![b'A'; MAXIMUM_TEXT_LENGTH], "no key of 32 bytes"),
        (vec![b'A'; MAXIMUM_TEXT_LENGTH + 1], "more than 4096 bytes"),
    ]
    .into_iter()
    .enumerate()
    {
        let source = file(folder.path(), &format!("key{number}"), &content, 0o600);
        let reason = reason(&source).await;
        assert!(reason.contains(part), "case {number}: {reason}");
    }
}

#[tokio::test]
async fn a_file_that_others_can_reach_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666] {
        let source = file(folder.path(), "key", hex::encode([1; 32]).as_bytes(), mode);
        assert!(reason(&source).await.contains("chmod 600"), "mode {mode:o}");
    }
    for mode in [0o600, 0o400] {
        let source = file(folder.path(), "key", hex::encode([1; 32]).as_bytes(), mode);
        assert!(read(&source).await.is_ok(), "mode {mode:o}");
    }
    assert!(reason(&KeySource::File(folder.path().to_owned())).await.contains("not a regular file"));
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_alone_and_never_replaces_one() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("root.key");
    let source = KeySource::File(path.clone());
    assert_eq!(read(&source).await.expect("no file yet"), None);
    let made = create(&source, &path, &SystemEntropy, Stamp::Production).await.expect("made");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(read(&source).await.expect("read"), Some(made.clone()));
    assert!(create(&source, &path, &SeededEntropy::new(1), Stamp::Production).await.is_err());
    assert_eq!(read(&source).await.expect("read"), Some(made));
}

#[tokio::test]
async fn environment_credential_and_command() {
    assert!(reason(&KeySource::Environment("RINGFENCE_NO_SUCH_VARIABLE".into())).await.contains("not set"));
    assert!(reason(&KeySource::Environment("PATH".into())).await.contains("no key of 32 bytes"));
    for name in ["", "../key", "a/b", ".hidden"] {
        assert!(reason(&KeySource::Credential(name.into())).await.contains("plain file name"), "{name:?}");
    }
    let shell = |script: &str| KeySource::Command(vec!["/bin/sh".into(), "-c".into(), script.into()]);
    let key = Secret::from_slice(&[0x2a; 32]).expect("32 bytes");
    let printed = shell(&format!("echo {}", hex::encode([0x2a; 32])));
    assert_eq!(read(&printed).await.expect("read"), Some(key));
    assert!(reason(&shell(&format!("echo {}; exit 3", hex::encode([0x2a; 32])))).await.contains("exit status: 3"));
    assert!(reason(&shell("head -c 5000 /dev/zero")).await.contains("more than 4096 bytes"));
    assert!(reason(&KeySource::Command(vec![])).await.contains("empty"));
    assert!(reason(&KeySource::Command(vec!["/no/such/program".into()])).await.contains("cannot be run"));
}

#[test]
fn a_command_is_named_without_its_arguments() {
    let source = KeySource::Command(vec!["fetch-key".into(), "--token=secret".into()]);
    assert_eq!(source.to_string(), "command fetch-key");
}

/// Variables of a running process cannot be set safely, so this test runs itself once more with them set.
#[tokio::test]
async fn variables_and_credentials_are_read_from_the_environment() {
    const VARIABLE: &str = "RINGFENCE_TEST_ROOT_KEY";
    let (variable, credential) = (KeySource::Environment(VARIABLE.into()), KeySource::Credential("root-key".into()));
    if std::env::var_os(VARIABLE).is_some() {
        let key = |byte| Secret::from_slice(&[byte; 32]);
        assert_eq!(read(&variable).await.expect("read"), key(0x11));
        assert_eq!(read(&credential).await.expect("read"), key(0xe2));
        assert!(reason(&KeySource::Credential("absent".into())).await.contains("no such credential"));
        return;
    }
    if std::env::var_os("CREDENTIALS_DIRECTORY").is_none() {
        assert!(reason(&credential).await.contains("CREDENTIALS_DIRECTORY is not set"));
    }
    let folder = tempfile::tempdir().expect("folder");
    // As systemd does where it uses access control lists: readable by what looks like a group.
    file(folder.path(), "root-key", &[0xe2; 32], 0o440);
    let name = "key_source::tests::variables_and_credentials_are_read_from_the_environment";
    let again = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name])
        .env(VARIABLE, hex::encode([0x11; 32]))
        .env("CREDENTIALS_DIRECTORY", folder.path())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
}
