//! Settings: what an operator can decide about one running node, from a file, the environment and the command line.
//!
//! The command line wins over the environment, the environment over the file, the file over the defaults. Unknown keys
//! are refused, so that a typing error never silently leaves a control switched off. Secrets are never settings: they
//! come from files, credentials or commands that the settings only name.

mod limits;
mod phone;
mod releases;
mod single_sign_on;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use edge::FirewallMode;
use serde::Deserialize;
use uuid::Uuid;

pub use limits::Limits;
pub use phone::Phone;
#[cfg(test)]
pub use phone::PhoneSecurity;
pub use releases::Releases;
pub use single_sign_on::SingleSignOn;
pub use tls::{Tls, TlsVersion};

use crate::transit::TransitSettings;

/// The largest settings file that is read, in bytes.
const SETTINGS_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Everything an operator can decide.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folder that holds the embedded database, sealed objects, the root key file and checkpoints.
    pub data_dir: PathBuf,
    /// Address of the dashboard, the API and the widget. Anything but loopback needs TLS.
    pub http: SocketAddr,
    /// Address of SIP over UDP and TCP.
    pub sip: SocketAddr,
    /// Address of SIP over TLS, with the certificate of `tls`; none means that phones cannot call over TLS.
    pub sip_tls: Option<SocketAddr>,
    /// How much encryption calls must have.
    pub phone: Phone,
    /// Address that callers' audio is received on; the port is chosen from `rtp_ports`.
    pub rtp_ports: PortRange,
    /// Address of metrics and of the operator's own pages: loopback only.
    pub admin: SocketAddr,
    /// Where the database is: embedded in `data_dir` when empty, else a `postgres://` address, or where that stands when it
    /// holds a password: `file:/etc/ringfence/database` or `env:RINGFENCE_DATABASE`.
    pub database_url: String,
    /// The authority that signs PostgreSQL's certificate, in PEM form. With it TLS is spoken to PostgreSQL, and its certificate
    /// and name are checked; a PostgreSQL on another machine is not spoken to without.
    pub database_ca_file: Option<PathBuf>,
    /// The oldest version of TLS that is spoken to PostgreSQL: `"1.3"`, or `"1.2"` for a server that knows nothing newer. The trust
    /// page says which. Goes with `database_ca_file`.
    pub database_tls_minimum: TlsVersion,
    /// Speak to a PostgreSQL on another machine in clear, as over a network that is encrypted itself. The trust page says so.
    pub database_in_clear: bool,
    /// Where the root key comes from.
    pub root_key: RootKey,
    /// Which data the node is started for; set by the command, never by a file. None takes what there is and makes nothing.
    #[serde(skip)]
    pub stamp: Option<vault::Stamp>,
    /// Public address of this node as browsers see it, for links and origins (`https://host`); derived from `http` when empty.
    pub public_url: String,
    /// TLS for `http`; without this table `http` is plain HTTP and so for this machine only.
    pub tls: Option<Tls>,
    /// A proxy in front of `http` speaks TLS with the world, so plain HTTP beyond loopback is meant. The trust page says so.
    pub proxy_terminates_tls: bool,
    /// Addresses of the proxies in front of `http`, whose `X-Forwarded-For` names the client. Nobody else's is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where holes in this installation are reported: a `mailto:` or `https:` address for `security.txt`.
    pub security_contact: String,
    /// What the firewall in front of every route does with an attack: `block`, `detect` or `off`.
    pub firewall: FirewallMode,
    /// A folder with the OWASP Core Rule Set 4 (`crs-setup.conf` and `rules/`), which then takes the place of our own rules.
    pub crs_dir: Option<PathBuf>,
    /// The way out to the telephone network; none means that only addresses on this machine can be called.
    pub trunk: Option<Trunk>,
    /// Country code of the business without `+` (`44`); without it no telephone number is ever dialled.
    pub home_country_code: Option<String>,
    /// Further country codes that may be dialled.
    pub allowed_country_codes: Vec<String>,
    /// May agents call SIP addresses on this machine? For the demo and for tests.
    pub call_this_machine: bool,
    /// Folders in which the synthesizer espeak-ng is looked for, in the form of `PATH`; empty means no synthesizer.
    pub synthesizer_path: String,
    /// Where the identity providers of organizations may stand.
    pub single_sign_on: SingleSignOn,
    /// Whose news of versions and weaknesses are believed.
    pub releases: Releases,
    /// How often networks, credentials and organizations may ask.
    pub limits: Limits,
}

