//! The firewall between the guard and the handler.
//!
//! It looks at what was let in: strangers are turned away before, without costing it anything. Free text that a route declares is
//! scored only; a body that a route declares as unscreened is not looked at, its address and headers are.

use std::error::Error as _;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use edge::ClientAddress;
use edge::firewall::refusals::Loudness;
use edge::firewall::{Judgement, Screened};
use http_body_util::LengthLimitError;
use identity::Caller;
use uuid::Uuid;

use super::Guard;
use crate::problem::Problem;

/// The action under which the firewall's refusals stand in the audit log.
const REFUSED: &str = "firewall.refuse";

/// Who sent what is looked at.
#[derive(Clone, Copy)]
enum Sender {
    /// The trust page's own probe.
    Probe,
    /// Anybody else.
    From(ClientAddress),
}

impl Guard {
    /// Gives the request back, or the refusal. The refusal names a reference, which also stands in the log; what was sent stands
    /// nowhere.
    pub(super) async fn screen(&self, caller: Option<&Caller>, request: Request) -> Result<Request, Problem> {
        let firewall = &self.gate.firewall;
        if firewall.mode() == edge::FirewallMode::Off {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let probe = self.gate.probe_mark.is_on(&parts.headers);
        let screens_body = self.rule.body_bytes > 0 && self.rule.unscreened_body.is_none();
        let (looked_at, body) = if screens_body {
            let bytes = self.whole(body).await?;
            (bytes.clone(), Body::from(bytes))
        } else {
            (Bytes::new(), body)
        };
        let judgement = firewall
            .judge(Screened {
                method: parts.method.clone(),
                uri: parts.uri.clone(),
                version: parts.version,
                headers: parts.headers.clone(),
                address: ClientAddress::of(&parts.extensions).0,
                body: looked_at,
                free_text: self.rule.free_text,
                probe,
            })
            .await;
        let sender = if probe { Sender::Probe } else { Sender::From(ClientAddress::of(&parts.extensions)) };
        self.heed(caller, sender, &judgement).await?;
        Ok(Request::from_parts(parts, body))
    }

    async fn whole(&self, body: Body) -> Result<Bytes, Problem> {
        let limit = self.rule.body_bytes;
        axum::body::to_bytes(body, limit).await.map_err(|error| {
            let too_large = error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
            if too_large { Problem::too_large(limit) } else { Problem::request_timeout() }
        })
    }

    async fn heed(&self, caller: Option<&Caller>, sender: Sender, judgement: &Judgement) -> Result<(), Problem> {
        let path = self.rule.path;
        if !judgement.free_text_rules.is_empty() {
            let (rules, points) = (&judgement.free_text_rules, judgement.free_text_points);
            tracing::debug!(path, ?rules, points, "free text that reads like an attack passed");
        }
        if !judgement.attack && !judgement.too_large {
            return Ok(());
        }
        let reference = self.gate.platform.identifiers.next();
        self.tell(sender, &reference, judgement);
        if !judgement.refused {
            return Ok(());
        }
        if let Some(caller) = caller {
            let reason = format!("reference {reference}");
            if let Err(error) = caller.note_refusal(&self.gate.platform, REFUSED, reason).await {
                tracing::error!(%error, "a refusal could not be written down");
            }
        }
        Err(Problem::firewall(reference))
    }

    /// The log hears of every attack, and warns of one source once a minute; what a probe sends is no attack.
    fn tell(&self, sender: Sender, reference: &Uuid, judgement: &Judgement) {
        let path = self.rule.path;
        let Judgement { rules, refused, too_large, .. } = judgement;
        let Sender::From(ClientAddress(address)) = sender else {
            tracing::debug!(%reference, path, ?rules, refused, "the firewall saw the attack of a probe, as it should");
            return;
        };
        match self.gate.firewall.loudness(self.gate.platform.now(), address) {
            Loudness::Warning { refused: count } => {
                tracing::warn!(%reference, path, ?rules, refused, too_large, count, "the firewall took a request for an attack");
            }
            Loudness::Information { refused: count } => {
                tracing::info!(%reference, path, ?rules, refused, too_large, count, "the firewall took another request for an attack");
            }
        }
    }
}
