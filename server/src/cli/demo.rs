//! `ringfence demo`.

use std::fmt::{Display, Formatter};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use clap::Args;

use super::serve::start_logging_at;
use super::{Answer, say};
use crate::config::Settings;
use crate::demo::{self, CustomerSite, Facts};
use crate::running::Running;
use crate::wiring::House;

/// What the program is called.
const NAME: &str = "ringfence";

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
    let is_called = first_start && !arguments.no_caller;
    let operators = running.admin;
    say(&Welcome { facts: &facts, operators, folder: &folder, program: &program(), is_called }.to_string());
    if is_called {
        let uri = facts.sip_uri.clone();
        running.spawn(async move { demo::call_in(&uri).await });
    }
    running.until_asked().await?;
    Ok(Answer::Good)
}

/// What the demo decides itself, over what a file says of the rest. Nothing of it is reached from, or calls, another machine.
fn settings(arguments: &Arguments) -> anyhow::Result<Settings> {
    let (usual, written) = (Settings::default(), Settings::load(arguments.settings.as_deref())?);
    let trunk = written.trunk.as_ref().is_none_or(crate::config::Trunk::is_here);
    anyhow::ensure!(trunk, "setting `trunk`: the demo calls nobody out there");
    let settings = Settings {
        data_dir: arguments.data_dir.clone(),
        http: arguments.http.unwrap_or_else(|| free_or_any(usual.http)),
        sip: arguments.sip.unwrap_or_else(|| free_or_any(usual.sip)),
        admin: admin(arguments, usual.admin),
        database_url: super::given(arguments.database_url.as_ref()).unwrap_or(&written.database_url).clone(),
        stamp: Some(vault::Stamp::Demo),
        call_this_machine: true,
        home_country_code: Some("44".to_owned()),
        ..written
    };
    settings.check()?;
    listens_here(&settings)?;
    Ok(settings)
}

/// Every address that is listened on belongs to this machine alone; that of sound is the phone's.
fn listens_here(settings: &Settings) -> anyhow::Result<()> {
    let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
    let addresses = [
        ("http", Some(settings.http)),
        ("sip", Some(settings.sip)),
        ("sip_tls", settings.sip_tls),
        ("tls.redirect_from", redirect),
        ("admin", Some(settings.admin)),
    ];
    for (name, address) in addresses {
        let here = address.is_none_or(|address| address.ip().to_canonical().is_loopback());
        anyhow::ensure!(here, "`{name}`: the demo is for this machine only; use 127.0.0.1:PORT");
    }
    Ok(())
}

/// Where operators sign in: the usual address when it is free. Whoever chose another address for pages may have a second
/// demo beside this one, so any free port is taken there.
fn admin(arguments: &Arguments, usual: SocketAddr) -> SocketAddr {
    if arguments.http.is_none() { free_or_any(usual) } else { SocketAddr::new(usual.ip(), 0) }
}

/// The usual address when nobody has it, else any free port: a newcomer's first start must not fail because of another
/// program.
fn free_or_any(usual: SocketAddr) -> SocketAddr {
    let free = TcpListener::bind(usual).is_ok() && UdpSocket::bind(usual).is_ok();
    if free { usual } else { SocketAddr::new(usual.ip(), 0) }
}

/// What the terminal says when the demo is open.
struct Welcome<'a> {
    facts: &'a Facts,
    /// Where operators sign in.
    operators: SocketAddr,
    folder: &'a Path,
    /// How the shell of whoever reads this starts the program.
    program: &'a str,
    /// Whether the simulated caller is about to call.
    is_called: bool,
}

impl Display for Welcome<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let (facts, program) = (self.facts, self.program);
        let calls = if self.is_called {
            "a simulated caller is about to book an appointment; watch the call, then listen to it."
        } else {
            "every call shows there while it goes on, and afterwards with its recording. 3. makes one."
        };
        write!(
            formatter,
            "
Harbour Dental Practice is open, on this machine only.

  Sign in      {sign_in}
               (works once, for 15 minutes; later: {email} / {password})
  Sample page  {customer}
  Phone        {sip}
  API          {base}/v1/agents
  Trust page   {base}/trust
  Operators    http://{operators}/sign-in
  For programs {file}

Three things to try
  1. Open the sign-in link, then Calls: {calls}
  2. Open the sample page and ask in the corner: How much is a cleaning?  Then: I want to talk to a person.
  3. Call it, from another terminal:  {program} call {sip} --scenario booking

Stop with Ctrl-C. Back up {folder}/root.key if you mean to keep anything.
",
            sign_in = facts.sign_in_url,
            email = facts.owner_email,
            password = facts.owner_password,
            customer = facts.customer_url,
            operators = self.operators,
            sip = facts.sip_uri,
            base = facts.base_url,
            file = self.folder.join(demo::FACTS_FILE).display(),
            folder = self.folder.display(),
        )
    }
}

