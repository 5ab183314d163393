//! Knowledge on both databases: added, read by the worker, found, changed at its source, deleted, and sealed all along.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use agents::knowledge::source::{DOCUMENTS_MAX, State};
use agents::knowledge::store::{self, DOCUMENT, DOCUMENT_CONTENT, NewDocument, PASSAGE};
use agents::knowledge::{Attestation, Error, Knowledge, Reach, Settings, SourceKind};
use identity::testing::{TestPlatform, platforms};
use identity::{Caller, Role};
use storage::Schema;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;
use web::live::{Heard, Live};

const PRICES: &str =
    "# Prices\n\n| Treatment | Price |\n| --- | --- |\n| Professional cleaning | $90 |\n| Root canal | $650 |\n";
const SECRET: &str = "zanzibarmarmalade";

struct House {
    test: TestPlatform,
    knowledge: Knowledge,
    live: Live,
    caller: Caller,
    agent: Uuid,
}

impl House {
    async fn all() -> Vec<Self> {
        let schema = Schema::new().with(agents::TABLES, agents::STATEMENTS);
        let mut houses = Vec::new();
        for test in platforms(schema).await {
            let live = Live::new(test.platform.entropy.as_ref());
            let settings = Settings { reach: Reach::LoopbackToo, program: PathBuf::from("/nonexistent") };
            let knowledge = Knowledge::new(test.platform.clone(), live.clone(), settings);
            let organization = test.organization("practice").await.organization;
            let caller = test.member(organization, Role::Manager).await.caller;
            let agent = agent(&test, &caller).await;
            houses.push(Self { test, knowledge, live, caller, agent });
        }
        houses
    }

    async fn add(&self, title: &str, text: &str) -> Uuid {
        let added = self.knowledge.add_text(&self.caller, self.agent, Attestation::given(true), title, text).await;
        added.expect("taken").id
    }

    async fn work(&self) {
        while self.knowledge.work_once().await.expect("worked") {}
    }

    async fn quote(&self, question: &str) -> Option<String> {
        let database = self.caller.database(&self.test.platform);
        let found = self.knowledge.find(&database, self.agent, question, 1).await.expect("searched");
        found.into_iter().next().map(|one| one.quote)
    }

    async fn state(&self, id: Uuid) -> (State, i64, Option<String>) {
        let document = self.knowledge.document(&self.caller, self.agent, id).await.expect("there");
        (document.state, document.version, document.failure)
    }
}

/// An agent of the caller's organization; what its draft says does not matter here.
async fn agent(test: &TestPlatform, caller: &Caller) -> Uuid {
    let id = test.platform.identifiers.next();
    let mut transaction = caller.database(&test.platform).begin().await.expect("begun");
    let now = test.platform.now();
    let fields = [
        ("id", id.into()),
        ("draft", vec![0_u8].into()),
        ("draft_hash", "".into()),
        ("draft_saved_at", now.into()),
        ("published_version_id", storage::Value::Null),
        ("created_at", now.into()),
    ];
    transaction.insert(&agents::store::AGENT, &fields).await.expect("inserted");
    transaction.commit().await.expect("committed");
    id
}

#[tokio::test]
async fn a_text_is_read_found_and_deleted() {
    for house in House::all().await {
        let id = house.add("Price list", PRICES).await;
        assert_eq!(house.state(id).await, (State::Queued, 0, None), "{}", house.test.name);
        assert_eq!(house.quote("How much is a cleaning?").await, None, "quarantined until read");
        house.work().await;
        assert_eq!(house.state(id).await, (State::Ready, 1, None));
        let quote = house.quote("How much is a cleaning?").await;
        assert_eq!(quote.as_deref(), Some("Professional cleaning \u{2013} Price: $90"), "{}", house.test.name);
        let second = house.add("Parking", "Free parking is behind the building.").await;
        house.work().await;
        assert_eq!(house.quote("Where can I park?").await.as_deref(), Some("Free parking is behind the building."));
        house.knowledge.delete(&house.caller, house.agent, second).await.expect("deleted");
        assert_eq!(house.quote("Where can I park?").await, None);
        house.knowledge.delete(&house.caller, house.agent, id).await.expect("deleted");
        assert!(matches!(house.knowledge.document(&house.caller, house.agent, id).await, Err(Error::NotFound)));
        assert_eq!(house.quote("How much is a cleaning?").await, None);
    }
}

