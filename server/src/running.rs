//! A node that serves: its listeners, its workers and its orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::routing::get;
use edge::{Listener, ListenerSettings};
use telephony::attendant::Attendant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trust::{DeclaredPort, ProbeContext, Transport, Trust};

use crate::api;
use crate::metrics;
use crate::phone::Phone;
use crate::wiring::{AUDIT_FOLDER, House};
use crate::worker;

/// How often buckets of limits are swept and a checkpoint of the audit log is signed.
const UPKEEP_EVERY: Duration = Duration::from_secs(60);

/// A node with its doors open.
pub struct Running {
    /// Where dashboard, API and widget answer.
    pub http: SocketAddr,
    /// Where metrics answer.
    pub admin: SocketAddr,
    /// Where the phone listens.
    pub sip: SocketAddr,
    /// The address that browsers use.
    pub base_url: String,
    /// The trust page.
    pub trust: Trust,
    attendant: Arc<Attendant>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    house: House,
}

impl Running {
    /// Opens the doors. `beside` names listeners of this process that others opened (the demo's sample page), for the
    /// manifest of ports.
    ///
    /// # Errors
    /// Says which address could not be used and why.
    pub async fn start(house: House, beside: &[(&str, SocketAddr)]) -> anyhow::Result<Self> {
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let http = bind(house.settings.http).await.context("dashboard and API (`http`)")?;
        let admin = bind(house.settings.admin).await.context("metrics (`admin`)")?;
        let (http_address, admin_address) = (http.local_address(), admin.local_address());
        let base_url = if house.settings.public_url.is_empty() {
            format!("http://{http_address}")
        } else {
            house.settings.public_url.trim_end_matches('/').to_owned()
        };
        let phone = Phone::open(&house, shutdown.clone()).await?;
        let parts = api::part_routes(&house, &phone.telephony, &base_url);
        let mut ports = vec![tcp("dashboard, API and widget", http_address), tcp("metrics", admin_address)];
        ports.extend(phone.ports(&house.settings));
        ports.extend(beside.iter().map(|(purpose, address)| tcp(purpose, *address)));
        let context = ProbeContext {
            platform: house.platform.clone(),
            base_url: Some(format!("http://{http_address}")),
            cookie: house.gate.cookie,
            routes: parts.table(),
            ports: Some(ports),
            data_folder: Some(house.settings.data_dir.clone()),
            audit_folder: Some(house.settings.data_dir.join(AUDIT_FOLDER)),
        };
        let trust = Trust::new(context)?;
        let routes = api::routes(&house, parts, &trust)?;
        tracing::info!(routes = routes.table().len(), %http_address, "serving");
        let router = routes.into_router((), &house.gate);
        let router = router.layer(axum::middleware::from_fn_with_state(house.metrics.clone(), metrics::count));
        tasks.spawn(http.serve(router, shutdown.clone()));
        tasks.spawn(admin.serve(operator_router(&house), shutdown.clone()));
        let (sip, attendant) = (phone.address(), phone.telephony.attendant.clone());
        tasks.spawn(phone.answer());
        let running =
            Self { http: http_address, admin: admin_address, sip, attendant, base_url, trust, shutdown, tasks, house };
        running.start_workers();
        Ok(running)
    }

    fn start_workers(&self) {
        let (house, shutdown) = (self.house.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP_EVERY);
            while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
                house.gate.limits.sweep();
                if let Err(error) = identity::session::sweep(&house.platform).await {
                    tracing::error!(%error, "sessions that are over could not be removed");
                }
                if let Err(error) = house.platform.audit.checkpoint(house.platform.now()).await {
                    tracing::error!(%error, "no checkpoint of the audit log could be signed");
                }
            }
        });
        let (conversations, shutdown) = (self.house.conversations.clone(), self.shutdown.clone());
        self.tasks.spawn(worker::wake_conversations(conversations, shutdown));
        let (metrics, attendant, shutdown) =
            (self.house.metrics.clone(), self.attendant.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            while shutdown.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_some() {
                metrics.set_calls(attendant.calls_in_progress());
            }
        });
        let (knowledge, shutdown) = (self.house.knowledge.clone(), self.shutdown.clone());
        self.tasks.spawn(async move { knowledge.work(shutdown.cancelled()).await });
        let (trust, shutdown) = (self.trust.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            shutdown.run_until_cancelled(trust::worker::keep_looking(trust)).await;
        });
    }

    /// Cancelled when the doors close.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Runs something beside the doors; its end is waited for.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Serves until the process is asked to end, then lets what runs come to its end.
    ///
    /// # Errors
    /// When signals cannot be heard or the last checkpoint cannot be written.
    pub async fn until_asked(self) -> anyhow::Result<()> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            result = tokio::signal::ctrl_c() => result?,
        }
        self.stop().await
    }

    /// Closes the doors in order: no new work, running work ends, the log is signed, the database closes.
    ///
    /// # Errors
    /// When the last checkpoint cannot be written.
    pub async fn stop(self) -> anyhow::Result<()> {
        tracing::info!("ending: nothing new is taken");
        self.shutdown.cancel();
        self.house.live.close();
        self.tasks.close();
        self.tasks.wait().await;
        self.house.platform.audit.checkpoint(self.house.platform.now()).await.context("last checkpoint")?;
        self.house.platform.database.close().await;
        Ok(())
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<Listener> {
    Listener::bind(ListenerSettings::at(address)).await.with_context(|| format!("cannot listen on {address}"))
}

fn tcp(purpose: &str, address: SocketAddr) -> DeclaredPort {
    declared(purpose, Transport::Tcp, address)
}

fn declared(purpose: &str, transport: Transport, address: SocketAddr) -> DeclaredPort {
    DeclaredPort {
        purpose: purpose.to_owned(),
        transport,
        first: address.port(),
        last: address.port(),
        only_loopback: address.ip().is_loopback(),
        always_open: true,
    }
}

fn operator_router(house: &House) -> axum::Router {
    let metrics = house.metrics.clone();
    axum::Router::new().route("/metrics", get(move || async move { metrics.text() }))
}
