//! Passkeys in a real browser, with Chromium's virtual authenticator: registered, shown as second factor, shown alone, and
//! refused where the owner is not checked. On the way, the pages of signing in are looked at like all others.

use serde_json::json;

use super::chromium::Browser;
use super::{accessibility, look_at};
use crate::product::Product;

/// An authenticator in the browser that finds its keys by itself and says that it checked its owner.
async fn with_authenticator(browser: &Browser) -> String {
    browser.tools("WebAuthn.enable", json!({ "enableUI": false })).await;
    let options = json!({ "options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    } });
    let answer = browser.tools("WebAuthn.addVirtualAuthenticator", options).await;
    answer["authenticatorId"].as_str().expect("an authenticator").to_owned()
}

async fn sign_out(browser: &Browser) {
    browser.press("form[action='/sign-out'] button").await;
    browser.until("location.pathname === '/sign-in'").await;
}

async fn type_password(browser: &Browser, base: &str, product: &Product) {
    browser.go(&format!("{base}/sign-in")).await;
    browser.type_into("#email", &product.facts.owner_email).await;
    browser.type_into("#password", &product.facts.owner_password).await;
    browser.press("form button.main").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_the_second_factor_and_the_only_one() {
    let Some(browser) = Browser::start("a_passkey_is_the_second_factor_and_the_only_one").await else { return };
    let (product, axe) = (Product::start_with(&["--no-caller"]).await, accessibility::source());
    let axe = axe.as_deref();
    let authenticator = with_authenticator(&browser).await;
    // The numbers of loopback are no name: the page says where passkeys are possible.
    browser.go(&format!("{}/sign-in", product.facts.base_url)).await;
    browser.until("!document.querySelector('[data-passkey-elsewhere]').hidden").await;
    assert_eq!(browser.value("document.querySelector('[data-passkey] button').hidden").await, json!(true));
    let base = product.facts.base_url.replace("127.0.0.1", "localhost");

    // With a password alone an owner reaches the enrolment only.
    type_password(&browser, &base, &product).await;
    browser.until("location.pathname === '/second-factors/required'").await;
    look_at(&browser, axe, &format!("{base}/second-factors/required"), "second-factor-required").await;
    browser.press("form[action='/second-factors/app'] button").await;
    browser.until("document.querySelector('svg.qr')").await;
    look_at(&browser, axe, &format!("{base}/second-factors/app"), "authenticator-app").await;
    browser.go(&format!("{base}/second-factors/required")).await;
    browser.press("[data-passkey='register'] button").await;
    browser.until("document.querySelectorAll('#backup-codes li').length === 10").await;
    if let Some(axe) = axe {
        let found = accessibility::of_page(&browser, axe).await;
        assert!(found.is_empty(), "backup codes: {found:#?}");
    }
    browser.picture("backup-codes").await;
    browser.go(&format!("{base}/settings/sign-in")).await;
    browser.until("/Passkey/.test(document.querySelector('tbody').textContent)").await;
    look_at(&browser, axe, &format!("{base}/settings/sign-in"), "own-sign-in").await;

    // As second factor after the password.
    sign_out(&browser).await;
    type_password(&browser, &base, &product).await;
    browser.until("location.pathname === '/sign-in/second-factor'").await;
    look_at(&browser, axe, &format!("{base}/sign-in/second-factor"), "second-factor").await;
    browser.press("[data-passkey='second-factor'] button").await;
    browser.until("document.querySelector('.rail')").await;

    // Alone, without e-mail address and password.
    sign_out(&browser).await;
    browser.press("[data-passkey='sign-in'] button").await;
    browser.until("document.querySelector('.rail')").await;

    // Not when it did not check its owner.
    sign_out(&browser).await;
    let unverified = json!({ "authenticatorId": authenticator, "isUserVerified": false });
    browser.tools("WebAuthn.setUserVerified", unverified).await;
    browser.press("[data-passkey='sign-in'] button").await;
    browser.until("!document.querySelector('[data-passkey-error]').hidden").await;
    assert_eq!(browser.value("document.querySelector('.rail')").await, json!(null));
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
}