#[tokio::test]
async fn nothing_is_taken_without_attestation_or_when_it_is_a_program() {
    for house in House::all().await {
        let (knowledge, caller, agent) = (&house.knowledge, &house.caller, house.agent);
        let given = Attestation::given(true);
        assert!(matches!(knowledge.add_text(caller, agent, None, "t", "x").await, Err(Error::NotAttested)));
        assert!(matches!(knowledge.add_url(caller, agent, None, "http://a.example/").await, Err(Error::NotAttested)));
        assert!(matches!(knowledge.add_upload(caller, agent, None, "a.md", b"x").await, Err(Error::NotAttested)));
        let disguised = knowledge.add_upload(caller, agent, given, "prices.pdf", b"MZ\x90\0this program").await;
        assert!(matches!(disguised, Err(Error::Read(_))));
        assert!(matches!(
            knowledge.add_url(caller, agent, given, "http://10.0.0.1/").await,
            Err(Error::Invalid { .. })
        ));
        assert!(matches!(knowledge.add_text(caller, agent, given, " ", "x").await, Err(Error::Invalid { .. })));
        assert!(matches!(knowledge.add_text(caller, agent, given, "t", " \n").await, Err(Error::Invalid { .. })));
        let unknown = knowledge.add_text(caller, Uuid::max(), given, "t", "x").await;
        assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
        assert!(knowledge.documents(caller, agent, Uuid::max(), 10).await.expect("listed").is_empty());
    }
}

#[tokio::test]
async fn another_organization_and_another_agent_see_nothing() {
    for house in House::all().await {
        let id = house.add("Price list", PRICES).await;
        house.work().await;
        let other = house.test.organization("other").await.organization;
        let stranger = house.test.member(other, Role::Owner).await.caller;
        let own_agent = agent(&house.test, &stranger).await;
        for agent in [house.agent, own_agent] {
            assert!(matches!(house.knowledge.document(&stranger, agent, id).await, Err(Error::NotFound)));
            assert!(matches!(house.knowledge.delete(&stranger, agent, id).await, Err(Error::NotFound)));
            assert!(matches!(house.knowledge.sync(&stranger, agent, id).await, Err(Error::NotFound)));
            let database = stranger.database(&house.test.platform);
            assert!(
                house.knowledge.search(&database, agent, "How much is a cleaning?", 3).await.expect("asked").is_empty()
            );
        }
        assert!(matches!(
            house.knowledge.documents(&stranger, house.agent, Uuid::max(), 9).await,
            Err(Error::NotFound)
        ));
        let second = agent(&house.test, &house.caller).await;
        assert!(matches!(house.knowledge.document(&house.caller, second, id).await, Err(Error::NotFound)));
        assert!(house.quote("How much is a cleaning?").await.is_some());
    }
}

