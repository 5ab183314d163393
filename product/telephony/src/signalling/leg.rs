//! One side of one call: what happens on it, and what can be done to it. The same for calls in and out.

use std::sync::Arc;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle};
use rsipstack::dialog::invitation::InviteAsyncResult;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, Request};
use sip::Status;
use tokio::task::JoinHandle;

use super::{CallFacts, Error, Inner, Place, convert};

/// What happened on a call.
#[derive(Debug)]
pub enum SignalEvent {
    /// Outbound: the other side works on it (180, 183 and so on), with early media's description when there is one.
    Rings {
        /// Which provisional status.
        status: Status,
        /// The description of early media.
        description: Option<Vec<u8>>,
    },
    /// Outbound: answered, with the answer to our offer.
    Answered {
        /// The other side's description.
        description: Option<Vec<u8>>,
    },
    /// Inbound: our answer arrived. Holds the other side's answer when the offer was ours.
    Acknowledged {
        /// The other side's description.
        description: Option<Vec<u8>>,
    },
    /// Outbound: refused, or never answered (408), or nothing could be sent (503).
    Refused(Status),
    /// Inbound: the caller gave up.
    Cancelled,
    /// The other side hung up.
    PeerHungUp,
    /// The other side wants to change the media; without a description it asks for our offer.
    Offered {
        /// The other side's description.
        description: Option<Vec<u8>>,
        /// How to answer.
        reply: Reply,
    },
    /// A key pressed, sent as a message (INFO).
    Digit(char),
    /// Our messages are not answered any more.
    Lost,
}

/// The answer owed to a change of media. Not answering in time refuses it.
#[derive(Debug)]
pub struct Reply(TransactionHandle);

impl Reply {
    /// Accepts, with our description.
    pub async fn accept(self, description: Vec<u8>) {
        let headers = Some(convert::description_headers());
        let _ = self.0.respond(convert::code(Status::OK), headers, Some(description)).await;
    }

    /// Refuses.
    pub async fn refuse(self, status: Status) {
        let _ = self.0.reply(convert::code(status)).await;
    }
}

/// One call. Dropping it ends it: an unanswered one is refused or given up, an answered one is hung up.
pub struct Leg {
    facts: CallFacts,
    dialog: InviteDialog,
    states: DialogStateReceiver,
    /// Outbound: the call attempt, until it has an outcome.
    attempt: Option<JoinHandle<InviteAsyncResult>>,
    /// A question whether the other side is still there, until it is answered.
    asked: Option<JoinHandle<bool>>,
    /// The CSeq of a re-INVITE without a description: its answer comes with the acknowledgement.
    awaited_answer: Option<u32>,
    inner: Arc<Inner>,
    inbound: bool,
    stage: Stage,
    /// A farewell is under way, and gives the dialog back when it is done.
    parting: bool,
    place: Option<Place>,
}

/// How far a call is, as far as ending it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// Inbound: 200 was sent, its ACK is awaited. Outbound: never.
    Accepted,
    Confirmed,
    Over,
}

impl Leg {
    pub(super) fn inbound(
        inner: &Arc<Inner>,
        facts: CallFacts,
        dialog: InviteDialog,
        states: DialogStateReceiver,
        place: Place,
    ) -> Self {
        let (inner, stage, parting, place) = (inner.clone(), Stage::Open, false, Some(place));
        Leg {
            facts,
            dialog,
            states,
            attempt: None,
            asked: None,
            awaited_answer: None,
            inner,
            inbound: true,
            stage,
            parting,
            place,
        }
    }

    pub(super) fn outbound(
        inner: &Arc<Inner>,
        facts: CallFacts,
        dialog: InviteDialog,
        states: DialogStateReceiver,
        attempt: JoinHandle<InviteAsyncResult>,
        place: Place,
    ) -> Self {
        let mut leg = Leg::inbound(inner, facts, dialog, states, place);
        leg.inbound = false;
        leg.attempt = Some(attempt);
        leg
    }

    /// What is known of the call.
    pub fn facts(&self) -> &CallFacts {
        &self.facts
    }

    /// The next event; none once the call is over. Cancel safe.
    pub async fn next_event(&mut self) -> Option<SignalEvent> {
        while self.stage != Stage::Over {
            let state = tokio::select! {
                biased;
                state = self.states.recv() => state,
                outcome = finished(&mut self.attempt) => {
                    if let Some(event) = self.attempt_failed(outcome) {
                        return Some(event);
                    }
                    continue;
                }
                there = finished(&mut self.asked) => {
                    if there == Some(true) {
                        continue;
                    }
                    return Some(SignalEvent::Lost);
                }
            };
            let Some(state) = state else {
                self.stage = Stage::Over;
                return Some(SignalEvent::Lost);
            };
            if let Some(event) = self.translate(state) {
                return Some(event);
            }
        }
        None
    }

