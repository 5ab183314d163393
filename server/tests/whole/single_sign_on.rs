//! Single sign-on against a certified OpenID provider that somebody else wrote (npm `oidc-provider`), over HTTP as browsers
//! do it: connected, signed in at, made the only way in, and signed out at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::product::Product;

const SETTINGS: &str = "[single_sign_on]\nprivate_providers = true\n";
/// How long the provider may take to start, and the product to hear of a logout.
const PATIENCE: Duration = Duration::from_secs(15);

/// The folder of `oidc-provider` (`RINGFENCE_OPENID_PROVIDER`, installed by the test command); `None` when it is not there.
fn provider_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("RINGFENCE_OPENID_PROVIDER").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("lib/index.js").is_file());
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "RINGFENCE_OPENID_PROVIDER names no oidc-provider");
        println!("not measured: single sign-on with a real provider: RINGFENCE_OPENID_PROVIDER names no oidc-provider");
    }
    folder
}

/// The provider; ends when its standard input closes.
struct Provider {
    _child: Child,
    issuer: String,
}

impl Provider {
    async fn start(folder: &std::path::Path, redirect: &str, logout: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole/single_sign_on/provider.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(folder)
            .args([redirect, logout])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let output = child.stdout.take().expect("its output is piped");
        let line = tokio::time::timeout(PATIENCE, BufReader::new(output).lines().next_line()).await;
        let issuer = line.expect("the provider starts in time").expect("it says something").expect("its issuer");
        Self { _child: child, issuer }
    }
}

/// A browser: cookies by host, links followed only when told.
struct Browser<'a> {
    product: &'a Product,
    provider: &'a Provider,
    cookies: BTreeMap<(bool, String), String>,
}

impl<'a> Browser<'a> {
    fn new(product: &'a Product, provider: &'a Provider) -> Self {
        Self { product, provider, cookies: BTreeMap::new() }
    }

    async fn send(&mut self, method: Method, address: &str, form: Option<&str>) -> Response {
        let base = &self.product.facts.base_url;
        let at_home = address.starts_with(base.as_str());
        let own = self.cookies.iter().filter(|((home, _), _)| *home == at_home);
        let cookies: Vec<String> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = self.product.http.request(method, address).header("cookie", cookies.join("; "));
        request = request.header("accept", "text/html");
        if let Some(form) = form {
            let origin = if at_home { base } else { &self.provider.issuer };
            request = request.header("origin", origin).header("content-type", "application/x-www-form-urlencoded");
            request = request.body(form.to_owned());
        }
        let answer = request.send().await.expect("an answer");
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().expect("text").split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert((at_home, name.to_owned()), value.to_owned());
            }
        }
        answer
    }

    /// Goes to the provider and comes back as this person; the product's answer.
    async fn sign_in(&mut self, who: &str) -> Response {
        let base = self.product.facts.base_url.clone();
        let start = format!("{base}/sign-in/single-sign-on");
        let left = self.send(Method::POST, &start, Some("name=harbour&next=%2Fcalls")).await;
        let refresh = left.headers().get("refresh").expect("a way to the provider").to_str().expect("text").to_owned();
        let mut address = refresh.strip_prefix("0; url=").expect("an address").to_owned();
        for _ in 0..10 {
            let mut answer = self.send(Method::GET, &address, None).await;
            if answer.status() == 200 {
                assert!(address.contains("/interaction/"), "the provider asks for a person: {address}");
                let form = format!("prompt=login&login={who}&password=any");
                answer = self.send(Method::POST, &address, Some(&form)).await;
            }
            if address.starts_with(&base) {
                return answer;
            }
            let next = answer.headers().get("location").map(|next| next.to_str().expect("text").to_owned());
            let Some(next) = next else { panic!("{address}: {}", answer.text().await.unwrap_or_default()) };
            address = if next.starts_with('/') { format!("{}{next}", self.provider.issuer) } else { next };
        }
        panic!("no end of redirects");
    }

    /// Signs out at the provider, which asks once.
    async fn sign_out_there(&mut self) {
        let issuer = self.provider.issuer.clone();
        let page = self.send(Method::GET, &format!("{issuer}/session/end"), None).await.text().await.expect("a page");
        let (_, rest) = page.split_once("name=\"xsrf\" value=\"").expect("a form");
        let token = rest.split('"').next().expect("a token").to_owned();
        let form = format!("xsrf={token}&logout=yes");
        let ended = self.send(Method::POST, &format!("{issuer}/session/end/confirm"), Some(&form)).await;
        assert!(ended.status().is_redirection() || ended.status().is_success(), "{}", ended.status());
    }

    async fn is_in(&mut self) -> bool {
        let address = format!("{}/v1/sessions", self.product.facts.base_url);
        self.send(Method::GET, &address, None).await.status() == 200
    }
}

