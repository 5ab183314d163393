//! One task for each call: turns what happens into events of the call machine, and its effects into deeds.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sip::Status;
use sip::offer_answer::{self, Agreed, Local, OwnKeys, Wanted};
use sip::session_description::{Direction as Flow, SessionDescription};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{Dial, Inner, Insecure, LineEvent, LiveCall, RingingCall, Strings};
use crate::call::{Call, CallEnd, Direction, Effect, EndedBy, Event, State, Timer, Times};
use crate::media_session::{AudioPort, MediaHandle, MediaSocket, Peer, Seed};
use crate::signalling::{CallFacts, IncomingCall, Leg, Reply, SignalEvent};

/// What the upper half wants.
#[derive(Debug)]
pub(super) enum Command {
    Ring,
    Answer(oneshot::Sender<Box<AudioPort>>),
    Refuse(Status),
    HangUp,
}

/// Where the sound of a call stands.
enum Sound {
    /// No port yet.
    None,
    /// A port is bound and described to the other side; what was agreed is known, or still awaited.
    Ready(MediaSocket, Option<Agreed>),
    /// It flows.
    Flowing(MediaHandle, Agreed),
}

struct Task {
    inner: Arc<Inner>,
    call: Call,
    leg: Leg,
    offer: Option<Vec<u8>>,
    sound: Sound,
    local: Local,
    seed: Seed,
    peer: Peer,
    /// Why the call may not be answered.
    insecure: Option<Insecure>,
    timers: Vec<(Timer, Instant)>,
    /// Our description, from when it is made to when it is sent.
    description: Vec<u8>,
    waiting: Option<oneshot::Sender<Box<AudioPort>>>,
    detail: String,
    events: mpsc::UnboundedSender<LineEvent>,
    end: watch::Sender<Option<CallEnd>>,
}

/// A call that came in gets its task.
pub(super) fn ring(inner: &Arc<Inner>, incoming: IncomingCall) -> RingingCall {
    let (leg, offer) = incoming.into_leg();
    let facts = leg.facts().clone();
    let times = inner.config.times;
    let transport = facts.transport;
    let (strings, mut task, commands) = Task::new(inner, Direction::Inbound, times, leg, facts);
    let judged = inner.config.security.judge(transport, offer.as_deref(), &task.local);
    if let Ok(wanted) = judged {
        task.local.wanted = wanted;
    }
    let insecure = judged.err();
    let task = Task { offer, insecure, ..task };
    tokio::spawn(task.run(commands));
    RingingCall { strings, insecure }
}

/// A call of ours: rings until answered, refused or given up.
pub(super) async fn dial(inner: &Arc<Inner>, dial: Dial) -> Result<LiveCall, CallEnd> {
    let failed = |status: Status, detail: &str| {
        let mut end = CallEnd::refused(EndedBy::Us, status);
        detail.clone_into(&mut end.detail);
        end
    };
    let signalling = &inner.signalling;
    let to = signalling.resolve(&dial.target).await.map_err(|error| failed(Status::NOT_FOUND, &error.to_string()))?;
    let wanted = inner.config.security.outbound(to.transport(), dial.plain_sound);
    let wanted = wanted.map_err(|why| failed(why.status(), &why.to_string()))?;
    let ours = signalling.address_towards(to.address());
    let socket = MediaSocket::bind(&inner.ports, bind_address(inner, ours))
        .map_err(|_| failed(Status::SERVICE_UNAVAILABLE, "no media port is free"))?;
    let seed = Seed::draw(inner.entropy.as_ref());
    let media = SocketAddr::new(ours, socket.address().port());
    let keys = own_keys(inner);
    let local = Local { media, session_id: seed.session, version: 1, wanted, keys };
    let offer = offer_answer::offer(&local, Flow::SendReceive).to_text().into_bytes();
    let leg = signalling
        .call(&to, &dial.target, offer)
        .await
        .map_err(|error| failed(Status::SERVICE_UNAVAILABLE, &error.to_string()))?;
    let times =
        Times { ring_seconds: dial.ring_seconds.unwrap_or(inner.config.times.ring_seconds), ..inner.config.times };
    let facts = leg.facts().clone();
    let (mut strings, task, commands) = Task::new(inner, Direction::Outbound, times, leg, facts);
    let (sender, receiver) = oneshot::channel();
    let task = Task { sound: Sound::Ready(socket, None), local, seed, waiting: Some(sender), ..task };
    tokio::spawn(task.run(commands));
    match receiver.await {
        Ok(audio) => Ok(LiveCall::new(strings, *audio)),
        Err(_) => Err(strings.ended().await),
    }
}

