//! The whole product, as a newcomer meets it: the binary is started by its command line and used from outside, over real
//! HTTP, real SIP and sound, and a real browser. Nothing here reaches into the program.

#![expect(
    clippy::format_collect,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::print_stdout,
    reason = "short texts are put together, our own file names compared, and the product's log is shown when a test fails"
)]

mod attack;
mod audit_log;
mod browser;
mod caller;
mod commands;
mod crash;
mod description;
mod doctor;
mod ending;
mod forms;
mod guide;
mod injection;
mod isolation;
mod knowledge;
mod leavers;
mod logs;
mod malformed;
mod networks;
mod nodes;
mod operators;
mod organizations;
mod phone;
mod plaintext;
mod product;
mod provisioning;
mod release;
mod replay;
mod rule_set;
mod safekeeping;
mod search;
mod secured;
mod siege;
mod single_sign_on;
mod start;
mod visitor;
