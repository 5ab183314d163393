//! Single sign-on over HTTP, with a provider that lies when it is told to: who gets in, who does not, and when it ends.

use identity::founding::Founded;
use identity::member::standing;
use identity::testing::platforms;
use identity::{Role, external_identity, member};
use serde_json::{Value, json};
use sign_in::single_sign_on::logout_token::{EVENT, TYPE};
use sign_in::single_sign_on::{ATTEMPT_SECONDS, MAXIMUM_AGE_SECONDS};
use storage::OrganizationId;
use url::Url;

use crate::fixture::{Answer, FORM, Service, password, schema, session_of};
use crate::provider::{CLIENT, Provider, SECRET, Signed, token};
use crate::second_factors::Browser;

const PAGE: (&str, &str) = ("accept", "text/html");

/// An organization whose provider is connected.
pub struct Harbour {
    pub service: Service,
    pub provider: Provider,
    pub founded: Founded,
}

/// Somebody on their way to the provider.
pub struct Trip {
    organization: OrganizationId,
    state: String,
    nonce: String,
    cookie: String,
    address: Url,
}

impl Harbour {
    pub async fn start() -> Self {
        Self::on(Service::start().await).await
    }

    async fn on(service: Service) -> Self {
        let provider = Provider::start().await;
        let founded = service.test.organization("harbour").await;
        let harbour = Self { service, provider, founded };
        let set = harbour.set(&json!({})).await;
        assert_eq!(set.status, 200, "{set:?}");
        harbour
    }

