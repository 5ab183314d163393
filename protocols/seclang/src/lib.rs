//! The rule language of ModSecurity ("SecLang") as the OWASP Core Rule Set 4 uses it: parsed, compiled, evaluated.
//!
//! [`RuleSet::compile`] reads rule files that come in as text, together with the phrase files that they name, and refuses
//! what it does not understand with file, line and rule. A [`Transaction`] then takes a request apart and runs the rules
//! of the five phases over it; [`Verdict`] says what they decided and [`Match`] what they saw.
//!
//! Promises: no IO, no clock, no randomness; no input panics; patterns run in time linear to what they read; what is
//! inspected of one request has named limits ([`Limits`]), and what lay beyond them is reported, not forgotten.
//!
//! Source: the reference manual of ModSecurity 2.9 (language and transformations) and the rules of CRS 4. Where version 3
//! differs from 2.9, 2.9 counts, because CRS is written against it. Left out on purpose: collections that outlive a
//! request, scripts, redirects, response rewriting.

mod action;
mod body;
mod error;
mod operator;
mod parse;
mod prefilter;
mod rule_set;
mod settings;
mod template;
mod transaction;
mod transformation;
mod variable;
mod verdict;

pub use action::{Action, Assignment, Control, Disruption, Severity};
pub use error::{Error, Fault};
pub use operator::Operator;
pub use rule_set::{Rule, RuleSet, Source};
pub use settings::{Limits, Mode};
pub use transaction::{Request, Response, Transaction};
pub use transformation::Transformation;
pub use variable::Variable;
pub use verdict::{Match, Verdict};
