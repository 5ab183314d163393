//! Routes that cannot be registered without saying who may use them, what the audit log hears of it, and how much they take.
//!
//! [`Routes`] is the only way to a router. Everything is denied by default: what is not listed here answers 401 to
//! strangers, the known and the unknown alike. [`Routes::table`] is what the tests walk and the role matrix is made of.

use std::collections::BTreeSet;

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use edge::RateClass;
use http::{Extensions, Method};
use identity::{MembershipState, Permission, Role, allows};

use crate::guard::{self, Gate};

/// Bytes that a body may have unless the route says otherwise.
pub const DEFAULT_BODY_BYTES: usize = 64 * 1024;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, and why that is right.
    Public(&'static str),
    /// Members and keys with this permission.
    Permission(Permission),
    /// Every signed-in member and every key.
    Member,
    /// Visitors of a customer's site; the handler checks their token itself, and here is how.
    Visitor(&'static str),
}

impl Access {
    /// Does an active member with this role come in? A permission that no role holds keeps every member out.
    pub fn is_open_to(self, role: Role) -> bool {
        match self {
            Self::Permission(permission) => allows(role, MembershipState::Active, permission),
            Self::Member => true,
            Self::Public(_) | Self::Visitor(_) => false,
        }
    }
}

/// What the audit log hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// The handler commits a [`identity::Change`] with this action.
    Change(&'static str),
    /// Somebody looked; the guard writes it down unless the handler did, with more to say.
    Read(&'static str),
    /// Nothing, and why that is right.
    No(&'static str),
}

/// Whether a route asks again who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUp {
    /// No: being signed in is enough.
    No,
    /// People confirm when they last did so longer ago than [`identity::STEP_UP_SECONDS`]; keys of programs may, too.
    People,
    /// The same, and keys of programs may not do this at all.
    PeopleOnly,
}

/// Whether a session that still lacks its second factor may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early {
    /// No: that is the rule.
    No,
    /// While the account has no second factor yet and one is being set up.
    Enrolling,
    /// While somebody who came by a reset link chooses a new password.
    NewPassword,
    /// Always: where the factor is shown, and the way out.
    Always,
}

/// The declaration of one route.
#[derive(Debug, Clone)]
pub struct RouteRule {
    /// The method; `GET` answers `HEAD` too.
    pub method: Method,
    /// The path with `{variables}`.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// What is written down.
    pub audited: Audited,
    /// Which rate counts.
    pub rate: RateClass,
    /// Bytes that the body may have.
    pub body_bytes: usize,
    /// Set where pages of other sites may send changes, with the reason.
    pub from_other_sites: Option<&'static str>,
    /// The answer holds a secret that is shown once, so it is not kept for repetition.
    pub answers_secret: bool,
    /// Whether people must have confirmed lately who they are.
    pub step_up: StepUp,
    /// Whether it is open to a session that still lacks its second factor.
    pub early: Early,
    /// Set where a test key may come in, with the reason; everywhere else it is refused.
    pub test_keys: Option<&'static str>,
    /// Set where members get through while their organization is sealed, with the reason. Routes for every member are open
    /// in any case: they are about the caller's own session, and what they read of the organization does not open.
    pub while_sealed: Option<&'static str>,
    /// Fields that hold people's own words, or that the handler checks more strictly than any rule could: the firewall scores them
    /// and never refuses for them. A field is a name of the query or of a form, or a path within JSON with `*` for any place of a
    /// list and `**` for everything below. A route that declares nothing has no free text.
    pub free_text: &'static [&'static str],
    /// Set where the firewall does not look at the body, with the reason.
    pub unscreened_body: Option<&'static str>,
}

/// The body limit of the route, beside the request, for the words of a refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub usize);

impl BodyLimit {
    pub(crate) fn of(extensions: &Extensions) -> usize {
        extensions.get::<Self>().map_or(DEFAULT_BODY_BYTES, |limit| limit.0)
    }
}

