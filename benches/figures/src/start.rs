//! How large the binary is, how soon it serves, and what it holds while nobody asks.

use std::time::Duration;

use anyhow::Result;

use crate::product::{Product, binary};
use crate::spread;

const STARTS: usize = 5;
/// Long enough for the first round of the trust page's probes to end.
const UNTIL_IDLE: Duration = Duration::from_secs(45);
const WATCHED: Duration = Duration::from_secs(30);

/// Prints the rows.
pub async fn measure() -> Result<()> {
    println!("| binary size | {:.1} MiB |", std::fs::metadata(binary())?.len() as f64 / f64::from(1 << 20));
    let scratch = tempfile::tempdir()?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for number in 0..STARTS {
        let folder = scratch.path().join(number.to_string());
        for starts in [&mut first, &mut again] {
            let product = Product::start_in(&folder, None).await?;
            starts.push(product.ready_after.as_secs_f64() * 1e3);
            product.end().await?;
        }
    }
    for (name, starts) in
        [("first start (makes keys and the sample practice)", first), ("start on existing data", again)]
    {
        let (least, middle, _) = spread(starts);
        println!("| {name}, until ready | {middle:.0} ms (least {least:.0}) |");
    }
    let product = Product::start(None).await?;
    tokio::time::sleep(UNTIL_IDLE).await;
    let before = product.processor_seconds()?;
    tokio::time::sleep(WATCHED).await;
    let share = (product.processor_seconds()? - before) / WATCHED.as_secs_f64();
    let (resident, own) = (product.memory_mebibytes("Rss")?, product.memory_mebibytes("Private_Dirty")?);
    println!("| idle memory | {resident:.0} MiB resident, {own:.0} MiB of it its own |");
    println!("| idle processor | {:.2} % of a core |", share * 100.0);
    product.end().await
}
