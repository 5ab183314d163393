//! S88: a link opens what it was made for, for whom it was made, until its time is over, and nothing else.

use storage::{OrganizationId, Timestamp};
use telephony::api::LINK_PURPOSE;
use uuid::Uuid;
use vault::{LinkClaims, Vault};

use super::client;
use crate::canary;
use crate::finding::{Finding, State};
use crate::probe::{Look, Probe, ProbeContext};

const PURPOSE: &str = "trust.probe";
const LIFE_SECONDS: i64 = 300;
/// Where recordings are heard.
const ROUTE: &str = "/recordings/{token}";
const FORBIDDEN: u16 = 403;

/// How links are checked: the vault, or in a test something that forgets to.
pub trait Links: Send + Sync {
    /// Does this link open its object?
    fn opens(&self, vault: &Vault, token: &str, purpose: &str, session: Option<Uuid>, now: Timestamp) -> bool;
}

/// The vault itself.
pub struct Signed;

impl Links for Signed {
    fn opens(&self, vault: &Vault, token: &str, purpose: &str, session: Option<Uuid>, now: Timestamp) -> bool {
        vault.verify_link(token, purpose, session, now).is_ok()
    }
}

/// The probe.
pub struct ExpiringLinks<L>(pub L);

impl<L: Links> Probe for ExpiringLinks<L> {
    fn name(&self) -> &'static str {
        "expiring-links"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let finding = self.try_links(context);
            if finding.state != State::Holds {
                return finding;
            }
            over_http(context, finding).await.unwrap_or_else(|finding| finding)
        })
    }
}

impl<L: Links> ExpiringLinks<L> {
    fn try_links(&self, context: &ProbeContext) -> Finding {
        let now = context.platform.now();
        let session = context.platform.identifiers.next();
        let claims = LinkClaims {
            organization: OrganizationId(context.platform.identifiers.next()),
            purpose: PURPOSE.to_owned(),
            object: context.platform.identifiers.next(),
            expires_at: now.plus_seconds(LIFE_SECONDS),
            session: Some(session),
        };
        let token = match context.platform.vault.sign_link(&claims) {
            Ok(token) => token,
            Err(error) => return Finding::not_measured(format!("No link could be signed: {error}.")),
        };
        let opens = |token: &str, purpose: &str, session: Option<Uuid>, now: Timestamp| {
            self.0.opens(&context.platform.vault, token, purpose, session, now)
        };
        if !opens(&token, PURPOSE, Some(session), now) {
            return Finding::broken("A fresh link does not open what it was made for.");
        }
        let mut faults = Vec::new();
        let mut refused = |what: &str, opened: bool| {
            if opened {
                faults.push(format!("a link still opens {what}"));
            }
        };
        refused("at the end of its life", opens(&token, PURPOSE, Some(session), claims.expires_at));
        refused("a year later", opens(&token, PURPOSE, Some(session), now.plus_seconds(365 * 86_400)));
        refused("for another purpose", opens(&token, "trust.other", Some(session), now));
        refused("in another session", opens(&token, PURPOSE, Some(context.platform.identifiers.next()), now));
        refused("without a session", opens(&token, PURPOSE, None, now));
        let forged = altered(&token);
        for token in &forged {
            refused("after a character was altered", opens(token, PURPOSE, Some(session), now));
        }
        Finding::from_faults(
            &faults,
            "A fresh link opened; the same link expired, for another purpose, in another session or altered did not.",
        )
        .with("Links tried", forged.len() + 6)
        .with("Life of the link", format!("{LIFE_SECONDS} s"))
    }
}

/// Presents links to the server itself: a fresh one finds no recording, the others are refused as links. Where this process serves no
/// recordings, what the vault said stands alone.
async fn over_http(context: &ProbeContext, finding: Finding) -> Result<Finding, Finding> {
    if !context.routes.iter().any(|rule| rule.path == ROUTE) {
        return Ok(finding.with("Asked over HTTP", "no: this process serves no recordings"));
    }
    let client = client(context)?;
    let now = context.platform.now();
    // Of an organization that is there: nothing is answered for any other.
    let [canary, _] = canary::pair(&context.platform).await?;
    let link = |purpose: &str, expires_at: Timestamp| {
        let claims = LinkClaims {
            organization: canary.organization,
            purpose: purpose.to_owned(),
            object: context.platform.identifiers.next(),
            expires_at,
            session: None,
        };
        let token = context.platform.vault.sign_link(&claims);
        token.map_err(|error| Finding::not_measured(format!("No link could be signed: {error}.")))
    };
    let fresh = link(LINK_PURPOSE, now.plus_seconds(LIFE_SECONDS))?;
    let good = client.get(&ROUTE.replace("{token}", &fresh)).await.map_err(Finding::not_measured)?;
    if good.status == FORBIDDEN {
        return Err(Finding::not_measured("Even a fresh link is refused by the server, so refusals say nothing."));
    }
    let mut faults = Vec::new();
    let half = fresh.len() / 2;
    for (what, token) in [
        ("expired", link(LINK_PURPOSE, now)?),
        ("made for another purpose", link(PURPOSE, now.plus_seconds(LIFE_SECONDS))?),
        ("altered", altered(&fresh).swap_remove(half)),
        ("made up", "not-a-link".to_owned()),
    ] {
        let answer = client.get(&ROUTE.replace("{token}", &token)).await.map_err(Finding::not_measured)?;
        if answer.status != FORBIDDEN {
            faults.push(format!("a link that is {what} was answered {} by the server", answer.status));
        }
    }
    if faults.is_empty() {
        Ok(finding.with("Asked over HTTP", "4 bad links, 4 refused"))
    } else {
        Err(Finding::from_faults(&faults, ""))
    }
}