/// A carrier or a PBX that takes SIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// Host and port, with `;transport=tls` or `;transport=tcp` where that is wanted.
    pub address: String,
    /// Who we are there, when it asks.
    #[serde(default)]
    pub user: Option<String>,
    /// File that holds the password and nothing else.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The secret of an organization that is the password, in the place of `password_file`: its name, as in `trunk-password`. It is
    /// opened for each registration and each call, so that another value is used from then on.
    #[serde(default)]
    pub password_secret: Option<String>,
    /// The organization whose secret `password_secret` is; not needed while there is one only.
    #[serde(default)]
    pub password_organization: Option<Uuid>,
    /// The authorities that may sign its certificate, in PEM form; those of the system when none is named.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Register with it, so that it sends our calls here; needs `user` and `password_file` or `password_secret`.
    #[serde(default)]
    pub register: bool,
    /// Answer it when it asks for the password by MD5 instead of SHA-256. MD5 is broken; many carriers know nothing else.
    #[serde(default)]
    pub md5_digest: bool,
    /// It does not encrypt sound, not even over TLS. The trust page says so.
    #[serde(default)]
    pub plain_sound: bool,
    /// Addresses and networks (`192.0.2.0/28`) that it calls from: a flood from elsewhere does not keep them out. Those of `address` are
    /// among them as soon as its name is found: it is looked up when the node starts, every half minute until it is found, and every
    /// five minutes from then on.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// A range of UDP ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

/// Where the root key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "from")]
pub enum RootKey {
    /// A file, made at first start with mode 0600.
    File {
        /// Its path; relative paths start at `data_dir`.
        path: PathBuf,
    },
    /// An environment variable that holds 32 bytes as base64 or hexadecimal.
    Environment {
        /// Its name.
        name: String,
    },
    /// A systemd credential.
    Credential {
        /// Its name.
        name: String,
    },
    /// The standard output of a command.
    Command {
        /// Program and arguments; no shell is involved.
        command: Vec<String>,
    },
    /// A file that OpenBao's or HashiCorp Vault's transit engine wrapped, made at first start.
    Transit(TransitSettings),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("ringfence-data"),
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            sip: SocketAddr::from(([127, 0, 0, 1], 5060)),
            sip_tls: None,
            phone: Phone::default(),
            rtp_ports: PortRange { first: 20_000, last: 29_999 },
            admin: SocketAddr::from(([127, 0, 0, 1], 9090)),
            database_url: String::new(),
            database_ca_file: None,
            database_tls_minimum: TlsVersion::default(),
            database_in_clear: false,
            root_key: RootKey::File { path: PathBuf::from("root.key") },
            stamp: None,
            public_url: String::new(),
            tls: None,
            proxy_terminates_tls: false,
            trusted_proxies: Vec::new(),
            security_contact: "mailto:security@localhost".to_owned(),
            firewall: FirewallMode::default(),
            crs_dir: None,
            trunk: None,
            home_country_code: None,
            allowed_country_codes: Vec::new(),
            call_this_machine: false,
            synthesizer_path: "/usr/bin:/usr/local/bin".to_owned(),
            single_sign_on: SingleSignOn::default(),
            releases: Releases::default(),
            limits: Limits::default(),
        }
    }
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("settings file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large to be a settings file.
    #[error("settings file {0} is larger than {SETTINGS_FILE_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
    /// The file says something that is not understood.
    #[error("settings file {path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A value cannot be used.
    #[error("setting `{name}`: {reason}")]
    Refused {
        /// Its name.
        name: &'static str,
        /// Why, and what would do.
        reason: &'static str,
    },
}

