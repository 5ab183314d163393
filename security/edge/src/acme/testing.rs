//! A small certificate authority that speaks ACME (RFC 8555), for tests: it checks every signature, every nonce and every
//! challenge as a real one does, and can be told to misbehave. `driver.rs` gives it a socket.

mod driver;
mod signature;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, CertificateSigningRequestParams};
use rustls_pki_types::CertificateSigningRequestDer;
use serde_json::{Value, json};
use storage::{Clock, Timestamp};

pub use driver::TestAuthority;
use signature::{Signed, Signer};

use crate::tls::testing::TestIssuer;

/// What a test may ask of the authority.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// So many coming requests are answered with `badNonce`, as if their nonces had grown old.
    pub bad_nonces: u32,
    /// New orders are refused with `rateLimited`.
    pub rate_limited: bool,
    /// Every challenge is found wrong, whatever the answer.
    pub challenges_fail: bool,
    /// It has forgotten every account.
    pub accounts_forgotten: bool,
    /// Days that its certificates last.
    pub days: i64,
    /// It signs for this name instead of those that were asked for.
    pub signs_for: Option<String>,
}

/// A problem document's kind and words (RFC 8555 section 6.7).
type Refusal = (u16, &'static str, &'static str);

struct Order {
    account: String,
    names: Vec<String>,
    certificate: Option<String>,
    /// Valid, once the challenge was seen; the words of the fault otherwise.
    checked: HashMap<String, Result<(), &'static str>>,
}

#[derive(Default)]
struct State {
    behaviour: Behaviour,
    nonces: HashSet<String>,
    numbers: u64,
    accounts: HashMap<String, Signer>,
    orders: Vec<Order>,
    issued: u32,
}

/// The authority itself, without its socket.
pub(super) struct Authority {
    state: Mutex<State>,
    issuer: TestIssuer,
    clock: Arc<dyn Clock>,
}

/// What an answer is made of.
pub(super) struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Body,
}

pub(super) enum Body {
    Json(Value),
    Pem(String),
}

/// A challenge that is to be seen over HTTP before it can be answered.
pub(super) struct Look {
    pub order: usize,
    pub name: String,
    pub token: String,
    pub expected: String,
}

