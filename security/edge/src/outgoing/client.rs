//! Connects to checked addresses only. A name is resolved once, every address it has is checked, and the connection is
//! pinned to those, so that the owner of the name cannot point it elsewhere between check and connection. No proxy, no
//! cookies, no redirects; bytes and time are limited.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Client};
use thiserror::Error;
use url::{Host, Url};

use super::reach::{AddressError, Reach};

/// A connection must stand within this time.
pub const CONNECT_SECONDS: u64 = 10;
/// An answer must be there within this time, unless said otherwise.
pub const ANSWER_SECONDS: u64 = 10;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OutgoingError {
    /// The address is not allowed.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// No address was found for the name.
    #[error("The name cannot be resolved.")]
    Name,
    /// No connection, or it broke; a certificate that is not good looks the same.
    #[error("It cannot be reached, or its certificate is not trusted.")]
    Connection,
    /// Too slow.
    #[error("It took too long to answer.")]
    Slow,
    /// Larger than allowed.
    #[error("The answer is too large.")]
    TooLarge,
    /// The request cannot be sent as it is.
    #[error("The request could not be made.")]
    Setup,
}

/// The answer of a name server.
pub type Resolving = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;
/// Asks a name server for the addresses of a host; tests bring their own.
pub type Resolve = Arc<dyn Fn(String, u16) -> Resolving + Send + Sync>;

/// Sends requests no further than it may reach. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing {
    reach: Reach,
    resolve: Resolve,
    agent: String,
    seconds: u64,
    authorities: Vec<Certificate>,
}

impl Outgoing {
    /// With the machine's own name resolution; `agent` is what sites read as our name.
    pub fn new(reach: Reach, agent: &str) -> Self {
        let resolve: Resolve =
            Arc::new(|host, port| Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }));
        Self {
            reach,
            resolve,
            agent: format!("{agent}/{}", env!("CARGO_PKG_VERSION")),
            seconds: ANSWER_SECONDS,
            authorities: Vec::new(),
        }
    }

    /// The same with this resolver.
    #[must_use]
    pub fn with_resolver(self, resolve: Resolve) -> Self {
        Self { resolve, ..self }
    }

    /// The same with another limit of time for an answer.
    #[must_use]
    pub fn with_seconds(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }

    /// The same, trusting these authorities (PEM) beside those of the system.
    ///
    /// # Errors
    /// [`OutgoingError::Setup`] when the text holds no certificate.
    pub fn with_authorities(self, pem: &[u8]) -> Result<Self, OutgoingError> {
        let authorities = Certificate::from_pem_bundle(pem).map_err(|_| OutgoingError::Setup)?;
        if authorities.is_empty() {
            return Err(OutgoingError::Setup);
        }
        Ok(Self { authorities, ..self })
    }

    /// How far it reaches.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The addresses of a host, every one of them checked: a name that also resolves to a forbidden address is refused.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, OutgoingError> {
        self.reach.check_url(url)?;
        let port = url.port_or_known_default().ok_or(AddressError::Port)?;
        let found = match url.host().ok_or(AddressError::NotAnAddress)? {
            Host::Ipv4(address) => vec![SocketAddr::from((address, port))],
            Host::Ipv6(address) => vec![SocketAddr::from((address, port))],
            Host::Domain(name) => {
                let asked = (self.resolve)(name.to_owned(), port);
                let limit = Duration::from_secs(CONNECT_SECONDS);
                let answer = tokio::time::timeout(limit, asked).await.map_err(|_| OutgoingError::Slow)?;
                answer.map_err(|_| OutgoingError::Name)?
            }
        };
        if found.is_empty() {
            return Err(OutgoingError::Name);
        }
        if found.iter().any(|address| !self.reach.allows(address.ip())) {
            return Err(AddressError::NotPublic.into());
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
    }

    /// A client that can connect to the checked addresses of this host and to nothing else.
    ///
    /// # Errors
    /// See [`OutgoingError`].
    pub async fn pinned(&self, url: &Url) -> Result<Client, OutgoingError> {
        let addresses = self.addresses(url).await?;
        let builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(&self.agent)
            .referer(false)
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .timeout(Duration::from_secs(self.seconds))
            .dns_resolver(Refusing)
            .tls_certs_merge(self.authorities.iter().cloned());
        let builder = match url.domain() {
            Some(name) => builder.resolve_to_addrs(name, &addresses),
            None => builder,
        };
        builder.build().map_err(|_| OutgoingError::Setup)
    }

    /// Sends one request and reads at most `bytes_max` of its answer, whatever its status.
    ///
    /// # Errors
    /// See [`OutgoingError`].
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        bytes_max: usize,
    ) -> Result<http::Response<Vec<u8>>, OutgoingError> {
        let (parts, body) = request.into_parts();
        let url = self.reach.check(&parts.uri.to_string())?;
        let client = self.pinned(&url).await?;
        let asked = client.request(parts.method, url).headers(parts.headers).body(body);
        let mut answer = asked.send().await.map_err(|error| reason(&error))?;
        if answer.content_length().is_some_and(|length| length > bytes_max as u64) {
            return Err(OutgoingError::TooLarge);
        }
        let mut read = http::Response::new(Vec::new());
        *read.status_mut() = answer.status();
        *read.headers_mut() = answer.headers().clone();
        while let Some(chunk) = answer.chunk().await.map_err(|error| reason(&error))? {
            if read.body().len() + chunk.len() > bytes_max {
                return Err(OutgoingError::TooLarge);
            }
            read.body_mut().extend_from_slice(&chunk);
        }
        Ok(read)
    }
}

