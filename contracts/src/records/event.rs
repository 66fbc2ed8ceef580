//! The event: what collectors and stages publish, and what rules see.

use std::collections::BTreeMap;

use crate::field::{Depth, JsonObject, SchemaVersion};
use crate::id::{EndpointId, EventId};
use crate::record::{record, symbols};
use crate::time::Timestamp;

record! {
    /// One observation of a host or an application, or something a stage of Tripline has to tell.
    pub struct TelemetryEvent as "telemetry_event_v1" {
        /// Version of this layout: 1.
        schema_version: SchemaVersion,
        /// Derived by the producer from what it observed, so that reading the same thing again gives the same id; at
        /// least 8 characters.
        event_id: EventId,
        /// What happened, such as `process.exec` or `chat.user_msg`.
        event_type: String,
        /// Logical dotted topic that subscriptions match.
        topic: String,
        /// The host or workload the event is about; the record's key.
        endpoint_id: EndpointId,
        /// The collector or actor that produced the event.
        source: String,
        /// What kind of producer the source is.
        source_type: SourceType,
        /// True if a stage of Tripline derived the event from another.
        is_watcher_generated: bool,
        /// 0 for an original observation, one more each time a stage derives an event from it.
        event_depth: Depth,
        /// Id of the event this one was derived from.
        causation_id: Option<EventId>,
        /// Rules on the way from the original observation to this event.
        ancestry: Vec<String>,
        /// Groups events that belong to one operation of the source.
        correlation_id: Option<String>,
        /// Who acted, where the source knows.
        actor_id: Option<String>,
        /// Isolation: a scoped rule never mixes scopes.
        scope: Scope,
        /// When it happened, by the source's clock.
        observed_at: Timestamp,
        /// When the collector published it.
        ingested_at: Timestamp,
        /// Place in the source's gapless sequence; without it neither loss nor repetition can be judged.
        stream: Option<Stream>,
        /// Free text by name, at most 64 members.
        labels: BTreeMap<String, String>,
        /// The observation itself: the text of a JSON object, nested at most 64 deep.
        payload: JsonObject,
    }
}

symbols! {
    /// What kind of producer a source is.
    pub enum SourceType as "source_type" {
        /// A person or an agent that acts.
        Actor = "actor",
        /// Anything outside Tripline.
        External = "external",
        /// A stage of Tripline.
        Watcher = "watcher",
    }
}

record! {
    /// Whose isolation an event belongs to.
    pub struct Scope as "scope" {
        /// The session it belongs to.
        session_id: Option<String>,
        /// The thread of that session.
        thread_id: Option<String>,
    }
}

record! {
    /// A place in a sequence that has no gaps per endpoint, source and boot; the same when the event is sent again.
    pub struct Stream as "stream" {
        /// One run of the source, between two starts.
        boot_id: String,
        /// Number within the run.
        seq: i64,
    }
}
