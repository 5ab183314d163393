//! What stands before every handler: who asks, from where, how often, and may they.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use edge::headers::{HeaderPolicy, Private, ViolationReports};
use edge::{Allowance, Attempts, ClientAddress, Firewall, FirewallMode, Limits, RateClass, Subject};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use identity::token::OPERATOR_PREFIX;
use identity::{Authenticator, Caller, Credential, Environment, Platform, Presented, notice};
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use crate::allowlist;
use crate::cookie::SessionCookie;
use crate::form_token::FormToken;
use crate::idempotency;
use crate::page::Unread;
use crate::present;
use crate::problem::Problem;
use crate::routes::{Access, Audited, BodyLimit, RouteRule};
use crate::shell::AccountNotice;

mod assurance;
mod attempts;
mod drain;
mod probe_mark;
mod screen;

pub use probe_mark::{PROBE_HEADER, ProbeMark};

/// The action under which refusals stand in the audit log.
const REFUSED: &str = "access.refuse";

/// What the guard needs: credentials' judge, buckets, and how browsers reach us. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    /// What everything stands on.
    pub platform: Platform,
    /// How often.
    pub limits: Limits,
    /// How often at one account, on all nodes together.
    pub attempts: Attempts,
    /// How browsers reach us.
    pub cookie: SessionCookie,
    /// How many violations of the content policy browsers have reported.
    pub violations: ViolationReports,
    /// What looks at requests before handlers do.
    pub firewall: Firewall,
    /// What the probes of this process say with their requests.
    pub probe_mark: ProbeMark,
    authenticator: Authenticator,
}

impl Gate {
    /// A gate on this platform.
    pub fn new(platform: Platform, limits: Limits, cookie: SessionCookie) -> Self {
        let authenticator = Authenticator::new(platform.clone());
        let probe_mark = ProbeMark::generate(platform.entropy.as_ref());
        let (identifiers, clock) = (platform.identifiers.clone(), platform.clock.clone());
        let attempts = Attempts::new(&platform.database, identifiers, clock, limits.rate(RateClass::SignIn));
        Self {
            platform,
            limits,
            attempts,
            cookie,
            violations: ViolationReports::default(),
            firewall: Firewall::core(FirewallMode::Block),
            probe_mark,
            authenticator,
        }
    }

    /// The same behind another firewall.
    #[must_use]
    pub fn with_firewall(self, firewall: Firewall) -> Self {
        Self { firewall, ..self }
    }

    /// The judge of credentials, for streams that must look again.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    async fn authenticate(&self, request: &Parts) -> Result<Option<Caller>, Problem> {
        let headers = &request.headers;
        let address = ClientAddress::of(&request.extensions).0;
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let presented = match bearer(headers) {
            Bearer::Key(key) => Presented { bearer: Some(key), session: None, address, agent },
            Bearer::Unreadable => return Ok(None),
            Bearer::None => Presented { bearer: None, session: self.cookie.find(headers), address, agent },
        };
        Ok(self.authenticator.authenticate(presented).await?)
    }

    /// Does somebody show an operator's session where organizations' credentials are asked for? By its shape alone: it is
    /// looked up nowhere here, so it cannot open anything by mistake.
    fn shows_operator(&self, request: &Parts) -> bool {
        let shown = match bearer(&request.headers) {
            Bearer::Key(key) => Some(key),
            Bearer::Unreadable => None,
            Bearer::None => self.cookie.find(&request.headers),
        };
        shown.is_some_and(|text| text.starts_with(OPERATOR_PREFIX))
    }
}

enum Bearer<'a> {
    None,
    Key(&'a str),
    /// Somebody tried: a cookie beside it does not make it good.
    Unreadable,
}

fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Bearer::None };
    if values.next().is_some() {
        return Bearer::Unreadable;
    }
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Bearer::Key(key.trim()),
        _ => Bearer::Unreadable,
    }
}

/// One route with its rule.
#[derive(Clone)]
struct Guard {
    gate: Gate,
    rule: Arc<RouteRule>,
}

/// Puts a handler behind its rule.
pub(crate) fn behind<S: Clone + Send + Sync + 'static>(
    handler: MethodRouter<S>,
    gate: &Gate,
    rule: RouteRule,
) -> MethodRouter<S> {
    handler.route_layer(from_fn_with_state(Guard { gate: gate.clone(), rule: Arc::new(rule) }, guarded))
}

