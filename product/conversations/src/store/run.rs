//! Running conversations: load, understand, step, carry out, store, acknowledge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use agents::profile::Profile;
use agents::{AgentVersion, understand};
use audit::{Actor, ActorKind};
use compliance::dialing::{DialingPolicy, may_dial};
use contacts::{ContactSource, Details};
use futures_util::Stream;
use identity::{Caller, Platform};
use jiff::civil::Date;
use storage::{OrganizationDb, OrganizationId, Row, Timestamp};
use tokio::sync::broadcast;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;
use uuid::Uuid;
use vault::{Field, Keyring, PersonKey};
use web::live::Live;

use super::commit::Commit;
use super::tables::{CONVERSATION, EVENT_OF_CLIENT};
use super::tools::{self, Work};
use crate::answers::Answers;
use crate::card;
use crate::desk::{self, Desk, Reader};
use crate::door::{CLIENT_ID_MAX, Channel, Heard, Input, OpenRequest, Opened, Outcome, PAGE_MAX, WORDS_MAX};
use crate::engine::{Argument, Effect, Event, State, step};
use crate::error::Error;

/// How often an event is tried when others write to the same conversation.
const TRIES_MAX: u32 = 4;
/// Steps that one input may lead to: questions to the calendar and the documents, and their answers.
const ROUNDS_MAX: usize = 8;
/// Lines that a slow watcher may be behind.
const WATCHER_LINES: usize = 64;
/// Locks and watchers are swept when there are more than this many.
const SWEEP_AT: usize = 1_024;

/// The conversations of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Conversations {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub platform: Platform,
    pub live: Live,
    pub desk: Desk,
    pub answers: Arc<dyn Answers>,
    pub dialing: DialingPolicy,
    locks: Mutex<HashMap<Uuid, Weak<tokio::sync::Mutex<()>>>>,
    pub watchers: Mutex<HashMap<Uuid, broadcast::Sender<Heard>>>,
}

/// A conversation as it stands in the database.
pub(super) struct Loaded {
    pub id: Uuid,
    pub contact_id: Uuid,
    pub agent_id: Uuid,
    pub version: AgentVersion,
    pub key: PersonKey,
    pub state: State,
}

/// An event that was taken, with what it had for effects.
pub(super) struct Step {
    pub event: Event,
    pub effects: Vec<Effect>,
}

/// A tool that is to act.
pub(super) struct Act {
    pub tool: agents::profile::ToolKind,
    pub arguments: Vec<Argument>,
}

/// One input on its way through the engine.
pub(super) struct Run<'a> {
    pub shared: &'a Shared,
    pub caller: Caller,
    pub database: OrganizationDb,
    pub keyring: Keyring,
    pub loaded: Loaded,
    pub expected: u64,
    pub now: Timestamp,
    pub steps: Vec<Step>,
}

impl Conversations {
    /// Conversations on this platform.
    pub fn new(platform: Platform, live: Live, answers: Arc<dyn Answers>, dialing: DialingPolicy) -> Conversations {
        let (locks, watchers) = (Mutex::default(), Mutex::default());
        let desk = Desk::new(platform.clone(), live.clone());
        Conversations { shared: Arc::new(Shared { platform, live, desk, answers, dialing, locks, watchers }) }
    }

    /// The platform that they run on.
    pub fn platform(&self) -> &Platform {
        &self.shared.platform
    }

