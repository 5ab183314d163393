//! Nothing that anybody said, wrote, uploaded or holds as a secret stands on the disk or in the log as it is: not in the data
//! folder with its objects, write-ahead log and temporary files, not in the machine's temporary folder or any other file that the
//! product has open, not in PostgreSQL's own files, not in the log at its loudest, PostgreSQL's included.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sign_in::totp::SharedSecret;
use telephony::softphone::Step;

use crate::caller::{self, call, options, phone, pressing};
use crate::organizations::{by_session, command};
use crate::product::{Product, cookie_of};
use crate::search::Search;
use crate::visitor::{Person, Visitor};

/// The one file that may hold secrets: it tells programs how to use the demo.
const DEMO_FACTS: &str = "demo.json";

const CALLER_NAME: &str = "Zebulon Quartermain";
const CALLER_NUMBER: &str = "+441174967731";
const QUESTION: &str = "Does the heliotrope fence hurt my molar?";
const VISITOR_NAME: &str = "Philippa Wintergreen";
const VISITOR_PHONE: &str = "+441174965523";
const VISITOR_EMAIL: &str = "philippa@wintergreen.example";
const WISH: &str = "something about a vermilion crown for my parrot";
const DOCUMENT: &str = "Our periwinkle rinse costs eleven guineas before noon.";
const DOCUMENT_TITLE: &str = "Periwinkle price list";
const CONTACT_NAME: &str = "Ottoline Fairweather";
const CONTACT_EMAIL: &str = "ottoline@fairweather.example";
/// A tone whose period is whole samples, so that every stretch of it looks alike.
const CALL_TONE: f64 = 1_000.0;
const VOICEMAIL_TONE: f64 = 800.0;
const SECRET: &str = "ambergris-lantern-for-the-trunk";
const CLIENT_SECRET: &str = "marigold-anvil-for-the-provider";
const OPERATOR_EMAIL: &str = "ione@lighthouse.example";
const OPERATOR_PASSWORD: &str = "eleven pewter herons by the weir";
const DESK: &str = "This is the desk: the burgundy chair is yours at noon.";
const REPLY: &str = "Then please keep the saffron cushion for me as well.";
/// Its bytes are looked for as well as its letters.
const APP_SECRET: &str = "secret of an authenticator app";
/// The public name of the business, which is not sealed: whoever looks must find it.
const IN_CLEAR: &str = "Harbour Dental Practice";
/// Samples of sound that are looked for.
const STRETCH: usize = 32;

/// Everything a business does in a day; gives words that the agent said and secrets that were handed out.
async fn a_day(product: &Product) -> Vec<(&'static str, String)> {
    let agent = &product.facts.agent_id;
    let text = json!({"title": DOCUMENT_TITLE, "text": DOCUMENT, "attested": true});
    let added = product.api(Method::POST, &format!("/v1/agents/{agent}/knowledge/texts")).json(&text).send().await;
    assert_eq!(added.expect("an answer").status(), 202);
    let contact = json!({"name": CONTACT_NAME, "email": CONTACT_EMAIL});
    let made = product.api(Method::POST, "/v1/contacts").json(&contact).send().await.expect("an answer");
    assert_eq!(made.status(), 201);
    let set = product.api(Method::PUT, "/v1/secrets/trunk-password").json(&json!({"value": SECRET})).send().await;
    assert_eq!(set.expect("an answer").status(), 201);
    let (mut said, (), held) = tokio::join!(a_chat(product), calls(product), secrets(product));
    said.extend(held);
    said
}

