//! SIPp as callers: many at once, with the scenarios of the phone's own tests.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use media::{g711, tone};
use tokio::process::Command;

use super::{host, is_there};
use crate::product::Product;

/// SIPp with a folder of its own.
pub struct Sipp {
    folder: tempfile::TempDir,
}

impl Sipp {
    /// None when SIPp is not installed.
    pub fn new() -> Option<Self> {
        is_there("sipp").then(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut codes = Vec::new();
            g711::Law::Mu.encode(&tone::sine(620.0, 12_000, 1_000), &mut codes);
            std::fs::write(folder.path().join("tone.ulaw"), codes).expect("written");
            Self { folder }
        })
    }

    /// The scenario `name`, called from `user`.
    fn scenario(&self, name: &str, user: &str) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../product/telephony/tests/sipp");
        let text = std::fs::read_to_string(source.join(format!("{name}.xml"))).expect("a scenario");
        let path = self.folder.path().join(format!("{name}.xml"));
        std::fs::write(&path, text.replace("<sip:sipp@", &format!("<sip:{user}@"))).expect("written");
        path
    }

    /// Calls the sample practice from an address of its own: each address has its own allowance of new calls. Says
    /// whether every call went as the scenario wants, and SIPp's own words.
    pub async fn call(
        &self,
        product: &Product,
        scenario: &str,
        user: &str,
        from: &str,
        more: &[&str],
    ) -> (bool, String) {
        let errors = self.folder.path().join(format!("{scenario}.errors"));
        let mut command = Command::new("sipp");
        command.current_dir(self.folder.path()).arg("-sf").arg(self.scenario(scenario, user));
        command.args([&host(product), "-s", "practice", "-i", from, "-mi", from, "-nostdin", "-timeout", "60s"]);
        command.args(["-timeout_error", "-trace_err", "-error_file"]).arg(&errors).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = command.spawn().expect("sipp starts").wait_with_output().await.expect("sipp ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said + std::fs::read_to_string(&errors).unwrap_or_default().as_str())
    }
}
