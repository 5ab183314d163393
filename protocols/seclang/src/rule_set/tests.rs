//! Rules that other rules change, and defaults.

use crate::{RuleSet, Source};

#[test]
fn rules_can_be_removed_and_given_other_targets() {
    let text = r#"
        SecRule ARGS "@rx a" "id:1,phase:1,tag:'one'"
        SecRule ARGS "@rx b" "id:2,phase:5,tag:'two'"
        SecRule ARGS "@rx c" "id:30,phase:2"
        SecRuleUpdateTargetById 30 "!ARGS:q,REQUEST_HEADERS"
        SecRuleUpdateTargetByTag one "!ARGS:q"
        SecRuleRemoveByTag two
        SecRuleRemoveById 10-20 99
    "#;
    let rules = RuleSet::compile(&[Source { name: "a.conf", text }], &[]).expect("rules");
    let numbers: Vec<_> = rules.rules().iter().map(|rule| (rule.id(), rule.phase(), rule.place())).collect();
    assert_eq!(numbers, [(1, 1, ("a.conf", 2)), (30, 2, ("a.conf", 4))]);
    let targets = |rule: usize| rules.rules()[rule].links[0].targets.map(|list| rules.targets[list].all.len());
    assert_eq!((targets(0), targets(1)), (Some(2), Some(3)));
}

#[test]
fn block_means_what_the_default_says() {
    let text = "SecDefaultAction \"phase:1,nolog,deny,status:429\"\nSecRule ARGS \"a\" \"id:1,phase:1,block,tag:x\"";
    let rules = RuleSet::compile(&[Source { name: "a.conf", text }], &[]).expect("rules");
    let rule = &rules.rules()[0];
    assert_eq!((rule.disruption, rule.status, rule.log), (crate::Disruption::Deny, 429, false));
    assert_eq!(rule.tags(), ["x"]);
}
