//! Processor time per ordinary request: our engine and libmodsecurity, on the same Core Rule Set (blocking, paranoia 1), the same
//! requests and in one run. Reads the rule set from `../shared/crs` beside the project, or from below `RINGFENCE_SHARED`.
//!
//! Fails where libmodsecurity takes less than [`RATIO_LEAST`] times as long or decides otherwise. Without it or without the rule set it
//! says `not measured: …`, which the test command takes for a failure in CI. Both engines have one thread and their own processor time,
//! so other work on the machine changes the ratio little.
//!
//! `cargo run --release --manifest-path benches/firewall/Cargo.toml [rounds]`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use seclang::{Limits, Mode, Request, RuleSet, Source, Transaction, Verdict};

/// The other engine takes so many times our processor time at least, for each request.
const RATIO_LEAST: f64 = 5.0;
/// What both engines are told besides the rule set: this API's methods, and that JSON is JSON.
const SET_UP: &str =
    "SecAction \"id:1901,phase:1,nolog,pass,setvar:'tx.allowed_methods=GET HEAD POST PUT PATCH DELETE OPTIONS'\"\n";
const OTHER_SET_UP: &str = "SecRuleEngine On\nSecRequestBodyAccess On\n\
    SecRule REQUEST_HEADERS:Content-Type \"^application/json\" \
    \"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n";

