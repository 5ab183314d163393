//! What the folder holds: the database and its walls, the root key, the audit log.

use std::sync::Arc;

use audit::verify::{self, Evidence};
use storage::{Database, SystemEntropy};
use vault::Vault;

use super::Finding;
use crate::config::Settings;
use crate::wiring::{self, AUDIT_FOLDER};

const DATABASE: &str = "database";
const ROOT_KEY: &str = "root key";
const AUDIT_LOG: &str = "audit log";
const INTEGRITY: &str = "integrity";

/// Opens the database as the node would, then the key, then reads the whole audit log.
pub async fn look(settings: &Settings) -> Vec<Finding> {
    if let Some(path) = wiring::embedded_database(settings)
        && !path.exists()
    {
        let file = path.display();
        return vec![Finding::good(DATABASE, format!("{file} is not made yet; the first `ringfence serve` makes it"))];
    }
    let database = match wiring::open_database(settings).await {
        Ok(database) => database,
        Err(error) => return vec![Finding::fault(DATABASE, format!("{error:#}: {}", advice(settings)))],
    };
    let mut findings = vec![walls(&database, settings).await];
    if vault::is_made(&database).await.is_ok_and(|is_made| !is_made) {
        findings.push(Finding::good(ROOT_KEY, "nothing was stored yet; the first `ringfence serve` makes the keys"));
    } else {
        findings.extend([key(&database, settings).await, log(&database, settings).await, integrity(&database).await]);
    }
    database.close().await;
    findings
}

fn advice(settings: &Settings) -> &'static str {
    if settings.database_url.is_empty() {
        "stop the node, keep a copy of the folder as it is, and restore it from a backup"
    } else {
        "look at `database_url`, and whether PostgreSQL runs and takes this role"
    }
}

async fn walls(database: &Database, settings: &Settings) -> Finding {
    match database.check_walls().await {
        Ok(()) if settings.database_url.is_empty() => {
            Finding::good(DATABASE, "embedded; opens, and links between organizations are refused")
        }
        Ok(()) => Finding::good(DATABASE, "PostgreSQL; opens, and its role is bound by row-level security"),
        Err(error) => {
            let what = "organizations are not kept apart by the engine; give the node a role of its own, without SUPERUSER and BYPASSRLS";
            Finding::fault(DATABASE, format!("{error}: {what}"))
        }
    }
}

/// The vault's own words name the place, the fingerprints and what to do.
async fn key(database: &Database, settings: &Settings) -> Finding {
    let source = match wiring::key_source(settings) {
        Ok(source) => source,
        Err(error) => return Finding::fault(ROOT_KEY, format!("{error:#}")),
    };
    let place = source.to_string();
    match Vault::open_existing(source, database, Arc::new(SystemEntropy)).await {
        Ok(vault) => Finding::good(ROOT_KEY, format!("from {place}; opens this database ({} data)", vault.stamp())),
        Err(error @ vault::Error::WrongRootKey { .. }) => {
            Finding::fault(ROOT_KEY, format!("{error}: put the right key there, from your backup"))
        }
        Err(error) => Finding::fault(ROOT_KEY, error.to_string()),
    }
}

/// What scrubs found; the opening of everything is theirs, and takes longer than anybody waits for a doctor.
async fn integrity(database: &Database) -> Finding {
    let asked = async {
        let damaged = vault::damage_count(database).await?;
        let last = vault::last_scrub_of_installation(database).await?;
        Ok::<_, vault::Error>((damaged, last.and_then(|sweep| sweep.finished_at)))
    };
    match asked.await {
        Ok((0, Some(at))) => {
            Finding::good(INTEGRITY, format!("everything sealed opened, last at {}", web::instant::to_rfc3339(at)))
        }
        Ok((0, None)) => {
            Finding::good(INTEGRITY, "not looked through yet; a serving node does so, or `ringfence vault scrub`")
        }
        Ok((damaged, _)) => {
            let what = "`ringfence vault status` names them; restore them from a backup";
            Finding::fault(INTEGRITY, format!("{damaged} sealed values or recordings are damaged: {what}"))
        }
        Err(error) => Finding::fault(INTEGRITY, format!("{error}: the database cannot be asked")),
    }
}

async fn log(database: &Database, settings: &Settings) -> Finding {
    let folder = settings.data_dir.join(AUDIT_FOLDER);
    let evidence = match Evidence::read(folder.clone()).await {
        Ok(evidence) => evidence,
        Err(error) => return Finding::fault(AUDIT_LOG, format!("{error}: restore {}", folder.display())),
    };
    match verify::verify(database, &evidence).await {
        Ok(report) => match report.findings.first() {
            None => Finding::good(AUDIT_LOG, format!("whole: {} entries", report.entries)),
            Some(first) => {
                let count = report.findings.len();
                let what = "somebody or something changed it; keep a copy and run `ringfence audit verify`";
                Finding::fault(AUDIT_LOG, format!("{first} ({count} findings): {what}"))
            }
        },
        Err(error) => Finding::fault(AUDIT_LOG, format!("{error}: it cannot be read; restore it from a backup")),
    }
}
