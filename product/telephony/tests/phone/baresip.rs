//! baresip, a softphone that people really use: sound both ways by energy and frequency, and keys.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use media::{tone, wav};
use telephony::call::{EndReason, EndedBy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use telephony::line::{Security, Strictness};

use crate::answerer::Answerer;
use crate::identity::Identity;
use crate::tools;

struct Baresip {
    folder: tempfile::TempDir,
    control: SocketAddr,
    child: Child,
}

impl Baresip {
    /// Starts one that speaks 530 Hz and writes down what it hears; none when it is not installed.
    fn start() -> Option<Self> {
        Self::start_with("<sip:caller@127.0.0.1>;regint=0", "")
    }

    /// The same with an account of its own, and an authority that it believes.
    fn start_with(account: &str, authority: &str) -> Option<Self> {
        tools::is_there("baresip")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let control = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).expect("written");
        write("spoken.wav", &wav::write_pcm16(&[&tone::sine(530.0, 12_000, 30_000)]));
        write("config", configuration(folder.path(), control, authority).as_bytes());
        write("accounts", format!("{account}\n").as_bytes());
        write("authority.pem", authority.as_bytes());
        write("contacts", b"");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(folder.path()).current_dir(folder.path()).kill_on_drop(true);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Some(Baresip { control, child: child.expect("baresip starts"), folder })
    }

    /// Sends a command (a netstring of JSON) and waits for its response.
    async fn command(&self, command: &str, parameter: &str) {
        let mut last = None;
        for _ in 0..100 {
            match TcpStream::connect(self.control).await {
                Ok(mut stream) => {
                    let json = format!(r#"{{"command":"{command}","params":"{parameter}","token":"t"}}"#);
                    stream.write_all(format!("{}:{json},", json.len()).as_bytes()).await.expect("written");
                    let mut response = [0u8; 1_024];
                    let _ = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut response)).await;
                    return;
                }
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("baresip takes no commands: {last:?}");
    }

    /// What it heard.
    fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.folder.path()).expect("its folder");
        let dump =
            files.flatten().find(|file| file.file_name().to_string_lossy().ends_with("-dec.wav")).expect("a dump");
        wav::read(&std::fs::read(dump.path()).expect("read")).expect("a sound").to_telephone()
    }
}

fn configuration(folder: &Path, control: SocketAddr, authority: &str) -> String {
    let folder = folder.display();
    let believes = if authority.is_empty() { String::new() } else { format!("sip_cafile {folder}/authority.pem\n") };
    format!(
        "sip_listen 127.0.0.1:0\n{believes}call_local_timeout 120\naudio_source aufile,{folder}/spoken.wav\naudio_player aubridge,x\n\
         audio_alert aubridge,y\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\nsnd_path {folder}\n\
         module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule srtp.so\n\
         module ctrl_tcp.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nctrl_tcp_listen {control}\n"
    )
    .lines()
    .map(|line| line.replacen(' ', "\t", 1) + "\n")
    .collect::<Vec<_>>()
    .concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_is_answered_heard_and_understood() {
    for transport in ["", ";transport=tcp"] {
        let answerer = Answerer::start().await;
        let Some(mut baresip) = Baresip::start() else { return };
        baresip.command("dial", &format!("{}{transport}", answerer.uri("tone"))).await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        for key in ["4", "2", "#"] {
            baresip.command("sndcode", key).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        baresip.command("hangup", "").await;
        let ended = answerer.wait_for(1).await.remove(0);
        baresip.command("quit", "").await;
        let _ = tokio::time::timeout(Duration::from_secs(5), baresip.child.wait()).await;
        assert_eq!((ended.end.by, ended.end.reason), (EndedBy::Caller, EndReason::HungUp));
        assert_eq!(ended.digits, "42#", "{transport}");
        assert_eq!(ended.statistics.packets_lost, 0, "{:?}", ended.statistics);
        assert!(tools::holds_tone(&ended.heard, 530.0), "baresip to us {transport}");
        let heard = baresip.heard();
        assert!(heard.len() > 16_000, "{} samples", heard.len());
        assert!(tools::holds_tone(&heard, 440.0), "we to baresip {transport}");
        answerer.assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_speaks_over_tls_with_encrypted_sound() {
    let identity = Identity::of_loopback();
    let answerer =
        Answerer::start_over_tls(&identity, Security { strictness: Strictness::Strict, keys_in_clear: false }).await;
    let account = "<sip:caller@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp-mand";
    let Some(mut baresip) = Baresip::start_with(account, &identity.certificate_pem()) else { return };
    let address = answerer.line.tls_address().expect("listening");
    baresip.command("dial", &format!("sip:tone@{address};transport=tls")).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    baresip.command("hangup", "").await;
    let ended = answerer.wait_for(1).await.remove(0);
    baresip.command("quit", "").await;
    let _ = tokio::time::timeout(Duration::from_secs(5), baresip.child.wait()).await;
    assert_eq!((ended.end.by, ended.end.reason), (EndedBy::Caller, EndReason::HungUp), "{:?}", ended.end);
    assert!(ended.statistics.protected, "{:?}", ended.statistics);
    assert!(tools::holds_tone(&ended.heard, 530.0), "baresip to us: {:?}", ended.statistics);
    assert!(tools::holds_tone(&baresip.heard(), 440.0), "we to baresip");
    answerer.assert_nothing_left().await;
}
