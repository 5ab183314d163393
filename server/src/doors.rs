//! The HTTP doors of a node: pages and API over TLS or on this machine, the redirect beside them, and the operator's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use edge::{HostNames, Listener, ListenerSettings, Protection, TrustedProxies};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trust::{DeclaredPort, Link, Transport};

use crate::config::{Settings, TlsVersion};
use crate::tls::{NodeTls, minimum};

/// The listeners, bound and not yet serving.
pub struct Doors {
    /// Pages, API and widget.
    pub http: Listener,
    admin: Listener,
    redirect: Option<(Listener, axum::Router)>,
    /// The address that browsers use.
    pub base_url: String,
    scheme: &'static str,
}

impl Doors {
    /// Binds them.
    ///
    /// # Errors
    /// Says which address could not be used and why.
    pub async fn open(settings: &Settings, tls: Option<&NodeTls>) -> anyhow::Result<Self> {
        let http = bind(pages(settings, tls)).await.context("dashboard and API (`http`)")?;
        let admin = bind(ListenerSettings::at(settings.admin)).await.context("metrics (`admin`)")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base_url = match settings.public_url.trim_end_matches('/') {
            "" => format!("{scheme}://{}", http.local_address()),
            url => url.to_owned(),
        };
        let redirect = match (settings.tls.as_ref().and_then(|tls| tls.redirect_from), tls) {
            (Some(address), Some(tls)) => {
                let listener = bind(redirect(settings, address)).await.context("redirect (`tls.redirect_from`)")?;
                Some((listener, edge::redirect::router(&base_url, tls.challenges())))
            }
            _ => None,
        };
        Ok(Self { http, admin, redirect, base_url, scheme })
    }

    /// What is listened on, for the manifest.
    pub fn ports(&self) -> Vec<DeclaredPort> {
        let mut ports = vec![
            tcp("dashboard, API and widget", self.http.local_address()),
            tcp("metrics and the operators' own pages", self.admin.local_address()),
        ];
        ports.extend(self.redirect.iter().map(|(listener, _)| tcp("redirect to TLS", listener.local_address())));
        ports
    }

    /// Where the probes of this very process reach pages and API.
    pub fn probed_url(&self) -> String {
        format!("{}://{}", self.scheme, from_here(self.http.local_address()))
    }

    /// Where they reach the redirect.
    pub fn redirect_url(&self) -> Option<String> {
        self.redirect.as_ref().map(|(listener, _)| format!("http://{}", from_here(listener.local_address())))
    }

    /// Serves until `shutdown`; gives the addresses of pages, of the operator's own, and of the redirect.
    pub fn serve(
        self,
        pages: axum::Router,
        operators: axum::Router,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> (SocketAddr, SocketAddr, Option<SocketAddr>) {
        let (http, admin) = (self.http.local_address(), self.admin.local_address());
        tasks.spawn(self.http.serve(pages, shutdown.clone()));
        tasks.spawn(self.admin.serve(operators, shutdown.clone()));
        let redirect = self.redirect.map(|(listener, router)| {
            let address = listener.local_address();
            tasks.spawn(listener.serve(router, shutdown.clone()));
            address
        });
        (http, admin, redirect)
    }
}

/// What protects the ways of pages, API and data. The phone names its own.
pub fn links(settings: &Settings, tls: Option<&NodeTls>) -> Vec<Link> {
    let on_loopback = settings.http.ip().to_canonical().is_loopback();
    let pages = match tls {
        Some(tls) => trust::Protection::Encrypted(format!("TLS {}", tls.oldest())),
        None if on_loopback => trust::Protection::ThisMachine,
        None => trust::Protection::InClear("proxy_terminates_tls"),
    };
    let database = if settings.database_url.is_empty() {
        trust::Protection::ThisMachine
    } else if settings.database_ca_file.is_some() {
        trust::Protection::Encrypted(database_protection(settings.database_tls_minimum))
    } else if settings.database_in_clear {
        trust::Protection::InClear("database_in_clear")
    } else {
        trust::Protection::ThisMachine
    };
    let oldest = number(settings.database_tls_minimum);
    vec![Link::new(trust::link::PAGES, pages), Link::new(trust::link::DATABASE, database).with_oldest_tls(oldest)]
}

/// What protects the way to a PostgreSQL that is spoken to over TLS, in words.
fn database_protection(oldest: TlsVersion) -> String {
    let by_setting = match oldest {
        TlsVersion::Tls13 => "",
        TlsVersion::Tls12 => " or newer (by the operator's setting database_tls_minimum)",
    };
    format!("TLS {}{by_setting}, certificate and name checked", number(oldest))
}

/// A version of TLS as the probes write it.
const fn number(version: TlsVersion) -> &'static str {
    minimum(version).number()
}

