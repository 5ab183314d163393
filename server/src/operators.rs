//! The operator's own listener: figures for a monitor, and the pages of the operator plane behind their own door.

use axum::routing::get;
use identity::password::breached::Breached;
use operator::{Figure, Plane};
use storage::Timestamp;

use crate::wiring::House;

/// Where a monitor reads the figures.
pub const METRICS: &str = "/metrics";

/// What the loopback address `admin` answers. `/metrics` asks nobody: it holds no identifier, number or name.
pub fn router(house: &House, base_url: &str) -> axum::Router {
    let metrics = house.metrics.clone();
    let plane = Plane {
        gate: house.gate.clone(),
        live: house.live.clone(),
        base_url: base_url.into(),
        figures: std::sync::Arc::new(figures(house)),
    };
    axum::Router::new()
        .route(METRICS, get(move || async move { metrics.text() }))
        .fallback_service(operator::router(&plane))
}

/// What was imported, and when; a fault in words, because this page is where somebody would see it.
fn breached_words(set: &Breached) -> String {
    match set.header() {
        Ok(Some(header)) => {
            format!("{} imported {}", header.records, web::instant::to_rfc3339(Timestamp(header.made_at)))
        }
        Ok(None) => "none imported; the eleven thousand commonest are refused (ringfence passwords import)".to_owned(),
        Err(error) => format!("FAULT: {error}"),
    }
}

fn figures(house: &House) -> impl Fn() -> Vec<Figure> + Send + Sync + use<> {
    let (metrics, limits, violations) =
        (house.metrics.clone(), house.gate.limits.clone(), house.gate.violations.clone());
    let breached = house.platform.breached.clone();
    let database = if house.settings.database_url.is_empty() { "embedded (SQLite)" } else { "PostgreSQL" };
    move || {
        let figure = |name, value: String| Figure { name, value };
        vec![
            figure("Version", env!("CARGO_PKG_VERSION").to_owned()),
            figure("Database", database.to_owned()),
            figure("Breached passwords", breached_words(&breached)),
            figure("Calls in progress", metrics.calls().to_string()),
            figure("Requests answered", metrics.requests().to_string()),
            figure("Buckets of limits in memory", limits.remembered_keys().to_string()),
            figure("Reports of policy violations", violations.total().to_string()),
        ]
    }
}
