//! One request and its answer, taken apart and judged phase by phase.

mod arrive;
mod effects;
mod evaluate;
mod memory;
mod presence;
mod texts;
mod values;

use std::net::IpAddr;

use crate::action::Control;
use crate::body::Processor;
use crate::body::intake::Intake;
use crate::rule_set::RuleSet;
use crate::settings::{Limits, Mode};
use crate::variable::Target;
use crate::verdict::{Match, Verdict};

pub(crate) use presence::Presence;

use evaluate::Cache;
use memory::Memory;
use texts::Texts;
use values::Values;

/// A request without its body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a [u8],
    /// What is asked for, as it came: path and query, or a whole address.
    pub target: &'a [u8],
    /// `HTTP/1.1` and its like.
    pub protocol: &'a [u8],
    /// Names and values, in their order.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// Where it came from, where that is known.
    pub remote_address: Option<IpAddr>,
    /// A number for this request.
    pub unique_id: &'a str,
    /// Fields that hold free text: what rules see there is reported and has no other effect. A field is a name of the query
    /// or of a form, or a path within JSON, with `*` for any place of a list and `**` at the end for everything below.
    pub free_text: &'a [&'a str],
}

/// An answer without its body.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// `HTTP/1.1` and its like.
    pub protocol: &'a [u8],
    /// Names and values, in their order.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// Changes to the engine that rules have made.
#[derive(Debug, Default)]
struct Controls {
    mode: Mode,
    removed: Vec<(u64, u64)>,
    removed_tags: Vec<String>,
    removed_targets: Vec<(Which, Target)>,
    processor: Processor,
    force_body: bool,
    body_access: bool,
    /// No further rule of these phases: one bit for each.
    over: u8,
}

/// Rules that a control means.
#[derive(Debug)]
enum Which {
    Ids(Vec<(u64, u64)>),
    Tag(String),
}

/// A request on its way through the rules.
///
/// Call the steps in their order; each runs one phase. A step after a refusal runs no rule; only [`Transaction::finish`]
/// still does.
#[derive(Debug)]
pub struct Transaction<'r> {
    rules: &'r RuleSet,
    intake: Intake,
    texts: Texts,
    values: Values,
    memory: Memory,
    cache: Cache,
    controls: Controls,
    matches: Vec<Match>,
    refused: Option<Verdict>,
}

impl<'r> Transaction<'r> {
    /// A request that has not come yet.
    pub fn new(rules: &'r RuleSet, mode: Mode, limits: Limits) -> Self {
        let controls = Controls { mode: mode.min(rules.mode), body_access: rules.body_access, ..Controls::default() };
        Self {
            rules,
            intake: Intake::new(limits),
            texts: Texts::new(rules.prefilter.words()),
            values: Values::default(),
            memory: Memory::new(&rules.tx_names),
            cache: Cache::new(rules),
            controls,
            matches: Vec::new(),
            refused: None,
        }
    }

    /// Phase 1: request line and headers.
    pub fn request_headers(&mut self, request: &Request<'_>) -> Verdict {
        self.take_request(request);
        self.run(1)
    }

    /// Phase 2: the request's body, empty where there is none.
    pub fn request_body(&mut self, body: &[u8]) -> Verdict {
        if self.refused.is_none() && self.controls.mode != Mode::Off {
            self.take_body(body);
        }
        self.run(2)
    }

    /// Phase 3: status and headers of the answer.
    pub fn response_headers(&mut self, response: &Response<'_>) -> Verdict {
        self.take_response(response);
        self.run(3)
    }

    /// Phase 4: the answer's body.
    pub fn response_body(&mut self, body: &[u8]) -> Verdict {
        let inspected = &body[..body.len().min(self.intake.limits.response_bytes)];
        self.values.single(&mut self.texts, crate::Variable::ResponseBody, inspected);
        self.run(4)
    }

    /// Phase 5: rules that sum up. What they decide changes nothing any more.
    pub fn finish(&mut self) {
        self.run(5);
    }

    /// What rules reported so far.
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// Something that is not free text lay beyond the limits and was not inspected.
    pub fn uninspected(&self) -> bool {
        self.intake.uninspected()
    }

    /// A number that rules keep in `TX`; 0 where there is none.
    pub fn score(&self, name: &str) -> i64 {
        self.memory.by_name(name.as_bytes()).map_or(0, memory::TxValue::number)
    }

    fn control(&mut self, control: &Control) {
        match control {
            Control::RuleEngine(mode) => self.controls.mode = *mode,
            Control::RemoveById(ranges) => self.controls.removed.extend(ranges),
            Control::RemoveByTag(tag) => self.controls.removed_tags.push(tag.clone()),
            Control::RemoveTargetById(ranges, target) => {
                self.controls.removed_targets.push((Which::Ids(ranges.clone()), target.clone()));
            }
            Control::RemoveTargetByTag(tag, target) => {
                self.controls.removed_targets.push((Which::Tag(tag.clone()), target.clone()));
            }
            Control::BodyProcessor(name) => {
                self.controls.processor = Processor::named(name);
                let name = self.controls.processor.name();
                self.values.single(&mut self.texts, crate::Variable::ReqbodyProcessor, name.as_bytes());
                self.cache.forget();
            }
            Control::ForceBodyVariable(on) => self.controls.force_body = *on,
            Control::BodyAccess(on) => self.controls.body_access = *on,
            Control::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests;
