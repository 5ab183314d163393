//! Looks for words and bytes in every byte of every file of a folder, however they may have been written down.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter needles would be found by chance.
const SHORTEST: usize = 8;
/// Needles are told apart by their first bytes.
const START: usize = 4;

/// What is looked for.
#[derive(Default)]
pub struct Search {
    needles: Vec<(String, Vec<u8>)>,
    by_start: HashMap<[u8; START], Vec<usize>>,
}

impl Search {
    /// Looks for a text: as it is, in small and in capital letters, in UTF-8, UTF-16, base64 and hexadecimal.
    pub fn text(&mut self, label: &str, text: &str) {
        assert!(text.len() >= SHORTEST, "{label} is too short to be looked for: {text:?}");
        for variant in BTreeSet::from([text.to_owned(), text.to_lowercase(), text.to_uppercase()]) {
            self.bytes(label, variant.as_bytes());
            let units: Vec<u16> = variant.encode_utf16().collect();
            self.needle(label, "UTF-16LE", units.iter().flat_map(|unit| unit.to_le_bytes()).collect());
            self.needle(label, "UTF-16BE", units.iter().flat_map(|unit| unit.to_be_bytes()).collect());
        }
    }

    /// Looks for bytes: as they are, in base64 at every alignment, in hexadecimal.
    pub fn bytes(&mut self, label: &str, bytes: &[u8]) {
        self.needle(label, "as they are", bytes.to_vec());
        for before in 0..3 {
            // The letters that depend on the neighbours are left out at both ends.
            let shifted = [&vec![0; before], bytes].concat();
            let (first, last) = ([0, 2, 3][before], shifted.len() * 8 / 6);
            self.needle(label, "base64", STANDARD_NO_PAD.encode(&shifted).as_bytes()[first..last].to_vec());
            self.needle(label, "base64url", URL_SAFE_NO_PAD.encode(&shifted).as_bytes()[first..last].to_vec());
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.needle(label, "hexadecimal", hex.to_uppercase().into_bytes());
        self.needle(label, "hexadecimal", hex.into_bytes());
    }

    fn needle(&mut self, label: &str, how: &str, needle: Vec<u8>) {
        if self.needles.iter().any(|(_, known)| *known == needle) {
            return;
        }
        let start = needle[..START].try_into().expect("long enough");
        self.by_start.entry(start).or_default().push(self.needles.len());
        self.needles.push((format!("{label} ({how})"), needle));
    }

    /// The needles that these bytes hold.
    pub fn find(&self, haystack: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut second = vec![false; 1 << 16];
        for start in self.by_start.keys() {
            second[usize::from(u16::from_le_bytes([start[0], start[1]]))] = true;
        }
        for at in 0..haystack.len().saturating_sub(START - 1) {
            if !second[usize::from(u16::from_le_bytes([haystack[at], haystack[at + 1]]))] {
                continue;
            }
            let start: [u8; START] = haystack[at..at + START].try_into().expect("four bytes");
            for &index in self.by_start.get(&start).into_iter().flatten() {
                let (label, needle) = &self.needles[index];
                if haystack[at..].starts_with(needle) {
                    found.insert(label.as_str());
                }
            }
        }
        found
    }

    /// Searches names and contents of everything under `folder`, but files named in `except`. Gives what was found where, and
    /// how many bytes were looked at.
    pub fn folder(&self, folder: &Path, except: &[&str]) -> (Vec<String>, u64) {
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut folders = vec![folder.to_owned()];
        while let Some(inner) = folders.pop() {
            // A folder may go as well: other tests drop their databases on the same server.
            let Ok(entries) = std::fs::read_dir(&inner) else {
                assert_ne!(inner, folder, "the folder can be read");
                continue;
            };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                // A file may go while the product runs; what it held stands elsewhere then.
                let Ok(content) = std::fs::read(&path) else { continue };
                if except.contains(&name.as_str()) {
                    continue;
                }
                bytes += content.len() as u64;
                let hits = self.find(&content).into_iter().chain(self.find(name.as_bytes()));
                found.extend(hits.map(|label| format!("{label} in {}", path.display())));
            }
        }
        (found, bytes)
    }
}

#[test]
fn what_is_planted_is_found_however_it_is_written() {
    let mut search = Search::default();
    search.text("words", "the Heliotrope fence");
    search.bytes("sound", &[1, 2, 3, 250, 4, 5, 6, 251, 7, 8]);
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let planted: Vec<Vec<u8>> = vec![
        b"xx the Heliotrope fence".to_vec(),
        b"the heliotrope fence".to_vec(),
        utf16("a the Heliotrope fence."),
        STANDARD_NO_PAD.encode("the Heliotrope fence").into_bytes(),
        STANDARD_NO_PAD.encode("1 the Heliotrope fence and more").into_bytes(),
        STANDARD_NO_PAD.encode("12 the Heliotrope fence and more").into_bytes(),
        URL_SAFE_NO_PAD.encode([&[255, 255][..], &[1, 2, 3, 250, 4, 5, 6, 251, 7, 8, 9]].concat()).into_bytes(),
        b"01020304 010203fa040506fb0708".to_vec(),
        [vec![0; 5_000], vec![1, 2, 3, 250, 4, 5, 6, 251, 7, 8]].concat(),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("deep")).expect("made");
    for (index, content) in planted.iter().enumerate() {
        assert!(!search.find(content).is_empty(), "{index}");
        std::fs::write(folder.path().join("deep").join(index.to_string()), content).expect("written");
    }
    let (found, bytes) = search.folder(folder.path(), &["3"]);
    let in_file = |index: usize| found.iter().any(|found| found.ends_with(&format!("/{index}")));
    for index in 0..planted.len() {
        assert_eq!(in_file(index), index != 3, "{index}: {found:#?}");
    }
    assert!(bytes > 5_000);
    assert!(search.find(b"the Heliotrope fences off nothing: the Heliotrope fenc").len() == 1);
    assert!(search.find(b"the Heliotrope fenc, nor anything else").is_empty());
}
