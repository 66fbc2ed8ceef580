//! A payload as dedup hashes see it, from its text alone: no tree is built on the way.

use super::Text;
use super::writer::Writer;
use crate::json::{self, DEPTH_CEILING, Fault, Mode, Token, Tokens};

/// Whether a member of this name has another value each time the same thing is observed.
pub fn is_volatile(key: &str) -> bool {
    matches!(key, "timestamp" | "time" | "ts" | "seq" | "sequence" | "event_id" | "trace_id" | "span_id" | "request_id")
}

/// The tolerant canonical text of a payload without its [volatile](is_volatile) members and those the rule itself says
/// to `ignore`, at any depth.
///
/// It fails only where `text` is not JSON or too deep, which a decoded record has ruled out.
pub fn payload(text: &str, ignore: &[&str], depth_max: usize) -> Result<Text, json::Error> {
    let mut reader = Reader {
        tokens: Tokens::new(text, depth_max.min(DEPTH_CEILING)),
        writer: Writer::with_capacity(text.len()),
        ignore,
    };
    reader.document().map_err(|fault| fault.locate(text.as_bytes()))?;
    Ok(Text(reader.writer.finish()))
}

struct Reader<'a, 'i> {
    tokens: Tokens<'a>,
    writer: Writer<'a>,
    ignore: &'i [&'i str],
}

impl<'a> Reader<'a, '_> {
    fn document(&mut self) -> Result<(), Fault> {
        let first = self.tokens.next_token()?;
        self.value(first)?;
        // After the outermost value the scanner knows only the end.
        self.tokens.next_token()?;
        Ok(())
    }

    fn value(&mut self, token: Token<'a>) -> Result<(), Fault> {
        match token {
            Token::Null => self.writer.text("null"),
            Token::Bool(true) => self.writer.text("true"),
            Token::Bool(false) => self.writer.text("false"),
            Token::Number(written) => self.writer.number(written),
            Token::String(raw) => self.writer.string(&raw.decode(Mode::Tolerant)?),
            Token::ArrayStart => self.array()?,
            Token::ObjectStart => self.object()?,
            Token::ArrayEnd | Token::ObjectEnd | Token::Key(_) | Token::End => {
                unreachable!("invariant: a value stands here, not {token:?}")
            }
        }
        Ok(())
    }

    fn array(&mut self) -> Result<(), Fault> {
        self.writer.open_array();
        loop {
            match self.tokens.next_token()? {
                Token::ArrayEnd => break,
                token => self.value(token)?,
            }
            self.writer.end_item();
        }
        self.writer.close(']');
        Ok(())
    }

    fn object(&mut self) -> Result<(), Fault> {
        let object = self.writer.open_object();
        while let Token::Key(raw) = self.tokens.next_token()? {
            let key = raw.decode(Mode::Tolerant)?;
            let is_removed = is_volatile(&key) || self.ignore.contains(&&*key);
            let member = self.writer.open_member(key);
            let token = self.tokens.next_token()?;
            self.value(token)?;
            if is_removed {
                self.writer.drop_member(member);
            } else {
                self.writer.keep_member(member);
            }
        }
        self.writer.close_object(object);
        Ok(())
    }
}
