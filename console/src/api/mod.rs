//! The routes, over any log.
//!
//! Invariants: nothing but a program on this machine is answered ([`guard`]); what one request may cost, in bytes and
//! in time, is bounded ([`Bounds`]); a refusal says why, as JSON. Every call of the log blocks, so it runs on a blocking
//! thread and never on the one that serves connections.

mod body;
mod events;
mod guard;
mod health;
mod problem;
mod records;
mod topics;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use bus::ErrorKind;
use contracts::id::EndpointId;
use contracts::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Log;
use crate::follower::Follower;
use crate::model::Model;
use problem::Problem;

/// What one request, and all together, may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long a client may take for the head of a request, and an idle connection stay open.
    pub head_within: Duration,
    /// How long it may take for the body.
    pub body_within: Duration,
    /// How long rows may wait for the log.
    pub log_within: Duration,
    /// Streams of records open at a time; each has a thread.
    pub streams_max: usize,
    pub connections_max: usize,
    /// How long requests that run may go on after the end was asked for.
    pub end_within: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(10),
            body_within: Duration::from_secs(30),
            log_within: Duration::from_secs(30),
            streams_max: 64,
            connections_max: 256,
            end_within: Duration::from_secs(5),
        }
    }
}

/// What is served.
#[derive(Debug, Clone)]
pub struct Serve {
    pub log: Arc<dyn Log>,
    /// The endpoint of an event that names none: this host.
    pub endpoint_id: EndpointId,
    /// The time of an event that names none.
    pub now: fn() -> Timestamp,
    pub bounds: Bounds,
    /// What works in this process beside the API.
    pub stages: Option<Arc<dyn Stages>>,
}

/// Stages that run in the process of an API, and say how they do.
pub trait Stages: Send + Sync + std::fmt::Debug {
    /// What they wait for before they do their work; none if they do it.
    fn waiting(&self) -> Option<String>;

    /// As Prometheus reads them.
    fn metrics(&self) -> String;
}

/// What every route needs.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    log: Arc<dyn Log>,
    follower: Arc<Follower>,
    endpoint_id: EndpointId,
    now: fn() -> Timestamp,
    bounds: Bounds,
    stages: Option<Arc<dyn Stages>>,
    streams: Arc<Semaphore>,
    /// True once the end was asked for: streams that follow end then.
    closing: watch::Receiver<bool>,
}

impl Api {
    pub fn new(serve: Serve, follower: Arc<Follower>, closing: watch::Receiver<bool>) -> Self {
        let Serve { log, endpoint_id, now, bounds, stages } = serve;
        let streams = Arc::new(Semaphore::new(bounds.streams_max));
        Self { log, follower, endpoint_id, now, bounds, stages, streams, closing }
    }

    pub fn routes(self) -> Router {
        Router::new()
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .route("/metrics", get(health::metrics))
            .route("/v1/topics", get(topics::list))
            .route("/v1/topology", post(topics::apply))
            .route("/v1/extents", get(topics::extents))
            .route("/v1/events", post(events::accept))
            .route("/v1/topics/{topic}/records", get(records::read).post(records::append))
            .route("/v1/alerts", get(view::alerts))
            .route("/v1/alerts/watch", get(view::watch))
            .route("/v1/alerts/{id}", get(view::alert))
            .route("/v1/alerts/{id}/acknowledge", post(view::acknowledge))
            .route("/v1/alerts/{id}/resolve", post(view::resolve))
            .route("/v1/rules", get(view::rules))
            .route("/v1/rules/{rule}/enable", post(view::enable))
            .route("/v1/rules/{rule}/disable", post(view::disable))
            .route("/v1/rules/{rule}/mute", post(view::mute))
            .route("/v1/subscriptions", get(view::subscriptions).post(view::subscribe))
            .route("/v1/subscriptions/{id}/remove", post(view::unsubscribe))
            .route("/v1/stats", get(view::stats))
            .fallback(async || Problem::no_such_route())
            .method_not_allowed_fallback(async || Problem::no_such_method())
            .layer(axum::middleware::from_fn(guard::only_programs_of_this_machine))
            .with_state(self)
    }

    /// Runs a call of the log where it may block.
    async fn with_log<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Log) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let log = Arc::clone(&self.log);
        let called = tokio::task::spawn_blocking(move || call(&*log)).await;
        called.map_err(|_| Problem::broken())?.map_err(Into::into)
    }

    /// Asks the read model, once it has what the topics hold now.
    async fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Model) -> T + Send + 'static) -> Result<T, Problem> {
        let follower = Arc::clone(&self.follower);
        self.with_log(move |_| follower.ask(question)).await
    }

    /// The right to one more stream.
    fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.streams.clone().try_acquire_owned().map_err(|_| {
            let message =
                format!("{} streams of records are open, no more are given; end one", self.bounds.streams_max);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Unavailable, message)
        })
    }
}
