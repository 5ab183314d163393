//! Operators and support over real HTTP: an operator signs in on the loopback listener, opens no organization, and looks only
//! while one grants it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sign_in::totp::SharedSecret;
use storage::{Clock as _, SystemClock};
use uuid::Uuid;

use crate::description::Description;
use crate::organizations::{command, output};
use crate::product::Product;
use crate::visitor::{Person, Visitor};

const PASSWORD: &str = "seven copper kettles on the ridge";

/// An operator at the pages of the loopback listener.
struct Operator<'a> {
    product: &'a Product,
    base: String,
    token: String,
}

impl<'a> Operator<'a> {
    /// Made and trained at the command line, then signed in with an authenticator app.
    async fn of(product: &'a Product, role: &str) -> Self {
        let folder = product.folder().to_str().expect("a plain path").to_owned();
        let email = format!("{role}@operators.example");
        let made =
            ["operator", "create", "--name", "Sam Support", "--email", &email, "--role", role, "--data-dir", &folder];
        command(&made, format!("{PASSWORD}\n").as_bytes()).await;
        let attested = ["operator", "attest", "--email", &email, "--course", "Handling data", "--data-dir", &folder];
        command(&attested, b"").await;
        let base = product.facts.metrics_url.trim_end_matches("/metrics").to_owned();
        let mut operator = Self { product, base, token: String::new() };
        let body = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        operator.token = token_of(&operator.post("/sign-in", &body).await);
        assert_eq!(operator.get("/organizations").await.status(), StatusCode::FORBIDDEN, "with a password alone");
        let page = operator.text("/second-factor").await;
        let letters = between(&page, "id=\"letters\">", "<").expect("letters to enrol");
        let now = SystemClock.now();
        let code = SharedSecret::parse(letters).expect("a secret").code_at(now);
        let answer = operator.changes("/second-factor", &format!("code={code}")).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        operator.token = token_of(&answer);
        operator
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.product.http.get(format!("{}{path}", self.base));
        request.header("cookie", self.cookie()).send().await.expect("an answer")
    }

    async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.expect("a body")
    }

    fn cookie(&self) -> String {
        format!("ringfence_operator={}", self.token)
    }

    async fn post(&self, path: &str, body: &str) -> reqwest::Response {
        let request = self.product.http.post(format!("{}{path}", self.base)).body(body.to_owned());
        let request = request.header("cookie", self.cookie()).header("sec-fetch-site", "same-origin");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.send().await.expect("an answer")
    }

    /// The same as a form of a page, with the token that its forms carry.
    async fn changes(&self, path: &str, body: &str) -> reqwest::Response {
        let token = web::FormToken::of_session(&self.token);
        self.post(path, &format!("form_token={}&{body}", token.as_str())).await
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split(start).nth(1).and_then(|rest| rest.split(end).next())
}

fn token_of(answer: &reqwest::Response) -> String {
    let set = answer.headers().get("set-cookie").and_then(|set| set.to_str().ok()).unwrap_or_default();
    between(set, "ringfence_operator=", ";").unwrap_or_else(|| panic!("{}: {set}", answer.status())).to_owned()
}

/// Asks the public listener with this key.
async fn ask(product: &Product, method: Method, path: &str, key: &str) -> StatusCode {
    let request = product.http.request(method, format!("{}{path}", product.facts.base_url));
    request.bearer_auth(key).send().await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_opens_nothing_and_support_looks_by_grant_only() {
    let product = Product::start_with(&["--no-caller"]).await;
    let person =
        Person { name: "Ada Byron", phone: "+441174960001", email: "ada@byron.example", wish: "a crown for my parrot" };
    Visitor::open(&product, 2).await.leave_wish(&person).await;
    let conversations = product.get("/v1/conversations").await;
    let conversation = conversations["data"][0]["id"].as_str().expect("a conversation").to_owned();
    let transcript = format!("/v1/conversations/{conversation}/events");
    let operator = Operator::of(&product, "support").await;
    assert_eq!(operator.get("/organizations").await.status(), StatusCode::OK);
    let page = operator.text("/organizations").await;
    assert!(!page.contains("Byron") && !page.contains("parrot"), "organizations from outside: {page}");

    assert_eq!(ask(&product, Method::GET, &transcript, &operator.token).await, StatusCode::FORBIDDEN);
    let mut faults = Vec::new();
    for operation in Description::of(&product).await.operations().iter().filter(|operation| operation.secured) {
        let path = operation.path.replace("{id}", &Uuid::nil().to_string());
        let status = ask(&product, operation.method.clone(), &path, &operator.token).await;
        if status != StatusCode::FORBIDDEN {
            faults.push(format!("{}: {status}", operation.name()));
        }
    }
    assert!(faults.is_empty(), "an operator's token: {faults:#?}");
    assert_eq!(ask(&product, Method::GET, "/operators", &operator.token).await, StatusCode::UNAUTHORIZED);
    let here = product.http.get(format!("{}{transcript}", operator.base)).header("cookie", operator.cookie());
    assert_eq!(here.send().await.expect("an answer").status(), StatusCode::NOT_FOUND, "no content on that listener");

    let refused = operator.changes(&format!("/grants/{}/sessions", Uuid::nil()), "").await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND, "without a grant");
    let wanted = json!({"permissions": ["conversation.read"], "hours": 1, "reason": "One chat stopped"});
    let granted = product.api(Method::POST, "/v1/support-grants").json(&wanted).send().await.expect("an answer");
    assert_eq!(granted.status(), StatusCode::CREATED);
    let grant: Value = granted.json().await.expect("a grant");
    let grant = grant["id"].as_str().expect("an id").to_owned();
    let opened = operator.changes(&format!("/grants/{grant}/sessions"), "").await;
    assert_eq!(opened.status(), StatusCode::OK);
    let opened = opened.text().await.expect("a body");
    let token = between(&opened, "id=\"support-token\">", "<").expect("a token").to_owned();
    let read = format!("/v1/conversations/{conversation}");
    assert_eq!(ask(&product, Method::GET, &read, &token).await, StatusCode::OK);
    assert_eq!(ask(&product, Method::GET, &transcript, &token).await, StatusCode::FORBIDDEN, "not granted");
    assert_eq!(ask(&product, Method::GET, "/v1/keys", &token).await, StatusCode::FORBIDDEN);
    let looking = product.get("/v1/support-sessions").await;
    assert_eq!(looking["data"][0]["operator_name"], "Sam Support", "{looking}");

    let revoked = product.api(Method::DELETE, &format!("/v1/support-grants/{grant}")).send().await.expect("an answer");
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(&product, Method::GET, &read, &token).await, StatusCode::UNAUTHORIZED, "at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_names_roles_and_holders_and_knows_wrong_use() {
    let product = Product::start_with(&["--no-caller"]).await;
    let folder = product.folder().to_str().expect("a plain path").to_owned();
    let asked = output(&["who-can", "recording.listen", "--data-dir", &folder], b"").await;
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(asked.status.success() && text.starts_with("recording.listen: owner, admin, manager\n"), "{text}");
    assert!(text.contains(&product.facts.owner_email) && text.contains("key "), "{text}");
    let wrong = output(&["who-can", "recording.lisen"], b"").await;
    let complaint = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("recording.listen"), "{complaint}");
}
