//! Speaks to the transit engine: `encrypt`, `decrypt`, `rewrap` (its HTTP API, version 1).
//!
//! Each question has five seconds and, when the server could not be reached or asks to come again, two more tries. Redirects
//! are not followed and proxies not used: the token goes to the address that the settings name, and nowhere else.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use vault::{Answer, KeyService, Secret};
use zeroize::Zeroizing;

use super::TransitSettings;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a question is asked at most.
const TRIES: u32 = 3;
/// The pause before the second try; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(250);
/// More of an answer is not read.
const MAXIMUM_ANSWER_BYTES: usize = 64 * 1024;
/// A token file holds no more.
const MAXIMUM_TOKEN_BYTES: u64 = 4 * 1024;
/// Of a server's own words, no more is shown.
const MAXIMUM_REASON_CHARACTERS: usize = 200;

/// A client of one key of a transit engine.
#[derive(Clone, Debug)]
pub struct Transit {
    settings: TransitSettings,
    http: reqwest::Client,
}

/// What the server answers, as far as it is asked for.
#[derive(Deserialize, Default)]
struct Body {
    #[serde(default)]
    data: Data,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    ciphertext: String,
    #[serde(default)]
    plaintext: Zeroizing<String>,
}

/// Why a try failed, and whether another one may help.
struct Failed {
    reason: String,
    again: bool,
}

impl Transit {
    /// A client by these settings.
    ///
    /// # Errors
    /// When they cannot be used, or the authority's file cannot be read.
    pub fn new(settings: TransitSettings) -> anyhow::Result<Self> {
        if let Some(fault) = settings.fault() {
            anyhow::bail!("setting `root_key`: {fault}");
        }
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT);
        if let Some(file) = &settings.ca_file {
            let text = std::fs::read(file).map_err(|error| anyhow::anyhow!("`ca_file` {}: {error}", file.display()))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&text)
                .map_err(|_| anyhow::anyhow!("`ca_file` {} holds no certificate in PEM form", file.display()))?;
            http = http.tls_certs_only(authorities);
        }
        Ok(Self { settings, http: http.build()? })
    }

    async fn ask(&self, verb: &str, question: Value) -> Result<Data, String> {
        let mut pause = PAUSE;
        for left in (0..TRIES).rev() {
            match self.try_once(verb, &question).await {
                Ok(data) => return Ok(data),
                Err(failed) if left == 0 || !failed.again => return Err(failed.reason),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        Err("it was not asked".to_owned())
    }

    async fn try_once(&self, verb: &str, question: &Value) -> Result<Data, Failed> {
        let settings = &self.settings;
        let base = settings.address.trim_end_matches('/');
        let url = format!("{base}/v1/{}/{verb}/{}", settings.mount.trim_matches('/'), settings.key);
        let token = self.token().map_err(|reason| Failed { reason, again: false })?;
        let mut token = http::HeaderValue::try_from(token.as_str())
            .map_err(|_| Failed { reason: "the token holds characters that no token has".to_owned(), again: false })?;
        token.set_sensitive(true);
        let mut request = self.http.post(url).header("X-Vault-Token", token).header("X-Vault-Request", "true");
        if let Some(namespace) = &settings.namespace {
            request = request.header("X-Vault-Namespace", namespace.trim_matches('/'));
        }
        let answer = request.json(question).send().await.map_err(|error| unreached(&error))?;
        let status = answer.status().as_u16();
        let body = read(answer).await?;
        if status == 200 {
            let body: Body = serde_json::from_slice(&body)
                .map_err(|_| Failed { reason: "what it answered is not understood".to_owned(), again: false })?;
            return Ok(body.data);
        }
        let body: Body = serde_json::from_slice(&body).unwrap_or_default();
        Err(Failed { reason: refused(status, &body.errors), again: matches!(status, 412 | 429 | 500..=599) })
    }

    fn token(&self) -> Result<Zeroizing<String>, String> {
        let token = match (&self.settings.token_file, &self.settings.token_variable) {
            (Some(file), _) => read_token(file)?,
            (None, Some(name)) => Zeroizing::new(
                std::env::var(name).map_err(|_| format!("the variable {name} with its token is not set"))?,
            ),
            (None, None) => return Err("no token is named in the settings".to_owned()),
        };
        let trimmed = Zeroizing::new(token.trim().to_owned());
        if trimmed.is_empty() { Err("its token is empty".to_owned()) } else { Ok(trimmed) }
    }
}

impl KeyService for Transit {
    fn place(&self) -> String {
        format!("transit key {} at {}", self.settings.key, self.settings.address)
    }

    fn wrap<'a>(&'a self, key: &'a Secret) -> Answer<'a, String> {
        Box::pin(async move {
            let plaintext = Zeroizing::new(STANDARD.encode(key.expose()));
            let data = self.ask("encrypt", json!({ "plaintext": *plaintext })).await?;
            wrapped_text(data.ciphertext)
        })
    }

    fn rewrap<'a>(&'a self, wrapped: &'a str) -> Answer<'a, String> {
        Box::pin(async move { wrapped_text(self.ask("rewrap", json!({ "ciphertext": wrapped })).await?.ciphertext) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a str) -> Answer<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move {
            let data = self.ask("decrypt", json!({ "ciphertext": wrapped })).await?;
            let decoded = STANDARD.decode(data.plaintext.as_bytes());
            decoded.map(Zeroizing::new).map_err(|_| "what it unwrapped is not base64".to_owned())
        })
    }
}

/// The file is for its owner alone, and small.
fn read_token(file: &Path) -> Result<Zeroizing<String>, String> {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    let shown = file.display();
    let cannot = |error: std::io::Error| format!("its token in {shown} cannot be read: {error}");
    let opened = std::fs::File::open(file).map_err(cannot)?;
    let mode = opened.metadata().map_err(cannot)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("other users can get at its token (mode {mode:03o}); run: chmod 600 {shown}"));
    }
    let mut text = Zeroizing::new(String::new());
    opened.take(MAXIMUM_TOKEN_BYTES).read_to_string(&mut text).map_err(cannot)?;
    Ok(text)
}

