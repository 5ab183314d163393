//! S44: nothing in this binary has a weakness that the signed list of releases names. Without a list nobody tells this server, and the page
//! says so.

use identity::Platform;
use web::instant::to_rfc3339;

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};
use crate::release::{self, Components, ReleaseList, Watch, store};

/// The probe, with what is built into the binary.
pub struct Patched(pub Components);

impl Probe for Patched {
    fn name(&self) -> &'static str {
        "patched"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.compare(context).await.unwrap_or_else(|finding| finding) })
    }
}

impl Patched {
    async fn compare(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let Some(watch) = &context.releases else {
            return Err(Finding::not_measured(
                "No list of releases is read here, so nobody tells this server of weaknesses: see [releases] in the settings.",
            ));
        };
        let list = newest(&context.platform, watch).await?;
        let version = release::version();
        let affected = list.affecting(&version, &self.0);
        let faults: Vec<String> =
            affected.iter().map(|weak| format!("{} {} has {}", weak.component, weak.version, weak.id)).collect();
        let newer = list.newer_than(&version).map_or_else(|| "none".to_owned(), ToString::to_string);
        let holds = "Neither this version nor anything built into it has a weakness that the signed list names.";
        Ok(Finding::from_faults(&faults, holds)
            .with("Components", self.0.all().len())
            .with("Weaknesses in the list", list.weaknesses())
            .with("List issued", to_rfc3339(list.issued_at))
            .with("Newer version", newer))
    }
}

/// The list as it is there now; when that is not believed, the newest that was, as long as it lasts.
async fn newest(platform: &Platform, watch: &Watch) -> Result<ReleaseList, Finding> {
    let reason = match watch.look(platform).await {
        Ok(list) => return Ok(list),
        Err(reason) => reason,
    };
    tracing::warn!(reason, "the list of releases was not taken");
    let without = |reason: &str| Finding::not_measured(format!("No list of releases is believed: {reason}"));
    let before = store::newest(&platform.database, &watch.key.to_string()).await;
    let before = before.map_err(|error| without(&error.to_string()))?.ok_or_else(|| without(&reason))?;
    let list = release::accept(&watch.key, &before.note, Some(before.serial), platform.now());
    list.map_err(|refused| without(&format!("{reason}; of the one before, {refused}")))
}

#[cfg(test)]
mod tests {
    use super::Patched;
    use crate::finding::State;
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::context;
    use crate::release::Components;
    use crate::release::tests::{Publisher, watch};

    async fn looked(context: &ProbeContext) -> crate::Finding {
        Patched(Components::parse("rustls 0.23.46\nserde 1.0.200\n")).look(context).await
    }

    #[tokio::test]
    async fn without_a_list_nothing_is_claimed() {
        let (mut context, kept) = context().await;
        assert_eq!(looked(&context).await.state, State::NotMeasured);
        let publisher = Publisher::new();
        context.releases = Some(watch(&publisher, kept.database.folder()));
        let finding = looked(&context).await;
        assert!(finding.state == State::NotMeasured && finding.evidence.contains("releases.note"), "{finding:?}");
    }

    #[tokio::test]
    async fn a_named_weakness_turns_it_red_and_an_old_list_claims_nothing() {
        let (mut context, kept) = context().await;
        let publisher = Publisher::new();
        let watch = watch(&publisher, kept.database.folder());
        context.releases = Some(watch.clone());
        for (serial, weakness, state, says) in [
            (1, "weakness RUSTSEC-2026-0001 rustls <0.23.46\n", State::Holds, "Neither this version"),
            (2, "weakness RUSTSEC-2026-0002 rustls <0.23.47\n", State::Broken, "Rustls 0.23.46 has RUSTSEC-2026-0002"),
            (3, "weakness RINGFENCE-2026-1 ringfence <=0.1.0\n", State::Broken, "has RINGFENCE-2026-1"),
        ] {
            publisher.publish(&watch, serial, context.platform.now(), weakness);
            let finding = looked(&context).await;
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
        // What comes next is forged: the one before still counts, until it is over.
        std::fs::write(kept.database.folder().join("releases.note"), "nonsense").expect("written");
        assert!(looked(&context).await.evidence.contains("RINGFENCE-2026-1"));
        kept.clock.advance_seconds(31 * 86_400);
        let finding = looked(&context).await;
        assert!(finding.state == State::NotMeasured && finding.evidence.contains("expired"), "{finding:?}");
    }
}
