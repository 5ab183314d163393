//! The phone of a node: its line, and the attendant that answers it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use telephony::api::Telephony;
use telephony::attendant::{Attendant, Trunk, driver};
use telephony::line::{Line, LineConfig};
use telephony::signalling::Credentials;
use telephony::voice::Voice;
use telephony::voice::driver::Synthesizer;
use tokio_util::sync::CancellationToken;
use trust::{DeclaredPort, Transport};

use crate::config::{self, Settings};
use crate::wiring::House;

/// How long calls may go on once the node was asked to end.
const CALLS_FINISH_WITHIN: Duration = Duration::from_mins(1);

/// The phone, listening but not yet answering.
pub struct Phone {
    line: Line,
    /// What the routes of calls work with.
    pub telephony: Telephony,
}

impl Phone {
    /// Listens.
    ///
    /// # Errors
    /// Says what could not be read or opened.
    pub async fn open(house: &House, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let settings = &house.settings;
        let config = LineConfig {
            ports: Some(settings.rtp_ports.first..=settings.rtp_ports.last),
            ..LineConfig::at(settings.sip)
        };
        let line = Line::open(config, house.platform.entropy.clone()).await.context("phone (`sip`)")?;
        let voice = Voice::new(Synthesizer::find_espeak_ng(&settings.synthesizer_path));
        if !voice.speaks_free_text() {
            tracing::info!(
                "espeak-ng is not installed: quotes and names are not spoken on the phone, recorded words are"
            );
        }
        let trunk = settings.trunk.as_ref().map(trunk).transpose()?;
        let (platform, live) = (house.platform.clone(), house.live.clone());
        let attendant = Attendant::new(platform.clone(), house.conversations.clone(), voice, live, trunk, shutdown);
        let telephony = Telephony { platform, attendant, line: Some(line.clone()), dialing: house.dialing.clone() };
        Ok(Self { line, telephony })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.line.address()
    }

    /// The ports that it opens, for the manifest.
    pub fn ports(&self, settings: &Settings) -> Vec<DeclaredPort> {
        let (address, media) = (self.address(), settings.rtp_ports);
        let port = |purpose: &str, transport, first, last, always_open| DeclaredPort {
            purpose: purpose.to_owned(),
            transport,
            first,
            last,
            only_loopback: address.ip().is_loopback(),
            always_open,
        };
        vec![
            port("SIP", Transport::Udp, address.port(), address.port(), true),
            port("SIP", Transport::Tcp, address.port(), address.port(), true),
            port("sound of calls", Transport::Udp, media.first, media.last, false),
        ]
    }

    /// Answers until the attendant's shutdown. The calls that go on then have [`CALLS_FINISH_WITHIN`] to come to their end,
    /// less when `hurry` is cancelled; those that are left are hung up, and their records written.
    pub async fn answer(self, hurry: CancellationToken) {
        let attendant: Arc<Attendant> = self.telephony.attendant.clone();
        driver::attend(attendant.clone(), self.line.clone()).await;
        tokio::select! {
            () = attendant.drained() => {}
            () = tokio::time::sleep(CALLS_FINISH_WITHIN) => {}
            () = hurry.cancelled() => {}
        }
        self.line.shutdown().await;
        attendant.drained().await;
    }
}

/// Mends what the last run left open: recordings and calls that its end cut off. Only for the process that serves this data
/// alone: to another one, the calls that go on there look just like those of a run that ended.
///
/// # Errors
/// Says what could not be read or written.
pub async fn recover(house: &House) -> anyhow::Result<()> {
    let recovered = telephony::recovery::recover(&house.platform).await.context("calls of the last run")?;
    if recovered != telephony::recovery::Recovered::default() {
        tracing::warn!(recordings = recovered.recordings, calls = recovered.calls, "the last run ended within calls");
    }
    Ok(())
}

/// The way out, with its password read.
///
/// # Errors
/// When user and password do not go together, or the password cannot be read.
pub fn trunk(settings: &config::Trunk) -> anyhow::Result<Trunk> {
    let credentials = match (&settings.user, &settings.password_file) {
        (Some(user), Some(file)) => Some(Credentials { user: user.clone(), password: password(file)? }),
        (None, None) => None,
        _ => anyhow::bail!("setting `trunk`: `user` and `password_file` go together"),
    };
    Ok(Trunk { address: settings.address.clone(), credentials })
}

fn password(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("password of the trunk in {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
