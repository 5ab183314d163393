//! What happens on one connection: whether anything is asked or answered, and whether the client takes what it asked for.
//!
//! hyper's own timers end slow heads, and the socket's write deadline ends clients that read nothing. Neither sees a client of
//! HTTP/2 that answers every ping and never opens its window, nor one that sits on an idle connection; this does.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// Answers are handed on in pieces of this size, in bytes, so that slow but steady readers are seen to read.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a connection should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overstay {
    /// Nothing was asked for a while: it may end in good order.
    Idle,
    /// The client does not take an answer: it is cut.
    Stalled,
}

/// The activity of one connection.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    next: u64,
    /// Requests that run, and since when the client has taken nothing of the answer although there is something.
    running: HashMap<u64, Option<Instant>>,
    idle_since: Instant,
}

impl State {
    fn is_stalled(&self, limit: Duration) -> bool {
        self.running.values().flatten().any(|since| since.elapsed() >= limit)
    }
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { next: 0, running: HashMap::new(), idle_since: Instant::now() })))
    }

    /// A request begins; it runs until what is returned, and what is made of it, is dropped.
    pub(super) fn begin(&self) -> Running {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        state.running.insert(number, None);
        Running { state: Arc::clone(&self.0), number }
    }
}

/// An activity with the limits that it is held to.
pub(super) struct Watch {
    pub activity: Activity,
    /// How long nothing may be asked.
    pub idle: Duration,
    /// How long an answer may wait to be taken.
    pub stalled: Duration,
}

impl Watch {
    /// Comes back when the connection has been idle, or one of its answers not taken, for too long.
    pub(super) async fn overstayed(&self) -> Overstay {
        loop {
            tokio::time::sleep(self.pause()).await;
            let state = self.activity.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.is_stalled(self.stalled) {
                return Overstay::Stalled;
            }
            if state.running.is_empty() && state.idle_since.elapsed() >= self.idle {
                return Overstay::Idle;
            }
        }
    }
}

impl Watch {
    /// After the connection was asked to end: comes back when nothing keeps it but a client that does not go.
    pub(super) async fn abandoned(&self) {
        let asked = Instant::now();
        loop {
            tokio::time::sleep(self.pause()).await;
            let state = self.activity.0.lock().unwrap_or_else(PoisonError::into_inner);
            let lingers = state.running.is_empty() && asked.elapsed() >= self.stalled;
            if lingers || state.is_stalled(self.stalled) {
                return;
            }
        }
    }

    fn pause(&self) -> Duration {
        (self.idle.min(self.stalled) / 4).min(Duration::from_secs(5))
    }
}

/// A request that runs.
pub(super) struct Running {
    state: Arc<Mutex<State>>,
    number: u64,
}

impl Running {
    /// The answer's body, watched. From now on somebody should come for it.
    pub(super) fn watch(self, body: Body) -> Body {
        self.set(Some(Instant::now()));
        Body::new(Watched { body: UnsyncBoxBody::new(body), rest: Bytes::new(), running: self })
    }

    fn set(&self, waiting_since: Option<Instant>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.insert(self.number, waiting_since);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

/// A body that notes when it gave something that the connection has not come back for.
struct Watched {
    body: UnsyncBoxBody<Bytes, axum::Error>,
    /// What is left of a large piece.
    rest: Bytes,
    running: Running,
}

impl Watched {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Asked again, so there is room: what was given before has been taken.
        let polled = self.next(context);
        self.running.set(matches!(polled, Poll::Ready(Some(_))).then(Instant::now));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