async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (caller, allowance) = match guard.admit(&parts).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            // The refusal goes out at once; what still comes in is taken beside it.
            tokio::spawn(drain::drain(body));
            return refused;
        }
    };
    let mut request = Request::from_parts(parts, body);
    if let Some(caller) = &caller {
        request.extensions_mut().insert(caller.clone());
        request = match guard.check_form(caller, request).await {
            Ok(checked) => checked,
            Err(problem) => return problem.into_response(),
        };
    }
    if let Some((looking, unread)) = guard.beside_a_page(caller.as_ref()).await {
        request.extensions_mut().insert(looking);
        request.extensions_mut().insert(unread);
    }
    request = match guard.screen(caller.as_ref(), request).await {
        Ok(screened) => screened,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(BodyLimit(guard.rule.body_bytes));
    DefaultBodyLimit::max(guard.rule.body_bytes).apply(&mut request);
    let mut response = match guard.key_of(&request) {
        Ok(key) => guard.run(key, caller.as_ref(), request, next).await,
        Err(problem) => problem.into_response(),
    };
    if caller.is_some() {
        response.extensions_mut().insert(Private);
    } else {
        response = neutral(response);
    }
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

/// Who is no member of an organization does not learn what it does with its keys: to visitors of a sealed one, nobody answers.
fn neutral(response: Response) -> Response {
    let is_sealed = response.extensions().get::<Problem>().is_some_and(Problem::is_organization_sealed);
    if is_sealed { Problem::nobody_answers().into_response() } else { response }
}

/// The operators who look into the organization at this moment, beside the request of a page.
#[derive(Debug, Clone)]
pub(crate) struct Looking(pub Vec<String>);

type Admitted = (Option<Caller>, Option<Allowance>);

impl Guard {
    /// Everything that is asked before the handler runs; the order matters: strangers learn nothing, not even limits.
    async fn admit(&self, request: &Parts) -> Result<Admitted, Response> {
        let rule = &self.rule;
        let caller = match rule.access {
            Access::Visitor(_) => None,
            _ => self.gate.authenticate(request).await.map_err(Problem::into_response)?,
        };
        // On public pages, a session that still lacks its second factor is nobody.
        let is_early = |caller: &Caller| assurance::is_too_early(rule.early, caller);
        let caller = caller.filter(|caller| !(matches!(rule.access, Access::Public(_)) && is_early(caller)));
        let needs_caller = matches!(rule.access, Access::Permission(_) | Access::Member);
        if needs_caller && caller.is_none() {
            let known =
                if self.gate.shows_operator(request) { Problem::operator_apart() } else { Problem::unauthorized() };
            return Err(known.into_response());
        }
        self.check_sender(request, caller.as_ref()).map_err(Problem::into_response)?;
        if let Some(outstanding) = caller.as_ref().filter(|caller| is_early(caller)).and_then(Caller::outstanding) {
            return Err(assurance::lacking(outstanding, request));
        }
        let allowance = self.check_rate(request, caller.as_ref());
        if let Some(refused) = allowance.filter(|allowance| !allowance.is_granted()) {
            return Err(too_many(&refused));
        }
        if let Some(caller) = &caller {
            if needs_caller {
                self.check_network(caller).await.map_err(Problem::into_response)?;
            }
            self.check_permission(request, caller).await.map_err(Problem::into_response)?;
            self.check_seal(caller).await.map_err(Problem::into_response)?;
        }
        if let Some(caller) = &caller
            && let Some(refusal) = assurance::unconfirmed(rule.step_up, caller, self.gate.platform.now(), request)
        {
            return Err(refusal);
        }
        let declared = request.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if declared.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > rule.body_bytes as u64)
        {
            return Err(Problem::too_large(rule.body_bytes).into_response());
        }
        Ok((caller, allowance))
    }

    /// Nothing of a sealed organization is given out, whether its keys are needed for it or not.
    async fn check_seal(&self, caller: &Caller) -> Result<(), Problem> {
        if self.rule.while_sealed.is_some() || !matches!(self.rule.access, Access::Permission(_)) {
            return Ok(());
        }
        match self.gate.platform.vault.sealed_since(caller.organization()).await? {
            Some(_) => Err(Problem::organization_sealed()),
            None => Ok(()),
        }
    }

    /// Whether this caller may use this route at all. Support comes in only by a permission, and only as far as the
    /// organization granted: what is open to every member is not open to it.
    async fn check_permission(&self, request: &Parts, caller: &Caller) -> Result<(), Problem> {
        let (reason, problem) = match (self.rule.access, caller.support()) {
            (Access::Permission(permission), _) if !caller.permits(permission) => {
                (permission.name(), Problem::forbidden(permission.name()))
            }
            (Access::Permission(_), Some(scope)) if !scope.covers(&objects(&self.rule, request.uri.path())) => {
                ("beyond the objects granted".to_owned(), Problem::support_scope())
            }
            (Access::Member, Some(_)) => ("for members".to_owned(), Problem::support_scope()),
            (Access::Member, None) if caller.provisions() => {
                ("the key of a directory".to_owned(), Problem::directory_key())
            }
            (Access::Permission(_) | Access::Member, None)
                if caller.environment() == Environment::Test && self.rule.test_keys.is_none() =>
            {
                ("test key".to_owned(), Problem::test_key())
            }
            _ => return Ok(()),
        };
        self.note_refusal(caller, reason).await;
        Err(problem)
    }

    /// Refuses whoever comes from a network that the organization did not list. The reason is told: the credential is good.
    async fn check_network(&self, caller: &Caller) -> Result<(), Problem> {
        let lists = allowlist::read(&self.gate.platform, caller.organization()).await?;
        if lists.permit(caller) {
            return Ok(());
        }
        self.note_refusal(caller, "an address that is not in the allowlist".to_owned()).await;
        Err(Problem::address_refused(caller.address()))
    }

    async fn note_refusal(&self, caller: &Caller, reason: String) {
        if let Err(error) = caller.note_refusal(&self.gate.platform, REFUSED, reason).await {
            tracing::error!(%error, "a refusal could not be written down");
        }
    }

    /// Who looks by support access, and what the reader has to acknowledge, for the pages of the organization's own people; a
    /// page is shown without it rather than not at all.
    async fn beside_a_page(&self, caller: Option<&Caller>) -> Option<(Looking, Unread)> {
        let caller = caller.filter(|caller| matches!(caller.credential(), Credential::Session(_)))?;
        if self.rule.method != Method::GET || self.rule.path.starts_with("/v1/") {
            return None;
        }
        let platform = &self.gate.platform;
        let looking = identity::support::looking(platform, caller.organization()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "it could not be read who looks by support access");
            Vec::new()
        });
        let unread = notice::unread(platform, caller).await.unwrap_or_else(|error| {
            tracing::error!(%error, "it could not be read what a person was not told yet");
            Vec::new()
        });
        let looking = looking.into_iter().map(|one| one.operator_name).collect();
        Some((Looking(looking), Unread(unread.into_iter().map(AccountNotice::from).collect())))
    }

    /// The idempotency key of a request that may have one.
    fn key_of(&self, request: &Request) -> Result<Option<String>, Problem> {
        if self.rule.method == Method::POST { idempotency::key(request.headers()) } else { Ok(None) }
    }

    /// Runs the handler, once for a key.
    async fn run(&self, key: Option<String>, caller: Option<&Caller>, request: Request, next: Next) -> Response {
        let Some(caller) = caller else { return next.run(request).await };
        let guard = self.clone();
        let known = caller.clone();
        let object = objects(&self.rule, request.uri().path()).first().copied();
        let run = move |request| async move {
            let response = next.run(request).await;
            match guard.write_down(&known, response.status(), object).await {
                Ok(()) => response,
                Err(problem) => problem.into_response(),
            }
        };
        match key {
            Some(key) => {
                idempotency::once(self.gate.platform.clone(), caller.clone(), &self.rule, &key, request, run).await
            }
            None => run(request).await,
        }
    }

    /// Hands the session's form token to the handler, and takes nothing that a session changes without it.
    async fn check_form(&self, caller: &Caller, mut request: Request) -> Result<Request, Problem> {
        let Credential::Session(_) = caller.credential() else { return Ok(request) };
        let Some(secret) = self.gate.cookie.find(request.headers()) else { return Err(Problem::unauthorized()) };
        let token = FormToken::of_session(secret);
        request.extensions_mut().insert(token.clone());
        let by_session = matches!(self.rule.access, Access::Permission(_) | Access::Member);
        if by_session && edge::csrf::is_unsafe(request.method()) { token.take(request).await } else { Ok(request) }
    }

    /// Unsafe requests that a browser may have been tricked into.
    fn check_sender(&self, request: &Parts, caller: Option<&Caller>) -> Result<(), Problem> {
        // No browser sends a key by itself, nor a support token in the place of one.
        let by_key = caller.is_some() && !matches!(bearer(&request.headers), Bearer::None);
        let exempt = by_key || matches!(self.rule.access, Access::Visitor(_)) || self.rule.from_other_sites.is_some();
        if exempt || !edge::csrf::is_unsafe(&request.method) {
            return Ok(());
        }
        let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let authority = request.uri.authority().map(http::uri::Authority::as_str).or(host);
        edge::csrf::check(&request.headers, authority).map_err(|refusal| {
            tracing::info!(?refusal, path = self.rule.path, "a request from another site was refused");
            Problem::cross_site()
        })
    }

    /// What the buckets say; nothing where neither a credential nor an address is known (tests without a listener).
    fn check_rate(&self, request: &Parts, caller: Option<&Caller>) -> Option<Allowance> {
        let (class, limits) = (self.rule.rate, &self.gate.limits);
        if let Some(caller) = caller
            && let Credential::ApiKey(id) | Credential::Session(id) | Credential::Support { session: id, .. } =
                caller.credential()
        {
            let own = limits.check(class, Subject::Credential(id));
            // What is refused already takes nothing from the others of the organization.
            if !own.is_granted() {
                return Some(own);
            }
            return Some(own.stricter(limits.check(class, Subject::Organization(caller.organization().0))));
        }
        let address = ClientAddress::of(&request.extensions).0?;
        Some(limits.check_address(class, address))
    }

    /// Sees to it that the audit log heard what the rule promised.
    async fn write_down(&self, caller: &Caller, status: StatusCode, object: Option<Uuid>) -> Result<(), Problem> {
        if !status.is_success() || caller.entries() > 0 {
            return Ok(());
        }
        match self.rule.audited {
            // Support leaves an entry wherever it looks, also where members leave none.
            _ if caller.support().is_some() => {
                Ok(caller.note_look(&self.gate.platform, self.rule.path, object).await?)
            }
            Audited::Read(action) => Ok(caller.note(&self.gate.platform, action, "route", None).await?),
            Audited::Change(action) => {
                // Right where nothing had to change (a second revocation); anything else is a fault of the handler.
                tracing::debug!(action, path = self.rule.path, "a change answered success without an entry");
                Ok(())
            }
            Audited::No(_) => Ok(()),
        }
    }
}