    /// Opens a conversation: the person is found or made, the agent's published version is pinned, and the AI notice and the
    /// greeting are stored before they are said.
    ///
    /// # Errors
    /// [`Error::NotPublished`] when the agent has no published version.
    pub async fn open(&self, request: OpenRequest) -> Result<Opened, Error> {
        let platform = &self.shared.platform;
        let database = platform.database.organization(request.organization);
        let keyring = platform.vault.keyring(&database).await?;
        let version =
            agents::store::published(&database, &keyring, request.agent_id).await?.ok_or(Error::NotPublished)?;
        let (source, kind, number) = match &request.channel {
            Channel::Chat { .. } => (ContactSource::Chat, ActorKind::Visitor, None),
            Channel::Phone { from, .. } => (ContactSource::Phone, ActorKind::PhoneCaller, from.clone()),
        };
        let now = platform.now();
        let id = platform.identifiers.next();
        // The actor's id is the conversation: the person may turn out to be known only inside the transaction.
        let actor = Actor { kind, id: Some(id), address: request.address };
        let caller = Caller::for_channel(request.organization, actor);
        let mut change = caller.change(platform, "conversation.open").await?;
        let known = match (request.contact_id, number.as_deref()) {
            (Some(contact), _) => Some(contact),
            (None, Some(number)) => contacts::store::find_by_phone(&mut change, &keyring, number).await?,
            (None, None) => None,
        };
        let known = match known {
            Some(contact) => match keyring.person_key_in(&mut change, contact).await {
                // Whoever was erased and comes back is somebody new.
                Err(vault::Error::NoKey { .. }) => None,
                key => Some(key?),
            },
            None => None,
        };
        let key = if let Some(key) = known {
            key
        } else {
            let contact = platform.identifiers.next();
            contacts::store::create(&mut change, &keyring, contact, source, now).await?
        };
        if number.is_some() {
            let learned = Details { phone: number.clone(), ..Details::default() };
            contacts::store::learn(&mut change, &keyring, &key, &learned, false, now).await?;
        }
        let contact_id = key.person();
        let loaded = Loaded { id, contact_id, agent_id: request.agent_id, version, key, state: State::new() };
        let mut run =
            Run { shared: &self.shared, caller, database, keyring, loaded, expected: 0, now, steps: Vec::new() };
        let (channel, reads_aloud) = match &request.channel {
            Channel::Chat { .. } => (agents::turn::ChannelKind::Chat, true),
            Channel::Phone { reads_aloud, .. } => (agents::turn::ChannelKind::Phone, *reads_aloud),
        };
        run.take(Event::Opened { channel, caller_number: number, reads_aloud });
        run.insert_conversation(&mut change, &details(&request.channel)).await?;
        let first = run
            .commit(Commit { work: Work::Audited(Box::new(change)), act: None, client_id: None, tell: false })
            .await?;
        Ok(Opened { conversation_id: id, contact_id, first })
    }

