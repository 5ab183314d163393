//! Who we are to a trunk, and where its password is read from at the moment it is asked for.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;

/// Name and password for a trunk that asks for them.
#[derive(Clone)]
pub struct Credentials {
    /// Who we are there.
    pub user: String,
    /// The secret; never shown.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(hidden)")
    }
}

/// Why there is no password at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPassword {
    /// The organization that keeps it is sealed.
    Sealed,
    /// The organization keeps no secret of this name.
    Missing,
    /// Which organization keeps it cannot be told: there is none yet, there are several, or not the one that is named.
    WhoseUnknown,
    /// It could not be read; it is tried again.
    Unreadable,
}

impl NoPassword {
    /// A word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "password_sealed",
            Self::Missing => "password_missing",
            Self::WhoseUnknown => "password_owner_unknown",
            Self::Unreadable => "password_unreadable",
        }
    }

    /// What an operator can do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Sealed => {
                "Nothing needs to be done here: it registers by itself once an owner has unsealed the organization."
            }
            Self::Missing => {
                "Set the secret that `trunk.password_secret` names, under Settings, Encryption; it is used within seconds."
            }
            Self::WhoseUnknown => {
                "Name the organization that keeps the password by its id: `trunk.password_organization`."
            }
            Self::Unreadable => "It is tried again; the log says why.",
        }
    }
}

impl fmt::Display for NoPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sealed => "the organization that keeps its password is sealed",
            Self::Missing => "its password is not among the organization's secrets",
            Self::WhoseUnknown => "it is not clear which organization keeps its password",
            Self::Unreadable => "its password cannot be read at this moment",
        })
    }
}

/// The answer to [`CredentialSource::read`].
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<Credentials, NoPassword>> + Send + 'a>>;

/// Where credentials come from. They are read anew for every registration and every call, and not kept longer than those last.
pub trait CredentialSource: Send + Sync + fmt::Debug {
    /// The credentials as they are now.
    fn read(&self) -> Reading<'_>;
}

/// Credentials that never change, as those of a file that was read.
impl CredentialSource for Credentials {
    fn read(&self) -> Reading<'_> {
        Box::pin(ready(Ok(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown_and_every_lack_says_what_to_do() {
        assert_eq!(format!("{:?}", Credentials { user: "u".into(), password: "p".into() }), "Credentials(hidden)");
        for lack in [NoPassword::Sealed, NoPassword::Missing, NoPassword::WhoseUnknown, NoPassword::Unreadable] {
            assert!(lack.name().starts_with("password_") && lack.to_string().contains("password"), "{lack}");
            assert!(lack.advice().ends_with('.'), "{lack}");
        }
    }
}
