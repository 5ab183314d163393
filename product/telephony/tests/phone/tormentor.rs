//! The cases of RFC 4475 (SIP torture messages), written out by us, with what may come back for each, and who sends them.
//! The tests of the whole product read this file too.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

/// What may come back for a case.
pub enum Wanted {
    /// One of these final statuses (a call that is answered is hung up by its end).
    Status(&'static [u16]),
    /// Nothing.
    Silence,
}

use Wanted::{Silence, Status};

/// The lines that every message needs, for `method`; `@` stands for our own address.
pub fn message(method: &str, address: &str, changed: &[(&str, &str)], body: &str) -> Vec<u8> {
    let call = format!("{method}-{}", changed.iter().map(|(_, line)| line.len()).sum::<usize>());
    let mut lines = vec![
        ("Via", "Via: SIP/2.0/UDP @;rport;branch=z9hG4bK#".to_owned()),
        ("Max-Forwards", "Max-Forwards: 68".to_owned()),
        ("From", "From: <sip:tester@example.org>;tag=torture".to_owned()),
        ("To", "To: <sip:tone@example.org>".to_owned()),
        ("Call-ID", format!("Call-ID: #.{call}@example.org")),
        ("CSeq", format!("CSeq: 7 {method}")),
        ("Contact", "Contact: <sip:tester@@>".to_owned()),
        ("Content-Length", format!("Content-Length: {}", body.len())),
    ];
    for (name, line) in changed {
        match lines.iter_mut().find(|(known, _)| known == name && !name.is_empty()) {
            Some(known) => (*line).clone_into(&mut known.1),
            None => lines.insert(lines.len() - 1, ("", (*line).to_owned())),
        }
    }
    let head: Vec<String> = lines.into_iter().map(|(_, line)| line).filter(|line| !line.is_empty()).collect();
    format!("{method} {address} SIP/2.0\r\n{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
}

const SDP: &str = "v=0\r\no=mhandley 29739 7272939 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n";
const BODY: (&str, &str) = ("Content-Type", "Content-Type: application/sdp");
pub const TONE: &str = "sip:tone@127.0.0.1";

fn invite(changed: &[(&str, &str)]) -> Vec<u8> {
    let changed: Vec<(&str, &str)> = [BODY].into_iter().chain(changed.iter().copied()).collect();
    message("INVITE", TONE, &changed, SDP)
}

fn replaced(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes).expect("text so far");
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// Section 3.1.1: valid, if odd.
pub fn valid() -> Vec<(&'static str, Vec<u8>, Wanted)> {
    let tortuous = invite(&[
        ("To", "TO :\r\n sip:tone@example.org ;   tag    = "),
        ("From", "f: \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8"),
        ("Max-Forwards", "MaX-fOrWaRdS: 0068"),
        ("Call-ID", "i:\r\n #.wsinv.ndaksdj@192.0.2.1"),
        ("CSeq", "cseq: 0009\r\n  INVITE"),
        ("", "NewFangledHeader:   newfangled value\r\n continued newfangled value"),
        ("", "UnknownHeaderWithUnusualValue: ;;,,;;,;"),
        ("", "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>"),
    ]);
    let long = "amazinglylong".repeat(20);
    let mut tail = message("OPTIONS", TONE, &[], "");
    tail.extend_from_slice(b"INVITE sip:joe@example.com SIP/2.0\r\nthe datagram goes on\r\n\r\n");
    vec![
        // Its To has a tag without a value, which no call of ours has.
        ("wsinv", tortuous, Status(&[200, 481])),
        ("intmeth", message("!interesting-Method0123456789_*+`.%indeed'~", "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com", &[], ""), Status(&[501, 405])),
        ("esc01", replaced(invite(&[]), TONE, "sip:sips%3Auser%40example.com@example.net"), Status(&[200])),
        ("escnull", message("REGISTER", "sip:example.com", &[("To", "To: sip:null-%00-null@example.com"), ("Contact", "Contact: <sip:%00@host5.example.com>")], ""), Status(&[405, 400])),
        ("esc02", message("RE%47IST%45R", "sip:registrar.example.com", &[("To", "To: \"%Z%45\" <sip:resource@example.com>")], ""), Status(&[501, 405, 400])),
        ("lwsdisp", message("OPTIONS", TONE, &[("From", "From: caller<sip:caller@example.com>;tag=323")], ""), Status(&[200])),
        ("longreq", invite(&[("To", &format!("To: \"I have a user name of {long}\" <sip:tone@example.org;{long}>")), ("", &format!("Unknown-{long}: {long};{long}")), ("Contact", &format!("Contact: <sip:{long}@@:5060>"))]), Status(&[200])),
        ("dblreq", tail, Status(&[200])),
        ("semiuri", message("OPTIONS", "sip:user;par=u%40example.net@example.com", &[], ""), Status(&[200])),
        ("transports", message("OPTIONS", TONE, &[("Via", "Via: SIP/2.0/UDP @;rport;branch=z9hG4bK#\r\nVia: SIP/2.0/UNKNOWN t6.example.com;branch=z9hG4bKkkjuwei\r\nVia: SIP/2.0/TLS t3.example.com;branch=z9hG4bKdiwu")], ""), Status(&[200])),
        ("mpart01", message("MESSAGE", "sip:kumiko@example.org", &[("Content-Type", "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655")], "--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655--"), Status(&[405, 501])),
        ("unreason", b"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\nCall-ID: unreason.1234\r\nCSeq: 35 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:e@example.com>;tag=2\r\nContent-Length: 0\r\n\r\n".to_vec(), Silence),
        ("noreason", b"SIP/2.0 100 \r\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\r\nCall-ID: noreason.asndj\r\nCSeq: 35 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:e@example.com>;tag=2\r\nContent-Length: 0\r\n\r\n".to_vec(), Silence),
    ]
}

/// Section 3.1.2: malformed.
pub fn malformed() -> Vec<(&'static str, Vec<u8>, Wanted)> {
    let options = |changed: &[(&str, &str)]| message("OPTIONS", TONE, changed, "");
    vec![
        ("badinv01", invite(&[("To", "To: ;;,;,, <sip:tone@example.org>;;,"), ("Contact", "Contact: \"Joe\" <sip:joe@example.org>;;;;,,;,;")]), Status(&[400])),
        ("clerr", replaced(invite(&[]), &format!("Content-Length: {}", SDP.len()), "Content-Length: 9999"), Status(&[400])),
        ("ncl", invite(&[("Content-Length", "Content-Length: -999")]), Status(&[400])),
        ("scalar02", message("REGISTER", "sip:example.com", &[("Max-Forwards", "Max-Forwards: 300"), ("CSeq", "CSeq: 36893488147419103232 REGISTER"), ("", "Expires: 1000000000000000000000000000000")], ""), Status(&[400])),
        ("scalarlg", b"SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCall-ID: scalarlg\r\nCSeq: 9292394834772304023312 OPTIONS\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:e@example.com>;tag=2\r\nRetry-After: 949302838503028349304023988\r\nContent-Length: 0\r\n\r\n".to_vec(), Silence),
        ("quotbal", invite(&[("To", "To: \"Mr. J. User <sip:tone@example.org>")]), Status(&[400])),
        ("ltgtruri", replaced(invite(&[]), TONE, "<sip:user@example.com>"), Status(&[400])),
        ("lwsruri", replaced(invite(&[]), TONE, "sip:user@example.com; lr"), Status(&[400])),
        ("lwsstart", replaced(invite(&[]), "INVITE sip", "INVITE  sip"), Status(&[400])),
        ("trws", replaced(options(&[]), " SIP/2.0\r\n", " SIP/2.0  \r\n"), Status(&[400])),
        ("escruri", replaced(invite(&[]), TONE, "sip:tone@example.com?Route=%3Csip:example.com%3E"), Status(&[200, 400])),
        ("baddate", invite(&[("", "Date: Fri, 01 Jan 2010 16:00:00 EST")]), Status(&[200, 400])),
        ("regbadct", message("REGISTER", "sip:example.com", &[("Contact", "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E")], ""), Status(&[405, 400])),
        ("badaspec", options(&[("To", "To: \"Watson, Thomas\" < sip:t.watson@example.org >")]), Status(&[200, 400])),
        ("baddn", options(&[("From", "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43")]), Status(&[200, 400])),
        ("badvers", replaced(options(&[]), " SIP/2.0\r\n", " SIP/7.0\r\n"), Status(&[505])),
        ("mismatch01", options(&[("CSeq", "CSeq: 8 INVITE")]), Status(&[400])),
        ("mismatch02", message("NEWMETHOD", TONE, &[("CSeq", "CSeq: 8 INVITE")], ""), Status(&[400])),
        ("bigcode", b"SIP/2.0 4294967301 better not break the receiver\r\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK1\r\nCall-ID: bigcode\r\nCSeq: 353494 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:e@example.com>;tag=2\r\nContent-Length: 0\r\n\r\n".to_vec(), Silence),
    ]
}

/// Sections 3.2 to 3.4: the transaction layer, the application, old syntax.
pub fn meaningful() -> Vec<(&'static str, Vec<u8>, Wanted)> {
    let options = |changed: &[(&str, &str)]| message("OPTIONS", TONE, changed, "");
    let register = |changed: &[(&str, &str)]| message("REGISTER", "sip:example.com", changed, "");
    vec![
        ("badbranch", options(&[("Via", "Via: SIP/2.0/UDP @;rport;branch=z9hG4bK")]), Status(&[200, 400])),
        ("insuf", invite(&[("From", ""), ("To", ""), ("Call-ID", "")]), Status(&[400])),
        ("unkscm", message("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent", &[], ""), Status(&[200, 416, 400])),
        ("unkscm-invite", replaced(invite(&[]), TONE, "nobodyKnowsThisScheme:totallyopaquecontent"), Status(&[416, 400])),
        ("novelsc", message("OPTIONS", "soap.beep://192.0.2.103:3002", &[], ""), Status(&[200, 416, 400])),
        ("unksm2", register(&[("To", "To: isbn:2983792873"), ("From", "From: <http://www.example.com>;tag=3234233")]), Status(&[405, 400])),
        ("bext01", invite(&[("", "Require: nothingSupportsThis, nothingSupportsThisEither"), ("", "Proxy-Require: noProxiesSupportThis")]), Status(&[420])),
        ("invut", message("INVITE", TONE, &[("Content-Type", "Content-Type: application/unknownformat")], "<audio>\r\n</audio>\r\n"), Status(&[415])),
        ("regaut01", register(&[("", "Authorization: NoOneKnowsThisScheme opaque-data=here")]), Status(&[405])),
        ("multi01", invite(&[("", "CSeq: 59 INVITE"), ("", "Call-ID: multi01.98asdh@192.0.2.2"), ("", "From: <sip:other@example.com>;tag=3413415"), ("", "Max-Forwards: 5")]), Status(&[400])),
        ("mcl01", options(&[("", "Content-Length: 5")]), Status(&[400])),
        ("bcast", b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\nCall-ID: bcast.0384840201\r\nCSeq: 35 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:e@example.com>;tag=2\r\nContact: <sip:x@255.255.255.255>\r\nContent-Length: 0\r\n\r\n".to_vec(), Silence),
        ("zeromf", options(&[("Max-Forwards", "Max-Forwards: 0")]), Status(&[200, 483])),
        ("cparam01", register(&[("Contact", "Contact: sip:+19725552222@gw1.example.net;unknownparam")]), Status(&[405])),
        ("cparam02", register(&[("Contact", "Contact: <sip:+19725552222@gw1.example.net;unknownparam>")]), Status(&[405])),
        ("regescrt", register(&[("Contact", "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>")]), Status(&[405])),
        ("sdp01", invite(&[("", "Accept: text/nobodyKnowsThis")]), Status(&[200, 406])),
        ("inv2543", invite(&[("Via", "Via: SIP/2.0/UDP @"), ("From", "From: sip:tester@example.org"), ("Contact", ""), ("Max-Forwards", "")]), Status(&[200, 400])),
    ]
}

/// Sends cases from a socket of its own.
pub struct Tormentor {
    pub socket: UdpSocket,
    pub line: SocketAddr,
    pub sent: u32,
}

impl Tormentor {
    /// Sends a case; gives its final status, having ended whatever call came of it.
    pub async fn send(&mut self, case: &[u8]) -> Option<u16> {
        self.sent += 1;
        let here = self.socket.local_addr().expect("bound").to_string();
        let text: Vec<u8> = case.split(|&byte| byte == b'#').collect::<Vec<_>>().join(self.sent.to_string().as_bytes());
        // The address of the tester, where a case says @ alone.
        let text = replace_all(
            &replace_all(&text, b"@@", format!("@{here}").as_bytes()),
            b"UDP @",
            format!("UDP {here}").as_bytes(),
        );
        self.socket.send_to(&text, self.line).await.expect("sent");
        let mut buffer = vec![0u8; 65_536];
        loop {
            let received = tokio::time::timeout(Duration::from_millis(700), self.socket.recv_from(&mut buffer)).await;
            let (length, _) = received.ok()?.expect("received");
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            // Repeats of answers to earlier cases are not meant.
            let ours = [format!("z9hG4bK{}\r", self.sent), format!(": {}.", self.sent)];
            if !ours.iter().any(|mark| answer.contains(mark)) {
                continue;
            }
            let Some(code) = answer.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok()) else {
                continue;
            };
            if code >= 200 {
                if code == 200 && text.starts_with(b"INVITE") {
                    self.end_call(&answer, &here).await;
                }
                return Some(code);
            }
        }
    }

    /// Acknowledges and hangs up an answered call.
    async fn end_call(&self, answer: &str, here: &str) {
        let line = |name: &str| {
            let found = answer
                .lines()
                .find(|line| line.split(':').next().is_some_and(|key| key.trim().eq_ignore_ascii_case(name)));
            found.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let either = |long: &str, short: &str| if line(long).is_empty() { line(short) } else { line(long) };
        let contact = line("contact").trim_matches(['<', '>']).to_owned();
        let sequence: u32 =
            line("cseq").split_whitespace().next().and_then(|count| count.parse().ok()).expect("a number");
        for (method, sequence) in [("ACK", sequence), ("BYE", sequence + 1)] {
            let request = format!(
                "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-end-{}-{method}\r\nMax-Forwards: 70\r\n\
                 From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {sequence} {method}\r\nContent-Length: 0\r\n\r\n",
                self.sent,
                either("from", "f"),
                either("to", "t"),
                either("call-id", "i"),
            );
            self.socket.send_to(request.as_bytes(), self.line).await.expect("sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Throws away what still comes (repeats, answers to the farewell).
    pub async fn drain(&self) {
        let mut buffer = vec![0u8; 65_536];
        while tokio::time::timeout(Duration::from_millis(30), self.socket.recv_from(&mut buffer)).await.is_ok() {}
    }
}

fn replace_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}
