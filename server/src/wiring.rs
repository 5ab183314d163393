//! Puts the parts together: the only place that knows all of them.
//!
//! [`House::open`] builds everything that needs no socket, so that the command line can look at the data of a node without
//! serving it, and without making any; [`crate::running`] opens the doors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents::knowledge::address::Reach;
use agents::knowledge::{Knowledge, Settings as KnowledgeSettings};
use anyhow::Context as _;
use audit::AuditLog;
use compliance::dialing::DialingPolicy;
use conversations::Conversations;
use conversations::answers::Documents;
use edge::outgoing::Outgoing;
use edge::{Firewall, Limits};
use identity::alert::Alerts;
use identity::password::breached::Breached;
use identity::{Belonging, Platform};
use storage::objects::ObjectFolder;
use storage::{
    Clock, Database, DatabaseConfig, Entropy, Identifiers, OldestTls, PostgresLink, Schema, SystemClock, SystemEntropy,
};
use vault::{KeySource, Vault};
use web::live::Live;
use web::{Gate, SessionCookie};

use crate::config::{RootKey, Settings, TlsVersion};
use crate::metrics::Metrics;
use crate::transit::Transit;

/// The folder within the data folder that holds what must stand outside the database: checkpoints and their key.
pub const AUDIT_FOLDER: &str = "audit";

/// Everything that a node is made of, without its sockets. Cheap to clone.
#[derive(Clone)]
pub struct House {
    /// What the operator decided.
    pub settings: Settings,
    /// What every part stands on.
    pub platform: Platform,
    /// What stands before every route.
    pub gate: Gate,
    /// What browsers hear while it happens.
    pub live: Live,
    /// The operator's figures.
    pub metrics: Metrics,
    /// What agents know.
    pub knowledge: Knowledge,
    /// The conversations, on every channel.
    pub conversations: Conversations,
    /// What may be dialled.
    pub dialing: DialingPolicy,
    /// How organizations' identity providers are asked.
    pub providers: Outgoing,
}

/// What members make in the parts above identity; it ends with their membership and stands in every review of access.
const BELONGINGS: &[Belonging] = &[chat::BELONGING];

/// Every table and statement of every part: what the database is made of and what may be asked of it.
pub fn schema() -> Schema {
    let schema = Schema::new()
        .with(vault::TABLES, vault::STATEMENTS)
        .with(audit::TABLES, audit::STATEMENTS)
        .with(identity::TABLES, identity::STATEMENTS)
        .with(identity::support::TABLES, identity::support::STATEMENTS)
        .with(web::TABLES, web::STATEMENTS)
        .with(operator::TABLES, operator::STATEMENTS)
        .with(agents::TABLES, agents::STATEMENTS)
        .with(contacts::TABLES, contacts::STATEMENTS)
        .with(compliance::TABLES, compliance::STATEMENTS)
        .with(chat::TABLES, chat::STATEMENTS)
        .with(conversations::TABLES, conversations::STATEMENTS)
        .with(telephony::TABLES, telephony::STATEMENTS)
        .with(trust::TABLES, trust::STATEMENTS);
    sign_in::extend(schema)
}

/// Opens the database alone, for looking at it without keys.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_database(settings: &Settings) -> anyhow::Result<Database> {
    Database::open(&database_config(settings)?, schema()).await.context("database")
}

impl House {
    /// Opens the data of a node: database, keys, log and objects. A node that is started for some data
    /// ([`Settings::stamp`]) makes them at its first start; whoever only looks makes nothing.
    ///
    /// # Errors
    /// Says which of them could not be opened and why.
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        let folder = settings.data_dir.clone();
        if settings.stamp.is_some() {
            make_private(&folder).with_context(|| format!("data folder {}", folder.display()))?;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let database = open_database(&settings).await?;
        let source = key_source(&settings)?;
        let vault = match settings.stamp {
            Some(stamp) => Vault::open_for(source, &database, entropy.clone(), stamp).await,
            None => Vault::open_existing(source, &database, entropy.clone()).await,
        };
        let vault = vault.context("keys")?;
        let audit = AuditLog::open(&database, &vault, entropy.clone(), Some(folder.join(AUDIT_FOLDER))).await;
        let platform = Platform {
            audit: audit.context("audit log")?,
            objects: ObjectFolder::open(folder.join("objects")).await.context("sealed objects")?,
            identifiers: Identifiers::new(clock.clone(), entropy.clone()),
            database,
            vault,
            clock: clock.clone(),
            entropy: entropy.clone(),
            belongings: BELONGINGS,
            breached: Breached::in_folder(&folder),
            alerts: Alerts::default(),
        };
        let cookie = if settings.is_over_tls() { SessionCookie::OverTls } else { SessionCookie::OnLoopback };
        let firewall = match &settings.crs_dir {
            Some(folder) => Firewall::with_rule_set(folder, settings.firewall).context("firewall")?,
            None => Firewall::core(settings.firewall),
        };
        let gate = Gate::new(platform.clone(), Limits::new(&settings.limits.rates(), clock), cookie);
        let gate = gate.with_firewall(firewall);
        let live = Live::new(entropy.as_ref());
        let program = std::env::current_exe().context("the running program cannot be found")?;
        let reading = KnowledgeSettings { reach: Reach::PublicOnly, program };
        let knowledge = Knowledge::new(platform.clone(), live.clone(), reading);
        let dialing = DialingPolicy {
            home_country_code: settings.home_country_code.clone(),
            allowed_country_codes: settings.allowed_country_codes.clone(),
            loopback_sip: settings.call_this_machine,
        };
        if let Some(code) = dialing.unclassified() {
            let known = compliance::dialing::classified().collect::<Vec<_>>().join(", ");
            anyhow::bail!(
                "settings `home_country_code` and `allowed_country_codes`: this version has no table of costly ranges \
                 for +{code}; it has them for {known}"
            );
        }
        let providers = settings.single_sign_on.outgoing()?;
        let answers = Arc::new(Documents::new(knowledge.clone()));
        let conversations = Conversations::new(platform.clone(), live.clone(), answers, dialing.clone());
        let metrics = Metrics::default();
        Ok(Self { settings, platform, gate, live, metrics, knowledge, conversations, dialing, providers })
    }
}

