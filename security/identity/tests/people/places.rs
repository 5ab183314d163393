//! One person in two places at once: what raises an alert, what does not, and what settles it.

use identity::alert::{self, Alert, State};
use identity::api_key::NewKey;
use identity::place::{self, KNOWN_SECONDS, WINDOW_SECONDS};
use identity::session::{self, Device};
use identity::testing::{Persona, TestPlatform, platforms};
use identity::{
    Authenticator, Caller, Environment, Error, Presented, Role, api_key, incident, invitation, notice, one_time,
    sign_in,
};
use storage::{OrganizationId, Schema};
use uuid::Uuid;

use crate::{audited, by_key, by_session, founder};

const OFFICE: &str = "198.51.100.7";
const OFFICE_TOO: &str = "198.51.7.9";
const FAR: &str = "203.0.113.5";
const LAPTOP: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
const PHONE: &str = "Mozilla/5.0 (iPhone) Safari/605.1";

/// The person's request with this session, from there.
async fn seen(test: &TestPlatform, session: &str, address: &str, agent: &str) -> Option<Caller> {
    let presented =
        Presented { session: Some(session), address: address.parse().ok(), agent: Some(agent), ..Presented::default() };
    Authenticator::new(test.platform.clone()).authenticate(presented).await.expect("asked")
}

async fn alerts(test: &TestPlatform, caller: &Caller) -> Vec<Alert> {
    alert::list(&test.platform, caller, Uuid::max(), 100).await.expect("listed")
}

/// Another browser of the same person.
async fn another(test: &TestPlatform, organization: OrganizationId, persona: &Persona) -> String {
    let link = one_time::issue_sign_in_link(&test.platform, organization, persona.user).await.expect("issued");
    let session = sign_in::with_link(&test.platform, link.reveal(), &Device::default()).await.expect("signed in");
    session.reveal().to_owned()
}

#[tokio::test]
async fn far_networks_and_two_devices_within_the_window_raise_an_alert() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let person = test.member(organization, Role::Manager).await;
        let (desk, other) = (person.session.reveal().to_owned(), another(&test, organization, &person).await);
        let mut heard = test.platform.alerts.listen();
        seen(&test, &desk, OFFICE, LAPTOP).await.expect("let in");
        test.clock.advance_seconds(WINDOW_SECONDS);
        seen(&test, &other, FAR, PHONE).await.expect("let in");
        assert!(alerts(&test, &owner).await.is_empty(), "{}: after the window", test.name);
        seen(&test, &desk, OFFICE, LAPTOP).await.expect("let in, and still in: an alert keeps nobody out");
        let raised = alerts(&test, &owner).await;
        assert_eq!(raised.len(), 1, "{}", test.name);
        assert_eq!(
            (raised[0].kind, raised[0].user, raised[0].state),
            (alert::Kind::ConcurrentPlaces, Some(person.user), State::Open)
        );
        let facts: Vec<&str> = raised[0].detail.facts.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(facts, ["Mika Member", FAR, OFFICE, "0"]);
        assert_eq!(heard.try_recv().expect("told").alert, raised[0].id);
        for session in [&desk, &other] {
            let caller = by_session(&test, session).await.expect("let in");
            let told = notice::unread(&test.platform, &caller).await.expect("read");
            let kinds: Vec<notice::Kind> = told.iter().map(|notice| notice.kind).collect();
            assert_eq!(kinds, [notice::Kind::TwoPlaces], "{}: the person is told, in both places", test.name);
        }
        assert_eq!(audited(&test, &owner).await[0], "alert.raise");
        test.clock.advance_seconds(61);
        seen(&test, &other, FAR, PHONE).await.expect("let in");
        assert_eq!(alerts(&test, &owner).await.len(), 1, "the same is raised once");
    }
}

#[tokio::test]
async fn the_last_second_of_the_window_counts() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let person = test.member(organization, Role::Manager).await;
        let other = another(&test, organization, &person).await;
        seen(&test, person.session.reveal(), OFFICE, LAPTOP).await.expect("let in");
        test.clock.advance_seconds(WINDOW_SECONDS - 1);
        seen(&test, &other, FAR, PHONE).await.expect("let in");
        assert_eq!(alerts(&test, &owner).await.len(), 1, "{}", test.name);
    }
}

#[tokio::test]
async fn moving_about_and_being_two_people_raise_nothing() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let (one, two) =
            (test.member(organization, Role::Manager).await, test.member(organization, Role::Manager).await);
        let other = another(&test, organization, &one).await;
        seen(&test, one.session.reveal(), OFFICE, LAPTOP).await.expect("let in");
        seen(&test, one.session.reveal(), FAR, LAPTOP).await.expect("the same laptop on another network");
        seen(&test, two.session.reveal(), "192.0.2.1", PHONE).await.expect("somebody else");
        let third = another(&test, organization, &two).await;
        seen(&test, &third, "192.0.99.99", LAPTOP).await.expect("a second device in the same network");
        assert!(alerts(&test, &owner).await.is_empty(), "{}", test.name);
        // A session that ended is nobody's second place.
        let caller = seen(&test, &other, OFFICE_TOO, PHONE).await;
        session::sign_out(&test.platform, &caller.expect("let in")).await.expect("out");
        let before = alerts(&test, &owner).await.len();
        let fresh = another(&test, organization, &two).await;
        seen(&test, &fresh, "192.0.2.1", PHONE).await.expect("let in");
        assert_eq!(alerts(&test, &owner).await.len(), before, "{}", test.name);
    }
}

