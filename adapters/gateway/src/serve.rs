//! The server: connections in, requests to the routes, an end in order.
//!
//! Owns: accepting, the limits of connections and headers (P2), HTTP/1.1 and HTTP/2 without TLS, the end.
//! Does not own: TLS (a proxy's), nor signals (the program's).
//! Invariant: every connection is counted; what is one too many is told so and closed.
//! Time: the runtime's clock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::address::subscriber;
use crate::codes::GatewayCode;
use crate::config::GatewayConfig;
use crate::parts::Gateway;

/// The server cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listening socket fails again and again.
    #[error("no connections can be accepted: {0}")]
    Accept(#[source] std::io::Error),
}

/// Failures to accept in a row before the server gives up. One that comes from too many open files passes.
const ACCEPT_FAILURES_MAX: u32 = 100;

/// The largest header of a request, in bytes: also what HTTP/1.1 buffers of it.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What a connection that is one too many is answered.
fn full() -> String {
    let code = GatewayCode::ConnectionsTooMany;
    let body = format!(
        r#"{{"type":"urn:paravox:problem:{0}","title":"{1}","status":503,"detail":"come back later","code":"{0}","retryable":true,"errors":[]}}"#,
        code.code(),
        code.title(),
    );
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A connection's place among all, and among those of its address.
struct Admitted {
    _total: OwnedSemaphorePermit,
    of_address: Arc<Mutex<HashMap<u128, usize>>>,
    subscriber: u128,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.of_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.subscriber) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.subscriber);
            }
        }
        metrics::gauge!("paravox_http_connections").decrement(1.0);
    }
}

struct Door {
    total: Arc<Semaphore>,
    of_address: Arc<Mutex<HashMap<u128, usize>>>,
    per_address_max: usize,
}

impl Door {
    fn admit(&self, peer: SocketAddr) -> Option<Admitted> {
        let total = Arc::clone(&self.total).try_acquire_owned().ok()?;
        let subscriber = subscriber(peer.ip().to_canonical());
        let mut counts = self.of_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(subscriber).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        metrics::gauge!("paravox_http_connections").increment(1.0);
        Some(Admitted { _total: total, of_address: Arc::clone(&self.of_address), subscriber })
    }
}

impl Gateway {
    /// Serves until `shutdown` is cancelled; then feeds are told to come back, requests finish, and the writer is told which
    /// devices are gone, all within the configured limit.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> Result<(), ServeError> {
        let config = &self.shared.config;
        let door = Door {
            total: Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS))),
            of_address: Arc::default(),
            per_address_max: config.connections_per_address_max,
        };
        let builder = builder(config);
        let graceful = GracefulShutdown::new();
        let full = full();
        let mut failures = 0;
        let outcome = loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => { failures = 0; accepted }
                    Err(error) if failures >= ACCEPT_FAILURES_MAX => break Err(ServeError::Accept(error)),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        failures += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    }
                },
            };
            let Some(admitted) = door.admit(peer) else {
                metrics::counter!("paravox_http_connections_refused_total").increment(1);
                // A fresh socket has room for this much; who does not read it learns it from the close.
                let _ = stream.try_write(full.as_bytes());
                continue;
            };
            let first_request = Duration::from_millis(config.header_read_ms_max);
            connection(&builder, &graceful, self.router(), stream, (peer, first_request), admitted);
        };
        drop(listener);
        self.shared.closing.cancel();
        self.shared.tasks.close();
        let limit = Duration::from_millis(config.shutdown_ms_max);
        let ended = async {
            graceful.shutdown().await;
            self.shared.tasks.wait().await;
        };
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        outcome
    }
}

fn builder(config: &GatewayConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.header_read_ms_max))
        .max_headers(config.headers_max)
        .max_buf_size(HEADER_BYTES_MAX)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.streams_per_connection_max)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

fn connection(
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: Router,
    stream: TcpStream,
    (peer, first_request): (SocketAddr, Duration),
    admitted: Admitted,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the socket is gone already");
    }
    let begun = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&begun);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let watched = graceful.watch(serving);
    tokio::spawn(async move {
        let mut watched = pin!(watched);
        // The server's own limits begin when it knows which version of HTTP is spoken: until then this one counts.
        let outcome = match tokio::time::timeout(first_request, &mut watched).await {
            Ok(outcome) => outcome,
            Err(_) if begun.load(Ordering::Relaxed) => watched.await,
            Err(_) => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::debug!(error, "a connection ended with an error");
        }
        drop(admitted);
    });
}
