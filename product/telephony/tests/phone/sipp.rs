//! SIPp as the other side: its scenarios stand in `tests/sipp`, written by us.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use media::{g711, tone};
use storage::SystemEntropy;
use telephony::call::{EndReason, EndedBy};
use telephony::line::LineEvent;
use telephony::softphone::{Options, Softphone, Step};
use tokio::process::{Child, Command};

use crate::answerer::Answerer;
use crate::tools;

pub struct Sipp {
    folder: tempfile::TempDir,
}

impl Sipp {
    /// None (and a printed line) when SIPp is not installed.
    pub fn new() -> Option<Self> {
        tools::is_there("sipp")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut codes = Vec::new();
        g711::Law::Mu.encode(&tone::sine(620.0, 12_000, 1_000), &mut codes);
        std::fs::write(folder.path().join("tone.ulaw"), codes).expect("written");
        Some(Sipp { folder })
    }

    fn scenario(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sipp").join(format!("{name}.xml"))
    }

    fn start(&self, scenario: &str, arguments: &[String]) -> Child {
        let mut command = Command::new("sipp");
        command.current_dir(self.folder.path()).arg("-sf").arg(Self::scenario(scenario));
        command.args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-trace_err", "-error_file", "errors.log"]);
        command.args(["-timeout", "60s", "-timeout_error"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().expect("sipp starts")
    }

    /// Runs a scenario against a line; panics with SIPp's own words when a call failed.
    pub async fn call(&self, scenario: &str, user: &str, line: SocketAddr, more: &[&str]) {
        let mut arguments = vec![line.to_string(), "-s".to_owned(), user.to_owned()];
        arguments.extend(more.iter().map(ToString::to_string));
        let output = self.start(scenario, &arguments).wait_with_output().await.expect("sipp ends");
        let errors = std::fs::read_to_string(self.folder.path().join("errors.log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{scenario}: {:?}\n{said}\n{errors}", output.status.code());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_sound_is_answered_and_both_tones_are_heard() {
    let Some(sipp) = Sipp::new() else { return };
    let answerer = Answerer::start().await;
    for transport in ["u1", "t1"] {
        sipp.call("sound", "tone", answerer.line.address(), &["-m", "1", "-t", transport]).await;
    }
    for ended in answerer.wait_for(2).await {
        assert_eq!((ended.end.by, ended.end.reason), (EndedBy::Caller, EndReason::HungUp));
        assert_eq!(ended.statistics.packets_lost, 0, "{:?}", ended.statistics);
        assert!(ended.statistics.packets_received >= 150, "{:?}", ended.statistics);
        assert!(tools::holds_tone(&ended.heard, 620.0));
    }
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_from_another_rtp_source_are_heard() {
    let Some(sipp) = Sipp::new() else { return };
    if !tools::is_root("playing recorded packets needs raw sockets") {
        return;
    }
    let answerer = Answerer::start().await;
    sipp.call("keys", "quiet", answerer.line.address(), &["-m", "1"]).await;
    assert_eq!(answerer.wait_for(1).await[0].digits, "12#");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_cancels_leaves_nothing() {
    let Some(sipp) = Sipp::new() else { return };
    let answerer = Answerer::start().await;
    sipp.call("cancel", "ring", answerer.line.address(), &["-m", "300", "-r", "100", "-l", "300"]).await;
    let ended = answerer.wait_for(300).await;
    assert!(ended.iter().all(|ended| ended.end.reason == EndReason::Cancelled && ended.end.status.code() == 487));
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_hang_ups_leaves_nothing() {
    let Some(sipp) = Sipp::new() else { return };
    let answerer = Answerer::start().await;
    sipp.call("bye_at_once", "quiet", answerer.line.address(), &["-m", "300", "-r", "100", "-l", "300"]).await;
    sipp.call("bye_without_ack", "quiet", answerer.line.address(), &["-m", "100", "-r", "50", "-l", "100"]).await;
    let ended = answerer.wait_for(400).await;
    assert!(ended.iter().all(|ended| (ended.end.by, ended.end.reason) == (EndedBy::Caller, EndReason::HungUp)));
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_resume_info_and_update_within_a_call() {
    let Some(sipp) = Sipp::new() else { return };
    let answerer = Answerer::start().await;
    sipp.call("hold", "tone", answerer.line.address(), &["-m", "1"]).await;
    let ended = answerer.wait_for(1).await.remove(0);
    assert_eq!(ended.events, [LineEvent::Held, LineEvent::Resumed]);
    assert_eq!(ended.digits, "5");
    // About 1.2 seconds, half of them on hold: nothing was sent then.
    assert!((20..50).contains(&ended.statistics.packets_sent), "{:?}", ended.statistics);
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_may_come_late_and_what_is_not_spoken_is_refused() {
    let Some(sipp) = Sipp::new() else { return };
    let answerer = Answerer::start().await;
    sipp.call("offerless", "tone", answerer.line.address(), &["-m", "1"]).await;
    let ended = answerer.wait_for(1).await.remove(0);
    assert!(ended.statistics.packets_sent >= 20, "{:?}", ended.statistics);
    sipp.call("refused", "tone", answerer.line.address(), &["-m", "1"]).await;
    let ended = answerer.wait_for(2).await.remove(1);
    assert_eq!((ended.end.by, ended.end.status.code(), ended.end.reason), (EndedBy::Us, 488, EndReason::Refused));
    assert!(ended.end.detail.contains("not encrypted"), "{}", ended.end.detail);
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_allowed_are_told_to_come_back() {
    let Some(sipp) = Sipp::new() else { return };
    let mut config = telephony::line::LineConfig::loopback();
    config.sip.limits.calls = 5;
    let answerer = Answerer::start_with(config).await;
    let line = answerer.line.address();
    let holding = (0..5).map(|_| {
        let uri = answerer.uri("quiet");
        tokio::spawn(async move {
            let options = Options { steps: vec![Step::Wait(1_500), Step::HangUp], ..Options::default() };
            telephony::softphone::place(&uri, &options, Arc::new(SystemEntropy)).await
        })
    });
    let holding: Vec<_> = holding.collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let phone = Softphone::open([127, 0, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone");
    let refused = phone.place(&format!("sip:quiet@{line}"), &Options::default()).await;
    assert_eq!(refused.end.status.code(), 503);
    for call in holding {
        assert!(call.await.expect("no panic").expect("a phone").answered);
    }
    sipp.call("bye_at_once", "quiet", line, &["-m", "1"]).await;
    answerer.assert_nothing_left().await;
}
