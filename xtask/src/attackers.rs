//! Programs that attack the running product (schemathesis, wapiti, sqlmap): each in a virtual environment of its own, because their
//! wishes contradict each other, and with every package at the version written down in `xtask/tools`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::machine::{Machine, output_of, with_retries};

/// A whole environment is some 100 packages from a registry.
const INSTALL_LIMIT_SECONDS: u32 = 600;

/// One of them.
pub struct Attacker {
    /// The variable by which tests find it.
    pub variable: &'static str,
    /// Its program within the environment.
    program: &'static str,
    /// The list under `xtask/tools`, without `.txt`.
    list: &'static str,
}

/// All of them.
pub const ATTACKERS: [Attacker; 3] = [
    Attacker { variable: "RINGFENCE_SCHEMATHESIS", program: "schemathesis", list: "schemathesis" },
    Attacker { variable: "RINGFENCE_WAPITI", program: "wapiti", list: "wapiti" },
    Attacker { variable: "RINGFENCE_SQLMAP", program: "sqlmap", list: "sqlmap" },
];

impl Attacker {
    /// The path of the program; installed under the target folder when it is missing or its list has changed.
    pub fn path(&self, machine: &Machine) -> Result<PathBuf> {
        let folder = machine.target.join("attackers").join(self.list);
        let (program, installed) = (folder.join("bin").join(self.program), folder.join("installed.txt"));
        let list = machine.root.join("xtask/tools").join(self.list).with_extension("txt");
        let wanted = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        if program.is_file() && std::fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
            return Ok(program);
        }
        let system = Path::new("/usr/bin/python3");
        let system = if system.exists() { system } else { Path::new("python3") };
        output_of(machine.command(INSTALL_LIMIT_SECONDS, system).args(["-m", "venv", "--clear"]).arg(&folder))?;
        with_retries(&format!("pip install {}", self.list), || {
            let mut command = machine.command(INSTALL_LIMIT_SECONDS, folder.join("bin/python"));
            command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]);
            output_of(command.arg("--no-deps").arg("--requirement").arg(&list))
        })?;
        std::fs::write(&installed, wanted)?;
        Ok(program)
    }
}
