//! Cases of the corpus: what is sent, and which rules are to report.

use std::path::Path;

use base64::Engine as _;
use yaml_rust2::{Yaml, YamlLoader};

use crate::rules::shared;

/// One stage of one test.
pub struct Case {
    /// The folder, which is the rule file's name.
    pub family: String,
    pub rule: String,
    pub test: String,
    pub sent: Sent,
    pub expected: Vec<u64>,
    pub not_expected: Vec<u64>,
    pub matching: Vec<String>,
    pub not_matching: Vec<String>,
}

/// A request as it leaves the sender.
#[derive(Default)]
pub struct Sent {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub protocol: Vec<u8>,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// Every stage that expects something of the log.
pub fn cases() -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for family in sorted(&shared().join("crs/regression/tests"))? {
        if !family.is_dir() {
            continue;
        }
        for file in sorted(&family)? {
            let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let documents = YamlLoader::load_from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
            for document in &documents {
                read(&family.file_name().unwrap_or_default().to_string_lossy(), document, &mut cases);
            }
        }
    }
    Ok(cases)
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

fn read(family: &str, document: &Yaml, cases: &mut Vec<Case>) {
    for test in document["tests"].as_vec().into_iter().flatten() {
        for stage in test["stages"].as_vec().into_iter().flatten() {
            let log = &stage["output"]["log"];
            let numbers = |key: &str| {
                let list = log[key].as_vec().into_iter().flatten();
                list.filter_map(|number| number.as_i64().and_then(|number| u64::try_from(number).ok())).collect()
            };
            let patterns = |key: &str| log[key].as_str().map(str::to_owned).into_iter().collect();
            if log.is_badvalue() {
                continue;
            }
            cases.push(Case {
                family: family.to_owned(),
                rule: text(&document["rule_id"]),
                test: text(&test["test_id"]),
                sent: sent(&stage["input"]),
                expected: numbers("expect_ids"),
                not_expected: numbers("no_expect_ids"),
                matching: patterns("match_regex"),
                not_matching: patterns("no_match_regex"),
            });
        }
    }
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(flag) => flag.to_string(),
        _ => String::new(),
    }
}

/// What CRS's own tool would send.
fn sent(input: &Yaml) -> Sent {
    if let Some(encoded) = input["encoded_request"].as_str() {
        let encoded: String = encoded.split_whitespace().collect();
        let raw = base64::engine::general_purpose::STANDARD.decode(encoded).expect("base 64 in the corpus");
        return parsed(&raw);
    }
    let or = |key: &str, default: &str| match &input[key] {
        Yaml::BadValue | Yaml::Null => default.to_owned().into_bytes(),
        value => text(value).into_bytes(),
    };
    let headers = input["headers"].as_hash().into_iter().flatten();
    let headers: Vec<_> = headers.map(|(name, value)| (text(name).into_bytes(), text(value).into_bytes())).collect();
    let (method, target) = (or("method", "GET"), or("uri", "/"));
    let mut sent = Sent { method, target, protocol: or("version", "HTTP/1.1"), headers, body: or("data", "") };
    complete(&mut sent, input["autocomplete_headers"].as_bool().unwrap_or(true));
    sent
}

fn find<'a>(sent: &'a Sent, wanted: &str) -> Option<&'a [u8]> {
    let same = |name: &[u8]| name.eq_ignore_ascii_case(wanted.as_bytes());
    sent.headers.iter().find(|(name, _)| same(name)).map(|(_, value)| value.as_slice())
}

/// Headers that the tool adds, and how it encodes forms.
fn complete(sent: &mut Sent, complete: bool) {
    let form: &[u8] = b"application/x-www-form-urlencoded";
    if complete && !sent.body.is_empty() {
        if find(sent, "content-type").is_none() {
            sent.headers.push((b"Content-Type".to_vec(), form.to_vec()));
        }
        if find(sent, "content-type") == Some(form) && !sent.body.contains(&b'%') && !sent.body.contains(&b'+') {
            sent.body = encoded(&sent.body);
        }
    }
    if find(sent, "content-type").is_some_and(|value| value.starts_with(b"multipart/form-data;")) {
        sent.body = sent.body.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    }
    if complete {
        if find(sent, "connection").is_none() {
            sent.headers.push((b"Connection".to_vec(), b"close".to_vec()));
        }
        let takes_body = matches!(sent.method.as_slice(), b"POST" | b"PUT" | b"PATCH" | b"DELETE");
        if (!sent.body.is_empty() || takes_body) && find(sent, "content-length").is_none() {
            let length = sent.body.len().to_string().into_bytes();
            sent.headers.push((b"Content-Length".to_vec(), length));
        }
    }
}

/// Names and values of a form in URL encoding.
fn encoded(form: &[u8]) -> Vec<u8> {
    let piece = |text: &[u8]| {
        let mut output = Vec::new();
        for byte in text {
            match byte {
                b' ' => output.push(b'+'),
                byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) => output.push(*byte),
                byte => output.extend(format!("%{byte:02X}").bytes()),
            }
        }
        output
    };
    let pair = |pair: &[u8]| match pair.iter().position(|byte| *byte == b'=') {
        Some(place) => [piece(&pair[..place]), b"=".to_vec(), piece(&pair[place + 1..])].concat(),
        None => piece(pair),
    };
    form.split(|byte| *byte == b'&').map(pair).collect::<Vec<_>>().join(&b'&')
}

/// A request from its bytes.
fn parsed(raw: &[u8]) -> Sent {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(raw.len());
    let mut lines = raw[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next().unwrap_or_default().splitn(3, |byte| *byte == b' ').map(<[u8]>::to_vec);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((line[..colon].to_vec(), line[colon + 1..].trim_ascii().to_vec()))
    };
    Sent {
        method,
        target,
        protocol: words.next().unwrap_or_default(),
        headers: lines.filter_map(header).collect(),
        body: raw.get(end + 4..).unwrap_or_default().to_vec(),
    }
}
