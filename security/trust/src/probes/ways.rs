//! S31: what travels on which way, and what protects it. Compares what the operator decided with what is seen: the listener's
//! first bytes, the kernel's list of open sockets, and what PostgreSQL says about this very connection.

use super::oldest_tls::speaks_tls;
use crate::finding::Finding;
use crate::link::{DATABASE, Link, PAGES, Protection};
use crate::probe::{Look, Probe, ProbeContext};
use crate::probes::ports::OpenSocket;
use crate::probes::ports::driver::lasting_sockets;

/// What the probe sees for itself, apart from what was declared.
pub trait Seen: Send + Sync {
    /// The version of TLS that the database says this connection is spoken over; none when it is not encrypted.
    fn database<'a>(
        &'a self,
        context: &'a ProbeContext,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send + 'a>>;
}

/// The running system.
pub struct Running;

impl Seen for Running {
    fn database<'a>(
        &'a self,
        context: &'a ProbeContext,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send + 'a>> {
        Box::pin(async move { context.platform.database.observed_tls().await.map_err(|error| error.to_string()) })
    }
}

/// The probe.
pub struct Ways<S>(pub S);

impl<S: Seen> Probe for Ways<S> {
    fn name(&self) -> &'static str {
        "encrypted-ways"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            if context.links.is_empty() {
                return Finding::not_measured("This process named none of its ways, so there is nothing to compare.");
            }
            let mut faults = Vec::new();
            for link in &context.links {
                let fault = match link.purpose.as_str() {
                    PAGES => pages(context, link).await,
                    DATABASE => database(&self.0, context, link).await,
                    _ => Ok(None),
                };
                match fault {
                    Ok(fault) => faults.extend(fault),
                    Err(why) => return Finding::not_measured(why),
                }
            }
            let named: Vec<String> = context.links.iter().map(Link::in_words).collect();
            let in_clear =
                context.links.iter().filter(|link| matches!(link.protection, Protection::InClear(_))).count();
            let opening = match in_clear {
                0 => "Nothing leaves this machine in clear",
                1 => "One way is in clear because the operator said so",
                _ => "Some ways are in clear because the operator said so",
            };
            Finding::from_faults(&faults, format!("{opening}. {}.", named.join("; ")))
                .with("Ways", context.links.len())
                .with("In clear by a setting", in_clear)
        })
    }
}

async fn pages(context: &ProbeContext, link: &Link) -> Result<Option<String>, String> {
    let Some(base_url) = &context.base_url else { return Ok(None) };
    let encrypted = speaks_tls(base_url).await?;
    match &link.protection {
        Protection::Encrypted(_) if !encrypted => Ok(Some("pages and API are said to speak TLS and do not".to_owned())),
        Protection::ThisMachine if !encrypted => {
            let port = super::oldest_tls::port_of(base_url);
            let beyond =
                |socket: &&OpenSocket| Some(socket.address.port()) == port && !socket.address.ip().is_loopback();
            let sockets = lasting_sockets().await?;
            Ok(sockets.iter().find(beyond).map(|socket| {
                format!("port {} speaks plain HTTP and is open beyond this machine", socket.address.port())
            }))
        }
        _ => Ok(None),
    }
}

async fn database(seen: &impl Seen, context: &ProbeContext, link: &Link) -> Result<Option<String>, String> {
    let observed = seen.database(context).await?;
    Ok(match (&link.protection, observed) {
        (Protection::Encrypted(_), None) => Some("the database says that this connection is not encrypted".to_owned()),
        (Protection::Encrypted(_), Some(version)) => {
            let oldest = link.oldest_tls.unwrap_or("1.3");
            let fault =
                format!("the connection to the database speaks {version}, and TLS {oldest} is the oldest that may be");
            (!is_at_least(&version, oldest)).then_some(fault)
        }
        _ => None,
    })
}

/// Is a version as PostgreSQL writes it (`TLSv1.3`; before 1.2 also `TLSv1`, `SSLv3`) at least this one (`1.2`)?
fn is_at_least(version: &str, oldest: &str) -> bool {
    let parts =
        |number: &str| Some(number.split_once('.')?).and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let spoken: Option<(u8, u8)> = version.strip_prefix("TLSv").and_then(parts);
    spoken.is_some_and(|spoken| parts(oldest).is_some_and(|oldest| spoken >= oldest))
}

#[cfg(test)]
mod tests;
