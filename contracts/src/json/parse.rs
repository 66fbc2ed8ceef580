//! From text to tree, and the check that needs no tree.

use std::borrow::Cow;

use super::DEPTH_CEILING;
use super::error::{Error, ErrorKind, Fault};
use super::tokens::{Token, Tokens};
use super::value::{Number, Object, Value};

/// What happens to text that the grammar allows and that readers disagree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Our own records: a key twice in one object and a lone surrogate are refused by name.
    Strict,
    /// Payloads of others: of equal keys the last is kept, in its place; a lone surrogate counts as U+FFFD.
    Tolerant,
}

/// Reads one JSON text. `[]` and `{}` are one deep, `[[]]` two; a text may be `depth_max` deep, at most
/// [`DEPTH_CEILING`].
pub fn parse(text: &[u8], mode: Mode, depth_max: usize) -> Result<Value<'_>, Error> {
    let utf8 = str::from_utf8(text).map_err(|error| {
        let offset = error.valid_up_to();
        let kind = ErrorKind::InvalidUtf8 { byte: text[offset] };
        Fault { kind, offset }.locate(text)
    })?;
    let mut parser =
        Parser { text: utf8, tokens: Tokens::new(utf8, depth_max.min(DEPTH_CEILING)), mode, key_offsets: Vec::new() };
    parser.document().map_err(|fault| fault.locate(text))
}

/// Proves that `text` is a JSON object at most `depth_max` deep, without building anything: as [`Mode::Tolerant`], but
/// for the ceiling.
pub fn check_object(text: &str, depth_max: usize) -> Result<(), Error> {
    let check = || {
        let mut tokens = Tokens::new(text, depth_max);
        if !matches!(tokens.next_token()?, Token::ObjectStart) {
            let start = text.len() - text.trim_start_matches([' ', '\t', '\n', '\r']).len();
            return Err(Fault::unexpected(text, start, "an object"));
        }
        while !matches!(tokens.next_token()?, Token::End) {}
        Ok(())
    };
    check().map_err(|fault: Fault| fault.locate(text.as_bytes()))
}

struct Parser<'a> {
    text: &'a str,
    tokens: Tokens<'a>,
    mode: Mode,
    /// Where the keys of the open objects stand, innermost last, to name a duplicate's place.
    key_offsets: Vec<usize>,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Value<'a>, Fault> {
        let first = self.tokens.next_token()?;
        let value = self.value(first)?;
        // After the outermost value the scanner knows only the end.
        self.tokens.next_token()?;
        Ok(value)
    }

    fn value(&mut self, token: Token<'a>) -> Result<Value<'a>, Fault> {
        Ok(match token {
            Token::Null => Value::Null,
            Token::Bool(value) => Value::Bool(value),
            Token::Number(text) => Value::Number(Number(Cow::Borrowed(text))),
            Token::String(raw) => Value::String(raw.decode(self.mode)?),
            Token::ArrayStart => Value::Array(self.array()?),
            Token::ObjectStart => Value::Object(self.object()?),
            Token::ArrayEnd | Token::ObjectEnd | Token::Key(_) | Token::End => {
                unreachable!("invariant: a value stands here, not {token:?}")
            }
        })
    }

    fn array(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.tokens.next_token()? {
                Token::ArrayEnd => return Ok(items),
                token => items.push(self.value(token)?),
            }
        }
    }

    fn object(&mut self) -> Result<Object<'a>, Fault> {
        let start = self.tokens.offset() - 1;
        let first_key = self.key_offsets.len();
        let mut members = Vec::new();
        while let Token::Key(raw) = self.tokens.next_token()? {
            let key = raw.decode(self.mode)?;
            self.key_offsets.push(raw.offset - 1);
            let token = self.tokens.next_token()?;
            members.push((key, self.value(token)?));
        }
        let superseded = superseded(&members);
        if let (Mode::Strict, Some(&first)) = (self.mode, superseded.first()) {
            let key = &members[first].0;
            let later = members[first + 1..].iter().position(|(other, _)| other == key);
            let again = first + 1 + later.expect("invariant: a superseded key stands again later");
            return Err(Fault::duplicate_key(key, self.key_offsets[first_key + again]));
        }
        self.key_offsets.truncate(first_key);
        remove(&mut members, &superseded);
        Ok(Object::parsed(members, &self.text[start..self.tokens.offset()]))
    }
}

type Member<'a> = (Cow<'a, str>, Value<'a>);

/// Up to here comparing each key with each other is cheaper than sorting.
const PAIRWISE_MAX: usize = 16;

/// The places, ascending, of members whose key stands again later in the same object.
fn superseded(members: &[Member<'_>]) -> Vec<usize> {
    if members.len() <= PAIRWISE_MAX {
        let stands_again = |&at: &usize| members[at + 1..].iter().any(|(key, _)| *key == members[at].0);
        return (0..members.len()).filter(stands_again).collect();
    }
    let mut by_key: Vec<usize> = (0..members.len()).collect();
    by_key.sort_unstable_by_key(|&at| (&members[at].0, at));
    let equal_pairs = by_key.windows(2).filter(|pair| members[pair[0]].0 == members[pair[1]].0);
    let mut places: Vec<usize> = equal_pairs.map(|pair| pair[0]).collect();
    places.sort_unstable();
    places
}

fn remove(members: &mut Vec<Member<'_>>, places: &[usize]) {
    if places.is_empty() {
        return;
    }
    let mut at = 0;
    members.retain(|_| {
        at += 1;
        places.binary_search(&(at - 1)).is_err()
    });
}
