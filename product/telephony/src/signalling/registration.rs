//! Registration with a trunk (RFC 3261, section 10): so that the trunk knows where to send the calls for us.
//!
//! Promises: the registration is renewed at three quarters of what the registrar granted; when it asks for a longer time (423
//! Interval Too Brief) it gets that, up to [`EXPIRES_SECONDS_MOST`]; when the connection that it was made over breaks, it is made
//! again at once, for the trunk may know no other way to us; after a failure it is tried again with growing pauses, up to a
//! minute; wrong credentials are not tried over and over within one attempt; a challenge by MD5 is answered only where that is
//! allowed; the password is read anew for each registration and forgotten after it; dropping the handle takes the registration back.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::registration::{Registration as StackRegistration, backoff_interval, refresh_interval};
use rsipstack::sip::typed::Contact;
use rsipstack::sip::{HasHeaders, Header, Param, Response, StatusCode, Uri};
use sip::Status;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::stream::{client, driver};
use super::{
    CredentialSource, Credentials, Destination, Error, Inner, NoPassword, Obstacle, Target, Transport, convert,
    inbound, outbound,
};

/// Seconds that are asked for when an account does not say.
pub const EXPIRES_SECONDS: u32 = 300;
/// Seconds that are asked for at least: less would only be noise.
const EXPIRES_SECONDS_LEAST: u32 = 30;
/// Seconds that a registrar may ask for at most (423): a day.
pub const EXPIRES_SECONDS_MOST: u32 = 86_400;
/// How soon it is looked again for a password that is not there: whoever sets it waits for it, and no carrier is asked.
const PASSWORD_PAUSE: Duration = Duration::from_secs(3);
/// How long taking back a registration may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// An account with a trunk.
#[derive(Debug, Clone)]
pub struct Account {
    /// `sip:host[:port][;transport=tcp|tls]`.
    pub registrar: String,
    /// Who we are there: asked before each registration.
    pub credentials: Arc<dyn CredentialSource>,
    /// Seconds that a registration should last; [`EXPIRES_SECONDS`] when none are given.
    pub expires_seconds: Option<u32>,
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationState {
    /// Not answered yet.
    Trying,
    /// Calls will come; for so many seconds, then it is renewed.
    Registered {
        /// What the registrar granted.
        seconds: u32,
    },
    /// Refused with this status; it will be tried again.
    Refused(Status),
    /// The registrar asks who we are in a way that is not answered: MD5 where that is not allowed, or nothing that we know.
    ChallengeRefused,
    /// The registrar wants longer registrations than [`EXPIRES_SECONDS_MOST`].
    IntervalRefused,
    /// There is no password to answer with; it is looked for again, and nobody is asked meanwhile.
    NoPassword(NoPassword),
    /// The registrar cannot be reached; it will be tried again.
    Unreachable(Obstacle),
}

/// A registration that is kept up until dropped.
#[derive(Debug)]
pub struct Registration {
    state: watch::Receiver<RegistrationState>,
    stop: CancellationToken,
}

impl Registration {
    /// How it stands.
    pub fn state(&self) -> RegistrationState {
        *self.state.borrow()
    }

    /// Waits until it stands differently. Cancel safe.
    pub async fn changed(&mut self) -> RegistrationState {
        if self.state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.state.borrow_and_update()
    }

