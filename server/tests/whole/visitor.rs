//! A visitor of the sample customer's page, as its widget would speak for them.

use std::net::Ipv4Addr;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::product::Product;

/// A visitor with an open conversation.
#[derive(Clone)]
pub struct Visitor {
    http: Client,
    base_url: String,
    pub pass: String,
    pub conversation_id: String,
}

/// What came back of one message: everything up to the acknowledgement.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The acknowledged sequence.
    pub sequence: u64,
    /// What the agent said.
    pub text: String,
    /// Labels of the buttons that were offered, in their order.
    pub choices: Vec<String>,
    pub ended: bool,
}

impl Visitor {
    /// Opens a conversation from `127.0.0.host`: visitors behind one address share a limit, as in real life.
    pub async fn open(product: &Product, host: u8) -> Self {
        let opened = Self::try_to_open(product, host, &product.facts.embed_token).await;
        opened.unwrap_or_else(|(status, told)| panic!("no conversation: {status} {told}"))
    }

    /// The same with this widget's token; a refusal's status and what it says.
    pub async fn try_to_open(product: &Product, host: u8, embed_token: &str) -> Result<Self, (u16, Value)> {
        let from = Ipv4Addr::new(127, 0, 0, host.max(1));
        let http = Client::builder().no_proxy().local_address(Some(from.into())).build().expect("a client");
        let origin = product.facts.customer_url.trim_end_matches('/');
        let mut asked = json!({ "embed_token": embed_token });
        let post = async |path: &str, body: &Value| {
            let address = format!("{}{path}", product.facts.base_url);
            let answer = http.post(address).header("origin", origin).json(body).send().await.expect("an answer");
            (answer.status(), answer.json::<Value>().await.expect("JSON"))
        };
        let (mut status, mut begun) = post("/widget/session", &asked).await;
        if status == 403 && begun["type"] == "urn:ringfence:problem:challenge-required" {
            asked["solution"] = solved(&post("/widget/challenge", &asked).await.1);
            (status, begun) = post("/widget/session", &asked).await;
        }
        if status != 201 {
            return Err((status.as_u16(), begun));
        }
        let text = |name: &str| begun[name].as_str().expect(name).to_owned();
        Ok(Self {
            http,
            base_url: product.facts.base_url.clone(),
            pass: text("visitor_token"),
            conversation_id: text("conversation_id"),
        })
    }

    /// Says something; `None` when no acknowledgement came.
    pub async fn try_to_say(&self, text: &str) -> Option<Turn> {
        self.send(&json!({"client_id": Uuid::from_u128(next_id()), "text": text})).await
    }

    /// Says something.
    pub async fn say(&self, text: &str) -> Turn {
        self.try_to_say(text).await.unwrap_or_else(|| panic!("no acknowledgement of {text:?}"))
    }

    /// Presses the button with this number.
    pub async fn choose(&self, number: usize, turn: &Turn) -> Turn {
        let label = turn.choices.get(number - 1).unwrap_or_else(|| panic!("no choice {number} in {turn:?}"));
        let message = json!({"client_id": Uuid::from_u128(next_id()), "text": label, "choice": number});
        self.send(&message).await.unwrap_or_else(|| panic!("no acknowledgement of choice {number}"))
    }

    /// The status with which something that is said is answered.
    pub async fn status_of_saying(&self, text: &str) -> u16 {
        let message = json!({"client_id": Uuid::from_u128(next_id()), "text": text});
        let request =
            self.http.post(format!("{}/widget/messages", self.base_url)).header("ringfence-visitor", &self.pass);
        request.json(&message).send().await.expect("an answer").status().as_u16()
    }

