//! How many recorded calls one core holds: the product on one core, its callers on the others.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use telephony::softphone::{Options, Outcome, Softphone, Step};
use tokio::task::JoinSet;

use crate::product::Product;

/// How many call at the same time, in rounds.
const ROUNDS: &[usize] = &[50, 100, 200, 300, 400];
/// Callers at one address: the phone lets one stranger have 150 calls.
const CALLERS_AT_ONE: usize = 100;
/// Between one call and the next at the start of a round.
const APART: Duration = Duration::from_millis(40);
/// Until every caller has agreed to the recording.
const UNTIL_RECORDED: Duration = Duration::from_secs(25);
/// How long the load is watched.
const WATCHED: Duration = Duration::from_secs(15);
/// Above this share of the core a round does not count as held.
const FULL: f64 = 0.9;

/// Prints a row for each round, until one is not held.
pub async fn measure() -> Result<()> {
    // Callers must not take the product's core; this process was started by a person, so it moves itself.
    let own = std::process::id().to_string();
    tokio::process::Command::new("taskset").args(["-a", "-cp", "1-1023", &own]).output().await?;
    println!("| recorded calls at once | processor, of one core | packets lost | ticks skipped | memory |");
    for calls in ROUNDS {
        if !round(*calls).await? {
            break;
        }
    }
    Ok(())
}

async fn round(calls: usize) -> Result<bool> {
    let product = Product::start(Some("0")).await?;
    let mut phones = Vec::new();
    for place in 1..=calls.div_ceil(CALLERS_AT_ONE) as u8 {
        phones.push(Softphone::open(IpAddr::from([127, 0, 0, place]), Arc::new(storage::SystemEntropy)).await?);
    }
    let address = product.fact("sip_uri")?.to_owned();
    let lasting = UNTIL_RECORDED + WATCHED + APART * calls as u32;
    let tone: Arc<[i16]> = media::tone::sine(1_000.0, 9_000, lasting.as_millis() as u32).into();
    let mut tasks = JoinSet::new();
    for number in 0..calls {
        let steps = vec![
            Step::Listen(1_500),
            Step::Press("1".to_owned()),
            Step::Listen(1_500),
            Step::Press("1".to_owned()),
            Step::Wait(500),
            Step::Say(tone.clone()),
            Step::HangUp,
        ];
        let from_user = format!("+4411749{number:05}");
        let options = Options { from_user, longest_seconds: 180, steps, ..Options::default() };
        let (phone, address) = (phones[number / CALLERS_AT_ONE].clone(), address.clone());
        tasks.spawn(async move { phone.place(&address, &options).await });
        tokio::time::sleep(APART).await;
    }
    tokio::time::sleep(UNTIL_RECORDED).await;
    let recorded = product.folder().join("objects").read_dir().map_or(0, Iterator::count);
    let before = product.processor_seconds()?;
    tokio::time::sleep(WATCHED).await;
    let share = (product.processor_seconds()? - before) / WATCHED.as_secs_f64();
    let memory = product.memory_mebibytes("Rss")?;
    let outcomes = tasks.join_all().await;
    for phone in phones {
        phone.close().await;
    }
    let answered = outcomes.iter().filter(|outcome| outcome.answered).count();
    let sum = |figure: fn(&Outcome) -> u64| outcomes.iter().map(figure).sum::<u64>();
    let lost = sum(|outcome| outcome.statistics.packets_lost + outcome.statistics.packets_lost_at_peer);
    let own = sum(|outcome| outcome.statistics.ticks_skipped);
    println!(
        "| {answered} of {calls} answered, {recorded} objects | {:.0} % | {lost} | {own} (callers') | {memory:.0} MiB |",
        share * 100.0
    );
    product.end().await?;
    Ok(answered == calls && lost == 0 && share < FULL)
}