#[tokio::test]
async fn nothing_of_a_document_lies_in_clear() {
    for house in House::all().await {
        let text = format!("# {SECRET} title\n\nThe {SECRET} costs $90.");
        let id = house.add(&format!("{SECRET} list"), &text).await;
        let database = house.caller.database(&house.test.platform);
        let mut seen = vec![format!("{:?}", database.get(&DOCUMENT, id).await.expect("read"))];
        house.work().await;
        let question = format!("What does {SECRET} cost?");
        assert!(house.quote(&question).await.is_some(), "it is searched in memory");
        seen.push(format!("{:?}", database.get(&DOCUMENT, id).await.expect("read")));
        let document = house.knowledge.sections(&house.caller, house.agent, id, -1, 10).await.expect("read");
        for (_, section) in &document {
            seen.push(format!("{:?}", database.get(&PASSAGE, section.id).await.expect("read")));
        }
        assert!(!document.is_empty() && !contains(seen.concat().as_bytes(), SECRET), "{seen:?}");
        if house.test.name == "sqlite" {
            for entry in std::fs::read_dir(house.test.database.folder()).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_file() {
                    let bytes = std::fs::read(&path).expect("read");
                    assert!(!contains(&bytes, SECRET), "{}", path.display());
                }
            }
        }
    }
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_original_bytes_are_gone() {
    for house in House::all().await {
        let given = Attestation::given(true);
        let cases: [(&str, &[u8]); 3] = [
            ("empty.md", b"<!-- nothing -->"),
            ("scan.pdf", b"%PDF-1.4 garbage"),
            ("page.html", b"<script>x</script>"),
        ];
        for (name, bytes) in cases {
            let added = house.knowledge.add_upload(&house.caller, house.agent, given, name, bytes).await;
            let id = added.expect("taken").id;
            house.work().await;
            let (state, version, failure) = house.state(id).await;
            assert_eq!((state, version), (State::Failed, 0), "{name}");
            assert!(failure.is_some_and(|failure| !failure.is_empty()), "{name}");
        }
        let database = house.caller.database(&house.test.platform);
        let listed = house.knowledge.documents(&house.caller, house.agent, Uuid::max(), 10).await.expect("listed");
        assert_eq!(listed.len(), 3);
        assert!(database.get(&DOCUMENT_CONTENT, listed[0].id).await.expect("read").is_none());
    }
}

#[tokio::test]
async fn documents_of_an_agent_are_limited() {
    for house in House::all().await {
        if house.test.name == "postgres" {
            // The limit is the same code on both; once is enough.
            continue;
        }
        let keyring = house.caller.keyring(&house.test.platform).await.expect("keys");
        let mut transaction = house.caller.database(&house.test.platform).begin().await.expect("begun");
        for _ in 1..DOCUMENTS_MAX {
            let id = house.test.platform.identifiers.next();
            let (agent_id, source) = (house.agent, SourceKind::Text);
            let new = NewDocument {
                id,
                agent_id,
                source,
                title: "n",
                url: None,
                kind: "plain",
                attested_by: None,
                content: None,
            };
            store::insert(&mut transaction, &keyring, &new, house.test.platform.now()).await.expect("inserted");
        }
        transaction.commit().await.expect("committed");
        house.add("the last one", "x").await;
        let given = Attestation::given(true);
        let more = house.knowledge.add_text(&house.caller, house.agent, given, "one more", "x").await;
        assert!(matches!(more, Err(Error::Full(_))));
    }
}

/// A site whose price page can be changed.
async fn site(price: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let base = format!("http://127.0.0.1:{}", listener.local_addr().expect("bound").port());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let price = price.lock().expect("no test panics here").clone();
            let footer = "<footer>Practice, 12 Linden Street</footer>";
            let (status, body) = match text.split_whitespace().nth(1).unwrap_or_default() {
                "/" => ("200 OK", format!("<title>Practice</title><h1>Welcome</h1><a href=/prices>Prices</a>{footer}")),
                "/prices" if price == "down" => ("503 Busy", String::new()),
                "/prices" if price == "gone" => ("410 Gone", String::new()),
                "/prices" => (
                    "200 OK",
                    format!("<title>Prices</title><h2>Cleaning</h2><p>A cleaning costs {price}.</p>{footer}"),
                ),
                _ => ("404 Not Found", String::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", body.len());
            let _ = socket.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await;
        }
    });
    base
}

