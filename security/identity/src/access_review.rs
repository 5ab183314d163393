//! The review of access: every quarter somebody goes through who and what is let in, and says of each line whether it
//! stays.
//!
//! A review is the list as it stood when it was started. Each line is signed off with who and when; "remove" takes effect in
//! the same transaction. With the last line the review is complete, and the organization's next one is due after
//! [`DUE_DAYS`].

use serde::{Deserialize, Serialize};
use storage::{Row, Timestamp};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::api_key;
use crate::member::{self, leaving};
use crate::store::review::{
    ACCESS_REVIEW, ACCESS_REVIEW_ITEM, ORGANIZATION_REVIEWED, REVIEW_COMPLETE, REVIEW_ITEM_DECIDE, REVIEW_ITEMS,
    REVIEW_OPEN, REVIEW_UNDECIDED, REVIEWS, REVIEWS_OVERDUE,
};
use crate::store::{self, KEY_REVOKE, ORGANIZATION, ORGANIZATION_LOCK};
use crate::{Caller, Change, Error, MembershipState, Platform, Result, sign_in, support};

pub mod export;

/// A review is due so many days after the one before, or after the organization was founded.
pub const DUE_DAYS: i64 = 92;
/// Lines of one review.
pub const MAXIMUM_ITEMS: usize = 2000;
const SECONDS_PER_DAY: i64 = 86_400;
const MEMBER: &str = "member";
const KEY: &str = "key";
const SUPPORT_GRANT: &str = "support_grant";

/// A review.
#[derive(Debug, Clone)]
pub struct Review {
    /// Its row.
    pub id: Uuid,
    /// Who began it.
    pub started_by: Option<Uuid>,
    /// When; the lines stand as they were then.
    pub started_at: Timestamp,
    /// Who signed the last line off.
    pub completed_by: Option<Uuid>,
    /// When that was.
    pub completed_at: Option<Timestamp>,
}

/// What a line says. Times are seconds since 1970.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The person's, key's or widget's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// What they or it may do.
    pub role: Option<String>,
    /// Where it stands: `active`, `suspended`, `works` …
    pub state: Option<String>,
    /// Does the person use a second factor? None where that is not known.
    pub second_factor: Option<bool>,
    /// Since when it is there.
    pub created_at: Option<i64>,
    /// When it was used last.
    pub used_at: Option<i64>,
    /// When it ends by itself.
    pub expires_at: Option<i64>,
}

storage::debug_shows!(struct Facts { role, state, second_factor });

/// What was decided about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It stays.
    Keep,
    /// It was ended.
    Remove,
}

impl Decision {
    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Keep, Self::Remove].into_iter().find(|decision| decision.as_str() == word)
    }
}

/// A line of a review.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its row.
    pub id: Uuid,
    /// `member`, `key`, or what the parts above have.
    pub kind: String,
    /// The membership, key or widget.
    pub subject: Uuid,
    /// The person whom it is about or who answers for it.
    pub user: Option<Uuid>,
    /// What the line says.
    pub facts: Facts,
    /// What was decided.
    pub decision: Option<Decision>,
    /// By whom.
    pub decided_by: Option<Uuid>,
    /// And when.
    pub decided_at: Option<Timestamp>,
}

/// Where an organization stands with its reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When the last one was completed.
    pub reviewed_at: Option<Timestamp>,
    /// When the next one must be.
    pub due_at: Timestamp,
    /// Is that over?
    pub is_overdue: bool,
    /// A review that was begun and is not complete.
    pub open: Option<Uuid>,
}

/// Where the caller's organization stands with its reviews.
pub async fn standing(platform: &Platform, caller: &Caller) -> Result<Standing> {
    let row = platform.database.installation().get(&ORGANIZATION, caller.organization().0).await?;
    let row = row.ok_or(Error::NotFound)?;
    let reviewed_at = row.optional_timestamp("reviewed_at")?;
    let due_at = reviewed_at.unwrap_or(row.timestamp("created_at")?).plus_seconds(DUE_DAYS * SECONDS_PER_DAY);
    let open = caller.database(platform).query(&REVIEW_OPEN, &[]).await?;
    let open = open.first().map(|row| row.uuid("id")).transpose()?;
    Ok(Standing { reviewed_at, due_at, is_overdue: platform.now() >= due_at, open })
}

/// How many businesses there are on this installation, and how many of them are overdue with their review.
pub async fn overdue(platform: &Platform) -> Result<(i64, i64)> {
    let founded_by = platform.now().plus_seconds(-DUE_DAYS * SECONDS_PER_DAY);
    let rows = platform.database.installation().query(&REVIEWS_OVERDUE, &[founded_by.into()]).await?;
    let row = rows.first().ok_or(Error::NotFound)?;
    Ok((row.integer("organizations")?, row.integer("overdue")?))
}

