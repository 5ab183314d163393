//! The socket and the clock of one call's sound: one task for each call.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use media::jitter_buffer::Pulled;
use media::{Frame, SILENCE};
use sip::offer_answer::Agreed;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::latch::{Latch, Peer};
use super::port::{Shared, lock};
use super::protection::Protection;
use super::receiver::Receiver;
use super::reports::{REPORT_TICKS, is_report, lost_at_peer, report};
use super::sender::Sender;
use super::{AudioPort, Digit, Heard, MediaConfig, MediaStatistics, Seed, TapFrame, law};
use crate::port_pool::{Lease, PortPool};

/// One tick.
const TICK: Duration = Duration::from_millis(media::FRAME_MILLISECONDS as u64);
/// How many there are in a second.
const TICKS_PER_SECOND: u64 = 1_000 / media::FRAME_MILLISECONDS as u64;
/// When this far behind, nothing is sent for the ticks that were missed, instead of all at once.
const TICKS_BEHIND_LIMIT: u64 = 10;
/// Missed ticks whose sound is still taken from the jitter buffer: what it can hold, one second.
const TICKS_HEARD_LATE_LIMIT: u64 = 50;
/// Datagrams taken at one go, so that a flood cannot hold up the clock.
const DATAGRAMS_AT_ONCE: usize = 32;
/// Bytes of a datagram that are taken.
const DATAGRAM_BYTES: usize = 2_048;
/// Keys that wait to be read at most.
const DIGITS_LIMIT: usize = 64;
/// Ports that are tried when the operating system chooses; of a range, every one.
const BIND_ATTEMPTS: usize = 20;

/// A port that is ready before it is known with whom it will speak.
#[derive(Debug)]
pub struct MediaSocket {
    socket: UdpSocket,
    /// For reports, on the port above; calls work without it.
    reports: Option<UdpSocket>,
    address: SocketAddr,
    lease: Lease,
}

