//! Operators' accounts, as they are listed and made.

use std::net::IpAddr;

use storage::Timestamp;
use uuid::Uuid;

use crate::role::{OperatorRole, Standing};

/// An operator, as the register shows one.
#[derive(Clone)]
pub struct Account {
    /// The account.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// What they are.
    pub role: OperatorRole,
    /// Stopped by an administrator?
    pub is_suspended: bool,
    /// Has a second factor?
    pub is_enrolled: bool,
    /// Until when their training counts.
    pub trained_until: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
}

storage::debug_shows!(struct Account { id, role, is_suspended, is_enrolled, trained_until, created_at });

impl Account {
    /// How they stand at this time.
    pub fn standing(&self, now: Timestamp) -> Standing {
        standing(self.is_suspended, self.trained_until, now)
    }
}

/// How an operator stands: stopped, else untrained, else good.
pub fn standing(is_suspended: bool, trained_until: Option<Timestamp>, now: Timestamp) -> Standing {
    match trained_until {
        _ if is_suspended => Standing::Suspended,
        Some(until) if now < until => Standing::Good,
        _ => Standing::Untrained,
    }
}

/// What a new operator is made of.
pub struct NewAccount<'a> {
    /// The name.
    pub name: &'a str,
    /// The e-mail address.
    pub email: &'a str,
    /// The password, long enough to stand alone although it never does.
    pub password: &'a str,
    /// What they are.
    pub role: OperatorRole,
}

/// A sign-in as it arrives.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    /// The e-mail address.
    pub email: &'a str,
    /// The password.
    pub password: &'a str,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_stands_by_training_and_by_administrators() {
        let now = Timestamp::from_seconds(1_000);
        let later = Some(now.plus_seconds(1));
        assert_eq!(standing(false, later, now), Standing::Good);
        assert_eq!(standing(false, Some(now), now), Standing::Untrained, "over at its very second");
        assert_eq!(standing(false, None, now), Standing::Untrained);
        assert_eq!(standing(true, later, now), Standing::Suspended);
        assert_eq!(standing(true, None, now), Standing::Suspended);
    }
}