/// Begins a review: writes down everybody and everything that is let in. One at a time.
pub async fn start(platform: &Platform, caller: &Caller) -> Result<Review> {
    let mut lines = members(platform, caller).await?;
    lines.extend(keys(platform, caller).await?);
    lines.extend(grants(platform, caller).await?);
    lines.extend(belongings(platform, caller).await?);
    if lines.len() > MAXIMUM_ITEMS {
        return Err(Error::Conflict(
            "there are more than 2000 lines: end keys and memberships that nobody needs first",
        ));
    }
    let keyring = caller.keyring(platform).await?;
    let (id, now) = (platform.identifiers.next(), platform.now());
    let mut change = caller.change(platform, "access_review.start").await?;
    change.query(&ORGANIZATION_LOCK, &[caller.organization().into()]).await?;
    if !change.query(&REVIEW_OPEN, &[]).await?.is_empty() {
        return Err(Error::Conflict("a review is going on already: finish it first"));
    }
    let fields = [("id", id.into()), ("started_by", caller.user().into()), ("started_at", now.into())];
    change.insert(&ACCESS_REVIEW, &fields).await?;
    for line in &lines {
        let item = platform.identifiers.next();
        let facts = serde_json::to_vec(&line.facts).unwrap_or_default();
        let fields = [
            ("id", item.into()),
            ("access_review_id", id.into()),
            ("kind", line.kind.into()),
            ("subject_id", line.subject.into()),
            ("user_id", line.user.into()),
            ("facts", keyring.seal(Field::new(&ACCESS_REVIEW_ITEM, "facts", item), &facts)?.into()),
        ];
        change.insert(&ACCESS_REVIEW_ITEM, &fields).await?;
    }
    change.commit("access_review", Some(id), vec![("lines", lines.len().to_string())]).await?;
    Ok(Review { id, started_by: caller.user(), started_at: now, completed_by: None, completed_at: None })
}

/// The reviews, newest first, older than `before`; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Review>> {
    let rows = caller.database(platform).query(&REVIEWS, &[before.into(), limit.into()]).await?;
    rows.iter().map(read).collect()
}

/// One review with its lines.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<(Review, Vec<Item>)> {
    let database = caller.database(platform);
    let row = database.get(&ACCESS_REVIEW, id).await?.ok_or(Error::NotFound)?;
    let rows = database.query(&REVIEW_ITEMS, &[id.into(), (MAXIMUM_ITEMS as i64).into()]).await?;
    let keyring = caller.keyring(platform).await?;
    Ok((read(&row)?, rows.iter().map(|row| read_item(row, &keyring)).collect::<Result<_>>()?))
}

/// Signs a line off. "Remove" ends the membership, key or widget at once; with the last line the review is complete.
pub async fn decide(platform: &Platform, caller: &Caller, id: Uuid, item: Uuid, decision: Decision) -> Result<Review> {
    let (review, items) = get(platform, caller, id).await?;
    let item = items.into_iter().find(|line| line.id == item).ok_or(Error::NotFound)?;
    if review.completed_at.is_some() {
        return Err(Error::Conflict("this review is complete: begin another one"));
    }
    let now = platform.now();
    let mut change = caller.change(platform, "access_review.decide").await?;
    change.query(&ORGANIZATION_LOCK, &[caller.organization().into()]).await?;
    let row = change.get(&ACCESS_REVIEW_ITEM, item.id).await?.ok_or(Error::NotFound)?;
    match (row.optional_text("decision")?.as_deref().and_then(Decision::parse), decision) {
        (Some(Decision::Remove), _) => return Err(Error::Conflict("this line was removed already")),
        (_, Decision::Remove) => remove(&mut change, caller, &item).await?,
        (_, Decision::Keep) => {}
    }
    let signed = [id.into(), item.id.into(), decision.as_str().into(), caller.user().into(), now.into()];
    change.execute(&REVIEW_ITEM_DECIDE, &signed).await?;
    let left = change.query(&REVIEW_UNDECIDED, &[id.into()]).await?;
    let left = left.first().map_or(Ok(0), |row| row.integer("items"))?;
    if left == 0 {
        change.execute(&REVIEW_COMPLETE, &[id.into(), caller.user().into(), now.into()]).await?;
        change.execute(&ORGANIZATION_REVIEWED, &[caller.organization().into(), now.into()]).await?;
    }
    let facts = vec![
        ("decision", decision.as_str().to_owned()),
        ("kind", item.kind.clone()),
        ("subject", item.subject.to_string()),
        ("left", left.to_string()),
    ];
    change.commit("access_review", Some(id), facts).await?;
    let row = caller.database(platform).get(&ACCESS_REVIEW, id).await?.ok_or(Error::NotFound)?;
    read(&row)
}

