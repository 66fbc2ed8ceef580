//! Spans to OpenTelemetry, as OTLP over HTTP.
//!
//! Invariant: whoever works never waits for the collector: spans are sent by a thread of their own, and dropped where too many
//! wait. That the collector cannot be reached is logged once, until it can.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::{Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, Tracer as _};
use opentelemetry::trace::{TraceState, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use processor::traces::{Span, Spans, TraceParent};

use crate::failure::Failure;

const NAME: &str = "tripline-processor";
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Dropped, it sends what waits, for a moment.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Exporter {
    pub fn new(endpoint: &str, instance: &str) -> Result<Self, Failure> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .new_agent();
        let client = Client { agent, is_failing: AtomicBool::new(false), endpoint: endpoint.to_owned() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(endpoint)
            .with_timeout(ANSWER_MAX)
            .build()
            .map_err(|error| Failure::Traces { endpoint: endpoint.to_owned(), reason: error.to_string() })?;
        let service = [
            KeyValue::new("service.name", NAME),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ];
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder_empty().with_attributes(service).build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Self { tracer: provider.tracer(NAME), provider })
    }
}

impl Spans for Exporter {
    fn take(&self, span: Span) {
        let count = i64::try_from(span.count).unwrap_or(i64::MAX);
        let mut out = self
            .tracer
            .span_builder(span.name)
            .with_kind(SpanKind::Internal)
            .with_start_time(span.began)
            .with_links(span.links.into_iter().map(link).collect())
            .with_attributes([KeyValue::new("messaging.batch.message_count", count)])
            .start_with_context(&self.tracer, &Context::new());
        if let Some(reason) = span.error {
            out.set_status(Status::error(reason));
        }
        out.end_with_timestamp(span.ended);
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(ANSWER_MAX) {
            tracing::debug!(%error, "the last spans may not have been sent");
        }
    }
}

fn link(parent: TraceParent) -> Link {
    let (trace, span) = (TraceId::from_bytes(parent.trace_id), SpanId::from_bytes(parent.span_id));
    Link::with_context(SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE))
}

/// Asks on the calling thread, which is the exporter's own.
#[derive(Debug)]
struct Client {
    agent: ureq::Agent,
    is_failing: AtomicBool,
    endpoint: String,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'c, 'a>(&'c self, request: Request<Bytes>) -> Answer<'a>
    where
        'c: 'a,
    {
        Box::pin(async move {
            let sent = self.send(request);
            let trouble = match &sent {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answered {}", answer.status())),
                Err(error) => Some(error.to_string()),
            };
            let was_failing = self.is_failing.swap(trouble.is_some(), Ordering::Relaxed);
            match trouble {
                Some(reason) if !was_failing => {
                    tracing::warn!(
                        endpoint = self.endpoint,
                        reason,
                        "spans are lost: the collector does not take them"
                    );
                }
                None if was_failing => tracing::info!(endpoint = self.endpoint, "the collector takes spans again"),
                _ => {}
            }
            Ok(sent?)
        })
    }
}

impl Client {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, &body[..]);
        let (head, mut body) = self.agent.run(request)?.into_parts();
        Ok(Response::from_parts(head, Bytes::from(body.read_to_vec()?)))
    }
}

/// Where spans go, if the configuration says so.
pub fn exporter(endpoint: Option<&str>, instance: &str) -> Result<Option<Arc<dyn Spans>>, Failure> {
    let exporter = endpoint.map(|endpoint| Exporter::new(endpoint, instance)).transpose()?;
    Ok(exporter.map(|exporter| Arc::new(exporter) as Arc<dyn Spans>))
}
