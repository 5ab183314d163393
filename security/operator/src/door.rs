//! What stands before every page of the operator plane: who asks, may they, and what the log hears. A page cannot be
//! registered without saying so.

use std::sync::Arc;

use audit::Outcome;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use edge::headers::HeaderPolicy;
use edge::{ClientAddress, Network, RateClass, Subject};
use http::{HeaderMap, Method, header};
use web::form_token::FormToken;
use web::{Audited, Nonce, Problem};

use crate::caller::OperatorCaller;
use crate::pages;
use crate::role::OperatorPermission;
use crate::store::sessions;
use crate::{Plane, session};

/// Bytes of a form.
const FORM_BYTES: usize = 8 * 1024;
/// The action under which refusals stand in the installation's log.
const REFUSED: &str = "operator.refuse";

/// Who may use a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorAccess {
    /// Everybody at this machine, and why that is right.
    Public(&'static str),
    /// Whoever gave a password: to give the second factor, and nothing else.
    Unfinished,
    /// Every operator with a second factor, also one whose role is suspended: to read why.
    Operator,
    /// Operators with this permission.
    Permission(OperatorPermission),
}

/// The declaration of one page.
#[derive(Debug, Clone)]
pub struct OperatorRule {
    /// The method.
    pub method: Method,
    /// The path with `{variables}`.
    pub path: &'static str,
    /// Who may.
    pub access: OperatorAccess,
    /// What is written down.
    pub audited: Audited,
}

/// Pages with their declarations; the only way to a router.
#[derive(Default)]
pub(crate) struct OperatorRoutes(Vec<(OperatorRule, MethodRouter<Plane>)>);

impl OperatorRoutes {
    /// Reading.
    pub(crate) fn get<H: Handler<T, Plane>, T: 'static>(
        self,
        path: &'static str,
        access: OperatorAccess,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(OperatorRule { method: Method::GET, path, access, audited }, on(MethodFilter::GET, handler))
    }

    /// Changing.
    pub(crate) fn post<H: Handler<T, Plane>, T: 'static>(
        self,
        path: &'static str,
        access: OperatorAccess,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(OperatorRule { method: Method::POST, path, access, audited }, on(MethodFilter::POST, handler))
    }

    fn add(mut self, rule: OperatorRule, handler: MethodRouter<Plane>) -> Self {
        self.0.push((rule, handler));
        self
    }

    /// Every declaration.
    pub(crate) fn table(&self) -> Vec<OperatorRule> {
        self.0.iter().map(|(rule, _)| rule.clone()).collect()
    }
}

/// The router: each page behind its rule, whatever else answered as strangers are answered.
pub(crate) fn into_router(routes: OperatorRoutes, plane: &Plane) -> axum::Router {
    let policy = HeaderPolicy { entropy: Arc::clone(&plane.gate.platform.entropy), over_tls: false };
    let assets = web::assets::routes().into_router((), &plane.gate);
    let mut router = axum::Router::new();
    for (rule, handler) in routes.0 {
        let guard = Guard { plane: plane.clone(), rule: Arc::new(rule) };
        let path = guard.rule.path;
        router = router.route(path, handler.route_layer(from_fn_with_state(guard, guarded)));
    }
    let stranger = {
        let plane = plane.clone();
        move |request: Request| async move {
            match who(&plane, request.headers(), ClientAddress::of(request.extensions())).await {
                Ok(Some(caller)) if caller.is_finished() => Problem::not_found(),
                Ok(_) => Problem::unauthorized(),
                Err(problem) => problem,
            }
        }
    };
    router
        .method_not_allowed_fallback(stranger.clone())
        .fallback(stranger)
        .with_state(plane.clone())
        .layer(axum::middleware::from_fn(pages::problems))
        .layer(from_fn_with_state(policy, edge::headers::secure))
        .route("/assets/{version}/{name}", axum::routing::any_service(assets))
}

#[derive(Clone)]
struct Guard {
    plane: Plane,
    rule: Arc<OperatorRule>,
}

async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    guard.run(request, next).await.unwrap_or_else(Problem::into_response)
}

impl Guard {
    async fn run(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let address = ClientAddress::of(request.extensions());
        let caller = who(&self.plane, request.headers(), address).await?;
        let changes = edge::csrf::is_unsafe(request.method());
        if changes {
            check_sender(&request)?;
        }
        self.check_rate(address, caller.as_ref(), changes)?;
        self.check_access(caller.as_ref()).await?;
        let token = session::find(request.headers()).filter(|_| caller.is_some()).map(FormToken::of_session);
        let mut request = match &token {
            Some(token) if changes && !matches!(self.rule.access, OperatorAccess::Public(_)) => {
                token.take(request).await?
            }
            _ => request,
        };
        DefaultBodyLimit::max(FORM_BYTES).apply(&mut request);
        if let (Some(caller), Some(token)) = (caller.clone(), token) {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(token);
        }
        let response = next.run(request).await;
        if let (Audited::Read(action), Some(caller)) = (self.rule.audited, &caller)
            && response.status().is_success()
        {
            caller.note(&self.plane.gate.platform, action, Outcome::Done, Vec::new()).await?;
        }
        Ok(response)
    }

    async fn check_access(&self, caller: Option<&OperatorCaller>) -> Result<(), Problem> {
        let caller = match (self.rule.access, caller) {
            (OperatorAccess::Public(_), _) | (OperatorAccess::Unfinished, Some(_)) => return Ok(()),
            (_, None) => return Err(Problem::unauthorized()),
            (_, Some(caller)) => caller,
        };
        let reason = match self.rule.access {
            _ if !caller.is_finished() => "second factor".to_owned(),
            OperatorAccess::Permission(permission) if !caller.permits(permission) => permission.name(),
            _ => return Ok(()),
        };
        let facts = vec![("reason", reason.clone()), ("standing", caller.standing().as_str().to_owned())];
        caller.note(&self.plane.gate.platform, REFUSED, Outcome::Refused, facts).await?;
        Err(Problem::forbidden(reason))
    }

    /// Guessing is slowed by network; whoever is signed in counts by their session.
    fn check_rate(
        &self,
        address: ClientAddress,
        caller: Option<&OperatorCaller>,
        changes: bool,
    ) -> Result<(), Problem> {
        let enters = matches!(self.rule.access, OperatorAccess::Public(_) | OperatorAccess::Unfinished);
        let class = match (enters, changes) {
            (true, true) => RateClass::SignIn,
            (_, true) => RateClass::Write,
            (_, false) => RateClass::Read,
        };
        let subject = match (caller, address.0) {
            (Some(caller), _) => Subject::Credential(caller.session()),
            (None, Some(address)) => Subject::Network(Network::of(address)),
            (None, None) => return Ok(()),
        };
        let allowance = self.plane.gate.limits.check(class, subject);
        if allowance.is_granted() {
            return Ok(());
        }
        Err(Problem::too_many_requests(allowance.retry_after_seconds.unwrap_or(1)))
    }
}

async fn who(plane: &Plane, headers: &HeaderMap, address: ClientAddress) -> Result<Option<OperatorCaller>, Problem> {
    let Some(token) = session::find(headers) else { return Ok(None) };
    Ok(sessions::authenticate(&plane.gate.platform, token, address.0).await?)
}

fn check_sender(request: &Request) -> Result<(), Problem> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(http::uri::Authority::as_str).or(host);
    edge::csrf::check(request.headers(), authority).map_err(|_| Problem::cross_site())
}

/// The nonce of an answer, put beside the request by the header layer.
pub(crate) fn nonce(request: &Request) -> Option<Nonce> {
    request.extensions().get::<Nonce>().cloned()
}
