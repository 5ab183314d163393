//! What the sample practice needs: organization, owner, agent, knowledge, number, key and widget. All of it goes through
//! the same functions that the API uses.

use std::time::Duration;

use agents::knowledge::{Attestation, State};
use agents::profile::Profile;
use anyhow::Context as _;
use chat::widget::{self, NewWidget};
use identity::api_key::{self, NewKey};
use identity::founding::{self, Founding};
use identity::{Caller, Environment, Role, member, one_time};
use storage::OrganizationId;
use uuid::Uuid;

use super::{Facts, NUMBER, OWNER_EMAIL};
use crate::cli::key;
use crate::running::Running;
use crate::wiring::House;

const PROFILE: &str = include_str!("profile.json");
const DOCUMENTS: [(&str, &[u8]); 4] = [
    ("treatments-and-prices.md", include_bytes!("practice/treatments-and-prices.md")),
    ("visiting-us.md", include_bytes!("practice/visiting-us.md")),
    ("policies.html", include_bytes!("practice/policies.html")),
    ("after-your-treatment.pdf", include_bytes!("practice/after-your-treatment.pdf")),
];
/// How long reading the four documents may take.
const READING_LIMIT: Duration = Duration::from_secs(30);
/// What to do about a first start that was not finished.
const START_ANEW: &str = "delete the data folder of the demo and start it again";
/// How often it is asked how far it is.
const READING_PAUSE: Duration = Duration::from_millis(100);

/// Makes what is missing and gives the facts of this start. `earlier` are those of the last start, which alone hold the
/// secrets that the database keeps hashed.
///
/// # Errors
/// Says what could not be made.
pub async fn ensure(house: &House, running: &Running, site: &str, earlier: Option<Facts>) -> anyhow::Result<Facts> {
    let password = match &earlier {
        Some(facts) => facts.owner_password.clone(),
        None => random_words(house),
    };
    let organization = organization(house, &password).await?;
    let caller = key::operator(house, Some(organization.0)).await?;
    let agent_id = match &earlier {
        Some(facts) => facts.agent_id.parse().context("agent_id in demo.json")?,
        None => agent(house, &caller).await?,
    };
    let api_key = if let Some(facts) = &earlier {
        facts.api_key.clone()
    } else {
        let new = NewKey { name: "Demo", environment: Environment::Live, role: Role::Owner, expires_at: None };
        api_key::create(&house.platform, &caller, &new).await?.1.reveal().to_owned()
    };
    let embed_token = widget(house, &caller, agent_id, site).await?;
    let owner =
        member::find(&house.platform, organization, OWNER_EMAIL).await?.context("the owner of the demo is gone")?;
    let link = one_time::issue_sign_in_link(&house.platform, organization, owner).await?;
    let base_url = running.base_url.clone();
    Ok(Facts {
        sign_in_url: one_time::Purpose::SignIn.address(&base_url, &link),
        sip_uri: format!("sip:{NUMBER}@{}", running.sip),
        metrics_url: format!("http://{}/metrics", running.admin),
        customer_url: format!("{site}/"),
        base_url,
        agent_id: agent_id.to_string(),
        api_key,
        embed_token,
        owner_email: OWNER_EMAIL.to_owned(),
        owner_password: password,
    })
}

async fn organization(house: &House, password: &str) -> anyhow::Result<OrganizationId> {
    if !founding::is_needed(&house.platform).await? {
        let canaries = trust::canaries(&house.platform.database).await?;
        return Ok(member::only_organization(&house.platform, &canaries).await?);
    }
    let founding =
        Founding { organization_name: "Harbour Dental Practice", name: "Dr Robin Hale", email: OWNER_EMAIL, password };
    Ok(founding::found(&house.platform, &founding).await?.organization)
}

/// The agent with its knowledge and its number, published.
async fn agent(house: &House, caller: &Caller) -> anyhow::Result<Uuid> {
    let profile: Profile = serde_json::from_str(PROFILE).context("sample profile")?;
    let agent = agents::store::create(&house.platform, caller, profile).await?;
    let mut reading = Vec::new();
    for (name, bytes) in DOCUMENTS {
        let attestation = Attestation::given(true);
        reading.push(house.knowledge.add_upload(caller, agent.id, attestation, name, bytes).await?.id);
    }
    let deadline = tokio::time::Instant::now() + READING_LIMIT;
    for id in reading {
        loop {
            let document = house.knowledge.document(caller, agent.id, id).await?;
            if is_read(&document.title, document.state, document.failure.as_deref())? {
                break;
            }
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "the sample documents were not read within {READING_LIMIT:?}; {START_ANEW}"
            );
            tokio::time::sleep(READING_PAUSE).await;
        }
    }
    agents::store::publish(&house.platform, caller, agent.id, &agent.draft_hash).await?;
    telephony::store::numbers::connect(&house.platform, caller, NUMBER, agent.id).await?;
    Ok(agent.id)
}

/// Whether a sample document can be quoted by now. One that never will be ends the start: an agent that lacks part of what the
/// page says it knows is not to be published.
fn is_read(title: &str, state: State, failure: Option<&str>) -> anyhow::Result<bool> {
    match state {
        State::Ready => Ok(true),
        State::Queued | State::Reading => Ok(false),
        State::Failed => {
            anyhow::bail!(
                "the sample document {title} could not be read: {}; {START_ANEW}",
                failure.unwrap_or("no reason")
            )
        }
    }
}

/// The widget for the sample page, whose port may be another one at each start.
async fn widget(house: &House, caller: &Caller, agent_id: Uuid, site: &str) -> anyhow::Result<String> {
    let origins = [site.to_owned()];
    let known = widget::list(&house.platform, caller, Uuid::max(), 1).await?;
    let widget = if let Some(widget) = known.first() {
        widget::set_origins(&house.platform, caller, widget.token.id, &origins).await?
    } else {
        let quota = chat::embed_token::Quota::default();
        let new = NewWidget { name: "Sample page", agent_id, origins: &origins, expires_at: None, quota };
        widget::create(&house.platform, caller, &new).await?
    };
    Ok(widget.text)
}

/// A password that nobody else has and that can be typed: four groups of four letters and digits.
fn random_words(house: &House) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 16];
    house.platform.entropy.fill(&mut bytes);
    let letters: Vec<u8> = bytes.iter().map(|byte| LETTERS[usize::from(byte % 32)]).collect();
    letters.chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_document_that_cannot_be_read_ends_the_start() {
        assert!(is_read("prices", State::Ready, None).expect("it is there"));
        for state in [State::Queued, State::Reading] {
            assert!(!is_read("prices", state, None).expect("it may still come"));
        }
        let failure = is_read("after-your-treatment.pdf", State::Failed, Some("the PDF is damaged"));
        let words = failure.expect_err("the start ends").to_string();
        for part in ["after-your-treatment.pdf", "the PDF is damaged", "delete the data folder"] {
            assert!(words.contains(part), "{words}");
        }
    }
}
