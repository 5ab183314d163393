//! One answered call: what is played, what is heard and pressed, and what the conversation makes of it.

use std::collections::VecDeque;
use std::sync::Arc;

use agents::compose::Speech;
use agents::profile::Profile;
use agents::prompt::PromptId;
use compliance::dialing::DialPermit;
use conversations::{ChannelAction, Heard, Input, Outcome, Said, Speaker};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::carrier::Carrier;
use super::driver::Begun;
use super::transfer::{self, Reached};
use super::voicemail::Listening;
use super::{Attendant, CALL_SECONDS_MAX};
use crate::Error;
use crate::call::{CallEnd, EndReason, EndedBy};
use crate::line::{LineEvent, LiveCall};
use crate::media_session::{ClipId, Digit, Finish, Player};
use crate::record::RecordingKind;
use crate::recorder::{Recorder, Subject};
use crate::store::calls;

/// Pause after each reply, in samples (0.3 s).
const AFTER_REPLY_SAMPLES: usize = 2_400;
/// Samples in a millisecond.
const SAMPLES_PER_MILLISECOND: usize = 8;
/// The part of a question for consent after which its "press 1" has been said: both questions name it before two thirds of them.
const HEARD_OF_QUESTION: (usize, usize) = (2, 3);
/// Length of the tone before a message.
const BEEP_MILLISECONDS: u32 = 400;
/// The key that ends a message.
const END_OF_MESSAGE: char = '#';

/// A reply that is being played.
struct Playing {
    sequence: u64,
    clip: ClipId,
    /// Samples of speech, without the pause after it.
    samples: usize,
    /// From this sample on the caller has heard what the reply asks, though perhaps not all of it.
    heard_from: usize,
    /// The beginning that is heard whole, whoever breaks in: that an AI agent speaks.
    notice: Arc<[i16]>,
}

/// A message that is being taken.
struct Voicemail {
    recorder: Recorder,
    listening: Listening,
    until: Instant,
}

/// One answered call.
pub(super) struct Session<'a> {
    attendant: &'a Attendant,
    carrier: &'a Carrier,
    begun: &'a Begun,
    conversation_id: Uuid,
    profile: Arc<Profile>,
    player: Player,
    playing: VecDeque<Playing>,
    deferred: VecDeque<ChannelAction>,
    recorder: Option<Recorder>,
    voicemail: Option<Voicemail>,
    silence_seconds: Option<u32>,
    silence_at: Option<Instant>,
    /// The caller has put us on hold.
    held: bool,
    ended: bool,
}

