//! Writes canonical text in one pass: members go out as they come, and an object is put in order when it closes.
//!
//! Invariant: while an object or array is open, each of its members or items ends with a comma; closing takes the last
//! one away.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::number::Numbers;
use crate::json::{Value, write_string};

#[derive(Debug, Default)]
pub(super) struct Writer<'k> {
    out: String,
    numbers: Numbers,
    /// The members of the open objects that are complete, innermost last.
    members: Vec<Member<'k>>,
    /// Holds the members of an object while they are put in order.
    sorted: String,
}

#[derive(Debug)]
struct Member<'k> {
    key: Cow<'k, str>,
    /// Where key, value and comma stand in `out`.
    text: Range<usize>,
}

/// An object that was opened and is not yet closed.
#[must_use]
#[derive(Debug)]
pub(super) struct OpenObject {
    first_member: usize,
    body: usize,
}

/// A member whose key is written and whose value comes next.
#[must_use]
#[derive(Debug)]
pub(super) struct OpenMember<'k> {
    key: Cow<'k, str>,
    start: usize,
}

impl<'k> Writer<'k> {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), ..Self::default() }
    }

    pub fn with_numbers(numbers: Numbers) -> Self {
        Self { numbers, ..Self::default() }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn value(&mut self, value: &'k Value<'_>) {
        match value {
            Value::Null => self.text("null"),
            Value::Bool(true) => self.text("true"),
            Value::Bool(false) => self.text("false"),
            Value::Number(number) => self.number(number.as_str()),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.open_array();
                for item in items {
                    self.value(item);
                    self.end_item();
                }
                self.close(']');
            }
            Value::Object(object) => self.object(object.iter(), Self::value),
        }
    }

    pub fn object<V>(&mut self, members: impl IntoIterator<Item = (&'k str, V)>, mut write: impl FnMut(&mut Self, V)) {
        let object = self.open_object();
        for (key, value) in members {
            let member = self.open_member(key.into());
            write(self, value);
            self.keep_member(member);
        }
        self.close_object(object);
    }

    /// Appends text that is canonical already.
    pub fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub fn number(&mut self, written: &str) {
        self.numbers.write(&mut self.out, written);
    }

    pub fn string(&mut self, text: &str) {
        write_string(&mut self.out, text);
    }

    pub fn open_array(&mut self) {
        self.out.push('[');
    }

    pub fn end_item(&mut self) {
        self.out.push(',');
    }

    pub fn close(&mut self, bracket: char) {
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.out.push(bracket);
    }

    pub fn open_object(&mut self) -> OpenObject {
        self.out.push('{');
        OpenObject { first_member: self.members.len(), body: self.out.len() }
    }

    pub fn open_member(&mut self, key: Cow<'k, str>) -> OpenMember<'k> {
        let start = self.out.len();
        self.string(&key);
        self.out.push(':');
        OpenMember { key, start }
    }

    pub fn keep_member(&mut self, OpenMember { key, start }: OpenMember<'k>) {
        self.end_item();
        self.members.push(Member { key, text: start..self.out.len() });
    }

    pub fn drop_member(&mut self, OpenMember { start, .. }: OpenMember<'k>) {
        self.out.truncate(start);
    }

    /// Puts the members in order; of equal keys the last stays.
    pub fn close_object(&mut self, OpenObject { first_member, body }: OpenObject) {
        let members = &mut self.members[first_member..];
        if !members.is_sorted_by(|a, b| utf16_order(&a.key, &b.key).is_lt()) {
            // A stable sort: equal keys stay in the order they came.
            members.sort_by(|a, b| utf16_order(&a.key, &b.key));
            self.sorted.clear();
            for (at, member) in members.iter().enumerate() {
                if members.get(at + 1).is_none_or(|next| next.key != member.key) {
                    self.sorted.push_str(&self.out[member.text.clone()]);
                }
            }
            self.out.truncate(body);
            self.out.push_str(&self.sorted);
        }
        self.members.truncate(first_member);
        self.close('}');
    }
}

/// The order of two texts by UTF-16 code units, read off their UTF-8. The two orders differ in one thing: surrogates
/// (D800..DFFF, in UTF-8 the lead bytes from F0 on) come before U+E000..U+FFFF (the lead bytes EE and EF).
pub fn utf16_order(a: &str, b: &str) -> Ordering {
    let rank = |byte: u8| if matches!(byte, 0xEE | 0xEF) { byte + 0x10 } else { byte };
    // Ids and reasons begin alike: that is passed over eight bytes at a time.
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let eights = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let alike = 8 * eights.take_while(|(x, y)| x == y).count();
    match a[alike..].iter().zip(&b[alike..]).find(|(x, y)| x != y) {
        Some((x, y)) => rank(*x).cmp(&rank(*y)),
        None => a.len().cmp(&b.len()),
    }
}
