//! One connection from its first byte to its end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::timeout::DeadlineBody;

use super::activity::{Activity, Overstay, Watch};
use crate::tls::HTTP_2;
use crate::{ClientAddress, ListenerSettings, Protection};

/// Bytes of a request's head: request line and fields.
pub const MAXIMUM_HEADER_BYTES: usize = 16 * 1024;
/// Fields of a request's head.
pub const MAXIMUM_HEADERS: usize = 100;
/// Streams that one HTTP/2 connection may have open.
pub const MAXIMUM_HTTP2_STREAMS: u32 = 64;
/// Streams that a client may open and take back before the connection ends (rapid reset).
const MAXIMUM_HTTP2_RESETS: usize = 20;
const HTTP2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// The least that is allowed (RFC 9113 section 6.5.2): nobody makes us hold more at once.
const HTTP2_FRAME_BYTES: u32 = 16 * 1024;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of answers that wait for one client of HTTP/2 to take them, for each stream.
const HTTP2_SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Serves one connection. Errors of a connection are the client's affair and end it quietly.
pub(super) async fn serve(
    mut stream: TcpStream,
    peer: IpAddr,
    router: axum::Router,
    settings: Arc<ListenerSettings>,
    shutdown: CancellationToken,
) {
    // Small answers (events, problems) must not wait for more bytes.
    let _best_effort = stream.set_nodelay(true);
    let deadline = settings.write_deadline;
    if let Protection::Tls(tls) = &settings.protection {
        let accepting = TlsAcceptor::from(tls.config()).accept(Guarded::new(stream, Vec::new(), deadline));
        let accepted = tokio::select! {
            accepted = tokio::time::timeout(tls.handshake_deadline, accepting) => accepted,
            () = shutdown.cancelled() => return,
        };
        let Ok(Ok(stream)) = accepted else { return };
        // HTTP/2 over TLS is agreed upon in the handshake or not spoken (RFC 9113 section 3.2).
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        return speak(TokioIo::new(stream), is_http2, peer, router, settings, shutdown).await;
    }
    let sniffed = tokio::select! {
        sniffed = tokio::time::timeout(settings.header_deadline, sniff(&mut stream)) => sniffed,
        () = shutdown.cancelled() => return,
    };
    let Ok(Ok((is_http2, prefix))) = sniffed else { return };
    let io = TokioIo::new(Guarded::new(stream, prefix, deadline));
    speak(io, is_http2, peer, router, settings, shutdown).await;
}

/// Speaks HTTP on a connection whose version is known.
async fn speak<S>(
    io: TokioIo<S>,
    is_http2: bool,
    peer: IpAddr,
    router: axum::Router,
    settings: Arc<ListenerSettings>,
    shutdown: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (answering, activity) = (Arc::clone(&settings), Activity::new());
    let watching = activity.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let running = watching.begin();
        let answer = answer(request, peer, router.clone(), Arc::clone(&answering));
        async move { answer.await.map(|response| response.map(|body| running.watch(body))) }
    });
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAXIMUM_HTTP2_STREAMS)
            .max_header_list_size(MAXIMUM_HEADER_BYTES as u32)
            .max_pending_accept_reset_streams(MAXIMUM_HTTP2_RESETS)
            .max_local_error_reset_streams(MAXIMUM_HTTP2_RESETS)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .max_frame_size(HTTP2_FRAME_BYTES)
            .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(HTTP2_PING_INTERVAL);
        let watch = Watch { activity, idle: settings.idle_deadline, stalled: settings.write_deadline };
        run(builder.serve_connection(io, service), Some(watch), settings.maximum_age, shutdown).await;
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_deadline)
            .max_header_size(MAXIMUM_HEADER_BYTES)
            .max_headers(MAXIMUM_HEADERS)
            .half_close(false);
        // Here the head's deadline ends what is idle, and the socket's write deadline what does not read.
        run(builder.serve_connection(io, service), None, settings.maximum_age, shutdown).await;
    }
}