impl Authority {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let issuer = TestIssuer::new("Ringfence test authority");
        let behaviour = Behaviour { days: 90, ..Behaviour::default() };
        Self { state: Mutex::new(State { behaviour, ..State::default() }), issuer, clock }
    }

    pub(super) fn issuer(&self) -> &TestIssuer {
        &self.issuer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.state().behaviour);
    }

    pub(super) fn issued(&self) -> u32 {
        self.state().issued
    }

    /// A nonce that nobody has used yet.
    pub(super) fn nonce(&self) -> String {
        let mut state = self.state();
        state.numbers += 1;
        let nonce = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &state.numbers.to_be_bytes()));
        state.nonces.insert(nonce.clone());
        nonce
    }

    /// What the signature of a request says: who, and what. Refused as sections 6.2 to 6.5 want it.
    pub(super) fn open(&self, url: &str, body: &[u8]) -> Result<(Signed, String), Refusal> {
        let signed = Signed::parse(body).ok_or((400, "malformed", "not a flattened JWS"))?;
        let mut state = self.state();
        if signed.url != url {
            return Err((400, "unauthorized", "signed for another address"));
        }
        if state.behaviour.bad_nonces > 0 {
            state.behaviour.bad_nonces -= 1;
            return Err((400, "badNonce", "the nonce has grown old"));
        }
        if !state.nonces.remove(&signed.nonce) {
            return Err((400, "badNonce", "the nonce is unknown or used"));
        }
        let is_registration = url.ends_with("/new-account");
        let (account, signer) = match (&signed.key, &signed.account) {
            (Some(key), None) if is_registration => (String::new(), key.clone()),
            (None, Some(account)) if !is_registration && !state.behaviour.accounts_forgotten => {
                let known = state.accounts.get(account).cloned();
                (account.clone(), known.ok_or((400, "accountDoesNotExist", "no such account"))?)
            }
            (None, Some(_)) => return Err((400, "accountDoesNotExist", "no such account")),
            _ => return Err((400, "malformed", "jwk is for new-account, kid for all else")),
        };
        if !signer.verifies(&signed) {
            return Err((401, "unauthorized", "the signature is wrong"));
        }
        Ok((signed, account))
    }

    pub(super) fn register(&self, base: &str, signed: &Signed) -> Result<Answer, Refusal> {
        if signed.payload()["termsOfServiceAgreed"] != true {
            return Err((403, "userActionRequired", "the terms must be agreed to"));
        }
        let Some(key) = signed.key.clone() else { return Err((400, "malformed", "no key")) };
        let mut state = self.state();
        state.behaviour.accounts_forgotten = false;
        let account = format!("{base}/account/{}", state.accounts.len() + 1);
        state.accounts.insert(account.clone(), key);
        Ok(Answer { status: 201, location: Some(account), body: Body::Json(json!({ "status": "valid" })) })
    }

    pub(super) fn order(&self, base: &str, account: &str, signed: &Signed) -> Result<Answer, Refusal> {
        let mut state = self.state();
        if state.behaviour.rate_limited {
            return Err((429, "rateLimited", "too many new orders"));
        }
        let payload = signed.payload();
        let identifiers = payload["identifiers"].as_array().cloned().unwrap_or_default();
        let name = |identifier: &Value| identifier["value"].as_str().map(str::to_owned);
        let names: Vec<String> = identifiers.iter().filter(|one| one["type"] == "dns").filter_map(name).collect();
        if names.is_empty() {
            return Err((400, "malformed", "no names"));
        }
        state.orders.push(Order { account: account.to_owned(), names, certificate: None, checked: HashMap::new() });
        let number = state.orders.len() - 1;
        let location = Some(format!("{base}/order/{number}"));
        Ok(Answer { status: 201, location, body: Body::Json(shown(base, number, &state.orders[number])) })
    }

    pub(super) fn show_order(&self, base: &str, account: &str, number: usize) -> Result<Answer, Refusal> {
        let state = self.state();
        let order = own(&state.orders, account, number)?;
        Ok(Answer { status: 200, location: None, body: Body::Json(shown(base, number, order)) })
    }

    pub(super) fn show_authorization(
        &self,
        base: &str,
        account: &str,
        number: usize,
        name: &str,
    ) -> Result<Answer, Refusal> {
        let state = self.state();
        let order = own(&state.orders, account, number)?;
        let status = status_of(order.checked.get(name));
        let challenge = challenge_of(base, number, name, order.checked.get(name));
        let body =
            json!({ "identifier": { "type": "dns", "value": name }, "status": status, "challenges": [challenge] });
        Ok(Answer { status: 200, location: None, body: Body::Json(body) })
    }

    /// What is to be looked at before the challenge can be judged (section 8.3).
    pub(super) fn challenged(&self, account: &str, number: usize, name: &str) -> Result<Look, Refusal> {
        let state = self.state();
        own(&state.orders, account, number)?;
        let signer = state.accounts.get(account).ok_or((400, "accountDoesNotExist", "no such account"))?;
        let token = token_of(number, name);
        let expected = format!("{token}.{}", signer.thumbprint());
        Ok(Look { order: number, name: name.to_owned(), token, expected })
    }

    /// The verdict over a challenge: what was seen in its place.
    pub(super) fn judge(&self, base: &str, look: &Look, seen: Option<&str>) -> Answer {
        let mut state = self.state();
        let is_right = seen.map(str::trim_end) == Some(look.expected.as_str()) && !state.behaviour.challenges_fail;
        let verdict = if is_right { Ok(()) } else { Err("the key authorization was not found") };
        let order = &mut state.orders[look.order];
        order.checked.insert(look.name.clone(), verdict);
        let body = challenge_of(base, look.order, &look.name, None);
        Answer { status: 200, location: None, body: Body::Json(body) }
    }

    pub(super) fn finalize(
        &self,
        base: &str,
        account: &str,
        number: usize,
        signed: &Signed,
    ) -> Result<Answer, Refusal> {
        let mut state = self.state();
        let behaviour = state.behaviour.clone();
        let order = own(&state.orders, account, number)?;
        if order.names.iter().any(|name| order.checked.get(name) != Some(&Ok(()))) {
            return Err((403, "orderNotReady", "not every name has been checked"));
        }
        let request = signed.payload()["csr"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let request = request.ok_or((400, "badCSR", "not base64url"))?;
        let pem = self.sign(request, &order.names, &behaviour)?;
        state.orders[number].certificate = Some(pem);
        state.issued += 1;
        Ok(Answer { status: 200, location: None, body: Body::Json(shown(base, number, &state.orders[number])) })
    }

    fn sign(&self, request: Vec<u8>, names: &[String], behaviour: &Behaviour) -> Result<String, Refusal> {
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request));
        let mut request = request.map_err(|_| (400, "badCSR", "unreadable, or its signature is wrong"))?;
        let asked: HashSet<String> = request.params.subject_alt_names.iter().filter_map(dns_name).collect();
        if asked != names.iter().cloned().collect() {
            return Err((400, "badCSR", "the names are not those of the order"));
        }
        if let Some(other) = &behaviour.signs_for {
            let fresh = CertificateParams::new(vec![other.clone()]).map_err(|_| (400, "badCSR", "no name"))?;
            request.params.subject_alt_names = fresh.subject_alt_names;
        }
        let now = self.clock.now();
        request.params.not_before = date(now.plus_seconds(-3_600))?;
        request.params.not_after = date(now.plus_seconds(-3_600 + behaviour.days * 86_400))?;
        let signed = request.signed_by(self.issuer.issuer()).map_err(|_| (500, "serverInternal", "cannot sign"))?;
        Ok(format!("{}{}", signed.pem(), self.issuer.root()))
    }

    pub(super) fn certificate(&self, account: &str, number: usize) -> Result<Answer, Refusal> {
        let state = self.state();
        let certificate = own(&state.orders, account, number)?.certificate.clone();
        let pem = certificate.ok_or((403, "orderNotReady", "not signed yet"))?;
        Ok(Answer { status: 200, location: None, body: Body::Pem(pem) })
    }
}

