//! Enums of symbols. The macro lists them; this is how any of them is read and written.

use apache_avro::types::Value;

use crate::avro::{Reader, write_length};
use crate::fault::{Fault, Faults};
use crate::json;
use crate::record::{Field, unresolved};
use crate::shape::{EnumShape, Shape, doc};
use crate::shown::shown;

/// An enum as `symbols!` declares it: `ALL` and `SYMBOLS` stand in the same order.
pub trait Symbols: Copy + 'static {
    const NAME: &'static str;
    const DOC: &'static [&'static str];
    const ALL: &'static [Self];
    const SYMBOLS: &'static [&'static str];
    const DEFAULT: Option<&'static str>;

    /// The place in `ALL`.
    fn place(self) -> usize;

    /// The symbol on the wire.
    fn symbol(self) -> &'static str {
        Self::SYMBOLS[self.place()]
    }

    fn from_symbol(symbol: &str) -> Option<Self> {
        let place = Self::SYMBOLS.iter().position(|known| *known == symbol)?;
        Some(Self::ALL[place])
    }
}

impl<T: Symbols> Field for T {
    fn shape() -> Shape {
        Shape::Enum(EnumShape { name: T::NAME, doc: doc(T::DOC), symbols: T::SYMBOLS.to_vec(), default: T::DEFAULT })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_length(out, self.place());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(T::ALL[from.choice(T::ALL.len())?])
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Enum(_, symbol) => T::from_symbol(&symbol).ok_or_else(|| not_one::<T>(&symbol)),
            other => Err(unresolved("an enum", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        json::write_string(out, self.symbol());
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(text) = value.as_str() else {
            faults.push(Fault::of_type(T::shape().description(), value.kind()));
            return None;
        };
        let symbol = T::from_symbol(text);
        if symbol.is_none() {
            faults.push(not_one::<T>(text));
        }
        symbol
    }
}

fn not_one<T: Symbols>(found: &str) -> Fault {
    Fault::of_value(T::shape().description(), format!("{:?}", shown(found)))
}
