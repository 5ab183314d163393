//! Registration with a trunk (RFC 3261, section 10): so that the trunk knows where to send the calls for us.
//!
//! Promises: the registration is renewed at three quarters of what the registrar granted; after a failure it is tried
//! again with growing pauses, up to a minute; wrong credentials are not tried over and over within one attempt; dropping
//! the handle takes the registration back.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::registration::{Registration as StackRegistration, backoff_interval, refresh_interval};
use rsipstack::sip::typed::Contact;
use rsipstack::sip::{Param, Uri};
use sip::Status;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::stream::{client, driver};
use super::{Credentials, Destination, Error, Inner, Target, Transport, convert, inbound, outbound};

/// Seconds that are asked for when an account does not say.
pub const EXPIRES_SECONDS: u32 = 300;
/// Seconds that are asked for at least: less would only be noise.
const EXPIRES_SECONDS_LEAST: u32 = 30;
/// How long taking back a registration may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// An account with a trunk.
#[derive(Debug, Clone)]
pub struct Account {
    /// `sip:host[:port][;transport=tcp|tls]`.
    pub registrar: String,
    /// Who we are there.
    pub credentials: Credentials,
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
    /// The registrar cannot be reached; it will be tried again.
    Unreachable,
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
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Begins to keep a registration up.
pub(super) async fn register(inner: &Arc<Inner>, account: &Account) -> Result<Registration, Error> {
    let target = Target { address: account.registrar.clone(), ..Target::default() };
    let registrar = outbound::resolve(&target).await?;
    let stop = inner.stop.child_token();
    let (sender, state) = watch::channel(RegistrationState::Trying);
    let keeper = Keeper {
        registration: stack_registration(inner, &account.credentials, &registrar),
        server: server(&registrar),
        registrar,
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

fn stack_registration(inner: &Inner, credentials: &Credentials, registrar: &Destination) -> StackRegistration {
    let credential = Credential {
        username: credentials.user.clone(),
        password: credentials.password.clone(),
        realm: None,
        auth_username: None,
    };
    let mut registration = StackRegistration::new(inner.endpoint.clone(), Some(credential));
    let (peer, secure) = (registrar.address(), registrar.is_secure());
    let uri = inbound::contact(inner, &credentials.user, peer, registrar.transport(), secure);
    registration.contact = Some(Contact { display_name: None, uri, params: Vec::new() });
    registration
}

struct Keeper {
    registration: StackRegistration,
    server: Uri,
    registrar: Destination,
    inner: Arc<Inner>,
    expires: u32,
    state: watch::Sender<RegistrationState>,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(mut self) {
        // The name was resolved by us; the stack keeps to that address.
        self.registration.outbound_proxy = Some(self.registrar.address());
        let (stop, expires) = (self.stop.clone(), self.expires);
        let mut failures = 0;
        loop {
            let state = tokio::select! {
                () = stop.cancelled() => break,
                state = self.once(expires) => state,
            };
            let pause = if let RegistrationState::Registered { seconds } = state {
                failures = 0;
                refresh_interval(seconds)
            } else {
                failures += 1;
                backoff_interval(failures)
            };
            self.state.send_replace(state);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if matches!(*self.state.borrow(), RegistrationState::Registered { .. }) {
            let _ = tokio::time::timeout(FAREWELL, self.once(0)).await;
        }
    }

    async fn once(&mut self, expires: u32) -> RegistrationState {
        if client::ensure(&self.inner, &self.registrar).await.is_err() {
            return RegistrationState::Unreachable;
        }
        match self.registration.register(self.server.clone(), Some(expires)).await {
            Ok(response) => {
                let status = convert::status(&response.status_code);
                if status.is_success() {
                    let seconds = self.registration.granted_expires.unwrap_or(expires);
                    RegistrationState::Registered { seconds }
                } else {
                    RegistrationState::Refused(status)
                }
            }
            Err(_) => RegistrationState::Unreachable,
        }
    }
}