/// Resolves nothing: a pinned client knows the addresses of its one host and asks nobody about others.
struct Refusing;

impl reqwest::dns::Resolve for Refusing {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("only the checked address is connected to".into()) })
    }
}

fn reason(error: &reqwest::Error) -> OutgoingError {
    if error.is_timeout() { OutgoingError::Slow } else { OutgoingError::Connection }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server that gives everybody the same answer.
    async fn serve(answer: String) -> (String, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _read = socket.read(&mut request).await;
                let _written = socket.write_all(answer.as_bytes()).await;
            }
        });
        (format!("http://127.0.0.1:{port}/"), port)
    }

    fn get(address: &str) -> http::Request<Vec<u8>> {
        http::Request::builder().uri(address).body(Vec::new()).expect("a request")
    }

    fn outgoing(reach: Reach) -> Outgoing {
        Outgoing::new(reach, "Test").with_seconds(2)
    }

    #[tokio::test]
    async fn answers_are_read_up_to_their_limit_whatever_they_say_about_their_length() {
        let body = "a".repeat(100);
        for head in ["Content-Length: 100\r\n", ""] {
            let (address, _) = serve(format!("HTTP/1.1 200 OK\r\n{head}Connection: close\r\n\r\n{body}")).await;
            let read = async |limit| outgoing(Reach::LoopbackToo).send(get(&address), limit).await;
            assert_eq!(read(100).await.expect("read").body().len(), 100, "{head}");
            assert_eq!(read(99).await.err(), Some(OutgoingError::TooLarge), "{head}");
        }
    }

    #[tokio::test]
    async fn redirects_are_given_back_and_not_followed() {
        let (target, _) = serve("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ninside".to_owned()).await;
        let (address, _) =
            serve(format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nConnection: close\r\n\r\n")).await;
        let answer = outgoing(Reach::LoopbackToo).send(get(&address), 1000).await.expect("answered");
        assert!(answer.status() == 302 && answer.body().is_empty());
    }

    #[tokio::test]
    async fn a_name_is_resolved_once_and_every_address_of_it_must_be_allowed() {
        let (_, port) = serve("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned()).await;
        let to = |addresses: &'static [&'static str]| -> Resolve {
            Arc::new(move |_, port| {
                let parsed = addresses.iter().map(|one| SocketAddr::new(one.parse().expect("an address"), port));
                let found: Vec<SocketAddr> = parsed.collect();
                Box::pin(async move { Ok(found) })
            })
        };
        let address = format!("http://login.example:{port}/");
        let ask = async |reach, addresses| {
            outgoing(reach).with_resolver(to(addresses)).send(get(&address), 1000).await.map(|answer| answer.status())
        };
        assert_eq!(ask(Reach::LoopbackToo, &["127.0.0.1"]).await, Ok(http::StatusCode::NO_CONTENT));
        let refused = Err(OutgoingError::Address(AddressError::NotPublic));
        assert_eq!(ask(Reach::LoopbackToo, &["127.0.0.1", "10.0.0.1"]).await, refused);
        assert_eq!(ask(Reach::PrivateToo, &["169.254.169.254"]).await, refused);
        assert_eq!(ask(Reach::LoopbackToo, &[]).await, Err(OutgoingError::Name));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let asked = outgoing(Reach::LoopbackToo).with_seconds(1).send(get(&address), 10).await;
        assert_eq!(asked.err(), Some(OutgoingError::Slow));
    }

    #[test]
    fn authorities_are_read_or_refused() {
        assert!(outgoing(Reach::PublicOnly).with_authorities(b"nothing").is_err());
    }
}
