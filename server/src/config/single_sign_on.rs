//! Where the identity providers of organizations may stand. Which provider an organization has is its owner's to say.

use std::path::PathBuf;

use edge::outgoing::{Outgoing, Reach};
use serde::Deserialize;

/// The name by which providers know this server's requests.
const AGENT_NAME: &str = "RingfenceSignIn";

/// What the operator allows about single sign-on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SingleSignOn {
    /// May providers stand in private networks, on any port, and in clear on this machine? Then owners of organizations can
    /// make this server ask addresses of its own network, so only where you trust every owner.
    pub private_providers: bool,
    /// Authorities that may sign providers' certificates beside those of the system, in PEM form.
    pub ca_file: Option<PathBuf>,
}

impl SingleSignOn {
    /// The means by which providers are asked.
    ///
    /// # Errors
    /// When the authorities' file cannot be read or holds none.
    pub fn outgoing(&self) -> anyhow::Result<Outgoing> {
        let reach = if self.private_providers { Reach::PrivateToo } else { Reach::PublicOnly };
        let outgoing = Outgoing::new(reach, AGENT_NAME);
        let Some(file) = &self.ca_file else { return Ok(outgoing) };
        let wrong =
            |why: &dyn std::fmt::Display| anyhow::anyhow!("setting `single_sign_on.ca_file` {}: {why}", file.display());
        let text = std::fs::read(file).map_err(|error| wrong(&error))?;
        outgoing.with_authorities(&text).map_err(|_| wrong(&"no certificate in PEM form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_public_unless_the_operator_says_otherwise() {
        let reach = |private_providers| SingleSignOn { private_providers, ca_file: None }.outgoing();
        assert_eq!(reach(false).expect("made").reach(), Reach::PublicOnly);
        assert_eq!(reach(true).expect("made").reach(), Reach::PrivateToo);
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("tests can write");
        let file = folder.path().join("none.pem");
        std::fs::write(&file, "nothing\n").expect("written");
        for ca_file in [file, folder.path().join("missing.pem")] {
            let error = SingleSignOn { private_providers: false, ca_file: Some(ca_file) }.outgoing();
            let error = error.err().expect("refused").to_string();
            assert!(error.contains("single_sign_on.ca_file"), "{error}");
        }
    }
}
