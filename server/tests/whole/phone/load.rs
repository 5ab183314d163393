//! Many callers at once, and callers who give up: nothing is lost, nothing is left.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;
use storage::SystemEntropy;
use telephony::softphone::{Options, Outcome, Softphone, Step};

use super::sipp::Sipp;
use super::{calls, ended_calls_from, nothing_goes_on, sounding_frames};
use crate::product::Product;

/// Calls by SIPp at once.
const SIPP_CALLS: usize = 100;
/// Calls by our own phones at once, besides.
const OWN_CALLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_callers_at_once_and_storms_leave_nothing() {
    let Some(sipp) = Sipp::new() else { return };
    let product = Product::start_with(&["--no-caller"]).await;
    let before = udp_sockets(product.process());
    let hundred = SIPP_CALLS.to_string();
    let how = ["-m", &hundred, "-r", "50", "-l", &hundred];
    let (own, (good, said)) =
        tokio::join!(own_calls(&product), sipp.call(&product, "sound", "hundred", "127.0.0.2", &how),);
    assert!(good, "{said}");
    let records = ended_calls_from(&product, "hundred", SIPP_CALLS).await;
    assert_eq!(records.len(), SIPP_CALLS);
    let figure = |call: &Value, name: &str| call[name].as_i64().unwrap_or(-1);
    for call in &records {
        assert_eq!((&call["end_reason"], &call["ended_by"]), (&"hung_up".into(), &"caller".into()), "{call}");
        assert_eq!(figure(call, "packets_lost"), 0, "{call}");
        assert!(figure(call, "packets_sent") > 25 && figure(call, "packets_received") > 100, "{call}");
    }
    for (number, outcome) in own.iter().enumerate() {
        assert!(outcome.answered, "{:?}", outcome.end);
        assert_eq!(
            (outcome.statistics.packets_lost, outcome.statistics.packets_unsent),
            (0, 0),
            "none of ours is lost"
        );
        assert!(sounding_frames(&outcome.heard) > 50, "each hears the agent");
        let record = ended_calls_from(&product, &format!("own-{number}"), 1).await.remove(0);
        let (sent, received) = (figure(&record, "packets_sent"), outcome.statistics.packets_received as i64);
        // What is on its way while the caller hangs up comes too late to be counted.
        assert!(received <= sent && sent - received < 50, "{sent} sent, {received} received");
    }
    storms(&product, &sipp).await;
    assert_eq!(udp_sockets(product.process()), before, "a call's socket was left open");
}

async fn own_calls(product: &Product) -> Vec<Outcome> {
    let phone = Softphone::open(IpAddr::from([127, 0, 0, 3]), Arc::new(SystemEntropy)).await.expect("a phone");
    let calling = (0..OWN_CALLS).map(|number| {
        let (phone, address) = (phone.clone(), product.facts.sip_uri.clone());
        let steps = vec![Step::Wait(4_000), Step::HangUp];
        let options = Options { from_user: format!("own-{number}"), steps, ..Options::default() };
        tokio::spawn(async move { phone.place(&address, &options).await })
    });
    let mut outcomes = Vec::new();
    for call in calling.collect::<Vec<_>>() {
        outcomes.push(call.await.expect("no panic"));
    }
    outcomes
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
