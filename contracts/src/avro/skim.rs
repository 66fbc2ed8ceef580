//! A datum that another schema wrote, walked without building anything.
//!
//! `apache-avro` believes the counts it finds, takes missing bytes for null and ignores bytes left over. What passes
//! here is a whole datum of its schema, with so few values and so little nesting that its tree is small.

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, NamesRef, NamespaceRef, UuidSchema};

use super::reader::{Items, Reader};
use crate::fault::{Fault, Found, Segment};
use crate::limits::{FOREIGN_DEPTH_MAX, FOREIGN_VALUES_MAX};

pub fn skim(schema: &Schema, names: &NamesRef<'_>, datum: &[u8]) -> Result<(), Fault> {
    let mut from = Reader::new(datum);
    let mut skim = Skim { names, values: 0, depth: 0 };
    skim.value(schema, None, &mut from)?;
    from.finish()
}

struct Skim<'s> {
    names: &'s NamesRef<'s>,
    values: usize,
    depth: usize,
}

impl Skim<'_> {
    fn value(&mut self, schema: &Schema, namespace: NamespaceRef<'_>, from: &mut Reader<'_>) -> Result<(), Fault> {
        self.values += 1;
        if self.values > FOREIGN_VALUES_MAX {
            let fault = Fault::limit("values in one record", FOREIGN_VALUES_MAX, Found::More);
            return Err(fault.at(from.at()));
        }
        if self.depth == FOREIGN_DEPTH_MAX {
            let fault = Fault::limit("levels of nesting", FOREIGN_DEPTH_MAX, Found::More);
            return Err(fault.at(from.at()));
        }
        self.depth += 1;
        self.nested(schema, namespace, from)?;
        self.depth -= 1;
        Ok(())
    }

    fn nested(&mut self, schema: &Schema, namespace: NamespaceRef<'_>, from: &mut Reader<'_>) -> Result<(), Fault> {
        match schema {
            Schema::Array(array) => {
                let mut items = Items::default();
                while let Some(place) = items.next(from)? {
                    self.value(&array.items, namespace, from).map_err(|fault| fault.within(Segment::Item(place)))?;
                }
                Ok(())
            }
            Schema::Map(map) => {
                let mut items = Items::default();
                while items.next(from)?.is_some() {
                    let key = from.str()?;
                    self.value(&map.types, namespace, from)
                        .map_err(|fault| fault.within(Segment::Key(key.to_owned())))?;
                }
                Ok(())
            }
            Schema::Union(union) => {
                let branch = from.choice(union.variants().len())?;
                self.value(&union.variants()[branch], namespace, from)
            }
            Schema::Record(record) => {
                let name = record.name.fully_qualified_name(namespace);
                for field in &record.fields {
                    self.value(&field.schema, name.namespace(), from)
                        .map_err(|fault| fault.within(Segment::Key(field.name.clone())))?;
                }
                Ok(())
            }
            Schema::Ref { name } => self.reference(name, namespace, from),
            leaf => skim_leaf(leaf, from),
        }
    }

    fn reference(&mut self, name: &Name, namespace: NamespaceRef<'_>, from: &mut Reader<'_>) -> Result<(), Fault> {
        let name = name.fully_qualified_name(namespace);
        let schema = *self.names.get(&name).expect("invariant: a resolved schema knows every name it uses");
        self.nested(schema, name.namespace(), from)
    }
}

fn skim_leaf(schema: &Schema, from: &mut Reader<'_>) -> Result<(), Fault> {
    match schema {
        Schema::Boolean => from.boolean().map(drop),
        Schema::Int | Schema::Date | Schema::TimeMillis => from.int().map(drop),
        Schema::Long
        | Schema::TimeMicros
        | Schema::TimestampMillis
        | Schema::TimestampMicros
        | Schema::TimestampNanos
        | Schema::LocalTimestampMillis
        | Schema::LocalTimestampMicros
        | Schema::LocalTimestampNanos => from.long().map(drop),
        Schema::Float => from.take(4).map(drop),
        Schema::Double => from.take(8).map(drop),
        Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => from.bytes().map(drop),
        Schema::String | Schema::Uuid(UuidSchema::String) => from.str().map(drop),
        Schema::Enum(symbols) => from.choice(symbols.symbols.len()).map(drop),
        Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
            from.take(fixed.size).map(drop)
        }
        Schema::Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Bytes => from.bytes().map(drop),
            InnerDecimalSchema::Fixed(fixed) => from.take(fixed.size).map(drop),
        },
        Schema::Null
        | Schema::Array(_)
        | Schema::Map(_)
        | Schema::Union(_)
        | Schema::Record(_)
        | Schema::Ref { .. } => Ok(()),
    }
}
