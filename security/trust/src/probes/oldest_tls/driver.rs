//! Shakes hands with this very server over a real socket.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::hello::{Reply, Version, authority};

/// A handshake that takes longer is none.
const LIMIT: Duration = Duration::from_secs(5);

async fn connect(base_url: &str) -> Result<TcpStream, String> {
    let (host, port) = authority(base_url).ok_or("the address of this server cannot be read")?;
    let stream = timeout(LIMIT, TcpStream::connect((host, port.unwrap_or(443)))).await;
    let stream = stream.map_err(|_| "this server did not take a connection in time".to_owned())?;
    stream.map_err(|error| format!("this server took no connection ({error})"))
}

/// Offers one version and reads the first record that comes back.
pub async fn offer(base_url: &str, version: Version) -> Result<Reply, String> {
    let mut stream = connect(base_url).await?;
    let speaking = async {
        stream.write_all(&version.greeting()).await.ok()?;
        let mut record = vec![0; 5];
        stream.read_exact(&mut record).await.ok()?;
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        stream.read_exact(&mut record[5..]).await.ok()?;
        Some(record)
    };
    let record = timeout(LIMIT, speaking).await.ok().flatten().unwrap_or_default();
    Ok(version.judge(&record))
}

/// The certificate that is presented to somebody who asks for this name.
pub async fn presented(base_url: &str, name: Option<&str>) -> Result<Vec<u8>, String> {
    let stream = connect(base_url).await?;
    let (host, _) = authority(base_url).ok_or("the address of this server cannot be read")?;
    let name = ServerName::try_from(name.unwrap_or(&host).to_owned()).map_err(|_| "no name to ask for")?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    let shaken = timeout(LIMIT, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    let shaken = shaken.map_err(|_| "the handshake did not end in time".to_owned())?;
    let stream = shaken.map_err(|error| error.to_string())?;
    let chain = stream.get_ref().1.peer_certificates();
    chain.and_then(|chain| chain.first()).map(|first| first.as_ref().to_vec()).ok_or("it sent none".to_owned())
}

/// Lets any certificate in: it is to be read, and nothing is sent over the connection. Whether the server has its key is checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
