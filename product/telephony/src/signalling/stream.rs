//! SIP over streams (RFC 3261 sections 18.3 and 26, RFC 5626 section 4.4.1): where one message ends and the next begins.
//!
//! Promises: at most [`HEAD_LIMIT`] bytes are kept for a head and [`MESSAGE_LIMIT`] for a message; a length that cannot be
//! right ends the stream at once, before anything is kept for it.

pub(super) mod client;
pub(super) mod driver;

use thiserror::Error;

use super::wire;

/// Bytes of a head at most.
pub const HEAD_LIMIT: usize = 16 * 1_024;
/// Bytes of a message at most.
pub const MESSAGE_LIMIT: usize = 64 * 1_024;
/// What a peer sends to keep a connection open, and what it gets back.
const PING: &[u8] = b"\r\n\r\n";
/// The answer.
pub const PONG: &[u8] = b"\r\n";

/// Why nothing more can be read from a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// A head or a message beyond the limits.
    #[error("a message on the stream is too large")]
    TooLarge,
    /// Two lengths, or one that is no number.
    #[error("a message on the stream has no length that can be used")]
    Length,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Wants [`PONG`] back.
    Ping,
    /// A whole message; its head has no folded lines any more.
    Message(Vec<u8>),
}

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: Vec<u8>,
}

impl Framer {
    /// More bytes came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether a part of a message waits for the rest.
    pub fn is_within_message(&self) -> bool {
        self.bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// The next whole thing; none until more bytes come.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Error> {
        if self.bytes.starts_with(PING) {
            self.bytes.drain(..PING.len());
            return Ok(Some(Frame::Ping));
        }
        // A single line break is the answer to a ping of ours, or leftover before a message.
        while self.bytes.starts_with(PONG) && self.bytes.len() > PONG.len() && !PING.starts_with(&self.bytes) {
            self.bytes.drain(..PONG.len());
        }
        let Some(head) = self.bytes.windows(PING.len()).position(|window| window == PING) else {
            return if self.bytes.len() > HEAD_LIMIT { Err(Error::TooLarge) } else { Ok(None) };
        };
        let head = head + PING.len();
        if head > HEAD_LIMIT {
            return Err(Error::TooLarge);
        }
        wire::unfold(&mut self.bytes[..head]);
        let body = wire::body_length(&self.bytes[..head]).ok_or(Error::Length)?;
        if body > MESSAGE_LIMIT - HEAD_LIMIT {
            return Err(Error::TooLarge);
        }
        if self.bytes.len() < head + body {
            return Ok(None);
        }
        let rest = self.bytes.split_off(head + body);
        Ok(Some(Frame::Message(std::mem::replace(&mut self.bytes, rest))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: &str, body: &str) -> String {
        format!("OPTIONS sip:x SIP/2.0\r\nCall-ID: 1\r\n{length}\r\n{body}")
    }

    fn framed(bytes: &[u8]) -> Vec<Result<Frame, Error>> {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(7) {
            framer.push(piece);
            loop {
                match framer.next_frame() {
                    Ok(None) => break,
                    Ok(Some(frame)) => found.push(Ok(frame)),
                    Err(error) => {
                        found.push(Err(error));
                        return found;
                    }
                }
            }
        }
        found
    }

    #[test]
    fn messages_come_out_whole_however_they_arrive() {
        let (one, two) = (message("Content-Length: 5\r\n", "hello"), message("l : 0\r\n", ""));
        let stream = format!("{one}\r\n\r\n{two}{}", message("", ""));
        let two = two.replace("l : 0", "l:  0");
        let frames = [
            Ok(Frame::Message(one.clone().into_bytes())),
            Ok(Frame::Ping),
            Ok(Frame::Message(two.into_bytes())),
            Ok(Frame::Message(message("", "").into_bytes())),
        ];
        assert_eq!(framed(stream.as_bytes()), frames);
        let mut framer = Framer::default();
        framer.push(b"\r\n");
        framer.push(one.as_bytes());
        assert_eq!(
            framer.next_frame(),
            Ok(Some(Frame::Message(one.into_bytes()))),
            "the answer to a ping is passed over"
        );
        assert!(!framer.is_within_message());
    }

    #[test]
    fn lengths_that_cannot_be_right_end_the_stream_before_the_body_comes() {
        for (length, error) in [
            ("Content-Length: 18446744073709551615\r\n", Error::Length),
            ("Content-Length: 4294967295\r\n", Error::TooLarge),
            ("Content-Length: -1\r\n", Error::Length),
            ("Content-Length: 1\r\nl: 2\r\n", Error::Length),
            ("Content-Length:\r\n", Error::Length),
        ] {
            assert_eq!(framed(message(length, "").as_bytes()), [Err(error)], "{length}");
        }
        let edge = MESSAGE_LIMIT - HEAD_LIMIT;
        let fits = message(&format!("l: {edge}\r\n"), &"x".repeat(edge));
        assert!(matches!(framed(fits.as_bytes())[..], [Ok(Frame::Message(_))]));
        assert_eq!(framed(message(&format!("l: {}\r\n", edge + 1), "").as_bytes()), [Err(Error::TooLarge)]);
        assert_eq!(framed(&vec![b'x'; HEAD_LIMIT + 8]), [Err(Error::TooLarge)]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_may_come(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600), at in 0usize..80, byte: u8) {
            framed(&bytes);
            let mut near = message("Content-Length: 5\r\n", "hello").into_bytes();
            let place = at % near.len();
            near[place] = byte;
            framed(&near);
        }
    }
}
