//! From directives to rules that run.

use std::collections::BTreeMap;

use super::{Effect, Group, Link, Rule, RuleSet, Source, Targets, TxName};
use crate::action::{Action, Disruption};
use crate::error::{Error, Fault};
use crate::operator::Operator;
use crate::parse::{self, Directive, Kind, Place};
use crate::prefilter::{Needs, Prefilter};
use crate::settings::Mode;
use crate::template::{Piece, Template};
use crate::transformation::Transformation;
use crate::variable::{Selector, Target, Variable};

pub(super) fn compile(rules: &[Source<'_>], data: &[Source<'_>]) -> Result<RuleSet, Error> {
    let mut compiler = Compiler::default();
    // What patterns capture stands at places 0 to 9.
    for digit in b'0'..=b'9' {
        compiler.tx(&[digit]);
    }
    for directive in parse::directives(rules, data)? {
        compiler.take(directive)?;
    }
    compiler.finish()
}

/// A rule whose jump is still a name.
struct Draft {
    rule: Rule,
    jump: Option<Jump>,
    /// How many markers stood before it.
    position: usize,
}

enum Jump {
    Marker(String),
    Over(usize),
}

#[derive(Default)]
struct Compiler {
    drafts: Vec<Draft>,
    /// The chain that is not at its end.
    open: Option<Draft>,
    /// Markers by name: how many rules stood before.
    markers: BTreeMap<String, usize>,
    defaults: [Vec<Action>; 5],
    targets: Vec<(String, Targets)>,
    groups: Vec<Group>,
    needs: Vec<Needs>,
    tx_names: BTreeMap<Vec<u8>, usize>,
    taken: BTreeMap<u64, Place>,
    removed: Vec<(u64, u64)>,
    removed_tags: Vec<String>,
    mode: Mode,
    no_body: bool,
}

/// Actions of one directive, sorted.
struct Sorted {
    id: Option<u64>,
    phase: Option<u8>,
    disruption: Option<Disruption>,
    status: Option<u16>,
    log: Option<bool>,
    message: Option<Template>,
    data: Option<Template>,
    severity: Option<crate::action::Severity>,
    tags: Vec<String>,
    transformations: Vec<Transformation>,
    chain: bool,
    capture: bool,
    multi_match: bool,
    jump: Option<Jump>,
    effects: Vec<Action>,
}

fn sorted(actions: Vec<Action>) -> Sorted {
    let mut all = Sorted {
        id: None,
        phase: None,
        disruption: None,
        status: None,
        log: None,
        message: None,
        data: None,
        severity: None,
        tags: Vec::new(),
        transformations: Vec::new(),
        chain: false,
        capture: false,
        multi_match: false,
        jump: None,
        effects: Vec::new(),
    };
    for action in actions {
        match action {
            Action::Id(id) => all.id = Some(id),
            Action::Phase(phase) => all.phase = Some(phase),
            Action::Disrupt(disruption) => all.disruption = Some(disruption),
            Action::Status(status) => all.status = Some(status),
            Action::Log(log) => all.log = Some(log),
            Action::Message(text) => all.message = Some(text),
            Action::Data(text) => all.data = Some(text),
            Action::Severity(severity) => all.severity = Some(severity),
            Action::Tag(tag) => all.tags.push(tag),
            Action::Transform(None) => all.transformations.clear(),
            Action::Transform(Some(transformation)) => all.transformations.push(transformation),
            Action::Chain => all.chain = true,
            Action::Capture => all.capture = true,
            Action::MultiMatch => all.multi_match = true,
            Action::SkipAfter(name) => all.jump = Some(Jump::Marker(name)),
            Action::Skip(rules) => all.jump = Some(Jump::Over(rules)),
            action @ (Action::Set(_) | Action::Control(_)) => all.effects.push(action),
            Action::Nothing => {}
        }
    }
    all
}

impl Compiler {
    fn take(&mut self, directive: Directive) -> Result<(), Error> {
        let Directive { place, kind } = directive;
        if let (Some(open), false) = (&self.open, matches!(kind, Kind::Rule { .. })) {
            return Err(place.error(Some(open.rule.id), Fault::OpenChain));
        }
        match kind {
            Kind::Rule { targets, operator, negated, pattern, actions } => {
                let sorted = sorted(actions);
                let id = sorted.id.or(self.open.as_ref().map(|open| open.rule.id));
                let head = Head { targets, operator, negated, pattern };
                self.rule(&place, head, sorted).map_err(|fault| place.error(id, fault))?;
            }
            Kind::Marker(name) => drop(self.markers.insert(name, self.drafts.len())),
            Kind::Defaults { phase, actions } => self.defaults[usize::from(phase) - 1] = actions,
            Kind::Mode(mode) => self.mode = mode,
            Kind::BodyAccess(on) => self.no_body = !on,
            Kind::RemoveById(ranges) => self.removed.extend(ranges),
            Kind::RemoveByTag(tag) => self.removed_tags.push(tag),
            Kind::UpdateTargetById(ranges, targets) => {
                self.update(&targets, |rule| ranges.iter().any(|(from, to)| (*from..=*to).contains(&rule.id)));
            }
            Kind::UpdateTargetByTag(tag, targets) => self.update(&targets, |rule| rule.tags.contains(&tag)),
        }
        Ok(())
    }

