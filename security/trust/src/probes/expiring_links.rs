//! S88: a link opens what it was made for, for whom it was made, until its time is over, and nothing else.

use storage::{OrganizationId, Timestamp};
use uuid::Uuid;
use vault::{LinkClaims, Vault};

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const PURPOSE: &str = "trust.probe";
const LIFE_SECONDS: i64 = 300;

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
        Box::pin(async move { self.try_links(context) })
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
    use storage::Timestamp;
    use uuid::Uuid;
    use vault::Vault;

    use super::{ExpiringLinks, Links, PURPOSE, Signed, altered};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{NOW, context};

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

    #[test]
    fn every_alteration_is_one() {
        assert_eq!(altered("ABC"), ["BBC", "AAC"]);
    }
}