/// Routes with their declarations.
///
/// A handler without its declaration does not compile:
///
/// ```compile_fail,E0061
/// async fn open_to_all() -> &'static str {
///     "everything"
/// }
/// let routes: web::Routes = web::Routes::new().get("/everything", open_to_all);
/// ```
///
/// with one it does:
///
/// ```
/// use web::{Access, Audited, Routes};
///
/// async fn figures() -> &'static str {
///     "42"
/// }
/// let may = Access::Permission(identity::Permission::AnalyticsRead);
/// let routes: Routes = Routes::new().get("/figures", may, Audited::No("figures of nobody"), figures);
/// assert_eq!(routes.table().len(), 1);
/// ```
pub struct Routes<S = ()> {
    entries: Vec<(RouteRule, MethodRouter<S>)>,
}

impl<S> Default for Routes<S> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reading; answers `HEAD` too.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(Method::GET, path, access, audited, on(MethodFilter::GET, handler))
    }

    /// Making something, or a verb that has no better method.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(Method::POST, path, access, audited, on(MethodFilter::POST, handler))
    }

    /// Replacing.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(Method::PUT, path, access, audited, on(MethodFilter::PUT, handler))
    }

    /// Changing a part.
    #[must_use]
    pub fn patch<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(Method::PATCH, path, access, audited, on(MethodFilter::PATCH, handler))
    }

    /// Taking away.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(Method::DELETE, path, access, audited, on(MethodFilter::DELETE, handler))
    }

    /// What browsers ask before they send something across sites. Only for [`Access::Visitor`] and public resources.
    #[must_use]
    pub fn options<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: H,
    ) -> Self {
        self.add(Method::OPTIONS, path, access, audited, on(MethodFilter::OPTIONS, handler))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        audited: Audited,
        handler: MethodRouter<S>,
    ) -> Self {
        let rate = match access {
            Access::Visitor(_) => RateClass::Visitor,
            _ if edge::csrf::is_unsafe(&method) => RateClass::Write,
            _ => RateClass::Read,
        };
        let body_bytes = if edge::csrf::is_unsafe(&method) { DEFAULT_BODY_BYTES } else { 0 };
        let rule = RouteRule {
            method,
            path,
            access,
            audited,
            rate,
            body_bytes,
            from_other_sites: None,
            answers_secret: false,
            step_up: StepUp::No,
            early: Early::No,
            test_keys: None,
            while_sealed: None,
            free_text: &[],
            unscreened_body: None,
        };
        self.entries.push((rule, handler));
        self
    }

    /// The route added last takes so many bytes.
    #[must_use]
    pub fn body_bytes(self, maximum: usize) -> Self {
        self.last(|rule| rule.body_bytes = maximum)
    }

    /// The route added last counts as this kind of work.
    #[must_use]
    pub fn rate(self, rate: RateClass) -> Self {
        self.last(|rule| rule.rate = rate)
    }

    /// The route added last takes changes that pages of other sites send: say why that does no harm.
    #[must_use]
    pub fn from_other_sites(self, reason: &'static str) -> Self {
        self.last(|rule| rule.from_other_sites = Some(reason))
    }

    /// The route added last is open while the organization is sealed: say why.
    #[must_use]
    pub fn while_sealed(self, reason: &'static str) -> Self {
        self.last(|rule| rule.while_sealed = Some(reason))
    }

    /// The route added last answers with a secret that is shown once.
    #[must_use]
    pub fn answers_secret(self) -> Self {
        self.last(|rule| rule.answers_secret = true)
    }

    /// The route added last does something that a stolen browser must not: people confirm first who they are.
    #[must_use]
    pub fn step_up(self) -> Self {
        self.last(|rule| rule.step_up = StepUp::People)
    }

    /// The same, and no program may do it, whatever its key.
    #[must_use]
    pub fn step_up_people_only(self) -> Self {
        self.last(|rule| rule.step_up = StepUp::PeopleOnly)
    }

    /// The route added last is open to a session that still lacks its second factor.
    #[must_use]
    pub fn before_second_factor(self) -> Self {
        self.last(|rule| rule.early = Early::Always)
    }

    /// The route added last is part of setting up the first second factor of an account.
    #[must_use]
    pub fn while_enrolling(self) -> Self {
        self.last(|rule| rule.early = Early::Enrolling)
    }

    /// The route added last is where somebody who came by a reset link chooses a new password.
    #[must_use]
    pub fn while_choosing_password(self) -> Self {
        self.last(|rule| rule.early = Early::NewPassword)
    }

    /// The route added last takes test keys, too: say why one in the wrong hands does no harm there. Without this a route is
    /// for people and live keys only.
    #[must_use]
    pub fn test_keys(self, reason: &'static str) -> Self {
        self.last(|rule| rule.test_keys = Some(reason))
    }

    /// These fields of the route added last are free text; see [`RouteRule::free_text`].
    #[must_use]
    pub fn free_text(self, fields: &'static [&'static str]) -> Self {
        self.last(|rule| rule.free_text = fields)
    }

    /// The firewall does not look at the body of the route added last: say what does.
    #[must_use]
    pub fn unscreened_body(self, reason: &'static str) -> Self {
        self.last(|rule| rule.unscreened_body = Some(reason))
    }

    fn last(mut self, change: impl FnOnce(&mut RouteRule)) -> Self {
        if let Some((rule, _)) = self.entries.last_mut() {
            change(rule);
        }
        self
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// Gives the handlers their state, so that parts with different states can be merged.
    #[must_use]
    pub fn with_state<T>(self, state: S) -> Routes<T> {
        let supply = |(rule, handler): (RouteRule, MethodRouter<S>)| (rule, handler.with_state(state.clone()));
        Routes { entries: self.entries.into_iter().map(supply).collect() }
    }

    /// Every declaration, in the order of registration.
    pub fn table(&self) -> Vec<RouteRule> {
        self.entries.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// The router behind the guard: authentication, cross-site check, limits, permissions, audit, headers, problems.
    pub fn into_router(self, state: S, gate: &Gate) -> axum::Router {
        let table = self.table();
        let mut router = axum::Router::new();
        for (rule, handler) in self.entries {
            router = router.route(rule.path, guard::behind(handler, gate, rule));
        }
        guard::around(router.with_state(state), gate, &table)
    }
}

/// The table as people read it: one line per route, sorted, for snapshots and the documentation.
pub fn describe(table: &[RouteRule]) -> String {
    let line = |rule: &RouteRule| {
        let access = match rule.access {
            Access::Public(reason) => format!("public ({reason})"),
            Access::Permission(permission) => permission.name(),
            Access::Member => "any member".to_owned(),
            Access::Visitor(reason) => format!("visitor ({reason})"),
        };
        let audited = match rule.audited {
            Audited::Change(action) => format!("change {action}"),
            Audited::Read(action) => format!("read {action}"),
            Audited::No(reason) => format!("not audited ({reason})"),
        };
        let step_up = match rule.step_up {
            StepUp::No => "",
            StepUp::People => "; people confirm",
            StepUp::PeopleOnly => "; people confirm, no keys",
        };
        let early = match rule.early {
            Early::No => "",
            Early::Enrolling => "; while a second factor is set up",
            Early::NewPassword => "; while a new password is chosen",
            Early::Always => "; before the second factor",
        };
        let test_keys = rule.test_keys.map(|reason| format!("; test keys ({reason})")).unwrap_or_default();
        let sealed = if rule.while_sealed.is_some() { "; also while sealed" } else { "" };
        format!(
            "{:<40} {:<7} {access}; {audited}; {:?}; {} bytes{step_up}{early}{test_keys}{sealed}\n",
            rule.path,
            rule.method.as_str(),
            rule.rate,
            rule.body_bytes
        )
    };
    table.iter().map(line).collect::<BTreeSet<_>>().into_iter().collect()
}
