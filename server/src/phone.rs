//! The phone of a node: its line, and the attendant that answers it.

mod kept;
mod whereabouts;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::RootCertStore;
use rustls::server::ResolvesServerCert;
use rustls_native_certs::CertificateResult;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use telephony::api::Telephony;
use telephony::attendant::{Attendant, Trunk, driver};
use telephony::line::{Line, LineConfig, Security, Strictness};
use telephony::signalling::{Account, CredentialSource, Credentials, Registration, TlsListen, TlsRules};
use telephony::voice::Voice;
use telephony::voice::driver::Synthesizer;
use tokio_util::sync::CancellationToken;
use trust::{DeclaredPort, Link, Protection, Transport};
use uuid::Uuid;

use self::kept::KeptPassword;
use self::whereabouts::Whereabouts;
use crate::config::{self, Settings};
use crate::wiring::House;

/// How long calls may go on once the node was asked to end.
const CALLS_FINISH_WITHIN: Duration = Duration::from_mins(1);

/// What the node's TLS lends to the phone: its certificate, and whether TLS 1.2 is spoken, too.
pub struct Lent {
    /// The certificate that is presented now.
    pub certificates: Arc<dyn ResolvesServerCert>,
    /// Whether TLS 1.2 is spoken.
    pub tls_1_2: bool,
}

/// The phone, listening but not yet answering.
pub struct Phone {
    line: Line,
    /// What the routes of calls work with.
    pub telephony: Telephony,
    /// Keeps the trunk sending our calls here.
    registration: Option<Registration>,
    /// Keeps the trunk's calls known as its own.
    whereabouts: Whereabouts,
}

impl Phone {
    /// Listens. `serves`: the trunk is to send its calls here, where it waits for a registration.
    ///
    /// # Errors
    /// Says what could not be read or opened.
    pub async fn open(
        house: &House,
        lent: Option<Lent>,
        node_id: Uuid,
        serves: bool,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let settings = &house.settings;
        let config = line_config(settings, lent)?;
        let line = Line::open(config, house.platform.entropy.clone()).await.context("phone (`sip`)")?;
        let voice = Voice::new(Synthesizer::find_espeak_ng(&settings.synthesizer_path));
        if !voice.speaks_free_text() {
            tracing::info!(
                "espeak-ng is not installed: quotes and names are not spoken on the phone, recorded words are"
            );
        }
        let mut trunk = settings.trunk.as_ref().map(|trunk| way_out(house, trunk)).transpose()?;
        let registration = register(&line, settings, trunk.as_mut().filter(|_| serves))?;
        let (platform, live) = (house.platform.clone(), house.live.clone());
        let conversations = house.conversations.clone();
        let attendant = Attendant::new(platform.clone(), conversations, voice, live, trunk, node_id, shutdown);
        let telephony = Telephony { platform, attendant, line: Some(line.clone()), dialing: house.dialing.clone() };
        let whereabouts = Whereabouts::of(settings.trunk.as_ref().map(config::Trunk::host));
        Ok(Self { line, telephony, registration, whereabouts })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.line.address()
    }

    /// Where it listens for TLS.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.line.tls_address()
    }

    /// The ports that it opens, for the manifest.
    pub fn ports(&self, settings: &Settings) -> Vec<DeclaredPort> {
        let (address, media) = (self.address(), settings.rtp_ports);
        let port = |purpose: &str, transport, first, last, always_open| DeclaredPort {
            purpose: purpose.to_owned(),
            transport,
            first,
            last,
            only_loopback: address.ip().is_loopback(),
            always_open,
        };
        let mut ports = vec![
            port("SIP", Transport::Udp, address.port(), address.port(), true),
            port("SIP", Transport::Tcp, address.port(), address.port(), true),
            port("sound of calls", Transport::Udp, media.first, media.last, false),
        ];
        ports.extend(self.tls_address().map(|tls| DeclaredPort {
            only_loopback: tls.ip().is_loopback(),
            ..port("SIP over TLS", Transport::Tcp, tls.port(), tls.port(), true)
        }));
        ports
    }

    /// Answers until the attendant's shutdown. The calls that go on then have [`CALLS_FINISH_WITHIN`] to come to their end,
    /// less when `hurry` is cancelled; those that are left are hung up, and their records written.
    pub async fn answer(self, hurry: CancellationToken) {
        let attendant: Arc<Attendant> = self.telephony.attendant.clone();
        tokio::select! {
            () = driver::attend(attendant.clone(), self.line.clone()) => {}
            () = self.whereabouts.keep(&self.line) => {}
        }
        // No call is taken any more: the trunk is told first, so that it offers them elsewhere.
        drop(self.registration);
        tokio::select! {
            () = attendant.drained() => {}
            () = tokio::time::sleep(CALLS_FINISH_WITHIN) => {}
            () = hurry.cancelled() => {}
        }
        self.line.shutdown().await;
        attendant.drained().await;
    }
}