fn too_many(allowance: &Allowance) -> Response {
    let mut response = Problem::too_many_requests(allowance.retry_after_seconds.unwrap_or(1)).into_response();
    allowance.write(response.headers_mut());
    response
}

/// The identifiers in the place of the path's variables. One that is no identifier counts as one that nothing has, so that
/// it cannot slip past a scope.
fn objects(rule: &RouteRule, path: &str) -> Vec<Uuid> {
    let variables = rule.path.split('/').zip(path.split('/'));
    let named = variables.filter(|(variable, _)| variable.starts_with('{'));
    named.map(|(_, value)| Uuid::try_parse(value).unwrap_or(Uuid::max())).collect()
}

/// What wraps all routes together: the fallbacks, the network's limit, problems as pages, and the headers outermost.
pub(crate) fn around(router: axum::Router, gate: &Gate, table: &[RouteRule]) -> axum::Router {
    let open = |rule: &&RouteRule| matches!(rule.access, Access::Public(_) | Access::Visitor(_));
    let public: BTreeSet<&'static str> = table.iter().filter(open).map(|rule| rule.path).collect();
    let wrong_method = {
        let (gate, public) = (gate.clone(), Arc::new(public));
        move |request: Request| async move { answer_wrong_method(&gate, &public, &request.into_parts().0).await }
    };
    let nowhere = {
        let gate = gate.clone();
        move |request: Request| async move { answer_nowhere(&gate, &request.into_parts().0).await }
    };
    let policy =
        HeaderPolicy { entropy: Arc::clone(&gate.platform.entropy), over_tls: gate.cookie == SessionCookie::OverTls };
    let router = router.method_not_allowed_fallback(wrong_method).fallback(nowhere);
    // A router around the router: axum adds `Allow` outside of the layers of its own routes, and that must not reach
    // strangers either.
    axum::Router::new()
        .fallback_service(router)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(gate.clone(), by_network))
        .layer(axum::middleware::from_fn(present::problems))
        .layer(from_fn_with_state(policy, edge::headers::secure))
}

