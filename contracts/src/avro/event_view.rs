//! An event read where it lies: nothing is copied, nothing allocated.
//!
//! Invariant: [`EventView::read`] followed by [`EventView::to_event`] takes and gives what the fast path takes and
//! gives. The one thing put off is the proof that the payload is a JSON object: rules that never look at it need none.

use std::collections::BTreeSet;

use super::{Items, Reader};
use crate::codec::{DecodeError, check_length};
use crate::fault::{Fault, Segment};
use crate::field::{Depth, JsonObject, NotAJsonObject, SchemaVersion, read_text, too_many_items, too_many_members};
use crate::id::{EndpointId, EventId, check_event_id};
use crate::limits::{ITEMS_MAX, LABELS_MAX};
use crate::record::{Field, Record, in_field};
use crate::records::{Scope, SourceType, Stream, TelemetryEvent};
use crate::time::Timestamp;

/// [`TelemetryEvent`], borrowed from the Avro body.
#[derive(Debug, Clone)]
pub struct EventView<'a> {
    pub schema_version: SchemaVersion,
    pub event_id: &'a str,
    pub event_type: &'a str,
    pub topic: &'a str,
    pub endpoint_id: &'a str,
    pub source: &'a str,
    pub source_type: SourceType,
    pub is_watcher_generated: bool,
    pub event_depth: Depth,
    pub causation_id: Option<&'a str>,
    pub ancestry: Ancestry<'a>,
    pub correlation_id: Option<&'a str>,
    pub actor_id: Option<&'a str>,
    pub session_id: Option<&'a str>,
    pub thread_id: Option<&'a str>,
    pub observed_at: Timestamp,
    pub ingested_at: Timestamp,
    pub stream: Option<StreamView<'a>>,
    pub labels: Labels<'a>,
    /// Text that has yet to be proven a JSON object.
    pub payload: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamView<'a> {
    pub boot_id: &'a str,
    pub seq: i64,
}

/// The rules on the way to an event, read again at each walk.
#[derive(Debug, Clone)]
pub struct Ancestry<'a>(Reader<'a>);

/// The labels of an event, read again at each walk. Of equal names the last counts.
#[derive(Debug, Clone)]
pub struct Labels<'a>(Reader<'a>);

impl<'a> EventView<'a> {
    /// Reads a body that our own schema wrote.
    pub fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        check_length::<TelemetryEvent>(body)?;
        let mut from = Reader::new(body);
        let event = read_fields(&mut from).and_then(|event| from.finish().map(|()| event));
        event.map_err(|fault| DecodeError::Field { record: TelemetryEvent::NAME, fault })
    }

    pub fn to_event(&self) -> Result<TelemetryEvent, NotAJsonObject> {
        let event_id = |id: &str| EventId::new(id).expect("invariant: the length was checked when the id was read");
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(TelemetryEvent {
            schema_version: self.schema_version,
            event_id: event_id(self.event_id),
            event_type: self.event_type.to_owned(),
            topic: self.topic.to_owned(),
            endpoint_id: EndpointId::new(self.endpoint_id),
            source: self.source.to_owned(),
            source_type: self.source_type,
            is_watcher_generated: self.is_watcher_generated,
            event_depth: self.event_depth,
            causation_id: self.causation_id.map(event_id),
            ancestry: self.ancestry.iter().map(str::to_owned).collect(),
            correlation_id: owned(self.correlation_id),
            actor_id: owned(self.actor_id),
            scope: Scope { session_id: owned(self.session_id), thread_id: owned(self.thread_id) },
            observed_at: self.observed_at,
            ingested_at: self.ingested_at,
            stream: self.stream.map(|stream| Stream { boot_id: stream.boot_id.to_owned(), seq: stream.seq }),
            labels: self.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            payload: JsonObject::new(self.payload)?,
        })
    }
}

impl<'a> Ancestry<'a> {
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        let mut walk = Walk::over(&self.0);
        std::iter::from_fn(move || walk.has_next().then(|| walk.text()))
    }
}

impl<'a> Labels<'a> {
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut walk = Walk::over(&self.0);
        std::iter::from_fn(move || walk.has_next().then(|| (walk.text(), walk.text())))
    }

    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().filter(|(known, _)| *known == name).last().map(|(_, value)| value)
    }
}