#[tokio::test]
async fn a_stolen_session_on_another_device_raises_an_alert_too() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let person = test.member(organization, Role::Manager).await;
        seen(&test, person.session.reveal(), OFFICE, LAPTOP).await.expect("let in");
        seen(&test, person.session.reveal(), FAR, "curl/8.14").await.expect("let in");
        assert_eq!(alerts(&test, &owner).await.len(), 1, "{}", test.name);
    }
}

#[tokio::test]
async fn that_was_me_is_for_the_person_alone_and_is_remembered_for_a_while() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let person = test.member(organization, Role::Manager).await;
        let stranger = test.member(organization, Role::Manager).await;
        let other = another(&test, organization, &person).await;
        seen(&test, person.session.reveal(), OFFICE, LAPTOP).await.expect("let in");
        let caller = seen(&test, &other, FAR, PHONE).await.expect("let in");
        let id = alerts(&test, &owner).await[0].id;
        assert!(matches!(place::was_mine(&test.platform, &owner, id).await, Err(Error::Conflict(_))));
        assert!(matches!(place::was_mine(&test.platform, &stranger.caller, id).await, Err(Error::NotFound)));
        assert!(alerts(&test, &stranger.caller).await.is_empty(), "others do not see it");
        assert!(matches!(alert::mark_seen(&test.platform, &owner, id).await, Err(Error::Conflict(_))));
        place::was_mine(&test.platform, &caller, id).await.expect("settled");
        let settled = alert::get(&test.platform, &caller, id).await.expect("read");
        assert_eq!((settled.state, settled.settled_by), (State::Own, Some(person.user)));
        assert!(matches!(place::was_mine(&test.platform, &caller, id).await, Err(Error::Conflict(_))));
        let twice = |advance: i64| {
            let (test, person) = (&test, &person);
            async move {
                test.clock.advance_seconds(advance);
                let (desk, phone) =
                    (another(test, organization, person).await, another(test, organization, person).await);
                seen(test, &desk, OFFICE_TOO, LAPTOP).await.expect("let in");
                seen(test, &phone, FAR, PHONE).await.expect("let in");
            }
        };
        twice(KNOWN_SECONDS - 1).await;
        assert_eq!(alerts(&test, &person.caller).await.len(), 1, "{}: known", test.name);
        twice(WINDOW_SECONDS).await;
        assert_eq!(alerts(&test, &person.caller).await.len(), 2, "{}: forgotten", test.name);
    }
}

#[tokio::test]
async fn locking_ends_everything_of_the_person_and_opens_an_incident() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let person = test.member(organization, Role::Admin).await;
        let stranger = test.member(organization, Role::Manager).await;
        let other = another(&test, organization, &person).await;
        let new = NewKey { name: "desk", environment: Environment::Live, role: Role::Viewer, expires_at: None };
        let (_, theirs) = api_key::create(&test.platform, &person.caller, &new).await.expect("made");
        let (_, owners) = api_key::create(&test.platform, &owner, &new).await.expect("made");
        let invited = invitation::create(&test.platform, &person.caller, Role::Viewer, "somebody").await;
        let invited = invited.expect("made").0.id;
        seen(&test, person.session.reveal(), OFFICE, LAPTOP).await.expect("let in");
        seen(&test, &other, FAR, PHONE).await.expect("let in");
        let link = one_time::issue_sign_in_link(&test.platform, organization, person.user).await.expect("issued");
        let id = alerts(&test, &owner).await[0].id;
        assert!(matches!(place::lock(&test.platform, &stranger.caller, id).await, Err(Error::NotFound)));
        assert!(by_key(&test, theirs.reveal()).await.is_some());
        let locked = place::lock(&test.platform, &owner, id).await.expect("locked");
        let ended = locked.ended;
        // Two links: the one that opened the other browser, and the one that nobody used yet.
        assert_eq!((ended.sessions, ended.keys, ended.invitations, ended.links), (2, 1, 1, 2), "{}", test.name);
        assert!(by_session(&test, person.session.reveal()).await.is_none());
        assert!(by_session(&test, &other).await.is_none(), "{}", test.name);
        assert!(by_key(&test, theirs.reveal()).await.is_none(), "{}: the key is dead", test.name);
        assert!(by_key(&test, owners.reveal()).await.is_some(), "nobody else's is");
        let open = invitation::list(&test.platform, &owner, None, 100).await.expect("listed");
        assert!(open.iter().all(|one| one.id != invited), "{}: the invitation is dead", test.name);
        assert!(sign_in::with_link(&test.platform, link.reveal(), &Device::default()).await.is_err());
        assert!(by_session(&test, stranger.session.reveal()).await.is_some());
        assert!(incident::is_open(&test.platform, organization).await.expect("asked"), "the organization goes on");
        let kept = incident::list(&test.platform, &owner).await.expect("listed");
        assert_eq!((kept.len(), kept[0].id, kept[0].person), (1, locked.incident, Some(person.user)));
        assert_eq!((kept[0].sessions, kept[0].keys, kept[0].opened_by), (2, 1, owner.user()), "{}", test.name);
        assert_eq!(audited(&test, &owner).await[0], "alert.settle");
        assert!(matches!(place::lock(&test.platform, &owner, id).await, Err(Error::Conflict(_))));
        place::sweep(&test.platform).await.expect("swept");
    }
}