struct Owner<'a> {
    product: &'a Product,
    cookie: String,
}

impl Owner<'_> {
    async fn ask(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.product.http.request(method, format!("{}{path}", self.product.facts.base_url));
        let request = request
            .header("cookie", format!("ringfence_session={}", self.cookie))
            .header("origin", &self.product.facts.base_url)
            .header(web::form_token::HEADER, web::FormToken::of_session(&self.cookie).as_str());
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Connects the provider's client that signs with this.
    async fn connect(&self, issuer: &str, algorithm: &str, required: bool) -> Value {
        let wish = json!({
            "short_name": "harbour", "issuer": issuer, "client_id": algorithm.to_lowercase(),
            "client_secret": format!("secret of {algorithm}"), "domains": ["harbour.example"],
            "new_member_role": "viewer", "required": required, "enabled": true,
        });
        let (status, set) = self.ask(Method::PUT, "/v1/single-sign-on", &wish).await;
        assert_eq!(status, 200, "{set}");
        set
    }

    async fn emails(&self) -> Vec<String> {
        let (_, page) = self.ask(Method::GET, "/v1/members", &Value::Null).await;
        let members = page["data"].as_array().expect("members");
        members.iter().filter_map(|member| member["email"].as_str().map(str::to_owned)).collect()
    }
}

/// The folder goes after the product, which tells its log when a test fails.
async fn product() -> (tempfile::TempDir, Product) {
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let settings = scratch.path().join("settings.toml");
    std::fs::write(&settings, SETTINGS).expect("tests can write to the temporary folder");
    let settings = settings.to_str().expect("a plain path");
    let product = Product::start_in(&scratch.path().join("data"), &["--no-caller", "--settings", settings]).await;
    (scratch, product)
}

async fn by_password(product: &Product, email: &str, password: &str) -> u16 {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let form = format!("email={}&password={}", escaped(email), escaped(password));
    let request = product.http.post(format!("{}/sign-in", product.facts.base_url)).body(form);
    let request = request.header("origin", &product.facts.base_url);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn people_sign_in_and_out_at_a_certified_provider() {
    let Some(folder) = provider_folder() else { return };
    let (_scratch, product) = product().await;
    let owner = Owner { product: &product, cookie: product.sign_in().await };
    // The organization's addresses are known before its provider is.
    let placeholder = owner.connect("http://127.0.0.1:1", "RS256", false).await;
    let address = |name: &str| placeholder[name].as_str().expect("an address").to_owned();
    let provider = Provider::start(&folder, &address("redirect_uri"), &address("back_channel_logout_uri")).await;
    let (_, trial) = owner.ask(Method::POST, "/v1/single-sign-on/trial", &json!({})).await;
    assert_eq!(trial["works"], false, "nobody stands there: {trial}");
    owner.connect(&provider.issuer, "RS256", false).await;
    let (_, trial) = owner.ask(Method::POST, "/v1/single-sign-on/trial", &json!({})).await;
    assert_eq!(trial["works"], true, "{trial}");
    assert!(trial["findings"].to_string().contains("takes the client secret"), "{trial}");

    let mut ana = Browser::new(&product, &provider);
    let arrived = ana.sign_in("ana").await;
    assert_eq!(arrived.status(), 303, "{:?}", arrived.text().await);
    assert!(ana.is_in().await);
    let after_first = owner.emails().await;
    assert!(after_first.contains(&"ana@harbour.example".to_owned()), "{after_first:?}");

    // Another key and algorithm of the same provider, and the same person.
    owner.connect(&provider.issuer, "ES256", false).await;
    assert!(!ana.is_in().await, "another client ends what the former one opened");
    let mut second = Browser::new(&product, &provider);
    assert_eq!(second.sign_in("ana").await.status(), 303);
    assert_eq!(owner.emails().await.len(), after_first.len(), "found again, not made again");

    owner.connect(&provider.issuer, "ES256", true).await;
    assert!(second.is_in().await, "who came by the provider stays");
    let facts = &product.facts;
    assert_eq!(
        by_password(&product, &facts.owner_email, &facts.owner_password).await,
        303,
        "the owner's emergency way"
    );
    assert_eq!(by_password(&product, "ana@harbour.example", "").await, 401, "an account without a password has none");
    let mut bea = Browser::new(&product, &provider);
    assert_eq!(bea.sign_in("bea").await.status(), 303);

    second.sign_out_there().await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while second.is_in().await {
        assert!(tokio::time::Instant::now() < deadline, "the provider's word ends the session");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(bea.is_in().await, "nobody else's");
}
