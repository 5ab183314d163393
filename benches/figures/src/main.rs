//! Figures of the running product, each printed as one row of `docs/benchmarks.md`.
//!
//! `figures [agents|chat|start|calls] …` measures the named ones, all when none is named, on the release binary of this
//! workspace (or the one that `RINGFENCE_BIN` names). Nothing here is a test, and nothing leaves this machine.

mod agents;
mod calls;
mod chat;
mod product;
mod start;

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, body] = words.as_slice()
        && word == agents::BARE
    {
        return agents::serve_bare(body).await;
    }
    let known = ["start", "chat", "agents", "calls"];
    if let Some(unknown) = words.iter().find(|word| !known.contains(&word.as_str())) {
        bail!("there is no figure {unknown:?}; there are {}", known.join(", "));
    }
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    if wanted("start") {
        start::measure().await?;
    }
    if wanted("chat") {
        chat::measure().await?;
    }
    if wanted("agents") {
        agents::measure().await?;
    }
    if wanted("calls") {
        calls::measure().await?;
    }
    Ok(())
}

/// The smallest, the middle and the 95th of a hundred of some figures, in their own unit.
fn spread(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_by(f64::total_cmp);
    let at = |share: f64| figures[((figures.len() - 1) as f64 * share).round() as usize];
    (at(0.0), at(0.5), at(0.95))
}
