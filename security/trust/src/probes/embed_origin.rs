//! S35: the chat answers on the pages that its owner listed, and on no others; an empty list means nobody. A canary's widget is presented from
//! other origins, from look-alikes, and with an empty list.

use std::future::Future;

use chat::admission;
use chat::widget;
use identity::Platform;

use crate::canary::{self, Canary};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// The one page that may.
pub const LISTED: &str = "https://shop.example";
/// Pages that may not: strangers, look-alikes, other schemes and ports, and what is no origin at all.
const UNLISTED: &[&str] = &[
    "https://elsewhere.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://www.shop.example",
    "https://shop.example.elsewhere.example",
    "https://shop.example@elsewhere.example",
    "https://shop.exampl",
    "null",
    "",
    "*",
    "file://",
];

/// Who lets visitors in: chat, or in a test something careless.
pub trait Porter: Send + Sync {
    /// Is a visitor on a page of this origin let in with this token?
    fn admits(
        &self,
        platform: &Platform,
        token: &str,
        origin: &str,
    ) -> impl Future<Output = Result<bool, String>> + Send;
}

/// Chat itself.
pub struct Admitted;

impl Porter for Admitted {
    async fn admits(&self, platform: &Platform, token: &str, origin: &str) -> Result<bool, String> {
        match admission::admit(platform, token, origin, None).await {
            Ok(_) => Ok(true),
            Err(chat::Error::Refused(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The probe.
pub struct EmbedOrigin<P>(pub P);

impl<P: Porter> Probe for EmbedOrigin<P> {
    fn name(&self) -> &'static str {
        "embed-origin"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.present(context).await.unwrap_or_else(|finding| finding) })
    }
}

impl<P: Porter> EmbedOrigin<P> {
    async fn present(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let platform = &context.platform;
        let [canary, _] = canary::pair(platform).await?;
        let token = listed_widget(&canary, platform).await?;
        let admits =
            async |origin: &str| self.0.admits(platform, &token.1, origin).await.map_err(Finding::not_measured);
        let listed_is_let_in = admits(LISTED).await?;
        let mut faults = Vec::new();
        for origin in UNLISTED {
            if admits(origin).await? {
                faults.push(format!("a page of `{origin}` may use a widget that lists {LISTED} alone"));
            }
        }
        set_origins(&canary, platform, token.0, &[]).await?;
        for origin in UNLISTED.iter().chain([&LISTED]) {
            if admits(origin).await? {
                faults.push(format!("a page of `{origin}` may use a widget whose list is empty"));
            }
        }
        if faults.is_empty() && !listed_is_let_in {
            return Err(Finding::not_measured("Not even the listed page is let in, so refusals say nothing."));
        }
        let tried = UNLISTED.len() * 2 + 1;
        Ok(Finding::from_faults(
            &faults,
            format!("The listed page was let in; {tried} others, look-alikes and all of an empty list were not."),
        )
        .with("Origins refused", tried))
    }
}

/// The canary's widget, listing [`LISTED`] alone: its id and its token.
pub async fn listed_widget(canary: &Canary, platform: &Platform) -> Result<(uuid::Uuid, String), Finding> {
    let widget = canary.widget(platform).await?;
    set_origins(canary, platform, widget.token.id, &[LISTED.to_owned()]).await?;
    Ok((widget.token.id, widget.text))
}

/// Sets who may show the canary's widget; an empty list closes it again.
pub async fn set_origins(
    canary: &Canary,
    platform: &Platform,
    id: uuid::Uuid,
    origins: &[String],
) -> Result<(), Finding> {
    let set = widget::set_origins(platform, &canary.caller(), id, origins).await;
    set.map(drop).map_err(|error| Finding::not_measured(format!("The canary's widget cannot be changed: {error}")))
}

#[cfg(test)]
mod tests {
    use identity::Platform;

    use super::{Admitted, EmbedOrigin, LISTED, Porter};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// Lets in whoever this function likes.
    struct Careless(fn(&str) -> bool);

    impl Porter for Careless {
        async fn admits(&self, _: &Platform, _: &str, origin: &str) -> Result<bool, String> {
            Ok(self.0(origin))
        }
    }

    #[tokio::test]
    async fn chat_holds_again_and_again() {
        let (context, _kept) = context().await;
        for _ in 0..2 {
            let finding = EmbedOrigin(Admitted).look(&context).await;
            assert_eq!(finding.state, State::Holds, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_careless_porter_turns_it_red() {
        let (context, _kept) = context().await;
        let everybody: fn(&str) -> bool = |_| true;
        let by_prefix: fn(&str) -> bool = |origin| origin.starts_with(LISTED);
        let empty_means_all: fn(&str) -> bool = |origin| origin == LISTED;
        for fault in [everybody, by_prefix, empty_means_all] {
            let finding = EmbedOrigin(Careless(fault)).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_porter_that_lets_nobody_in_proves_nothing() {
        let (context, _kept) = context().await;
        assert_eq!(EmbedOrigin(Careless(|_| false)).look(&context).await.state, State::NotMeasured);
    }
}
