//! What can go wrong here, without a secret and without personal data.

use web::Problem;

use crate::single_sign_on::Refusal;

/// An error of signing in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Accounts, sessions, the database below them.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// A code that is not the right one, was used before, or belongs to no set-up that is going on.
    #[error(
        "This code is not right. Codes change every 30 seconds and work once: wait for the next one and try again."
    )]
    WrongCode,
    /// So many wrong codes that only another factor or the machine helps.
    #[error("There were too many wrong codes. Use a backup code or a passkey.")]
    TooManyWrongCodes,
    /// What is shown is not the right password.
    #[error("This is not your password.")]
    WrongPassword,
    /// What is asked for cannot be done in this state; the words say why and what to do.
    #[error("{0}")]
    NotNow(&'static str),
    /// A passkey's answer that does not fit the question, came too late, or belongs to nobody here.
    #[error("This passkey was not taken. Try again, or sign in another way.")]
    PasskeyRefused,
    /// Somebody who comes from their provider is not let in.
    #[error(transparent)]
    SingleSignOn(#[from] Refusal),
}

/// A result of signing in.
pub type Result<T> = std::result::Result<T, Error>;

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Identity(error.into())
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::Identity(error.into())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Identity(error) => error.into(),
            Error::NotNow(words) => Self::conflict(words),
            Error::WrongPassword => Self::field("password", error.to_string()),
            Error::WrongCode | Error::TooManyWrongCodes => Self::field("code", error.to_string()),
            Error::PasskeyRefused | Error::SingleSignOn(_) => Self::unprocessable(error.to_string(), Vec::new()),
        }
    }
}
