//! Optional fields, arrays and maps.

use std::collections::BTreeMap;

use apache_avro::types::Value;

use super::text::read_text;
use crate::avro::{Items, Reader, write_length};
use crate::fault::{Fault, Faults, Found, Segment};
use crate::json;
use crate::limits::{ITEMS_MAX, LABELS_MAX};
use crate::record::{Field, unresolved};
use crate::shape::Shape;

impl<T: Field> Field for Option<T> {
    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            None => {
                write_length(out, 0);
                Ok(())
            }
            Some(value) => {
                write_length(out, 1);
                value.write(out)
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        match from.choice(2)? {
            0 => Ok(None),
            _ => T::read(from).map(Some),
        }
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Union(_, inner) => match *inner {
                Value::Null => Ok(None),
                inner => T::from_value(inner).map(Some),
            },
            other => Err(unresolved("a union", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        match self {
            None => out.push_str("null"),
            Some(value) => value.write_json(out),
        }
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            json::Value::Null => Some(None),
            value => T::read_json(value, faults).map(Some),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

pub(crate) fn too_many_items() -> Fault {
    Fault::limit("items", ITEMS_MAX, Found::More)
}

impl<T: Field> Field for Vec<T> {
    fn shape() -> Shape {
        Shape::Array(Box::new(T::shape()))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.len() > ITEMS_MAX {
            return Err(Fault::limit("items", ITEMS_MAX, Found::Exactly(self.len())));
        }
        if !self.is_empty() {
            write_length(out, self.len());
        }
        for (place, item) in self.iter().enumerate() {
            item.write(out).map_err(|fault| fault.within(Segment::Item(place)))?;
        }
        write_length(out, 0);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut items = Self::new();
        let mut walk = Items::default();
        while let Some(place) = walk.next(from)? {
            if place == ITEMS_MAX {
                return Err(too_many_items().at(from.at()));
            }
            let item = T::read(from).map_err(|fault| fault.within(Segment::Item(place)))?;
            items.push(item);
        }
        Ok(items)
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        let Value::Array(values) = value else {
            return Err(unresolved("an array", &value));
        };
        if values.len() > ITEMS_MAX {
            return Err(too_many_items());
        }
        values
            .into_iter()
            .enumerate()
            .map(|(place, value)| T::from_value(value).map_err(|fault| fault.within(Segment::Item(place))))
            .collect()
    }

    fn write_json(&self, out: &mut String) {
        out.push('[');
        for (place, item) in self.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            item.write_json(out);
        }
        out.push(']');
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(values) = value.as_array() else {
            faults.push(Fault::of_type("an array", value.kind()));
            return None;
        };
        if values.len() > ITEMS_MAX {
            faults.push(Fault::limit("items", ITEMS_MAX, Found::Exactly(values.len())));
            return None;
        }
        let items: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(place, value)| faults.within(&Segment::Item(place), |faults| T::read_json(value, faults)))
            .collect();
        items.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

pub(crate) fn too_many_members() -> Fault {
    Fault::limit("members", LABELS_MAX, Found::More)
}

/// Of equal keys in Avro's bytes the last counts, in both readers.
impl Field for BTreeMap<String, String> {
    fn shape() -> Shape {
        Shape::Map(Box::new(Shape::String))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.len() > LABELS_MAX {
            return Err(Fault::limit("members", LABELS_MAX, Found::Exactly(self.len())));
        }
        if !self.is_empty() {
            write_length(out, self.len());
        }
        for (key, value) in self {
            key.write(out)?;
            value.write(out).map_err(|fault| fault.within(Segment::Key(key.clone())))?;
        }
        write_length(out, 0);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut members = Self::new();
        let mut walk = Items::default();
        while walk.next(from)?.is_some() {
            let at = from.at();
            let key = read_text(from)?;
            let value = read_text(from).map_err(|fault| fault.within(Segment::Key(key.to_owned())))?;
            members.insert(key.to_owned(), value.to_owned());
            if members.len() > LABELS_MAX {
                return Err(too_many_members().at(at));
            }
        }
        Ok(members)
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        let Value::Map(values) = value else {
            return Err(unresolved("a map", &value));
        };
        if values.len() > LABELS_MAX {
            return Err(too_many_members());
        }
        // Sorted first, so that of several faults always the same is told.
        let values: BTreeMap<String, Value> = values.into_iter().collect();
        let mut members = Self::new();
        for (key, value) in values {
            let key = String::from_value(Value::String(key))?;
            let value = String::from_value(value).map_err(|fault| fault.within(Segment::Key(key.clone())))?;
            members.insert(key, value);
        }
        Ok(members)
    }

    fn write_json(&self, out: &mut String) {
        let mut separator = '{';
        for (key, value) in self {
            out.push(separator);
            separator = ',';
            json::write_string(out, key);
            out.push(':');
            json::write_string(out, value);
        }
        if self.is_empty() {
            out.push('{');
        }
        out.push('}');
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(object) = value.as_object() else {
            faults.push(Fault::of_type("an object", value.kind()));
            return None;
        };
        if object.len() > LABELS_MAX {
            faults.push(Fault::limit("members", LABELS_MAX, Found::Exactly(object.len())));
            return None;
        }
        let mut members = Self::new();
        for (key, value) in object.iter() {
            let key_text = json::Value::from(key);
            let key_kept = String::read_json(&key_text, faults);
            let value_kept = faults.within(&Segment::Key(key.to_owned()), |faults| String::read_json(value, faults));
            if let (Some(key), Some(value)) = (key_kept, value_kept) {
                members.insert(key, value);
            }
        }
        (members.len() == object.len()).then_some(members)
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}
