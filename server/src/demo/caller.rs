//! The simulated caller of the demo: books an appointment by a real call, so that the dashboard has something to show.

use std::process::Stdio;

use tokio::process::Command;

use crate::cli::say;

/// Calls `uri`, books an appointment by keypad and tells the terminal how it went. The caller is a process of its own, as a
/// caller is in life: none of its sockets belong to the server.
pub async fn call_in(uri: &str) {
    say("A simulated caller is on the phone now: open Calls and watch.");
    let told = match book(uri).await {
        Ok(true) => "The simulated caller has hung up.".to_owned(),
        Ok(false) => "The simulated caller was not answered.".to_owned(),
        Err(error) => format!("The simulated caller could not call: {error}."),
    };
    say(&told);
}

async fn book(uri: &str) -> std::io::Result<bool> {
    let mut caller = Command::new(std::env::current_exe()?);
    caller.args(["call", uri, "--scenario", "booking", "--json"]);
    let status = caller.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).status().await?;
    Ok(status.success())
}
