//! The accept loop: a cap on connections, patience with each of them, and an end that lets what is under way finish.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::connection::{Patience, Requests, Timed};
use super::{App, router};
use crate::config::HttpConfig;
use crate::lifecycle::DRAIN_DEADLINE;
use crate::org::Peer;

/// Headers of one request, and the bytes of all of them together.
const MOST_HEADERS: usize = 64;
const MOST_HEADER_BYTES: usize = 32 * 1024;
const MOST_STREAMS: u32 = 64;
/// After an error that a retry would meet again, such as no file descriptors.
const BACK_OFF: Duration = Duration::from_millis(500);

/// Serves until the drain begins, then until all that is under way has finished, 30 seconds have passed, or the drain is aborted.
pub async fn serve(listener: TcpListener, app: Arc<App>) -> io::Result<()> {
    let router = router(app.clone());
    let http = &app.config.http;
    let builder = builder(http);
    let patience = Patience { header: http.header_timeout(), idle: http.idle_timeout() };
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(http.max_connections));
    let mut connections = JoinSet::new();
    loop {
        // First a slot: connections beyond the cap wait in the system's queue.
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, accept(&listener).await)
        };
        let (slot, (stream, peer)) = tokio::select! {
            biased;
            () = app.drain.begun() => break,
            next = next => next,
        };
        while connections.try_join_next().is_some() {}
        let requests = Requests::default();
        let io = TokioIo::new(Timed::new(stream, requests.clone(), patience));
        let connection = builder.serve_connection(io, service_fn(answer(router.clone(), requests, peer))).into_owned();
        let watched = graceful.watch(connection);
        connections.spawn(async move {
            let _slot = slot;
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let all = u32::try_from(http.max_concurrent_requests).unwrap_or(u32::MAX);
    let finished = async {
        graceful.shutdown().await;
        // Requests outlive connections: their clients may have gone, their work counts.
        let _ = app.executing.acquire_many(all).await;
    };
    tokio::select! {
        () = finished => {}
        () = app.drain.aborted() => tracing::warn!("requests were cut off"),
        () = tokio::time::sleep(DRAIN_DEADLINE) => tracing::warn!("requests did not finish in time"),
    }
    connections.shutdown().await;
    Ok(())
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

fn answer(
    router: Router,
    requests: Requests,
    peer: Peer,
) -> impl Fn(Request<Incoming>) -> futures::future::BoxFuture<'static, Result<axum::response::Response, Infallible>> + Clone {
    move |mut request| {
        request.extensions_mut().insert(peer);
        let (router, entered) = (router.clone(), requests.enter());
        Box::pin(async move {
            let response = router.oneshot(request).await;
            drop(entered);
            response
        })
    }
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