#[tokio::test]
async fn a_changed_page_changes_the_answer_and_its_citation() {
    for house in House::all().await {
        let price = Arc::new(Mutex::new("$90".to_owned()));
        let base = site(Arc::clone(&price)).await;
        let mut heard = house.live.subscribe(house.caller.organization(), None).expect("a seat");
        let added = house.knowledge.add_url(&house.caller, house.agent, Attestation::given(true), &base).await;
        let id = added.expect("taken").id;
        house.work().await;
        let document = house.knowledge.document(&house.caller, house.agent, id).await.expect("there");
        assert_eq!((document.state, document.version, document.pages_read), (State::Ready, 1, 2), "{document:?}");
        assert_eq!(document.title, "Practice");
        let database = house.caller.database(&house.test.platform);
        let found = house.knowledge.find(&database, house.agent, "How much is a cleaning?", 1).await.expect("searched");
        assert_eq!(found[0].quote, "A cleaning costs $90.");
        assert_eq!(found[0].passage.url.as_deref(), Some(format!("{base}/prices").as_str()));
        let states = states(&mut heard, "ready").await;
        assert!(states.starts_with(&["queued".to_owned(), "reading".to_owned()]), "{states:?}");

        // Nothing new: the version stays.
        house.knowledge.sync(&house.caller, house.agent, id).await.expect("queued");
        assert!(matches!(house.knowledge.sync(&house.caller, house.agent, id).await, Err(Error::Busy)));
        house.work().await;
        assert_eq!(house.state(id).await, (State::Ready, 1, None));

        *price.lock().expect("no test panics here") = "$95".to_owned();
        house.knowledge.sync(&house.caller, house.agent, id).await.expect("queued");
        house.work().await;
        assert_eq!(house.state(id).await.1, 2);
        assert_eq!(house.quote("How much is a cleaning?").await.as_deref(), Some("A cleaning costs $95."));
        let footers = house.knowledge.sections(&house.caller, house.agent, id, -1, 100).await.expect("read");
        let addresses = footers.iter().filter(|(_, section)| section.text.contains("Linden")).count();
        assert_eq!(addresses, 1, "once, though every page says it: {footers:?}");
    }
}

/// The states that are announced up to and with `last`.
async fn states(heard: &mut web::live::Subscription, last: &str) -> Vec<String> {
    let mut states = Vec::new();
    while let Heard::Event(event) = heard.next().await {
        let state = event.event.data["state"].as_str().unwrap_or_default().to_owned();
        states.push(state.clone());
        if state == last {
            break;
        }
    }
    states
}

#[tokio::test]
async fn a_page_that_fails_for_the_moment_stays_known_and_one_that_is_gone_does_not() {
    for house in House::all().await {
        let price = Arc::new(Mutex::new("$90".to_owned()));
        let base = site(Arc::clone(&price)).await;
        let added = house.knowledge.add_url(&house.caller, house.agent, Attestation::given(true), &base).await;
        let id = added.expect("taken").id;
        house.work().await;
        let read_as = async |now: &str| {
            now.clone_into(&mut price.lock().expect("no test panics here"));
            house.knowledge.sync(&house.caller, house.agent, id).await.expect("queued");
            house.work().await;
            (house.state(id).await, house.quote("How much is a cleaning?").await)
        };
        let ((state, _, remark), quote) = read_as("down").await;
        assert_eq!(quote.as_deref(), Some("A cleaning costs $90."), "{}: an outage made it forget", house.test.name);
        let remark = remark.expect("it is said");
        assert!(state == State::Ready && remark.contains("One of its pages") && remark.contains("is kept"), "{remark}");
        let ((_, _, remark), quote) = read_as("$95").await;
        assert_eq!((remark, quote.as_deref()), (None, Some("A cleaning costs $95.")), "and it recovers");
        let (_, quote) = read_as("gone").await;
        assert_eq!(quote, None, "{}: what the site took away is quoted on", house.test.name);
    }
}

#[tokio::test]
async fn a_site_that_is_away_is_tried_again_and_keeps_what_was_read() {
    for house in House::all().await {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let gone = format!("http://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
        drop(listener);
        let added = house.knowledge.add_url(&house.caller, house.agent, Attestation::given(true), &gone).await;
        let id = added.expect("taken").id;
        house.work().await;
        let (state, _, failure) = house.state(id).await;
        assert_eq!(state, State::Queued, "it will be tried again");
        assert!(failure.is_some());
        for _ in 0..agents::knowledge::worker::ATTEMPTS {
            house.test.clock.advance_seconds(3_600);
            house.work().await;
        }
        assert_eq!(house.state(id).await.0, State::Failed);
        house.knowledge.sync(&house.caller, house.agent, id).await.expect("a failed one may be tried again");
        assert!(matches!(house.knowledge.sync(&house.caller, house.agent, id).await, Err(Error::Busy)));
        let text = house.add("Price list", PRICES).await;
        assert!(matches!(house.knowledge.sync(&house.caller, house.agent, text).await, Err(Error::NotASite)));
    }
}