    /// A look at how it stands, for somebody who does not keep it up.
    pub fn watch(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Begins to keep a registration up. Refuses an address that can never be called; one that cannot be found now is tried again.
pub(super) fn register(inner: &Arc<Inner>, account: &Account) -> Result<Registration, Error> {
    let target = Target { address: account.registrar.clone(), ..Target::default() };
    outbound::check(&target)?;
    let stop = inner.stop.child_token();
    let (sender, state) = watch::channel(RegistrationState::Trying);
    let keeper = Keeper {
        target,
        credentials: account.credentials.clone(),
        made: None,
        inner: inner.clone(),
        expires: account.expires_seconds.unwrap_or(EXPIRES_SECONDS).max(EXPIRES_SECONDS_LEAST),
        state: sender,
        stop: stop.clone(),
    };
    inner.tasks.spawn(keeper.run());
    Ok(Registration { state, stop })
}

fn server(registrar: &Destination) -> Uri {
    let callee = registrar.callee();
    let mut server = Uri { auth: None, ..callee.clone() };
    // The stack chooses the connection by this parameter.
    let named = server.params.iter().any(|param| matches!(param, Param::Transport(_)));
    if registrar.transport() != Transport::Udp && !named {
        server.params.push(Param::Transport(driver::in_stack(registrar.transport())));
    }
    server
}

/// A registration of the stack with one address of the registrar.
struct Made {
    registration: StackRegistration,
    registrar: Destination,
}

impl Made {
    fn new(inner: &Inner, user: &str, registrar: Destination) -> Self {
        let mut registration = StackRegistration::new(inner.endpoint.clone(), None);
        let (peer, secure) = (registrar.address(), registrar.is_secure());
        let uri = inbound::contact(inner, user, peer, registrar.transport(), secure);
        registration.contact = Some(Contact { display_name: None, uri, params: Vec::new() });
        // The name was resolved by us; the stack keeps to that address.
        registration.outbound_proxy = Some(peer);
        Made { registration, registrar }
    }

    /// Asks for `expires` seconds as this user; the password is forgotten with the answer.
    async fn once(&mut self, credentials: &Credentials, expires: u32) -> Answer {
        self.registration.credential = Some(Credential {
            username: credentials.user.clone(),
            password: credentials.password.clone(),
            realm: None,
            auth_username: None,
        });
        let answer = once(self, expires).await;
        self.registration.credential = None;
        answer
    }
}

struct Keeper {
    target: Target,
    credentials: Arc<dyn CredentialSource>,
    /// Kept from one attempt to the next, for its sequence numbers, as long as the registrar stays where it is.
    made: Option<Made>,
    inner: Arc<Inner>,
    /// Seconds that are asked for; a registrar may have asked for more.
    expires: u32,
    state: watch::Sender<RegistrationState>,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(mut self) {
        let stop = self.stop.clone();
        let mut failures = 0;
        loop {
            let (state, connection) = tokio::select! {
                () = stop.cancelled() => break,
                outcome = self.attempt() => outcome,
            };
            let pause = match state {
                RegistrationState::Registered { seconds } => {
                    failures = 0;
                    refresh_interval(seconds)
                }
                RegistrationState::NoPassword(_) => PASSWORD_PAUSE,
                _ => {
                    failures += 1;
                    backoff_interval(failures)
                }
            };
            self.note(state);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                () = lost(connection.as_ref()) => {
                    self.note(RegistrationState::Unreachable(Obstacle::Lost));
                    // At once, but never in a circle without a breath.
                    failures += 1;
                    tokio::time::sleep(backoff_interval(failures - 1)).await;
                }
            }
        }
        if matches!(*self.state.borrow(), RegistrationState::Registered { .. }) {
            let _ = tokio::time::timeout(FAREWELL, self.take_back()).await;
        }
    }

    fn note(&self, state: RegistrationState) {
        let before = self.state.send_replace(state);
        match (before, state) {
            (before, state) if before == state => {}
            (RegistrationState::Registered { .. }, RegistrationState::Registered { .. }) => {}
            (_, RegistrationState::Registered { seconds }) => tracing::info!(seconds, "registered with the trunk"),
            (_, RegistrationState::NoPassword(lack)) => tracing::warn!("not registered with the trunk: {lack}"),
            (_, state) => tracing::warn!(?state, "not registered with the trunk"),
        }
    }

    /// One registration, and the connection that it was made over.
    async fn attempt(&mut self) -> (RegistrationState, Option<CancellationToken>) {
        let unreachable = |obstacle| (RegistrationState::Unreachable(obstacle), None);
        let credentials = match self.credentials.read().await {
            Ok(credentials) => credentials,
            Err(lack) => return (RegistrationState::NoPassword(lack), None),
        };
        let Ok(registrar) = outbound::resolve(&self.target).await else { return unreachable(Obstacle::NoAddress) };
        if self.made.as_ref().is_none_or(|made| made.registrar.address() != registrar.address()) {
            self.made = None;
        }
        let connection = match client::ensure(&self.inner, &registrar).await {
            Ok(connection) => connection,
            Err(Error::Unreachable(obstacle)) => return unreachable(obstacle),
            Err(_) => return unreachable(Obstacle::Network),
        };
        let made = self.made.get_or_insert_with(|| Made::new(&self.inner, &credentials.user, registrar));
        let mut answer = made.once(&credentials, self.expires).await;
        if let Answer::TooBrief(least) = answer
            && (self.expires..=EXPIRES_SECONDS_MOST).contains(&least)
            && least > self.expires
        {
            self.expires = least;
            answer = made.once(&credentials, self.expires).await;
        }
        let state = match answer {
            Answer::State(state) => state,
            Answer::TooBrief(_) => RegistrationState::IntervalRefused,
        };
        (state, connection)
    }

    async fn take_back(&mut self) {
        if let (Some(made), Ok(credentials)) = (&mut self.made, self.credentials.read().await) {
            made.once(&credentials, 0).await;
        }
    }
}

/// Resolves when the connection is over; never when there is none (UDP).
async fn lost(connection: Option<&CancellationToken>) {
    match connection {
        Some(closed) => closed.cancelled().await,
        None => std::future::pending().await,
    }
}

enum Answer {
    State(RegistrationState),
    /// 423: so many seconds at least.
    TooBrief(u32),
}

async fn once(made: &mut Made, expires: u32) -> Answer {
    let server = server(&made.registrar);
    Answer::State(match made.registration.register(server, Some(expires)).await {
        Ok(response) if response.status_code == StatusCode::IntervalTooBrief => {
            return Answer::TooBrief(least_seconds(&response).unwrap_or(u32::MAX));
        }
        Ok(response) => {
            let status = convert::status(&response.status_code);
            if status.is_success() {
                let seconds = made.registration.granted_expires.unwrap_or(expires);
                RegistrationState::Registered { seconds }
            } else {
                RegistrationState::Refused(status)
            }
        }
        // The stack found no challenge that it may answer; the others were taken out on their way in.
        Err(rsipstack::Error::DialogError(
            _,
            _,
            StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired,
        )) => RegistrationState::ChallengeRefused,
        Err(_) => RegistrationState::Unreachable(Obstacle::NoAnswer),
    })
}

/// `Min-Expires` (RFC 3261, section 20.23).
fn least_seconds(response: &Response) -> Option<u32> {
    response.headers().iter().find_map(|header| match header {
        Header::MinExpires(least) => least.value().trim().parse().ok(),
        Header::Other(name, value) if name.eq_ignore_ascii_case("min-expires") => value.trim().parse().ok(),
        _ => None,
    })
}