fn database_config(settings: &Settings) -> anyhow::Result<DatabaseConfig> {
    if let Some(path) = embedded_database(settings) {
        return Ok(DatabaseConfig::Sqlite { path });
    }
    let link = match &settings.database_ca_file {
        Some(file) => {
            let authorities = std::fs::read(file).with_context(|| format!("`database_ca_file` {}", file.display()))?;
            let oldest = match settings.database_tls_minimum {
                TlsVersion::Tls12 => OldestTls::Tls12,
                TlsVersion::Tls13 => OldestTls::Tls13,
            };
            PostgresLink::Verified { authorities, oldest }
        }
        None if settings.database_in_clear => PostgresLink::InClear,
        None => PostgresLink::ThisMachine,
    };
    Ok(DatabaseConfig::Postgres { url: named_secret(&settings.database_url)?, link })
}

/// A setting that may hold a password: itself, or where it stands (`file:/path`, `env:NAME`), so that the settings file can
/// be shown to anybody.
fn named_secret(setting: &str) -> anyhow::Result<String> {
    if let Some(path) = setting.strip_prefix("file:") {
        let text = std::fs::read_to_string(path).with_context(|| format!("the file {path} that a setting names"))?;
        return Ok(text.trim().to_owned());
    }
    match setting.strip_prefix("env:") {
        Some(name) => std::env::var(name).with_context(|| format!("the variable {name} that a setting names")),
        None => Ok(setting.to_owned()),
    }
}

/// The file of the embedded database; none when the data is in PostgreSQL.
pub fn embedded_database(settings: &Settings) -> Option<PathBuf> {
    settings.database_url.is_empty().then(|| settings.data_dir.join("ringfence.db"))
}

/// Where the root key comes from.
///
/// # Errors
/// When the settings of a service that wraps it cannot be used.
pub fn key_source(settings: &Settings) -> anyhow::Result<KeySource> {
    Ok(match &settings.root_key {
        RootKey::File { path } => KeySource::File(settings.data_dir.join(path)),
        RootKey::Environment { name } => KeySource::Environment(name.clone()),
        RootKey::Credential { name } => KeySource::Credential(name.clone()),
        RootKey::Command { command } => KeySource::Command(command.clone()),
        RootKey::Transit(transit) => KeySource::Service {
            file: settings.data_dir.join(&transit.file),
            service: Arc::new(Transit::new(transit.clone())?),
        },
    })
}

/// Makes the folder for its owner alone; one that is there and empty becomes so, too. Modes of a folder with something in it
/// are left as somebody set them, for it may not be ours alone; `ringfence doctor` names those that let others in.
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if std::fs::read_dir(folder)?.next().is_none() {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{House, Settings, make_private, named_secret};

    fn mode(folder: &std::path::Path) -> u32 {
        std::fs::metadata(folder).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn only_a_folder_that_is_new_is_made_private() {
        let scratch = tempfile::tempdir().expect("tests can write");
        let (new, empty, full) =
            (scratch.path().join("a/new"), scratch.path().join("empty"), scratch.path().join("full"));
        for folder in [&empty, &full] {
            std::fs::create_dir(folder).expect("made");
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("ours");
        }
        std::fs::write(full.join("letter.txt"), "somebody's").expect("written");
        for folder in [&new, &empty, &full] {
            make_private(folder).expect("made");
        }
        assert_eq!((mode(&new), mode(&empty), mode(&full)), (0o700, 0o700, 0o755));
    }

    #[tokio::test]
    async fn whoever_looks_makes_no_key_and_changes_no_mode() {
        let scratch = tempfile::tempdir().expect("tests can write");
        let folder = scratch.path().join("empty");
        std::fs::create_dir(&folder).expect("made");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("ours");
        let settings = Settings { data_dir: folder.clone(), ..Settings::default() };
        let refused = House::open(settings).await.err().expect("there is nothing to look at");
        assert!(format!("{refused:#}").contains("the first `ringfence serve` makes one"), "{refused:#}");
        assert_eq!((mode(&folder), folder.join("root.key").exists()), (0o755, false));
    }

    #[test]
    fn a_secret_is_read_from_where_it_stands() {
        let folder = tempfile::tempdir().expect("tests can write");
        let path = folder.path().join("database");
        std::fs::write(&path, "postgres://ringfence:made-up@127.0.0.1/ringfence\n").expect("written");
        let read = named_secret(&format!("file:{}", path.display())).expect("read");
        assert_eq!(read, "postgres://ringfence:made-up@127.0.0.1/ringfence");
        assert_eq!(
            named_secret("postgres://ringfence@127.0.0.1/x").expect("itself"),
            "postgres://ringfence@127.0.0.1/x"
        );
        let missing = named_secret("env:RINGFENCE_NO_SUCH_VARIABLE").expect_err("missing").to_string();
        assert!(missing.contains("RINGFENCE_NO_SUCH_VARIABLE"), "{missing}");
        assert!(named_secret("file:/no/such/file").is_err());
    }
}