/// The way out.
fn way_out(house: &House, settings: &config::Trunk) -> anyhow::Result<Trunk> {
    let credentials: Option<Arc<dyn CredentialSource>> = match (&settings.user, &settings.password_secret) {
        (Some(user), Some(secret)) => Some(Arc::new(KeptPassword {
            house: house.clone(),
            user: user.clone(),
            secret: secret.clone(),
            organization: settings.password_organization,
        })),
        _ => match credentials(settings)? {
            Some(credentials) => Some(Arc::new(credentials)),
            None => None,
        },
    };
    Ok(Trunk { address: settings.address.clone(), credentials, plain_sound: settings.plain_sound, registration: None })
}

/// What is said to a trunk whose password stands in a file; none when it is not asked for, or an organization keeps it.
///
/// # Errors
/// When user and password do not go together, or the password cannot be read.
pub fn credentials(settings: &config::Trunk) -> anyhow::Result<Option<Credentials>> {
    match (&settings.user, &settings.password_file, &settings.password_secret) {
        (Some(user), Some(file), None) => Ok(Some(Credentials { user: user.clone(), password: password(file)? })),
        (None, None, None) | (Some(_), None, Some(_)) => Ok(None),
        _ => anyhow::bail!("setting `trunk`: `user` and either `password_file` or `password_secret` go together"),
    }
}

fn password(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("password of the trunk in {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Begins to keep a registration up, where one is wanted.
fn register(line: &Line, settings: &Settings, trunk: Option<&mut Trunk>) -> anyhow::Result<Option<Registration>> {
    let wanted = settings.trunk.as_ref().is_some_and(|trunk| trunk.register);
    let Some(trunk) = trunk.filter(|_| wanted) else { return Ok(None) };
    let credentials = trunk
        .credentials
        .clone()
        .context("setting `trunk.register`: needs `user` and `password_file` or `password_secret`")?;
    let account = Account { registrar: format!("sip:{}", trunk.address), credentials, expires_seconds: None };
    let registration = line.register(&account).context("setting `trunk.address`")?;
    trunk.registration = Some(registration.watch());
    Ok(Some(registration))
}

/// How the line behaves.
fn line_config(settings: &Settings, lent: Option<Lent>) -> anyhow::Result<LineConfig> {
    let mut config =
        LineConfig { ports: Some(settings.rtp_ports.first..=settings.rtp_ports.last), ..LineConfig::at(settings.sip) };
    let strictness = if settings.phone_is_strict() { Strictness::Strict } else { Strictness::Offered };
    config.security = Security { strictness, keys_in_clear: settings.phone.keys_in_clear };
    config.sip.tls_rules.tls_1_2 = lent.as_ref().is_some_and(|lent| lent.tls_1_2);
    if let (Some(address), Some(lent)) = (settings.sip_tls, lent) {
        config.sip.tls = Some(TlsListen { address, certificates: lent.certificates });
    }
    if let Some(trunk) = &settings.trunk {
        if trunk.is_over_tls() {
            config.sip.tls_rules.authorities =
                authorities(trunk.ca_file.as_deref()).context("trunk (`trunk.ca_file`)")?;
        }
        config.sip.md5_digest = trunk.md5_digest;
        config.sip.trusted = trunk.networks().context("setting `trunk.addresses`")?;
    }
    Ok(config)
}

/// The authorities in a PEM file; those of the system when none is named.
///
/// # Errors
/// When the file cannot be read or holds none, or the system names none.
pub fn authorities(file: Option<&Path>) -> anyhow::Result<Arc<RootCertStore>> {
    let Some(path) = file else { return of_the_system(rustls_native_certs::load_native_certs()) };
    let unreadable = || format!("authorities in {}", path.display());
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).with_context(unreadable)? {
        store.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
    }
    anyhow::ensure!(!store.is_empty(), "{} holds no certificate", path.display());
    Ok(Arc::new(store))
}

/// What was found where systems keep their authorities: `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the usual places. One that is not
/// understood is left out, as everywhere.
fn of_the_system(found: CertificateResult) -> anyhow::Result<Arc<RootCertStore>> {
    let mut store = RootCertStore::empty();
    let (known, _) = store.add_parsable_certificates(found.certs);
    if known == 0 {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        anyhow::bail!("no authorities were found on this system{why}: name a file of them (`ca_file`, `--ca-file`)");
    }
    Ok(Arc::new(store))
}

/// Whom a softphone believes: this file's authorities, or the system's.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn believing(file: Option<&Path>) -> anyhow::Result<TlsRules> {
    Ok(TlsRules { authorities: authorities(file)?, ..TlsRules::default() })
}

