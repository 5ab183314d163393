//! The overview: what goes on at this moment, and the last 24 hours in a few figures.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use conversations::{ConversationSummary, Conversations};
use identity::{Caller, Permission, Platform, access_review, alert, api_key};
use storage::Timestamp;
use telephony::record::{Call, CallState};
use telephony::store::calls;
use uuid::Uuid;
use web::chart::{Bar, Chart};
use web::chip::{Chip, Tone};
use web::moment::{Moment, length_of_time};
use web::phone_number::PhoneNumber;
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Nav, Shell};
use web::{PageContext, Problem};

/// Conversations that are looked at for the figures and the chart.
const CONVERSATIONS_READ: i64 = 500;
/// Calls that are looked at, and of those so many are shown.
const CALLS_READ: i64 = 200;
const CALLS_SHOWN: usize = 8;
/// Alerts that are looked at for open ones.
const ALERTS_READ: i64 = 100;
const HOURS: i64 = 24;
const SECONDS_PER_HOUR: i64 = 3600;
const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// What the overview reads.
#[derive(Clone)]
pub struct Overview {
    /// Database, keys, time.
    pub platform: Platform,
    /// Conversations.
    pub conversations: Conversations,
}

/// `GET /`.
pub fn routes() -> Routes<Overview> {
    Routes::new().get(
        "/",
        Access::Member,
        Audited::No("figures and states; each part by the reader's permissions"),
        show,
    )
}

struct Reading {
    name: &'static str,
    value: String,
    note: String,
    live: bool,
}

/// Something that somebody must look at, and where.
struct Notice {
    words: String,
    address: &'static str,
    link: &'static str,
}

struct Entry {
    key: String,
    address: String,
    who: String,
    gist: String,
    /// How long it was spoken; empty while it goes on, and when nobody answered.
    length: String,
    since: Moment,
    state: Chip,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    notices: Vec<Notice>,
    sentence: String,
    readings: Vec<Reading>,
    live: Vec<Entry>,
    chart: Chart,
    calls: Vec<Entry>,
}

fn is_over(summary: &ConversationSummary) -> bool {
    summary.state == "ended"
}

fn chat_entry(summary: &ConversationSummary) -> Entry {
    let (tone, word) = match summary.state.as_str() {
        "waiting" => (Tone::Wait, "Waits for a person"),
        "person" => (Tone::Live, "With a person"),
        _ => (Tone::Live, "With the agent"),
    };
    let visitor = summary.contact_id.simple().to_string().split_off(28).to_uppercase();
    Entry {
        key: format!("{}-{}", summary.id, summary.state),
        address: format!("/inbox/{}", summary.id),
        who: format!("Visitor {visitor}"),
        gist: "Chat since".to_owned(),
        length: String::new(),
        since: Moment::time(summary.opened_at),
        state: Chip::new(tone, word),
    }
}

fn call_entry(call: &Call) -> Entry {
    let state = match call.state {
        CallState::Ringing => Chip::new(Tone::Wait, "Rings"),
        CallState::Live => Chip::new(Tone::Live, "Live"),
        CallState::Ended if call.answered_at.is_some() => Chip::new(Tone::Good, "Ended"),
        CallState::Ended => Chip::new(Tone::Done, "Not answered"),
    };
    let spoken = call.answered_at.zip(call.ended_at);
    let seconds = spoken.map(|(from, until)| until.microseconds_since(from) / MICROSECONDS_PER_SECOND);
    Entry {
        key: format!("{}-{}", call.id, call.state.as_str()),
        address: format!("/calls/{}", call.id),
        who: call.from.clone().map_or_else(|| "Number withheld".to_owned(), |from| PhoneNumber(from).to_string()),
        gist: "Call since".to_owned(),
        length: seconds.map_or_else(String::new, length_of_time),
        since: Moment::new(call.started_at),
        state,
    }
}

/// Conversations begun in each of the last 24 hours, the present one last.
fn chart(begun: impl Iterator<Item = Timestamp>, now: Timestamp) -> Chart {
    let mut counts = [0_u64; HOURS as usize];
    for at in begun {
        let ago = now.microseconds_since(at) / MICROSECONDS_PER_SECOND / SECONDS_PER_HOUR;
        if let Some(count) = usize::try_from(ago).ok().and_then(|ago| counts.get_mut(ago)) {
            *count += 1;
        }
    }
    let label = |ago: usize| if ago == 0 { "now".to_owned() } else { format!("−{ago} h") };
    let bar = |(ago, count): (usize, &u64)| Bar { label: label(ago), value: *count, live: ago == 0 };
    let bars = counts.iter().enumerate().rev().map(bar).collect();
    Chart::new("Conversations in the last 24 hours", "conversations", "Hour", bars)
}

