//! The certificate: read as the node reads it, held to the public name and the calendar, and compared with what a running node
//! presents.

use edge::acme::store;
use edge::tls::Facts;
use storage::{Clock, Timestamp};

use super::Finding;
use crate::config::Settings;
use crate::tls;

const NAME: &str = "tls";
/// A certificate of files that ends within so many days wants to be replaced.
const LEAST_DAYS: i64 = 14;
const DAY_SECONDS: i64 = 86_400;

/// Looks at the certificate, when the settings want one.
pub async fn look(settings: &Settings, clock: &dyn Clock) -> Option<Finding> {
    let wanted = settings.tls.as_ref()?;
    let now = clock.now();
    if let Some(acme) = tls::acme(settings) {
        return Some(match store::certificate(&acme) {
            Ok(None) => Finding::good(
                NAME,
                format!("no certificate yet; {} is asked for one at the first start", acme.directory),
            ),
            Ok(Some(certificate)) => by_authority(settings, certificate.facts(), now),
            Err(error) => Finding::fault(NAME, format!("{error}: move the file away, and the node orders another")),
        });
    }
    let files = tls::files(wanted)?;
    let certificate = match files.read() {
        Ok(certificate) => certificate,
        Err(error) => return Some(Finding::fault(NAME, error.to_string())),
    };
    let finding = by_files(settings, certificate.facts(), now);
    if finding.good && presents_another(settings, certificate.der()).await {
        let what = "send it SIGHUP and look at its log";
        return Some(Finding::fault(NAME, format!("the running node still presents another certificate: {what}")));
    }
    Some(finding)
}

fn by_files(settings: &Settings, facts: &Facts, now: Timestamp) -> Finding {
    let days = days_left(facts, now);
    let replace = "put a new one into `tls.certificate_file` and `tls.key_file`; the running node takes it by itself";
    if let Some(fault) = misfit(settings, facts, now) {
        return Finding::fault(NAME, format!("{fault}: {replace}"));
    }
    if days < LEAST_DAYS {
        return Finding::fault(NAME, format!("the certificate ends in {days} days: {replace}"));
    }
    let note = if facts.self_issued { "; it is signed by itself, so browsers warn" } else { "" };
    Finding::good(NAME, format!("certificate for {}, {days} days left{note}", facts.names.join(", ")))
}

fn by_authority(settings: &Settings, facts: &Facts, now: Timestamp) -> Finding {
    let days = days_left(facts, now);
    let look = "the log says why it was not renewed; can the authority reach this machine on port 80?";
    if let Some(fault) = misfit(settings, facts, now) {
        return Finding::fault(NAME, format!("{fault}: {look}"));
    }
    // Renewal begins with a third of the life left; half of that later something is wrong.
    let life = facts.not_after.seconds() - facts.not_before.seconds();
    if facts.not_after.seconds() - now.seconds() < life / 6 {
        return Finding::fault(NAME, format!("the certificate ends in {days} days: {look}"));
    }
    Finding::good(NAME, format!("certificate of the authority for {}, {days} days left", facts.names.join(", ")))
}

fn misfit(settings: &Settings, facts: &Facts, now: Timestamp) -> Option<String> {
    if now > facts.not_after {
        return Some(format!("the certificate ended at {}", web::instant::to_rfc3339(facts.not_after)));
    }
    if now < facts.not_before {
        return Some(format!("the certificate is valid only from {}", web::instant::to_rfc3339(facts.not_before)));
    }
    let host = settings.public_host()?;
    let names = facts.names.join(", ");
    (!facts.is_for(&host)).then(|| format!("the certificate is for {names}, not for {host} (`public_url`)"))
}

fn days_left(facts: &Facts, now: Timestamp) -> i64 {
    (facts.not_after.seconds() - now.seconds()).div_euclid(DAY_SECONDS)
}

/// Does the node that runs, if one does, present something else? A node that does not run presents nothing.
async fn presents_another(settings: &Settings, der: &[u8]) -> bool {
    if settings.http.port() == 0 {
        return false;
    }
    let url = format!("https://{}", crate::doors::from_here(settings.http));
    let presented = trust::presented_certificate(&url, settings.public_host().as_deref()).await;
    presented.is_ok_and(|presented| presented != der)
}
