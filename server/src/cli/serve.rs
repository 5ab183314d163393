//! `ringfence serve`.

use identity::{founding, one_time};

use super::{Answer, Node, say};
use crate::running::Running;
use crate::wiring::House;

pub(super) async fn run(node: Node) -> anyhow::Result<Answer> {
    start_logging();
    let house = House::open(node.settings()?).await?;
    let running = Running::start(house.clone(), &[]).await?;
    let base = running.base_url.clone();
    say(&format!("Ringfence answers at {base} (listening on {})", running.http));
    if founding::is_needed(&house.platform).await? {
        let token = one_time::issue_owner_token(&house.platform).await?;
        let address = one_time::Purpose::FirstOwner.address(&base, &token);
        say(&format!("Nobody owns it yet. Open this address within an hour; it works once:\n{address}"));
    }
    running.until_asked().await?;
    Ok(Answer::Good)
}

/// Logs to standard error: readable lines on a terminal, JSON elsewhere; `RUST_LOG` decides how much. The SIP stack logs
/// whole messages with credentials in them, so nothing below a warning is ever taken from it.
pub(super) fn start_logging() {
    start_logging_at("info");
}

/// The same with another default than `info`.
pub(super) fn start_logging_at(level: &str) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let filter = ["rsipstack=warn"].iter().filter_map(|rule| rule.parse().ok()).fold(filter, EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start within one process (tests) keeps the first one's settings.
    let _ = if std::io::stderr().is_terminal() { lines.try_init() } else { lines.json().try_init() };
}
