//! A connection that is closed when nothing happens on it. hyper times the headers of a request from the end of the one before, so that
//! either a pause between requests is short or a slow request is long; here the two are told apart.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// How the first bytes of HTTP/2 begin. Its frames come at any time, so there is no head of a request to time.
const HTTP2: &[u8] = b"PRI";

/// Requests of one connection.
#[derive(Clone, Default)]
pub struct Requests(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    answered: AtomicUsize,
}

impl Requests {
    /// One more is being answered, until the guard goes.
    pub fn enter(&self) -> Entered {
        self.0.begun.fetch_add(1, Ordering::AcqRel);
        Entered(self.0.clone())
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Acquire)
    }

    fn in_flight(&self) -> bool {
        self.0.answered.load(Ordering::Acquire) < self.begun()
    }
}

/// A request that is being answered.
pub struct Entered(Arc<Counts>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::AcqRel);
    }
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first byte of a request to the end of its headers.
    pub header: Duration,
    /// With nothing happening at all.
    pub idle: Duration,
}

/// While others wait for a connection: how long nothing may happen on one that is let be.
const IN_A_CROWD: Duration = Duration::from_secs(5);

/// A stream with [`Patience`].
pub struct Timed<S> {
    stream: S,
    requests: Requests,
    patience: Patience,
    /// Do others wait for a connection? Whoever polls this one does so again when that changes.
    crowd: watch::Receiver<bool>,
    timer: Pin<Box<Sleep>>,
    last: Instant,
    /// When the first byte of the next request came.
    head_since: Option<Instant>,
    /// How many requests had their headers complete when last looked.
    heads: usize,
    is_http2: bool,
    is_fresh: bool,
}

impl<S> Timed<S> {
    /// Times `stream`.
    pub fn new(stream: S, requests: Requests, patience: Patience, crowd: watch::Receiver<bool>) -> Self {
        let last = Instant::now();
        let timer = Box::pin(sleep_until(last + patience.idle));
        Self { stream, requests, patience, crowd, timer, last, head_since: None, heads: 0, is_http2: false, is_fresh: true }
    }

    fn came(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.last = now;
        if self.is_fresh {
            self.is_http2 = bytes.starts_with(HTTP2);
            self.is_fresh = false;
        }
        self.forget_finished_heads();
        if !self.requests.in_flight() {
            self.head_since.get_or_insert(now);
        }
    }

    fn forget_finished_heads(&mut self) {
        let heads = self.requests.begun();
        if heads != self.heads {
            self.heads = heads;
            self.head_since = None;
        }
    }

    /// Is it time to give up? Otherwise wakes when it is.
    fn poll_deadline(&mut self, context: &mut Context<'_>, reading: bool) -> Poll<io::Error> {
        self.forget_finished_heads();
        if reading && self.requests.in_flight() {
            // Bodies and execution have deadlines of their own.
            self.last = Instant::now();
            return Poll::Pending;
        }
        let most = if *self.crowd.borrow() { IN_A_CROWD } else { Duration::MAX };
        let idle = self.last + self.patience.idle.min(most);
        let deadline = match self.head_since {
            Some(since) if reading && !self.is_http2 => idle.min(since + self.patience.header),
            _ => idle,
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(context).map(|()| io::Error::from(io::ErrorKind::TimedOut))
    }

    fn written<T>(&mut self, context: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.last = Instant::now();
            return done;
        }
        self.poll_deadline(context, false).map(Err)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                if let Some(bytes) = buffer.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
                    self.came(bytes);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_deadline(context, true).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, done)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PATIENCE: Patience = Patience { header: Duration::from_millis(200), idle: Duration::from_millis(900) };

    fn pair() -> (DuplexStream, Timed<DuplexStream>, Requests) {
        let (client, server) = duplex(64);
        let requests = Requests::default();
        (client, Timed::new(server, requests.clone(), PATIENCE, watch::channel(false).1), requests)
    }

    async fn given_up_at_idle(timed: &mut Timed<DuplexStream>) {
        let started = Instant::now();
        let error = timed.read(&mut [0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() > Duration::from_millis(700), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_silent_client_has_the_idle_time() {
        let (_client, mut timed, _) = pair();
        given_up_at_idle(&mut timed).await;
    }

    #[tokio::test]
    async fn a_slow_head_has_the_header_time_however_it_drips() {
        let (mut client, mut timed, _) = pair();
        tokio::spawn(async move {
            loop {
                if client.write_all(b"x").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let started = Instant::now();
        while timed.read(&mut [0; 64]).await.is_ok() {}
        let elapsed = started.elapsed();
        assert!(elapsed > Duration::from_millis(150) && elapsed < Duration::from_millis(700), "{elapsed:?}");
    }

    #[tokio::test]
    async fn after_a_request_the_idle_time_begins_anew() {
        let (mut client, mut timed, requests) = pair();
        client.write_all(b"GET").await.unwrap();
        assert!(timed.read(&mut [0; 64]).await.unwrap() > 0);
        let entered = requests.enter();
        tokio::time::sleep(Duration::from_millis(250)).await;
        timed.write_all(b"200").await.unwrap();
        drop(entered);
        given_up_at_idle(&mut timed).await;
    }

    #[tokio::test]
    async fn what_is_being_answered_is_not_cut_and_http2_has_no_head() {
        let (mut client, mut timed, requests) = pair();
        client.write_all(b"PRI * HTTP/2.0").await.unwrap();
        assert!(timed.read(&mut [0; 64]).await.unwrap() > 0);
        let entered = requests.enter();
        let mut scratch = [0; 64];
        let reading = tokio::time::timeout(Duration::from_millis(1_500), timed.read(&mut scratch));
        assert!(reading.await.is_err());
        drop(entered);
        given_up_at_idle(&mut timed).await;
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let (_client, mut timed, _) = pair();
        let error = timed.write_all(&[0; 1_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
