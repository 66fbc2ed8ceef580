//! `FULL_TRANSITIVE`: every version of a record can be read by every other, in both directions.
//!
//! The registry applies the same rule, and says no at the moment of release; this says so at the moment of the change,
//! and names every field. Stricter than Avro in two points: a logical type may not change, for readers would take
//! milliseconds for microseconds, and a field or type may not be renamed, for consumers know it by its name.

use std::fmt;

use apache_avro::Schema;
use apache_avro::schema::{Name, NamesRef, NamespaceRef, RecordField, RecordSchema, ResolvedSchema, SchemaKind};

use crate::avro::SchemaError;

/// One change that readers or writers of another version cannot live with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The field, from the record inwards: `trigger_event.scope`.
    pub path: String,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    #[error("removed, and those who still read it have no default for it; keep the field")]
    Removed,
    #[error("added without a default, which data written before would need; give it one")]
    Added,
    #[error("its type was {old} and is {new}; keep the type")]
    Type { old: String, new: String },
    #[error("symbol {symbol} was removed, and data with it has no place to go; keep the symbol")]
    SymbolRemoved { symbol: String },
    #[error("symbol {symbol} was added to an enum without a default, so that older readers cannot read it")]
    SymbolAdded { symbol: String },
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}, or start a _v2 of the record", self.path, self.change)
    }
}

/// Everything in which `new` cannot stand beside `old`; empty if they are compatible.
pub fn breaks(old: &str, new: &str) -> Result<Vec<Break>, SchemaError> {
    let parse = |text: &str| Schema::parse_str(text).map_err(Box::new);
    let (old, new) = (parse(old)?, parse(new)?);
    let old_names = ResolvedSchema::new(&old).map_err(Box::new)?;
    let new_names = ResolvedSchema::new(&new).map_err(Box::new)?;
    let mut comparison = Comparison {
        old: old_names.get_names(),
        new: new_names.get_names(),
        path: Vec::new(),
        open: Vec::new(),
        breaks: Vec::new(),
    };
    comparison.schemas(At::root(&old), At::root(&new));
    Ok(comparison.breaks)
}

/// A schema and the namespace its names are seen from.
#[derive(Clone, Copy)]
struct At<'s> {
    schema: &'s Schema,
    namespace: NamespaceRef<'s>,
}

impl<'s> At<'s> {
    fn root(schema: &'s Schema) -> Self {
        Self { schema, namespace: None }
    }

    fn inner(self, schema: &'s Schema) -> Self {
        Self { schema, ..self }
    }

    /// Follows a name to what it stands for.
    fn resolved(self, names: &NamesRef<'s>) -> Self {
        let schema = match self.schema {
            Schema::Ref { name } => names
                .get(&name.fully_qualified_name(self.namespace))
                .expect("invariant: a resolved schema knows every name it uses"),
            schema => schema,
        };
        let namespace = schema.namespace().or(self.namespace);
        Self { schema, namespace }
    }
}

struct Comparison<'s> {
    old: &'s NamesRef<'s>,
    new: &'s NamesRef<'s>,
    path: Vec<String>,
    /// Records being compared: a recursive one is not entered again.
    open: Vec<&'s Name>,
    breaks: Vec<Break>,
}

impl<'s> Comparison<'s> {
    fn found(&mut self, change: Change) {
        self.breaks.push(Break { path: self.path.join("."), change });
    }

    fn schemas(&mut self, old: At<'s>, new: At<'s>) {
        let (old, new) = (old.resolved(self.old), new.resolved(self.new));
        match (old.schema, new.schema) {
            (Schema::Record(a), Schema::Record(b)) if a.name.name() == b.name.name() => {
                self.records(old, a, new, b);
            }
            (Schema::Enum(a), Schema::Enum(b)) if a.name.name() == b.name.name() => {
                let readable = |default: &Option<String>| default.is_some();
                self.symbols(&a.symbols, &b.symbols, readable(&b.default), true);
                self.symbols(&b.symbols, &a.symbols, readable(&a.default), false);
            }
            (Schema::Array(a), Schema::Array(b)) => {
                self.schemas(old.inner(&a.items), new.inner(&b.items));
            }
            (Schema::Map(a), Schema::Map(b)) => {
                self.schemas(old.inner(&a.types), new.inner(&b.types));
            }
            (Schema::Union(a), Schema::Union(b)) if a.variants().len() == b.variants().len() => {
                for (a, b) in a.variants().iter().zip(b.variants()) {
                    self.schemas(old.inner(a), new.inner(b));
                }
            }
            (Schema::Fixed(a), Schema::Fixed(b)) if a.size == b.size && a.name.name() == b.name.name() => {}
            (a, b) if is_plain(a) && a == b => {}
            (a, b) => self.found(Change::Type { old: describe(a), new: describe(b) }),
        }
    }

    fn records(&mut self, old: At<'s>, old_record: &'s RecordSchema, new: At<'s>, new_record: &'s RecordSchema) {
        if self.open.contains(&&old_record.name) {
            return;
        }
        self.open.push(&old_record.name);
        for field in &old_record.fields {
            self.path.push(field.name.clone());
            match field_of(new_record, &field.name) {
                Some(kept) => self.schemas(old.inner(&field.schema), new.inner(&kept.schema)),
                None if field.default.is_none() => self.found(Change::Removed),
                None => {}
            }
            self.path.pop();
        }
        for field in &new_record.fields {
            if field.default.is_none() && field_of(old_record, &field.name).is_none() {
                self.path.push(field.name.clone());
                self.found(Change::Added);
                self.path.pop();
            }
        }
        self.open.pop();
    }

    /// What `writer` may write and `reader` cannot take.
    fn symbols(&mut self, writer: &[String], reader: &[String], has_default: bool, removed: bool) {
        for symbol in writer {
            if has_default || reader.contains(symbol) {
                continue;
            }
            let symbol = symbol.clone();
            self.found(if removed { Change::SymbolRemoved { symbol } } else { Change::SymbolAdded { symbol } });
        }
    }
}

fn field_of<'s>(record: &'s RecordSchema, name: &str) -> Option<&'s RecordField> {
    record.fields.iter().find(|field| field.name == name)
}

/// Whether equality of two schemas is all there is to compare.
fn is_plain(schema: &Schema) -> bool {
    !matches!(
        schema,
        Schema::Record(_)
            | Schema::Enum(_)
            | Schema::Fixed(_)
            | Schema::Array(_)
            | Schema::Map(_)
            | Schema::Union(_)
            | Schema::Ref { .. }
    )
}

fn describe(schema: &Schema) -> String {
    match schema {
        Schema::Union(union) => {
            let branches: Vec<_> = union.variants().iter().map(describe).collect();
            format!("[{}]", branches.join(", "))
        }
        Schema::Ref { name } => name.name().to_owned(),
        schema => match schema.name() {
            Some(name) => format!("{:?} {}", SchemaKind::from(schema), name.name()).to_lowercase(),
            None => format!("{:?}", SchemaKind::from(schema)).to_lowercase(),
        },
    }
}
