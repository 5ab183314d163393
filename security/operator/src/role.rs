//! What operators may do: four roles, three standings, one exhaustive `match`.
//!
//! An operator runs the installation and works in no organization. This enum holds **no permission on content at all**: no
//! transcript, recording, contact, agent, key or member of an organization has a name here, so no role can be given one.
//! What support looks at, it looks at by an organization's grant ([`identity::support`]), as the caller of that grant.

/// What an operator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperatorRole {
    /// Looks after operators and their training, and stops an organization when that must be. Opens nothing.
    Administrator,
    /// Looks after the machine: health, figures, incidents.
    Engineer,
    /// Helps organizations, where one of them grants access.
    Support,
    /// Sees what operators do, and changes nothing.
    Auditor,
}

/// One thing that a page of the operator plane can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name is a noun and read or a verb; the matrix file is the page about them")]
pub enum OperatorPermission {
    InstallationRead,
    IncidentRead,
    LogRead,
    OrganizationRead,
    OrganizationSuspend,
    GrantRead,
    GrantUse,
    OperatorRead,
    OperatorSuspend,
    TrainingRead,
    TrainingAttest,
}

/// How an operator stands at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Active, and trained.
    Good,
    /// The training is missing or over: the role is suspended until it is attested again.
    Untrained,
    /// Stopped by an administrator.
    Suspended,
}

/// May an operator with this role, standing so, do this?
pub fn allows(role: OperatorRole, standing: Standing, permission: OperatorPermission) -> bool {
    match standing {
        Standing::Good => role.includes(permission),
        Standing::Untrained | Standing::Suspended => false,
    }
}

impl OperatorRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Engineer, Self::Support, Self::Auditor];

    /// The word stored and typed at the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Engineer => "engineer",
            Self::Support => "support",
            Self::Auditor => "auditor",
        }
    }

    /// The role of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whoever looks after operators opens no support session, and who opens one cannot keep their own training alive.
    fn includes(self, permission: OperatorPermission) -> bool {
        use OperatorPermission::{
            GrantRead, GrantUse, IncidentRead, InstallationRead, LogRead, OperatorRead, OperatorSuspend,
            OrganizationRead, OrganizationSuspend, TrainingAttest, TrainingRead,
        };
        match permission {
            InstallationRead | IncidentRead => matches!(self, Self::Administrator | Self::Engineer | Self::Auditor),
            // It says what operators did: for those who look after them.
            LogRead => matches!(self, Self::Administrator | Self::Auditor),
            OrganizationRead | GrantRead => true,
            OrganizationSuspend | OperatorSuspend | TrainingAttest => matches!(self, Self::Administrator),
            GrantUse => matches!(self, Self::Support),
            OperatorRead | TrainingRead => matches!(self, Self::Administrator | Self::Auditor),
        }
    }
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Good, Self::Untrained, Self::Suspended];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Untrained => "untrained",
            Self::Suspended => "suspended",
        }
    }
}

impl OperatorPermission {
    /// Every permission, in the order of the matrix.
    pub const ALL: [Self; 11] = [
        Self::InstallationRead,
        Self::IncidentRead,
        Self::LogRead,
        Self::OrganizationRead,
        Self::OrganizationSuspend,
        Self::GrantRead,
        Self::GrantUse,
        Self::OperatorRead,
        Self::OperatorSuspend,
        Self::TrainingRead,
        Self::TrainingAttest,
    ];

    /// The name shown in refusals and in the matrix.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

#[cfg(test)]
mod tests;
