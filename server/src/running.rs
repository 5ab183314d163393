//! A node that serves: its listeners, its workers and its orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use telephony::attendant::Attendant;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trust::{PhoneDoor, ProbeContext, Trust};
use uuid::Uuid;

use crate::api;
use crate::cli::say;
use crate::doors::{self, Doors, tcp};
use crate::metrics;
use crate::node::Membership;
use crate::operators;
use crate::phone::{self, Lent, Phone};
use crate::safekeeping::worker::Sweeper;
use crate::tls::NodeTls;
use crate::wiring::{AUDIT_FOLDER, House};
use crate::worker;

/// How often buckets of limits are swept and a checkpoint of the audit log is signed.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);

/// What a hurried end still allows for hanging up and writing records.
const HURRIED_END_WITHIN: Duration = Duration::from_secs(3);

/// A node with its doors open.
pub struct Running {
    /// Where dashboard, API and widget answer.
    pub http: SocketAddr,
    /// Where metrics answer.
    pub admin: SocketAddr,
    /// Where plain HTTP is sent to TLS from, if anywhere.
    pub redirect: Option<SocketAddr>,
    /// Where the phone listens.
    pub sip: SocketAddr,
    /// Where it listens for TLS, if anywhere.
    pub sip_tls: Option<SocketAddr>,
    /// The address that browsers use.
    pub base_url: String,
    /// The trust page.
    pub trust: Trust,
    attendant: Arc<Attendant>,
    shutdown: CancellationToken,
    /// Cancelled when whoever asked for the end asked again.
    hurry: CancellationToken,
    tasks: TaskTracker,
    /// Keeps this node's lease until cancelled; none beside another process.
    lease: Option<(JoinHandle<()>, CancellationToken)>,
    house: House,
}

impl Running {
    /// Opens the doors. `beside` names listeners of this process that others opened (the demo's sample page), for the
    /// manifest of ports.
    ///
    /// # Errors
    /// Says which address could not be used and why.
    pub async fn start(house: House, beside: &[(&str, SocketAddr)]) -> anyhow::Result<Self> {
        let membership = Membership::enter(&house.settings.data_dir, &house.platform.identifiers)?;
        membership.begin(&house).await?;
        let mut running = Self::open(house, beside, membership.id, true).await?;
        running.start_workers();
        let gone = CancellationToken::new();
        running.lease = Some((tokio::spawn(membership.keep(running.house.clone(), gone.clone())), gone));
        Ok(running)
    }

    /// The same on data that another process may be serving at this moment. Its calls are left alone, and so is its work: what
    /// a job says is heard by the visitors and browsers of the process that does it, so none is taken here; and the trunk, which
    /// sends calls to who registered last, hears nothing.
    ///
    /// # Errors
    /// Says which address could not be used and why.
    pub async fn start_beside_another(house: House, beside: &[(&str, SocketAddr)]) -> anyhow::Result<Self> {
        let node_id = Membership::beside(&house.platform.identifiers).id;
        Self::open(house, beside, node_id, false).await
    }

