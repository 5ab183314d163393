//! S30: browsers are told to come by TLS only, and plain HTTP is sent there. Asks this server, and the redirect beside it.

use super::client;
use crate::client::Client;
use crate::finding::Finding;
use crate::link::{PAGES, Protection};
use crate::probe::{Look, Probe, ProbeContext};

/// A page, an answer for programs, and an address that does not exist.
const ASKED: &[&str] = &["/trust", "/livez", "/v1/agents", "/no-such-address"];
/// Two years, as browsers' preload lists want it (RFC 6797; a year is their least).
const WANTED: &str = "max-age=63072000; includeSubDomains";

/// The probe.
pub struct StrictTransport;

impl Probe for StrictTransport {
    fn name(&self) -> &'static str {
        "strict-transport"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let client = match client(context) {
                Ok(client) => client,
                Err(finding) => return finding,
            };
            let over_tls = context.cookie == web::SessionCookie::OverTls;
            let mut faults = Vec::new();
            for path in ASKED {
                match client.get(path).await {
                    Ok(answer) => faults.extend(fault(over_tls, answer.header("strict-transport-security"), path)),
                    Err(why) => return Finding::not_measured(why),
                }
            }
            if let Some(redirect_url) = &context.redirect_url {
                match redirect(redirect_url, context.public_name.as_deref()).await {
                    Ok(more) => faults.extend(more),
                    Err(why) => return Finding::not_measured(why),
                }
            }
            Finding::from_faults(&faults, holds(context, over_tls)).with("Answers read", ASKED.len())
        })
    }
}

fn holds(context: &ProbeContext, over_tls: bool) -> String {
    let is_by_proxy =
        context.links.iter().any(|link| link.purpose == PAGES && matches!(link.protection, Protection::InClear(_)));
    match (over_tls, &context.redirect_url) {
        (false, _) => {
            "This node speaks plain HTTP on this machine only, where the header has no meaning and is not sent.".to_owned()
        }
        (true, Some(_)) => {
            "Every answer tells browsers to come by TLS for two years; plain HTTP is answered by a redirect to TLS.".to_owned()
        }
        (true, None) if is_by_proxy => {
            "Every answer tells browsers to come by TLS for two years; plain HTTP from the world is the proxy's to redirect."
                .to_owned()
        }
        (true, None) => {
            "Every answer tells browsers to come by TLS for two years; nothing listens for plain HTTP from the world.".to_owned()
        }
    }
}

fn fault(over_tls: bool, header: &str, path: &str) -> Option<String> {
    match (over_tls, header) {
        (true, WANTED) | (false, "") => None,
        (true, "") => Some(format!("{path}: browsers are not told to come by TLS")),
        (true, other) => Some(format!("{path}: the header says {other}")),
        // Sent in clear, anybody on the way could have written it (RFC 6797 section 7.2).
        (false, _) => Some(format!("{path}: the header is sent without TLS")),
    }
}

/// The redirect answers nothing but redirects to the very same path over TLS, and takes no credential.
async fn redirect(url: &str, name: Option<&str>) -> Result<Vec<String>, String> {
    let client = Client::new(url, None)?;
    let mut faults = Vec::new();
    for path in ["/", "/inbox?x=1"] {
        let answer = client.get(path).await?;
        let target = answer.header("location");
        let right = name.is_none_or(|name| target.starts_with(&format!("https://{name}")));
        if answer.status != 308 || !target.starts_with("https://") || !target.ends_with(path) || !right {
            faults.push(format!(
                "plain HTTP is answered with {} to {target:?} instead of a redirect to TLS",
                answer.status
            ));
        }
    }
    let credential = [("authorization", "Bearer rf_probe")];
    let answer = client.send(axum::http::Method::GET, "/v1/agents", &credential, None).await?;
    if answer.status != 403 {
        faults.push(format!("a credential in clear is answered with {} instead of a refusal", answer.status));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests;
