//! The product in a real browser: a person at the dashboard, a visitor on the customer's page, and both at once.
//!
//! Every page is looked at in both schemes and at 360 pixels; axe-core finds nothing serious, the console hears
//! no error, and no content policy is violated. Pictures stay in `target/screenshots`.

mod accessibility;
mod chromium;
mod going_on;
mod opened;
mod passkeys;

use serde_json::{Value, json};

use self::chromium::Browser;
use crate::product::Product;

const FRAME: &str = "/widget/frame";

/// Pages of the dashboard, with the names of their pictures.
const PAGES: [(&str, &str); 20] = [
    ("/", "overview"),
    ("/inbox", "inbox"),
    ("/calls", "calls"),
    ("/agents", "agents"),
    ("/contacts", "contacts"),
    ("/bookings", "bookings"),
    ("/leads", "leads"),
    ("/tickets", "tickets"),
    ("/audit", "audit"),
    ("/settings", "settings"),
    ("/settings/members", "members"),
    ("/settings/keys", "keys"),
    ("/settings/sign-in", "sign-in"),
    ("/settings/password", "password"),
    ("/settings/sessions", "sessions"),
    ("/settings/networks", "networks"),
    ("/settings/sign-in-rules", "sign-in-rules"),
    ("/settings/compromise", "compromise"),
    ("/sign-in/confirm", "confirm"),
    ("/settings/widgets", "widgets"),
];

async fn sign_in(browser: &Browser, product: &Product) {
    browser.go(&product.facts.sign_in_url).await;
    browser.until("document.querySelector('input[data-from-fragment]').value.length > 20").await;
    assert_eq!(browser.value("location.hash").await, json!(""), "the token left the address bar");
    browser.press("form button.main").await;
    browser.until("document.querySelector('.rail')").await;
    browser.until("document.querySelector('.link-state').dataset.state === 'live'").await;
}

async fn set_width(browser: &Browser, width: u32, height: u32) {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
    browser.tools("Emulation.setDeviceMetricsOverride", size).await;
}

