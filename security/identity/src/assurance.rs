//! What somebody has shown to be who they are, and how much that is worth.
//!
//! A session remembers the factors it was opened with. Two of them, or one that holds two (a passkey checks its owner by
//! finger, face or PIN before it answers), make a whole sign-in. A link printed by the machine itself counts as whole, too:
//! whoever reads it holds the machine's files and its root key, which is more than any account.

use storage::Timestamp;

/// After so long since the last whole sign-in, sensitive acts ask again who is there.
pub const STEP_UP_SECONDS: i64 = 15 * 60;
/// A session that still lacks its second factor lives this long at most.
pub const INCOMPLETE_SECONDS: i64 = 15 * 60;

/// One way to show who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// The account's password.
    Password,
    /// Six digits of an authenticator app (RFC 6238).
    OneTimeCode,
    /// One of the codes kept for the day when the app is lost.
    BackupCode,
    /// A passkey that checked its owner (WebAuthn, user verification).
    Passkey,
    /// A one-time link that the machine itself printed.
    MachineLink,
    /// The organization's identity provider, which did not say that it asked for a second factor.
    SingleSignOn,
    /// The organization's identity provider, which said that it did.
    SingleSignOnTwoFactors,
    /// A link by which a new password is chosen: somebody vouched for its holder.
    PasswordReset,
    /// A link by which the second factors are replaced.
    FactorReset,
}

impl Factor {
    const ALL: [Self; 9] = [
        Self::Password,
        Self::OneTimeCode,
        Self::BackupCode,
        Self::Passkey,
        Self::MachineLink,
        Self::SingleSignOn,
        Self::SingleSignOnTwoFactors,
        Self::PasswordReset,
        Self::FactorReset,
    ];

    /// The word that is stored and written to the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::OneTimeCode => "one_time_code",
            Self::BackupCode => "backup_code",
            Self::Passkey => "passkey",
            Self::MachineLink => "machine_link",
            Self::SingleSignOn => "single_sign_on",
            Self::SingleSignOnTwoFactors => "single_sign_on_two_factors",
            Self::PasswordReset => "password_reset_link",
            Self::FactorReset => "factor_reset_link",
        }
    }

    /// The words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::OneTimeCode => "authenticator app",
            Self::BackupCode => "backup code",
            Self::Passkey => "passkey",
            Self::MachineLink => "link from the machine",
            Self::SingleSignOn | Self::SingleSignOnTwoFactors => "single sign-on",
            Self::PasswordReset | Self::FactorReset => "reset link",
        }
    }

    /// Is it the word of the organization's identity provider?
    pub const fn is_of_provider(self) -> bool {
        matches!(self, Self::SingleSignOn | Self::SingleSignOnTwoFactors)
    }

    /// Is it something else than what one knows by heart or another service vouches for?
    pub(crate) const fn is_second(self) -> bool {
        matches!(self, Self::OneTimeCode | Self::BackupCode | Self::Passkey)
    }
}

/// How much a session's factors are worth together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// One factor, of one kind.
    OneFactor,
    /// Two kinds, or one that holds two.
    TwoFactors,
}

impl Assurance {
    /// Of these factors together.
    pub fn of(factors: &[Factor]) -> Self {
        let whole =
            |factor: &Factor| matches!(factor, Factor::Passkey | Factor::MachineLink | Factor::SingleSignOnTwoFactors);
        let second = factors.iter().any(|factor| factor.is_second());
        let first = factors.iter().any(|factor| !factor.is_second());
        if factors.iter().any(whole) || (first && second) { Self::TwoFactors } else { Self::OneFactor }
    }

    /// The word in the API: `one_factor` or `two_factors`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneFactor => "one_factor",
            Self::TwoFactors => "two_factors",
        }
    }
}

/// What a session still has to show before it may do anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outstanding {
    /// The account's second factor.
    SecondFactor,
    /// The account has none, and its role or its organization asks for one: it has to be set up.
    Enrolment,
    /// A new password: the person came by a link because the old one is forgotten.
    NewPassword,
}

/// How the person behind a session signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// What was shown, in order.
    pub factors: Vec<Factor>,
    /// When the last of it was shown.
    pub authenticated_at: Timestamp,
    /// Whether the account has a second factor.
    pub has_second_factor: bool,
    /// Whether the role or the organization asks for two factors.
    pub is_demanded: bool,
    /// What is still to be shown.
    pub outstanding: Option<Outstanding>,
}

