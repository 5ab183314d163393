//! Consent: what a person was told, what they answered, and the grant that follows from a yes.
//!
//! A recording tap asks for a [`ConsentGrant`]; there is exactly one maker, [`Consent::write`], which stores the answer in the
//! same transaction and gives a grant only for an explicit yes to the current notice. A grant is no copy: it moves to the
//! tap, and dropping it is the end of it. Silence, noise and "well" are no consent.

use storage::{OrganizationId, Timestamp, Transaction};
use uuid::Uuid;

use crate::Error;

/// What is agreed to. Each purpose is asked and stored by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Record the sound of a call.
    Record,
    /// Write down what was said.
    Transcribe,
    /// Record one message of the caller (voicemail).
    Message,
    /// Let a person listen while the call goes on.
    Monitor,
    /// Use it to make the service better.
    Analyse,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 5] =
        [Purpose::Record, Purpose::Transcribe, Purpose::Message, Purpose::Monitor, Purpose::Analyse];

    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Record => "record",
            Purpose::Transcribe => "transcribe",
            Purpose::Message => "message",
            Purpose::Monitor => "monitor",
            Purpose::Analyse => "analyse",
        }
    }

    /// The notice that must have been given before the question, and its version. A changed text is a new version, and an
    /// old answer does not cover it.
    pub const fn notice(self) -> Notice {
        let (version, text) = match self {
            Purpose::Record => {
                ("record-2026-11-2", "With your consent, we record this call to check later what was agreed.")
            }
            Purpose::Transcribe => ("transcribe-2026-11", "With your consent, what you say is written down."),
            Purpose::Message => ("message-2026-11", "Your message will be recorded."),
            Purpose::Monitor => ("monitor-2026-11", "With your consent, a person of our staff listens to this call."),
            Purpose::Analyse => {
                ("analyse-2026-11", "With your consent, this conversation is used to make our service better.")
            }
        };
        Notice { version, text }
    }
}

/// A notice in its current version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its version: purpose and month, with a number when there was more than one in it.
    pub version: &'static str,
    /// Its words.
    pub text: &'static str,
}

/// How an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A key of the phone.
    Key(char),
    /// Words that were understood as yes or no.
    Words,
    /// A button.
    Button,
    /// No answer at all: never a yes.
    Silence,
}

impl Means {
    /// Its stable name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Means::Key(_) => "key",
            Means::Words => "words",
            Means::Button => "button",
            Means::Silence => "silence",
        }
    }
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// An explicit yes.
    Given,
    /// An explicit no, or anything that is not a yes.
    Refused,
    /// Taken back after it was given.
    Withdrawn,
}

impl Decision {
    /// Its stable name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Decision::Given => "given",
            Decision::Refused => "refused",
            Decision::Withdrawn => "withdrawn",
        }
    }
}

/// One answer, as it is stored: evidence that outlives the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The conversation in which it was given; it covers nothing else.
    pub conversation: Uuid,
    /// What for.
    pub purpose: Purpose,
    /// What was answered.
    pub decision: Decision,
    /// How.
    pub means: Means,
    /// When.
    pub at: Timestamp,
}

/// The right to open one tap for one purpose in one conversation. Not `Clone`, not `Serialize`, no public constructor.
#[derive(Debug, PartialEq, Eq)]
pub struct ConsentGrant {
    organization: OrganizationId,
    conversation: Uuid,
    purpose: Purpose,
    notice_version: &'static str,
    given_at: Timestamp,
}

impl ConsentGrant {
    /// Whose conversation.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Which conversation.
    pub fn conversation(&self) -> Uuid {
        self.conversation
    }

    /// For which purpose.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The version of the notice that was agreed to.
    pub fn notice_version(&self) -> &'static str {
        self.notice_version
    }

    /// When it was given.
    pub fn given_at(&self) -> Timestamp {
        self.given_at
    }
}

impl Consent {
    /// Stores the answer in the transaction of its conversation, and gives the grant when it is an explicit yes. The grant
    /// must not be used before that transaction has committed.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be written, [`Error::NoOrganization`] outside of an organization.
    pub async fn write(self, transaction: &mut Transaction, identifier: Uuid) -> Result<Option<ConsentGrant>, Error> {
        let organization = transaction.organization().ok_or(Error::NoOrganization)?;
        crate::store::insert(transaction, identifier, &self).await?;
        Ok(self.grant(organization))
    }

    /// The one place where a grant comes into being.
    fn grant(self, organization: OrganizationId) -> Option<ConsentGrant> {
        (self.decision == Decision::Given && self.explicit()).then(|| ConsentGrant {
            organization,
            conversation: self.conversation,
            purpose: self.purpose,
            notice_version: self.purpose.notice().version,
            given_at: self.at,
        })
    }

    /// On the phone only the key 1 is an explicit yes; every other key is none.
    fn explicit(self) -> bool {
        match self.means {
            Means::Key(key) => key == '1',
            Means::Words | Means::Button => true,
            Means::Silence => false,
        }
    }
}

#[cfg(test)]
mod tests;
