//! The trunk: the way out to the telephone network, and how it stands, in words.

pub mod pages;

use std::sync::Arc;

use compliance::dialing::Target;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::call::{CallEnd, EndReason, EndedBy};
use crate::line::Dial;
use crate::signalling::{self, CredentialSource, RegistrationState};

/// The way out to the telephone network: a carrier or a PBX that takes SIP.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Host and port, with `;transport=tls` or `;transport=tcp` where that is wanted.
    pub address: String,
    /// What to say when it asks who we are: read anew for each call.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// It does not encrypt sound, not even over TLS.
    pub plain_sound: bool,
    /// How our registration with it stands; none when it knows by itself where to send our calls.
    pub registration: Option<watch::Receiver<RegistrationState>>,
}

/// How the trunk stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Standing {
    /// `none` (no trunk is set), `not_registered` (it is called without a registration), `trying`, `registered`, `refused`,
    /// `challenge_refused`, `interval_refused`, `no_password` or `unreachable`.
    pub state: &'static str,
    /// Its host, as the settings name it.
    pub host: Option<String>,
    /// `udp`, `tcp` or `tls`.
    pub transport: Option<&'static str>,
    /// Whether sound to it is encrypted, or there is no call.
    pub sound_encrypted: bool,
    /// How long the registration lasts until it is renewed.
    pub seconds: Option<u32>,
    /// What stands in the way, as a word for programs.
    pub problem: Option<&'static str>,
    /// The same for people.
    pub detail: String,
    /// What an operator can do.
    pub advice: &'static str,
}

impl Trunk {
    /// The call that a permit allows, from one of our own numbers, without credentials ([`Self::introduce`]); none when it needs a
    /// trunk and there is none.
    pub(crate) fn dial(trunk: Option<&Self>, target: &Target, own_number: &str, ring_seconds: u32) -> Option<Dial> {
        let (address, plain_sound) = match (target, trunk) {
            (Target::LoopbackSip(address), _) => (address.clone(), false),
            (Target::Number(number), Some(trunk)) => (format!("sip:{number}@{}", trunk.address), trunk.plain_sound),
            (Target::Number(_), None) => return None,
        };
        let target =
            signalling::Target { address, from_user: own_number.to_owned(), from_name: None, credentials: None };
        Some(Dial { target, plain_sound, ring_seconds: Some(ring_seconds) })
    }

    /// Gives a call to the trunk what it says when it is asked who we are. Without a password that there should be there is no call.
    pub(crate) async fn introduce(&self, dial: &mut Dial) -> Result<(), CallEnd> {
        let Some(source) = &self.credentials else { return Ok(()) };
        match source.read().await {
            Ok(credentials) => {
                dial.target.credentials = Some(credentials);
                Ok(())
            }
            Err(lack) => {
                tracing::warn!("the trunk was not called: {lack}");
                let detail = lack.name().to_owned();
                Err(CallEnd {
                    by: EndedBy::Us,
                    status: sip::Status::SERVICE_UNAVAILABLE,
                    reason: EndReason::Refused,
                    detail,
                })
            }
        }
    }

    fn transport(&self) -> &'static str {
        let address = self.address.to_ascii_lowercase();
        match () {
            () if address.contains(";transport=tls") => "tls",
            () if address.contains(";transport=tcp") => "tcp",
            () => "udp",
        }
    }

    /// How it stands now.
    pub fn standing(trunk: Option<&Self>) -> Standing {
        let Some(trunk) = trunk else {
            let detail = "There is no way to the telephone network: only addresses on this machine can be called.";
            return Standing {
                state: "none",
                host: None,
                transport: None,
                sound_encrypted: false,
                seconds: None,
                problem: None,
                detail: detail.to_owned(),
                advice: "Set `trunk` to the carrier's address.",
            };
        };
        let registration = trunk.registration.as_ref().map(|registration| *registration.borrow());
        let (state, seconds, problem, advice) = words(registration);
        Standing {
            state,
            host: trunk.address.split(';').next().map(str::to_owned),
            transport: Some(trunk.transport()),
            sound_encrypted: trunk.transport() == "tls" && !trunk.plain_sound,
            seconds,
            problem,
            detail: sentence(registration),
            advice,
        }
    }
}

