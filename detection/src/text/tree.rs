//! From tokens to rules with keys and values. What is wrong with one value loses that value, not the rule.

use std::ops::Range;

use contracts::nearest::nearest;

use super::lexer::{Kind, Token, tokens};
use crate::diagnostic::{Code, Log, Reported, Trouble};
use crate::form::{Node, Quoted, Value};

/// A rule as it stands in a file.
#[derive(Debug)]
pub(super) struct RuleNode {
    pub id: String,
    pub head: Range<usize>,
    pub keys: Vec<KeyNode>,
}

#[derive(Debug)]
pub(super) struct KeyNode {
    pub name: String,
    pub span: Range<usize>,
    pub value: Result<Node, Reported>,
}

pub(super) fn rules(log: &mut Log<'_>) -> Vec<RuleNode> {
    let tokens = tokens(log.file.text).into_iter().filter(|token| token.kind != Kind::Comment).collect();
    let mut parser = Parser { tokens, at: 0, log };
    let mut rules = Vec::new();
    while parser.peek().kind != Kind::End {
        rules.extend(parser.rule());
        parser.log.rule = None;
    }
    rules
}

struct Parser<'p, 'l> {
    /// Without comments; the last is [`Kind::End`].
    tokens: Vec<Token>,
    at: usize,
    log: &'p mut Log<'l>,
}

impl Parser<'_, '_> {
    fn rule(&mut self) -> Result<RuleNode, Reported> {
        if !self.is_word(self.at, "rule") {
            let reported = self.expected("`rule`", self.hint_for_rule());
            self.skip_to(Self::starts_rule);
            return Err(reported);
        }
        self.at += 1;
        let name = self.rule_name();
        if let Ok((id, _)) = &name {
            self.log.rule = Some(id.clone());
        }
        let open = self.peek().span.clone();
        if !self.peek().is('{') {
            let reported = self.expected("`{`", None);
            self.skip_to(Self::starts_rule);
            return Err(reported);
        }
        self.at += 1;
        let keys = self.keys(&open);
        let (id, head) = name?;
        Ok(RuleNode { id, head, keys })
    }

    fn rule_name(&mut self) -> Result<(String, Range<usize>), Reported> {
        let token = self.peek().clone();
        let name = match token.kind {
            Kind::Word => self.text_of(&token).to_owned(),
            Kind::Text(quoted) => {
                let content = token.content();
                let text = quoted.read(&self.log.file.text[content.clone()], content.start);
                text.map_err(|(span, trouble)| self.log.report(span, trouble))?.value
            }
            _ => return Err(self.expected("the rule's name", None)),
        };
        self.at += 1;
        if name.is_empty() {
            return Err(self.log.report(token.span, Trouble::new(Code::Empty, "a rule without a name")));
        }
        Ok((name, token.span))
    }

    /// Up to and with the `}`.
    fn keys(&mut self, open: &Range<usize>) -> Vec<KeyNode> {
        let mut keys = Vec::new();
        loop {
            let token = self.peek().clone();
            match token.kind {
                Kind::Punctuation('}') => {
                    self.at += 1;
                    return keys;
                }
                Kind::End => break,
                _ if self.starts_rule() => break,
                Kind::Word if self.tokens[self.at + 1].is(':') => {
                    self.at += 2;
                    keys.push(self.key(&token));
                }
                Kind::Word => {
                    self.at += 1;
                    let value = Err(self.expected("`:` after the key", None));
                    keys.push(KeyNode { name: self.text_of(&token).to_owned(), span: token.span, value });
                    self.skip_to(Self::starts_key_or_end);
                }
                Kind::Punctuation(',') => {
                    self.expected(
                        "a key and `:`, or `}`",
                        Some("keys stand one after the other, without commas".to_owned()),
                    );
                    self.at += 1;
                }
                _ => {
                    self.expected("a key and `:`, or `}`", None);
                    self.at += 1;
                    self.skip_to(Self::starts_key_or_end);
                }
            }
        }
        let trouble = Trouble::new(Code::Syntax, "a rule without its end").expected("`}` after the last key");
        self.log.report(open.clone(), trouble);
        keys
    }

    fn key(&mut self, key: &Token) -> KeyNode {
        let name = self.text_of(key).to_owned();
        let value = self.value(&name);
        if value.is_err() && !self.peek().starts_line {
            self.skip_to(Self::starts_key_or_end);
        }
        KeyNode { name, span: key.span.clone(), value }
    }

