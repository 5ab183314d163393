//! Many callers at once, and callers who give up: nothing is lost, nothing is left.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use storage::SystemEntropy;
use telephony::softphone::{Options, Outcome, Softphone, Step};
use tokio::time::Instant;

use super::sipp::Sipp;
use super::{calls, ended_calls_from, nothing_goes_on, sounding_frames};
use crate::product::Product;

/// Calls by SIPp at once.
const SIPP_CALLS: usize = 100;
/// Calls by our own phones at once, which look at every packet that comes.
const OWN_CALLS: usize = 100;
/// Of these, calls from one address: each has its own allowance of new calls.
const CALLS_OF_ADDRESS: usize = 20;
/// How long each of them lasts: longer than all take to begin.
const OWN_MILLISECONDS: u32 = 6_000;
/// From one of them to the next.
const BETWEEN_CALLS: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_callers_at_once_and_storms_leave_nothing() {
    let Some(sipp) = Sipp::new() else { return };
    let product = Product::start_with(&["--no-caller"]).await;
    let before = udp_sockets(product.process());
    let hundred = SIPP_CALLS.to_string();
    let how = ["-m", &hundred, "-r", "50", "-l", &hundred];
    ours_hear_every_packet(&product).await;
    let (good, said) = sipp.call(&product, "sound", "hundred", "127.0.0.2", &how).await;
    assert!(good, "{said}");
    let records = ended_calls_from(&product, "hundred", SIPP_CALLS).await;
    assert_eq!(records.len(), SIPP_CALLS);
    let figure = |call: &Value, name: &str| call[name].as_i64().unwrap_or(-1);
    for call in &records {
        assert_eq!((&call["end_reason"], &call["ended_by"]), (&"hung_up".into(), &"caller".into()), "{call}");
        assert_eq!(figure(call, "packets_lost"), 0, "{call}");
        assert!(figure(call, "packets_sent") > 25 && figure(call, "packets_received") > 100, "{call}");
    }
    storms(&product, &sipp).await;
    assert_eq!(udp_sockets(product.process()), before, "a call's socket was left open");
}

/// One of our own calls.
struct Called {
    from: String,
    outcome: Outcome,
    answered: Instant,
    ended: Instant,
}

/// A hundred calls by our own phones, all at once: each looks at the numbers of what comes, and nothing is missing.
async fn ours_hear_every_packet(product: &Product) {
    let own = own_calls(product).await;
    let refused = own.iter().filter(|call| !call.outcome.answered).map(|call| call.outcome.end.status);
    assert_eq!(refused.collect::<Vec<_>>(), [], "all are answered");
    let (last, first) = (own.iter().map(|call| call.answered).max(), own.iter().map(|call| call.ended).min());
    assert!(last < first, "each was on the phone while all others were: {:?}", last.zip(first).map(|(l, f)| l - f));
    nothing_goes_on(product).await;
    let records = calls(product).await;
    for Called { from, outcome, .. } in &own {
        let sound = outcome.statistics;
        assert_eq!((sound.packets_lost, sound.packets_unsent), (0, 0), "{from}: none of ours is lost");
        assert!(sounding_frames(&outcome.heard) > 50, "{from} hears the agent");
        let record: Vec<&Value> = records.iter().filter(|call| call["from"] == from.as_str()).collect();
        assert_eq!(record.len(), 1, "{from}");
        let (sent, received) = (record[0]["packets_sent"].as_i64().unwrap_or(-1), sound.packets_received as i64);
        // What is on its way while the caller hangs up comes too late to be counted.
        assert!(received <= sent && sent - received < 50, "{from}: {sent} sent, {received} received");
        assert_eq!(record[0]["packets_lost"], 0, "{from}: none of theirs is lost");
    }
}

async fn own_calls(product: &Product) -> Vec<Called> {
    let mut calling = Vec::new();
    for number in 0..OWN_CALLS {
        if number % CALLS_OF_ADDRESS == 0 {
            let address = IpAddr::from([127, 7, 0, (number / CALLS_OF_ADDRESS + 1) as u8]);
            let phone = Softphone::open(address, Arc::new(SystemEntropy)).await.expect("a phone");
            calling.push((phone, Vec::new()));
        }
        let Some((phone, calls)) = calling.last_mut() else { continue };
        let (phone, address, from) = (phone.clone(), product.facts.sip_uri.clone(), format!("own-{number}"));
        let steps = vec![Step::Wait(OWN_MILLISECONDS), Step::HangUp];
        let options = Options { from_user: from.clone(), steps, ..Options::default() };
        calls.push(tokio::spawn(async move {
            tokio::time::sleep(BETWEEN_CALLS * number as u32).await;
            let began = Instant::now();
            let outcome = phone.place(&address, &options).await;
            let answered = began + Duration::from_millis(outcome.setup_milliseconds);
            Called { from, answered, ended: answered + Duration::from_millis(outcome.call_milliseconds), outcome }
        }));
    }
    let mut own = Vec::new();
    for (phone, calls) in calling {
        for call in calls {
            own.push(call.await.expect("no panic"));
        }
        phone.close().await;
    }
    own
}

/// Callers who give up while it rings, who hang up at once, and who never acknowledge the answer.
async fn storms(product: &Product, sipp: &Sipp) {
    let rows = calls(product).await.len();
    let how = ["-m", "60", "-r", "20", "-l", "60"];
    let storm = |scenario, from| sipp.call(product, scenario, "storm", from, &how);
    let ((_, cancelled), (good, said), (silent, silence)) = tokio::join!(
        storm("cancel", "127.0.0.4"),
        storm("bye_at_once", "127.0.0.5"),
        storm("bye_without_ack", "127.0.0.6"),
    );
    assert!(good && silent, "{said}\n{silence}");
    nothing_goes_on(product).await;
    let now = calls(product).await;
    assert_eq!(now.len(), rows + 180, "each has one record: {cancelled}");
    let storm = &now[..180];
    let with = |reason: &str| storm.iter().filter(|call| call["end_reason"] == reason).count();
    // On a busy machine a CANCEL may cross the answer; then SIPp hangs up instead.
    assert!(with("cancelled") > 30 && with("cancelled") + with("hung_up") == 180, "{storm:#?}");
    assert!(storm.iter().filter(|call| call["end_reason"] == "cancelled").all(|call| call["sip_status"] == 487));
}

/// UDP sockets of a process, by what the kernel says.
fn udp_sockets(process: u32) -> usize {
    let table = std::fs::read_to_string(format!("/proc/{process}/net/udp")).expect("a table of sockets");
    let all: BTreeSet<&str> = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(9)).collect();
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).expect("its files").flatten();
    open.filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter(|target| {
            let name = target.to_string_lossy();
            name.strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|inode| all.contains(inode))
        })
        .count()
}
