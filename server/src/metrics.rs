//! Figures for the operator, in Prometheus' text form, on a loopback address of their own.
//!
//! Labels are route templates and status codes, never identifiers, numbers or names of anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use edge::firewall::FirewallFigures;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What one request is counted under.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

/// What the firewall decided.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FirewallLabels {
    verdict: &'static str,
}

/// The figures of one node. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter<u64, AtomicU64>>,
    calls: Gauge,
    damaged: Gauge,
    answered: Arc<AtomicU64>,
    firewall: Family<FirewallLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let (requests, calls, damaged, firewall) =
            (Family::default(), Gauge::default(), Gauge::default(), Family::default());
        let mut registry = Registry::with_prefix("ringfence");
        registry.register("http_requests", "Requests answered, by route and status", requests.clone());
        registry.register("calls_in_progress", "Calls that go on", calls.clone());
        registry.register("damaged", "Sealed values and recordings that do not open", damaged.clone());
        registry.register("firewall_requests", "Requests since the start, by the firewall's verdict", firewall.clone());
        Self { registry: Arc::new(registry), requests, calls, damaged, answered: Arc::default(), firewall }
    }
}

impl Metrics {
    /// Sets how many calls go on.
    pub fn set_calls(&self, calls: usize) {
        self.calls.set(i64::try_from(calls).unwrap_or(i64::MAX));
    }

    /// Sets how many sealed values and recordings do not open.
    pub fn set_damaged(&self, damaged: i64) {
        self.damaged.set(damaged);
    }

    /// How many calls go on.
    pub fn calls(&self) -> i64 {
        self.calls.get()
    }

    /// How many requests were answered since the start, on every route.
    pub fn requests(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Sets how often the firewall decided what.
    pub fn set_firewall(&self, figures: FirewallFigures) {
        let FirewallFigures { passed, refused, detected, free_text, probed } = figures;
        for (verdict, count) in [
            ("passed", passed),
            ("refused", refused),
            ("detected", detected),
            ("free_text", free_text),
            ("probed", probed),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.firewall.get_or_create(&FirewallLabels { verdict }).set(count);
        }
    }

    /// All figures as text (`text/plain; version=0.0.4`).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Counts a request when it is answered.
pub async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    metrics.answered.fetch_add(1, Ordering::Relaxed);
    metrics.requests.get_or_create(&RequestLabels { route, status: response.status().as_u16() }).inc();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_with_their_labels() {
        let metrics = Metrics::default();
        metrics.requests.get_or_create(&RequestLabels { route: "/v1/calls/{id}".into(), status: 404 }).inc();
        metrics.set_calls(3);
        metrics.set_firewall(FirewallFigures { refused: 2, ..FirewallFigures::default() });
        let text = metrics.text();
        assert!(text.contains("ringfence_http_requests_total{route=\"/v1/calls/{id}\",status=\"404\"} 1"), "{text}");
        assert!(text.contains("ringfence_calls_in_progress 3"), "{text}");
        assert!(text.contains("ringfence_firewall_requests{verdict=\"refused\"} 2"), "{text}");
    }
}
