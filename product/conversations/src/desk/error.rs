//! What goes wrong at the desk.

/// An error of bookings, leads and tickets. No variant holds what a person gave.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such booking, lead, ticket, contact, member or published agent in this organization.
    #[error("there is no such thing in this organization")]
    NotFound,
    /// The agent offers no such service.
    #[error("there is no such service")]
    NoService,
    /// The time lies outside of what may be booked: opening hours, grid, lead time, horizon, or skipped by the clocks.
    #[error("this time cannot be booked")]
    NotOffered,
    /// Somebody else has the time, or a part of it. The transaction can go on.
    #[error("this time is taken")]
    Taken,
    /// The change does not follow from the state.
    #[error("what is {from} cannot become {to}")]
    State {
        /// The state it has.
        from: &'static str,
        /// The state asked for.
        to: &'static str,
    },
    /// A value cannot be taken.
    #[error("{field} {reason}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why, without the value.
        reason: String,
    },
    /// Every reference drawn was taken; drawing again later is right.
    #[error("no reference was free; try again")]
    NoReference,
    /// A row that this version cannot read.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(&'static str),
    /// Below.
    #[error(transparent)]
    Agents(#[from] agents::Error),
    /// Below.
    #[error(transparent)]
    Contacts(#[from] contacts::Error),
    /// Below.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// Below.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// Below.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}
