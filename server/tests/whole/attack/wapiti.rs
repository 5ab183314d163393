//! wapiti on the dashboard, signed in as each role: it follows every link, fills in every form, and puts its attacks into every
//! parameter. The firewall is off, so that it is the pages that hold.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::people::{Credential, Firewall, Target};
use super::program::{Program, is_long, report};
use super::requests::ENDING;
use super::weak;
use crate::forms::shape;

const VARIABLE: &str = "RINGFENCE_WAPITI";
const LIMIT: Duration = Duration::from_mins(40);

/// What is tried. Left out are modules that look for other software (cms, wp_enum, nikto, network_device, ldap, spring4shell, log4shell), that
/// fetch their lists from elsewhere (wapp, htp), that are about names and certificates, which a test on loopback has none of (ssl,
/// https_redirect, takeover: testssl.sh looks at TLS), and that guess names and passwords (buster, brute_login_form: the limits are out of
/// the way here, and have tests of their own).
const MODULES: &str = "backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,ssrf,timesql,upload,xss,xxe";
/// For the roles that see no page which the owner does not see, in the ordinary run.
const MODULES_BRIEF: &str = "cookieflags,csp,csrf,http_headers,methods,permanentxss,redirect,xss";

/// One thing that it holds against a page.
#[derive(Debug)]
struct Finding {
    category: String,
    method: String,
    path: String,
    info: String,
}

/// What it said.
struct Verdict {
    findings: Vec<Finding>,
    /// Kinds of pages and forms that it reached, with the answer to its first visit.
    reached: BTreeSet<(String, String, u64)>,
    printed: String,
}

async fn judge(program: &Program, name: &str, base_url: &str, credential: &Credential, modules: &str) -> Verdict {
    let written = program.file(&format!("{name}.json"));
    let mut arguments: Vec<String> =
        ["--flush-session", "--no-bugreport", "-v", "1", "-f", "json", "-dr", "1", "-t", "20", "--scope", "folder"]
            .map(str::to_owned)
            .to_vec();
    arguments.extend(["-u".to_owned(), format!("{base_url}/"), "-m".to_owned(), modules.to_owned()]);
    arguments.extend(["-o".to_owned(), written.display().to_string()]);
    for (option, folder) in [("--store-session", "session"), ("--store-config", "config")] {
        let folder = program.file(&format!("{name}-{folder}"));
        std::fs::create_dir(&folder).expect("a new folder");
        arguments.extend([option.to_owned(), folder.display().to_string()]);
    }
    // Lists of a demo are short, but a scan makes them longer while it runs.
    arguments.extend(["--max-files-per-dir", if is_long() { "50" } else { "3" }].map(str::to_owned));
    // Nothing is asked of the program's own servers: what it would hear from there, nobody can say.
    arguments.extend(["--endpoint", "http://127.0.0.1:9/", "--dns-endpoint", "localhost"].map(str::to_owned));
    // The token of forms stays as the page gave it; forged ones are refused before anything is looked at.
    arguments.extend(["--skip".to_owned(), web::form_token::FIELD.to_owned()]);
    for (name, value) in credential.headers(base_url) {
        match name {
            "Cookie" => arguments.extend(["-C".to_owned(), value]),
            // It fills in the forms with their tokens.
            web::form_token::HEADER => {}
            _ => arguments.extend(["-H".to_owned(), format!("{name}: {value}")]),
        }
    }
    for path in ENDING.iter().chain(&["/live"]).filter(|path| !path.starts_with("/v1/")) {
        // A variable stands for anything.
        let pattern =
            path.split('/').map(|piece| if piece.starts_with('{') { "*" } else { piece }).collect::<Vec<_>>().join("/");
        arguments.extend(["-x".to_owned(), format!("{base_url}{pattern}")]);
    }
    let printed = program.run(&arguments, LIMIT).await;
    let report = report(&written, &printed);
    Verdict { findings: findings(&report), reached: reached(&report, base_url), printed }
}

fn findings(report: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in ["vulnerabilities", "anomalies", "additionals"] {
        let categories = report[part].as_object().unwrap_or_else(|| panic!("not a report: {report}"));
        for (category, list) in categories {
            let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
            findings.extend(list.as_array().into_iter().flatten().map(|one| Finding {
                category: category.clone(),
                method: text(one, "method"),
                path: text(one, "path"),
                info: text(one, "info"),
            }));
        }
    }
    findings
}

fn reached(report: &Value, base_url: &str) -> BTreeSet<(String, String, u64)> {
    let pages = report["infos"]["crawled_pages"].as_array().into_iter().flatten().map(|page| &page["request"]);
    let read = |page: &Value| {
        let url = page["url"].as_str().unwrap_or_default();
        let path = shape(url.strip_prefix(base_url).unwrap_or(url));
        (page["method"].as_str().unwrap_or_default().to_owned(), path, page["status_code"].as_u64().unwrap_or_default())
    };
    pages.map(read).collect()
}

