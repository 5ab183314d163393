//! axe-core over a page or a frame: findings that are serious or critical fail the test.

use serde_json::Value;

use super::chromium::Browser;

const RUN: &str = "axe.run(document).then((found) => JSON.stringify(found.violations\
  .filter((one) => one.impact === 'serious' || one.impact === 'critical')\
  .map((one) => `${one.id}: ${one.help} at ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`)))";

/// The source of axe-core (`RINGFENCE_AXE`, installed by the test command); `None` when it is not there.
#[expect(clippy::print_stdout, reason = "the test command reads what was not measured")]
pub fn source() -> Option<String> {
    let path = std::env::var_os("RINGFENCE_AXE");
    let source = path.and_then(|path| std::fs::read_to_string(path).ok());
    if source.is_none() {
        assert!(std::env::var_os("CI").is_none(), "RINGFENCE_AXE names no axe.min.js");
        println!("not measured: accessibility: RINGFENCE_AXE names no axe.min.js");
    }
    source
}

fn findings(answer: &Value) -> Vec<String> {
    let text = answer.as_str().unwrap_or_else(|| panic!("axe-core did not run: {answer}"));
    serde_json::from_str(text).expect("a list of findings")
}

/// Serious findings in the page that is shown.
pub async fn of_page(browser: &Browser, axe: &str) -> Vec<String> {
    // The wash of what has just arrived is over before colours are measured.
    browser.until("document.getAnimations().every((one) => one.playState === 'finished')").await;
    browser.driver.execute(axe, Vec::new()).await.expect("axe-core loads");
    let script = format!("const done = arguments[0]; {RUN}.then(done, (error) => done(String(error)));");
    let answer = browser.driver.execute_async(script, Vec::new()).await.expect("axe-core runs");
    findings(answer.json())
}

/// Serious findings in the frame whose address holds `address`.
pub async fn of_frame(browser: &Browser, axe: &str, address: &str) -> Vec<String> {
    let expression = format!("{axe};\n{RUN}");
    findings(&browser.in_frame(address, &expression).await.expect("the frame is there"))
}
