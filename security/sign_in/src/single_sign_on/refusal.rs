//! Why somebody who comes from their provider is not let in: words for people, and a word for the log.

/// A reason. What a provider itself said is never repeated: its words are not ours to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No sign-in was begun here that this could end: unknown, used, too old, or another browser's.
    #[error(
        "This sign-in was not begun in this browser, was finished already, or took longer than ten minutes. Begin again."
    )]
    Stale,
    /// The provider said no.
    #[error("Your provider did not sign you in. Begin again, or ask whoever runs the provider.")]
    Denied,
    /// The answer names another provider than the one that was asked (RFC 9207).
    #[error("The answer came from another provider than the one that was asked.")]
    OtherProvider,
    /// The provider cannot be asked, or answers what nobody can use; the word says what.
    #[error("Your organization's provider could not be asked. Try again; if it stays so, tell an owner.")]
    Unreachable(&'static str),
    /// What the provider signed does not hold; the word says which part.
    #[error("The provider's answer does not hold, so nobody was signed in. Tell an owner of your organization.")]
    Token(&'static str),
    /// The settings were changed or switched off meanwhile.
    #[error("Single sign-on is not switched on here.")]
    Off,
    /// The membership is suspended or has ended.
    #[error("Your membership here is suspended or has ended. Ask an owner or admin of your organization.")]
    NotLetIn,
    /// Nobody invited this person, and the organization lets nobody in unasked.
    #[error("Nobody has invited you yet. Ask an owner or admin of your organization for an invitation.")]
    NotInvited,
    /// The provider gives no e-mail address, or has not verified it.
    #[error(
        "Your provider does not say that it verified your e-mail address, so it cannot be used to find your account. Ask \
         whoever runs the provider, or sign in as before and connect single sign-on under Settings, Your sign-in."
    )]
    AddressUnverified,
    /// The address is in none of the organization's domains.
    #[error("Your e-mail address is in none of the domains that your organization named. Ask an owner.")]
    OtherDomain,
    /// The account that has this address is an owner's, works elsewhere too, or is not of this organization.
    #[error(
        "The account with your e-mail address has to be connected by yourself: sign in as before and connect single \
         sign-on under Settings, Your sign-in. Without an account here, ask for an invitation."
    )]
    ConnectFirst,
    /// Somebody else was signed in at the provider than the person who confirms.
    #[error("At the provider somebody else is signed in than here.")]
    SomebodyElse,
    /// The provider did not ask anew who is there, or does not say when it did.
    #[error("Your provider did not ask again who is there, so this confirms nothing. Confirm another way.")]
    NotAskedAnew,
    /// Too long since the provider asked who is there.
    #[error("It is too long since your provider asked who you are. Sign out there, and begin again.")]
    TooLongAgo,
}

impl Refusal {
    /// The word in the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stale => "state",
            Self::Denied => "denied",
            Self::OtherProvider => "issuer of the answer",
            Self::Unreachable(what) | Self::Token(what) => what,
            Self::Off => "switched off",
            Self::NotLetIn => "membership",
            Self::NotInvited => "not invited",
            Self::AddressUnverified => "address not verified",
            Self::OtherDomain => "domain",
            Self::ConnectFirst => "address of another account",
            Self::SomebodyElse => "somebody else",
            Self::NotAskedAnew => "not asked anew",
            Self::TooLongAgo => "asked too long ago",
        }
    }
}
