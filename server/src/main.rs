//! The binary `ringfence`: reads the command line, does what it says, and turns the outcome into an exit code.
//!
//! Exit codes: 0 good; 1 the thing asked about is not so (`verify`, `doctor`, a call that was not answered); 2 wrong use, or it
//! could not be looked at or done (settings that are refused, data that is not there), and standard error says why.

mod api;
mod audit_log;
mod cli;
mod config;
mod dashboard;
mod demo;
mod doctor;
mod doors;
mod masking;
mod metrics;
mod node;
mod operators;
mod phone;
mod running;
mod safekeeping;
mod scenario;
mod tls;
mod transit;
mod wiring;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
