//! How probes speak to this very server: over a real socket, as a stranger would, without redirects, with limits on time and size.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method};
use web::{PROBE_HEADER, ProbeMark};

/// An answer later than this is no answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often an answer that says "too many" is believed and the same asked again.
const MOST_RETURNS: usize = 5;
/// Nobody waits longer than this for it.
const LONGEST_WAIT_SECONDS: u64 = 2;
const TOO_MANY: u16 = 429;
/// More of an answer is not read.
const MOST_BODY_BYTES: usize = 256 * 1024;

/// A stranger to this server.
pub struct Client {
    http: reqwest::Client,
    base_url: String,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
}

impl Answer {
    /// The header as text; empty when it is missing or is no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// A client of the server at this address (`http://127.0.0.1:8080`). At a bare address the certificate, which is for the public
    /// name, is accepted as it is; the probe of TLS reads it. The mark says that a probe asks.
    pub fn new(base_url: &str, mark: Option<&ProbeMark>) -> Result<Self, String> {
        let address = reqwest::Url::parse(base_url)
            .map_err(|error| format!("the address of this server cannot be read: {error}"))?;
        let host = address.host_str().unwrap_or("").trim_matches(['[', ']']);
        let is_address = host == "localhost" || host.parse::<IpAddr>().is_ok();
        let mut told = HeaderMap::new();
        if let Some(mark) = mark.and_then(|mark| HeaderValue::try_from(mark.text()).ok()) {
            told.insert(PROBE_HEADER, mark);
        }
        let http = reqwest::Client::builder()
            .default_headers(told)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .tls_danger_accept_invalid_certs(is_address)
            .build()
            .map_err(|error| format!("no client could be made: {error}"))?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }

    /// Asks, and asks again when it is told to come back in a few seconds: many probes on a machine with much to do must not take a
    /// limit for a broken promise. Errors say what went wrong on the way; any status is an answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut answer = self.send_once(method.clone(), path, headers, body).await?;
        for _ in 0..MOST_RETURNS {
            let wait = answer.header("retry-after").parse().unwrap_or(u64::MAX);
            if answer.status != TOO_MANY || wait > LONGEST_WAIT_SECONDS {
                break;
            }
            tokio::time::sleep(Duration::from_secs(wait)).await;
            answer = self.send_once(method.clone(), path, headers, body).await?;
        }
        Ok(answer)
    }

    /// Asks once, whatever the answer.
    pub async fn send_once(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let failed = |error: reqwest::Error| format!("{method} {path} got no answer: {}", error.without_url());
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while body.len() < MOST_BODY_BYTES
            && let Some(chunk) = response.chunk().await.map_err(failed)?
        {
            body.extend_from_slice(&chunk[..chunk.len().min(MOST_BODY_BYTES - body.len())]);
        }
        Ok(Answer { status, headers, body })
    }

    /// `GET` without anything else.
    pub async fn get(&self, path: &str) -> Result<Answer, String> {
        self.send(Method::GET, path, &[], None).await
    }
}
