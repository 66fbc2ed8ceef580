//! A record as one line.

use std::fmt::Write;

use bus::Record;
use contracts::field::{Blob, Symbols};
use contracts::json::{self, Mode, write_string};
use contracts::limits::JSON_FACE_DEPTH_MAX;
use contracts::owner_event::is_owners;
use contracts::record::Field;
use contracts::records::AnyRecord;
use contracts::topics;

use crate::args::Form;
use crate::failure::Failure;
use crate::schemas::Schemas;
use crate::terminal::escaped;

pub struct Shower<'a> {
    topic: &'a str,
    form: Form,
    schemas: &'a Schemas,
    /// What may stand on the topic; of a topic that is not ours, anything.
    records: &'static [&'static str],
    is_json: bool,
    has_colour: bool,
}

/// What a value turned out to be.
enum Value<'a> {
    Record(AnyRecord),
    /// A text of JSON, on topics that have no schema.
    Json(&'a str),
    Tombstone,
    Undecodable {
        reason: &'static str,
        detail: String,
        raw: &'a [u8],
    },
}

impl<'a> Shower<'a> {
    pub fn new(topic: &'a str, form: Form, schemas: &'a Schemas, has_colour: bool) -> Self {
        let row = topics::find(topic);
        Self {
            topic,
            form,
            schemas,
            records: row.map_or(AnyRecord::NAMES, |row| row.records),
            is_json: row.is_some_and(|row| row.records.is_empty()),
            has_colour,
        }
    }

    /// Without its line break; nothing for what the owner of a partition wrote for stages, unless all is to be shown.
    pub fn line(&self, record: &Record<'_>, shows_all: bool) -> Result<Option<String>, Failure> {
        let value = self.value(record.value)?;
        if let Value::Record(AnyRecord::TelemetryEvent(event)) = &value
            && is_owners(event.endpoint_id.as_str(), &event.event_type)
            && !shows_all
        {
            return Ok(None);
        }
        let line = match self.form {
            Form::Json => self.json(record, &value),
            Form::Text => self.text(record, &value),
        };
        Ok(Some(line))
    }

    /// A registry that cannot be asked is no fault of the record: the next one would fare no better.
    fn value<'v>(&self, value: Option<&'v [u8]>) -> Result<Value<'v>, Failure> {
        let Some(raw) = value else { return Ok(Value::Tombstone) };
        if self.is_json {
            return Ok(json_text(raw));
        }
        Ok(match AnyRecord::decode_one_of(self.records, raw, self.schemas) {
            Ok(Ok(record)) => Value::Record(record),
            Ok(Err(error)) => match error.dead_letter_reason() {
                Some(reason) => Value::Undecodable { reason: reason.symbol(), detail: error.to_string(), raw },
                None => return Err(Failure::SchemaUnavailable(error)),
            },
            Err(unknown) => Value::Undecodable { reason: "unknown_record", detail: unknown.to_string(), raw },
        })
    }

    fn json(&self, record: &Record<'_>, value: &Value<'_>) -> String {
        let mut out = String::from("{\"topic\":");
        write_string(&mut out, self.topic);
        put(&mut out, format_args!(",\"partition\":{},\"offset\":{}", record.partition.index, record.offset));
        put(&mut out, format_args!(",\"appended_at\":\"{}\"", record.appended_at));
        put_bytes(&mut out, "key", record.key);
        out.push_str(",\"headers\":[");
        for (place, header) in record.headers().enumerate() {
            out.push_str(if place == 0 { "{\"name\":" } else { ",{\"name\":" });
            write_string(&mut out, header.name);
            put_bytes(&mut out, "value", Some(header.value));
            out.push('}');
        }
        out.push(']');
        match value {
            Value::Record(record) => {
                put(&mut out, format_args!(",\"record\":\"{}\",\"value\":{}", record.name(), record.to_json()));
            }
            Value::Json(text) => put(&mut out, format_args!(",\"record\":null,\"value\":{text}")),
            Value::Tombstone => out.push_str(",\"record\":null,\"value\":null"),
            Value::Undecodable { reason, detail, raw } => {
                put(&mut out, format_args!(",\"undecodable\":{{\"reason\":\"{reason}\",\"detail\":"));
                write_string(&mut out, detail);
                put(&mut out, format_args!(",\"raw_length\":{},\"raw\":", raw.len()));
                Blob::beginning_of(raw).write_json(&mut out);
                out.push('}');
            }
        }
        out.push('}');
        escaped(&out).into_owned()
    }

    fn text(&self, record: &Record<'_>, value: &Value<'_>) -> String {
        let (dim, plain) = if self.has_colour { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        let key = record.key.map_or("-".into(), String::from_utf8_lossy);
        let place = format!("{} {}@{}", record.appended_at, record.partition.index, record.offset);
        let what = match value {
            Value::Record(AnyRecord::TelemetryEvent(event)) => {
                format!("{} {}", event.event_type, event.payload.as_str())
            }
            Value::Record(record) => format!("{} {}", record.name(), record.to_json()),
            Value::Json(text) => (*text).to_owned(),
            Value::Tombstone => "(deleted)".to_owned(),
            Value::Undecodable { reason, detail, raw } => {
                format!("(undecodable, {} bytes, {reason}: {detail})", raw.len())
            }
        };
        format!("{dim}{place}{plain} {} {}", escaped(&key), escaped(&what))
    }
}

fn json_text(raw: &[u8]) -> Value<'_> {
    let parsed = json::parse(raw, Mode::Tolerant, JSON_FACE_DEPTH_MAX);
    match (parsed, std::str::from_utf8(raw)) {
        (Ok(_), Ok(text)) => Value::Json(text.trim()),
        (Err(error), _) => Value::Undecodable { reason: "undecodable", detail: error.to_string(), raw },
        (_, Err(error)) => Value::Undecodable { reason: "undecodable", detail: error.to_string(), raw },
    }
}

/// A member with bytes: as text where they are text, else in base64 and under another name.
fn put_bytes(out: &mut String, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => put(out, format_args!(",\"{name}\":null")),
        Some((Ok(text), _)) => {
            put(out, format_args!(",\"{name}\":"));
            write_string(out, text);
        }
        Some((Err(_), bytes)) => {
            put(out, format_args!(",\"{name}_base64\":"));
            Blob::beginning_of(bytes).write_json(out);
        }
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("invariant: a String takes text");
}
