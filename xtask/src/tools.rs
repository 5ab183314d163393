//! Tools that come from package registries: a Python with `cryptography` and a SCIM client, axe-core for the accessibility
//! gate, an OpenID provider for single sign-on, cargo-deny for licences. Each is installed once and found again on the next run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::machine::{Machine, output_of, with_retries};

/// The version whose answers the licence rules were written against.
const CARGO_DENY_VERSION: &str = "0.20.2";
/// The accessibility rules; a newer set may find more, so it is raised on purpose.
const AXE_VERSION: &str = "4.14.1";
/// The certified OpenID provider that people sign in at in a test.
const OPENID_PROVIDER_VERSION: &str = "9.13.3";
/// The oldest `cryptography` whose AES-GCM and HKDF the decryption test was written against.
const CRYPTOGRAPHY: &str = "cryptography>=50";
/// An outside judge of provisioning (RFC 7643, RFC 7644), and the client below it. Newer ones may ask more, so they are raised
/// on purpose.
const SCIM: [&str; 3] = ["scim2-tester==0.5.2", "scim2-client[httpx2]==0.13.2", "scim2-models==0.12.3"];
const PYTHON_CHECK: &str = "import cryptography, scim2_tester, httpx2, importlib.metadata as packages; \
                            assert int(cryptography.__version__.split('.')[0]) >= 50; \
                            assert packages.version('scim2-tester') == '0.5.2'";

const INSTALL_LIMIT_SECONDS: u32 = 600;
/// cargo-deny is built from source: about three minutes on two cores.
const BUILD_LIMIT_SECONDS: u32 = 1200;

/// A Python interpreter that can import `cryptography` and `scim2_tester`; made under the target folder when missing.
pub fn python(machine: &Machine) -> Result<PathBuf> {
    let folder = machine.target.join("python");
    let python = folder.join("bin/python");
    let can_import =
        |python: &Path| output_of(machine.command(INSTALL_LIMIT_SECONDS, python).args(["-c", PYTHON_CHECK])).is_ok();
    if can_import(&python) {
        return Ok(python);
    }
    let system = Path::new("/usr/bin/python3");
    let system = if system.exists() { system } else { Path::new("python3") };
    output_of(machine.command(INSTALL_LIMIT_SECONDS, system).args(["-m", "venv", "--clear"]).arg(&folder))?;
    with_retries("pip install", || {
        let mut command = machine.command(INSTALL_LIMIT_SECONDS, &python);
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", CRYPTOGRAPHY]);
        output_of(command.args(SCIM))
    })?;
    Ok(python)
}

/// The path of `axe.min.js`; installed under the target folder when missing.
pub fn axe(machine: &Machine) -> Result<PathBuf> {
    let script = npm_package(machine, "npm", "axe-core", AXE_VERSION)?.join("axe.min.js");
    script.is_file().then_some(script).context("npm installed axe-core, but axe.min.js is not where it should be")
}

/// The folder of `oidc-provider`; installed under the target folder when missing.
pub fn openid_provider(machine: &Machine) -> Result<PathBuf> {
    let package = npm_package(machine, "npm-openid", "oidc-provider", OPENID_PROVIDER_VERSION)?;
    let is_whole = package.join("lib/index.js").is_file();
    is_whole.then_some(package).context("npm installed oidc-provider, but lib/index.js is not where it should be")
}

/// The folder of a package of this version, in a folder of its own below the target folder.
fn npm_package(machine: &Machine, folder: &str, name: &str, version: &str) -> Result<PathBuf> {
    let folder = machine.target.join(folder);
    let package = folder.join("node_modules").join(name);
    let right_version = std::fs::read_to_string(package.join("package.json"))
        .is_ok_and(|manifest| manifest.contains(&format!("\"version\": \"{version}\"")));
    if !right_version {
        std::fs::create_dir_all(&folder)?;
        with_retries(&format!("npm install {name}"), || {
            let mut command = machine.command(INSTALL_LIMIT_SECONDS, "npm");
            command.args([
                "install",
                "--no-audit",
                "--no-fund",
                "--no-save",
                "--ignore-scripts",
                "--silent",
                "--prefix",
            ]);
            output_of(command.arg(&folder).arg(format!("{name}@{version}")))
        })?;
    }
    Ok(package)
}

/// The folder that holds a `cargo-deny` of the right version; built into the tools folder when the machine has none.
pub fn cargo_deny(machine: &Machine) -> Result<PathBuf> {
    let built = machine.tools.join("bin/cargo-deny");
    for candidate in [PathBuf::from("cargo-deny"), built.clone()] {
        if is_cargo_deny(&candidate) {
            return Ok(candidate);
        }
    }
    println!("building cargo-deny {CARGO_DENY_VERSION} once into {}", machine.tools.display());
    with_retries("cargo install cargo-deny", || {
        let mut command = machine.cargo(BUILD_LIMIT_SECONDS, "install cargo-deny --quiet --version");
        command.arg(CARGO_DENY_VERSION).arg("--root").arg(&machine.tools);
        if !machine.in_ci {
            command.arg("--locked");
        }
        // Not ours to test: the quickest build that still runs at speed.
        command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        command.env_remove("CARGO_TARGET_DIR");
        output_of(&mut command)
    })?;
    Ok(built)
}

fn is_cargo_deny(program: &Path) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| {
        output.status.success()
            && String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {CARGO_DENY_VERSION}")
    })
}