impl Settings {
    /// Reads a settings file, or gives the defaults when none is named.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let read = |source| Error::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(read)?.len() > SETTINGS_FILE_BYTES_MAX {
            return Err(Error::TooLarge(path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(&text).map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    /// The host of `public_url`, which browsers then ask for; none when there is no such address.
    pub fn public_host(&self) -> Option<String> {
        let url: http::Uri = self.public_url.parse().ok()?;
        url.host().map(str::to_ascii_lowercase)
    }

    /// Browsers keep our cookies for https, and for plain http on this machine alone.
    fn check_public_url(&self) -> Result<(), Error> {
        let refuse = |reason| Err(Error::Refused { name: "public_url", reason });
        if self.public_url.is_empty() {
            return Ok(());
        }
        let address: Option<http::Uri> = self.public_url.parse().ok();
        let Some((address, authority)) = address.as_ref().and_then(|address| Some((address, address.authority()?)))
        else {
            return refuse("must be an address as browsers show it, such as https://desk.example.com");
        };
        if authority.as_str().contains('@') || !matches!(address.path(), "" | "/") || address.query().is_some() {
            return refuse("is https://NAME or https://NAME:PORT, with nothing before the name and nothing behind it");
        }
        match address.scheme_str() {
            Some("https") => Ok(()),
            Some("http") if is_this_machine(authority.host()) => Ok(()),
            _ => refuse("must begin with https:// (plain http:// only on this machine), as browsers see it"),
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Checks what no single value can tell.
    ///
    /// # Errors
    /// Names the setting and what would do.
    pub fn check(&self) -> Result<(), Error> {
        if !self.admin.ip().is_loopback() {
            return Err(Error::Refused {
                name: "admin",
                reason: "metrics are served on loopback only; use 127.0.0.1:PORT",
            });
        }
        if self.rtp_ports.first < 1024 || self.rtp_ports.last <= self.rtp_ports.first {
            return Err(Error::Refused { name: "rtp_ports", reason: "needs first < last, both at least 1024" });
        }
        self.check_public_url()?;
        self.limits.check()?;
        self.releases.watch()?;
        self.check_tls()?;
        self.check_phone()
    }
}

/// Whether a host of an address, as it is written there, is this machine: a loopback address, or its name.
fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_that_browsers_take_no_cookies_from_is_refused() {
        for (url, good) in [
            ("", true),
            ("https://desk.example.com", true),
            ("https://desk.example.com:8443/", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9:1", true),
            ("http://[::1]:8080/", true),
            ("http://desk.example.com", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://localhost@evil.example", false),
            ("https://desk.example.com@evil.example", false),
            ("https://desk.example.com/sub", false),
            ("https://desk.example.com?x", false),
            ("https://", false),
            ("ftp://desk.example.com", false),
            ("desk.example.com", false),
            ("nonsense here", false),
        ] {
            let settings = Settings { public_url: url.into(), ..Settings::default() };
            let refused = settings.check().err().map(|error| error.to_string());
            assert_eq!(refused.is_none(), good, "{url}: {refused:?}");
            assert!(refused.is_none_or(|reason| reason.contains("`public_url`")), "{url}");
        }
    }

    #[test]
    fn defaults_stand_and_are_loopback_only() {
        let settings = Settings::default();
        settings.check().expect("defaults hold");
        assert!(
            settings.http.ip().is_loopback() && settings.sip.ip().is_loopback() && settings.admin.ip().is_loopback()
        );
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        let error = Settings::parse("htp = \"127.0.0.1:1\"").expect_err("a typing error");
        assert!(error.to_string().contains("htp"), "{error}");
    }

    #[test]
    fn a_file_changes_only_what_it_names() {
        let settings = Settings::parse("http = \"127.0.0.1:9\"\nroot_key = { from = \"environment\", name = \"K\" }")
            .expect("valid");
        assert_eq!(settings.http.port(), 9);
        assert_eq!(settings.root_key, RootKey::Environment { name: "K".into() });
        assert_eq!(settings.sip, Settings::default().sip);
    }

    #[test]
    fn an_admin_address_off_loopback_is_refused() {
        let settings = Settings { admin: SocketAddr::from(([0, 0, 0, 0], 9090)), ..Settings::default() };
        assert!(settings.check().expect_err("refused").to_string().contains("loopback"));
    }

    #[test]
    fn the_public_host_is_read_from_the_public_address() {
        for (url, host) in [
            ("https://Desk.example.com", Some("desk.example.com")),
            ("https://desk.example.com:8443/", Some("desk.example.com")),
            ("", None),
            ("nonsense here", None),
        ] {
            let settings = Settings { public_url: url.into(), ..Settings::default() };
            assert_eq!(settings.public_host().as_deref(), host, "{url}");
        }
    }

    #[test]
    fn port_ranges_are_checked_at_their_edge() {
        for (first, last, good) in [(1024, 1025, true), (1023, 1025, false), (2000, 2000, false), (2001, 2000, false)] {
            let settings = Settings { rtp_ports: PortRange { first, last }, ..Settings::default() };
            assert_eq!(settings.check().is_ok(), good, "{first}-{last}");
        }
    }
}