async fn read(mut answer: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let mut body = Zeroizing::new(Vec::with_capacity(MAXIMUM_ANSWER_BYTES));
    while let Some(piece) = answer.chunk().await.map_err(|error| unreached(&error))? {
        if body.len() + piece.len() > MAXIMUM_ANSWER_BYTES {
            return Err(Failed { reason: "it answered more than a key could need".to_owned(), again: false });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What it wrapped begins with a word, a version and nothing of a line break: `vault:v1:…`.
fn wrapped_text(text: String) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.contains(":v") && text.len() <= 4_000;
    if is_plain { Ok(text) } else { Err("what it wrapped is not understood".to_owned()) }
}

fn unreached(error: &reqwest::Error) -> Failed {
    let reason = if error.is_timeout() {
        format!("it did not answer within {} seconds", TIMEOUT.as_secs())
    } else if error.is_connect() {
        "it cannot be reached: is it running, and does its certificate fit `ca_file`?".to_owned()
    } else {
        "the connection broke off".to_owned()
    };
    Failed { reason, again: true }
}

/// A refusal in words: what the status means here, and what the server said.
fn refused(status: u16, errors: &[String]) -> String {
    let said: String = errors.join("; ").chars().filter(|letter| !letter.is_control()).collect();
    let said: String = said.chars().take(MAXIMUM_REASON_CHARACTERS).collect();
    let means = match status {
        400 => "it does not open this: another key wrapped it, or the file was changed",
        403 => "it refuses the token: it has expired, or its policy lacks update on encrypt and decrypt of this key",
        404 => "it has no such key or engine: look at `key`, `mount` and `namespace`",
        429 => "it is asked too often",
        503 => "it is sealed or in maintenance: unseal it, then start again",
        _ => "it failed",
    };
    if said.is_empty() { format!("{means} (status {status})") } else { format!("{means} (status {status}: {said})") }
}