/// What happened next on a call.
enum Next {
    Line(Option<LineEvent>),
    Digit(Digit),
    Frame(Box<media::Frame>),
    FromElsewhere(Heard),
    Played,
    Silence,
    MessageFull,
    TooLong,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        attendant: &'a Attendant,
        carrier: &'a Carrier,
        begun: &'a Begun,
        conversation_id: Uuid,
        profile: Arc<Profile>,
        live: &LiveCall,
    ) -> Self {
        Self {
            attendant,
            carrier,
            begun,
            conversation_id,
            profile,
            player: live.audio.player.clone(),
            playing: VecDeque::new(),
            deferred: VecDeque::new(),
            recorder: None,
            voicemail: None,
            silence_seconds: None,
            silence_at: None,
            held: false,
            ended: false,
        }
    }

    /// Holds the call until it is over, after its first words were applied.
    pub(super) async fn run(&mut self, live: &mut LiveCall) -> Result<CallEnd, Error> {
        let conversations = self.attendant.conversations.clone();
        let watched = conversations.watch(self.conversation_id);
        let mut watched = std::pin::pin!(watched);
        let mut too_long = Some(Instant::now() + Duration::from_secs(CALL_SECONDS_MAX));
        loop {
            match self.next(live, watched.as_mut(), too_long).await {
                Next::Line(Some(LineEvent::Held)) => self.hold(true).await?,
                Next::Line(Some(LineEvent::Resumed)) => self.hold(false).await?,
                Next::Line(Some(LineEvent::Ended(end))) => return Ok(end),
                Next::Line(None) => return Ok(lost()),
                Next::Digit(digit) => self.on_digit(digit).await?,
                Next::Frame(frame) => self.on_frame(&frame).await?,
                Next::FromElsewhere(heard) => self.on_elsewhere(heard, live).await?,
                Next::Played => {
                    if let Some(end) = self.on_played(live).await? {
                        return Ok(end);
                    }
                }
                Next::Silence => {
                    self.silence_at = None;
                    self.input(Input::Silence).await?;
                }
                Next::MessageFull => self.end_message().await?,
                Next::TooLong => {
                    too_long = None;
                    live.hang_up();
                }
            }
        }
    }

    async fn next<S: Stream<Item = Heard> + Unpin>(
        &self,
        live: &mut LiveCall,
        mut watched: S,
        too_long: Option<Instant>,
    ) -> Next {
        let (events, audio) = live.parts();
        let played = self.playing.front().map(|playing| playing.clip);
        let message_until = self.voicemail.as_ref().map(|voicemail| voicemail.until);
        tokio::select! {
            event = events.next() => Next::Line(event),
            Some(digit) = audio.digits.recv() => Next::Digit(digit),
            Some(heard) = audio.frames.recv() => Next::Frame(Box::new(heard.frame)),
            Some(heard) = watched.next() => Next::FromElsewhere(heard),
            () = finished(&self.player, played), if played.is_some() || !self.deferred.is_empty() => Next::Played,
            () = at(self.silence_at) => Next::Silence,
            () = at(message_until) => Next::MessageFull,
            () = at(too_long) => Next::TooLong,
        }
    }

    /// Gives something to the conversation and does what it answers.
    async fn input(&mut self, input: Input) -> Result<(), Error> {
        self.silence_at = None;
        if self.ended {
            return Ok(());
        }
        let outcome = self.attendant.conversations.handle(self.begun.organization, self.conversation_id, input).await?;
        self.apply(outcome).await
    }

    /// Does what the conversation answered.
    pub(super) async fn apply(&mut self, outcome: Outcome) -> Result<(), Error> {
        self.silence_seconds = outcome.silence_seconds;
        self.ended |= outcome.ended;
        for action in outcome.actions {
            match action {
                ChannelAction::StartRecording(grant) => self.start_recording(&grant).await?,
                ChannelAction::StopRecording => self.stop_recording().await,
                later => self.deferred.push_back(later),
            }
        }
        for said in &outcome.replies {
            self.say(said).await;
        }
        self.await_silence();
        Ok(())
    }

    async fn say(&mut self, said: &Said) {
        let speech = agents::compose::speech(&self.profile, &said.plan);
        let heard_from = self.heard_from(&speech).await;
        let notice = match speech.first() {
            Some(first @ Speech::Prompt(PromptId::AiNotice)) => {
                self.attendant.voice.render(std::slice::from_ref(first)).await
            }
            _ => Arc::default(),
        };
        self.play(said.sequence, &speech, heard_from, notice).await;
    }

    /// Where a question for consent has been heard: the notice to its end and the question up to "press 1". Whoever
    /// presses 1 then has heard what it means, and is not asked again.
    async fn heard_from(&self, speech: &[Speech]) -> Option<usize> {
        let asks =
            |unit: &Speech| matches!(unit, Speech::Prompt(PromptId::RecordingQuestion | PromptId::MessageNotice));
        let question = speech.iter().rposition(asks)?;
        let before = self.attendant.voice.render(&speech[..question]).await.len();
        let asked = self.attendant.voice.render(&speech[question..=question]).await.len();
        Some(before + asked * HEARD_OF_QUESTION.0 / HEARD_OF_QUESTION.1)
    }

    async fn play(&mut self, sequence: u64, speech: &[Speech], heard_from: Option<usize>, notice: Arc<[i16]>) {
        let mut audio = self.attendant.voice.render(speech).await.to_vec();
        let samples = audio.len();
        if samples == 0 {
            return;
        }
        audio.resize(samples + AFTER_REPLY_SAMPLES, 0);
        // Breaking into the pause after the last word is no breaking in.
        let heard_from = heard_from.map_or(samples, |from| from.min(samples));
        match self.player.play(audio.into()) {
            Ok(clip) => self.playing.push_back(Playing { sequence, clip, samples, heard_from, notice }),
            Err(error) => tracing::warn!(%error, "a reply could not be played"),
        }
    }

    /// Starts to wait for the caller when nothing is being played.
    fn await_silence(&mut self) {
        let idle = !self.held && self.playing.is_empty() && self.deferred.is_empty() && self.voicemail.is_none();
        self.silence_at = match self.silence_seconds {
            Some(seconds) if idle => Some(Instant::now() + Duration::from_secs(u64::from(seconds))),
            _ => None,
        };
    }

    async fn on_digit(&mut self, digit: Digit) -> Result<(), Error> {
        if self.voicemail.is_some() {
            return if digit.symbol == END_OF_MESSAGE { self.end_message().await } else { Ok(()) };
        }
        self.interrupt().await?;
        self.input(Input::Digit(digit.symbol)).await
    }

    /// The caller breaks in: what was not yet played is dropped, and the transcript learns what was really heard. The notice that
    /// an AI agent speaks goes on to its end; what the caller pressed is done meanwhile.
    async fn interrupt(&mut self) -> Result<(), Error> {
        let cleared = self.player.clear();
        for playing in std::mem::take(&mut self.playing) {
            let played = match self.player.finish_of(playing.clip) {
                // Played to its end, which nobody was told yet.
                Some(Finish::Played) => playing.samples,
                _ if cleared.clip == Some(playing.clip) => cleared.played_samples.min(playing.samples),
                _ => 0,
            };
            let rest = playing.notice.get(played..).unwrap_or_default();
            if !rest.is_empty() && self.player.play(rest.into()).is_err() {
                tracing::warn!("the rest of a notice could not be played");
            }
            let heard = played >= playing.heard_from;
            let played = played.max(playing.notice.len());
            self.spoken(playing.sequence, heard, (played / SAMPLES_PER_MILLISECOND) as u32).await?;
        }
        Ok(())
    }

    async fn spoken(&self, sequence: u64, whole: bool, milliseconds: u32) -> Result<(), Error> {
        let input = Input::Spoken { sequence, whole, milliseconds };
        self.attendant.conversations.handle(self.begun.organization, self.conversation_id, input).await?;
        Ok(())
    }

    /// A reply was played to its end, or there was none before something that has to be done.
    async fn on_played(&mut self, live: &mut LiveCall) -> Result<Option<CallEnd>, Error> {
        if let Some(playing) = self.playing.pop_front() {
            self.spoken(playing.sequence, true, (playing.samples / SAMPLES_PER_MILLISECOND) as u32).await?;
        }
        if !self.playing.is_empty() {
            return Ok(None);
        }
        match self.deferred.pop_front() {
            Some(ChannelAction::HangUp) => live.hang_up(),
            Some(ChannelAction::TakeVoicemail { grant, max_seconds }) => self.take_message(&grant, max_seconds).await?,
            Some(ChannelAction::Transfer { permit }) => return self.transfer(live, permit).await,
            Some(ChannelAction::StartRecording(_) | ChannelAction::StopRecording) | None => {}
        }
        self.await_silence();
        Ok(None)
    }

    /// Rings a person and joins both calls until one of them ends. Gives the end of this call when it has one.
    async fn transfer(&mut self, live: &mut LiveCall, permit: DialPermit) -> Result<Option<CallEnd>, Error> {
        let own = self.begun.own_number.as_str();
        let mut person = match transfer::reach(self.carrier, live, own, permit).await {
            Reached::Person(person) => person,
            Reached::Nobody => {
                self.input(Input::TransferEnded { connected: false }).await?;
                return Ok(None);
            }
            Reached::CallerLeft(end) => return Ok(Some(end.unwrap_or_else(lost))),
        };
        // The caller agreed to be recorded with the agent; the person was asked nothing.
        self.stop_recording().await;
        self.note("transferred").await?;
        self.input(Input::TransferEnded { connected: true }).await?;
        let ended = transfer::join(live, &mut person).await;
        if ended.is_none() {
            live.hang_up();
        }
        Ok(ended)
    }

    async fn on_frame(&mut self, frame: &media::Frame) -> Result<(), Error> {
        let over = self.voicemail.as_mut().is_some_and(|voicemail| voicemail.listening.hear(frame));
        if over { self.end_message().await } else { Ok(()) }
    }

    /// Somebody wrote in the dashboard, or nobody came in time: it is read out when a synthesizer is there.
    async fn on_elsewhere(&mut self, heard: Heard, live: &LiveCall) -> Result<(), Error> {
        match heard {
            Heard::Line(line) if matches!(line.speaker, Speaker::Agent | Speaker::Person { .. }) => {
                let speech = [Speech::FreeText { text: line.text, instead: Vec::new() }];
                self.play(line.sequence, &speech, None, Arc::default()).await;
                self.await_silence();
            }
            Heard::Line(_) => {}
            Heard::Ended => live.hang_up(),
            // Lines that are late are not said any more; that the conversation is over must not be missed.
            Heard::Missed => {
                let caller = &self.begun.caller;
                if self.attendant.conversations.summary(caller, self.conversation_id).await?.state == "ended" {
                    live.hang_up();
                }
            }
        }
        Ok(())
    }

    async fn start_recording(&mut self, grant: &compliance::consent::ConsentGrant) -> Result<(), Error> {
        self.stop_recording().await;
        self.recorder = Some(self.record(grant, RecordingKind::Call).await?);
        Ok(())
    }

    async fn record(&self, grant: &compliance::consent::ConsentGrant, kind: RecordingKind) -> Result<Recorder, Error> {
        let (call_id, node_id) = (self.begun.call_id, self.attendant.node_id);
        let subject = Subject { call_id, node_id, person_id: self.begun.contact_id, kind };
        Recorder::start(&self.attendant.platform, &self.begun.caller, grant, subject, &self.player).await
    }

    async fn stop_recording(&mut self) {
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.stop().await
        {
            tracing::error!(%error, call = %self.begun.call_id, "a recording could not be finished");
        }
    }

    async fn take_message(&mut self, grant: &compliance::consent::ConsentGrant, max_seconds: u32) -> Result<(), Error> {
        let beep = media::tone::beep(BEEP_MILLISECONDS);
        if let Ok(clip) = self.player.play(beep.into()) {
            self.player.finished(clip).await;
        }
        let recorder = self.record(grant, RecordingKind::Voicemail).await?;
        let until = Instant::now() + Duration::from_secs(u64::from(max_seconds));
        self.voicemail = Some(Voicemail { recorder, listening: Listening::default(), until });
        Ok(())
    }

    async fn end_message(&mut self) -> Result<(), Error> {
        let Some(voicemail) = self.voicemail.take() else { return Ok(()) };
        let (recording_id, holds_message) = (voicemail.recorder.id(), voicemail.listening.holds_message());
        let input = match voicemail.recorder.stop().await {
            Ok(milliseconds) if holds_message => {
                Input::MessageRecorded { recording_id, seconds: (milliseconds / 1_000) as u32 }
            }
            Ok(_) => Input::MessageFailed,
            Err(error) => {
                tracing::error!(%error, call = %self.begun.call_id, "a message could not be stored");
                Input::MessageFailed
            }
        };
        self.input(input).await
    }

    /// The caller put us on hold, or came back. What was being said waits, and so does the question whether anybody is there.
    async fn hold(&mut self, held: bool) -> Result<(), Error> {
        self.held = held;
        self.await_silence();
        self.note(if held { "held" } else { "resumed" }).await
    }

    async fn note(&self, kind: &str) -> Result<(), Error> {
        calls::note_alone(&self.attendant.platform, &self.begun.caller, self.begun.call_id, kind).await
    }

    /// The call is over: whatever was being taken is kept, and the conversation learns of it.
    pub(super) async fn finish(&mut self) {
        for result in [self.end_message().await, self.interrupt().await] {
            if let Err(error) = result {
                tracing::error!(%error, call = %self.begun.call_id, "the end of a call could not be kept whole");
            }
        }
        self.stop_recording().await;
        let hangup = self.attendant.conversations.handle(self.begun.organization, self.conversation_id, Input::Hangup);
        if let Err(error) = hangup.await {
            tracing::error!(%error, call = %self.begun.call_id, "a conversation could not be ended");
        }
    }
}

/// Resolves when `clip` was sent to its last frame; at once when there is none.
async fn finished(player: &Player, clip: Option<ClipId>) {
    if let Some(clip) = clip {
        player.finished(clip).await;
    }
}

/// Resolves at `instant`; never when there is none.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// How a call ends whose signalling went away without a word.
fn lost() -> CallEnd {
    CallEnd {
        by: EndedBy::Network,
        status: sip::Status::REQUEST_TIMEOUT,
        reason: EndReason::SignallingLost,
        detail: String::new(),
    }
}
