//! `ringfence demo`.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;

use clap::Args;

use super::serve::start_logging_at;
use super::{Answer, say};
use crate::config::Settings;
use crate::demo::{self, CustomerSite, Facts};
use crate::running::Running;
use crate::wiring::House;

#[derive(Args)]
pub(super) struct Arguments {
    /// Settings file (TOML), for what the options below do not decide: TLS, encrypted calls, a trunk on this machine
    #[arg(long, env = "RINGFENCE_SETTINGS")]
    settings: Option<PathBuf>,
    /// Data folder; made when it is not there
    #[arg(long, env = "RINGFENCE_DATA_DIR", default_value = "demo-data")]
    data_dir: PathBuf,
    /// Address of dashboard, API and widget; port 0 picks a free one [default: 127.0.0.1:8080, or a free port]
    #[arg(long, env = "RINGFENCE_HTTP")]
    http: Option<SocketAddr>,
    /// Address of SIP; port 0 picks a free one [default: 127.0.0.1:5060, or a free port]
    #[arg(long, env = "RINGFENCE_SIP")]
    sip: Option<SocketAddr>,
    /// Keep rows in this PostgreSQL (`postgres://role@host/database`) rather than in the data folder
    #[arg(long, env = "RINGFENCE_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Do not let the simulated caller book an appointment at the first start
    #[arg(long)]
    no_caller: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    start_logging_at("warn");
    let settings = settings(&arguments)?;
    let folder = settings.data_dir.clone();
    let first_start = Facts::read(&folder).is_none();
    let house = House::open(settings).await?;
    let site = CustomerSite::bind().await?;
    let running = Running::start(house.clone(), &[("sample page", site.address())]).await?;
    let facts = demo::ensure(&house, &running, &site.origin(), Facts::read(&folder)).await?;
    facts.write(&folder)?;
    let (base_url, token) = (facts.base_url.clone(), facts.embed_token.clone());
    let shutdown = running.shutdown();
    running.spawn(async move { site.serve(base_url, &token, shutdown).await });
    welcome(&facts, &folder);
    if first_start && !arguments.no_caller {
        let uri = facts.sip_uri.clone();
        running.spawn(async move { demo::call_in(&uri).await });
    }
    running.until_asked().await?;
    Ok(Answer::Good)
}

/// What the demo decides itself, over what a file says of the rest. Nothing of it is reached from, or calls, another machine.
fn settings(arguments: &Arguments) -> anyhow::Result<Settings> {
    let (usual, written) = (Settings::default(), Settings::load(arguments.settings.as_deref())?);
    let here = written.sip_tls.is_none_or(|address| address.ip().is_loopback());
    anyhow::ensure!(here, "setting `sip_tls`: the demo is for this machine only; use 127.0.0.1:PORT");
    let trunk = written.trunk.as_ref().is_none_or(crate::config::Trunk::is_here);
    anyhow::ensure!(trunk, "setting `trunk`: the demo calls nobody out there");
    let settings = Settings {
        data_dir: arguments.data_dir.clone(),
        http: arguments.http.unwrap_or_else(|| free_or_any(usual.http)),
        sip: arguments.sip.unwrap_or_else(|| free_or_any(usual.sip)),
        admin: SocketAddr::from(([127, 0, 0, 1], 0)),
        database_url: arguments.database_url.clone().unwrap_or_default(),
        stamp: Some(vault::Stamp::Demo),
        call_this_machine: true,
        home_country_code: Some("44".to_owned()),
        ..written
    };
    settings.check()?;
    Ok(settings)
}

/// The usual address when nobody has it, else any free port: a newcomer's first start must not fail because of another
/// program.
fn free_or_any(usual: SocketAddr) -> SocketAddr {
    let free = TcpListener::bind(usual).is_ok() && UdpSocket::bind(usual).is_ok();
    if free { usual } else { SocketAddr::new(usual.ip(), 0) }
}

fn welcome(facts: &Facts, folder: &std::path::Path) {
    say(&format!(
        "
Harbour Dental Practice is open, on this machine only.

  Sign in      {sign_in}
               (works once, for 15 minutes; later: {email} / {password})
  Sample page  {customer}
  Phone        {sip}
  API          {base}/v1/agents
  Trust page   {base}/trust
  For programs {file}

Three things to try
  1. Open the sign-in link, then Calls: listen to the call that a simulated caller has just made.
  2. Open the sample page and ask in the corner: How much is a cleaning?  Then: I want to talk to a person.
  3. Call it:  ringfence call {sip} --scenario booking

Stop with Ctrl-C. Back up {folder}/root.key if you mean to keep anything.
",
        sign_in = facts.sign_in_url,
        email = facts.owner_email,
        password = facts.owner_password,
        customer = facts.customer_url,
        sip = facts.sip_uri,
        base = facts.base_url,
        file = folder.join(demo::FACTS_FILE).display(),
        folder = folder.display(),
    ));
}
