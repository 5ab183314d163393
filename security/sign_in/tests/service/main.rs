//! Signing in as a whole: what people, browsers and thieves get from it over HTTP.

mod fixture;
mod incidents;
mod notices;
mod passwords;
mod people;
mod provider;
mod provider_settings;
mod provisioning;
mod resets;
mod second_factors;
mod single_sign_on;
mod tokens;
