//! The certificate of a node: taken from files or from an authority, kept fresh while it serves, and shared by every listener
//! that speaks TLS.

use std::sync::Arc;

use anyhow::Context as _;
use edge::acme::worker::Renewal;
use edge::acme::{AcmeSettings, Challenges};
use edge::tls::driver::{Files, keep_fresh};
use edge::{Certificates, MinimumVersion, Protection, Tls};
use rustls::server::ResolvesServerCert;
use storage::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{self, Settings, TlsVersion};

/// The folder within the data folder that holds account and certificate of ACME.
pub const ACME_FOLDER: &str = "acme";

/// How this node speaks TLS.
pub struct NodeTls {
    tls: Tls,
    keeper: Keeper,
    challenges: Challenges,
}

enum Keeper {
    Files(Files),
    Authority(Renewal),
}

impl NodeTls {
    /// Reads the certificate; none when the settings have no `[tls]`. A node whose authority has not signed yet has no
    /// certificate at first, and refuses handshakes until it comes.
    ///
    /// # Errors
    /// Says which file cannot be used and why.
    pub fn open(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Self>> {
        let Some(wanted) = &settings.tls else { return Ok(None) };
        let certificates = Certificates::none_yet();
        let challenges = Challenges::default();
        let keeper = match (files(wanted), acme(settings)) {
            (_, Some(acme)) => {
                let renewal = Renewal::new(acme, challenges.clone(), certificates.clone(), clock);
                renewal.resume().context("certificate of `tls.acme`")?;
                Keeper::Authority(renewal)
            }
            (Some(files), None) => {
                certificates.replace(files.read().context("certificate (`tls`)")?);
                Keeper::Files(files)
            }
            (None, None) => anyhow::bail!("setting `tls`: needs `certificate_file` and `key_file`, or `[tls.acme]`"),
        };
        let tls = Tls::new(minimum(wanted.minimum), certificates);
        Ok(Some(Self { tls, keeper, challenges }))
    }

    /// For the listener of pages and API.
    pub fn protection(&self) -> Protection {
        Protection::Tls(self.tls.clone())
    }

    /// The oldest version that is spoken: `1.2` or `1.3`.
    pub fn oldest(&self) -> &'static str {
        self.tls.minimum().number()
    }

    /// For further listeners of this node: always the certificate that is presented now.
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::new(self.tls.certificates().clone())
    }

    /// The challenges that the redirecting listener answers.
    pub fn challenges(&self) -> Challenges {
        self.challenges.clone()
    }

    /// Keeps the certificate fresh until `shutdown`: files are looked at every few seconds and on SIGHUP, an authority is asked
    /// in time.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub fn keep(self, clock: Arc<dyn Clock>, tasks: &TaskTracker, shutdown: CancellationToken) -> anyhow::Result<()> {
        let files = match self.keeper {
            Keeper::Authority(renewal) => {
                tasks.spawn(renewal.keep(shutdown));
                return Ok(());
            }
            Keeper::Files(files) => files,
        };
        let asked = Arc::new(Notify::new());
        let mut hang_up = signal(SignalKind::hangup())?;
        let (ask, ending) = (Arc::clone(&asked), shutdown.clone());
        tasks.spawn(async move {
            while ending.run_until_cancelled(hang_up.recv()).await.flatten().is_some() {
                ask.notify_one();
            }
        });
        tasks.spawn(keep_fresh(files, self.tls.certificates().clone(), clock, asked, shutdown));
        Ok(())
    }
}

/// The files of the settings, when both are named.
pub fn files(tls: &config::Tls) -> Option<Files> {
    Some(Files { certificate: tls.certificate_file.clone()?, key: tls.key_file.clone()? })
}

/// How certificates are ordered, when they are.
pub fn acme(settings: &Settings) -> Option<AcmeSettings> {
    let acme = settings.tls.as_ref()?.acme.as_ref()?;
    Some(AcmeSettings {
        directory: acme.directory.clone(),
        contact: acme.contact.clone(),
        ca_file: acme.ca_file.clone(),
        names: settings.acme_names(acme),
        folder: settings.data_dir.join(ACME_FOLDER),
    })
}

/// The oldest version that the settings let in.
pub const fn minimum(version: TlsVersion) -> MinimumVersion {
    match version {
        TlsVersion::Tls12 => MinimumVersion::Tls12,
        TlsVersion::Tls13 => MinimumVersion::Tls13,
    }
}
