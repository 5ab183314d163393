//! What was noticed and somebody must look at: a key that leaked, one person in two places at once.
//!
//! An alert is raised with an entry in the audit log, told to whoever listens ([`Alerts`]), shown until somebody settles
//! it, and kept with who did.

use serde::{Deserialize, Serialize};
use storage::{OrganizationId, Row, Timestamp};
use tokio::sync::broadcast;
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::store::people::{ALERT_SETTLE, ALERTS, ALERTS_OF_USER, ALERTS_OPEN_LIKE, SECURITY_ALERT};
use crate::store::{self};
use crate::{Caller, Error, Permission, Platform, Result};

/// Alerts that a listener may be behind before it misses some.
const CHANNEL_ALERTS: usize = 256;

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One person's sessions were used from far networks with different devices within a short time.
    ConcurrentPlaces,
    /// A key was reported as leaked; it is stopped already.
    KeyLeaked,
}

impl Kind {
    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConcurrentPlaces => "concurrent_places",
            Self::KeyLeaked => "key_leaked",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::ConcurrentPlaces, Self::KeyLeaked].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has looked yet.
    Open,
    /// The person said that it was them.
    Own,
    /// The person's sessions were ended.
    Locked,
    /// Somebody has seen it; nothing was left to do.
    Seen,
}

impl State {
    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Own => "own",
            Self::Locked => "locked",
            Self::Seen => "seen",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Own, Self::Locked, Self::Seen].into_iter().find(|state| state.as_str() == word)
    }
}

/// What more there is to say; sealed, because it may name places of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Facts in the order in which people read them: a word and what belongs to it.
    pub facts: Vec<(String, String)>,
    /// The two places of [`Kind::ConcurrentPlaces`], as their keyed hashes (network, device).
    #[serde(default)]
    pub places: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An alert.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Its row.
    pub id: Uuid,
    /// What was noticed.
    pub kind: Kind,
    /// What it is about: a session, a key.
    pub subject: Uuid,
    /// The person who can say whether it was them.
    pub user: Option<Uuid>,
    /// What more there is to say.
    pub detail: Detail,
    /// When.
    pub raised_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Who settled it.
    pub settled_by: Option<Uuid>,
    /// And when.
    pub settled_at: Option<Timestamp>,
}

/// What a listener hears: enough to look, and nothing personal.
#[derive(Debug, Clone, Copy)]
pub struct Raised {
    /// Whose alert.
    pub organization: OrganizationId,
    /// Its row.
    pub alert: Uuid,
    /// What was noticed.
    pub kind: Kind,
}

/// The channel on which raised alerts are told within this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alerts(broadcast::Sender<Raised>);

impl Default for Alerts {
    fn default() -> Self {
        Self(broadcast::channel(CHANNEL_ALERTS).0)
    }
}

impl Alerts {
    /// Hears every alert that is raised from now on.
    pub fn listen(&self) -> broadcast::Receiver<Raised> {
        self.0.subscribe()
    }
}

/// What is raised.
pub(crate) struct NewAlert {
    pub kind: Kind,
    pub subject: Uuid,
    pub user: Option<Uuid>,
    pub fingerprint: Vec<u8>,
    pub detail: Detail,
}

/// Raises an alert, unless the same is open already; its id when it is new. The caller is who it was noticed at.
pub(crate) async fn raise(platform: &Platform, caller: &Caller, new: NewAlert) -> Result<Option<Uuid>> {
    let keyring = caller.keyring(platform).await?;
    let mut change = caller.change(platform, "alert.raise").await?;
    if !change.query(&ALERTS_OPEN_LIKE, &[new.fingerprint.as_slice().into()]).await?.is_empty() {
        return Ok(None);
    }
    let id = platform.identifiers.next();
    let detail = serde_json::to_vec(&new.detail).unwrap_or_default();
    let fields = [
        ("id", id.into()),
        ("kind", new.kind.as_str().into()),
        ("subject_id", new.subject.into()),
        ("user_id", new.user.into()),
        ("fingerprint", new.fingerprint.into()),
        ("detail", keyring.seal(Field::new(&SECURITY_ALERT, "detail", id), &detail)?.into()),
        ("raised_at", platform.now().into()),
        ("state", State::Open.as_str().into()),
    ];
    change.insert(&SECURITY_ALERT, &fields).await?;
    let raised = Raised { organization: caller.organization(), alert: id, kind: new.kind };
    let alerts = platform.alerts.clone();
    change.on_commit(move || {
        let _nobody_listens = alerts.0.send(raised);
    });
    change.commit("security_alert", Some(id), vec![("kind", new.kind.as_str().to_owned())]).await?;
    Ok(Some(id))
}