fn words(state: Option<RegistrationState>) -> (&'static str, Option<u32>, Option<&'static str>, &'static str) {
    match state {
        None => ("not_registered", None, None, ""),
        Some(RegistrationState::Trying) => ("trying", None, None, ""),
        Some(RegistrationState::Registered { seconds }) => ("registered", Some(seconds), None, ""),
        Some(RegistrationState::Refused(status)) => {
            let advice = match status.code() {
                401 | 403 | 407 => {
                    "Check `trunk.user` and its password: the file `trunk.password_file`, or the secret that `trunk.password_secret` names."
                }
                404 => "The carrier does not know this account: check `trunk.user` and the host in `trunk.address`.",
                500.. => "The carrier has a fault; it is tried again.",
                _ => "Ask the carrier why it refuses this account.",
            };
            ("refused", None, Some("refused"), advice)
        }
        Some(RegistrationState::ChallengeRefused) => (
            "challenge_refused",
            None,
            Some("digest_not_allowed"),
            "Ask the carrier for SHA-256 (RFC 8760), or allow MD5 for it by `trunk.md5_digest = true`.",
        ),
        Some(RegistrationState::IntervalRefused) => {
            ("interval_refused", None, Some("interval_too_long"), "Ask the carrier for registrations of a day or less.")
        }
        Some(RegistrationState::NoPassword(lack)) => ("no_password", None, Some(lack.name()), lack.advice()),
        Some(RegistrationState::Unreachable(obstacle)) => {
            ("unreachable", None, Some(obstacle.name()), obstacle.advice())
        }
    }
}

fn sentence(state: Option<RegistrationState>) -> String {
    match state {
        None => "Calls go out through the carrier; it knows by itself where to send ours.".to_owned(),
        Some(RegistrationState::Trying) => "Registering; the carrier has not answered yet.".to_owned(),
        Some(RegistrationState::Registered { seconds }) => {
            format!(
                "Registered for {seconds} seconds and renewed before they are over: the carrier sends our calls here."
            )
        }
        Some(RegistrationState::Refused(status)) => {
            format!("Not registered: the carrier refuses with status {}. No call comes in.", status.code())
        }
        Some(RegistrationState::ChallengeRefused) => {
            "Not registered: the carrier asks for the password in a way that is not allowed here. No call comes in."
                .to_owned()
        }
        Some(RegistrationState::IntervalRefused) => {
            "Not registered: the carrier wants registrations that last longer than a day. No call comes in.".to_owned()
        }
        Some(RegistrationState::NoPassword(lack)) => format!("Not registered: {lack}. No call comes in."),
        Some(RegistrationState::Unreachable(obstacle)) => {
            format!("Not registered: the carrier cannot be reached, {obstacle}. No call comes in.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signalling::{NoPassword, Obstacle};

    fn trunk(address: &str) -> Trunk {
        Trunk { address: address.to_owned(), credentials: None, plain_sound: false, registration: None }
    }

    #[test]
    fn numbers_need_a_trunk_and_addresses_on_this_machine_do_not() {
        let (number, here) =
            (Target::Number("+441174960123".into()), Target::LoopbackSip("sip:a@127.0.0.1:5080".into()));
        assert!(Trunk::dial(None, &number, "practice", 10).is_none());
        assert_eq!(Trunk::dial(None, &here, "practice", 10).expect("dialled").target.address, "sip:a@127.0.0.1:5080");
        let dial = Trunk::dial(Some(&trunk("127.0.0.1:5070")), &number, "practice", 10).expect("dialled");
        assert_eq!((dial.target.address.as_str(), dial.ring_seconds), ("sip:+441174960123@127.0.0.1:5070", Some(10)));
    }

    #[test]
    fn every_state_says_what_is_and_what_to_do() {
        let obstacles = [Obstacle::WrongName, Obstacle::Expired, Obstacle::Unvouched, Obstacle::Refused];
        let mut states: Vec<RegistrationState> = obstacles.into_iter().map(RegistrationState::Unreachable).collect();
        let refused = RegistrationState::Refused(sip::Status::FORBIDDEN);
        states.extend([refused, RegistrationState::ChallengeRefused, RegistrationState::IntervalRefused]);
        states.push(RegistrationState::NoPassword(NoPassword::Sealed));
        for state in states {
            let (sender, registration) = watch::channel(state);
            let trunk = Trunk { registration: Some(registration), ..trunk("sip.carrier.example:5061;transport=tls") };
            let standing = Trunk::standing(Some(&trunk));
            assert!(standing.detail.starts_with("Not registered: ") && !standing.advice.is_empty(), "{standing:?}");
            assert_eq!((standing.host.as_deref(), standing.transport), (Some("sip.carrier.example:5061"), Some("tls")));
            sender.send_replace(RegistrationState::Registered { seconds: 300 });
            let standing = Trunk::standing(Some(&trunk));
            assert_eq!((standing.state, standing.seconds, standing.problem), ("registered", Some(300), None));
        }
        assert_eq!(Trunk::standing(None).state, "none");
        assert_eq!(Trunk::standing(Some(&trunk("pbx.example"))).state, "not_registered");
    }
}