/// A request.
struct Case {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let rounds: u32 = std::env::args().nth(1).map_or(Ok(2_000), |text| text.parse())?;
    let shared = std::env::var_os("RINGFENCE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let crs = shared.join("crs");
    if !crs.join("rules").is_dir() {
        println!("not measured: firewall: the rule set is not there");
        return Ok(ExitCode::SUCCESS);
    }
    let rules = compiled(&crs)?;
    let work = std::env::temp_dir().join(format!("firewall-bench-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    let harness = harness(&work);
    let list = include_list(&crs, &work)?;
    let mut faults = Vec::new();
    println!("{:<28} {:>12} {:>16} {:>8}", "request", "ours", "libmodsecurity", "ratio");
    for case in cases() {
        let (own, verdict) = ours(&rules, &case, rounds)?;
        let other = match &harness {
            Ok(program) => theirs(program, &list, &case, &work, rounds / 4)?,
            Err(reason) => {
                println!("{:<28} {:>9.1} µs", case.name, own as f64 / 1e3);
                println!("not measured: firewall: {reason}");
                continue;
            }
        };
        let refused = if verdict == Verdict::Pass { 0 } else { 403 };
        let ratio = other.0 as f64 / own as f64;
        let (own, theirs) = (own as f64 / 1e3, other.0 as f64 / 1e3);
        println!("{:<28} {own:>9.1} µs {theirs:>13.1} µs {ratio:>7.1}x", case.name);
        if refused != other.1 {
            faults.push(format!("{}: we say {refused}, libmodsecurity {} (0: passes)", case.name, other.1));
        }
        // Asked this way round, so that a ratio that is no number is a fault.
        if !(ratio >= RATIO_LEAST) {
            faults.push(format!("{}: {ratio:.1} times our processor time, and not {RATIO_LEAST}", case.name));
        }
    }
    std::fs::remove_dir_all(work)?;
    faults.iter().for_each(|fault| println!("FAILED {fault}"));
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cases() -> Vec<Case> {
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let headers = |more: &[(&str, String)]| {
        let mut headers: Vec<(String, String)> = [
            ("Host", "desk.example"),
            ("User-Agent", browser),
            ("Accept", "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"),
            ("Accept-Language", "en-GB,en;q=0.7"),
            ("Accept-Encoding", "gzip, deflate, br"),
            ("Referer", "https://desk.example/inbox"),
            ("Cookie", "__Host-session=Zk3xQ0b7WmTn2YpRr8uVvA9sDdEeFfGgHhIi"),
            ("Sec-Fetch-Site", "same-origin"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        headers
    };
    let json = |name, body: String| Case {
        name,
        method: "POST",
        target: "/widget/messages",
        headers: headers(&[
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", body.len().to_string()),
        ]),
        body: body.into_bytes(),
    };
    let chat =
        "Hello, I have a toothache since Sunday. Could I see somebody this week, preferably Thursday after 4 pm?";
    let sentence =
        "You answer for a dental practice; be brief, name prices from the list, and offer the next free appointment. ";
    let prompt: String = sentence.repeat(4_096 / sentence.len() + 1).chars().take(4_096).collect();
    let rows: Vec<String> = (0..60)
        .map(|row| format!("{{\"name\":\"Person {row}\",\"phone\":\"+44 20 7946 {row:04}\",\"city\":\"Leeds\"}}"))
        .collect();
    vec![
        Case {
            name: "GET of a page",
            method: "GET",
            target: "/conversations?state=open&page=2&order=newest",
            headers: headers(&[]),
            body: Vec::new(),
        },
        json("POST of a chat message", format!("{{\"text\":\"{chat}\",\"language\":\"en\"}}")),
        json("POST of a 4 KiB prompt", format!("{{\"name\":\"Reception\",\"instructions\":\"{prompt}\"}}")),
        json("POST of 180 JSON values", format!("{{\"rows\":[{}]}}", rows.join(","))),
    ]
}

fn compiled(crs: &Path) -> Result<RuleSet, Box<dyn Error>> {
    let read = |extension: &str| -> Result<Vec<(String, String)>, Box<dyn Error>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(crs.join("rules"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|own| own == extension) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(&path)?));
            }
        }
        files.sort();
        Ok(files)
    };
    let mut rules = vec![
        ("crs-setup.conf".to_owned(), std::fs::read_to_string(crs.join("crs-setup.conf.example"))?),
        ("set-up".to_owned(), SET_UP.to_owned()),
    ];
    rules.extend(read("conf")?);
    let data = read("data")?;
    let all: Vec<Source<'_>> = rules.iter().map(|(name, text)| Source { name, text }).collect();
    let phrases: Vec<Source<'_>> = data.iter().map(|(name, text)| Source { name, text }).collect();
    Ok(RuleSet::compile(&all, &phrases)?)
}

/// Nanoseconds of processor time that this thread has had.
fn processor_time() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no time")?.parse()?)
}

fn ours(rules: &RuleSet, case: &Case, rounds: u32) -> Result<(u64, Verdict), Box<dyn Error>> {
    let headers: Vec<(&[u8], &[u8])> =
        case.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let request = Request {
        method: case.method.as_bytes(),
        target: case.target.as_bytes(),
        protocol: b"HTTP/1.1",
        headers: &headers,
        remote_address: Some(std::net::Ipv4Addr::new(192, 0, 2, 7).into()),
        unique_id: "0",
        free_text: &[],
    };
    let run = || {
        let mut transaction = Transaction::new(rules, Mode::Block, Limits::default());
        transaction.request_headers(&request);
        transaction.request_body(&case.body)
    };
    let mut verdict = Verdict::Pass;
    for _ in 0..rounds / 10 + 1 {
        verdict = run();
    }
    let start = processor_time()?;
    for _ in 0..rounds {
        run();
    }
    Ok(((processor_time()? - start) / u64::from(rounds.max(1)), verdict))
}

/// Compiles the other engine's harness; the reason where that cannot be done.
fn harness(work: &Path) -> Result<PathBuf, String> {
    let program = work.join("libmodsecurity");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/libmodsecurity.c");
    let compiled = Command::new("cc").args(["-O2", "-o"]).arg(&program).args([source, "-lmodsecurity"]).output();
    match compiled {
        Ok(output) if output.status.success() => Ok(program),
        Ok(_) => Err("libmodsecurity-dev is not installed".to_owned()),
        Err(error) => Err(format!("cc: {error}")),
    }
}

fn include_list(crs: &Path, work: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut text = format!("{OTHER_SET_UP}Include {}\n{SET_UP}", crs.join("crs-setup.conf.example").display());
    text.push_str(&format!("Include {}\n", crs.join("rules/*.conf").display()));
    let list = work.join("rules.conf");
    std::fs::write(&list, text)?;
    Ok(list)
}

fn theirs(program: &Path, list: &Path, case: &Case, work: &Path, rounds: u32) -> Result<(u64, u16), Box<dyn Error>> {
    let mut text = format!("{}\n{}\n{}\n", case.method, case.target, case.headers.len()).into_bytes();
    for (name, value) in &case.headers {
        text.extend(format!("{name}: {value}\n").bytes());
    }
    text.extend(&case.body);
    let file = work.join("request");
    std::fs::write(&file, text)?;
    let output = Command::new(program).arg(list).arg(&file).arg(rounds.max(1).to_string()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let printed = String::from_utf8(output.stdout)?;
    let (time, status) = printed.trim().split_once(' ').ok_or("no figures")?;
    Ok((time.parse()?, status.parse()?))
}
