//! `/healthz`, `/readyz` and `/metrics`.
//!
//! Invariants: answering waits for nothing but this process itself; what clients may cost is bounded, in connections and in
//! time. There is no password: by default nobody but this machine is listened to.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contracts::json::Object;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use processor::{Readiness, Waiting, Watch};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

use crate::failure::Failure;

/// At a time; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 32;
/// For the head of a request, and between requests.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The processor, once it runs, and until then what it waits for.
#[derive(Debug, Clone, Default)]
pub struct Watched(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
enum Seen {
    #[default]
    Nothing,
    /// Something outside cannot be reached.
    Trouble(String),
    Running(Watch),
}

/// Dropping it ends it.
#[derive(Debug)]
pub struct Health {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    pub fn set(&self, watch: Watch) {
        *self.seen() = Seen::Running(watch);
    }

    pub fn in_trouble(&self, reason: String) {
        *self.seen() = Seen::Trouble(reason);
    }

    fn readiness(&self) -> Readiness {
        match &*self.seen() {
            Seen::Nothing => Readiness::Waiting(vec![Waiting::NotRunning]),
            Seen::Trouble(reason) => Readiness::Waiting(vec![Waiting::NotRunning, Waiting::Trouble(reason.clone())]),
            Seen::Running(watch) => watch.readiness(),
        }
    }

    fn metrics(&self) -> String {
        let metrics = match &*self.seen() {
            Seen::Running(watch) => watch.metrics(),
            Seen::Nothing | Seen::Trouble(_) => None,
        };
        metrics.map_or_else(|| "tripline_processor_ready 0\n".to_owned(), |metrics| metrics.render(SystemTime::now()))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// With the port that was found for 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Listens, and serves from a thread of its own.
pub fn serve(listen: SocketAddr, watched: Watched) -> Result<Health, Failure> {
    let failed = |source| Failure::Listen { address: listen, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let entered = runtime.enter();
    let listener = bind(listen).map_err(failed)?;
    drop(entered);
    let address = listener.local_addr().map_err(failed)?;
    let (end, ended) = oneshot::channel::<()>();
    let serving = move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, routes(watched)) => {}
                _ = ended => {}
            }
        });
    };
    let thread = std::thread::Builder::new().name("health".to_owned()).spawn(serving).map_err(failed)?;
    Ok(Health { address, end: Some(end), thread: Some(thread) })
}

fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(listener: TcpListener, routes: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await.expect("invariant: the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    answer(stream, routes).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: to try again at once would only spin.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn routes(watched: Watched) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(watched)
}

async fn alive() -> Response {
    let alive = Object::new()
        .with("status", "alive")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("pid", i64::from(std::process::id()));
    json(StatusCode::OK, alive.text().into_owned())
}

async fn ready(State(watched): State<Watched>) -> Response {
    let readiness = watched.readiness();
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, readiness.to_json())
}

async fn metrics(State(watched): State<Watched>) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], watched.metrics()).into_response()
}

fn json(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text + "\n").into_response()
}
