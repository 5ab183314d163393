//! The Debian packages that the tests lean on. As root the missing ones are installed; as anybody else they are named with the command
//! that would install them.

use std::process::Command;

use anyhow::{Result, bail};

use crate::machine::{Machine, ends_well, with_retries};

/// One package and what it is for.
struct Package {
    name: &'static str,
    purpose: &'static str,
}

/// Everything the tests start that Cargo does not bring.
const PACKAGES: &[Package] = &[
    Package { name: "postgresql", purpose: "the second database of every store test" },
    Package { name: "chromium", purpose: "the browser that drives the dashboard and the widget" },
    Package { name: "chromium-driver", purpose: "WebDriver for it" },
    Package { name: "fonts-dejavu-core", purpose: "letters in its screenshots" },
    Package { name: "sip-tester", purpose: "SIPp, hundreds of calls" },
    Package { name: "baresip", purpose: "a softphone that is not ours" },
    Package { name: "kamailio", purpose: "a registrar and trunk that is not ours" },
    Package { name: "kamailio-tls-modules", purpose: "TLS for it" },
    Package { name: "espeak-ng", purpose: "reads quotes aloud" },
    Package { name: "sox", purpose: "makes and measures tones" },
    Package { name: "curl", purpose: "runs the guide's commands as a reader would" },
    Package { name: "poppler-utils", purpose: "a second reader of PDF text" },
    Package { name: "python3-venv", purpose: "a Python whose cryptography package opens our blobs" },
    Package { name: "testssl.sh", purpose: "looks for weaknesses of TLS on our listener" },
    Package { name: "slowhttptest", purpose: "slow clients by the hundred" },
    Package { name: "nghttp2-client", purpose: "h2load, HTTP/2 under load" },
    Package { name: "libmodsecurity-dev", purpose: "the firewall engine that ours is measured beside" },
    Package { name: "ca-certificates", purpose: "downloads of the tools" },
];

/// Installing a browser and a database over a slow line.
const INSTALL_LIMIT_SECONDS: u32 = 900;

/// Makes the packages present; returns the names that are still missing (never as root: there it is an error).
pub fn install_missing(machine: &Machine) -> Result<Vec<String>> {
    let mut missing: Vec<&str> =
        PACKAGES.iter().filter(|package| !is_installed(package.name)).map(|p| p.name).collect();
    if !has_program("npm") {
        missing.push("npm");
    }
    if missing.is_empty() {
        println!("all {} packages are there", PACKAGES.len());
        return Ok(Vec::new());
    }
    for package in PACKAGES.iter().filter(|package| missing.contains(&package.name)) {
        println!("missing: {:18} {}", package.name, package.purpose);
    }
    if !is_root() {
        println!("as root: apt-get update && apt-get install --no-install-recommends {}", missing.join(" "));
        return Ok(missing.into_iter().map(str::to_owned).collect());
    }
    with_retries("apt-get update", || apt(machine, &["update", "-qq"]))?;
    with_retries("apt-get install", || {
        let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
        words.extend(&missing);
        apt(machine, &words)
    })?;
    Ok(Vec::new())
}

fn apt(machine: &Machine, words: &[&str]) -> Result<()> {
    let mut command = machine.command(INSTALL_LIMIT_SECONDS, "apt-get");
    command.args(["-o", "Acquire::Retries=3", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]).args(words);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    if ends_well(&mut command)? { Ok(()) } else { bail!("apt-get {} did not succeed", words.join(" ")) }
}

/// True when the package manager knows the package as installed, or when there is no such package manager and it cannot be told.
fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f=${Status}", package])
        .output()
        .is_ok_and(|output| output.status.success() && String::from_utf8_lossy(&output.stdout).contains("ok installed"))
}

/// True when a program of this name is on the search path.
pub fn has_program(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// True when we may install packages and change users.
pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|text| effective_user(&text) == Some(0))
}

/// The effective user id out of the text of `/proc/self/status` (`Uid: real effective saved filesystem`).
fn effective_user(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{PACKAGES, effective_user, has_program, is_installed};

    #[test]
    fn reads_the_effective_user() {
        assert_eq!(effective_user("Name:\tx\nUid:\t1000\t0\t1000\t1000\n"), Some(0));
        assert_eq!(effective_user("Name:\tx\n"), None);
    }

    #[test]
    fn knows_what_is_there() {
        assert!(has_program("sh"));
        assert!(!has_program("no-such-program-here"));
        assert!(!is_installed("no-such-package-here"));
    }

    #[test]
    fn every_package_says_what_it_is_for() {
        assert!(PACKAGES.iter().all(|package| !package.purpose.is_empty()));
    }
}