    pub fn wish(&self, change: &Value) -> Value {
        let mut wish = json!({
            "short_name": "harbour", "issuer": self.provider.issuer, "client_id": CLIENT, "client_secret": SECRET,
            "domains": ["harbour.example", "manager.example", "owner.example"], "new_member_role": "viewer",
            "two_factor_words": ["mfa"], "enabled": true,
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            wish[name] = value.clone();
        }
        wish
    }

    pub async fn owner(&self) -> String {
        let owner = self.service.test.member(self.founded.organization, Role::Owner).await;
        format!("ringfence_session={}", owner.session.reveal())
    }

    pub async fn set(&self, change: &Value) -> Answer {
        let owner = self.owner().await;
        let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", &*owner)];
        self.service.ask("PUT", "/v1/single-sign-on", &headers, &self.wish(change).to_string()).await
    }

    pub fn claims(&self, trip: &Trip, change: &Value) -> Value {
        let now = self.service.test.platform.now().0 / 1_000_000;
        let mut claims = json!({
            "iss": self.provider.issuer, "aud": CLIENT, "sub": "ana", "iat": now, "exp": now + 300,
            "nonce": trip.nonce, "email": "ana@harbour.example", "email_verified": true, "name": "Ana Lee",
            "sid": "session-1", "auth_time": now,
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    }

    /// Leaves for the provider, as a stranger.
    pub async fn leave(&self) -> Trip {
        let answer = self.service.ask("POST", "/sign-in/single-sign-on", &FORM, "name=harbour&next=%2Fcalls").await;
        self.trip(&answer)
    }

    /// Leaves for the provider, signed in.
    pub async fn leave_as(&self, session: &str, path: &str, body: &str) -> Trip {
        let headers = [FORM[0], FORM[1], PAGE, ("cookie", session)];
        self.trip(&self.service.ask("POST", path, &headers, body).await)
    }

    fn trip(&self, answer: &Answer) -> Trip {
        assert_eq!(answer.status, 200, "{answer:?}");
        let address = answer.header("refresh").strip_prefix("0; url=").expect("an address");
        let address = Url::parse(address).expect("an address");
        let value = |name: &str| address.query_pairs().find(|(found, _)| found == name).expect(name).1.into_owned();
        assert_eq!(value("code_challenge_method"), "S256");
        self.provider.expects(&value("code_challenge"));
        let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        Trip { organization: self.founded.organization, state: value("state"), nonce: value("nonce"), cookie, address }
    }

    /// Comes back with what the provider says.
    pub async fn back(&self, trip: &Trip, claims: &Value) -> Answer {
        self.provider.says(self.claims(trip, claims));
        self.back_with(trip, &format!("code=good&state={}&iss={}", trip.state, self.provider.issuer), &[]).await
    }

    pub async fn back_with(&self, trip: &Trip, query: &str, cookies: &[&str]) -> Answer {
        let cookies = [&[trip.cookie.as_str()], cookies].concat().join("; ");
        self.back_as(trip.organization, query, &cookies).await
    }

    async fn back_as(&self, organization: OrganizationId, query: &str, cookies: &str) -> Answer {
        let path = format!("/sign-in/single-sign-on/{}/callback?{query}", organization.0);
        // The browser comes from another site, as a navigation.
        let headers = [PAGE, ("sec-fetch-site", "cross-site"), ("cookie", cookies)];
        self.service.ask("GET", &path, &headers, "").await
    }

    pub async fn sign_in(&self, claims: &Value) -> Answer {
        let trip = self.leave().await;
        self.back(&trip, claims).await
    }

    pub async fn logout(&self, logout_token: &str) -> Answer {
        let path = format!("/sign-in/single-sign-on/{}/back-channel-logout", self.founded.organization.0);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.service.ask("POST", &path, &form, &format!("logout_token={logout_token}")).await
    }

    fn logout_token(&self, change: &Value) -> String {
        let now = self.service.test.platform.now().0 / 1_000_000;
        let mut claims = json!({
            "iss": self.provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "1", "events": { EVENT: {} },
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        token(Signed::With(1), Some(TYPE), &claims)
    }

    pub async fn members(&self) -> Vec<member::Member> {
        let owner = self.service.test.member(self.founded.organization, Role::Owner).await;
        let list = member::list(&self.service.test.platform, &owner.caller, None, 100).await;
        list.expect("listed")
    }
}

pub fn refused(answer: &Answer, words: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains(words), "{words}: {}", answer.body);
    assert!(!answer.header("set-cookie").starts_with("ringfence_session="), "{answer:?}");
}

#[tokio::test]
async fn the_first_sign_in_makes_a_member_and_the_second_finds_them() {
    for test in platforms(schema()).await {
        let harbour = Harbour::on(Service::on(test)).await;
        let before = harbour.members().await.len();
        let trip = harbour.leave().await;
        let value = |name: &str| trip.address.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value);
        assert_eq!(value("scope").as_deref(), Some("openid email profile"));
        assert_eq!(value("response_type").as_deref(), Some("code"));
        let redirect = value("redirect_uri").expect("there").into_owned();
        let own = harbour.founded.organization.0;
        assert_eq!(redirect, format!("{}/sign-in/single-sign-on/{own}/callback", crate::fixture::BASE));
        let answer = harbour.back(&trip, &json!({})).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/calls"), "{answer:?}");
        let browser = Browser { service: &harbour.service, session: session_of(&answer) };
        assert!(browser.is_in().await);
        let members = harbour.members().await;
        let ana = members.iter().find(|member| member.email == "ana@harbour.example").expect("a member");
        assert_eq!((ana.role, ana.name.as_str()), (Role::Viewer, "Ana Lee"));
        // The owners that `members` makes to look count as well.
        assert_eq!(members.len(), before + 2);
        let again = harbour.sign_in(&json!({ "email": "ana.new@elsewhere.example", "email_verified": false })).await;
        assert_eq!(again.status, 303, "who somebody is does not hang on their address: {again:?}");
        assert_eq!(harbour.members().await.len(), before + 3, "nobody was made");
        let other = harbour.sign_in(&json!({ "sub": "ana2", "email": "second@harbour.example" })).await;
        assert_eq!(other.status, 303);
        assert_eq!(harbour.members().await.len(), before + 5, "another subject is another person");
    }
}

#[tokio::test]
async fn an_answer_counts_once_in_the_browser_that_began_and_in_time() {
    let harbour = Harbour::start().await;
    let mine = harbour.leave().await;
    harbour.provider.says(harbour.claims(&mine, &json!({})));
    let query = format!("code=good&state={}&iss={}", mine.state, harbour.provider.issuer);
    let other = harbour.service.ask("POST", "/sign-in/single-sign-on", &FORM, "name=harbour&next=").await;
    let theirs = other.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    refused(&harbour.back_as(mine.organization, &query, &theirs).await, "not begun in this browser");
    refused(&harbour.back_as(mine.organization, &query, "").await, "not begun in this browser");
    refused(
        &harbour.back_with(&mine, &query, &["ringfence_single_sign_on=planted"]).await,
        "not begun in this browser",
    );
    refused(&harbour.back_with(&mine, "code=good&state=guess", &[]).await, "not begun in this browser");
    refused(&harbour.back_with(&mine, "", &[]).await, "not begun in this browser");
    assert_eq!(harbour.provider.asked("token"), 0, "nobody's code was redeemed");
    let good = harbour.back_with(&mine, &query, &[]).await;
    assert_eq!(good.status, 303, "somebody else's tries end nothing: {good:?}");
    refused(&harbour.back_with(&mine, &query, &[]).await, "finished already");
    assert_eq!(harbour.provider.asked("token"), 1, "nor twice");

    for (seconds, status) in [(ATTEMPT_SECONDS - 1, 303), (ATTEMPT_SECONDS, 403)] {
        harbour.service.test.clock.advance_seconds(120);
        let trip = harbour.leave().await;
        harbour.service.test.clock.advance_seconds(seconds);
        assert_eq!(harbour.back(&trip, &json!({})).await.status, status, "{seconds}");
    }
}

#[tokio::test]
async fn a_provider_that_lies_signs_nobody_in() {
    let harbour = Harbour::start().await;
    let refuse = async |claims: Value| {
        harbour.service.test.clock.advance_seconds(60);
        let answer = harbour.sign_in(&claims).await;
        refused(&answer, "does not hold");
    };
    refuse(json!({ "nonce": "another" })).await;
    refuse(json!({ "aud": "another" })).await;
    refuse(json!({ "aud": [CLIENT, "another"] })).await;
    refuse(json!({ "azp": "another" })).await;
    refuse(json!({ "iss": "https://evil.example" })).await;
    refuse(json!({ "exp": 1_000 })).await;
    refuse(json!({ "iat": 1_000 })).await;
    for signed in [Signed::Not, Signed::BySecret, Signed::ByPublicKey(1), Signed::Posing(2, 1), Signed::With(2)] {
        harbour.provider.signs(signed);
        refuse(json!({})).await;
    }
    harbour.provider.signs(Signed::With(1));
    harbour.service.test.clock.advance_seconds(60);
    let whole = harbour.sign_in(&json!({})).await;
    assert_eq!(whole.status, 303, "the truth still counts: {whole:?}");
    let entries = harbour.service.ask("GET", "/v1/single-sign-on", &[("cookie", &harbour.owner().await)], "").await;
    assert!(!entries.body.contains(SECRET), "{entries:?}");
}

#[tokio::test]
async fn an_answer_that_names_another_provider_is_refused() {
    let harbour = Harbour::start().await;
    let answer = async |iss: &str| {
        harbour.service.test.clock.advance_seconds(60);
        let trip = harbour.leave().await;
        harbour.provider.says(harbour.claims(&trip, &json!({})));
        harbour.back_with(&trip, &format!("code=good&state={}{iss}", trip.state), &[]).await
    };
    refused(&answer("&iss=https%3A%2F%2Fevil.example").await, "another provider");
    refused(&answer("").await, "another provider");
    assert_eq!(harbour.provider.asked("token"), 0, "the code went to nobody");
    harbour.provider.describes(json!({ "authorization_response_iss_parameter_supported": false }));
    assert_eq!(harbour.set(&json!({})).await.status, 200);
    assert_eq!(answer("").await.status, 303, "a provider that does not name itself is told apart by the address");
    refused(&answer("&iss=https%3A%2F%2Fevil.example").await, "another provider");

    // An answer to one organization's sign-in that comes to another's address.
    let beacon = harbour.service.test.organization("beacon").await;
    let trip = harbour.leave().await;
    let query = format!("code=good&state={}&iss={}", trip.state, harbour.provider.issuer);
    assert_eq!(harbour.back_as(beacon.organization, &query, &trip.cookie).await.status, 403);
    let denied = harbour
        .back_with(
            &trip,
            &format!(
                "error=access_denied&error_description=%3Cb%3E&state={}&iss={}",
                trip.state, harbour.provider.issuer
            ),
            &[],
        )
        .await;
    refused(&denied, "did not sign you in");
    assert!(!denied.body.contains("<b>"));
}

#[tokio::test]
async fn an_address_finds_an_account_only_when_nothing_else_is_given_away() {
    let harbour = Harbour::start().await;
    let test = &harbour.service.test;
    let here = harbour.founded.organization;
    let manager = test.member(here, Role::Manager).await;
    let owner = test.member(here, Role::Owner).await;
    let sign_in = async |sub: &str, email: &str, verified: bool| {
        test.clock.advance_seconds(60);
        harbour.sign_in(&json!({ "sub": sub, "email": email, "email_verified": verified })).await
    };
    refused(&sign_in("m", &manager.email, false).await, "does not say that it verified");
    refused(&sign_in("m", "x@elsewhere.example", true).await, "none of the domains");
    refused(&sign_in("m", "no address", true).await, "does not say that it verified");
    refused(&sign_in("o", &owner.email, true).await, "connected by yourself");
    refused(&sign_in("f", "owner@harbour.example", true).await, "connected by yourself");
    let found = sign_in("m", &manager.email, true).await;
    assert_eq!(found.status, 303, "{found:?}");
    let browser = Browser { service: &harbour.service, session: session_of(&found) };
    assert_eq!(browser.get("/v1/organization").await.status, 200);
    let joined = external_identity::of_user(&test.platform, here, manager.user).await.expect("asked");
    assert_eq!(joined.len(), 1);

    // Somebody who works elsewhere: this organization's provider must not open that.
    let beacon = test.organization("beacon").await;
    let stranger = test.member(beacon.organization, Role::Manager).await;
    refused(&sign_in("s", &stranger.email, true).await, "connected by yourself");
    assert_eq!(harbour.set(&json!({ "new_member_role": null })).await.status, 200);
    refused(&sign_in("n", "new@harbour.example", true).await, "Nobody has invited you");

    // Suspended and removed members stay out, whatever the provider says.
    let seat = harbour.members().await.into_iter().find(|member| member.user == manager.user).expect("a member");
    let boss = test.member(here, Role::Owner).await;
    standing::suspend(&test.platform, &boss.caller, seat.id).await.expect("suspended");
    assert!(!browser.is_in().await);
    refused(&sign_in("m", &manager.email, true).await, "suspended or has ended");
    refused(&sign_in("m-2", &manager.email, true).await, "suspended or has ended");
    member::leaving::remove(&test.platform, &boss.caller, seat.id).await.expect("removed");
    refused(&sign_in("m", &manager.email, true).await, "suspended or has ended");
    refused(&sign_in("m-2", &manager.email, true).await, "suspended or has ended");
}

#[tokio::test]
async fn the_providers_word_is_one_factor_unless_it_says_two() {
    let harbour = Harbour::start().await;
    assert_eq!(harbour.set(&json!({ "new_member_role": "admin" })).await.status, 200);
    let one = harbour.sign_in(&json!({ "amr": ["pwd"] })).await;
    let browser = Browser { service: &harbour.service, session: session_of(&one) };
    assert!(!browser.is_in().await, "an Admin needs two factors, and the provider asked for one");
    let two = harbour.sign_in(&json!({ "amr": ["pwd", "mfa"] })).await;
    assert!(Browser { service: &harbour.service, session: session_of(&two) }.is_in().await);
    let by_class = harbour.sign_in(&json!({ "acr": "mfa" })).await;
    assert!(Browser { service: &harbour.service, session: session_of(&by_class) }.is_in().await);
    let now = harbour.service.test.platform.now().0 / 1_000_000;
    let old = harbour.sign_in(&json!({ "auth_time": now - MAXIMUM_AGE_SECONDS - 61 })).await;
    refused(&old, "too long since your provider asked");
    let silent = harbour.sign_in(&json!({ "auth_time": null })).await;
    assert_eq!(silent.status, 303, "a provider that says no time is taken for a first factor");
}

#[tokio::test]
async fn sensitive_acts_are_confirmed_by_the_provider_only_when_it_asks_anew() {
    let harbour = Harbour::start().await;
    assert_eq!(harbour.set(&json!({ "new_member_role": "manager" })).await.status, 200);
    let mut browser = Browser { service: &harbour.service, session: session_of(&harbour.sign_in(&json!({})).await) };
    let begin = "/second-factors/app";
    harbour.service.test.clock.advance_seconds(identity::STEP_UP_SECONDS);
    assert!(browser.post(begin, "").await.header("location").starts_with("/sign-in/confirm"));
    assert!(browser.get("/sign-in/confirm").await.body.contains("Confirm at your provider"));
    let now = harbour.service.test.platform.now().0 / 1_000_000;
    let session = browser.session.clone();
    let confirm = async |claims: Value| {
        let path = "/sign-in/single-sign-on/confirmation";
        let trip = harbour.leave_as(&session, path, "next=%2Fsettings%2Fsign-in").await;
        assert!(trip.address.query_pairs().any(|(name, value)| name == "prompt" && value == "login"));
        harbour.provider.says(harbour.claims(&trip, &claims));
        let query = format!("code=good&state={}&iss={}", trip.state, harbour.provider.issuer);
        harbour.back_with(&trip, &query, &[&session]).await
    };
    refused(&confirm(json!({ "auth_time": now - 3600 })).await, "did not ask again");
    refused(&confirm(json!({ "auth_time": null })).await, "did not ask again");
    refused(&confirm(json!({ "sub": "somebody-else" })).await, "somebody else is signed in");
    let confirmed = confirm(json!({})).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, "/settings/sign-in"), "{confirmed:?}");
    browser.session = session_of(&confirmed);
    assert_eq!(browser.post(begin, "").await.header("location"), begin);
}

#[tokio::test]
async fn who_is_signed_in_connects_the_account_and_takes_it_back() {
    let harbour = Harbour::start().await;
    let owner = harbour.service.test.member(harbour.founded.organization, Role::Owner).await;
    let session = format!("ringfence_session={}", owner.session.reveal());
    let mut browser = Browser::with(&harbour.service, &owner.session);
    assert!(browser.get("/settings/sign-in").await.body.contains("Connect with the provider"));
    let connection = "/sign-in/single-sign-on/connection";
    let trip = harbour.leave_as(&session, connection, "").await;
    harbour.provider.says(harbour.claims(&trip, &json!({ "sub": "olive", "email": null })));
    harbour.provider.tells(json!({ "sub": "olive" }));
    let query = format!("code=good&state={}&iss={}", trip.state, harbour.provider.issuer);
    let other = harbour.service.test.member(harbour.founded.organization, Role::Manager).await;
    let others = format!("ringfence_session={}", other.session.reveal());
    refused(&harbour.back_with(&trip, &query, &[&others]).await, "not begun in this browser");
    let trip = harbour.leave_as(&session, connection, "").await;
    harbour.provider.says(harbour.claims(&trip, &json!({ "sub": "olive", "email": null })));
    let query = format!("code=good&state={}&iss={}", trip.state, harbour.provider.issuer);
    let connected = harbour.back_with(&trip, &query, &[&session]).await;
    assert_eq!(connected.header("location"), "/settings/sign-in?done=connected", "{connected:?}");
    let signed = harbour.sign_in(&json!({ "sub": "olive", "email": null, "amr": ["mfa"] })).await;
    assert_eq!(signed.status, 303, "{signed:?}");
    let page = browser.get("/settings/sign-in").await;
    assert!(page.body.contains("The identity provider connected with your account was changed"), "it is told");
    let (_, rest) = page.body.split_once("/sign-in/single-sign-on/connections/").expect("a connection");
    let id = &rest[..36];
    let gone = browser.post(&format!("/sign-in/single-sign-on/connections/{id}/removal"), "").await;
    assert_eq!(gone.header("location"), "/settings/sign-in?done=removed");
    harbour.provider.tells(json!({ "sub": "olive" }));
    assert_eq!(harbour.sign_in(&json!({ "sub": "olive", "email": null })).await.status, 403);
}

#[tokio::test]
async fn required_single_sign_on_is_the_only_way_in_but_for_owners() {
    let harbour = Harbour::start().await;
    let test = &harbour.service.test;
    let here = harbour.founded.organization;
    let manager = test.member(here, Role::Manager).await;
    let by_password = async |email: &str| {
        test.clock.advance_seconds(60);
        let body = format!("email={}&password={}", email.replace('@', "%40"), password());
        harbour.service.ask("POST", "/sign-in", &FORM, &body).await
    };
    let before = Browser { service: &harbour.service, session: session_of(&by_password(&manager.email).await) };
    let guest = harbour.sign_in(&json!({})).await;
    let guest = Browser { service: &harbour.service, session: session_of(&guest) };
    assert!(before.is_in().await && guest.is_in().await);
    assert_eq!(harbour.set(&json!({ "required": true })).await.status, 200);
    assert!(!before.is_in().await, "who came another way is signed out");
    assert!(guest.is_in().await, "who came this way is not");
    let refused = by_password(&manager.email).await;
    assert!(refused.status == 401 && refused.body.contains("asks for single sign-on"), "{refused:?}");
    let guessed = harbour
        .service
        .ask("POST", "/sign-in", &FORM, &format!("email={}&password=guess", manager.email.replace('@', "%40")))
        .await;
    assert!(guessed.status == 401 && !guessed.body.contains("asks for single sign-on"), "strangers learn nothing");
    assert_eq!(by_password("owner@harbour.example").await.status, 303, "an owner's way in for emergencies");
    let link = identity::one_time::issue_sign_in_link(&test.platform, here, manager.user).await.expect("issued");
    let linked = harbour.service.ask("POST", "/sign-in/link", &FORM, &format!("token={}", link.reveal())).await;
    assert_eq!(linked.status, 303, "and the machine's own link");
    let found = harbour.sign_in(&json!({ "sub": "m", "email": manager.email })).await;
    assert_eq!(found.status, 303);
    assert_eq!(harbour.set(&json!({ "required": false })).await.status, 200);
    assert_eq!(by_password(&manager.email).await.status, 303);
}

#[tokio::test]
async fn who_signs_out_at_the_provider_is_signed_out_here() {
    for test in platforms(schema()).await {
        let harbour = Harbour::on(Service::on(test)).await;
        let enter = async |claims: Value| {
            harbour.service.test.clock.advance_seconds(60);
            let answer = harbour.sign_in(&claims).await;
            Browser { service: &harbour.service, session: session_of(&answer) }
        };
        let one = enter(json!({ "sid": "s-1" })).await;
        let two = enter(json!({ "sid": "s-2" })).await;
        let bea = enter(json!({ "sub": "bea", "email": "bea@harbour.example", "sid": "s-3" })).await;
        let unknown = harbour.logout(&harbour.logout_token(&json!({ "sub": "nobody", "sid": "s-9" }))).await;
        assert_eq!(unknown.status, 200, "{unknown:?}");
        let said = harbour.logout(&harbour.logout_token(&json!({ "sub": "ana", "sid": "s-1" }))).await;
        assert_eq!((said.status, said.header("cache-control")), (200, "no-store"));
        assert!(!one.is_in().await && two.is_in().await && bea.is_in().await, "one session");
        assert_eq!(harbour.logout(&harbour.logout_token(&json!({ "sid": "s-2" }))).await.status, 200);
        assert!(!two.is_in().await && bea.is_in().await, "a session without its person");
        let (three, four) = (enter(json!({ "sid": "s-4" })).await, enter(json!({ "sid": null })).await);
        let everywhere = harbour.logout_token(&json!({ "sub": "ana" }));
        assert_eq!(harbour.logout(&everywhere).await.status, 200);
        assert!(!three.is_in().await && !four.is_in().await && bea.is_in().await, "every session of the person");
        harbour.service.test.clock.advance_seconds(60);
        let later = enter(json!({ "sid": "s-5" })).await;
        assert_eq!(harbour.logout(&everywhere).await.status, 200);
        assert!(later.is_in().await, "a word that is repeated does not end what began after it");
        let lies = [
            token(Signed::With(1), Some("JWT"), &json!({})),
            token(Signed::Not, Some(TYPE), &json!({})),
            harbour.logout_token(&json!({ "sub": "ana", "nonce": "n" })),
            harbour.logout_token(&json!({ "sub": "ana", "aud": "another" })),
            "nonsense".to_owned(),
        ];
        for lie in lies {
            let answer = harbour.logout(&lie).await;
            assert!(answer.status == 400 && answer.json()["error"] == "invalid_request", "{answer:?}");
        }
        assert!(later.is_in().await);
        let elsewhere = "/sign-in/single-sign-on/00000000-0000-0000-0000-000000000000/back-channel-logout";
        let nowhere = harbour.service.ask("POST", elsewhere, &[FORM[0]], "logout_token=x").await;
        assert_eq!(nowhere.status, 400);
    }
}