async fn bind(settings: ListenerSettings) -> anyhow::Result<Listener> {
    let address = settings.address;
    Listener::bind(settings).await.with_context(|| format!("cannot listen on {address}"))
}

/// The listener of dashboard and API. Browsers ask for the public name; behind a proxy the proxy alone knows who asks.
fn pages(settings: &Settings, tls: Option<&NodeTls>) -> ListenerSettings {
    let mut doors = ListenerSettings::at(settings.http);
    settings.limits.hold(&mut doors);
    doors.host_names = host_names(settings);
    if let Some(tls) = tls {
        doors.protection = tls.protection();
    } else if settings.proxy_terminates_tls {
        doors.protection = Protection::Proxy;
    }
    doors.trusted_proxies =
        TrustedProxies::new(settings.trusted_proxies.iter().map(|address| (*address).into()).collect());
    doors
}

/// The listener that sends plain HTTP to TLS.
fn redirect(settings: &Settings, address: SocketAddr) -> ListenerSettings {
    let mut doors = ListenerSettings::at(address);
    settings.limits.hold(&mut doors);
    doors.protection = Protection::NothingToProtect;
    doors.host_names = host_names(settings);
    if let (HostNames::Only(names), Some(acme)) =
        (&mut doors.host_names, settings.tls.as_ref().and_then(|tls| tls.acme.as_ref()))
    {
        names.extend(settings.acme_names(acme));
    }
    doors
}

/// The public name, and addresses of this machine.
fn host_names(settings: &Settings) -> HostNames {
    HostNames::Only(settings.public_host().into_iter().collect())
}

/// An address as this machine itself reaches it: "any" is no address to go to.
pub fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A TCP port of the manifest.
pub fn tcp(purpose: &str, address: SocketAddr) -> DeclaredPort {
    DeclaredPort {
        purpose: purpose.to_owned(),
        transport: Transport::Tcp,
        first: address.port(),
        last: address.port(),
        only_loopback: address.ip().is_loopback(),
        always_open: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_is_reached_by_loopback() {
        for (bound, reached) in
            [("0.0.0.0:443", "127.0.0.1:443"), ("[::]:443", "[::1]:443"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(from_here(bound.parse().expect("an address")), reached.parse().expect("an address"));
        }
    }

    #[tokio::test]
    async fn pages_in_clear_beyond_this_machine_need_the_named_setting() {
        let mut settings = Settings {
            http: "0.0.0.0:0".parse().expect("an address"),
            admin: "127.0.0.1:0".parse().expect("an address"),
            public_url: "https://desk.example".to_owned(),
            ..Settings::default()
        };
        let refused = Doors::open(&settings, None).await.err().expect("refused");
        assert!(format!("{refused:#}").contains("proxy_terminates_tls"), "{refused:#}");
        settings.proxy_terminates_tls = true;
        assert!(Doors::open(&settings, None).await.is_ok());
        let named = links(&settings, None)[0].in_words();
        assert!(named.contains("in clear") && named.contains("proxy_terminates_tls"), "{named}");
    }

    #[test]
    fn the_way_to_postgresql_is_named_with_the_oldest_version_that_is_spoken() {
        let mut settings = Settings {
            database_url: "postgres://ringfence@database.example/ringfence".to_owned(),
            database_ca_file: Some("ca.pem".into()),
            ..Settings::default()
        };
        let way = |settings: &Settings| links(settings, None).remove(1);
        let strict = way(&settings);
        assert_eq!((strict.oldest_tls, strict.in_words().contains("database_tls_minimum")), (Some("1.3"), false));
        settings.database_tls_minimum = TlsVersion::Tls12;
        let lax = way(&settings);
        assert_eq!((lax.oldest_tls, lax.in_words().contains("database_tls_minimum")), (Some("1.2"), true));
        assert!(lax.in_words().contains("TLS 1.2 or newer"), "{}", lax.in_words());
    }
}
