//! S42: what is damaged is found. A made-up object is damaged in every way and handed to the code that scrubs; the calendar of scrubs is
//! looked at: everything sealed must have been opened within the last days; and nothing that was found damaged may still be so.

use std::future::Future;

use storage::objects::ObjectFolder;
use uuid::Uuid;
use vault::{ObjectContext, ObjectPlace};

use super::altered_object::{KIND, put, store_sealed};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Three chunks of 16 KiB, the last one short.
const LENGTH: usize = 40 * 1024;
/// Scrubs are weekly; one day of grace for a long one, or for a machine that was off.
const LATE_SECONDS: i64 = 8 * 86_400;

/// How an object is looked through: as the scrub does, or in a test without looking.
pub trait Checking: Send + Sync {
    /// An error says that it is damaged.
    fn check(&self, context: &ProbeContext, place: &ObjectPlace) -> impl Future<Output = Result<(), String>> + Send;
}

/// As the scrub does.
pub struct Scrubbed;

impl Checking for Scrubbed {
    async fn check(&self, context: &ProbeContext, place: &ObjectPlace) -> Result<(), String> {
        let key = context.platform.vault.installation_keyring().object_key().map_err(|error| error.to_string())?;
        vault::check_object(place, &key).await.map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct IntegrityScrub<C>(pub C);

impl<C: Checking> Probe for IntegrityScrub<C> {
    fn name(&self) -> &'static str {
        "integrity-scrub"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let id = context.platform.identifiers.next();
            let (whole, damaged) = (format!("trust-{id}"), format!("trust-{id}-damaged"));
            let finding = self.damage(context, id, &whole, &damaged).await;
            for name in [&whole, &damaged] {
                // What is not there needs no deleting; what stays is sealed and small.
                let _ = context.platform.objects.delete(name).await;
            }
            finding.unwrap_or_else(Finding::not_measured)
        })
    }
}

impl<C: Checking> IntegrityScrub<C> {
    async fn damage(&self, context: &ProbeContext, id: Uuid, whole: &str, damaged: &str) -> Result<Finding, String> {
        let (platform, objects) = (&context.platform, &context.platform.objects);
        let bytes: Vec<u8> = (0..LENGTH).map(|index| (index * 29 % 251) as u8).collect();
        store_sealed(platform, whole, id, &bytes).await.map_err(|error| error.to_string())?;
        let place = |name: &str| ObjectPlace {
            folder: ObjectFolder::clone(objects),
            name: name.to_owned(),
            context: ObjectContext::new(KIND, id),
        };
        let mut faults = Vec::new();
        if let Err(why) = self.0.check(context, &place(whole)).await {
            faults.push(format!("an object that nobody damaged was called damaged: {why}"));
        }
        let length = objects.length(whole).await.map_err(|error| error.to_string())? as usize;
        let stored = objects.read_at(whole, 0, length).await.map_err(|error| error.to_string())?;
        let flipped = |at: usize| {
            let mut bytes = stored.clone();
            bytes[at] ^= 1;
            (format!("a flipped bit in byte {at}"), bytes)
        };
        let mut tries: Vec<_> = [0, length / 4, length / 2, length - 1].map(flipped).into();
        tries.push(("its end cut off".to_owned(), stored[..length / 2].to_vec()));
        tries.push(("nothing left of it".to_owned(), Vec::new()));
        for (what, bytes) in &tries {
            put(objects, damaged, bytes).await?;
            if self.0.check(context, &place(damaged)).await.is_ok() {
                faults.push(format!("an object with {what} was called whole"));
            }
        }
        if self.0.check(context, &place("trust-nowhere")).await.is_ok() {
            faults.push("an object that is missing was called whole".to_owned());
        }
        calendar(context, &faults, tries.len() + 1).await
    }
}