/// A request that must be answered with this status; gives the answer.
async fn sent(request: reqwest::RequestBuilder, status: u16) -> Value {
    let answer = request.send().await.expect("an answer");
    let (got, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A person answers a visitor, and everything is set up and used that people and programs sign in with.
async fn secrets(product: &Product) -> Vec<(&'static str, String)> {
    let cookie = product.sign_in().await;
    let api = |method, path: &str| by_session(product, &cookie, method, path);
    let visitor = Visitor::open(product, 3).await;
    let conversation = format!("/v1/conversations/{}", visitor.conversation_id);
    sent(api(Method::PUT, &format!("{conversation}/person")), 200).await;
    sent(api(Method::POST, &format!("{conversation}/messages")).json(&json!({"text": DESK})), 201).await;
    visitor.say(REPLY).await;
    let heard = visitor.history().await;
    let has = |words: &str| heard.iter().any(|line| line["text"] == words);
    assert!(has(DESK) && has(REPLY), "{heard:?}");

    let directory = sent(api(Method::POST, "/v1/provisioning/keys").json(&json!({"name": "Directory"})), 201).await;
    let provider = json!({
        "short_name": "quartz", "issuer": "https://login.quartz.example", "client_id": "ringfence",
        "client_secret": CLIENT_SECRET, "domains": ["quartz.example"], "required": false, "enabled": true,
    });
    sent(api(Method::PUT, "/v1/single-sign-on").json(&provider), 200).await;
    let mut held = second_factors(product, &cookie).await;
    held.extend([
        ("session cookie", cookie.clone()),
        ("key of a directory", directory["secret"].as_str().expect("a key").to_owned()),
        ("client secret of a provider", CLIENT_SECRET.to_owned()),
        ("words of a person to a visitor", DESK.to_owned()),
        ("words of a visitor to a person", REPLY.to_owned()),
        ("e-mail of an operator", OPERATOR_EMAIL.to_owned()),
        ("password of an operator", OPERATOR_PASSWORD.to_owned()),
    ]);
    held
}

/// The owner sets up an authenticator app, and signs in anew with their password and a backup code.
async fn second_factors(product: &Product, cookie: &str) -> Vec<(&'static str, String)> {
    assert_eq!(product.post_form("/second-factors/app", Some(cookie), "").await.status(), 303);
    let page = by_session(product, cookie, Method::GET, "/second-factors/app").send().await.expect("an answer");
    let page = page.text().await.expect("a page");
    let letters =
        page.split("id=\"app-key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a key").to_owned();
    let secret = SharedSecret::parse(&letters).expect("a secret as people type it");
    let code = secret.code_at(storage::Clock::now(&storage::SystemClock));
    let added = product.post_form("/second-factors/app/confirmation", Some(cookie), &format!("code={code}")).await;
    assert_eq!(added.status(), 200);
    let mut held = vec![(APP_SECRET, letters), (APP_SECRET, secret.text())];
    held.push(("session with a new factor", cookie_of(&added)));
    let page = added.text().await.expect("a page");
    let list = page.split("id=\"backup-codes\">").nth(1).and_then(|rest| rest.split("</ul>").next()).expect("codes");
    let codes: Vec<&str> = list.split("<li>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(codes.len(), sign_in::backup_code::CODES, "{list}");

    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let (email, password) = (escaped(&product.facts.owner_email), escaped(&product.facts.owner_password));
    let half = product.post_form("/sign-in", None, &format!("email={email}&password={password}")).await;
    let half = cookie_of(&half);
    let whole = product.post_form("/sign-in/second-factor", Some(&half), &format!("code={}", codes[0])).await;
    assert_eq!(whole.status(), 303, "a backup code counts");
    held.push(("session of two factors", cookie_of(&whole)));
    held.push(("session before its second factor", half));
    held.extend(codes.iter().map(|code| ("backup code", (*code).to_owned())));
    held.extend(codes.iter().map(|code| ("backup code", code.replace('-', ""))));
    held
}

/// An operator, made at the command line with these arguments, signs in with their password.
async fn operator(product: &Product, arguments: &[&str]) {
    let folder = product.folder().to_str().expect("a plain path");
    let made = ["operator", "create", "--name", "Ione Ward", "--email", OPERATOR_EMAIL, "--role", "support"];
    let made = [&made[..], &["--data-dir", folder], arguments].concat();
    command(&made, format!("{OPERATOR_PASSWORD}\n").as_bytes()).await;
    let body = format!("email={OPERATOR_EMAIL}&password={}", OPERATOR_PASSWORD.replace(' ', "+"));
    let page = product.facts.metrics_url.replace("/metrics", "/sign-in");
    let request = product.http.post(page).body(body).header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().await.expect("an answer").status(), 303, "the password is theirs");
}

async fn a_chat(product: &Product) -> Vec<(&'static str, String)> {
    let visitor = Visitor::open(product, 2).await;
    let person = Person { name: VISITOR_NAME, phone: VISITOR_PHONE, email: VISITOR_EMAIL, wish: WISH };
    let turn = visitor.leave_wish(&person).await;
    let leads = product.get("/v1/leads").await;
    assert!(leads.to_string().contains(VISITOR_NAME), "the lead was taken: {turn:?} {leads}");
    visitor.book(&person).await;
    let answered = visitor.say(QUESTION).await;
    let mut words: Vec<(&'static str, String)> = Vec::new();
    for line in visitor.history().await.iter().filter(|line| line["by"] == "agent") {
        let text = line["text"].as_str().expect("text");
        words.extend(text.lines().filter(|line| line.len() > 30).map(|line| ("words of the agent", line.to_owned())));
    }
    assert!(words.len() >= 4 && !answered.text.is_empty(), "{words:?}");
    words.push(("pass of the visitor", visitor.pass.clone()));
    words
}

/// A call that is recorded while the caller speaks, and one whose caller leaves a message.
async fn calls(product: &Product) {
    let phone = phone().await;
    let address = product.facts.sip_uri.clone();
    let mut steps = pressing(&["1"]);
    steps.extend([Step::Wait(1_000), Step::Say(caller::tone(CALL_TONE, 3)), Step::HangUp]);
    let recorded = options(CALLER_NAME, CALLER_NUMBER, steps);
    call(&phone, &address, &recorded).await;
    let mut steps: Vec<Step> =
        ["2", "3", "1"].into_iter().flat_map(|key| [Step::Wait(2_000), Step::Press(key.to_owned())]).collect();
    steps.extend([Step::Listen(1_500), Step::Press("1".to_owned()), Step::Listen(1_500)]);
    steps.extend([Step::Say(caller::tone(VOICEMAIL_TONE, 3)), Step::Wait(500), Step::Press("#".to_owned())]);
    steps.extend([Step::Wait(4_000), Step::HangUp]);
    call(&phone, &address, &options(CALLER_NAME, CALLER_NUMBER, steps)).await;
    phone.close().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let recordings = product.get("/v1/recordings").await;
        let rows = recordings["data"].as_array().expect("a list").clone();
        let ready = |kind: &str| {
            rows.iter()
                .any(|row| row["kind"] == kind && row["state"] == "ready" && row["milliseconds"].as_i64() > Some(1_500))
        };
        if ready("call") && ready("voicemail") {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "a recording is missing: {recordings}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn needles(product: &Product, said: &[(&'static str, String)]) -> Search {
    let facts = &product.facts;
    let mut search = Search::default();
    let words = [
        ("name of the caller", CALLER_NAME),
        ("number of the caller", CALLER_NUMBER),
        ("words of the visitor", QUESTION),
        ("words of the visitor", WISH),
        ("name of the visitor", VISITOR_NAME),
        ("number of the visitor", VISITOR_PHONE),
        ("e-mail of the visitor", VISITOR_EMAIL),
        ("text of a document", DOCUMENT),
        ("title of a document", DOCUMENT_TITLE),
        ("name of a contact", CONTACT_NAME),
        ("e-mail of a contact", CONTACT_EMAIL),
        ("e-mail of the owner", &facts.owner_email),
        ("password of the owner", &facts.owner_password),
        ("API key", &facts.api_key),
        ("embed token", &facts.embed_token),
        ("secret of the organization", SECRET),
    ];
    for (label, text) in words.into_iter().chain(said.iter().map(|(label, text)| (*label, text.as_str()))) {
        search.text(label, text);
        if label == APP_SECRET {
            search.bytes(label, SharedSecret::parse(text).expect("a secret").as_bytes());
        }
        // Parts of it: a stretch from the middle, as an index might keep; the random end of a token.
        let middle: String = text.chars().skip(text.chars().count() / 3).take(16).collect();
        if middle.len() >= 12 {
            search.text(&format!("middle of {label}"), middle.trim());
        }
        if let Some(secret) = text.rsplit('_').next().filter(|secret| secret.len() > 20) {
            search.text(&format!("secret of {label}"), secret);
        }
    }
    sound(&mut search, "tone in a call", &caller::tone(CALL_TONE, 1)[..STRETCH]);
    sound(&mut search, "tone in a message", &caller::tone(VOICEMAIL_TONE, 1)[..STRETCH]);
    search
}

/// A stretch of sound as it would stand in a file: PCM of 16 bits in either order, beside silence as in two channels, µ-law;
/// as it was made, and as it comes out of µ-law.
fn sound(search: &mut Search, label: &str, made: &[i16]) {
    let coded: Vec<u8> = made.iter().map(|&sample| media::g711::encode_ulaw(sample)).collect();
    let heard: Vec<i16> = coded.iter().map(|&byte| media::g711::decode_ulaw(byte)).collect();
    search.bytes(label, &coded);
    for samples in [made, &heard] {
        search.bytes(label, &samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
        search.bytes(label, &samples.iter().flat_map(|sample| sample.to_be_bytes()).collect::<Vec<_>>());
        let left: Vec<u8> = samples.iter().flat_map(|sample| [sample.to_le_bytes(), [0; 2]].concat()).collect();
        search.bytes(label, &left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_known_stands_in_clear_on_the_disk_or_in_the_log() {
    let product = Product::start_logging("trace").await;
    operator(&product, &[]).await;
    let said = a_day(&product).await;
    let search = needles(&product, &said);
    let (mut found, bytes) = search.folder(product.folder(), &[DEMO_FACTS]);
    found.extend(elsewhere(&product, &search));
    let log = product.log();
    found.extend(search.find(log.as_bytes()).into_iter().map(|label| format!("{label} in the log")));
    // The search is worth something: the facts hold what it looks for, and the recordings hold the sound.
    let facts = std::fs::read(product.folder().join(DEMO_FACTS)).expect("the facts");
    let known = search.find(&facts);
    for label in ["API key (as they are)", "embed token (as they are)", "password of the owner (as they are)"] {
        assert!(known.contains(label), "{label}: {known:?}");
    }
    assert!(sounds_are_heard(&product, &search).await, "the recordings hold the tones, for those who may listen");
    println!("{bytes} bytes on the disk and {} in the log searched", log.len());
    assert!(found.is_empty(), "{found:#?}");
    assert!(bytes > 500_000 && log.len() > 1_000, "{bytes} and {}", log.len());
    // The same once it has ended: what was only in memory has been written by now.
    let (folder, scratch) = product.end_orderly().await;
    let (found, _) = search.folder(&folder, &[DEMO_FACTS]);
    assert!(found.is_empty(), "{found:#?}");
    drop(scratch);
}

/// The same day on PostgreSQL: its tables, indexes and write-ahead log hold no more than the embedded database.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_known_stands_in_clear_in_the_files_of_postgresql() {
    let Some(test) = storage::testing::postgres(storage::Schema::new()).await else { return };
    let storage::DatabaseConfig::Postgres { url, .. } = test.config().clone() else {
        panic!("PostgreSQL was asked for")
    };
    test.database.close().await;
    let superuser = test.superuser_url().expect("a superuser of the tests' server").to_owned();
    let Some(files) = files_of_server(&superuser).await else {
        println!("not measured: PostgreSQL's files: this user may not read the data folder of the tests' server");
        return;
    };
    let log = ServerLog::at_its_loudest(&superuser, &files).await;
    let product = Product::start_logging_with("trace", &["--no-caller", "--database-url", &url]).await;
    let settings = product.folder().with_extension("toml");
    std::fs::write(&settings, format!("database_url = {}\n", Value::from(url))).expect("written");
    operator(&product, &["--settings", settings.to_str().expect("a plain path")]).await;
    let said = a_day(&product).await;
    let mut search = needles(&product, &said);
    search.text("what is public", IN_CLEAR);
    // The write-ahead log first, before others who use the server overwrite it; the last that it holds is public.
    let rows = format!("insert into witness select '{IN_CLEAR}' from generate_series(1, 9)");
    sql(&superuser, &["set synchronous_commit = on", "create table witness (words text)", &rows]).await;
    let (mut found, mut bytes) = search.folder(&files.join("pg_wal"), &[]);
    // Then everything that is still in memory is written to the files.
    sql(&superuser, &["checkpoint"]).await;
    found.extend(search.folder(product.folder(), &[DEMO_FACTS]).0.into_iter().filter(|found| !is_public(found)));
    found.extend(elsewhere(&product, &search).into_iter().filter(|found| !is_public(found)));
    let told = log.read();
    bytes += told.len() as u64;
    found.extend(search.find(&told).into_iter().map(|label| format!("{label} in the log of PostgreSQL")));
    let (more, size) = search.folder(&files.join("base"), &[]);
    found.extend(more);
    bytes += size;
    let (public, private): (Vec<String>, Vec<String>) = found.into_iter().partition(|found| is_public(found));
    println!("{bytes} bytes searched, PostgreSQL's files among them");
    assert!(public.iter().any(|found| found.contains("/base/")), "the search finds what is in clear: {public:#?}");
    assert!(public.iter().any(|found| found.contains("/pg_wal/")), "also in the write-ahead log: {public:#?}");
    assert!(public.iter().any(|found| found.ends_with("the log of PostgreSQL")), "and in its log: {public:#?}");
    assert!(private.is_empty(), "{private:#?}");
    assert!(search.find(product.log().as_bytes()).iter().all(|found| is_public(found)));
}

fn is_public(found: &str) -> bool {
    found.starts_with("what is public")
}

/// Has the tests' server do these, one after the other in one session.
async fn sql(superuser: &str, statements: &[&str]) {
    let mut psql = tokio::process::Command::new("psql");
    psql.arg(superuser).args(["-v", "ON_ERROR_STOP=1"]).args(statements.iter().flat_map(|statement| ["-c", statement]));
    let done = psql.output().await.expect("psql stands beside the server");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// What stands in the temporary folder that the product was given, and in files that it has open anywhere else, those that have
/// lost their name among them.
fn elsewhere(product: &Product, search: &Search) -> Vec<String> {
    let (mut found, _) = search.folder(&product.temporary(), &[]);
    let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", product.process())) else {
        println!("not measured: the product's open files: this machine has no /proc");
        return found;
    };
    let mut files = 0;
    for path in open.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = std::fs::read_link(&path).unwrap_or_default();
        let is_searched = name.starts_with(product.folder()) && name.exists();
        // It may have been closed meanwhile.
        if is_searched || !std::fs::metadata(&path).is_ok_and(|file| file.is_file()) {
            continue;
        }
        let Ok(content) = std::fs::read(&path) else { continue };
        files += 1;
        found.extend(search.find(&content).into_iter().map(|label| format!("{label} in {}", name.display())));
    }
    assert!(files > 0, "its log is open at least");
    found
}

/// The log of the tests' server from now on.
struct ServerLog {
    path: std::path::PathBuf,
    before: usize,
}

impl ServerLog {
    /// From now on the server writes down every statement for this database, with what is bound to it.
    async fn at_its_loudest(superuser: &str, files: &std::path::Path) -> Self {
        let settings = "do $$ begin \
            execute format('alter database %I set log_statement = ''all''', current_database()); \
            execute format('alter database %I set log_min_messages = ''warning''', current_database()); end $$";
        sql(superuser, &[settings]).await;
        // It writes to its standard error, which is a file.
        let number = std::fs::read_to_string(files.join("postmaster.pid")).expect("the server runs");
        let number = number.lines().next().expect("its process").trim().to_owned();
        let path = std::path::PathBuf::from(format!("/proc/{number}/fd/2"));
        let mut log = Self { path, before: 0 };
        log.before = log.read().len();
        log
    }

    fn read(&self) -> Vec<u8> {
        let whole = std::fs::read(&self.path).expect("the tests' server writes its log to a file");
        whole.get(self.before..).expect("it grows only").to_vec()
    }
}

/// The data folder of the tests' server, as it tells it itself; none when another machine has it or it may not be read.
async fn files_of_server(superuser: &str) -> Option<std::path::PathBuf> {
    let told = tokio::process::Command::new("psql").arg(superuser).args(["-Atc", "show data_directory"]).output().await;
    let told = told.expect("psql stands beside the server");
    let folder = std::path::PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
    std::fs::read_dir(folder.join("base")).is_ok().then_some(folder)
}

/// Opens every recording through a link and finds the tone and the words as PCM.
async fn sounds_are_heard(product: &Product, search: &Search) -> bool {
    let mut heard = std::collections::BTreeSet::new();
    let recordings: Value = product.get("/v1/recordings").await;
    for recording in recordings["data"].as_array().expect("a list") {
        let wave = product.recording(recording["id"].as_str().expect("an id")).await;
        let sound = media::wav::read(&wave).expect("a WAV file");
        let first = sound.channels.first().expect("a channel");
        let bytes: Vec<u8> = first.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        heard.extend(search.find(&bytes).into_iter().map(str::to_owned));
    }
    let found = |label: &str| heard.iter().any(|one| one.starts_with(label));
    found("tone in a call") && found("tone in a message")
}