    /// `serves`: this process is the node, which keeps its certificate and its registration with the trunk.
    async fn open(house: House, beside: &[(&str, SocketAddr)], node_id: Uuid, serves: bool) -> anyhow::Result<Self> {
        let (shutdown, hurry, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let tls = NodeTls::open(&house.settings, house.platform.clock.clone())?;
        let doors = Doors::open(&house.settings, tls.as_ref()).await?;
        let base_url = doors.base_url.clone();
        let lent = tls.as_ref().map(|tls| Lent { certificates: tls.resolver(), tls_1_2: tls.oldest() == "1.2" });
        let phone = Phone::open(&house, lent, node_id, serves, shutdown.clone()).await?;
        let oldest_tls = tls.as_ref().map(NodeTls::oldest);
        let mut links = doors::links(&house.settings, tls.as_ref());
        links.extend(phone::links(&house.settings, oldest_tls));
        let parts = api::part_routes(&house, &phone.telephony, &base_url);
        let mut ports = doors.ports();
        ports.extend(phone.ports(&house.settings));
        ports.extend(beside.iter().map(|(purpose, address)| tcp(purpose, *address)));
        let context = ProbeContext {
            platform: house.platform.clone(),
            base_url: Some(doors.probed_url()),
            mark: Some(house.gate.probe_mark.clone()),
            cookie: house.gate.cookie,
            routes: parts.table(),
            ports: Some(ports),
            public_name: house.settings.public_host(),
            links,
            oldest_tls,
            redirect_url: doors.redirect_url(),
            phone: Some(PhoneDoor { sip: doors::from_here(phone.address()), strict: house.settings.phone_is_strict() }),
            data_folder: Some(house.settings.data_dir.clone()),
            audit_folder: Some(house.settings.data_dir.join(AUDIT_FOLDER)),
            releases: house.settings.releases.watch()?,
        };
        let trust = Trust::new(context)?;
        let routes = api::routes(&house, parts, &trust)?;
        tracing::info!(routes = routes.table().len(), http_address = %doors.http.local_address(), "serving");
        let router = routes.into_router((), &house.gate);
        let router = router.layer(axum::middleware::from_fn_with_state(house.metrics.clone(), metrics::count));
        let (http, admin, redirect) = doors.serve(router, operators::router(&house, &base_url), &tasks, &shutdown);
        if let Some(tls) = tls.filter(|_| serves) {
            tls.keep(house.platform.clock.clone(), &tasks, shutdown.clone())?;
        }
        let (sip, sip_tls, attendant) = (phone.address(), phone.tls_address(), phone.telephony.attendant.clone());
        tasks.spawn(phone.answer(hurry.clone()));
        let running = Self {
            http,
            admin,
            redirect,
            sip,
            sip_tls,
            base_url,
            trust,
            attendant,
            shutdown,
            hurry,
            tasks,
            lease: None,
            house,
        };
        running.tasks.spawn(running.sweeper().keep_up(running.shutdown.clone()));
        Ok(running)
    }

    /// What a node does by itself: it takes jobs, clears away what is over, signs, and lets the probes look.
    fn start_workers(&self) {
        let (house, shutdown) = (self.house.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP_EVERY);
            while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
                house.gate.limits.sweep();
                if let Err(error) = house.gate.attempts.sweep().await {
                    tracing::error!(%error, "attempts that are over could not be forgotten");
                }
                if let Err(error) = identity::session::sweep(&house.platform).await {
                    tracing::error!(%error, "sessions that are over could not be removed");
                }
                if let Err(error) = identity::place::sweep(&house.platform).await {
                    tracing::error!(%error, "places and invitations that are over could not be removed");
                }
                if let Err(error) = identity::notice::sweep(&house.platform).await {
                    tracing::error!(%error, "notices that are over could not be removed");
                }
                if let Err(error) = operator::store::sessions::sweep(&house.platform).await {
                    tracing::error!(%error, "operators' sessions that are over could not be removed");
                }
                if let Err(error) = house.platform.audit.checkpoint(house.platform.now()).await {
                    tracing::error!(%error, "no checkpoint of the audit log could be signed");
                }
            }
        });
        let (house, shutdown) = (self.house.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            shutdown.run_until_cancelled(worker::tell_alerts(house.platform.alerts.listen(), house.live)).await;
        });
        self.start_sweeps();
        let (conversations, shutdown) = (self.house.conversations.clone(), self.shutdown.clone());
        self.tasks.spawn(worker::wake_conversations(conversations, shutdown));
        let (metrics, attendant, shutdown) =
            (self.house.metrics.clone(), self.attendant.clone(), self.shutdown.clone());
        let firewall = self.house.gate.firewall.clone();
        self.tasks.spawn(async move {
            while shutdown.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_some() {
                metrics.set_calls(attendant.calls_in_progress());
                metrics.set_firewall(firewall.figures());
            }
        });
        let (knowledge, shutdown) = (self.house.knowledge.clone(), self.shutdown.clone());
        self.tasks.spawn(async move { knowledge.work(shutdown.cancelled()).await });
        let (trust, shutdown) = (self.trust.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            shutdown.run_until_cancelled(trust::worker::keep_looking(trust)).await;
        });
    }

    fn sweeper(&self) -> Sweeper {
        let house = &self.house;
        Sweeper { platform: house.platform.clone(), live: house.live.clone(), metrics: house.metrics.clone() }
    }

    /// Rotations and scrubs.
    fn start_sweeps(&self) {
        let sweeper = self.sweeper();
        self.tasks.spawn(sweeper.clone().begin_scrubs(self.shutdown.clone()));
        self.tasks.spawn(sweeper.clone().walk(vault::ROTATION_JOB, self.shutdown.clone()));
        self.tasks.spawn(sweeper.walk(vault::SCRUB_JOB, self.shutdown.clone()));
    }

    /// Cancelled when the doors close.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Runs something beside the doors; its end is waited for.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Serves until the process is asked to end (SIGTERM, or Ctrl-C), then takes nothing new and lets what runs come to its
    /// end. Whoever asks a second time does not want to wait: calls are hung up and what still runs is left.
    ///
    /// # Errors
    /// When signals cannot be heard or the last checkpoint cannot be written.
    pub async fn until_asked(self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        let calls = self.attendant.calls_in_progress();
        if calls > 0 {
            say(&format!("{calls} calls go on; they have a minute. Ask again to end at once."));
        }
        let hurry = self.hurry.clone();
        self.stop_unless(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            hurry.cancel();
            tokio::time::sleep(HURRIED_END_WITHIN).await;
        })
        .await
    }

    /// Closes the doors in order: no new work, running work ends, the log is signed, the database closes.
    ///
    /// # Errors
    /// When the last checkpoint cannot be written.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop_unless(std::future::pending()).await
    }

    /// The same; once `impatient` is over, what still runs is left to the end of the process, as a power cut would leave it.
    async fn stop_unless(self, impatient: impl Future<Output = ()>) -> anyhow::Result<()> {
        tracing::info!("ending: nothing new is taken");
        self.shutdown.cancel();
        self.house.live.close();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = impatient => tracing::warn!(left = self.tasks.len(), "ending at once, as asked"),
        }
        if let Some((keeping, gone)) = self.lease {
            gone.cancel();
            keeping.await.context("lease of this node")?;
        }
        self.house.platform.audit.checkpoint(self.house.platform.now()).await.context("last checkpoint")?;
        self.house.platform.database.close().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
