//! Organizations and keys beside the demo's own, made from the command line as an operator would.

use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::product::{Product, binary, cookie_of};

/// Another organization of the same installation.
pub struct Other {
    /// A key with the rights of an owner.
    pub api_key: String,
}

impl Other {
    /// Founds it beside the running product.
    pub async fn found(product: &Product) -> Self {
        let (email, password) =
            ("owner@riverside-optics.example".to_owned(), "gravel lantern oboe 73 kestrel".to_owned());
        let folder = product.folder().to_str().expect("a plain path").to_owned();
        let arguments =
            ["--name", "Riverside Optics", "--owner-name", "Rita River", "--email", &email, "--data-dir", &folder];
        let organization =
            command(&[&["organization", "create"], &arguments[..]].concat(), format!("{password}\n").as_bytes()).await;
        let api_key = key(product, Some(&organization), "owner").await;
        Self { api_key }
    }
}

/// Somebody who joined the demo's organization by an invitation and is signed in.
pub struct Member<'a> {
    product: &'a Product,
    /// By which the organization finds them.
    pub email: String,
    cookie: String,
}

impl<'a> Member<'a> {
    /// Invites and signs them in.
    pub async fn join(product: &'a Product, role: &str, email: &str) -> Self {
        let invited = product.api(Method::POST, "/v1/invitations").json(&json!({"role": role, "note": role}));
        let invited: Value = invited.send().await.expect("an answer").json().await.expect("JSON");
        let link = invited["path"].as_str().unwrap_or_else(|| panic!("no link: {invited}"));
        let token = link.split_once('#').expect("a token in the fragment").1;
        let form = format!("token={token}&name=Mara+Quay&email={email}&password=gravel+lantern+oboe+73+kestrel");
        assert_eq!(product.post_form("/invitation", None, &form).await.status(), 303, "joined");
        let folder = product.folder().to_str().expect("a plain path");
        let link = command(&["user", "sign-in-link", "--email", email, "--data-dir", folder], b"").await;
        let token = link.split_once('#').expect("a token in the fragment").1;
        let signed_in = product.post_form("/sign-in/link", None, &format!("token={token}")).await;
        assert_eq!(signed_in.status(), 303, "signed in");
        Self { product, email: email.to_owned(), cookie: cookie_of(&signed_in) }
    }

    /// A request of a page of theirs.
    pub fn api(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        by_session(self.product, &self.cookie, method, path)
    }
}

/// A request to the API from a page in a browser with this session.
pub fn by_session(product: &Product, cookie: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
    let request = product.http.request(method, format!("{}{path}", product.facts.base_url));
    request
        .header("origin", &product.facts.base_url)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("ringfence_session={cookie}"))
        .header(web::form_token::HEADER, web::FormToken::of_session(cookie).as_str())
}

/// A key with this role; of the demo's organization when none is named.
pub async fn key(product: &Product, organization: Option<&str>, role: &str) -> String {
    let folder = product.folder().to_str().expect("a plain path").to_owned();
    // With several organizations the command must be told which one.
    let own = product.get("/v1/organization").await["id"].as_str().expect("an id").to_owned();
    let organization = organization.unwrap_or(&own);
    let arguments =
        ["key", "create", "--name", "prover", "--role", role, "--organization", organization, "--data-dir", &folder];
    command(&arguments, b"").await
}

/// Runs the binary with this input; gives the last line that it printed. Anything but exit code 0 fails the test.
pub async fn command(arguments: &[&str], input: &[u8]) -> String {
    let output = output(arguments, input).await;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().last().unwrap_or_default().trim().to_owned()
}

/// The same, whatever comes of it.
pub async fn output(arguments: &[&str], input: &[u8]) -> std::process::Output {
    let mut child = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    // The command may end without reading anything.
    let _ = pipe.write_all(input).await;
    drop(pipe);
    child.wait_with_output().await.expect("the command ends")
}
