//! The power goes in the middle of everything, or somebody stops the service: what was acknowledged is there afterwards.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use telephony::call::EndedBy;
use telephony::softphone::{Softphone, Step};
use tokio::time::Instant;

use crate::caller::{self, options, phone, pressing};
use crate::product::{Product, run};
use crate::visitor::Visitor;

const CALLS: usize = 10;
const CHATS: usize = 100;
/// Visitors of one address share a limit of messages.
const CHATS_PER_ADDRESS: usize = 4;
/// Every so many visitors one books an appointment.
const BOOKS_EVERY: usize = 12;
/// Calls must have been recorded for this long when the power goes.
const RECORDED: Duration = Duration::from_secs(4);
/// What of a recording may be lost, in seconds.
const LOST_SECONDS: f64 = 1.0;
const TONE: f64 = 1_000.0;
/// Bytes a second of a recording: 8,000 samples of 2 bytes in 2 channels.
const BYTES_A_SECOND: f64 = 32_000.0;
const WAV_HEADER: usize = 44;

/// What the product has acknowledged.
#[derive(Default)]
struct Ledger {
    /// Visitor, the words, the sequence of the acknowledgement.
    messages: Vec<(Visitor, String, u64)>,
    /// What the agent said when it confirmed a booking.
    bookings: Vec<(Visitor, String)>,
}

type Book = Arc<Mutex<Ledger>>;

fn write(book: &Book, entry: impl FnOnce(&mut Ledger)) {
    entry(&mut book.lock().expect("no test panics while it writes"));
}

