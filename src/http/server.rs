//! The accept loop: a cap on connections, patience with each of them, and an end that lets what is under way finish.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::connection::{Patience, Requests, Timed};
use super::forwarded::client;
use super::tls::Tls;
use super::{App, admin, router};
use crate::config::{HttpConfig, TrustedProxies};
use crate::org::Peer;

/// Headers of one request, and the bytes of all of them together.
const MOST_HEADERS: usize = 64;
const MOST_HEADER_BYTES: usize = 32 * 1024;
const MOST_STREAMS: u32 = 64;
/// Who is on the way when the drain begins still gets in and asks.
const LAST_CALL: Duration = Duration::from_millis(200);
/// A crowd is over once this part of the slots is free.
const ROOM_AGAIN: usize = 8;
/// Connections of operators.
const MOST_OPERATORS: usize = 16;
/// After an error that a retry would meet again, such as no file descriptors.
const BACK_OFF: Duration = Duration::from_millis(500);

/// Serves until the drain begins, then until all that is under way has finished, the deadline has passed, or the drain is aborted.
pub async fn serve(listener: TcpListener, app: Arc<App>, tls: Option<Arc<Tls>>) -> io::Result<()> {
    let http = &app.config.http;
    let mut connections = Connections::new(router(app.clone()), http, http.max_connections);
    connections.tls = tls;
    let last_call = async {
        app.drain.begun().await;
        pause(&app, LAST_CALL).await;
    };
    tokio::pin!(last_call);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut last_call => break,
            next = connections.next(&listener) => next,
        };
        connections.take(next);
    }
    while let Some(next) = connections.next(&listener).now_or_never() {
        connections.take(next);
    }
    drop(listener);
    // hyper closes a connection on which nothing has come yet: who was let in last is about to ask.
    pause(&app, LAST_CALL).await;
    let Connections { graceful, mut tasks, .. } = connections;
    let finished = async {
        graceful.shutdown().await;
        // Requests outlive connections: their clients may have gone, their work counts.
        app.gate.emptied().await;
    };
    tokio::select! {
        () = finished => {}
        () = app.drain.aborted() => tracing::warn!("requests were cut off"),
        () = tokio::time::sleep(http.drain_deadline()) => tracing::warn!("requests did not finish in time"),
    }
    tasks.shutdown().await;
    Ok(())
}

async fn pause(app: &App, time: Duration) {
    tokio::select! {
        () = app.drain.aborted() => {}
        () = tokio::time::sleep(time) => {}
    }
}

/// Serves operators for as long as somebody waits for it: to the end of the drain, which they want to see.
pub async fn serve_operators(listener: TcpListener, app: Arc<App>) {
    let mut connections = Connections::new(admin::router(app.clone()), &app.config.http, MOST_OPERATORS);
    loop {
        let next = connections.next(&listener).await;
        connections.take(next);
    }
}

/// The connections of one port.
struct Connections {
    router: Router,
    builder: Builder<TokioExecutor>,
    patience: Patience,
    /// None: in the clear.
    tls: Option<Arc<Tls>>,
    trusted: Arc<TrustedProxies>,
    graceful: GracefulShutdown,
    slots: Arc<Semaphore>,
    most: usize,
    /// Does somebody wait for a slot? Connections on which nothing happens then go.
    crowd: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// A connection, and the slot that it takes.
struct Next {
    slot: OwnedSemaphorePermit,
    stream: TcpStream,
    peer: Peer,
}

impl Connections {
    /// So many at once.
    fn new(router: Router, http: &HttpConfig, most: usize) -> Self {
        Self {
            router,
            builder: builder(http),
            patience: Patience { header: http.header_timeout(), idle: http.idle_timeout() },
            tls: None,
            trusted: Arc::new(http.trusted_proxies.clone()),
            graceful: GracefulShutdown::new(),
            slots: Arc::new(Semaphore::new(most)),
            most,
            crowd: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// The next one, once there is a slot for it: connections beyond that wait in the system's queue.
    async fn next(&self, listener: &TcpListener) -> Next {
        let (stream, peer) = accept(listener).await;
        let is_crowd = self.slots.available_permits() == 0;
        if is_crowd || self.slots.available_permits() > self.most / ROOM_AGAIN {
            self.crowd.send_if_modified(|was| std::mem::replace(was, is_crowd) != is_crowd);
        }
        // The semaphore is never closed.
        let Ok(slot) = self.slots.clone().acquire_owned().await else { return std::future::pending().await };
        Next { slot, stream, peer }
    }

    /// Serves it, in a task of its own.
    fn take(&mut self, next: Next) {
        while self.tasks.try_join_next().is_some() {}
        let Next { slot, stream, peer } = next;
        let serving = Serving {
            builder: self.builder.clone(),
            patience: self.patience,
            watcher: self.graceful.watcher(),
            crowd: self.crowd.subscribe(),
            answer: Answering { router: self.router.clone(), trusted: self.trusted.clone(), peer },
        };
        let tls = self.tls.as_ref().map(|tls| tls.acceptor());
        self.tasks.spawn(async move {
            let _slot = slot;
            let Some(tls) = tls else { return serving.serve(stream).await };
            match tokio::time::timeout(serving.patience.header, tls.accept(stream)).await {
                Ok(Ok(stream)) => serving.serve(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "no handshake"),
                Err(_) => tracing::debug!("a handshake took too long"),
            }
        });
    }
}

/// What one connection is served with.
struct Serving {
    builder: Builder<TokioExecutor>,
    patience: Patience,
    watcher: Watcher,
    crowd: watch::Receiver<bool>,
    answer: Answering,
}

impl Serving {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { builder, patience, watcher, mut crowd, answer } = self;
        let requests = Requests::default();
        let io = TokioIo::new(Timed::new(stream, requests.clone(), patience, crowd.clone()));
        let service = service_fn(move |request| answer.clone().to(request, &requests));
        let connection = builder.serve_connection(io, service).into_owned();
        let mut served = std::pin::pin!(watcher.watch(connection));
        let served = loop {
            tokio::select! {
                served = &mut served => break served,
                // Looks at its deadline again.
                Ok(()) = crowd.changed() => {}
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Answers the requests of one connection.
#[derive(Clone)]
struct Answering {
    router: Router,
    trusted: Arc<TrustedProxies>,
    peer: Peer,
}

impl Answering {
    fn to(self, mut request: Request<Incoming>, requests: &Requests) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
        let entered = requests.enter();
        let peer = Peer(client(self.peer.0, request.headers(), &self.trusted));
        request.extensions_mut().insert(peer);
        async move {
            let response = self.router.oneshot(request).await;
            drop(entered);
            response
        }
    }
}

fn builder(http: &HttpConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // `Timed` is stricter; this is what hyper would otherwise choose by itself.
        .header_read_timeout(http.idle_timeout() + http.header_timeout())
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(MOST_HEADER_BYTES).unwrap_or(u32::MAX));
    builder
}

async fn accept(listener: &TcpListener) -> (TcpStream, Peer) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                return (stream, Peer(address.ip()));
            }
            Err(error) if is_about_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "accepting connections");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

fn is_about_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