impl SignedIn {
    pub(crate) fn new(
        factors: Vec<Factor>,
        authenticated_at: Timestamp,
        has_second_factor: bool,
        is_demanded: bool,
    ) -> Self {
        let shows_second = factors.iter().any(|factor| factor.is_second());
        let outstanding = match Assurance::of(&factors) {
            // A link opens nothing by itself: it asks for what its holder still has, and ends with what it is for.
            _ if factors.contains(&Factor::PasswordReset) && has_second_factor && !shows_second => {
                Some(Outstanding::SecondFactor)
            }
            _ if factors.contains(&Factor::PasswordReset) => Some(Outstanding::NewPassword),
            _ if factors.contains(&Factor::FactorReset) && !shows_second => Some(Outstanding::Enrolment),
            Assurance::OneFactor if has_second_factor => Some(Outstanding::SecondFactor),
            Assurance::OneFactor if is_demanded => Some(Outstanding::Enrolment),
            _ => None,
        };
        Self { factors, authenticated_at, has_second_factor, is_demanded, outstanding }
    }

    /// How much the factors are worth together.
    pub fn assurance(&self) -> Assurance {
        Assurance::of(&self.factors)
    }

    /// Was it shown recently enough for a sensitive act?
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.outstanding.is_none() && now < self.authenticated_at.plus_seconds(STEP_UP_SECONDS)
    }
}

/// The stored text of factors: their words with commas.
pub(crate) fn to_text(factors: &[Factor]) -> String {
    factors.iter().map(|factor| factor.as_str()).collect::<Vec<_>>().join(",")
}

/// And back; a word that this version does not know is worth nothing.
pub(crate) fn from_text(text: &str) -> Vec<Factor> {
    let find = |word: &str| Factor::ALL.into_iter().find(|factor| factor.as_str() == word);
    text.split(',').filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_a_kind_are_one_factor() {
        use Factor::{BackupCode, MachineLink, OneTimeCode, Passkey, Password, SingleSignOn, SingleSignOnTwoFactors};
        for one in [&[][..], &[Password], &[OneTimeCode, BackupCode], &[Password, SingleSignOn], &[BackupCode]] {
            assert_eq!(Assurance::of(one), Assurance::OneFactor, "{one:?}");
        }
        for two in [
            &[Password, OneTimeCode][..],
            &[Password, BackupCode],
            &[Passkey],
            &[MachineLink],
            &[SingleSignOnTwoFactors],
            &[SingleSignOn, Passkey],
        ] {
            assert_eq!(Assurance::of(two), Assurance::TwoFactors, "{two:?}");
        }
    }

    #[test]
    fn stored_words_come_back_and_unknown_ones_are_worth_nothing() {
        assert_eq!(from_text(&to_text(&Factor::ALL)), Factor::ALL);
        assert_eq!(from_text("password,telepathy"), [Factor::Password]);
        assert_eq!(from_text(""), []);
    }

    #[test]
    fn what_is_outstanding_follows_from_account_and_demand() {
        let outstanding = |factors: &[Factor], has, demanded| {
            SignedIn::new(factors.to_vec(), Timestamp::from_seconds(0), has, demanded).outstanding
        };
        assert_eq!(outstanding(&[Factor::Password], false, false), None);
        assert_eq!(outstanding(&[Factor::Password], true, false), Some(Outstanding::SecondFactor));
        assert_eq!(outstanding(&[Factor::Password], true, true), Some(Outstanding::SecondFactor));
        assert_eq!(outstanding(&[Factor::Password], false, true), Some(Outstanding::Enrolment));
        assert_eq!(outstanding(&[Factor::Password, Factor::OneTimeCode], true, true), None);
    }

    #[test]
    fn a_reset_link_asks_for_the_other_half_and_ends_with_what_it_is_for() {
        use Factor::{FactorReset, OneTimeCode, Passkey, Password, PasswordReset};
        let outstanding = |factors: &[Factor], has| {
            SignedIn::new(factors.to_vec(), Timestamp::from_seconds(0), has, false).outstanding
        };
        assert_eq!(outstanding(&[PasswordReset], true), Some(Outstanding::SecondFactor));
        assert_eq!(outstanding(&[PasswordReset, OneTimeCode], true), Some(Outstanding::NewPassword));
        assert_eq!(outstanding(&[PasswordReset, Passkey], true), Some(Outstanding::NewPassword));
        assert_eq!(outstanding(&[PasswordReset], false), Some(Outstanding::NewPassword));
        assert_eq!(
            outstanding(&[Password, FactorReset], true),
            Some(Outstanding::Enrolment),
            "the old one still counts"
        );
        assert_eq!(outstanding(&[Password, FactorReset, OneTimeCode], true), None);
    }

    #[test]
    fn freshness_ends_at_its_edge_and_never_begins_while_something_is_outstanding() {
        let start = Timestamp::from_seconds(1_000);
        let whole = SignedIn::new(vec![Factor::Passkey], start, true, true);
        assert!(whole.is_fresh(start.plus_seconds(STEP_UP_SECONDS - 1)));
        assert!(!whole.is_fresh(start.plus_seconds(STEP_UP_SECONDS)));
        assert!(!SignedIn::new(vec![Factor::Password], start, true, true).is_fresh(start));
    }
}