    fn value(&mut self, key: &str) -> Result<Node, Reported> {
        let token = self.peek().clone();
        let value = match token.kind {
            Kind::Text(quoted) => {
                let content = token.content();
                let text = quoted.read(&self.log.file.text[content.clone()], content.start);
                self.at += 1;
                Value::Text(text.map_err(|(span, trouble)| self.log.report(span, trouble))?)
            }
            Kind::Word => {
                self.at += 1;
                Value::Word(self.text_of(&token).to_owned())
            }
            Kind::Number => {
                self.at += 1;
                Value::Number(self.text_of(&token).to_owned())
            }
            Kind::Punctuation('[') => return self.list(),
            Kind::Punctuation('{') => return self.object(),
            Kind::Unclosed => {
                self.at += 1;
                return Err(self.unclosed(&token));
            }
            _ => {
                let help = (key == "filter").then(|| "write the filter as a string, in quotes".to_owned());
                return Err(self.expected("a value", help));
            }
        };
        Ok(Node { span: token.span, value })
    }

    fn unclosed(&mut self, token: &Token) -> Reported {
        let is_raw = self.text_of(token).starts_with(super::lexer::RAW_QUOTE);
        let (quote, length) = if is_raw { ("`\"\"\"`", 3) } else { ("`\"`", 1) };
        let help = if is_raw {
            "close it before the next key"
        } else {
            "close it on the same line, or write the string between `\"\"\"`"
        };
        let trouble = Trouble::new(Code::UnbalancedQuote, "a string without its end").expected(quote).help(help);
        self.log.report(token.span.start..token.span.start + length, trouble)
    }

    fn list(&mut self) -> Result<Node, Reported> {
        let start = self.peek().span.start;
        self.at += 1;
        let mut items = Vec::new();
        while !self.peek().is(']') {
            if self.peek().is('[') {
                return Err(self.expected("an item that is no list", None));
            }
            items.push(self.value("")?);
            if self.peek().is(',') {
                self.at += 1;
            } else if !self.peek().is(']') {
                return Err(self.expected("`,` or `]`", None));
            }
        }
        let end = self.peek().span.end;
        self.at += 1;
        Ok(Node { span: start..end, value: Value::List(items) })
    }

    /// To the brace that closes it; what is inside is read as JSON by whoever wants an object.
    fn object(&mut self) -> Result<Node, Reported> {
        let start = self.peek().span.clone();
        let mut open = 0_usize;
        loop {
            let token = self.peek();
            let end = token.span.end;
            match token.kind {
                Kind::Punctuation('{') => open += 1,
                Kind::Punctuation('}') => open -= 1,
                Kind::End => {
                    let trouble = Trouble::new(Code::Syntax, "an object without its end").expected("`}`");
                    return Err(self.log.report(start, trouble));
                }
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Ok(Node { span: start.start..end, value: Value::Object(Vec::new()) });
            }
        }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn text_of(&self, token: &Token) -> &str {
        &self.log.file.text[token.span.clone()]
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Word && self.text_of(token) == word)
    }

    /// `rule NAME {`; a key may be called `rule`, but it is followed by `:`.
    fn starts_rule(&self) -> bool {
        let is_name = |token: &Token| matches!(token.kind, Kind::Word | Kind::Text(Quoted::Escaped | Quoted::Raw));
        self.is_word(self.at, "rule") && self.tokens.get(self.at + 1).is_some_and(is_name)
    }

    fn starts_key_or_end(&self) -> bool {
        let token = self.peek();
        let is_key = token.kind == Kind::Word && self.tokens.get(self.at + 1).is_some_and(|next| next.is(':'));
        token.is('}') || (token.starts_line && is_key) || self.starts_rule()
    }

    fn skip_to(&mut self, is_there: impl Fn(&Self) -> bool) {
        while self.peek().kind != Kind::End && !is_there(self) {
            self.at += 1;
        }
    }

    fn hint_for_rule(&self) -> Option<String> {
        let token = self.peek();
        let word = self.text_of(token);
        if word == "/" {
            return Some("a comment begins with `#`".to_owned());
        }
        (token.kind == Kind::Word)
            .then(|| nearest(word, ["rule"]))
            .flatten()
            .map(|name| format!("did you mean `{name}`?"))
    }

    fn expected(&mut self, expected: &str, help: Option<String>) -> Reported {
        let token = self.peek().clone();
        if token.kind == Kind::Unclosed {
            return self.unclosed(&token);
        }
        let found = match token.kind {
            Kind::End => "the end of the file".to_owned(),
            _ => format!("`{}`", self.text_of(&token).chars().take(32).collect::<String>()),
        };
        let help = help.or_else(|| (found == "`/`").then(|| "a comment begins with `#`".to_owned()));
        let trouble = Trouble::new(Code::Syntax, format!("expected {expected}")).found(found);
        let trouble = match help {
            Some(help) => trouble.help(help),
            None => trouble,
        };
        self.log.report(token.span, trouble)
    }
}
