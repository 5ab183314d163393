//! The root key wrapped by the transit engine of OpenBao or HashiCorp Vault: the file in the data folder means nothing
//! without that server, which keeps its own key, asks for a token, and writes down each use.
//!
//! The vault knows only the door [`vault::KeyService`]; HTTP stays out of it, because every part stands on the vault and none
//! but this binary speaks to such a server.

mod client;

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub use client::Transit;

/// Where the transit engine is, and how this node shows who it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransitSettings {
    /// `https://host:8200`; plain `http://` on this machine only.
    pub address: String,
    /// Name of the key there.
    pub key: String,
    /// Path of the engine.
    #[serde(default = "usual_mount")]
    pub mount: String,
    /// Namespace, where the server has several.
    #[serde(default)]
    pub namespace: Option<String>,
    /// File that holds the token and nothing else, read at each use: an agent may renew it.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Variable that holds the token.
    #[serde(default)]
    pub token_variable: Option<String>,
    /// The authority that signs the server's certificate, in PEM form; the usual ones when absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The file of the wrapped key; relative paths start at `data_dir`.
    #[serde(default = "usual_file")]
    pub file: PathBuf,
}

fn usual_mount() -> String {
    "transit".to_owned()
}

fn usual_file() -> PathBuf {
    PathBuf::from("root.key.wrapped")
}

impl TransitSettings {
    /// What cannot be used, in words that say what would do.
    pub fn fault(&self) -> Option<&'static str> {
        let plain = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
            !text.is_empty() && text.bytes().all(fits) && !text.split('/').any(|part| part.is_empty() || part == "..")
        };
        if !self.address.starts_with("https://") && !self.is_on_this_machine() {
            return Some("`address` must begin with https:// (plain http:// only on this machine)");
        }
        if !plain(&self.key) || self.key.contains('/') || !plain(&self.mount) {
            return Some("`key` and `mount` are names of letters, digits, - _ and .");
        }
        if self.namespace.as_deref().is_some_and(|namespace| !plain(namespace.trim_matches('/'))) {
            return Some("`namespace` is a path of letters, digits, - _ and .");
        }
        if self.token_file.is_some() == self.token_variable.is_some() {
            return Some("needs either `token_file` or `token_variable`");
        }
        None
    }

    fn is_on_this_machine(&self) -> bool {
        let Ok(address) = self.address.parse::<http::Uri>() else { return false };
        let host = address.host().unwrap_or_default().trim_matches(['[', ']']);
        address.scheme_str() == Some("http")
            && (host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
    }
}

#[cfg(test)]
mod tests;