    /// Takes an input. Everything in the outcome is committed before it is returned.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLong`], [`Error::Empty`], and [`Error::Ended`] for words after the end.
    pub async fn handle(
        &self,
        organization: OrganizationId,
        conversation_id: Uuid,
        input: Input,
    ) -> Result<Outcome, Error> {
        check(&input)?;
        let lock = self.lock(conversation_id);
        let _held = lock.lock().await;
        for _ in 0..TRIES_MAX {
            match self.take_input(organization, conversation_id, &input).await {
                Err(Error::Busy | Error::Storage(storage::Error::Busy | storage::Error::Conflict { .. })) => {}
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    async fn take_input(&self, organization: OrganizationId, id: Uuid, input: &Input) -> Result<Outcome, Error> {
        let mut run = self.load(organization, id, None).await?;
        let client_id = match input {
            Input::Words { client_id, .. } | Input::Choice { client_id, .. } => client_id.as_deref(),
            _ => None,
        };
        if let Some(client_id) = client_id
            && let Some(row) = run.database.query(&EVENT_OF_CLIENT, &[id.into(), client_id.into()]).await?.first()
        {
            return run.again(row.integer("turn")?).await;
        }
        if run.loaded.state.ended() && matches!(input, Input::Words { .. } | Input::Choice { .. }) {
            return Err(Error::Ended);
        }
        let event = run.event_of(input);
        let act = run.settle(event, None).await?;
        let work = run.work(act.as_ref()).await?;
        run.commit(Commit { work, act, client_id: client_id.map(str::to_owned), tell: false }).await
    }

    /// A conversation ready to take an event; `caller` is who causes it, else the person who calls or writes.
    pub(super) async fn load(
        &self,
        organization: OrganizationId,
        id: Uuid,
        caller: Option<&Caller>,
    ) -> Result<Run<'_>, Error> {
        let platform = &self.shared.platform;
        let database = platform.database.organization(organization);
        let keyring = platform.vault.keyring(&database).await?;
        let row = database.get(&CONVERSATION, id).await?.ok_or(Error::NotFound)?;
        let loaded = loaded(&database, &keyring, &row).await?;
        let kind = match loaded.state.channel {
            agents::turn::ChannelKind::Chat => ActorKind::Visitor,
            agents::turn::ChannelKind::Phone => ActorKind::PhoneCaller,
        };
        let actor = Actor { kind, id: Some(id), address: None };
        let caller = caller.cloned().unwrap_or_else(|| Caller::for_channel(organization, actor));
        let expected = loaded.state.sequence;
        let now = platform.now();
        Ok(Run { shared: &self.shared, caller, database, keyring, loaded, expected, now, steps: Vec::new() })
    }

    /// The profile that a conversation is held with.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn profile(&self, organization: OrganizationId, conversation_id: Uuid) -> Result<Arc<Profile>, Error> {
        Ok(self.load(organization, conversation_id, None).await?.loaded.version.profile)
    }

    /// What happens in a conversation without an input of the channel: a person joins, writes, leaves; nobody came. Whoever is
    /// more than [`WATCHER_LINES`] behind hears [`Heard::Missed`], and reads what it was with [`Conversations::transcript`].
    pub fn watch(&self, conversation_id: Uuid) -> impl Stream<Item = Heard> + Send + use<> {
        let mut watchers = self.shared.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if watchers.len() > SWEEP_AT {
            watchers.retain(|_, sender| sender.receiver_count() > 0);
        }
        let sender = watchers.entry(conversation_id).or_insert_with(|| broadcast::channel(WATCHER_LINES).0);
        BroadcastStream::new(sender.subscribe()).map(|heard| heard.unwrap_or(Heard::Missed))
    }

    /// The order of one conversation's events within this process; between processes the row's sequence decides.
    pub(super) fn lock(&self, conversation_id: Uuid) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.shared.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() > SWEEP_AT {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        if let Some(lock) = locks.get(&conversation_id).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        locks.insert(conversation_id, Arc::downgrade(&lock));
        lock
    }
}

/// A conversation's row, opened.
pub(super) async fn loaded(database: &OrganizationDb, keyring: &Keyring, row: &Row) -> Result<Loaded, Error> {
    let id = row.uuid("id")?;
    let contact_id = row.uuid("contact_id")?;
    let key = keyring.person_key(database, contact_id).await?;
    let snapshot = key.open(Field::new(&CONVERSATION, "snapshot", id), &row.bytes("snapshot")?)?;
    let state: State = serde_json::from_slice(&snapshot).map_err(|_| Error::Unreadable(id))?;
    let version = agents::store::version_by_id(database, keyring, row.uuid("agent_version_id")?).await?;
    Ok(Loaded { id, contact_id, agent_id: row.uuid("agent_id")?, version, key, state })
}

/// What is kept of the channel.
fn details(channel: &Channel) -> serde_json::Value {
    match channel {
        Channel::Chat { page } => {
            let page: Option<String> = page.as_ref().map(|page| page.chars().take(PAGE_MAX).collect());
            serde_json::json!({ "page": page })
        }
        Channel::Phone { call_id, from, to, .. } => serde_json::json!({ "call_id": call_id, "from": from, "to": to }),
    }
}

fn check(input: &Input) -> Result<(), Error> {
    if let Input::Words { text, .. } = input {
        if text.trim().is_empty() {
            return Err(Error::Empty);
        }
        if text.chars().count() > WORDS_MAX {
            return Err(Error::TooLong { field: "text", most: WORDS_MAX });
        }
    }
    match input {
        Input::Words { client_id: Some(id), .. } | Input::Choice { client_id: Some(id), .. }
            if id.chars().count() > CLIENT_ID_MAX =>
        {
            Err(Error::TooLong { field: "client_id", most: CLIENT_ID_MAX })
        }
        _ => Ok(()),
    }
}

impl Run<'_> {
    /// The event that an input is. Card numbers are masked before anything else sees the words.
    fn event_of(&self, input: &Input) -> Event {
        match input {
            Input::Words { text, .. } => {
                let text = card::masked(text);
                let profile = &self.loaded.version.profile;
                let commands = understand::commands(profile, &self.loaded.state.view(profile, self.now), &text);
                Event::Turn { text, commands }
            }
            Input::Choice { number, .. } => Event::Choice { number: *number },
            Input::Digit(key) => Event::Digit { key: *key },
            Input::Silence => Event::Silence,
            Input::MessageRecorded { recording_id, seconds } => {
                Event::MessageRecorded { recording: *recording_id, seconds: *seconds }
            }
            Input::MessageFailed => Event::MessageFailed,
            Input::TransferEnded { connected } => Event::TransferEnded { connected: *connected },
            Input::Spoken { sequence, whole, milliseconds } => {
                Event::Spoken { sequence: *sequence, whole: *whole, milliseconds: *milliseconds }
            }
            Input::Hangup => Event::HungUp,
        }
    }