/// An address that is not registered: strangers learn only that they are strangers.
async fn answer_nowhere(gate: &Gate, request: &Parts) -> Problem {
    match gate.authenticate(request).await {
        Ok(Some(caller)) if caller.outstanding().is_none() => Problem::not_found(),
        Ok(_) => Problem::unauthorized(),
        Err(problem) => problem,
    }
}

/// A registered address with another method. axum adds `Allow`.
async fn answer_wrong_method(gate: &Gate, public: &BTreeSet<&'static str>, request: &Parts) -> Problem {
    let path = request.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    if path.is_some_and(|path| public.contains(path)) {
        return Problem::method_not_allowed();
    }
    match gate.authenticate(request).await {
        Ok(Some(caller)) if caller.outstanding().is_none() => Problem::method_not_allowed(),
        Ok(_) => Problem::unauthorized(),
        Err(problem) => problem,
    }
}

/// A panic is a fault of ours: the one request fails, as a problem, and the hook has logged where.
fn panicked(_cause: Box<dyn std::any::Any + Send>) -> Response {
    Problem::internal("a handler panicked").into_response()
}

/// Before anybody is known, the network counts.
async fn by_network(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    if let Some(address) = ClientAddress::of(request.extensions()).0 {
        let allowance = gate.limits.check_address(RateClass::Any, address);
        if !allowance.is_granted() {
            return too_many(&allowance);
        }
    }
    next.run(request).await
}
