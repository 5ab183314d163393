//! S39: whoever asks too often is told to wait, and nobody else is. A canary's key asks until it is refused; the other canary's key is still
//! served.

use axum::http::Method;
use identity::Role;
use identity::token::KeyText;

use super::client;
use crate::canary;
use crate::client::{Answer, Client};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Without a refusal after so many requests there is no limit worth the name.
const MOST_REQUESTS: u32 = 2_000;
const TOO_MANY: u16 = 429;
const NOT_FOUND: u16 = 404;

/// The probe.
pub struct RateLimit;

impl Probe for RateLimit {
    fn name(&self) -> &'static str {
        "rate-limit"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { burst(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn burst(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let platform = &context.platform;
    let [first, second] = canary::pair(platform).await?;
    let (hasty, patient) = (first.key(platform, Role::Admin).await?, second.key(platform, Role::Admin).await?);
    let path = format!("/v1/keys/{}", platform.identifiers.next());
    let mut refusal = None;
    for request in 1..=MOST_REQUESTS {
        let answer = ask(&client, &path, &hasty.1).await?;
        match answer.status {
            NOT_FOUND => {}
            TOO_MANY => {
                refusal = Some((request, answer));
                break;
            }
            status => {
                return Err(Finding::not_measured(format!(
                    "A good key was answered {status}, so limits cannot be seen."
                )));
            }
        }
    }
    let other = ask(&client, &path, &patient.1).await?;
    first.revoke(platform, &hasty.0).await?;
    second.revoke(platform, &patient.0).await?;
    Ok(judge(refusal, &other))
}

async fn ask(client: &Client, path: &str, key: &KeyText) -> Result<Answer, Finding> {
    let authorization = format!("Bearer {}", key.reveal());
    client
        .send_once(Method::DELETE, path, &[("authorization", &authorization)], None)
        .await
        .map_err(Finding::not_measured)
}

fn judge(refusal: Option<(u32, Answer)>, other: &Answer) -> Finding {
    let Some((request, answer)) = refusal else {
        return Finding::broken(format!("{MOST_REQUESTS} changes in a row were answered without any limit."));
    };
    let wait = answer.header("retry-after").parse::<u64>().unwrap_or(0);
    let mut faults = Vec::new();
    if wait == 0 {
        faults.push("the refusal does not say when to come back".to_owned());
    }
    if other.status == TOO_MANY {
        faults.push("one organization's haste keeps another from being served".to_owned());
    }
    Finding::from_faults(&faults, format!("The change number {request} in a row was refused with 429 and a time to wait; another organization was still served."))
        .with("Changes before the refusal", request - 1)
        .with("Time to wait", format!("{wait} s"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::http::{HeaderValue, StatusCode};
    use axum::response::{IntoResponse as _, Response};

    use super::RateLimit;
    use crate::finding::{Finding, State};
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    /// A server that answers the request of this number with `answer`, and 404 to those before.
    async fn finding(answer: fn(u32) -> Response) -> Finding {
        let (mut context, _kept) = context().await;
        let count = Arc::new(AtomicU32::new(0));
        let app = Router::new().fallback(move || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            async move { answer(number) }
        });
        context.base_url = Some(served(app).await);
        RateLimit.look(&context).await
    }

    fn refused() -> Response {
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", HeaderValue::from_static("7"))]).into_response()
    }

    #[tokio::test]
    async fn our_own_limits_hold() {
        let (context, _kept) = guarded().await;
        let finding = RateLimit.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_eq!(finding.figures[0].value, "240", "{finding:?}");
    }

    #[tokio::test]
    async fn each_broken_control_turns_it_red() {
        let no_limit = finding(|_| StatusCode::NOT_FOUND.into_response()).await;
        let no_time = finding(|number| {
            if number == 3 { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::NOT_FOUND }.into_response()
        })
        .await;
        let for_all =
            finding(|number| if number < 3 { StatusCode::NOT_FOUND.into_response() } else { refused() }).await;
        for broken in [no_limit, no_time, for_all] {
            assert_eq!(broken.state, State::Broken, "{broken:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_knows_no_key_proves_nothing() {
        let finding = finding(|_| StatusCode::UNAUTHORIZED.into_response()).await;
        assert_eq!(finding.state, State::NotMeasured, "{finding:?}");
    }
}
