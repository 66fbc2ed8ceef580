//! The sockets that the API is served on, and the life of their connections.
//!
//! Invariants: the Unix socket is its owner's alone (0600); a socket that somebody still answers on is never taken; TCP
//! is loopback or nothing. The end is clean: no new connection, running requests get [`Bounds::end_within`], then the
//! socket file is gone.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::fs::Mode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use contracts::schema::BuiltIn;

use crate::api::{Api, Bounds, Serve};
use crate::follower::Follower;

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{path}: another process answers on this socket; stop it, or name another directory with --dir")]
    SocketInUse { path: PathBuf },
    #[error("{path} is in the way and is no socket; move it, or name another directory with --dir")]
    NotASocket { path: PathBuf },
    #[error("{path}: the path of a socket has at most {max} bytes, this one has {length}; name a shorter --dir")]
    PathTooLong { path: PathBuf, length: usize, max: usize },
    #[error("{path}: cannot listen on this socket")]
    Socket { path: PathBuf, source: io::Error },
    #[error("{address} is not loopback; the API has no users yet, so only 127.0.0.0/8 and [::1] are listened on")]
    NotLoopback { address: SocketAddr },
    #[error("{address} is in use by another process; name another port, or 0 for any that is free")]
    PortInUse { address: SocketAddr },
    #[error("{address}: cannot listen on this address")]
    Address { address: SocketAddr, source: io::Error },
    #[error("cannot start the threads of the API")]
    Runtime { source: io::Error },
}

/// Where to listen.
#[derive(Debug, Clone)]
pub struct Places {
    pub socket: PathBuf,
    pub tcp: Option<SocketAddr>,
}

/// The running API. Dropping it ends it; [`Serving::end`] also waits.
#[derive(Debug)]
pub struct Serving {
    socket: PathBuf,
    tcp: Option<SocketAddr>,
    closing: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    follower: Arc<Follower>,
}

/// Listens, and serves from a thread of its own. Connections are taken as soon as this returns.
pub fn serve(serve: Serve, places: &Places) -> Result<Serving, ListenError> {
    let bounds = serve.bounds;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(bounds.streams_max + bounds.connections_max)
        .thread_name("api")
        .enable_all()
        .build()
        .map_err(|source| ListenError::Runtime { source })?;
    let entered = runtime.enter();
    let tcp = places.tcp.map(bind_loopback).transpose()?;
    let unix = bind_socket(&places.socket)?;
    drop(entered);
    let address = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
    let (closing, closed) = watch::channel(false);
    let follower = Follower::start(Arc::clone(&serve.log), &(Arc::new(BuiltIn) as _)).map(Arc::new);
    let follower = follower.map_err(|source| ListenError::Runtime { source })?;
    let routes = Api::new(serve, Arc::clone(&follower), closed.clone()).routes();
    let socket = places.socket.clone();
    let thread = std::thread::Builder::new()
        .name("api".to_owned())
        .spawn(move || run(runtime, unix, tcp, Server { routes, bounds, closing: closed }))
        .map_err(|source| ListenError::Runtime { source })?;
    Ok(Serving { socket, tcp: address, closing, thread: Some(thread), follower })
}

impl Serving {
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The address that is listened on, with the port that was found for 0.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Takes no more connections, lets requests that run end, and waits for that.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(thread) = self.thread.take() {
            // Nobody listens for the end when the thread is gone already.
            self.closing.send_replace(true);
            drop(thread.join());
            self.follower.end();
            if let Err(error) = fs::remove_file(&self.socket) {
                tracing::warn!(socket = %self.socket.display(), %error, "the socket could not be removed");
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bind_loopback(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback { address });
    }
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    bound.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::PortInUse { address },
        _ => ListenError::Address { address, source },
    })
}

/// What the kernel has room for in the address of a socket, without its closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Takes the place of a socket whose owner is dead. Whoever calls this owns the directory (the log's lock says so), so
/// nobody else binds between the look and the binding.
fn bind_socket(path: &Path) -> Result<UnixListener, ListenError> {
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_BYTES_MAX {
        return Err(ListenError::PathTooLong { path: path.to_owned(), length, max: SOCKET_PATH_BYTES_MAX });
    }
    let failed = |source| ListenError::Socket { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(ListenError::NotASocket { path: path.to_owned() }),
        Ok(_) if StdUnixStream::connect(path).is_ok() => {
            return Err(ListenError::SocketInUse { path: path.to_owned() });
        }
        Ok(_) => fs::remove_file(path).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    // The mode is set before anybody can connect: made under a mask, not changed afterwards.
    let mask = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(mask);
    bound.map_err(failed)
}

struct Server {
    routes: Router,
    bounds: Bounds,
    closing: watch::Receiver<bool>,
}

fn run(runtime: Runtime, unix: UnixListener, tcp: Option<TcpListener>, server: Server) {
    let end_within = server.bounds.end_within;
    runtime.block_on(server.accept(unix, tcp));
    // A call of the log that still blocks is not waited for longer than a request.
    runtime.shutdown_timeout(end_within);
}

impl Server {
    async fn accept(self, unix: UnixListener, tcp: Option<TcpListener>) {
        let room = Arc::new(Semaphore::new(self.bounds.connections_max));
        let mut closing = self.closing.clone();
        let mut connections = JoinSet::new();
        loop {
            // Beyond the bound, connections wait in the kernel's queue.
            let permit = tokio::select! {
                permit = Arc::clone(&room).acquire_owned() => permit.expect("invariant: the semaphore is never closed"),
                _ = closing.changed() => break,
            };
            let accepted = tokio::select! {
                accepted = unix.accept() => accepted.map(|(stream, _)| self.connection(stream, permit, &mut connections)),
                accepted = accept_tcp(tcp.as_ref()) => accepted.map(|stream| self.connection(stream, permit, &mut connections)),
                _ = closing.changed() => break,
            };
            if let Err(error) = accepted {
                // Out of descriptors, most likely: to try again at once would only spin.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            while connections.try_join_next().is_some() {}
        }
        drop((unix, tcp));
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.bounds.end_within, all_ended).await.is_err() {
            tracing::warn!(within = ?self.bounds.end_within, "requests that did not end in time were cut");
        }
    }

    fn connection<S>(&self, stream: S, permit: OwnedSemaphorePermit, connections: &mut JoinSet<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.routes.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.bounds.head_within)
            .serve_connection(TokioIo::new(stream), service);
        let mut closing = self.closing.clone();
        connections.spawn(async move {
            let _permit = permit;
            let mut connection = std::pin::pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                _ = closing.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

async fn accept_tcp(listener: Option<&TcpListener>) -> io::Result<tokio::net::TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}
