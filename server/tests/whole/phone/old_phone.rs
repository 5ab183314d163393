//! A telephone as plain as they come, written by hand: it knows no `telephone-event` (RFC 4733), so that its keys are tones in
//! the sound, and it can put a call on hold.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::g711::{decode_ulaw, encode_ulaw};
use media::rtp::Packet;
use media::{FRAME_SAMPLES, dtmf, measure};
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// How long a key lasts, in milliseconds.
const KEY_MILLISECONDS: u32 = 120;

/// One call by it.
pub struct OldPhone {
    signalling: UdpSocket,
    server: SocketAddr,
    uri: String,
    from: String,
    /// The `To` of the dialog, with the other side's tag.
    to: String,
    sequence: u32,
    sound: Arc<Sound>,
    playing: tokio::task::JoinHandle<()>,
}

/// What its earpiece and its microphone share.
struct Sound {
    /// What is to be said.
    spoken: Mutex<VecDeque<i16>>,
    /// What was heard: when, and whether it was more than silence.
    heard: Mutex<Vec<(Instant, bool)>>,
    /// Nothing is sent.
    silent: AtomicBool,
}

impl OldPhone {
    /// Calls `uri` at `server` as `from` and acknowledges the answer.
    pub async fn call(uri: &str, server: SocketAddr, from: &str) -> Self {
        let signalling = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let sound =
            Arc::new(Sound { spoken: Mutex::default(), heard: Mutex::default(), silent: AtomicBool::new(false) });
        let media = socket.local_addr().expect("bound");
        let mut phone = Self {
            signalling,
            server,
            uri: uri.to_owned(),
            from: format!("<sip:{from}@127.0.0.1>;tag=old"),
            to: format!("<{uri}>"),
            sequence: 0,
            sound: sound.clone(),
            playing: tokio::spawn(async {}),
        };
        let answer = phone.invite(media, "sendrecv").await;
        assert!(!answer.contains("telephone-event"), "it was not offered: {answer}");
        let port = answer.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok());
        let other = SocketAddr::new(server.ip(), port.expect("a port for sound"));
        phone.playing = tokio::spawn(sound.run(socket, other));
        phone
    }

    /// Puts the call on hold, or back with `sendrecv`; gives the other side's answer.
    pub async fn direct(&mut self, direction: &str) -> String {
        self.invite(SocketAddr::from(([127, 0, 0, 1], 9)), direction).await
    }

    async fn invite(&mut self, media: SocketAddr, direction: &str) -> String {
        self.sequence += 1;
        let description = format!(
            "v=0\r\no=old 1 {} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na={direction}\r\n",
            self.sequence,
            media.port(),
        );
        self.send("INVITE", &description).await;
        let answer = self.answer().await;
        self.send("ACK", "").await;
        answer
    }

    /// Hangs up.
    pub async fn hang_up(mut self) {
        self.sequence += 1;
        self.send("BYE", "").await;
        self.answer().await;
        self.playing.abort();
    }

    async fn send(&self, method: &str, body: &str) {
        let (here, number) = (self.signalling.local_addr().expect("bound"), self.sequence);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let message = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{}{method}{number}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: old-{}\r\nCSeq: {number} {method}\r\nContact: <sip:old@{here}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            self.uri,
            here.port(),
            self.from,
            self.to,
            here.port(),
            body.len(),
        );
        self.signalling.send_to(message.as_bytes(), self.server).await.expect("sent");
    }

    /// The final answer to what was sent last; it must be 200.
    async fn answer(&mut self) -> String {
        let (mut buffer, wanted) = (vec![0; 65_536], format!("CSeq: {} ", self.sequence));
        loop {
            let received = timeout(Duration::from_secs(10), self.signalling.recv(&mut buffer)).await;
            let length = received.expect("an answer").expect("received");
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if answer.starts_with("SIP/2.0 1") || !answer.contains(&wanted) {
                continue;
            }
            assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
            let to = answer.lines().find_map(|line| line.strip_prefix("To: "));
            to.expect("whom it is from").trim().clone_into(&mut self.to);
            return answer;
        }
    }

    /// Presses a key, as its two tones.
    pub async fn press(&self, key: char) {
        self.say(&dtmf::generate(key, KEY_MILLISECONDS).expect("a key"));
        sleep(Duration::from_millis(u64::from(KEY_MILLISECONDS) + 60)).await;
    }

    /// Says this, after what is being said.
    pub fn say(&self, samples: &[i16]) {
        self.sound.spoken.lock().expect("not poisoned").extend(samples);
    }

    /// Sends no sound at all, or does again.
    pub fn fall_silent(&self, silent: bool) {
        self.sound.silent.store(silent, Ordering::SeqCst);
    }

    /// Packets that came since: all, and those with more than silence in them.
    pub fn heard_since(&self, since: Instant) -> (usize, usize) {
        let heard = self.sound.heard.lock().expect("not poisoned");
        let after: Vec<bool> = heard.iter().filter(|(at, _)| *at > since).map(|(_, sound)| *sound).collect();
        (after.len(), after.iter().filter(|sound| **sound).count())
    }

    /// Waits until something was said and then nothing for so long.
    pub async fn hear_out(&self, quiet: Duration) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            assert!(Instant::now() < deadline, "the agent does not stop to speak");
            sleep(Duration::from_millis(50)).await;
            let heard = self.sound.heard.lock().expect("not poisoned");
            let last = heard.iter().rev().find(|(_, sound)| *sound).map(|(at, _)| *at);
            if last.is_some_and(|last| last.elapsed() > quiet) {
                return;
            }
        }
    }
}

impl Sound {
    /// Sends and hears fifty packets a second until the call is over.
    async fn run(self: Arc<Self>, socket: UdpSocket, other: SocketAddr) {
        let (mut ticks, mut buffer) = (interval(Duration::from_millis(20)), [0; 2_048]);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut number, mut packet) = (0_u16, Vec::new());
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    number = number.wrapping_add(1);
                    let payload: Vec<u8> = {
                        let mut spoken = self.spoken.lock().expect("not poisoned");
                        (0..FRAME_SAMPLES).map(|_| encode_ulaw(spoken.pop_front().unwrap_or(0))).collect()
                    };
                    let timestamp = u32::from(number) * FRAME_SAMPLES as u32;
                    let sent = Packet {
                        marker: false, payload_type: 0, sequence: number, timestamp, source: 7, payload: &payload
                    };
                    sent.write(&mut packet);
                    if !self.silent.load(Ordering::SeqCst) {
                        let _ = socket.send_to(&packet, other).await;
                    }
                }
                received = socket.recv(&mut buffer) => {
                    let Ok(length) = received else { continue };
                    let Ok(packet) = Packet::parse(&buffer[..length]) else { continue };
                    let samples: Vec<i16> = packet.payload.iter().map(|code| decode_ulaw(*code)).collect();
                    let sounds = measure::level_dbov(&samples) > -50.0;
                    self.heard.lock().expect("not poisoned").push((Instant::now(), sounds));
                }
            }
        }
    }
}
