//! Rules at work on a transaction.

use std::rc::Rc;

use crate::action::Disruption;
use crate::operator::{Operator, number};
use crate::rule_set::{Link, Rule, RuleSet};
use crate::settings::Mode;
use crate::transaction::memory::Hit;
use crate::transaction::texts::TextId;
use crate::transaction::values::{Seen, text_of};
use crate::transaction::{Transaction, Which};
use crate::variable::{Target, Variable};
use crate::verdict::Verdict;

/// What the members of a list of targets are, while no further member comes.
#[derive(Debug)]
struct Expanded {
    seen: Vec<Seen>,
    has_free: bool,
}

/// What was looked up once and is asked again.
#[derive(Debug)]
pub(super) struct Cache {
    targets: Vec<Option<Rc<Expanded>>>,
    /// For each group: patterns that may match some value, without free text and with it.
    groups: Vec<u64>,
    ready: Vec<bool>,
    words: usize,
}

impl Cache {
    pub(super) fn new(rules: &RuleSet) -> Self {
        let words = rules.prefilter.words();
        Self {
            targets: vec![None; rules.targets.len()],
            groups: vec![0; 2 * words * rules.groups.len()],
            ready: vec![false; rules.groups.len()],
            words,
        }
    }

    /// Variables have changed.
    pub(super) fn forget(&mut self) {
        self.targets.fill(None);
        self.ready.fill(false);
        self.groups.fill(0);
    }
}

