//! Where the values of a text stand in it, for those who tell people about them.

use std::ops::Range;

use super::tokens::{Token, Tokens};
use super::{DEPTH_CEILING, Fault};

/// The bytes of a value, and of what is inside: the items of an array, the members of an object, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    pub span: Range<usize>,
    /// Of an object: its keys with their quotes.
    pub keys: Vec<Range<usize>>,
    pub inner: Vec<Spans>,
}

/// Of a text that was parsed. If it was parsed strictly, each member of the tree has its own place here.
///
/// # Panics
/// If `text` is no JSON.
pub fn spans(text: &str) -> Spans {
    let mut tokens = Tokens::new(text, DEPTH_CEILING);
    let document = tokens.next_token().and_then(|first| value(first, &mut tokens));
    document.expect("invariant: the text was parsed before")
}

fn value(token: Token<'_>, tokens: &mut Tokens<'_>) -> Result<Spans, Fault> {
    let end = tokens.offset();
    let length = match token {
        Token::String(raw) => end + 1 - raw.offset,
        Token::Number(text) => text.len(),
        Token::Bool(true) | Token::Null => 4,
        Token::Bool(false) => 5,
        _ => 1,
    };
    let mut spans = Spans { span: end - length..end, keys: Vec::new(), inner: Vec::new() };
    match token {
        Token::ArrayStart => loop {
            match tokens.next_token()? {
                Token::ArrayEnd => break,
                item => spans.inner.push(value(item, tokens)?),
            }
        },
        Token::ObjectStart => {
            while let Token::Key(key) = tokens.next_token()? {
                spans.keys.push(key.offset - 1..key.offset + key.text.len() + 1);
                let member = tokens.next_token()?;
                spans.inner.push(value(member, tokens)?);
            }
        }
        _ => return Ok(spans),
    }
    spans.span.end = tokens.offset();
    Ok(spans)
}