    /// The attempt ended. Answers and refusals come as states; what never got a response comes only here.
    fn attempt_failed(&mut self, outcome: Option<InviteAsyncResult>) -> Option<SignalEvent> {
        let status = match outcome {
            Some(Ok((_, Some(response)))) => {
                let status = convert::status(&response.status_code);
                // Its state is under way, or has been told already.
                if status.is_success() || !self.states.is_empty() {
                    return None;
                }
                status
            }
            Some(Ok((_, None))) => Status::REQUEST_TIMEOUT,
            Some(Err(_)) | None => Status::SERVICE_UNAVAILABLE,
        };
        self.stage = Stage::Over;
        Some(SignalEvent::Refused(status))
    }

    fn translate(&mut self, state: DialogState) -> Option<SignalEvent> {
        match state {
            DialogState::Early(_, response) if !self.inbound => {
                let status = convert::status(&response.status_code);
                Some(SignalEvent::Rings { status, description: convert::answer_in(&response) })
            }
            // It is told again after every message within the call; the first time counts.
            DialogState::Confirmed(_, response) if self.stage != Stage::Confirmed => {
                self.stage = Stage::Confirmed;
                if self.inbound {
                    let acknowledgement = self.dialog.last_remote_ack();
                    let description = acknowledgement.and_then(|request| convert::body(&request.body));
                    return Some(SignalEvent::Acknowledged { description });
                }
                Some(SignalEvent::Answered { description: convert::answer_in(&response) })
            }
            DialogState::Confirmed(..) => self.late_answer(),
            DialogState::Updated(_, request, handle) => self.offered(&request, handle),
            DialogState::Info(_, request, handle) => {
                let digit = convert::info_digits(&request);
                let status = if digit.is_some() || request.body.is_empty() {
                    Status::OK
                } else {
                    Status::UNSUPPORTED_MEDIA_TYPE
                };
                answer_soon(handle, status);
                digit.map(SignalEvent::Digit)
            }
            DialogState::Options(_, _, handle) => {
                answer_soon(handle, Status::OK);
                None
            }
            DialogState::Refer(_, _, handle)
            | DialogState::Message(_, _, handle)
            | DialogState::Notify(_, _, handle)
            | DialogState::Publish(_, _, handle) => {
                answer_soon(handle, Status::METHOD_NOT_ALLOWED);
                None
            }
            DialogState::Terminated(_, reason) => self.terminated(&reason),
            _ => None,
        }
    }

    /// The answer to an offer that we made in a re-INVITE's response.
    fn late_answer(&mut self) -> Option<SignalEvent> {
        let awaited = self.awaited_answer?;
        let acknowledgement = self.dialog.last_remote_ack()?;
        if acknowledgement.cseq_header().ok()?.seq().ok()? != awaited {
            return None;
        }
        self.awaited_answer = None;
        Some(SignalEvent::Acknowledged { description: convert::body(&acknowledgement.body) })
    }

    /// A change of media; a refresh without a description needs no opinion.
    fn offered(&mut self, request: &Request, handle: TransactionHandle) -> Option<SignalEvent> {
        let update = request.method == Method::Update;
        if update && request.body.is_empty() {
            answer_soon(handle, Status::OK);
            return None;
        }
        if !convert::has_only_description(request) {
            answer_soon(handle, Status::UNSUPPORTED_MEDIA_TYPE);
            return None;
        }
        if request.body.is_empty() {
            self.awaited_answer = request.cseq_header().ok().and_then(|cseq| cseq.seq().ok());
        }
        Some(SignalEvent::Offered { description: convert::body(&request.body), reply: Reply(handle) })
    }

    fn terminated(&mut self, reason: &TerminatedReason) -> Option<SignalEvent> {
        let confirmed = self.stage == Stage::Confirmed;
        self.stage = Stage::Over;
        match reason {
            TerminatedReason::UacCancel if self.inbound => Some(SignalEvent::Cancelled),
            TerminatedReason::UacBye if self.inbound => Some(SignalEvent::PeerHungUp),
            TerminatedReason::UasBye if !self.inbound => Some(SignalEvent::PeerHungUp),
            TerminatedReason::UasOther(code) | TerminatedReason::ProxyError(code) if !confirmed => {
                Some(SignalEvent::Refused(convert::status(code)))
            }
            TerminatedReason::ProxyAuthRequired if !confirmed => {
                Some(SignalEvent::Refused(Status::PROXY_AUTHENTICATION_REQUIRED))
            }
            TerminatedReason::UasBusy if !self.inbound => Some(SignalEvent::Refused(Status::BUSY_HERE)),
            // What this side ended itself needs no telling; whatever else ends a call is a loss.
            TerminatedReason::UasDecline
            | TerminatedReason::UasBye
            | TerminatedReason::UacBye
            | TerminatedReason::UacCancel => None,
            _ => Some(SignalEvent::Lost),
        }
    }

