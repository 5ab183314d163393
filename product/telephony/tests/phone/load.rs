//! Many calls at once: the answering side in one thread, so on one core.
#![allow(clippy::print_stdout, reason = "the figures are what one runs this for")]

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use storage::SystemEntropy;
use telephony::line::LineConfig;
use telephony::softphone::{Options, Softphone, Step};
use tokio::time::Instant;

use crate::answerer::{Answerer, Ended};
use crate::sipp::Sipp;
use crate::tools;

/// Calls at once.
const CALLS: usize = 100;

/// An answerer with a thread of its own; the processor seconds of that thread are told at its end.
struct Alone {
    line: String,
    stop: tokio::sync::oneshot::Sender<usize>,
    done: mpsc::Receiver<(Vec<Ended>, f64)>,
}

fn start_alone() -> Alone {
    let (stop, stopped) = tokio::sync::oneshot::channel::<usize>();
    let (address_in, address) = mpsc::channel();
    let (done_in, done) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let result = runtime.block_on(async move {
            let mut config = LineConfig::loopback();
            config.sip.limits.source_calls_per_second = 1_000;
            config.sip.limits.all_calls_per_second = 1_000;
            config.sip.limits.datagrams_per_second = 100_000;
            let answerer = Answerer::start_with(config).await;
            address_in.send(answerer.line.address().to_string()).expect("somebody waits");
            let count = stopped.await.expect("told to stop");
            let ended = answerer.wait_for(count).await;
            answerer.assert_nothing_left().await;
            ended
        });
        done_in.send((result, thread_seconds())).expect("somebody waits");
    });
    Alone { line: address.recv().expect("an address"), stop, done }
}

/// Processor seconds of this thread (fields 14 and 15 of its stat file, in hundredths).
fn thread_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_at_once_lose_no_packet_of_ours() {
    let alone = start_alone();
    let phone = Softphone::open([127, 0, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone");
    let started = Instant::now();
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let (phone, uri) = (phone.clone(), format!("sip:tone@{}", alone.line));
            tokio::spawn(async move {
                let options = Options { steps: vec![Step::Wait(4_000), Step::HangUp], ..Options::default() };
                phone.place(&uri, &options).await
            })
        })
        .collect();
    let mut lost = 0;
    let mut received = 0;
    for call in calls {
        let outcome = call.await.expect("no panic");
        assert!(outcome.answered, "{:?}", outcome.end);
        lost += outcome.statistics.packets_lost + outcome.statistics.packets_unsent;
        received += outcome.statistics.packets_received;
        // A machine that is busy with other things may leave gaps; whole half seconds of the tone must be there.
        assert!(tools::holds_tone(&outcome.heard, 440.0), "{:?}", outcome.statistics);
    }
    let took = started.elapsed();
    alone.stop.send(CALLS).expect("it runs");
    let (ended, seconds) = alone.done.recv_timeout(Duration::from_secs(40)).expect("it ends");
    let unsent: u64 = ended.iter().map(|ended| ended.statistics.packets_unsent).sum();
    let sent: u64 = ended.iter().map(|ended| ended.statistics.packets_sent).sum();
    let skipped: u64 = ended.iter().map(|ended| ended.statistics.ticks_skipped).sum();
    println!(
        "{CALLS} calls in {took:.1?}: answering side {seconds:.2} processor seconds, {sent} packets sent, {received} heard, \
         {lost} lost, {skipped} ticks skipped"
    );
    assert_eq!((lost, unsent), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_sipp_calls_with_sound_at_once() {
    let Some(sipp) = Sipp::new() else { return };
    let alone = start_alone();
    let line = alone.line.parse().expect("an address");
    sipp.call("sound", "tone", line, &["-m", "100", "-r", "50", "-l", "100"]).await;
    alone.stop.send(CALLS).expect("it runs");
    let (ended, seconds) = alone.done.recv_timeout(Duration::from_secs(40)).expect("it ends");
    let lost: u64 = ended.iter().map(|ended| ended.statistics.packets_lost).sum();
    let received: u64 = ended.iter().map(|ended| ended.statistics.packets_received).sum();
    let unsent: u64 = ended.iter().map(|ended| ended.statistics.packets_unsent).sum();
    println!("100 SIPp calls: {seconds:.2} processor seconds, {received} packets heard, {lost} lost, {unsent} unsent");
    assert!(received > 100 * 100, "{received}");
    assert_eq!((lost, unsent), (0, 0));
    assert_eq!(ended.iter().filter(|ended| tools::holds_tone(&ended.heard, 620.0)).count(), CALLS);
}
