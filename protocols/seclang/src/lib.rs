//! The rule language of the OWASP Core Rule Set 4: parsed, compiled and evaluated, without IO and without a clock.