    /// Asks the other side of an answered call whether it is still there (OPTIONS; RFC 3261, section 12.2.1.2: no answer, and
    /// the answer that there is no such call, mean that it is not). Then the next event is [`SignalEvent::Lost`].
    pub fn ask(&mut self) {
        if self.stage != Stage::Confirmed || self.asked.is_some() {
            return;
        }
        let dialog = self.dialog.clone();
        self.asked = Some(self.inner.tasks.spawn(async move {
            let gone = [Status::CALL_DOES_NOT_EXIST, Status::REQUEST_TIMEOUT];
            let answer = dialog.request(Method::Options, None, None).await.ok().flatten();
            answer.is_some_and(|answer| !gone.contains(&convert::status(&answer.status_code)))
        }));
    }

    /// Inbound: tells the caller that it rings.
    pub fn ring(&self) -> Result<(), Error> {
        if !self.inbound || self.stage != Stage::Open {
            return Err(Error::Over);
        }
        self.dialog.ringing(None, None).map_err(|_| Error::Stack("ring"))
    }

    /// Inbound: takes the call with our description (an answer, or an offer when the caller made none).
    pub fn accept(&mut self, description: Vec<u8>) -> Result<(), Error> {
        if !self.inbound || self.stage != Stage::Open {
            return Err(Error::Over);
        }
        self.dialog
            .accept(Some(convert::description_headers()), Some(description))
            .map_err(|_| Error::Stack("answer"))?;
        self.stage = Stage::Accepted;
        if let Some(place) = &mut self.place {
            place.answered();
        }
        Ok(())
    }

    /// Inbound: refuses the call.
    pub fn refuse(&mut self, status: Status) {
        if self.inbound && self.stage == Stage::Open {
            self.stage = Stage::Over;
            // Whoever calls one wrong number after the other is guessing.
            if matches!(status, Status::NOT_FOUND | Status::FORBIDDEN) {
                let now = self.inner.started.elapsed().as_millis() as u64;
                self.inner.guard.note_refused(self.facts.source.ip(), now);
            }
            let _ = self.dialog.reject(Some(convert::code(status)), None);
        }
    }

    /// Ends the call in whatever way its stage needs. The farewell is sent in the background, repeats included.
    pub fn end(&mut self) {
        match (self.stage, self.inbound) {
            (Stage::Over, _) => {}
            (Stage::Open, true) => self.refuse(Status::TEMPORARILY_UNAVAILABLE),
            (Stage::Open, false) => self.farewell(true),
            (Stage::Accepted | Stage::Confirmed, _) => self.farewell(false),
        }
        self.stage = Stage::Over;
    }

    fn farewell(&mut self, cancel: bool) {
        let (dialog, inner) = (self.dialog.clone(), self.inner.clone());
        let attempt = self.attempt.take();
        self.parting = true;
        // The call is over; its farewell may still be repeated for half a minute, but takes no place of a live one.
        self.place = None;
        self.inner.tasks.spawn(async move {
            let early = dialog.id();
            let sent = if cancel { dialog.cancel().await } else { dialog.bye().await };
            if sent.is_err() {
                tracing::debug!("a farewell was not answered");
            }
            // A cancelled attempt still gets its final response; its dialog goes with it.
            if let Some(attempt) = attempt {
                let _ = attempt.await;
            }
            forget(&inner, &early);
            forget(&inner, &dialog.id());
        });
    }
}

/// What a task came to, when there is one; it is forgotten then. Cancel safe.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Option<T> {
    let Some(running) = task else { return std::future::pending().await };
    let outcome = running.await.ok();
    *task = None;
    outcome
}

fn forget(inner: &Inner, id: &DialogId) {
    inner.dialogs.remove_dialog(id);
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.end();
        if self.inbound {
            self.inner.guard.forget_call(self.facts.source.ip(), &self.facts.call_id);
        }
        // A farewell under way gives the dialog back itself.
        if !self.parting {
            forget(&self.inner, &self.dialog.id());
        }
    }
}

fn answer_soon(handle: TransactionHandle, status: Status) {
    tokio::spawn(async move {
        let _ = handle.reply(convert::code(status)).await;
    });
}
