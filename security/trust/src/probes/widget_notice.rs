//! S60, S61, S112: whoever opens the chat is told that it is an AI and asked not to overshare before they can write a word, and no cookie is
//! set. Loads the frame of a canary's widget from this server as a browser would.

use super::client;
use super::embed_origin::{LISTED, listed_widget, set_origins};
use crate::canary;
use crate::client::Answer;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// Where visitors write.
const INPUTS: &[&str] = &["<textarea", "<input", "contenteditable"];
/// The sentence that must come first.
const NOTICE_MARK: &str = "data-notice";
const AI: &str = "AI";
/// The request not to overshare.
const NUDGE: &str = "share nothing here that is not needed";

/// The probe.
pub struct WidgetNotice;

impl Probe for WidgetNotice {
    fn name(&self) -> &'static str {
        "widget-notice"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { load(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn load(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let [canary, _] = canary::pair(&context.platform).await?;
    let (id, token) = listed_widget(&canary, &context.platform).await?;
    let frame = client.get(&format!("/widget/frame?token={token}")).await;
    let loader = client.get("/widget.js").await;
    set_origins(&canary, &context.platform, id, &[]).await?;
    let (frame, loader) = (frame.map_err(Finding::not_measured)?, loader.map_err(Finding::not_measured)?);
    for (what, answer) in [("frame", &frame), ("loader", &loader)] {
        if answer.status != 200 {
            return Err(Finding::not_measured(format!("The {what} of the chat was answered {}.", answer.status)));
        }
    }
    Ok(judge(&frame, &loader))
}

fn judge(frame: &Answer, loader: &Answer) -> Finding {
    let page = frame.text();
    let mut faults = Vec::new();
    let first_input = INPUTS.iter().filter_map(|input| page.find(input)).min();
    match (notice(&page), first_input) {
        (None, _) => faults.push("the chat does not say that it is an AI".to_owned()),
        (Some(_), None) => {
            return Finding::not_measured("The frame has no place to write, so nothing comes before it.");
        }
        (Some(notice), Some(input)) if notice > input => {
            faults.push("the notice comes after the place to write".to_owned());
        }
        _ => {}
    }
    if !page.contains(NUDGE) {
        faults.push("nobody is asked to keep to themselves what is not needed".to_owned());
    }
    if [frame, loader].iter().any(|answer| answer.headers.contains_key("set-cookie")) {
        faults.push("the chat sets a cookie".to_owned());
    }
    let policy = frame.header("content-security-policy");
    let ancestors =
        policy.split(';').find_map(|part| part.trim().strip_prefix("frame-ancestors ")).unwrap_or("everybody");
    if ancestors != LISTED {
        faults.push(format!("the frame may be shown by {ancestors}, though its owner listed {LISTED}"));
    }
    Finding::from_faults(
        &faults,
        "Loaded the chat as a visitor's browser does: the AI notice stands before the place to write, no cookie was set, and only the listed page may show it.",
    )
}

/// Where the notice stands, when it has words that name the AI.
fn notice(page: &str) -> Option<usize> {
    let at = page.find(NOTICE_MARK)?;
    let words = page[at..].split_once('>')?.1.split('<').next()?;
    words.contains(AI).then_some(at)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::Uri;
    use axum::response::{IntoResponse as _, Response};

    use super::{LISTED, WidgetNotice};
    use crate::finding::{Finding, State};
    use crate::probe::Probe;
    use crate::probes::testing::{context, served};

    const NOTICE: &str = "<p data-notice>You are talking to an AI agent.</p>";
    const INPUT: &str = "<textarea></textarea><p>Please share nothing here that is not needed.</p>";

    async fn finding(frame: fn() -> Response) -> Finding {
        let (mut context, _kept) = context().await;
        let app = Router::new().fallback(move |uri: Uri| async move {
            if uri.path() == "/widget/frame" { frame() } else { "loader".into_response() }
        });
        context.base_url = Some(served(app).await);
        WidgetNotice.look(&context).await
    }

    fn page(body: &str, ancestors: &str) -> Response {
        ([("content-security-policy", format!("default-src 'none'; frame-ancestors {ancestors}"))], body.to_owned())
            .into_response()
    }

    #[tokio::test]
    async fn a_frame_as_ours_holds() {
        let finding = finding(|| page(&format!("{NOTICE}{INPUT}"), LISTED)).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn each_broken_control_turns_it_red() {
        let breaks: &[fn() -> Response] = &[
            || page(&format!("{INPUT}{NOTICE}"), LISTED),
            || page(INPUT, LISTED),
            || page(&format!("<p data-notice>Welcome.</p>{INPUT}"), LISTED),
            || page(&format!("{NOTICE}<textarea></textarea>"), LISTED),
            || page(&format!("{NOTICE}{INPUT}"), "*"),
            || ([("set-cookie", "visitor=1")], page(&format!("{NOTICE}{INPUT}"), LISTED)).into_response(),
        ];
        for (number, frame) in breaks.iter().enumerate() {
            let finding = finding(*frame).await;
            assert_eq!(finding.state, State::Broken, "break {number}: {finding:?}");
        }
    }

    #[tokio::test]
    async fn a_frame_that_is_not_there_is_not_measured() {
        let finding = finding(|| axum::http::StatusCode::NOT_FOUND.into_response()).await;
        assert_eq!(finding.state, State::NotMeasured, "{finding:?}");
    }
}
