//! What browsers report by themselves.

use axum::extract::State;
use http::StatusCode;

use crate::guard::Gate;
use crate::routes::{Access, Audited, Routes};

/// A browser's report of a policy violation has at most this many bytes.
const REPORT_BYTES: usize = 16 * 1024;

/// The routes.
pub fn routes() -> Routes<Gate> {
    Routes::new()
        .post(
            "/csp-report",
            Access::Public("browsers report by themselves, without credentials"),
            Audited::No("only counted"),
            take_report,
        )
        .from_other_sites("frames of other origins report here, and a report only raises a counter")
        .body_bytes(REPORT_BYTES)
}

/// Counted, and the directive logged; the rest of a report is what its sender likes it to be.
async fn take_report(State(gate): State<Gate>, body: axum::body::Bytes) -> StatusCode {
    gate.violations.count_one();
    let report: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let directive = report.as_ref().and_then(|report| report["csp-report"]["effective-directive"].as_str());
    let directive: String = directive.unwrap_or("unreadable").chars().filter(char::is_ascii_graphic).take(40).collect();
    tracing::warn!(directive, "a browser reported a violation of the content policy");
    StatusCode::NO_CONTENT
}