/// How this program is started from a shell: by its name when that finds this very file, otherwise by its whole path. After
/// `cargo run` nothing is on the `PATH`.
fn program() -> String {
    let Some(own) = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok()) else {
        return NAME.to_owned();
    };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    as_started(
        &own,
        std::env::split_paths(&folders).find_map(|folder| folder.join(NAME).canonicalize().ok()).as_deref(),
    )
}

/// The same, given what the shell finds under the name.
fn as_started(own: &Path, found: Option<&Path>) -> String {
    if found == Some(own) {
        return NAME.to_owned();
    }
    let path = own.display().to_string();
    let is_plain = path.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+".contains(letter));
    if is_plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let text = |word: &str| word.to_owned();
        Facts {
            base_url: text("http://127.0.0.1:8080"),
            sip_uri: text("sip:practice@127.0.0.1:5060"),
            agent_id: text("an agent"),
            api_key: text("a key"),
            embed_token: text("a token"),
            sign_in_url: text("http://127.0.0.1:8080/sign-in/link#x"),
            owner_email: text("owner@harbour-dental.example"),
            owner_password: text("words"),
            customer_url: text("http://127.0.0.1:8081/"),
            metrics_url: text("http://127.0.0.1:9090/metrics"),
        }
    }

    #[test]
    fn a_call_is_spoken_of_only_when_somebody_calls() {
        let facts = facts();
        let said = |is_called| {
            let operators = SocketAddr::from(([127, 0, 0, 1], 9_090));
            Welcome { facts: &facts, operators, folder: Path::new("d"), program: NAME, is_called }.to_string()
        };
        assert!(said(true).contains("  Operators    http://127.0.0.1:9090/sign-in\n"));
        assert!(said(true).contains("a simulated caller is about to"));
        assert!(!said(false).contains("simulated"), "{}", said(false));
        assert!(said(false).contains("  ringfence call sip:practice@127.0.0.1:5060 --scenario booking\n"));
    }

    /// What the demo says to these addresses and this settings file.
    fn refusal(http: Option<&str>, sip: Option<&str>, file: &str) -> Option<String> {
        let scratch = tempfile::tempdir().expect("tests can write");
        let path = scratch.path().join("settings.toml");
        std::fs::write(&path, file).expect("written");
        let address = |text: Option<&str>| text.or(Some("127.0.0.1:0")).and_then(|text| text.parse().ok());
        let arguments = Arguments {
            settings: Some(path),
            data_dir: scratch.path().join("data"),
            http: address(http),
            sip: address(sip),
            database_url: None,
            no_caller: true,
        };
        settings(&arguments).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn nothing_is_listened_on_beyond_this_machine() {
        let certificate = "public_url = \"https://desk.example\"\n[phone]\nsecurity = \"offered\"\n[tls]\n\
            certificate_file = \"c\"\nkey_file = \"k\"\n";
        assert_eq!(refusal(None, None, ""), None);
        assert_eq!(refusal(Some("[::1]:0"), Some("127.0.0.2:0"), certificate), None);
        let redirect = format!("{certificate}redirect_from = \"0.0.0.0:80\"\n");
        let sip_tls = format!("sip_tls = \"[::]:5061\"\n{certificate}");
        for (http, sip, file, name) in [
            (Some("0.0.0.0:0"), None, "", "`http`"),
            (Some("192.0.2.7:0"), None, certificate, "`http`"),
            (None, Some("0.0.0.0:15999"), certificate, "`sip`"),
            (None, Some("[::ffff:192.0.2.7]:0"), certificate, "`sip`"),
            (None, None, sip_tls.as_str(), "`sip_tls`"),
            (None, None, redirect.as_str(), "`tls.redirect_from`"),
        ] {
            let refused = refusal(http, sip, file).unwrap_or_else(|| panic!("taken: {http:?} {sip:?} {file}"));
            assert!(refused.contains(name) && refused.contains("this machine only"), "{refused}");
        }
    }

    #[test]
    fn the_program_is_named_as_a_shell_finds_it() {
        let own = Path::new("/srv/build/release/ringfence");
        assert_eq!(as_started(own, Some(own)), "ringfence");
        for found in [None, Some(Path::new("/usr/bin/ringfence"))] {
            assert_eq!(as_started(own, found), "/srv/build/release/ringfence", "another file of the name is no help");
        }
        let odd = Path::new("/home/ann's files/$x/ringfence");
        assert_eq!(as_started(odd, None), r"'/home/ann'\''s files/$x/ringfence'");
    }
}