impl Transaction<'_> {
    pub(super) fn run(&mut self, phase: u8) -> Verdict {
        let over = self.controls.over >> phase & 1 == 1;
        if (self.refused.is_none() && !over || phase == 5) && self.controls.mode != Mode::Off {
            self.run_rules(phase);
        }
        self.refused.unwrap_or(Verdict::Pass)
    }

    fn run_rules(&mut self, phase: u8) {
        let rules = self.rules;
        let order = &rules.phases[usize::from(phase) - 1];
        let mut at = 0;
        while let Some(number) = order.get(at) {
            let rule = &rules.rules[*number];
            at = if self.rule(rule) { rule.jump.unwrap_or(at + 1) } else { at + 1 };
            let over = self.controls.over >> phase & 1 == 1;
            if phase != 5 && (over || self.refused.is_some()) {
                return;
            }
        }
    }

    /// Runs one rule with its chain; true where it applied.
    fn rule(&mut self, rule: &Rule) -> bool {
        if !self.may_match(rule) || self.is_removed(rule) {
            return false;
        }
        if self.attempt(rule, false) {
            self.conclude(rule);
            return true;
        }
        if self.values.has_free && self.looks_at_free_text(rule) {
            self.attempt_free_text(rule);
        }
        false
    }

    /// The same with free text: what the rule sees is reported, and everything it did is undone.
    fn attempt_free_text(&mut self, rule: &Rule) {
        if !self.group_may_match(&rule.links[0], true) {
            return;
        }
        let Some(hits) = self.hits_of(rule, &rule.links[0], true) else { return };
        let kept = self.memory.keep();
        if self.run_chain(rule, hits, true) && rule.log {
            self.report(rule, true);
        }
        self.memory.put_back(kept);
    }

    fn looks_at_free_text(&mut self, rule: &Rule) -> bool {
        let lists: Vec<usize> = rule.links.iter().filter_map(|link| link.targets).collect();
        lists.into_iter().any(|list| self.expanded(list).has_free)
    }

    /// The prefilter does not rule it out.
    fn may_match(&mut self, rule: &Rule) -> bool {
        let link = &rule.links[0];
        self.group_may_match(link, self.values.has_free)
    }

    fn attempt(&mut self, rule: &Rule, free: bool) -> bool {
        if !self.group_may_match(&rule.links[0], free) {
            return false;
        }
        match self.hits_of(rule, &rule.links[0], free) {
            Some(hits) => self.run_chain(rule, hits, free),
            None => false,
        }
    }

    /// Takes the first link's hits and goes on along the chain.
    fn run_chain(&mut self, rule: &Rule, hits: Vec<Hit>, free: bool) -> bool {
        self.memory.matched.clear();
        self.take_hits(rule, &rule.links[0], hits, free);
        for link in &rule.links[1..] {
            match self.hits_of(rule, link, free) {
                Some(hits) => self.take_hits(rule, link, hits, free),
                None => return false,
            }
        }
        true
    }

    fn group_may_match(&mut self, link: &Link, free: bool) -> bool {
        let (Some(group), Some(pattern)) = (link.group, link.pattern) else { return true };
        if !self.cache.ready[group] {
            self.fill_group(group);
        }
        let words = self.cache.words;
        let start = (2 * group + usize::from(free)) * words;
        self.cache.groups[start + pattern as usize / 64] >> (pattern % 64) & 1 == 1
    }

    fn fill_group(&mut self, number: usize) {
        let rules = self.rules;
        let group = &rules.groups[number];
        let expanded = self.expanded(group.targets);
        let words = self.cache.words;
        for seen in &expanded.seen {
            let mut steps = vec![seen.text];
            if group.multi_match {
                for transformation in &group.transformations {
                    steps.push(self.texts.derive(steps[steps.len() - 1], *transformation));
                }
                steps.dedup();
            } else {
                steps[0] = self.texts.chain(seen.text, &group.transformations);
            }
            for text in steps {
                let candidates = self.texts.candidates(text, &rules.prefilter);
                let start = 2 * number * words;
                for (place, word) in candidates.iter().enumerate() {
                    self.cache.groups[start + words + place] |= word;
                    self.cache.groups[start + place] |= if seen.free { 0 } else { *word };
                }
            }
        }
        self.cache.ready[number] = true;
    }

    fn expanded(&mut self, list: usize) -> Rc<Expanded> {
        if let Some(expanded) = &self.cache.targets[list] {
            return Rc::clone(expanded);
        }
        let rules = self.rules;
        let targets = &rules.targets[list].all;
        let mut seen = Vec::new();
        for target in targets.iter().filter(|target| !target.exclude && !target.count && !target.variable.is_dynamic())
        {
            self.values.each(target, &self.texts, |each| seen.push(each));
        }
        for excluded in targets.iter().filter(|target| target.exclude) {
            self.take_out(&mut seen, excluded);
        }
        let has_free = seen.iter().any(|seen| seen.free);
        let expanded = Rc::new(Expanded { seen, has_free });
        self.cache.targets[list] = Some(Rc::clone(&expanded));
        expanded
    }

    fn take_out(&self, seen: &mut Vec<Seen>, excluded: &Target) {
        let meant = |seen: &Seen| {
            let same = seen.variable == excluded.variable;
            same && excluded.selector.takes(self.texts.get(seen.name))
        };
        seen.retain(|each| !meant(each));
    }

    /// What the link matches; nothing where it matches nothing.
    fn hits_of(&mut self, rule: &Rule, link: &Link, free: bool) -> Option<Vec<Hit>> {
        let Some(list) = link.targets else { return Some(Vec::new()) };
        let rules = self.rules;
        let mut hits = Vec::new();
        let expanded = self.expanded(list);
        let trimmed = self.without_removed(rule, &expanded);
        for seen in trimmed.as_ref().unwrap_or(&expanded.seen).iter().filter(|seen| free || !seen.free) {
            self.judge_value(rule, link, seen, &mut hits);
        }
        if !rules.targets[list].fixed {
            for target in rules.targets[list].all.iter().filter(|target| !target.exclude) {
                self.judge_changing(rule, link, target, &mut hits);
            }
        }
        (!hits.is_empty()).then_some(hits)
    }

    /// Without the members that a control took from this rule.
    fn without_removed(&self, rule: &Rule, expanded: &Expanded) -> Option<Vec<Seen>> {
        if self.controls.removed_targets.is_empty() {
            return None;
        }
        let mut seen = expanded.seen.clone();
        for (which, target) in &self.controls.removed_targets {
            let meant = match which {
                Which::Ids(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&rule.id)),
                Which::Tag(tag) => rule.tags.contains(tag),
            };
            if meant {
                self.take_out(&mut seen, target);
            }
        }
        Some(seen)
    }

    fn judge_value(&mut self, rule: &Rule, link: &Link, seen: &Seen, hits: &mut Vec<Hit>) {
        let rules = self.rules;
        let mut text = seen.text;
        let steps = if link.multi_match { link.transformations.len() + 1 } else { 1 };
        if !link.multi_match {
            text = self.texts.chain(text, &link.transformations);
        }
        for step in 0..steps {
            if step > 0 {
                let next = self.texts.derive(text, link.transformations[step - 1]);
                if next == text {
                    continue;
                }
                text = next;
            }
            if let Some(pattern) = link.pattern {
                let candidates = self.texts.candidates(text, &rules.prefilter);
                if candidates[pattern as usize / 64] >> (pattern % 64) & 1 == 0 {
                    continue;
                }
            }
            if let Some((value, captures)) = self.judge_text(rule, link, text) {
                hits.push(Hit { name: text_of(seen.variable, self.texts.get(seen.name)), value, captures });
            }
        }
    }

    fn judge_text(&self, rule: &Rule, link: &Link, text: TextId) -> Option<Judged> {
        if let Operator::ByteRange(allowed) = &link.operator
            && allowed.holds_all(self.texts.presence(text)) != link.negated
        {
            return None;
        }
        if matches!(link.operator, Operator::Utf8) && self.texts.presence(text).is_ascii() != link.negated {
            return None;
        }
        self.judge(rule, link, self.texts.get(text))
    }

    fn judge(&self, rule: &Rule, link: &Link, value: &[u8]) -> Option<Judged> {
        let mut captures = Vec::new();
        let wanted = (link.capture && !link.negated).then_some(&mut captures);
        let holds = link.operator.holds(value, wanted, |template| self.fill(template, rule.id));
        let captures = (link.capture && !captures.is_empty()).then_some(captures);
        (holds != link.negated).then(|| (value.to_vec(), captures))
    }

    /// Targets whose members change while rules run, and counts.
    fn judge_changing(&mut self, rule: &Rule, link: &Link, target: &Target, hits: &mut Vec<Hit>) {
        if target.count {
            let count = match target.variable {
                Variable::Tx => {
                    let mut count = 0;
                    self.memory.each(target, |_, _| count += 1);
                    count
                }
                _ => self.values.count(target, &self.texts),
            };
            let name = [b"&", target.variable.name().as_bytes()].concat();
            self.judge_bytes(rule, link, name, count.to_string().into_bytes(), hits);
            return;
        }
        match target.variable {
            Variable::Tx => self.judge_memory(rule, link, target, hits),
            Variable::MatchedVar | Variable::MatchedVarName => {
                let Some(last) = self.memory.last.clone() else { return };
                let value = if target.variable == Variable::MatchedVar { last.value } else { last.name.clone() };
                self.judge_bytes(rule, link, last.name, value, hits);
            }
            Variable::MatchedVars | Variable::MatchedVarsNames => {
                for hit in self.memory.matched.clone() {
                    if target.selector.takes(&hit.name) {
                        let names = target.variable == Variable::MatchedVarsNames;
                        let value = if names { hit.name.clone() } else { hit.value };
                        self.judge_bytes(rule, link, hit.name, value, hits);
                    }
                }
            }
            _ => {}
        }
    }

    fn judge_memory(&mut self, rule: &Rule, link: &Link, target: &Target, hits: &mut Vec<Hit>) {
        // Most rules of this kind compare a score with a number, and most of those say no.
        if let (Operator::Compare(comparison, argument), Some(slot)) = (&link.operator, target.slot) {
            let argument = argument.fixed().map_or_else(|| number(&self.fill(argument, rule.id)), number);
            let Some(value) = self.memory.at(slot) else { return };
            if link.transformations.is_empty() && comparison.holds(value.number(), argument) == link.negated {
                return;
            }
        }
        let mut values = Vec::new();
        self.memory.each(target, |name, value| values.push((text_of(Variable::Tx, name), value.bytes().into_owned())));
        for (name, value) in values {
            self.judge_bytes(rule, link, name, value, hits);
        }
    }

    fn judge_bytes(&mut self, rule: &Rule, link: &Link, name: Vec<u8>, value: Vec<u8>, hits: &mut Vec<Hit>) {
        let mut value = value;
        for transformation in &link.transformations {
            let mut next = Vec::new();
            transformation.apply(&value, &mut next);
            value = next;
        }
        if let Some((value, captures)) = self.judge(rule, link, &value) {
            hits.push(Hit { name, value, captures });
        }
    }

    /// The whole chain applied.
    fn conclude(&mut self, rule: &Rule) {
        if rule.log {
            self.report(rule, false);
        }
        match rule.disruption {
            Disruption::Deny | Disruption::Drop if self.controls.mode == Mode::Block && rule.phase != 5 => {
                self.refused = Some(Verdict::Refuse { status: rule.status, rule: rule.id });
            }
            Disruption::Allow => self.controls.over |= 0b01_1110,
            Disruption::AllowPhase => self.controls.over |= 1 << rule.phase,
            Disruption::AllowRequest => self.controls.over |= 0b0110,
            _ => {}
        }
    }

    fn is_removed(&self, rule: &Rule) -> bool {
        let controls = &self.controls;
        controls.removed.iter().any(|(from, to)| (*from..=*to).contains(&rule.id))
            || controls.removed_tags.iter().any(|tag| rule.tags.contains(tag))
    }
}

/// The value that matched, and what a pattern found in it.
type Judged = (Vec<u8>, Option<Vec<Option<Vec<u8>>>>);
