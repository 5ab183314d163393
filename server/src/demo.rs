//! The demo: a sample dental practice on this machine only, with everything that the main job needs.

mod caller;
mod seed;
mod site;

pub use caller::call_in;
pub use seed::ensure;
pub use site::CustomerSite;

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The file in the data folder that tells programs what the terminal tells people.
pub const FACTS_FILE: &str = "demo.json";
/// The number that the sample practice is reached at.
pub const NUMBER: &str = "practice";
/// The address of the sample owner.
pub const OWNER_EMAIL: &str = "owner@harbour-dental.example";

/// What programs need to use the demo. The only place where its secrets stand in clear, so it is readable by its owner alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Dashboard, API and widget.
    pub base_url: String,
    /// What a phone dials.
    pub sip_uri: String,
    /// The agent that answers.
    pub agent_id: String,
    /// A key for the API, with the rights of an owner.
    pub api_key: String,
    /// The public token of the widget.
    pub embed_token: String,
    /// Signs the owner in, once.
    pub sign_in_url: String,
    /// The owner's address.
    pub owner_email: String,
    /// The owner's password.
    pub owner_password: String,
    /// The sample page that carries the widget, on an origin of its own.
    pub customer_url: String,
    /// Where metrics answer.
    pub metrics_url: String,
}

storage::debug_shows!(struct Facts { base_url, sip_uri, agent_id, customer_url, metrics_url });

impl Facts {
    /// What an earlier start left in the data folder, if anything.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(FACTS_FILE)).ok()?).ok()
    }

    /// Writes the file in one step, for its owner alone, so that a reader sees the old facts or the new ones.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let (target, fresh) = (folder.join(FACTS_FILE), folder.join(format!("{FACTS_FILE}.new")));
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(fresh, target)?;
        Ok(())
    }
}