/// A second walk over what was read without fault before.
struct Walk<'a> {
    from: Reader<'a>,
    items: Items,
}

impl<'a> Walk<'a> {
    fn over(items: &Reader<'a>) -> Self {
        Self { from: items.clone(), items: Items::default() }
    }

    fn has_next(&mut self) -> bool {
        self.items.next(&mut self.from).expect(READ_BEFORE).is_some()
    }

    fn text(&mut self) -> &'a str {
        self.from.str().expect(READ_BEFORE)
    }
}

const READ_BEFORE: &str = "invariant: these bytes were read without fault before";

fn read_fields<'a>(from: &mut Reader<'a>) -> Result<EventView<'a>, Fault> {
    Ok(EventView {
        schema_version: in_field("schema_version", Field::read(from))?,
        event_id: in_field("event_id", event_id(from))?,
        event_type: in_field("event_type", read_text(from))?,
        topic: in_field("topic", read_text(from))?,
        endpoint_id: in_field("endpoint_id", read_text(from))?,
        source: in_field("source", read_text(from))?,
        source_type: in_field("source_type", Field::read(from))?,
        is_watcher_generated: in_field("is_watcher_generated", Field::read(from))?,
        event_depth: in_field("event_depth", Field::read(from))?,
        causation_id: in_field("causation_id", optional(from, event_id))?,
        ancestry: in_field("ancestry", ancestry(from))?,
        correlation_id: in_field("correlation_id", optional(from, read_text))?,
        actor_id: in_field("actor_id", optional(from, read_text))?,
        session_id: in_scope("session_id", optional(from, read_text))?,
        thread_id: in_scope("thread_id", optional(from, read_text))?,
        observed_at: in_field("observed_at", Field::read(from))?,
        ingested_at: in_field("ingested_at", Field::read(from))?,
        stream: in_field("stream", optional(from, stream))?,
        labels: in_field("labels", labels(from))?,
        payload: in_field("payload", from.str())?,
    })
}

fn in_scope<T>(name: &'static str, result: Result<T, Fault>) -> Result<T, Fault> {
    in_field("scope", in_field(name, result))
}

fn event_id<'a>(from: &mut Reader<'a>) -> Result<&'a str, Fault> {
    let at = from.at();
    let id = read_text(from)?;
    check_event_id(id).map_err(|error| Fault::from(error).at(at))?;
    Ok(id)
}

fn optional<'a, T>(
    from: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    match from.choice(2)? {
        0 => Ok(None),
        _ => read(from).map(Some),
    }
}

fn stream<'a>(from: &mut Reader<'a>) -> Result<StreamView<'a>, Fault> {
    Ok(StreamView { boot_id: in_field("boot_id", read_text(from))?, seq: in_field("seq", from.long())? })
}

fn ancestry<'a>(from: &mut Reader<'a>) -> Result<Ancestry<'a>, Fault> {
    let start = from.clone();
    let mut items = Items::default();
    while let Some(place) = items.next(from)? {
        if place == ITEMS_MAX {
            return Err(too_many_items().at(from.at()));
        }
        read_text(from).map_err(|fault| fault.within(Segment::Item(place)))?;
    }
    Ok(Ancestry(start))
}

fn labels<'a>(from: &mut Reader<'a>) -> Result<Labels<'a>, Fault> {
    let start = from.clone();
    let mut items = Items::default();
    // Names are told apart only where there are more members than labels may be: then some have to repeat.
    let mut names = BTreeSet::new();
    while let Some(place) = items.next(from)? {
        let at = from.at();
        let name = read_text(from)?;
        read_text(from).map_err(|fault| fault.within(Segment::Key(name.to_owned())))?;
        if place == LABELS_MAX {
            names = first_names(&start, place);
        }
        if place >= LABELS_MAX {
            names.insert(name);
            if names.len() > LABELS_MAX {
                return Err(too_many_members().at(at));
            }
        }
    }
    Ok(Labels(start))
}

fn first_names<'a>(labels: &Reader<'a>, count: usize) -> BTreeSet<&'a str> {
    Labels(labels.clone()).iter().take(count).map(|(name, _)| name).collect()
}
