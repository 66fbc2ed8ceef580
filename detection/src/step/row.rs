//! Rows of several fields: each field knows how it is written and read, and a row is its fields in their order behind a
//! version byte.
//!
//! Invariant: what was written is what is read; ids are as they were in the record they came from.

use contracts::canonical::Digest;
use contracts::field::{Depth, Symbols};
use contracts::id::{AlertId, EndpointId, EventId, RuleId};
use contracts::records::Priority;

use super::effects::Held;
use crate::view::value::{self, Malformed, Reader, Writer};

/// What can stand in a row.
pub(crate) trait Part: Sized {
    fn write(&self, out: &mut Writer<'_>);

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// A row: its version, then its fields.
pub(crate) trait Row: Part {
    const VERSION: u8;

    fn to_row(&self) -> Vec<u8> {
        value::row(Self::VERSION, |out| self.write(out))
    }

    fn from_row(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(Self::VERSION)?;
        Self::read(from)
    }
}

/// Declares a row.
macro_rules! row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $Row:ident version $version:literal {
            $($(#[$field_meta:meta])* $field:ident: $Field:ty,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis struct $Row {
            $($(#[$field_meta])* pub $field: $Field,)+
        }

        impl $crate::step::row::Part for $Row {
            fn write(&self, out: &mut $crate::view::value::Writer<'_>) {
                $($crate::step::row::Part::write(&self.$field, out);)+
            }

            fn read(
                from: &mut $crate::view::value::Reader<'_>,
            ) -> Result<Self, $crate::view::value::Malformed> {
                Ok(Self { $($field: $crate::step::row::Part::read(from)?,)+ })
            }
        }

        impl $crate::step::row::Row for $Row {
            const VERSION: u8 = $version;
        }
    };
}

pub(crate) use row;

impl Part for i64 {
    fn write(&self, out: &mut Writer<'_>) {
        out.int(*self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.int()
    }
}

impl Part for bool {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(u8::from(*self));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.byte().map(|byte| byte != 0)
    }
}

impl Part for String {
    fn write(&self, out: &mut Writer<'_>) {
        out.text(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.text().map(str::to_owned)
    }
}

impl Part for Digest {
    fn write(&self, out: &mut Writer<'_>) {
        out.raw(self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.array("a digest").map(Self::from_bytes)
    }
}

impl<T: Part> Part for Option<T> {
    fn write(&self, out: &mut Writer<'_>) {
        self.is_some().write(out);
        if let Some(part) = self {
            part.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if bool::read(from)? { T::read(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Part> Part for Vec<T> {
    fn write(&self, out: &mut Writer<'_>) {
        out.uint(self.len() as u64);
        for part in self {
            part.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        // One after the other, so that a damaged length asks for no memory.
        (0..from.uint()?).map(|_| T::read(from)).collect()
    }
}

macro_rules! ids {
    ($($Id:ident)+) => {
        $(impl Part for $Id {
            fn write(&self, out: &mut Writer<'_>) {
                out.text(self.as_str());
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.text().map(Self::new)
            }
        })+
    };
}

ids! { AlertId EndpointId RuleId }

impl Part for EventId {
    fn write(&self, out: &mut Writer<'_>) {
        out.text(self.as_str());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Self::new(from.text()?).map_err(|_| from.expected("an event id"))
    }
}

impl Part for Depth {
    fn write(&self, out: &mut Writer<'_>) {
        out.int(i64::from(self.get()));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let depth = i32::try_from(from.int()?).ok().and_then(|depth| Self::new(depth).ok());
        depth.ok_or_else(|| from.expected("a depth"))
    }
}

impl Part for Held {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(*self as u8);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let found = from.byte()?;
        let reason = Self::ALL.into_iter().find(|reason| *reason as u8 == found);
        reason.ok_or_else(|| from.expected("a reason"))
    }
}

impl Part for Priority {
    fn write(&self, out: &mut Writer<'_>) {
        out.uint(self.place() as u64);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let place = usize::try_from(from.uint()?).ok();
        let priority = place.and_then(|place| Self::ALL.get(place)).copied();
        priority.ok_or_else(|| from.expected("a priority"))
    }
}