/// One page in both schemes and narrow: nothing serious found, nothing that sticks out.
async fn look_at(browser: &Browser, axe: Option<&str>, address: &str, name: &str) {
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 360)] {
        set_width(browser, width, 900).await;
        let preferred = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.tools("Emulation.setEmulatedMedia", preferred).await;
        browser.go(address).await;
        browser.value(&format!("document.documentElement.dataset.scheme = '{scheme}'")).await;
        let sticks_out = browser.value("document.documentElement.scrollWidth > innerWidth").await;
        assert_eq!(sticks_out, json!(false), "{name} at {width} pixels is wider than the window");
        let hidden = "[...document.querySelectorAll('table.stacks')].some((table) => \
                      table.parentElement.scrollWidth > table.parentElement.clientWidth)";
        assert_eq!(browser.value(hidden).await, json!(false), "{name}: a table hides its cells at {width}");
        browser.picture(&format!("{name}-{scheme}-{width}")).await;
        if let Some(axe) = axe {
            let found = accessibility::of_page(browser, axe).await;
            assert!(found.is_empty(), "{name}, {scheme}, {width} pixels: {found:#?}");
        }
    }
    set_width(browser, 1280, 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_dashboard_reads_well() {
    let Some(browser) = Browser::start("every_page_of_the_dashboard_reads_well").await else { return };
    let (product, axe) = (Product::start().await, accessibility::source());
    let axe = axe.as_deref();
    sign_in(&browser, &product).await;
    let base = &product.facts.base_url;
    for (path, name) in PAGES {
        look_at(&browser, axe, &format!("{base}{path}"), name).await;
    }
    look_at(&browser, axe, &format!("{base}/agents/{}", product.facts.agent_id), "agent").await;
    look_at(&browser, axe, &format!("{base}/trust"), "trust").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
}

/// Opens the chat on the customer's page.
async fn open_chat(browser: &Browser, product: &Product) {
    browser.go(&product.facts.customer_url).await;
    assert_eq!(browser.value("document.cookie").await, json!(""));
    browser.press_from_corner(70, 38).await;
    browser.until_in_frame(FRAME, "document.querySelector('.said.agent')").await;
    let notice_first = "document.querySelector('[data-notice]').compareDocumentPosition(\
                        document.querySelector('textarea')) & Node.DOCUMENT_POSITION_FOLLOWING";
    browser.until_in_frame(FRAME, notice_first).await;
}

/// The visitor writes, and an answer of the agent comes.
async fn ask(browser: &Browser, words: &str) {
    let replies = "document.querySelectorAll('.said.agent').length";
    let before = browser.in_frame(FRAME, replies).await.and_then(|count| count.as_i64()).expect("a count");
    browser.until_in_frame(FRAME, "document.activeElement.id === 'words'").await;
    browser.type_here(words).await;
    browser.enter().await;
    browser.until_in_frame(FRAME, &format!("{replies} > {before}")).await;
    browser.until_in_frame(FRAME, "!document.querySelector('.visitor.waiting')").await;
}

async fn cookies_of(browser: &Browser) -> Vec<Value> {
    let all = browser.tools("Network.getAllCookies", json!({})).await;
    all["cookies"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_chats_and_a_person_takes_over() {
    let Some(visitor) = Browser::start("a_visitor_chats_and_a_person_takes_over").await else { return };
    let Some(desk) = Browser::start("a_visitor_chats_and_a_person_takes_over").await else { return };
    let (product, axe) = (Product::start().await, accessibility::source());
    open_chat(&visitor, &product).await;
    ask(&visitor, "How much is a check-up?").await;
    visitor.until_in_frame(FRAME, "document.querySelector('.sources')").await;
    visitor.picture("chat-answer").await;
    if let Some(axe) = &axe {
        let found = accessibility::of_frame(&visitor, axe, FRAME).await;
        assert!(found.is_empty(), "in the chat: {found:#?}");
    }
    sign_in(&desk, &product).await;
    desk.go(&format!("{}/inbox", product.facts.base_url)).await;
    ask(&visitor, "I would like to talk to a person").await;
    // The page hears of it by itself: nothing is reloaded here.
    desk.until("document.querySelector('#conversations .chip.wait')").await;
    desk.press("#conversations a:has(.chip.wait)").await;
    desk.until("document.querySelector('#standing button')").await;
    desk.press("#standing button.main").await;
    desk.until("document.querySelector('#words')").await;
    visitor.until_in_frame(FRAME, "/joined/i.test(document.querySelector('#log').textContent)").await;
    desk.type_into("#words", "Good morning, this is the front desk. <b>How</b> can I help?").await;
    desk.press("#answer button.main").await;
    visitor
        .until_in_frame(FRAME, "document.querySelector('.said.person .words')?.textContent.includes('<b>How</b>')")
        .await;
    visitor.type_here("My son is afraid of dentists").await;
    visitor.enter().await;
    desk.until("document.querySelector('#transcript').textContent.includes('My son is afraid')").await;
    desk.until("document.querySelector('#words').value === ''").await;
    desk.picture("hand-over").await;
    visitor.picture("chat-with-person").await;
    assert!(cookies_of(&visitor).await.is_empty(), "the widget sets no cookie, before or after");
    for (who, browser) in [("visitor", &visitor), ("desk", &desk)] {
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "{who}: the console complains: {complaints:#?}");
    }
}

/// More conversations from this machine than usual, so that the next one costs work.
#[tokio::test(flavor = "multi_thread")]
async fn under_pressure_a_browser_works_for_its_conversation() {
    let Some(visitor) = Browser::start("under_pressure_a_browser_works_for_its_conversation").await else { return };
    let product = Product::start_with(&["--no-caller"]).await;
    let origin = product.facts.customer_url.trim_end_matches('/');
    let asked = json!({ "embed_token": product.facts.embed_token });
    let address = format!("{}/widget/session", product.facts.base_url);
    let begin =
        async || product.http.post(&address).header("origin", origin).json(&asked).send().await.expect("an answer");
    let mut opened = 0;
    let refused = loop {
        let answer = begin().await;
        if answer.status() != 201 {
            break answer;
        }
        opened += 1;
        assert!(opened < 100, "no pressure is felt");
    };
    assert_eq!(refused.status(), 403, "after {opened}");
    let problem: Value = refused.json().await.expect("JSON");
    assert_eq!(problem["type"], "urn:ringfence:problem:challenge-required", "{problem}");
    let before = tokio::time::Instant::now();
    open_chat(&visitor, &product).await;
    println!("under pressure the browser had its conversation after {:?}", before.elapsed());
    assert_eq!(begin().await.status(), 403, "whoever does not work still gets none");
    ask(&visitor, "How much is a check-up?").await;
    let complaints = visitor.complaints().await;
    let refusal = |complaint: &String| complaint.contains("/widget/session") && complaint.contains("403");
    let others: Vec<_> = complaints.iter().filter(|complaint| !refusal(complaint)).collect();
    assert!(others.is_empty(), "the console complains: {others:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_heard_and_sought() {
    let Some(browser) = Browser::start("a_recording_is_heard_and_sought").await else { return };
    let product = Product::start().await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(90);
    let recording = loop {
        let recordings = product.get("/v1/recordings").await;
        let whole =
            recordings["data"].as_array().and_then(|list| list.iter().find(|one| one["state"] == "ready").cloned());
        if let Some(recording) = whole {
            break recording;
        }
        assert!(tokio::time::Instant::now() < deadline, "the simulated caller left no recording");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    };
    sign_in(&browser, &product).await;
    let call = recording["call_id"].as_str().expect("an id");
    browser.go(&format!("{}/calls/{call}", product.facts.base_url)).await;
    browser.until("document.querySelector('.waveform .caller').getAttribute('d').length > 100").await;
    browser.value("document.querySelector('audio').play().then(() => 1)").await;
    browser.until("document.querySelector('audio').currentTime > 0.3").await;
    let position = "(() => { const range = document.querySelector('.waveform input'); range.value = '30'; \
                    range.dispatchEvent(new Event('input', { bubbles: true })); return 1; })()";
    browser.value(position).await;
    browser
        .until("document.querySelector('audio').currentTime >= 2.9 && !document.querySelector('audio').seeking")
        .await;
    assert_eq!(browser.value("document.querySelector('audio').error").await, Value::Null);
    browser.until("Number(document.querySelector('.waveform .played').getAttribute('width')) > 0").await;
    browser.picture("call-played").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
}