/// The middle of the times from the first ring to the answer, in milliseconds.
fn median_answer(calls: &[&Call]) -> Option<i64> {
    let wait = |call: &&Call| Some(call.answered_at?.microseconds_since(call.started_at) / 1000);
    let mut waits: Vec<i64> = calls.iter().filter_map(wait).collect();
    waits.sort_unstable();
    waits.get(waits.len() / 2).copied()
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn sentence(chats: usize, calls: usize, waiting: usize) -> String {
    match (chats + calls, waiting) {
        (0, _) => "All quiet.".to_owned(),
        (1, 0) => format!("One {} goes on.", if chats == 1 { "chat" } else { "call" }),
        (both, 0) if chats == 0 => format!("{both} calls go on."),
        (both, 0) if calls == 0 => format!("{both} chats go on."),
        (_, 0) => format!("{} and {} go on.", count(chats, "chat", "chats"), count(calls, "call", "calls")),
        (_, waiting) => format!("{} for a person.", count(waiting, "conversation waits", "conversations wait")),
    }
}

/// What about people, keys and reviews waits for this reader.
async fn notices(platform: &Platform, caller: &Caller) -> Result<Vec<Notice>, Problem> {
    let mut notices = Vec::new();
    let alerts = alert::list(platform, caller, Uuid::max(), ALERTS_READ).await?;
    let open = alerts.iter().filter(|alert| alert.state == alert::State::Open).count();
    if open > 0 {
        let words = format!("{} somebody to look.", count(open, "alert waits for", "alerts wait for"));
        notices.push(Notice { words, address: "/settings/alerts", link: "Alerts" });
    }
    if caller.permits(Permission::MemberRead) && access_review::standing(platform, caller).await?.is_overdue {
        let words = "The review of access is overdue.".to_owned();
        notices.push(Notice { words, address: "/settings/review", link: "Review" });
    }
    if caller.permits(Permission::KeyRead) {
        let keys = api_key::list(platform, caller, None, api_key::MAXIMUM_KEYS).await?;
        let now = platform.now();
        let ending = keys.iter().filter(|key| key.state(now) == api_key::State::ExpiresSoon).count();
        if ending > 0 {
            let words = format!("{} within 14 days: rotate in time.", count(ending, "API key ends", "API keys end"));
            notices.push(Notice { words, address: "/settings/keys", link: "API keys" });
        }
    }
    Ok(notices)
}

async fn show(State(overview): State<Overview>, page: PageContext) -> Result<Response, Problem> {
    let (platform, caller, now) = (&overview.platform, &page.caller, overview.platform.now());
    let since = now.plus_seconds(-HOURS * SECONDS_PER_HOUR);
    let mut talks = Vec::new();
    if caller.permits(Permission::ConversationRead) {
        talks = overview.conversations.list(caller, None, Uuid::max(), CONVERSATIONS_READ).await?;
    }
    let mut all_calls = Vec::new();
    if caller.permits(Permission::CallRead) {
        all_calls = calls::page(platform, caller, Uuid::max(), CALLS_READ).await?;
    }
    let recent_calls: Vec<&Call> = all_calls.iter().filter(|call| call.started_at >= since).collect();
    let live_calls: Vec<&Call> = all_calls.iter().filter(|call| call.state != CallState::Ended).collect();
    let is_live_chat = |summary: &&ConversationSummary| summary.channel == "chat" && !is_over(summary);
    let live_chats: Vec<&ConversationSummary> = talks.iter().filter(is_live_chat).collect();
    let recent = talks.iter().filter(|summary| summary.opened_at >= since).count();
    let waiting = live_chats.iter().filter(|summary| summary.state == "waiting").count();
    let (chats, phones) = (live_chats.len(), live_calls.len());
    let answered = median_answer(&recent_calls)
        .map_or_else(|| "–".to_owned(), |wait| format!("{}.{} s", wait / 1000, wait % 1000 / 100));
    let reading = |name, value: String, note: &str, live| Reading { name, value, note: note.to_owned(), live };
    let going_on = format!("{}, {}", count(phones, "call", "calls"), count(chats, "chat", "chats"));
    let shown = OverviewPage {
        notices: notices(platform, caller).await?,
        sentence: sentence(chats, phones, waiting),
        readings: vec![
            reading("Live now", (chats + phones).to_string(), &going_on, chats + phones > 0),
            reading("Waiting for a person", waiting.to_string(), "join them from the inbox", waiting > 0),
            reading("Conversations", recent.to_string(), "begun in 24 hours", false),
            reading("Calls", recent_calls.len().to_string(), "in 24 hours", false),
            reading("Answered after", answered, "median of calls", false),
        ],
        live: live_calls
            .iter()
            .map(|call| call_entry(call))
            .chain(live_chats.iter().map(|chat| chat_entry(chat)))
            .collect(),
        chart: chart(talks.iter().map(|summary| summary.opened_at), now),
        calls: all_calls.iter().take(CALLS_SHOWN).map(call_entry).collect(),
        shell: page.shell("Overview", Nav::Overview),
    };
    Ok(Html(shown).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_counts_each_hour_and_leaves_out_what_is_older() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let begun = [0, 10, 3599, 3600, 23 * 3600, 24 * 3600, -5].map(|ago| now.plus_seconds(-ago));
        let shown = chart(begun.into_iter(), now).to_string();
        assert!(shown.contains(r#"<th scope="row">now</th><td class="number">4</td>"#), "{shown}");
        assert!(shown.contains(r#"<th scope="row">−1 h</th><td class="number">1</td>"#), "{shown}");
        assert!(shown.contains(r#"<th scope="row">−23 h</th><td class="number">1</td>"#), "{shown}");
    }

    #[test]
    fn the_sentence_says_what_matters_most() {
        assert_eq!(sentence(0, 0, 0), "All quiet.");
        assert_eq!(sentence(1, 2, 0), "1 chat and 2 calls go on.");
        assert_eq!(sentence(0, 1, 0), "One call goes on.");
        assert_eq!(sentence(2, 0, 0), "2 chats go on.");
        assert_eq!(sentence(3, 0, 1), "1 conversation waits for a person.");
    }
}
