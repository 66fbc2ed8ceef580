//! The shape of a field: what its Avro schema says, as a value.
//!
//! One declaration of a record gives the Rust type and this shape; the schema files are written from the shape. A
//! default follows from the shape alone: an optional field is null, an array or a map empty, anything else has none.

use std::fmt::Write as _;

use crate::json::write_string;

/// The Avro namespace of all records and of the types inside them. A record's next version lives in the next one, so
/// that a type inside it may change, too.
pub const NAMESPACE: &str = "tripline.v1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Boolean,
    Int,
    Long,
    /// A long of logical type `timestamp-micros`.
    Timestamp,
    Bytes,
    String,
    /// A string that holds a JSON object.
    Json,
    Optional(Box<Shape>),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Enum(EnumShape),
    Record(RecordShape),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumShape {
    pub name: &'static str,
    pub doc: String,
    pub symbols: Vec<&'static str>,
    /// What a reader takes for a symbol it does not know; without one such a record cannot be read.
    pub default: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordShape {
    pub name: &'static str,
    pub doc: String,
    pub fields: Vec<FieldShape>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    pub name: &'static str,
    pub doc: String,
    pub shape: Shape,
}

impl Shape {
    /// The default as JSON.
    pub fn default(&self) -> Option<&'static str> {
        match self {
            Self::Optional(_) => Some("null"),
            Self::Array(_) => Some("[]"),
            Self::Map(_) => Some("{}"),
            _ => None,
        }
    }

    /// What is expected here, as an error says it.
    pub fn description(&self) -> String {
        match self {
            Self::Boolean => "true or false".to_owned(),
            Self::Int | Self::Long => "a whole number".to_owned(),
            Self::Timestamp => "a time (RFC 3339, or microseconds since 1970)".to_owned(),
            Self::Bytes => "a string of base64".to_owned(),
            Self::String => "a string".to_owned(),
            Self::Json | Self::Map(_) | Self::Record(_) => "an object".to_owned(),
            Self::Optional(inner) => inner.description(),
            Self::Array(_) => "an array".to_owned(),
            Self::Enum(shape) => format!("one of {}", shape.symbols.join(", ")),
        }
    }

    /// The schema as an `.avsc` file has it.
    pub fn schema(&self) -> String {
        let mut schema = SchemaText::default();
        schema.shape(self);
        schema.text.push('\n');
        schema.text
    }
}

/// Doc comments as one line of text: the macro hands over a line each, with the space after `///`.
pub fn doc(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// An `.avsc` in the making: one field a line, as a person would write it.
#[derive(Default)]
struct SchemaText {
    text: String,
    indent: usize,
    /// Types written in full; Avro wants their names from then on.
    known: Vec<&'static str>,
}

impl SchemaText {
    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Boolean => self.text.push_str("\"boolean\""),
            Shape::Int => self.text.push_str("\"int\""),
            Shape::Long => self.text.push_str("\"long\""),
            Shape::Bytes => self.text.push_str("\"bytes\""),
            Shape::String | Shape::Json => self.text.push_str("\"string\""),
            Shape::Timestamp => self.text.push_str("{\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}"),
            Shape::Optional(inner) => self.around("[\"null\", ", inner, "]"),
            Shape::Array(items) => self.around("{\"type\": \"array\", \"items\": ", items, "}"),
            Shape::Map(values) => self.around("{\"type\": \"map\", \"values\": ", values, "}"),
            Shape::Enum(shape) => self.named(shape.name, |schema| schema.symbols(shape)),
            Shape::Record(shape) => self.named(shape.name, |schema| schema.record(shape)),
        }
    }

    fn around(&mut self, before: &str, inner: &Shape, after: &str) {
        self.text.push_str(before);
        self.shape(inner);
        self.text.push_str(after);
    }

    fn named(&mut self, name: &'static str, define: impl FnOnce(&mut Self)) {
        if self.known.contains(&name) {
            self.string(name);
        } else {
            self.known.push(name);
            define(self);
        }
    }

    fn symbols(&mut self, shape: &EnumShape) {
        self.head("enum", shape.name, &shape.doc);
        self.line("\"symbols\": [");
        for (place, symbol) in shape.symbols.iter().enumerate() {
            self.text.push_str(if place == 0 { "" } else { ", " });
            self.string(symbol);
        }
        self.text.push(']');
        if let Some(default) = shape.default {
            self.text.push(',');
            self.line("\"default\": ");
            self.string(default);
        }
        self.tail("}");
    }

    fn record(&mut self, shape: &RecordShape) {
        self.head("record", shape.name, &shape.doc);
        self.line("\"fields\": [");
        self.indent += 1;
        for (place, field) in shape.fields.iter().enumerate() {
            self.text.push_str(if place == 0 { "" } else { "," });
            self.field(field);
        }
        self.tail("]");
        self.tail("}");
    }

    fn field(&mut self, field: &FieldShape) {
        self.line("{\"name\": ");
        self.string(field.name);
        self.text.push_str(", \"type\": ");
        self.indent += 1;
        self.shape(&field.shape);
        if let Some(default) = field.shape.default() {
            write!(self.text, ", \"default\": {default}").expect("invariant: a String takes text");
        }
        self.text.push(',');
        self.line("\"doc\": ");
        self.indent -= 1;
        self.string(&field.doc);
        self.text.push('}');
    }

    /// Opens a named type; [`SchemaText::tail`] closes it.
    fn head(&mut self, kind: &str, name: &str, doc: &str) {
        self.text.push('{');
        self.indent += 1;
        let outermost = self.known.len() == 1;
        self.line(&format!("\"type\": \"{kind}\", \"name\": \"{name}\""));
        if outermost {
            write!(self.text, ", \"namespace\": \"{NAMESPACE}\"").expect("invariant: a String takes text");
        }
        self.text.push(',');
        self.line("\"doc\": ");
        self.string(doc);
        self.text.push(',');
    }

    fn tail(&mut self, end: &str) {
        self.indent -= 1;
        self.line(end);
    }

    fn line(&mut self, text: &str) {
        self.text.push('\n');
        for _ in 0..self.indent {
            self.text.push_str("  ");
        }
        self.text.push_str(text);
    }

    fn string(&mut self, text: &str) {
        write_string(&mut self.text, text);
    }
}
