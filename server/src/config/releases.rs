//! Whose list of releases is believed, and where it is read.

use std::path::PathBuf;

use audit::checkpoint::VerifierKey;
use edge::outgoing::{Outgoing, Reach};
use serde::Deserialize;
use trust::release::{Source, Watch};

use super::Error;

/// The name by which whoever publishes releases knows this server's requests.
const AGENT_NAME: &str = "RingfenceReleases";

/// News of versions and weaknesses. Nothing is downloaded or installed by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Releases {
    /// The key that signs the list: `name+id+key`, as its publisher gives it.
    pub key: String,
    /// Where the list is asked for, four times a day: an `https:` address. Nothing of this server is told there but its version.
    pub address: Option<String>,
    /// A file to read it from instead, for networks without a way out.
    pub file: Option<PathBuf>,
}

impl Releases {
    /// Whose list is read and where; none when nothing is set.
    ///
    /// # Errors
    /// Names the setting and what would do.
    pub fn watch(&self) -> Result<Option<Watch>, Error> {
        let refused = |reason| Err(Error::Refused { name: "releases", reason });
        if *self == Self::default() {
            return Ok(None);
        }
        let Ok(key) = self.key.parse::<VerifierKey>() else {
            return refused("`key` is the publisher's whole public key: name+id+key");
        };
        let source = match (&self.address, &self.file) {
            (Some(address), None) if address.starts_with("https://") => Source::Address(address.clone()),
            (None, Some(file)) => Source::File(file.clone()),
            (Some(_), None) => return refused("`address` must begin with https://"),
            _ => return refused("give either `address` or `file`"),
        };
        // The operator chose the address, so it may be a mirror in their own network.
        Ok(Some(Watch { key, source, outgoing: Outgoing::new(Reach::PrivateToo, AGENT_NAME) }))
    }
}

#[cfg(test)]
mod tests {
    use storage::SystemEntropy;
    use trust::release::SigningKey;

    use super::*;

    #[test]
    fn a_key_and_one_place_make_a_watch() {
        let key = SigningKey::make("ringfence/releases", &SystemEntropy).expect("a key").verifier_key().to_string();
        let set = |key: &str, address: Option<&str>, file: Option<&str>| {
            Releases { key: key.to_owned(), address: address.map(str::to_owned), file: file.map(PathBuf::from) }.watch()
        };
        assert!(set("", None, None).expect("nothing set").is_none());
        assert!(set(&key, Some("https://example.com/list"), None).expect("good").is_some());
        assert!(set(&key, None, Some("/srv/list")).expect("good").is_some());
        for (key, address, file, says) in [
            ("", Some("https://example.com/list"), None, "`key`"),
            (&key[1..], Some("https://example.com/list"), None, "`key`"),
            (&key, Some("http://example.com/list"), None, "https://"),
            (&key, None, None, "either"),
            (&key, Some("https://example.com/list"), Some("/srv/list"), "either"),
        ] {
            let error = set(key, address, file).err().expect("refused").to_string();
            assert!(error.contains("releases") && error.contains(says), "{error}");
        }
    }
}
