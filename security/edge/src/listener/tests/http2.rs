//! HTTP/2 over real sockets, frame by frame: announced bounds, and what ends a connection that abuses them.

use super::*;

/// One HTTP/2 frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The frames of a stream of bytes: kind, flags and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let Some(payload) = bytes.get(9..9 + length) else { break };
        frames.push((bytes[3], payload.to_vec()));
        bytes = &bytes[9 + length..];
    }
    frames
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RESET_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const END_OF_STREAM_AND_HEADERS: u8 = 5;
/// `GET / http`, authority `a`, in HPACK's static table and one literal.
const GET: &[u8] = &[0x82, 0x84, 0x86, 0x41, 0x01, b'a'];

#[tokio::test]
async fn http_2_is_answered_within_announced_bounds() {
    let served = served(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(HEADERS, END_OF_STREAM_AND_HEADERS, 1, GET)].concat();
    stream.write_all(&opening).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    served.stop.cancel();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await.expect("ended").ok();
    let frames = frames(&answer);
    let settings = &frames.iter().find(|(kind, _)| *kind == SETTINGS).expect("settings").1;
    let announced = |identifier: u16| {
        let found = settings.chunks(6).find(|setting| setting[..2] == identifier.to_be_bytes());
        found.map(|setting| u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]))
    };
    assert_eq!(announced(3), Some(MAXIMUM_HTTP2_STREAMS), "SETTINGS_MAX_CONCURRENT_STREAMS");
    assert_eq!(announced(6), u32::try_from(MAXIMUM_HEADER_BYTES).ok(), "SETTINGS_MAX_HEADER_LIST_SIZE");
    assert!(answer.windows(15).any(|window| window == b"Some(127.0.0.1)"), "the request is answered");
}

#[tokio::test]
async fn streams_opened_and_taken_back_end_the_connection() {
    let served = served(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.expect("sent");
    for number in 0..2000_u32 {
        let id = number * 2 + 1;
        let cancel = frame(RESET_STREAM, 0, id, &8_u32.to_be_bytes());
        if stream.write_all(&[frame(HEADERS, END_OF_STREAM_AND_HEADERS, id, GET), cancel].concat()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer))
        .await
        .expect("ended by the server")
        .ok();
    let calm =
        frames(&answer).into_iter().any(|(kind, payload)| kind == GO_AWAY && payload[4..8] == 11_u32.to_be_bytes());
    assert!(calm || answer.is_empty(), "GOAWAY with ENHANCE_YOUR_CALM, unless the reset overtook it");
}

const REFUSED_STREAM: [u8; 4] = 7_u32.to_be_bytes();
/// `SETTINGS_INITIAL_WINDOW_SIZE` of nothing: the client wants answers and takes none.
const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];

/// A head with a path and, when `filler` is not 0, a field `x-a` of so many bytes (RFC 7541, literals without indexing).
fn head(path: &str, filler: usize) -> Vec<u8> {
    let mut head = vec![0x82, 0x86, 0x41, 0x01, b'a', 0x04, u8::try_from(path.len()).expect("short")];
    head.extend_from_slice(path.as_bytes());
    if filler > 0 {
        head.extend_from_slice(&[0x00, 3, b'x', b'-', b'a', 0x7f]);
        let mut rest = filler - 127;
        while rest >= 128 {
            head.push(0x80 | (rest % 128) as u8);
            rest /= 128;
        }
        head.push(rest as u8);
        head.extend(std::iter::repeat_n(b'v', filler));
    }
    head
}

/// Opens a connection with these settings, sends the frames, and gives all frames that come until the server closes.
async fn conversation(address: SocketAddr, settings: &[u8], sent: &[Vec<u8>]) -> Vec<(u8, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, settings), &sent.concat()].concat();
    stream.write_all(&opening).await.expect("sent");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server did not close in time: {:?}", frames(&answer));
    frames(&answer)
}

#[tokio::test]
async fn the_list_of_fields_is_bounded_at_its_edge() {
    let served = served(|settings| settings.idle_deadline = Duration::from_millis(300)).await;
    // Each field counts its name, its value and 32 (RFC 9113 section 6.5.2): 166 for the four that must be there. The sum
    // must stay below the bound.
    let most = MAXIMUM_HEADER_BYTES - 166 - 35 - 1;
    for (filler, fits) in [(most, true), (most + 1, false)] {
        let asked = frame(HEADERS, END_OF_STREAM_AND_HEADERS, 1, &head("/", filler));
        let frames = conversation(served.address, &[], &[asked]).await;
        let is_answered = frames.iter().any(|(kind, payload)| *kind == 0 && payload == b"Some(127.0.0.1)");
        assert_eq!(is_answered, fits, "{filler}: {frames:?}");
    }
}

#[tokio::test]
async fn streams_beyond_the_announced_number_are_refused() {
    let served = served(|_| {}).await;
    let ask = |number: u32| frame(HEADERS, END_OF_STREAM_AND_HEADERS, number * 2 + 1, &head("/forever", 0));
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.expect("sent");
    let asked: Vec<Vec<u8>> = (0..=MAXIMUM_HTTP2_STREAMS).map(ask).collect();
    stream.write_all(&asked.concat()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    served.stop.cancel();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await.expect("ended").ok();
    let refused = frames(&answer).into_iter().filter(|(kind, code)| *kind == RESET_STREAM && *code == REFUSED_STREAM);
    assert_eq!(refused.count(), 1, "one more than may be open");
}

#[tokio::test]
async fn a_client_that_never_opens_its_window_is_cut() {
    let served = served(|settings| settings.maximum_connections = 1).await;
    for settings in [NO_WINDOW, &[][..]] {
        let started = tokio::time::Instant::now();
        let asked = frame(HEADERS, END_OF_STREAM_AND_HEADERS, 1, &head("/big", 0));
        conversation(served.address, settings, &[asked]).await;
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    let answer = exchange(served.address, &[&request("GET / HTTP/1.1")], Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "the only seat is free again: {answer}");
}

#[tokio::test]
async fn an_idle_connection_is_ended_in_good_order_and_a_waiting_one_is_not() {
    let served = served(|settings| settings.idle_deadline = Duration::from_millis(300)).await;
    let ended = conversation(served.address, &[], &[]).await;
    let good_order = |(kind, payload): &(u8, Vec<u8>)| *kind == GO_AWAY && payload[4..8] == [0, 0, 0, 0];
    assert!(ended.iter().any(good_order), "GOAWAY without an error: {ended:?}");
    // An answer that takes longer than a connection may be idle is waited for.
    let asked = frame(HEADERS, END_OF_STREAM_AND_HEADERS, 1, &head("/late", 0));
    let frames = conversation(served.address, &[], &[asked]).await;
    assert!(frames.iter().any(|(kind, payload)| *kind == 0 && payload == b"late"), "{frames:?}");
}

#[tokio::test]
async fn whoever_comes_back_too_often_is_refused() {
    let served =
        served(|settings| (settings.new_connections_at_once, settings.new_connections_per_second) = (5, 1)).await;
    let ask = || exchange(served.address, &[b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"], Duration::ZERO);
    for _ in 0..5 {
        assert!(ask().await.starts_with("HTTP/1.0 200"));
    }
    assert_eq!(ask().await, "", "the sixth at once");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(ask().await.starts_with("HTTP/1.0 200"), "after a while it is welcome again");
}
