//! Who may do what: four roles, four membership states, one exhaustive `match`.
//!
//! A new role, state or permission does not compile until somebody decides it here, and the whole matrix stands as a
//! text file (`role/matrix.txt`) that people review; a test holds the two together.

use serde::{Deserialize, Serialize};

/// What a person or key is within one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, billing included.
    Owner,
    /// Everything but billing, the keys that seal the organization, the keys of its directory, and by whose word people
    /// sign in.
    Admin,
    /// The daily work: agents, knowledge, conversations, calls, contacts and what they lead to.
    Manager,
    /// Figures only: no names, no words, no recordings.
    Viewer,
}

/// Where a membership stands. Only an active one permits anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipState {
    /// Works here.
    Active,
    /// Asked, has not accepted yet.
    Invited,
    /// Stopped for now.
    Suspended,
    /// Works here no more; kept so that the audit log still has a name to show.
    Left,
}

/// One thing that a route can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name is a noun and read or write; the matrix file is the page about them")]
pub enum Permission {
    AgentRead,
    AgentWrite,
    AgentPublish,
    KnowledgeRead,
    KnowledgeWrite,
    ConversationRead,
    ConversationAnswer,
    CallRead,
    CallPlace,
    RecordingListen,
    TranscriptRead,
    ContactRead,
    ContactWrite,
    LeadRead,
    LeadWrite,
    BookingRead,
    BookingWrite,
    TicketRead,
    TicketWrite,
    NumberRead,
    NumberWrite,
    WidgetRead,
    WidgetWrite,
    KeyRead,
    KeyWrite,
    MemberRead,
    MemberWrite,
    MemberProvision,
    ProvisioningWrite,
    AuditRead,
    AnalyticsRead,
    SettingsRead,
    SettingsWrite,
    SingleSignOnWrite,
    VaultWrite,
    SupportRead,
    SupportWrite,
    BillingRead,
    BillingWrite,
}

/// May a member with this role, in this state, do this?
pub fn allows(role: Role, state: MembershipState, permission: Permission) -> bool {
    match state {
        MembershipState::Active => role.includes(permission),
        MembershipState::Invited | MembershipState::Suspended | MembershipState::Left => false,
    }
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Manager, Self::Viewer];

    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Viewer => "viewer",
        }
    }

    /// What it may do, in a sentence for people; a test holds it against the matrix.
    pub const fn explained(self) -> &'static str {
        match self {
            Self::Owner => "Everything, billing included.",
            Self::Admin => {
                "Everything but billing, the keys that seal the organization, single sign-on and the keys of a directory."
            }
            Self::Manager => {
                "Agents, conversations, calls, contacts and what comes of them; no members, no keys, no settings."
            }
            Self::Viewer => "Figures only: no names, no words, no recordings.",
        }
    }

    /// The role of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// May a holder of this role hand out `other`? Nobody gives away more than they hold themselves.
    pub fn may_grant(self, other: Self) -> bool {
        Permission::ALL.into_iter().all(|permission| self.includes(permission) || !other.includes(permission))
    }

    fn includes(self, permission: Permission) -> bool {
        match self {
            // Provisioning is what a directory's own key does (`KeyRole::Provisioning`); no person and no other key holds it.
            Self::Owner => permission != Permission::MemberProvision,
            Self::Admin => !matches!(
                permission,
                Permission::MemberProvision
                    | Permission::ProvisioningWrite
                    | Permission::BillingRead
                    | Permission::BillingWrite
                    | Permission::VaultWrite
                    | Permission::SingleSignOnWrite
            ),
            Self::Manager => manager_includes(permission),
            Self::Viewer => permission == Permission::AnalyticsRead,
        }
    }
}

fn manager_includes(permission: Permission) -> bool {
    match permission {
        Permission::AgentRead
        | Permission::AgentWrite
        | Permission::AgentPublish
        | Permission::KnowledgeRead
        | Permission::KnowledgeWrite
        | Permission::ConversationRead
        | Permission::ConversationAnswer
        | Permission::CallRead
        | Permission::CallPlace
        | Permission::RecordingListen
        | Permission::TranscriptRead
        | Permission::ContactRead
        | Permission::ContactWrite
        | Permission::LeadRead
        | Permission::LeadWrite
        | Permission::BookingRead
        | Permission::BookingWrite
        | Permission::TicketRead
        | Permission::TicketWrite
        | Permission::NumberRead
        | Permission::AnalyticsRead => true,
        Permission::NumberWrite
        | Permission::WidgetRead
        | Permission::WidgetWrite
        | Permission::KeyRead
        | Permission::KeyWrite
        | Permission::MemberRead
        | Permission::MemberWrite
        | Permission::MemberProvision
        | Permission::ProvisioningWrite
        | Permission::AuditRead
        | Permission::SettingsRead
        | Permission::SettingsWrite
        | Permission::SingleSignOnWrite
        | Permission::VaultWrite
        | Permission::SupportRead
        | Permission::SupportWrite
        | Permission::BillingRead
        | Permission::BillingWrite => false,
    }
}

impl MembershipState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Invited, Self::Suspended, Self::Left];

    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Suspended => "suspended",
            Self::Left => "left",
        }
    }

    /// The state of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl Permission {
    /// Every permission, in the order of the matrix.
    pub const ALL: [Self; 39] = [
        Self::AgentRead,
        Self::AgentWrite,
        Self::AgentPublish,
        Self::KnowledgeRead,
        Self::KnowledgeWrite,
        Self::ConversationRead,
        Self::ConversationAnswer,
        Self::CallRead,
        Self::CallPlace,
        Self::RecordingListen,
        Self::TranscriptRead,
        Self::ContactRead,
        Self::ContactWrite,
        Self::LeadRead,
        Self::LeadWrite,
        Self::BookingRead,
        Self::BookingWrite,
        Self::TicketRead,
        Self::TicketWrite,
        Self::NumberRead,
        Self::NumberWrite,
        Self::WidgetRead,
        Self::WidgetWrite,
        Self::KeyRead,
        Self::KeyWrite,
        Self::MemberRead,
        Self::MemberWrite,
        Self::MemberProvision,
        Self::ProvisioningWrite,
        Self::AuditRead,
        Self::AnalyticsRead,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::SingleSignOnWrite,
        Self::VaultWrite,
        Self::SupportRead,
        Self::SupportWrite,
        Self::BillingRead,
        Self::BillingWrite,
    ];

    /// The name shown in problems, in OpenAPI and in the matrix: `AgentRead`.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The name for command lines, policies and grants: the noun, a dot, the verb, as in `recording.listen`. It never
    /// changes once it is published.
    pub fn dotted(self) -> String {
        let name = self.name();
        let verb = name.rfind(|letter: char| letter.is_ascii_uppercase()).unwrap_or(0);
        let mut text = String::with_capacity(name.len() + 1);
        for (index, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && index > 0 {
                text.push(if index == verb { '.' } else { '_' });
            }
            text.push(letter.to_ascii_lowercase());
        }
        text
    }

    /// The permission of a dotted name.
    pub fn parse(dotted: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.dotted() == dotted)
    }
}

#[cfg(test)]
mod tests;
