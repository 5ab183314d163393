//! baresip, a softphone that people really use: what it says is in the recording, what the agent says reaches it, and its
//! keys are understood.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use media::{tone, wav};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{ended_call_from, holds_tone, is_there, listen, recordings, sounding_frames, timeline, transcript};
use crate::product::Product;

/// How long the greeting and the notice about recording take at most.
const NOTICE: Duration = Duration::from_secs(12);

struct Baresip {
    folder: tempfile::TempDir,
    control: SocketAddr,
    child: Child,
}

impl Baresip {
    /// Starts one that calls as `user`, says a tone and writes down what it hears.
    fn start(user: &str, frequency: f64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let control = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).expect("written");
        write("spoken.wav", &wav::write_pcm16(&[&tone::sine(frequency, 12_000, 60_000)]));
        write("config", configuration(folder.path(), control).as_bytes());
        write("accounts", format!("<sip:{user}@127.0.0.1>;regint=0\n").as_bytes());
        write("contacts", b"");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(folder.path()).current_dir(folder.path()).kill_on_drop(true);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { control, child: child.expect("baresip starts"), folder }
    }

    /// Sends a command (a netstring of JSON) and waits for its answer.
    async fn command(&self, command: &str, parameter: &str) {
        let mut last = None;
        for _ in 0..100 {
            match TcpStream::connect(self.control).await {
                Ok(mut stream) => {
                    let json = format!(r#"{{"command":"{command}","params":"{parameter}","token":"t"}}"#);
                    stream.write_all(format!("{}:{json},", json.len()).as_bytes()).await.expect("written");
                    let mut answer = [0u8; 1_024];
                    let _ = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut answer)).await;
                    return;
                }
                Err(error) => last = Some(error),
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("baresip takes no commands: {last:?}");
    }

    /// What it heard.
    fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.folder.path()).expect("its folder");
        let dump = files.flatten().find(|file| file.file_name().to_string_lossy().ends_with("-dec.wav"));
        wav::read(&std::fs::read(dump.expect("a dump").path()).expect("read")).expect("a sound").to_telephone()
    }
}

fn configuration(folder: &Path, control: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "sip_listen 127.0.0.1:0\ncall_local_timeout 120\naudio_source aufile,{folder}/spoken.wav\naudio_player aubridge,x\n\
         audio_alert aubridge,y\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\nsnd_path {folder}\n\
         module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n\
         module ctrl_tcp.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nctrl_tcp_listen {control}\n"
    )
    .lines()
    .map(|line| line.replacen(' ', "\t", 1) + "\n")
    .collect::<Vec<_>>()
    .concat()
}

/// A booking by baresip, with keys alone: the first service, the second day (others book on the first), the first time, at the
/// number that it calls from.
pub(super) async fn books(product: &Product, from: &str) {
    if !is_there("baresip") {
        return;
    }
    let mut baresip = Baresip::start(from, 590.0);
    baresip.command("dial", &product.facts.sip_uri).await;
    sleep(NOTICE).await;
    // Yes to the recording, an appointment, the service, the day, the time, this number, all of it right.
    for key in ["1", "1", "1", "2", "1", "1", "1"] {
        baresip.command("sndcode", key).await;
        sleep(Duration::from_millis(2_500)).await;
    }
    baresip.command("hangup", "").await;
    let call = ended_call_from(product, from).await;
    baresip.command("quit", "").await;
    let _ = tokio::time::timeout(Duration::from_secs(5), baresip.child.wait()).await;
    let lines = transcript(product, &call).await;
    assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains("Your appointment is booked")), "{lines:#?}");
    let bookings = product.get("/v1/bookings").await;
    let booked = bookings["data"].as_array().expect("a list").iter();
    let booked: Vec<_> = booked.filter(|booking| booking["conversation_id"] == call["conversation_id"]).collect();
    assert_eq!(booked.len(), 1, "{bookings:#}");
    let booked = booked[0];
    assert_eq!(
        (&booked["state"], &booked["service"], &booked["phone"]),
        (&"booked".into(), &"check_up".into(), &from.into()),
        "{booked:#}"
    );
    let reference = booked["reference"].as_str().expect("a reference");
    let told = lines.iter().any(|(by, text)| by == "agent" && text.contains(reference));
    assert!(told, "the caller hears the reference {reference}: {lines:#?}");
}

/// One call by baresip: it agrees to the recording, says a tone, asks for the opening hours and hangs up.
pub(super) async fn is_heard_and_understood(product: &Product, transport: &str, from: &str, frequency: f64) {
    if !is_there("baresip") {
        return;
    }
    let mut baresip = Baresip::start(from, frequency);
    baresip.command("dial", &format!("{}{transport}", product.facts.sip_uri)).await;
    sleep(NOTICE).await;
    baresip.command("sndcode", "1").await;
    sleep(Duration::from_secs(4)).await;
    baresip.command("sndcode", "2").await;
    sleep(Duration::from_secs(5)).await;
    baresip.command("hangup", "").await;
    let call = ended_call_from(product, from).await;
    baresip.command("quit", "").await;
    let _ = tokio::time::timeout(Duration::from_secs(5), baresip.child.wait()).await;

    assert_eq!((&call["ended_by"], &call["end_reason"]), (&"caller".into(), &"hung_up".into()));
    assert_eq!(call["packets_lost"], 0, "{call:#?}");
    let events = timeline(product, &call).await;
    assert_eq!(events, ["ringing", "answered", "recording_started", "recording_ended", "ended"], "{transport}");
    let lines = transcript(product, &call).await;
    let keys: Vec<&str> = lines.iter().filter(|(by, _)| by == "keys").map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["1", "2"], "{lines:#?}");
    assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains("8:30 am")), "{lines:#?}");

    let recordings = recordings(product, &call).await;
    let channels = listen(product, &recordings[0]).await;
    assert!(holds_tone(&channels[0], frequency), "the caller is on the left, {transport}");
    assert!(!holds_tone(&channels[1], frequency), "and only there, {transport}");
    assert!(sounding_frames(&channels[1]) > 200, "the agent is on the right, {transport}");
    let heard = baresip.heard();
    assert!(sounding_frames(&heard) > 500, "baresip hears the agent, {transport}: {}", sounding_frames(&heard));
}
