//! The guarded service as a whole: what strangers, members, other organizations and other sites get from it.

mod account;
mod fixture;
mod guard;
mod idempotency;
mod networks;
mod people;
mod support;
