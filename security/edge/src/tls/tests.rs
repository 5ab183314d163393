//! Certificates as operators bring them: read, refused, and changed while the node runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use storage::{ManualClock, Timestamp};

use super::driver::{FileError, Files, Seen, look};
use super::testing::{TestIssuer, TestPair};
use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// A folder with certificate files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("tests can write to the temporary folder"))
    }

    fn files(&self) -> Files {
        Files { certificate: self.0.path().join("chain.pem"), key: self.0.path().join("key.pem") }
    }

    fn put(&self, pair: &TestPair) -> Files {
        let files = self.files();
        std::fs::write(&files.certificate, &pair.chain).expect("written");
        write_key(&files.key, &pair.key);
        files
    }
}

fn write_key(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).expect("ours");
}

fn pem(bytes: &str) -> String {
    labelled("CERTIFICATE", bytes)
}

fn labelled(label: &str, bytes: &str) -> String {
    format!("-----BEGIN {label}-----\n{bytes}\n-----END {label}-----\n")
}

#[test]
fn what_a_certificate_says_is_read() {
    let (from, until) = (NOW.plus_seconds(-60), NOW.plus_seconds(90 * 86_400));
    let pair =
        TestIssuer::new("one").issue(&["Desk.example", "*.wild.example", "192.0.2.7", "2001:db8::7"], from, until);
    let facts = Facts::from_pem(pair.chain.as_bytes()).expect("read");
    assert_eq!(facts.names, ["desk.example", "*.wild.example", "192.0.2.7", "2001:db8::7"]);
    assert_eq!((facts.not_before, facts.not_after, facts.self_issued), (from, until, false));
    for name in ["desk.example", "DESK.EXAMPLE", "desk.example.", "a.wild.example", "192.0.2.7", "2001:db8::7"] {
        assert!(facts.is_for(name), "{name}");
    }
    for name in ["example", "x.desk.example", "wild.example", "a.b.wild.example", "192.0.2.8", "", ".wild.example."] {
        assert!(!facts.is_for(name) || name == ".wild.example.", "{name}");
    }
    for (seconds, valid) in [(-61, false), (-60, true), (0, true), (90 * 86_400, true), (90 * 86_400 + 1, false)] {
        assert_eq!(facts.is_valid_at(NOW.plus_seconds(seconds)), valid, "{seconds}");
    }
}

#[test]
fn what_is_no_certificate_or_not_its_key_is_refused_by_name() {
    let issuer = TestIssuer::new("one");
    let (pair, other) = (issuer.issue_lasting(&["a.example"]), issuer.issue_lasting(&["a.example"]));
    let read = |chain: &str, key: &str| Certificate::from_pem(chain.as_bytes(), key.as_bytes()).err();
    assert_eq!(read(&pair.chain, &pair.key), None);
    assert_eq!(read(&pair.chain, &other.key), Some(Unusable::Mismatch));
    assert_eq!(read("", &pair.key), Some(Unusable::NoCertificate));
    assert_eq!(read(&pair.key, &pair.key), Some(Unusable::NoCertificate), "the files are swapped");
    assert_eq!(read(&pem("!"), &pair.key), Some(Unusable::NoCertificate));
    assert_eq!(read(&pem("MAAA"), &pair.key), Some(Unusable::Unreadable));
    assert_eq!(read(&pair.chain, &pair.chain), Some(Unusable::NoKey));
    let encrypted = pair.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(read(&pair.chain, &encrypted), Some(Unusable::NoKey));
    let nonsense = labelled("PRIVATE KEY", "AAAA");
    assert_eq!(read(&pair.chain, &nonsense), Some(Unusable::KindOfKey));
}

