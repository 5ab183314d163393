//! `ringfence serve`.

use std::path::PathBuf;

use clap::Args;
use identity::{founding, one_time};
use vault::Stamp;

use super::{Answer, Node, say};
use crate::config::Settings;
use crate::masking::Masked;
use crate::running::Running;
use crate::wiring::House;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    node: Node,
    /// Serve a developer's data, made up: live data is refused, and so is a trunk
    #[arg(long)]
    dev: bool,
    /// Folder of the OWASP Core Rule Set 4, to take the place of our own firewall rules; wins over the setting `crs_dir`
    #[arg(long, env = "RINGFENCE_CRS_DIR")]
    crs_dir: Option<PathBuf>,
}

/// The settings of a node that serves live data, or with `--dev` of one that never does.
fn settings(arguments: &Arguments) -> anyhow::Result<Settings> {
    let settings = arguments.node.settings()?;
    let stamp = if arguments.dev { Stamp::Development } else { Stamp::Production };
    anyhow::ensure!(
        !arguments.dev || settings.trunk.is_none(),
        "setting `trunk`: a node started with --dev calls nobody out there; take the trunk out of its settings"
    );
    let crs_dir = arguments.crs_dir.clone().or(settings.crs_dir);
    Ok(Settings { stamp: Some(stamp), crs_dir, ..settings })
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    start_logging();
    let house = House::open(settings(&arguments)?).await?;
    let running = Running::start(house.clone(), &[]).await?;
    let base = running.base_url.clone();
    say(&format!("Ringfence answers at {base} (listening on {})", running.http));
    say(&format!("Calls are answered at {}", calls_at(&running)));
    say(&format!("Operators sign in at http://{}/sign-in, from this machine only", running.admin));
    if let Some(address) = running.redirect {
        say(&format!("Plain HTTP on {address} is sent there"));
    }
    if founding::is_needed(&house.platform).await? {
        let token = one_time::issue_owner_token(&house.platform).await?;
        let address = one_time::Purpose::FirstOwner.address(&base, &token);
        say(&format!("Nobody owns it yet. Open this address within an hour; it works once:\n{address}"));
    }
    running.until_asked().await?;
    Ok(Answer::Good)
}

/// Where phones reach the node.
fn calls_at(running: &Running) -> String {
    let plain = format!("sip:{}", running.sip);
    running.sip_tls.map_or(plain.clone(), |tls| format!("{plain} and sips:{tls}"))
}

/// Logs to standard error: readable lines on a terminal, JSON elsewhere; `RUST_LOG` decides how much. Credentials, e-mail addresses
/// and telephone numbers are masked in every line, whoever wrote it.
pub(super) fn start_logging() {
    start_logging_at("info");
}

/// The same with another default than `info`.
pub(super) fn start_logging_at(level: &str) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref(), level);
    let lines = lines(std::io::stderr, std::io::stderr().is_terminal());
    // A second start within one process (tests) keeps the first one's settings.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}

/// Masked lines to this writer, for a reader at a terminal or as JSON.
fn lines<S, W>(writer: W, readable: bool) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'lookup> tracing_subscriber::registry::LookupSpan<'lookup>,
    W: for<'writer> tracing_subscriber::fmt::MakeWriter<'writer> + Send + Sync + 'static,
{
    use tracing_subscriber::Layer as _;
    let lines = tracing_subscriber::fmt::layer().with_writer(Masked(writer));
    if readable { lines.boxed() } else { lines.json().boxed() }
}

/// What is logged. The SIP stack writes whole messages with credentials and numbers, so nothing below a warning is ever
/// taken from it, whatever was asked for and however (a filter on spans would reach it, too).
fn filter<S>(asked: Option<&str>, level: &str) -> impl tracing_subscriber::layer::Filter<S> + use<S>
where
    S: tracing::Subscriber + for<'lookup> tracing_subscriber::registry::LookupSpan<'lookup>,
{
    use telephony::signalling::log_filter;
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::filter::{FilterExt as _, filter_fn};
    let asked = asked.filter(|asked| !asked.trim().is_empty()).unwrap_or(level);
    let wanted = EnvFilter::try_new(log_filter(asked)).unwrap_or_else(|_| EnvFilter::new(log_filter(level)));
    wanted.and(filter_fn(|event| is_ours(event.target()) || *event.level() <= tracing::Level::WARN))
}

/// The packages whose lines are written at any level. Libraries only warn, whatever is asked for: parsers print the
/// documents that they read, and the SIP stack whole messages.
const OURS: [&str; 17] = [
    "ringfence",
    "storage",
    "vault",
    "audit",
    "identity",
    "edge",
    "web",
    "sign_in",
    "operator",
    "contacts",
    "agents",
    "compliance",
    "conversations",
    "chat",
    "telephony",
    "media",
    "trust",
];

fn is_ours(target: &str) -> bool {
    OURS.contains(&target.split("::").next().unwrap_or(target))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Everything that is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn however_it_is_asked_the_sip_stack_only_warns() {
        for asked in ["trace", "rsipstack=trace", "rsipstack::transport=trace", "[call]=trace", "info,[call{id}]=trace"]
        {
            let log = Log::default();
            let writer = log.clone();
            let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(Some(asked), "info")));
            tracing::subscriber::with_default(subscriber, || {
                let _within = tracing::error_span!("call", id = 1).entered();
                tracing::info!(target: "rsipstack::transport::udp", "Authorization: Digest response=\"canary\"");
                tracing::debug!(target: "html5ever::tokenizer", "canary");
                tracing::warn!(target: "rsipstack::transaction", "a warning");
            });
            let logged = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
            assert!(!logged.contains("canary"), "{asked}: {logged}");
            assert!(logged.contains("a warning"), "{asked}: {logged}");
        }
    }

    #[test]
    fn what_this_program_logs_is_masked() {
        for readable in [false, true] {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::registry().with(lines(move || writer.clone(), readable));
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(caller = "+442079460018", "written by mary@harbour.example");
            });
            let logged = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
            assert!(logged.contains("written by [email]") && logged.contains("[phone]"), "{logged}");
            assert!(!logged.contains("7946") && !logged.contains("mary"), "{logged}");
        }
    }

    #[test]
    fn an_unreadable_or_empty_wish_is_the_default() {
        for asked in [None, Some(""), Some(" "), Some("a=b=c")] {
            let log = Log::default();
            let writer = log.clone();
            let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(asked, "info")));
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(target: "ringfence", "shown");
                tracing::debug!(target: "ringfence", "hidden");
            });
            let logged = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
            assert!(logged.contains("shown") && !logged.contains("hidden"), "{asked:?}: {logged}");
        }
    }
}