/// Fresh keys for what is sent in one call.
fn own_keys(inner: &Inner) -> OwnKeys {
    OwnKeys::draw(|bytes| inner.entropy.fill(bytes))
}

/// Where media ports are bound: everywhere when signalling listens everywhere or another address is advertised.
fn bind_address(inner: &Inner, ours: IpAddr) -> IpAddr {
    let listening = inner.signalling.address().ip();
    if listening.is_ipv4() == ours.is_ipv4() { listening } else { ours }
}

impl Task {
    fn new(
        inner: &Arc<Inner>,
        direction: Direction,
        times: Times,
        leg: Leg,
        facts: CallFacts,
    ) -> (Strings, Self, mpsc::UnboundedReceiver<Command>) {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (events, event_receiver) = mpsc::unbounded_channel();
        let (end, end_receiver) = watch::channel(None);
        let (call, effects) = Call::begin(direction, times);
        // Whom we call was chosen by us, and has answered when its sound begins.
        let ours = direction == Direction::Outbound;
        let signalled = facts.source.ip();
        let peer = Peer { signalled, trusted: ours || inner.signalling.trusts(signalled), acknowledged: ours };
        let (media, wanted) = (facts.source, Wanted::Protected);
        let local = Local { media, session_id: 0, version: 0, wanted, keys: own_keys(inner) };
        let seed = Seed { source: 0, sequence: 0, timestamp: 0, session: 0 };
        let mut task = Task {
            inner: inner.clone(),
            call,
            leg,
            offer: None,
            sound: Sound::None,
            local,
            seed,
            peer,
            insecure: None,
            timers: Vec::new(),
            description: Vec::new(),
            waiting: None,
            detail: String::new(),
            events,
            end,
        };
        task.perform(effects);
        (Strings { facts, simulated: false, commands, end: end_receiver, events: event_receiver }, task, receiver)
    }

    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let stop = self.inner.stop.clone();
        while !matches!(self.call.state(), State::Ended(_)) {
            let deadline = self.timers.iter().map(|(_, deadline)| *deadline).min();
            tokio::select! {
                event = self.leg.next_event() => self.on_signal(event.unwrap_or(SignalEvent::Lost)).await,
                // Whoever let go of the call wants it ended.
                command = commands.recv() => self.on_command(command.unwrap_or(Command::HangUp)),
                () = silence(&mut self.sound) => self.happen(Event::MediaSilent),
                () = at(deadline) => self.on_timer(),
                () = stop.cancelled() => self.happen(Event::Shutdown),
            }
        }
    }

    fn happen(&mut self, event: Event) {
        let effects = self.call.step(event);
        self.perform(effects);
    }

    fn on_timer(&mut self) {
        let now = Instant::now();
        let over = self.timers.iter().find(|(_, deadline)| *deadline <= now).map(|(timer, _)| *timer);
        if let Some(timer) = over {
            self.timers.retain(|(other, _)| *other != timer);
            self.happen(Event::TimeOver(timer));
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Ring => self.happen(Event::Rings),
            Command::Refuse(status) => self.happen(Event::Refused(status)),
            Command::HangUp => self.happen(Event::HangUp),
            Command::Answer(sender) => match self.prepare_answer() {
                Ok(()) => {
                    self.waiting = Some(sender);
                    self.happen(Event::Answered);
                }
                Err(status) => self.happen(Event::Refused(status)),
            },
        }
    }

    /// Binds a port and writes our description: an answer to the caller's offer, or an offer when there was none.
    fn prepare_answer(&mut self) -> Result<(), Status> {
        if let Some(why) = self.insecure {
            self.detail = why.to_string();
            return Err(why.status());
        }
        let ours = self.inner.signalling.address_towards(self.leg.facts().source);
        let socket = MediaSocket::bind(&self.inner.ports, bind_address(&self.inner, ours)).map_err(|_| {
            "no media port is free".clone_into(&mut self.detail);
            Status::SERVICE_UNAVAILABLE
        })?;
        self.seed = Seed::draw(self.inner.entropy.as_ref());
        let media = SocketAddr::new(ours, socket.address().port());
        (self.local.media, self.local.session_id, self.local.version) = (media, self.seed.session, 1);
        let agreed = match self.offer.take() {
            None => {
                self.description = offer_answer::offer(&self.local, Flow::SendReceive).to_text().into_bytes();
                None
            }
            Some(offer) => {
                let (description, agreed) = self.answer_to(&offer)?;
                self.description = description;
                Some(agreed)
            }
        };
        if let Some(agreed) = &agreed {
            let (we_send, we_receive) = (agreed.we_send, agreed.we_receive);
            self.happen(Event::Directions { we_send, we_receive });
        }
        self.sound = Sound::Ready(socket, agreed);
        Ok(())
    }

    fn answer_to(&mut self, offer: &[u8]) -> Result<(Vec<u8>, Agreed), Status> {
        let offer = SessionDescription::parse(offer).map_err(|error| {
            self.detail = error.to_string();
            Status::BAD_REQUEST
        })?;
        let (answer, agreed) = offer_answer::answer(&offer, &self.local).map_err(|refusal| {
            self.detail = refusal.to_string();
            Status::NOT_ACCEPTABLE_HERE
        })?;
        self.keep_protected(&agreed);
        Ok((answer.to_text().into_bytes(), agreed))
    }

    async fn on_signal(&mut self, event: SignalEvent) {
        match event {
            SignalEvent::Rings { .. } => self.happen(Event::Rings),
            SignalEvent::Answered { description } => self.on_answered(description.as_deref()),
            SignalEvent::Acknowledged { description: Some(description) } => {
                self.on_acknowledged();
                self.on_answer_to_us(&description);
            }
            SignalEvent::Acknowledged { description: None } => {
                self.on_acknowledged();
                // Nothing answered our offer: there can be no sound.
                if matches!(self.sound, Sound::Ready(_, None)) {
                    self.happen(Event::HangUp);
                }
            }
            SignalEvent::Refused(status) => self.happen(Event::Refused(status)),
            SignalEvent::Cancelled => self.happen(Event::Cancelled),
            SignalEvent::PeerHungUp => self.happen(Event::PeerHungUp),
            SignalEvent::Lost => self.happen(Event::SignallingLost),
            SignalEvent::Digit(symbol) => {
                if let Sound::Flowing(media, _) = &self.sound {
                    media.digit(symbol);
                }
            }
            SignalEvent::Offered { description, reply } => self.on_offer(description, reply).await,
        }
    }

    /// Inbound: our answer arrived where the call came from.
    fn on_acknowledged(&mut self) {
        self.peer.acknowledged = true;
        if let Sound::Flowing(media, _) = &self.sound {
            media.acknowledge();
        }
    }

    /// Outbound: the call was taken.
    fn on_answered(&mut self, description: Option<&[u8]>) {
        match description.map(|answer| self.understand(answer)) {
            Some(Ok(agreed)) => {
                let (we_send, we_receive) = (agreed.we_send, agreed.we_receive);
                if let Sound::Ready(_, awaited) = &mut self.sound {
                    *awaited = Some(agreed);
                }
                self.happen(Event::Directions { we_send, we_receive });
                self.happen(Event::Answered);
            }
            // An answer without common ground: the call stands, so it must be hung up.
            _ => self.happen(Event::Refused(Status::NOT_ACCEPTABLE_HERE)),
        }
    }

    /// The answer to an offer that we made in a response.
    fn on_answer_to_us(&mut self, description: &[u8]) {
        let Ok(agreed) = self.understand(description) else {
            self.happen(Event::HangUp);
            return;
        };
        let (we_send, we_receive) = (agreed.we_send, agreed.we_receive);
        if let Sound::Ready(_, awaited @ None) = &mut self.sound {
            *awaited = Some(agreed);
            self.start_sound();
        } else if let Sound::Flowing(_, current) = &mut self.sound {
            *current = agreed;
        } else {
            return;
        }
        self.happen(Event::Directions { we_send, we_receive });
    }

    fn understand(&mut self, answer: &[u8]) -> Result<Agreed, ()> {
        let answer = SessionDescription::parse(answer).map_err(|error| self.detail = error.to_string())?;
        let agreed = offer_answer::accept(&answer, &self.local).map_err(|refusal| self.detail = refusal.to_string())?;
        self.keep_protected(&agreed);
        Ok(agreed)
    }

    /// Once the sound is encrypted it stays so: no later message takes it back.
    fn keep_protected(&mut self, agreed: &Agreed) {
        if agreed.secured.is_some() {
            self.local.wanted = Wanted::Protected;
        }
    }

    /// The other side changes the media, or asks for our offer.
    async fn on_offer(&mut self, description: Option<Vec<u8>>, reply: Reply) {
        self.local.version += 1;
        let Some(offer) = description else {
            // What is spoken now is offered again: a plain call is not turned into one that the other side may not know.
            let protected = matches!(&self.sound, Sound::Flowing(_, agreed) if agreed.secured.is_some());
            self.local.wanted = if protected { Wanted::Protected } else { Wanted::Plain };
            let ours = offer_answer::offer(&self.local, Flow::SendReceive);
            reply.accept(ours.to_text().into_bytes()).await;
            return;
        };
        match self.answer_to(&offer) {
            Err(status) => reply.refuse(status).await,
            Ok((answer, agreed)) => {
                reply.accept(answer).await;
                let (we_send, we_receive) = (agreed.we_send, agreed.we_receive);
                if let Sound::Flowing(_, current) = &mut self.sound {
                    *current = agreed;
                }
                self.happen(Event::Directions { we_send, we_receive });
            }
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::SendRinging => drop(self.leg.ring()),
                Effect::SendAnswer => {
                    let description = std::mem::take(&mut self.description);
                    if self.leg.accept(description).is_err() {
                        tracing::debug!("the call was over before it could be answered");
                    }
                }
                Effect::SendRefusal(status) => self.leg.refuse(status),
                Effect::SendCancel | Effect::SendHangUp => self.leg.end(),
                Effect::AskPeer => self.leg.ask(),
                Effect::StartMedia => self.start_sound(),
                Effect::StopMedia => self.sound = Sound::None,
                Effect::SetDirections { .. } => {
                    if let Sound::Flowing(media, agreed) = &self.sound {
                        media.agree(agreed);
                    }
                }
                Effect::ReportHeld => drop(self.events.send(LineEvent::Held)),
                Effect::ReportResumed => drop(self.events.send(LineEvent::Resumed)),
                Effect::StartTimer(timer, seconds) => {
                    self.timers.push((timer, Instant::now() + Duration::from_secs(u64::from(seconds))));
                }
                Effect::StopTimer(timer) => self.timers.retain(|(other, _)| *other != timer),
                Effect::End(end) => self.finish(end),
            }
        }
    }

    /// Lets the sound flow, once it is known with whom.
    fn start_sound(&mut self) {
        match std::mem::replace(&mut self.sound, Sound::None) {
            Sound::Ready(socket, Some(agreed)) => {
                let (audio, media) = socket.start(self.seed, self.inner.config.media, &agreed, self.peer);
                self.sound = Sound::Flowing(media, agreed);
                if let Some(waiting) = self.waiting.take() {
                    // Nobody waits any more: the next command is the end of the call.
                    let _ = waiting.send(Box::new(audio));
                }
            }
            other => self.sound = other,
        }
    }

    fn finish(&mut self, mut end: CallEnd) {
        if end.status != Status::OK {
            end.detail = std::mem::take(&mut self.detail);
        }
        self.sound = Sound::None;
        self.waiting = None;
        self.end.send_replace(Some(end.clone()));
        let _ = self.events.send(LineEvent::Ended(end));
    }
}

async fn silence(sound: &mut Sound) {
    match sound {
        Sound::Flowing(media, _) => media.silence().await,
        Sound::None | Sound::Ready(..) => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
