//! The parsing canonical form of a schema, and its CRC-64-AVRO: how single-object encoding names a writer's schema.
//!
//! Written here because `apache-avro` 0.22 writes `{"type":"long"}` where a logical type was stripped and the
//! specification wants `"long"`; its fingerprints of schemas with times then differ from every other implementation's.
//!
//! Absent on purpose: proof that the schema is one. Call it with what a schema parser has taken.

use std::fmt;

use serde_json::{Map, Value};

use crate::json::write_string;

/// CRC-64-AVRO of a schema's parsing canonical form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The fingerprint of no bytes; the table folds it into each step, as the specification writes it.
const EMPTY: u64 = 0xC15D_213A_A4D7_A795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut place = 0;
    while place < 256 {
        let mut step = place as u64;
        let mut bit = 0;
        while bit < 8 {
            step = (step >> 1) ^ (EMPTY & (step & 1).wrapping_neg());
            bit += 1;
        }
        table[place] = step;
        place += 1;
    }
    table
};

impl Fingerprint {
    pub fn of(canonical_form: &str) -> Self {
        let crc = canonical_form
            .bytes()
            .fold(EMPTY, |crc, byte| (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)]);
        Self(crc)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("expected a schema of at most {max} bytes, found {found}")]
    TooLarge { max: usize, found: usize },
    #[error("expected an Avro schema as JSON; {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("expected an Avro schema; {0}")]
    NotASchema(#[from] Box<apache_avro::Error>),
}

/// Whether logical types are left out, as the canonical form wants it, or kept, to tell two schemas of equal bytes and
/// different meaning apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogicalTypes {
    LeftOut,
    Kept,
}

pub fn canonical_form(schema: &Value, logical_types: LogicalTypes) -> String {
    let mut form = Form { out: String::new(), logical_types };
    form.schema(schema, "");
    form.out
}

struct Form {
    out: String,
    logical_types: LogicalTypes,
}

impl Form {
    fn schema(&mut self, schema: &Value, namespace: &str) {
        match schema {
            Value::String(name) => self.reference(name, namespace),
            Value::Array(branches) => {
                self.list(branches, |form, branch| form.schema(branch, namespace));
            }
            Value::Object(object) => self.object(object, namespace),
            // No schema; the parser has refused it.
            _ => {}
        }
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str) {
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            // A schema may be wrapped in an object that adds nothing but attributes.
            Some(inner) => return self.schema(inner, namespace),
            None => return,
        };
        let logical_type = object.get("logicalType").and_then(Value::as_str);
        let kept = logical_type.filter(|_| self.logical_types == LogicalTypes::Kept);
        match kind {
            "record" | "error" | "enum" | "fixed" => self.named(kind, object, namespace),
            "array" => self.around("array", "items", object, namespace),
            "map" => self.around("map", "values", object, namespace),
            name => self.reference(name, namespace),
        }
        if let Some(logical_type) = kept {
            self.out.push('@');
            self.out.push_str(logical_type);
        }
    }

    fn around(&mut self, kind: &str, inner: &str, object: &Map<String, Value>, namespace: &str) {
        self.out.push_str("{\"type\":\"");
        self.out.push_str(kind);
        self.out.push_str("\",\"");
        self.out.push_str(inner);
        self.out.push_str("\":");
        self.schema(object.get(inner).unwrap_or(&Value::Null), namespace);
        self.out.push('}');
    }

    fn named(&mut self, kind: &str, object: &Map<String, Value>, namespace: &str) {
        let text = |key| object.get(key).and_then(Value::as_str);
        let name = full_name(text("name").unwrap_or_default(), text("namespace").unwrap_or(namespace));
        let inside = name.rsplit_once('.').map_or("", |(inside, _)| inside);
        self.out.push_str("{\"name\":");
        write_string(&mut self.out, &name);
        self.out.push_str(",\"type\":");
        write_string(&mut self.out, kind);
        if let Some(Value::Array(fields)) = object.get("fields") {
            self.out.push_str(",\"fields\":");
            self.list(fields, |form, field| form.field(field, inside));
        }
        if let Some(Value::Array(symbols)) = object.get("symbols") {
            self.out.push_str(",\"symbols\":");
            self.list(symbols, |form, symbol| {
                write_string(&mut form.out, symbol.as_str().unwrap_or_default());
            });
        }
        if let Some(size) = object.get("size").filter(|_| kind == "fixed") {
            let quoted = size.as_str().and_then(|size| size.parse().ok());
            let size: u64 = quoted.or_else(|| size.as_u64()).unwrap_or_default();
            self.out.push_str(",\"size\":");
            self.out.push_str(&size.to_string());
        }
        self.out.push('}');
    }

    fn field(&mut self, field: &Value, namespace: &str) {
        self.out.push_str("{\"name\":");
        write_string(&mut self.out, field.get("name").and_then(Value::as_str).unwrap_or_default());
        self.out.push_str(",\"type\":");
        self.schema(field.get("type").unwrap_or(&Value::Null), namespace);
        self.out.push('}');
    }

    fn reference(&mut self, name: &str, namespace: &str) {
        let is_primitive =
            matches!(name, "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string");
        if is_primitive {
            write_string(&mut self.out, name);
        } else {
            write_string(&mut self.out, &full_name(name, namespace));
        }
    }

    fn list(&mut self, items: &[Value], mut item: impl FnMut(&mut Self, &Value)) {
        self.out.push('[');
        for (place, value) in items.iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            item(self, value);
        }
        self.out.push(']');
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if namespace.is_empty() || name.contains('.') { name.to_owned() } else { format!("{namespace}.{name}") }
}