impl MediaSocket {
    /// Binds the next port of the pool that no other program holds.
    pub fn bind(pool: &PortPool, address: IpAddr) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::AddrInUse, "all media ports are taken");
        for _ in 0..pool.size().unwrap_or(BIND_ATTEMPTS) {
            let Some(lease) = pool.take() else { break };
            match std::net::UdpSocket::bind((address, lease.port())) {
                Ok(socket) => {
                    socket.set_nonblocking(true)?;
                    let socket = UdpSocket::from_std(socket)?;
                    let address = socket.local_addr()?;
                    let reports = bind_next(address);
                    return Ok(MediaSocket { socket, reports, address, lease });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Where sound is received.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins: sound flows until the handle is dropped.
    pub fn start(self, seed: Seed, config: MediaConfig, agreed: &Agreed, peer: Peer) -> (AudioPort, MediaHandle) {
        let shared = Arc::new(Shared::default());
        let (digits_in, digits) = mpsc::channel(DIGITS_LIMIT);
        let (commands, receiver) = mpsc::unbounded_channel();
        let (silent_in, silent) = mpsc::channel(1);
        let mut driver = Driver {
            latch: Latch::new(agreed.remote, peer),
            sender: Sender::new(seed),
            receiver: Receiver::default(),
            agreed: agreed.clone(),
            protection: Protection::default(),
            shared: shared.clone(),
            digits: digits_in.clone(),
            silent: silent_in,
            statistics: MediaStatistics::default(),
            tick: 0,
            quiet_ticks: 0,
            silence_ticks: u64::from(config.silence_seconds) * TICKS_PER_SECOND,
            held_silence_ticks: u64::from(config.held_silence_seconds) * TICKS_PER_SECOND,
            found: Vec::new(),
            packet: Vec::with_capacity(256),
            heard: Vec::with_capacity(DATAGRAM_BYTES),
            socket: self.socket,
            reports: self.reports,
            _lease: self.lease,
        };
        driver.agree(agreed);
        tokio::spawn(driver.run(receiver));
        let port = AudioPort::new(shared.clone(), digits);
        (port, MediaHandle { commands, silent, shared, digits: digits_in })
    }
}

#[derive(Debug)]
enum Command {
    Agree(Box<Agreed>),
    Acknowledge,
}

/// Steers the sound of one call. Dropping it ends the sound.
#[derive(Debug)]
pub struct MediaHandle {
    commands: mpsc::UnboundedSender<Command>,
    silent: mpsc::Receiver<()>,
    shared: Arc<Shared>,
    digits: mpsc::Sender<Digit>,
}

impl MediaHandle {
    /// Something new was agreed: another address, hold, resume.
    pub fn agree(&self, agreed: &Agreed) {
        let _ = self.commands.send(Command::Agree(Box::new(agreed.clone())));
    }

    /// The signalling peer has shown that it is there.
    pub fn acknowledge(&self) {
        let _ = self.commands.send(Command::Acknowledge);
    }

    /// Waits until nothing has been heard for too long. Cancel safe.
    pub async fn silence(&mut self) {
        if self.silent.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// A key that came by signalling joins those that came by sound.
    pub fn digit(&self, symbol: char) {
        let tick = lock(&self.shared.statistics).packets_sent;
        let _ = self.digits.try_send(Digit { symbol, tick, source: super::DigitSource::Info });
    }

    /// The figures so far.
    pub fn statistics(&self) -> MediaStatistics {
        *lock(&self.shared.statistics)
    }
}

/// The socket for reports, on the port above that of the sound.
fn bind_next(address: SocketAddr) -> Option<UdpSocket> {
    let port = address.port().checked_add(1)?;
    let socket = std::net::UdpSocket::bind((address.ip(), port)).ok()?;
    socket.set_nonblocking(true).ok()?;
    UdpSocket::from_std(socket).ok()
}

async fn readable(socket: Option<&UdpSocket>) {
    match socket {
        // An error is found out when reading.
        Some(socket) => drop(socket.readable().await),
        None => std::future::pending().await,
    }
}

struct Driver {
    socket: UdpSocket,
    reports: Option<UdpSocket>,
    latch: Latch,
    sender: Sender,
    receiver: Receiver,
    agreed: Agreed,
    protection: Protection,
    shared: Arc<Shared>,
    digits: mpsc::Sender<Digit>,
    silent: mpsc::Sender<()>,
    statistics: MediaStatistics,
    tick: u64,
    quiet_ticks: u64,
    silence_ticks: u64,
    held_silence_ticks: u64,
    found: Vec<Digit>,
    packet: Vec<u8>,
    /// The datagram that is looked at.
    heard: Vec<u8>,
    _lease: Lease,
}

impl Driver {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let started = Instant::now();
        let mut buffer = [0u8; DATAGRAM_BYTES];
        loop {
            // The deadline is counted from the beginning, so that lateness never adds up.
            let deadline = started + TICK * u32::try_from(self.tick).unwrap_or(u32::MAX);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => {
                    let behind = (Instant::now() - deadline).as_millis() as u64 / u64::from(media::FRAME_MILLISECONDS);
                    // What came while this program did not run is read before its time is over, else it would count as late.
                    self.receive(&mut buffer, started);
                    if behind > TICKS_BEHIND_LIMIT {
                        self.catch_up(behind);
                    }
                    let spoken = self.speak();
                    self.tick(&spoken);
                }
                command = commands.recv() => match command {
                    Some(Command::Agree(agreed)) => self.agree(&agreed),
                    Some(Command::Acknowledge) => self.latch.acknowledge(),
                    None => break,
                },
                readable = self.socket.readable() => {
                    if readable.is_err() {
                        break;
                    }
                    self.receive(&mut buffer, started);
                }
                () = readable(self.reports.as_ref()) => self.receive_report(&mut buffer),
            }
        }
        self.report(true);
        self.shared.close();
    }

    fn agree(&mut self, agreed: &Agreed) {
        self.latch.describe(agreed.remote);
        self.receiver.agree(law(agreed), agreed.payload_type, agreed.telephone_event);
        self.protection.agree(agreed.secured.as_ref());
        self.statistics.protected = self.protection.is_on();
        self.agreed = agreed.clone();
        self.quiet_ticks = 0;
    }

    /// The program did not run for a while: what was heard in the last second is still heard, but nothing is sent late;
    /// what is to be said waits. A longer while shows as a gap in the ticks.
    fn catch_up(&mut self, ticks: u64) {
        self.statistics.ticks_skipped += ticks;
        let heard = ticks.min(TICKS_HEARD_LATE_LIMIT);
        self.tick += ticks - heard;
        self.sender.skip((ticks - heard) as u32);
        for _ in 0..heard {
            self.sender.skip(1);
            self.tick(&SILENCE);
        }
    }

    fn receive(&mut self, buffer: &mut [u8], started: Instant) {
        for _ in 0..DATAGRAMS_AT_ONCE {
            // An error here is an ICMP message about an earlier packet, or nothing left to read.
            let Ok((length, source)) = self.socket.try_recv_from(buffer) else { return };
            if !self.is_of_this_call(&buffer[..length], source) {
                self.statistics.packets_foreign += 1;
                continue;
            }
            self.latch.settle(source);
            self.statistics.packets_received += 1;
            self.quiet_ticks = 0;
            let arrival = (started.elapsed().as_micros() / 125) as u32;
            if let Some(digit) = self.receiver.take(&self.heard, arrival, self.tick) {
                let _ = self.digits.try_send(digit);
            }
        }
    }

    /// Whether a datagram is sound of this call; it then stands, opened, in `heard`.
    fn is_of_this_call(&mut self, bytes: &[u8], source: SocketAddr) -> bool {
        if !self.latch.is_plausible(source) {
            return false;
        }
        self.heard.clear();
        self.heard.extend_from_slice(bytes);
        self.protection.open(&mut self.heard) && self.receiver.is_valid(&self.heard)
    }

    /// One tick passes: something was heard, and this was said.
    fn tick(&mut self, spoken: &Frame) {
        if self.tick % REPORT_TICKS == REPORT_TICKS - 1 {
            self.report(false);
        }
        let mut heard = SILENCE;
        let pulled = self.receiver.pull(&mut heard, self.tick, &mut self.found);
        for digit in self.found.drain(..) {
            let _ = self.digits.try_send(digit);
        }
        let tick = self.tick;
        let concealed = pulled == Pulled::Concealed;
        self.statistics.frames_dropped += u64::from(self.shared.hear(&Heard { tick, frame: heard, concealed }));
        self.statistics.tap_dropped += self.shared.record(&TapFrame { tick, heard, spoken: *spoken });
        self.watch();
        self.tick += 1;
        self.publish();
    }

    fn receive_report(&mut self, buffer: &mut [u8]) {
        let Some(socket) = &self.reports else { return };
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Ok((length, source)) = socket.try_recv_from(buffer) else { return };
            self.heard.clear();
            self.heard.extend_from_slice(&buffer[..length]);
            let theirs = source.ip() == self.latch.target().ip() && self.protection.open_report(&mut self.heard);
            if !theirs || !is_report(&self.heard) {
                continue;
            }
            if self.is_held() {
                self.quiet_ticks = 0;
            }
            if let Some(lost) = lost_at_peer(&self.heard, self.sender.sent(0).source) {
                self.statistics.packets_lost_at_peer = lost;
            }
        }
    }

    /// Tells the other side what was sent and heard.
    fn report(&mut self, over: bool) {
        let Some(socket) = &self.reports else { return };
        let Some(target) = self.latch.next_target() else { return };
        let Some(port) = target.port().checked_add(1) else { return };
        let mut bytes = report(self.sender.sent(self.statistics.packets_sent), self.receiver.report(), over);
        if self.protection.seal_report(&mut bytes) {
            // A lost report is made up for by the next.
            let _ = socket.try_send_to(&bytes, SocketAddr::new(target.ip(), port));
        }
    }

    /// Sends what this tick says; gives what was sent as sound.
    fn speak(&mut self) -> Frame {
        self.take_keys();
        // What is to be said waits, on hold and while nobody is known to listen.
        let Some(target) = self.agreed.we_send.then(|| self.latch.next_target()).flatten() else {
            self.sender.skip(1);
            return SILENCE;
        };
        if let Some(payload_type) = self.agreed.telephone_event
            && self.sender.is_pressing()
            && self.sender.key_packet(payload_type, &mut self.packet)
        {
            self.send(target);
            return SILENCE;
        }
        let mut playback = lock(&self.shared.playback);
        let frame = playback.next_frame();
        drop(playback);
        let spoken = frame.unwrap_or(SILENCE);
        self.sender.sound_packet(law(&self.agreed), self.agreed.payload_type, &spoken, &mut self.packet);
        self.send(target);
        if frame.is_some() {
            self.shared.progress.notify_waiters();
        }
        spoken
    }

    /// Keys that wait: as events, or as a clip of their sounds.
    fn take_keys(&mut self) {
        let keys = std::mem::take(&mut *lock(&self.shared.keys));
        if keys.is_empty() {
            return;
        }
        if self.agreed.telephone_event.is_some() {
            self.sender.press(&keys);
            return;
        }
        let mut sound = Vec::new();
        for tones in keys.chars().filter_map(|symbol| media::dtmf::generate(symbol, 100)) {
            sound.extend(tones);
            sound.extend_from_slice(&[0; media::FRAME_SAMPLES * 4]);
        }
        let _ = lock(&self.shared.playback).push(sound.into());
    }

    fn send(&mut self, target: SocketAddr) {
        let sealed = self.protection.seal(&mut self.packet);
        if sealed && self.socket.try_send_to(&self.packet, target).is_ok() {
            self.statistics.packets_sent += 1;
        } else {
            self.statistics.packets_unsent += 1;
        }
    }

    /// On hold nobody need send, but whoever is there is heard of now and then.
    fn is_held(&self) -> bool {
        !(self.agreed.we_send && self.agreed.we_receive)
    }

    /// Counts the silence.
    fn watch(&mut self) {
        self.quiet_ticks += 1;
        let patience = if self.is_held() { self.held_silence_ticks } else { self.silence_ticks };
        if self.quiet_ticks >= patience {
            let _ = self.silent.try_send(());
            self.quiet_ticks = 0;
        }
    }

    fn publish(&mut self) {
        let figures = self.receiver.figures();
        self.statistics.packets_lost = self.receiver.lost();
        self.statistics.packets_duplicate = self.receiver.duplicates();
        self.statistics.packets_late = figures.late;
        self.statistics.frames_concealed = figures.concealed;
        self.statistics.jitter_milliseconds = self.receiver.jitter() / 8;
        *lock(&self.shared.statistics) = self.statistics;
    }
}

#[cfg(test)]
mod tests;
