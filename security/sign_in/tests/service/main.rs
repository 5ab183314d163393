//! Signing in as a whole: what people, browsers and thieves get from it over HTTP.

mod fixture;
mod incidents;
mod passwords;
mod people;
mod provisioning;
mod second_factors;
