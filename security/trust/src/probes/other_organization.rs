//! S91: what belongs to another organization looks as if it were not there. One canary's key asks for what the other canary owns, and for what
//! nobody owns; both answers must be the same 404, and nothing may change.

use axum::http::Method;
use identity::Role;
use identity::token::KeyText;
use uuid::Uuid;

use super::client;
use crate::canary::{self, Canary};
use crate::client::{Answer, Client};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const NOT_FOUND: u16 = 404;
const OK: u16 = 200;
const ID: &str = "{id}";

/// The probe.
pub struct OtherOrganization;

impl Probe for OtherOrganization {
    fn name(&self) -> &'static str {
        "other-organization"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { reach_over(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn reach_over(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let platform = &context.platform;
    let [owner, stranger] = canary::pair(platform).await?;
    let (owned, stranger_key) = (owner.key(platform, Role::Admin).await?, stranger.key(platform, Role::Admin).await?);
    let asker = Asker { client: &client, key: &stranger_key.1 };
    let mut faults = Vec::new();
    let own = asker.ask(Method::GET, &path(stranger_key.0.id)).await?;
    if own.status != OK {
        return Err(Finding::not_measured(format!(
            "A good key was answered {} for its own row, so refusals say nothing.",
            own.status
        )));
    }
    let asked = asked(context, &owner, owned.0.id).await?;
    for (method, path, theirs) in &asked {
        let nobodys = platform.identifiers.next();
        let there = asker.ask(method.clone(), &path.replace(ID, &theirs.to_string())).await?;
        let nowhere = asker.ask(method.clone(), &path.replace(ID, &nobodys.to_string())).await?;
        if words(&there, *theirs) != words(&nowhere, nobodys) {
            faults.push(format!(
                "{method} {path} of another organization's row looks different from one that does not exist"
            ));
        } else if reads_or_deletes(method) && there.status != NOT_FOUND {
            faults.push(format!("{method} {path} of another organization's row was answered {}", there.status));
        }
    }
    let list = asker.ask(Method::GET, "/v1/keys?limit=100").await?;
    if list.text().contains(&owned.0.id.to_string()) {
        faults.push("a list holds another organization's row".to_owned());
    }
    let still = Asker { client: &client, key: &owned.1 }.ask(Method::GET, "/v1/organization").await?;
    if still.status != OK {
        faults.push("a key was stopped by another organization".to_owned());
    }
    owner.revoke(platform, &owned.0).await?;
    stranger.revoke(platform, &stranger_key.0).await?;
    let holds = "One organization's key read, changed and listed; what another organization owns was answered exactly like what does not exist.";
    Ok(Finding::from_faults(&faults, holds).with("Requests compared", asked.len()))
}

/// Every request that names a row which the owner has: its key, its agent, its widget.
async fn asked(context: &ProbeContext, owner: &Canary, key: Uuid) -> Result<Vec<(Method, String, Uuid)>, Finding> {
    let mut asked = vec![(Method::GET, format!("/v1/keys/{ID}"), key), (Method::DELETE, format!("/v1/keys/{ID}"), key)];
    let rules = |start: &'static str| context.routes.iter().filter(move |rule| rule.path.starts_with(start));
    if rules("/v1/agents/{id}").next().is_some() {
        let agent = owner.agent(&context.platform).await?;
        asked.extend(rules("/v1/agents/{id}").map(|rule| (rule.method.clone(), rule.path.to_owned(), agent)));
    }
    if rules("/v1/widgets/{id}").next().is_some() {
        let widget = owner.widget(&context.platform).await?.token.id;
        asked.extend(rules("/v1/widgets/{id}").map(|rule| (rule.method.clone(), rule.path.to_owned(), widget)));
    }
    Ok(asked)
}

fn reads_or_deletes(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::DELETE)
}

fn path(id: Uuid) -> String {
    format!("/v1/keys/{id}")
}

/// Status and body, with the id that was asked for taken out.
fn words(answer: &Answer, id: Uuid) -> (u16, String) {
    (answer.status, answer.text().replace(&id.to_string(), "…"))
}

struct Asker<'a> {
    client: &'a Client,
    key: &'a KeyText,
}

impl Asker<'_> {
    async fn ask(&self, method: Method, path: &str) -> Result<Answer, Finding> {
        let authorization = format!("Bearer {}", self.key.reveal());
        let headers = [("authorization", authorization.as_str()), ("accept", "application/json")];
        self.client.send(method, path, &headers, None).await.map_err(Finding::not_measured)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{Method, StatusCode, Uri};
    use axum::response::{IntoResponse as _, Response};

    use super::OtherOrganization;
    use crate::finding::{Finding, State};
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    async fn finding(answer: fn(&Method, &str) -> Response) -> Finding {
        let (mut context, _kept) = context().await;
        let app = Router::new().fallback(move |method: Method, uri: Uri| async move { answer(&method, uri.path()) });
        context.base_url = Some(served(app).await);
        OtherOrganization.look(&context).await
    }

    #[tokio::test]
    async fn our_own_house_holds() {
        let (context, _kept) = guarded().await;
        let finding = OtherOrganization.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_eq!(finding.figures[0].value, "6", "two requests of keys, four of agents: {finding:?}");
    }

    #[tokio::test]
    async fn a_house_without_walls_turns_it_red() {
        let no_walls = finding(|_, _| "a row".into_response()).await;
        let says_forbidden = finding(|method, _| {
            if *method == Method::DELETE { StatusCode::FORBIDDEN.into_response() } else { "a row".into_response() }
        });
        for broken in [no_walls, says_forbidden.await] {
            assert_eq!(broken.state, State::Broken, "{broken:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_knows_no_key_proves_nothing() {
        assert_eq!(finding(|_, _| StatusCode::UNAUTHORIZED.into_response()).await.state, State::NotMeasured);
    }
}