/// Reads until it is clear which version is spoken. Done here, because the ready-made detection has no deadline.
async fn sniff(stream: &mut TcpStream) -> io::Result<(bool, Vec<u8>)> {
    let mut seen = Vec::with_capacity(PREFACE.len());
    while seen.len() < PREFACE.len() {
        let mut piece = [0; PREFACE.len()];
        let wanted = PREFACE.len() - seen.len();
        let read = stream.read(&mut piece[..wanted]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        seen.extend_from_slice(&piece[..read]);
        if !PREFACE.starts_with(&seen) {
            return Ok((false, seen));
        }
    }
    Ok((true, seen))
}

/// Drives a connection; asks it to end when the server stops, when it is old or when it is idle; cuts it when it is stalled.
async fn run<C: GracefulConnection>(
    connection: C,
    watch: Option<Watch>,
    maximum_age: Duration,
    shutdown: CancellationToken,
) {
    let mut connection = pin!(connection);
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(maximum_age) => {}
        overstay = or_never(watch.as_ref().map(Watch::overstayed)) => if overstay == Overstay::Stalled { return },
    }
    connection.as_mut().graceful_shutdown();
    // What still runs may end in its time; what the client does not take, and a client that does not go, may not.
    tokio::select! {
        _ended = connection => {}
        () = or_never(watch.as_ref().map(Watch::abandoned)) => {}
    }
}

async fn or_never<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: IpAddr,
    router: axum::Router,
    settings: Arc<ListenerSettings>,
) -> Result<Response, Infallible> {
    if let Err(status) = acceptable(request.method(), request.version(), request.uri(), request.headers()) {
        // What follows on this connection cannot be trusted to begin where we think it does.
        return Ok((status, [(header::CONNECTION, "close")]).into_response());
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(http::uri::Authority::as_str).or(host);
    if !authority.is_some_and(|authority| settings.host_names.accept(authority)) {
        return Ok(StatusCode::MISDIRECTED_REQUEST.into_response());
    }
    let client = settings.trusted_proxies.client_address(peer, request.headers());
    let mut request = request.map(|body| Body::new(DeadlineBody::new(settings.body_deadline, body)));
    request.extensions_mut().insert(ClientAddress(Some(client)));
    router.oneshot(request).await
}

/// What hyper lets through and we do not: anything that two servers in a row could read in two ways
/// (RFC 9112 sections 3.2 and 6.3).
fn acceptable(method: &Method, version: Version, uri: &http::Uri, headers: &HeaderMap) -> Result<(), StatusCode> {
    if method == Method::CONNECT {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    let count = |name: header::HeaderName| headers.get_all(name).iter().count();
    let (hosts, encodings) = (count(header::HOST), count(header::TRANSFER_ENCODING));
    if encodings > 0 && (headers.contains_key(header::CONTENT_LENGTH) || encodings > 1 || version < Version::HTTP_11) {
        return Err(StatusCode::BAD_REQUEST);
    }
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) || count(header::CONTENT_LENGTH) > 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    if let Some(host) = headers.get(header::HOST) {
        let same = uri.authority().is_none_or(|authority| authority.as_str().as_bytes() == host.as_bytes());
        let readable =
            host.to_str().is_ok_and(|host| !host.contains('@') && host.parse::<http::uri::Authority>().is_ok());
        if !same || !readable {
            return Err(StatusCode::BAD_REQUEST);
        }
    }
    Ok(())
}

/// The stream with the bytes that were read to find the version, and a deadline for a client that reads nothing.
struct Guarded {
    stream: TcpStream,
    prefix: Vec<u8>,
    given: usize,
    write_deadline: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    fn new(stream: TcpStream, prefix: Vec<u8>, write_deadline: Duration) -> Self {
        Self { stream, prefix, given: 0, write_deadline, stalled: None }
    }

    /// Progress ends the stall; no progress starts it, and too long a stall is an error.
    fn judge<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let deadline = self.write_deadline;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + deadline)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given < self.prefix.len() {
            let count = (self.prefix.len() - self.given).min(buffer.remaining());
            buffer.put_slice(&self.prefix[self.given..self.given + count]);
            self.given += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
