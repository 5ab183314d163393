//! The schedule: once a minute, whatever probe is due runs.

use std::time::Duration;

use crate::verify::Trust;

/// Between two looks at the schedule.
const SECONDS_BETWEEN_LOOKS: u64 = 60;

/// Runs due probes until it is dropped. An error is logged and the next minute tries again: a page that stopped looking shows that by itself,
/// because good news grows old.
pub async fn keep_looking(trust: Trust) {
    let mut ticks = tokio::time::interval(Duration::from_secs(SECONDS_BETWEEN_LOOKS));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match trust.run_due().await {
            Ok(report) if report.looked.is_empty() => {}
            Ok(report) => tracing::info!(looked = report.looked.len(), good = report.is_good(), "probes ran"),
            Err(error) => tracing::error!(%error, "probes could not run"),
        }
    }
}