/// What the calendar of scrubs and the list of damages say, once damage is known to be seen.
async fn calendar(context: &ProbeContext, faults: &[String], tries: usize) -> Result<Finding, String> {
    let (vault, now) = (&context.platform.vault, context.platform.now());
    let calendar = vault.scrub_calendar(now.plus_seconds(-LATE_SECONDS)).await.map_err(|error| error.to_string())?;
    let damaged = vault.damage_count().await.map_err(|error| error.to_string())?;
    let mut faults = faults.to_vec();
    if calendar.overdue > 0 {
        faults.push(format!(
            "{} of the owners of keys were not looked through in the last eight days: scrubs have stopped, or one stands still",
            calendar.overdue
        ));
    }
    if damaged > 0 {
        faults.push(format!("{damaged} of what is sealed is known to be damaged and was not restored yet"));
    }
    // Who is new has a week until it is looked through; a first look of anybody's shows that scrubs go on.
    let finding = if faults.is_empty() && calendar.looked_through == 0 {
        Finding::not_measured(format!(
            "Damage is seen in all {tries} ways, but nothing was looked through yet; a serving node begins within minutes."
        ))
    } else {
        let new = match calendar.waiting {
            0 => String::new(),
            waiting => format!(" but for {waiting} of the owners of keys, which are newer and come next"),
        };
        let holds = format!(
            "A made-up object was damaged in {tries} ways and each was seen; everything sealed was looked through in the last eight days{new}, and nothing is known to be damaged."
        );
        Finding::from_faults(&faults, holds)
    };
    let finding = finding.with("Ways of damage tried", tries).with("Damaged at this moment", damaged);
    Ok(finding.with("Overdue owners of keys", calendar.overdue))
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use storage::OrganizationDb;
    use uuid::Uuid;
    use vault::{ObjectCatalogue, ObjectPlace, Step, Walker};

    use super::{Checking, IntegrityScrub, Scrubbed};
    use crate::finding::State;
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::context;

    /// Calls everything whole.
    struct Blind;

    impl Checking for Blind {
        async fn check(&self, _: &ProbeContext, _: &ObjectPlace) -> Result<(), String> {
            Ok(())
        }
    }

    struct Nothing;

    impl ObjectCatalogue for Nothing {
        fn find<'a>(
            &'a self,
            _: &'a OrganizationDb,
            _: Uuid,
        ) -> Pin<Box<dyn Future<Output = storage::Result<Option<ObjectPlace>>> + Send + 'a>> {
            Box::pin(async { Ok(None) })
        }
    }

    /// Looks through everything once, as the worker does.
    async fn scrub(context: &ProbeContext) {
        let platform = &context.platform;
        for owner in platform.vault.due_for_scrub(platform.now()).await.expect("asked") {
            let mut transaction = match owner {
                Some(organization) => platform.database.organization(organization).begin().await,
                None => platform.database.installation().begin().await,
            }
            .expect("begun");
            let begun = platform.vault.begin_scrub(&mut transaction, &platform.identifiers, platform.now()).await;
            transaction.commit().await.expect("committed");
            let (id, walker) =
                (begun.expect("begun"), Walker { objects: &Nothing, identifiers: &platform.identifiers });
            while !matches!(platform.vault.step(id, &walker, platform.now()).await, Ok(Step::Finished(_))) {}
        }
    }

    #[tokio::test]
    async fn the_scrub_holds_once_it_has_run_and_not_when_it_is_late() {
        let (context, kept) = context().await;
        let finding = IntegrityScrub(Scrubbed).look(&context).await;
        assert_eq!(finding.state, State::NotMeasured, "nothing was looked through yet: {finding:?}");
        scrub(&context).await;
        let finding = IntegrityScrub(Scrubbed).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_eq!(context.platform.objects.names().await.expect("listed"), Vec::<String>::new());
        kept.clock.advance_seconds(7 * 86_400);
        assert_eq!(
            IntegrityScrub(Scrubbed).look(&context).await.state,
            State::Holds,
            "a week later one is due, not late"
        );
        kept.clock.advance_seconds(2 * 86_400);
        let finding = IntegrityScrub(Scrubbed).look(&context).await;
        assert!(finding.state == State::Broken && finding.evidence.contains("scrubs have stopped"), "{finding:?}");
        scrub(&context).await;
        assert_eq!(IntegrityScrub(Scrubbed).look(&context).await.state, State::Holds);
    }

    #[tokio::test]
    async fn scrubs_that_never_began_turn_it_red_once_the_organization_is_old_enough() {
        let (context, kept) = context().await;
        kept.clock.advance_seconds(7 * 86_400);
        assert_eq!(
            IntegrityScrub(Scrubbed).look(&context).await.state,
            State::NotMeasured,
            "younger than the interval"
        );
        kept.clock.advance_seconds(2 * 86_400);
        assert_eq!(IntegrityScrub(Scrubbed).look(&context).await.state, State::Broken);
    }

    #[tokio::test]
    async fn damage_that_is_known_turns_it_red_until_it_is_mended() {
        let (context, kept) = context().await;
        let (platform, organization) = (&context.platform, kept.organization("harbour").await.organization);
        let (door, id) = (platform.database.organization(organization), platform.identifiers.next());
        let keyring = platform.vault.keyring(&door).await.expect("its keys");
        let set = async |value: &str| {
            let mut transaction = door.begin().await.expect("begun");
            keyring.set_secret(&mut transaction, id, "trunk", value, platform.now()).await.expect("set");
            transaction.commit().await.expect("committed");
        };
        set("a password").await;
        let mut transaction = door.begin().await.expect("begun");
        let altered = [("value", vec![7_u8; 80].into())];
        transaction.update(&vault::ORGANIZATION_SECRET, id, &altered).await.expect("altered");
        transaction.commit().await.expect("committed");
        scrub(&context).await;
        let finding = IntegrityScrub(Scrubbed).look(&context).await;
        assert!(finding.state == State::Broken && finding.evidence.contains("1 of what is sealed"), "{finding:?}");
        set("the password again").await;
        kept.clock.advance_seconds(60);
        scrub(&context).await;
        assert_eq!(IntegrityScrub(Scrubbed).look(&context).await.state, State::Holds);
    }

    #[tokio::test]
    async fn a_scrub_that_does_not_look_turns_it_red() {
        let (context, _kept) = context().await;
        let finding = IntegrityScrub(Blind).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("was called whole"), "{finding:?}");
    }
}
