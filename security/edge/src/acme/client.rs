//! One order, from the account to the certificate (RFC 8555 section 7), by way of instant-acme.

use std::time::Duration;

use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::{AcmeError, AcmeSettings, Challenges, store};
use crate::tls::Certificate;

/// A whole order takes no longer than this.
const ORDER_LIMIT: Duration = Duration::from_mins(5);
/// How long the authority may take to check a challenge, or to sign.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_mins(2));

/// A certificate that came, as it is stored and as it is presented.
pub struct Issued {
    /// Chain and key in one PEM text.
    pub pem: String,
    /// The same, read.
    pub certificate: Certificate,
}

/// Orders a certificate for the names of the settings. Challenges are answered by way of `challenges` while it runs.
///
/// # Errors
/// Says which step failed and what the authority said.
pub async fn order(settings: &AcmeSettings, challenges: &Challenges) -> Result<Issued, AcmeError> {
    let late = |_| AcmeError::Reach(format!("no certificate within {} s", ORDER_LIMIT.as_secs()));
    let mut open = Answered { challenges: challenges.clone(), tokens: Vec::new() };
    tokio::time::timeout(ORDER_LIMIT, order_with(settings, &mut open)).await.map_err(late)?
}

async fn order_with(settings: &AcmeSettings, open: &mut Answered) -> Result<Issued, AcmeError> {
    let names: Vec<Identifier> = settings.names.iter().cloned().map(Identifier::Dns).collect();
    let wanted = NewOrder::new(&names);
    let stored = account(settings).await?;
    let mut order = match stored.new_order(&wanted).await {
        // The authority has forgotten us (or it was set up anew): make ourselves known again.
        Err(Error::Api(problem)) if is_kind(&problem, "accountDoesNotExist") => {
            registered(settings).await?.new_order(&wanted).await.map_err(refusal)?
        }
        order => order.map_err(refusal)?,
    };
    answer_challenges(&mut order, open).await?;
    let state = order.poll_ready(&PATIENCE).await;
    if !matches!(state, Ok(OrderStatus::Ready | OrderStatus::Valid)) {
        let failed = failed_challenge(&mut order).await;
        return Err(match (failed, state) {
            (Some(failed), _) => failed,
            (None, Err(error)) => refusal(error),
            (None, Ok(status)) => AcmeError::Refused(format!("the order became {status:?}")),
        });
    }
    let key = order.finalize().await.map_err(refusal)?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(refusal)?;
    issued(settings, &chain, &key)
}

fn issued(settings: &AcmeSettings, chain: &str, key: &str) -> Result<Issued, AcmeError> {
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())
        .map_err(|error| AcmeError::Unusable(error.to_string()))?;
    match settings.names.iter().find(|name| !certificate.facts().is_for(name)) {
        Some(missing) => Err(AcmeError::Unusable(format!("it is not for {missing}"))),
        None => Ok(Issued { pem: format!("{}\n{key}", chain.trim_end()), certificate }),
    }
}

/// The account of earlier orders, or a new one.
async fn account(settings: &AcmeSettings) -> Result<Account, AcmeError> {
    let path = store::account_path(settings);
    let Some(bytes) = store::read(&path)? else { return registered(settings).await };
    let credentials: AccountCredentials = serde_json::from_slice(&bytes).map_err(|_| AcmeError::Account(path))?;
    builder(settings)?.from_credentials(credentials).await.map_err(refusal)
}

/// A new account, stored before it is used.
async fn registered(settings: &AcmeSettings) -> Result<Account, AcmeError> {
    let contact: Vec<&str> =
        Some(settings.contact.as_str()).filter(|contact| !contact.is_empty()).into_iter().collect();
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = builder(settings)?.create(&wanted, settings.directory.clone(), None).await;
    let (account, credentials) = made.map_err(refusal)?;
    let bytes = serde_json::to_vec(&credentials).map_err(|_| AcmeError::Account(store::account_path(settings)))?;
    store::write(&store::account_path(settings), &bytes)?;
    Ok(account)
}

fn builder(settings: &AcmeSettings) -> Result<AccountBuilder, AcmeError> {
    match &settings.ca_file {
        Some(file) => Account::builder_with_root(file),
        None => Account::builder(),
    }
    .map_err(refusal)
}

/// Answers each challenge that is still open.
async fn answer_challenges(order: &mut Order, open: &mut Answered) -> Result<(), AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(refusal)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue; // checked not long ago
        }
        let name = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
            let why = "it offers no http-01 challenge".to_owned();
            return Err(AcmeError::Challenge { name, why });
        };
        open.put(&challenge.token, challenge.key_authorization().as_str());
        challenge.set_ready().await.map_err(|error| failed(name, error))?;
    }
    Ok(())
}

/// Which name could not be checked, and what the authority says about it.
async fn failed_challenge(order: &mut Order) -> Option<AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let state = authorization.refresh().await.ok()?;
        let problem = state.challenges.iter().find_map(|challenge| challenge.error.clone());
        if let Some(problem) = problem {
            return Some(AcmeError::Challenge { name, why: words(&problem) });
        }
    }
    None
}

fn failed(name: String, error: Error) -> AcmeError {
    match error {
        Error::Api(problem) if !is_kind(&problem, "rateLimited") => AcmeError::Challenge { name, why: words(&problem) },
        error => refusal(error),
    }
}

fn refusal(error: Error) -> AcmeError {
    match error {
        Error::Api(problem) if is_kind(&problem, "rateLimited") => AcmeError::TooMany(words(&problem)),
        Error::Api(problem) => AcmeError::Refused(words(&problem)),
        error => AcmeError::Reach(with_sources(&error)),
    }
}

/// An error and what is behind it: "client error" alone helps nobody.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

fn words(problem: &instant_acme::Problem) -> String {
    problem.to_string().trim_start_matches("API error").trim_start_matches(": ").to_owned()
}

/// Is the problem of this kind (RFC 8555 section 6.7)?
fn is_kind(problem: &instant_acme::Problem, kind: &str) -> bool {
    problem.r#type.as_deref().and_then(|name| name.strip_prefix("urn:ietf:params:acme:error:")) == Some(kind)
}

/// The tokens that are answered during one order, and not after it.
struct Answered {
    challenges: Challenges,
    tokens: Vec<String>,
}

impl Answered {
    fn put(&mut self, token: &str, key_authorization: &str) {
        self.challenges.put(token, key_authorization);
        self.tokens.push(token.to_owned());
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        for token in &self.tokens {
            self.challenges.remove(token);
        }
    }
}
