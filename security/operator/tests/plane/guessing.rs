//! Guessing an operator's codes: slowed over all half sessions together, and stopped for good.

use operator::OperatorRole;
use operator::store::sessions::{self, MAXIMUM_FAILURES};
use operator::{Error, store::accounts};

use crate::Service;

#[tokio::test]
async fn codes_are_guessed_slowly_and_not_for_ever() {
    let service = Service::start().await;
    let (id, email) = service.operator(OperatorRole::Administrator).await;
    let (_, secret) = service.whole(&email).await;
    service.test.clock.advance_seconds(3_600);
    let mut told = Vec::new();
    for _ in 0..4 {
        let half = service.half(&email).await;
        for _ in 0..3 {
            told.push(service.post(&half, "/second-factor", "code=000000").await.status);
        }
    }
    assert!(told.contains(&429), "another half session is no new start: {told:?}");

    // The rest, as a patient thief would: past the limits of rate, over many hours.
    service.test.clock.advance_seconds(3_600);
    let platform = &service.test.platform;
    let half = service.half(&email).await;
    let caller = sessions::authenticate(platform, &half, None).await.expect("asked").expect("half in");
    let made = told.iter().filter(|status| **status == 422).count();
    let made = i64::try_from(made).expect("a few");
    for attempt in made..MAXIMUM_FAILURES {
        let outcome = sessions::finish(platform, &caller, "000000").await;
        assert!(matches!(outcome, Ok(None)), "{attempt}: {outcome:?}");
    }
    let right = service.code(&secret);
    let stopped = sessions::finish(platform, &caller, &right).await;
    assert!(matches!(stopped, Err(Error::FactorStopped)), "even the right one: {stopped:?}");
    let page = service.post(&half, "/second-factor", &format!("code={right}")).await;
    assert!(page.status == 422 && page.body.contains("ringfence operator forget-factor"), "{}", page.body);

    accounts::forget_factor(platform, id).await.expect("forgotten");
    let (token, _) = service.whole(&email).await;
    assert_eq!(service.get(&token, "/organizations").await.status, 200, "with a new one");
}