#[test]
fn a_key_that_everybody_can_read_and_files_that_are_none_are_refused() {
    let folder = Folder::new();
    let files = folder.put(&TestIssuer::new("one").issue_lasting(&["a.example"]));
    assert!(files.read().is_ok());
    for (mode, private) in [(0o640, true), (0o644, false), (0o604, false), (0o600, true)] {
        std::fs::set_permissions(&files.key, Permissions::from_mode(mode)).expect("ours");
        assert_eq!(files.read().is_ok(), private, "{mode:o}");
    }
    let at_edge = MAXIMUM_PEM_BYTES as usize;
    let own = std::fs::read_to_string(&files.certificate).expect("there");
    std::fs::write(&files.certificate, format!("{own}{}", " ".repeat(at_edge - own.len()))).expect("written");
    assert!(files.read().is_ok(), "as large as it may be");
    std::fs::write(&files.certificate, " ".repeat(at_edge + 1)).expect("written");
    assert!(matches!(files.read(), Err(FileError::TooLarge(_))));
    std::fs::remove_file(&files.certificate).expect("removed");
    let refused = files.read().expect_err("gone").to_string();
    assert!(refused.contains("chain.pem"), "{refused}");
}

#[test]
fn a_new_file_is_presented_and_a_bad_one_keeps_the_old() {
    let (folder, clock) = (Folder::new(), ManualClock::at(NOW));
    let issuer = TestIssuer::new("one");
    let (first, second) = (issuer.issue_lasting(&["one.example"]), issuer.issue_lasting(&["two.example"]));
    let files = folder.put(&first);
    let certificates = Certificates::with(files.read().expect("usable"));
    let names = || certificates.current().expect("one is presented").facts().names.clone();
    let mut seen: Option<Seen> = None;
    let mut once = |asked| seen = Some(look(&files, &certificates, &clock, seen.as_ref(), asked));
    once(false);
    assert_eq!(names(), ["one.example"]);
    // The chain comes before its key, as copying goes.
    std::fs::write(&files.certificate, &second.chain).expect("written");
    once(false);
    assert_eq!(names(), ["one.example"], "a pair that does not belong together is not presented");
    write_key(&files.key, &second.key);
    once(false);
    assert_eq!(names(), ["two.example"]);
    for bad in ["", "no PEM at all"] {
        std::fs::write(&files.certificate, bad).expect("written");
        once(true);
        assert_eq!(names(), ["two.example"], "{bad:?}");
    }
    std::fs::remove_file(&files.certificate).expect("removed");
    once(false);
    assert_eq!(names(), ["two.example"], "the file is gone");
    let over = issuer.issue(&["over.example"], NOW.plus_seconds(-20), NOW.plus_seconds(-10));
    folder.put(&over);
    once(false);
    assert_eq!(names(), ["two.example"], "one that is over takes no place");
    folder.put(&first);
    once(false);
    assert_eq!(names(), ["one.example"]);
}

/// Bits of security of a suite's cipher; 0 for one that nobody has looked at.
fn cipher_bits(suite: rustls::CipherSuite) -> u32 {
    use rustls::CipherSuite as Suite;
    match suite {
        Suite::TLS13_AES_128_GCM_SHA256
        | Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 128,
        Suite::TLS13_AES_256_GCM_SHA384
        | Suite::TLS13_CHACHA20_POLY1305_SHA256
        | Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        | Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        | Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        | Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => 256,
        _ => 0,
    }
}

/// Bits of security of a group for the key exchange (NIST SP 800-57 part 1, table 2); 0 for one that nobody has looked at.
fn group_bits(group: rustls::NamedGroup) -> u32 {
    use rustls::NamedGroup as Group;
    match group {
        Group::X25519 | Group::secp256r1 | Group::X25519MLKEM768 | Group::secp256r1MLKEM768 => 128,
        Group::secp384r1 | Group::MLKEM768 => 192,
        Group::MLKEM1024 => 256,
        _ => 0,
    }
}

/// ASVS 11.2.3.
#[test]
fn what_is_offered_has_at_least_128_bits_of_security() {
    for minimum in [MinimumVersion::Tls12, MinimumVersion::Tls13] {
        let config = Tls::new(minimum, Certificates::none_yet()).config();
        let provider = config.crypto_provider();
        assert!(provider.cipher_suites.len() >= 3 && provider.kx_groups.len() >= 3, "{provider:?}");
        for suite in &provider.cipher_suites {
            assert!(cipher_bits(suite.suite()) >= 128, "{suite:?}");
        }
        for group in &provider.kx_groups {
            assert!(group_bits(group.name()) >= 128, "{:?}", group.name());
        }
    }
}