/// The token with each of its characters exchanged in turn. The last one may hold unused bits, so it is left out.
fn altered(token: &str) -> Vec<String> {
    let letters: Vec<char> = token.chars().collect();
    (0..letters.len().saturating_sub(1))
        .map(|place| {
            let exchange = |(index, letter): (usize, &char)| match (index == place, letter) {
                (true, 'A') => 'B',
                (true, _) => 'A',
                (false, letter) => *letter,
            };
            letters.iter().enumerate().map(exchange).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::extract::Path;
    use axum::http::StatusCode;
    use storage::Timestamp;
    use telephony::api::LINK_PURPOSE;
    use uuid::Uuid;
    use vault::Vault;
    use web::{Access, Audited, Routes};

    use super::{ExpiringLinks, Links, PURPOSE, ROUTE, Signed, altered};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{NOW, context, served};

    /// A check that forgets one thing.
    enum Forgetful {
        Time,
        Purpose,
        Session,
        Everything,
    }

    impl Links for Forgetful {
        fn opens(&self, vault: &Vault, token: &str, purpose: &str, session: Option<Uuid>, now: Timestamp) -> bool {
            match self {
                Self::Time => vault.verify_link(token, purpose, session, NOW).is_ok(),
                Self::Purpose => vault.verify_link(token, PURPOSE, session, now).is_ok(),
                // As if the link were bound to no session: only the session's own refusal is overlooked.
                Self::Session => !matches!(
                    vault.verify_link(token, purpose, session, now),
                    Err(vault::Error::Link(error)) if error != vault::LinkError::OtherSession
                ),
                Self::Everything => true,
            }
        }
    }

    #[tokio::test]
    async fn the_vault_holds() {
        let (context, _kept) = context().await;
        let finding = ExpiringLinks(Signed).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn each_forgotten_check_turns_it_red() {
        let (context, _kept) = context().await;
        for (links, names) in [
            (Forgetful::Time, "end of its life"),
            (Forgetful::Purpose, "another purpose"),
            (Forgetful::Session, "another session"),
            (Forgetful::Everything, "end of its life"),
        ] {
            let finding = ExpiringLinks(links).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{names}: {finding:?}");
            assert!(finding.evidence.contains(names), "{names}: {finding:?}");
        }
    }

    /// A server of recordings that nobody has; it looks at links as `checks` says.
    async fn served_finding(checks: fn(&Vault, &str) -> bool) -> crate::finding::Finding {
        let (mut context, _kept) = context().await;
        let vault = context.platform.vault.clone();
        let play = move |Path(token): Path<String>| async move {
            if checks(&vault, &token) { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN }
        };
        let rules = Routes::<()>::new().get(ROUTE, Access::Public("a test"), Audited::No("a test"), play.clone());
        context.routes = rules.table();
        context.base_url = Some(served(axum::Router::new().route(ROUTE, axum::routing::get(play))).await);
        ExpiringLinks(Signed).look(&context).await
    }

    #[tokio::test]
    async fn a_server_that_looks_at_links_holds_and_one_that_does_not_turns_it_red() {
        let looks = served_finding(|vault, token| vault.verify_link(token, LINK_PURPOSE, None, NOW).is_ok()).await;
        assert_eq!(looks.state, State::Holds, "{looks:?}");
        let blind = served_finding(|_, _| true).await;
        assert_eq!(blind.state, State::Broken, "{blind:?}");
        let forgets_time =
            served_finding(|vault, token| vault.verify_link(token, LINK_PURPOSE, None, Timestamp(0)).is_ok()).await;
        assert_eq!(forgets_time.state, State::Broken, "{forgets_time:?}");
        let closed = served_finding(|_, _| false).await;
        assert_eq!(closed.state, State::NotMeasured, "{closed:?}");
    }

    #[test]
    fn every_alteration_is_one() {
        assert_eq!(altered("ABC"), ["BBC", "AAC"]);
    }
}