    fn rule(&mut self, place: &Place, head: Head, sorted: Sorted) -> Result<(), Fault> {
        let mut draft = match self.open.take() {
            Some(open) => {
                let first_only = [
                    (sorted.id.is_some(), "id"),
                    (sorted.phase.is_some(), "phase"),
                    (sorted.disruption.is_some_and(|kind| kind != Disruption::Pass), "a disruptive action"),
                ];
                if let Some((_, name)) = first_only.iter().find(|(given, _)| *given) {
                    return Err(Fault::NotFirst(name));
                }
                open
            }
            None => self.begin(place, &sorted)?,
        };
        if draft.jump.is_none() {
            draft.jump = sorted.jump;
        }
        let chain = sorted.chain;
        let link = self.link(head, sorted.transformations, sorted.effects, sorted.multi_match, sorted.capture);
        draft.rule.links.push(link);
        if chain {
            self.open = Some(draft);
        } else {
            self.drafts.push(draft);
        }
        Ok(())
    }

    fn begin(&mut self, place: &Place, given: &Sorted) -> Result<Draft, Fault> {
        let id = given.id.ok_or(Fault::NoId)?;
        if let Some(other) = self.taken.insert(id, place.clone()) {
            return Err(Fault::TakenId(format!("{}:{}", other.file, other.line)));
        }
        let phase = given.phase.unwrap_or(2);
        let default = sorted(self.defaults[usize::from(phase) - 1].clone());
        let disruption = match given.disruption {
            None | Some(Disruption::Block) => default.disruption.unwrap_or(Disruption::Pass),
            Some(own) => own,
        };
        let rule = Rule {
            id,
            phase,
            tags: given.tags.clone(),
            place: place.clone(),
            links: Vec::new(),
            disruption,
            status: given.status.or(default.status).unwrap_or(403),
            log: given.log.or(default.log).unwrap_or(true),
            message: given.message.clone(),
            data: given.data.clone(),
            severity: given.severity,
            jump: None,
        };
        Ok(Draft { rule, jump: None, position: self.drafts.len() })
    }

    fn link(
        &mut self,
        head: Head,
        transformations: Vec<Transformation>,
        effects: Vec<Action>,
        multi_match: bool,
        capture: bool,
    ) -> Link {
        let Head { targets, operator, negated, pattern } = head;
        let needs = match (&operator, &pattern) {
            (Operator::Pattern(_), Some(pattern)) if !negated => Some(Needs::of(pattern)),
            _ => None,
        };
        let targets = (!targets.is_empty()).then(|| self.targets(targets));
        let pattern = needs.map(|needs| {
            self.needs.push(needs);
            (self.needs.len() - 1) as u32
        });
        let group = targets
            .filter(|list| pattern.is_some() && self.targets[*list].1.fixed)
            .map(|list| self.group(list, &transformations, multi_match));
        let effects = effects.into_iter().filter_map(|action| self.effect(action)).collect();
        Link { targets, operator, negated, transformations, multi_match, capture, effects, pattern, group }
    }

    /// The number of a list of targets; equal lists share it.
    fn targets(&mut self, mut all: Vec<Target>) -> usize {
        // Two targets are equal when they print equal: patterns have no other identity.
        let key = format!("{all:?}");
        if let Some(found) = self.targets.iter().position(|(known, _)| *known == key) {
            return found;
        }
        for target in all.iter_mut().filter(|target| target.variable == Variable::Tx) {
            if let Selector::Name(name) = &target.selector {
                target.slot = Some(self.tx(name));
            }
        }
        let fixed = all.iter().all(|target| !target.variable.is_dynamic() && !target.count);
        self.targets.push((key, Targets { all, fixed }));
        self.targets.len() - 1
    }

    fn group(&mut self, targets: usize, transformations: &[Transformation], multi_match: bool) -> usize {
        let same = |group: &Group| {
            group.targets == targets && group.transformations == transformations && group.multi_match == multi_match
        };
        if let Some(found) = self.groups.iter().position(same) {
            return found;
        }
        self.groups.push(Group { targets, transformations: transformations.to_vec(), multi_match });
        self.groups.len() - 1
    }

