//! An organization's audit log as people and programs read it: each entry is worded once, for the page and for the API.
//!
//! Nothing of an entry that was changed afterwards is told: what stands there may be anybody's words.

pub mod api;
pub mod pages;

use audit::entry::{RecordedActor, RecordedObject};
use audit::{ActorKind, InclusionProof, Outcome, StoredEntry};
use identity::{Caller, Permission, Platform};
use storage::Timestamp;
use web::Problem;
use web::routes::{Access, Audited};

/// Who may read it, by page or by program.
const MAY_READ: Access = Access::Permission(Permission::AuditRead);
/// What the log hears when somebody reads it.
const LISTED: Audited = Audited::Read("audit.list");
/// What it hears when somebody takes a proof away.
const PROVEN: Audited = Audited::Read("audit.proof");

/// An entry in words.
#[derive(PartialEq, Eq)]
struct Told {
    at: Timestamp,
    /// "A person".
    who: &'static str,
    actor: RecordedActor,
    action: String,
    object: RecordedObject,
    outcome: Outcome,
    facts: Vec<(String, String)>,
    /// The exact text that its leaf holds.
    record: String,
}

storage::debug_shows!(struct Told { at, action, outcome });

impl Told {
    /// What an entry says; none when it was changed after it was written.
    fn of(entry: StoredEntry) -> Option<Self> {
        let record = entry.record.filter(|_| entry.intact)?;
        Some(Self {
            at: Timestamp(record.at),
            who: actor_word(record.actor.kind),
            actor: record.actor,
            action: record.action,
            object: record.object,
            outcome: record.outcome,
            facts: record.facts,
            record: entry.text,
        })
    }
}

const fn actor_word(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::System => "The server",
        ActorKind::User => "A person",
        ActorKind::ApiKey => "A program",
        ActorKind::Visitor => "A visitor",
        ActorKind::PhoneCaller => "A caller",
        ActorKind::Operator => "The operator",
    }
}

/// The proof that this entry is in the log; an entry of somebody else's is one that does not exist.
async fn proof_of(platform: &Platform, caller: &Caller, index: u64) -> Result<InclusionProof, Problem> {
    match platform.audit.inclusion(&caller.database(platform), index, platform.now()).await {
        Ok(proof) => Ok(proof),
        Err(audit::Error::NoEntry) => Err(Problem::not_found()),
        Err(other) => Err(other.into()),
    }
}
