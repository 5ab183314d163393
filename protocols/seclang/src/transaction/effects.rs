//! What rules do when they match: values change, and the log hears of it.

use std::fmt::Write as _;

use crate::action::Change;
use crate::operator::number;
use crate::rule_set::{Effect, Link, Rule, TxName};
use crate::template::{Piece, Template};
use crate::transaction::Transaction;
use crate::transaction::memory::{Hit, TxValue};
use crate::variable::{Target, Variable};
use crate::verdict::Match;

/// Reports that a transaction keeps.
const MATCHES: usize = 1_000;
/// Bytes that a template may grow to.
const FILLED_BYTES: usize = 16 * 1024;

impl Transaction<'_> {
    /// Runs the link's effects, once for each hit.
    pub(super) fn take_hits(&mut self, rule: &Rule, link: &Link, hits: Vec<Hit>, free: bool) {
        if hits.is_empty() {
            // An action without a condition happens once.
            self.effects(rule, link, free);
            return;
        }
        for hit in &hits {
            if let Some(captures) = &hit.captures {
                for slot in 0..10 {
                    let piece = captures.get(slot).cloned().flatten();
                    self.memory.set(slot, piece.map(TxValue::Text));
                }
            }
            self.memory.last = Some(hit.clone());
            self.effects(rule, link, free);
        }
        self.memory.matched = hits;
    }

    fn effects(&mut self, rule: &Rule, link: &Link, free: bool) {
        for effect in &link.effects {
            match effect {
                Effect::Set { name: TxName::Fixed(slot), change } => {
                    let old = self.memory.at(*slot).map_or(0, TxValue::number);
                    let value = self.changed(old, change, rule.id);
                    self.memory.set(*slot, value);
                }
                Effect::Set { name: TxName::Filled(template), change } => {
                    let name = self.fill(template, rule.id);
                    let old = self.memory.by_name(&name).map_or(0, TxValue::number);
                    let value = self.changed(old, change, rule.id);
                    self.memory.set_by_name(&name, value);
                }
                Effect::Control(_) if free => {}
                Effect::Control(control) => self.control(control),
            }
        }
    }

    fn changed(&self, old: i64, change: &Change, rule: u64) -> Option<TxValue> {
        Some(match change {
            Change::Set(template) => TxValue::of(self.fill(template, rule)),
            Change::Add(template) => TxValue::Number(old.saturating_add(number(&self.fill(template, rule)))),
            Change::Subtract(template) => TxValue::Number(old.saturating_sub(number(&self.fill(template, rule)))),
            Change::Remove => return None,
        })
    }

    /// A template with its macros filled in.
    pub(super) fn fill(&self, template: &Template, rule: u64) -> Vec<u8> {
        let mut output = Vec::new();
        for piece in &template.0 {
            match piece {
                Piece::Text(text) => output.extend_from_slice(text),
                Piece::RuleId => output.extend_from_slice(rule.to_string().as_bytes()),
                Piece::Macro(target) => self.look_up(target, &mut output),
            }
        }
        output.truncate(FILLED_BYTES);
        output
    }

    /// The first member that the target names.
    fn look_up(&self, target: &Target, output: &mut Vec<u8>) {
        match target.variable {
            Variable::Tx => {
                let mut first = true;
                self.memory.each(target, |_, value| {
                    if std::mem::take(&mut first) {
                        output.extend_from_slice(&value.bytes());
                    }
                });
            }
            Variable::MatchedVar => output.extend(self.memory.last.iter().flat_map(|hit| &hit.value)),
            Variable::MatchedVarName => output.extend(self.memory.last.iter().flat_map(|hit| &hit.name)),
            Variable::MatchedVars | Variable::MatchedVarsNames => {}
            _ => {
                let mut found = None;
                self.values.each(target, &self.texts, |seen| found = found.or(Some(seen.text)));
                output.extend_from_slice(found.map_or(b"", |text| self.texts.get(text)));
            }
        }
    }

    /// Puts a line into the log.
    pub(super) fn report(&mut self, rule: &Rule, free_text: bool) {
        if self.matches.len() >= MATCHES {
            return;
        }
        let text = |template: &Option<Template>| {
            let mut text = template.as_ref().map(|template| self.fill(template, rule.id)).unwrap_or_default();
            text.truncate(Match::DATA_BYTES);
            printable(&text)
        };
        let target = self.memory.last.as_ref().map(|hit| printable(&hit.name));
        let entry = Match {
            rule: rule.id,
            phase: rule.phase,
            severity: rule.severity,
            message: text(&rule.message),
            data: text(&rule.data),
            target: target.unwrap_or_default(),
            free_text,
        };
        self.matches.push(entry);
    }
}

/// On one line: control characters as `\x0a`, what is no UTF-8 as a replacement character.
fn printable(text: &[u8]) -> String {
    let mut output = String::with_capacity(text.len());
    for each in String::from_utf8_lossy(text).chars() {
        if each.is_control() {
            let _ = write!(output, "\\x{:02x}", u32::from(each));
        } else {
            output.push(each);
        }
    }
    output
}
