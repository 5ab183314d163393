//! S29: which versions of TLS this server speaks. Shakes hands with itself in each version from 1.0 on and reads what comes
//! back; and reads the certificate that is presented, for its name and its last day.

mod driver;
mod hello;

use edge::tls::Facts;

use crate::finding::Finding;
use crate::link::Protection;
use crate::probe::{Look, Probe, ProbeContext};
use crate::probes::ports::driver::lasting_sockets;
use hello::{Reply, Version};

/// A certificate that ends within so many days has not been renewed in time.
const LEAST_DAYS: i64 = 3;

/// The probe.
pub struct OldestTls;

impl Probe for OldestTls {
    fn name(&self) -> &'static str {
        "tls-versions"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let Some(base_url) = &context.base_url else {
                return Finding::not_measured("This process serves no HTTP, so there is nothing to shake hands with.");
            };
            match context.oldest_tls {
                Some(oldest) => versions(context, base_url, oldest).await,
                None => plain(context, base_url).await,
            }
        })
    }
}

/// Without TLS of its own: nothing but this machine, or a proxy that the operator named, may reach it.
async fn plain(context: &ProbeContext, base_url: &str) -> Finding {
    let by_proxy = context.links.iter().find_map(|link| match link.protection {
        Protection::InClear(setting) if link.purpose == crate::link::PAGES => Some(setting),
        _ => None,
    });
    if let Some(setting) = by_proxy {
        return Finding::not_measured(format!(
            "This node speaks plain HTTP to a proxy that the operator says speaks TLS ({setting}); the proxy cannot be \
             looked at from here."
        ));
    }
    let Some(port) = port_of(base_url) else {
        return Finding::not_measured("The address of this server cannot be read.");
    };
    match lasting_sockets().await {
        Ok(sockets)
            if sockets.iter().any(|socket| socket.address.port() == port && !socket.address.ip().is_loopback()) =>
        {
            Finding::broken(format!("Port {port} speaks plain HTTP and is open beyond this machine."))
        }
        Ok(_) => Finding::holds(
            "This node speaks plain HTTP on this machine only; the kernel says that the port is open on loopback alone.",
        ),
        Err(why) => Finding::not_measured(why),
    }
}

async fn versions(context: &ProbeContext, base_url: &str, oldest: &str) -> Finding {
    let mut faults = Vec::new();
    let mut spoken = Vec::new();
    for version in Version::ALL {
        let reply = match driver::offer(base_url, version).await {
            Ok(reply) => reply,
            Err(why) => return Finding::not_measured(why),
        };
        let allowed = version.is_at_least(oldest);
        match reply {
            Reply::Accepted if allowed => spoken.push(version.number()),
            Reply::Accepted => faults.push(format!("TLS {} is spoken", version.number())),
            Reply::Refused(_) if !allowed => {}
            Reply::Refused(alert) => faults.push(format!("TLS {} is refused (alert {alert})", version.number())),
            Reply::Other => {
                faults.push(format!("TLS {}: neither a handshake nor an alert came back", version.number()));
            }
        }
    }
    let name = context.public_name.as_deref();
    let presented = match driver::presented(base_url, name).await {
        Ok(der) => Facts::from_der(&der).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    let days = match &presented {
        Ok(facts) => {
            let now = context.platform.now();
            let days = (facts.not_after.seconds() - now.seconds()).div_euclid(86_400);
            if !facts.is_valid_at(now) {
                faults.push("the certificate is not valid at this time".to_owned());
            } else if days < LEAST_DAYS {
                faults.push(format!("the certificate ends in {days} days and has not been renewed"));
            }
            if name.is_some_and(|name| !facts.is_for(name)) {
                faults.push("the certificate is not for the public name of this server".to_owned());
            }
            days
        }
        Err(why) => {
            faults.push(format!("no certificate is presented ({why})"));
            0
        }
    };
    let let_in = if oldest == "1.2" { " TLS 1.2 is let in by the operator's setting tls.minimum." } else { "" };
    let holds = format!(
        "Shook hands with this server in TLS 1.0 to 1.3: {} spoken, everything older refused; the certificate is for this \
         server and lasts {days} days.{let_in}",
        spoken.iter().map(|number| format!("TLS {number}")).collect::<Vec<_>>().join(" and ")
    );
    Finding::from_faults(&faults, holds).with("Oldest version let in", oldest).with("Days left", days)
}

/// The certificate in DER form that the server at this address (`https://127.0.0.1:443`) presents to whoever asks for this name.
///
/// # Errors
/// Says why there was no handshake.
pub async fn presented_certificate(base_url: &str, name: Option<&str>) -> Result<Vec<u8>, String> {
    driver::presented(base_url, name).await
}

/// Does whatever listens there answer a greeting of TLS as TLS does?
pub(super) async fn speaks_tls(base_url: &str) -> Result<bool, String> {
    Ok(driver::offer(base_url, Version::Tls13).await? != Reply::Other)
}

/// The port of an address.
pub(super) fn port_of(url: &str) -> Option<u16> {
    hello::authority(url).and_then(|(_, port)| port)
}

#[cfg(test)]
mod tests;