    /// One step of the engine.
    pub fn take(&mut self, event: Event) {
        let state = std::mem::take(&mut self.loaded.state);
        let (state, effects) = step(&self.loaded.version.profile, state, &event, self.now);
        self.loaded.state = state;
        self.steps.push(Step { event, effects });
    }

    /// Steps an event and the answers that it asks for, until nothing more is asked or a tool is to act.
    pub async fn settle(&mut self, event: Event, mut work: Option<&mut Work>) -> Result<Option<Act>, Error> {
        let mut next = Some(event);
        for _ in 0..ROUNDS_MAX {
            let Some(event) = next.take() else { return Ok(None) };
            self.take(event);
            let effects = self.steps.last().map(|step| step.effects.clone()).unwrap_or_default();
            for effect in effects {
                match effect {
                    Effect::Search { question } => next = Some(self.search(question).await),
                    Effect::FindDays { service, from } => {
                        next = Some(self.free_days(&service, from, work.as_deref_mut()).await?);
                    }
                    Effect::FindTimes { service, day } => {
                        next = Some(self.free_times(&service, day, work.as_deref_mut()).await?);
                    }
                    // A transfer that may not be dialled has failed already.
                    Effect::Transfer { target } if may_dial(target.address(), &self.shared.dialing).is_err() => {
                        next = Some(Event::TransferEnded { connected: false });
                    }
                    Effect::Act { tool, arguments, .. } => return Ok(Some(Act { tool, arguments })),
                    _ => {}
                }
            }
        }
        if next.is_some() {
            self.stop_asking("an input asked for more steps than one may");
        }
        Ok(None)
    }

    /// The engine asked on and on: a fault of ours. It is told that this failed, so that the other side hears of it and is not
    /// left with an answer that never comes; what it asks for then is not asked any more.
    pub fn stop_asking(&mut self, why: &'static str) {
        tracing::error!(conversation = %self.loaded.id, why, "a conversation was stopped from going round");
        self.take(Event::ToolFailed);
    }

    async fn search(&self, question: String) -> Event {
        match self.shared.answers.answer(&self.database, self.loaded.agent_id, &question).await {
            Ok(answer) => Event::Found { question, answer },
            Err(_) => Event::ToolFailed,
        }
    }

    async fn free_days(&self, service: &str, from: Date, work: Option<&mut Work>) -> Result<Event, Error> {
        let (desk, profile) = (&self.shared.desk, &self.loaded.version.profile);
        let reader = self.reader(work);
        match desk.free_days(reader, self.loaded.agent_id, profile, service, from, self.now).await {
            Ok(days) => Ok(Event::FreeDays { days }),
            Err(desk::Error::NoService) => Ok(Event::ToolFailed),
            Err(other) => Err(tools::below(other, self.loaded.id)),
        }
    }

    async fn free_times(&self, service: &str, day: Date, mut work: Option<&mut Work>) -> Result<Event, Error> {
        let (desk, profile, agent_id) = (&self.shared.desk, &self.loaded.version.profile, self.loaded.agent_id);
        let below = |error| tools::below(error, self.loaded.id);
        let reader = self.reader(work.as_deref_mut());
        let times = match desk.free_times(reader, agent_id, profile, service, day, self.now).await {
            Ok(times) => times,
            Err(desk::Error::NoService) => return Ok(Event::ToolFailed),
            Err(other) => return Err(below(other)),
        };
        let next = if times.is_empty() {
            let reader = self.reader(work);
            desk.next_free_day(reader, agent_id, profile, service, day, self.now).await.map_err(below)?
        } else {
            None
        };
        Ok(Event::FreeTimes { day, times, next })
    }

    /// The calendar as this input sees it.
    fn reader<'r>(&'r self, work: Option<&'r mut Work>) -> Reader<'r> {
        match work {
            Some(work) => Reader::Within(work),
            None => Reader::Outside(&self.database),
        }
    }

    /// The transaction: with an entry in the audit log when something beyond words came of the input.
    pub async fn work(&self, act: Option<&Act>) -> Result<Work, Error> {
        match tools::action_of(&self.steps, act) {
            Some(action) => Ok(Work::Audited(Box::new(self.caller.change(&self.shared.platform, action).await?))),
            None => Ok(Work::Plain(self.database.begin().await?)),
        }
    }
}
