//! Problems, paging, the page shell and guarded routes: what every page and every API shares.

pub mod account;
pub mod allowlist;
pub mod assets;
pub mod chart;
pub mod chip;
pub mod cookie;
pub mod destination;
pub mod extract;
pub mod form_token;
mod guard;
pub mod idempotency;
pub mod instant;
pub mod live;
pub mod moment;
pub mod openapi;
pub mod page;
pub mod paging;
pub mod phone_number;
mod present;
pub mod problem;
pub mod routes;
pub mod scim;
pub mod shell;
pub mod sign;
pub mod waveform;

pub use cookie::SessionCookie;
use edge::limits::attempts;
pub use edge::{ClientAddress, Nonce};
pub use extract::{Form, Json, Path, Query};
pub use form_token::FormToken;
pub use guard::{Gate, PROBE_HEADER, ProbeMark};
pub use identity::Caller;
pub use page::PageContext;
pub use paging::{Page, PageQuery};
pub use problem::{FieldError, Problem};
pub use routes::{Access, Audited, Early, RouteRule, Routes, StepUp};

/// Every table of web, and of the edge that its gate stands on.
pub const TABLES: &[&storage::Table] = &[&idempotency::IDEMPOTENCY_KEY, &allowlist::NETWORK_RULE, &attempts::ATTEMPT];

/// Every statement of web, and of the edge that its gate stands on.
pub const STATEMENTS: &[&storage::Statement] = &[
    &idempotency::FIND,
    &idempotency::EXPIRE,
    &allowlist::ROW,
    &allowlist::DELETE,
    &attempts::TAKE,
    &attempts::FULL_AT,
    &attempts::SWEEP,
];
