//! `GET /v1/agents` with a key, beside a bare axum route in a process of its own that answers the same bytes.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::routing::get;
use reqwest::{Client, Method};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::product::Product;
use crate::spread;

/// The word by which this program serves the bare route.
pub const BARE: &str = "bare";

/// Pairs of requests.
const PAIRS: usize = 500;

/// Serves `body` at `/v1/agents` and nothing else: axum as it comes, without a key, a limit, a header or a database.
pub async fn serve_bare(body: &str) -> Result<()> {
    let body = body.to_owned();
    let answer = move || async move { ([("content-type", "application/json")], body) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/v1/agents", get(answer))).await?;
    Ok(())
}

/// Prints the rows.
pub async fn measure() -> Result<()> {
    let product = Product::start(None).await?;
    let (key, ours) = (product.fact("api_key")?.to_owned(), format!("{}/v1/agents", product.fact("base_url")?));
    let body = product.http.get(&ours).bearer_auth(&key).send().await?.text().await?;
    let program = std::env::current_exe()?;
    let mut child = Command::new(program).args([BARE, &body]).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let output = child.stdout.take().context("a pipe")?;
    let address = BufReader::new(output).lines().next_line().await?.context("an address")?;
    let bare = format!("http://{address}/v1/agents");
    let before = product.processor_seconds()?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        with.push(one(&product.http, &ours, &key, &body).await?);
        without.push(one(&product.http, &bare, &key, &body).await?);
    }
    let used = (product.processor_seconds()? - before) * 1e6 / PAIRS as f64;
    let ((_, ours, slow), (_, bare, bare_slow)) = (spread(with), spread(without));
    println!("| `GET /v1/agents` with a key, {} bytes | {ours:.0} us (95th of 100 {slow:.0}) |", body.len());
    println!("| bare axum route, the same bytes | {bare:.0} us (95th of 100 {bare_slow:.0}) |");
    println!("| ratio | {:.2} |", ours / bare);
    println!("| processor time of ours | {used:.0} us |");
    child.kill().await?;
    product.end().await
}

async fn one(http: &Client, address: &str, key: &str, wanted: &str) -> Result<f64> {
    let began = Instant::now();
    let answer = http.request(Method::GET, address).bearer_auth(key).send().await?;
    let (status, body) = (answer.status(), answer.text().await?);
    let took = began.elapsed().as_secs_f64() * 1e6;
    ensure!(status == 200 && body == wanted, "{address}: {status} {body}");
    Ok(took)
}
