//! One declaration per record, from which everything else comes.
//!
//! `record!` and `symbols!` turn a declaration into a type and its [`Field`] impl: the Avro schema, both Avro
//! readers (the fast one for the schema we know, the general one for a value that `apache-avro` resolved to it), the
//! Avro writer, and the JSON face in and out. The macros only spell out the fields; what a field means is in the
//! impls of [`Field`] for the types that stand in records.
//!
//! Invariant: what [`Field::write`] takes, both readers give back equal, and what one of them refuses, all refuse.

use apache_avro::types::Value;

use crate::avro::Reader;
use crate::fault::{Fault, Faults, Problem, Segment};
use crate::json;
use crate::nearest::nearest;
use crate::schema::OurSchema;
use crate::shape::Shape;

/// A type that can stand in a record.
pub trait Field: Sized {
    fn shape() -> Shape;

    /// What the JSON face expects here, as an error says it.
    fn expected() -> String {
        Self::shape().description()
    }

    /// Appends the Avro encoding; refuses what breaks a limit or a rule of the field.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault>;

    /// Reads what [`Field::write`] wrote.
    fn read(from: &mut Reader<'_>) -> Result<Self, Fault>;

    /// Takes the value that was resolved to [`Field::shape`].
    fn from_value(value: Value) -> Result<Self, Fault>;

    fn write_json(&self, out: &mut String);

    /// Takes a value of the JSON face; all that is wrong with it goes to `faults`, and only then it is `None`.
    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self>;

    /// What an absent field of this type is on the JSON face; `None` where it must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether the JSON face leaves it out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A record of a topic, with a schema of its own.
pub trait Record: Field {
    /// As in `schemas/NAME.avsc`.
    const NAME: &'static str;

    /// The longest Avro body.
    const BYTES_MAX: usize;

    fn schema() -> &'static OurSchema;
}

/// Puts the fault of a field under its name.
#[inline]
pub fn in_field<T>(name: &'static str, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| fault.within(Segment::Field(name)))
}

/// The fields of a resolved record, by name.
#[derive(Debug)]
pub struct ResolvedFields(Vec<(String, Value)>);

impl ResolvedFields {
    pub fn open(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Record(fields) => Ok(Self(fields)),
            other => Err(unresolved("a record", &other)),
        }
    }

    pub fn take<T: Field>(&mut self, name: &'static str) -> Result<T, Fault> {
        let place = self.0.iter().position(|(known, _)| known == name);
        let found = match place {
            Some(place) => T::from_value(self.0.swap_remove(place).1),
            None => Err(Fault::of_type("a value", "none")),
        };
        in_field(name, found)
    }
}

/// A value that is not of the shape it was resolved to.
#[cold]
pub fn unresolved(expected: &'static str, found: &Value) -> Fault {
    let kind = apache_avro::schema::SchemaKind::from(found);
    Fault::of_type(expected, format!("{kind:?}"))
}

/// The members of an object on the JSON face, read strictly.
#[derive(Debug)]
pub struct Members<'v, 'f> {
    object: &'v json::Object<'v>,
    faults: &'f mut Faults,
}

impl<'v, 'f> Members<'v, 'f> {
    /// Reports every member that is not `known`.
    pub fn open(value: &'v json::Value<'v>, known: &[&'static str], faults: &'f mut Faults) -> Option<Self> {
        let Some(object) = value.as_object() else {
            faults.push(Fault::of_type("an object", value.kind()));
            return None;
        };
        for (name, _) in object.iter().filter(|(name, _)| !known.contains(name)) {
            faults.push(unknown(name, known));
        }
        Some(Self { object, faults })
    }

    pub fn take<T: Field>(&mut self, name: &'static str) -> Option<T> {
        let value = self.object.get(name);
        self.faults.within(&Segment::Field(name), |faults| {
            if let Some(value) = value {
                return T::read_json(value, faults);
            }
            let absent = T::absent();
            if absent.is_none() {
                faults.push(missing::<T>());
            }
            absent
        })
    }
}

fn unknown(name: &str, known: &[&'static str]) -> Fault {
    let nearest = nearest(name, known.iter().copied());
    Fault::new(Problem::Unknown { nearest }).within(Segment::Key(name.to_owned()))
}

fn missing<T: Field>() -> Fault {
    let expected = T::expected().into();
    Fault::new(Problem::Missing { expected })
}

/// Writes an object of the JSON face, leaving out what is absent.
#[derive(Debug)]
pub struct ObjectWriter<'o> {
    out: &'o mut String,
    separator: char,
}

impl<'o> ObjectWriter<'o> {
    pub fn new(out: &'o mut String) -> Self {
        Self { out, separator: '{' }
    }

