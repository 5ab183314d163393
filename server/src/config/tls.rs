//! Settings of TLS: which certificate the node presents, and where plain HTTP is sent from.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Error, Settings};

/// `[tls]`: the node speaks TLS itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The oldest version that is spoken: `"1.3"`, or `"1.2"` for clients that know nothing newer.
    pub minimum: TlsVersion,
    /// The certificate with its chain, in PEM form; read again when it changes. Goes with `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// Its private key, in PEM form, not encrypted and not readable by everybody.
    pub key_file: Option<PathBuf>,
    /// An address for plain HTTP, usually port 80, that sends browsers to the TLS address and holds nothing else.
    pub redirect_from: Option<SocketAddr>,
    /// Instead of files: certificates from an authority, ordered and renewed by the node.
    pub acme: Option<Acme>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246), with modern suites only.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
}

/// `[tls.acme]`: an authority that speaks ACME (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// The operator has read and agrees to the authority's terms of service; must be true.
    pub agree_to_terms: bool,
    /// Where the authority may write to (`mailto:…`).
    #[serde(default)]
    pub contact: String,
    /// The authority's directory.
    #[serde(default = "lets_encrypt")]
    pub directory: String,
    /// The authority's root in PEM form, for one that the system does not know.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The names of the certificate; the host of `public_url` when empty.
    #[serde(default)]
    pub names: Vec<String>,
}

fn lets_encrypt() -> String {
    edge::acme::LETS_ENCRYPT.to_owned()
}

impl Settings {
    /// Do browsers reach this node by TLS, its own or a proxy's? Then cookies are `Secure` and HSTS is sent.
    pub fn is_over_tls(&self) -> bool {
        self.tls.is_some() || self.public_url.starts_with("https://")
    }

    /// Checks what no single value can tell about TLS.
    pub(super) fn check_tls(&self) -> Result<(), Error> {
        let refuse = |name, reason| Err(Error::Refused { name, reason });
        if self.database_tls_minimum != TlsVersion::default() && self.database_ca_file.is_none() {
            return refuse(
                "database_tls_minimum",
                "goes with `database_ca_file`: without it no TLS is spoken to PostgreSQL",
            );
        }
        let beyond = !self.http.ip().to_canonical().is_loopback();
        let has_https_name = self.public_url.starts_with("https://") && self.public_host().is_some();
        let Some(tls) = &self.tls else {
            if self.proxy_terminates_tls && !has_https_name {
                return refuse(
                    "public_url",
                    "must be the https address of the proxy when `proxy_terminates_tls` is set",
                );
            }
            return Ok(());
        };
        if self.proxy_terminates_tls {
            return refuse("proxy_terminates_tls", "a node that speaks TLS itself (`[tls]`) has no use for it");
        }
        if !self.public_url.is_empty() && !has_https_name {
            return refuse("public_url", "must begin with https:// when the node speaks TLS (`[tls]`)");
        }
        if beyond && !has_https_name {
            return refuse("public_url", "browsers need a name: set it to https://NAME, as the certificate says");
        }
        match (&tls.certificate_file, &tls.key_file, &tls.acme) {
            (Some(_), Some(_), None) => Ok(()),
            (None, None, Some(acme)) => self.check_acme(tls, acme),
            (None, None, None) => refuse("tls", "needs `certificate_file` and `key_file`, or a table `[tls.acme]`"),
            (_, _, None) => refuse("tls", "`certificate_file` and `key_file` go together"),
            _ => refuse("tls.acme", "takes the place of `certificate_file` and `key_file`: choose one"),
        }
    }

    fn check_acme(&self, tls: &Tls, acme: &Acme) -> Result<(), Error> {
        let refuse = |name, reason| Err(Error::Refused { name, reason });
        if !acme.agree_to_terms {
            return refuse("tls.acme.agree_to_terms", "read the authority's terms of service, then set it to true");
        }
        if !acme.directory.starts_with("https://") {
            return refuse("tls.acme.directory", "must be an https address");
        }
        if !acme.contact.is_empty() && !acme.contact.starts_with("mailto:") {
            return refuse("tls.acme.contact", "must be a `mailto:` address");
        }
        if tls.redirect_from.is_none() {
            return refuse("tls.redirect_from", "the authority looks for its challenge on port 80: name that address");
        }
        match self.acme_names(acme) {
            names if names.is_empty() => refuse("tls.acme.names", "needs at least one name, or set `public_url`"),
            names if names.iter().any(|name| !is_name(name)) => {
                refuse("tls.acme.names", "takes names such as desk.example.com: no address, no wildcard, no port")
            }
            _ => Ok(()),
        }
    }

