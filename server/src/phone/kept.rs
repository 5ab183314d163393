//! The trunk's password where an organization keeps it as a secret: opened with the organization's keys for each registration and
//! each call, so that another value is used from then on, and a sealed organization's is not used at all.

use std::fmt;

use telephony::signalling::{CredentialSource, Credentials, NoPassword, Reading};
use uuid::Uuid;

use crate::cli::key::operator;
use crate::wiring::House;

/// Where the password is.
pub struct KeptPassword {
    /// The node's parts.
    pub house: House,
    /// Who we are to the trunk.
    pub user: String,
    /// The secret's name.
    pub secret: String,
    /// Whose secret it is; the only organization's when none is named.
    pub organization: Option<Uuid>,
}

impl fmt::Debug for KeptPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeptPassword")
    }
}

impl CredentialSource for KeptPassword {
    fn read(&self) -> Reading<'_> {
        Box::pin(self.open())
    }
}

impl KeptPassword {
    async fn open(&self) -> Result<Credentials, NoPassword> {
        let platform = &self.house.platform;
        let caller = operator(&self.house, self.organization).await.map_err(|error| match error.downcast() {
            Ok(identity::Error::Storage(error)) => unreadable(&error),
            Ok(_) => NoPassword::WhoseUnknown,
            Err(error) => unreadable(error.as_ref()),
        })?;
        let database = caller.database(platform);
        let keyring = platform.vault.keyring(&database).await.map_err(|error| lack(&error))?;
        let password = keyring.use_secret(&database, &self.secret).await.map_err(|error| lack(&error))?;
        let password = password.ok_or(NoPassword::Missing)?;
        Ok(Credentials { user: self.user.clone(), password: password.as_str().to_owned() })
    }
}

fn lack(error: &vault::Error) -> NoPassword {
    match error {
        vault::Error::Sealed => NoPassword::Sealed,
        vault::Error::NoOrganizationKey => NoPassword::WhoseUnknown,
        error => unreadable(error),
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> NoPassword {
    tracing::error!(%error, "the trunk's password could not be read");
    NoPassword::Unreadable
}
