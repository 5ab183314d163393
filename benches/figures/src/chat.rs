//! How long a turn of a chat takes: from a visitor's words to the whole, stored answer.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::product::Product;
use crate::spread;

const VISITORS: u8 = 10;
/// What each of them says: knowledge, a value, what no document holds, small talk, and the beginning of a flow.
const SAYINGS: &[&str] = &[
    "Good morning",
    "How much is a cleaning?",
    "Are you open on Wednesday?",
    "Which insurance do you accept?",
    "What is the capital of Peru?",
    "Where can I park?",
    "Do you offer sedation?",
    "what does a root canal cost",
    "I would like to book an appointment",
    "cancel that",
    "From what age do you treat children?",
    "Thank you",
];

/// Prints the rows.
pub async fn measure() -> Result<()> {
    let product = Product::start(None).await?;
    let before = product.processor_seconds()?;
    let mut turns = Vec::new();
    for number in 1..=VISITORS {
        let from = Ipv4Addr::new(127, 0, 1, number);
        let http = reqwest::Client::builder().no_proxy().local_address(Some(from.into())).build()?;
        let pass = open(&http, &product).await?;
        for text in SAYINGS {
            let began = Instant::now();
            let message = json!({"client_id": Uuid::new_v4(), "text": text});
            let address = format!("{}/widget/messages", product.fact("base_url")?);
            let answer = http.post(address).header("ringfence-visitor", &pass).json(&message).send().await?;
            ensure!(answer.status() == 200, "{text:?}: {}", answer.status());
            answer.bytes().await?;
            turns.push(began.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let used = (product.processor_seconds()? - before) * 1e3 / turns.len() as f64;
    let number = turns.len();
    let (least, middle, slow) = spread(turns);
    println!(
        "| chat turn, question to whole stored answer ({number}) | {middle:.1} ms (least {least:.1}, 95th of 100 {slow:.1}) |"
    );
    println!("| processor time of a chat turn, everything beside it included | {used:.1} ms |");
    product.end().await
}

async fn open(http: &reqwest::Client, product: &Product) -> Result<String> {
    let asked = json!({"embed_token": product.fact("embed_token")?});
    let origin = product.fact("customer_url")?.trim_end_matches('/');
    let address = format!("{}/widget/session", product.fact("base_url")?);
    let answer = http.post(address).header("origin", origin).json(&asked).send().await?;
    let begun: Value = answer.json().await?;
    Ok(begun["visitor_token"].as_str().with_context(|| format!("no conversation: {begun}"))?.to_owned())
}