/// The alerts that the caller may see, newest first, older than `before`: all of the organization's for those who may read
/// its members, else the caller's own.
pub async fn list(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Alert>> {
    let database = caller.database(platform);
    let rows = if caller.permits(Permission::MemberRead) {
        database.query(&ALERTS, &[before.into(), limit.into()]).await?
    } else if let Some(user) = caller.user() {
        database.query(&ALERTS_OF_USER, &[before.into(), limit.into(), user.into()]).await?
    } else {
        return Ok(Vec::new());
    };
    let keyring = caller.keyring(platform).await?;
    rows.iter().map(|row| read(row, &keyring)).collect()
}

/// One alert that the caller may see.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Alert> {
    let row = caller.database(platform).get(&SECURITY_ALERT, id).await?.ok_or(Error::NotFound)?;
    let alert = read(&row, &caller.keyring(platform).await?)?;
    let own = alert.user.is_some() && alert.user == caller.user();
    if own || caller.permits(Permission::MemberRead) { Ok(alert) } else { Err(Error::NotFound) }
}

/// The open alert about this subject, among the newest `limit`; for work that the house does by itself.
pub async fn of_subject(platform: &Platform, caller: &Caller, subject: Uuid, limit: i64) -> Result<Option<Uuid>> {
    let rows = caller.database(platform).query(&ALERTS, &[Uuid::max().into(), limit.into()]).await?;
    for row in &rows {
        if row.uuid("subject_id")? == subject && row.text("state")? == State::Open.as_str() {
            return Ok(Some(row.uuid("id")?));
        }
    }
    Ok(None)
}

/// Marks an alert as seen that the house itself has raised to see whether it is raised.
pub async fn settle_by_machine(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let mut change = caller.change(platform, "alert.settle").await?;
    settle(&mut change, id, State::Seen, None).await?;
    change.commit("security_alert", Some(id), vec![("as", State::Seen.as_str().to_owned())]).await
}

/// Marks an open alert as settled within a change; false when somebody was quicker.
pub(crate) async fn settle(change: &mut crate::Change, id: Uuid, state: State, by: Option<Uuid>) -> Result<bool> {
    let now = change.platform().now();
    let arguments = [id.into(), state.as_str().into(), by.into(), now.into()];
    Ok(change.execute(&ALERT_SETTLE, &arguments).await? == 1)
}

/// Somebody has looked at an alert about which nothing is left to do.
pub async fn mark_seen(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let alert = get(platform, caller, id).await?;
    if !caller.permits(Permission::MemberWrite) {
        return Err(Error::NotFound);
    }
    if alert.kind == Kind::ConcurrentPlaces {
        return Err(Error::Conflict("somebody must say whether it was them, or lock the account"));
    }
    let mut change = caller.change(platform, "alert.settle").await?;
    if !settle(&mut change, id, State::Seen, caller.user()).await? {
        return Err(Error::Conflict("this alert is settled already"));
    }
    change.commit("security_alert", Some(id), vec![("as", State::Seen.as_str().to_owned())]).await
}

fn read(row: &Row, keyring: &Keyring) -> Result<Alert> {
    let id = row.uuid("id")?;
    let detail = keyring.open(Field::new(&SECURITY_ALERT, "detail", id), &row.bytes("detail")?)?;
    Ok(Alert {
        id,
        kind: store::word(row, "kind", Kind::parse)?,
        subject: row.uuid("subject_id")?,
        user: row.optional_uuid("user_id")?,
        detail: serde_json::from_slice(&detail).unwrap_or_default(),
        raised_at: row.timestamp("raised_at")?,
        state: store::word(row, "state", State::parse)?,
        settled_by: row.optional_uuid("settled_by")?,
        settled_at: row.optional_timestamp("settled_at")?,
    })
}