/// Ends what a line is about, within the change that signs it off. What ended meanwhile by itself is no error.
async fn remove(change: &mut Change, caller: &Caller, item: &Item) -> Result<()> {
    let now = change.platform().now();
    match item.kind.as_str() {
        MEMBER => match leaving::remove_within(change, caller, item.subject).await {
            Err(Error::NotFound) => Ok(()),
            other => other.map(drop),
        },
        KEY => {
            let key = [caller.organization().into(), item.subject.into(), now.into()];
            change.execute(&KEY_REVOKE, &key).await?;
            Ok(())
        }
        SUPPORT_GRANT => support::revoke_within(change, caller, item.subject).await.map(drop),
        other => {
            let belonging = change.platform().belongings.iter().find(|belonging| belonging.kind == other);
            let belonging = belonging.ok_or(Error::Conflict("this version does not know what this line is about"))?;
            change.execute(belonging.revoke, &[item.subject.into(), now.into()]).await?;
            Ok(())
        }
    }
}

struct Line {
    kind: &'static str,
    subject: Uuid,
    user: Option<Uuid>,
    facts: Facts,
}

async fn members(platform: &Platform, caller: &Caller) -> Result<Vec<Line>> {
    let members = member::list(platform, caller, None, MAXIMUM_ITEMS as i64 + 1).await?;
    let mut lines = Vec::new();
    for member in members.into_iter().filter(|member| member.state != MembershipState::Left) {
        let facts = Facts {
            name: member.name,
            email: Some(member.email),
            role: Some(member.role.as_str().to_owned()),
            state: Some(member.state.as_str().to_owned()),
            second_factor: Some(sign_in::has_second_factor(platform, member.user).await?),
            created_at: Some(member.created_at.seconds()),
            used_at: member.seen_at.map(Timestamp::seconds),
            expires_at: None,
        };
        lines.push(Line { kind: MEMBER, subject: member.id, user: Some(member.user), facts });
    }
    Ok(lines)
}

async fn keys(platform: &Platform, caller: &Caller) -> Result<Vec<Line>> {
    let now = platform.now();
    let keys = api_key::list(platform, caller, None, MAXIMUM_ITEMS as i64 + 1).await?;
    let line = |key: api_key::ApiKey| Line {
        kind: KEY,
        subject: key.id,
        user: key.created_by,
        facts: Facts {
            role: Some(format!("{} ({})", key.role.as_str(), key.environment.as_str())),
            state: Some(key.state(now).as_str().to_owned()),
            created_at: Some(key.created_at.seconds()),
            used_at: key.used_at.map(Timestamp::seconds),
            expires_at: key.expires_at.map(Timestamp::seconds),
            name: key.name,
            ..Facts::default()
        },
    };
    Ok(keys.into_iter().filter(|key| key.state(now).works()).map(line).collect())
}

/// What whoever runs the installation may look at now.
async fn grants(platform: &Platform, caller: &Caller) -> Result<Vec<Line>> {
    let now = platform.now();
    let grants = support::list(platform, caller, None, MAXIMUM_ITEMS as i64 + 1).await?;
    let open = grants.into_iter().filter(|grant| grant.revoked_at.is_none() && grant.expires_at > now);
    let line = |grant: support::Grant| Line {
        kind: SUPPORT_GRANT,
        subject: grant.id,
        user: grant.granted_by,
        facts: Facts {
            name: grant.reason,
            created_at: Some(grant.created_at.seconds()),
            expires_at: Some(grant.expires_at.seconds()),
            ..Facts::default()
        },
    };
    Ok(open.map(line).collect())
}

async fn belongings(platform: &Platform, caller: &Caller) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for belonging in platform.belongings {
        let arguments = [platform.now().into(), (MAXIMUM_ITEMS as i64 + 1).into()];
        let keyring = caller.keyring(platform).await?;
        for row in caller.database(platform).query(belonging.listed, &arguments).await? {
            let subject = row.uuid("id")?;
            let name = keyring.open_text(Field::new(belonging.table, "name", subject), &row.bytes("name")?)?;
            let created_at = Some(row.timestamp("created_at")?.seconds());
            let facts = Facts { name, created_at, ..Facts::default() };
            lines.push(Line { kind: belonging.kind, subject, user: row.optional_uuid("created_by")?, facts });
        }
    }
    Ok(lines)
}

fn read(row: &Row) -> Result<Review> {
    Ok(Review {
        id: row.uuid("id")?,
        started_by: row.optional_uuid("started_by")?,
        started_at: row.timestamp("started_at")?,
        completed_by: row.optional_uuid("completed_by")?,
        completed_at: row.optional_timestamp("completed_at")?,
    })
}

fn read_item(row: &Row, keyring: &Keyring) -> Result<Item> {
    let id = row.uuid("id")?;
    let facts = keyring.open(Field::new(&ACCESS_REVIEW_ITEM, "facts", id), &row.bytes("facts")?)?;
    let decision = row.optional_text("decision")?;
    let decision = decision.map(|word| Decision::parse(&word).ok_or_else(|| store::unknown_word("decision")));
    Ok(Item {
        id,
        kind: row.text("kind")?,
        subject: row.uuid("subject_id")?,
        user: row.optional_uuid("user_id")?,
        facts: serde_json::from_slice(&facts).unwrap_or_default(),
        decision: decision.transpose()?,
        decided_by: row.optional_uuid("decided_by")?,
        decided_at: row.optional_timestamp("decided_at")?,
    })
}
