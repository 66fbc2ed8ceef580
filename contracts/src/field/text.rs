//! Fields of text and bytes.

use apache_avro::types::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::avro::{Reader, write_bytes};
use crate::canonical::Digest;
use crate::fault::{Fault, Faults, Found};
use crate::json;
use crate::limits::{BLOB_BYTES_MAX, JSON_DEPTH_MAX, STRING_BYTES_MAX};
use crate::record::{Field, unresolved};
use crate::shape::Shape;
use crate::shown::shown;

impl Field for String {
    fn shape() -> Shape {
        Shape::String
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_bytes(out, check_length(self)?.as_bytes());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        read_text(from).map(str::to_owned)
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        let text = string_of(value)?;
        check_length(&text)?;
        Ok(text)
    }

    fn write_json(&self, out: &mut String) {
        json::write_string(out, self);
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let text = json_str(value, "a string", faults)?;
        kept(check_length(text).map(str::to_owned), faults)
    }
}

/// A string within its limit, borrowed.
#[inline]
pub(crate) fn read_text<'a>(from: &mut Reader<'a>) -> Result<&'a str, Fault> {
    let at = from.at();
    let text = from.str()?;
    check_length(text).map_err(|fault| fault.at(at))
}

#[inline]
fn check_length(text: &str) -> Result<&str, Fault> {
    if text.len() <= STRING_BYTES_MAX {
        return Ok(text);
    }
    Err(Fault::limit("bytes", STRING_BYTES_MAX, Found::Exactly(text.len())))
}

fn string_of(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(unresolved("a string", &other)),
    }
}

fn json_str<'v>(value: &'v json::Value<'_>, expected: &'static str, faults: &mut Faults) -> Option<&'v str> {
    let text = value.as_str();
    if text.is_none() {
        faults.push(Fault::of_type(expected, value.kind()));
    }
    text
}

/// The value, or its fault among the others.
pub(super) fn kept<T>(result: Result<T, Fault>, faults: &mut Faults) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

/// The text of a JSON object, exactly as it came, nested at most [`JSON_DEPTH_MAX`] deep.
///
/// A repeated key, a lone surrogate and a number beyond any machine's are all kept: refusing them would be a way
/// around every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonObject(String);

/// A text that is no JSON object, or one nested too deep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON object, at most {JSON_DEPTH_MAX} deep; {source}")]
pub struct NotAJsonObject {
    #[from]
    pub source: json::Error,
}

impl JsonObject {
    pub fn new(text: impl Into<String>) -> Result<Self, NotAJsonObject> {
        let text = text.into();
        json::check_object(&text, JSON_DEPTH_MAX)?;
        Ok(Self(text))
    }

    /// `{}`
    pub fn empty() -> Self {
        Self("{}".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object as a tree, read as [`json::Mode::Tolerant`] says.
    pub fn value(&self) -> json::Value<'_> {
        json::parse(self.0.as_bytes(), json::Mode::Tolerant, JSON_DEPTH_MAX)
            .expect("invariant: a JsonObject holds a JSON object within the depth")
    }
}

fn not_an_object(error: &NotAJsonObject) -> Fault {
    match error.source.kind {
        json::ErrorKind::TooDeep { .. } => Fault::limit("levels of nesting", JSON_DEPTH_MAX, Found::More),
        _ => Fault::of_value("the text of a JSON object", error.source.to_string()),
    }
}

impl Field for JsonObject {
    fn shape() -> Shape {
        Shape::Json
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_bytes(out, self.0.as_bytes());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = from.at();
        let text = from.str()?;
        // Checked before it is copied: what is refused costs no memory.
        json::check_object(text, JSON_DEPTH_MAX).map_err(|source| not_an_object(&NotAJsonObject { source }).at(at))?;
        Ok(Self(text.to_owned()))
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        Self::new(string_of(value)?).map_err(|error| not_an_object(&error))
    }

    /// The object itself, with line breaks between its tokens removed: a record stays on one line.
    fn write_json(&self, out: &mut String) {
        if self.0.contains(['\n', '\r']) {
            out.push_str(&json::compact(&self.0));
        } else {
            out.push_str(&self.0);
        }
    }

    /// The object itself, or a string that holds it.
    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let text = match value {
            json::Value::Object(object) => object.text().into_owned(),
            json::Value::String(text) => text.clone().into_owned(),
            other => {
                faults.push(Fault::of_type("an object or a string that holds one", other.kind()));
                return None;
            }
        };
        kept(Self::new(text).map_err(|error| not_an_object(&error)), faults)
    }
}

/// Raw bytes, at most [`BLOB_BYTES_MAX`]; base64 on the JSON face.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blob(Vec<u8>);

impl Blob {
    /// `None` if there are too many.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() <= BLOB_BYTES_MAX).then_some(Self(bytes))
    }

    /// As many of them as fit.
    pub fn beginning_of(bytes: &[u8]) -> Self {
        Self(bytes[..bytes.len().min(BLOB_BYTES_MAX)].to_vec())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn too_many_bytes(found: usize) -> Fault {
    Fault::limit("bytes", BLOB_BYTES_MAX, Found::Exactly(found))
}

impl Field for Blob {
    fn shape() -> Shape {
        Shape::Bytes
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_bytes(out, &self.0);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = from.at();
        let bytes = from.bytes()?;
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(too_many_bytes(bytes.len()).at(at));
        }
        Ok(Self(bytes.to_vec()))
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Bytes(bytes) => {
                let length = bytes.len();
                Self::new(bytes).ok_or_else(|| too_many_bytes(length))
            }
            other => Err(unresolved("bytes", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        out.push('"');
        BASE64.encode_string(&self.0, out);
        out.push('"');
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let text = json_str(value, "a string of base64", faults)?;
        let bytes = match BASE64.decode(text) {
            Ok(bytes) => bytes,
            Err(error) => {
                faults.push(Fault::of_value("a string of base64", error.to_string()));
                return None;
            }
        };
        let length = bytes.len();
        kept(Self::new(bytes).ok_or_else(|| too_many_bytes(length)), faults)
    }
}

/// 64 lower-case hexadecimal digits on the wire.
impl Field for Digest {
    fn shape() -> Shape {
        Shape::String
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_bytes(out, self.to_string().as_bytes());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = from.at();
        digest(from.str()?).map_err(|fault| fault.at(at))
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        digest(&string_of(value)?)
    }

    fn write_json(&self, out: &mut String) {
        json::write_string(out, &self.to_string());
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let text = json_str(value, "a SHA-256", faults)?;
        kept(digest(text), faults)
    }
}

fn digest(text: &str) -> Result<Digest, Fault> {
    text.parse()
        .map_err(|_| Fault::of_value("a SHA-256 (64 lower-case hexadecimal digits)", format!("{:?}", shown(text))))
}