    fn tx(&mut self, name: &[u8]) -> usize {
        let next = self.tx_names.len();
        *self.tx_names.entry(name.to_ascii_lowercase()).or_insert(next)
    }

    fn effect(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Set(assignment) => {
                let name = match assignment.name.fixed() {
                    Some(name) => TxName::Fixed(self.tx(name)),
                    None => TxName::Filled(assignment.name),
                };
                Some(Effect::Set { name, change: assignment.change })
            }
            Action::Control(control) => Some(Effect::Control(control)),
            _ => None,
        }
    }

    /// Gives rules further targets; `!` takes targets away.
    fn update(&mut self, targets: &[Target], meant: impl Fn(&Rule) -> bool) {
        let places: Vec<usize> = (0..self.drafts.len()).filter(|at| meant(&self.drafts[*at].rule)).collect();
        for at in places {
            let Some(old) = self.drafts[at].rule.links.first().and_then(|link| link.targets) else { continue };
            let mut all = self.targets[old].1.all.clone();
            all.extend(targets.iter().cloned());
            let list = self.targets(all);
            let fixed = self.targets[list].1.fixed;
            let (transformations, multi_match, pattern) = {
                let link = &self.drafts[at].rule.links[0];
                (link.transformations.clone(), link.multi_match, link.pattern)
            };
            let group = (fixed && pattern.is_some()).then(|| self.group(list, &transformations, multi_match));
            let link = &mut self.drafts[at].rule.links[0];
            (link.targets, link.group) = (Some(list), group);
        }
    }

    fn finish(mut self) -> Result<RuleSet, Error> {
        if let Some(open) = &self.open {
            return Err(open.rule.place.error(Some(open.rule.id), Fault::OpenChain));
        }
        let removed = |rule: &Rule| {
            self.removed.iter().any(|(from, to)| (*from..=*to).contains(&rule.id))
                || rule.tags.iter().any(|tag| self.removed_tags.contains(tag))
        };
        self.drafts = std::mem::take(&mut self.drafts).into_iter().filter(|draft| !removed(&draft.rule)).collect();
        let mut phases: [Vec<usize>; 5] = Default::default();
        let positions: Vec<(u8, usize)> = self.drafts.iter().map(|draft| (draft.rule.phase, draft.position)).collect();
        for (number, (phase, _)) in positions.iter().enumerate() {
            phases[usize::from(*phase) - 1].push(number);
        }
        for draft in &mut self.drafts {
            let own = &phases[usize::from(draft.rule.phase) - 1];
            let from = match &draft.jump {
                None => continue,
                Some(Jump::Marker(name)) => {
                    let marker = self.markers.get(name).copied();
                    let fault = || draft.rule.place.error(Some(draft.rule.id), Fault::NoMarker(name.clone()));
                    marker.ok_or_else(fault)?
                }
                Some(Jump::Over(rules)) => {
                    let at = own.iter().position(|number| positions[*number].1 == draft.position).unwrap_or_default();
                    own.get(at.saturating_add(*rules).saturating_add(1))
                        .map_or(usize::MAX, |number| positions[*number].1)
                }
            };
            let to = own.iter().position(|number| positions[*number].1 >= from).unwrap_or(own.len());
            // Only onwards: a jump back would never end.
            let here = own.iter().position(|number| positions[*number].1 > draft.position).unwrap_or(own.len());
            draft.rule.jump = Some(to.max(here));
        }
        self.expand_names();
        Ok(RuleSet {
            rules: self.drafts.into_iter().map(|draft| draft.rule).collect(),
            phases,
            targets: self.targets.into_iter().map(|(_, targets)| targets).collect(),
            groups: self.groups,
            prefilter: Prefilter::new(&self.needs),
            tx_names: self.tx_names,
            mode: self.mode,
            body_access: !self.no_body,
        })
    }

    /// Names of `TX` values that macros read have fixed places, too.
    fn expand_names(&mut self) {
        let mut names = Vec::new();
        let mut read = |template: &Template| {
            for piece in &template.0 {
                if let Piece::Macro(Target { variable: Variable::Tx, selector: Selector::Name(name), .. }) = piece {
                    names.push(name.clone());
                }
            }
        };
        for link in self.drafts.iter().flat_map(|draft| &draft.rule.links) {
            if let Operator::Compare(_, text) | Operator::Text(_, text) = &link.operator {
                read(text);
            }
        }
        for name in names {
            self.tx(&name);
        }
    }
}

/// What stands before the actions of a rule.
struct Head {
    targets: Vec<Target>,
    operator: Operator,
    negated: bool,
    pattern: Option<String>,
}