/// What is no weakness after all, each looked at again rather than believed.
async fn stands(target: &Target, session: &Credential, finding: &Finding) -> bool {
    match finding.category.as_str() {
        // It knows tokens of forms by a list of names that ours is not in. A form without its token must be refused; one that lets somebody
        // in has no session yet, and must be refused when another site sends it.
        "Cross Site Request Forgery" => {
            let headers = session.headers(target.base_url());
            let cookie = headers.iter().find(|(name, _)| *name == "Cookie").map_or("", |(_, value)| value.as_str());
            let request = target.product.http.post(format!("{}{}", target.base_url(), finding.path));
            let request = request.header("content-type", "application/x-www-form-urlencoded").body("name=quince");
            let is_open = finding.path == "/sign-in";
            let (request, refusal) = if is_open {
                (request.header("origin", "https://other.example").header("sec-fetch-site", "cross-site"), "cross-site")
            } else {
                (request.header("cookie", cookie).header("origin", target.base_url()), "form-token")
            };
            let answer: Value = request.send().await.expect("an answer").json().await.unwrap_or_default();
            // Where secrets are guessed, the limit comes before everything else, and the scan has used it up.
            [refusal, "too-many-requests"].iter().all(|kind| answer["type"] != format!("urn:ringfence:problem:{kind}"))
        }
        // It lists methods with their answers, also those that are answered 405, and POST where a form is sent to.
        "HTTP Methods" => {
            let methods = finding.info.rsplit(": ").next().unwrap_or_default().replace(") ", ")\n");
            methods.lines().any(|method| !method.starts_with("POST (") && !method.ends_with("(405)"))
        }
        _ => true,
    }
}

/// Attacks as one role; gives how many kinds of pages and forms were reached with a good answer.
async fn attack(
    program: &Program,
    target: &Target,
    role: &str,
    session: &Credential,
    modules: &str,
    faults: &mut Vec<String>,
) -> usize {
    let verdict = judge(program, role, target.base_url(), session, modules).await;
    for finding in &verdict.findings {
        if stands(target, session, finding).await {
            faults
                .push(format!("{role}: {} on {} {}: {}", finding.category, finding.method, finding.path, finding.info));
        }
    }
    for (method, path, status) in verdict.reached.iter().filter(|(_, _, status)| *status >= 500) {
        faults.push(format!("{role}: {method} {path}: {status}"));
    }
    let good = verdict.reached.iter().filter(|(_, _, status)| *status < 400).count();
    println!("{role}: {} kinds of pages and forms, {good} with a good answer", verdict.reached.len());
    // Still signed in at the end: no button of those it pressed has ended the session.
    let headers = session.headers(target.base_url());
    let mut request = target.product.http.get(format!("{}/settings", target.base_url()));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    assert_eq!(
        request.send().await.expect("an answer").status(),
        200,
        "{role} is still signed in\n{}",
        verdict.printed
    );
    good
}

#[tokio::test(flavor = "multi_thread")]
async fn wapiti_finds_nothing_on_the_dashboard_as_any_role() {
    let Some(program) = Program::find(VARIABLE, "wapiti on the dashboard") else { return };
    let target = Target::start(Firewall::IsOff).await;
    // The lesser roles first: the mightier ones press the buttons that take the others' rights away.
    let mut sessions = Vec::new();
    for (role, least) in [("viewer", 8), ("manager", 20), ("admin", 30), ("owner", 30)] {
        sessions.push((role, target.session(role).await, least));
    }
    let mut faults = Vec::new();
    for (role, session, least) in &sessions {
        let modules = if is_long() || *role == "owner" { MODULES } else { MODULES_BRIEF };
        let good = attack(&program, &target, role, session, modules, &mut faults).await;
        assert!(good >= *least, "{role} reached {good} kinds of pages only");
    }
    assert!(faults.is_empty(), "{} findings:\n{}", faults.len(), faults.join("\n"));
    assert!(!target.product.log().contains("panicked"), "{}", target.product.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn wapiti_finds_the_holes_of_a_weak_server() {
    let Some(program) = Program::find(VARIABLE, "wapiti on a weak server") else { return };
    let weak = weak::start().await;
    let verdict = judge(&program, "weak", &weak, &Credential::Nothing, "csp,http_headers,xss").await;
    for category in ["Reflected Cross Site Scripting", "Content Security Policy Configuration"] {
        let found = verdict.findings.iter().any(|finding| finding.category == category);
        assert!(found, "{category}: {:#?}", verdict.findings);
    }
}
