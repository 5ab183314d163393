//! What a browser may do with an answer of ours: a strict content policy with a fresh nonce, and its companions.
//!
//! The policy is written in one place. A route that other sites embed says what it is ([`Exposure`]) and never writes
//! a header itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponseParts, Response, ResponseParts};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use storage::Entropy;

const NONCE_BYTES: usize = 16;

/// The one-time word that lets a script element of ours run on this page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(Arc<str>);

impl Nonce {
    /// A fresh one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; NONCE_BYTES];
        entropy.fill(&mut bytes);
        Self(hex::encode(bytes).into())
    }

    /// The text for `nonce="…"`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Nonce {
    type Rejection = Infallible;

    /// Without the header layer the nonce is empty, and an empty nonce lets no script run.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self("".into())))
    }
}

/// How far an answer may be used by other sites. The default, without any mark, is not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// Other sites may load it as a script, style or image (the widget's loader).
    Resource,
    /// These origins may show it in a frame. An empty list means nobody.
    Frame(Vec<String>),
}

impl IntoResponseParts for Exposure {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// Marks an answer as belonging to one signed-in person, so that no cache keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Private;

/// How many reports of policy violations browsers have sent since the start.
#[derive(Debug, Clone, Default)]
pub struct ViolationReports(Arc<AtomicU64>);

impl ViolationReports {
    /// One more.
    pub fn count_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The headers' settings.
#[derive(Clone)]
pub struct HeaderPolicy {
    /// Where nonces come from.
    pub entropy: Arc<dyn Entropy>,
    /// Browsers reach this server by TLS (ours or a proxy's): then HSTS is sent.
    pub over_tls: bool,
}

/// Middleware around everything: puts a [`Nonce`] beside the request and the headers on the answer.
pub async fn secure(
    axum::extract::State(policy): axum::extract::State<HeaderPolicy>,
    mut request: Request,
    next: Next,
) -> Response {
    let nonce = Nonce::generate(policy.entropy.as_ref());
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    apply(&mut response, &nonce, policy.over_tls);
    response
}

/// Writes the headers on one answer. What a handler wrote under these names is replaced.
pub fn apply(response: &mut Response, nonce: &Nonce, over_tls: bool) {
    let exposure = response.extensions_mut().remove::<Exposure>();
    let private = response.extensions_mut().remove::<Private>().is_some();
    let policy = content_policy(nonce, exposure.as_ref());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, value);
    }
    let resource_policy = if exposure.is_some() { "cross-origin" } else { "same-origin" };
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static(resource_policy));
    if !matches!(exposure, Some(Exposure::Frame(_))) {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    if over_tls {
        headers
            .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    if private || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

const FIXED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(self), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), usb=(), browsing-topics=()",
    ),
];

fn content_policy(nonce: &Nonce, exposure: Option<&Exposure>) -> String {
    // The frame sets text only, so it needs no policy that makes markup.
    let (ancestors, makers) = match exposure {
        Some(Exposure::Frame(origins)) => (frame_ancestors(origins), "'none'"),
        _ => ("'none'".to_owned(), "ringfence"),
    };
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}; \
         require-trusted-types-for 'script'; trusted-types {makers}; report-uri /csp-report"
    )
}

/// Exact origins only: anything that is not `http(s)://host[:port]` is left out, and nothing left means nobody.
fn frame_ancestors(origins: &[String]) -> String {
    let exact: Vec<&str> = origins.iter().map(String::as_str).filter(|origin| is_exact_origin(origin)).collect();
    if exact.is_empty() { "'none'".to_owned() } else { exact.join(" ") }
}

fn is_exact_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;
    use storage::SeededEntropy;

    fn applied(response: Response) -> (Response, Nonce) {
        let nonce = Nonce::generate(&SeededEntropy::new(1));
        let mut response = response;
        apply(&mut response, &nonce, false);
        (response, nonce)
    }

    fn value<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
    }

    #[test]
    fn a_plain_answer_gets_the_strict_policy() {
        let (response, nonce) = applied("page".into_response());
        let policy = value(&response, "content-security-policy");
        assert!(policy.contains(&format!("script-src 'nonce-{nonce}'")));
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types ringfence;",
            "report-uri /csp-report",
        ] {
            assert!(policy.contains(part), "{part}");
        }
        assert!(!policy.contains("unsafe-") && !policy.contains("strict-dynamic") && !policy.contains('*'));
        assert_eq!(value(&response, "x-content-type-options"), "nosniff");
        assert_eq!(value(&response, "x-frame-options"), "DENY");
        assert_eq!(value(&response, "cross-origin-resource-policy"), "same-origin");
        assert_eq!(value(&response, "cache-control"), "no-store");
        assert_eq!(value(&response, "strict-transport-security"), "");
    }

    #[test]
    fn two_pages_have_two_nonces() {
        let entropy = SeededEntropy::new(2);
        assert_ne!(Nonce::generate(&entropy), Nonce::generate(&entropy));
    }

    #[test]
    fn a_frame_is_for_exact_origins_only() {
        let origins = vec![
            "https://shop.example".to_owned(),
            "https://*.evil.example".to_owned(),
            "https://a; script-src *".to_owned(),
            "'self'".to_owned(),
        ];
        let (response, _) = applied((Exposure::Frame(origins), "frame").into_response());
        let policy = value(&response, "content-security-policy");
        assert!(policy.contains("frame-ancestors https://shop.example;"), "{policy}");
        assert!(!policy.contains("evil") && !policy.contains("script-src *"));
        assert!(policy.contains("trusted-types 'none';"), "{policy}");
        assert_eq!(value(&response, "x-frame-options"), "");
        assert_eq!(value(&response, "cross-origin-resource-policy"), "cross-origin");
        let (nobody, _) = applied((Exposure::Frame(Vec::new()), "frame").into_response());
        assert!(value(&nobody, "content-security-policy").contains("frame-ancestors 'none'"));
    }

    #[test]
    fn what_a_handler_wrote_does_not_weaken_the_policy() {
        let written = [("content-security-policy", "default-src *"), ("cache-control", "public, max-age=60")];
        let (response, _) = applied((written, "page").into_response());
        assert!(value(&response, "content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(value(&response, "cache-control"), "public, max-age=60", "an asset may be cached");
        let (private, _) = applied((axum::Extension(Private), written, "page").into_response());
        assert_eq!(value(&private, "cache-control"), "no-store", "a signed-in answer never");
    }

    #[test]
    fn hsts_only_over_tls() {
        let mut response = "page".into_response();
        apply(&mut response, &Nonce::generate(&SeededEntropy::new(1)), true);
        assert!(value(&response, "strict-transport-security").starts_with("max-age=63072000"));
    }
}
