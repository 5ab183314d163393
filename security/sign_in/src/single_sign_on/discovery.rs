//! What a provider says about itself (OpenID Connect Discovery 1.0), and what of it is wrong, in words for an Owner.

use edge::outgoing::Reach;
use serde::Deserialize;
use url::Url;

use super::claims;
use super::settings::endpoint;

/// The path below the issuer (section 4).
pub const PATH: &str = "/.well-known/openid-configuration";

/// The document, as far as it is used.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    /// Its own name, which must be the one that was asked, to the letter.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// Its keys.
    pub jwks_uri: Url,
    /// Where more is said about a person.
    #[serde(default)]
    pub userinfo_endpoint: Option<Url>,
    /// What it signs with.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// How this server shows its secret; `client_secret_basic` when nothing is said.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How codes are bound to whoever asked (RFC 7636).
    #[serde(default)]
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether its answers name it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether it tells when somebody signs out there.
    #[serde(default)]
    pub backchannel_logout_supported: bool,
}

/// How this server shows its secret at the token endpoint (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// In the header.
    Basic,
    /// In the form.
    Form,
}

impl Metadata {
    /// Judges the document of `issuer`; the words say what is wrong.
    pub fn judge(&self, issuer: &str, reach: Reach) -> Result<(), String> {
        if self.issuer != issuer {
            return Err(format!(
                "The provider calls itself {:?}, but {issuer:?} is set. Set exactly what it calls itself, with or without \
                 the stroke at the end.",
                short(&self.issuer)
            ));
        }
        let endpoints = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        for url in endpoints.into_iter().chain(&self.userinfo_endpoint) {
            endpoint(url, reach).map_err(|reason| format!("The provider names {:?}: {reason}", short(url.as_str())))?;
        }
        let taken = claims::algorithms().map(|algorithm| serde_json::to_value(algorithm).unwrap_or_default());
        let offered = &self.id_token_signing_alg_values_supported;
        if !offered.iter().any(|name| taken.iter().any(|known| known == name.as_str())) {
            return Err("The provider signs with nothing that is taken here: RS256, PS256, ES256 or EdDSA.".to_owned());
        }
        if self.client_authentication().is_none() {
            return Err(
                "The provider takes no client secret: neither client_secret_basic nor client_secret_post.".into()
            );
        }
        Ok(())
    }

    /// What an Owner should know, though it works.
    pub fn remarks(&self) -> Vec<&'static str> {
        let mut remarks = Vec::new();
        if !self.code_challenge_methods_supported.iter().flatten().any(|method| method == "S256") {
            remarks.push("It does not say that it checks the code challenge (PKCE with S256). It is sent in any case.");
        }
        if !self.authorization_response_iss_parameter_supported {
            remarks.push("Its answers do not name it (RFC 9207). Each organization's answers have an address of their own instead.");
        }
        if !self.backchannel_logout_supported {
            remarks.push("It does not say when somebody signs out there (back-channel logout): sessions here end by their own limits.");
        }
        remarks
    }

    /// How to show the secret; none when it takes none.
    pub fn client_authentication(&self) -> Option<ClientAuthentication> {
        let Some(methods) = &self.token_endpoint_auth_methods_supported else {
            return Some(ClientAuthentication::Basic);
        };
        let has = |name: &str| methods.iter().any(|method| method == name);
        match (has("client_secret_basic"), has("client_secret_post")) {
            (true, _) => Some(ClientAuthentication::Basic),
            (false, true) => Some(ClientAuthentication::Form),
            (false, false) => None,
        }
    }
}

/// The address of an issuer's document.
pub fn address(issuer: &str) -> String {
    format!("{}{PATH}", issuer.trim_end_matches('/'))
}

/// What somebody else wrote, cut to what fits a line.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(change: impl FnOnce(&mut serde_json::Value)) -> Metadata {
        let mut document = serde_json::json!({
            "issuer": "https://login.example",
            "authorization_endpoint": "https://login.example/auth",
            "token_endpoint": "https://login.example/token",
            "jwks_uri": "https://keys.example/jwks",
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
        });
        change(&mut document);
        serde_json::from_value(document).expect("a document")
    }

    fn fault(change: impl FnOnce(&mut serde_json::Value)) -> String {
        metadata(change).judge("https://login.example", Reach::PublicOnly).expect_err("wrong")
    }

    #[test]
    fn a_provider_that_calls_itself_otherwise_is_refused() {
        assert!(metadata(|_| {}).judge("https://login.example", Reach::PublicOnly).is_ok());
        for other in ["https://login.example/", "https://evil.example", "https://LOGIN.example", ""] {
            assert!(fault(|document| document["issuer"] = other.into()).contains("calls itself"), "{other}");
        }
    }

    #[test]
    fn endpoints_within_the_own_network_and_in_clear_are_refused() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for bad in ["http://login.example/x", "https://127.0.0.1/x", "https://169.254.169.254/x", "file:///etc/x"] {
                assert!(fault(|document| document[name] = bad.into()).contains("names"), "{name} {bad}");
            }
        }
    }

    #[test]
    fn a_provider_without_signatures_or_secrets_is_refused() {
        let algorithms = |list: serde_json::Value| {
            fault(|document| document["id_token_signing_alg_values_supported"] = list).contains("signs with nothing")
        };
        assert!(algorithms(serde_json::json!(["none", "HS256"])) && algorithms(serde_json::json!([])));
        let methods = |list: serde_json::Value| {
            metadata(|document| document["token_endpoint_auth_methods_supported"] = list).client_authentication()
        };
        assert_eq!(methods(serde_json::json!(["private_key_jwt"])), None);
        assert_eq!(methods(serde_json::json!(["client_secret_post"])), Some(ClientAuthentication::Form));
        assert_eq!(metadata(|_| {}).client_authentication(), Some(ClientAuthentication::Basic));
        assert_eq!(metadata(|_| {}).remarks().len(), 3);
    }

    #[test]
    fn the_document_stands_below_the_issuer() {
        assert_eq!(address("https://a.example"), "https://a.example/.well-known/openid-configuration");
        assert_eq!(address("https://a.example/tenant/"), "https://a.example/tenant/.well-known/openid-configuration");
    }
}
