//! Keeps a certificate: orders the first, renews it in time, tries again after failures, and never takes the old one away.

use std::sync::Arc;
use std::time::Duration;

use storage::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{AcmeError, AcmeSettings, Challenges, Pauses, client, renew_at, store};
use crate::tls::Certificates;

/// How often it is asked whether something is to be done.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The certificate lasts.
    Kept,
    /// Another one is presented now.
    Renewed,
    /// It failed; it is tried again after a pause.
    Failed,
    /// The pause after a failure goes on.
    Waiting,
}

/// The keeper of one certificate.
pub struct Renewal {
    settings: AcmeSettings,
    challenges: Challenges,
    certificates: Certificates,
    clock: Arc<dyn Clock>,
    pauses: Pauses,
}

impl Renewal {
    /// A keeper that presents what it has in `certificates`.
    pub fn new(
        settings: AcmeSettings,
        challenges: Challenges,
        certificates: Certificates,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { settings, challenges, certificates, clock, pauses: Pauses::default() }
    }

    /// Presents the certificate of an earlier run, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn resume(&self) -> Result<(), AcmeError> {
        if let Some(certificate) = store::certificate(&self.settings)? {
            self.certificates.replace(certificate);
        }
        Ok(())
    }

    /// Looks once, and orders when it is time.
    pub async fn turn(&mut self) -> Turn {
        let now = self.clock.now();
        if !self.is_due(now) {
            return Turn::Kept;
        }
        if !self.pauses.allow(now) {
            return Turn::Waiting;
        }
        match self.order().await {
            Ok(()) => {
                self.pauses.succeeded();
                tracing::info!(names = ?self.settings.names, "a certificate came; it is presented from now on");
                Turn::Renewed
            }
            Err(error) => {
                let pause_seconds = self.pauses.failed(now, matches!(error, AcmeError::TooMany(_)));
                tracing::error!(%error, pause_seconds, "no certificate came; what is presented stays");
                Turn::Failed
            }
        }
    }

    /// Looks until `shutdown`.
    pub async fn keep(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            if shutdown.run_until_cancelled(self.turn()).await.is_none() {
                return;
            }
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.certificates.current().is_none_or(|certificate| {
            let facts = certificate.facts();
            renew_at(facts) <= now || !self.settings.names.iter().all(|name| facts.is_for(name))
        })
    }

    /// Stored before it is presented, so that a crash in between loses nothing.
    async fn order(&self) -> Result<(), AcmeError> {
        let issued = client::order(&self.settings, &self.challenges).await?;
        if !issued.certificate.facts().is_valid_at(self.clock.now()) {
            return Err(AcmeError::Unusable("it is not valid at this time: is the clock right?".to_owned()));
        }
        store::write(&store::certificate_path(&self.settings), issued.pem.as_bytes())?;
        self.certificates.replace(issued.certificate);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
