//! A product under attack, and everybody who attacks it: a key and a browser's session of each role, a visitor, nobody.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::organizations::command;
use crate::product::{Product, UNHURRIED};
use crate::visitor::Visitor;

/// The roles, the mightiest first.
pub const ROLES: [&str; 4] = ["owner", "admin", "manager", "viewer"];

/// What the firewall of the attacked product does. Switched off it shows whether the code behind holds without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    Blocks,
    IsOff,
}

/// By what somebody is known.
#[derive(Clone, Debug)]
pub enum Credential {
    Key(String),
    /// The value of the session's cookie.
    Session(String),
    /// A visitor's pass.
    Visitor(String),
    Nothing,
}

impl Credential {
    /// The headers that a client of theirs sends. A browser's are those of a page of the product's own.
    pub fn headers(&self, base_url: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Key(key) => vec![("Authorization", format!("Bearer {key}"))],
            Self::Session(session) => vec![
                ("Cookie", format!("ringfence_session={session}")),
                ("Origin", base_url.to_owned()),
                ("Sec-Fetch-Site", "same-origin".to_owned()),
                (web::form_token::HEADER, web::FormToken::of_session(session).as_str().to_owned()),
            ],
            Self::Visitor(pass) => vec![("ringfence-visitor", pass.clone())],
            Self::Nothing => Vec::new(),
        }
    }
}

/// A product with limits out of the way.
pub struct Target {
    pub product: Product,
}

impl Target {
    /// On the embedded database.
    pub async fn start(firewall: Firewall) -> Self {
        Self::start_on(firewall, "").await
    }

    /// On this database; an empty address means the embedded one.
    pub async fn start_on(firewall: Firewall, database: &str) -> Self {
        let mode = if firewall == Firewall::IsOff { "off" } else { "block" };
        let database = serde_json::Value::from(database);
        let settings =
            format!("firewall = \"{mode}\"\ndatabase_url = {database}\n{UNHURRIED}organization_factor = 100\n");
        let product = Product::start_settled(&settings).await;
        let is_embedded = product.folder().join("ringfence.db").exists();
        assert_eq!(is_embedded, database == "", "it keeps its rows elsewhere than in {database:?}");
        Self { product }
    }

    pub fn base_url(&self) -> &str {
        &self.product.facts.base_url
    }

    /// A new key of this role.
    pub async fn key(&self, role: &str) -> Credential {
        let request = self.product.api(Method::POST, "/v1/keys").json(&json!({"name": role, "role": role}));
        let made: serde_json::Value = request.send().await.expect("an answer").json().await.expect("JSON");
        Credential::Key(made["secret"].as_str().unwrap_or_else(|| panic!("no key: {made}")).to_owned())
    }

    /// A browser in which somebody of this role has just signed in. Nobody but the owner is there before.
    pub async fn session(&self, role: &str) -> Credential {
        if role == "owner" {
            return Credential::Session(self.product.sign_in().await);
        }
        let email = format!("{role}@attack.example");
        let invited = self.product.api(Method::POST, "/v1/invitations").json(&json!({"role": role, "note": role}));
        let invited: serde_json::Value = invited.send().await.expect("an answer").json().await.expect("JSON");
        let link = invited["path"].as_str().unwrap_or_else(|| panic!("no link: {invited}"));
        let token = link.split_once('#').expect("a token in the fragment").1;
        let form = format!("token={token}&name={role}&email={email}&password=gravel+lantern+oboe+73+kestrel");
        assert_eq!(self.product.post_form("/invitation", None, &form).await.status(), StatusCode::SEE_OTHER);
        Credential::Session(self.session_by_link(&email).await)
    }

    /// A fresh session of somebody who works there.
    async fn session_by_link(&self, email: &str) -> String {
        let folder = self.product.folder().to_str().expect("a plain path");
        let settings = self.product.settings().expect("it was started with settings");
        let settings = settings.to_str().expect("a plain path");
        let asked = ["user", "sign-in-link", "--email", email, "--data-dir", folder, "--settings", settings];
        let link = command(&asked, b"").await;
        let token = link.split_once('#').expect("a token in the fragment").1;
        let signed_in = self.product.post_form("/sign-in/link", None, &format!("token={token}")).await;
        assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
        crate::product::cookie_of(&signed_in)
    }

    /// Whether this one is let in where every member is. A visitor's pass and nobody are for other routes.
    pub async fn knows(&self, credential: &Credential) -> bool {
        if matches!(credential, Credential::Visitor(_) | Credential::Nothing) {
            return true;
        }
        let mut request = self.product.http.get(format!("{}/v1/organization", self.base_url()));
        for (name, value) in credential.headers(self.base_url()) {
            request = request.header(name, value);
        }
        request.send().await.expect("an answer").status() == StatusCode::OK
    }

    /// A visitor with an open conversation.
    pub async fn visitor(&self) -> Credential {
        Credential::Visitor(Visitor::open(&self.product, 5).await.pass)
    }
}
