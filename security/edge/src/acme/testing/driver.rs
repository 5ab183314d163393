//! The authority's socket: HTTPS on loopback with a certificate of its own root, and looks at challenges over plain HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use http::{StatusCode, header};
use serde_json::json;
use storage::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Answer, Authority, Behaviour, Body, Look, Refusal};
use crate::tls::{Certificates, MinimumVersion, Tls};
use crate::{HostNames, Listener, ListenerSettings, Protection};

/// A running authority; ends when dropped.
pub struct TestAuthority {
    authority: Arc<Authority>,
    base: String,
    root: PathBuf,
    _running: DropGuard,
}

#[derive(Clone)]
struct Shared {
    authority: Arc<Authority>,
    base: String,
    /// Where challenges are looked for, whatever the name: tests have no port 80.
    challenged: SocketAddr,
}

impl TestAuthority {
    /// Starts on a free port. `folder` takes its root certificate; `challenged` is where it looks for answers.
    ///
    /// # Panics
    /// When no socket or file can be had: a test cannot go on without it.
    pub async fn start(folder: &Path, challenged: SocketAddr, clock: Arc<dyn Clock>) -> Self {
        let authority = Arc::new(Authority::new(clock));
        let certificate = authority.issuer().issue_lasting(&["localhost"]).certificate();
        let mut settings = ListenerSettings::at(SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.host_names = HostNames::Any;
        settings.protection = Protection::Tls(Tls::new(MinimumVersion::Tls13, Certificates::with(certificate)));
        let listener = Listener::bind(settings).await.expect("a free port");
        let base = format!("https://localhost:{}", listener.local_address().port());
        let root = folder.join("authority.pem");
        tokio::fs::write(&root, authority.issuer().root()).await.expect("the folder can be written to");
        let shared = Shared { authority: Arc::clone(&authority), base: base.clone(), challenged };
        let router = Router::new()
            .route("/directory", get(directory))
            .route("/new-nonce", any(new_nonce))
            .fallback(signed)
            .with_state(shared);
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve(router, stop.clone()));
        Self { authority, base, root, _running: stop.drop_guard() }
    }

    /// The directory's address.
    pub fn directory(&self) -> String {
        format!("{}/directory", self.base)
    }

    /// The file of its root certificate.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Changes how it behaves.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        self.authority.behave(change);
    }

    /// How many certificates it has signed.
    pub fn issued(&self) -> u32 {
        self.authority.issued()
    }
}

async fn directory(State(shared): State<Shared>) -> Response {
    let at = |name: &str| format!("{}/{name}", shared.base);
    let body = json!({
        "newNonce": at("new-nonce"), "newAccount": at("new-account"), "newOrder": at("new-order"),
        "revokeCert": at("revoke"), "keyChange": at("key-change"),
    });
    axum::Json(body).into_response()
}

async fn new_nonce(State(shared): State<Shared>) -> Response {
    ([("replay-nonce", shared.authority.nonce())], StatusCode::OK).into_response()
}

async fn signed(State(shared): State<Shared>, OriginalUri(uri): OriginalUri, body: Bytes) -> Response {
    let answer = route(&shared, uri.path(), &body).await;
    let answer = answer.unwrap_or_else(|(status, kind, detail)| {
        let body = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail, "status": status });
        Answer { status, location: None, body: Body::Json(body) }
    });
    let (kind, bytes) = match answer.body {
        Body::Json(body) => ("application/json", body.to_string()),
        Body::Pem(text) => ("application/pem-certificate-chain", text),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, kind)], bytes).into_response();
    // Section 6.5: every answer brings a nonce.
    if let Ok(nonce) = shared.authority.nonce().parse() {
        response.headers_mut().insert("replay-nonce", nonce);
    }
    if let Some(Ok(location)) = answer.location.map(|location| location.parse()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn route(shared: &Shared, path: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let (authority, base) = (&shared.authority, shared.base.as_str());
    let (signed, account) = authority.open(&format!("{base}{path}"), body)?;
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let number = || parts.get(1).and_then(|number| number.parse().ok()).ok_or((404, "malformed", "no such address"));
    match parts.as_slice() {
        ["new-account"] => authority.register(base, &signed),
        ["new-order"] => authority.order(base, &account, &signed),
        ["order", _] => authority.show_order(base, &account, number()?),
        ["authorization", _, name] => authority.show_authorization(base, &account, number()?, name),
        ["challenge", _, name] => {
            let look = authority.challenged(&account, number()?, name)?;
            let seen = look_at(shared.challenged, &look).await;
            Ok(authority.judge(base, &look, seen.as_deref()))
        }
        ["finalize", _] => authority.finalize(base, &account, number()?, &signed),
        ["certificate", _] => authority.certificate(&account, number()?),
        _ => Err((404, "malformed", "no such address")),
    }
}

/// What stands at the challenge's address, over plain HTTP (section 8.3).
async fn look_at(address: SocketAddr, look: &Look) -> Option<String> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!(
            "GET /.well-known/acme-challenge/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            look.token, look.name
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.take(16 * 1024).read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    };
    tokio::time::timeout(Duration::from_secs(5), asking).await.ok().flatten()
}