/// What protects the ways of calls, by what was decided.
pub fn links(settings: &Settings, oldest_tls: Option<&'static str>) -> Vec<Link> {
    let here = settings.sip.ip().to_canonical().is_loopback()
        && settings.sip_tls.is_none_or(|address| address.ip().to_canonical().is_loopback());
    let way = |encrypted: String| match (settings.phone_is_strict(), here) {
        (true, _) => Protection::Encrypted(encrypted),
        (false, true) => Protection::ThisMachine,
        (false, false) => Protection::InClear("phone.security"),
    };
    let tls = format!("TLS {}", oldest_tls.unwrap_or("1.3"));
    let sound = if settings.phone.keys_in_clear && !here {
        Protection::InClear("phone.keys_in_clear")
    } else {
        way("SRTP".to_owned())
    };
    let mut links = vec![Link::new("calls (messages)", way(tls.clone())), Link::new("calls (sound)", sound)];
    if let Some(trunk) = &settings.trunk {
        let protected = |good: bool, how: &str, setting| match (good, trunk.is_here()) {
            (true, _) => Protection::Encrypted(how.to_owned()),
            (false, true) => Protection::ThisMachine,
            (false, false) => Protection::InClear(setting),
        };
        let (over_tls, sound) = (trunk.is_over_tls(), trunk.is_over_tls() && !trunk.plain_sound);
        let setting = if over_tls { "trunk.plain_sound" } else { "trunk.address" };
        links.push(Link::new("trunk (messages)", protected(over_tls, &tls, "trunk.address")));
        links.push(Link::new("trunk (sound)", protected(sound, "SRTP", setting)));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PhoneSecurity;

    fn words(settings: &Settings) -> Vec<String> {
        links(settings, Some("1.3")).iter().map(Link::in_words).collect()
    }

    #[test]
    fn whatever_is_in_clear_is_named_with_its_setting() {
        let mut settings = Settings::default();
        assert_eq!(words(&settings), ["calls (messages): on this machine only", "calls (sound): on this machine only"]);
        settings.sip = "0.0.0.0:5060".parse().expect("an address");
        settings.phone.security = Some(PhoneSecurity::Offered);
        assert!(words(&settings).iter().all(|way| way.ends_with("in clear, by the operator's setting phone.security")));
        settings.phone.security = Some(PhoneSecurity::Strict);
        settings.trunk = Some(config::Trunk { address: "a.example;transport=tls".into(), ..config::Trunk::default() });
        assert_eq!(
            words(&settings),
            ["calls (messages): TLS 1.3", "calls (sound): SRTP", "trunk (messages): TLS 1.3", "trunk (sound): SRTP"]
        );
        settings.trunk = Some(config::Trunk { address: "a.example".into(), ..config::Trunk::default() });
        assert!(words(&settings)[2].contains("trunk.address") && words(&settings)[3].contains("trunk.address"));
    }

    #[test]
    fn a_system_without_authorities_is_told_what_to_name() {
        let error = of_the_system(CertificateResult::default()).expect_err("there is none");
        assert!(error.to_string().contains("`ca_file`"), "{error}");
    }

    #[test]
    fn a_file_without_an_authority_is_named() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("empty.pem");
        std::fs::write(&path, "nothing").expect("written");
        let error = authorities(Some(&path)).expect_err("refused");
        assert!(format!("{error:#}").contains("empty.pem"), "{error:#}");
    }
}