fn dns_name(name: &rcgen::SanType) -> Option<String> {
    match name {
        rcgen::SanType::DnsName(name) => Some(name.as_str().to_owned()),
        _ => None,
    }
}

fn date(at: Timestamp) -> Result<time::OffsetDateTime, Refusal> {
    time::OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|_| (500, "serverInternal", "no such date"))
}

fn own<'a>(orders: &'a [Order], account: &str, number: usize) -> Result<&'a Order, Refusal> {
    let order = orders.get(number).filter(|order| order.account == account);
    order.ok_or((404, "malformed", "no such order of this account"))
}

fn token_of(number: usize, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, format!("token {number} {name}").as_bytes()))
}

fn status_of(checked: Option<&Result<(), &'static str>>) -> &'static str {
    match checked {
        None => "pending",
        Some(Ok(())) => "valid",
        Some(Err(_)) => "invalid",
    }
}

fn challenge_of(base: &str, number: usize, name: &str, checked: Option<&Result<(), &'static str>>) -> Value {
    let mut challenge = json!({
        "type": "http-01",
        "url": format!("{base}/challenge/{number}/{name}"),
        "token": token_of(number, name),
        "status": status_of(checked),
    });
    if let Some(Err(why)) = checked {
        challenge["error"] = json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": why });
    }
    challenge
}

fn shown(base: &str, number: usize, order: &Order) -> Value {
    let verdicts: Vec<_> = order.names.iter().map(|name| order.checked.get(name)).collect();
    let status = if order.certificate.is_some() {
        "valid"
    } else if verdicts.iter().any(|verdict| matches!(verdict, Some(Err(_)))) {
        "invalid"
    } else if verdicts.iter().all(|verdict| matches!(verdict, Some(Ok(())))) {
        "ready"
    } else {
        "pending"
    };
    let authorization = |name: &String| format!("{base}/authorization/{number}/{name}");
    let mut shown = json!({
        "status": status,
        "identifiers": order.names.iter().map(|name| json!({ "type": "dns", "value": name })).collect::<Vec<_>>(),
        "authorizations": order.names.iter().map(authorization).collect::<Vec<_>>(),
        "finalize": format!("{base}/finalize/{number}"),
    });
    if order.certificate.is_some() {
        shown["certificate"] = json!(format!("{base}/certificate/{number}"));
    }
    shown
}
