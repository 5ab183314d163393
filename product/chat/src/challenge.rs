//! The puzzles that a visitor's browser solves while more conversations begin than usual: issued without storing anything,
//! bound to one widget and one page's origin, and taken once.
//!
//! What was issued is recognised by a keyed hash of the organization; what was used is kept until it would have expired, on
//! whatever node it comes back. Solving is [`edge::challenge`]'s.

use edge::Challenge;
use identity::{Caller, Platform};
use serde::{Deserialize, Serialize};
use storage::Transaction;

use crate::embed_token::{EmbedToken, Refusal};
use crate::store::{self, SPENT_CHALLENGE};
use crate::{Error, Result};

/// Characters of the keyed hash as text.
const MARK_LENGTH: usize = 64;

/// A puzzle as the frame gets it.
#[derive(Debug, Serialize)]
pub struct Issued {
    /// To be brought back as it is.
    pub challenge: String,
    /// Hexadecimal; hashed first.
    pub salt: String,
    /// Hexadecimal; hashed after the salt, before the counter (32 bits, the highest byte first).
    pub nonce: String,
    /// Zero bits that the hash must begin with.
    pub bits: u32,
}

/// A puzzle brought back with its solution.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solution {
    /// The text that was issued.
    pub challenge: String,
    /// What solves it.
    pub counter: u32,
}

/// A fresh puzzle for a visitor of this widget on a page of this origin. Nothing is stored.
pub async fn issue(platform: &Platform, caller: &Caller, token: &EmbedToken, origin: &str) -> Result<Issued> {
    let challenge = Challenge::new(platform.entropy.as_ref(), platform.now());
    let text = challenge.text();
    let mark = mark(platform, caller, token, origin, &text).await?;
    Ok(Issued {
        challenge: format!("{text}.{mark}"),
        salt: hex::encode(challenge.salt),
        nonce: hex::encode(challenge.nonce),
        bits: challenge.bits,
    })
}

/// The keyed hash over everything that the puzzle is bound to.
async fn mark(platform: &Platform, caller: &Caller, token: &EmbedToken, origin: &str, text: &str) -> Result<String> {
    let keyring = caller.keyring(platform).await?;
    let bound = format!("{text}\n{}\n{origin}", token.id.simple());
    Ok(hex::encode(keyring.blind_index(&SPENT_CHALLENGE, "nonce", &bound)?))
}

/// Looks whether the solution is one: issued here, for this widget and origin, in time, and right. Gives the puzzle, which
/// must then be spent.
pub async fn check(
    platform: &Platform,
    caller: &Caller,
    token: &EmbedToken,
    origin: &str,
    solution: &Solution,
) -> Result<Challenge> {
    let (text, presented) = solution.challenge.rsplit_once('.').ok_or(Refusal::Challenge)?;
    let challenge = Challenge::parse(text).filter(|_| presented.len() == MARK_LENGTH).ok_or(Refusal::Challenge)?;
    let mark = mark(platform, caller, token, origin, text).await?;
    let issued_here = identity::token::same(mark.as_bytes(), presented.as_bytes());
    if !issued_here || challenge.has_expired(platform.now()) || !challenge.is_solved_by(solution.counter) {
        return Err(Refusal::Challenge.into());
    }
    Ok(challenge)
}

/// Uses the puzzle up, within the transaction that counts the conversation; a second use is refused.
pub async fn spend(transaction: &mut Transaction, platform: &Platform, challenge: &Challenge) -> Result<()> {
    transaction.execute(&store::CHALLENGES_SWEEP, &[platform.now().into()]).await?;
    let fields = [
        ("id", platform.identifiers.next().into()),
        ("nonce", challenge.nonce.to_vec().into()),
        ("expires_at", challenge.expires_at.into()),
    ];
    match transaction.insert(&SPENT_CHALLENGE, &fields).await {
        Ok(()) => Ok(()),
        Err(storage::Error::Conflict { .. }) => Err(Refusal::Challenge.into()),
        Err(other) => Err(Error::Storage(other)),
    }
}