    pub fn member<T: Field>(&mut self, name: &str, value: &T) {
        if value.is_absent() {
            return;
        }
        self.out.push(self.separator);
        self.separator = ',';
        json::write_string(self.out, name);
        self.out.push(':');
        value.write_json(self.out);
    }

    pub fn end(self) {
        if self.separator == '{' {
            self.out.push('{');
        }
        self.out.push('}');
    }
}

/// Declares a record: `field: Type`, or `field as "name": Type` where the name on the wire cannot be Rust's.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $Type:ident as $name:literal {
            $(
                $(#[doc = $field_doc:literal])+
                $field:ident $(as $field_name:literal)? : $Field:ty,
            )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $Type {
            $(
                $(#[doc = $field_doc])+
                pub $field: $Field,
            )+
        }

        impl $crate::record::Field for $Type {
            fn shape() -> $crate::shape::Shape {
                $crate::shape::Shape::Record($crate::shape::RecordShape {
                    name: $name,
                    doc: $crate::shape::doc(&[$($doc),+]),
                    fields: vec![$(
                        $crate::shape::FieldShape {
                            name: $crate::record::wire_name!($field $($field_name)?),
                            doc: $crate::shape::doc(&[$($field_doc),+]),
                            shape: <$Field as $crate::record::Field>::shape(),
                        },
                    )+],
                })
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), $crate::fault::Fault> {
                $(
                    $crate::record::in_field(
                        $crate::record::wire_name!($field $($field_name)?),
                        $crate::record::Field::write(&self.$field, out),
                    )?;
                )+
                Ok(())
            }

            fn read(from: &mut $crate::avro::Reader<'_>) -> Result<Self, $crate::fault::Fault> {
                Ok(Self {
                    $(
                        $field: $crate::record::in_field(
                            $crate::record::wire_name!($field $($field_name)?),
                            <$Field as $crate::record::Field>::read(from),
                        )?,
                    )+
                })
            }

            fn from_value(
                value: apache_avro::types::Value,
            ) -> Result<Self, $crate::fault::Fault> {
                let mut fields = $crate::record::ResolvedFields::open(value)?;
                Ok(Self {
                    $($field: fields.take($crate::record::wire_name!($field $($field_name)?))?,)+
                })
            }

            fn write_json(&self, out: &mut String) {
                let mut object = $crate::record::ObjectWriter::new(out);
                $(
                    object.member(
                        $crate::record::wire_name!($field $($field_name)?),
                        &self.$field,
                    );
                )+
                object.end();
            }

            fn read_json(
                value: &$crate::json::Value<'_>,
                faults: &mut $crate::fault::Faults,
            ) -> Option<Self> {
                const NAMES: &[&str] = &[$($crate::record::wire_name!($field $($field_name)?)),+];
                let mut members = $crate::record::Members::open(value, NAMES, faults)?;
                // Each is read, whatever became of those before: all faults are told at once.
                $(
                    let $field =
                        members.take($crate::record::wire_name!($field $($field_name)?));
                )+
                Some(Self { $($field: $field?,)+ })
            }
        }
    };
}

/// The name of a field on the wire.
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Declares an enum of symbols, in the order of its schema. `default` names what readers take for a symbol they do
/// not know; an enum without it can never grow.
macro_rules! symbols {
    (
        $(#[doc = $doc:literal])+
        pub enum $Type:ident as $name:literal $(default $default:literal)? {
            $(
                $(#[doc = $symbol_doc:literal])*
                $Symbol:ident = $symbol:literal,
            )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Type {
            $(
                $(#[doc = $symbol_doc])*
                $Symbol,
            )+
        }

        impl $crate::field::Symbols for $Type {
            const NAME: &'static str = $name;
            const DOC: &'static [&'static str] = &[$($doc),+];
            const ALL: &'static [Self] = &[$(Self::$Symbol),+];
            const SYMBOLS: &'static [&'static str] = &[$($symbol),+];
            const DEFAULT: Option<&'static str> = $crate::record::optional!($($default)?);

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(crate) use {optional, record, symbols, wire_name};
