//! What is ours and pure about SIP: session descriptions with offer and answer, digest authentication, status codes.
//!
//! Promises: no socket, no clock, no randomness; no input panics; every list and text that comes from outside has a named
//! limit. The SIP messages themselves are read by the signalling stack, behind `telephony::signalling`.

pub mod digest;
pub mod offer_answer;
pub mod security_description;
pub mod session_description;
mod status;

pub use status::Status;