/// A visitor who talks until nobody answers any more.
async fn chat(visitor: Visitor, number: usize, book: Book) {
    if number.is_multiple_of(BOOKS_EVERY) && !book_appointment(&visitor, number, &book).await {
        return;
    }
    for turn in 0.. {
        let words = format!("Visitor {number} says for the {turn}th time that all is well");
        let Some(answer) = visitor.try_to_say(&words).await else { return };
        write(&book, |ledger| ledger.messages.push((visitor.clone(), words, answer.sequence)));
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
}

/// Books one of the times that are offered; false when the power went meanwhile.
async fn book_appointment(visitor: &Visitor, number: usize, book: &Book) -> bool {
    let Some(mut turn) = visitor.try_to_say("I would like to book an appointment").await else { return false };
    for step in 0..12 {
        let place = number / BOOKS_EVERY;
        let words = if turn.choices.is_empty() {
            match step {
                ..=4 => "Henrietta Marlow".to_owned(),
                _ => format!("+4411749600{number:02}"),
            }
        } else {
            // Days and times are picked apart, so that not all want the same hour.
            turn.choices[place % turn.choices.len().min(4)].clone()
        };
        let sent = if turn.text.contains("correct") || turn.text.contains("right?") { "yes".to_owned() } else { words };
        let Some(next) = visitor.try_to_say(&sent).await else { return false };
        turn = next;
        if turn.text.contains("is booked") || turn.text.contains("reference") {
            write(book, |ledger| ledger.bookings.push((visitor.clone(), turn.text.clone())));
            return true;
        }
    }
    panic!("no booking came about: {turn:?}");
}

/// Agrees to the recording and sings one note from then on. Whoever pressed too early is asked again and hears it within the
/// first seconds of the song, so the key comes a second time; whoever was understood chooses from the menu with it.
fn singing(seconds: u32) -> Vec<Step> {
    let mut steps = pressing(&["1"]);
    let (first, then) = (Step::Say(caller::tone(TONE, 3)), Step::Say(caller::tone(TONE, seconds)));
    steps.extend([Step::Wait(500), first, Step::Press("1".to_owned()), then, Step::HangUp]);
    steps
}

/// Callers who sing until the line is dead.
fn call_in(phone: &Softphone, address: &str) -> Vec<tokio::task::JoinHandle<()>> {
    let calls = (0..CALLS).map(|number| {
        let (phone, address) = (phone.clone(), address.to_owned());
        let steps = singing(60);
        let options = options("Singer", &format!("+4411749610{number:02}"), steps);
        tokio::spawn(async move { drop(phone.place(&address, &options).await) })
    });
    calls.collect()
}

fn rows(list: &Value) -> Vec<Value> {
    list["data"].as_array().expect("a list").clone()
}

/// Waits until every call has been recorded for a while; gives when each recording was first seen.
async fn recordings_seen(product: &Product, wanted: usize) -> BTreeMap<String, Instant> {
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut seen = BTreeMap::new();
    loop {
        assert!(Instant::now() < deadline, "{} of {wanted} recordings have begun", seen.len());
        for row in rows(&product.get("/v1/recordings?limit=100").await) {
            if row["state"] == "writing" {
                seen.entry(row["id"].as_str().expect("an id").to_owned()).or_insert_with(Instant::now);
            }
        }
        if seen.len() >= wanted && seen.values().all(|since| since.elapsed() >= RECORDED) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_power_cut_everything_acknowledged_is_there() {
    let product = Product::start_with(&["--no-caller"]).await;
    let phone = phone().await;
    let book = Book::default();
    let mut tasks = call_in(&phone, &product.facts.sip_uri);
    for number in 0..CHATS {
        let visitor = Visitor::open(&product, 10 + (number / CHATS_PER_ADDRESS) as u8).await;
        tasks.push(tokio::spawn(chat(visitor, number, book.clone())));
    }
    let seen = recordings_seen(&product, CALLS).await;
    let (folder, _scratch) = product.cut_power().await;
    let recorded: BTreeMap<String, f64> =
        seen.into_iter().map(|(id, since)| (id, since.elapsed().as_secs_f64())).collect();
    for task in tasks.into_iter().skip(CALLS) {
        task.await.expect("a visitor's part");
    }
    let ledger = std::mem::take(&mut *book.lock().expect("all have ended"));
    println!("{} messages and {} bookings acknowledged", ledger.messages.len(), ledger.bookings.len());
    assert!(ledger.messages.len() >= CHATS && ledger.bookings.len() >= 3, "the ledger is worth something");
    let again = Product::start_in(&folder, &["--no-caller"]).await;
    messages_are_there(&again, &ledger).await;
    bookings_are_there(&again, &ledger).await;
    recordings_open(&again, &recorded).await;
    calls_are_closed(&again, CALLS).await;
    phone.close().await;
    let (code, text) = run(&["audit", "verify", "--data-dir", folder.to_str().expect("a plain path")]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!again.log().contains("panicked"));
}

/// Through the API: the sample customer's page stands on another origin now, so visitors' passes are over.
async fn messages_are_there(product: &Product, ledger: &Ledger) {
    let mut histories: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (visitor, words, sequence) in &ledger.messages {
        let id = visitor.conversation_id.as_str();
        if !histories.contains_key(id) {
            let lines = product.get(&format!("/v1/conversations/{id}/events")).await;
            histories.insert(id, lines.as_array().expect("lines").clone());
        }
        let history = &histories[id];
        assert!(history.iter().any(|line| line["text"] == words.as_str()), "{words:?} is lost");
        let last = history.iter().filter_map(|line| line["sequence"].as_u64()).max();
        assert!(last >= Some(*sequence), "the answer to {words:?} is lost: {last:?} < {sequence}");
    }
}

async fn bookings_are_there(product: &Product, ledger: &Ledger) {
    let bookings = product.get("/v1/bookings?limit=100").await.to_string();
    for (visitor, text) in &ledger.bookings {
        assert!(bookings.contains(&visitor.conversation_id), "{text:?} is lost: {bookings}");
    }
}

async fn recordings_open(product: &Product, recorded: &BTreeMap<String, f64>) {
    for (id, seconds) in recorded {
        let row = product.get(&format!("/v1/recordings/{id}")).await;
        assert_eq!(row["state"], "interrupted", "{row}");
        let wave = product.recording(id).await;
        let kept = (wave.len() - WAV_HEADER) as f64 / BYTES_A_SECOND;
        assert!(kept >= seconds - LOST_SECONDS, "{kept:.2} of {seconds:.2} seconds are there");
        let sound = media::wav::read(&wave).expect("a WAV file");
        let caller = &sound.channels[0];
        let last = &caller[caller.len().saturating_sub(8_000)..];
        let frequency = media::measure::dominant_frequency(last);
        assert!((frequency - TONE).abs() < 10.0, "the caller sang {TONE} Hz to the end, not {frequency}");
    }
}

async fn calls_are_closed(product: &Product, wanted: usize) {
    let calls = rows(&product.get("/v1/calls?limit=100").await);
    assert_eq!(calls.len(), wanted);
    for call in calls {
        assert_eq!(call["state"], "ended", "{call}");
        assert!(call["end_reason"].is_string() && call["ended_at"].is_string(), "{call}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end_it_lets_callers_finish_and_keeps_their_recordings_whole() {
    let product = Product::start_with(&["--no-caller"]).await;
    let (phone, address) = (phone().await, product.facts.sip_uri.clone());
    // One caller comes to an end by himself; the other would go on for a minute.
    let calls = [10, 60].map(|seconds| {
        let steps = singing(seconds);
        let (phone, address) = (phone.clone(), address.clone());
        let options = options("Singer", &format!("+4411749620{seconds}"), steps);
        tokio::spawn(async move { phone.place(&address, &options).await })
    });
    let seen = recordings_seen(&product, 2).await;
    product.ask_to_end().await;
    let [short, long] = calls;
    let short = tokio::time::timeout(Duration::from_secs(30), short).await.expect("it ends").expect("no panic");
    // Asked again, it waits no longer.
    let (folder, _scratch) = product.end_orderly().await;
    let long = tokio::time::timeout(Duration::from_secs(5), long).await.expect("told").expect("no panic");
    for outcome in [&short, &long] {
        assert!(outcome.answered && outcome.end.status.code() == 200, "{:?}", outcome.end);
    }
    let ended_by = [short.end.by, long.end.by];
    assert_eq!(
        ended_by,
        [EndedBy::Us, EndedBy::Caller],
        "as the caller's phone sees it: hung up itself, then was hung up"
    );
    let again = Product::start_in(&folder, &["--no-caller"]).await;
    calls_are_closed(&again, 2).await;
    for id in seen.keys() {
        let row = again.get(&format!("/v1/recordings/{id}")).await;
        assert_eq!(row["state"], "ready", "{row}");
        assert!(again.recording(id).await.len() as f64 > RECORDED.as_secs_f64() * BYTES_A_SECOND);
    }
    let (code, text) = run(&["audit", "verify", "--data-dir", folder.to_str().expect("a plain path")]).await;
    assert_eq!(code, Some(0), "{text}");
    phone.close().await;
}