    /// Says something that is not taken; gives the status of the refusal, and what it says.
    pub async fn refusal(&self, text: &str) -> (u16, Value) {
        let message = json!({"client_id": Uuid::from_u128(next_id()), "text": text});
        let request =
            self.http.post(format!("{}/widget/messages", self.base_url)).header("ringfence-visitor", &self.pass);
        let answer = request.json(&message).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("a problem"))
    }

    /// Sends a message; waits and tries again when too many came at once, as the widget does.
    async fn send(&self, message: &Value) -> Option<Turn> {
        loop {
            let request =
                self.http.post(format!("{}/widget/messages", self.base_url)).header("ringfence-visitor", &self.pass);
            let answer = request.json(message).send().await.ok()?;
            match answer.status().as_u16() {
                200 => return turn(answer).await,
                429 => tokio::time::sleep(Duration::from_secs(1)).await,
                status => panic!("{message}: {status} {}", answer.text().await.ok()?),
            }
        }
    }

    /// What the agent has said until now, with the buttons that are offered.
    pub async fn offered(&self) -> Turn {
        let history = self.history().await;
        let last = history.iter().rev().find(|line| line["by"] == "agent").expect("the agent has said something");
        let choices = last["choices"].as_array().cloned().unwrap_or_default();
        Turn {
            sequence: last["sequence"].as_u64().unwrap_or_default(),
            text: last["text"].as_str().unwrap_or_default().to_owned(),
            choices: choices.iter().filter_map(|one| one["label"].as_str().map(str::to_owned)).collect(),
            ended: false,
        }
    }

    /// Presses the button whose label holds these words.
    pub async fn press(&self, words: &str, turn: &Turn) -> Turn {
        let place = turn.choices.iter().position(|label| label.contains(words));
        self.choose(place.unwrap_or_else(|| panic!("no choice {words:?} in {turn:?}")) + 1, turn).await
    }

    /// Everything that was said, as the widget loads it.
    pub async fn history(&self) -> Vec<Value> {
        let request =
            self.http.get(format!("{}/widget/messages", self.base_url)).header("ringfence-visitor", &self.pass);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let history: Value = answer.json().await.expect("JSON");
        history["data"].as_array().expect("lines").clone()
    }
}

/// The solution of a puzzle as the widget's script finds it: a counter so that SHA-256(salt, nonce, counter) begins with so many
/// zero bits.
fn solved(puzzle: &Value) -> Value {
    let bytes = |name: &str| hex::decode(puzzle[name].as_str().expect("text")).expect("hexadecimal");
    let (start, bits) = ([bytes("salt"), bytes("nonce")].concat(), puzzle["bits"].as_u64().expect("a number"));
    let is_solution = |counter: &u32| {
        let hash = Sha256::new().chain_update(&start).chain_update(counter.to_be_bytes()).finalize();
        let first = hash.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        u64::from(first.leading_zeros()) >= bits
    };
    let counter = (0..=u32::MAX).find(is_solution).expect("a solution");
    json!({"challenge": puzzle["challenge"], "counter": counter})
}

/// What somebody is called who fills in every form.
pub struct Person<'a> {
    pub name: &'a str,
    pub phone: &'a str,
    pub email: &'a str,
    pub wish: &'a str,
}

impl Visitor {
    /// Asks for a call back; gives the last words of the agent.
    pub async fn leave_wish(&self, person: &Person<'_>) -> Turn {
        let opening = self.offered().await;
        let mut turn = self.press("contact you", &opening).await;
        for words in [person.name, person.email, person.wish] {
            turn = self.say(words).await;
        }
        self.press("Yes", &turn).await
    }

    /// Reports a problem; gives the last words of the agent.
    pub async fn report_problem(&self, person: &Person<'_>) -> Turn {
        let opening = self.offered().await;
        let mut turn = self.press("Report a problem", &opening).await;
        for words in [person.wish, person.email] {
            turn = self.say(words).await;
        }
        self.press("Yes", &turn).await
    }

    /// Books what is offered first; gives the last words of the agent.
    pub async fn book(&self, person: &Person<'_>) -> Turn {
        let mut turn = self.say("I would like to book an appointment").await;
        for _ in 0..3 {
            turn = self.choose(1, &turn).await;
        }
        for words in [person.name, person.phone] {
            turn = self.say(words).await;
        }
        let turn = self.press("Yes", &turn).await;
        assert!(turn.text.contains("is booked"), "{turn:?}");
        turn
    }
}

/// Ids of messages, one after the other: a message said twice by mistake would be taken once.
fn next_id() -> u128 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    (u128::from(std::process::id()) << 64) | 0x4000_8000_0000_0000_0000 | u128::from(number)
}

/// Reads the stream of events up to the acknowledgement.
async fn turn(answer: Response) -> Option<Turn> {
    let text = answer.text().await.ok()?;
    let mut turn = Turn::default();
    for event in text.split("\n\n") {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let (Some(kind), Some(data)) = (field("event:"), field("data:")) else { continue };
        let data: Value = serde_json::from_str(data).ok()?;
        match kind {
            "part" => {
                turn.text.push_str(data["text"].as_str().unwrap_or_default());
                turn.text.push('\n');
            }
            "extras" => {
                let choices = data["choices"].as_array().cloned().unwrap_or_default();
                turn.choices = choices.iter().filter_map(|one| one["label"].as_str().map(str::to_owned)).collect();
            }
            "turn" => {
                turn.sequence = data["sequence"].as_u64()?;
                turn.ended = data["ended"] == true;
                return Some(turn);
            }
            _ => {}
        }
    }
    None
}
