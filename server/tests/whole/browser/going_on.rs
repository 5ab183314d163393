//! What happens while somebody looks: a call appears, and ends, and a file goes up and is read, and no page is reloaded.

use serde_json::json;
use telephony::softphone::Step;

use super::chromium::Browser;
use super::{cookies_of, sign_in};
use crate::caller::{call, options, phone};
use crate::product::Product;

/// The caller listens for so long, in milliseconds: time enough to be seen.
const SPOKEN: u32 = 4_000;
/// Loses its value when a page is loaded anew.
const MARK: &str = "window.sameOne = true";
const IS_SAME: &str = "window.sameOne === true";

/// A second browser of the same person, as if they had opened another window.
async fn other_window(test: &str, browser: &Browser, product: &Product) -> Option<Browser> {
    let other = Browser::start(test).await?;
    for cookie in cookies_of(browser).await {
        let kept = json!({ "name": cookie["name"], "value": cookie["value"], "url": product.facts.base_url });
        other.tools("Network.setCookie", kept).await;
    }
    Some(other)
}

async fn open(browser: &Browser, address: &str) {
    browser.go(address).await;
    browser.until("document.querySelector('.link-state').dataset.state === 'live'").await;
    browser.value(MARK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_appears_live_and_ends_on_pages_that_are_open() {
    let test = "a_call_appears_live_and_ends_on_pages_that_are_open";
    let Some(overview) = Browser::start(test).await else { return };
    let product = Product::start_with(&["--no-caller"]).await;
    sign_in(&overview, &product).await;
    let Some(calls) = other_window(test, &overview, &product).await else { return };
    let base = &product.facts.base_url;
    open(&overview, &format!("{base}/")).await;
    open(&calls, &format!("{base}/calls")).await;
    for browser in [&overview, &calls] {
        let chips = "document.querySelectorAll('#live .chip, #calls .chip').length";
        assert_eq!(browser.value(chips).await, json!(0), "nobody calls");
    }

    let phone = phone().await;
    let wanted = options("Ada Byron", "+441174960007", vec![Step::Wait(SPOKEN), Step::HangUp]);
    let looking = async {
        overview.until("document.querySelector('#live .chip.live')").await;
        let who = "document.querySelector('#live .who').textContent";
        assert_eq!(overview.value(who).await, json!("+44\u{a0}117\u{a0}496\u{a0}0007"));
        let length = "document.querySelector('#calls td[data-label=Length]').textContent";
        assert_eq!(overview.value(length).await, json!(""), "a call that goes on has no length yet");
        overview.picture("call-live-overview").await;
        calls.until("document.querySelector('#calls .chip.live')").await;
        let state = "document.querySelector('#calls td[data-label=State]').textContent.trim()";
        assert_eq!(calls.value(state).await, json!("Live"));
        calls.picture("call-live-calls").await;
    };
    let (outcome, ()) = tokio::join!(call(&phone, &product.facts.sip_uri, &wanted), looking);
    assert!(outcome.call_milliseconds + 500 >= u64::from(SPOKEN), "both saw it while it went on: {outcome:?}");

    overview.until("!document.querySelector('#live .chip')").await;
    overview.until("document.querySelector('#calls .chip.good')?.textContent.includes('Ended')").await;
    calls.until("document.querySelector('#calls .chip.good')?.textContent.includes('Ended')").await;
    calls.until("document.querySelector('#calls td[data-label=Length]').textContent.trim() !== ''").await;
    for (who, browser) in [("overview", &overview), ("calls", &calls)] {
        assert_eq!(browser.value(IS_SAME).await, json!(true), "{who} was loaded anew");
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "{who}: the console complains: {complaints:#?}");
    }
    phone.close().await;
}

/// Keeps every state that the form and the list of documents go through, as the page shows them.
const WATCH: &str = "(() => { window.went = []; const note = () => { \
    const form = document.querySelector('form[data-upload]'); \
    if (!form) return; \
    const rows = [...document.querySelectorAll('#knowledge tbody tr')]; \
    const row = rows.find((one) => one.textContent.includes('opening-party')); \
    const bar = form.querySelector('progress'); \
    const now = [bar.hidden ? '' : 'progress', form.querySelector('[data-upload-state]').textContent, \
                 row?.querySelector('.chip')?.textContent.trim() ?? ''].join('|'); \
    if (window.went.at(-1) !== now) window.went.push(now); }; \
    new MutationObserver(note).observe(document.body, \
        { subtree: true, childList: true, attributes: true, characterData: true }); \
    return true; })()";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_with_progress_and_can_be_asked_about() {
    let Some(browser) = Browser::start("a_file_goes_up_with_progress_and_can_be_asked_about").await else { return };
    let product = Product::start_with(&["--no-caller"]).await;
    sign_in(&browser, &product).await;
    open(&browser, &format!("{}/agents/{}", product.facts.base_url, product.facts.agent_id)).await;
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let file = scratch.path().join("opening-party.md");
    let filler = "Harbour Dental Practice has been on the quay for many years.\n\n".repeat(2_000);
    let text =
        format!("# Opening party\n\nThe opening party begins at seven o'clock on the quay.\n\n# More\n\n{filler}");
    tokio::fs::write(&file, text).await.expect("written");
    browser.value(WATCH).await;
    browser.type_into("#file", file.to_str().expect("a plain path")).await;
    browser.press("form[data-upload] input[name=attested]").await;
    browser.press("form[data-upload] button").await;
    let row = "[...document.querySelectorAll('#knowledge tbody tr')].find((one) => one.textContent.includes('opening-party'))";
    browser.until(&format!("{row}?.querySelector('.chip')?.textContent.includes('Can be quoted')")).await;
    browser.picture("upload-ready").await;
    let went = browser.value("window.went").await;
    let went: Vec<String> = serde_json::from_value(went).expect("states");
    let first = |is: &dyn Fn(&str) -> bool| went.iter().position(|state| is(state));
    let order = [
        first(&|state| state.starts_with("progress|")),
        first(&|state| state.contains("100 % sent")),
        first(&|state| state.starts_with("|Sent. The list says how far")),
        first(&|state| state.ends_with("|Can be quoted")),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?} {went:#?}");
    browser.type_into("#q", "When does the opening party begin?").await;
    browser.press("#trial button").await;
    browser.until("document.querySelector('#trial .quote')?.textContent.includes('seven o')").await;
    assert_eq!(browser.value(IS_SAME).await, json!(true), "the page was loaded anew");
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
}
