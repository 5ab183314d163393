//! What the trust page's own probes say with their requests, so that the attacks they send are not taken for somebody's.
//!
//! It lives and ends with the process, is compared in constant time, and opens nothing: a request that carries it is judged and
//! refused like any other. Only the log and the figures tell it apart.

use std::sync::Arc;

use http::HeaderMap;
use identity::token::{Secret, same};
use storage::Entropy;

/// The header that carries it.
pub const PROBE_HEADER: &str = "ringfence-probe";

/// The mark of this process. Cheap to clone.
#[derive(Clone)]
pub struct ProbeMark(Arc<Secret>);

impl std::fmt::Debug for ProbeMark {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ProbeMark(hidden)")
    }
}

impl ProbeMark {
    /// A fresh one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Arc::new(Secret::generate(entropy)))
    }

    /// What the header holds.
    pub fn text(&self) -> &str {
        self.0.reveal()
    }

    /// Do these headers carry it?
    pub(crate) fn is_on(&self, headers: &HeaderMap) -> bool {
        headers.get(PROBE_HEADER).is_some_and(|value| same(value.as_bytes(), self.text().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use storage::SystemEntropy;

    use super::*;

    #[test]
    fn only_the_mark_of_this_process_counts() {
        let (own, other) = (ProbeMark::generate(&SystemEntropy), ProbeMark::generate(&SystemEntropy));
        let mut headers = HeaderMap::new();
        assert!(!own.is_on(&headers));
        headers.insert(PROBE_HEADER, HeaderValue::try_from(other.text()).expect("a header"));
        assert!(!own.is_on(&headers));
        headers.insert(PROBE_HEADER, HeaderValue::try_from(own.text()).expect("a header"));
        assert!(own.is_on(&headers));
        assert!(!format!("{own:?}").contains(own.text()));
    }
}
