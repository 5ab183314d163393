//! Keeps the SIP stack's logs quiet: at its usual level it writes whole messages, with credentials and numbers.

/// The directive that holds whatever else is asked for.
const QUIET: &str = "rsipstack=warn";

/// The log filter to use: what was asked for, without any wish about the SIP stack, which only warns.
pub fn log_filter(asked: &str) -> String {
    let mut kept: Vec<&str> =
        asked.split(',').map(str::trim).filter(|part| !part.is_empty() && !part.contains("rsipstack")).collect();
    kept.push(QUIET);
    kept.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_make_the_stack_talk() {
        assert_eq!(log_filter("info"), "info,rsipstack=warn");
        assert_eq!(log_filter("rsipstack=trace, debug,rsipstack::transport=info"), "debug,rsipstack=warn");
        assert_eq!(log_filter(""), "rsipstack=warn");
    }
}
