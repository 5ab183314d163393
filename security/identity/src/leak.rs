//! Leaked keys: whoever finds one of ours, anywhere, can hand it in, and it stops at once.
//!
//! The reporter is a stranger. They learn how many texts were read and nothing else: not whether a key was good, whose it
//! was, or whether it was known. (Whoever holds a whole key can try it anyway; this door must only not tell more.) Nobody
//! can stop a key without knowing all of it: its id is not enough, because the hash of the whole text must be the stored one.

use audit::{Actor, ActorKind};
use std::net::IpAddr;
use storage::OrganizationId;
use vault::Field;

use crate::alert::{self, Detail, Kind, NewAlert};
use crate::store::{API_KEY, KEY_BY_ID, KEY_LEAKED, ORGANIZATION_LOCK};
use crate::token::{self, KeyText, pattern};
use crate::{Caller, Error, Platform, Result};

/// Texts in one report.
pub const MAXIMUM_TEXTS: usize = 100;
/// Bytes of all texts of one report.
pub const MAXIMUM_TEXT_BYTES: usize = 256 * 1024;
/// Keys that one report is searched for; a text with more of them is a list, and its finder can send the rest.
pub const MAXIMUM_KEYS: usize = 100;
/// Characters of the place where it was found.
pub const MAXIMUM_SOURCE_LENGTH: usize = 200;

/// A report.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// Texts in which keys may stand.
    pub texts: &'a [String],
    /// Where they were found, in the reporter's words.
    pub source: &'a str,
    /// Where the report came from.
    pub address: Option<IpAddr>,
}

/// Takes a report: every key in it that is one of ours is stopped, the stop is written into its organization's audit log
/// with the source, and an alert is raised there. Says nothing of what was found.
pub async fn report(platform: &Platform, report: &Report<'_>) -> Result<()> {
    let bytes: usize = report.texts.iter().map(String::len).sum();
    if report.texts.len() > MAXIMUM_TEXTS || bytes > MAXIMUM_TEXT_BYTES {
        let reason = format!("Send at most {MAXIMUM_TEXTS} texts of {MAXIMUM_TEXT_BYTES} bytes together.");
        return Err(Error::invalid("texts", reason));
    }
    if report.source.chars().count() > MAXIMUM_SOURCE_LENGTH || report.source.chars().any(char::is_control) {
        let reason = format!("Say where it was found in one line of at most {MAXIMUM_SOURCE_LENGTH} characters.");
        return Err(Error::invalid("source", reason));
    }
    let mut keys: Vec<KeyText> = Vec::new();
    for text in report.texts {
        for key in pattern::find(text, MAXIMUM_KEYS - keys.len()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    for key in &keys {
        stop(platform, key, report).await?;
    }
    Ok(())
}

/// Stops one key if it is ours, whatever state it is in; one that was reported before is left as it is.
async fn stop(platform: &Platform, key: &KeyText, report: &Report<'_>) -> Result<()> {
    let rows = platform.database.installation().query(&KEY_BY_ID, &[key.id.into()]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    if !token::same(&row.bytes("key_hash")?, &key.hash()) {
        return Ok(());
    }
    let organization = OrganizationId(row.uuid("organization_id")?);
    let name = Field::new(&API_KEY, "name", key.id);
    let name = platform.vault.installation_keyring().open_text(name, &row.bytes("name")?)?;
    let finder =
        Caller::for_channel(organization, Actor { kind: ActorKind::System, id: None, address: report.address });
    let mut change = finder.change(platform, "key.leak").await?;
    // A change that this very key is making comes before the stop, or not at all.
    change.query(&ORGANIZATION_LOCK, &[organization.into()]).await?;
    if change.execute(&KEY_LEAKED, &[key.id.into(), platform.now().into()]).await? == 0 {
        return Ok(());
    }
    // The source is a stranger's words: it may name a person, so it goes where it can be erased. While the organization is
    // sealed that cannot be written, and the key must stop all the same.
    let sealed = finder.keyring(platform).await.is_err();
    if sealed {
        return change.commit("api_key", Some(key.id), Vec::new()).await;
    }
    let source = vec![("source", report.source.trim().to_owned())];
    change.commit_with_personal("api_key", Some(key.id), Vec::new(), source).await?;
    let detail = Detail {
        facts: vec![("Key".to_owned(), name), ("Found in".to_owned(), report.source.trim().to_owned())],
        places: Vec::new(),
    };
    let fingerprint = [b"key".as_slice(), key.id.as_bytes()].concat();
    let user = row.optional_uuid("created_by")?;
    let raised = NewAlert { kind: Kind::KeyLeaked, subject: key.id, user, fingerprint, detail };
    alert::raise(platform, &finder, raised).await.map(drop)
}
