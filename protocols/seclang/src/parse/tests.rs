//! Lines and words of rule files, and faults named by file, line and rule.

use super::{logical_lines, words};
use crate::{Error, Fault, RuleSet, Source};

fn fault(text: &str) -> Error {
    RuleSet::compile(&[Source { name: "a.conf", text }], &[]).map(drop).expect_err("a fault")
}

#[test]
fn lines_and_words() {
    let lines = logical_lines("# no\n\nSecRule A \\\r\n  \"b\\\"c\"\\\n\nSecMarker X\n");
    assert_eq!(lines, [(3, "SecRule A   \"b\\\"c\"".to_owned()), (6, "SecMarker X".to_owned())]);
    assert_eq!(
        words("SecRule A|B \"a \\\"b\\\" \\\\s\" 'x y'").expect("words"),
        ["SecRule", "A|B", "a \"b\" \\\\s", "x y"]
    );
    assert_eq!(words("SecRule \"open"), Err(Fault::OpenQuote));
}

#[test]
fn faults_name_file_line_and_rule() {
    let error = fault("\n\nSecRule ARGS \"@rx (\" \\\n  \"id:17,phase:2\"\n");
    assert_eq!((error.line, error.rule), (3, Some(17)));
    assert!(error.to_string().starts_with("a.conf:3: rule 17: `@rx` cannot use its argument"), "{error}");
}

#[test]
fn each_fault_is_found() {
    let rule = |actions: &str| fault(&format!("SecRule ARGS \"@rx a\" \"{actions}\"")).fault;
    assert_eq!(rule("phase:2"), Fault::NoId);
    assert_eq!(rule("id:1,phase:6"), Fault::Phase("6".to_owned()));
    assert_eq!(rule("id:1,explode"), Fault::UnknownAction("explode".to_owned()));
    assert_eq!(rule("id:1,t:rot13"), Fault::UnknownTransformation("rot13".to_owned()));
    assert_eq!(rule("id:1,chain"), Fault::OpenChain);
    assert_eq!(rule("id:1,skipAfter:NOWHERE"), Fault::NoMarker("NOWHERE".to_owned()));
    assert_eq!(rule("id:1,msg:'open"), Fault::OpenQuote);
    for actions in ["id:x", "id:1,status:99", "id:1,setvar:ip.x=1", "id:1,ctl:ruleEngine=Maybe", "id:1,severity:BAD"] {
        assert!(matches!(rule(actions), Fault::ActionValue { .. }), "{actions}");
    }
    assert_eq!(fault("SecNonsense On").fault, Fault::UnknownDirective("SecNonsense".to_owned()));
    assert_eq!(fault("SecRule NOTHING \"a\" \"id:1\"").fault, Fault::UnknownVariable("NOTHING".to_owned()));
    assert_eq!(fault("SecRule XML:/a/b \"a\" \"id:1\"").fault, Fault::Selector("XML:/a/b".to_owned()));
    assert_eq!(fault("SecAction \"id:1,pass\"\nSecAction \"id:1,pass\"").fault, Fault::TakenId("a.conf:1".to_owned()));
    let chained = "SecRule ARGS \"a\" \"id:1,chain\"\nSecRule ARGS \"b\" \"id:2\"";
    assert_eq!(fault(chained).fault, Fault::NotFirst("id"));
    assert!(matches!(fault("SecMarker").fault, Fault::Words { directive: "SecMarker", .. }));
}

#[test]
fn settings_of_other_engines_are_passed_over() {
    let text = "SecAuditLog /var/log/x\nSecComponentSignature \"X/1\"\nSecRuleEngine DetectionOnly\n";
    let rules = RuleSet::compile(&[Source { name: "a", text }], &[]).expect("rules");
    assert_eq!((rules.rules().len(), rules.mode()), (0, crate::Mode::Detect));
}