    /// The names that a certificate is ordered for.
    pub fn acme_names(&self, acme: &Acme) -> Vec<String> {
        match acme.names.as_slice() {
            [] => self.public_host().into_iter().collect(),
            names => names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        }
    }
}

/// A DNS name that an authority can check by http-01.
fn is_name(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !name.is_empty() && name.parse::<std::net::IpAddr>().is_err() && name.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<String> {
        let settings: Settings = toml::from_str(text).expect("understood");
        settings.check().err().map(|error| error.to_string())
    }

    const FILES: &str = "[tls]\ncertificate_file = \"a.pem\"\nkey_file = \"b.pem\"\n";

    #[test]
    fn good_ways_are_taken() {
        for text in [
            FILES.to_owned(),
            format!("http = \"0.0.0.0:443\"\npublic_url = \"https://desk.example\"\n{FILES}minimum = \"1.2\"\n"),
            format!("http = \"0.0.0.0:443\"\npublic_url = \"https://desk.example\"\n{FILES}redirect_from = \"0.0.0.0:80\"\n"),
            "public_url = \"https://desk.example\"\n[tls]\nredirect_from = \"127.0.0.1:80\"\nacme = { agree_to_terms = true }".to_owned(),
            "http = \"0.0.0.0:80\"\npublic_url = \"https://desk.example\"\nproxy_terminates_tls = true".to_owned(),
            "database_ca_file = \"ca.pem\"\ndatabase_tls_minimum = \"1.2\"".to_owned(),
        ] {
            assert_eq!(refusal(&text), None, "{text}");
        }
    }

    #[test]
    fn each_mistake_is_named_by_its_setting() {
        let acme = |more: &str| {
            format!(
                "public_url = \"https://desk.example\"\n[tls]\nredirect_from = \"127.0.0.1:80\"\n[tls.acme]\n{more}"
            )
        };
        for (text, name) in [
            ("[tls]\n".to_owned(), "`tls`"),
            ("[tls]\nkey_file = \"b\"".to_owned(), "go together"),
            ("database_tls_minimum = \"1.2\"".to_owned(), "`database_tls_minimum`"),
            (format!("{FILES}acme = {{ agree_to_terms = true }}"), "choose one"),
            (format!("proxy_terminates_tls = true\n{FILES}"), "`proxy_terminates_tls`"),
            (format!("http = \"0.0.0.0:443\"\n{FILES}"), "`public_url`"),
            (format!("public_url = \"http://desk.example\"\n{FILES}"), "`public_url`"),
            ("proxy_terminates_tls = true".to_owned(), "`public_url`"),
            (acme("agree_to_terms = false"), "agree_to_terms"),
            (acme("agree_to_terms = true\ndirectory = \"http://authority.example\""), "directory"),
            (acme("agree_to_terms = true\ncontact = \"me@desk.example\""), "contact"),
            (acme("agree_to_terms = true\nnames = [\"*.desk.example\"]"), "names"),
            (acme("agree_to_terms = true\nnames = [\"192.0.2.1\"]"), "names"),
            (
                "public_url = \"https://desk.example\"\n[tls]\nacme = { agree_to_terms = true }".to_owned(),
                "redirect_from",
            ),
            ("[tls]\nredirect_from = \"127.0.0.1:80\"\nacme = { agree_to_terms = true }".to_owned(), "names"),
        ] {
            let refused = refusal(&text).unwrap_or_else(|| panic!("taken: {text}"));
            assert!(refused.contains(name), "{text}: {refused}");
        }
    }

    #[test]
    fn older_versions_and_unknown_keys_are_no_settings() {
        for text in [
            "database_tls_minimum = \"1.1\"",
            "[tls]\nminimum = \"1.1\"",
            "[tls]\nminimun = \"1.2\"",
            "[tls.acme]\nagree_to_terms = true\nx = 1",
        ] {
            assert!(toml::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
