//! S41, S16, S30: what a browser is told with every answer. Asks for pages, for programs' answers and for nothing at all, and reads the headers.

use axum::http::HeaderMap;

use super::client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// An ordinary page, an answer for programs, an address that does not exist, and one that wants a credential.
const ASKED: &[&str] = &["/trust", "/trust.json", "/no-such-address", "/v1/agents"];

/// A header and what its value must be.
const FIXED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// What the content policy must say.
const POLICY_SAYS: &[&str] = &[
    "default-src 'none'",
    "require-trusted-types-for 'script'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
];
/// What it must never say.
const POLICY_NEVER_SAYS: &[&str] =
    &["unsafe-inline", "unsafe-eval", "unsafe-hashes", "strict-dynamic", " *", "http:", "https:"];

/// The probe.
pub struct Headers;

impl Probe for Headers {
    fn name(&self) -> &'static str {
        "headers"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let client = match client(context) {
                Ok(client) => client,
                Err(finding) => return finding,
            };
            let mut faults = Vec::new();
            let mut nonces = Vec::new();
            for path in ASKED {
                match client.get(path).await {
                    Ok(answer) => {
                        faults.extend(faults_of(&answer.headers).into_iter().map(|fault| format!("{path}: {fault}")));
                        nonces.extend(nonce_of(answer.header("content-security-policy")).map(str::to_owned));
                    }
                    Err(why) => return Finding::not_measured(why),
                }
            }
            let asked = nonces.len();
            nonces.sort();
            nonces.dedup();
            if nonces.len() < asked {
                faults.push("two answers carried the same nonce".to_owned());
            }
            let holds = format!(
                "Asked for {} addresses; every answer carried the strict content policy, each with its own nonce.",
                ASKED.len()
            );
            Finding::from_faults(&faults, holds).with("Answers read", ASKED.len())
        })
    }
}

fn faults_of(headers: &HeaderMap) -> Vec<String> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut faults: Vec<String> = FIXED
        .iter()
        .filter(|(name, wanted)| value(name) != *wanted)
        .map(|(name, wanted)| format!("{name} is not {wanted}"))
        .collect();
    let policy = value("content-security-policy");
    if policy.is_empty() {
        faults.push("there is no content policy".to_owned());
        return faults;
    }
    faults.extend(
        POLICY_SAYS
            .iter()
            .filter(|part| !policy.contains(*part))
            .map(|part| format!("the content policy lacks {part}")),
    );
    faults.extend(
        POLICY_NEVER_SAYS
            .iter()
            .filter(|part| policy.contains(*part))
            .map(|part| format!("the content policy says {}", part.trim())),
    );
    if nonce_of(policy).is_none() {
        faults.push("scripts need no nonce".to_owned());
    }
    faults
}

/// The nonce of a policy whose scripts need one and nothing else.
fn nonce_of(policy: &str) -> Option<&str> {
    let sources = policy.split(';').find_map(|directive| directive.trim().strip_prefix("script-src "))?;
    let nonce = sources.trim().strip_prefix("'nonce-")?.strip_suffix('\'')?;
    (nonce.len() >= 16 && !nonce.contains(' ')).then_some(nonce)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderValue;
    use axum::response::Response;

    use super::{ASKED, FIXED, Headers};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{context, served};

    const POLICY: &str = "default-src 'none'; script-src 'nonce-NONCE'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

    /// A server that sends all headers well, save for what `change` does to them.
    async fn finding_with(change: fn(&mut Response, u64)) -> crate::finding::Finding {
        let counter = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let app = Router::new().fallback(move || {
            let number = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                let mut response = Response::new(axum::body::Body::empty());
                for (name, value) in FIXED {
                    response.headers_mut().insert(*name, HeaderValue::from_static(value));
                }
                let policy = POLICY.replace("NONCE", &format!("{number:032x}"));
                response.headers_mut().insert("content-security-policy", policy.parse().expect("a value"));
                change(&mut response, number);
                response
            }
        });
        let (mut context, _kept) = context().await;
        context.base_url = Some(served(app).await);
        Headers.look(&context).await
    }

    fn set_policy(response: &mut Response, policy: &str) {
        response.headers_mut().insert("content-security-policy", policy.parse().expect("a value"));
    }

    #[tokio::test]
    async fn a_server_with_every_header_holds() {
        let finding = finding_with(|_, _| {}).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_eq!(finding.figures[0].value, ASKED.len().to_string());
    }

    #[tokio::test]
    async fn each_broken_control_turns_it_red() {
        let breaks: &[fn(&mut Response, u64)] = &[
            |response, _| drop(response.headers_mut().remove("content-security-policy")),
            |response, _| drop(response.headers_mut().remove("x-content-type-options")),
            |response, _| {
                drop(response.headers_mut().insert("x-frame-options", HeaderValue::from_static("SAMEORIGIN")));
            },
            |response, number| {
                set_policy(
                    response,
                    &POLICY.replace("'nonce-NONCE'", &format!("'nonce-{number:032x}' 'unsafe-inline'")),
                );
            },
            |response, number| {
                set_policy(
                    response,
                    &POLICY.replace("NONCE", &format!("{number:032x}")).replace("default-src 'none'", "default-src *"),
                );
            },
            |response, _| set_policy(response, &POLICY.replace("NONCE", "0123456789abcdef0123456789abcdef")),
            |response, _| set_policy(response, &POLICY.replace("script-src 'nonce-NONCE'; ", "")),
        ];
        for (number, change) in breaks.iter().enumerate() {
            let finding = finding_with(*change).await;
            assert_eq!(finding.state, State::Broken, "break {number}: {finding:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_not_measured() {
        let (mut context, _kept) = context().await;
        assert_eq!(Headers.look(&context).await.state, State::NotMeasured);
        context.base_url = Some("http://127.0.0.1:1".to_owned());
        assert_eq!(Headers.look(&context).await.state, State::NotMeasured);
    }
}
